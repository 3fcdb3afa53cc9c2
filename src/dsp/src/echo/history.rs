//! What was sent, sample by sample, for filters in the time domain.
//!
//! Place on the path: beneath the starter. How: a ring in which every sample is kept twice, so that any stretch of the tail
//! lies in one piece. Limits: a stretch of one partition and one block at a time.

use super::BLOCK;
use super::lanes::{LANES, Lanes, V};
use tdm::CHUNK;

/// What was sent, newest last; every sample is kept twice, so that any stretch of the tail lies in one piece.
pub struct History {
    samples: Box<[f32]>,
    ring: usize,
    at: usize,
}

impl History {
    /// Makes the history for a tail of `taps`. Allocates.
    pub fn new(taps: usize) -> History {
        let ring = taps + BLOCK;
        History { samples: vec![0.0; 2 * ring].into(), ring, at: 0 }
    }

    /// Adds a block.
    #[inline(always)]
    pub fn push<L: Lanes>(&mut self, block: L) {
        self.at = (self.at + CHUNK) % self.ring;
        for start in [self.at, self.at + self.ring] {
            block.store_at(&mut self.samples, start);
        }
    }

    /// All samples, and where the first one of the newest block lies among them.
    #[inline(always)]
    pub fn newest(&self) -> (&[f32], usize) {
        (&self.samples, self.at + self.ring)
    }

    /// Forgets.
    pub fn clear(&mut self) {
        self.samples.fill(0.0);
    }
}

/// Convolves the newest block with a partition's taps, longest delay first, the last one at a delay of `delay` samples.
#[inline(always)]
pub fn convolve<L: Lanes>(taps: &[f32; BLOCK], delay: usize, history: &History, sums: &mut [L; CHUNK]) {
    let (samples, now) = history.newest();
    let start = (now + 1).saturating_sub(delay + BLOCK);
    let Some(samples) = samples.get(start..).and_then(|from| from.first_chunk::<{ BLOCK + CHUNK - 1 }>())
    else {
        return;
    };
    for j in 0..BLOCK / LANES {
        let tap = L::load_at(taps, j * LANES);
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = tap.mul_add(L::load_at(samples, i + j * LANES), *sum);
        }
    }
}

/// Adds each sum's lanes.
#[inline(always)]
pub fn collect<L: Lanes>(sums: &[L; CHUNK]) -> [f32; CHUNK] {
    let mut all = V::ZERO;
    L::sums(sums).store(&mut all);
    all.0
}
