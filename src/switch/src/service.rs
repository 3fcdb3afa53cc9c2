//! Calls in flows, callers in queues, agents at work: who tells whom what.
//!
//! ```text
//!  call --Told--> flow --Enqueue, LeaveQueue--> dispatcher --Offer, Withdraw--> call: Ring, GiveUp
//!   ^              | Connect, Disconnect, HangUp      | Position, TimedOut, Refused
//!   +--------------+                <-----------------+ to the flow
//! ```
//! A call in talk with an agent holds an offer until the talk has ended. Whoever leaves the queue without an agent has
//! abandoned it if the caller hung up, and flowed out otherwise.

use acd::{CallerKey, FailReason, Input as Acd, LeaveReason, OfferId, Output as Dispatched, Priority};
use call::{Action, Input as CallInput, Match, Told};
use clock::Mono;
use ivr::{Input as FlowInput, Output as FlowOutput, QueueEvent};
use link::{Cause, LegId, Order};

use crate::centre::{NO_QUEUE, call, caller};
use crate::entry::Service;
use crate::machine::{AgentOrder, Machine, Reply};
use crate::view::Outcome;

impl Machine {
    /// Lets the flow of a call hear what has happened.
    pub(crate) fn tell_flow(&mut self, first: LegId, told: Told, now: Mono) {
        match told {
            Told::Serve => self.begin_flow(first, now),
            Told::Digit(digit) => self.flow(first, FlowInput::Digit(digit), now),
            Told::Played(play) => self.flow(first, FlowInput::Played(play), now),
            Told::Reached => self.reached(first, now),
            Told::NotReached(cause) => self.not_reached(first, cause, now),
            Told::TalkEnded => {
                self.end_offer(first, now);
                self.flow(first, FlowInput::TalkEnded, now);
            }
            Told::Ending => {
                self.flow(first, FlowInput::Gone, now);
                self.end_offer(first, now);
            }
        }
    }

    /// Tells a call's flow that time has passed, if it waits for that.
    pub(crate) fn flow_timeout(&mut self, first: LegId, now: Mono) {
        let service = self.calls.get(&first).and_then(|entry| entry.service.as_ref());
        if service.and_then(|service| service.interpreter.poll_timeout()).is_some_and(|due| due <= now) {
            self.flow(first, FlowInput::Timeout, now);
        }
    }

    fn begin_flow(&mut self, first: LegId, now: Mono) {
        let Some(entry) = self.calls.get_mut(&first) else {
            return;
        };
        let plan = &self.config.plan;
        let name = match plan.route(&entry.call.called, entry.call.from, true) {
            Match::Entry(number) => match &number.action {
                Action::Flow(name) => Some(name.as_str()),
                Action::Attendant { .. } | Action::Announce | Action::Seat(_) | Action::Trunk { .. } => None,
            },
            Match::Seat(_) | Match::More | Match::Unknown => None,
        };
        let Some((name, document)) = name.and_then(|name| self.config.flows.get_key_value(name)) else {
            // The plan has changed since the call was routed.
            return self.step(first, CallInput::Clear(Cause::TEMPORARY), now);
        };
        entry.service = Some(Service::new(name, document));
        entry.flow = Some(document.clone());
        self.flow(first, FlowInput::Started, now);
    }

    /// Takes one step of a call's flow.
    pub(crate) fn flow(&mut self, first: LegId, input: FlowInput, now: Mono) {
        let Some(entry) = self.calls.get_mut(&first) else {
            return;
        };
        let (Some(service), Some(document)) = (&mut entry.service, &entry.flow) else {
            return;
        };
        let mut outputs = Vec::new();
        service.interpreter.handle(input, document, &mut outputs, now);
        self.add_orders(first, Vec::new());
        // What is played while a seat is rung takes the place of the ringing tone.
        let quiet = outputs.iter().any(|output| matches!(output, FlowOutput::Play { .. }));
        for output in outputs {
            self.carry_out_flow(first, output, quiet, now);
        }
    }

