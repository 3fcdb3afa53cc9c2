//! The machine that hands callers to agents.
//!
//! Inputs name a caller, an agent or an offer; those that come too late (an offer already withdrawn, a caller already gone)
//! change nothing and are counted as stale. Whoever is reserved is so in one place, the table of offers: a caller and an
//! agent point to it and it to them.
//!
//! An offer ends with an answer, a failure, its deadline, or because its caller or agent leaves. After a failure the caller
//! stands at the old place again and the agent is busy, so that the next in turn is offered. The longest wait does not end
//! an offer that is ringing: it is looked at when the offer has failed.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clock::Mono;
use serde::{Deserialize, Serialize};

use crate::agent::{After, Agent, AgentState, AgentTotals, BusyReason};
use crate::config::{AcdConfig, ConfigError, Missed, QueueConfig};
use crate::event::{AgentRefusal, FailReason, Input, LeaveReason, Output, Refusal, WithdrawReason};
use crate::queue::{Place, Queue};
use crate::stats::{Outcome, QueueStats};
use crate::{AgentId, CallerKey, MAX_AGENTS, MAX_CALLERS, MAX_QUEUES_PER_AGENT, OfferId, Priority, QueueId};

/// Where a caller stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Hold {
    Waiting,
    Offered(OfferId),
    Talking(OfferId),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Caller {
    pub queue: QueueId,
    pub place: Place,
    pub entered: Mono,
    pub hold: Hold,
    /// The longest wait ends here.
    pub wait_limit: Option<Mono>,
    /// The deadline for it; none once it has passed or does not matter any more.
    pub wait_due: Option<Mono>,
    /// The next telling of the position.
    pub told_due: Option<Mono>,
    pub told: u16,
}

/// A reservation; `due` is none once answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    pub caller: CallerKey,
    pub agent: AgentId,
    pub due: Option<Mono>,
    /// The queue's, when it was made: for a queue that is no more at the end of the talk.
    pub wrap_up: Duration,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Due {
    Wait(CallerKey),
    Position(CallerKey),
    Offer(OfferId),
    Agent(AgentId),
}

/// Queues, agents, and who is with whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatcher {
    missed: Missed,
    pub(crate) queues: BTreeMap<QueueId, Queue>,
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    pub(crate) callers: BTreeMap<CallerKey, Caller>,
    pub(crate) offers: BTreeMap<OfferId, Offer>,
    pub(crate) deadlines: BTreeSet<(Mono, Due)>,
    last_ticket: u64,
    last_offer: u64,
    stale: u64,
    now: Mono,
    outputs: VecDeque<Output>,
}

impl Dispatcher {
    /// Makes a dispatcher without callers and agents.
    ///
    /// # Errors
    /// A value of the configuration is out of range.
    pub fn new(config: AcdConfig) -> Result<Dispatcher, ConfigError> {
        config.validate()?;
        Ok(Dispatcher {
            missed: config.missed,
            queues: config.queues.into_iter().map(|(id, queue)| (id, Queue::new(queue))).collect(),
            agents: BTreeMap::new(),
            callers: BTreeMap::new(),
            offers: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            last_ticket: 0,
            last_offer: 0,
            stale: 0,
            now: Mono::ZERO,
            outputs: VecDeque::new(),
        })
    }

    /// Takes one input. A `now` before the last one counts as the last one.
    pub fn handle(&mut self, input: Input, now: Mono) {
        self.now = self.now.max(now);
        match input {
            Input::Enqueue { caller, queue, priority } => self.enqueue(caller, queue, priority),
            Input::Resume { caller, queue, priority, waited, agent } => {
                self.resume(caller, queue, priority, waited, agent);
            }
            Input::Leave { caller, why } => self.leave(caller, why),
            Input::LogIn { agent, queues } => self.log_in(agent, queues),
            Input::Serve { agent, queues } => self.serve_others(agent, queues),
            Input::LogOut { agent } => self.log_out(agent),
            Input::Ready { agent } => self.ready(agent),
            Input::Busy { agent, reason } => self.busy(agent, reason),
            Input::WrapUpEnd { agent } => self.wrap_up_end(agent),
            Input::Answered { offer } => self.answered(offer),
            Input::Failed {
                offer,
                why: FailReason::NoAnswer | FailReason::Busy | FailReason::Unreachable,
            } => {
                self.failed(offer);
            }
            Input::TalkEnded { offer } => self.talk_ended(offer),
            Input::Timeout => self.timeout(),
        }
    }

