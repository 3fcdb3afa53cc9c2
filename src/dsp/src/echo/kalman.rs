//! The background: a partitioned-block Kalman filter in the frequency domain, eight channels at once.
//!
//! Place on the path: behind the foreground, which alone makes the output; this one may be wrong without anybody hearing it. How:
//! the tail is cut into partitions of [`BLOCK`] taps; each bin of each partition holds a coefficient and the variance of its
//! error. A block's step is the Kalman gain: variance over (variance of all partitions + power of what is not echo), so
//! that near-end speech shortens the step bin by bin at once. The process noise follows the *leak*, the part of the error's
//! power that moves with the echo estimate's: a changed path opens the filter, a talking neighbour does not.
//!
//! Only partitions that carry echo in one of the eight channels (the window), and a few others in turn, are worked on
//! once no channel converges. Source: Enzner and Vary 2006; Kuech et al. 2014; the leak: Valin 2007.

use super::fft::{C, Fft};
use super::lanes::{LANES, Lanes, V, whole};
use super::spectra::{Half, Spectra, Work, clear};
use super::{BINS, BLOCK, FRAME};

/// The variance of an unknown coefficient.
const FIRST_VARIANCE: f32 = 0.01;
/// The least variance added a block.
const LEAST_VARIANCE: f32 = 1e-9;
/// Process noise a block, as a part of a coefficient's power: at rest and at most.
const LEAST_DRIFT: f32 = 0.000_2;
const MOST_DRIFT: f32 = 0.02;
/// How much of the noise estimate each block keeps.
const NOISE_KEPT: f32 = 0.49;
/// The power below which a frame's bin is taken for noise.
const FLOOR: f32 = 2.0 * BLOCK as f32 * 4.0;
/// How fast the means and the regression of the leak follow.
const LEAK_MEAN: f32 = 0.1;
const LEAK_FOLLOWS: f32 = 0.04;
/// Mean square of the far end (and of the echo estimate) below which a channel does not adapt.
const ACTIVE: f32 = 100.0;
/// A bin counts as filled above this part of the strongest; a signal that fills fewer bins than these is narrow.
const FILLED: f32 = 0.001_2;
const NARROW_BINS: f32 = 14.5;
const FAR_FOLLOWS: f32 = 0.135;
/// Partitions that are brought back to [`BLOCK`] taps in each block, and partitions outside the window looked at.
const CONSTRAINED: usize = 4;
const SCOUTS: usize = 2;
/// A partition is in the window while a channel has this part of its strongest partition's energy there, and so many times the
/// energy that the uncertainty of the taps alone would give it: what is only noise is left out.
const IN_WINDOW: f32 = 3e-5;
pub const SURE: f32 = 2.0;
/// Blocks between two looks at the window.
const WINDOW_BLOCKS: u32 = 8;

/// Powers of one block, one per channel: mean squares.
#[derive(Clone, Copy)]
pub struct BlockPowers {
    /// Received.
    pub received: V,
    /// Sent.
    pub sent: V,
    /// What the foreground left.
    pub foreground: V,
    /// What the background left.
    pub background: V,
}

/// The background of eight channels.
pub struct Kalman {
    parts: usize,
    /// Coefficients, partition 0 is the shortest delay.
    w: Box<[[C; BINS]]>,
    /// The variances of their errors.
    p: Box<[[V; BINS]]>,
    /// The echo estimate of the next block but for the first partition, and the power that uncertain coefficients will add to its error.
    next: [C; BINS],
    next_power: [V; BINS],
    /// Coefficients were changed since: the estimate has to be made anew.
    is_stale: bool,
    noise: [V; BINS],
    error_mean: [V; BINS],
    echo_mean: [V; BINS],
    far: [V; BINS],
    /// The same over a longer time.
    long_far: [V; BINS],
    regression: V,
    echo_variance: V,
    leak: V,
    filled: V,
    /// The sum of one partition's coefficients: a number, unless something in it is not one.
    sum: V,
    energy: Box<[V]>,
    /// The partitions that the next block works on: `in_window` with echo and the scouts behind them; then all others.
    window: Box<[u16]>,
    in_window: usize,
    /// By partition: the next block works on it.
    is_next: Box<[bool]>,
    /// Those that the present block works on.
    now: Box<[u16]>,
    count: usize,
    next_count: usize,
    turn: usize,
    blocks: u32,
    /// The partitions that each channel's tail has.
    tails: [usize; LANES],
}

