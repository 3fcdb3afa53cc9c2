//! Which call a message belongs to; what becomes of messages that belong to none; new calls.
//!
//! A SETUP with a new reference becomes a call once its elements are sound and a channel is found for it. Which
//! channel: the one named if it is free; if it is not and the peer said "preferred", another; on the user's side a
//! channel that only our own unanswered SETUP holds is given up to the network's call (glare, 5.7).
//!
//! Limits: the number of calls is [`max_calls`](crate::PriConfig::max_calls). Source: ITU-T Q.931 (05/98) 5.1.2,
//! 5.2.3, 5.7, 5.8.3.

use clock::Mono;
use tdm::Timeslot;

use super::Pri;
use crate::cause::Cause;
use crate::config::Side;
use crate::event::{CallId, ChannelState, Notice, Offer, PriEvent};
use crate::lapd;
use crate::q931::contents::Contents;
use crate::q931::{Call, CallState};
use crate::wire::{
    Builder, CallRef, CauseElement, Digits, ElementId, Message, MessageType, PartyNumber, Selection,
};

impl Pri {
    /// Takes one message from the data link.
    pub(super) fn message(&mut self, octets: &[u8], now: Mono) {
        self.counters.messages_received += 1;
        let Ok(message) = Message::parse(octets) else {
            self.counters.malformed += 1;
            return;
        };
        if message.call_ref.value == 0 {
            return self.global_message(&message, now);
        }
        let key = (message.call_ref.value, message.call_ref.to_originator);
        match self.by_ref.get(&key).copied() {
            Some(id) => {
                self.with_call(id, now, |call, ctx| call.receive(&message, ctx));
            }
            None => self.unknown_call(&message, now),
        }
    }

    /// Deals with a message for a call that does not exist (5.8.3.2).
    fn unknown_call(&mut self, message: &Message<'_>, now: Mono) {
        match message.kind {
            MessageType::Setup if !message.call_ref.to_originator => return self.setup(message, now),
            MessageType::Setup | MessageType::ReleaseComplete => {}
            MessageType::Release => self.clear_unknown(message, Some(Cause::INVALID_CALL_REFERENCE), now),
            MessageType::Status => self.status_of_unknown(message, now),
            MessageType::StatusEnquiry => {
                self.send_stateless_status(message.call_ref.turned(), Cause::RESPONSE_TO_STATUS_ENQUIRY, now);
            }
            MessageType::Alerting
            | MessageType::CallProceeding
            | MessageType::Progress
            | MessageType::Connect
            | MessageType::SetupAcknowledge
            | MessageType::ConnectAcknowledge
            | MessageType::UserInformation
            | MessageType::Disconnect
            | MessageType::Restart
            | MessageType::RestartAcknowledge
            | MessageType::Segment
            | MessageType::Facility
            | MessageType::Notify
            | MessageType::CongestionControl
            | MessageType::Information
            | MessageType::Other(_) => self.clear_unknown(message, Some(Cause::INVALID_CALL_REFERENCE), now),
        }
        self.counters.unknown_calls += 1;
        self.tell(PriEvent::Notice(Notice::UnknownCall(message.kind)));
    }

    /// A peer that still has a call we lost is told to drop it (5.8.11).
    fn status_of_unknown(&mut self, message: &Message<'_>, now: Mono) {
        let contents = Contents::read(message);
        if contents.call_state.good().is_none_or(|state| state.0 != 0) {
            self.clear_unknown(message, Some(Cause::MESSAGE_IN_WRONG_STATE), now);
        }
    }

    fn clear_unknown(&mut self, message: &Message<'_>, cause: Option<Cause>, now: Mono) {
        let cause = cause.map(|cause| CauseElement::new(self.config.location, cause).emit());
        let builder = Builder::new(message.call_ref.turned(), MessageType::ReleaseComplete)
            .optional(ElementId::Cause, cause);
        self.send(builder, now);
    }

    /// Sends STATUS for a call, or the global reference, in state 0.
    pub(super) fn send_stateless_status(&mut self, call_ref: CallRef, cause: Cause, now: Mono) {
        let builder = Builder::new(call_ref, MessageType::Status)
            .element(ElementId::Cause, &CauseElement::new(self.config.location, cause).emit())
            .element(ElementId::CallState, &[0]);
        self.send(builder, now);
    }

    pub(super) fn send(&mut self, builder: Builder, now: Mono) {
        self.counters.messages_sent += 1;
        self.link.handle(lapd::Input::Send(&builder.finish()), now);
    }

