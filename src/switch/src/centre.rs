//! Queues and agents by their names, around the dispatcher that knows them by numbers.

use std::collections::{BTreeMap, BTreeSet};

use acd::{AgentId, AgentState, BusyReason, CallerKey, ConfigError, Dispatcher, OfferId, QueueId};
use clock::{Mono, WallAnchor};
use link::LegId;

use crate::setup::{Agent, Queue, Start, SwitchConfig};
use crate::view::{AgentCounts, AgentStateView, AgentTotals, AgentView, QueueFigures, QueueView};

/// The dispatcher, with names.
#[derive(Debug)]
pub(crate) struct Centre {
    pub acd: Dispatcher,
    queue_ids: BTreeMap<String, QueueId>,
    queues: BTreeMap<QueueId, Queue>,
    agent_ids: BTreeMap<String, AgentId>,
    agents: BTreeMap<AgentId, Agent>,
    busy_reasons: Vec<String>,
    /// Which call and agent an offer that stands belongs to.
    pub offers: BTreeMap<OfferId, (LegId, AgentId)>,
    /// What has changed and was not shown yet.
    changed_queues: BTreeSet<QueueId>,
    changed_agents: BTreeSet<AgentId>,
}

/// Returns the caller of a call.
pub(crate) fn caller(first: LegId) -> CallerKey {
    CallerKey::from_leg(first.epoch, first.session, first.serial)
}

/// Returns the call of a caller.
pub(crate) fn call(caller: CallerKey) -> LegId {
    let (epoch, session, serial) = caller.leg();
    LegId { epoch, session, serial }
}

impl Centre {
    pub fn new(config: &SwitchConfig, now: Mono) -> Result<Centre, ConfigError> {
        let number = |index: usize| u16::try_from(index).unwrap_or(u16::MAX);
        let named = config.queues.iter().enumerate();
        let queue_ids: BTreeMap<String, QueueId> =
            named.map(|(index, queue)| (queue.name.clone(), QueueId(number(index)))).collect();
        let acd = Dispatcher::new(config.acd(|name| queue_ids[name]))?;
        let ids = (0..).map(AgentId);
        let agents: BTreeMap<AgentId, Agent> = ids.zip(config.agents.iter().cloned()).collect();
        let mut centre = Centre {
            acd,
            queues: config.queues.iter().map(|queue| (queue_ids[&queue.name], queue.clone())).collect(),
            queue_ids,
            agent_ids: agents.iter().map(|(id, agent)| (agent.name.clone(), *id)).collect(),
            changed_agents: agents.keys().copied().collect(),
            agents,
            busy_reasons: config.busy_reasons.clone(),
            offers: BTreeMap::new(),
            changed_queues: BTreeSet::new(),
        };
        centre.changed_queues = centre.queues.keys().copied().collect();
        for past in &config.past {
            if let Some(id) = centre.queue_ids.get(&past.queue) {
                centre.acd.replay(*id, past.outcome, past.wait);
            }
        }
        centre.start_agents(now);
        Ok(centre)
    }

    fn start_agents(&mut self, now: Mono) {
        for (id, agent) in self.agents.clone() {
            if agent.start == Start::Offline {
                continue;
            }
            let queues = self.queues_of(id);
            self.acd.handle(acd::Input::LogIn { agent: id, queues }, now);
            match agent.start {
                Start::Ready => self.acd.handle(acd::Input::Ready { agent: id }, now),
                Start::Busy(Some(reason)) => {
                    if let Some(reason) = self.reason(&reason) {
                        self.acd.handle(acd::Input::Busy { agent: id, reason }, now);
                    }
                }
                Start::Busy(None) | Start::Offline => {}
            }
        }
    }

    pub fn queue_id(&self, name: &str) -> Option<QueueId> {
        self.queue_ids.get(name).copied()
    }