    /// Returns the next output; call until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Returns the counters of a queue.
    pub fn stats(&self, queue: QueueId) -> Option<&QueueStats> {
        self.queues.get(&queue).map(|queue| &queue.stats)
    }

    /// Returns an agent's state and since when; none for one never logged in.
    pub fn agent(&self, agent: AgentId) -> Option<(AgentState, Mono)> {
        self.agents.get(&agent).map(|agent| (agent.state, agent.since))
    }

    /// Returns an agent's times and counts, the present state's time up to `now` among them.
    pub fn agent_totals(&self, agent: AgentId, now: Mono) -> Option<AgentTotals> {
        self.agents.get(&agent).map(|agent| agent.totals_at(now))
    }

    /// Returns all reservations: offer, caller, agent, and whether they talk. After a restart compare them with the calls
    /// that live and tell [`Input::Failed`] or [`Input::TalkEnded`] for the rest.
    pub fn reservations(&self) -> impl Iterator<Item = (OfferId, CallerKey, AgentId, bool)> {
        self.offers.iter().map(|(id, offer)| (*id, offer.caller, offer.agent, offer.due.is_none()))
    }

    /// Returns a caller's queue and the offer it holds, ringing or in talk.
    pub fn caller(&self, key: CallerKey) -> Option<(QueueId, Option<OfferId>)> {
        self.callers.get(&key).map(|caller| match caller.hold {
            Hold::Waiting => (caller.queue, None),
            Hold::Offered(offer) | Hold::Talking(offer) => (caller.queue, Some(offer)),
        })
    }

    /// Returns all callers with their queues, waiting or talking.
    pub fn callers(&self) -> impl Iterator<Item = (CallerKey, QueueId)> {
        self.callers.iter().map(|(key, caller)| (*key, caller.queue))
    }

    /// Returns what a queue was told.
    pub fn queue(&self, queue: QueueId) -> Option<&QueueConfig> {
        self.queues.get(&queue).map(|queue| &queue.config)
    }

    /// Returns since when the one waits who has waited longest, those for whom an agent is rung among them.
    pub fn oldest(&self, queue: QueueId) -> Option<Mono> {
        let rung = self.offers.values().filter(|offer| offer.due.is_some()).map(|offer| offer.caller);
        let waiting = self.queues.get(&queue)?.firsts().chain(rung);
        let callers = waiting.filter_map(|caller| self.callers.get(&caller));
        callers.filter(|caller| caller.queue == queue).map(|caller| caller.entered).min()
    }

