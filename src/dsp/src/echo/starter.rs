//! The starter: finds a new echo path within a few hundred milliseconds.
//!
//! Place on the path: beside the foreground and the background, and only while no good filter is known: at the beginning
//! of a call and after the path has changed. How: an IPNLMS filter over the whole tail, sample by sample; since its step is
//! shared out by the size of the taps, a sparse path is found several times faster than by the background. It is fast and
//! easily misled, so it is never heard itself: every few milliseconds a copy of it is frozen, and only if that *candidate*
//! does better on the sound that follows than what is in use, it is adopted. A filter that has followed the near-end talker
//! fails that test. Source: Benesty and Gay 2002; Ochiai 1977 for the two paths.

use super::foreground::{History, collect, convolve};
use super::lanes::{LANES, Lanes, V};
use tdm::CHUNK;

/// The step.
const STEP: f32 = 0.6;
/// Keeps the step finite in silence.
const REGULAR: f32 = 50.0;
/// Samples between two looks at the sizes of the taps.
const SHARES_SAMPLES: u32 = 64;
/// Blocks over which a candidate is tried: when nothing is known, and when a good filter must be beaten.
const TRIAL_BLOCKS: u32 = 10;
const LONG_TRIAL_BLOCKS: u32 = 24;
/// What a candidate may leave, as a part of what the filter in use leaves and of what was received.
const BETTER: (f32, f32) = (0.75, 0.7);
const MUCH_BETTER: (f32, f32) = (0.25, 0.25);
/// Blocks with far-end speech after which the starter stops, and blocks it rests then.
const RUN_BLOCKS: u32 = 1_500;
const REST_BLOCKS: u32 = 2_000;
/// Blocks in which the filter in use must be bad before the starter begins.
const WANTED_BLOCKS: u32 = 3;
/// The filter in use is bad if it leaves this part of what was received.
const BAD: f32 = 0.1;
/// Mean square below which received sound is not looked at.
const LEAST_POWER: f32 = 200.0;
/// Mean square of what is sent below which it is silence.
const SPEAKING: f32 = 400.0;
/// How fast the powers follow, a block.
const FOLLOW: f32 = 0.08;
/// Good blocks after which the filter in use is trusted, and the most that are counted.
const TRUSTED: u32 = 10;
const MOST_TRUST: u32 = 100;

/// One channel's starter.
pub struct Starter {
    taps: Box<[f32]>,
    shares: Box<[f32]>,
    candidate: Box<[f32]>,
    /// Taps of the channel's tail.
    tail: usize,
    is_on: bool,
    has_won: bool,
    samples: u32,
    age: u32,
    rest: u32,
    wanted: u32,
    trust: u32,
    left: f32,
    received: f32,
    trial: Trial,
}

/// The sums of a trial.
#[derive(Clone, Copy, Default)]
struct Trial {
    blocks: u32,
    candidate: f32,
    in_use: f32,
    received: f32,
}

/// A candidate that has won.
#[derive(Clone, Copy, Debug)]
pub struct Won {
    /// Mean square of what it left.
    pub left: f32,
    /// Mean square of what was received.
    pub received: f32,
}

impl Starter {
    /// Makes a starter for `taps`. Allocates.
    pub fn new(taps: usize) -> Starter {
        Starter {
            taps: vec![0.0; taps].into(),
            shares: vec![0.0; taps].into(),
            candidate: vec![0.0; taps].into(),
            tail: taps,
            is_on: false,
            has_won: false,
            samples: 0,
            age: 0,
            rest: 0,
            wanted: 0,
            trust: 0,
            left: 0.0,
            received: 0.0,
            trial: Trial::default(),
        }
    }

    /// Shortens the tail; takes effect with the next start.
    pub fn set_tail(&mut self, taps: usize) {
        self.tail = taps.min(self.taps.len());
    }

    /// Stops and forgets what was trusted.
    pub fn reset(&mut self) {
        self.is_on = false;
        self.distrust();
        (self.wanted, self.left, self.received) = (0, 0.0, 0.0);
    }

    /// The filter in use has proved wrong: any better one will do, at once.
    pub fn distrust(&mut self) {
        (self.trust, self.has_won, self.rest) = (0, false, 0);
    }

    /// The candidate's taps, longest delay first.
    pub fn candidate(&self) -> &[f32] {
        &self.candidate
    }

    /// Works on the newest block of `history`: `received` came back, of which the filter in use left `left`.
    #[inline(always)]
    pub fn block<L: Lanes>(
        &mut self,
        history: &History,
        sent: &[f32; CHUNK],
        received: &[f32; CHUNK],
        left: &[f32; CHUNK],
        narrow: bool,
    ) -> Option<Won> {
        let power = |block: &[f32; CHUNK]| block.iter().map(|s| s * s).sum::<f32>();
        let (received_power, left_power) = (power(received), power(left));
        let speaking = power(sent) > SPEAKING * CHUNK as f32;
        self.left += FOLLOW * (left_power / CHUNK as f32 - self.left);
        self.received += FOLLOW * (received_power / CHUNK as f32 - self.received);
        if speaking && self.left < BAD * self.received {
            self.trust = (self.trust + 1).min(MOST_TRUST);
        }
        if !self.is_on {
            self.look(speaking && !narrow);
            return None;
        }
        self.adapt::<L>(history, received);
        self.age += u32::from(speaking);
        self.trial.in_use += left_power;
        self.trial.received += received_power;
        self.trial.candidate += power(&self.try_out::<L>(history, received));
        self.trial.blocks += 1;
        if self.age > RUN_BLOCKS {
            (self.is_on, self.rest) = (false, REST_BLOCKS);
        }
        self.judge(speaking, narrow)
    }

