//! The keys of flows, queues, agents, records and the simulated exchange.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeValue;

use super::model::*;
use crate::check::Placed;
use crate::reader::Section;
use crate::sections::{NAME, NUMBER, PATH, digits, name, path, title};

/// The most queues that one agent serves.
const MAX_AGENT_QUEUES: usize = acd::MAX_QUEUES_PER_AGENT;
/// The most reasons for being busy.
const MAX_BUSY_REASONS: usize = 32;
/// The most numbers that simulated callers call.
const MAX_CALLED: usize = 64;
/// The most kinds of simulated callers.
const MAX_CALLER_KINDS: usize = 16;
/// The most keys and pauses of a simulated caller.
const MAX_KEYS: usize = 64;
/// The longest wait in a queue, in seconds.
const MAX_WAIT_S: u32 = ivr::MAX_WAIT_S;
/// The most callers waiting in one queue.
const MAX_WAITING: u32 = acd::MAX_CALLERS as u32;

const TITLE: &str = "at most 64 characters";
const KEYS: &str = "at most 64 of 0-9 * # and `,`";
const BUSY_REASONS: [&str; 3] = ["break", "lunch", "training"];

// A busy agent's own reason is told by its number.
const _: () = assert!(MAX_BUSY_REASONS <= u8::MAX as usize);

/// A `[[flow]]` before its document is read.
pub(crate) struct RawFlow {
    pub name: String,
    pub file: PathBuf,
}

/// `[acd]` before it is checked.
pub(crate) struct RawAcd {
    pub pauses: bool,
    pub missed_pause: Duration,
    pub busy_reasons: Vec<String>,
}

impl RawAcd {
    pub fn into_acd(self) -> Acd {
        let missed = if self.pauses { acd::Missed::Pause(self.missed_pause) } else { acd::Missed::Busy };
        Acd { missed, busy_reasons: self.busy_reasons }
    }
}

pub(crate) fn flow(mut s: Section<'_, '_>, base: &Path) -> Placed<RawFlow> {
    let flow = RawFlow {
        name: s.required_text("name", NAME, name),
        file: base.join(s.required_text("file", PATH, path)),
    };
    Placed { item: flow, place: s.finish() }
}

pub(crate) fn queue(mut s: Section<'_, '_>) -> Placed<Queue> {
    let name = s.required_text("name", NAME, name);
    let title = titled(&mut s, &name);
    let defaults = acd::QueueConfig::default();
    let some = |time: Duration| (!time.is_zero()).then_some(time);
    let settings = acd::QueueConfig {
        strategy: defaults.strategy,
        max_wait: some(s.duration("max_wait_s", 0..=MAX_WAIT_S, 600)),
        max_waiting: s.integer("max_waiting", 1..=MAX_WAITING, "", 200) as usize,
        needs_agents: s.boolean("needs_agents", false),
        offer_timeout: s.duration("offer_timeout_s", 1..=ivr::MAX_RING_S, 15),
        wrap_up: s.duration("wrap_up_s", 0..=3_600, 10),
        position_every: some(s.duration("position_every_s", 0..=600, 30)),
        service_goal: s.duration("service_goal_s", 1..=3_600, 20),
        short_abandon: s.duration("short_abandon_s", 0..=600, 5),
    };
    Placed { item: Queue { name, title, settings }, place: s.finish() }
}

pub(crate) fn agent(mut s: Section<'_, '_>) -> Placed<Agent> {
    let agent_name = s.required_text("name", NAME, name);
    let agent = Agent {
        title: titled(&mut s, &agent_name),
        name: agent_name,
        seat: s.required_text("seat", NUMBER, digits),
        queues: s.list("queues", &format!("names of queues, {NAME}"), MAX_AGENT_QUEUES, text_of(name)),
        start: s.choice("start", STARTS, "offline"),
    };
    Placed { item: agent, place: s.finish() }
}

