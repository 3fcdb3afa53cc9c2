//! What is asked of a call from above.
//!
//! Each function is one request; a state that does not allow it leaves the call as it is, counts and says so, except
//! where both sides may clear at once: asking to end a call that is ending is no mistake.
//!
//! Source: ITU-T Q.931 (05/98) 5.1, 5.2, 5.3.

use super::{Call, CallState, Ctx};
use crate::cause::Cause;
use crate::config::Side;
use crate::event::{CallTimer, ChannelChoice, Notice, PriEvent, Setup};
use crate::wire::{
    ChannelIdentification, Digits, ElementId, MessageType, PartyNumber, ProgressIndicator, number::MAX_DIGITS,
};

/// Progress description 2: the destination address is non-ISDN. Sent when there is nothing to hear.
const NOT_ISDN: u8 = 2;

impl Call {
    /// Takes a channel and sends SETUP; the call ends at once if there is no channel or no link.
    pub(crate) fn set_up(&mut self, setup: &Setup, ctx: &mut Ctx<'_>) {
        if !ctx.link_up {
            return self.finish(Cause::DESTINATION_OUT_OF_ORDER, ctx.config.location, ctx);
        }
        if let Err(cause) = self.choose_channel(setup.channel, ctx) {
            return self.finish(cause, ctx.config.location, ctx);
        }
        let channel =
            self.channel.map(|timeslot| ChannelIdentification::timeslot(timeslot, self.channel_fixed).emit());
        let message = self
            .message(MessageType::Setup)
            .sending_complete(setup.sending_complete)
            .element(ElementId::BearerCapability, &setup.bearer.emit())
            .optional(ElementId::ChannelIdentification, channel)
            .optional(ElementId::Display, setup.name.as_ref().map(|name| name.emit()))
            .optional(ElementId::CallingNumber, setup.calling.map(|number| number.emit()))
            .element(ElementId::CalledNumber, &setup.called.emit());
        self.repeat = Some(message.clone().finish());
        ctx.send(message);
        self.start(CallTimer::T303, ctx.config.timers.t303, ctx);
    }

    /// Reserves a channel. The network's own choice is exclusive, the user's is a wish (5.1.2, 5.2.3.1).
    fn choose_channel(&mut self, choice: ChannelChoice, ctx: &mut Ctx<'_>) -> Result<(), Cause> {
        let (wanted, fixed) = match choice {
            ChannelChoice::Any => (None, ctx.config.side == Side::Network),
            ChannelChoice::Prefer(timeslot) => (Some(timeslot), false),
            ChannelChoice::Exclusive(timeslot) => (Some(timeslot), true),
        };
        self.channel_fixed = fixed;
        if let Some(timeslot) = wanted {
            if ctx.channels.take(timeslot, self.id) {
                self.channel = Some(timeslot);
                return Ok(());
            }
            if fixed {
                return Err(Cause::REQUESTED_CHANNEL_NOT_AVAILABLE);
            }
        }
        self.channel = ctx.channels.hunt(self.id);
        self.channel.map(|_| ()).ok_or(Cause::NO_CIRCUIT_AVAILABLE)
    }

    /// Sends digits, or keeps them until they are asked for.
    pub(crate) fn more_digits(&mut self, digits: &Digits, complete: bool, ctx: &mut Ctx<'_>) {
        match self.state {
            CallState::Initiated => {
                if self.kept.append(digits) {
                    self.kept_complete |= complete;
                } else {
                    Call::ignored(ctx);
                }
            }
            CallState::OverlapSending => self.send_digits(*digits, complete, ctx),
            CallState::Null
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::Present
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::Active
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => Call::ignored(ctx),
        }
    }

    /// Sends what was kept for the peer's SETUP ACKNOWLEDGE.
    pub(super) fn send_kept_digits(&mut self, ctx: &mut Ctx<'_>) {
        if !self.kept.is_empty() || self.kept_complete {
            let digits = core::mem::take(&mut self.kept);
            self.send_digits(digits, self.kept_complete, ctx);
        }
    }

    fn send_digits(&mut self, digits: Digits, complete: bool, ctx: &mut Ctx<'_>) {
        let number = (!digits.is_empty()).then(|| PartyNumber::called(digits).emit());
        let message = self
            .message(MessageType::Information)
            .sending_complete(complete)
            .optional(ElementId::CalledNumber, number);
        ctx.send(message);
        self.start(CallTimer::T304, ctx.config.timers.t304, ctx);
    }

    /// Asks the caller for more digits.
    pub(crate) fn setup_ack(&mut self, inband: bool, ctx: &mut Ctx<'_>) {
        if self.state != CallState::Present {
            return Call::ignored(ctx);
        }
        self.send_answer(MessageType::SetupAcknowledge, inband, ctx);
        self.state = CallState::OverlapReceiving;
        self.start(CallTimer::T302, ctx.config.timers.t302, ctx);
    }

    /// Says that the call is under way.
    pub(crate) fn proceeding(&mut self, inband: bool, ctx: &mut Ctx<'_>) {
        if !self.state.is_before(CallState::IncomingProceeding) {
            return Call::ignored(ctx);
        }
        self.send_answer(MessageType::CallProceeding, inband, ctx);
        self.state = CallState::IncomingProceeding;
        self.timer = None;
    }

