//! What a message does to a call: one function for each message, one arm for each state that expects it.
//!
//! Messages that a state does not expect are answered with STATUS (5.8.4), except while clearing, where they are
//! what crossed our DISCONNECT or RELEASE on the line.
//!
//! Limits: FACILITY, NOTIFY, USER INFORMATION, CONGESTION CONTROL and SEGMENT are counted and ignored.
//! Source: ITU-T Q.931 (05/98) 5.1 to 5.3, 5.8.

use super::contents::{Contents, Field};
use super::{Call, CallState, Ctx};
use crate::cause::{Cause, Location};
use crate::config::Side;
use crate::event::{CallTimer, Notice, PriEvent};
use crate::wire::{CauseElement, Message, MessageType, Selection};

impl Call {
    /// Acts on a message for this call.
    pub(crate) fn receive(&mut self, message: &Message<'_>, ctx: &mut Ctx<'_>) {
        let contents = Contents::read(message);
        if let Some((cause, element)) = contents.fault(message.kind, ctx.config.side) {
            ctx.counters.protocol_errors += 1;
            ctx.notice(Notice::BadElement { message: message.kind, element });
            if !self.faulty(message.kind, cause, element, &contents, ctx) {
                return;
            }
        }
        match message.kind {
            // A SETUP for a call that exists is a repeat: ignored (5.8.3.2 e).
            MessageType::Setup => ctx.counters.messages_ignored += 1,
            MessageType::SetupAcknowledge => self.receive_setup_ack(&contents, ctx),
            MessageType::CallProceeding => self.receive_proceeding(&contents, ctx),
            MessageType::Progress => self.receive_progress(&contents, ctx),
            MessageType::Alerting => self.receive_alerting(&contents, ctx),
            MessageType::Connect => self.receive_connect(&contents, ctx),
            MessageType::ConnectAcknowledge => self.receive_connect_ack(ctx),
            MessageType::Information => self.receive_information(&contents, ctx),
            MessageType::Disconnect => self.receive_disconnect(&contents, ctx),
            MessageType::Release => self.receive_release(&contents, ctx),
            MessageType::ReleaseComplete => self.receive_release_complete(&contents, ctx),
            MessageType::Status => self.receive_status(&contents, ctx),
            MessageType::StatusEnquiry => {
                self.send_status(&ctx.cause(Cause::RESPONSE_TO_STATUS_ENQUIRY), ctx)
            }
            MessageType::UserInformation
            | MessageType::Segment
            | MessageType::Facility
            | MessageType::Notify
            | MessageType::CongestionControl => ctx.counters.messages_ignored += 1,
            MessageType::Restart | MessageType::RestartAcknowledge => self.unexpected(message.kind, ctx),
            MessageType::Other(code) => {
                ctx.counters.protocol_errors += 1;
                ctx.notice(Notice::UnknownMessage(code));
                let cause = ctx.cause(Cause::MESSAGE_TYPE_UNKNOWN).with_diagnostic(code);
                self.send_status(&cause, ctx);
            }
        }
    }

    /// Deals with a missing, broken or unknown element (5.8.6, 5.8.7.1). Returns true if the message is acted on all
    /// the same: clearing messages always are.
    fn faulty(
        &mut self,
        kind: MessageType,
        cause: Cause,
        element: u8,
        contents: &Contents,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let element = ctx.cause(cause).with_diagnostic(element);
        match kind {
            MessageType::Disconnect => {
                if matches!(self.state, CallState::DisconnectIndication | CallState::ReleaseRequest) {
                    return false;
                }
                let (cause, location) = received_cause(contents, ctx);
                self.ends(cause, location);
                ctx.event(PriEvent::Disconnected { call: self.id, cause, location, inband: false });
                self.send_release(Some(&element), ctx);
                false
            }
            MessageType::Release | MessageType::ReleaseComplete | MessageType::Setup => true,
            MessageType::Alerting
            | MessageType::CallProceeding
            | MessageType::Progress
            | MessageType::Connect
            | MessageType::SetupAcknowledge
            | MessageType::ConnectAcknowledge
            | MessageType::UserInformation
            | MessageType::Restart
            | MessageType::RestartAcknowledge
            | MessageType::Segment
            | MessageType::Facility
            | MessageType::Notify
            | MessageType::StatusEnquiry
            | MessageType::CongestionControl
            | MessageType::Information
            | MessageType::Status
            | MessageType::Other(_) => {
                self.send_status(&element, ctx);
                false
            }
        }
    }

    /// Answers a message that the state does not expect (5.8.4).
    fn unexpected(&self, kind: MessageType, ctx: &mut Ctx<'_>) {
        if self.state.is_clearing() {
            ctx.counters.messages_ignored += 1;
            return;
        }
        ctx.counters.protocol_errors += 1;
        ctx.notice(Notice::UnexpectedMessage(kind));
        let cause = ctx.cause(Cause::MESSAGE_IN_WRONG_STATE).with_diagnostic(kind.code());
        self.send_status(&cause, ctx);
    }

