//! How a call goes on after the process that decided about it was killed.
//!
//! The note on the first leg gives the call as it was decided last; the census gives what has become of its legs since.
//! The difference is told to the machine as the inputs that it missed. Orders that may have been lost with the old
//! process are given again: the line process takes them as no change where they were carried out.

use clock::Mono;
use link::{Cause, EndedLeg, LegCensus, LegState, Order, RecordingId};

use crate::machine::{Call, Input, Names, Stage, Steps};
use crate::plan::Plan;

/// What has become of a leg.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a> {
    /// It lives.
    Live(&'a LegCensus),
    /// It has ended.
    Ended(&'a EndedLeg),
    /// Nobody knows it.
    Nothing,
}

impl Found<'_> {
    fn answered(self) -> bool {
        match self {
            Found::Live(leg) => leg.state == LegState::Answered,
            Found::Ended(_) | Found::Nothing => false,
        }
    }

    fn rings(self) -> bool {
        matches!(self, Found::Live(LegCensus { state: LegState::Alerting, .. }))
    }

    fn hears(self) -> bool {
        matches!(self, Found::Live(LegCensus { connected: Some(_), .. }))
    }

    fn end(self) -> Option<Cause> {
        match self {
            Found::Live(_) => None,
            Found::Ended(leg) => Some(leg.cause),
            Found::Nothing => Some(Cause::TEMPORARY),
        }
    }
}

impl Call {
    /// Brings the call to what the census shows of its two legs, and gives the orders that follow.
    pub fn resume(
        &mut self,
        first: Found<'_>,
        second: Found<'_>,
        plan: &Plan,
        names: &mut dyn Names,
        steps: &mut Steps,
        now: Mono,
    ) {
        let noted = self.second.filter(|_| self.second_live);
        let noted_plays = self.plays;
        let mut tell = |call: &mut Call, input| call.handle(input, plan, names, steps, now);
        if let Some(cause) = first.end().filter(|_| self.first_live) {
            tell(self, Input::FirstEnded(cause));
        }
        if let Found::Live(leg) = first {
            resume_first(self, leg, noted_plays, &mut tell);
        }
        // A second leg originated just above is not in the census yet.
        if noted.is_some() && noted == self.second {
            match second.end() {
                Some(cause) => tell(self, Input::SecondEnded(cause)),
                None if second.answered() => tell(self, Input::SecondAnswered),
                // Who already hears the far end need not be told.
                None if second.rings() && !first.hears() => {
                    tell(self, Input::SecondAlerting { inband: false });
                }
                None => {}
            }
        }
        self.repeat_orders(first, &mut steps.orders);
    }

    /// Gives the orders again that the present stage rests on.
    fn repeat_orders(&self, first: Found<'_>, orders: &mut Vec<Order>) {
        if let Found::Live(leg) = first
            && self.recordings > 0
            && leg.recording.is_none()
            && self.stage != Stage::Ending
        {
            let recording = RecordingId { leg: self.first, number: self.recordings };
            orders.push(Order::Record { leg: self.first, recording });
        }
        match (&self.stage, self.second) {
            (Stage::Answering, _) => orders.push(Order::Answer { leg: self.first }),
            (Stage::Talking, Some(second)) if self.first_live && self.second_live => {
                orders.push(Order::Connect { a: self.first, b: second });
                if !first.answered() {
                    orders.push(Order::Answer { leg: self.first });
                }
            }
            (Stage::Ending, second) => {
                let cause = self.cause.unwrap_or(Cause::NORMAL);
                if self.first_live {
                    orders.push(Order::Hangup { leg: self.first, cause });
                }
                if let Some(leg) = second.filter(|_| self.second_live) {
                    orders.push(Order::Hangup { leg, cause });
                }
            }
            (
                Stage::Dialling
                | Stage::Calling
                | Stage::Serving
                | Stage::Attendant { .. }
                | Stage::Announcing { .. }
                | Stage::Ringing { .. }
                | Stage::Talking,
                _,
            ) => {}
        }
    }
}

fn resume_first<'a>(
    call: &mut Call,
    leg: &'a LegCensus,
    noted_plays: u32,
    tell: &mut impl FnMut(&mut Call, Input<'a>),
) {
    if let Some(more) = leg.called.strip_prefix(call.called.as_str())
        && call.stage == Stage::Dialling
        && (!more.is_empty() || leg.complete)
    {
        tell(call, Input::Dialled { digits: more, complete: leg.complete });
    }
    if leg.state == LegState::Answered && !call.first_answered {
        tell(call, Input::FirstAnswered);
    }
    for digit in leg.digits.chars() {
        tell(call, Input::Digit(digit));
    }
    let awaited = match &call.stage {
        Stage::Attendant { play, .. } | Stage::Announcing { play, .. } => Some(*play),
        Stage::Dialling
        | Stage::Calling
        | Stage::Answering
        | Stage::Serving
        | Stage::Ringing { .. }
        | Stage::Talking
        | Stage::Ending => None,
    };
    // A playing ordered just above is not in the census: only one that was noted before can have ended, or got lost.
    if let Some(play) = awaited.filter(|play| leg.playing != Some(*play) && play.0 <= noted_plays) {
        tell(call, Input::Played(play));
    }
}