    pub fn agent_id(&self, name: &str) -> Option<AgentId> {
        self.agent_ids.get(name).copied()
    }

    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(&id)
    }

    /// Returns the numbers of the queues that an agent serves.
    pub fn queues_of(&self, id: AgentId) -> Vec<QueueId> {
        let names = self.agents.get(&id).map_or(&[][..], |agent| &agent.queues);
        names.iter().filter_map(|name| self.queue_id(name)).collect()
    }

    /// Returns the number of a reason for being busy.
    pub fn reason(&self, name: &str) -> Option<u8> {
        self.busy_reasons.iter().position(|known| known == name).and_then(|index| u8::try_from(index).ok())
    }

    pub fn reasons(&self) -> &[String] {
        &self.busy_reasons
    }

    pub fn is_online(&self, id: AgentId) -> bool {
        self.acd.agent(id).is_some_and(|(state, _)| state != AgentState::Offline)
    }

    pub fn queue_changed(&mut self, queue: QueueId) {
        self.changed_queues.insert(queue);
    }

    pub fn agent_changed(&mut self, agent: AgentId) {
        self.changed_agents.insert(agent);
        let queues = self.queues_of(agent);
        self.changed_queues.extend(queues);
    }

    pub fn all_changed(&mut self) {
        self.changed_queues.extend(self.queues.keys());
        self.changed_agents.extend(self.agents.keys());
    }

    /// Returns what has changed since it was asked last, as onlookers see it.
    pub fn take_changes(&mut self, anchor: &WallAnchor, now: Mono) -> (Vec<AgentView>, Vec<QueueView>) {
        let agents = std::mem::take(&mut self.changed_agents);
        let queues = std::mem::take(&mut self.changed_queues);
        let agents = agents.into_iter().filter_map(|id| self.show_agent(id, anchor, now)).collect();
        let queues = queues.into_iter().filter_map(|id| self.show_queue(id, anchor)).collect();
        (agents, queues)
    }

    fn show_agent(&self, id: AgentId, anchor: &WallAnchor, now: Mono) -> Option<AgentView> {
        let agent = self.agents.get(&id)?;
        let (state, since) = self.acd.agent(id).unwrap_or((AgentState::Offline, now));
        let totals = self.acd.agent_totals(id, since).unwrap_or_default();
        let call = state.offer().and_then(|offer| self.offers.get(&offer));
        Some(AgentView {
            agent: agent.name.clone(),
            name: agent.title.clone(),
            seat: agent.seat.clone(),
            queues: agent.queues.clone(),
            state: state_view(state),
            reason: self.reason_of(state),
            since_ms: anchor.unix_millis(since),
            until_ms: state.until().map(|until| anchor.unix_millis(until)),
            call: call.map(|(first, _)| first.to_string()),
            totals: totals_view(&totals),
        })
    }

    fn reason_of(&self, state: AgentState) -> Option<String> {
        let AgentState::Busy { reason, .. } = state else {
            return None;
        };
        Some(match reason {
            BusyReason::LoggedIn => "logged_in".into(),
            BusyReason::Missed => "missed".into(),
            BusyReason::Own(number) => {
                self.busy_reasons.get(usize::from(number)).cloned().unwrap_or_else(|| number.to_string())
            }
        })
    }

    fn show_queue(&self, id: QueueId, anchor: &WallAnchor) -> Option<QueueView> {
        let queue = self.queues.get(&id)?;
        let stats = self.acd.stats(id)?;
        let mut agents = AgentCounts::default();
        for (agent, served) in &self.agents {
            if served.queues.contains(&queue.name)
                && let Some((state, _)) = self.acd.agent(*agent)
            {
                count(&mut agents, state_view(state));
            }
        }
        Some(QueueView {
            queue: queue.name.clone(),
            title: queue.title.clone(),
            waiting: stats.waiting,
            oldest_ms: self.acd.oldest(id).map(|since| anchor.unix_millis(since)),
            agents,
            service_goal_ms: millis(queue.rules.service_goal),
            figures: figures(stats),
        })
    }
}

fn millis(time: core::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn count(counts: &mut AgentCounts, state: AgentStateView) {
    match state {
        AgentStateView::Offline => {}
        AgentStateView::Idle => counts.idle += 1,
        AgentStateView::Ringing => counts.ringing += 1,
        AgentStateView::Talking => counts.talking += 1,
        AgentStateView::WrapUp => counts.wrap_up += 1,
        AgentStateView::Busy => counts.busy += 1,
    }
}

fn state_view(state: AgentState) -> AgentStateView {
    match state {
        AgentState::Offline => AgentStateView::Offline,
        AgentState::Idle => AgentStateView::Idle,
        AgentState::Ringing { .. } => AgentStateView::Ringing,
        AgentState::Talking { .. } => AgentStateView::Talking,
        AgentState::WrapUp { .. } => AgentStateView::WrapUp,
        AgentState::Busy { .. } => AgentStateView::Busy,
    }
}

fn totals_view(totals: &acd::AgentTotals) -> AgentTotals {
    AgentTotals {
        idle_ms: millis(totals.idle),
        ringing_ms: millis(totals.ringing),
        talking_ms: millis(totals.talking),
        wrap_up_ms: millis(totals.wrap_up),
        busy_ms: millis(totals.busy),
        logins: totals.logins,
        offers: totals.offers,
        answered: totals.answered,
        missed: totals.missed,
    }
}

fn figures(stats: &acd::QueueStats) -> QueueFigures {
    let levels = stats.service_levels();
    let wait = |percent: u8| stats.wait_answered.percentile(percent).map(millis);
    QueueFigures {
        offered: stats.offered,
        answered: stats.answered,
        answered_in_goal: stats.answered_in_goal,
        abandoned: stats.abandoned,
        abandoned_in_goal: stats.abandoned_in_goal,
        abandoned_short: stats.abandoned_short,
        flowed_out: stats.flowed_out,
        refused: stats.refused,
        sl1: levels.sl1,
        sl2: levels.sl2,
        sl3: levels.sl3,
        sl4: levels.sl4,
        wait_mean_ms: stats.wait_answered.mean().map(millis),
        wait_p50_ms: wait(50),
        wait_p90_ms: wait(90),
        wait_p99_ms: wait(99),
    }
}
