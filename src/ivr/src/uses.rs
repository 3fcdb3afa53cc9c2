//! What a flow needs from outside: prompts, queues and seats, each with the node and the field that names it.
//!
//! A prompt without a folder stands for one file in each language in which a caller can come to the node. These languages are
//! found by walking every way from the start; keys and variables count as free, so that a language may be named that no
//! caller ever has there, but none is left out.

use std::collections::BTreeSet;

use crate::MAX_SPOKEN_POSITION;
use crate::flow::{Language, Node};
use crate::interpreter::{NUMBER_PROMPT, prompt_path};
use crate::validate::ValidFlow;

/// One thing that a node names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The node.
    pub node: String,
    /// Its field.
    pub field: &'static str,
    /// The prompt with its folder, the queue's name or the seat's number.
    pub what: String,
}

impl ValidFlow {
    /// Returns every prompt that a caller may hear, spoken positions among them, in the order of nodes; each once a field.
    pub fn prompts(&self) -> Vec<Use> {
        let reached = self.languages();
        let mut uses = BTreeSet::new();
        for (name, language) in reached {
            let Some(node) = self.flow().nodes.get(name) else { continue };
            for (field, prompt) in node.prompts() {
                let what = prompt_path(language, &prompt);
                uses.insert(Use { node: name.into(), field, what });
            }
        }
        uses.into_iter().collect()
    }

    /// Returns every queue with the nodes that lead into it.
    pub fn queues(&self) -> Vec<Use> {
        self.named(|node| match node {
            Node::Queue(queue) => Some(("queue", queue.queue.clone())),
            Node::Play(_)
            | Node::Menu(_)
            | Node::Collect(_)
            | Node::Language(_)
            | Node::Connect(_)
            | Node::Announce(_)
            | Node::HangUp(_)
            | Node::Branch(_) => None,
        })
    }

    /// Returns every fixed seat with the nodes that ring it.
    pub fn seats(&self) -> Vec<Use> {
        self.named(|node| match node {
            Node::Connect(connect) => connect.seat.clone().map(|seat| ("seat", seat)),
            Node::Play(_)
            | Node::Menu(_)
            | Node::Collect(_)
            | Node::Language(_)
            | Node::Queue(_)
            | Node::Announce(_)
            | Node::HangUp(_)
            | Node::Branch(_) => None,
        })
    }

