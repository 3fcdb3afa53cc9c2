//! Call progress tones heard: dial, ringback, busy, congestion, special information, and any others given as data.
//!
//! Every 16 ms a window of 32 ms is looked at ([`detect`]): which of the frequencies of the plan sound, alone or as a
//! pair, and whether they are nearly all that sounds. What comes of it, tone after silence after tone, is compared with
//! the cadences of the plan ([`cadence`]); only whole cycles count, so that speech and music do not hang up calls.
//!
//! Limits: [`MAX_FREQS`] frequencies, [`MAX_KINDS`] tones, one or two sines at once; cadences of 80 ms and more.
//! Source: ITU-T E.180; see [`crate::tone`] for the plans.

mod cadence;
mod detect;
mod own;

pub(crate) use detect::{Beside, HOP_BLOCKS, ProgressLanes, ROWS, Window};

use crate::bank::{Complex, Tones};
use crate::tone::{MAX_SEGMENTS, Sine, TonePlan, ToneSpec};
use crate::trig::sin_turns;

/// The most different frequencies of all tones together.
pub const MAX_FREQS: usize = 12;

/// The most tones that are told apart.
pub const MAX_KINDS: usize = 12;

/// The most single or paired sines that are told apart.
const MAX_SIGNATURES: usize = 12;

/// How much of a cadence is a tone's own length off, at most: 12 %, and at least this.
const SLACK_MS: u16 = 55;

/// The least length of a segment of a cadence.
pub const MIN_SEGMENT_MS: u16 = 80;

/// How long a tone without cadence must stand, if no cadence of the plan has the same sound.
const STEADY_MS: u16 = 500;

/// The same for a tone that ends calls: notes of music are long, but not so long.
const STEADY_END_MS: u16 = 3_000;

/// A segment longer than this counts when it has stood so long.
const LONG_MS: u16 = 1_200;

/// A cycle shorter than this must be heard twice.
const SHORT_CYCLE_MS: u32 = 2_500;

/// A cycle shorter than this must be heard twice as often under our own sound.
const QUICK_CYCLE_MS: u32 = 600;

/// What a tone means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgressKind {
    /// Go on and dial.
    Dial,
    /// The called telephone rings.
    Ringback,
    /// The called line is busy, or the other end has hung up.
    Busy,
    /// No path.
    Congestion,
    /// The number cannot be reached.
    Unobtainable,
    /// Special information: three rising tones.
    SpecialInformation,
    /// One of the configured tones, by its number.
    Other(u8),
}

/// What a detector has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressEvent {
    /// A tone is recognised; it still sounds.
    Began(ProgressKind),
    /// It is over.
    Ended(ProgressKind),
}

/// Why a set of tones cannot be listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressError {
    /// More than [`MAX_FREQS`] frequencies or [`MAX_SIGNATURES`] combinations.
    TooManyFrequencies,
    /// More than [`MAX_KINDS`] tones.
    TooManyTones,
    /// A tone has three sines at once, none at all, or one outside 200 to 3400 Hz.
    Sines(ProgressKind),
    /// A segment is shorter than [`MIN_SEGMENT_MS`].
    TooShort(ProgressKind),
}

impl core::fmt::Display for ProgressError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ProgressError::TooManyFrequencies => {
                write!(f, "more than {MAX_FREQS} frequencies or {MAX_SIGNATURES} combinations of them")
            }
            ProgressError::TooManyTones => write!(f, "more than {MAX_KINDS} tones"),
            ProgressError::Sines(kind) => {
                write!(f, "tone {kind:?}: each segment needs one or two sines of 200 to 3400 Hz or none")
            }
            ProgressError::TooShort(kind) => {
                write!(f, "tone {kind:?}: a segment is shorter than {MIN_SEGMENT_MS} ms")
            }
        }
    }
}

impl core::error::Error for ProgressError {}

/// One or two frequencies that sound together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Signature {
    /// Indices of the frequencies; equal if there is one.
    first: usize,
    second: usize,
    /// What each of a pair leaks into the other, of its amplitude.
    leak: f32,
    /// What the product of both adds to the power of a window.
    beat: f32,
}

/// A segment to be matched: 0 is quiet, else a signature from 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    sound: u8,
    least_ms: u16,
    most_ms: u16,
}

/// A cadence to be matched.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    kind: ProgressKind,
    segments: [Segment; MAX_SEGMENTS],
    len: u8,
    /// Segments in succession that prove it.
    need: u8,
    /// Its cycle is so short that a voice between our own words may keep it for a while.
    is_quick: bool,
}

