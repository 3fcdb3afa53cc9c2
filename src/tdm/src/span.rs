//! Names of lines: which span, which timeslot, what kind.
//!
//! A `SpanId` is the number an operator writes in the configuration; it is the same in logs, on the page and
//! on the link. Timeslots count from 1; timeslot 0 of an E1 (framing) is never a channel.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::Law;

/// The number of a span, as configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpanId(pub u16);

/// A timeslot of a digital span, or a port of an analog one; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timeslot(pub u8);

/// One channel: a timeslot of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChannelId {
    /// The span.
    pub span: SpanId,
    /// The timeslot in it.
    pub timeslot: Timeslot,
}

/// What a span is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SpanKind {
    /// 2,048 kbit/s: timeslots 1 to 31.
    E1,
    /// 1,544 kbit/s: timeslots 1 to 24.
    T1,
    /// Ports that telephones are plugged into: we feed, ring and read the hook.
    Fxs,
    /// Ports that exchange lines are plugged into: we go off-hook and are rung.
    Fxo,
}

impl SpanKind {
    /// Returns the number of channels: fixed for digital spans, the largest allowed for analog ones.
    pub const fn max_channels(self) -> u8 {
        match self {
            SpanKind::E1 => 31,
            SpanKind::T1 => 24,
            SpanKind::Fxs | SpanKind::Fxo => 31,
        }
    }

    /// Returns the companding law such a line normally has.
    pub const fn usual_law(self) -> Law {
        match self {
            SpanKind::E1 => Law::A,
            SpanKind::T1 => Law::Mu,
            SpanKind::Fxs | SpanKind::Fxo => Law::A,
        }
    }

    /// Returns true for ports with a hook, ringing and a two-wire hybrid.
    pub const fn is_analog(self) -> bool {
        matches!(self, SpanKind::Fxs | SpanKind::Fxo)
    }

    /// Returns the D-channel's timeslot for primary rate ISDN; none for analog ports.
    pub const fn pri_d_timeslot(self) -> Option<Timeslot> {
        match self {
            SpanKind::E1 => Some(Timeslot(16)),
            SpanKind::T1 => Some(Timeslot(24)),
            SpanKind::Fxs | SpanKind::Fxo => None,
        }
    }
}

impl ChannelId {
    /// Names timeslot `timeslot` of span `span`.
    pub const fn new(span: u16, timeslot: u8) -> ChannelId {
        ChannelId { span: SpanId(span), timeslot: Timeslot(timeslot) }
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Timeslot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.span, self.timeslot)
    }
}

impl fmt::Display for SpanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SpanKind::E1 => "E1",
            SpanKind::T1 => "T1",
            SpanKind::Fxs => "FXS",
            SpanKind::Fxo => "FXO",
        })
    }
}
