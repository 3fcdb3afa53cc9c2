//! The whole appliance with every sample, in virtual time and one thread: `tandem simulate --fidelity audio`.
//!
//! ```text
//!  people, exchange (Plant) <== octets, frames ==> simulated card <==> engine <==> line machine, player, recorder
//!                                                                                      ^ orders, events
//!                                                                                switch machine
//! ```
//! The same parts as in the daemon, called in turn by one loop that moves the clock by a millisecond; nothing depends on
//! the machine or on threads, so that one seed gives one truth, byte by byte. Recordings are written to a disk that only
//! counts. After the run the truth is compared with the records as in fidelity `event`, and the sound on top of that:
//! nothing lost, everybody heard, every recording as long as its call.
//!
//! Limits: the spans of the exchange must be on simulated cards; other far ends stay as configured.

mod disk;
mod far_end;
mod sound;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::{Clock, Mono, VirtualClock, WallAnchor};
use config::Config;
use simulator::event::{Outcome, Progress, unordered};
use simulator::exchange::Input as ExchangeInput;
use simulator::invariants::{self, Evidence, Names, Remains, Tolerances};
use simulator::plant::Plant;
use simulator::summary::{Goals, Summary};
use simulator::truth::Entry;
use switch::view::{AgentView, CallView, QueueView, Update};
use switch::{Input, Machine, Output};

use crate::exchange::{exchange_config, voices};
use crate::lines::stepped::Stepped;
use crate::{refused, wiring};
use disk::CountingDisk;
use far_end::{PlantEnd, Shared};
pub(crate) use sound::Sound;

/// How long the lines have for coming up before callers come.
const SETTLE: Duration = Duration::from_secs(5);
/// How long everybody has for finishing after the door is closed.
const FINISH_WITHIN: Duration = Duration::from_secs(1_800);
const PROGRESS_EVERY: Duration = Duration::from_secs(60);
/// How far times may differ: people are recognised by their voices after a while.
const TOLERANCES: Tolerances = Tolerances { signalling_ms: 3_000, hook_ms: 3_000, exchange_lines: false };

/// What a run is to be.
pub(crate) struct Run {
    /// The seed, instead of that of `[exchange]`.
    pub seed: Option<u64>,
    /// The wall time at the beginning.
    pub unix_ms: u64,
    /// How long callers come.
    pub length: Duration,
    /// Phones as Tandem names them.
    pub names: BTreeMap<String, Names>,
    /// What is counted apart.
    pub goals: Goals,
}

/// The appliance with the world around it.
struct Whole {
    seed: u64,
    /// Queues whose callers have different priorities.
    unordered: BTreeSet<String>,
    clock: VirtualClock,
    shared: Arc<Mutex<Shared>>,
    lines: Stepped,
    switch: Machine,
    truth: Vec<Entry>,
    told: usize,
    live: BTreeMap<String, CallView>,
    ended: BTreeMap<String, CallView>,
    queues: BTreeMap<String, QueueView>,
    agents: BTreeMap<String, AgentView>,
    /// Some callers come over exchange lines.
    has_lines: bool,
}

impl Run {
    /// Runs the configured appliance and lets everybody finish; `progress` is told every simulated minute.
    ///
    /// # Errors
    /// The configuration has no exchange, or a part fails.
    pub fn run(
        self,
        config: &Config,
        mut progress: impl FnMut(Progress<'_>),
    ) -> anyhow::Result<(Outcome, Sound)> {
        let mut whole = Whole::new(config, self.seed, self.unix_ms)?;
        whole.live_through(SETTLE)?;
        whole.tell_exchange(ExchangeInput::Open);
        let mut done = Duration::ZERO;
        while done < self.length {
            let step = PROGRESS_EVERY.min(self.length - done);
            whole.live_through(step)?;
            done += step;
            whole.report(done, &mut progress);
        }
        whole.tell_exchange(ExchangeInput::Close);
        let until = whole.clock.now() + FINISH_WITHIN;
        while !whole.is_quiet() && whole.clock.now() < until {
            whole.live_through(Duration::from_secs(1))?;
        }
        whole.report(done, &mut progress);
        Ok(whole.outcome(self.names, self.goals))
    }
}

impl Whole {
    fn new(config: &Config, seed: Option<u64>, unix_ms: u64) -> anyhow::Result<Whole> {
        let clock = VirtualClock::new();
        let anchor = WallAnchor::new(Mono::ZERO, unix_ms * 1_000_000);
        let mut exchange = exchange_config(config, unix_ms)?;
        exchange.seed = seed.unwrap_or(exchange.seed);
        let seed = exchange.seed;
        let has_lines = !exchange.loops.is_empty();
        let plant = Plant::new(exchange, voices(config)?, Mono::ZERO).with_tones(wiring::country(config));
        let shared = Arc::new(Mutex::new(Shared::new(plant, clock.clone())));
        let far_end = |span| PlantEnd::boxed(&shared, span);
        let lines = Stepped::new(config, &clock, anchor, far_end, Box::new(CountingDisk))?;
        let switch = wiring::switch_config(config);
        Ok(Whole {
            seed,
            unordered: unordered(&switch),
            switch: Machine::new(switch, clock.now()).map_err(refused)?,
            clock,
            shared,
            lines,
            truth: Vec::new(),
            told: 0,
            live: BTreeMap::new(),
            ended: BTreeMap::new(),
            queues: BTreeMap::new(),
            agents: BTreeMap::new(),
            has_lines,
        })
    }

