//! What is done with voices: activity ([`vad`]), level ([`agc`]), lost packets ([`plc`]), comfort noise ([`noise`]).
//!
//! Gain and mixing are in [`crate::mix`], meters in [`crate::level`]. Resampling to and from 16 and 48 kHz allocates and
//! waits on nobody: it is a library's work, outside this crate, where sound leaves the line.

pub mod agc;
pub mod noise;
pub mod plc;
pub mod vad;
