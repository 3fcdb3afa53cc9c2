//! What must hold after every run, whatever happened in it: Tandem's records against the truth.
//!
//! Each [`Invariant`] has a check of its own that reads the [`Evidence`]; what it finds is told with the lines of the log
//! that show it. The checks are pure functions of the evidence, so that a test can spoil the evidence and see each fail.
//!
//! Limits: the order is not checked in queues whose callers have different priorities. A call that began and ended while no switch was there has no record, and need not have one. Of a call that
//! lived while the switch was away, times may differ by as long as that was.

mod calls;
mod order;
mod records;

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use switch::view::{CallView, QueueView};
use tdm::ChannelId;

use crate::history::History;
use crate::truth::Entry;

/// The most findings of one invariant that are told.
pub const MAX_FINDINGS: usize = 5;
/// The most lines of the log that are shown with one.
const MAX_LINES: usize = 40;

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// The log does not contradict itself.
    TruthIsWhole,
    /// Every offered call ends once; offered = answered + abandoned + flowed out + failed + living.
    CallsConserved,
    /// When nobody is there any more, no channel, leg, connection, ringing or recording is left on either side.
    NoOrphans,
    /// Every call that Tandem took has one record, and the record says what happened.
    RecordsEqualTruth,
    /// No agent is in two talks.
    OneCallPerAgent,
    /// No caller is with two agents.
    OneAgentPerCaller,
    /// Who came first into a queue is offered first.
    FirstComeFirstServed,
    /// The waits in the records are those of the callers.
    WaitsEqual,
    /// In every queue: offered = answered + abandoned + flowed out + waiting, and the figures are those of the records.
    QueuesBalance,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Invariant; 9] = [
        Invariant::TruthIsWhole,
        Invariant::CallsConserved,
        Invariant::NoOrphans,
        Invariant::RecordsEqualTruth,
        Invariant::OneCallPerAgent,
        Invariant::OneAgentPerCaller,
        Invariant::FirstComeFirstServed,
        Invariant::WaitsEqual,
        Invariant::QueuesBalance,
    ];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Invariant::TruthIsWhole => "truth is whole",
            Invariant::CallsConserved => "calls conserved",
            Invariant::NoOrphans => "no orphans",
            Invariant::RecordsEqualTruth => "records equal truth",
            Invariant::OneCallPerAgent => "one call per agent",
            Invariant::OneAgentPerCaller => "one agent per caller",
            Invariant::FirstComeFirstServed => "first come, first served",
            Invariant::WaitsEqual => "waits equal",
            Invariant::QueuesBalance => "queues balance",
        }
    }
}

/// How far times may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerances {
    /// Of signalling and switching.
    pub signalling_ms: u64,
    /// Of what an agent does at a telephone on a port, whose hook is judged for a while.
    pub hook_ms: u64,
    /// Callers come over exchange lines: one who leaves at once may have no number, and be answered when gone.
    pub exchange_lines: bool,
}

impl Tolerances {
    /// Widens them for callers over exchange lines: that a caller has come is known after a burst of ringing and the wait
    /// for the number, and that one has gone when no burst comes for six seconds, by several cycles of busy tone, or, if we
    /// answer in those six seconds, by dial tone.
    #[must_use]
    pub fn with_exchange_lines(self) -> Tolerances {
        const LATER_MS: u64 = 9_500;
        Tolerances {
            signalling_ms: self.signalling_ms + LATER_MS,
            hook_ms: self.hook_ms + LATER_MS,
            exchange_lines: true,
        }
    }
}

impl Default for Tolerances {
    /// Those of the event world, where a command takes a period and nothing else takes time.
    fn default() -> Tolerances {
        Tolerances { signalling_ms: 50, hook_ms: 750, exchange_lines: false }
    }
}

/// How Tandem names an agent's phone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The seat's number.
    pub seat: String,
    /// The agent, if one sits there.
    pub agent: Option<String>,
}

