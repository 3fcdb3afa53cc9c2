//! Spectra of what was sent, and where a block is worked out.
//!
//! Place on the path: made once a block, met by the coefficients of the background and of the foreground. How: a ring, one
//! spectrum a block, as many as there are partitions. Limits: the partition `p` of a filter meets the
//! spectrum that is `p` blocks old; eight bits of precision, whose noise is 59 dB below the signal.

use super::fft::{C, Fft, Scratch};
use super::lanes::{H, Lanes, V};
use super::{BINS, BLOCK, FRAME};

/// One complex bin of eight channels in half the room: the state of all banks is larger than a processor's own cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Half {
    pub re: H,
    pub im: H,
}

impl Half {
    pub const ZERO: Half = Half { re: H::ZERO, im: H::ZERO };

    #[inline(always)]
    pub fn load<L: Lanes>(&self) -> (L, L) {
        (L::load_half(&self.re), L::load_half(&self.im))
    }

    #[inline(always)]
    fn store<L: Lanes>(&mut self, re: L, im: L) {
        re.store_half(&mut self.re);
        im.store_half(&mut self.im);
    }
}

/// What was sent.
pub struct Spectra {
    ring: Box<[[Half; BINS]]>,
    head: usize,
}

impl Spectra {
    /// Makes the ring for `parts` blocks of silence. Allocates.
    pub fn new(parts: usize) -> Spectra {
        Spectra { ring: vec![[Half::ZERO; BINS]; parts].into(), head: 0 }
    }

    /// Adds the spectrum of the block before and the present one.
    #[inline(always)]
    pub fn push<L: Lanes>(&mut self, fft: &Fft, frame: &[V; FRAME], work: &mut Work) {
        self.head = self.head.checked_sub(1).unwrap_or(self.ring.len() - 1);
        fft.forward::<L>(frame, &mut work.spectrum, &mut work.scratch);
        for (half, c) in self.ring[self.head].iter_mut().zip(&work.spectrum) {
            half.store(L::load(&c.re), L::load(&c.im));
        }
    }

    /// The spectrum that is `blocks` old; 0 is the newest.
    #[inline(always)]
    pub fn of(&self, blocks: usize) -> &[Half; BINS] {
        &self.ring[(self.head + blocks) % self.ring.len()]
    }

    /// Forgets one channel.
    pub fn clear(&mut self, lane: usize) {
        clear_halves(&mut self.ring, lane);
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

/// Empties one channel's bins.
pub fn clear_halves(bins: &mut [[Half; BINS]], lane: usize) {
    bins.iter_mut().flatten().for_each(|half| (half.re.0[lane], half.im.0[lane]) = (0, 0));
}

/// The energy of the taps that have this spectrum.
#[inline(always)]
pub fn energy<L: Lanes>(bins: &[C; BINS]) -> V {
    let mut sum = L::splat(0.0);
    for (k, c) in bins.iter().enumerate() {
        let (re, im) = (L::load(&c.re), L::load(&c.im));
        let square = re.mul_add(re, im.mul(im));
        // All bins but the edges stand for two.
        sum = sum.add(if k == 0 || k == BLOCK { square } else { square.add(square) });
    }
    let mut energy = V::ZERO;
    sum.mul(L::splat(1.0 / FRAME as f32)).store(&mut energy);
    energy
}
