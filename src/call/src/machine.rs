//! The machine of one call.
//!
//! ```text
//!  Dialling --number complete--> Answering --> Attendant --seat keyed--> Ringing --> Talking --> Ending
//!      |                             |              ^  busy, no answer      |  ^
//!      |                             v              +-----------------------+  |
//!      |                         Announcing --> Ending                         |
//!      +------- seat or trunk: first leg stays unanswered ---------------------+
//! ```
//! A call whose number leads to a flow is `Serving` instead: somebody else decides what is played and who is rung, is told
//! what happens ([`Told`]), and gets the call back when a talk has ended or nobody was reached.
//!
//! The **first** leg brought the call, the **second** is the one that we ring. Every stage that waits has a deadline;
//! a call ends when both legs have. Limits: two legs; transfer, hold and conference are not here yet.

use core::time::Duration;

use clock::Mono;
use link::{Cause, Destination, LegId, Order, PlayId, RecordingId, Treatment};
use serde::{Deserialize, Serialize};

use crate::plan::{Action, From, Match, NumberEntry, Plan};

/// Prompts that the program itself plays; below the folder of the language.
const PROMPT_INVALID: &str = "invalid";
const PROMPT_BUSY: &str = "busy";
const PROMPT_NO_ANSWER: &str = "no-answer";
const PROMPT_GOODBYE: &str = "goodbye";
/// All prompts that the program itself plays.
pub const OWN_PROMPTS: [&str; 4] = [PROMPT_INVALID, PROMPT_BUSY, PROMPT_NO_ANSWER, PROMPT_GOODBYE];
/// The longest prompt that is waited for before the call goes on without its end.
const PLAY_LIMIT: Duration = Duration::from_secs(600);
/// The longest ringing for a flow, which has shorter limits of its own.
const RING_LIMIT: Duration = Duration::from_secs(900);
/// How long the line may take to tell that an ordered answer is done.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// It begins, on its first leg, with what is known of the number.
    Offered {
        /// No more digits will come.
        complete: bool,
    },
    /// More digits of the number.
    Dialled {
        /// The new ones.
        digits: &'a str,
        /// No more will come.
        complete: bool,
    },
    /// A key was pressed on the first leg.
    Digit(char),
    /// A playing on the first leg has ended.
    Played(PlayId),
    /// The first leg, which we call ourselves, rings.
    FirstAlerting,
    /// The first leg is answered.
    FirstAnswered,
    /// The first leg has ended.
    FirstEnded(Cause),
    /// The far end of the second leg sends a tone or announcement.
    SecondProgress,
    /// The second leg rings.
    SecondAlerting {
        /// The far end sends its own tone.
        inband: bool,
    },
    /// The second leg is answered.
    SecondAnswered,
    /// The second leg has ended.
    SecondEnded(Cause),
    /// The flow wants a seat rung.
    Ring {
        /// Its number.
        seat: &'a str,
        /// The caller hears something already: no ringing tone.
        quiet: bool,
    },
    /// The flow wants it rung no more.
    GiveUp,
    /// Somebody wants the call to end.
    Clear(Cause),
    /// The deadline has passed.
    Timeout,
}

/// What a call that is served by a flow tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The call is answered: the flow begins.
    Serve,
    /// A key was pressed.
    Digit(char),
    /// A playing has ended.
    Played(PlayId),
    /// The seat has answered.
    Reached,
    /// The seat was not reached.
    NotReached(Cause),
    /// The seat has hung up; the caller is still there.
    TalkEnded,
    /// The call is ending: the flow has no more to decide.
    Ending,
}

/// What follows from a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// For the lines.
    pub orders: Vec<Order>,
    /// For the flow.
    pub told: Vec<Told>,
}

