//! What the machine is told at its start and when the configuration changes.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use acd::{AcdConfig, Missed, QueueConfig};
use call::Plan;
use ivr::ValidFlow;
use tdm::SpanId;

use crate::view::Outcome;

/// A bundle of spans by which calls leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// Its spans, in the order in which they are tried.
    pub spans: Vec<SpanId>,
    /// The number shown to whom we call.
    pub caller: Option<String>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name, as flows call it.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// Its rules.
    pub rules: QueueConfig,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The agent's name in the system.
    pub name: String,
    /// The agent's name for people.
    pub title: String,
    /// The number of the agent's seat.
    pub seat: String,
    /// Names of the queues served.
    pub queues: Vec<String>,
    /// How the agent begins.
    pub start: Start,
}

/// How an agent begins when the switch starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Not logged in.
    #[default]
    Offline,
    /// Logged in and taking no callers, for a configured reason if one is named.
    Busy(Option<String>),
    /// Logged in and ready.
    Ready,
}

/// A stay in a queue earlier today, seen by a switch that is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastVisit {
    /// The queue's name.
    pub queue: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it lasted.
    pub wait: Duration,
}

/// What the machine is told.
#[derive(Clone, Debug, Default)]
pub struct SwitchConfig {
    /// The number plan.
    pub plan: Plan,
    /// The trunks by which people may dial out.
    pub trunks: Vec<Trunk>,
    /// Spans with telephones: who calls from there is inside, with a seat or without.
    pub telephones: Vec<SpanId>,
    /// The flows by name.
    pub flows: BTreeMap<String, Arc<ValidFlow>>,
    /// The queues.
    pub queues: Vec<Queue>,
    /// The agents.
    pub agents: Vec<Agent>,
    /// Why an agent may be busy, by name.
    pub busy_reasons: Vec<String>,
    /// How long an agent who missed an offer is given none; none: until the agent says ready.
    pub missed_pause: Option<Duration>,
    /// Today's stays in queues that have ended already.
    pub past: Vec<PastVisit>,
    /// Whether [`Input::Stored`](crate::Input::Stored) will be told for each call that has ended.
    pub records: bool,
}

impl SwitchConfig {
    /// Returns the dispatcher's share, its queues numbered as `id` says.
    pub(crate) fn acd(&self, id: impl Fn(&str) -> acd::QueueId) -> AcdConfig {
        let queues = self.queues.iter().map(|queue| (id(&queue.name), queue.rules.clone()));
        AcdConfig { queues: queues.collect(), missed: self.missed_pause.map_or(Missed::Busy, Missed::Pause) }
    }
}
