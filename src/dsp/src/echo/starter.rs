//! The starter: finds a new echo path within a few hundred milliseconds.
//!
//! Place on the path: beside the foreground and the background, and only while no good filter is known: at the beginning
//! of a call and after the path has changed. How: an affine projection of order two over the whole tail, whose step is
//! shared out by the size of the taps (IPNLMS), so that a sparse path is found several times faster than by the background. All it
//! hears is emphasised first: speech is flatter then, and taps learn nothing below the telephone band, where there is nothing to learn from and what
//! they made up would stay for long. It is fast and
//! easily misled, so it is never heard itself: every few milliseconds a copy of it is frozen, and only if that *candidate*
//! does better on the sound that follows than what is in use, it is adopted; a filter that has proved good must be beaten much, and twice. A filter that has
//! followed the near-end talker fails that test. Once a candidate has won, the partitions with the least echo are dropped in steps: what is left is found faster
//! and for less. After 400 ms of speech the background is as good, and the starter stops. Source: Benesty and Gay 2002; Ozeki and Umeda 1984 for
//! the projection; Ochiai 1977 for the two paths.

use super::history::{History, collect, convolve};
use super::lanes::{LANES, Lanes};
use super::{BLOCK, Powers};
use tdm::CHUNK;

/// The step.
const STEP: f32 = 0.6;
/// Keeps the step finite in silence, and the projection where two neighbouring samples say the same: a part of their power.
const REGULAR: f32 = 50.0;
const REGULAR_PART: f32 = 0.01;
/// What is taken of the sample before.
const EMPHASIS: f32 = 0.9;
/// Samples between two looks at the sizes of the taps.
const SHARES_SAMPLES: u32 = 64;
/// Samples between two looks at which partitions carry echo; from which part of the strongest one's energy they do; how many of
/// them are kept at a look whatever their energy, and at the end.
const NARROW_SAMPLES: u32 = 512;
const CARRIES: f32 = 0.003;
const KEPT: f32 = 0.75;
const LEAST_PARTS: usize = 4;
/// Blocks over which a candidate is tried: when nothing is known, and when a good filter must be beaten.
const TRIAL_BLOCKS: u32 = 10;
const LONG_TRIAL_BLOCKS: u32 = 24;
/// What a candidate may leave, as a part of what the filter in use leaves and of what was received.
const BETTER: (f32, f32) = (0.75, 0.7);
const MUCH_BETTER: (f32, f32) = (0.25, 0.25);
/// Trials in a row that a candidate must win against a good filter.
const WINS: u32 = 2;
/// Blocks with far-end speech after which the starter stops, and blocks it rests then.
const RUN_BLOCKS: u32 = 400;
const REST_BLOCKS: u32 = 2_000;
/// Blocks in which the filter in use must be bad before the starter begins.
const WANTED_BLOCKS: u32 = 3;
/// The filter in use is bad if it leaves this part of what was received.
const BAD: f32 = 0.1;
/// Mean square below which received sound is not looked at.
const LEAST_POWER: f32 = 3_000.0;
/// Mean square of what is sent below which it is silence.
const SPEAKING: f32 = 400.0;
/// How fast the powers follow, a block.
const FOLLOW: f32 = 0.08;
/// Good blocks after which the filter in use is trusted, and the most that are counted.
const TRUSTED: u32 = 10;
const MOST_TRUST: u32 = 100;

/// One channel's starter.
pub struct Starter {
    /// What was sent.
    history: History,
    /// By partition; within one, the longest delay first.
    taps: Box<[[f32; BLOCK]]>,
    shares: Box<[[f32; BLOCK]]>,
    candidate: Box<[[f32; BLOCK]]>,
    /// The partitions that are worked on: all of the tail until a candidate has won, then those with echo.
    parts: Box<[u16]>,
    count: usize,
    /// Their energies, while they are chosen.
    energies: Box<[(f32, u16)]>,
    /// Partitions of the channel's tail.
    tail: usize,
    is_on: bool,
    has_won: bool,
    /// A candidate has won and has not been taken yet.
    waits: bool,
    samples: u32,
    age: u32,
    rest: u32,
    wanted: u32,
    trust: u32,
    wins: u32,
    left: f32,
    received: f32,
    trial: Trial,
    /// Of what is sent, received, and left by the filter in use.
    emphasis: [Emphasis; 3],
}

