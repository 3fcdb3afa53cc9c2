//! The card's side in software: registers, DMA, framers and the lines between them, a millisecond at a time.
//!
//! ```text
//!  host: registers --strobes--> framers 0..8 --Signal--> wires (cut, loop, cross) --Signal--> framers
//!  host: memory   ---DMA------> slots --------^                                    '--> slots --DMA--> memory
//! ```
//!
//! [`Card::tick`] lives through a millisecond. [`Registers`](crate::Registers) is the host's side. What goes wrong is asked
//! for through [`Faults`]. Each behaviour names the fact (F) it comes from, or is marked `unverified`.
//!
//! Limits: a millisecond is the smallest step; no voltages, bit stuffing, line codes beyond their being equal at both ends.

mod card;
mod framer;
mod line;

pub use card::{Card, ClockFrom, Faults, ModelConfig, Plug, Tally};
