//! The Fourier transform of eight channels at once.
//!
//! Place on the path: the canceller's background, blocks of [`FRAME`] real samples to [`BINS`] complex bins and back. How: a
//! real frame is taken as half as many complex numbers; those pass through radix-4 and radix-2 steps of the Stockham form
//! (in order, no bit reversal), then even and odd parts are taken apart. Since a lane is a channel, no step ever moves a
//! value from lane to lane. Limits: one size, fixed when the program is built.

use core::f64::consts::TAU;

use super::lanes::{Lanes, V};
use super::{BINS, BLOCK, FRAME};

/// One complex bin of eight channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct C {
    pub re: V,
    pub im: V,
}

impl C {
    pub const ZERO: C = C { re: V::ZERO, im: V::ZERO };
}

/// The factors of the transform, the same for all channels.
pub struct Fft {
    /// `exp(-2 pi i k / BLOCK)`.
    turns: [(f32, f32); BLOCK],
    /// `exp(-2 pi i k / FRAME)`.
    halves: [(f32, f32); BINS],
    one: Box<[C; BLOCK]>,
    two: Box<[C; BLOCK]>,
}

fn turn(k: usize, of: usize) -> (f32, f32) {
    let (sin, cos) = (-TAU * k as f64 / of as f64).sin_cos();
    (cos as f32, sin as f32)
}

impl Fft {
    #[expect(clippy::disallowed_methods, reason = "allocates: called in `new` only")]
    pub fn new() -> Fft {
        Fft {
            turns: core::array::from_fn(|k| turn(k, BLOCK)),
            halves: core::array::from_fn(|k| turn(k, FRAME)),
            one: Box::new([C::ZERO; BLOCK]),
            two: Box::new([C::ZERO; BLOCK]),
        }
    }

    /// Transforms a frame.
    #[inline(always)]
    pub fn forward<L: Lanes>(&mut self, frame: &[V; FRAME], bins: &mut [C; BINS]) {
        for n in 0..BLOCK {
            self.one[n] = C { re: frame[2 * n], im: frame[2 * n + 1] };
        }
        self.complex::<L>();
        let z = &*self.one;
        let half = L::splat(0.5);
        for k in 0..=BLOCK / 2 {
            let (a, b) = (&z[k % BLOCK], &z[(BLOCK - k) % BLOCK]);
            let (ar, ai, br, bi) = (L::load(&a.re), L::load(&a.im), L::load(&b.re), L::load(&b.im));
            // even = (a + conj b) / 2, odd = -i (a - conj b) / 2
            let (er, ei) = (ar.add(br).mul(half), ai.sub(bi).mul(half));
            let (or, oi) = (ai.add(bi).mul(half), br.sub(ar).mul(half));
            let (c, s) = (L::splat(self.halves[k].0), L::splat(self.halves[k].1));
            let tr = oi.mul_sub_from(s, or.mul(c));
            let ti = oi.mul_add(c, or.mul(s));
            er.add(tr).store(&mut bins[k].re);
            ei.add(ti).store(&mut bins[k].im);
            er.sub(tr).store(&mut bins[BLOCK - k].re);
            ti.sub(ei).store(&mut bins[BLOCK - k].im);
        }
    }

    /// Transforms bins back to a frame. Not scaled: a frame there and back is `BLOCK` times what it was.
    #[inline(always)]
    pub fn inverse<L: Lanes>(&mut self, bins: &[C; BINS], frame: &mut [V; FRAME]) {
        let half = L::splat(0.5);
        for k in 0..=BLOCK / 2 {
            let (a, b) = (&bins[k], &bins[BLOCK - k]);
            let (ar, ai, br, bi) = (L::load(&a.re), L::load(&a.im), L::load(&b.re), L::load(&b.im));
            let (er, ei) = (ar.add(br).mul(half), ai.sub(bi).mul(half));
            let (dr, di) = (ar.sub(br).mul(half), ai.add(bi).mul(half));
            let (c, s) = (L::splat(self.halves[k].0), L::splat(-self.halves[k].1));
            let or = di.mul_sub_from(s, dr.mul(c));
            let oi = di.mul_add(c, dr.mul(s));
            // z = even + i odd; conjugated, so that the forward transform turns backwards.
            let low = &mut self.one[k % BLOCK];
            er.sub(oi).store(&mut low.re);
            L::splat(0.0).sub(ei.add(or)).store(&mut low.im);
            if k > 0 {
                let high = &mut self.one[BLOCK - k];
                er.add(oi).store(&mut high.re);
                ei.sub(or).store(&mut high.im);
            }
        }
        self.complex::<L>();
        for n in 0..BLOCK {
            frame[2 * n] = self.one[n].re;
            L::splat(0.0).sub(L::load(&self.one[n].im)).store(&mut frame[2 * n + 1]);
        }
    }