impl Kalman {
    /// Makes a filter of `parts` partitions. Allocates.
    pub fn new(parts: usize) -> Kalman {
        Kalman {
            parts,
            w: vec![[C::ZERO; BINS]; parts].into(),
            p: vec![[V::all(FIRST_VARIANCE); BINS]; parts].into(),
            next: [C::ZERO; BINS],
            next_power: [V::ZERO; BINS],
            is_stale: false,
            noise: [V::ZERO; BINS],
            error_mean: [V::ZERO; BINS],
            echo_mean: [V::ZERO; BINS],
            far: [V::ZERO; BINS],
            long_far: [V::ZERO; BINS],
            regression: V::all(1.0),
            echo_variance: V::all(1.0),
            leak: V::all(1.0),
            filled: V::all(BINS as f32),
            sum: V::ZERO,
            energy: vec![V::ZERO; parts].into(),
            window: (0..parts as u16).collect(),
            in_window: parts,
            is_next: vec![true; parts].into(),
            now: (0..parts as u16).collect(),
            count: parts,
            next_count: parts,
            turn: 0,
            blocks: 0,
            tails: [parts; LANES],
        }
    }

    /// Forgets everything about one channel.
    pub fn reset(&mut self, lane: usize) {
        clear(&mut self.w, lane);
        self.is_stale = true;
        for (part, variances) in self.p.iter_mut().enumerate() {
            let variance = if part < self.tails[lane] { FIRST_VARIANCE } else { 0.0 };
            variances.iter_mut().for_each(|p| p.0[lane] = variance);
        }
        for bins in
            [&mut self.noise, &mut self.error_mean, &mut self.echo_mean, &mut self.far, &mut self.long_far]
        {
            bins.iter_mut().for_each(|v| v.0[lane] = 0.0);
        }
        (self.regression.0[lane], self.echo_variance.0[lane], self.leak.0[lane]) = (1.0, 1.0, 1.0);
        self.energy.iter_mut().for_each(|e| e.0[lane] = 0.0);
        self.filled.0[lane] = BINS as f32;
    }

    /// Shortens a channel's tail; takes effect with its next reset.
    pub fn set_tail(&mut self, lane: usize, parts: usize) {
        self.tails[lane] = parts.min(self.parts);
    }

    /// The number of partitions.
    pub fn parts(&self) -> usize {
        self.parts
    }

    /// A partition's coefficients.
    pub fn coefficients(&self, part: usize) -> &[C; BINS] {
        &self.w[part]
    }

    /// True if what the channel sends has so few frequencies that it says little about the path.
    pub fn is_narrow(&self, lane: usize) -> bool {
        self.filled.0[lane] < NARROW_BINS && self.blocks > 12
    }

    /// True if a number of the channel is not one.
    pub fn is_broken(&self, lane: usize) -> bool {
        !(self.sum.0[lane].is_finite() && self.leak.0[lane].is_finite() && self.noise[1].0[lane].is_finite())
    }

    /// Works on one block: `sent` is the block before and the present one, whose spectrum is the newest of `x` and
    /// stands in `work` still; `left` is what the foreground left of `received`. `full` works on the whole tail; a channel whose
    /// `on` is 0 does not adapt.
    #[inline(always)]
    pub fn block<L: Lanes>(
        &mut self,
        (fft, x): (&Fft, &Spectra),
        (sent, received, left): (&[V; FRAME], &[V; BLOCK], &[V; BLOCK]),
        (on, full): (V, bool),
        work: &mut Work,
    ) -> BlockPowers {
        self.blocks = self.blocks.wrapping_add(1);
        self.look_at_far::<L>(&work.spectrum);
        if self.is_stale || (full && self.count < self.parts) {
            self.now.copy_from_slice(&self.window);
            self.count = self.parts;
            self.estimate::<L>(x);
        }
        self.is_stale = false;
        self.filter::<L>(x.of(0), work);
        let powers = compare::<L>(fft, sent, received, left, work);
        self.find_leak::<L>(work);
        let mut adapt = on;
        for lane in 0..LANES {
            if powers.sent.0[lane] < ACTIVE {
                adapt.0[lane] = 0.0;
            }
        }
        self.choose::<L>(full);
        self.update::<L>(&adapt, x, work);
        self.constrain::<L>(x, fft, work);
        self.go_on::<L>(x);
        self.add_up::<L>();
        powers
    }

