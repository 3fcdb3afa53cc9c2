//! What the line process tells the switch process.

use clock::{Mono, WallAnchor};
use serde::{Deserialize, Serialize};
use tdm::ChannelId;

use crate::{EndedLeg, Health, LegCensus, LegId, PlayId, RecordingId, SpanCensus};

/// A message to the switch process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToSwitch {
    /// The first message: who speaks. The census follows.
    Hello {
        /// [`PROTOCOL`](crate::PROTOCOL).
        protocol: u16,
        /// The start of the line process in Unix seconds.
        epoch: u32,
        /// The number of this attach: the switch names its legs with it.
        session: u16,
        /// The line process's tie of monotonic and wall time.
        anchor: WallAnchor,
    },
    /// Census: one leg.
    Leg(LegCensus),
    /// Census: one leg that ended and was not forgotten yet.
    Ended(EndedLeg),
    /// Census: one span.
    Span(SpanCensus),
    /// Census: that was all.
    CensusEnd,
    /// Something happened.
    Event {
        /// Counted from 1 within a session, without a gap.
        seq: u64,
        /// When.
        at: Mono,
        /// What.
        event: Event,
    },
}

/// Something that happened on the lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// A call arrives.
    Offer {
        /// Its leg.
        leg: LegId,
        /// On which channel.
        channel: ChannelId,
        /// The number called, as far as it is known.
        called: String,
        /// The caller's number; empty if not given.
        calling: String,
        /// True if the caller asked that the number be not shown.
        restricted: bool,
        /// True if no more digits will come.
        complete: bool,
    },
    /// More digits of the called number.
    Dialled {
        /// The leg.
        leg: LegId,
        /// Only the new ones.
        digits: String,
        /// True if no more will come.
        complete: bool,
    },
    /// The far end has all it needs and a channel is chosen.
    Proceeding {
        /// The leg.
        leg: LegId,
        /// The channel.
        channel: ChannelId,
    },
    /// The far end sends a tone or announcement in the channel.
    Progress {
        /// The leg.
        leg: LegId,
    },
    /// The called telephone rings.
    Alerting {
        /// The leg.
        leg: LegId,
        /// True if the far end sends a tone or announcement in the channel.
        inband: bool,
    },
    /// The leg is answered: by the called party, or by us as ordered.
    Answered {
        /// The leg.
        leg: LegId,
    },
    /// The leg has ended, for whatever reason. The last event of every leg.
    Ended(EndedLeg),
    /// A key was pressed.
    Digit {
        /// The leg.
        leg: LegId,
        /// The digit.
        digit: char,
    },
    /// A playing has ended.
    Played {
        /// The leg.
        leg: LegId,
        /// Which.
        play: PlayId,
        /// True if it came to its end; false if it was stopped, by an order, a digit or an error.
        completed: bool,
    },
    /// Two legs hear each other.
    Connected {
        /// One.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// The state of a recording has changed.
    Recording {
        /// Which.
        recording: RecordingId,
        /// To what.
        state: RecordingState,
    },
    /// An order could not be carried out.
    Refused {
        /// The leg it was for.
        leg: LegId,
        /// Why, for people.
        why: String,
    },
    /// The state of a span has changed.
    Span(SpanCensus),
    /// The line process's counters, once a second.
    Health(Health),
}

/// How a recording fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordingState {
    /// It runs.
    Started,
    /// It has ended; so many milliseconds are in the file.
    Stopped {
        /// The file, below the recordings' directory.
        file: String,
        /// Its length.
        length_ms: u64,
    },
    /// It cannot be written now; the call goes on.
    Failed {
        /// Why, for people.
        why: String,
    },
    /// It is written again, after a failure.
    Resumed,
}