/// The sums of a trial's mean squares: of what the candidate and the filter in use leave, and of what was received, all
/// emphasised; and of the latter two as they are.
#[derive(Clone, Copy, Default)]
struct Trial {
    blocks: u32,
    candidate: f32,
    in_use: f32,
    received: f32,
    plain_in_use: f32,
    plain_received: f32,
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
        let parts = taps / BLOCK;
        let empty = || vec![[0.0; BLOCK]; parts].into();
        Starter {
            history: History::new(taps),
            taps: empty(),
            shares: empty(),
            candidate: empty(),
            parts: (0..parts as u16).collect(),
            count: parts,
            energies: vec![(0.0, 0); parts].into(),
            tail: parts,
            is_on: false,
            has_won: false,
            waits: false,
            samples: 0,
            age: 0,
            rest: 0,
            wanted: 0,
            trust: 0,
            wins: 0,
            left: 0.0,
            received: 0.0,
            trial: Trial::default(),
            emphasis: [Emphasis::default(); 3],
        }
    }

    /// Shortens the tail; takes effect with the next start.
    pub fn set_tail(&mut self, taps: usize) {
        self.tail = (taps / BLOCK).min(self.taps.len());
    }

    /// Stops and forgets what was trusted.
    pub fn reset(&mut self) {
        (self.is_on, self.waits) = (false, false);
        self.distrust();
        (self.wanted, self.left, self.received) = (0, 0.0, 0.0);
    }

    /// The filter in use has proved wrong: any better one will do, at once.
    pub fn distrust(&mut self) {
        (self.trust, self.has_won, self.rest) = (0, false, 0);
    }

    /// Forgets what was sent.
    pub fn clear(&mut self) {
        self.history.clear();
    }

    /// The candidate's taps by partition, in each the longest delay first, and the partitions it has.
    pub fn candidate(&self) -> (&[[f32; BLOCK]], &[u16]) {
        (&self.candidate, &self.parts[..self.count])
    }

    /// Hears what is sent.
    #[inline(always)]
    pub fn hear<L: Lanes>(&mut self, sent: L) {
        let sent = self.emphasis[0].of(sent);
        self.history.push(sent);
    }

    /// Works on the block last heard; `received` came back, of which the filter in use left `left`. A winner has to be taken, see
    /// [`Starter::go_on`], before the next one is looked for.
    #[inline(always)]
    pub fn block<L: Lanes>(
        &mut self,
        (received, left): (L, L),
        powers: &Powers,
        narrow: bool,
    ) -> Option<Won> {
        let speaking = powers.sent > SPEAKING;
        self.left += FOLLOW * (powers.left - self.left);
        self.received += FOLLOW * (powers.received - self.received);
        if speaking && self.left < BAD * self.received {
            self.trust = (self.trust + 1).min(MOST_TRUST);
        }
        if !self.is_on {
            self.look(speaking && !narrow);
            return None;
        }
        let mut emphasised = [0.0; CHUNK];
        let (received, left) = (self.emphasis[1].of(received), self.emphasis[2].of(left));
        received.store_at(&mut emphasised, 0);
        let (received_power, left_power) = (received.mul(received).sum(), left.mul(left).sum());
        let received = emphasised;
        self.adapt::<L>(&received);
        self.age += u32::from(speaking);
        if self.age > RUN_BLOCKS {
            (self.is_on, self.rest) = (false, REST_BLOCKS);
        }
        if self.waits {
            return None;
        }
        self.trial.candidate += self.try_out::<L>(&received).iter().map(|s| s * s).sum::<f32>();
        self.trial.in_use += left_power;
        self.trial.received += received_power;
        self.trial.plain_in_use += powers.left;
        self.trial.plain_received += powers.received;
        self.trial.blocks += 1;
        self.judge(speaking, narrow)
    }

    /// Decides whether a start is wanted.
    fn look(&mut self, telling: bool) {
        self.rest = self.rest.saturating_sub(1);
        let bad = self.left > BAD * self.received && self.received > LEAST_POWER;
        self.wanted = if telling && bad && self.rest == 0 { self.wanted + 1 } else { 0 };
        if self.wanted > WANTED_BLOCKS {
            self.count = 0;
            let even = 1.0 / (self.tail * BLOCK) as f32;
            for part in 0..self.tail {
                (self.taps[part], self.candidate[part], self.shares[part]) =
                    ([0.0; BLOCK], [0.0; BLOCK], [even; BLOCK]);
                self.parts[part] = part as u16;
            }
            self.count = self.tail;
            (self.is_on, self.has_won, self.waits) = (true, false, false);
            (self.samples, self.age, self.wanted, self.wins) = (0, 0, 0, 0);
            self.trial = Trial::default();
        }
    }

    /// Eight steps, two at a time: those that would take both errors away together, were they made whole.
    #[inline(always)]
    fn adapt<L: Lanes>(&mut self, received: &[f32; CHUNK]) {
        for (pair, &[d0, d1]) in received.as_chunks::<2>().0.iter().enumerate() {
            let (echo, powers) = self.measure::<L>(2 * pair);
            let steps = project([d0 - echo[0], d1 - echo[1]], powers);
            self.step::<L>(2 * pair, steps);
            self.samples += 2;
            if self.samples.is_multiple_of(SHARES_SAMPLES) {
                if self.has_won && self.samples.is_multiple_of(NARROW_SAMPLES) {
                    self.narrow_down();
                }
                self.share_out();
            }
        }
    }

    /// The echoes at two neighbouring samples, and the powers 0 x 0, 0 x 1 and 1 x 1, each tap by its share.
    #[inline(always)]
    fn measure<L: Lanes>(&self, at: usize) -> ([f32; 2], [f32; 3]) {
        let mut sums = [[L::splat(0.0); 5]; 2];
        for &part in &self.parts[..self.count] {
            let part = usize::from(part);
            let (Some(x), Some(taps), Some(shares)) =
                (pair(&self.history, part, at), self.taps.get(part), self.shares.get(part))
            else {
                continue;
            };
            for j in 0..BLOCK / LANES {
                let [y0, y1, r00, r01, r11] = &mut sums[j % 2];
                let (x0, x1) = (L::load_at(x, j * LANES), L::load_at(x, j * LANES + 1));
                let (tap, share) = (L::load_at(taps, j * LANES), L::load_at(shares, j * LANES));
                *y0 = x0.mul_add(tap, *y0);
                *y1 = x1.mul_add(tap, *y1);
                let (g0, g1) = (x0.mul(share), x1.mul(share));
                *r00 = g0.mul_add(x0, *r00);
                *r01 = g0.mul_add(x1, *r01);
                *r11 = g1.mul_add(x1, *r11);
            }
        }
        let sum: [f32; 5] = core::array::from_fn(|i| sums[0][i].add(sums[1][i]).sum());
        ([sum[0], sum[1]], [sum[2], sum[3], sum[4]])
    }

    /// Moves the taps by two samples' steps.
    #[inline(always)]
    fn step<L: Lanes>(&mut self, at: usize, steps: [f32; 2]) {
        let (first, second) = (L::splat(steps[0]), L::splat(steps[1]));
        for &part in &self.parts[..self.count] {
            let part = usize::from(part);
            let (Some(x), Some(taps), Some(shares)) =
                (pair(&self.history, part, at), self.taps.get_mut(part), self.shares.get(part))
            else {
                continue;
            };
            for j in 0..BLOCK / LANES {
                let (x0, x1) = (L::load_at(x, j * LANES), L::load_at(x, j * LANES + 1));
                let moves = x0.mul_add(first, x1.mul(second));
                moves
                    .mul_add(L::load_at(shares, j * LANES), L::load_at(taps, j * LANES))
                    .store_at(taps, j * LANES);
            }
        }
    }

    /// Drops the partitions that carry the least echo: a part of them at each look, so that a second reflection has time to show.
    fn narrow_down(&mut self) {
        let energy = |part: u16| self.taps[usize::from(part)].iter().map(|tap| tap * tap).sum::<f32>();
        for (slot, &part) in self.energies.iter_mut().zip(&self.parts[..self.count]) {
            *slot = (energy(part), part);
        }
        let energies = &mut self.energies[..self.count];
        energies.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let least = CARRIES * energies[0].0;
        let at_least = LEAST_PARTS.max((self.count as f32 * KEPT) as usize).min(self.count);
        let carry = energies.iter().take_while(|(energy, _)| *energy > least).count();
        let kept = carry.max(at_least);
        for &(_, part) in &energies[kept..] {
            (self.taps[usize::from(part)], self.candidate[usize::from(part)]) = ([0.0; BLOCK], [0.0; BLOCK]);
        }
        for (slot, &(_, part)) in self.parts.iter_mut().zip(&energies[..kept]) {
            *slot = part;
        }
        self.count = kept;
    }

    /// Gives half of the step to all taps alike and half to each by its size.
    fn share_out(&mut self) {
        let parts = &self.parts[..self.count];
        let size: f32 = parts
            .iter()
            .map(|&part| self.taps[usize::from(part)].iter().map(|tap| tap.abs()).sum::<f32>())
            .sum();
        let (even, by_size) = (0.5 / (self.count * BLOCK) as f32, 0.5 / (size + 5e-4));
        for &part in parts {
            let (shares, taps) = (&mut self.shares[usize::from(part)], &self.taps[usize::from(part)]);
            shares.iter_mut().zip(taps).for_each(|(share, tap)| *share = even + by_size * tap.abs());
        }
    }

    /// What the candidate leaves of the newest block.
    #[inline(always)]
    fn try_out<L: Lanes>(&self, received: &[f32; CHUNK]) -> [f32; CHUNK] {
        let mut sums = [L::splat(0.0); CHUNK];
        for &part in &self.parts[..self.count] {
            let part = usize::from(part);
            if let Some(taps) = self.candidate.get(part) {
                convolve(taps, part * BLOCK, &self.history, &mut sums);
            }
        }
        let mut left = collect(&sums);
        left.iter_mut().zip(received).for_each(|(y, d)| *y = d - *y);
        left
    }

    /// Ends a trial that is long enough; a winner's taps are left in `candidate` until it is taken.
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
        self.wins = if wins { self.wins + 1 } else { 0 };
        if !wins {
            self.go_on();
        }
        if self.wins < if trusted { WINS } else { 1 } {
            return None;
        }
        let blocks = trial.blocks as f32;
        let part = trial.candidate / (trial.in_use + 1.0);
        let won = Won { left: part * trial.plain_in_use / blocks, received: trial.plain_received / blocks };
        (self.has_won, self.waits, self.left) = (true, true, won.left);
        Some(won)
    }

    /// Freezes the next candidate, once the winner has been taken.
    pub fn go_on(&mut self) {
        (self.waits, self.wins) = (false, 0);
        for &part in &self.parts[..self.count] {
            self.candidate[usize::from(part)] = self.taps[usize::from(part)];
        }
    }
}