/// Reads the name for people, which is `name` if there is no other.
fn titled(s: &mut Section<'_, '_>, name: &str) -> String {
    let given = s.text("title", TITLE, "", title);
    if given.is_empty() { name.into() } else { given }
}

pub(crate) fn acd(mut s: Section<'_, '_>) -> Placed<RawAcd> {
    let given = s.place().has("busy_reasons");
    let acd = RawAcd {
        pauses: s.choice("missed", &[("busy", false), ("pause", true)], "pause"),
        missed_pause: s.duration("missed_pause_s", 1..=3_600, 30),
        busy_reasons: s.list("busy_reasons", &format!("names, {NAME}"), MAX_BUSY_REASONS, text_of(name)),
    };
    let busy_reasons = if given { acd.busy_reasons } else { BUSY_REASONS.map(String::from).to_vec() };
    Placed { item: RawAcd { busy_reasons, ..acd }, place: s.finish() }
}

pub(crate) fn store(mut s: Section<'_, '_>, data: &Path) -> Store {
    let store = Store {
        file: data.join(s.text("file", PATH, "tandem.db", path)),
        keep_days: s.integer("keep_days", 1..=3_650, "days", 365),
    };
    s.finish();
    store
}

/// Reads `[exchange]` with its kinds of callers.
pub(crate) fn exchange(mut s: Section<'_, '_>, data: &Path, prompts: &Path) -> Placed<Exchange> {
    let kinds = s.tables("caller", "", MAX_CALLER_KINDS);
    let exchange = Exchange {
        seed: s.integer("seed", 0..=u32::MAX, "", 1),
        calls_per_hour: s.integer("calls_per_hour", 0..=100_000, "", 600),
        max_callers: s.integer("max_callers", 1..=2_000, "", 90),
        called: s.list("called", &format!("numbers of {NUMBER}"), MAX_CALLED, text_of(digits)),
        patience: s.duration("patience_s", 1..=3_600, 90),
        talk: s.duration("talk_s", 1..=3_600, 60),
        pick_up: s.duration("pick_up_s", 0..=60, 3),
        no_answer_percent: s.integer("no_answer_percent", 0..=100, "percent", 2),
        agent_hangs_up_percent: s.integer("agent_hangs_up_percent", 0..=100, "percent", 30),
        line_release: s.choice("line_release", RELEASES, "busy_tone"),
        line_reversal: s.boolean("line_reversal", false),
        voices_dir: prompts.join(s.text("voices_dir", PATH, "voices", path)),
        log: data.join(s.text("log", PATH, "exchange.jsonl", path)),
        callers: kinds.into_iter().map(caller_kind).collect(),
    };
    Placed { item: exchange, place: s.finish() }
}

fn caller_kind(mut s: Section<'_, '_>) -> CallerKind {
    let kind = CallerKind {
        weight: s.integer("weight", 1..=1_000, "", 1),
        language: s.required_choice("language", LANGUAGES),
        keys: s.text("keys", KEYS, "", keys),
        listen: s.duration("listen_s", 0..=60, 3),
    };
    s.finish();
    kind
}

fn text_of<T>(parse: impl Fn(&str) -> Option<T>) -> impl Fn(&DeValue<'_>) -> Option<T> {
    move |value| value.as_str().and_then(&parse)
}

fn keys(text: &str) -> Option<String> {
    let key = |c: char| c.is_ascii_digit() || matches!(c, '*' | '#' | ',');
    (text.len() <= MAX_KEYS && text.chars().all(key)).then(|| text.to_string())
}

const STARTS: &[(&str, AgentStart)] =
    &[("offline", AgentStart::Offline), ("busy", AgentStart::Busy), ("ready", AgentStart::Ready)];
const RELEASES: &[(&str, LineRelease)] = &[
    ("busy_tone", LineRelease::BusyTone),
    ("feed_break", LineRelease::FeedBreak),
    ("reversal", LineRelease::Reversal),
];
const LANGUAGES: &[(&str, ivr::Language)] = &[("zh", ivr::Language::Zh), ("en", ivr::Language::En)];
