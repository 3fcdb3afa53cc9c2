//! A caller: dials, listens, presses keys, waits, talks, hangs up.
//!
//! ```text
//!  Dialling --answered--> Listening --last key--> Waiting --an agent is there--> Talking --> Lingering
//!     |                       |  pause, key ...      |                              |  the agent has left
//!     +--- patience ----------+----------------------+------- talk is over ---------+---> hangs up
//! ```
//! Speech that comes before an agent is known to be there is a prompt: the caller listens. Limits: a caller presses the
//! keys of the script whatever the prompts say, and never calls again.

use core::time::Duration;
use std::collections::VecDeque;

use clock::{Mono, Prng};

use crate::people::{CallerKind, Habits, KEY_GAP, LINGER, MAX_KEYS, about, exponential};

/// What happens to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerInput {
    /// The call is answered.
    Answered,
    /// Somebody or something speaks.
    SpeechHeard,
    /// It is an agent who is on the line; this is how a talk begins.
    AgentThere,
    /// The agent has left.
    AgentGone,
    /// The time of [`Caller::poll_timeout`] has come.
    Timeout,
}

/// What a caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerOutput {
    /// Presses a key.
    Press(char),
    /// Has no more keys to press and waits.
    Waits,
    /// Hangs up.
    HangUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Dialling,
    Listening,
    Waiting,
    Talking,
    Lingering,
    Gone,
}

/// One caller.
#[derive(Clone, Debug)]
pub struct Caller {
    state: State,
    /// Pauses and keys still to come: each key with the pause before it.
    script: VecDeque<(Duration, char)>,
    patience: Duration,
    talk: Duration,
    agent_ends: bool,
    heard_speech: bool,
    due: Option<Mono>,
    outputs: VecDeque<CallerOutput>,
}

impl Caller {
    /// Makes a caller who has just dialled.
    pub fn new(habits: &Habits, kind: &CallerKind, mut prng: Prng, now: Mono) -> Caller {
        let talk = exponential(habits.talk, &mut prng).max(Duration::from_secs(1));
        let agent_ends = prng.chance(habits.agent_hangs_up);
        let unanswered = exponential(habits.patience, &mut prng).max(Duration::from_secs(1));
        let patience = exponential(habits.patience, &mut prng);
        Caller {
            state: State::Dialling,
            script: script(kind, &mut prng),
            patience,
            talk,
            agent_ends,
            heard_speech: false,
            due: Some(now + unanswered),
            outputs: VecDeque::new(),
        }
    }

    /// Returns how long the caller's talk will last and whether it is the agent who ends it.
    pub fn talk(&self) -> (Duration, bool) {
        (self.talk, self.agent_ends)
    }

    /// Returns true once anything has spoken to the caller.
    pub fn has_heard_speech(&self) -> bool {
        self.heard_speech
    }

    /// Takes one input.
    pub fn handle(&mut self, input: CallerInput, now: Mono) {
        match input {
            CallerInput::Answered => self.answered(now),
            CallerInput::SpeechHeard => self.heard_speech = true,
            CallerInput::AgentThere => self.agent_there(now),
            CallerInput::AgentGone => self.agent_gone(now),
            CallerInput::Timeout => self.timeout(now),
        }
    }

    /// Returns the next thing done; call until none.
    pub fn poll_output(&mut self) -> Option<CallerOutput> {
        self.outputs.pop_front()
    }

    /// Returns when [`CallerInput::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.due
    }

    fn answered(&mut self, now: Mono) {
        if self.state == State::Dialling {
            self.state = State::Listening;
            self.listen(now);
        }
    }

    /// Waits for the next key's moment, or for an agent if there is no key left.
    fn listen(&mut self, now: Mono) {
        if let Some((pause, _)) = self.script.front() {
            self.due = Some(now + *pause);
        } else {
            self.state = State::Waiting;
            self.due = Some(now + self.patience);
            self.outputs.push_back(CallerOutput::Waits);
        }
    }

    fn agent_there(&mut self, now: Mono) {
        match self.state {
            State::Dialling | State::Listening | State::Waiting | State::Lingering => {
                self.state = State::Talking;
                // If the agent is to end it and does not, the caller does.
                let longest = if self.agent_ends { self.talk + LINGER } else { self.talk };
                self.due = Some(now + longest);
            }
            State::Talking | State::Gone => {}
        }
    }

    fn agent_gone(&mut self, now: Mono) {
        if self.state == State::Talking {
            self.state = State::Lingering;
            self.due = Some(now + LINGER);
        }
    }

    fn timeout(&mut self, now: Mono) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        match self.state {
            State::Listening => {
                if let Some((_, key)) = self.script.pop_front() {
                    self.outputs.push_back(CallerOutput::Press(key));
                }
                self.listen(now);
            }
            State::Dialling | State::Waiting | State::Talking | State::Lingering => {
                self.state = State::Gone;
                self.outputs.push_back(CallerOutput::HangUp);
            }
            State::Gone => {}
        }
    }
}

