//! Checks a flow and says everything that is wrong with it, by node and field.
//!
//! Beside names, ranges and targets it looks at the whole: every node can be reached from the start, every variable that is
//! read is collected somewhere, and every way round passes a menu or a collection. A queue or a telephone is no such place:
//! a caller who never keys anything must come to an end.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use crate::flow::{Branch, Collect, Connect, Flow, Menu, Node, Queue};
use crate::{
    FLOW_VERSION, MAX_ATTEMPTS, MAX_CASES, MAX_DIGITS, MAX_NAME, MAX_NODES, MAX_PROMPT, MAX_PROMPTS,
    MAX_RING_S, MAX_TIMEOUT_MS, MAX_VARIABLE, MAX_VARIABLES, MAX_WAIT_S, MIN_TIMEOUT_MS,
};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowError {
    /// The node; empty for the flow as a whole.
    pub node: String,
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node.as_str() {
            "" => write!(f, "flow: {}: {}", self.field, self.problem),
            node => write!(f, "node \"{node}\": {}: {}", self.field, self.problem),
        }
    }
}

impl std::error::Error for FlowError {}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Write the version that this program reads.
    #[error("version {0} is not {FLOW_VERSION}")]
    Version(u16),
    /// Name a node that exists.
    #[error("no node \"{0}\"")]
    UnknownTarget(String),
    /// Say where it leads.
    #[error("missing")]
    Missing,
    /// Lead to it or take it away.
    #[error("cannot be reached from the start")]
    Unreachable,
    /// Ask the caller something on the way round.
    #[error("goes round without asking the caller anything: {}", .0.join(" -> "))]
    Loop(Vec<String>),
    /// Take a value in range.
    #[error("{value} is not in {min} to {max}")]
    Range {
        /// The value.
        value: u64,
        /// The lowest.
        min: u64,
        /// The highest.
        max: u64,
    },
    /// Take fewer.
    #[error("{count} are over the limit of {max}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many may be.
        max: usize,
    },
    /// Take a name of `a-z A-Z 0-9 _ -`, not empty and not too long.
    #[error("\"{0}\" is no name")]
    Name(String),
    /// Take a prompt's name: names joined by `/`.
    #[error("\"{0}\" is no prompt")]
    Prompt(String),
    /// Take one of `0-9 * #`.
    #[error("\"{0}\" is no key")]
    Key(String),
    /// Collect it somewhere.
    #[error("the variable \"{0}\" is collected nowhere")]
    UnknownVariable(String),
    /// Give a seat or a variable, and only one of them.
    #[error("exactly one of seat and variable is needed")]
    SeatOrVariable,
}

/// A flow without errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidFlow(Flow);

impl ValidFlow {
    /// Returns the flow.
    pub fn flow(&self) -> &Flow {
        &self.0
    }
}

impl Flow {
    /// Checks the flow.
    ///
    /// # Errors
    /// Everything that is wrong, the flow's own fields first, then node by node in the order of their names.
    pub fn validate(self) -> Result<ValidFlow, Vec<FlowError>> {
        let mut check = Check { flow: &self, node: "", errors: Vec::new() };
        check.flow();
        let errors = check.errors;
        if errors.is_empty() { Ok(ValidFlow(self)) } else { Err(errors) }
    }

    /// Returns the targets of a node that exist.
    pub(crate) fn next<'a>(&'a self, node: &str) -> BTreeSet<&'a str> {
        let targets = self.nodes.get(node).map(Node::targets).unwrap_or_default();
        targets.into_iter().filter_map(|t| t.node).filter(|t| self.nodes.contains_key(*t)).collect()
    }
}

struct Check<'a> {
    flow: &'a Flow,
    node: &'a str,
    errors: Vec<FlowError>,
}

