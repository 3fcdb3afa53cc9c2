//! The control of one channel: which of the two paths is right.
//!
//! Place on the path: after each block of the background. How: smoothed powers of what was sent, what came back and what each path
//! left of it; the background is copied where it is clearly better and the echo clearly there, the foreground is thrown
//! away where it makes things worse, and repairs a background that a tone has led astray. When a foreground that was good leaves
//! much more than it used to, somebody talks at the near end or the path has changed: a background that only follows the
//! talker's vowels is better for some blocks, one that has found a new path is far better and stays so. Source: Ochiai 1977.

use super::kalman::BlockPowers;
use super::starter::Won;
use super::{BLOCK, EchoFigures, IN_USE};

/// How much of the powers each block keeps: half in 110 samples.
const KEPT: f32 = 0.668;
/// The background is better if it leaves this part of what the foreground leaves, and of what was received.
const BETTER: f32 = 0.85;
const ECHO: f32 = 0.7;
/// Blocks it must be better before it is copied.
const BLOCKS: u32 = 2;
/// A foreground that left at most this part of what was received is in doubt when it leaves so many times as much, and at least that part.
const WAS_GOOD: f32 = 0.1;
const MORE: f32 = 4.0;
const IN_DOUBT: f32 = 0.02;
/// Then the background must leave this part of what the foreground leaves, and of what was received, for so many blocks.
const MUCH_BETTER: f32 = 0.5;
const MUCH_ECHO: f32 = 0.3;
const MANY_BLOCKS: u32 = 12;
/// How fast the part that a foreground leaves is learned, downwards and upwards, a block.
const PART_FALLS: f32 = 0.05;
const PART_RISES: f32 = 0.001;
/// The foreground is good if it leaves no more than this part of what was received.
const GOOD: f32 = 0.1;
/// The foreground is wrong if it leaves this much more than was received.
const WRONG: f32 = 1.6;
const WRONG_LEAST: f32 = 400.0;
/// The background has diverged if it leaves this much more than was received for so many blocks.
const DIVERGED: f32 = 4.0;
const DIVERGED_LEAST: f32 = 4_000.0;
const DIVERGED_BLOCKS: u32 = 13;
/// How fast the figures follow: a second.
const FIGURES: f32 = BLOCK as f32 / 8_000.0;

/// What shall be done with a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Keep,
    /// Copy the background to the foreground.
    Copy,
    /// Throw the foreground away.
    Clear,
    /// Copy the foreground to the background.
    Restore,
    /// Throw both away.
    Reset,
}

/// What is known of one channel.
#[derive(Clone, Debug)]
pub struct Control {
    sent: f32,
    received: f32,
    foreground: f32,
    background: f32,
    better: u32,
    much_better: u32,
    worse: u32,
    /// The part of what was received that the foreground leaves when nobody talks at the near end.
    usual_part: f32,
    after_narrow: f32,
    is_active: bool,
    long_sent: f32,
    long_received: f32,
    long_left: f32,
    resets: u32,
    path_changes: u32,
}

impl Control {
    /// Makes the control of an idle channel.
    pub fn new() -> Control {
        Control {
            sent: 0.0,
            received: 0.0,
            foreground: 0.0,
            background: 0.0,
            better: 0,
            much_better: 0,
            worse: 0,
            usual_part: 1.0,
            after_narrow: 0.0,
            is_active: false,
            long_sent: 0.0,
            long_received: 0.0,
            long_left: 0.0,
            resets: 0,
            path_changes: 0,
        }
    }

    /// True if something was sent in the last block.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// True if the foreground takes most of what is received away.
    pub fn is_good(&self) -> bool {
        self.foreground < GOOD * self.received
    }

    /// Notes that a starter's candidate is in use; true if the background shall take it too.
    pub fn adopt(&mut self, won: &Won) -> bool {
        (self.foreground, self.usual_part) = (won.left, 1.0);
        let better = won.left < 0.8 * self.background;
        if better {
            self.background = won.left;
        }
        better
    }

