//! The foreground: the short filter in the time domain whose output is heard.
//!
//! Place on the path: from what was sent and what came back to what is passed on, in the same block: no sample of delay. How: a plain
//! convolution over the partitions that carry echo, its taps copied from whichever filter proved better. It never adapts by
//! itself. Limits: its cost grows with the taps in use, 32 at a time.

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
    pub fn push(&mut self, block: &[f32; CHUNK]) {
        self.at = (self.at + CHUNK) % self.ring;
        for start in [self.at, self.at + self.ring] {
            if let Some(place) = self.samples.get_mut(start..start + CHUNK) {
                place.copy_from_slice(block);
            }
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

/// The taps that are heard.
pub struct Foreground {
    /// By partition; within one, the longest delay first.
    taps: Box<[f32]>,
    /// The partitions that are not empty.
    used: Box<[u16]>,
    count: usize,
}

impl Foreground {
    /// Makes an empty filter. Allocates.
    pub fn new(taps: usize) -> Foreground {
        Foreground { taps: vec![0.0; taps].into(), used: vec![0; taps / BLOCK].into(), count: 0 }
    }

    /// True if it passes everything unchanged.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Passes everything from now on.
    pub fn clear(&mut self) {
        self.count = 0;
    }

    /// The echo that it expects in the newest block.
    #[inline(always)]
    pub fn echo<L: Lanes>(&self, history: &History) -> [f32; CHUNK] {
        let mut sums = [L::splat(0.0); CHUNK];
        for &part in &self.used[..self.count] {
            let part = usize::from(part);
            if let Some(taps) = self.taps.as_chunks().0.get(part) {
                convolve(taps, part * BLOCK, history, &mut sums);
            }
        }
        collect(&sums)
    }

    /// Asks for what [`Foreground::echo`] will need.
    #[inline(always)]
    pub fn fetch<L: Lanes>(&self, history: &History) {
        let (samples, now) = history.newest();
        for &part in &self.used[..self.count] {
            let taps = usize::from(part) * BLOCK;
            let start = (now + CHUNK + 1).saturating_sub(taps + BLOCK);
            for line in [0, BLOCK / 2, BLOCK + CHUNK - 2] {
                samples.get(start + line).into_iter().for_each(L::fetch);
                self.taps.get(taps + line).into_iter().for_each(L::fetch);
            }
        }
    }

    /// Takes a partition's taps, shortest delay first; follow up with [`Foreground::keep`].
    pub fn take(&mut self, part: usize, taps: impl Iterator<Item = f32>) {
        if let Some(place) = self.taps.get_mut(part * BLOCK..(part + 1) * BLOCK) {
            place.iter_mut().rev().zip(taps).for_each(|(slot, tap)| *slot = tap);
        }
    }

    /// Takes these partitions of another filter that is kept in the same way, and no others.
    pub fn take_parts(&mut self, taps: &[f32], parts: &[u16]) {
        for &part in parts {
            let place = usize::from(part) * BLOCK..(usize::from(part) + 1) * BLOCK;
            if let (Some(to), Some(from)) = (self.taps.get_mut(place.clone()), taps.get(place)) {
                to.copy_from_slice(from);
            }
        }
        self.keep(parts.iter().copied(), LEAST_OF_STARTER);
    }

    /// Uses these partitions, and of them only those that carry `least` of the strongest one's energy.
    pub fn keep(&mut self, parts: impl Iterator<Item = u16> + Clone, least: f32) {
        let energy = |part: u16| self.part(usize::from(part)).iter().map(|tap| tap * tap).sum::<f32>();
        let strongest = parts.clone().map(energy).fold(0.0, f32::max);
        let mut count = 0;
        for part in parts {
            let here = self.part(usize::from(part)).iter().map(|tap| tap * tap).sum::<f32>();
            if here > least * strongest && count < self.used.len() {
                self.used[count] = part;
                count += 1;
            }
        }
        self.count = count;
    }

    /// A partition's taps, longest delay first.
    pub fn part(&self, part: usize) -> &[f32] {
        self.taps.get(part * BLOCK..(part + 1) * BLOCK).unwrap_or(&[])
    }

    /// True if a partition is in use.
    pub fn uses(&self, part: usize) -> bool {
        self.used[..self.count].iter().any(|&used| usize::from(used) == part)
    }
}

/// A partition with less of the strongest one's energy than this is not heard: of the background's filter, and of a starter's,
/// which is noisier.
pub const LEAST_OF_BACKGROUND: f32 = 3e-5;
const LEAST_OF_STARTER: f32 = 3e-4;