impl<'a> Check<'a> {
    fn flow(&mut self) {
        let flow = self.flow;
        if flow.version != FLOW_VERSION {
            self.wrong("version", Problem::Version(flow.version));
        }
        self.name("name", &flow.name, MAX_NAME);
        self.count("nodes", flow.nodes.len(), MAX_NODES);
        let variables: BTreeSet<_> = self.collected().collect();
        self.count("variables", variables.len(), MAX_VARIABLES);
        if !flow.nodes.contains_key(&flow.start) {
            self.wrong("start", Problem::UnknownTarget(flow.start.clone()));
        }
        let reached = self.reached();
        for (name, node) in &flow.nodes {
            self.node = name;
            self.name("name", name, MAX_NAME);
            if !reached.contains(name.as_str()) && flow.nodes.contains_key(&flow.start) {
                self.wrong("name", Problem::Unreachable);
            }
            self.targets(node);
            self.fields(node);
        }
        self.loops();
    }

    fn wrong(&mut self, field: &str, problem: Problem) {
        self.errors.push(FlowError { node: self.node.into(), field: field.into(), problem });
    }

    fn collected(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.flow.nodes.values().filter_map(|node| match node {
            Node::Collect(collect) => Some(collect.variable.as_str()),
            Node::Play(_)
            | Node::Menu(_)
            | Node::Language(_)
            | Node::Queue(_)
            | Node::Connect(_)
            | Node::Announce(_)
            | Node::HangUp(_)
            | Node::Branch(_) => None,
        })
    }

