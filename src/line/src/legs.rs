//! A leg as the line side holds it.

use clock::Mono;
use isdn::event::CallId;
use link::{Cause, EndedLeg, LegCensus, LegId, LegState, PlayId, RecordingId, Treatment};
use rt::{FeedPort, Strip, TapPort};
use tdm::{ChannelId, SpanId};

/// By what a leg reaches its party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A call on a primary rate span.
    Pri { span: SpanId, call: CallId },
    /// A telephone.
    Phone(ChannelId),
    /// An exchange line on an FXO port.
    ExchangeLine(ChannelId),
}

/// What a leg is hearing from a feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Playing {
    pub play: PlayId,
    pub feed: FeedPort,
    pub generation: u16,
    pub treatment: Treatment,
}

/// One leg.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub id: LegId,
    pub way: Way,
    pub incoming: bool,
    pub state: LegState,
    pub channel: Option<ChannelId>,
    pub strip: Option<Strip>,
    pub called: String,
    pub complete: bool,
    pub calling: String,
    pub restricted: bool,
    pub since: Mono,
    pub answered: Option<Mono>,
    pub peer: Option<LegId>,
    pub playing: Option<Playing>,
    pub played: Option<PlayId>,
    pub recording: Option<(RecordingId, TapPort)>,
    /// Keys pressed while no switch was attached.
    pub digits: String,
    pub note: Vec<u8>,
    /// The last realtime command for it: an answer waits until the engine has applied it. 0: none.
    pub media_seq: u32,
    pub answer_wanted: bool,
    /// When the line side stops waiting for the switch.
    pub hold_until: Option<Mono>,
    /// When a caller is told to proceed although the switch has said nothing.
    pub proceed_at: Option<Mono>,
    /// When a caller who is held for a switch that is away is let hear ringing.
    pub ring_at: Option<Mono>,
    /// The cause we ended it with, while it is ending.
    pub cause: Option<Cause>,
}

impl Leg {
    pub fn new(id: LegId, way: Way, incoming: bool, now: Mono) -> Leg {
        Leg {
            id,
            way,
            incoming,
            state: if incoming { LegState::Offered } else { LegState::Calling },
            channel: None,
            strip: None,
            called: String::new(),
            complete: true,
            calling: String::new(),
            restricted: false,
            since: now,
            answered: None,
            peer: None,
            playing: None,
            played: None,
            recording: None,
            digits: String::new(),
            note: Vec::new(),
            media_seq: 0,
            answer_wanted: false,
            hold_until: None,
            proceed_at: None,
            ring_at: None,
            cause: None,
        }
    }

    pub fn is_answered(&self) -> bool {
        self.state == LegState::Answered
    }

    pub fn census(&self) -> LegCensus {
        LegCensus {
            leg: self.id,
            incoming: self.incoming,
            channel: self.channel,
            state: self.state,
            called: self.called.clone(),
            complete: self.complete,
            calling: self.calling.clone(),
            restricted: self.restricted,
            since: self.since,
            answered: self.answered,
            connected: self.peer,
            playing: self.playing.map(|playing| playing.play),
            played: self.played,
            recording: self.recording.map(|(recording, _)| recording),
            digits: self.digits.clone(),
            note: self.note.clone(),
        }
    }

    pub fn ended(&self, cause: Cause, by_line: bool, now: Mono) -> EndedLeg {
        EndedLeg {
            leg: self.id,
            cause,
            by_line,
            since: self.since,
            answered: self.answered,
            ended: now,
            note: self.note.clone(),
        }
    }

    /// Returns the earliest of its deadlines.
    pub fn deadline(&self) -> Option<Mono> {
        self.hold_until.into_iter().chain(self.proceed_at).chain(self.ring_at).min()
    }
}