/// Where a call stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Digits of the called number are coming.
    Dialling,
    /// We dial out on the first leg itself.
    Calling,
    /// The first leg's answer is ordered.
    Answering,
    /// A flow decides.
    Serving,
    /// The caller hears the greeting and keys a seat's number.
    Attendant {
        /// What plays.
        play: PlayId,
        /// How often the caller has tried.
        attempt: u8,
        /// Keys so far.
        digits: String,
    },
    /// A last announcement; then the call ends.
    Announcing {
        /// What plays.
        play: PlayId,
        /// With this cause.
        then: Cause,
    },
    /// The second leg is being called.
    Ringing {
        /// How often the caller has tried.
        attempt: u8,
    },
    /// Both speak.
    Talking,
    /// Its legs are being cleared.
    Ending,
}

/// How far a call has come, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Its number is coming in or its first leg is being called.
    Dialling,
    /// A prompt or menu.
    Prompt,
    /// In a queue.
    Waiting,
    /// Somebody's telephone rings.
    Ringing,
    /// Two people speak.
    Talking,
    /// It is ending.
    Ending,
}

/// Gives names to new legs.
pub trait Names {
    /// Returns a name never used before.
    fn next_leg(&mut self) -> LegId;
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The leg that brought it; the call's name as well.
    pub first: LegId,
    /// The leg that we ring.
    pub second: Option<LegId>,
    /// The number called, as far as it is known.
    pub called: String,
    /// The caller's number.
    pub calling: String,
    /// The caller asked that the number be not shown.
    pub restricted: bool,
    /// Where it came from.
    pub from: From,
    /// The seat or trunk number it was given to.
    pub reached: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    pub(crate) first_live: bool,
    pub(crate) second_live: bool,
    pub(crate) first_answered: bool,
    /// A flow serves it.
    pub(crate) served: bool,
    /// The caller hears something of the flow while a seat is rung.
    pub(crate) quiet: bool,
    pub(crate) deadline: Option<Mono>,
    pub(crate) plays: u32,
    /// Recordings begun.
    pub recordings: u16,
    /// What the call ended with.
    pub cause: Option<Cause>,
}

impl Call {
    /// Makes a call that has just arrived on `first`. Next comes [`Input::Offered`].
    pub fn new(first: LegId, called: &str, calling: &str, from: From) -> Call {
        Call {
            first,
            second: None,
            called: called.into(),
            calling: calling.into(),
            restricted: false,
            from,
            reached: None,
            stage: Stage::Dialling,
            first_live: true,
            second_live: false,
            first_answered: false,
            served: false,
            quiet: false,
            deadline: None,
            plays: 0,
            recordings: 0,
            cause: None,
        }
    }

    /// Makes a call that dials `called` on a first leg of its own; once answered it is treated as `then` says.
    pub fn originate(
        first: LegId,
        to: Destination,
        called: &str,
        calling: &str,
        then: &str,
        orders: &mut Vec<Order>,
        deadline: Mono,
    ) -> Call {
        let mut call = Call::new(first, then, calling, From::Seat);
        call.stage = Stage::Calling;
        call.reached = Some(called.into());
        call.deadline = Some(deadline);
        orders.push(Order::Originate { leg: first, to, called: called.into(), calling: calling.into() });
        call
    }

    /// Returns how far the call has come.
    pub fn progress(&self) -> Progress {
        match self.stage {
            Stage::Dialling | Stage::Calling => Progress::Dialling,
            Stage::Answering | Stage::Serving | Stage::Attendant { .. } | Stage::Announcing { .. } => {
                Progress::Prompt
            }
            Stage::Ringing { .. } => Progress::Ringing,
            Stage::Talking => Progress::Talking,
            Stage::Ending => Progress::Ending,
        }
    }

    /// Returns true when no leg of the call lives any more.
    pub fn is_over(&self) -> bool {
        !self.first_live && !self.second_live
    }

    /// Notes that the lines know the call no more.
    pub fn lost(&mut self, cause: Cause) {
        (self.first_live, self.second_live) = (false, false);
        self.stage = Stage::Ending;
        self.deadline = None;
        self.cause.get_or_insert(cause);
    }