    /// Agrees on the channel that an answer to our SETUP names, or clears the call. Returns true if agreed.
    fn agree_channel(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) -> bool {
        let named = match contents.channel.good().map(|identification| identification.selection) {
            Some(Selection::Slots { slots, .. }) => slots.single(),
            Some(Selection::None | Selection::Any) | None => None,
        };
        let cause = match (named, self.channel) {
            (None, Some(_)) => None,
            (Some(named), Some(ours)) if named == ours => None,
            (Some(_), Some(_)) if self.channel_fixed => Some(Cause::CHANNEL_UNACCEPTABLE),
            (Some(named), ours) => {
                if ctx.channels.take(named, self.id) {
                    if let Some(ours) = ours {
                        ctx.channels.free(ours, self.id);
                    }
                    self.channel = Some(named);
                    None
                } else {
                    Some(Cause::REQUESTED_CHANNEL_NOT_AVAILABLE)
                }
            }
            (None, None) => Some(Cause::REQUESTED_CHANNEL_NOT_AVAILABLE),
        };
        match cause {
            None => {
                self.channel_fixed = true;
                self.repeat = None;
                true
            }
            Some(cause) => {
                self.send_release(Some(&ctx.cause(cause)), ctx);
                false
            }
        }
    }

    fn receive_setup_ack(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        if self.state != CallState::Initiated {
            return self.unexpected(MessageType::SetupAcknowledge, ctx);
        }
        if !self.agree_channel(contents, ctx) {
            return;
        }
        self.state = CallState::OverlapSending;
        self.start(CallTimer::T304, ctx.config.timers.t304, ctx);
        if let Some(channel) = self.channel {
            ctx.event(PriEvent::SetupAcknowledged { call: self.id, channel, inband: contents.inband });
        }
        self.send_kept_digits(ctx);
    }

    fn receive_proceeding(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        if !self.state.is_outgoing_before(CallState::OutgoingProceeding) {
            return self.unexpected(MessageType::CallProceeding, ctx);
        }
        if !self.agree_channel(contents, ctx) {
            return;
        }
        self.state = CallState::OutgoingProceeding;
        self.timer = None;
        if !contents.inband {
            self.start(CallTimer::T310, ctx.config.timers.t310, ctx);
        }
        if let Some(channel) = self.channel {
            ctx.event(PriEvent::Proceeding { call: self.id, channel, inband: contents.inband });
        }
    }

    /// A PROGRESS ends T310: the call is known to be alive (table 9-1).
    fn receive_progress(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        match self.state {
            CallState::OverlapSending | CallState::OutgoingProceeding | CallState::Delivered => {
                if matches!(self.timer, Some((_, CallTimer::T310))) {
                    self.timer = None;
                }
                let event =
                    PriEvent::Progress { call: self.id, channel: self.channel, inband: contents.inband };
                ctx.event(event);
            }
            CallState::Null
            | CallState::Initiated
            | CallState::Present
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::Active
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => self.unexpected(MessageType::Progress, ctx),
        }
    }

    fn receive_alerting(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        if !self.state.is_outgoing_before(CallState::Delivered) {
            return self.unexpected(MessageType::Alerting, ctx);
        }
        if !self.agree_channel(contents, ctx) {
            return;
        }
        self.state = CallState::Delivered;
        self.start(CallTimer::T301, ctx.config.timers.t301, ctx);
        if let Some(channel) = self.channel {
            ctx.event(PriEvent::Alerting { call: self.id, channel, inband: contents.inband });
        }
    }

    fn receive_connect(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        if !self.state.is_outgoing_before(CallState::Active) {
            return self.unexpected(MessageType::Connect, ctx);
        }
        if !self.agree_channel(contents, ctx) {
            return;
        }
        self.state = CallState::Active;
        self.timer = None;
        ctx.send(self.message(MessageType::ConnectAcknowledge));
        if let Some(channel) = self.channel {
            let connected = contents.connected.good().copied();
            ctx.event(PriEvent::Answered { call: self.id, channel, connected });
        }
    }

    /// The network takes an acknowledgement that it did not wait for (5.1.8).
    fn receive_connect_ack(&mut self, ctx: &mut Ctx<'_>) {
        match self.state {
            CallState::ConnectRequest => {
                self.state = CallState::Active;
                self.timer = None;
                ctx.event(PriEvent::Connected { call: self.id });
            }
            CallState::Active => ctx.counters.messages_ignored += 1,
            CallState::Null
            | CallState::Initiated
            | CallState::OverlapSending
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::Present
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => self.unexpected(MessageType::ConnectAcknowledge, ctx),
        }
    }

    /// Digits count while they are awaited; an INFORMATION later in the call is allowed and means nothing here.
    fn receive_information(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        match self.state {
            CallState::OverlapReceiving => {
                let (digits, complete) = (contents.digits(), contents.sending_complete);
                self.start(CallTimer::T302, ctx.config.timers.t302, ctx);
                if complete {
                    self.timer = None;
                }
                ctx.event(PriEvent::Digits { call: self.id, digits, complete });
            }
            CallState::OverlapSending
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::Active
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => ctx.counters.messages_ignored += 1,
            CallState::Null | CallState::Initiated | CallState::Present => {
                self.unexpected(MessageType::Information, ctx);
            }
        }
    }

