//! One call's way through a flow.
//!
//! The state holds the name of the node and only what belongs to waiting in it. An input that does not fit the state changes
//! nothing: events of a playing, a queue or a telephone that no longer matters come late by nature. If the flow was replaced
//! and the node is gone or of another type, the call is hung up with cause 41; keep the old flow for calls that began in it.
//!
//! Deadlines: prompts 600 s, a talk 12 h; all others are the flow's own. What leaves a queue or a ringing telephone says so
//! first ([`Output::LeaveQueue`], [`Output::Disconnect`]).

use core::time::Duration;
use std::collections::BTreeMap;

use clock::Mono;
use link::{Cause, PlayId, Treatment};
use serde::{Deserialize, Serialize};

use crate::flow::{Collect, Connect, Language, Menu, Node, Queue};
use crate::validate::ValidFlow;
use crate::{MAX_SPOKEN_POSITION, MAX_STEPS_PER_CALL, MAX_STEPS_PER_INPUT};

/// The longest prompt that is waited for before the call goes on without its end.
const PLAY_LIMIT: Duration = Duration::from_secs(600);
/// The longest talk; a talk whose end was never told ends here.
const TALK_LIMIT: Duration = Duration::from_secs(12 * 3_600);
/// Said before the position.
pub(crate) const NUMBER_PROMPT: &str = "number";

/// What happens to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// It is answered: the flow begins.
    Started,
    /// A key was pressed.
    Digit(char),
    /// A playing has ended.
    Played(PlayId),
    /// Something about its place in a queue.
    Queue(QueueEvent),
    /// The agent or the seat has answered and is connected.
    Answered,
    /// The seat was not reached.
    Failed(FailReason),
    /// The agent or the seat has hung up.
    TalkEnded,
    /// The caller has hung up.
    Gone,
    /// What is playing, found after a time in which nothing was heard of the call.
    Found(Option<PlayId>),
    /// The deadline has passed.
    Timeout,
}

/// What happens to a caller in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueEvent {
    /// The queue takes nobody now.
    Refused,
    /// The queue's own longest wait is over; the caller is out of it.
    TimedOut,
    /// The position, from 1.
    Position(u16),
}

/// Why a seat was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailReason {
    /// It is busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// There is no such seat or no way to it.
    Unreachable,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Play; ends whatever the caller was hearing.
    Play {
        /// Named in [`Input::Played`].
        play: PlayId,
        /// With their folders.
        prompts: Vec<String>,
        /// What else is heard, and whether a key ends it.
        treatment: Treatment,
    },
    /// End the playing.
    StopPlay,
    /// Put the caller into a queue.
    Enqueue {
        /// The queue's name.
        queue: String,
        /// 0 to 9.
        priority: u8,
    },
    /// Take the caller out of the queue.
    LeaveQueue,
    /// Ring a seat and connect it when it answers.
    Connect {
        /// Its number.
        seat: String,
    },
    /// Ring it no more.
    Disconnect,
    /// Hang up. Nothing follows.
    HangUp {
        /// Why.
        cause: Cause,
    },
}

/// What the call waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// The beginning.
    Fresh,
    /// The end of a prompt.
    Playing { play: PlayId },
    /// A key; `play` while the prompts play.
    Menu { play: Option<PlayId>, attempt: u8 },
    /// Digits; `play` while the prompts play.
    Collecting { play: Option<PlayId>, attempt: u8, digits: String },
    /// An agent; `said` while something other than music plays.
    Queued { said: Option<PlayId>, until: Mono },
    /// A seat's answer.
    Connecting,
    /// The end of a talk.
    Talking,
    /// Nothing.
    Ended,
}

/// One call's place in a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    node: String,
    language: Language,
    state: State,
    variables: BTreeMap<String, String>,
    plays: u32,
    steps: u16,
    deadline: Option<Mono>,
}

impl Interpreter {
    /// Makes the place of a call that has not begun. Next comes [`Input::Started`].
    pub fn new(flow: &ValidFlow) -> Interpreter {
        Interpreter {
            node: flow.flow().start.clone(),
            language: flow.flow().language,
            state: State::Fresh,
            variables: BTreeMap::new(),
            plays: 0,
            steps: 0,
            deadline: None,
        }
    }

    /// Takes one input and adds what follows from it to `outputs`.
    pub fn handle(&mut self, input: Input, flow: &ValidFlow, outputs: &mut Vec<Output>, now: Mono) {
        let mut step = Step { call: self, flow, outputs, now, steps: 0 };
        step.handle(input);
    }