    fn reached(&self) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = vec![self.flow.start.as_str()];
        while let Some(node) = open.pop() {
            if reached.insert(node) {
                open.extend(self.flow.next(node));
            }
        }
        reached
    }

    /// Finds ways round without a question: takes away nodes that lead nowhere but out, until only such ways are left.
    fn loops(&mut self) {
        let silent = self.flow.nodes.iter().filter(|(_, node)| !node.asks()).map(|(name, _)| name.as_str());
        let mut left: BTreeMap<&str, BTreeSet<&str>> =
            silent.map(|name| (name, self.flow.next(name))).collect();
        loop {
            let inside: BTreeSet<&str> = left.keys().copied().collect();
            left.values_mut().for_each(|next| next.retain(|node| inside.contains(node)));
            left.retain(|_, next| !next.is_empty());
            if left.len() == inside.len() {
                break;
            }
        }
        // Each node left leads to another one left, so that walking on comes round. One way round is told for all nodes
        // that lead into it; others through the same nodes show when it is mended.
        let mut told = BTreeSet::new();
        for start in left.keys().copied() {
            let (mut way, mut at) = (Vec::new(), start);
            while !way.contains(&at) && !told.contains(at) {
                way.push(at);
                at = left[at].first().copied().expect("nodes that lead nowhere were taken away");
            }
            told.extend(way.iter().copied());
            if let Some(from) = way.iter().position(|node| *node == at) {
                self.node = at;
                let round = way[from..].iter().chain([&at]).map(|node| (*node).to_string()).collect();
                self.wrong("next", Problem::Loop(round));
            }
        }
    }

    fn targets(&mut self, node: &'a Node) {
        for target in node.targets() {
            match target.node {
                None if target.needed => self.wrong(&target.field, Problem::Missing),
                Some(name) if !self.flow.nodes.contains_key(name) => {
                    self.wrong(&target.field, Problem::UnknownTarget(name.into()));
                }
                None | Some(_) => {}
            }
        }
    }

    fn fields(&mut self, node: &'a Node) {
        match node {
            Node::Play(play) => self.prompts("prompts", &play.prompts, true),
            Node::Menu(menu) => self.menu(menu),
            Node::Collect(collect) => self.collect(collect),
            Node::Language(_) => {}
            Node::Queue(queue) => self.queue(queue),
            Node::Connect(connect) => self.connect(connect),
            Node::Announce(announce) => {
                self.prompts("prompts", &announce.prompts, true);
                self.range("cause", announce.cause.into(), 1, 127);
            }
            Node::HangUp(hang_up) => self.range("cause", hang_up.cause.into(), 1, 127),
            Node::Branch(branch) => self.branch(branch),
        }
    }

    fn menu(&mut self, menu: &Menu) {
        self.prompts("prompts", &menu.prompts, true);
        self.prompts("invalid", &menu.invalid, false);
        if menu.keys.is_empty() {
            self.wrong("keys", Problem::Missing);
        }
        for key in menu.keys.keys() {
            self.key(&format!("keys.{key}"), key);
        }
        self.timeout("timeout_ms", menu.timeout_ms);
        self.range("attempts", menu.attempts.into(), 1, MAX_ATTEMPTS.into());
    }

    fn collect(&mut self, collect: &Collect) {
        self.prompts("prompts", &collect.prompts, true);
        self.prompts("invalid", &collect.invalid, false);
        self.range("max", collect.max.into(), 1, MAX_DIGITS.into());
        self.range("min", collect.min.into(), 1, collect.max.max(1).into());
        if let Some(key) = collect.terminator.filter(|key| !matches!(key, '*' | '#')) {
            self.wrong("terminator", Problem::Key(key.into()));
        }
        self.timeout("timeout_ms", collect.timeout_ms);
        self.timeout("inter_digit_ms", collect.inter_digit_ms);
        self.name("variable", &collect.variable, MAX_VARIABLE);
        self.range("attempts", collect.attempts.into(), 1, MAX_ATTEMPTS.into());
    }

    fn queue(&mut self, queue: &Queue) {
        self.name("queue", &queue.queue, MAX_NAME);
        self.range("priority", queue.priority.into(), 0, 9);
        self.prompts("prompts", &queue.prompts, false);
        self.prompts("music", &queue.music, true);
        if let Some(prompt) = &queue.position {
            self.prompt("position", prompt);
        }
        self.range("max_wait_s", queue.max_wait_s.into(), 1, MAX_WAIT_S.into());
    }

    fn connect(&mut self, connect: &Connect) {
        match (&connect.seat, &connect.variable) {
            (Some(seat), None) => {
                let digits = (1..=usize::from(MAX_DIGITS)).contains(&seat.len());
                if !digits || !seat.chars().all(|c| c.is_ascii_digit()) {
                    self.wrong("seat", Problem::Name(seat.clone()));
                }
            }
            (None, Some(variable)) => self.variable(variable),
            (Some(_), Some(_)) | (None, None) => self.wrong("seat", Problem::SeatOrVariable),
        }
        self.prompts("music", &connect.music, false);
        self.range("ring_s", connect.ring_s.into(), 1, MAX_RING_S.into());
    }

    fn branch(&mut self, branch: &Branch) {
        self.variable(&branch.variable);
        self.count("equals", branch.equals.len(), MAX_CASES);
    }

    fn variable(&mut self, variable: &str) {
        if !self.collected().any(|known| known == variable) {
            self.wrong("variable", Problem::UnknownVariable(variable.into()));
        }
    }

    fn key(&mut self, field: &str, key: &str) {
        let mut chars = key.chars();
        match (chars.next(), chars.next()) {
            (Some('0'..='9' | '*' | '#'), None) => {}
            (Some(_), _) | (None, _) => self.wrong(field, Problem::Key(key.into())),
        }
    }

    fn timeout(&mut self, field: &str, value: u32) {
        self.range(field, value.into(), MIN_TIMEOUT_MS.into(), MAX_TIMEOUT_MS.into());
    }

    fn range(&mut self, field: &str, value: u64, min: u64, max: u64) {
        if !(min..=max).contains(&value) {
            self.wrong(field, Problem::Range { value, min, max });
        }
    }

    fn count(&mut self, field: &str, count: usize, max: usize) {
        if count > max {
            self.wrong(field, Problem::TooMany { count, max });
        }
    }

    fn name(&mut self, field: &str, name: &str, max: usize) {
        if name.len() > max || !is_name(name) {
            self.wrong(field, Problem::Name(name.into()));
        }
    }

    fn prompts(&mut self, field: &str, prompts: &[String], needed: bool) {
        if needed && prompts.is_empty() {
            self.wrong(field, Problem::Missing);
        }
        self.count(field, prompts.len(), MAX_PROMPTS);
        for prompt in prompts {
            self.prompt(field, prompt);
        }
    }

    fn prompt(&mut self, field: &str, prompt: &str) {
        if prompt.len() > MAX_PROMPT || !prompt.split('/').all(is_name) {
            self.wrong(field, Problem::Prompt(prompt.into()));
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
