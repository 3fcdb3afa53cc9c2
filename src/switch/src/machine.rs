//! The machine itself: legs to calls, calls to orders, changes to updates.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use call::{Call, From, Input as CallInput, Names, Stage, Steps, Told};
use clock::{Mono, WallAnchor};
use link::{
    Cause, Destination, EndedLeg, Event, LegId, LegState, Order, RecordingId, RecordingState, ToSwitch,
};
use tdm::ChannelId;

use crate::census::Census;
use crate::centre::{Centre, ConfigureError};
use crate::entry::{Entry, Leg};
use crate::setup::SwitchConfig;
use crate::view::{LegStateView, SpanView, Update};

/// The most calls at once.
pub const MAX_CALLS: usize = 4_096;
/// Calls that have ended and whose record is not safe yet.
const MAX_UNSTORED: usize = 2_048;
/// Ended calls kept for news of their recordings.
const MAX_ENDED: usize = 256;

/// Ties a reply to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Dial `called` over a trunk; once answered treat the call as if it had called `then`.
    Dial {
        /// The trunk's name.
        trunk: String,
        /// The number to dial.
        called: String,
        /// The number to show; empty for the trunk's.
        calling: String,
        /// A number of our plan.
        then: String,
    },
    /// End a call.
    Clear {
        /// Its name.
        call: LegId,
    },
    /// An agent wants something.
    Agent {
        /// The agent's name.
        agent: String,
        /// What.
        order: AgentOrder,
    },
}

/// What an agent wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentOrder {
    /// To begin the work, busy at first.
    LogIn,
    /// To end it: at once, but from a talk when it ends.
    LogOut,
    /// To be given callers: at once, but from a talk after it. Ends a wrap-up.
    Ready,
    /// To be given none: at once, but from ringing or a talk after it.
    Busy {
        /// The name of a configured reason.
        reason: String,
    },
    /// To end the work after a talk.
    WrapUpEnd,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The call has this name.
    Call(LegId),
    /// It is being done.
    Done,
}

/// What happens to the machine.
#[derive(Clone, Debug)]
pub enum Input {
    /// A message of the line process.
    Line(ToSwitch),
    /// The link is down.
    LineLost,
    /// Somebody wants something.
    Request(RequestId, Request),
    /// The record of a call that has ended is safe: the lines may forget it. Told only with
    /// [`records`](SwitchConfig::records).
    Stored(LegId),
    /// A new day has begun where the centre is: figures are counted anew.
    NewDay,
    /// The system's clock was stepped: what is shown from now on has the times of this anchor.
    Wall(WallAnchor),
    /// A deadline has passed.
    Timeout,
}

/// What the machine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this to the line process.
    Order(Order),
    /// Answer somebody.
    Reply(RequestId, Result<Reply, String>),
    /// Tell onlookers. The n-th update since start has the number n.
    Update(Update),
}

/// Names for new legs in the present session.
#[derive(Debug)]
pub(crate) struct SessionNames {
    epoch: u32,
    session: u16,
    serial: u32,
}

impl Names for SessionNames {
    fn next_leg(&mut self) -> LegId {
        self.serial += 1;
        LegId { epoch: self.epoch, session: self.session, serial: self.serial }
    }
}

/// What one input has led to for one call, until it is carried out.
#[derive(Debug)]
struct Touched {
    first: LegId,
    orders: Vec<Order>,
}

/// The switch.
#[derive(Debug)]
pub struct Machine {
    pub(crate) config: SwitchConfig,
    pub(crate) names: SessionNames,
    pub(crate) anchor: WallAnchor,
    pub(crate) calls: BTreeMap<LegId, Entry>,
    pub(crate) centre: Centre,
    /// Which call a leg belongs to, for all legs that live.
    pub(crate) owners: BTreeMap<LegId, LegId>,
    /// Calls that have ended, for news of their recordings.
    ended: VecDeque<Entry>,
    /// Legs of calls that have ended and whose record is not safe yet, by call.
    pub(crate) unstored: BTreeMap<LegId, Vec<LegId>>,
    pub(crate) attached: bool,
    census: Option<Census>,
    deadlines: BTreeMap<(Mono, LegId), ()>,
    outputs: VecDeque<Output>,
    /// What calls have told their flows and these have not heard yet.
    pub(crate) told: VecDeque<(LegId, Told)>,
    touched: Vec<Touched>,
}