    /// Returns when [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.deadline
    }

    /// Returns true when the call was hung up or the caller is gone.
    pub fn is_over(&self) -> bool {
        self.state == State::Ended
    }

    /// Returns whether the place of the call is one of `flow`: the document may have changed since.
    pub fn fits(&self, flow: &ValidFlow) -> bool {
        let node = flow.flow().nodes.get(&self.node);
        match &self.state {
            State::Fresh | State::Ended => node.is_some(),
            State::Playing { .. } => matches!(node, Some(Node::Play(_) | Node::Announce(_))),
            State::Menu { .. } => matches!(node, Some(Node::Menu(_) | Node::Language(_))),
            State::Collecting { .. } => matches!(node, Some(Node::Collect(_))),
            State::Queued { .. } => matches!(node, Some(Node::Queue(_))),
            State::Connecting => matches!(node, Some(Node::Connect(_))),
            State::Talking => matches!(node, Some(Node::Queue(_) | Node::Connect(_))),
        }
    }

    /// Goes to the beginning of `flow`, another one than before or a changed one; the caller's language and what was
    /// collected stay. Next comes [`Input::Started`].
    pub fn begin_again(&mut self, flow: &ValidFlow) {
        self.node.clone_from(&flow.flow().start);
        (self.state, self.steps, self.deadline) = (State::Fresh, 0, None);
    }

    /// Returns the node in which the call is.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Returns the language of prompts.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Returns what was collected into a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }
}

/// Returns a prompt with its folder: its own, else that of the language.
pub(crate) fn prompt_path(language: Language, prompt: &str) -> String {
    if prompt.contains('/') { prompt.into() } else { format!("{}/{prompt}", language.folder()) }
}

/// One step of a call with all it needs at hand.
struct Step<'a> {
    call: &'a mut Interpreter,
    flow: &'a ValidFlow,
    outputs: &'a mut Vec<Output>,
    now: Mono,
    /// Nodes entered since the input.
    steps: u16,
}

impl<'a> Step<'a> {
    fn handle(&mut self, input: Input) {
        match input {
            Input::Started => {
                if self.call.state == State::Fresh {
                    let start = self.flow.flow().start.as_str();
                    self.enter(start);
                }
            }
            Input::Digit(digit) => self.digit(digit),
            Input::Played(play) => self.played(play),
            Input::Queue(event) => self.queue_event(event),
            Input::Answered => self.answered(),
            Input::Failed(why) => self.failed(why),
            Input::TalkEnded => self.talk_ended(),
            Input::Gone => self.gone(),
            Input::Found(playing) => self.found(playing),
            Input::Timeout => self.timeout(),
        }
    }

