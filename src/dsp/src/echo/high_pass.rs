//! A high pass of second order at 250 Hz for eight channels at once.
//!
//! Place on the path: before the powers by which the non-linear processor judges, and nothing else. Down there the far end says so
//! little that what the canceller leaves is hardly less than the echo itself, while people are heard by what lies above.
//! How: Butterworth's, in the transposed form.

use super::lanes::{Lanes, V};
use tdm::CHUNK;

/// tan(pi 250 / 8000), and the divisor of all coefficients.
const K: f32 = 0.098_491_4;
const NORM: f32 = 1.0 + core::f32::consts::SQRT_2 * K + K * K;
const B: f32 = 1.0 / NORM;
const A1: f32 = 2.0 * (K * K - 1.0) / NORM;
const A2: f32 = (1.0 - core::f32::consts::SQRT_2 * K + K * K) / NORM;
/// Added to every sample, so that the state never becomes so small that the processor is slow with it.
const TINY: f32 = 1e-9;

/// The filter's state.
#[derive(Clone, Copy, Debug)]
pub struct HighPass([V; 2]);

impl HighPass {
    /// Makes a filter at rest.
    pub const fn new() -> HighPass {
        HighPass([V::ZERO; 2])
    }

    /// Forgets what a channel has heard.
    pub fn clear(&mut self, lane: usize) {
        self.0.iter_mut().for_each(|state| state.0[lane] = 0.0);
    }

    /// Filters eight samples of each channel.
    #[inline(always)]
    pub fn filter<L: Lanes>(&mut self, samples: &[L; CHUNK]) -> [L; CHUNK] {
        let (mut s1, mut s2) = (L::load(&self.0[0]), L::load(&self.0[1]));
        let (b0, b1, a1, a2) = (L::splat(B), L::splat(-2.0 * B), L::splat(A1), L::splat(A2));
        let out = samples.map(|x| {
            let x = x.add(L::splat(TINY));
            let y = b0.mul_add(x, s1);
            s1 = y.mul_sub_from(a1, b1.mul_add(x, s2));
            s2 = y.mul_sub_from(a2, b0.mul(x));
            y
        });
        s1.store(&mut self.0[0]);
        s2.store(&mut self.0[1]);
        out
    }
}
