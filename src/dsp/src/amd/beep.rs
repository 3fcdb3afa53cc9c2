//! Beeps: any single steady tone of 110 ms to 2 s that ends in quiet.
//!
//! A sine obeys `x[n] + x[n-2] = c x[n-1]`, and `c` tells its frequency; what does not obey is measured by least squares
//! over a window of 16 ms. A beep is a tone that obeys to 17 dB at one frequency and one level, window after window, and
//! after which the line is quiet: the machine listens. Voices glide, swell and have harmonics, notes of music follow each
//! other, an answer tone with phase reversals goes on; call progress tones last in other ways and are told by others.
//!
//! Limits: 300 to 2500 Hz; two tones together are none, unless they are less than 300 Hz apart; told 64 ms after the end.

use super::AmdEvent;
use crate::bank::{Ear, Row, lanes_of};
use crate::level::AMPLITUDE_0_DBM0;

/// Rows of a window.
const ROWS: usize = 64;
/// Windows of a beep: 110 ms to 2 s.
const HOPS: core::ops::RangeInclusive<u16> = 12..=250;
/// What may not obey, of the tone's power: -17 dB.
const MAX_REST: f32 = 0.02;
/// The most that the frequency may be off its mean: 2 %.
const STEADY: f32 = 0.02;
/// What the weakest window of a beep has of the loudest: -3 dB.
const EVEN: f32 = 0.5;
/// What the line has of a beep's power after it: -12 dB.
const QUIET: f32 = 0.063;
/// Windows after a beep that may hold its end.
const EDGE_HOPS: u8 = 3;
/// Windows of quiet after them.
const QUIET_HOPS: u8 = 6;
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
    /// The power of the last window, and the most and the least of those before it but the first.
    last: f32,
    most: f32,
    least: f32,
    /// The tone goes on where one of the same frequency has just ended: a reversal of phase, no beep.
    goes_on: bool,
    /// A tone that has ended and is a beep if quiet follows.
    ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug)]
struct Ended {
    is_beep: bool,
    hz: f32,
    hops: u16,
    power: f32,
    /// Windows since.
    since: u8,
}

const NOTHING: Lane =
    Lane { hz: 0.0, hops: 0, last: 0.0, most: 0.0, least: f32::MAX, goes_on: false, ended: None };

impl<const L: usize> BeepLanes<L> {
    pub(crate) const fn new() -> BeepLanes<L> {
        BeepLanes { lanes: [NOTHING; L] }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        if let Some(place) = self.lanes.get_mut(lane) {
            *place = NOTHING;
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
            if let Some(beep) = state.quiet(power[lane]) {
                tell(lane, beep);
            }
            state.hear(tone, power[lane]);
        }
    }
}

impl Lane {
    /// Takes in what a window holds.
    fn hear(&mut self, tone: Option<f32>, power: f32) {
        match tone {
            Some(hz) if self.hops > 0 && (hz - self.hz).abs() <= STEADY * self.hz => {
                self.hops = self.hops.saturating_add(1);
                self.hz += (hz - self.hz) / f32::from(self.hops.min(16));
                if self.hops > 2 {
                    (self.most, self.least) = (self.most.max(self.last), self.least.min(self.last));
                }
                self.last = power;
            }
            other => {
                if *HOPS.start() <= self.hops {
                    let is_beep = self.hops <= *HOPS.end() && self.least >= EVEN * self.most && !self.goes_on;
                    let (hz, hops, power) = (self.hz, self.hops, self.most);
                    self.ended = Some(Ended { is_beep, hz, hops, power, since: 0 });
                }
                let (hz, hops) = (other.unwrap_or(0.0), u16::from(other.is_some()));
                let same = |ended: Ended| (hz - ended.hz).abs() <= STEADY * hz;
                let goes_on = hops > 0 && self.ended.is_some_and(same);
                *self = Lane { hz, hops, last: power, goes_on, ended: self.ended, ..NOTHING };
            }
        }
    }

    /// Looks whether the line is quiet after a tone, and tells it once it is.
    fn quiet(&mut self, power: f32) -> Option<AmdEvent> {
        let ended = self.ended.as_mut()?;
        ended.since += 1;
        if ended.since > EDGE_HOPS && power > QUIET * ended.power {
            self.ended = None;
        } else if ended.since >= EDGE_HOPS + QUIET_HOPS {
            let beep = AmdEvent::Beep { hz: ended.hz as u16, ms: (ended.hops + 1) * 8 };
            return self.ended.take().and_then(|ended| ended.is_beep.then_some(beep));
        }
        None
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
