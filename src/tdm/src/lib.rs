//! The vocabulary of telephone lines, used by every layer above.
//!
//! A **span** is one E1 or T1 line, or one bank of analog ports. It has **timeslots** (ports count as
//! timeslots); a timeslot of a span is a **channel**. Samples travel as **chunks** (8 octets as on the line,
//! 1 ms) and, decoded, as **blocks** (8 linear samples). [`hdlc`] turns bits of a D-channel into frames.
//!
//! Source: ITU-T G.704 (frames), G.711 (octets), Q.921/Q.703 (frames in timeslots).
#![warn(missing_docs)]

mod frame;
pub mod hdlc;
mod line;
mod span;

pub use frame::{HdlcFrame, MAX_FRAME};
pub use line::{Abcd, Alarms, HookState, Law, Polarity};
pub use span::{ChannelId, SpanId, SpanKind, Timeslot};

/// Samples in a chunk or block: 1 ms at 8 kHz.
pub const CHUNK: usize = 8;

/// One millisecond of one channel, octets as on the line.
pub type Chunk = [u8; CHUNK];

/// One millisecond of one channel, linear 16-bit samples.
pub type Block = [i16; CHUNK];

/// A block of silence.
pub const SILENCE: Block = [0; CHUNK];