    /// Puts the window first in the list of partitions and the scouts of this block behind it.
    #[inline(always)]
    fn choose<L: Lanes>(&mut self, full: bool) {
        if self.blocks.is_multiple_of(WINDOW_BLOCKS) || full {
            let mut strongest = V::ZERO;
            for energy in &self.energy {
                for lane in 0..LANES {
                    strongest.0[lane] = strongest.0[lane].max(energy.0[lane]);
                }
            }
            let (mut first, mut last) = (0, self.parts);
            for part in 0..self.parts {
                let (energy, (echo, unsure)) = (self.energy[part], self.weigh::<L>(part));
                // The newest samples always count.
                let inside = part == 0
                    || (0..LANES).any(|lane| {
                        energy.0[lane] > IN_WINDOW * strongest.0[lane] && echo.0[lane] > SURE * unsure.0[lane]
                    });
                if inside {
                    self.window[first] = part as u16;
                    first += 1;
                } else {
                    last -= 1;
                    self.window[last] = part as u16;
                }
            }
            self.in_window = first;
        } else if self.in_window < self.parts {
            self.window[self.in_window..].rotate_left(SCOUTS.min(self.parts - self.in_window));
        }
        self.next_count = if full { self.parts } else { (self.in_window + SCOUTS).min(self.parts) };
        self.is_next.fill(false);
        for &part in &self.window[..self.next_count] {
            self.is_next[usize::from(part)] = true;
        }
    }

    /// The echo that a partition makes of what is sent, and the one that its uncertainty alone would make, in power.
    #[inline(always)]
    pub fn weigh<L: Lanes>(&self, part: usize) -> (V, V) {
        let (mut echo, mut unsure) = (L::splat(0.0), L::splat(0.0));
        for ((far, w), p) in self.long_far.iter().zip(&self.w[part]).zip(&self.p[part]) {
            let (far, re, im) = (L::load(far), L::load(&w.re), L::load(&w.im));
            echo = far.mul_add(re.mul_add(re, im.mul(im)), echo);
            unsure = far.mul_add(L::load(p), unsure);
        }
        let mut both = (V::ZERO, V::ZERO);
        echo.store(&mut both.0);
        unsure.store(&mut both.1);
        both
    }

    /// Makes the estimate anew, when coefficients were changed since it was made; the newest of `x` is the present block.
    #[inline(always)]
    fn estimate<L: Lanes>(&mut self, x: &Spectra) {
        (self.next, self.next_power) = ([C::ZERO; BINS], [V::ZERO; BINS]);
        for part in 1..self.parts {
            self.add::<L>(part, x.of(part));
        }
    }

    /// The echo estimate's spectrum, and the power that the uncertain coefficients add to the error: what was made ready, and the
    /// first partition's.
    #[inline(always)]
    fn filter<L: Lanes>(&self, x: &[Half; BINS], work: &mut Work) {
        (work.spectrum, work.power) = (self.next, self.next_power);
        for k in 0..BINS {
            let (w, p) = (self.w[0][k].load(), L::load(&self.p[0][k]));
            add_bin::<L>(x[k].load(), w, p, &mut work.spectrum[k], &mut work.power[k]);
        }
    }

    /// How much of the error's power moves with the echo estimate's.
    #[inline(always)]
    fn find_leak<L: Lanes>(&mut self, work: &Work) {
        let zero = L::splat(0.0);
        let (mut cross, mut own, mut error, mut echo) = (zero, zero, zero, zero);
        let (follow, two) = (L::splat(LEAK_MEAN), L::splat(2.0));
        for k in 1..BINS - 1 {
            let (er, ei) = (L::load(&work.error[k].re), L::load(&work.error[k].im));
            let (yr, yi) = (L::load(&work.spectrum[k].re), L::load(&work.spectrum[k].im));
            // The error's frame is half empty.
            let e2 = er.mul_add(er, ei.mul(ei)).mul(two);
            let y2 = yr.mul_add(yr, yi.mul(yi));
            let (em, ym) = (L::load(&self.error_mean[k]), L::load(&self.echo_mean[k]));
            let (de, dy) = (e2.sub(em), y2.sub(ym));
            de.mul_add(follow, em).store(&mut self.error_mean[k]);
            dy.mul_add(follow, ym).store(&mut self.echo_mean[k]);
            cross = de.mul_add(dy, cross);
            own = dy.mul_add(dy, own);
            error = error.add(e2);
            echo = echo.add(y2);
        }
        let one = L::splat(1.0);
        // Where there is no echo estimate nothing is learned.
        let heard =
            echo.sub(L::splat(BLOCK as f32 * FRAME as f32 * ACTIVE)).mul(L::splat(1e6)).max(zero).min(one);
        let rate = echo.div(error.add(echo).add(one)).mul(L::splat(LEAK_FOLLOWS)).mul(heard);
        let (cross_was, own_was) = (L::load(&self.regression), L::load(&self.echo_variance));
        let own = own.sub(own_was).mul_add(rate, own_was).max(one);
        let cross = cross.sub(cross_was).mul_add(rate, cross_was).max(own.mul(L::splat(1e-5))).min(own);
        own.store(&mut self.echo_variance);
        cross.store(&mut self.regression);
        cross.div(own).store(&mut self.leak);
    }

