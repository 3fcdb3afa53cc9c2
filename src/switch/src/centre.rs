//! Queues and agents by their names, around the dispatcher that knows them by numbers.

use std::collections::{BTreeMap, BTreeSet};

use acd::{
    AcdConfig, AgentId, AgentState, BusyReason, CallerKey, ConfigError, Dispatcher, Missed, OfferId, QueueId,
};
use clock::{Mono, WallAnchor};
use link::LegId;

use crate::setup::{Agent, Queue, Start, SwitchConfig};
use crate::view::{AgentCounts, AgentStateView, AgentTotals, AgentView, QueueFigures, QueueView};

/// The dispatcher, with names. Numbers belong to one life of the switch.
#[derive(Debug)]
pub(crate) struct Centre {
    pub acd: Dispatcher,
    queue_ids: BTreeMap<String, QueueId>,
    queues: BTreeMap<QueueId, Queue>,
    agent_ids: BTreeMap<String, AgentId>,
    agents: BTreeMap<AgentId, Agent>,
    next_agent: u32,
    /// Agents whom the configuration does not know any more; gone once their talk has ended.
    leaving: BTreeSet<AgentId>,
    /// Every reason there ever was: an agent may still be busy for one that is no more.
    known_reasons: Vec<String>,
    /// The reasons that may be given.
    busy_reasons: Vec<String>,
    /// Which call and agent an offer that stands belongs to.
    pub offers: BTreeMap<OfferId, (LegId, AgentId)>,
    /// What has changed and was not shown yet.
    changed_queues: BTreeSet<QueueId>,
    changed_agents: BTreeSet<AgentId>,
    gone_queues: Vec<String>,
}

/// A number that no queue ever has.
pub(crate) const NO_QUEUE: QueueId = QueueId(u16::MAX);

/// Returns the caller of a call.
pub(crate) fn caller(first: LegId) -> CallerKey {
    CallerKey::from_leg(first.epoch, first.session, first.serial)
}

/// Returns the call of a caller.
pub(crate) fn call(caller: CallerKey) -> LegId {
    let (epoch, session, serial) = caller.leg();
    LegId { epoch, session, serial }
}

/// Why a configuration is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigureError {
    /// A rule of a queue is out of range.
    #[error(transparent)]
    Acd(#[from] ConfigError),
    /// The switch remembers every reason since its start.
    #[error(
        "{0} different reasons for being busy since the start are over the limit of {MAX_REASONS}: restart"
    )]
    TooManyReasons(usize),
}

/// Reasons for being busy that one life of the switch can know: they are numbered by an octet.
const MAX_REASONS: usize = 256;

impl Centre {
    pub fn new(config: &SwitchConfig, now: Mono) -> Result<Centre, ConfigureError> {
        let empty = AcdConfig { queues: BTreeMap::new(), missed: Missed::Busy };
        let mut centre = Centre {
            acd: Dispatcher::new(empty)?,
            queue_ids: BTreeMap::new(),
            queues: BTreeMap::new(),
            agent_ids: BTreeMap::new(),
            agents: BTreeMap::new(),
            next_agent: 0,
            leaving: BTreeSet::new(),
            known_reasons: Vec::new(),
            busy_reasons: Vec::new(),
            offers: BTreeMap::new(),
            changed_queues: BTreeSet::new(),
            changed_agents: BTreeSet::new(),
            gone_queues: Vec::new(),
        };
        centre.configure(config, now)?;
        for past in &config.past {
            if let Some(id) = centre.queue_ids.get(&past.queue) {
                centre.acd.replay(*id, past.outcome, past.wait);
            }
        }
        Ok(centre)
    }

    /// Takes other queues, agents and reasons. Who waits in a queue that is no more flows out of it; an agent who is no
    /// more ends the talk first; one who is new begins as configured.
    ///
    /// # Errors
    /// A value is out of range; nothing has changed.
    pub fn configure(&mut self, config: &SwitchConfig, now: Mono) -> Result<(), ConfigureError> {
        let new = config.busy_reasons.iter().filter(|reason| !self.known_reasons.contains(reason));
        let new: Vec<String> = new.cloned().collect();
        let known = self.known_reasons.len() + new.len();
        if known > MAX_REASONS {
            return Err(ConfigureError::TooManyReasons(known));
        }
        let ids = self.numbered(&config.queues);
        self.acd.configure(config.acd(|name| ids[name]), now)?;
        self.known_reasons.extend(new);
        self.busy_reasons.clone_from(&config.busy_reasons);
        self.gone_queues.extend(self.queue_ids.keys().filter(|name| !ids.contains_key(*name)).cloned());
        self.queues = config.queues.iter().map(|queue| (ids[&queue.name], queue.clone())).collect();
        self.queue_ids = ids;
        self.configure_agents(&config.agents, now);
        self.all_changed();
        Ok(())
    }

