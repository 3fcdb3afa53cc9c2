//! Sound on the telephone line: what is heard in it and what is made for it.
//!
//! Place on the path: after decoding, each strip runs its detector ([`dtmf`]) and meter ([`level`]) on every block;
//! before encoding it mixes ([`mix`]) what the channel shall hear with generated digits and tones ([`tone`]).
//!
//! Everything works on blocks of 8 samples at 8 kHz, holds fixed memory from `new` on, and has no branch that can
//! panic. Levels are in dBm0, see [`level`]. Not here yet: echo cancelling, R2 and call progress detection.
#![warn(missing_docs)]

pub mod amd;
pub mod bank;
pub mod caller_id;
pub mod dtmf;
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
