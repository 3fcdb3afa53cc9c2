//! Spectra of what was sent, and where a block is worked out.
//!
//! Place on the path: made once a block, met by the coefficients of the background and of the foreground. How: a ring, one
//! spectrum a block, as many as there are partitions. Limits: the partition `p` of a filter meets the spectrum that is `p` blocks old.

use super::fft::{C, Fft, Scratch};
use super::lanes::{LANES, Lanes, V};
use super::{BINS, BLOCK, FRAME};

/// What was sent.
pub struct Spectra {
    ring: Box<[[C; BINS]]>,
    head: usize,
}

impl Spectra {
    /// Makes the ring for `parts` blocks of silence. Allocates.
    pub fn new(parts: usize) -> Spectra {
        Spectra { ring: vec![[C::ZERO; BINS]; parts].into(), head: 0 }
    }

    /// Adds the spectrum of the block before and the present one.
    #[inline(always)]
    pub fn push<L: Lanes>(&mut self, fft: &Fft, frame: &[V; FRAME], scratch: &mut Scratch) {
        self.head = self.head.checked_sub(1).unwrap_or(self.ring.len() - 1);
        fft.forward::<L>(frame, &mut self.ring[self.head], scratch);
    }

    /// The spectrum that is `blocks` old; 0 is the newest.
    #[inline(always)]
    pub fn of(&self, blocks: usize) -> &[C; BINS] {
        &self.ring[(self.head + blocks) % self.ring.len()]
    }

    /// Forgets one channel.
    pub fn clear(&mut self, lane: usize) {
        clear(&mut self.ring, lane);
    }
}

/// Where the block of a bank is worked out: nothing in it outlives the block, so that all banks use the same memory.
pub struct Work {
    pub scratch: Scratch,
    pub spectrum: [C; BINS],
    pub error: [C; BINS],
    pub power: [V; BINS],
    pub frame: [V; FRAME],
}

impl Work {
    pub const fn new() -> Work {
        Work {
            scratch: Scratch::new(),
            spectrum: [C::ZERO; BINS],
            error: [C::ZERO; BINS],
            power: [V::ZERO; BINS],
            frame: [V::ZERO; FRAME],
        }
    }
}

/// Empties one channel's bins.
pub fn clear(bins: &mut [[C; BINS]], lane: usize) {
    bins.iter_mut().flatten().for_each(|c| (c.re.0[lane], c.im.0[lane]) = (0.0, 0.0));
}

/// Copies one channel's bins.
pub fn copy(from: &[C; BINS], to: &mut [C; BINS], lane: usize) {
    for (to, from) in to.iter_mut().zip(from) {
        (to.re.0[lane], to.im.0[lane]) = (from.re.0[lane], from.im.0[lane]);
    }
}

/// The energy of the taps that have this spectrum.
#[inline(always)]
pub fn energy<L: Lanes>(bins: &[C; BINS]) -> V {
    let square = |c: &C| {
        let (re, im) = (L::load(&c.re), L::load(&c.im));
        re.mul_add(re, im.mul(im))
    };
    let edges = square(&bins[0]).add(square(&bins[BLOCK]));
    let inner = bins[1..BLOCK].iter().fold(L::splat(0.0), |sum, c| sum.add(square(c)));
    let mut energy = V::ZERO;
    inner.add(inner).add(edges).mul(L::splat(1.0 / FRAME as f32)).store(&mut energy);
    energy
}

const _: () = assert!(LANES == 8);