    /// Returns numbers for queues: those that are known keep theirs, others get one that nobody has.
    fn numbered(&self, queues: &[Queue]) -> BTreeMap<String, QueueId> {
        let mut free = (0..NO_QUEUE.0).map(QueueId).filter(|id| !self.queues.contains_key(id));
        let mut number = |name: &String| self.queue_id(name).or_else(|| free.next());
        queues.iter().filter_map(|queue| Some((queue.name.clone(), number(&queue.name)?))).collect()
    }

    fn configure_agents(&mut self, agents: &[Agent], now: Mono) {
        let stays = |name: &str| agents.iter().any(|agent| agent.name == name);
        for (name, id) in self.agent_ids.clone() {
            if !stays(&name) && self.leaving.insert(id) && self.is_online(id) {
                self.acd.handle(acd::Input::LogOut { agent: id }, now);
            }
        }
        for agent in agents {
            match self.agent_ids.get(&agent.name).copied() {
                Some(id) => self.configure_agent(id, agent, now),
                None => self.add_agent(agent, now),
            }
        }
    }

    fn configure_agent(&mut self, id: AgentId, agent: &Agent, now: Mono) {
        let was = self.agents.insert(id, agent.clone());
        if self.leaving.remove(&id) && self.is_online(id) {
            self.acd.handle(acd::Input::Ready { agent: id }, now);
        }
        // A queue may have another number than one of the same name had before: what counts is what is served now.
        if self.is_online(id) && was.is_some() {
            self.acd.handle(acd::Input::Serve { agent: id, queues: self.queues_of(id) }, now);
        }
    }

    fn add_agent(&mut self, agent: &Agent, now: Mono) {
        let id = AgentId(self.next_agent);
        self.next_agent += 1;
        self.agents.insert(id, agent.clone());
        self.agent_ids.insert(agent.name.clone(), id);
        if agent.start == Start::Offline {
            return;
        }
        self.acd.handle(acd::Input::LogIn { agent: id, queues: self.queues_of(id) }, now);
        match &agent.start {
            Start::Ready => self.acd.handle(acd::Input::Ready { agent: id }, now),
            Start::Busy(Some(reason)) => {
                if let Some(reason) = self.reason(reason) {
                    self.acd.handle(acd::Input::Busy { agent: id, reason }, now);
                }
            }
            Start::Busy(None) | Start::Offline => {}
        }
    }

    /// Forgets those who were to go and are logged out. Returns the names of agents and queues that are no more.
    pub fn take_gone(&mut self) -> (Vec<String>, Vec<String>) {
        let gone: Vec<AgentId> = self.leaving.iter().copied().filter(|id| !self.is_online(*id)).collect();
        let mut agents = Vec::new();
        for id in gone {
            self.leaving.remove(&id);
            self.acd.forget(id);
            agents.extend(self.agents.remove(&id).map(|agent| agent.name));
        }
        self.agent_ids.retain(|_, id| self.agents.contains_key(id));
        (agents, std::mem::take(&mut self.gone_queues))
    }

    pub fn queue_id(&self, name: &str) -> Option<QueueId> {
        self.queue_ids.get(name).copied()
    }

    /// Returns the number of an agent who is not leaving.
    pub fn agent_id(&self, name: &str) -> Option<AgentId> {
        self.agent_ids.get(name).copied().filter(|id| !self.leaving.contains(id))
    }

    pub fn agent(&self, id: AgentId) -> Option<&Agent> {
        self.agents.get(&id)
    }

    /// Returns the numbers of the queues that an agent serves.
    pub fn queues_of(&self, id: AgentId) -> Vec<QueueId> {
        let names = self.agents.get(&id).map_or(&[][..], |agent| &agent.queues);
        names.iter().filter_map(|name| self.queue_id(name)).collect()
    }

    /// Returns the number of a reason for being busy that may be given.
    pub fn reason(&self, name: &str) -> Option<u8> {
        let number = self.known_reasons.iter().position(|known| known == name);
        number
            .filter(|_| self.busy_reasons.iter().any(|allowed| allowed == name))
            .and_then(|n| u8::try_from(n).ok())
    }

    /// Returns the reasons that may be given.
    pub fn busy_reasons(&self) -> &[String] {
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
                self.known_reasons.get(usize::from(number)).cloned().unwrap_or_else(|| number.to_string())
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
