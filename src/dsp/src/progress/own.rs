//! What of a window is our own sound come back: how loud it may be, and how much of it at each frequency.
//!
//! Place on the path: beside the windows of what is heard, windows of what was sent. How: the loudest of the last windows
//! sent, times the part of it that usually comes back. That part is learned in windows that hold no tone. It is known apart for the line as received and
//! for what the canceller leaves of it.
//! Limits: the echo of what was sent more than a tenth of a second ago is not expected; one part for all frequencies, so
//! what is expected is some decibels more than comes.

use super::MAX_FREQS;
use super::detect::MIN_POWER;
use crate::bank::{Amplitudes, Complex};

/// What is kept of a window sent when the next one is looked at: -0.7 dB in 16 ms.
const KEPT: f32 = 0.85;

/// What is sent is too weak to be met again below this: -45 dBm0.
const LEAST_SENT: f32 = MIN_POWER;

/// The part of what is sent that comes back before anything is known, and the most that can: -6 dB.
const MOST_PART: f32 = 0.25;

/// The least part that is told apart from nothing.
const LEAST_PART: f32 = 1e-6;

/// How fast a part follows, a window: as fast down as up, so that half of the windows have more; 6 dB in a second.
const FOLLOWS: f32 = 1.022;

/// What comes back may exceed the part learned by this.
const MARGIN: f32 = 4.0;

/// The same at a single frequency.
const LINE_MARGIN: f32 = 6.0;

/// Where a window comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// What the canceller leaves.
    Heard,
    /// The line as received.
    Received,
}

/// What is known of our own sound on one channel.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// The power of what was sent, the loudest of the last windows.
    power: f32,
    /// The same at each frequency.
    lines: [f32; MAX_FREQS],
    /// The parts that come back.
    parts: [Parts; 2],
}

/// What part of our own sound comes back.
#[derive(Clone, Debug)]
struct Parts {
    power: f32,
    lines: [f32; MAX_FREQS],
}

impl Own {
    pub(super) const fn new() -> Own {
        Own {
            power: 0.0,
            lines: [0.0; MAX_FREQS],
            parts: [const { Parts { power: MOST_PART, lines: [MOST_PART; MAX_FREQS] } }; 2],
        }
    }

    /// Takes in a window of what was sent; none if all channels sent nothing worth a look.
    pub(super) fn sent<const L: usize>(
        &mut self,
        power: f32,
        amplitudes: Option<&Amplitudes<L, MAX_FREQS>>,
        scale: f32,
        lane: usize,
    ) {
        self.power = power.max(KEPT * self.power);
        for (tone, line) in self.lines.iter_mut().enumerate() {
            let now = amplitudes.map_or(Complex::default(), |found| found.at(tone, lane));
            *line = (now.square() * scale).max(KEPT * *line);
        }
    }

    /// True while something that was sent may come back.
    pub(super) fn sounds(&self) -> bool {
        self.power >= LEAST_SENT
    }

    /// The most that our own sound explains of a window's power.
    pub(super) fn echo(&self, view: View) -> f32 {
        MARGIN * self.parts[view as usize].power * self.power
    }

    /// The most that it explains of one frequency's.
    pub(super) fn line(&self, view: View, tone: usize) -> f32 {
        let line = |lines: &[f32; MAX_FREQS]| lines.get(tone).copied().unwrap_or_default();
        LINE_MARGIN * line(&self.parts[view as usize].lines) * line(&self.lines)
    }

    /// Learns from a window that holds no tone: its power, and at each frequency.
    pub(super) fn learn(&mut self, view: View, power: f32, now: &[Complex; MAX_FREQS], scale: f32) {
        let parts = &mut self.parts[view as usize];
        follow(&mut parts.power, power, self.power);
        for ((part, &sent), now) in parts.lines.iter_mut().zip(&self.lines).zip(now) {
            if sent >= LEAST_SENT {
                follow(part, now.square() * scale, sent);
            }
        }
    }
}

/// Moves a part towards what came back of what was sent.
fn follow(part: &mut f32, back: f32, sent: f32) {
    *part *= if back < *part * sent { 1.0 / FOLLOWS } else { FOLLOWS };
    *part = part.clamp(LEAST_PART, MOST_PART);
}
