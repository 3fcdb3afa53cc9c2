//! The foreground: the filter whose output is heard.
//!
//! Place on the path: from what was sent and what came back to what is passed on, in the same block: no sample of delay. How: the
//! taps of the first partition meet the newest samples in the time domain; all others meet samples that are a block old at
//! least, so that their echo of a whole block is known before it begins, from the spectra that the background has already
//! made. It never adapts by itself: it takes over the background's or the starter's filter, from one block to the next.
//! Limits: eight channels share the list of partitions in use.

use super::fft::{C, Fft};
use super::kalman::{Kalman, SURE};
use super::lanes::{LANES, Lanes, V, half};
use super::spectra::{Half, Spectra, Work, clear_halves, energy};
use super::{BINS, BLOCK, FRAME};
use tdm::CHUNK;

/// A partition with less of the strongest one's energy than this is not heard: of the background's filter, and of a starter's,
/// which is noisier.
const LEAST_OF_BACKGROUND: f32 = 3e-5;
const LEAST_OF_STARTER: f32 = 3e-4;

/// What is taken of a channel's background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Nothing: the channel keeps what it has.
    Nothing,
    /// All partitions.
    All,
    /// Those that are more than noise.
    Sure,
}

/// The filters of eight channels.
pub struct Foreground {
    /// By partition, the shortest delay first; a channel that does not use one has zeros there.
    w: Box<[[Half; BINS]]>,
    /// The energy of each partition's taps.
    energy: Box<[V]>,
    /// The taps of the first partition, the shortest delay first.
    first: [V; BLOCK],
    /// The partitions but the first that some channel uses.
    used: Box<[u16]>,
    count: usize,
    /// The echo that all partitions but the first expect in the present block.
    expected: [V; BLOCK],
}

impl Foreground {
    /// Makes filters of `parts` partitions that pass everything. Allocates.
    pub fn new(parts: usize) -> Foreground {
        Foreground {
            w: vec![[Half::ZERO; BINS]; parts].into(),
            energy: vec![V::ZERO; parts].into(),
            first: [V::ZERO; BLOCK],
            used: vec![0; parts].into(),
            count: 0,
            expected: [V::ZERO; BLOCK],
        }
    }

    /// True if a channel's filter passes everything unchanged.
    pub fn is_empty(&self, lane: usize) -> bool {
        self.energy.iter().all(|energy| energy.0[lane] == 0.0)
    }

    /// A channel passes everything from now on.
    pub fn clear(&mut self, lane: usize) {
        clear_halves(&mut self.w, lane);
        for values in [&mut self.energy[..], &mut self.first, &mut self.expected] {
            values.iter_mut().for_each(|value| value.0[lane] = 0.0);
        }
    }