    /// Decides whether a start is wanted.
    fn look(&mut self, telling: bool) {
        self.rest = self.rest.saturating_sub(1);
        let bad = self.left > BAD * self.received && self.received > LEAST_POWER;
        self.wanted = if telling && bad && self.rest == 0 { self.wanted + 1 } else { 0 };
        if self.wanted > WANTED_BLOCKS {
            let even = 1.0 / self.tail as f32;
            self.taps.fill(0.0);
            self.candidate.fill(0.0);
            self.shares.fill(0.0);
            self.in_tail().fill(even);
            (self.is_on, self.has_won, self.samples, self.age, self.wanted) = (true, false, 0, 0, 0);
            self.trial = Trial::default();
        }
    }

    /// The shares of the taps within the tail: the last ones, since the longest delay comes first.
    fn in_tail(&mut self) -> &mut [f32] {
        let skipped = self.shares.len() - self.tail;
        &mut self.shares[skipped..]
    }

    /// Eight steps of IPNLMS.
    #[inline(always)]
    fn adapt<L: Lanes>(&mut self, history: &History, received: &[f32; CHUNK]) {
        let (samples, now) = history.newest();
        let taps = self.taps.len();
        for (i, &d) in received.iter().enumerate() {
            let start = (now + i + 1).saturating_sub(taps);
            let Some(x) = samples.get(start..start + taps) else { return };
            let (mut echo, mut power) = ([L::splat(0.0); 4], [L::splat(0.0); 4]);
            for j in (0..taps).step_by(4 * LANES) {
                for q in 0..4 {
                    let at = j + q * LANES;
                    let x = L::load_at(x, at);
                    echo[q] = x.mul_add(L::load_at(&self.taps, at), echo[q]);
                    power[q] = x.mul(x).mul_add(L::load_at(&self.shares, at), power[q]);
                }
            }
            let sum = |parts: [L; 4]| parts[0].add(parts[1]).add(parts[2].add(parts[3])).sum();
            let step = L::splat(STEP * (d - sum(echo)) / (sum(power) + REGULAR));
            let mut moved = V::ZERO;
            for (at, place) in self.taps.chunks_exact_mut(LANES).enumerate() {
                let at = at * LANES;
                let gain = L::load_at(x, at).mul(L::load_at(&self.shares, at));
                gain.mul_add(step, L::load_at(place, 0)).store(&mut moved);
                place.copy_from_slice(&moved.0);
            }
            self.samples += 1;
            if self.samples.is_multiple_of(SHARES_SAMPLES) {
                self.share_out();
            }
        }
    }

    /// Gives half of the step to all taps alike and half to each by its size.
    fn share_out(&mut self) {
        let size: f32 = self.taps.iter().map(|tap| tap.abs()).sum();
        let (even, by_size) = (0.5 / self.tail as f32, 0.5 / (size + 5e-4));
        let skipped = self.taps.len() - self.tail;
        for (share, tap) in self.shares.iter_mut().zip(&self.taps).skip(skipped) {
            *share = even + by_size * tap.abs();
        }
    }

    /// What the candidate leaves of the newest block.
    #[inline(always)]
    fn try_out<L: Lanes>(&self, history: &History, received: &[f32; CHUNK]) -> [f32; CHUNK] {
        let mut sums = [L::splat(0.0); CHUNK];
        convolve(&self.candidate, 0, history, &mut sums);
        let mut left = collect(&sums);
        left.iter_mut().zip(received).for_each(|(y, d)| *y = d - *y);
        left
    }

    /// Ends a trial that is long enough; a winner's taps are left in `candidate` until the next block.
    fn judge(&mut self, speaking: bool, narrow: bool) -> Option<Won> {
        let trusted = self.trust > TRUSTED && !self.has_won;
        let blocks = if trusted { LONG_TRIAL_BLOCKS } else { TRIAL_BLOCKS };
        if self.trial.blocks < blocks {
            return None;
        }
        let trial = core::mem::take(&mut self.trial);
        let (of_used, of_received) = if trusted { MUCH_BETTER } else { BETTER };
        let wins = speaking
            && !(narrow && self.trust > TRUSTED)
            && trial.candidate < of_used * trial.in_use
            && trial.candidate < of_received * trial.received;
        if !wins {
            self.candidate.copy_from_slice(&self.taps);
            return None;
        }
        let samples = (trial.blocks * CHUNK as u32) as f32;
        let won = Won { left: trial.candidate / samples, received: trial.received / samples };
        (self.has_won, self.left) = (true, won.left);
        Some(won)
    }

    /// Freezes the next candidate, once the winner has been taken.
    pub fn go_on(&mut self) {
        self.candidate.copy_from_slice(&self.taps);
    }
}
