//! Tone after silence after tone, compared with the cadences of a set.
//!
//! Windows of one sound make a segment; the edge of a tone, up to four windows that are neither, is shared between its
//! neighbours. When a segment ends, every cadence that expected it goes on by one, and every other begins anew; a cadence
//! that has gone on often enough is recognised. Long segments count while they still last. Anything else that sounds
//! breaks all cadences.

use super::detect::{HOP, Sound};
use super::{LONG_MS, MAX_KINDS, Pattern};

/// Milliseconds from window to window.
const HOP_MS: u16 = (HOP / 8) as u16;

/// Windows in a row that may be neither tone nor silence.
const MAX_EDGE: u16 = 4;

/// Windows in a row that may be hidden by our own sound: 160 ms, half of a short tone.
const MAX_HIDDEN: u16 = 10;

/// What a window of a tone may have less than the loudest of its segment: -6 dB, half of the window.
const EDGE_DROP: f32 = 0.25;

/// What silence may have of the power of the tone before: -14 dB.
const QUIET_DROP: f32 = 0.04;

/// The same under our own sound, whose echo is in the pauses: -8 dB.
const QUIET_DROP_UNDER_OURS: f32 = 0.16;

/// Under our own sound the parts of a tone must be as strong as one another, within 4 dB.
const SAME_LEVEL: f32 = 2.5;

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
    /// The sum of the powers of the windows of the present tone, how many they are, and the mean of the tone before.
    level_sum: f32,
    level_count: u16,
    level_before: Option<f32>,
    /// Listens under our own sound: tones must be as strong as one another, and short ones come more often.
    strict: bool,
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
    pub(super) const fn new(strict: bool) -> CadenceLane {
        const NOTHING: Progress = Progress { next: 0, matched: 0, begun: false };
        CadenceLane {
            now: None,
            windows: 0,
            edge: 0,
            pending: None,
            cut: true,
            loudest: 0.0,
            level_sum: 0.0,
            level_count: 0,
            level_before: None,
            strict,
            progress: [NOTHING; MAX_KINDS],
            told: None,
        }
    }

    /// Returns true if silence could still change something.
    pub(super) fn is_active(&self) -> bool {
        self.now.is_some() || self.told.is_some()
    }

    /// The number of the cadence that is recognised, if any.
    pub(super) fn told(&self) -> Option<u8> {
        self.told
    }

    /// Takes in what a window holds. `under_ours`: our own sound may be in it, also where it is like a tone.
    pub(super) fn window(&mut self, patterns: &[Pattern], (sound, power): (Sound, f32), under_ours: bool) {
        let weak = if under_ours {
            self.now.is_some() && power < QUIET_DROP_UNDER_OURS * self.loudest
        } else {
            sound == Sound::Other && power < QUIET_DROP * self.loudest
        };
        let heard = match sound {
            _ if weak => Some(0),
            Sound::Quiet => Some(0),
            Sound::Tone(number) if self.now != Some(number) || power >= EDGE_DROP * self.loudest => {
                Some(number)
            }
            Sound::Tone(_) | Sound::Other | Sound::Hidden => None,
        };
        let changed = heard != self.now && (heard.is_none() || heard != self.pending);
        self.pending = heard;
        let Some(heard) = heard.filter(|_| !changed) else {
            self.edge += 1;
            let most = if sound == Sound::Hidden { MAX_HIDDEN } else { MAX_EDGE };
            if self.edge > most {
                self.break_all();
            }
            return;
        };
        let began = self.now != Some(heard);
        if !began {
            self.windows = self.windows.saturating_add(1 + self.edge);
        } else {
            self.begin(patterns, heard);
        }
        self.edge = 0;
        if heard != 0 {
            self.loudest = if began { power } else { self.loudest.max(power) };
            self.level_sum = if began { power } else { self.level_sum + power };
            self.level_count = if began { 1 } else { self.level_count.saturating_add(1) };
        }
        self.run(patterns);
    }

    /// Ends the present segment and begins another.
    fn begin(&mut self, patterns: &[Pattern], heard: u8) {
        if let Some(before) = self.now {
            // The last window of the edge is the first of the new segment.
            let ms =
                self.windows.saturating_mul(HOP_MS).saturating_add(self.edge.saturating_sub(1) * HOP_MS / 2);
            if before != 0 && !self.keeps_level() {
                self.progress = [Progress::default(); MAX_KINDS];
            }
            self.end_segment(patterns, before, ms);
            self.settle(patterns, None);
        }
        self.cut = self.now.is_none();
        (self.now, self.windows) = (Some(heard), 2 + self.edge.saturating_sub(1) / 2);
    }

    /// True if the tone that ends is as strong as the one before, where that matters.
    fn keeps_level(&mut self) -> bool {
        let level = self.level_sum / f32::from(self.level_count.max(1));
        let before = self.level_before.replace(level);
        let same = before.is_none_or(|before| level <= SAME_LEVEL * before && before <= SAME_LEVEL * level);
        same || !self.strict
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
    fn run(&mut self, patterns: &[Pattern]) {
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
            let proved = progress.matched.saturating_add(1) >= pattern.need(self.strict);
            if expected.sound == sound && sound_or_begun(sound, progress.begun) && (steady || long) && proved
            {
                lasting = lasting.or(Some(index as u8));
            }
        }
        self.settle(patterns, lasting);
        if sound == 0 && self.told.is_none() && self.progress.iter().all(|progress| !progress.begun) {
            self.now = None; // long silence: nothing to wait for
            self.level_before = None;
            self.windows = 0;
        }
    }

    /// Keeps the cadence that has come far enough, and lets go one that has been broken.
    fn settle(&mut self, patterns: &[Pattern], lasting: Option<u8>) {
        let strict = self.strict;
        let proved = |(pattern, progress): (&Pattern, &Progress)| {
            pattern.len > 1 && progress.begun && progress.matched >= pattern.need(strict)
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
            self.told = None;
        }
        if found.is_some() {
            self.told = found;
        }
    }

    fn break_all(&mut self) {
        *self = CadenceLane::new(self.strict);
    }
}

/// A tone needs no past; silence means something only within a cadence.
fn sound_or_begun(sound: u8, begun: bool) -> bool {
    sound != 0 || begun
}
