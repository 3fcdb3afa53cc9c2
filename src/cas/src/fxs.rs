//! A telephone on a port: what its hook means, and when it rings.
//!
//! ```text
//!            Ring            off hook           on hook for hang_up
//!  OnHook ----------> Ringing ------> OffHook ----------------------> OnHook
//!    |   <----------    Answered        ^  |  on hook  -> Opening
//!    |    StopRing                      |  +---------------+
//!    +----------------------------------+   off hook again: Flash or nothing
//!          off hook: Seized
//! ```
//! A short opening of the loop is contact bounce, a longer one a flash (recall), a long one the end of the call.
//! Limits: loop start only; tones and digits are the business of whoever uses the port. Times are settable since
//! national practice differs; the defaults are common practice, no clause of a standard.

use core::time::Duration;
use std::collections::VecDeque;

use clock::Mono;
use tdm::HookState;

/// The times by which an opening of the loop is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FxsConfig {
    /// A loop that closes for less is no answer and no seizure.
    pub off_hook_min: Duration,
    /// A loop that opens for less is contact bounce; for longer, a flash.
    pub flash_min: Duration,
    /// A loop that opens for this long is on hook.
    pub hang_up: Duration,
}

impl Default for FxsConfig {
    fn default() -> FxsConfig {
        FxsConfig {
            off_hook_min: Duration::from_millis(20),
            flash_min: Duration::from_millis(80),
            hang_up: Duration::from_millis(600),
        }
    }
}

/// What happens to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The loop closed or opened.
    Hook(HookState),
    /// Ring the telephone.
    Ring,
    /// Stop ringing it.
    StopRing,
    /// A deadline has passed.
    Timeout,
}

/// What a port says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Switch the ringing on or off.
    Ringing(bool),
    /// The telephone was lifted and wants to dial.
    Seized,
    /// The telephone was lifted while it rang.
    Answered,
    /// It cannot be rung: it is off hook or rings already.
    Busy,
    /// The loop opened for a moment: recall.
    Flash,
    /// The telephone was put down.
    HungUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    OnHook,
    Ringing,
    /// Lifted, not yet for long enough.
    Closing {
        until: Mono,
        rung: bool,
    },
    OffHook,
    /// Put down, not yet for long enough.
    Opening {
        since: Mono,
    },
}

/// One FXS port.
#[derive(Debug)]
pub struct FxsPort {
    config: FxsConfig,
    state: State,
    outputs: VecDeque<Output>,
}

impl FxsPort {
    /// Makes a port whose telephone is on hook.
    pub fn new(config: FxsConfig) -> FxsPort {
        FxsPort { config, state: State::OnHook, outputs: VecDeque::new() }
    }

    /// Returns true if the telephone can be rung.
    pub fn is_free(&self) -> bool {
        self.state == State::OnHook
    }

