//! What is asked of a span and what it tells: the vocabulary between the D-channel and the rest of Tandem.
//!
//! A call is named by a [`CallId`] of this span, unique for the life of the [`Pri`](crate::Pri) that made it. Every
//! call that was offered or set up ends with exactly one [`PriEvent::Released`], whatever happens.
//!
//! Limits: supplementary services are not carried. Source: ITU-T Q.931 (05/98) 5.

use clock::Mono;
use tdm::{HdlcFrame, Timeslot};

use crate::cause::{Cause, Location};
use crate::lapd;
use crate::wire::{BearerCapability, Digits, Display, MessageType, PartyNumber};

/// A call of one span; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// What goes into a span.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A frame of the D-channel, without flags and check sequence.
    Frame(&'a [u8]),
    /// The line works: layer 2 is set up and kept up.
    LineUp,
    /// The line does not work (an alarm stands): layer 2 is down until [`Input::LineUp`].
    LineDown,
    /// Something is asked for.
    Request(Request),
    /// The time of [`Pri::poll_timeout`](crate::Pri::poll_timeout) may have come.
    Timeout,
}

/// What comes out of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "frames are the common case and go into rings by value")]
pub enum Output {
    /// Send this frame.
    Frame(HdlcFrame),
    /// Something happened.
    Event(PriEvent),
}

/// Which channel an outgoing call is to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChannelChoice {
    /// A free one; the other side may choose another.
    Any,
    /// This one if it is free, else any; the other side may choose another.
    Prefer(Timeslot),
    /// This one or none.
    Exclusive(Timeslot),
}

/// An outgoing call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Its name, from [`Pri::next_call`](crate::Pri::next_call).
    pub call: CallId,
    /// The number to call, or its first digits.
    pub called: PartyNumber,
    /// Who calls.
    pub calling: Option<PartyNumber>,
    /// The caller's name, sent as display.
    pub name: Option<Display>,
    /// The channel.
    pub channel: ChannelChoice,
    /// True if the number is complete; else digits may follow.
    pub sending_complete: bool,
    /// What is to be carried.
    pub bearer: BearerCapability,
}

/// What a RESTART of ours names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestartTarget {
    /// One channel.
    Channel(Timeslot),
    /// The whole interface.
    All,
}

/// Something asked of the span. One that the call's state does not allow is counted and ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start a call.
    Setup(Box<Setup>),
    /// Send more digits of the called number; before SETUP ACKNOWLEDGE they are kept.
    MoreDigits {
        /// The call.
        call: CallId,
        /// The digits; may be empty with `complete`.
        digits: Digits,
        /// True if no more follow.
        complete: bool,
    },
    /// Ask the caller for more digits.
    SetupAck {
        /// The call.
        call: CallId,
        /// True if the caller is to listen: a dial tone.
        inband: bool,
    },
    /// Say that the number is complete and the call under way.
    Proceeding {
        /// The call.
        call: CallId,
        /// True if the caller is to listen.
        inband: bool,
    },
    /// Say that the call goes on.
    Progress {
        /// The call.
        call: CallId,
        /// True if the caller is to listen.
        inband: bool,
    },
    /// Say that the called party is rung.
    Alerting {
        /// The call.
        call: CallId,
        /// True if the caller is to listen: we send the ringing tone.
        inband: bool,
    },
    /// Answer. Speech must be cut through before: CONNECT is sent only for this.
    Connect {
        /// The call.
        call: CallId,
    },
    /// End the call, or refuse it.
    Disconnect {
        /// The call.
        call: CallId,
        /// Why.
        cause: Cause,
        /// True if the peer is to listen to a tone or announcement first (network side only).
        inband: bool,
    },
    /// End the call without the exchange of DISCONNECT; also ends the listening after a disconnect with tones.
    Release {
        /// The call.
        call: CallId,
        /// Why.
        cause: Cause,
    },
    /// Ask the peer what state it has the call in; the call is cleared if it has none.
    Audit {
        /// The call.
        call: CallId,
    },
    /// Restart channels: their calls are cleared on both sides.
    Restart(RestartTarget),
    /// Take a channel out of use for new calls.
    Block(Timeslot),
    /// Give a blocked or broken channel back.
    Unblock(Timeslot),
}

/// An incoming call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub call: CallId,
    /// The channel kept for it.
    pub channel: Timeslot,
    /// The number called, or its first digits; empty if none was sent.
    pub called: PartyNumber,
    /// Who calls, with presentation and screening.
    pub calling: Option<PartyNumber>,
    /// The caller's name.
    pub name: Option<Display>,
    /// What is to be carried.
    pub bearer: BearerCapability,
    /// False if more digits may follow: answer with [`Request::SetupAck`] to get them.
    pub complete: bool,
}

