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
const SURE: f32 = 4.0;
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
    noise: [V; BINS],
    error_mean: [V; BINS],
    echo_mean: [V; BINS],
    far: [V; BINS],
    regression: V,
    echo_variance: V,
    leak: V,
    filled: V,
    /// The sum of one partition's coefficients: a number, unless something in it is not one.
    sum: V,
    energy: Box<[V]>,
    window: Box<[u16]>,
    in_window: usize,
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
            noise: [V::ZERO; BINS],
            error_mean: [V::ZERO; BINS],
            echo_mean: [V::ZERO; BINS],
            far: [V::ZERO; BINS],
            regression: V::all(1.0),
            echo_variance: V::all(1.0),
            leak: V::all(1.0),
            filled: V::all(BINS as f32),
            sum: V::ZERO,
            energy: vec![V::ZERO; parts].into(),
            window: (0..parts as u16).collect(),
            in_window: 0,
            turn: 0,
            blocks: 0,
            tails: [parts; LANES],
        }
    }

    /// Forgets everything about one channel.
    pub fn reset(&mut self, lane: usize) {
        clear(&mut self.w, lane);
        for (part, variances) in self.p.iter_mut().enumerate() {
            let variance = if part < self.tails[lane] { FIRST_VARIANCE } else { 0.0 };
            variances.iter_mut().for_each(|p| p.0[lane] = variance);
        }
        for bins in [&mut self.noise, &mut self.error_mean, &mut self.echo_mean, &mut self.far] {
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
    /// stands in `work` still; `left` what the
    /// foreground left of `received`. `full` works on the whole tail; a channel whose `on` is 0 does not adapt.
    #[inline(always)]
    pub fn block<L: Lanes>(
        &mut self,
        (fft, x): (&Fft, &Spectra),
        (sent, received, left): (&[V; FRAME], &[V; BLOCK], &[V; BLOCK]),
        (on, full): (V, bool),
        work: &mut Work,
    ) -> BlockPowers {
        self.blocks = self.blocks.wrapping_add(1);
        self.choose::<L>(full);
        let count = if full { self.parts } else { (self.in_window + SCOUTS).min(self.parts) };
        self.look_at_far::<L>(&work.spectrum);
        self.filter::<L>(count, x, work);
        let powers = compare::<L>(fft, sent, received, left, work);
        self.find_leak::<L>(work);
        let mut adapt = on;
        for lane in 0..LANES {
            if powers.sent.0[lane] < ACTIVE {
                adapt.0[lane] = 0.0;
            }
        }
        self.update::<L>(count, &adapt, x, work);
        self.constrain::<L>(count, fft, work);
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
                let (energy, least) = (self.energy[part], self.least_sure::<L>(part));
                let inside = (0..LANES).any(|lane| {
                    energy.0[lane] > IN_WINDOW * strongest.0[lane] && energy.0[lane] > least.0[lane]
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
    }

    /// The energy from which the taps of a partition are more than their uncertainty.
    #[inline(always)]
    pub fn least_sure<L: Lanes>(&self, part: usize) -> V {
        let mut sum = L::splat(0.0);
        for p in &self.p[part] {
            sum = sum.add(L::load(p));
        }
        let mut least = V::ZERO;
        sum.mul(L::splat(SURE * 2.0 / FRAME as f32)).store(&mut least);
        least
    }

    /// The echo estimate's spectrum, and the power that the uncertain coefficients add to the error.
    #[inline(always)]
    fn filter<L: Lanes>(&self, count: usize, x: &Spectra, work: &mut Work) {
        work.spectrum = [C::ZERO; BINS];
        work.power = [V::ZERO; BINS];
        let (four, rest) = self.window[..count].as_chunks::<4>();
        let at = |part: &u16| {
            let part = usize::from(*part);
            (x.of(part), &self.w[part], &self.p[part])
        };
        for (index, parts) in four.iter().enumerate() {
            // The state of all banks is larger than a processor's own cache: the next partitions are asked for ahead.
            let next = four.get(index + 1).unwrap_or(parts);
            let parts = parts.each_ref().map(at);
            let next = next.each_ref().map(at);
            for k in 0..BINS {
                for (x, w, p) in next {
                    L::fetch(&x[k].re.0[0]);
                    L::fetch(&w[k].re.0[0]);
                    L::fetch(&p[k].0[0]);
                }
                let (y, sum) = (&mut work.spectrum[k], &mut work.power[k]);
                let mut sums = (L::load(&y.re), L::load(&y.im), L::load(sum));
                for (x, w, p) in parts {
                    sums = add_bin(&x[k], &w[k], &p[k], sums);
                }
                sums.0.store(&mut y.re);
                sums.1.store(&mut y.im);
                sums.2.store(sum);
            }
        }
        for (x, w, p) in rest.iter().map(at) {
            for k in 0..BINS {
                let (y, sum) = (&mut work.spectrum[k], &mut work.power[k]);
                let sums = add_bin(&x[k], &w[k], &p[k], (L::load(&y.re), L::load(&y.im), L::load(sum)));
                sums.0.store(&mut y.re);
                sums.1.store(&mut y.im);
                sums.2.store(sum);
            }
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
    fn update<L: Lanes>(&mut self, count: usize, adapt: &V, x: &Spectra, work: &mut Work) {
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
        for &part in &self.window[..count] {
            let part = usize::from(part);
            let (x, w, p) = (x.of(part), &mut self.w[part], &mut self.p[part]);
            for k in 0..BINS {
                let (xr, xi) = x[k].load::<L>();
                let (er, ei) = (L::load(&work.error[k].re), L::load(&work.error[k].im));
                let variance = L::load(&p[k]);
                let gr = xi.mul_add(ei, xr.mul(er));
                let gi = xi.mul_sub_from(er, xr.mul(ei));
                let wr = variance.mul_add(gr, L::load(&w[k].re));
                let wi = variance.mul_add(gi, L::load(&w[k].im));
                wr.store(&mut w[k].re);
                wi.store(&mut w[k].im);
                let x2 = xi.mul_add(xi, xr.mul(xr));
                let w2 = wi.mul_add(wi, wr.mul(wr));
                let known = variance.mul(L::load(&work.power[k])).mul_sub_from(x2, one);
                let grown = drift.mul_add(w2, least);
                variance.mul(known).mul_add(kept, grown).store(&mut p[k]);
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

    /// Brings some partitions back to `BLOCK` taps: the second half of each belongs to the next one.
    #[inline(always)]
    fn constrain<L: Lanes>(&mut self, count: usize, fft: &Fft, work: &mut Work) {
        for step in 0..CONSTRAINED.min(count) {
            let part = usize::from(self.window[(self.turn + step) % count]);
            take_taps::<L>(&self.w[part], fft, work).store(&mut self.energy[part]);
            self.cut(part, &mut work.frame);
            fft.forward::<L>(&work.frame, &mut self.w[part], &mut work.scratch);
        }
        self.turn = (self.turn + CONSTRAINED) % count.max(1);
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

/// Adds a bin of a partition to the echo estimate and to the power of what is uncertain in it.
#[inline(always)]
fn add_bin<L: Lanes>(x: &Half, w: &C, p: &V, (re, im, power): (L, L, L)) -> (L, L, L) {
    let (xr, xi) = x.load::<L>();
    let (wr, wi) = (L::load(&w.re), L::load(&w.im));
    let re = xi.mul_sub_from(wi, xr.mul_add(wr, re));
    let im = xi.mul_add(wr, xr.mul_add(wi, im));
    let sent = xi.mul_add(xi, xr.mul(xr));
    (re, im, sent.mul_add(L::load(p), power))
}
