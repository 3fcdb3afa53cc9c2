//! The tone disabler: modems and faxes ask for a line without echo cancelling, by 2100 Hz with phase reversals.
//!
//! Place on the path: listens to both directions of eight channels at once. How: each direction is mixed with 2100 Hz and
//! summed over 10 ms; the tone is there if most of the power is in that sum. Its phase turns steadily, a reversal jumps by
//! half a turn. Two reversals 425 to 475 ms apart disable the channel; 250 ms without a signal enable it again. A tone
//! without reversals never disables. Limits: +-21 Hz (a tone off frequency turns its phase, which is taken into account).
//! Source: ITU-T G.168 7 (limits of the detector as G.164/G.165 give them).

use super::lanes::{LANES, Lanes, V};
use core::f32::consts::{PI, TAU};

/// 2100 Hz repeats after 80 samples.
const PERIOD: usize = 80;
/// Samples of one look.
const LOOK: usize = 80;
const LOOK_MS: u32 = 10;
/// Mean square from which a tone counts (-31 dBm0) and under which the line is silent (-36 dBm0).
const TONE_POWER: f32 = 206_000.0;
const SILENCE: f32 = 65_000.0;
/// The part of the power that is in the tone.
const PURE: f32 = 0.7;
/// Spacing of reversals in milliseconds: 450 +- 25, and one look of uncertainty.
const REVERSAL_MS: core::ops::RangeInclusive<u32> = 400..=500;
/// How near to half a turn a jump must be: 180 +- 60 degrees, so that 110 degrees never counts.
const NEAR: f32 = PI / 3.0;
/// Milliseconds of silence that enable the channel again.
const RELEASE_MS: u32 = 240;

#[derive(Clone, Copy, Default)]
struct Heard {
    phase: f32,
    turn: f32,
    looks: u32,
    /// Looks since the tone was last steady: a reversal spoils the look it falls into.
    spoilt: u32,
    since_reversal_ms: Option<u32>,
}

/// The disabler of eight channels.
pub struct Disabler {
    table: [(f32, f32); PERIOD],
    at: usize,
    /// By direction: in phase, quadrature, power.
    sums: [[V; 3]; 2],
    heard: [[Heard; LANES]; 2],
    disabled: [bool; LANES],
    silent_ms: [u32; LANES],
}

impl Disabler {
    /// Makes a disabler that disables nothing.
    pub fn new() -> Disabler {
        let turn = |n: usize| {
            let (sin, cos) = (core::f64::consts::TAU * 21.0 * n as f64 / PERIOD as f64).sin_cos();
            (cos as f32, sin as f32)
        };
        Disabler {
            table: core::array::from_fn(turn),
            at: 0,
            sums: [[V::ZERO; 3]; 2],
            heard: [[Heard::default(); LANES]; 2],
            disabled: [false; LANES],
            silent_ms: [0; LANES],
        }
    }

    /// True while a modem has asked for a channel without cancelling.
    pub fn is_disabled(&self, lane: usize) -> bool {
        self.disabled[lane]
    }

    /// Enables a channel.
    pub fn reset(&mut self, lane: usize) {
        self.disabled[lane] = false;
        self.heard.iter_mut().for_each(|heard| heard[lane] = Heard::default());
    }

    /// Listens to samples of both directions.
    #[inline(always)]
    pub fn listen<L: Lanes>(&mut self, both: [&[L]; 2]) {
        let start = self.at;
        for (direction, samples) in both.into_iter().enumerate() {
            let [i, q, power] = &mut self.sums[direction];
            let (mut si, mut sq, mut sp) = (L::load(i), L::load(q), L::load(power));
            for (n, &x) in samples.iter().enumerate() {
                let (cos, sin) = self.table[(start + n) % PERIOD];
                si = x.mul_add(L::splat(cos), si);
                sq = x.mul_add(L::splat(sin), sq);
                sp = x.mul_add(x, sp);
            }
            si.store(i);
            sq.store(q);
            sp.store(power);
        }
        self.at = start + both[0].len();
        if self.at >= LOOK {
            self.at = 0;
            self.look();
        }
    }

    fn look(&mut self) {
        for lane in 0..LANES {
            let mut loud = false;
            for direction in 0..2 {
                let [i, q, power] = self.sums[direction].map(|sum| sum.0[lane]);
                let mean = power / LOOK as f32;
                loud |= mean > SILENCE;
                // A pure tone of mean square m has a sum of magnitude LOOK * sqrt(m / 2).
                let in_tone = 2.0 * (i * i + q * q) / (LOOK * LOOK) as f32;
                let tone = mean > TONE_POWER && in_tone > PURE * mean;
                let reversed_twice = self.heard[direction][lane].next(tone, || q.atan2(i));
                self.disabled[lane] |= reversed_twice;
            }
            self.silent_ms[lane] = if loud { 0 } else { self.silent_ms[lane].saturating_add(LOOK_MS) };
            if self.silent_ms[lane] >= RELEASE_MS {
                self.disabled[lane] = false;
            }
        }
        self.sums = [[V::ZERO; 3]; 2];
    }
}

/// The angle within half a turn of zero.
fn within_half_turn(angle: f32) -> f32 {
    angle - TAU * (angle / TAU).round()
}

impl Heard {
    /// Takes a look's verdict; true with the second of two reversals at the right distance.
    fn next(&mut self, tone: bool, phase: impl FnOnce() -> f32) -> bool {
        self.since_reversal_ms = self.since_reversal_ms.map(|ms| ms.saturating_add(LOOK_MS));
        if !tone {
            self.spoilt += 1;
            if self.spoilt > 3 {
                *self = Heard::default();
            }
            return false;
        }
        let phase = phase();
        let looks = core::mem::take(&mut self.spoilt) + 1;
        let was = core::mem::replace(&mut self.phase, phase);
        self.looks += 1;
        if self.looks == 1 {
            return false;
        }
        let jump = within_half_turn(phase - was - self.turn * looks as f32);
        if self.looks == 2 || jump.abs() < PI / 4.0 {
            // Steady: what is left is the tone's distance from 2100 Hz.
            let trust = if self.looks == 2 { 1.0 } else { 0.2 };
            self.turn += trust * jump / looks as f32;
            return false;
        }
        if PI - jump.abs() > NEAR {
            self.looks = 1;
            return false;
        }
        let twice = self.since_reversal_ms.is_some_and(|ms| REVERSAL_MS.contains(&ms));
        self.since_reversal_ms = Some(0);
        twice
    }
}

impl Default for Disabler {
    fn default() -> Disabler {
        Disabler::new()
    }
}
