//! The Fourier transform of eight channels at once.
//!
//! Place on the path: the canceller's filters, blocks of [`FRAME`] real samples to [`BINS`] complex bins and back. How: a
//! real frame is taken as half as many complex numbers; those pass through three radix-4 steps of the Stockham form (in order, no
//! bit reversal), then even and odd parts are taken apart. Since a lane is a channel, no step ever moves a value from lane
//! to lane. The tables belong to a bank, the [`Scratch`] to whoever works. Limits: one size, fixed when the program is built.

use core::f64::consts::TAU;

use super::lanes::{Lanes, V};
use super::{BINS, BLOCK, FRAME};

const _: () = assert!(BLOCK == 64, "three steps of radix 4");

/// One complex bin of eight channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct C {
    pub re: V,
    pub im: V,
}

impl C {
    pub const ZERO: C = C { re: V::ZERO, im: V::ZERO };

    #[inline(always)]
    pub fn load<L: Lanes>(&self) -> (L, L) {
        (L::load(&self.re), L::load(&self.im))
    }

    #[inline(always)]
    pub fn store<L: Lanes>(&mut self, re: L, im: L) {
        re.store(&mut self.re);
        im.store(&mut self.im);
    }
}

/// Where a transform works.
pub struct Scratch {
    one: [C; BLOCK],
    two: [C; BLOCK],
}

impl Scratch {
    pub const fn new() -> Scratch {
        Scratch { one: [C::ZERO; BLOCK], two: [C::ZERO; BLOCK] }
    }
}

/// The factors of the transform, the same for all channels.
pub struct Fft {
    /// `exp(-2 pi i k / BLOCK)`.
    turns: [(f32, f32); BLOCK],
    /// `exp(-2 pi i k / FRAME)`.
    halves: [(f32, f32); BINS],
}

fn turn(k: usize, of: usize) -> (f32, f32) {
    let (sin, cos) = (-TAU * k as f64 / of as f64).sin_cos();
    (cos as f32, sin as f32)
}

impl Fft {
    pub fn new() -> Fft {
        Fft {
            turns: core::array::from_fn(|k| turn(k, BLOCK)),
            halves: core::array::from_fn(|k| turn(k, FRAME)),
        }
    }

    /// Transforms a frame.
    #[inline(always)]
    pub fn forward<L: Lanes>(&self, frame: &[V; FRAME], bins: &mut [C; BINS], scratch: &mut Scratch) {
        let Scratch { one, two } = scratch;
        let pairs = frame.as_chunks::<2>().0;
        let pair = |n: usize| (L::load(&pairs[n][0]), L::load(&pairs[n][1]));
        self.step::<L, 64, 1>(pair, |n, re, im| one[n].store(re, im));
        self.step::<L, 16, 4>(|n| one[n].load(), |n, re, im| two[n].store(re, im));
        self.step::<L, 4, 16>(|n| two[n].load(), |n, re, im| one[n].store(re, im));
        let half = L::splat(0.5);
        for k in 0..=BLOCK / 2 {
            let ((ar, ai), (br, bi)) = (one[k].load::<L>(), one[(BLOCK - k) % BLOCK].load::<L>());
            // even = (a + conj b) / 2, odd = -i (a - conj b) / 2
            let (er, ei) = (ar.add(br).mul(half), ai.sub(bi).mul(half));
            let (or, oi) = (ai.add(bi).mul(half), br.sub(ar).mul(half));
            let (c, s) = (L::splat(self.halves[k].0), L::splat(self.halves[k].1));
            let tr = oi.mul_sub_from(s, or.mul(c));
            let ti = oi.mul_add(c, or.mul(s));
            bins[k].store(er.add(tr), ei.add(ti));
            bins[BLOCK - k].store(er.sub(tr), ti.sub(ei));
        }
    }