    fn carry_out_flow(&mut self, first: LegId, output: FlowOutput, quiet: bool, now: Mono) {
        match output {
            FlowOutput::Play { play, prompts, treatment } => {
                self.add_orders(first, vec![Order::Play { leg: first, play, prompts, treatment }]);
            }
            FlowOutput::StopPlay => self.add_orders(first, vec![Order::StopPlay { leg: first }]),
            FlowOutput::Enqueue { queue, priority } => self.enqueue(first, queue, priority, now),
            FlowOutput::LeaveQueue => self.leave_queue(first, now),
            FlowOutput::Connect { seat } => self.step(first, CallInput::Ring { seat: &seat, quiet }, now),
            FlowOutput::Disconnect => self.step(first, CallInput::GiveUp, now),
            FlowOutput::HangUp { cause } => self.step(first, CallInput::Clear(cause), now),
        }
    }

    fn enqueue(&mut self, first: LegId, queue: String, priority: u8, now: Mono) {
        // One that is no more is refused by the dispatcher, after the rest of this step.
        let id = self.centre.queue_id(&queue).unwrap_or(NO_QUEUE);
        if let Some(service) = self.service(first) {
            service.enter(queue, priority, now);
        }
        let (caller, priority) = (caller(first), Priority::new(priority));
        self.centre.acd.handle(Acd::Enqueue { caller, queue: id, priority }, now);
        self.centre.queue_changed(id);
    }

    pub(crate) fn refused(&mut self, first: LegId, now: Mono) {
        self.end_visit(first, Outcome::Refused, now);
        self.flow(first, FlowInput::Queue(QueueEvent::Refused), now);
    }

    fn leave_queue(&mut self, first: LegId, now: Mono) {
        let gone = self.calls.get(&first).is_none_or(|entry| !entry.call.first_lives());
        let (why, outcome) = if gone {
            (LeaveReason::Abandoned, Outcome::Abandoned)
        } else {
            (LeaveReason::Taken, Outcome::FlowedOut)
        };
        self.centre.acd.handle(Acd::Leave { caller: caller(first), why }, now);
        self.end_visit(first, outcome, now);
    }

    fn reached(&mut self, first: LegId, now: Mono) {
        if let Some(offer) = self.service(first).and_then(|service| service.offer) {
            self.centre.acd.handle(Acd::Answered { offer }, now);
            self.end_visit(first, Outcome::Answered, now);
        }
        self.flow(first, FlowInput::Answered, now);
    }

    fn not_reached(&mut self, first: LegId, cause: Cause, now: Mono) {
        let offer = self.service(first).and_then(|service| service.offer);
        match offer {
            Some(offer) => {
                let why = match cause {
                    Cause::BUSY => FailReason::Busy,
                    Cause::NO_ANSWER => FailReason::NoAnswer,
                    _ => FailReason::Unreachable,
                };
                self.forget_offer(offer);
                self.centre.acd.handle(Acd::Failed { offer, why }, now);
            }
            None => {
                let why = match cause {
                    Cause::BUSY => ivr::FailReason::Busy,
                    Cause::NO_ANSWER => ivr::FailReason::NoAnswer,
                    _ => ivr::FailReason::Unreachable,
                };
                self.flow(first, FlowInput::Failed(why), now);
            }
        }
    }

    /// A talk has ended, or a call in it.
    fn end_offer(&mut self, first: LegId, now: Mono) {
        let talked =
            |service: &&mut Service| service.visits.last().and_then(|v| v.outcome) == Some(Outcome::Answered);
        if let Some(offer) = self.service(first).filter(talked).and_then(|service| service.offer) {
            self.forget_offer(offer);
            self.centre.acd.handle(Acd::TalkEnded { offer }, now);
        }
    }