    /// How many bins what is sent fills.
    #[inline(always)]
    fn look_at_far<L: Lanes>(&mut self, x: &[C; BINS]) {
        let (half, follow) = (L::splat(0.5), L::splat(FAR_FOLLOWS));
        let mut strongest = L::splat(0.0);
        for k in 1..BINS - 1 {
            // A Hann window, laid on as a sum of neighbours: without it a tone would fill all bins.
            let side_re = L::load(&x[k - 1].re).add(L::load(&x[k + 1].re));
            let side_im = L::load(&x[k - 1].im).add(L::load(&x[k + 1].im));
            let re = side_re.mul_sub_from(half, L::load(&x[k].re));
            let im = side_im.mul_sub_from(half, L::load(&x[k].im));
            let was = L::load(&self.far[k]);
            let now = re.mul_add(re, im.mul(im)).sub(was).mul_add(follow, was);
            now.store(&mut self.far[k]);
            strongest = strongest.max(now);
            let was = L::load(&self.long_far[k]);
            now.sub(was).mul_add(L::splat(0.02), was).store(&mut self.long_far[k]);
        }
        let least = strongest.mul(L::splat(FILLED));
        let (mut count, zero, one) = (L::splat(0.0), L::splat(0.0), L::splat(1.0));
        for k in 1..BINS - 1 {
            let above = L::load(&self.far[k]).sub(least).mul(L::splat(1e9));
            count = count.add(above.max(zero).min(one));
        }
        count.store(&mut self.filled);
    }

    /// The Kalman step: coefficients and variances.
    #[inline(always)]
    fn update<L: Lanes>(&mut self, adapt: &V, x: &Spectra, work: &mut Work) {
        let on = L::load(adapt);
        let drift = L::load(&self.leak).max(L::splat(LEAST_DRIFT)).min(L::splat(MOST_DRIFT));
        let (half, one) = (L::splat(0.5), L::splat(1.0));
        for k in 0..BINS {
            let (er, ei) = (L::load(&work.error[k].re), L::load(&work.error[k].im));
            let power = er.mul_add(er, ei.mul(ei));
            let kept = L::splat(NOISE_KEPT);
            let noise = L::load(&self.noise[k]).mul_add(kept, power.mul(one.sub(kept)));
            noise.store(&mut self.noise[k]);
            let all = L::load(&work.power[k]).mul_add(half, noise).add(L::splat(FLOOR));
            let share = on.div(all);
            er.mul(share).store(&mut work.error[k].re);
            ei.mul(share).store(&mut work.error[k].im);
            half.mul(share).store(&mut work.power[k]);
        }
        let (kept, least) = (one.sub(drift), on.mul(L::splat(LEAST_VARIANCE)));
        let drift = drift.mul(on);
        // Where a channel does not adapt, its variances stay.
        let kept = kept.sub(one).mul_add(on, one);
        (self.next, self.next_power) = ([C::ZERO; BINS], [V::ZERO; BINS]);
        let step = Step { drift, kept, least };
        for index in 0..self.count {
            let part = usize::from(self.now[index]);
            let adds = part > 0 && self.is_next[part] && !self.is_in_turn(index);
            let ahead = self.now.get(index + 1).map_or((part + 1) % self.parts, |&next| usize::from(next));
            let (both_w, both_p) =
                (self.w.get_disjoint_mut([part, ahead]), self.p.get_disjoint_mut([part, ahead]));
            let (Ok([w, next_w]), Ok([p, next_p])) = (both_w, both_p) else { continue };
            let (now, later, next_x) = (x.of(part), x.of(part.saturating_sub(1)), x.of(ahead));
            for k in 0..BINS {
                // The state of all banks is larger than a processor's own cache: the next partition is asked for ahead.
                L::fetch(&next_w[k]);
                L::fetch(&next_p[k]);
                L::fetch(&next_x[k]);
                let (moved, variance) =
                    step.bin(&now[k], &work.error[k], &work.power[k], &mut w[k], &mut p[k]);
                if adds {
                    add_bin::<L>(
                        later[k].load(),
                        moved,
                        variance,
                        &mut self.next[k],
                        &mut self.next_power[k],
                    );
                }
            }
        }
    }

