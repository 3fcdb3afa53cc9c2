//! Frequency shift keying as telephone lines use it: made ([`Modulator`]) and heard (octets and flags in
//! [`crate::listen::Heard`]).
//!
//! Bell 202 and V.23 carry caller identity at 1200 bit/s, V.23 has a backward channel of 75 bit/s, and channel 2 of V.21
//! carries the flags by which a facsimile machine begins to speak.
//!
//! Limits: 8 data bits, no parity. Sources: ITU-T V.21, V.23; Bell 202 (frequencies as published; clauses `unverified`).

mod detect;
mod modulate;

pub use detect::{FskEvent, MIN_FLAGS};
pub(crate) use detect::{FskLanes, FskTables};
pub use modulate::Modulator;

/// A way to send bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FskSpec {
    /// The frequency of a 1.
    pub mark_hz: f32,
    /// The frequency of a 0.
    pub space_hz: f32,
    /// Bits a second.
    pub bit_rate: f32,
}

/// Bell 202: caller identity in North America.
pub const BELL_202: FskSpec = FskSpec { mark_hz: 1_200.0, space_hz: 2_200.0, bit_rate: 1_200.0 };

/// V.23, forward channel, mode 2: caller identity in Europe.
pub const V23: FskSpec = FskSpec { mark_hz: 1_300.0, space_hz: 2_100.0, bit_rate: 1_200.0 };

/// V.23, backward channel.
pub const V23_BACKWARD: FskSpec = FskSpec { mark_hz: 390.0, space_hz: 450.0, bit_rate: 75.0 };

/// V.21, channel 2.
pub const V21_CHANNEL_2: FskSpec = FskSpec { mark_hz: 1_650.0, space_hz: 1_850.0, bit_rate: 300.0 };

/// V.21, channel 1.
pub const V21_CHANNEL_1: FskSpec = FskSpec { mark_hz: 980.0, space_hz: 1_180.0, bit_rate: 300.0 };