    fn plant<T>(&self, work: impl FnOnce(&mut Plant) -> T) -> T {
        work(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner).plant)
    }

    fn tell_exchange(&self, input: ExchangeInput<'_>) {
        let now = self.clock.now();
        self.plant(|plant| plant.tell(input, now));
    }

    fn live_through(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = self.clock.now() + time;
        while self.clock.now() < end {
            self.lines.millisecond()?;
            while let Some(message) = self.lines.message() {
                self.tell_switch(Input::Line(message))?;
            }
            if self.switch.poll_timeout().is_some_and(|due| due <= self.clock.now()) {
                self.tell_switch(Input::Timeout)?;
            }
        }
        let news: Vec<Entry> = self.plant(|plant| std::iter::from_fn(|| plant.poll_truth()).collect());
        self.truth.extend(news);
        Ok(())
    }

    fn tell_switch(&mut self, input: Input) -> anyhow::Result<()> {
        self.switch.handle(input, self.clock.now());
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Order(order) => self.lines.order(order)?,
                Output::Update(update) => self.update(update),
                // Nobody here has asked.
                Output::Reply(..) => {}
            }
        }
        Ok(())
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::Call { call } if call.ended_ms.is_some() => {
                self.live.remove(&call.call);
                self.ended.insert(call.call.clone(), call);
            }
            Update::Call { call } => drop(self.live.insert(call.call.clone(), call)),
            Update::Queue { queue } => drop(self.queues.insert(queue.queue.clone(), *queue)),
            Update::Agent { agent } => drop(self.agents.insert(agent.agent.clone(), *agent)),
            Update::QueueGone { queue } => drop(self.queues.remove(&queue)),
            Update::AgentGone { agent } => drop(self.agents.remove(&agent)),
            Update::Line { .. } | Update::Span { .. } | Update::Configured { .. } | Update::Health { .. } => {
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let nobody = self.plant(|plant| {
            plant.exchange().callers() == 0 && plant.exchange().phones_in_use().next().is_none()
        });
        nobody && self.lines.legs() == 0 && self.lines.open_recordings() == 0 && self.live.is_empty()
    }

    fn report(&mut self, done: Duration, progress: &mut impl FnMut(Progress<'_>)) {
        let callers = self.plant(|plant| plant.exchange().callers());
        progress(Progress { done, callers, truth: &self.truth[self.told..] });
        self.told = self.truth.len();
    }

    fn outcome(self, names: BTreeMap<String, Names>, goals: Goals) -> (Outcome, Sound) {
        let remains = self.plant(|plant| Remains {
            exchange_channels: plant.exchange().busy_channels(),
            legs: self.lines.legs(),
            channels_in_use: Vec::new(),
            recordings: self.lines.open_recordings(),
            phones: plant.exchange().phones_in_use().map(String::from).collect(),
            calls: self.live.keys().cloned().collect(),
        });
        let (lost, simulated_ms) = (self.lines.lost(), self.clock.now().as_millis());
        let evidence = Evidence {
            truth: self.truth,
            records: self.ended.into_values().collect(),
            live: self.live.into_values().collect(),
            queues: self.queues.into_values().collect(),
            names,
            remains: Some(remains),
            away_ms: Vec::new(),
            unordered: self.unordered,
            tolerances: if self.has_lines { TOLERANCES.with_exchange_lines() } else { TOLERANCES },
        };
        let agents: Vec<AgentView> = self.agents.into_values().collect();
        let summary = Summary::new(&evidence, &agents, self.seed, simulated_ms, goals);
        let sound = sound::check(&evidence, lost);
        let broken = invariants::check(&evidence);
        (Outcome { summary, broken, evidence }, sound)
    }
}