    #[inline(always)]
    fn add_up<L: Lanes>(&mut self) {
        let mut sum = L::splat(0.0);
        for c in &self.w[self.turn % self.parts] {
            sum = sum.add(L::load(&c.re)).add(L::load(&c.im));
        }
        sum.store(&mut self.sum);
    }

    /// True for a place in the window whose partition is brought back to `BLOCK` taps in this block.
    fn is_in_turn(&self, index: usize) -> bool {
        (index + self.count - self.turn % self.count) % self.count < CONSTRAINED
    }

    /// Brings some partitions back to `BLOCK` taps, since the second half of each belongs to the next one, and adds them to the estimate.
    #[inline(always)]
    fn constrain<L: Lanes>(&mut self, x: &Spectra, fft: &Fft, work: &mut Work) {
        let count = self.count;
        for step in 0..CONSTRAINED.min(count) {
            let part = usize::from(self.now[(self.turn + step) % count]);
            take_taps::<L>(&self.w[part], fft, work).store(&mut self.energy[part]);
            self.cut(part, &mut work.frame);
            fft.forward::<L>(&work.frame, &mut self.w[part], &mut work.scratch);
            if part > 0 && self.is_next[part] {
                self.add::<L>(part, x.of(part - 1));
            }
        }
        self.turn = (self.turn + CONSTRAINED) % count.max(1);
    }

    /// Makes the list of the next block the present one, and adds to the estimate what was not on the list before.
    #[inline(always)]
    fn go_on<L: Lanes>(&mut self, x: &Spectra) {
        for &part in &self.now[..self.count] {
            self.is_next[usize::from(part)] = false;
        }
        self.now.copy_from_slice(&self.window);
        self.count = self.next_count;
        for part in 1..self.parts {
            if self.is_next[part] {
                self.add::<L>(part, x.of(part - 1));
            }
        }
    }

    /// Adds what a partition makes of `x` to the estimate.
    #[inline(always)]
    fn add<L: Lanes>(&mut self, part: usize, x: &[Half; BINS]) {
        for k in 0..BINS {
            let (w, p) = (self.w[part][k].load(), L::load(&self.p[part][k]));
            add_bin::<L>(x[k].load(), w, p, &mut self.next[k], &mut self.next_power[k]);
        }
    }

    /// Keeps the channels whose tail ends before `part` from growing there.
    #[inline(always)]
    fn cut(&mut self, part: usize, taps: &mut [V; FRAME]) {
        for lane in (0..LANES).filter(|&lane| part >= self.tails[lane]) {
            taps.iter_mut().for_each(|tap| tap.0[lane] = 0.0);
            self.p[part].iter_mut().for_each(|p| p.0[lane] = 0.0);
            self.energy[part].0[lane] = 0.0;
        }
    }

    /// Leaves the taps of the first partition in the first half of `work.frame`.
    #[inline(always)]
    pub fn first_taps<L: Lanes>(&self, fft: &Fft, work: &mut Work) {
        take_taps::<L>(&self.w[0], fft, work);
    }

    /// Sets one channel's partition to these coefficients, whose taps have this energy; with `variance` also its uncertainty.
    pub fn set(
        &mut self,
        lane: usize,
        part: usize,
        (w, energy): (&[Half; BINS], f32),
        variance: Option<f32>,
    ) {
        self.energy[part].0[lane] = energy;
        self.is_stale = true;
        for (to, from) in self.w[part].iter_mut().zip(w) {
            (to.re.0[lane], to.im.0[lane]) = (whole(from.re.0[lane]), whole(from.im.0[lane]));
        }
        if let Some(variance) = variance {
            self.p[part].iter_mut().for_each(|p| p.0[lane] = variance);
        }
    }
}

