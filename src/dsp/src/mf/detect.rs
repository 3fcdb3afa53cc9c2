//! The register signal detectors of a group of channels.
//!
//! The windows are those of DTMF: 16 ms every 8 ms, whose Hamming taper has its first zero at 125 Hz, beside the
//! neighbouring tone of R2. A window hits a signal if the two strongest tones are loud enough, within the twist, hold
//! most of what is in all six, and the third stays below. Two hits in a row of equal tones, at their frequencies by
//! the advance of phase and steady in level, begin a signal; two windows without it end it, one is bridged.
//!
//! ```text
//! idle --two hits of one signal, confirmed--> on        on --two misses--> idle
//! on --two hits of another signal--> on
//! ```
//!
//! What is outside the six tones is not counted in R2, since the far end hears the echo of its own direction. Limits:
//! recognised 20 to 32 ms after its start, its end told 16 to 28 ms after it. Source: ITU-T Q.455 (`unverified`).

use super::{MfSystem, TONES, signal_of};
use crate::bank::{Amplitudes, Complex, Folded, Lanes, Path, Tones, lanes_of, louder};
use crate::dtmf::{HOP_BLOCKS, ROWS};
use crate::level::AMPLITUDE_0_DBM0;

/// Samples from one window to the next.
const HOP: usize = HOP_BLOCKS * tdm::CHUNK;

/// The weakest tone: -40 dBm0; signals are accepted from -35 dBm0.
const MIN_TONE_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 10_000.0;

/// The most that one tone may be over the other: 8.5 dB, so that 7 dB passes at any frequency allowed.
const MAX_TWIST: f32 = 7.08;

/// The most that a third tone may have of the weaker of the two: -8 dB.
const MAX_THIRD: f32 = 0.16;

/// The share of all six that the two must hold.
const MIN_SHARE: f32 = 0.8;

/// What a window shows of the share of tones that are off by all that is allowed.
const UNCORRECTED: f32 = 0.5;

/// Nepers of power that a window loses per squared hertz of offset.
const OFFSET_LOSS: f32 = 4.2e-4;

/// The most that a tone's level may change from window to window: 3 dB.
const STEADY: f32 = 2.0;

/// Misses in a row that end a signal.
const MISSES_TO_END: u8 = 2;

/// A signal is about this much longer than the hops from its first to its last hit.
const EDGE_MS: u16 = 12;

/// What a detector has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MfEvent {
    /// A signal is recognised; it still sounds.
    On {
        /// Its number, 1 to 15.
        signal: u8,
    },
    /// The signal has ended.
    Off {
        /// Its number, 1 to 15.
        signal: u8,
        /// How long it sounded, to within 8 ms.
        ms: u16,
    },
}

/// What all channels share: the tables of one set of tones.
#[derive(Debug)]
pub(crate) struct MfTables {
    tones: Tones<ROWS, TONES>,
    counter_advance: [Complex; TONES],
    /// The most a frequency may be off: 10 Hz must pass, and what other receivers take passes, too. A window and the next
    /// tell offsets up to 62 Hz.
    tolerance_hz: f32,
    /// The share of all power that the two must hold, their offsets made good: R1 has no other direction to be kept apart from.
    min_of_all: f32,
}

static R2_FORWARD: MfTables = MfTables::new(MfSystem::R2Forward);
static R2_BACKWARD: MfTables = MfTables::new(MfSystem::R2Backward);
static R1: MfTables = MfTables::new(MfSystem::R1);

impl MfTables {
    const fn new(system: MfSystem) -> MfTables {
        let freqs_hz = system.freqs_hz();
        let mut counter_advance = [Complex { re: 0.0, im: 0.0 }; TONES];
        let mut tone = 0;
        while tone < TONES {
            counter_advance[tone] = Complex::turn(-(freqs_hz[tone] as f64) * HOP as f64 / 8_000.0);
            tone += 1;
        }
        let (tolerance_hz, min_of_all) = match system {
            MfSystem::R2Forward => (34.0, 0.0),
            MfSystem::R2Backward => (40.0, 0.0),
            MfSystem::R1 => (48.0, 0.7),
        };
        MfTables { tones: Tones::new(freqs_hz), counter_advance, tolerance_hz, min_of_all }
    }

    /// Returns the tables of a set.
    pub(crate) fn of(system: MfSystem) -> &'static MfTables {
        match system {
            MfSystem::R2Forward => &R2_FORWARD,
            MfSystem::R2Backward => &R2_BACKWARD,
            MfSystem::R1 => &R1,
        }
    }
}

/// The state of the detectors of one set of tones of `L` channels.
#[derive(Clone, Debug)]
pub(crate) struct MfLanes<const L: usize> {
    lanes: Lanes<Lane, L>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    previous: Option<Hit>,
    on: Option<On>,
}

/// A signal that is on: `hops` since its first hit, `missed` of them since the last.
#[derive(Clone, Copy, Debug)]
struct On {
    signal: u8,
    hops: u16,
    missed: u8,
}

#[derive(Clone, Copy, Debug)]
struct Hit {
    tones: [(usize, Complex); 2],
    /// Of all that sounds.
    power: f32,
}

impl Hit {
    fn signal(&self) -> u8 {
        signal_of(self.tones[0].0, self.tones[1].0)
    }
}

