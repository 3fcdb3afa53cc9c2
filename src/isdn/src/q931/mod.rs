//! The life of one call on the D-channel, user and network side in one machine.
//!
//! The two sides of Q.931 mirror each other: what matters is who sent the SETUP and who answers first, so the
//! states here have one name and two numbers (`1`/`6`: the user's and the network's). The few real differences -
//! who waits for CONNECT ACKNOWLEDGE, who may send tones with a DISCONNECT, how long timers are - ask for the
//! [`Side`]. Rows are spread over four files: `contents` checks the information elements, `receive` acts on
//! messages, `request` on what is asked from above, `expiry` on timers and on the data link.
//!
//! ```text
//!  we call      Initiated -> OverlapSending -> OutgoingProceeding -> Delivered -------------\
//!  we are called Present -> OverlapReceiving -> IncomingProceeding -> Received -> ConnectRequest -> Active
//!  clearing     DisconnectRequest | DisconnectIndication -> ReleaseRequest -> Null
//! ```
//!
//! Limits: no suspend/resume, no hold, no point-to-multipoint. Source: ITU-T Q.931 (05/98) 2.1, 2.2, 5, annex A.

pub(crate) mod contents;
mod expiry;
mod receive;
mod request;

use core::time::Duration;
use std::collections::VecDeque;

use clock::Mono;
use tdm::Timeslot;

use crate::cause::{Cause, Location};
use crate::channels::Channels;
use crate::config::{PriConfig, Side};
use crate::event::{CallId, CallTimer, Notice, PriEvent};
use crate::pri::Counters;
use crate::wire::message::MessageBuf;
use crate::wire::{
    Builder, CallRef, CauseElement, ChannelIdentification, Digits, ElementId, MessageType, ProgressIndicator,
};

/// The state of a call. The comments give the numbers of the user's and the network's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallState {
    /// 0: no call.
    Null,
    /// 1/6: SETUP sent.
    Initiated,
    /// 2/25: SETUP ACKNOWLEDGE received, digits follow.
    OverlapSending,
    /// 3/9: CALL PROCEEDING received.
    OutgoingProceeding,
    /// 4/7: ALERTING received.
    Delivered,
    /// 6/1: SETUP received.
    Present,
    /// 25/2: SETUP ACKNOWLEDGE sent, digits follow.
    OverlapReceiving,
    /// 9/3: CALL PROCEEDING sent.
    IncomingProceeding,
    /// 7/4: ALERTING sent.
    Received,
    /// 8: CONNECT sent by the user, not yet acknowledged.
    ConnectRequest,
    /// 10: talking.
    Active,
    /// 11/12: DISCONNECT sent.
    DisconnectRequest,
    /// 12/11: DISCONNECT received, the tone is listened to.
    DisconnectIndication,
    /// 19: RELEASE sent.
    ReleaseRequest,
}

impl CallState {
    /// Returns the number that a STATUS of `side` carries.
    pub const fn number(self, side: Side) -> u8 {
        let (user, network) = match self {
            CallState::Null => (0, 0),
            CallState::Initiated => (1, 6),
            CallState::OverlapSending => (2, 25),
            CallState::OutgoingProceeding => (3, 9),
            CallState::Delivered => (4, 7),
            CallState::Present => (6, 1),
            CallState::OverlapReceiving => (25, 2),
            CallState::IncomingProceeding => (9, 3),
            CallState::Received => (7, 4),
            CallState::ConnectRequest => (8, 8),
            CallState::Active => (10, 10),
            CallState::DisconnectRequest => (11, 12),
            CallState::DisconnectIndication => (12, 11),
            CallState::ReleaseRequest => (19, 19),
        };
        match side {
            Side::User => user,
            Side::Network => network,
        }
    }

    /// Returns true while the call is being cleared, or is gone.
    pub const fn is_clearing(self) -> bool {
        match self {
            CallState::Null
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => true,
            CallState::Initiated
            | CallState::OverlapSending
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::Present
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::Active => false,
        }
    }
}

/// What a call's step leaves to be done by its span.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Messages for the data link.
    pub messages: VecDeque<MessageBuf>,
    /// What to tell above.
    pub events: VecDeque<PriEvent>,
    /// Channels whose far end is in doubt.
    pub doubtful: Vec<Timeslot>,
}

/// What a call works with during one step.
pub(crate) struct Ctx<'a> {
    pub config: &'a PriConfig,
    pub channels: &'a mut Channels,
    pub out: &'a mut Outbox,
    pub counters: &'a mut Counters,
    pub now: Mono,
    pub link_up: bool,
}

impl Ctx<'_> {
    pub(crate) fn event(&mut self, event: PriEvent) {
        self.out.events.push_back(event);
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.event(PriEvent::Notice(notice));
    }

    pub(crate) fn send(&mut self, builder: Builder) {
        self.counters.messages_sent += 1;
        self.out.messages.push_back(builder.finish());
    }

    /// Makes the cause element for `cause` of ours.
    pub(crate) fn cause(&self, cause: Cause) -> CauseElement {
        CauseElement::new(self.config.location, cause)
    }
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub id: CallId,
    /// As we write it.
    pub call_ref: CallRef,
    pub state: CallState,
    pub channel: Option<Timeslot>,
    /// The channel may not change: we or the peer said so, or it was agreed.
    pub channel_fixed: bool,
    /// Our first answer to a SETUP must name the channel.
    answered: bool,
    timer: Option<(Mono, CallTimer)>,
    t309: Option<Mono>,
    t322: Option<Mono>,
    /// What may have to be sent again: SETUP or RELEASE; and how often it was, or a STATUS ENQUIRY was.
    repeat: Option<MessageBuf>,
    repeats: u8,
    enquiries: u8,
    /// Digits kept until SETUP ACKNOWLEDGE.
    kept: Digits,
    kept_complete: bool,
    /// Why the call is ending, once it is known.
    end: Option<(Cause, Location)>,
}

