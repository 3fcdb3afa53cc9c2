//! Tone after silence after tone, compared with the cadences of a set.
//!
//! Windows of one sound make a segment; the edge of a tone, up to four windows that are neither, is shared between its
//! neighbours. When a segment ends, every cadence that expected it goes on by one, and every other begins anew; a cadence
//! that has gone on often enough is recognised. Long segments count while they still last. Anything else that sounds
//! breaks all cadences.

use super::detect::{HOP, Sound};
use super::{LONG_MS, MAX_KINDS, Pattern, ProgressEvent, ProgressKind};

/// Milliseconds from window to window.
const HOP_MS: u16 = (HOP / 8) as u16;

/// Windows in a row that may be neither tone nor silence.
const MAX_EDGE: u16 = 4;

/// What a window of a tone may have less than the loudest of its segment: -6 dB, half of the window.
const EDGE_DROP: f32 = 0.25;

/// What silence may have of the power of the tone before: -14 dB.
const QUIET_DROP: f32 = 0.04;

/// What one channel has heard.
#[derive(Clone, Debug)]
pub(super) struct CadenceLane {
    /// What sounds: 0 is silence, else a signature; none after a break.
    now: Option<u8>,
    /// Windows that it has lasted.
    windows: u16,
    /// Windows since that were neither.
    edge: u16,
    /// What the last window held, if that is not `now`: a change counts from its second window on.
    pending: Option<u8>,
    /// Its beginning was not heard.
    cut: bool,
    /// The loudest window of the present or last tone.
    loudest: f32,
    progress: [Progress; MAX_KINDS],
    told: Option<u8>,
}

/// How far a cadence has come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The segment expected next, counted from the begin of the cycle.
    next: u8,
    /// Segments heard in succession.
    matched: u8,
    /// The cadence has begun.
    begun: bool,
}

impl CadenceLane {
    pub(super) const fn new() -> CadenceLane {
        const NOTHING: Progress = Progress { next: 0, matched: 0, begun: false };
        CadenceLane {
            now: None,
            windows: 0,
            edge: 0,
            pending: None,
            cut: true,
            loudest: 0.0,
            progress: [NOTHING; MAX_KINDS],
            told: None,
        }
    }

    /// Returns true if silence could still change something.
    pub(super) fn is_active(&self) -> bool {
        self.now.is_some() || self.told.is_some()
    }

    /// Takes in what a window holds.
    pub(super) fn window(
        &mut self,
        patterns: &[Pattern],
        sound: Sound,
        power: f32,
        tell: &mut impl FnMut(ProgressEvent),
    ) {
        let quiet = sound == Sound::Quiet || (sound == Sound::Other && power < QUIET_DROP * self.loudest);
        let heard = match sound {
            Sound::Tone(number) if self.now != Some(number) || power >= EDGE_DROP * self.loudest => {
                Some(number)
            }
            _ if quiet => Some(0),
            Sound::Tone(_) | Sound::Other | Sound::Quiet => None,
        };
        let changed = heard != self.now && (heard.is_none() || heard != self.pending);
        self.pending = heard;
        let Some(heard) = heard.filter(|_| !changed) else {
            self.edge += 1;
            if self.edge > MAX_EDGE {
                self.break_all(patterns, tell);
            }
            return;
        };
        let began = self.now != Some(heard);
        if !began {
            self.windows = self.windows.saturating_add(1 + self.edge);
        } else {
            self.begin(patterns, heard, tell);
        }
        self.edge = 0;
        if heard != 0 {
            self.loudest = if began { power } else { self.loudest.max(power) };
        }
        self.run(patterns, tell);
    }

    /// Ends the present segment and begins another.
    fn begin(&mut self, patterns: &[Pattern], heard: u8, tell: &mut impl FnMut(ProgressEvent)) {
        if let Some(before) = self.now {
            // The last window of the edge is the first of the new segment.
            let ms =
                self.windows.saturating_mul(HOP_MS).saturating_add(self.edge.saturating_sub(1) * HOP_MS / 2);
            self.end_segment(patterns, before, ms);
            self.settle(patterns, None, tell);
        }
        self.cut = self.now.is_none();
        (self.now, self.windows) = (Some(heard), 2 + self.edge.saturating_sub(1) / 2);
    }