impl<const L: usize> MfLanes<L> {
    pub(crate) const fn new() -> MfLanes<L> {
        const IDLE: Lane = Lane { previous: None, on: None };
        MfLanes { lanes: Lanes::new([IDLE; L]) }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        self.lanes.reset(lane, Lane::default());
    }

    /// Looks at a window of all channels and tells what begins or ends on those of the set `wanted`.
    pub(crate) fn window(
        &mut self,
        path: Path,
        tables: &MfTables,
        folded: &Folded<L, ROWS>,
        power: &[f32; L],
        wanted: u32,
        tell: &mut impl FnMut(usize, MfEvent),
    ) {
        let loud = louder(power, MIN_TONE_POWER);
        let amplitudes = (loud & wanted != 0).then(|| folded.amplitudes(path, &tables.tones));
        let powers = amplitudes.as_ref().map(Amplitudes::powers);
        let hits = powers.as_ref().map_or(0, |powers| loud & hits(powers, power, tables.min_of_all));
        for lane in lanes_of((hits | self.lanes.active()) & wanted) {
            let hit = match (&amplitudes, &powers) {
                (Some(amplitudes), Some(powers)) if hits >> lane & 1 == 1 => {
                    Some(strongest(amplitudes, powers, lane, power[lane]))
                }
                _ => None,
            };
            self.lanes.step(lane, |state| {
                state.window(tables, hit, &mut |event| tell(lane, event));
                state.previous.is_some() || state.on.is_some()
            });
        }
    }
}

/// Returns the channels whose window may be of a signal.
#[inline]
fn hits<const L: usize>(powers: &[[f32; L]; TONES], power: &[f32; L], min_of_all: f32) -> u32 {
    let mut hits = [0_u32; L];
    for lane in 0..L {
        let (mut first, mut second, mut third, mut all) = (0.0_f32, 0.0_f32, 0.0_f32, 0.0_f32);
        for of_tone in powers {
            let power = of_tone[lane];
            all += power;
            third = third.max(second.min(power));
            second = second.max(first.min(power));
            first = first.max(power);
        }
        let loud = second >= MIN_TONE_POWER;
        let fits = first <= second * MAX_TWIST && third <= second * MAX_THIRD;
        let both = first + second;
        let pure = both >= MIN_SHARE * all && both >= UNCORRECTED * min_of_all * power[lane];
        hits[lane] = u32::from(loud & fits & pure);
    }
    hits.iter().enumerate().fold(0, |set, (lane, &hit)| set | hit << lane)
}

/// Returns the two strongest tones of a window.
fn strongest<const L: usize>(
    amplitudes: &Amplitudes<L, TONES>,
    powers: &[[f32; L]; TONES],
    lane: usize,
    power: f32,
) -> Hit {
    let (mut first, mut second) = ((0, -1.0), (0, -1.0));
    for (tone, of_tone) in powers.iter().enumerate() {
        let own = of_tone.get(lane).copied().unwrap_or_default();
        if own > first.1 {
            (first, second) = ((tone, own), first);
        } else if own > second.1 {
            second = (tone, own);
        }
    }
    let (low, high) = (first.0.min(second.0), first.0.max(second.0));
    Hit { tones: [low, high].map(|tone| (tone, amplitudes.at(tone, lane))), power }
}

impl Lane {
    /// Moves the state by one window.
    fn window(&mut self, tables: &MfTables, hit: Option<Hit>, tell: &mut impl FnMut(MfEvent)) {
        let confirmed = match (&hit, &self.previous) {
            (Some(hit), Some(previous)) => confirms(tables, hit, previous),
            _ => false,
        };
        self.previous = hit;
        let heard = hit.map(|hit| hit.signal());
        if let Some(on) = &mut self.on {
            on.hops = on.hops.saturating_add(1);
            on.missed = if heard == Some(on.signal) { 0 } else { on.missed.saturating_add(1) };
            let changed = confirmed && heard != Some(on.signal);
            if !changed && on.missed < MISSES_TO_END {
                return;
            }
            let sounding = on.hops.saturating_sub(u16::from(on.missed));
            let ms = sounding.saturating_mul(HOP_BLOCKS as u16).saturating_add(EDGE_MS);
            tell(MfEvent::Off { signal: on.signal, ms });
            self.on = None;
        }
        if let Some(signal) = heard.filter(|_| confirmed) {
            self.on = Some(On { signal, hops: 1, missed: 0 });
            tell(MfEvent::On { signal });
        }
    }
}

/// Tells whether two windows are two views of one signal.
fn confirms(tables: &MfTables, hit: &Hit, previous: &Hit) -> bool {
    let mut sum = 0.0;
    let same = hit.tones.iter().zip(&previous.tones).all(|(&(tone, now), &(tone_before, before))| {
        let Some(&counter) = tables.counter_advance.get(tone) else { return false };
        let (power, power_before) = (now.square(), before.square());
        let steady = power <= STEADY * power_before && power_before <= STEADY * power;
        let offset_hz = now.times(before.conjugate()).times(counter).turns() * (8_000.0 / HOP as f32);
        sum += (power + power_before) * (OFFSET_LOSS * offset_hz * offset_hz).exp();
        tone == tone_before && steady && offset_hz.abs() <= tables.tolerance_hz
    });
    same && sum * tables.tones.power_scale >= tables.min_of_all * (hit.power + previous.power)
}