impl Call {
    /// Makes a call in `state` (Initiated or Present).
    pub(crate) fn new(id: CallId, call_ref: CallRef, state: CallState) -> Call {
        Call {
            id,
            call_ref,
            state,
            channel: None,
            channel_fixed: false,
            answered: false,
            timer: None,
            t309: None,
            t322: None,
            repeat: None,
            repeats: 0,
            enquiries: 0,
            kept: Digits::default(),
            kept_complete: false,
            end: None,
        }
    }

    /// Returns true if we sent the SETUP.
    pub(crate) const fn is_outgoing(&self) -> bool {
        !self.call_ref.to_originator
    }

    /// Returns when the call's next timer runs out, and which.
    pub(crate) fn deadline(&self) -> Option<(Mono, CallTimer)> {
        let t309 = self.t309.map(|at| (at, CallTimer::T309));
        let t322 = self.t322.map(|at| (at, CallTimer::T322));
        self.timer.into_iter().chain(t309).chain(t322).min()
    }

    fn start(&mut self, timer: CallTimer, after: Duration, ctx: &Ctx<'_>) {
        self.timer = Some((ctx.now + after, timer));
    }

    fn message(&self, kind: MessageType) -> Builder {
        Builder::new(self.call_ref, kind)
    }

    /// Starts a message that answers a SETUP; the first one names the channel (5.1.2, 5.2.3).
    fn answer(&mut self, kind: MessageType) -> Builder {
        let first = !core::mem::replace(&mut self.answered, true);
        let channel = self.channel.filter(|_| first);
        let identification = channel.map(|timeslot| ChannelIdentification::timeslot(timeslot, true).emit());
        self.message(kind).optional(ElementId::ChannelIdentification, identification)
    }

    fn progress(inband: bool, ctx: &Ctx<'_>) -> Option<[u8; 2]> {
        let indicator =
            ProgressIndicator { location: ctx.config.location, description: ProgressIndicator::IN_BAND };
        inband.then(|| indicator.emit())
    }

    /// Remembers why the call ends; the first reason stays.
    fn ends(&mut self, cause: Cause, location: Location) {
        self.end.get_or_insert((cause, location));
    }

    /// Sends DISCONNECT and waits for RELEASE (5.3.3, 5.3.4).
    fn send_disconnect(&mut self, cause: &CauseElement, inband: bool, ctx: &mut Ctx<'_>) {
        self.ends(cause.cause, cause.location);
        let message = self
            .message(MessageType::Disconnect)
            .element(ElementId::Cause, &cause.emit())
            .optional(ElementId::ProgressIndicator, Call::progress(inband, ctx));
        ctx.send(message);
        self.state = CallState::DisconnectRequest;
        self.t322 = None;
        if inband {
            self.start(CallTimer::T306, ctx.config.timers.t306, ctx);
        } else {
            self.start(CallTimer::T305, ctx.config.timers.t305, ctx);
        }
    }

    /// Sends RELEASE and waits for RELEASE COMPLETE.
    fn send_release(&mut self, cause: Option<&CauseElement>, ctx: &mut Ctx<'_>) {
        if let Some(cause) = cause {
            self.ends(cause.cause, cause.location);
        }
        let message =
            self.message(MessageType::Release).optional(ElementId::Cause, cause.map(CauseElement::emit));
        self.repeat = Some(message.clone().finish());
        self.repeats = 0;
        ctx.send(message);
        self.state = CallState::ReleaseRequest;
        self.t322 = None;
        self.start(CallTimer::T308, ctx.config.timers.t308, ctx);
    }

    /// Sends RELEASE COMPLETE and is done.
    pub(crate) fn refuse(&mut self, cause: Option<&CauseElement>, ctx: &mut Ctx<'_>) {
        let message = self
            .message(MessageType::ReleaseComplete)
            .optional(ElementId::Cause, cause.map(CauseElement::emit));
        ctx.send(message);
        match cause {
            Some(cause) => self.finish(cause.cause, cause.location, ctx),
            None => self.finish(Cause::NORMAL_UNSPECIFIED, ctx.config.location, ctx),
        }
    }

    /// Ends the call: frees its channel and tells above, once. A reason known before goes first.
    pub(crate) fn finish(&mut self, cause: Cause, location: Location, ctx: &mut Ctx<'_>) {
        if self.state == CallState::Null {
            return;
        }
        let (cause, location) = self.end.unwrap_or((cause, location));
        if let Some(timeslot) = self.channel.take() {
            ctx.channels.free(timeslot, self.id);
        }
        self.state = CallState::Null;
        (self.timer, self.t309, self.t322) = (None, None, None);
        ctx.counters.calls_released += 1;
        ctx.event(PriEvent::Released { call: self.id, cause, location });
    }

    /// Sends STATUS with our state (5.8.10).
    fn send_status(&self, cause: &CauseElement, ctx: &mut Ctx<'_>) {
        let state = self.state.number(ctx.config.side);
        let message = self
            .message(MessageType::Status)
            .element(ElementId::Cause, &cause.emit())
            .element(ElementId::CallState, &[state]);
        ctx.send(message);
    }
}
