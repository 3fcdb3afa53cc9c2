//! What the switch process orders of the line process.
//!
//! Orders for one leg are carried out in the order given. An order for a leg that is gone is dropped: its end is
//! on the way as an event.

use serde::{Deserialize, Serialize};
use tdm::{ChannelId, SpanId};

use crate::{Cause, LegId, PlayId, RecordingId};

/// A message to the line process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToLine {
    /// The first message: who speaks.
    Attach {
        /// [`PROTOCOL`](crate::PROTOCOL).
        protocol: u16,
    },
    /// An order.
    Order(Order),
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Make a new leg and call.
    Originate {
        /// Its name, chosen by the switch.
        leg: LegId,
        /// Where to.
        to: Destination,
        /// The number to call; empty for a port.
        called: String,
        /// The number to show; empty for none.
        calling: String,
    },
    /// Tell the caller that the number is complete.
    Proceed {
        /// The leg.
        leg: LegId,
    },
    /// Tell the caller that the called telephone rings.
    Alert {
        /// The leg.
        leg: LegId,
    },
    /// Answer: sent to the line only after all media ordered before is in effect.
    Answer {
        /// The leg.
        leg: LegId,
    },
    /// Play prompts one after the other; ends whatever the leg was hearing.
    Play {
        /// The leg.
        leg: LegId,
        /// Named in `Event::Played`.
        play: PlayId,
        /// Prompt names, as files below the prompts' directory, without ".wav".
        prompts: Vec<String>,
        /// What else is heard.
        treatment: Treatment,
    },
    /// End the playing.
    StopPlay {
        /// The leg.
        leg: LegId,
    },
    /// Let two legs hear each other; whatever they heard before ends.
    Connect {
        /// One.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// End a connection: both hear silence.
    Split {
        /// Either of the two.
        leg: LegId,
    },
    /// Record both directions of a leg.
    Record {
        /// The leg.
        leg: LegId,
        /// Its name.
        recording: RecordingId,
    },
    /// End a recording.
    StopRecording {
        /// Which.
        recording: RecordingId,
    },
    /// Send digits as DTMF.
    SendDigits {
        /// The leg.
        leg: LegId,
        /// `0-9 * # A-D ,`
        digits: String,
    },
    /// End the leg.
    Hangup {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
    },
    /// Keep this for me; it comes back in the census.
    Note {
        /// The leg.
        leg: LegId,
        /// At most [`MAX_NOTE`](crate::MAX_NOTE) octets.
        note: Vec<u8>,
    },
    /// The end of this leg has been recorded: it need not be told again.
    Forget {
        /// The leg.
        leg: LegId,
    },
}

impl Order {
    /// Returns the leg that the order is about (the first of two).
    pub fn leg(&self) -> LegId {
        match self {
            Order::Originate { leg, .. }
            | Order::Proceed { leg }
            | Order::Alert { leg }
            | Order::Answer { leg }
            | Order::Play { leg, .. }
            | Order::StopPlay { leg }
            | Order::Connect { a: leg, .. }
            | Order::Split { leg }
            | Order::Record { leg, .. }
            | Order::SendDigits { leg, .. }
            | Order::Hangup { leg, .. }
            | Order::Note { leg, .. }
            | Order::Forget { leg } => *leg,
            Order::StopRecording { recording } => recording.leg,
        }
    }
}

/// Where a new leg goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Destination {
    /// A telephone on a port.
    Port(ChannelId),
    /// Any free channel of these spans, tried in this order.
    Trunk(Vec<SpanId>),
}

/// What a played-to caller can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Treatment {
    /// The prompt plays to its end.
    Whole,
    /// The first digit ends it at once, without a way through the switch.
    UntilDigit,
    /// It starts again until stopped: music, ringing.
    Loop,
}