    fn node(&self) -> Option<&'a Node> {
        self.flow.flow().nodes.get(&self.call.node)
    }

    /// Counts a step; false and hung up if there were too many.
    fn counted(&mut self) -> bool {
        self.steps += 1;
        self.call.steps = self.call.steps.saturating_add(1);
        if self.steps > MAX_STEPS_PER_INPUT || self.call.steps > MAX_STEPS_PER_CALL {
            self.hang_up(Cause::TEMPORARY);
            return false;
        }
        true
    }

    fn go(&mut self, target: &'a Option<String>) {
        match target {
            Some(name) => self.enter(name),
            None => self.hang_up(Cause::TEMPORARY),
        }
    }

    /// Enters a node, and those after it that wait for nothing.
    fn enter(&mut self, name: &'a str) {
        let mut name = name;
        while self.counted() {
            let Some(node) = self.flow.flow().nodes.get(name) else {
                return self.hang_up(Cause::TEMPORARY);
            };
            self.call.node = name.into();
            let next = match node {
                Node::Language(set) => {
                    self.call.language = set.language;
                    &set.next
                }
                Node::Branch(branch) => {
                    let value = self.call.variables.get(&branch.variable).map_or("", String::as_str);
                    match branch.equals.get(value) {
                        Some(target) => {
                            name = target;
                            continue;
                        }
                        None => &branch.otherwise,
                    }
                }
                Node::Play(play) => {
                    let treatment = if play.until_digit { Treatment::UntilDigit } else { Treatment::Whole };
                    let play = self.play(&play.prompts, treatment);
                    return self.call.state = State::Playing { play };
                }
                Node::Announce(announce) => {
                    let play = self.play(&announce.prompts, Treatment::Whole);
                    return self.call.state = State::Playing { play };
                }
                Node::HangUp(hang_up) => return self.hang_up(Cause(hang_up.cause)),
                Node::Menu(menu) => return self.ask_key(menu, &[], 1),
                Node::Collect(collect) => return self.ask_digits(collect, &[], 1),
                Node::Queue(queue) => return self.enqueue(queue),
                Node::Connect(connect) => return self.connect(connect),
            };
            match next {
                Some(next) => name = next,
                None => return self.hang_up(Cause::TEMPORARY),
            }
        }
    }

    fn play(&mut self, prompts: &[String], treatment: Treatment) -> PlayId {
        let prompts = prompts.iter().map(|prompt| prompt_path(self.call.language, prompt)).collect();
        self.call.plays = self.call.plays.wrapping_add(1);
        let play = PlayId(self.call.plays);
        self.wait(PLAY_LIMIT);
        self.outputs.push(Output::Play { play, prompts, treatment });
        play
    }

    fn wait(&mut self, wait: Duration) {
        self.call.deadline = Some(self.now + wait);
    }

    fn ask_key(&mut self, menu: &'a Menu, before: &[String], attempt: u8) {
        let treatment = if menu.barge_in { Treatment::UntilDigit } else { Treatment::Whole };
        let play = self.play(&[before, &menu.prompts].concat(), treatment);
        self.call.state = State::Menu { play: Some(play), attempt };
    }

    fn ask_digits(&mut self, collect: &'a Collect, before: &[String], attempt: u8) {
        let play = self.play(&[before, &collect.prompts].concat(), Treatment::UntilDigit);
        self.call.state = State::Collecting { play: Some(play), attempt, digits: String::new() };
    }

    fn enqueue(&mut self, queue: &'a Queue) {
        self.outputs.push(Output::Enqueue { queue: queue.queue.clone(), priority: queue.priority });
        let until = self.now + Duration::from_secs(queue.max_wait_s.into());
        let said = match queue.prompts.as_slice() {
            [] => {
                self.play(&queue.music, Treatment::Loop);
                None
            }
            prompts => Some(self.play(prompts, Treatment::Whole)),
        };
        self.queued(said, until);
    }

    /// Waits in the queue: for the end of what is said, at most until the longest wait is over.
    fn queued(&mut self, said: Option<PlayId>, until: Mono) {
        self.call.state = State::Queued { said, until };
        let play_limit = self.now + PLAY_LIMIT;
        self.call.deadline = Some(if said.is_some() { until.min(play_limit) } else { until });
    }

    fn connect(&mut self, connect: &'a Connect) {
        let seat = match (&connect.seat, &connect.variable) {
            (Some(seat), _) => Some(seat.clone()),
            (None, Some(variable)) => self.call.variables.get(variable).cloned(),
            (None, None) => None,
        };
        let Some(seat) = seat else {
            return self.go(&connect.on_failed);
        };
        if !connect.music.is_empty() {
            self.play(&connect.music, Treatment::Loop);
        }
        self.outputs.push(Output::Connect { seat });
        self.call.state = State::Connecting;
        self.wait(Duration::from_secs(connect.ring_s.into()));
    }

    fn digit(&mut self, digit: char) {
        match (self.node(), self.call.state.clone()) {
            (Some(Node::Menu(menu)), State::Menu { play, attempt }) if menu.barge_in || play.is_none() => {
                match menu.keys.get(digit.encode_utf8(&mut [0; 4])) {
                    Some(target) => self.enter(target),
                    None => self.ask_again(menu, attempt, &menu.on_invalid, true),
                }
            }
            (Some(Node::Collect(collect)), State::Collecting { attempt, digits, .. }) => {
                self.collect(collect, attempt, digits, digit);
            }
            // The line has ended the playing by itself and tells so; other keys mean nothing here.
            (_, State::Menu { .. } | State::Collecting { .. }) => {}
            (
                _,
                State::Fresh
                | State::Playing { .. }
                | State::Queued { .. }
                | State::Connecting
                | State::Talking
                | State::Ended,
            ) => {}
        }
    }

    fn ask_again(&mut self, menu: &'a Menu, attempt: u8, otherwise: &'a Option<String>, invalid: bool) {
        if attempt >= menu.attempts {
            return self.go(otherwise);
        }
        if self.counted() {
            let before = if invalid { menu.invalid.as_slice() } else { &[] };
            self.ask_key(menu, before, attempt + 1);
        }
    }

    fn collect(&mut self, collect: &'a Collect, attempt: u8, mut digits: String, digit: char) {
        let complete = Some(digit) == collect.terminator;
        if digit.is_ascii_digit() {
            digits.push(digit);
        } else if !complete {
            return;
        }
        if complete || digits.len() >= usize::from(collect.max) {
            return self.collected(collect, attempt, digits);
        }
        self.wait(Duration::from_millis(collect.inter_digit_ms.into()));
        self.call.state = State::Collecting { play: None, attempt, digits };
    }

    /// The caller keys no more: goes on if there are enough digits.
    fn collected(&mut self, collect: &'a Collect, attempt: u8, digits: String) {
        if digits.len() >= usize::from(collect.min) {
            self.call.variables.insert(collect.variable.clone(), digits);
            return self.go(&collect.next);
        }
        if attempt >= collect.attempts {
            return self.go(&collect.on_failed);
        }
        if self.counted() {
            self.ask_digits(collect, &collect.invalid, attempt + 1);
        }
    }

    fn played(&mut self, ended: PlayId) {
        match (self.node(), self.call.state.clone()) {
            (_, State::Playing { play }) if play == ended => self.after_play(),
            (Some(Node::Menu(menu)), State::Menu { play: Some(play), attempt }) if play == ended => {
                self.wait(Duration::from_millis(menu.timeout_ms.into()));
                self.call.state = State::Menu { play: None, attempt };
            }
            (Some(Node::Collect(collect)), State::Collecting { play: Some(play), attempt, digits })
                if play == ended =>
            {
                self.wait(Duration::from_millis(collect.timeout_ms.into()));
                self.call.state = State::Collecting { play: None, attempt, digits };
            }
            (Some(Node::Queue(queue)), State::Queued { said: Some(play), until }) if play == ended => {
                self.music(queue, until);
            }
            // The end of a playing that no longer matters.
            (
                _,
                State::Fresh
                | State::Playing { .. }
                | State::Menu { .. }
                | State::Collecting { .. }
                | State::Queued { .. }
                | State::Connecting
                | State::Talking
                | State::Ended,
            ) => {}
        }
    }

    /// Makes up for the end of a playing that was not told, and for music that was never begun.
    fn found(&mut self, playing: Option<PlayId>) {
        let awaited = match self.call.state {
            State::Playing { play } => Some(play),
            State::Menu { play, .. } | State::Collecting { play, .. } => play,
            State::Queued { said, .. } => said,
            State::Fresh | State::Connecting | State::Talking | State::Ended => None,
        };
        if let Some(play) = awaited.filter(|play| playing != Some(*play)) {
            return self.played(play);
        }
        if let (Some(Node::Queue(queue)), State::Queued { said: None, until }, None) =
            (self.node(), &self.call.state, playing)
        {
            self.music(queue, *until);
        }
    }

    fn after_play(&mut self) {
        match self.node() {
            Some(Node::Play(play)) => self.go(&play.next),
            Some(Node::Announce(announce)) => self.hang_up(Cause(announce.cause)),
            Some(
                Node::Menu(_)
                | Node::Collect(_)
                | Node::Language(_)
                | Node::Queue(_)
                | Node::Connect(_)
                | Node::HangUp(_)
                | Node::Branch(_),
            )
            | None => self.hang_up(Cause::TEMPORARY),
        }
    }

    fn music(&mut self, queue: &'a Queue, until: Mono) {
        self.play(&queue.music, Treatment::Loop);
        self.queued(None, until);
    }

    fn queue_event(&mut self, event: QueueEvent) {
        let State::Queued { said, until } = self.call.state else {
            return;
        };
        let Some(Node::Queue(queue)) = self.node() else {
            return self.hang_up(Cause::TEMPORARY);
        };
        match event {
            QueueEvent::Refused => self.out_of_queue(&queue.on_refused),
            QueueEvent::TimedOut => self.out_of_queue(&queue.on_timeout),
            QueueEvent::Position(position) => self.say_position(queue, position, said, until),
        }
    }

    /// Goes on after a queue in which the call is no more.
    fn out_of_queue(&mut self, target: &'a Option<String>) {
        self.call.state = State::Fresh;
        self.outputs.push(Output::StopPlay);
        self.go(target);
    }

    fn say_position(&mut self, queue: &'a Queue, position: u16, said: Option<PlayId>, until: Mono) {
        let spoken = (1..=MAX_SPOKEN_POSITION).contains(&position) && said.is_none();
        let Some(prompt) = queue.position.as_ref().filter(|_| spoken) else {
            return;
        };
        let prompts = [prompt.clone(), format!("{NUMBER_PROMPT}-{position}")];
        let play = self.play(&prompts, Treatment::Whole);
        self.queued(Some(play), until);
    }

    fn answered(&mut self) {
        match self.call.state {
            State::Queued { .. } | State::Connecting => {
                self.call.state = State::Talking;
                self.wait(TALK_LIMIT);
            }
            State::Fresh
            | State::Playing { .. }
            | State::Menu { .. }
            | State::Collecting { .. }
            | State::Talking
            | State::Ended => {}
        }
    }

    fn failed(&mut self, why: FailReason) {
        if self.call.state != State::Connecting {
            return;
        }
        let Some(Node::Connect(connect)) = self.node() else {
            return self.hang_up(Cause::TEMPORARY);
        };
        self.call.state = State::Fresh;
        if !connect.music.is_empty() {
            self.outputs.push(Output::StopPlay);
        }
        let target = match why {
            FailReason::Busy => &connect.on_busy,
            FailReason::NoAnswer => &connect.on_no_answer,
            FailReason::Unreachable => &None,
        };
        self.go(if target.is_some() { target } else { &connect.on_failed });
    }

    fn talk_ended(&mut self) {
        if self.call.state != State::Talking {
            return;
        }
        let after = match self.node() {
            Some(Node::Queue(queue)) => queue.after.as_deref(),
            Some(Node::Connect(connect)) => connect.after.as_deref(),
            Some(
                Node::Play(_)
                | Node::Menu(_)
                | Node::Collect(_)
                | Node::Language(_)
                | Node::Announce(_)
                | Node::HangUp(_)
                | Node::Branch(_),
            )
            | None => None,
        };
        match after {
            Some(after) => self.enter(after),
            None => self.hang_up(Cause::NORMAL),
        }
    }

    fn timeout(&mut self) {
        if self.call.deadline.is_none_or(|deadline| deadline > self.now) {
            return;
        }
        match (self.node(), self.call.state.clone()) {
            (_, State::Playing { .. }) => self.after_play(),
            (Some(Node::Menu(menu)), State::Menu { attempt, .. }) => {
                self.ask_again(menu, attempt, &menu.on_timeout, false);
            }
            (Some(Node::Collect(collect)), State::Collecting { attempt, digits, .. }) => {
                self.collected(collect, attempt, digits);
            }
            (Some(Node::Queue(queue)), State::Queued { said, until }) => {
                if until > self.now && said.is_some() {
                    return self.music(queue, until);
                }
                self.outputs.push(Output::LeaveQueue);
                self.out_of_queue(&queue.on_timeout);
            }
            (Some(Node::Connect(_)), State::Connecting) => {
                self.outputs.push(Output::Disconnect);
                self.failed(FailReason::NoAnswer);
            }
            (_, State::Talking) => self.hang_up(Cause::NORMAL),
            // The flow was replaced by one that has no such node.
            (
                _,
                State::Fresh
                | State::Menu { .. }
                | State::Collecting { .. }
                | State::Queued { .. }
                | State::Connecting
                | State::Ended,
            ) => self.hang_up(Cause::TEMPORARY),
        }
    }

    fn gone(&mut self) {
        self.let_go();
        self.end();
    }

    fn hang_up(&mut self, cause: Cause) {
        if self.call.state == State::Ended {
            return;
        }
        self.let_go();
        self.outputs.push(Output::HangUp { cause });
        self.end();
    }

    /// Gives back the place in a queue or the ringing telephone.
    fn let_go(&mut self) {
        match self.call.state {
            State::Queued { .. } => self.outputs.push(Output::LeaveQueue),
            State::Connecting => self.outputs.push(Output::Disconnect),
            State::Fresh
            | State::Playing { .. }
            | State::Menu { .. }
            | State::Collecting { .. }
            | State::Talking
            | State::Ended => {}
        }
    }

    fn end(&mut self) {
        self.call.state = State::Ended;
        self.call.deadline = None;
    }
}

#[cfg(test)]
#[path = "interpreter_tests.rs"]
mod tests;
