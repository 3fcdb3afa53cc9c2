//! A whole run: people come for so long, then the door is closed, everybody finishes, and all is compared.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::{World, WorldConfig};
use crate::invariants::{self, Broken, Evidence, Names, Remains, Tolerances};
use crate::summary::{Goals, Summary};
use crate::truth::Entry;

/// How often progress is told, in the run's time.
const PROGRESS_EVERY: Duration = Duration::from_secs(60);
/// How long everybody has for finishing after the door is closed.
pub const FINISH_WITHIN: Duration = Duration::from_secs(3_600);

/// What a run is to be.
#[derive(Clone, Debug)]
pub struct Run {
    /// The world.
    pub world: WorldConfig,
    /// How long callers come.
    pub length: Duration,
    /// Phones as Tandem names them.
    pub names: BTreeMap<String, Names>,
    /// What is counted apart.
    pub goals: Goals,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The figures.
    pub summary: Summary,
    /// What does not hold.
    pub broken: Vec<Broken>,
    /// All that was compared, the truth among it.
    pub evidence: Evidence,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// How much of the length is over.
    pub done: Duration,
    /// Callers that are there.
    pub callers: usize,
    /// Lines of the truth since the last time.
    pub truth: &'a [Entry],
}

impl Run {
    /// Lets the world run; `progress` is told every simulated minute, and at the end.
    ///
    /// # Errors
    /// A value of a queue's rules is out of range.
    pub fn run(self, mut progress: impl FnMut(Progress<'_>)) -> Result<Outcome, switch::ConfigureError> {
        let seed = self.world.exchange.seed;
        let mut world = World::new(self.world)?;
        world.open();
        let (mut done, mut told) = (Duration::ZERO, 0);
        while done < self.length {
            let step = PROGRESS_EVERY.min(self.length - done);
            world.run(step);
            done += step;
            progress(Progress { done, callers: world.exchange().callers(), truth: &world.truth()[told..] });
            told = world.truth().len();
        }
        world.drain(FINISH_WITHIN);
        progress(Progress { done, callers: world.exchange().callers(), truth: &world.truth()[told..] });
        let simulated_ms = world.now().as_millis();
        let agents: Vec<_> = world.agents().cloned().collect();
        let evidence = world.evidence(self.names);
        let summary = Summary::new(&evidence, &agents, seed, simulated_ms, self.goals);
        Ok(Outcome { summary, broken: invariants::check(&evidence), evidence })
    }
}

impl World {
    /// Returns all there is to be compared, with what is left at the end.
    pub fn evidence(self, names: BTreeMap<String, Names>) -> Evidence {
        let remains = Remains {
            exchange_channels: self.exchange.busy_channels(),
            legs: self.legs(),
            channels_in_use: self.channels_in_use(),
            recordings: self.open_recordings(),
            phones: self.exchange.phones_in_use().map(String::from).collect(),
            calls: self.live.keys().cloned().collect(),
        };
        let unordered = unordered(&self.config.switch);
        let lines = !self.config.exchange.loops.is_empty();
        let away = self.kills.iter().map(|(from, to)| (from.as_millis(), to.as_millis())).collect();
        Evidence {
            truth: self.truth,
            records: self.ended.into_values().collect(),
            live: self.live.into_values().collect(),
            queues: self.queues.into_values().collect(),
            names,
            unordered,
            remains: Some(remains),
            away_ms: away,
            tolerances: if lines {
                Tolerances::default().with_exchange_lines()
            } else {
                Tolerances::default()
            },
        }
    }
}

/// Returns the queues that flows enter with different priorities.
pub fn unordered(switch: &switch::SwitchConfig) -> BTreeSet<String> {
    let mut priorities: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    for node in switch.flows.values().flat_map(|flow| flow.flow().nodes.values()) {
        if let ivr::Node::Queue(queue) = node {
            priorities.entry(&queue.queue).or_default().insert(queue.priority);
        }
    }
    let several = priorities.into_iter().filter(|(_, priorities)| priorities.len() > 1);
    several.map(|(queue, _)| queue.to_string()).collect()
}
