//! Sound on the telephone line: what is heard in it and what is made for it.
//!
//! Place on the path: after decoding, the detectors of all channels hear every block ([`listen`], sixteen channels at
//! once by [`bank`]) and meters measure it ([`level`]);
//! before encoding it mixes ([`mix`]) what the channel shall hear with generated digits and tones ([`tone`]).
//!
//! Everything works on blocks of 8 samples at 8 kHz, holds fixed memory from `new` on, and has no branch that can
//! panic. Levels are in dBm0, see [`level`]. [`echo`] cancels. [`caller_id`] alone reads messages and may allocate: it is for the signalling thread.
#![warn(missing_docs)]
#![allow(clippy::needless_range_loop, reason = "lanes of several arrays are walked side by side")]

pub mod amd;
pub mod bank;
pub mod caller_id;
pub mod dtmf;
pub mod echo;
pub mod fsk;
pub mod level;
pub mod listen;
pub mod mf;
pub mod mix;
mod osc;
pub mod progress;
pub mod signal;
pub mod tone;
mod trig;
pub mod voice;