    /// Returns true if the telephone is lifted (or was a moment ago).
    pub fn is_off_hook(&self) -> bool {
        match self.state {
            State::OffHook | State::Opening { .. } => true,
            State::OnHook | State::Ringing | State::Closing { .. } => false,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Mono) {
        match input {
            Input::Hook(HookState::OffHook) => self.closed(now),
            Input::Hook(HookState::OnHook) => self.opened(now),
            Input::Ring => self.ring(),
            Input::StopRing => self.stop_ring(),
            Input::Timeout => self.timeout(now),
        }
    }

    /// Returns the next output; call until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due; none while nothing is timed.
    pub fn poll_timeout(&self) -> Option<Mono> {
        match self.state {
            State::Closing { until, .. } => Some(until),
            State::Opening { since } => Some(since + self.config.hang_up),
            State::OnHook | State::Ringing | State::OffHook => None,
        }
    }

    fn closed(&mut self, now: Mono) {
        let until = now + self.config.off_hook_min;
        match self.state {
            State::OnHook => self.state = State::Closing { until, rung: false },
            State::Ringing => self.state = State::Closing { until, rung: true },
            State::Opening { since } => {
                if now.since(since) >= self.config.hang_up {
                    self.outputs.push_back(Output::HungUp);
                    self.state = State::Closing { until, rung: false };
                    return;
                }
                self.state = State::OffHook;
                if now.since(since) >= self.config.flash_min {
                    self.outputs.push_back(Output::Flash);
                }
            }
            // The census tells levels again: they change nothing.
            State::Closing { .. } | State::OffHook => {}
        }
    }

    fn opened(&mut self, now: Mono) {
        match self.state {
            State::Closing { rung, .. } => {
                self.state = if rung { State::Ringing } else { State::OnHook };
            }
            State::OffHook => self.state = State::Opening { since: now },
            State::OnHook | State::Ringing | State::Opening { .. } => {}
        }
    }

    fn ring(&mut self) {
        match self.state {
            State::OnHook => {
                self.state = State::Ringing;
                self.outputs.push_back(Output::Ringing(true));
            }
            State::Ringing | State::Closing { .. } | State::OffHook | State::Opening { .. } => {
                self.outputs.push_back(Output::Busy);
            }
        }
    }

    fn stop_ring(&mut self) {
        match self.state {
            State::Ringing => {
                self.state = State::OnHook;
                self.outputs.push_back(Output::Ringing(false));
            }
            // Lifted as the caller gave up: whoever lifted gets a dial tone.
            State::Closing { until, rung: true } => {
                self.state = State::Closing { until, rung: false };
                self.outputs.push_back(Output::Ringing(false));
            }
            State::OnHook | State::Closing { .. } | State::OffHook | State::Opening { .. } => {}
        }
    }

    fn timeout(&mut self, now: Mono) {
        match self.state {
            State::Closing { until, rung } if now >= until => {
                self.state = State::OffHook;
                if rung {
                    self.outputs.push_back(Output::Ringing(false));
                }
                self.outputs.push_back(if rung { Output::Answered } else { Output::Seized });
            }
            State::Opening { since } if now.since(since) >= self.config.hang_up => {
                self.state = State::OnHook;
                self.outputs.push_back(Output::HungUp);
            }
            // Early, or nothing is timed.
            State::Closing { .. } | State::Opening { .. } => {}
            State::OnHook | State::Ringing | State::OffHook => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HookState::{OffHook, OnHook};

    fn run(steps: &[(u64, Input)]) -> Vec<Output> {
        let mut port = FxsPort::new(FxsConfig::default());
        let mut out = Vec::new();
        for &(ms, input) in steps {
            let now = Mono::from_millis(ms);
            while let Some(due) = port.poll_timeout().filter(|due| *due <= now) {
                port.handle(Input::Timeout, due);
            }
            port.handle(input, now);
            out.extend(std::iter::from_fn(|| port.poll_output()));
        }
        out
    }

    const LATER: (u64, Input) = (60_000, Input::Timeout);

    #[test]
    fn a_lifted_telephone_is_seized_and_hung_up() {
        let steps = [(0, Input::Hook(OffHook)), (1_000, Input::Hook(OnHook)), LATER];
        assert_eq!(run(&steps), [Output::Seized, Output::HungUp]);
    }

    #[test]
    fn lifting_a_ringing_telephone_answers_and_ends_the_ringing() {
        let steps = [(0, Input::Ring), (900, Input::Hook(OffHook)), LATER];
        assert_eq!(run(&steps), [Output::Ringing(true), Output::Ringing(false), Output::Answered]);
    }

    #[test]
    fn a_loop_closed_for_less_than_the_minimum_is_nothing() {
        let steps = [(0, Input::Hook(OffHook)), (19, Input::Hook(OnHook)), LATER];
        assert_eq!(run(&steps), []);
    }

    #[test]
    fn openings_are_bounce_flash_or_end_by_their_length() {
        for (open_ms, expected) in [
            (79, vec![Output::Seized]),
            (80, vec![Output::Seized, Output::Flash]),
            (599, vec![Output::Seized, Output::Flash]),
            (600, vec![Output::Seized, Output::HungUp, Output::Seized]),
        ] {
            let steps = [
                (0, Input::Hook(OffHook)),
                (1_000, Input::Hook(OnHook)),
                (1_000 + open_ms, Input::Hook(OffHook)),
                LATER,
            ];
            assert_eq!(run(&steps), expected, "{open_ms} ms");
        }
    }

    #[test]
    fn a_lifted_telephone_cannot_be_rung() {
        let steps = [(0, Input::Hook(OffHook)), (100, Input::Ring)];
        assert_eq!(run(&steps), [Output::Seized, Output::Busy]);
    }

    #[test]
    fn lifting_just_as_the_ringing_is_stopped_gives_a_seizure() {
        let steps = [(0, Input::Ring), (500, Input::Hook(OffHook)), (510, Input::StopRing), LATER];
        assert_eq!(run(&steps), [Output::Ringing(true), Output::Ringing(false), Output::Seized]);
    }

    #[test]
    fn a_level_told_twice_changes_nothing() {
        let steps =
            [(0, Input::Hook(OffHook)), (100, Input::Hook(OffHook)), (200, Input::Hook(OffHook)), LATER];
        assert_eq!(run(&steps), [Output::Seized]);
    }
}