    /// Moves every cadence by a segment that has ended.
    fn end_segment(&mut self, patterns: &[Pattern], sound: u8, ms: u16) {
        for (pattern, progress) in patterns.iter().zip(&mut self.progress) {
            let fits = |index: u8| {
                pattern.segments.get(usize::from(index)).is_some_and(|segment| {
                    segment.sound == sound && (segment.least_ms..=segment.most_ms).contains(&ms)
                })
            };
            let after = |index: u8| (index + 1) % pattern.len.max(1);
            let begins = |index: u8| {
                pattern
                    .segments
                    .get(usize::from(index))
                    .is_some_and(|segment| segment.sound == sound && self.cut && ms <= segment.most_ms)
            };
            *progress = if progress.begun && fits(progress.next) {
                Progress {
                    next: after(progress.next),
                    matched: progress.matched.saturating_add(1),
                    begun: true,
                }
            } else if let Some(index) = (0..pattern.len).find(|&index| fits(index)) {
                Progress { next: after(index), matched: 1, begun: true }
            } else if let Some(index) = (0..pattern.len).find(|&index| begins(index)) {
                Progress { next: after(index), matched: 0, begun: true }
            } else {
                Progress::default()
            };
        }
    }

    /// Looks what a segment that still lasts proves or breaks.
    fn run(&mut self, patterns: &[Pattern], tell: &mut impl FnMut(ProgressEvent)) {
        let (Some(sound), ms) = (self.now, self.windows.saturating_mul(HOP_MS)) else { return };
        let mut lasting = None;
        for (index, pattern) in patterns.iter().enumerate() {
            let Some(progress) = self.progress.get_mut(index) else { return };
            let next = if pattern.len == 1 { 0 } else { progress.next };
            let Some(expected) = pattern.segments.get(usize::from(next)) else { continue };
            if progress.begun && (expected.sound != sound || ms > expected.most_ms) && pattern.len > 1 {
                *progress = Progress::default();
                continue;
            }
            let steady = expected.most_ms == u16::MAX && ms >= expected.least_ms;
            let long = progress.begun && expected.least_ms > LONG_MS && ms >= LONG_MS;
            let proved = progress.matched.saturating_add(1) >= pattern.need;
            if expected.sound == sound && sound_or_begun(sound, progress.begun) && (steady || long) && proved
            {
                lasting = lasting.or(Some(index as u8));
            }
        }
        self.settle(patterns, lasting, tell);
        if sound == 0 && self.told.is_none() && self.progress.iter().all(|progress| !progress.begun) {
            self.now = None; // long silence: nothing to wait for
            self.windows = 0;
        }
    }

    /// Tells a cadence that has come far enough, and the end of one that was told and has been broken.
    fn settle(&mut self, patterns: &[Pattern], lasting: Option<u8>, tell: &mut impl FnMut(ProgressEvent)) {
        let proved = |(pattern, progress): (&Pattern, &Progress)| {
            pattern.len > 1 && progress.begun && progress.matched >= pattern.need
        };
        let ended = patterns.iter().zip(&self.progress).position(proved).map(|index| index as u8);
        let found = lasting.or(ended);
        if let Some(told) = self.told {
            let still = match patterns.get(usize::from(told)) {
                Some(pattern) if pattern.len == 1 => {
                    self.now == pattern.segments.first().map(|segment| segment.sound)
                }
                Some(_) => self.progress.get(usize::from(told)).is_some_and(|progress| progress.begun),
                None => false,
            };
            if still && (found.is_none() || found == Some(told)) {
                return;
            }
            self.end_told(patterns, tell);
        }
        if let Some(found) = found {
            self.told = Some(found);
            if let Some(kind) = kind(patterns, found) {
                tell(ProgressEvent::Began(kind));
            }
        }
    }

    fn end_told(&mut self, patterns: &[Pattern], tell: &mut impl FnMut(ProgressEvent)) {
        if let Some(kind) = self.told.take().and_then(|told| kind(patterns, told)) {
            tell(ProgressEvent::Ended(kind));
        }
    }

    fn break_all(&mut self, patterns: &[Pattern], tell: &mut impl FnMut(ProgressEvent)) {
        self.end_told(patterns, tell);
        *self = CadenceLane::new();
    }
}

/// A tone needs no past; silence means something only within a cadence.
fn sound_or_begun(sound: u8, begun: bool) -> bool {
    sound != 0 || begun
}

fn kind(patterns: &[Pattern], index: u8) -> Option<ProgressKind> {
    patterns.get(usize::from(index)).map(|pattern| pattern.kind)
}