/// The error of the block and its spectrum, and the powers of both paths.
#[inline(always)]
fn compare<L: Lanes>(
    fft: &Fft,
    sent: &[V; FRAME],
    received: &[V; BLOCK],
    left: &[V; BLOCK],
    work: &mut Work,
) -> BlockPowers {
    fft.inverse::<L>(&work.spectrum, &mut work.frame, &mut work.scratch);
    let scale = L::splat(1.0 / BLOCK as f32);
    let zero = L::splat(0.0);
    let (mut received_power, mut sent_power, mut left_power, mut power) = (zero, zero, zero, zero);
    for i in 0..BLOCK {
        let d = L::load(&received[i]);
        let e = L::load(&work.frame[BLOCK + i]).mul_sub_from(scale, d);
        e.store(&mut work.frame[BLOCK + i]);
        power = e.mul_add(e, power);
        received_power = d.mul_add(d, received_power);
        let x = L::load(&sent[BLOCK + i]);
        sent_power = x.mul_add(x, sent_power);
        let f = L::load(&left[i]);
        left_power = f.mul_add(f, left_power);
    }
    work.frame[..BLOCK].fill(V::ZERO);
    fft.forward::<L>(&work.frame, &mut work.error, &mut work.scratch);
    let mean = |sum: L| {
        let mut mean = V::ZERO;
        sum.mul(scale).store(&mut mean);
        mean
    };
    BlockPowers {
        received: mean(received_power),
        sent: mean(sent_power),
        foreground: mean(left_power),
        background: mean(power),
    }
}

/// Leaves a partition's taps in the first half of `work.frame`, zeros in the second, and returns their energy.
#[inline(always)]
fn take_taps<L: Lanes>(w: &[C; BINS], fft: &Fft, work: &mut Work) -> L {
    fft.inverse::<L>(w, &mut work.frame, &mut work.scratch);
    let scale = L::splat(1.0 / BLOCK as f32);
    let mut energy = L::splat(0.0);
    for tap in &mut work.frame[..BLOCK] {
        let scaled = L::load(tap).mul(scale);
        scaled.store(tap);
        energy = scaled.mul_add(scaled, energy);
    }
    work.frame[BLOCK..].fill(V::ZERO);
    energy
}

/// The Kalman step of a block.
#[derive(Clone, Copy)]
struct Step<L> {
    drift: L,
    kept: L,
    least: L,
}

impl<L: Lanes> Step<L> {
    /// Moves a coefficient and its variance, and returns both.
    #[inline(always)]
    fn bin(&self, x: &Half, error: &C, power: &V, w: &mut C, p: &mut V) -> ((L, L), L) {
        let (xr, xi) = x.load::<L>();
        let (er, ei) = error.load::<L>();
        let variance = L::load(p);
        let gr = xi.mul_add(ei, xr.mul(er));
        let gi = xi.mul_sub_from(er, xr.mul(ei));
        let (wr, wi) = w.load::<L>();
        let (wr, wi) = (variance.mul_add(gr, wr), variance.mul_add(gi, wi));
        w.store(wr, wi);
        let x2 = xi.mul_add(xi, xr.mul(xr));
        let w2 = wi.mul_add(wi, wr.mul(wr));
        let known = variance.mul(L::load(power)).mul_sub_from(x2, L::splat(1.0));
        let grown = self.drift.mul_add(w2, self.least);
        let variance = variance.mul(known).mul_add(self.kept, grown);
        variance.store(p);
        ((wr, wi), variance)
    }
}

/// Adds a bin of a partition to the echo estimate and to the power of what is uncertain in it.
#[inline(always)]
fn add_bin<L: Lanes>((xr, xi): (L, L), (wr, wi): (L, L), p: L, sum: &mut C, power: &mut V) {
    let (re, im) = sum.load::<L>();
    let re = xi.mul_sub_from(wi, xr.mul_add(wr, re));
    let im = xi.mul_add(wr, xr.mul_add(wi, im));
    sum.store(re, im);
    let sent = xi.mul_add(xi, xr.mul(xr));
    sent.mul_add(p, L::load(power)).store(power);
}