impl Pattern {
    /// Returns how many segments prove it; under our own sound quick ones need twice as many.
    fn need(&self, strict: bool) -> u8 {
        if strict && self.is_quick { self.need.saturating_mul(2) } else { self.need }
    }
}

/// Tones to be listened for, ready for use.
#[derive(Debug)]
pub struct ProgressSet {
    tones: Tones<ROWS, MAX_FREQS>,
    /// How many of them are used.
    freq_count: usize,
    /// The advance of each frequency's phase over a hop, reversed.
    counter_advance: [Complex; MAX_FREQS],
    signatures: [Signature; MAX_SIGNATURES],
    signature_count: usize,
    patterns: [Pattern; MAX_KINDS],
    pattern_count: usize,
}

/// Where a set is put together.
struct Builder {
    freqs_hz: [f32; MAX_FREQS],
    freq_count: usize,
    pairs: [(usize, usize); MAX_SIGNATURES],
    pair_count: usize,
}

impl ProgressSet {
    /// Makes the set of a country's plan.
    ///
    /// # Errors
    /// Never for the plans of [`crate::tone`]; see [`ProgressSet::new`].
    pub fn of_plan(plan: &TonePlan) -> Result<ProgressSet, ProgressError> {
        ProgressSet::new(&plan_tones(plan))
    }

    /// Makes the set of a country's plan and tones of one's own, which come first: a sound that is one of them and one of the
    /// plan means what one's own means.
    ///
    /// # Errors
    /// A tone cannot be listened for, or there are too many.
    pub fn with_own(plan: &TonePlan, own: &[(ProgressKind, ToneSpec)]) -> Result<ProgressSet, ProgressError> {
        let all: Vec<_> = own.iter().copied().chain(plan_tones(plan)).collect();
        ProgressSet::new(&all)
    }

    /// Makes a set of tones. Levels do not matter; a tone that is given twice is heard as the first.
    ///
    /// # Errors
    /// A tone cannot be listened for, or there are too many.
    pub fn new(tones: &[(ProgressKind, ToneSpec)]) -> Result<ProgressSet, ProgressError> {
        if tones.len() > MAX_KINDS {
            return Err(ProgressError::TooManyTones);
        }
        let mut builder = Builder {
            freqs_hz: [0.0; MAX_FREQS],
            freq_count: 0,
            pairs: [(0, 0); MAX_SIGNATURES],
            pair_count: 0,
        };
        let nothing = Segment { sound: 0, least_ms: 0, most_ms: 0 };
        let empty = Pattern {
            kind: ProgressKind::Dial,
            segments: [nothing; MAX_SEGMENTS],
            len: 0,
            need: 0,
            is_quick: false,
        };
        let mut patterns = [empty; MAX_KINDS];
        for (pattern, (kind, spec)) in patterns.iter_mut().zip(tones) {
            *pattern = builder.pattern(*kind, spec)?;
        }
        let patterns = with_steady(patterns, tones.len());
        let mut freqs_hz = builder.freqs_hz;
        // Places that are left over repeat the first frequency.
        freqs_hz.iter_mut().skip(builder.freq_count).for_each(|hz| *hz = builder.freqs_hz[0]);
        let advance = |hz: f32| Complex::turn(-f64::from(hz) * detect::HOP as f64 / 8_000.0);
        Ok(ProgressSet {
            tones: Tones::new(freqs_hz),
            freq_count: builder.freq_count,
            counter_advance: freqs_hz.map(advance),
            signatures: builder.pairs.map(|(first, second)| signature(&freqs_hz, first, second)),
            signature_count: builder.pair_count,
            patterns,
            pattern_count: tones.len(),
        })
    }

    fn signatures(&self) -> &[Signature] {
        self.signatures.get(..self.signature_count).unwrap_or_default()
    }

    fn patterns(&self) -> &[Pattern] {
        self.patterns.get(..self.pattern_count).unwrap_or_default()
    }
}

/// Returns the tones of a plan with their meaning.
fn plan_tones(plan: &TonePlan) -> [(ProgressKind, ToneSpec); 6] {
    [
        (ProgressKind::Busy, plan.busy),
        (ProgressKind::Congestion, plan.congestion),
        (ProgressKind::Ringback, plan.ringback),
        (ProgressKind::Dial, plan.dial),
        (ProgressKind::SpecialInformation, crate::tone::SPECIAL_INFORMATION),
        (ProgressKind::Unobtainable, plan.unobtainable),
    ]
}