impl Machine {
    /// Makes the switch with its agents as they begin. It decides nothing until a line process says hello.
    ///
    /// # Errors
    /// A value of the configuration is out of range.
    pub fn new(config: SwitchConfig, now: Mono) -> Result<Machine, ConfigureError> {
        Ok(Machine {
            centre: Centre::new(&config, now)?,
            config,
            names: SessionNames { epoch: 0, session: 0, serial: 0 },
            anchor: WallAnchor::new(Mono::ZERO, 0),
            calls: BTreeMap::new(),
            owners: BTreeMap::new(),
            ended: VecDeque::new(),
            unstored: BTreeMap::new(),
            attached: false,
            census: None,
            deadlines: BTreeMap::new(),
            outputs: VecDeque::new(),
            told: VecDeque::new(),
            touched: Vec::new(),
        })
    }

    /// Takes another configuration under way: number plan, trunks, flows, queues, agents, reasons. Live calls keep the flow
    /// they are in; `past` and `records` stay as they were.
    ///
    /// # Errors
    /// A value of the configuration is out of range; nothing has changed.
    pub fn configure(&mut self, config: SwitchConfig, now: Mono) -> Result<(), ConfigureError> {
        self.centre.configure(&config, now)?;
        let past = std::mem::take(&mut self.config.past);
        self.config = SwitchConfig { past, records: self.config.records, ..config };
        self.show_configuration();
        self.settle(now);
        Ok(())
    }

    fn show_configuration(&mut self) {
        self.update(Update::Configured { busy_reasons: self.centre.busy_reasons().to_vec() });
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Mono) {
        match input {
            Input::Line(message) => self.line(message, now),
            Input::LineLost => self.line_lost(),
            Input::Request(id, request) => {
                let reply = self.request(request, now);
                self.outputs.push_back(Output::Reply(id, reply));
            }
            Input::Stored(call) => self.stored(call),
            Input::NewDay => {
                self.centre.acd.new_day(now);
                self.centre.all_changed();
            }
            Input::Wall(anchor) => self.wall(anchor),
            Input::Timeout => self.timeout(now),
        }
        self.settle(now);
    }

    /// Lets flows and the dispatcher hear what has happened until nobody has anything more to say, then carries out
    /// what has come of it.
    fn settle(&mut self, now: Mono) {
        loop {
            if let Some((first, told)) = self.told.pop_front() {
                self.tell_flow(first, told, now);
            } else if let Some(output) = self.centre.acd.poll_output() {
                self.dispatched(output, now);
            } else if self.touched.is_empty() {
                break;
            } else {
                for touched in std::mem::take(&mut self.touched) {
                    self.carry_out(touched, now);
                }
            }
        }
        if self.attached {
            let (agents, queues) = self.centre.take_changes(&self.anchor, now);
            agents.into_iter().for_each(|agent| self.update(Update::Agent { agent: Box::new(agent) }));
            queues.into_iter().for_each(|queue| self.update(Update::Queue { queue: Box::new(queue) }));
            let (agents, queues) = self.centre.take_gone();
            agents.into_iter().for_each(|agent| self.update(Update::AgentGone { agent }));
            queues.into_iter().for_each(|queue| self.update(Update::QueueGone { queue }));
        }
    }

