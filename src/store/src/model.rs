//! What is kept and what is asked for, apart from any database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use switch::view::{AgentStateView, CallView, Outcome};

use crate::cursor::Cursor;

/// The most records in one page.
pub const MAX_PAGE: usize = 500;
/// Records of a selection are counted up to here.
pub const MAX_TOTAL: u64 = 10_000;
/// The most rows of figures in one answer.
pub const MAX_FIGURES: usize = 50_000;
/// The most stays of an agent in one answer.
pub const MAX_STAYS: usize = 10_000;
/// The most visits read at once.
pub const MAX_VISITS_READ: usize = 10_000;

/// What the writer is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A call that has ended; told again with news (a recording closed after the end) it replaces what was told.
    Call(Box<CallView>),
    /// An agent was in a state for a while.
    Agent(AgentStay),
}

/// An agent's stay in one state. The same agent, state and beginning told again replace what was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStay {
    /// The agent's name in the system.
    pub agent: String,
    /// The state.
    pub state: AgentStateView,
    /// Why, if busy.
    pub reason: Option<String>,
    /// When it began, in milliseconds since 1970-01-01 UTC.
    pub from_ms: u64,
    /// When it ended; none while it lasts.
    pub to_ms: Option<u64>,
}

/// Which records are wanted; what is none does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Calls that began at this time or later.
    pub from_ms: u64,
    /// Calls that began before this time.
    pub to_ms: u64,
    /// Calls that were in this queue.
    pub queue: Option<String>,
    /// Calls that this agent answered or had last.
    pub agent: Option<String>,
    /// Calls with exactly this number as the caller's, the called one or the one reached.
    pub number: Option<String>,
    /// Calls with a stay that ended like this; with `queue`: a stay in that queue.
    pub outcome: Option<Outcome>,
    /// At most so many; [`MAX_PAGE`] is the most.
    pub limit: usize,
    /// Only what comes after this place.
    pub before: Option<Cursor>,
}

impl Default for Selection {
    fn default() -> Selection {
        Selection {
            from_ms: 0,
            to_ms: i64::MAX as u64,
            queue: None,
            agent: None,
            number: None,
            outcome: None,
            limit: MAX_PAGE,
            before: None,
        }
    }
}

/// Records, the newest first by the time they began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The records.
    pub records: Vec<CallView>,
    /// How many the whole selection has, counted up to [`MAX_TOTAL`].
    pub total: u64,
    /// Where the next page begins; none at the end.
    pub next: Option<Cursor>,
}

/// Which figures are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FiguresAsked {
    /// Stays that began at this time or later; the first interval begins here.
    pub from_ms: u64,
    /// Stays that began before this time.
    pub to_ms: u64,
    /// The length of an interval, not 0.
    pub step_ms: u64,
    /// Each queue's service goal.
    pub goals_ms: BTreeMap<String, u64>,
    /// The goal of queues that are not among them.
    pub other_goal_ms: u64,
}

/// The figures of one queue in one interval, of the callers that entered it in that time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalFigures {
    /// The queue.
    pub queue: String,
    /// When the interval begins.
    pub from_ms: u64,
    /// Callers that entered, without the refused.
    pub offered: u64,
    /// Of these, answered by an agent.
    pub answered: u64,
    /// Of the answered, within the service goal.
    pub answered_in_goal: u64,
    /// Callers that hung up while waiting.
    pub abandoned: u64,
    /// Callers that went on elsewhere.
    pub flowed_out: u64,
    /// Callers that were not taken.
    pub refused: u64,
    /// The waits of the answered together.
    pub answered_wait_ms: u64,
    /// The waits of the abandoned together.
    pub abandoned_wait_ms: u64,
}

/// A stay in a queue that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastVisit {
    /// The queue.
    pub queue: String,
    /// When it was entered.
    pub entered_ms: u64,
    /// How long it lasted; none if its end is not known.
    pub wait_ms: Option<u64>,
    /// How it ended, if that is known.
    pub outcome: Option<Outcome>,
    /// The agent who answered.
    pub agent: Option<String>,
}

/// The last visit of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitPlace {
    pub(crate) entered_ms: i64,
    pub(crate) call_id: i64,
    pub(crate) ordinal: i64,
}

/// Visits, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitPage {
    /// At most [`MAX_VISITS_READ`].
    pub visits: Vec<PastVisit>,
    /// Where the next page begins; none at the end.
    pub next: Option<VisitPlace>,
}
