//! What sounds in a window: one of the signatures of a set, silence, or something else.

use super::cadence::CadenceLane;
use super::{MAX_FREQS, ProgressEvent, ProgressSet, Signature};
use crate::bank::{Amplitudes, Complex, Folded, Lanes, Path, lanes_of, louder};
use crate::level::AMPLITUDE_0_DBM0;

/// Rows of a folded window: 256 samples, 32 ms.
pub(crate) const ROWS: usize = 64;

/// Samples from one window to the next: 16 ms.
pub(super) const HOP: usize = 2 * ROWS;

/// Blocks from one window to the next.
pub(crate) const HOP_BLOCKS: usize = HOP / tdm::CHUNK;

/// The weakest tone: -45 dBm0.
const MIN_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 31_623.0;

/// The share of a window that one frequency must have, uncorrected, for the window to be looked at.
const CANDIDATE_SHARE: f32 = 0.2;

/// The share of all power that a signature must explain.
const MIN_SHARE: f32 = 0.75;

/// A single frequency with this share needs no second one: two frequencies fit anything better than one.
const ALONE_SHARE: f32 = 0.88;

/// The most that two sines may explain: more is a fit to something else.
const MAX_SHARE: f32 = 1.4;

/// The most that one of two sines may be over the other: 9 dB.
const MAX_TWIST: f32 = 8.0;

/// The most a single frequency may be off, for the tones of China are 450 Hz within 25 Hz.
const TOLERANCE_HZ: f32 = 26.0;

/// Nepers of power that a window loses per squared hertz of offset: a Hamming window of 32 ms loses 1.78 dB at 15.5 Hz.
const OFFSET_LOSS: f32 = 1.68e-3;

/// What a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sound {
    /// Less than the weakest tone.
    Quiet,
    /// A signature, from 1 on.
    Tone(u8),
    /// Speech, music, the edge of a tone.
    Other,
}

/// The state of the detectors of `L` channels.
#[derive(Clone, Debug)]
pub(crate) struct ProgressLanes<const L: usize> {
    lanes: Lanes<Lane, L>,
}

#[derive(Clone, Debug)]
struct Lane {
    /// The amplitudes of the window before, if it was looked at.
    previous: Option<[Complex; MAX_FREQS]>,
    cadence: CadenceLane,
}

impl<const L: usize> ProgressLanes<L> {
    pub(crate) const fn new() -> ProgressLanes<L> {
        const IDLE: Lane = Lane { previous: None, cadence: CadenceLane::new() };
        ProgressLanes { lanes: Lanes::new([IDLE; L]) }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        self.lanes.reset(lane, Lane { previous: None, cadence: CadenceLane::new() });
    }

    /// Looks at a window of all channels and tells what begins or ends on those of the set `wanted`.
    pub(crate) fn window(
        &mut self,
        path: Path,
        set: &ProgressSet,
        folded: &Folded<L, ROWS>,
        power: &[f32; L],
        wanted: u32,
        tell: &mut impl FnMut(usize, ProgressEvent),
    ) {
        let loud = louder(power, MIN_POWER);
        let amplitudes =
            (loud & wanted != 0).then(|| folded.some_amplitudes(path, &set.tones, set.freq_count));
        let candidates = amplitudes.as_ref().map_or(0, |found| loud & candidates(&found.powers(), power));
        for lane in lanes_of((candidates | self.lanes.active()) & wanted) {
            self.lanes.step(lane, |state| {
                let sound = match &amplitudes {
                    Some(found) if candidates >> lane & 1 == 1 => state.hear(set, found, lane, power[lane]),
                    _ => {
                        state.previous = None;
                        if loud >> lane & 1 == 1 { Sound::Other } else { Sound::Quiet }
                    }
                };
                state.cadence.window(set.patterns(), sound, power[lane], &mut |event| tell(lane, event));
                state.previous.is_some() || state.cadence.is_active()
            });
        }
    }
}

/// Returns the channels in whose window one frequency stands out.
#[inline]
fn candidates<const L: usize>(powers: &[[f32; L]; MAX_FREQS], power: &[f32; L]) -> u32 {
    let mut found = [0_u32; L];
    for lane in 0..L {
        let strongest = powers.iter().fold(0.0_f32, |most, of_tone| most.max(of_tone[lane]));
        found[lane] = u32::from(strongest >= CANDIDATE_SHARE * power[lane]);
    }
    found.iter().enumerate().fold(0, |set, (lane, &is)| set | is << lane)
}

impl Lane {
    /// Tells which signature explains a window best, if any does well.
    fn hear<const L: usize>(
        &mut self,
        set: &ProgressSet,
        found: &Amplitudes<L, MAX_FREQS>,
        lane: usize,
        power: f32,
    ) -> Sound {
        let now: [Complex; MAX_FREQS] = core::array::from_fn(|tone| found.at(tone, lane));
        let previous = self.previous.replace(now);
        let mut best = (Sound::Other, MIN_SHARE);
        for (signature, number) in set.signatures().iter().zip(1..) {
            let explained = if signature.first == signature.second {
                single(set, signature.first, &now, previous.as_ref())
            } else {
                pair(signature, &now)
            };
            let share = explained * set.tones.power_scale / power;
            if signature.first == signature.second && (ALONE_SHARE..=MAX_SHARE).contains(&share) {
                return Sound::Tone(number);
            }
            if share > best.1 && share <= MAX_SHARE {
                best = (Sound::Tone(number), share);
            }
        }
        best.0
    }
}

/// Returns the power of a single frequency, corrected for its offset where that is known; 0 if it is too far off.
fn single(
    set: &ProgressSet,
    tone: usize,
    now: &[Complex; MAX_FREQS],
    previous: Option<&[Complex; MAX_FREQS]>,
) -> f32 {
    let (Some(own), Some(&counter)) = (now.get(tone), set.counter_advance.get(tone)) else { return 0.0 };
    let Some(before) = previous.and_then(|previous| previous.get(tone)) else { return own.square() };
    if before.square() < 0.1 * own.square() {
        return own.square(); // the window before held none of it: its phase says nothing
    }
    let offset_hz = own.times(before.conjugate()).times(counter).turns() * (8_000.0 / HOP as f32);
    if offset_hz.abs() > TOLERANCE_HZ {
        0.0
    } else {
        own.square() * (OFFSET_LOSS * offset_hz * offset_hz).exp()
    }
}

/// Returns the power of two frequencies together, parted although they leak into each other; 0 if one is missing.
fn pair(signature: &Signature, now: &[Complex; MAX_FREQS]) -> f32 {
    let (Some(a), Some(b)) = (now.get(signature.first), now.get(signature.second)) else { return 0.0 };
    let (leak, whole) = (signature.leak, 1.0 - signature.leak * signature.leak);
    let part = |own: &Complex, other: &Complex| Complex {
        re: (own.re - leak * other.re) / whole,
        im: (own.im - leak * other.im) / whole,
    };
    let (first, second) = (part(a, b), part(b, a));
    let (p, q) = (first.square(), second.square());
    if p > MAX_TWIST * q || q > MAX_TWIST * p {
        return 0.0;
    }
    p + q + 2.0 * signature.beat * (first.re * second.re + first.im * second.im)
}