/// Something that happened on the span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriEvent {
    /// Layer 2 is up: calls can be made.
    Up,
    /// Layer 2 is down.
    Down,
    /// A call comes in.
    Offer(Box<Offer>),
    /// More digits of an incoming call; empty and complete when T302 ran out.
    Digits {
        /// The call.
        call: CallId,
        /// The digits.
        digits: Digits,
        /// True if no more follow.
        complete: bool,
    },
    /// The peer wants more digits of an outgoing call.
    SetupAcknowledged {
        /// The call.
        call: CallId,
        /// The channel agreed.
        channel: Timeslot,
        /// True if there is something to hear.
        inband: bool,
    },
    /// The outgoing call is under way.
    Proceeding {
        /// The call.
        call: CallId,
        /// The channel agreed.
        channel: Timeslot,
        /// True if there is something to hear.
        inband: bool,
    },
    /// The outgoing call goes on.
    Progress {
        /// The call.
        call: CallId,
        /// The channel agreed, if yet.
        channel: Option<Timeslot>,
        /// True if there is something to hear.
        inband: bool,
    },
    /// The called party is rung.
    Alerting {
        /// The call.
        call: CallId,
        /// The channel agreed.
        channel: Timeslot,
        /// True if there is something to hear.
        inband: bool,
    },
    /// The called party answered.
    Answered {
        /// The call.
        call: CallId,
        /// The channel agreed.
        channel: Timeslot,
        /// Who answered, if said.
        connected: Option<PartyNumber>,
    },
    /// The answer of an incoming call reached the caller's side (CONNECT ACKNOWLEDGE, or the network's own CONNECT).
    Connected {
        /// The call.
        call: CallId,
    },
    /// The peer ends the call. With `inband` its tone can be heard until [`Request::Release`]; else it is released
    /// without being asked.
    Disconnected {
        /// The call.
        call: CallId,
        /// Why.
        cause: Cause,
        /// Who says so.
        location: Location,
        /// True if there is something to hear.
        inband: bool,
    },
    /// The call is over and its channel free. Comes once for every call.
    Released {
        /// The call.
        call: CallId,
        /// Why.
        cause: Cause,
        /// Who says so.
        location: Location,
    },
    /// A channel changed its fitness for calls.
    Channel {
        /// The channel.
        timeslot: Timeslot,
        /// What it is fit for now.
        state: ChannelState,
    },
    /// Something odd, counted too.
    Notice(Notice),
}

/// What a channel is fit for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelState {
    /// In service, free.
    Idle,
    /// In service, carrying this call.
    Busy(CallId),
    /// Waiting for the peer's RESTART ACKNOWLEDGE.
    Restarting,
    /// Blocked here.
    Blocked,
    /// The peer did not answer our RESTART.
    OutOfService,
}

/// Something odd that the machine dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// A request that the call's state, or the channel's, does not allow.
    RequestIgnored,
    /// A message that the call's state does not allow; STATUS was sent.
    UnexpectedMessage(MessageType),
    /// A message type without a meaning here; STATUS was sent.
    UnknownMessage(u8),
    /// A mandatory element was missing or could not be read.
    BadElement {
        /// The message.
        message: MessageType,
        /// The element's identifier.
        element: u8,
    },
    /// A message for a call that does not exist.
    UnknownCall(MessageType),
    /// Both sides took the same channel.
    Glare(Timeslot),
    /// The peer reported an error with a STATUS.
    StatusReceived(Cause),
    /// The peer restarted channels.
    PeerRestarted,
    /// The peer does not answer our RESTART.
    RestartUnanswered,
    /// The limit of calls is reached; a SETUP was refused.
    CallLimit,
}

/// The timer that runs out next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A timer of layer 2.
    Link(lapd::Timer),
    /// A timer of a call.
    Call(CallId, CallTimer),
    /// T316: RESTART sent.
    T316,
    /// The pause before layer 2 is asked for again.
    Relink,
}

/// The timers of a call, by their names in Q.931.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallTimer {
    /// Alerting.
    T301,
    /// Digits awaited.
    T302,
    /// SETUP sent.
    T303,
    /// Digits sent.
    T304,
    /// DISCONNECT sent.
    T305,
    /// DISCONNECT with tones sent or received.
    T306,
    /// RELEASE sent.
    T308,
    /// Data link lost.
    T309,
    /// CALL PROCEEDING received.
    T310,
    /// CONNECT sent.
    T313,
    /// STATUS ENQUIRY sent.
    T322,
}

impl CallTimer {
    /// Returns the timer's number as three digits, the diagnostics of cause 102 (Q.850).
    pub const fn digits(self) -> [u8; 3] {
        match self {
            CallTimer::T301 => *b"301",
            CallTimer::T302 => *b"302",
            CallTimer::T303 => *b"303",
            CallTimer::T304 => *b"304",
            CallTimer::T305 => *b"305",
            CallTimer::T306 => *b"306",
            CallTimer::T308 => *b"308",
            CallTimer::T309 => *b"309",
            CallTimer::T310 => *b"310",
            CallTimer::T313 => *b"313",
            CallTimer::T322 => *b"322",
        }
    }
}

/// A deadline with its reason.
pub type Deadline = (Mono, Timer);
