//! RESTART: bringing channels, or the whole interface, to a known idle state on both sides.
//!
//! One RESTART is under way at a time, on the global call reference; the others wait in a queue without doubles. It is
//! sent again when T316 runs out, [`n316`](crate::Timers::n316) times in all; then its channels are out of service until
//! the peer restarts or uses them, or they are unblocked. A RESTART of the peer's ends the calls it names here.
//!
//! Limits: [`MAX_WAITING`] waiting restarts; class "all interfaces" is one interface here.
//! Source: ITU-T Q.931 (05/98) 5.5, 3.4.1, 3.4.2.

use std::collections::VecDeque;

use clock::Mono;
use tdm::Timeslot;

use super::Pri;
use crate::cause::Cause;
use crate::event::{CallId, Notice, PriEvent, RestartTarget};
use crate::q931::contents::Contents;
use crate::wire::{
    Builder, CallRef, ChannelIdentification, ElementId, Message, MessageType, RestartIndicator, Selection,
    Slots,
};

/// The most restarts waiting: every channel once, and the interface.
const MAX_WAITING: usize = 32;

/// The restart under way and those waiting.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    current: Option<Restart>,
    waiting: VecDeque<RestartTarget>,
}

#[derive(Clone, Copy, Debug)]
struct Restart {
    target: RestartTarget,
    sent: u8,
    /// None while the link is down.
    t316: Option<Mono>,
}

impl Restarts {
    pub(super) fn deadline(&self) -> Option<Mono> {
        self.current?.t316
    }

    /// T316 stands still while nothing can be sent.
    pub(super) fn link_down(&mut self) {
        if let Some(current) = &mut self.current {
            current.t316 = None;
        }
    }

    fn covers(&self, target: RestartTarget) -> bool {
        let current = self.current.map(|restart| restart.target);
        current == Some(target) || self.waiting.contains(&target)
    }
}

impl Pri {
    /// Ends the calls of `target` here and starts a RESTART, or queues it.
    pub(super) fn restart(&mut self, target: RestartTarget, now: Mono) {
        if let RestartTarget::Channel(timeslot) = target
            && !self.channels.exists(timeslot)
        {
            return self.ignored();
        }
        if self.restarts.covers(target) || self.restarts.waiting.len() >= MAX_WAITING {
            return;
        }
        let timeslots = self.timeslots_of(target);
        self.clear_calls(&timeslots, target == RestartTarget::All, now);
        for &timeslot in &timeslots {
            self.channels.set_restarting(timeslot);
            self.tell_channel(timeslot);
        }
        self.restarts.waiting.push_back(target);
        self.next_restart(now);
    }

    fn timeslots_of(&self, target: RestartTarget) -> Vec<Timeslot> {
        match target {
            RestartTarget::Channel(timeslot) => vec![timeslot],
            RestartTarget::All => self.channels.timeslots().collect(),
        }
    }

    /// Ends the calls on `timeslots`; with `all`, those without a channel too.
    fn clear_calls(&mut self, timeslots: &[Timeslot], all: bool, now: Mono) {
        let hit = |channel: Option<Timeslot>| match channel {
            Some(timeslot) => timeslots.contains(&timeslot),
            None => all,
        };
        let ids: Vec<CallId> =
            self.calls.values().filter(|call| hit(call.channel)).map(|call| call.id).collect();
        for id in ids {
            self.with_call(id, now, |call, ctx| {
                call.finish(Cause::TEMPORARY_FAILURE, ctx.config.location, ctx)
            });
        }
    }

    fn next_restart(&mut self, now: Mono) {
        if self.restarts.current.is_some() {
            return;
        }
        if let Some(target) = self.restarts.waiting.pop_front() {
            self.restarts.current = Some(Restart { target, sent: 0, t316: None });
            self.send_restart(now);
        }
    }

    fn send_restart(&mut self, now: Mono) {
        let Some(current) = self.restarts.current.as_mut().filter(|_| self.link_up) else { return };
        current.sent += 1;
        current.t316 = Some(now + self.config.timers.t316);
        let (channel, indicator) = match current.target {
            RestartTarget::Channel(timeslot) => {
                (Some(ChannelIdentification::timeslot(timeslot, true).emit()), RestartIndicator::Channels)
            }
            RestartTarget::All => (None, RestartIndicator::AllInterfaces),
        };
        let builder = Builder::new(CallRef::GLOBAL, MessageType::Restart)
            .optional(ElementId::ChannelIdentification, channel)
            .element(ElementId::RestartIndicator, &indicator.emit());
        self.send(builder, now);
    }

    /// The link is up: a RESTART that may be lost is sent anew.
    pub(super) fn restarts_link_up(&mut self, now: Mono) {
        if let Some(current) = &mut self.restarts.current {
            current.sent = 0;
            self.send_restart(now);
        }
        self.next_restart(now);
    }

