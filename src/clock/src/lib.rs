//! Time and chance, as values that are handed in.
//!
//! Cores never read a clock: they are told `now` as a [`Mono`]. Samples carry a [`SampleTime`], counted by the
//! card. Wall time exists only at the edges and is derived from a [`WallAnchor`]. Chance is a seeded [`Prng`].
//!
//! Limits: `Mono` covers 584 years, `SampleTime` 73 million years at 8 kHz; both saturate instead of wrapping.
#![warn(missing_docs)]

mod mono;
mod prng;
mod real;
mod sample;
mod wall;

pub use mono::Mono;
pub use prng::Prng;
pub use real::{Clock, MonoClock, VirtualClock};
pub use sample::{SAMPLE_RATE_HZ, SampleTime};
pub use wall::WallAnchor;