/// What is left when everybody has gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Channels that are busy for the exchange.
    pub exchange_channels: Vec<ChannelId>,
    /// Legs that the line side holds.
    pub legs: usize,
    /// Channels to which something is sent, or that ring.
    pub channels_in_use: Vec<ChannelId>,
    /// Recordings that are being written.
    pub recordings: usize,
    /// Phones that ring or are lifted.
    pub phones: Vec<String>,
    /// Calls that the switch holds for living.
    pub calls: Vec<String>,
}

/// All that is compared.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The truth.
    pub truth: Vec<Entry>,
    /// The records: ended calls as the switch told of them last.
    pub records: Vec<CallView>,
    /// Calls that live, as the switch told of them last.
    pub live: Vec<CallView>,
    /// Queues, as the switch told of them last.
    pub queues: Vec<QueueView>,
    /// Phones as Tandem names them.
    pub names: BTreeMap<String, Names>,
    /// Queues in which the order of arrival is not the only one: their callers have different priorities.
    pub unordered: BTreeSet<String>,
    /// What is left, if everybody has gone; none while callers are there.
    pub remains: Option<Remains>,
    /// From when to when there was no switch, in milliseconds of the run.
    pub away_ms: Vec<(u64, u64)>,
    /// How far times may differ.
    pub tolerances: Tolerances,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What.
    pub invariant: Invariant,
    /// Why.
    pub why: String,
    /// The lines of the log that show it.
    pub lines: Vec<String>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken: {}: {}", self.invariant.name(), self.why)?;
        self.lines.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// Checks everything; returns what does not hold, at most [`MAX_FINDINGS`] of each.
pub fn check(evidence: &Evidence) -> Vec<Broken> {
    let history = History::read(&evidence.truth);
    let mut findings = Findings { evidence, history: &history, broken: Vec::new() };
    findings.truth_is_whole();
    findings.calls_conserved();
    findings.no_orphans();
    findings.records_equal_truth();
    findings.one_call_per_agent();
    findings.one_agent_per_caller();
    findings.first_come_first_served();
    findings.waits_equal();
    findings.queues_balance();
    findings.broken
}

/// What has been found so far, with what it is found in.
struct Findings<'a> {
    evidence: &'a Evidence,
    history: &'a History,
    broken: Vec<Broken>,
}

impl Findings<'_> {
    fn tell(&mut self, invariant: Invariant, why: String, lines: &[usize]) {
        let so_far = self.broken.iter().filter(|broken| broken.invariant == invariant).count();
        if so_far < MAX_FINDINGS {
            let entry = |line: &usize| self.evidence.truth.get(*line).map(Entry::to_line);
            let lines = lines.iter().take(MAX_LINES).filter_map(entry).collect();
            self.broken.push(Broken { invariant, why, lines });
        }
    }

    fn truth_is_whole(&mut self) {
        for (line, why) in &self.history.faults {
            self.tell(Invariant::TruthIsWhole, format!("line {}: {why}", line + 1), &[*line]);
        }
    }

    /// Returns how much longer the switch was away during these times than not at all; none if it was there.
    fn away_within(&self, from_ms: u64, to_ms: u64) -> Option<u64> {
        let touches = |(from, to): &&(u64, u64)| *from <= to_ms && from_ms <= to.saturating_add(SETTLED_MS);
        self.evidence
            .away_ms
            .iter()
            .filter(touches)
            .map(|(from, to)| to.saturating_sub(*from) + SETTLED_MS)
            .max()
    }

    /// Returns true if there was no switch during the whole time.
    fn away_throughout(&self, from_ms: u64, to_ms: u64) -> bool {
        self.evidence.away_ms.iter().any(|(from, to)| *from <= from_ms && to_ms <= *to)
    }
}

/// How long after its start a switch may be busy with the census.
const SETTLED_MS: u64 = 3_000;
