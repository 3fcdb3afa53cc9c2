//! Messages and census between the line process and the switch process.
//!
//! The line process tells [`Event`]s about [legs](LegId) and spans; the switch process gives [`Order`]s. They meet on
//! one Unix socket, as length-framed [postcard](wire). On every attach the line process first tells all it holds (the
//! **census**), so that a switch that was killed goes on with the calls that went on without it. What the switch must
//! remember of a call it leaves as a **note** on the leg; it comes back with the census.
//!
//! Bounds: a message is at most [`wire::MAX_MESSAGE`] octets, a note [`MAX_NOTE`], a number [`MAX_NUMBER`] digits. When
//! the switch does not take its events, the line process closes the link; the next attach repairs all by census.
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod census;
mod event;
mod id;
mod order;
pub mod wire;

pub use census::{EndedLeg, Health, LegCensus, LegState, Seating, SpanCensus};
pub use event::{Event, RecordingState, ToSwitch};
pub use id::{LegId, PlayId, RecordingId};
pub use order::{Destination, Order, ToLine, Treatment};

/// The version of these messages; both ends must have the same.
pub const PROTOCOL: u16 = 2;
/// The longest note on a leg, in octets.
pub const MAX_NOTE: usize = 4096;
/// The longest number, in digits (Q.931 allows less in one element; overlap may add).
pub const MAX_NUMBER: usize = 40;
/// The most prompts in one `Play`.
pub const MAX_PROMPTS: usize = 32;
/// The most digits kept for a switch that is away.
pub const MAX_HELD_DIGITS: usize = 32;

/// A cause value of Q.850, 1 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Cause(pub u8);

impl Cause {
    /// 1: the number is not assigned.
    pub const UNALLOCATED: Cause = Cause(1);
    /// 16: normal call clearing.
    pub const NORMAL: Cause = Cause(16);
    /// 17: the called user is busy.
    pub const BUSY: Cause = Cause(17);
    /// 18: the called equipment does not respond.
    pub const NO_RESPONSE: Cause = Cause(18);
    /// 19: it was alerted, nobody answered.
    pub const NO_ANSWER: Cause = Cause(19);
    /// 21: the call was rejected.
    pub const REJECTED: Cause = Cause(21);
    /// 27: the destination's line is out of order.
    pub const OUT_OF_ORDER: Cause = Cause(27);
    /// 28: the number is incomplete or malformed.
    pub const BAD_NUMBER: Cause = Cause(28);
    /// 31: normal, unspecified.
    pub const UNSPECIFIED: Cause = Cause(31);
    /// 34: no channel is available.
    pub const NO_CHANNEL: Cause = Cause(34);
    /// 38: the network is out of order.
    pub const NETWORK_DOWN: Cause = Cause(38);
    /// 41: a temporary failure.
    pub const TEMPORARY: Cause = Cause(41);
    /// 42: congestion of the switching equipment.
    pub const CONGESTION: Cause = Cause(42);
    /// 47: a resource is unavailable, unspecified.
    pub const NO_RESOURCE: Cause = Cause(47);
}