    /// Transforms bins back to a frame. Not scaled: a frame there and back is `BLOCK` times what it was.
    #[inline(always)]
    pub fn inverse<L: Lanes>(&self, bins: &[C; BINS], frame: &mut [V; FRAME], scratch: &mut Scratch) {
        let Scratch { one, two } = scratch;
        let half = L::splat(0.5);
        for k in 0..=BLOCK / 2 {
            let ((ar, ai), (br, bi)) = (bins[k].load::<L>(), bins[BLOCK - k].load::<L>());
            let (er, ei) = (ar.add(br).mul(half), ai.sub(bi).mul(half));
            let (dr, di) = (ar.sub(br).mul(half), ai.add(bi).mul(half));
            let (c, s) = (L::splat(self.halves[k].0), L::splat(-self.halves[k].1));
            let or = di.mul_sub_from(s, dr.mul(c));
            let oi = di.mul_add(c, dr.mul(s));
            // z = even + i odd, with its parts exchanged, so that the forward steps turn backwards.
            one[k % BLOCK].store(ei.add(or), er.sub(oi));
            if k > 0 {
                one[BLOCK - k].store(or.sub(ei), er.add(oi));
            }
        }
        self.step::<L, 64, 1>(|n| one[n].load(), |n, re, im| two[n].store(re, im));
        self.step::<L, 16, 4>(|n| two[n].load(), |n, re, im| one[n].store(re, im));
        let pairs = frame.as_chunks_mut::<2>().0;
        let put = |n: usize, re: L, im: L| {
            im.store(&mut pairs[n][0]);
            re.store(&mut pairs[n][1]);
        };
        self.step::<L, 4, 16>(|n| one[n].load(), put);
    }

    /// One step of radix 4: `S` parts of `N` points each become `4 S` parts.
    #[inline(always)]
    fn step<L: Lanes, const N: usize, const S: usize>(
        &self,
        get: impl Fn(usize) -> (L, L),
        mut put: impl FnMut(usize, L, L),
    ) {
        let quarter = N / 4;
        for p in 0..quarter {
            let w = |i: usize| {
                let (c, s) = self.turns[i * p * S % BLOCK];
                (L::splat(c), L::splat(s))
            };
            let turned = |(re, im): (L, L), w: (L, L)| {
                (im.mul_sub_from(w.1, re.mul(w.0)), im.mul_add(w.0, re.mul(w.1)))
            };
            let (w1, w2, w3) = (w(1), w(2), w(3));
            for q in 0..S {
                let at = |i: usize| q + S * (p + i * quarter);
                let (a, b, c, d) = (get(at(0)), get(at(1)), get(at(2)), get(at(3)));
                let apc = (a.0.add(c.0), a.1.add(c.1));
                let amc = (a.0.sub(c.0), a.1.sub(c.1));
                let bpd = (b.0.add(d.0), b.1.add(d.1));
                // -i (b - d)
                let jbd = (b.1.sub(d.1), d.0.sub(b.0));
                let to = |i: usize| q + S * (4 * p + i);
                let mut one = (amc.0.add(jbd.0), amc.1.add(jbd.1));
                let mut two = (apc.0.sub(bpd.0), apc.1.sub(bpd.1));
                let mut three = (amc.0.sub(jbd.0), amc.1.sub(jbd.1));
                if p > 0 {
                    one = turned(one, w1);
                    two = turned(two, w2);
                    three = turned(three, w3);
                }
                put(to(0), apc.0.add(bpd.0), apc.1.add(bpd.1));
                put(to(1), one.0, one.1);
                put(to(2), two.0, two.1);
                put(to(3), three.0, three.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::lanes::{LANES, Portable};
    use super::*;

    #[test]
    fn a_frame_is_the_sum_of_its_bins_and_comes_back() {
        let mut prng = clock::Prng::new(1);
        let mut frame = [V::ZERO; FRAME];
        for v in &mut frame {
            v.0 = core::array::from_fn(|_| prng.below(2_001) as f32 - 1_000.0);
        }
        let (fft, mut scratch) = (Fft::new(), Scratch::new());
        let (mut bins, mut back) = ([C::ZERO; BINS], [V::ZERO; FRAME]);
        fft.forward::<Portable>(&frame, &mut bins, &mut scratch);
        for lane in 0..LANES {
            for (k, bin) in bins.iter().enumerate() {
                let (mut re, mut im) = (0.0, 0.0);
                for (n, v) in frame.iter().enumerate() {
                    let angle = -TAU * (k * n) as f64 / FRAME as f64;
                    re += f64::from(v.0[lane]) * angle.cos();
                    im += f64::from(v.0[lane]) * angle.sin();
                }
                let wrong = (re - f64::from(bin.re.0[lane])).abs() + (im - f64::from(bin.im.0[lane])).abs();
                assert!(wrong < 0.05, "lane {lane} bin {k}: {wrong}");
            }
        }
        fft.inverse::<Portable>(&bins, &mut back, &mut scratch);
        for (a, b) in frame.iter().zip(&back) {
            for lane in 0..LANES {
                assert!((a.0[lane] - b.0[lane] / BLOCK as f32).abs() < 0.01);
            }
        }
    }
}