    /// The complex transform of `one`, through `two`, back into `one`.
    #[inline(always)]
    fn complex<L: Lanes>(&mut self) {
        let Fft { turns, one, two, .. } = self;
        let (mut from, mut to): (&mut [C; BLOCK], &mut [C; BLOCK]) = (one, two);
        let mut swapped = false;
        // n: points of each part; s: parts.
        let (mut n, mut s) = (BLOCK, 1);
        while n > 1 {
            if n % 4 == 0 {
                radix4::<L>(n, s, turns, from, to);
                (n, s) = (n / 4, s * 4);
            } else {
                radix2::<L>(s, from, to);
                (n, s) = (n / 2, s * 2);
            }
            core::mem::swap(&mut from, &mut to);
            swapped = !swapped;
        }
        if swapped {
            to.copy_from_slice(from);
        }
    }
}

#[inline(always)]
fn radix4<L: Lanes>(n: usize, s: usize, turns: &[(f32, f32); BLOCK], from: &[C; BLOCK], to: &mut [C; BLOCK]) {
    let quarter = n / 4;
    for p in 0..quarter {
        let w = |i: usize| {
            let (c, s) = turns[(i * p * s) % BLOCK];
            (L::splat(c), L::splat(s))
        };
        let (w1, w2, w3) = (w(1), w(2), w(3));
        for q in 0..s {
            let get = |i: usize| {
                let c = &from[q + s * (p + i * quarter)];
                (L::load(&c.re), L::load(&c.im))
            };
            let (a, b, c, d) = (get(0), get(1), get(2), get(3));
            let apc = (a.0.add(c.0), a.1.add(c.1));
            let amc = (a.0.sub(c.0), a.1.sub(c.1));
            let bpd = (b.0.add(d.0), b.1.add(d.1));
            // -i (b - d)
            let jbd = (b.1.sub(d.1), d.0.sub(b.0));
            let mut put = |i: usize, re: L, im: L, w: (L, L)| {
                let at = &mut to[q + s * (4 * p + i)];
                im.mul_sub_from(w.1, re.mul(w.0)).store(&mut at.re);
                im.mul_add(w.0, re.mul(w.1)).store(&mut at.im);
            };
            put(1, amc.0.add(jbd.0), amc.1.add(jbd.1), w1);
            put(2, apc.0.sub(bpd.0), apc.1.sub(bpd.1), w2);
            put(3, amc.0.sub(jbd.0), amc.1.sub(jbd.1), w3);
            let at = &mut to[q + s * 4 * p];
            apc.0.add(bpd.0).store(&mut at.re);
            apc.1.add(bpd.1).store(&mut at.im);
        }
    }
}

#[inline(always)]
fn radix2<L: Lanes>(s: usize, from: &[C; BLOCK], to: &mut [C; BLOCK]) {
    for q in 0..s {
        let (a, b) = (&from[q], &from[q + s]);
        let (ar, ai, br, bi) = (L::load(&a.re), L::load(&a.im), L::load(&b.re), L::load(&b.im));
        ar.add(br).store(&mut to[q].re);
        ai.add(bi).store(&mut to[q].im);
        ar.sub(br).store(&mut to[q + s].re);
        ai.sub(bi).store(&mut to[q + s].im);
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
        let (mut fft, mut bins, mut back) = (Fft::new(), [C::ZERO; BINS], [V::ZERO; FRAME]);
        fft.forward::<Portable>(&frame, &mut bins);
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
        fft.inverse::<Portable>(&bins, &mut back);
        for (a, b) in frame.iter().zip(&back) {
            for lane in 0..LANES {
                assert!((a.0[lane] - b.0[lane] / BLOCK as f32).abs() < 0.01);
            }
        }
    }
}