    /// Says that the called party is rung.
    pub(crate) fn alerting(&mut self, inband: bool, ctx: &mut Ctx<'_>) {
        if !self.state.is_before(CallState::Received) {
            return Call::ignored(ctx);
        }
        self.send_answer(MessageType::Alerting, inband, ctx);
        self.state = CallState::Received;
        self.timer = None;
    }

    /// Says that the call goes on. As the first answer to a SETUP it travels in a CALL PROCEEDING.
    pub(crate) fn progress_request(&mut self, inband: bool, ctx: &mut Ctx<'_>) {
        if self.state == CallState::Present {
            return self.proceeding(inband, ctx);
        }
        if !self.state.is_before(CallState::ConnectRequest) {
            return Call::ignored(ctx);
        }
        let description = if inband { ProgressIndicator::IN_BAND } else { NOT_ISDN };
        let indicator = ProgressIndicator { location: ctx.config.location, description };
        let message =
            self.message(MessageType::Progress).element(ElementId::ProgressIndicator, &indicator.emit());
        ctx.send(message);
    }

    /// Answers: the user waits for CONNECT ACKNOWLEDGE, the network need not (5.1.8, 5.2.7).
    pub(crate) fn connect(&mut self, ctx: &mut Ctx<'_>) {
        if !self.state.is_before(CallState::ConnectRequest) {
            return Call::ignored(ctx);
        }
        self.send_answer(MessageType::Connect, false, ctx);
        match ctx.config.side {
            Side::User => {
                self.state = CallState::ConnectRequest;
                self.start(CallTimer::T313, ctx.config.timers.t313, ctx);
            }
            Side::Network => {
                self.state = CallState::Active;
                self.timer = None;
                ctx.event(PriEvent::Connected { call: self.id });
            }
        }
    }

    fn send_answer(&mut self, kind: MessageType, inband: bool, ctx: &mut Ctx<'_>) {
        let progress = Call::progress(inband, ctx);
        let message = self.answer(kind).optional(ElementId::ProgressIndicator, progress);
        ctx.send(message);
    }

    /// Ends or refuses the call. Tones with a DISCONNECT are the network's; before the first answer they need a
    /// CALL PROCEEDING that names the channel to listen to.
    pub(crate) fn disconnect(&mut self, cause: Cause, inband: bool, ctx: &mut Ctx<'_>) {
        let inband = inband && ctx.config.side == Side::Network;
        let element = ctx.cause(cause);
        if !ctx.link_up {
            return self.finish(cause, ctx.config.location, ctx);
        }
        match self.state {
            CallState::Present if inband => {
                self.proceeding(false, ctx);
                self.send_disconnect(&element, true, ctx);
            }
            CallState::Present => self.refuse(Some(&element), ctx),
            CallState::Initiated
            | CallState::OverlapSending
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::Active => self.send_disconnect(&element, inband, ctx),
            CallState::DisconnectIndication => self.send_release(None, ctx),
            CallState::Null | CallState::DisconnectRequest | CallState::ReleaseRequest => {}
        }
    }

    /// Releases the call without the exchange of DISCONNECT.
    pub(crate) fn release(&mut self, cause: Cause, ctx: &mut Ctx<'_>) {
        let element = ctx.cause(cause);
        if !ctx.link_up {
            return self.finish(cause, ctx.config.location, ctx);
        }
        match self.state {
            CallState::Present => self.refuse(Some(&element), ctx),
            CallState::Initiated
            | CallState::OverlapSending
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::Active
            | CallState::DisconnectRequest => self.send_release(Some(&element), ctx),
            CallState::DisconnectIndication => self.send_release(None, ctx),
            CallState::Null | CallState::ReleaseRequest => {}
        }
    }

    /// Asks the peer for the call's state (5.8.10).
    pub(crate) fn enquire(&mut self, ctx: &mut Ctx<'_>) {
        if self.state.is_clearing() || !ctx.link_up {
            return;
        }
        self.enquiries = 0;
        self.send_enquiry(ctx);
    }

    pub(super) fn send_enquiry(&mut self, ctx: &mut Ctx<'_>) {
        self.enquiries += 1;
        ctx.send(self.message(MessageType::StatusEnquiry));
        self.t322 = Some(ctx.now + ctx.config.timers.t322);
    }

    fn ignored(ctx: &mut Ctx<'_>) {
        ctx.counters.requests_ignored += 1;
        ctx.notice(Notice::RequestIgnored);
    }
}

impl CallState {
    /// Returns true if an incoming call in this state has not come as far as `goal`.
    const fn is_before(self, goal: CallState) -> bool {
        self.incoming_rank() < goal.incoming_rank()
    }

    /// Orders the states of an incoming call; those of other calls and of clearing are beyond all of them.
    const fn incoming_rank(self) -> u8 {
        match self {
            CallState::Present => 0,
            CallState::OverlapReceiving => 1,
            CallState::IncomingProceeding => 2,
            CallState::Received => 3,
            CallState::ConnectRequest => 4,
            CallState::Null
            | CallState::Initiated
            | CallState::OverlapSending
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::Active
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => 5,
        }
    }
}

const _: () = assert!(MAX_DIGITS + 2 + 2 < 64, "a SETUP with all its elements fits one message");