    /// Takes a new call, or refuses it with RELEASE COMPLETE.
    fn setup(&mut self, message: &Message<'_>, now: Mono) {
        let contents = Contents::read(message);
        if let Some((cause, element)) = contents.fault(MessageType::Setup, self.config.side) {
            self.counters.protocol_errors += 1;
            self.tell(PriEvent::Notice(Notice::BadElement { message: MessageType::Setup, element }));
            let cause = CauseElement::new(self.config.location, cause).with_diagnostic(element);
            return self.refuse_setup(message, &cause, now);
        }
        if self.calls.len() >= self.config.max_calls {
            self.tell(PriEvent::Notice(Notice::CallLimit));
            let cause = CauseElement::new(self.config.location, Cause::CONGESTION);
            return self.refuse_setup(message, &cause, now);
        }
        let id = self.next_call();
        match self.find_channel(&contents, id) {
            Ok(timeslot) => self.offer(message, &contents, id, timeslot),
            Err(cause) => {
                let cause = CauseElement::new(self.config.location, cause);
                self.refuse_setup(message, &cause, now);
            }
        }
    }

    fn refuse_setup(&mut self, message: &Message<'_>, cause: &CauseElement, now: Mono) {
        self.counters.setups_refused += 1;
        let builder = Builder::new(message.call_ref.turned(), MessageType::ReleaseComplete)
            .element(ElementId::Cause, &cause.emit());
        self.send(builder, now);
    }

    fn offer(&mut self, message: &Message<'_>, contents: &Contents, id: CallId, channel: Timeslot) {
        let Some(&bearer) = contents.bearer.good() else { return };
        let mut call = Call::new(id, message.call_ref.turned(), CallState::Present);
        call.channel = Some(channel);
        call.channel_fixed = true;
        self.add_call(call);
        self.counters.calls_offered += 1;
        let nobody = PartyNumber::called(contents.keypad.good().map_or(Digits::default(), |keypad| keypad.0));
        let offer = Offer {
            call: id,
            channel,
            called: contents.called.good().copied().unwrap_or(nobody),
            calling: contents.calling.good().copied(),
            name: contents.display.good().cloned(),
            bearer,
            complete: contents.sending_complete || !self.config.overlap_receive,
        };
        self.tell(PriEvent::Offer(Box::new(offer)));
    }

    /// Finds the channel of a new call and gives it to `id`.
    fn find_channel(&mut self, contents: &Contents, id: CallId) -> Result<Timeslot, Cause> {
        let wanted = match contents.channel.good() {
            None => None,
            Some(identification) => match identification.selection {
                Selection::Any => None,
                // No channel: a call waiting, which a primary rate interface has no place for.
                Selection::None => return Err(Cause::NO_CIRCUIT_AVAILABLE),
                Selection::Slots { slots, .. } => {
                    let slot = slots.single().ok_or(Cause::CHANNEL_DOES_NOT_EXIST)?;
                    Some((slot, identification.exclusive))
                }
            },
        };
        let Some((timeslot, exclusive)) = wanted else {
            return self.channels.hunt(id).ok_or(Cause::NO_CIRCUIT_AVAILABLE);
        };
        match self.channels.state(timeslot) {
            None => return Err(Cause::CHANNEL_DOES_NOT_EXIST),
            Some(ChannelState::Busy(owner)) => self.resolve_glare(timeslot, owner),
            // The peer uses it, so it works again.
            Some(ChannelState::OutOfService) => self.channels.set_in_service(timeslot),
            Some(ChannelState::Idle | ChannelState::Restarting | ChannelState::Blocked) => {}
        }
        if self.channels.take(timeslot, id) {
            return Ok(timeslot);
        }
        if exclusive {
            return Err(Cause::REQUESTED_CHANNEL_NOT_AVAILABLE);
        }
        self.channels.hunt(id).ok_or(Cause::NO_CIRCUIT_AVAILABLE)
    }

    /// Both sides sent SETUP for `timeslot`: the network's call has it. On the user's side our own call gives it up and
    /// takes what the network names, or ends when the network refuses it (5.7).
    fn resolve_glare(&mut self, timeslot: Timeslot, owner: CallId) {
        let Some(call) = self.calls.get_mut(&owner) else { return };
        if call.state != CallState::Initiated {
            return;
        }
        self.counters.glares += 1;
        if self.config.side == Side::User {
            call.channel = None;
            self.channels.free(timeslot, owner);
        }
        self.tell(PriEvent::Notice(Notice::Glare(timeslot)));
    }
}
