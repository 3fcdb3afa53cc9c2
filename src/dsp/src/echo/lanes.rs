//! Eight channels side by side: one value of each, worked on together.
//!
//! Place on the path: beneath every loop of the canceller's background. How: state is stored as [`V`], eight floats of
//! eight channels; the kernels are written once over the trait [`Lanes`] and compiled twice, for plain arrays (any
//! processor) and for AVX2 with FMA (`avx.rs`, chosen once at `new`). Limits: the two differ by rounding, since FMA rounds
//! once where the portable form rounds twice; `tests/echo_bad_input.rs` states by how much.

use tdm::{Block, CHUNK};

/// Channels of a bank.
pub const LANES: usize = 8;

const _: () = assert!(LANES == CHUNK, "a block of each channel is a square");

/// One value of each of the eight channels.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(32))]
pub struct V(pub [f32; LANES]);

impl V {
    pub const ZERO: V = V([0.0; LANES]);

    /// The same value in every lane.
    pub const fn all(value: f32) -> V {
        V([value; LANES])
    }
}

/// One value of each of the eight channels in half the room: the upper half of the float, eight bits of precision.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(16))]
pub struct H(pub [u16; LANES]);

impl H {
    pub const ZERO: H = H([0; LANES]);
}

/// Returns the upper half of a float, rounded to the nearest; ties go away from zero.
pub fn half(of: f32) -> u16 {
    (of.to_bits().wrapping_add(0x8000) >> 16) as u16
}

/// Returns the float that has this upper half.
pub fn whole(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

/// Arithmetic on eight lanes; every operation is lane by lane.
pub trait Lanes: Copy {
    fn load(from: &V) -> Self;
    fn store(self, to: &mut V);
    fn load_half(from: &H) -> Self;
    fn store_half(self, to: &mut H);
    /// Loads eight neighbouring floats of one channel, from `at` on; zeros if they are not all there.
    fn load_at(from: &[f32], at: usize) -> Self;
    /// Stores to eight neighbouring floats of one channel, from `at` on; to none if they are not all there.
    fn store_at(self, to: &mut [f32], at: usize);
    /// Loads a block of one channel.
    fn load_block(from: &Block) -> Self;
    /// Stores a block of one channel, rounded to even and limited to what a sample can be.
    fn store_block(self, to: &mut Block);
    /// Turns eight samples of each of eight channels into eight channels of each of eight samples, and back.
    fn transpose(rows: [Self; LANES]) -> [Self; LANES];
    fn splat(value: f32) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    /// `self * factor + term`.
    fn mul_add(self, factor: Self, term: Self) -> Self;
    /// `term - self * factor`.
    fn mul_sub_from(self, factor: Self, term: Self) -> Self;
    /// Asks for the cache line of something that is needed soon.
    fn fetch<T>(of: &T);
    /// The sum of the eight lanes.
    fn sum(self) -> f32;
    /// The sums of eight times eight lanes: the first one in the first lane, and so on.
    fn sums(of: &[Self; LANES]) -> Self;
}

/// The form for any processor.
#[derive(Clone, Copy)]
pub struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        let mut out = self.0;
        for (a, b) in out.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        Portable(out)
    }
}

impl Lanes for Portable {
    #[inline(always)]
    fn load(from: &V) -> Self {
        Portable(from.0)
    }
    #[inline(always)]
    fn store(self, to: &mut V) {
        to.0 = self.0;
    }
    #[inline(always)]
    fn load_half(from: &H) -> Self {
        Portable(from.0.map(whole))
    }
    #[inline(always)]
    fn store_half(self, to: &mut H) {
        to.0 = self.0.map(half);
    }
    #[inline(always)]
    fn load_at(from: &[f32], at: usize) -> Self {
        let mut out = [0.0; LANES];
        if let Some(part) = from.get(at..at + LANES) {
            out.copy_from_slice(part);
        }
        Portable(out)
    }
    #[inline(always)]
    fn store_at(self, to: &mut [f32], at: usize) {
        if let Some(part) = to.get_mut(at..at + LANES) {
            part.copy_from_slice(&self.0);
        }
    }
    #[inline(always)]
    fn load_block(from: &Block) -> Self {
        Portable(from.map(f32::from))
    }
    #[inline(always)]
    fn store_block(self, to: &mut Block) {
        // A float conversion saturates.
        *to = self.0.map(|sample| sample.round_ties_even() as i16);
    }
    #[inline(always)]
    fn transpose(rows: [Self; LANES]) -> [Self; LANES] {
        core::array::from_fn(|i| Portable(core::array::from_fn(|lane| rows[lane].0[i])))
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Portable([value; LANES])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        self.mul(factor).add(term)
    }
    #[inline(always)]
    fn mul_sub_from(self, factor: Self, term: Self) -> Self {
        term.sub(self.mul(factor))
    }
    #[inline(always)]
    fn fetch<T>(_: &T) {}
    #[inline(always)]
    fn sum(self) -> f32 {
        self.0.iter().sum()
    }
    #[inline(always)]
    fn sums(of: &[Self; LANES]) -> Self {
        Portable(core::array::from_fn(|lane| of[lane].sum()))
    }
}