    /// Carries out what the dispatcher has decided.
    pub(crate) fn dispatched(&mut self, output: Dispatched, now: Mono) {
        match output {
            Dispatched::Offer { offer, caller, agent, queue, .. } => {
                self.centre.queue_changed(queue);
                self.offered(offer, caller, agent, now);
            }
            Dispatched::Withdraw { offer, .. } => {
                if let Some(first) = self.forget_offer(offer) {
                    self.step(first, CallInput::GiveUp, now);
                }
            }
            Dispatched::Refused { caller, queue, .. } => {
                self.centre.queue_changed(queue);
                self.refused(call(caller), now);
            }
            Dispatched::TimedOut { caller, queue } => {
                self.centre.queue_changed(queue);
                self.end_visit(call(caller), Outcome::FlowedOut, now);
                self.flow(call(caller), FlowInput::Queue(QueueEvent::TimedOut), now);
            }
            Dispatched::Position { caller, position, .. } => {
                self.flow(call(caller), FlowInput::Queue(QueueEvent::Position(position)), now);
            }
            Dispatched::Agent { agent, .. } => self.centre.agent_changed(agent),
            // Every login was looked at before it was passed on.
            Dispatched::AgentRefused { agent, why } => {
                tracing::error!(agent = agent.0, ?why, "an agent could not log in");
            }
        }
    }

    fn offered(&mut self, offer: OfferId, caller: CallerKey, agent: acd::AgentId, now: Mono) {
        let first = call(caller);
        let Some(known) = self.centre.agent(agent) else {
            return;
        };
        let (name, seat) = (known.name.clone(), known.seat.clone());
        self.centre.offers.insert(offer, (first, agent));
        self.centre.agent_changed(agent);
        if let Some(service) = self.service(first) {
            (service.offer, service.agent) = (Some(offer), Some(name));
        }
        self.step(first, CallInput::Ring { seat: &seat, quiet: true }, now);
    }

    /// Forgets an offer that stands no more and returns its call.
    fn forget_offer(&mut self, offer: OfferId) -> Option<LegId> {
        let (first, agent) = self.centre.offers.remove(&offer)?;
        self.centre.agent_changed(agent);
        if let Some(service) = self.service(first).filter(|service| service.offer == Some(offer)) {
            (service.offer, service.agent) = (None, None);
        }
        Some(first)
    }

    pub(crate) fn end_visit(&mut self, first: LegId, outcome: Outcome, now: Mono) {
        let Some(service) = self.service(first) else {
            return;
        };
        if service.leave(outcome, now)
            && let Some(queue) = service.visits.last().map(|visit| visit.queue.clone())
            && let Some(queue) = self.centre.queue_id(&queue)
        {
            self.centre.queue_changed(queue);
        }
        self.add_orders(first, Vec::new());
    }

    pub(crate) fn service(&mut self, first: LegId) -> Option<&mut Service> {
        self.calls.get_mut(&first).and_then(|entry| entry.service.as_mut())
    }

    /// Does what an agent wants.
    pub(crate) fn agent(&mut self, name: &str, order: AgentOrder, now: Mono) -> Result<Reply, String> {
        let agent = self.centre.agent_id(name).ok_or_else(|| format!("no agent \"{name}\""))?;
        let online = self.centre.is_online(agent);
        let input = match order {
            AgentOrder::LogIn if online => return Err(format!("{name} is logged in already")),
            AgentOrder::LogIn => Acd::LogIn { agent, queues: self.centre.queues_of(agent) },
            AgentOrder::LogOut | AgentOrder::Ready | AgentOrder::Busy { .. } | AgentOrder::WrapUpEnd
                if !online =>
            {
                return Err(format!("{name} is not logged in"));
            }
            AgentOrder::LogOut => Acd::LogOut { agent },
            AgentOrder::Ready => Acd::Ready { agent },
            AgentOrder::Busy { reason } => Acd::Busy { agent, reason: self.busy_reason(&reason)? },
            AgentOrder::WrapUpEnd => Acd::WrapUpEnd { agent },
        };
        self.centre.acd.handle(input, now);
        Ok(Reply::Done)
    }

    fn busy_reason(&self, reason: &str) -> Result<u8, String> {
        let known = || self.centre.busy_reasons().join(", ");
        self.centre.reason(reason).ok_or_else(|| format!("no reason \"{reason}\"; there are: {}", known()))
    }
}
