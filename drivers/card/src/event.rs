//! What a line tells us beside its audio.

use tdm::{Abcd, Alarms, ChannelId, HookState, Polarity, SpanId};

/// One event of a card, in the order in which the line showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardEvent {
    /// The alarms of a span are now these.
    Alarms {
        /// The span.
        span: SpanId,
        /// All alarms that stand.
        alarms: Alarms,
    },
    /// The received signalling bits of a channel are now these.
    Abcd {
        /// The channel.
        channel: ChannelId,
        /// The bits.
        bits: Abcd,
    },
    /// The telephone on an FXS port went on or off hook.
    Hook {
        /// The port.
        channel: ChannelId,
        /// Its loop.
        state: HookState,
    },
    /// Ringing voltage on an FXO port started or stopped.
    Ring {
        /// The port.
        channel: ChannelId,
        /// True while it rings.
        ringing: bool,
    },
    /// The loop current of an FXO port changed its direction.
    Polarity {
        /// The port.
        channel: ChannelId,
        /// Its direction now.
        polarity: Polarity,
    },
    /// The battery feed of an FXO port went away or came back: many exchanges signal the other side's hang-up so.
    Feed {
        /// The port.
        channel: ChannelId,
        /// True while it is there.
        present: bool,
    },
    /// A frame was repeated (positive) or dropped (negative) since the clocks differ.
    Slip {
        /// The span.
        span: SpanId,
        /// Frames gained or lost.
        frames: i8,
    },
    /// The span is attached: its channels carry samples from the next period on.
    Attached {
        /// The span.
        span: SpanId,
    },
    /// The span is detached: its channels carry the idle code.
    Detached {
        /// The span.
        span: SpanId,
    },
    /// A card that does HDLC itself dropped a damaged or overlong frame.
    FrameLost {
        /// The span.
        span: SpanId,
    },
}
