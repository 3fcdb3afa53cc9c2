//! What a card has and how its lines are set up: read at start, never on the realtime path.

use core::time::Duration;

use tdm::{Law, SpanId, SpanKind, Timeslot};

/// The most span positions one card may have.
pub const MAX_POSITIONS: usize = 16;

/// What a card can do.
#[derive(Clone, Debug)]
pub struct CardCaps {
    /// The card's name for people, for example "simulated card sim0".
    pub model: String,
    /// The places for spans, in the order of their connectors.
    pub positions: Vec<PositionCaps>,
    /// The normal distance between two periods: a whole number of milliseconds.
    pub period: Duration,
    /// The most chunks (milliseconds) that one period may carry after a late wake.
    pub max_chunks: u16,
    /// How late the realtime thread may come before a sample is lost.
    pub slack: Duration,
    /// True if the card cancels echo itself.
    pub hardware_echo: bool,
    /// True if the card frames and checks HDLC itself: see [`CardIo::rx_frame`](crate::CardIo::rx_frame).
    pub hardware_hdlc: bool,
}

/// One place for a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionCaps {
    /// What can be plugged in here.
    pub kind: SpanKind,
    /// Channels reserved for it in every period.
    pub channels: u8,
}

/// How a span carries its signalling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalling {
    /// No signalling: every timeslot is audio or data.
    Clear,
    /// Frames in one timeslot: 16 on an E1, 24 on a T1 for primary rate ISDN.
    Hdlc(Timeslot),
    /// Four bits a channel.
    Cas,
    /// Hook, ring and polarity of analog ports.
    Loop,
}

/// Where a span's transmit clock comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockSource {
    /// The far end's clock, recovered from the line.
    Line,
    /// The card's own oscillator: we are the master.
    Internal,
}

/// The set-up of one span of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineConfig {
    /// The connector, counted from 0.
    pub position: u8,
    /// The number the span shall have in the whole system.
    pub span: SpanId,
    /// The companding law on the line.
    pub law: Law,
    /// How it signals.
    pub signalling: Signalling,
    /// Where its clock comes from.
    pub clock: ClockSource,
}

/// A test loop on a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    /// No loop: normal working.
    None,
    /// What we send comes back to us.
    Local,
    /// What the far end sends goes back to it.
    Remote,
}
