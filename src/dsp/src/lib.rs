//! Sound on the telephone line: what is heard in it and what is made for it.
//!
//! Place on the path: after decoding, each strip runs its detector ([`dtmf`]) and meter ([`level`]) on every block;
//! before encoding it mixes ([`mix`]) what the channel shall hear with generated digits and tones ([`tone`]).
//!
//! Everything works on blocks of 8 samples at 8 kHz, holds fixed memory from `new` on, and has no branch that can
//! panic. Levels are in dBm0, see [`level`]. [`echo`] cancels. Not here yet: R2 and call progress detection.
#![warn(missing_docs)]

pub mod dtmf;
pub mod echo;
pub mod level;
pub mod mix;
mod osc;
pub mod tone;
mod trig;