impl Builder {
    fn pattern(&mut self, kind: ProgressKind, spec: &ToneSpec) -> Result<Pattern, ProgressError> {
        let nothing = Segment { sound: 0, least_ms: 0, most_ms: 0 };
        let mut pattern =
            Pattern { kind, segments: [nothing; MAX_SEGMENTS], len: 0, need: 0, is_quick: false };
        let (mut cycle_ms, mut sounding, mut sounds) = (0_u32, 0, 0_u32);
        for (place, segment) in pattern.segments.iter_mut().zip(spec.segments()) {
            if segment.ms != 0 && segment.ms < MIN_SEGMENT_MS {
                return Err(ProgressError::TooShort(kind));
            }
            let sound = self.sound(kind, &segment.sines)?;
            let slack = (segment.ms / 8).max(SLACK_MS);
            let (least_ms, most_ms) = match segment.ms {
                0 => (STEADY_MS, u16::MAX),
                ms => (ms.saturating_sub(slack), ms.saturating_add(slack)),
            };
            *place = Segment { sound, least_ms, most_ms };
            pattern.len += 1;
            cycle_ms += u32::from(segment.ms);
            sounding += u8::from(sound != 0);
            sounds |= u32::from(sound != 0) << sound;
        }
        pattern.is_quick = (1..QUICK_CYCLE_MS).contains(&cycle_ms);
        if sounding == 0 {
            return Err(ProgressError::Sines(kind));
        }
        pattern.need = match pattern.len {
            1 => 1,
            _ if sounds.count_ones() > 1 => sounding,
            len if cycle_ms < SHORT_CYCLE_MS => 2 * len,
            len => len,
        };
        Ok(pattern)
    }

    /// Returns the number of what a segment sounds like, 0 for silence.
    fn sound(&mut self, kind: ProgressKind, sines: &[Sine]) -> Result<u8, ProgressError> {
        let mut own = sines.iter().filter(|sine| sine.freq_hz != 0.0).map(|sine| sine.freq_hz);
        let (first, second) = (own.next(), own.next());
        let Some(first) = first else { return Ok(0) };
        let second = second.unwrap_or(first);
        let fits = |hz: f32| (200.0..=3_400.0).contains(&hz);
        if own.next().is_some() || !fits(first) || !fits(second) {
            return Err(ProgressError::Sines(kind));
        }
        let pair = (self.freq(first)?, self.freq(second)?);
        let known = self.pairs.iter().take(self.pair_count).position(|&other| other == pair);
        let index = match known {
            Some(index) => index,
            None => {
                let place = self.pairs.get_mut(self.pair_count).ok_or(ProgressError::TooManyFrequencies)?;
                *place = pair;
                self.pair_count += 1;
                self.pair_count - 1
            }
        };
        Ok(index as u8 + 1)
    }

    fn freq(&mut self, hz: f32) -> Result<usize, ProgressError> {
        let known = self.freqs_hz.iter().take(self.freq_count).position(|&other| other == hz);
        if let Some(index) = known {
            return Ok(index);
        }
        let place = self.freqs_hz.get_mut(self.freq_count).ok_or(ProgressError::TooManyFrequencies)?;
        *place = hz;
        self.freq_count += 1;
        Ok(self.freq_count - 1)
    }
}

/// Makes tones without cadence wait until no cadence with the same sound can be meant.
fn with_steady(mut patterns: [Pattern; MAX_KINDS], count: usize) -> [Pattern; MAX_KINDS] {
    let all = patterns;
    for pattern in &mut patterns {
        let least_ms = if pattern.kind == ProgressKind::Dial { STEADY_MS } else { STEADY_END_MS };
        for segment in &mut pattern.segments {
            if segment.most_ms != u16::MAX {
                continue;
            }
            let same = all.iter().take(count).flat_map(|other| other.segments.iter().take(other.len.into()));
            let longest = same
                .filter(|other| other.sound == segment.sound && other.most_ms != u16::MAX)
                .map(|other| other.most_ms)
                .max();
            segment.least_ms = longest.map_or(least_ms, |ms| ms.saturating_add(100).max(least_ms));
        }
    }
    patterns
}

/// Makes a signature of two frequencies, by the shape of the window.
fn signature(freqs_hz: &[f32; MAX_FREQS], first: usize, second: usize) -> Signature {
    let hz = |index: usize| f64::from(freqs_hz.get(index).copied().unwrap_or_default());
    let turns = (hz(first) - hz(second)) * (4 * ROWS) as f64 / 8_000.0;
    // The transforms of a rectangle and of a Hamming window, relative to their middle.
    let sinc = |x: f64| {
        if x.abs() < 1e-9 { 1.0 } else { sin_turns(x / 2.0) / (core::f64::consts::PI * x) }
    };
    let hamming = (0.54 * sinc(turns) + 0.23 * (sinc(turns - 1.0) + sinc(turns + 1.0))) / 0.54;
    Signature { first, second, leak: hamming as f32, beat: sinc(turns) as f32 }
}
