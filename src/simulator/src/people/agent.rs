//! An agent at a telephone: it rings, is picked up or not, there is a talk, it is put down.
//!
//! ```text
//!  Free --rings--> Ringing --picks up--> Alone --a caller is there--> Talking --caller gone--> Leaving --> Free
//!    ^                |  stops, or never     |  nobody for HELLO          |  talk is over
//!    +----------------+----------------------+---- puts down -------------+
//! ```
//! Limits: logging in and getting ready is not done at the telephone; whoever runs the world does it over the API.

use core::time::Duration;
use std::collections::VecDeque;

use clock::{Mono, Prng};

use crate::people::{HELLO, Habits, REACTION, exponential};

/// What happens to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentInput {
    /// The phone begins to ring.
    Rings,
    /// It stops ringing by itself.
    StopsRinging,
    /// A caller is on the line; if `ends_after` is given, it is the agent who ends the talk.
    CallerThere {
        /// After this time.
        ends_after: Option<Duration>,
    },
    /// The caller has left, or there is a busy tone.
    CallerGone,
    /// Tandem has cleared the phone's call (a number behind a span; a port cannot be cleared).
    Cleared,
    /// The time of [`Agent::poll_timeout`] has come.
    Timeout,
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentOutput {
    /// Lifts the phone that rings.
    PickUp,
    /// Puts it down.
    PutDown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Ringing,
    Alone,
    Talking,
    Leaving,
}

/// One agent at one telephone.
#[derive(Clone, Debug)]
pub struct Agent {
    state: State,
    prng: Prng,
    pick_up: Duration,
    no_answer: f64,
    due: Option<Mono>,
    outputs: VecDeque<AgentOutput>,
}

impl Agent {
    /// Makes an agent whose phone is on hook.
    pub fn new(habits: &Habits, prng: Prng) -> Agent {
        let (pick_up, no_answer) = (habits.pick_up, habits.no_answer);
        Agent { state: State::Free, prng, pick_up, no_answer, due: None, outputs: VecDeque::new() }
    }

    /// Returns true while the phone neither rings nor is lifted.
    pub fn is_free(&self) -> bool {
        self.state == State::Free
    }

    /// Returns true while the phone rings.
    pub fn is_ringing(&self) -> bool {
        self.state == State::Ringing
    }

    /// Returns true while the phone is lifted.
    pub fn is_up(&self) -> bool {
        match self.state {
            State::Alone | State::Talking | State::Leaving => true,
            State::Free | State::Ringing => false,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: AgentInput, now: Mono) {
        match (input, self.state) {
            (AgentInput::Rings, State::Free) => {
                self.state = State::Ringing;
                // Both are always drawn, so that one chance does not shift the other.
                let after = REACTION + exponential(self.pick_up.saturating_sub(REACTION), &mut self.prng);
                let ignores = self.prng.chance(self.no_answer);
                self.due = (!ignores).then_some(now + after);
            }
            (AgentInput::StopsRinging, State::Ringing) => self.free(),
            (AgentInput::CallerThere { ends_after }, State::Alone | State::Leaving | State::Talking) => {
                self.state = State::Talking;
                self.due = ends_after.map(|after| now + after);
            }
            (AgentInput::CallerGone, State::Alone | State::Talking) => {
                self.state = State::Leaving;
                let after = REACTION + Duration::from_millis(self.prng.below(1_600));
                self.due = Some(now + after);
            }
            (AgentInput::Cleared, State::Ringing | State::Alone | State::Talking | State::Leaving) => {
                self.free();
            }
            (AgentInput::Timeout, state) => self.timeout(state, now),
            // A ring on a lifted phone is not heard, and what ends on a phone that is down has ended already.
            (AgentInput::Rings, State::Ringing | State::Alone | State::Talking | State::Leaving)
            | (AgentInput::StopsRinging, State::Free | State::Alone | State::Talking | State::Leaving)
            | (AgentInput::CallerThere { .. }, State::Free | State::Ringing)
            | (AgentInput::CallerGone, State::Free | State::Ringing | State::Leaving)
            | (AgentInput::Cleared, State::Free) => {}
        }
    }

    /// Returns the next thing done; call until none.
    pub fn poll_output(&mut self) -> Option<AgentOutput> {
        self.outputs.pop_front()
    }

    /// Returns when [`AgentInput::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.due
    }

    fn free(&mut self) {
        (self.state, self.due) = (State::Free, None);
    }

    fn timeout(&mut self, state: State, now: Mono) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        match state {
            State::Ringing => {
                self.state = State::Alone;
                self.due = Some(now + HELLO);
                self.outputs.push_back(AgentOutput::PickUp);
            }
            State::Alone | State::Talking | State::Leaving => {
                self.free();
                self.outputs.push_back(AgentOutput::PutDown);
            }
            State::Free => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(no_answer: f64) -> Agent {
        Agent::new(&Habits { no_answer, ..Habits::default() }, Prng::new(3))
    }

    fn next(agent: &mut Agent) -> Option<(Mono, AgentOutput)> {
        let due = agent.poll_timeout()?;
        agent.handle(AgentInput::Timeout, due);
        agent.poll_output().map(|output| (due, output))
    }

    #[test]
    fn a_phone_that_rings_is_picked_up_and_put_down_if_nobody_is_there() {
        let mut agent = agent(0.0);
        agent.handle(AgentInput::Rings, Mono::ZERO);
        let (up, output) = next(&mut agent).unwrap();
        assert_eq!(output, AgentOutput::PickUp);
        assert!(up - Mono::ZERO >= REACTION);
        assert_eq!(next(&mut agent), Some((up + HELLO, AgentOutput::PutDown)));
        assert!(agent.is_free());
    }

    #[test]
    fn an_agent_who_lets_it_ring_is_free_when_it_stops() {
        let mut agent = agent(1.0);
        agent.handle(AgentInput::Rings, Mono::ZERO);
        assert_eq!(agent.poll_timeout(), None);
        agent.handle(AgentInput::StopsRinging, Mono::from_millis(15_000));
        assert!(agent.is_free());
    }

    #[test]
    fn an_agent_ends_the_talk_or_leaves_soon_after_the_caller() {
        let second = Duration::from_secs(1);
        for ends_after in [Some(second), None] {
            let mut agent = agent(0.0);
            agent.handle(AgentInput::Rings, Mono::ZERO);
            let (up, _) = next(&mut agent).unwrap();
            agent.handle(AgentInput::CallerThere { ends_after }, up);
            assert_eq!(agent.poll_timeout(), ends_after.map(|after| up + after));
            if ends_after.is_none() {
                agent.handle(AgentInput::CallerGone, up);
                assert!(agent.poll_timeout().is_some_and(|due| due - up <= 2 * second));
            }
            assert_eq!(next(&mut agent).unwrap().1, AgentOutput::PutDown);
        }
    }
}
