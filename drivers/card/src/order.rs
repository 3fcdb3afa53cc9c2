//! What we tell a line beside its audio: small values that the realtime thread hands to the card.

use core::time::Duration;

use tdm::{Abcd, Alarms, ChannelId, HookState, Polarity, SpanId};

/// How a telephone is rung: on and off times, repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingCadence {
    /// Ringing time in milliseconds.
    pub on_ms: u16,
    /// Pause in milliseconds.
    pub off_ms: u16,
}

impl RingCadence {
    /// 1 s on, 4 s off: China and many others.
    pub const CHINA: RingCadence = RingCadence { on_ms: 1_000, off_ms: 4_000 };

    /// Returns the length of one cycle.
    pub const fn cycle(&self) -> Duration {
        Duration::from_millis(self.on_ms as u64 + self.off_ms as u64)
    }
}

/// One order to a line, carried out in the period in which it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOrder {
    /// Send these signalling bits on a channel until told otherwise.
    Abcd {
        /// The channel.
        channel: ChannelId,
        /// The bits.
        bits: Abcd,
    },
    /// Close or open the loop of an FXO port.
    Hook {
        /// The port.
        channel: ChannelId,
        /// The loop.
        state: HookState,
    },
    /// Ring the telephone on an FXS port in this cadence until told otherwise; none stops it.
    Ring {
        /// The port.
        channel: ChannelId,
        /// The cadence.
        cadence: Option<RingCadence>,
    },
    /// Set the feed polarity of an FXS port.
    Polarity {
        /// The port.
        channel: ChannelId,
        /// The direction.
        polarity: Polarity,
    },
    /// Open the loop of an FXO port, or the feed of an FXS port, for a moment: flash or disconnect signal.
    Break {
        /// The port.
        channel: ChannelId,
        /// How long, in milliseconds: 1 to 2000.
        ms: u16,
    },
    /// Send these alarms on a span (YELLOW, AIS); none ends them.
    SendAlarms {
        /// The span.
        span: SpanId,
        /// What to send.
        alarms: Alarms,
    },
}