/// Draws the pauses of a kind's script.
fn script(kind: &CallerKind, prng: &mut Prng) -> VecDeque<(Duration, char)> {
    let mut script = VecDeque::new();
    let mut pause = about(kind.listen, prng);
    for key in kind.keys.chars().take(MAX_KEYS) {
        match key {
            ',' => pause += about(kind.listen, prng),
            key => {
                script.push_back((pause, key));
                pause = KEY_GAP;
            }
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(keys: &str, agent_hangs_up: f64) -> (Caller, Mono) {
        let habits = Habits { agent_hangs_up, ..Habits::default() };
        let kind = CallerKind { keys: keys.into(), ..habits.kinds[0].clone() };
        let now = Mono::from_millis(1_000);
        (Caller::new(&habits, &kind, Prng::new(1), now), now)
    }

    /// Lets deadlines pass until the caller does something.
    fn next(caller: &mut Caller) -> Option<(Mono, CallerOutput)> {
        loop {
            let due = caller.poll_timeout()?;
            caller.handle(CallerInput::Timeout, due);
            if let Some(output) = caller.poll_output() {
                return Some((due, output));
            }
        }
    }

    #[test]
    fn keys_are_pressed_after_pauses_and_then_the_caller_waits_and_gives_up() {
        let (mut caller, now) = caller("1,2", 0.0);
        caller.handle(CallerInput::Answered, now);
        let first = next(&mut caller).unwrap();
        let second = next(&mut caller).unwrap();
        assert_eq!((first.1, second.1), (CallerOutput::Press('1'), CallerOutput::Press('2')));
        assert!((first.0 - now) >= Duration::from_millis(1_500) && (second.0 - first.0) > KEY_GAP);
        assert_eq!(caller.poll_output(), Some(CallerOutput::Waits));
        assert_eq!(next(&mut caller).unwrap().1, CallerOutput::HangUp);
        assert_eq!(caller.poll_timeout(), None);
    }

    #[test]
    fn nobody_answers_and_the_caller_gives_up() {
        let (mut caller, _) = caller("1", 0.0);
        assert_eq!(next(&mut caller).unwrap().1, CallerOutput::HangUp);
    }

    #[test]
    fn a_talk_lasts_its_time_and_longer_only_if_the_agent_should_end_it() {
        for (agent_ends, extra) in [(0.0, Duration::ZERO), (1.0, LINGER)] {
            let (mut caller, now) = caller("", agent_ends);
            caller.handle(CallerInput::Answered, now);
            caller.handle(CallerInput::AgentThere, now);
            let (length, _) = caller.talk();
            assert_eq!(caller.poll_timeout(), Some(now + length + extra));
        }
    }

    #[test]
    fn a_caller_whose_agent_has_left_stays_a_while_and_hangs_up() {
        let (mut caller, now) = caller("", 0.0);
        caller.handle(CallerInput::Answered, now);
        caller.handle(CallerInput::AgentThere, now);
        caller.handle(CallerInput::AgentGone, now);
        caller.poll_output();
        assert_eq!(next(&mut caller), Some((now + LINGER, CallerOutput::HangUp)));
    }

    #[test]
    fn a_prompt_is_no_agent() {
        let (mut caller, now) = caller("1", 0.0);
        caller.handle(CallerInput::Answered, now);
        caller.handle(CallerInput::SpeechHeard, now);
        assert!(caller.has_heard_speech());
        assert_eq!(next(&mut caller).unwrap().1, CallerOutput::Press('1'));
    }
}
