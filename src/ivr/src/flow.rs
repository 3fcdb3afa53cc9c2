//! The document: nodes by name, each with what it plays and where it leads.
//!
//! ```toml
//! version = 1
//! name = "front"
//! language = "zh"
//! start = "choose"
//!
//! [nodes.choose]
//! type = "menu"
//! prompts = ["zh/choose", "en/choose"]
//! keys = { 1 = "mandarin", 2 = "english" }
//! timeout_ms = 5000
//! on_timeout = "mandarin"
//! on_invalid = "mandarin"
//! ```
//! A prompt without a folder is taken from the folder of the caller's language. Targets may be left out in the document so
//! that [`validate`](Flow::validate) can name all that are missing at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A caller's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Mandarin.
    Zh,
    /// English.
    En,
}

impl Language {
    /// Returns the folder of its prompts.
    pub fn folder(self) -> &'static str {
        match self {
            Language::Zh => "zh",
            Language::En => "en",
        }
    }
}

/// A flow as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// [`FLOW_VERSION`](crate::FLOW_VERSION).
    pub version: u16,
    /// Its name.
    pub name: String,
    /// The language at the beginning.
    pub language: Language,
    /// The first node.
    pub start: String,
    /// All nodes by name.
    pub nodes: BTreeMap<String, Node>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Node {
    /// Plays and goes on.
    Play(Play),
    /// Plays and waits for one key.
    Menu(Menu),
    /// Plays and collects digits.
    Collect(Collect),
    /// Sets the language of later prompts.
    Language(SetLanguage),
    /// Waits for an agent.
    Queue(Queue),
    /// Rings a seat.
    Connect(Connect),
    /// Plays and hangs up.
    Announce(Announce),
    /// Hangs up.
    HangUp(HangUp),
    /// Goes where a variable says.
    Branch(Branch),
}

/// Plays and goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// What is played.
    pub prompts: Vec<String>,
    /// A key ends it.
    #[serde(default)]
    pub until_digit: bool,
    /// The next node.
    pub next: Option<String>,
}

/// Plays and waits for one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Menu {
    /// What is played.
    pub prompts: Vec<String>,
    /// Keys `0-9 * #` and where they lead.
    pub keys: BTreeMap<String, String>,
    /// How long a key is awaited after the prompts, in milliseconds.
    pub timeout_ms: u32,
    /// Keys count while the prompts play, and end them.
    #[serde(default = "yes")]
    pub barge_in: bool,
    /// How often the caller is asked.
    #[serde(default = "three")]
    pub attempts: u8,
    /// Said before asking again after a key that leads nowhere.
    #[serde(default)]
    pub invalid: Vec<String>,
    /// Where to after the last attempt without a key.
    pub on_timeout: Option<String>,
    /// Where to after the last attempt with a key that leads nowhere.
    pub on_invalid: Option<String>,
}

/// Plays and collects digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// What is played; a key ends it.
    pub prompts: Vec<String>,
    /// The fewest digits.
    pub min: u8,
    /// The most digits; with these the collection is complete.
    pub max: u8,
    /// The key that completes it, `*` or `#`.
    pub terminator: Option<char>,
    /// How long the first digit is awaited after the prompts, in milliseconds.
    pub timeout_ms: u32,
    /// How long each further digit is awaited, in milliseconds.
    pub inter_digit_ms: u32,
    /// Where the digits go.
    pub variable: String,
    /// How often the caller is asked.
    #[serde(default = "three")]
    pub attempts: u8,
    /// Said before asking again.
    #[serde(default)]
    pub invalid: Vec<String>,
    /// The next node.
    pub next: Option<String>,
    /// Where to after the last attempt with too few digits.
    pub on_failed: Option<String>,
}

/// Sets the language of later prompts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLanguage {
    /// The language.
    pub language: Language,
    /// The next node.
    pub next: Option<String>,
}