    /// Adds a stay of the same day that another dispatcher has seen to the counters.
    pub fn replay(&mut self, queue: QueueId, outcome: Outcome, wait: Duration) {
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.stats.replay(outcome, wait, &queue.config);
        }
    }

    /// Begins all counters of queues and agents anew: a new day. Whoever waits counts as offered again.
    pub fn new_day(&mut self, now: Mono) {
        self.now = self.now.max(now);
        self.queues.values_mut().for_each(|queue| queue.stats.restart());
        self.agents.values_mut().for_each(|agent| agent.new_day(self.now));
    }

    /// Takes other queues and rules under way. A queue that is no more lets its waiting callers flow out.
    ///
    /// # Errors
    /// A value is out of range; nothing has changed.
    pub fn configure(&mut self, config: AcdConfig, now: Mono) -> Result<(), ConfigError> {
        config.validate()?;
        self.now = self.now.max(now);
        self.missed = config.missed;
        let gone: Vec<QueueId> =
            self.queues.keys().filter(|id| !config.queues.contains_key(id)).copied().collect();
        gone.into_iter().for_each(|queue| self.close(queue));
        for (id, queue) in config.queues {
            match self.queues.get_mut(&id) {
                Some(known) => known.config = queue,
                None => {
                    self.queues.insert(id, Queue::new(queue));
                }
            }
        }
        Ok(())
    }

    /// Ends a queue. Talks go on.
    fn close(&mut self, queue: QueueId) {
        // First nobody serves it any more, so that none of its callers is offered once more.
        for agent in self.agents.values_mut() {
            agent.queues.retain(|served| *served != queue);
        }
        let inside = self.callers.iter().filter(|(_, caller)| caller.queue == queue);
        for (key, hold) in inside.map(|(key, caller)| (*key, caller.hold)).collect::<Vec<_>>() {
            match hold {
                Hold::Waiting => self.wait_is_over(key),
                Hold::Offered(offer) => {
                    let agent = self.withdraw(offer, WithdrawReason::CallerLeft);
                    self.wait_is_over(key);
                    agent.into_iter().for_each(|agent| self.settle(agent, true));
                }
                Hold::Talking(_) => {}
            }
        }
        self.queues.remove(&queue);
    }

    /// Returns how many inputs came too late or made no sense.
    pub fn stale(&self) -> u64 {
        self.stale
    }

    /// Returns the deadlines as callers, offers and agents have them.
    pub(crate) fn deadlines(&self) -> BTreeSet<(Mono, Due)> {
        let waits = self.callers.iter().filter_map(|(key, c)| c.wait_due.map(|due| (due, Due::Wait(*key))));
        let told =
            self.callers.iter().filter_map(|(key, c)| c.told_due.map(|due| (due, Due::Position(*key))));
        let offers = self.offers.iter().filter_map(|(id, offer)| offer.due.map(|due| (due, Due::Offer(*id))));
        let agents =
            self.agents.iter().filter_map(|(id, a)| a.state.until().map(|due| (due, Due::Agent(*id))));
        waits.chain(told).chain(offers).chain(agents).collect()
    }

    fn enqueue(&mut self, caller: CallerKey, queue: QueueId, priority: Priority) {
        let why = self.refusal(caller, queue);
        let Some(into) = self.queues.get_mut(&queue) else {
            return self.outputs.push_back(Output::Refused { caller, queue, why: Refusal::UnknownQueue });
        };
        if let Some(why) = why {
            into.stats.refused += 1;
            return self.outputs.push_back(Output::Refused { caller, queue, why });
        }
        self.last_ticket += 1;
        let place = Place::new(priority, self.last_ticket);
        into.join(place, caller);
        into.stats.entered();
        let wait_limit = into.config.max_wait.map(|wait| self.now + wait);
        let entry = Caller {
            queue,
            place,
            entered: self.now,
            hold: Hold::Waiting,
            wait_limit,
            wait_due: wait_limit,
            told_due: into.config.position_every.map(|every| self.now + every),
            told: into.position(place),
        };
        let position = entry.told;
        self.deadlines.extend(entry.wait_due.map(|due| (due, Due::Wait(caller))));
        self.deadlines.extend(entry.told_due.map(|due| (due, Due::Position(caller))));
        self.callers.insert(caller, entry);
        self.serve(queue);
        if self.callers.get(&caller).is_some_and(|entry| entry.hold == Hold::Waiting) {
            self.outputs.push_back(Output::Position { caller, queue, position });
        }
    }

    fn resume(
        &mut self,
        key: CallerKey,
        id: QueueId,
        priority: Priority,
        waited: Duration,
        agent: Option<AgentId>,
    ) {
        let Some(queue) = self.queues.get_mut(&id).filter(|_| !self.callers.contains_key(&key)) else {
            self.stale += 1;
            return;
        };
        self.last_ticket += 1;
        let place = Place::new(priority, self.last_ticket);
        queue.stats.entered();
        let entered = self.now.before(waited);
        let mut caller = Caller {
            queue: id,
            place,
            entered,
            hold: Hold::Waiting,
            wait_limit: queue.config.max_wait.map(|wait| entered + wait),
            wait_due: None,
            told_due: None,
            told: 0,
        };
        if let Some(agent) = agent {
            queue.stats.answered(waited, &queue.config);
            let wrap_up = queue.config.wrap_up;
            if self.state(agent) == AgentState::Idle {
                self.last_offer += 1;
                let offer = OfferId(self.last_offer);
                caller.hold = Hold::Talking(offer);
                self.callers.insert(key, caller);
                self.offers.insert(offer, Offer { caller: key, agent, due: None, wrap_up });
                self.set_state(agent, AgentState::Talking { offer });
            }
            return;
        }
        // A wait that is over already ends at the next timeout.
        caller.wait_due = caller.wait_limit;
        caller.told_due = queue.config.position_every.map(|every| self.now + every);
        queue.join(place, key);
        self.deadlines.extend(caller.wait_due.map(|due| (due, Due::Wait(key))));
        self.deadlines.extend(caller.told_due.map(|due| (due, Due::Position(key))));
        self.callers.insert(key, caller);
        self.serve(id);
    }

    fn refusal(&self, caller: CallerKey, queue: QueueId) -> Option<Refusal> {
        let queue = self.queues.get(&queue)?;
        if self.callers.contains_key(&caller) {
            return Some(Refusal::AlreadyHere);
        }
        let full =
            queue.stats.waiting >= queue.config.max_waiting as u64 || self.callers.len() >= MAX_CALLERS;
        if full {
            return Some(Refusal::Full);
        }
        (queue.config.needs_agents && queue.logged_in == 0).then_some(Refusal::NoAgents)
    }

    /// Offers the first in line to the first idle agent. There is never more than one such pair: one of them has just come.
    fn serve(&mut self, queue: QueueId) {
        let Some(at) = self.queues.get(&queue) else {
            return;
        };
        if let (Some((_, caller)), Some((_, agent))) = (at.line.first_key_value(), at.idle.first()) {
            let (caller, agent) = (*caller, *agent);
            self.offer(caller, agent);
        }
    }

    fn offer(&mut self, key: CallerKey, agent: AgentId) {
        let Some(caller) = self.callers.get_mut(&key) else {
            return;
        };
        let Some(queue) = self.queues.get_mut(&caller.queue) else {
            return;
        };
        self.last_offer += 1;
        let offer = OfferId(self.last_offer);
        let due = self.now + queue.config.offer_timeout;
        queue.leave(caller.place);
        queue.stats.offers += 1;
        caller.hold = Hold::Offered(offer);
        let wrap_up = queue.config.wrap_up;
        let (queue, waited) = (caller.queue, self.now - caller.entered);
        self.offers.insert(offer, Offer { caller: key, agent, due: Some(due), wrap_up });
        self.deadlines.insert((due, Due::Offer(offer)));
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.totals.offers += 1;
        }
        self.set_state(agent, AgentState::Ringing { offer });
        self.outputs.push_back(Output::Offer { offer, caller: key, agent, queue, waited });
    }

    fn leave(&mut self, key: CallerKey, why: LeaveReason) {
        let Some(hold) = self.callers.get(&key).map(|caller| caller.hold) else {
            self.stale += 1;
            return;
        };
        match hold {
            Hold::Waiting => self.gone(key, Some(why)),
            Hold::Offered(offer) => {
                self.gone(key, Some(why));
                if let Some(agent) = self.withdraw(offer, WithdrawReason::CallerLeft) {
                    self.settle(agent, true);
                }
            }
            Hold::Talking(offer) => self.talk_ended(offer),
        }
    }

    /// Forgets a caller; `why` if it was still waiting.
    fn gone(&mut self, key: CallerKey, why: Option<LeaveReason>) {
        let Some(caller) = self.callers.remove(&key) else {
            return;
        };
        self.forget_deadlines(key, &caller);
        let Some(queue) = self.queues.get_mut(&caller.queue) else {
            return;
        };
        let wait = self.now - caller.entered;
        queue.leave(caller.place);
        match why {
            Some(LeaveReason::Abandoned) => queue.stats.abandoned(wait, &queue.config),
            Some(LeaveReason::Taken) => queue.stats.flowed_out(wait),
            None => {}
        }
    }

    fn forget_deadlines(&mut self, key: CallerKey, caller: &Caller) {
        if let Some(due) = caller.wait_due {
            self.deadlines.remove(&(due, Due::Wait(key)));
        }
        if let Some(due) = caller.told_due {
            self.deadlines.remove(&(due, Due::Position(key)));
        }
    }

    /// Takes a ringing offer away and returns its agent, who still stands as ringing.
    fn withdraw(&mut self, offer: OfferId, why: WithdrawReason) -> Option<AgentId> {
        let taken = self.end_offer(offer)?;
        self.outputs.push_back(Output::Withdraw { offer, why });
        Some(taken.agent)
    }

    fn end_offer(&mut self, offer: OfferId) -> Option<Offer> {
        let taken = self.offers.remove(&offer)?;
        if let Some(due) = taken.due {
            self.deadlines.remove(&(due, Due::Offer(offer)));
        }
        Some(taken)
    }

    fn answered(&mut self, id: OfferId) {
        let Some(offer) = self.offers.get_mut(&id) else {
            self.stale += 1;
            return;
        };
        let Some(due) = offer.due.take() else {
            self.stale += 1;
            return;
        };
        let Offer { caller: key, agent, .. } = *offer;
        self.deadlines.remove(&(due, Due::Offer(id)));
        if let Some(mut caller) = self.callers.remove(&key) {
            self.forget_deadlines(key, &caller);
            (caller.wait_due, caller.told_due) = (None, None);
            caller.hold = Hold::Talking(id);
            if let Some(queue) = self.queues.get_mut(&caller.queue) {
                queue.stats.answered(self.now - caller.entered, &queue.config);
            }
            self.callers.insert(key, caller);
        }
        if let Some(agent) = self.agents.get_mut(&agent) {
            agent.totals.answered += 1;
        }
        self.set_state(agent, AgentState::Talking { offer: id });
    }

    fn failed(&mut self, id: OfferId) {
        if self.offers.get(&id).is_none_or(|offer| offer.due.is_none()) {
            self.stale += 1;
            return;
        }
        if let Some(offer) = self.end_offer(id) {
            self.missed(offer);
        }
    }

    /// After an offer in vain: the agent is busy, the caller stands where it stood.
    fn missed(&mut self, offer: Offer) {
        let queue = self.callers.get(&offer.caller).map(|caller| caller.queue);
        if let Some(queue) = queue.and_then(|queue| self.queues.get_mut(&queue)) {
            queue.stats.offers_missed += 1;
        }
        if let Some(agent) = self.agents.get_mut(&offer.agent) {
            agent.totals.missed += 1;
            match agent.after {
                After::Ready => {
                    let until = match self.missed {
                        Missed::Busy => None,
                        Missed::Pause(pause) => Some(self.now + pause),
                    };
                    self.set_state(offer.agent, AgentState::Busy { reason: BusyReason::Missed, until });
                }
                After::Busy(_) | After::LogOut => self.settle(offer.agent, false),
            }
        }
        self.back(offer.caller);
    }

    /// Puts a caller whose offer has ended back into its place, unless it has waited longest.
    fn back(&mut self, key: CallerKey) {
        let Some(caller) = self.callers.get_mut(&key) else {
            return;
        };
        caller.hold = Hold::Waiting;
        if caller.wait_limit.is_some_and(|limit| limit <= self.now) {
            return self.wait_is_over(key);
        }
        let (queue, place) = (caller.queue, caller.place);
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.join(place, key);
        }
        self.serve(queue);
    }

    fn talk_ended(&mut self, id: OfferId) {
        if self.offers.get(&id).is_none_or(|offer| offer.due.is_some()) {
            self.stale += 1;
            return;
        }
        let Some(offer) = self.end_offer(id) else {
            return;
        };
        let queue = self.callers.get(&offer.caller).map(|caller| caller.queue);
        let queue = queue.and_then(|queue| self.queues.get(&queue));
        let wrap_up = queue.map_or(offer.wrap_up, |queue| queue.config.wrap_up);
        self.gone(offer.caller, None);
        let leaves = self.agents.get(&offer.agent).is_some_and(|agent| agent.after == After::LogOut);
        if leaves || wrap_up.is_zero() {
            self.settle(offer.agent, false);
        } else {
            let until = self.now + wrap_up;
            self.set_state(offer.agent, AgentState::WrapUp { until });
        }
    }

    fn log_in(&mut self, id: AgentId, mut queues: Vec<QueueId>) {
        queues.sort_unstable();
        queues.dedup();
        if let Some(why) = self.agent_refusal(id, &queues) {
            return self.outputs.push_back(Output::AgentRefused { agent: id, why });
        }
        self.enter_queues(&queues);
        let agent = self.agents.entry(id).or_insert_with(|| Agent::new(self.now));
        agent.queues = queues;
        agent.after = After::Ready;
        agent.totals.logins += 1;
        self.set_state(id, AgentState::Busy { reason: BusyReason::LoggedIn, until: None });
    }

    fn enter_queues(&mut self, queues: &[QueueId]) {
        for queue in queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.logged_in += 1;
            }
        }
    }

    fn leave_queues(&mut self, queues: &[QueueId]) {
        for queue in queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.logged_in -= 1;
            }
        }
    }

    fn serve_others(&mut self, id: AgentId, mut queues: Vec<QueueId>) {
        queues.sort_unstable();
        queues.dedup();
        if let Some(why) = self.queues_refusal(&queues) {
            return self.outputs.push_back(Output::AgentRefused { agent: id, why });
        }
        let Some(agent) = self.agents.get_mut(&id).filter(|agent| agent.state != AgentState::Offline) else {
            self.stale += 1;
            return;
        };
        let (idle, since) = (agent.state == AgentState::Idle, agent.idle_since);
        let served = std::mem::replace(&mut agent.queues, queues.clone());
        self.leave_queues(&served);
        self.enter_queues(&queues);
        if idle {
            self.stand_idle(id, since, &served, false);
            self.stand_idle(id, since, &queues, true);
            self.offer_first(id);
        }
    }

    /// Forgets an agent who is logged out; false if there is none or not logged out.
    pub fn forget(&mut self, id: AgentId) -> bool {
        let offline = self.agents.get(&id).is_some_and(|agent| agent.state == AgentState::Offline);
        offline && self.agents.remove(&id).is_some()
    }

    fn agent_refusal(&self, id: AgentId, queues: &[QueueId]) -> Option<AgentRefusal> {
        let known = self.agents.get(&id);
        if known.is_some_and(|agent| agent.state != AgentState::Offline) {
            return Some(AgentRefusal::LoggedIn);
        }
        if known.is_none() && self.agents.len() >= MAX_AGENTS {
            return Some(AgentRefusal::TooManyAgents);
        }
        self.queues_refusal(queues)
    }

    fn queues_refusal(&self, queues: &[QueueId]) -> Option<AgentRefusal> {
        if queues.len() > MAX_QUEUES_PER_AGENT {
            return Some(AgentRefusal::TooManyQueues);
        }
        let unknown = queues.iter().any(|queue| !self.queues.contains_key(queue));
        unknown.then_some(AgentRefusal::UnknownQueue)
    }

    fn log_out(&mut self, id: AgentId) {
        match self.state(id) {
            AgentState::Offline => self.stale += 1,
            AgentState::Talking { .. } => self.set_after(id, After::LogOut),
            AgentState::Ringing { offer } => {
                let caller = self.offers.get(&offer).map(|offer| offer.caller);
                self.withdraw(offer, WithdrawReason::AgentLeft);
                self.offline(id);
                if let Some(caller) = caller {
                    self.back(caller);
                }
            }
            AgentState::Idle | AgentState::WrapUp { .. } | AgentState::Busy { .. } => self.offline(id),
        }
    }

    fn ready(&mut self, id: AgentId) {
        match self.state(id) {
            AgentState::Offline => self.stale += 1,
            AgentState::Idle => {}
            AgentState::Ringing { .. } | AgentState::Talking { .. } => self.set_after(id, After::Ready),
            AgentState::WrapUp { .. } | AgentState::Busy { .. } => self.idle(id, false),
        }
    }

    fn busy(&mut self, id: AgentId, reason: u8) {
        match self.state(id) {
            AgentState::Offline => self.stale += 1,
            AgentState::Ringing { .. } | AgentState::Talking { .. } => {
                self.set_after(id, After::Busy(reason))
            }
            AgentState::Idle | AgentState::WrapUp { .. } | AgentState::Busy { .. } => {
                self.own_busy(id, reason)
            }
        }
    }

    fn wrap_up_end(&mut self, id: AgentId) {
        match self.state(id) {
            AgentState::WrapUp { .. } => self.settle(id, false),
            AgentState::Offline
            | AgentState::Idle
            | AgentState::Ringing { .. }
            | AgentState::Talking { .. }
            | AgentState::Busy { .. } => self.stale += 1,
        }
    }

    fn state(&self, id: AgentId) -> AgentState {
        self.agents.get(&id).map_or(AgentState::Offline, |agent| agent.state)
    }

    fn set_after(&mut self, id: AgentId, after: After) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.after = after;
        }
    }

    /// Does what the agent has asked for; `same_turn`: an offer was withdrawn and the agent keeps the turn.
    fn settle(&mut self, id: AgentId, same_turn: bool) {
        match self.agents.get(&id).map_or(After::LogOut, |agent| agent.after) {
            After::Ready => self.idle(id, same_turn),
            After::Busy(reason) => self.own_busy(id, reason),
            After::LogOut => self.offline(id),
        }
    }

    fn own_busy(&mut self, id: AgentId, reason: u8) {
        if let Some(agent) = self.agents.get_mut(&id) {
            agent.after = After::Ready;
            agent.totals.busy_count += 1;
        }
        self.set_state(id, AgentState::Busy { reason: BusyReason::Own(reason), until: None });
    }

    fn offline(&mut self, id: AgentId) {
        self.set_state(id, AgentState::Offline);
        let served = self.agents.get_mut(&id).map(|agent| std::mem::take(&mut agent.queues));
        self.leave_queues(&served.unwrap_or_default());
    }

    /// Makes an agent idle and offers the first of all callers in the queues served.
    fn idle(&mut self, id: AgentId, same_turn: bool) {
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        agent.after = After::Ready;
        if !same_turn {
            agent.idle_since = self.now;
        }
        self.set_state(id, AgentState::Idle);
        self.offer_first(id);
    }

    /// Offers an idle agent the first of all callers in the queues served.
    fn offer_first(&mut self, id: AgentId) {
        let served = self.agents.get(&id).map_or(&[][..], |agent| &agent.queues);
        let served = served.iter().filter_map(|queue| self.queues.get(queue));
        let first = served.filter_map(|queue| queue.line.first_key_value()).min();
        if let Some((_, caller)) = first {
            self.offer(*caller, id);
        }
    }

    /// The only way into a state: keeps the idle agents of the queues, the deadline and the books.
    fn set_state(&mut self, id: AgentId, state: AgentState) {
        let Some(agent) = self.agents.get_mut(&id) else {
            return;
        };
        let was = agent.state;
        if let Some(due) = was.until() {
            self.deadlines.remove(&(due, Due::Agent(id)));
        }
        if let Some(due) = state.until() {
            self.deadlines.insert((due, Due::Agent(id)));
        }
        agent.set_state(state, self.now);
        if (was == AgentState::Idle) != (state == AgentState::Idle) {
            let (since, queues) = (agent.idle_since, agent.queues.clone());
            self.stand_idle(id, since, &queues, state == AgentState::Idle);
        }
        self.outputs.push_back(Output::Agent { agent: id, state });
    }

    fn stand_idle(&mut self, id: AgentId, since: Mono, queues: &[QueueId], idle: bool) {
        for queue in queues {
            if let Some(queue) = self.queues.get_mut(queue) {
                queue.set_idle(id, since, idle);
            }
        }
    }

    fn timeout(&mut self) {
        while let Some((due, what)) = self.deadlines.first().copied() {
            if due > self.now {
                return;
            }
            self.deadlines.remove(&(due, what));
            match what {
                Due::Wait(caller) => self.wait_due(caller),
                Due::Position(caller) => self.tell_position(caller),
                Due::Offer(offer) => {
                    let taken = self.end_offer(offer);
                    self.outputs.push_back(Output::Withdraw { offer, why: WithdrawReason::NoAnswer });
                    taken.into_iter().for_each(|offer| self.missed(offer));
                }
                Due::Agent(agent) => self.settle(agent, false),
            }
        }
    }

    fn wait_due(&mut self, key: CallerKey) {
        let Some(caller) = self.callers.get_mut(&key) else {
            return;
        };
        match caller.hold {
            Hold::Waiting => self.wait_is_over(key),
            // Looked at again when the offer has failed; until then the offer's own deadline stands.
            Hold::Offered(_) | Hold::Talking(_) => caller.wait_due = None,
        }
    }

    fn wait_is_over(&mut self, key: CallerKey) {
        let queue = self.callers.get(&key).map(|caller| caller.queue);
        self.gone(key, Some(LeaveReason::Taken));
        self.outputs.extend(queue.map(|queue| Output::TimedOut { caller: key, queue }));
    }

    fn tell_position(&mut self, key: CallerKey) {
        let Some(caller) = self.callers.get_mut(&key) else {
            return;
        };
        let Some(queue) = self.queues.get(&caller.queue) else {
            return;
        };
        caller.told_due = queue.config.position_every.map(|every| self.now + every);
        self.deadlines.extend(caller.told_due.map(|due| (due, Due::Position(key))));
        let position = queue.position(caller.place);
        if caller.hold == Hold::Waiting && position != caller.told {
            caller.told = position;
            self.outputs.push_back(Output::Position { caller: key, queue: caller.queue, position });
        }
    }
}

#[cfg(test)]
#[path = "dispatcher_tests.rs"]
mod tests;