    fn named(&self, named: impl Fn(&Node) -> Option<(&'static str, String)>) -> Vec<Use> {
        let of_node = |(name, node): (&String, &Node)| {
            named(node).map(|(field, what)| Use { node: name.clone(), field, what })
        };
        self.flow().nodes.iter().filter_map(of_node).collect()
    }

    /// Returns each node with each language in which it can be entered.
    fn languages(&self) -> BTreeSet<(&str, Language)> {
        let mut reached = BTreeSet::new();
        let mut open = vec![(self.flow().start.as_str(), self.flow().language)];
        while let Some((name, language)) = open.pop() {
            if !reached.insert((name, language)) {
                continue;
            }
            let after = match self.flow().nodes.get(name) {
                Some(Node::Language(set)) => set.language,
                Some(
                    Node::Play(_)
                    | Node::Menu(_)
                    | Node::Collect(_)
                    | Node::Queue(_)
                    | Node::Connect(_)
                    | Node::Announce(_)
                    | Node::HangUp(_)
                    | Node::Branch(_),
                )
                | None => language,
            };
            open.extend(self.flow().next(name).into_iter().map(|next| (next, after)));
        }
        reached
    }
}

impl Node {
    /// Returns all prompts as they are written, each with its field.
    fn prompts(&self) -> Vec<(&'static str, String)> {
        let all = |field: &'static str, prompts: &[String]| {
            prompts.iter().map(|prompt| (field, prompt.clone())).collect::<Vec<_>>()
        };
        match self {
            Node::Play(play) => all("prompts", &play.prompts),
            Node::Menu(menu) => [all("prompts", &menu.prompts), all("invalid", &menu.invalid)].concat(),
            Node::Collect(collect) => {
                [all("prompts", &collect.prompts), all("invalid", &collect.invalid)].concat()
            }
            Node::Queue(queue) => {
                let numbers = (1..=MAX_SPOKEN_POSITION).map(|n| ("position", format!("{NUMBER_PROMPT}-{n}")));
                let spoken = queue
                    .position
                    .iter()
                    .flat_map(|p| std::iter::once(("position", p.clone())).chain(numbers.clone()));
                [all("prompts", &queue.prompts), all("music", &queue.music), spoken.collect()].concat()
            }
            Node::Connect(connect) => all("music", &connect.music),
            Node::Announce(announce) => all("prompts", &announce.prompts),
            Node::Language(_) | Node::HangUp(_) | Node::Branch(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: &str = r#"
        version = 1
        name = "front"
        language = "zh"
        start = "choose"
        [nodes]
        choose = { type = "menu", prompts = ["zh/choose", "hello"], keys = { 1 = "ask", 2 = "english" }, timeout_ms = 5000, on_timeout = "ask", on_invalid = "ask" }
        english = { type = "language", language = "en", next = "ask" }
        ask = { type = "menu", prompts = ["menu"], keys = { 1 = "wait", 2 = "boss" }, timeout_ms = 5000, invalid = ["invalid"], on_timeout = "bye", on_invalid = "bye" }
        wait = { type = "queue", queue = "sales", music = ["music/one"], position = "position", max_wait_s = 300, on_timeout = "bye", on_refused = "bye" }
        boss = { type = "connect", seat = "201", ring_s = 20, on_failed = "bye" }
        bye = { type = "announce", prompts = ["goodbye"] }
    "#;

    fn flow(text: &str) -> ValidFlow {
        toml::from_str::<crate::Flow>(text).unwrap().validate().unwrap()
    }

    fn prompts_of(flow: &ValidFlow, node: &str) -> Vec<String> {
        flow.prompts()
            .into_iter()
            .filter(|u| u.node == node)
            .map(|u| format!("{} {}", u.field, u.what))
            .collect()
    }

    #[test]
    fn a_prompt_is_named_in_every_language_in_which_its_node_can_be_entered() {
        let flow = flow(FLOW);
        assert_eq!(prompts_of(&flow, "choose"), ["prompts zh/choose", "prompts zh/hello"]);
        let ask = ["invalid en/invalid", "invalid zh/invalid", "prompts en/menu", "prompts zh/menu"];
        assert_eq!(prompts_of(&flow, "ask"), ask);
        assert_eq!(prompts_of(&flow, "bye"), ["prompts en/goodbye", "prompts zh/goodbye"]);
        assert_eq!(prompts_of(&flow, "english"), [""; 0]);
    }

    #[test]
    fn a_queue_that_tells_positions_needs_the_numbers() {
        let flow = flow(FLOW);
        let wait = prompts_of(&flow, "wait");
        assert_eq!(wait.len(), 1 + 2 * (1 + usize::from(MAX_SPOKEN_POSITION)));
        for prompt in
            ["music music/one", "position zh/position", "position en/number-1", "position zh/number-20"]
        {
            assert!(wait.iter().any(|known| known == prompt), "{prompt} is not in {wait:?}");
        }
        let silent = self::flow(&FLOW.replace("position = \"position\", ", ""));
        assert_eq!(prompts_of(&silent, "wait"), ["music music/one"]);
    }

    #[test]
    fn queues_and_fixed_seats_are_named_with_their_nodes() {
        let flow = flow(FLOW);
        assert_eq!(flow.queues(), [Use { node: "wait".into(), field: "queue", what: "sales".into() }]);
        assert_eq!(flow.seats(), [Use { node: "boss".into(), field: "seat", what: "201".into() }]);
    }
}