    /// The echo that is expected in the eight samples from `fill` on; `sent` is the block before and the present one.
    #[inline(always)]
    pub fn echo<L: Lanes>(&self, sent: &[V; FRAME], fill: usize) -> [L; CHUNK] {
        let expected = self.expected.get(fill..).and_then(|from| from.first_chunk::<CHUNK>());
        let sent = sent.get(fill + 1..).and_then(|from| from.first_chunk::<{ BLOCK + CHUNK - 1 }>());
        let (Some(expected), Some(sent)) = (expected, sent) else {
            return [L::splat(0.0); CHUNK];
        };
        let mut sums: [L; CHUNK] = core::array::from_fn(|i| L::load(&expected[i]));
        for (j, tap) in self.first.iter().enumerate() {
            let tap = L::load(tap);
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = tap.mul_add(L::load(&sent[BLOCK - 1 - j + i]), *sum);
            }
        }
        sums
    }

    /// Works out what is expected in the next block; the newest of `x` is the spectrum of the present one.
    #[inline(always)]
    pub fn expect<L: Lanes>(&mut self, fft: &Fft, x: &Spectra, work: &mut Work) {
        work.spectrum.fill(C::ZERO);
        for (index, &part) in self.used[..self.count].iter().enumerate() {
            let (part, next) =
                (usize::from(part), self.used.get(index + 1).map_or(0, |&next| usize::from(next)));
            add_product::<L>(x.of(part - 1), &self.w[part], &self.w[next], &mut work.spectrum);
        }
        fft.inverse::<L>(&work.spectrum, &mut work.frame, &mut work.scratch);
        let scale = L::splat(1.0 / BLOCK as f32);
        for (to, from) in self.expected.iter_mut().zip(&work.frame[BLOCK..]) {
            L::load(from).mul(scale).store(to);
        }
    }

    /// Takes the background's filters where they are wanted. Follow up with [`Foreground::settle`].
    #[inline(always)]
    pub fn take_background<L: Lanes>(
        &mut self,
        kalman: &Kalman,
        takes: [Take; LANES],
        fft: &Fft,
        work: &mut Work,
    ) {
        let lanes = || (0..LANES).filter(|&lane| takes[lane] != Take::Nothing);
        kalman.first_taps::<L>(fft, work);
        for lane in lanes() {
            self.first.iter_mut().zip(&work.frame).for_each(|(to, from)| to.0[lane] = from.0[lane]);
        }
        for (part, w) in self.w.iter_mut().enumerate() {
            let (energy, (echo, unsure)) = (energy::<L>(kalman.coefficients(part)), kalman.weigh::<L>(part));
            for lane in lanes() {
                let is_taken = takes[lane] == Take::All || echo.0[lane] > SURE * unsure.0[lane];
                self.energy[part].0[lane] = if is_taken { energy.0[lane] } else { 0.0 };
                put(kalman.coefficients(part), lane, w, lane);
            }
        }
        lanes().for_each(|lane| self.keep(lane, LEAST_OF_BACKGROUND));
    }

    /// Takes a starter's filter: `taps` by partition, in each the longest delay first, of which it has `parts`. Follow up with
    /// [`Foreground::settle`].
    #[inline(always)]
    pub fn take_starter<L: Lanes>(
        &mut self,
        lane: usize,
        taps: &[[f32; BLOCK]],
        parts: &[u16],
        fft: &Fft,
        work: &mut Work,
    ) {
        self.clear(lane);
        // Eight partitions of one channel are transformed as if they were eight channels.
        for eight in parts.chunks(LANES) {
            work.frame.fill(V::ZERO);
            for (place, &part) in eight.iter().enumerate() {
                let Some(taps) = taps.get(usize::from(part)) else { continue };
                work.frame.iter_mut().zip(taps.iter().rev()).for_each(|(to, tap)| to.0[place] = *tap);
                self.energy[usize::from(part)].0[lane] = taps.iter().map(|tap| tap * tap).sum();
                if part == 0 {
                    self.first.iter_mut().zip(taps.iter().rev()).for_each(|(to, tap)| to.0[lane] = *tap);
                }
            }
            fft.forward::<L>(&work.frame, &mut work.spectrum, &mut work.scratch);
            for (place, &part) in eight.iter().enumerate() {
                put(&work.spectrum, place, &mut self.w[usize::from(part)], lane);
            }
        }
        self.keep(lane, LEAST_OF_STARTER);
    }

    /// Keeps only those of a channel's partitions that carry `least` of the strongest one's energy.
    fn keep(&mut self, lane: usize, least: f32) {
        let strongest = self.energy.iter().map(|energy| energy.0[lane]).fold(0.0, f32::max);
        for (part, energy) in self.energy.iter_mut().enumerate() {
            if energy.0[lane] > least * strongest {
                continue;
            }
            energy.0[lane] = 0.0;
            clear_halves(core::slice::from_mut(&mut self.w[part]), lane);
            if part == 0 {
                self.first.iter_mut().for_each(|tap| tap.0[lane] = 0.0);
            }
        }
    }

    /// Lists anew which partitions are in use.
    pub fn settle(&mut self) {
        self.count = 0;
        for (part, energy) in self.energy.iter().enumerate().skip(1) {
            if energy.0.iter().any(|&energy| energy > 0.0) {
                self.used[self.count] = part as u16;
                self.count += 1;
            }
        }
    }

    /// A partition's coefficients, and the energy of a channel's taps in it: 0 where the channel does not use it.
    pub fn part(&self, part: usize, lane: usize) -> (&[Half; BINS], f32) {
        (&self.w[part], self.energy[part].0[lane])
    }
}

/// Copies one lane to another in half the room.
fn put(from: &[C; BINS], place: usize, to: &mut [Half; BINS], lane: usize) {
    for (to, from) in to.iter_mut().zip(from) {
        (to.re.0[lane], to.im.0[lane]) = (half(from.re.0[place]), half(from.im.0[place]));
    }
}

/// Adds the product of two spectra, and asks for the `next` one ahead.
#[inline(always)]
fn add_product<L: Lanes>(x: &[Half; BINS], w: &[Half; BINS], next: &[Half; BINS], sum: &mut [C; BINS]) {
    for (((x, w), next), sum) in x.iter().zip(w).zip(next).zip(sum) {
        L::fetch(next);
        let ((xr, xi), (wr, wi)) = (x.load::<L>(), w.load::<L>());
        xi.mul_sub_from(wi, xr.mul_add(wr, L::load(&sum.re))).store(&mut sum.re);
        xi.mul_add(wr, xr.mul_add(wi, L::load(&sum.im))).store(&mut sum.im);
    }
}