    /// The user may listen to the network's tone; everything else is released at once (5.3.3, 5.3.4, 5.3.5).
    fn receive_disconnect(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        if matches!(self.state, CallState::ReleaseRequest | CallState::DisconnectIndication) {
            ctx.counters.messages_ignored += 1;
            return;
        }
        let crossed = self.state == CallState::DisconnectRequest;
        let inband = contents.inband && ctx.config.side == Side::User && !crossed && self.channel.is_some();
        let (cause, location) = received_cause(contents, ctx);
        self.ends(cause, location);
        self.t322 = None;
        if !crossed {
            ctx.event(PriEvent::Disconnected { call: self.id, cause, location, inband });
        }
        if inband {
            self.state = CallState::DisconnectIndication;
            self.start(CallTimer::T306, ctx.config.timers.t306, ctx);
        } else {
            self.send_release(None, ctx);
        }
    }

    /// When both sides sent RELEASE, neither answers (5.3.5).
    fn receive_release(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        let (cause, location) = received_cause(contents, ctx);
        if self.state == CallState::ReleaseRequest {
            return self.finish(cause, location, ctx);
        }
        self.ends(cause, location);
        let first = !self.state.is_clearing();
        let fault = match contents.cause {
            Field::Absent if first => Some(Cause::MANDATORY_ELEMENT_MISSING),
            Field::Bad => Some(Cause::INVALID_ELEMENT_CONTENTS),
            Field::Absent | Field::Good(_) => None,
        };
        let fault = fault.map(|cause| ctx.cause(cause).with_diagnostic(crate::wire::ElementId::Cause.code()));
        self.refuse(fault.as_ref(), ctx);
    }

    fn receive_release_complete(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        let (cause, location) = received_cause(contents, ctx);
        self.finish(cause, location, ctx);
    }

    /// A peer without the call ends it; a peer in a state that cannot go with ours ends it too, if we asked (5.8.11).
    fn receive_status(&mut self, contents: &Contents, ctx: &mut Ctx<'_>) {
        let (Some(cause), Some(state)) = (contents.cause.good(), contents.call_state.good()) else { return };
        if cause.cause != Cause::RESPONSE_TO_STATUS_ENQUIRY {
            ctx.counters.status_received += 1;
            ctx.notice(Notice::StatusReceived(cause.cause));
        }
        if state.0 == 0 {
            return self.finish(status_end(cause), cause.location, ctx);
        }
        let asked = self.t322.take().is_some();
        if asked && !self.state.agrees_with(state.0) {
            self.send_disconnect(&ctx.cause(Cause::MESSAGE_IN_WRONG_STATE), false, ctx);
        }
    }
}

/// Why a call ends whose peer says that it has none: its reason, or that it lost the call.
fn status_end(cause: &CauseElement) -> Cause {
    if cause.cause == Cause::RESPONSE_TO_STATUS_ENQUIRY { Cause::TEMPORARY_FAILURE } else { cause.cause }
}

/// Returns the cause of a clearing message; one without a readable cause counts as 31 (5.8.6.1).
fn received_cause(contents: &Contents, ctx: &Ctx<'_>) -> (Cause, Location) {
    contents
        .cause
        .good()
        .map_or((Cause::NORMAL_UNSPECIFIED, ctx.config.location), |element| (element.cause, element.location))
}

impl CallState {
    /// Returns true if an outgoing call in this state has not come as far as `goal`.
    const fn is_outgoing_before(self, goal: CallState) -> bool {
        self.outgoing_rank() < goal.outgoing_rank()
    }

    /// Orders the states of an outgoing call; those of other calls and of clearing are beyond all of them.
    const fn outgoing_rank(self) -> u8 {
        match self {
            CallState::Initiated => 0,
            CallState::OverlapSending => 1,
            CallState::OutgoingProceeding => 2,
            CallState::Delivered => 3,
            CallState::Active => 4,
            CallState::Null
            | CallState::Present
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received
            | CallState::ConnectRequest
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => 5,
        }
    }

    /// Returns true if the peer's state number can go with ours. The line keeps order, so that an answer to our
    /// enquiry comes after all that the peer sent before it.
    const fn agrees_with(self, peer: u8) -> bool {
        match self {
            CallState::Active => matches!(peer, 8 | 10 | 11 | 12 | 19),
            CallState::ConnectRequest => peer != 0,
            CallState::Initiated
            | CallState::OverlapSending
            | CallState::OutgoingProceeding
            | CallState::Delivered
            | CallState::Present
            | CallState::OverlapReceiving
            | CallState::IncomingProceeding
            | CallState::Received => peer != 10,
            CallState::Null
            | CallState::DisconnectRequest
            | CallState::DisconnectIndication
            | CallState::ReleaseRequest => true,
        }
    }
}
