//! What goes over the wire as JSON: answers, errors, messages of the event stream.
//!
//! Spans, channels, calls, updates and health are those of [`switch::view`]; what is here surrounds them. Clients in
//! this language (the operator commands) read with the same types. Names of numbers end in their unit; a time `_ms`
//! without "uptime" or "length" in its name is milliseconds since 1970-01-01 UTC.

pub use link::Health;
use serde::{Deserialize, Serialize};
pub use store::{IntervalFigures, MAX_TOTAL};
use switch::view::View;
pub use switch::view::{
    AgentCounts, AgentStateView, AgentTotals, AgentView, CallView, ChannelView, LegStateView, LegView,
    Outcome, QueueFigures, QueueView, RecordingView, SpanView, Update, VisitView,
};

/// The version of this interface; it is the `v1` of the paths.
pub const API_VERSION: u32 = 1;
/// Ended calls in a snapshot, the newest ones; `GET /v1/calls?state=ended` has more.
pub const SNAPSHOT_ENDED: usize = 100;

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// [`API_VERSION`].
    pub api: u32,
    /// [`link::PROTOCOL`]: what the switch and the line process speak.
    pub link_protocol: u16,
    /// The name of this run of the switch; sequence numbers begin anew in each.
    pub run: String,
    /// Since the server was started.
    pub uptime_ms: u64,
    /// The time of this answer; with it a page can tell how its own clock differs.
    pub now_ms: u64,
    /// The number of the last update.
    pub seq: u64,
    /// Whether the line process is attached.
    pub attached: bool,
    /// Calls.
    pub calls: CallCounts,
    /// Spans.
    pub spans: SpanCounts,
    /// The line process's counters.
    pub health: Health,
}

/// Counts of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCounts {
    /// Calls that live.
    pub live: u64,
    /// Calls that have ended since the switch started.
    pub ended_total: u64,
}

/// Counts of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanCounts {
    /// Spans in use without an alarm and, if they have one, with their D-channel up.
    pub up: u64,
    /// All spans in use.
    pub total: u64,
}

/// `GET /v1/spans`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spans {
    /// The number of the last update in it.
    pub seq: u64,
    /// By number.
    pub spans: Vec<SpanView>,
}

/// `GET /v1/channels`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Channels {
    /// The number of the last update in it.
    pub seq: u64,
    /// By span and timeslot.
    pub channels: Vec<ChannelView>,
}

/// `GET /v1/calls`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    /// The number of the last update in it.
    pub seq: u64,
    /// How many there are; more than in `calls` if the limit cut some off.
    pub total: u64,
    /// The newest first.
    pub calls: Vec<CallView>,
}

/// `POST /v1/calls`, what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dial {
    /// The trunk to dial over.
    pub trunk: String,
    /// The number to dial.
    pub called: String,
    /// The number to show; without it what the trunk shows by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calling: Option<String>,
    /// The number of our plan that the call is given to once it is answered.
    pub then: String,
}

/// `POST /v1/calls`, what is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialled {
    /// The new call's name.
    pub call: String,
}

/// `GET /v1/queues`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Queues {
    /// The number of the last update in it.
    pub seq: u64,
    /// By name.
    pub queues: Vec<QueueView>,
}

/// `GET /v1/agents`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agents {
    /// The number of the last update in it.
    pub seq: u64,
    /// By name.
    pub agents: Vec<AgentView>,
    /// The reasons that an agent may give for being busy.
    pub busy_reasons: Vec<String>,
}

/// `POST /v1/agents/{agent}`, what is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ordered {
    /// What the agent wants.
    pub order: OrderWord,
    /// Why, for `busy` and only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/reload`, what is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is different now, for example `queue.service: changed`.
    pub changes: Vec<String>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<String>,
}

/// What an agent wants, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of switch::AgentOrder")]
pub enum OrderWord {
    LogIn,
    LogOut,
    Ready,
    Busy,
    WrapUpEnd,
}

/// `GET /v1/records`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The newest first, by the time they began.
    pub records: Vec<CallView>,
    /// How many the whole selection has, counted up to [`store::MAX_TOTAL`].
    pub total: u64,
    /// What `before` must be for the next page; null at the end.
    pub next: Option<String>,
}