/// Takes a part of every sample away from the next one.
#[derive(Clone, Copy, Default)]
struct Emphasis {
    /// The last sample of the block before, and the block.
    samples: [f32; CHUNK + 1],
}

impl Emphasis {
    #[inline(always)]
    fn of<L: Lanes>(&mut self, block: L) -> L {
        self.samples[0] = self.samples[CHUNK];
        block.store_at(&mut self.samples, 1);
        L::load_at(&self.samples, 0).mul_sub_from(L::splat(EMPHASIS), block)
    }
}

/// The sizes of two neighbouring samples' steps; `powers` are 0 x 0, 0 x 1 and 1 x 1.
fn project(errors: [f32; 2], powers: [f32; 3]) -> [f32; 2] {
    let regular = REGULAR + REGULAR_PART * (powers[0] + powers[2]);
    let (own, cross, next) = (powers[0] + regular, powers[1], powers[2] + regular);
    let step = STEP / (own * next - cross * cross);
    [step * (errors[0] * next - errors[1] * cross), step * (errors[1] * own - errors[0] * cross)]
}

/// The samples that a partition's taps meet at sample `at` of the newest block, and one more for the sample after it.
#[inline(always)]
fn pair(history: &History, part: usize, at: usize) -> Option<&[f32; BLOCK + 1]> {
    let (samples, now) = history.newest();
    samples.get((now + at + 1).saturating_sub((part + 1) * BLOCK)..)?.first_chunk()
}
