//! Beeps: any single steady tone of 80 ms to 2 s.
//!
//! A sine obeys `x[n] + x[n-2] = c x[n-1]`, and `c` tells its frequency; what does not obey is measured by least squares
//! over a window of 16 ms. A beep is a tone that obeys to 17 dB at one frequency, window after window. Voices glide and
//! have harmonics; call progress tones last in other ways and are told by others.
//!
//! Limits: 300 to 2500 Hz; two tones together are none, unless they are less than 300 Hz apart.

use super::AmdEvent;
use crate::bank::{Ear, Row, lanes_of};
use crate::level::AMPLITUDE_0_DBM0;

/// Rows of a window.
const ROWS: usize = 64;
/// Windows of a beep: 80 ms to 2 s.
const HOPS: core::ops::RangeInclusive<u16> = 9..=250;
/// What may not obey, of the tone's power: -17 dB.
const MAX_REST: f32 = 0.02;
/// The most that the frequency may be off its mean: 2 %.
const STEADY: f32 = 0.02;
/// The weakest beep: -35 dBm0.
const MIN_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 3_162.0;

/// The state of the beep detectors of `L` channels.
#[derive(Clone, Debug)]
pub(crate) struct BeepLanes<const L: usize> {
    lanes: [Lane; L],
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    hz: f32,
    hops: u16,
}

impl<const L: usize> BeepLanes<L> {
    pub(crate) const fn new() -> BeepLanes<L> {
        BeepLanes { lanes: [Lane { hz: 0.0, hops: 0 }; L] }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        if let Some(place) = self.lanes.get_mut(lane) {
            *place = Lane { hz: 0.0, hops: 0 };
        }
    }

    /// Looks at the newest 16 ms of all channels, every 8 ms.
    pub(crate) fn window(
        &mut self,
        ear: &Ear<L>,
        power: &[f32; L],
        wanted: u32,
        tell: &mut impl FnMut(usize, AmdEvent),
    ) {
        let mut rows: [Row<L>; ROWS] = [[[0; 2]; L]; ROWS];
        ear.rows_before(0, &mut rows);
        for lane in lanes_of(wanted) {
            let tone = if power[lane] < MIN_POWER { None } else { tone_of(&rows, lane) };
            let Some(state) = self.lanes.get_mut(lane) else { return };
            match tone {
                Some(hz) if state.hops > 0 && (hz - state.hz).abs() <= STEADY * state.hz => {
                    state.hops = state.hops.saturating_add(1);
                    state.hz += (hz - state.hz) / f32::from(state.hops.min(16));
                }
                other => {
                    if HOPS.contains(&state.hops) {
                        let ms = (state.hops + 1) * 8;
                        tell(lane, AmdEvent::Beep { hz: state.hz as u16, ms });
                    }
                    *state = Lane { hz: other.unwrap_or(0.0), hops: u16::from(other.is_some()) };
                }
            }
        }
    }
}

/// Returns the frequency of the one tone in a window, none if there is more than that.
fn tone_of<const L: usize>(rows: &[Row<L>; ROWS], lane: usize) -> Option<f32> {
    let (mut ends, mut products, mut middles) = (0.0_f32, 0.0_f32, 1.0_f32);
    let (mut first, mut second) = (0.0_f32, 0.0_f32);
    for (n, row) in rows.iter().enumerate() {
        for &sample in row.get(lane)? {
            let third = f32::from(sample);
            if n > 0 {
                let sum = first + third;
                ends += sum * sum;
                products += sum * second;
                middles += second * second;
            }
            (first, second) = (second, third);
        }
    }
    let c = products / middles;
    let rest = (ends - products * c).max(0.0);
    if rest > MAX_REST * (2.0 + c * c) * middles / 2.0 || c.abs() >= 2.0 {
        return None;
    }
    let hz = (c / 2.0).acos() / core::f32::consts::TAU * 8_000.0;
    (300.0..=2_500.0).contains(&hz).then_some(hz)
}