/// `GET /v1/figures`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// By time and queue; intervals of a queue in which nobody came are left out.
    pub intervals: Vec<IntervalFigures>,
}

/// `GET /v1/recordings/{path}/waveform`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waveform {
    /// The length of the recording.
    pub length_ms: u64,
    /// The caller first, then what is sent to the caller.
    pub channels: Vec<Lane>,
}

/// One channel of a waveform, in stretches of equal length. Samples are -32,768 to 32,767.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The least sample of each stretch.
    pub min: Vec<i16>,
    /// The greatest sample of each stretch.
    pub max: Vec<i16>,
}

/// Every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong.
    pub error: ProblemText,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemText {
    /// For programs: one word that does not change.
    pub code: String,
    /// For people.
    pub message: String,
}

/// All that an onlooker needs to begin with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The name of this run of the switch.
    pub run: String,
    /// The number of the last update in it.
    pub seq: u64,
    /// Whether the line process is attached.
    pub attached: bool,
    /// By number.
    pub spans: Vec<SpanView>,
    /// Calls that live.
    pub calls: Vec<CallView>,
    /// At most [`SNAPSHOT_ENDED`] calls that have ended, the newest first.
    pub ended: Vec<CallView>,
    /// Calls that have ended since the switch started.
    pub ended_total: u64,
    /// By name.
    pub queues: Vec<QueueView>,
    /// By name.
    pub agents: Vec<AgentView>,
    /// The reasons that an agent may give for being busy.
    pub busy_reasons: Vec<String>,
    /// The line process's counters.
    pub health: Health,
}

/// One message of the event stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// Forget what you know and begin with this.
    Snapshot(Box<Snapshot>),
    /// The next change.
    Update {
        /// Its number: one more than the message before.
        seq: u64,
        /// The change.
        update: Box<Update>,
    },
}

impl Snapshot {
    /// Copies what `view` knows.
    pub(crate) fn new(run: &str, view: &View) -> Snapshot {
        Snapshot {
            run: run.into(),
            seq: view.seq,
            attached: view.attached,
            spans: view.spans.values().cloned().collect(),
            calls: view.calls.values().cloned().collect(),
            ended: view.ended.iter().rev().take(SNAPSHOT_ENDED).cloned().collect(),
            ended_total: view.ended_total,
            queues: view.queues.values().cloned().collect(),
            agents: view.agents.values().cloned().collect(),
            busy_reasons: view.busy_reasons.clone(),
            health: view.health.clone(),
        }
    }
}

impl SpanCounts {
    /// Counts the spans of `view`.
    pub(crate) fn new(view: &View) -> SpanCounts {
        let used = || view.spans.values().filter(|span| span.use_ != "unused");
        let up = used().filter(|span| span.alarms.is_empty() && span.dchannel != Some(false));
        SpanCounts { up: up.count() as u64, total: used().count() as u64 }
    }
}

/// Returns the event stream's message for one update, without copying the update.
pub(crate) fn update_text(seq: u64, update: &Update) -> String {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        r#type: &'static str,
        seq: u64,
        update: &'a Update,
    }
    serde_json::to_string(&Borrowed { r#type: "update", seq, update }).expect("it has string keys only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_read_back_from_its_message() {
        let update = Update::Line { attached: true };
        let text = update_text(7, &update);
        assert_eq!(text, r#"{"type":"update","seq":7,"update":{"kind":"line","attached":true}}"#);
        let read: Message = serde_json::from_str(&text).expect("a message");
        assert_eq!(read, Message::Update { seq: 7, update: Box::new(update) });
    }

    #[test]
    fn a_snapshot_says_its_type_and_is_read_back() {
        let snapshot = Message::Snapshot(Box::new(Snapshot::new("r", &View::default())));
        let text = serde_json::to_string(&snapshot).expect("json");
        assert!(text.starts_with(r#"{"type":"snapshot","run":"r","seq":0,"#), "{text}");
        assert_eq!(serde_json::from_str::<Message>(&text).expect("a message"), snapshot);
    }
}
