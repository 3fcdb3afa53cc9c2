//! Flows, queues, agents, records and the simulated exchange as the rest of the program sees them.

use std::path::PathBuf;
use std::time::Duration;

use ivr::{Language, ValidFlow};

/// `[[flow]]`: what a caller hears and may key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Its name, which is also the name in the document.
    pub name: String,
    /// The document.
    pub file: PathBuf,
    /// What stands in it, checked.
    pub flow: ValidFlow,
}

/// `[[queue]]`: where callers wait for agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name in flows, in the API and in records.
    pub name: String,
    /// Its name for people; its own name if none is given.
    pub title: String,
    /// How it treats callers and agents.
    pub settings: acd::QueueConfig,
}

/// `[[agent]]`: a person who answers callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The name in the system.
    pub name: String,
    /// The name for people; the name in the system if none is given.
    pub title: String,
    /// The number of the seat at which the agent sits.
    pub seat: String,
    /// The names of the queues served.
    pub queues: Vec<String>,
    /// What the agent does after a start of the switch.
    pub start: AgentStart,
}

/// What an agent does after a start of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentStart {
    /// Not logged in.
    Offline,
    /// Logged in, takes no callers yet.
    Busy,
    /// Logged in and ready for a caller.
    Ready,
}

/// `[acd]`: what is common to all queues and agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acd {
    /// What becomes of an agent who missed an offer.
    pub missed: acd::Missed,
    /// The reasons for which an agent may be busy; the place in this list is the number in [`acd::BusyReason::Own`].
    pub busy_reasons: Vec<String>,
}

/// `[store]`: the records of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The database.
    pub file: PathBuf,
    /// For how many days records are kept.
    pub keep_days: u32,
}

/// `[exchange]`: the simulated exchange and its people, the far end of every span with `far_end = "exchange"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The seed of its chance.
    pub seed: u32,
    /// How many calls it makes in an hour, in the mean; 0 makes none.
    pub calls_per_hour: u32,
    /// The most callers at once.
    pub max_callers: u16,
    /// The numbers that its callers call.
    pub called: Vec<String>,
    /// How long a caller waits before hanging up, in the mean.
    pub patience: Duration,
    /// How long a talk lasts, in the mean.
    pub talk: Duration,
    /// How long an agent lets the telephone ring, in the mean.
    pub pick_up: Duration,
    /// How many of 100 ringing telephones nobody answers.
    pub no_answer_percent: u8,
    /// How many of 100 talks the agent ends first.
    pub agent_hangs_up_percent: u8,
    /// How it tells an exchange line that the other side has hung up.
    pub line_release: LineRelease,
    /// Whether it reverses the polarity of an exchange line when the called party answers.
    pub line_reversal: bool,
    /// The voices of its people.
    pub voices_dir: PathBuf,
    /// Where it writes what really happened.
    pub log: PathBuf,
    /// The kinds of its callers; at least one.
    pub callers: Vec<CallerKind>,
}

/// How an exchange tells a line that the other side has hung up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineRelease {
    /// By busy tone alone.
    BusyTone,
    /// It breaks the feed for a moment; busy tone follows.
    FeedBreak,
    /// It reverses the polarity; busy tone follows.
    Reversal,
}

/// `[[exchange.caller]]`: one kind of callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerKind {
    /// How many of all callers are of this kind, beside the weights of the others.
    pub weight: u16,
    /// The language in which the caller speaks.
    pub language: Language,
    /// The keys pressed, `0-9 * #`; each `,` is one listening pause. The first keys follow a pause, too.
    pub keys: String,
    /// How long a listening pause lasts, in the mean.
    pub listen: Duration,
}