    /// Makes a call of two legs that were found speaking.
    pub fn adopt_talking(&mut self, second: LegId) {
        (self.second, self.second_live) = (Some(second), true);
        self.first_answered = true;
        self.stage = Stage::Talking;
    }

    /// Returns when [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.deadline
    }

    /// Returns true while the leg lives that brought it.
    pub fn first_lives(&self) -> bool {
        self.first_live
    }

    /// Returns true if a flow serves it.
    pub fn is_served(&self) -> bool {
        self.served
    }

    /// Takes one input and adds what follows from it to `steps`.
    pub fn handle(
        &mut self,
        input: Input<'_>,
        plan: &Plan,
        names: &mut dyn Names,
        steps: &mut Steps,
        now: Mono,
    ) {
        let Steps { orders, told } = steps;
        let mut step = Step { call: self, plan, names, orders, told, now };
        step.handle(input);
    }
}

/// One step of a call with all it needs at hand.
struct Step<'a> {
    call: &'a mut Call,
    plan: &'a Plan,
    names: &'a mut dyn Names,
    orders: &'a mut Vec<Order>,
    told: &'a mut Vec<Told>,
    now: Mono,
}

impl Step<'_> {
    fn handle(&mut self, input: Input<'_>) {
        match input {
            Input::Offered { complete } => self.route(complete),
            Input::Dialled { digits, complete } => self.dialled(digits, complete),
            Input::Digit(digit) => self.digit(digit),
            Input::Played(play) => self.played(play),
            // Nobody hears it: the call has no other leg yet.
            Input::FirstAlerting => {}
            Input::FirstAnswered => self.first_answered(),
            Input::FirstEnded(cause) => self.first_ended(cause),
            Input::SecondProgress => self.early_audio(),
            Input::SecondAlerting { inband } => self.second_alerting(inband),
            Input::SecondAnswered => self.second_answered(),
            Input::SecondEnded(cause) => self.second_ended(cause),
            Input::Ring { seat, quiet } => self.ring_for_flow(seat, quiet),
            Input::GiveUp => self.give_up(),
            Input::Clear(cause) => self.clear(cause),
            Input::Timeout => self.timeout(),
        }
    }

    fn dialled(&mut self, digits: &str, complete: bool) {
        if self.call.stage != Stage::Dialling {
            return;
        }
        let room = link::MAX_NUMBER.saturating_sub(self.call.called.len());
        self.call.called.extend(digits.chars().take(room));
        self.route(complete || room <= digits.len());
    }

    fn route(&mut self, complete: bool) {
        let called = self.call.called.clone();
        match self.plan.route(&called, self.call.from, complete) {
            Match::More => self.call.deadline = Some(self.now + self.plan.digit_timeout),
            Match::Unknown if called.is_empty() => self.clear(Cause::BAD_NUMBER),
            Match::Unknown => self.clear(Cause::UNALLOCATED),
            Match::Seat(seat) => {
                self.orders.push(Order::Proceed { leg: self.call.first });
                let number = seat.number.clone();
                self.ring_seat(&number, 0);
            }
            Match::Entry(entry) => {
                self.orders.push(Order::Proceed { leg: self.call.first });
                match &entry.action {
                    Action::Attendant { .. } | Action::Announce | Action::Flow(_) => self.answer(),
                    Action::Seat(number) => self.ring_seat(&number.clone(), 0),
                    Action::Trunk { to, caller } => self.dial_out(to.clone(), &called, caller.clone()),
                }
            }
        }
    }

    /// Returns the plan's entry for the number that was called.
    fn entry(&self) -> Option<&NumberEntry> {
        match self.plan.route(&self.call.called, self.call.from, true) {
            Match::Entry(entry) => Some(entry),
            Match::Seat(_) | Match::More | Match::Unknown => None,
        }
    }

    fn answer(&mut self) {
        if self.call.first_answered {
            return self.serve();
        }
        self.call.stage = Stage::Answering;
        self.call.deadline = Some(self.now + ANSWER_LIMIT);
        self.orders.push(Order::Answer { leg: self.call.first });
    }

    fn first_answered(&mut self) {
        self.call.first_answered = true;
        match self.call.stage {
            Stage::Answering => self.serve(),
            Stage::Calling => self.route(true),
            Stage::Dialling
            | Stage::Serving
            | Stage::Attendant { .. }
            | Stage::Announcing { .. }
            | Stage::Ringing { .. }
            | Stage::Talking
            | Stage::Ending => {}
        }
    }

    /// Begins what the number stands for, on a first leg that is answered.
    fn serve(&mut self) {
        let Some(entry) = self.entry() else {
            // The plan has changed since the call was routed.
            return self.clear(Cause::UNALLOCATED);
        };
        let (record, prompts, action) = (entry.record, entry.prompts.clone(), entry.action.clone());
        if record {
            self.record();
        }
        match action {
            Action::Attendant { .. } => self.attend(prompts, 1),
            Action::Announce => self.announce(prompts, Cause::NORMAL),
            Action::Flow(_) => {
                self.call.served = true;
                self.back_to_flow(Told::Serve);
            }
            Action::Seat(_) | Action::Trunk { .. } => self.clear(Cause::UNSPECIFIED),
        }
    }

    /// Lets the flow decide what comes next.
    fn back_to_flow(&mut self, why: Told) {
        self.call.stage = Stage::Serving;
        self.call.deadline = None;
        self.told.push(why);
    }

    fn record(&mut self) {
        if self.call.recordings == 0 {
            self.call.recordings = 1;
            let leg = self.call.first;
            let recording = RecordingId { leg, number: self.call.recordings };
            self.orders.push(Order::Record { leg, recording });
        }
    }

    fn attend(&mut self, prompts: Vec<String>, attempt: u8) {
        let play = self.play(prompts, Treatment::UntilDigit);
        self.call.stage = Stage::Attendant { play, attempt, digits: String::new() };
    }

    fn announce(&mut self, prompts: Vec<String>, then: Cause) {
        let play = self.play(prompts, Treatment::Whole);
        self.call.stage = Stage::Announcing { play, then };
    }

    fn play(&mut self, prompts: Vec<String>, treatment: Treatment) -> PlayId {
        self.call.plays += 1;
        let play = PlayId(self.call.plays);
        self.call.deadline = Some(self.now + PLAY_LIMIT);
        self.orders.push(Order::Play { leg: self.call.first, play, prompts, treatment });
        play
    }

    /// Returns one of the program's own prompts in the language of the number.
    fn own_prompt(&self, name: &str) -> String {
        let language = self.entry().map_or("en", |entry| entry.language.as_str());
        format!("{language}/{name}")
    }

    fn played(&mut self, ended: PlayId) {
        match &self.call.stage {
            Stage::Serving | Stage::Ringing { .. } if self.call.served => self.told.push(Told::Played(ended)),
            Stage::Attendant { play, .. } if *play == ended => {
                let timeout = self.attendant().map_or(Duration::ZERO, |(_, timeout, _)| timeout);
                self.call.deadline = Some(self.now + timeout);
            }
            Stage::Announcing { play, then } if *play == ended => {
                let then = *then;
                self.clear(then);
            }
            // The end of a playing that no longer matters.
            Stage::Attendant { .. }
            | Stage::Announcing { .. }
            | Stage::Dialling
            | Stage::Calling
            | Stage::Answering
            | Stage::Serving
            | Stage::Ringing { .. }
            | Stage::Talking
            | Stage::Ending => {}
        }
    }

    /// Returns digits, digit timeout and attempts of the number's attendant.
    fn attendant(&self) -> Option<(u8, Duration, u8)> {
        match self.entry()?.action {
            Action::Attendant { digits, digit_timeout, attempts } => Some((digits, digit_timeout, attempts)),
            Action::Announce | Action::Flow(_) | Action::Seat(_) | Action::Trunk { .. } => None,
        }
    }

    fn digit(&mut self, digit: char) {
        // A flow hears keys also while a seat is rung, and knows whether they mean anything.
        if let Stage::Serving | Stage::Ringing { .. } = self.call.stage
            && self.call.served
        {
            return self.told.push(Told::Digit(digit));
        }
        let Some((wanted, timeout, _)) = self.attendant() else {
            return;
        };
        let Stage::Attendant { digits, attempt, .. } = &mut self.call.stage else {
            return;
        };
        digits.push(digit);
        let (keyed, attempt) = (digits.clone(), *attempt);
        self.call.deadline = Some(self.now + timeout);
        if keyed.len() < usize::from(wanted) {
            return;
        }
        if self.plan.seat(&keyed).is_some() {
            self.ring_seat(&keyed, attempt);
        } else {
            self.again(PROMPT_INVALID, attempt, Cause::UNALLOCATED);
        }
    }

    /// Tells the attendant's caller what went wrong and lets them try again, or says goodbye.
    fn again(&mut self, prompt: &str, attempt: u8, cause: Cause) {
        let Some((_, _, attempts)) = self.attendant() else {
            return self.clear(cause);
        };
        let told = self.own_prompt(prompt);
        if attempt < attempts {
            let greeting = self.entry().map(|entry| entry.prompts.clone()).unwrap_or_default();
            let prompts = core::iter::once(told).chain(greeting).collect();
            self.attend(prompts, attempt + 1);
        } else {
            let goodbye = self.own_prompt(PROMPT_GOODBYE);
            self.announce(vec![told, goodbye], cause);
        }
    }

    fn ring_seat(&mut self, number: &str, attempt: u8) {
        let Some(seat) = self.plan.seat(number) else {
            return self.clear(Cause::UNALLOCATED);
        };
        let ((to, dial), timeout) = (seat.place.reach(), seat.answer_timeout);
        let calling = self.call.calling.clone();
        self.call_second(to, &dial, calling, number, attempt, timeout);
    }

    fn ring_for_flow(&mut self, number: &str, quiet: bool) {
        if self.call.stage != Stage::Serving {
            return;
        }
        let Some(seat) = self.plan.seat(number) else {
            return self.told.push(Told::NotReached(Cause::UNALLOCATED));
        };
        let (to, dial) = seat.place.reach();
        let calling = self.call.calling.clone();
        self.call.quiet = quiet;
        self.call_second(to, &dial, calling, number, 0, RING_LIMIT);
    }

    fn give_up(&mut self) {
        if let Stage::Ringing { .. } = self.call.stage
            && self.call.served
        {
            self.hang_up_second();
            self.call.reached = None;
            self.call.stage = Stage::Serving;
            self.call.deadline = None;
        }
    }

    fn hang_up_second(&mut self) {
        if let Some(second) = self.call.second.take().filter(|_| self.call.second_live) {
            self.orders.push(Order::Hangup { leg: second, cause: Cause::NORMAL });
        }
        self.call.second_live = false;
    }

    fn dial_out(&mut self, to: Destination, number: &str, caller: Option<String>) {
        let timeout = self.plan.trunk_timeout;
        let own = if self.call.restricted { String::new() } else { self.call.calling.clone() };
        let calling = caller.unwrap_or(own);
        self.call_second(to, number, calling, number, 0, timeout);
    }

    fn call_second(
        &mut self,
        to: Destination,
        called: &str,
        calling: String,
        reached: &str,
        attempt: u8,
        timeout: Duration,
    ) {
        let leg = self.names.next_leg();
        self.call.second = Some(leg);
        self.call.second_live = true;
        self.call.reached = Some(reached.into());
        self.call.stage = Stage::Ringing { attempt };
        self.call.deadline = Some(self.now + timeout);
        self.orders.push(Order::Originate { leg, to, called: called.into(), calling });
    }

    fn second_alerting(&mut self, inband: bool) {
        if let Stage::Ringing { .. } = self.call.stage
            && !self.call.quiet
        {
            self.orders.push(Order::Alert { leg: self.call.first });
        }
        if inband {
            self.early_audio();
        }
    }

    /// Lets the caller hear what the far end sends before it answers.
    fn early_audio(&mut self) {
        if let (Stage::Ringing { .. }, Some(second), false) =
            (&self.call.stage, self.call.second, self.call.quiet)
        {
            self.orders.push(Order::Connect { a: self.call.first, b: second });
        }
    }

    fn second_answered(&mut self) {
        let (Stage::Ringing { .. }, Some(second)) = (&self.call.stage, self.call.second) else {
            return;
        };
        self.call.stage = Stage::Talking;
        self.call.deadline = None;
        self.orders.push(Order::Connect { a: self.call.first, b: second });
        if self.entry().is_some_and(|entry| entry.record) {
            self.record();
        }
        if !self.call.first_answered {
            self.orders.push(Order::Answer { leg: self.call.first });
        }
        if self.call.served {
            self.told.push(Told::Reached);
        }
    }

    fn second_ended(&mut self, cause: Cause) {
        self.call.second_live = false;
        match self.call.stage {
            Stage::Ringing { attempt } => self.not_reached(attempt, cause),
            Stage::Talking if self.call.served => {
                self.call.second = None;
                self.back_to_flow(Told::TalkEnded);
            }
            Stage::Talking => self.clear(cause),
            Stage::Dialling
            | Stage::Calling
            | Stage::Answering
            | Stage::Serving
            | Stage::Attendant { .. }
            | Stage::Announcing { .. }
            | Stage::Ending => {}
        }
    }

    /// The called telephone was not reached: the attendant's caller may try again, any other is cleared.
    fn not_reached(&mut self, attempt: u8, cause: Cause) {
        self.call.second = None;
        if self.call.served {
            self.call.reached = None;
            return self.back_to_flow(Told::NotReached(cause));
        }
        if !self.call.first_answered {
            return self.clear(cause);
        }
        let prompt = if cause == Cause::BUSY { PROMPT_BUSY } else { PROMPT_NO_ANSWER };
        self.again(prompt, attempt, cause);
    }

    fn first_ended(&mut self, cause: Cause) {
        self.call.first_live = false;
        self.clear(cause);
    }

    fn timeout(&mut self) {
        if self.call.deadline.is_none_or(|deadline| deadline > self.now) {
            return;
        }
        self.call.deadline = None;
        match self.call.stage.clone() {
            Stage::Dialling => self.route(true),
            Stage::Calling => self.clear(Cause::NO_ANSWER),
            Stage::Answering => self.clear(Cause::TEMPORARY),
            Stage::Attendant { attempt, .. } => self.again(PROMPT_INVALID, attempt, Cause::BAD_NUMBER),
            Stage::Announcing { then, .. } => self.clear(then),
            Stage::Ringing { attempt } => self.ringing_timed_out(attempt),
            Stage::Serving | Stage::Talking | Stage::Ending => {}
        }
    }

    fn ringing_timed_out(&mut self, attempt: u8) {
        self.hang_up_second();
        self.not_reached(attempt, Cause::NO_ANSWER);
    }

    fn clear(&mut self, cause: Cause) {
        self.call.deadline = None;
        self.call.cause.get_or_insert(cause);
        if self.call.stage == Stage::Ending {
            return;
        }
        self.call.stage = Stage::Ending;
        if self.call.served {
            self.told.push(Told::Ending);
        }
        if self.call.first_live {
            self.orders.push(Order::Hangup { leg: self.call.first, cause });
        }
        if let Some(second) = self.call.second.filter(|_| self.call.second_live) {
            self.orders.push(Order::Hangup { leg: second, cause });
        }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