    pub(super) fn restart_timeout(&mut self, now: Mono) {
        let Some(current) = self.restarts.current.filter(|restart| restart.t316.is_some_and(|at| at <= now))
        else {
            return;
        };
        if current.sent < self.config.timers.n316 {
            self.counters.messages_repeated += 1;
            return self.send_restart(now);
        }
        self.counters.restarts_unanswered += 1;
        self.restarts.current = None;
        for timeslot in self.timeslots_of(current.target) {
            self.channels.set_out_of_service(timeslot);
            self.tell_channel(timeslot);
        }
        self.tell(PriEvent::Notice(Notice::RestartUnanswered));
        self.next_restart(now);
    }

    /// Acts on a message with the global call reference (5.8.3.2 f).
    pub(super) fn global_message(&mut self, message: &Message<'_>, now: Mono) {
        let contents = Contents::read(message);
        if let Some((cause, element)) = contents.fault(message.kind, self.config.side) {
            self.counters.protocol_errors += 1;
            self.tell(PriEvent::Notice(Notice::BadElement { message: message.kind, element }));
            if message.kind != MessageType::Status {
                self.send_stateless_status(message.call_ref.turned(), cause, now);
            }
            return;
        }
        match message.kind {
            MessageType::Restart => self.receive_restart(message, &contents, now),
            MessageType::RestartAcknowledge => self.receive_restart_ack(now),
            MessageType::Status => {
                self.counters.status_received += 1;
                let cause = contents.cause.good().map_or(Cause::NORMAL_UNSPECIFIED, |element| element.cause);
                self.tell(PriEvent::Notice(Notice::StatusReceived(cause)));
            }
            MessageType::ReleaseComplete => self.counters.messages_ignored += 1,
            MessageType::Alerting
            | MessageType::CallProceeding
            | MessageType::Progress
            | MessageType::Setup
            | MessageType::Connect
            | MessageType::SetupAcknowledge
            | MessageType::ConnectAcknowledge
            | MessageType::UserInformation
            | MessageType::Disconnect
            | MessageType::Release
            | MessageType::Segment
            | MessageType::Facility
            | MessageType::Notify
            | MessageType::StatusEnquiry
            | MessageType::CongestionControl
            | MessageType::Information
            | MessageType::Other(_) => {
                self.counters.protocol_errors += 1;
                self.send_stateless_status(message.call_ref.turned(), Cause::INVALID_CALL_REFERENCE, now);
            }
        }
    }

    /// Ends the named calls and answers in the same step, so that T317 never runs.
    fn receive_restart(&mut self, message: &Message<'_>, contents: &Contents, now: Mono) {
        let Some(&indicator) = contents.restart.good() else { return };
        let (timeslots, all) = match indicator {
            RestartIndicator::Channels => {
                let Some(slots) = named_slots(contents) else {
                    self.counters.protocol_errors += 1;
                    let cause = Cause::MANDATORY_ELEMENT_MISSING;
                    return self.send_stateless_status(message.call_ref.turned(), cause, now);
                };
                (slots.iter().filter(|&slot| self.channels.exists(slot)).collect(), false)
            }
            RestartIndicator::SingleInterface | RestartIndicator::AllInterfaces => {
                (self.channels.timeslots().collect::<Vec<_>>(), true)
            }
        };
        self.counters.restarts_received += 1;
        self.clear_calls(&timeslots, all, now);
        for &timeslot in &timeslots {
            self.peer_restarted(timeslot);
        }
        self.tell(PriEvent::Notice(Notice::PeerRestarted));
        let channel = message.find(ElementId::ChannelIdentification).map(|element| element.content);
        let builder = Builder::new(message.call_ref.turned(), MessageType::RestartAcknowledge)
            .optional(ElementId::ChannelIdentification, channel)
            .element(ElementId::RestartIndicator, &indicator.emit());
        self.send(builder, now);
    }

    /// A channel that was out of service is back; one that we are restarting waits for its own acknowledgement.
    fn peer_restarted(&mut self, timeslot: Timeslot) {
        if self.channels.state(timeslot) == Some(crate::event::ChannelState::OutOfService) {
            self.channels.set_in_service(timeslot);
            self.tell_channel(timeslot);
        }
    }

    fn receive_restart_ack(&mut self, now: Mono) {
        let Some(current) = self.restarts.current.take() else {
            self.counters.messages_ignored += 1;
            return;
        };
        for timeslot in self.timeslots_of(current.target) {
            if !self.restarts.covers(RestartTarget::Channel(timeslot))
                && !self.restarts.covers(RestartTarget::All)
            {
                self.channels.set_in_service(timeslot);
                self.tell_channel(timeslot);
            }
        }
        self.next_restart(now);
    }
}

fn named_slots(contents: &Contents) -> Option<Slots> {
    match contents.channel.good()?.selection {
        Selection::Slots { slots, .. } => Some(slots),
        Selection::None | Selection::Any => None,
    }
}