    /// Judges one block.
    pub fn judge(&mut self, powers: &BlockPowers, lane: usize, narrow: bool, broken: bool) -> Verdict {
        if broken {
            self.resets = self.resets.saturating_add(1);
            self.start_anew(0.0);
            return Verdict::Reset;
        }
        let smooth = |was: &mut f32, now: f32| *was = KEPT * *was + (1.0 - KEPT) * now;
        smooth(&mut self.sent, powers.sent.0[lane]);
        smooth(&mut self.received, powers.received.0[lane]);
        smooth(&mut self.foreground, powers.foreground.0[lane]);
        smooth(&mut self.background, powers.background.0[lane]);
        self.is_active = powers.sent.0[lane] > IN_USE;
        let leaves_narrow = !narrow && self.after_narrow > 0.5;
        self.after_narrow = if narrow && self.is_active { 1.0 } else { self.after_narrow * 0.97 };
        self.measure(powers, lane);
        if !self.is_active {
            (self.better, self.much_better) = (0, 0);
            return Verdict::Keep;
        }
        self.worse =
            if self.background > DIVERGED * self.received + DIVERGED_LEAST { self.worse + 1 } else { 0 };
        if self.worse > DIVERGED_BLOCKS {
            self.resets = self.resets.saturating_add(1);
            self.start_anew(self.received);
            return Verdict::Reset;
        }
        if self.foreground > WRONG * self.received + WRONG_LEAST {
            (self.foreground, self.usual_part) = (self.received, 1.0);
            self.path_changes = self.path_changes.saturating_add(1);
            return Verdict::Clear;
        }
        if self.is_better(narrow) {
            self.foreground = self.background;
            return Verdict::Copy;
        }
        if leaves_narrow && self.background > 1.5 * self.foreground {
            self.background = self.foreground;
            return Verdict::Restore;
        }
        Verdict::Keep
    }

    fn is_better(&mut self, narrow: bool) -> bool {
        if narrow {
            // A tone says little about the path: only a filter that does nothing is replaced.
            (self.better, self.much_better) = (0, 0);
            return self.background < 0.25 * self.foreground && self.foreground > 0.5 * self.received;
        }
        let doubtful = self.is_in_doubt();
        let leaves = |of_foreground: f32, of_received: f32| {
            self.background < of_foreground * self.foreground && self.background < of_received * self.received
        };
        let (better, much_better) = (leaves(BETTER, ECHO), leaves(MUCH_BETTER, MUCH_ECHO));
        self.better = if better { self.better + 1 } else { 0 };
        self.much_better = if much_better { self.much_better + 1 } else { 0 };
        let copy = if doubtful { self.much_better >= MANY_BLOCKS } else { self.better >= BLOCKS };
        if copy {
            (self.better, self.much_better) = (0, 0);
        }
        if copy && doubtful {
            self.usual_part = 1.0;
        }
        copy
    }

    /// True if a foreground that was good leaves much more than it used to.
    fn is_in_doubt(&mut self) -> bool {
        let part = self.foreground / (self.received + 1.0);
        let follow = if part < self.usual_part { PART_FALLS } else { PART_RISES };
        self.usual_part += follow * (part - self.usual_part);
        self.usual_part < WAS_GOOD && part > MORE * self.usual_part && part > IN_DOUBT
    }

    /// Both filters are thrown away; each leaves `power` now.
    fn start_anew(&mut self, power: f32) {
        (self.foreground, self.background, self.usual_part) = (power, power, 1.0);
        (self.better, self.much_better, self.worse) = (0, 0, 0);
    }

    fn measure(&mut self, powers: &BlockPowers, lane: usize) {
        // Only loud far-end speech counts.
        if powers.sent.0[lane] < 100.0 * IN_USE {
            return;
        }
        let follow = |was: &mut f32, now: f32| *was += FIGURES * (now - *was);
        follow(&mut self.long_sent, powers.sent.0[lane]);
        follow(&mut self.long_received, powers.received.0[lane]);
        follow(&mut self.long_left, powers.foreground.0[lane]);
    }

    /// The channel's figures.
    pub fn figures(&self, known: bool, disabled: bool) -> EchoFigures {
        let ratio =
            |above: f32, below: f32| (known && above > 1.0).then(|| 10.0 * (above / below.max(1.0)).log10());
        EchoFigures {
            erl_db: ratio(self.long_sent, self.long_received - self.long_left),
            erle_db: ratio(self.long_received, self.long_left),
            resets: self.resets,
            path_changes: self.path_changes,
            disabled,
        }
    }
}