/// Waits for an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Queue {
    /// The queue's name.
    pub queue: String,
    /// 0 to 9, the highest is served first.
    #[serde(default)]
    pub priority: u8,
    /// Said once on entry.
    #[serde(default)]
    pub prompts: Vec<String>,
    /// Played over and over while waiting.
    pub music: Vec<String>,
    /// Said before the position, which follows as the prompt `number-N`; without it positions are not spoken.
    pub position: Option<String>,
    /// The longest wait, in seconds.
    pub max_wait_s: u32,
    /// Where to after the longest wait.
    pub on_timeout: Option<String>,
    /// Where to if the queue takes nobody.
    pub on_refused: Option<String>,
    /// Where to if the agent hangs up first; without it the call ends.
    pub after: Option<String>,
}

/// Rings a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// The seat's number; this or `variable`.
    pub seat: Option<String>,
    /// The variable that has the seat's number.
    pub variable: Option<String>,
    /// Played over and over while it rings.
    #[serde(default)]
    pub music: Vec<String>,
    /// How long it rings, in seconds.
    pub ring_s: u32,
    /// Where to if it is busy; without it as `on_failed`.
    pub on_busy: Option<String>,
    /// Where to if nobody answers; without it as `on_failed`.
    pub on_no_answer: Option<String>,
    /// Where to if it cannot be reached.
    pub on_failed: Option<String>,
    /// Where to if the seat hangs up first; without it the call ends.
    pub after: Option<String>,
}

/// Plays and hangs up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announce {
    /// What is played, to its end.
    pub prompts: Vec<String>,
    /// The Q.850 cause.
    #[serde(default = "normal")]
    pub cause: u8,
}

/// Hangs up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HangUp {
    /// The Q.850 cause.
    #[serde(default = "normal")]
    pub cause: u8,
}

/// Goes where a variable says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// The variable.
    pub variable: String,
    /// Values and where they lead.
    pub equals: BTreeMap<String, String>,
    /// Where to if it has none of them.
    pub otherwise: Option<String>,
}

fn yes() -> bool {
    true
}

fn three() -> u8 {
    3
}

fn normal() -> u8 {
    link::Cause::NORMAL.0
}

/// A field of a node that leads to another.
pub(crate) struct Target<'a> {
    pub field: String,
    pub node: Option<&'a str>,
    /// The field may not be left out.
    pub needed: bool,
}

fn target<'a>(field: &str, node: &'a Option<String>, needed: bool) -> Target<'a> {
    Target { field: field.into(), node: node.as_deref(), needed }
}

fn cases<'a>(field: &str, map: &'a BTreeMap<String, String>) -> Vec<Target<'a>> {
    let case = |(value, node): (&String, &'a String)| Target {
        field: format!("{field}.{value}"),
        node: Some(node.as_str()),
        needed: true,
    };
    map.iter().map(case).collect()
}

impl Node {
    /// Returns all fields that lead to other nodes.
    pub(crate) fn targets(&self) -> Vec<Target<'_>> {
        match self {
            Node::Play(play) => vec![target("next", &play.next, true)],
            Node::Menu(menu) => {
                let mut all = cases("keys", &menu.keys);
                all.push(target("on_timeout", &menu.on_timeout, true));
                all.push(target("on_invalid", &menu.on_invalid, true));
                all
            }
            Node::Collect(collect) => {
                vec![target("next", &collect.next, true), target("on_failed", &collect.on_failed, true)]
            }
            Node::Language(set) => vec![target("next", &set.next, true)],
            Node::Queue(queue) => vec![
                target("on_timeout", &queue.on_timeout, true),
                target("on_refused", &queue.on_refused, true),
                target("after", &queue.after, false),
            ],
            Node::Connect(connect) => vec![
                target("on_busy", &connect.on_busy, false),
                target("on_no_answer", &connect.on_no_answer, false),
                target("on_failed", &connect.on_failed, true),
                target("after", &connect.after, false),
            ],
            Node::Announce(_) | Node::HangUp(_) => vec![],
            Node::Branch(branch) => {
                let mut all = cases("equals", &branch.equals);
                all.push(target("otherwise", &branch.otherwise, true));
                all
            }
        }
    }

    /// Returns true if the node waits for the caller to key something.
    pub(crate) fn asks(&self) -> bool {
        match self {
            Node::Menu(_) | Node::Collect(_) => true,
            Node::Play(_)
            | Node::Language(_)
            | Node::Queue(_)
            | Node::Connect(_)
            | Node::Announce(_)
            | Node::HangUp(_)
            | Node::Branch(_) => false,
        }
    }
}