    /// Returns the next output; call until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        // Without lines nothing can be done: the census brings the calls, and their deadlines, anew.
        let call = self.deadlines.first_key_value().map(|((due, _), ())| *due);
        [call, self.centre.acd.poll_timeout()].into_iter().flatten().min().filter(|_| self.attached)
    }

    fn line(&mut self, message: ToSwitch, now: Mono) {
        match message {
            ToSwitch::Hello { epoch, session, anchor, .. } => {
                if epoch != self.names.epoch {
                    self.lines_restarted(now);
                }
                self.line_lost();
                self.names = SessionNames { epoch, session, serial: 0 };
                self.anchor = anchor;
                self.census = Some(Census::default());
            }
            ToSwitch::Leg(leg) => self.in_census(|census| census.legs.push(leg)),
            ToSwitch::Ended(leg) => self.in_census(|census| census.ended.push(leg)),
            ToSwitch::Span(span) => self.update(Update::Span { span: SpanView::new(&span) }),
            ToSwitch::CensusEnd => {
                if let Some(census) = self.census.take() {
                    self.attached = true;
                    self.update(Update::Line { attached: true });
                    self.show_configuration();
                    self.centre.all_changed();
                    self.take_census(census, now);
                }
            }
            ToSwitch::Event { at, event, .. } => self.event(event, at, now),
        }
    }

    fn in_census(&mut self, add: impl FnOnce(&mut Census)) {
        if let Some(census) = &mut self.census {
            add(census);
        }
    }

    fn line_lost(&mut self) {
        self.census = None;
        if self.attached {
            self.attached = false;
            self.update(Update::Line { attached: false });
        }
    }

    /// The line process has been started anew: all legs that were known are gone with the old one.
    fn lines_restarted(&mut self, now: Mono) {
        for first in self.calls.keys().copied().collect::<Vec<_>>() {
            for leg in self.calls[&first].legs.iter().map(|leg| leg.id).collect::<Vec<_>>() {
                self.leg_ended(leg, Cause::TEMPORARY, now, now);
            }
        }
    }

    fn event(&mut self, event: Event, at: Mono, now: Mono) {
        match event {
            Event::Offer { leg, channel, called, calling, complete, restricted } => {
                self.offer(leg, channel, &called, (&calling, restricted), complete, at, now);
            }
            Event::Dialled { leg, digits, complete } => {
                self.tell(leg, now, |_| CallInput::Dialled { digits: &digits, complete });
            }
            Event::Proceeding { leg, channel } => {
                self.set_channel(leg, channel);
                self.show_leg(leg);
            }
            Event::Alerting { leg, inband } => {
                self.set_state(leg, LegState::Alerting);
                self.tell(leg, now, |first| {
                    if first { CallInput::FirstAlerting } else { CallInput::SecondAlerting { inband } }
                });
            }
            Event::Progress { leg } => {
                self.tell(
                    leg,
                    now,
                    |first| {
                        if first { CallInput::FirstAlerting } else { CallInput::SecondProgress }
                    },
                )
            }
            Event::Answered { leg } => self.answered(leg, at, now),
            Event::Ended(EndedLeg { leg, cause, ended, .. }) => self.leg_ended(leg, cause, ended, now),
            Event::Digit { leg, digit } => self.tell_first(leg, now, CallInput::Digit(digit)),
            Event::Played { leg, play, completed: _ } => self.tell_first(leg, now, CallInput::Played(play)),
            Event::Connected { a, .. } => {
                if let Some(entry) = self.owners.get(&a).and_then(|first| self.calls.get_mut(first)) {
                    // Legs that are joined for early audio do not speak yet.
                    if entry.call.stage == Stage::Talking {
                        entry.talking.get_or_insert(at);
                    }
                }
                self.show_leg(a);
            }
            Event::Recording { recording, state } => self.recording(recording, &state),
            Event::Refused { leg, why } => tracing::warn!(%leg, why, "an order was refused"),
            Event::Span(span) => self.update(Update::Span { span: SpanView::new(&span) }),
            Event::Health(health) => self.update(Update::Health { health }),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an offer has that many parts")]
    pub(crate) fn offer(
        &mut self,
        leg: LegId,
        channel: ChannelId,
        called: &str,
        (calling, restricted): (&str, bool),
        complete: bool,
        at: Mono,
        now: Mono,
    ) {
        if self.calls.len() >= MAX_CALLS {
            self.order(Order::Hangup { leg, cause: Cause::CONGESTION });
            return;
        }
        let seat = self.config.plan.seat_at(channel);
        let inside = seat.is_some() || self.config.telephones.contains(&channel.span);
        let from = if inside { From::Seat } else { From::Trunk };
        let calling = seat.map_or(calling, |seat| seat.number.as_str()).to_string();
        let mut call = Call::new(leg, called, &calling, from);
        call.restricted = restricted;
        let mut entry = Entry::new(call, at);
        let state = LegStateView::Offered;
        entry.legs.push(Leg { id: leg, channel: Some(channel), incoming: true, state });
        self.calls.insert(leg, entry);
        self.owners.insert(leg, leg);
        self.tell(leg, now, |_| CallInput::Offered { complete });
    }

    fn answered(&mut self, leg: LegId, at: Mono, now: Mono) {
        self.set_state(leg, LegState::Answered);
        if let Some(entry) = self.calls.get_mut(&leg) {
            entry.answered.get_or_insert(at);
        }
        self.tell(leg, now, |first| if first { CallInput::FirstAnswered } else { CallInput::SecondAnswered });
    }

    pub(crate) fn leg_ended(&mut self, leg: LegId, cause: Cause, at: Mono, now: Mono) {
        if let Some(entry) = self.owners.get(&leg).and_then(|first| self.calls.get_mut(first)) {
            entry.ended = Some(at);
            if let Some(leg) = entry.leg_mut(leg) {
                leg.state = LegStateView::Ended;
            }
        }
        self.tell(
            leg,
            now,
            |first| {
                if first { CallInput::FirstEnded(cause) } else { CallInput::SecondEnded(cause) }
            },
        );
        let call = self.owners.remove(&leg).filter(|_| self.config.records);
        match call.and_then(|first| self.calls.get_mut(&first)) {
            // The note on the first leg tells as much.
            Some(entry) if !entry.call.is_over() && leg != entry.call.first => {
                self.order(Order::Forget { leg })
            }
            Some(entry) => entry.unforgotten.push(leg),
            None => self.order(Order::Forget { leg }),
        }
    }

    /// The record of a call is safe: nobody needs its legs any more.
    fn stored(&mut self, call: LegId) {
        for leg in self.unstored.remove(&call).unwrap_or_default() {
            self.order(Order::Forget { leg });
        }
    }

    fn recording(&mut self, recording: RecordingId, state: &RecordingState) {
        let name = recording.to_string();
        let ended = self.ended.iter_mut().find(|entry| entry.call.first == recording.leg);
        if let Some(entry) = self.calls.get_mut(&recording.leg).or(ended) {
            entry.recording(&name, state);
            let call = entry.view(&self.anchor);
            self.update(Update::Call { call });
        }
    }

    fn set_state(&mut self, leg: LegId, state: LegState) {
        if let Some(entry) = self.owners.get(&leg).and_then(|first| self.calls.get_mut(first)) {
            entry.set_state(leg, state);
        }
    }

    fn set_channel(&mut self, leg: LegId, channel: ChannelId) {
        let entry = self.owners.get(&leg).and_then(|first| self.calls.get_mut(first));
        if let Some(leg) = entry.and_then(|entry| entry.leg_mut(leg)) {
            leg.channel = Some(channel);
        }
    }

    fn show_leg(&mut self, leg: LegId) {
        if let Some(first) = self.owners.get(&leg).copied() {
            self.show(first);
        }
    }

    fn show(&mut self, first: LegId) {
        if let Some(entry) = self.calls.get(&first) {
            let call = entry.view(&self.anchor);
            self.update(Update::Call { call });
        }
    }

    /// Shows everything that lives again, by the clock as it is now.
    fn wall(&mut self, anchor: WallAnchor) {
        self.anchor = anchor;
        self.centre.all_changed();
        if self.attached {
            self.calls.keys().copied().collect::<Vec<_>>().into_iter().for_each(|first| self.show(first));
        }
    }

    fn tell_first(&mut self, leg: LegId, now: Mono, input: CallInput<'_>) {
        if self.calls.contains_key(&leg) {
            self.tell(leg, now, |_| input.clone());
        }
    }

    /// Tells the call that `leg` belongs to what `input` makes of it; `input` is given whether it is the first leg.
    fn tell<'a>(&mut self, leg: LegId, now: Mono, input: impl FnOnce(bool) -> CallInput<'a>) {
        let Some(first) = self.owners.get(&leg).copied() else {
            return;
        };
        // A second leg that was given up may still be ending: the call has no more interest in it.
        let concerns = |entry: &Entry| leg == first || entry.call.second == Some(leg);
        if self.calls.get(&first).is_some_and(concerns) {
            self.step(first, input(leg == first), now);
        } else {
            self.add_orders(first, Vec::new());
        }
    }

    /// Takes one step of a call.
    pub(crate) fn step(&mut self, first: LegId, input: CallInput<'_>, now: Mono) {
        if let Some(entry) = self.calls.get_mut(&first) {
            let mut steps = Steps::default();
            entry.call.handle(input, &self.config.plan, &mut self.names, &mut steps, now);
            self.took(first, steps);
        }
    }

    /// Takes over what a step of a call has given.
    pub(crate) fn took(&mut self, first: LegId, steps: Steps) {
        self.told.extend(steps.told.into_iter().map(|told| (first, told)));
        self.add_orders(first, steps.orders);
    }

    /// Notes orders of a call, to be given when the input is done with; without orders, that the call has changed.
    pub(crate) fn add_orders(&mut self, first: LegId, orders: Vec<Order>) {
        for order in &orders {
            if let Order::Originate { leg, .. } = order {
                self.owners.insert(*leg, first);
                self.calls.get_mut(&first).into_iter().for_each(|entry| entry.originated(*leg));
            }
        }
        match self.touched.iter_mut().find(|touched| touched.first == first) {
            Some(touched) => touched.orders.extend(orders),
            None => self.touched.push(Touched { first, orders }),
        }
    }

    /// Carries out what has come of an input: note first, so that no leg is ever made that nobody would know.
    fn carry_out(&mut self, Touched { first, orders }: Touched, now: Mono) {
        let Some(entry) = self.calls.get_mut(&first) else {
            return;
        };
        let due = entry.poll_timeout();
        if let Some(due) = std::mem::replace(&mut entry.due, due) {
            self.deadlines.remove(&(due, first));
        }
        if let Some(due) = due {
            self.deadlines.insert((due, first), ());
        }
        let note = crate::census::write_note(entry);
        let (changed, over) = (note != entry.note, entry.call.is_over());
        if changed {
            entry.note.clone_from(&note);
        }
        let originated = orders.iter().any(|o| matches!(o, Order::Originate { leg, .. } if *leg == first));
        if originated {
            // The first leg itself is new: it must exist before a note can lie on it.
            orders.into_iter().for_each(|order| self.order(order));
            self.order(Order::Note { leg: first, note });
        } else {
            if changed && !over {
                self.order(Order::Note { leg: first, note });
            }
            orders.into_iter().for_each(|order| self.order(order));
        }
        self.show(first);
        if over {
            self.retire(first, now);
        }
    }

    fn retire(&mut self, first: LegId, now: Mono) {
        let caller = crate::centre::caller(first);
        if self.centre.acd.caller(caller).is_some() {
            // Nobody may wait for an agent, or keep one, without a call.
            tracing::error!(call = %first, "it ended and was still in a queue's care");
            self.centre.acd.handle(acd::Input::Leave { caller, why: acd::LeaveReason::Abandoned }, now);
        }
        if let Some(entry) = self.calls.remove(&first) {
            if let Some(due) = entry.due {
                self.deadlines.remove(&(due, first));
            }
            self.wait_for_record(first, entry.unforgotten.clone());
            if self.ended.len() == MAX_ENDED {
                self.ended.pop_front();
            }
            self.ended.push_back(entry);
        }
    }

    /// Keeps the legs of a call that has ended until its record is safe.
    fn wait_for_record(&mut self, first: LegId, legs: Vec<LegId>) {
        if !self.config.records {
            return;
        }
        if self.unstored.len() == MAX_UNSTORED
            && let Some((call, legs)) = self.unstored.pop_first()
        {
            tracing::error!(%call, "more than {MAX_UNSTORED} records wait to be stored: its end will not be told again");
            legs.into_iter().for_each(|leg| self.order(Order::Forget { leg }));
        }
        self.unstored.insert(first, legs);
    }

    fn timeout(&mut self, now: Mono) {
        self.centre.acd.handle(acd::Input::Timeout, now);
        while let Some(((due, first), ())) = self.deadlines.first_key_value().map(|(k, v)| (*k, *v)) {
            if due > now {
                return;
            }
            self.deadlines.remove(&(due, first));
            self.step(first, CallInput::Timeout, now);
            self.flow_timeout(first, now);
        }
    }

    fn request(&mut self, request: Request, now: Mono) -> Result<Reply, String> {
        if !self.attached {
            return Err("the line process is not attached".into());
        }
        match request {
            Request::Dial { trunk, called, calling, then } => {
                self.dial(&trunk, &called, &calling, &then, now)
            }
            Request::Clear { call } => {
                let entry = self.calls.get(&call).ok_or_else(|| format!("no call {call}"))?;
                let cause = if entry.is_from_seat() { Cause::NORMAL } else { Cause::UNSPECIFIED };
                self.tell(call, now, |_| CallInput::Clear(cause));
                Ok(Reply::Done)
            }
            Request::Agent { agent, order } => self.agent(&agent, order, now),
        }
    }

    fn dial(
        &mut self,
        trunk: &str,
        called: &str,
        calling: &str,
        then: &str,
        now: Mono,
    ) -> Result<Reply, String> {
        let known = self.config.trunks.iter().find(|known| known.name == trunk);
        let known = known.ok_or_else(|| format!("no trunk \"{trunk}\""))?;
        let spans = known.spans.clone();
        let own = known.caller.clone().unwrap_or_default();
        let calling = if calling.is_empty() { own.as_str() } else { calling };
        if self.calls.len() >= MAX_CALLS {
            return Err(format!("all {MAX_CALLS} calls are in use"));
        }
        if let call::Match::Unknown | call::Match::More = self.config.plan.route(then, From::Seat, true) {
            return Err(format!("\"{then}\" is no number of the plan"));
        }
        let first = self.names.next_leg();
        let mut orders = Vec::new();
        let deadline = now + self.config.plan.trunk_timeout.max(Duration::from_secs(1));
        let to = Destination::Trunk(spans);
        let call = Call::originate(first, to, called, calling, then, &mut orders, deadline);
        self.calls.insert(first, Entry::new(call, now));
        self.add_orders(first, orders);
        Ok(Reply::Call(first))
    }

    pub(crate) fn order(&mut self, order: Order) {
        self.outputs.push_back(Output::Order(order));
    }

    pub(crate) fn update(&mut self, update: Update) {
        self.outputs.push_back(Output::Update(update));
    }

    pub(crate) fn clear_deadlines(&mut self) {
        self.deadlines.clear();
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
