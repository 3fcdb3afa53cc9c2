//! Call progress tones: what a caller hears from the network ([`ToneSpec`], [`plan()`]) and how it is made
//! ([`ToneGenerator`]).
//!
//! A tone is a sequence of segments, each silence or one to three sines for a number of milliseconds, repeated from a
//! chosen segment on. That covers plain cadences (busy), double rings (United Kingdom) and the three-tone special
//! information signal. The generator's phases run through all segments of one tone, so a cadence makes no drift.
//!
//! Limits: 12 segments, 3 sines, whole milliseconds; no amplitude modulation. Source: ITU-T E.180 (03/98).

mod generator;
mod plan;

pub use generator::ToneGenerator;
pub use plan::{Country, Provenance, SPECIAL_INFORMATION, TonePlan, plan};

/// The most segments of a tone.
pub const MAX_SEGMENTS: usize = 12;

/// The most sines at once.
pub const MAX_SINES: usize = 3;

/// One sine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sine {
    /// Its frequency; 0 if there is none.
    pub freq_hz: f32,
    /// Its level.
    pub level_dbm0: f32,
}

/// One part of a cadence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// What sounds together; all absent is silence.
    pub sines: [Sine; MAX_SINES],
    /// How long; 0 is for ever.
    pub ms: u16,
}

/// A tone: its segments in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToneSpec {
    segments: [Segment; MAX_SEGMENTS],
    count: u8,
    /// The segment that follows the last one.
    again_from: u8,
}

impl Sine {
    /// No sine.
    pub const NONE: Sine = Sine { freq_hz: 0.0, level_dbm0: 0.0 };

    /// Makes a sine.
    pub const fn new(freq_hz: f32, level_dbm0: f32) -> Sine {
        Sine { freq_hz, level_dbm0 }
    }
}

impl Segment {
    /// Makes a silent segment.
    pub const fn silence(ms: u16) -> Segment {
        Segment { sines: [Sine::NONE; MAX_SINES], ms }
    }

    /// Makes a segment of one sine.
    pub const fn single(sine: Sine, ms: u16) -> Segment {
        Segment { sines: [sine, Sine::NONE, Sine::NONE], ms }
    }

    /// Makes a segment of two sines.
    pub const fn dual(a: Sine, b: Sine, ms: u16) -> Segment {
        Segment { sines: [a, b, Sine::NONE], ms }
    }
}

impl ToneSpec {
    /// Makes a tone of `segments`, repeated from the first on. What is beyond [`MAX_SEGMENTS`] is left out.
    pub const fn new(segments: &[Segment]) -> ToneSpec {
        ToneSpec::with_repeat(segments, 0)
    }

    /// Makes a tone of `segments`; after the last one it goes on at `again_from`.
    pub const fn with_repeat(segments: &[Segment], again_from: usize) -> ToneSpec {
        let count = if segments.len() < MAX_SEGMENTS { segments.len() } else { MAX_SEGMENTS };
        let mut all = [Segment::silence(0); MAX_SEGMENTS];
        let mut n = 0;
        while n < count {
            all[n] = segments[n];
            n += 1;
        }
        let again_from = if again_from < count { again_from } else { 0 };
        ToneSpec { segments: all, count: count as u8, again_from: again_from as u8 }
    }

    /// Makes one or two sines in one cadence: `cadence_ms` is on, off, on, off ...; empty is without a pause.
    pub const fn cadence(sines: [Sine; MAX_SINES], cadence_ms: &[u16]) -> ToneSpec {
        if cadence_ms.is_empty() {
            return ToneSpec::new(&[Segment { sines, ms: 0 }]);
        }
        let mut all = [Segment::silence(0); MAX_SEGMENTS];
        let count = if cadence_ms.len() < MAX_SEGMENTS { cadence_ms.len() } else { MAX_SEGMENTS };
        let mut n = 0;
        while n < count {
            all[n] = Segment {
                sines: if n % 2 == 0 { sines } else { [Sine::NONE; MAX_SINES] },
                ms: cadence_ms[n],
            };
            n += 1;
        }
        ToneSpec { segments: all, count: count as u8, again_from: 0 }
    }

    /// Returns the segments.
    pub fn segments(&self) -> &[Segment] {
        self.segments.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Returns the index of the segment that follows the last one.
    pub fn again_from(&self) -> usize {
        usize::from(self.again_from)
    }
}

/// 1004 Hz at -10 dBm0 without a pause: for measuring.
pub const MILLIWATT: ToneSpec = ToneSpec::cadence([Sine::new(1_004.0, -10.0), Sine::NONE, Sine::NONE], &[]);
