//! Queues: who came first is offered first, and the figures add up.
//!
//! The log does not tell for whom a phone on a port rings. What it can prove: when the phone that answered somebody began
//! to ring, everybody who stood before must have been offered already; so at least as many other phones rang, or had just
//! been picked up, as callers stood before. A port rings on for the next caller when the one it rang for leaves: there the same
//! must fail at each such moment, too.

use std::collections::BTreeMap;

use switch::view::{CallView, Outcome, VisitView};

use super::{Findings, Invariant};
use crate::history::{Ringing, TrueCall};

/// Ringing that began longer ago has ended.
const LONGEST_RINGING_MS: u64 = 600_000;

/// One stay, in milliseconds of the run.
struct Stay<'a> {
    call: &'a TrueCall,
    entered: u64,
    left: u64,
    /// The ringing of the phone that answered.
    rung: Option<Ringing>,
}

/// Callers who stood before another one when that one was offered, and how many phones rang then.
struct Overtaken<'a> {
    at_ms: u64,
    ahead: Vec<&'a TrueCall>,
    ringing: usize,
}

impl<'a> Findings<'a> {
    pub fn first_come_first_served(&mut self) {
        let mut rings: Vec<Ringing> = self.history.phones.values().flatten().copied().collect();
        rings.sort_by_key(|ring| ring.from_ms);
        let evidence = self.evidence;
        let queues = self.stays();
        let unanswered = queues.values().flatten().filter(|stay| stay.rung.is_none());
        let mut gone: Vec<u64> = unanswered.map(|stay| stay.left).collect();
        gone.sort_unstable();
        for (queue, stays) in queues.iter().filter(|(queue, _)| !evidence.unordered.contains(**queue)) {
            let mut waiting: Vec<&Stay<'_>> = Vec::new();
            for stay in stays {
                waiting.retain(|other| other.left > stay.entered);
                let until = stay.call.ended.map_or(self.history.end_ms, |end| end.at_ms);
                if self.away_within(stay.call.offered_ms, until).is_none()
                    && let Some(rung) = stay.rung
                {
                    let moments = moments(&rung, &gone).into_iter();
                    let overtaken = moments.map(|at_ms| self.overtaken(&waiting, stay, at_ms, &rings));
                    // A moment at which nobody was overtaken is one at which this may have been right.
                    if let Some([first, ..]) = overtaken.collect::<Option<Vec<_>>>().as_deref() {
                        self.tell_overtaken(queue, stay, first);
                    }
                }
                waiting.push(stay);
            }
        }
    }

    /// Returns who was overtaken if `stay` was offered at `at_ms`; none if nobody needs to have been.
    fn overtaken(
        &self,
        before: &[&Stay<'a>],
        stay: &Stay<'_>,
        at_ms: u64,
        rings: &[Ringing],
    ) -> Option<Overtaken<'a>> {
        let tolerance = self.evidence.tolerances.signalling_ms;
        let stands =
            |other: &&&Stay<'_>| other.entered + tolerance < stay.entered && other.left > at_ms + tolerance;
        let ahead: Vec<_> = before.iter().filter(stands).map(|other| other.call).collect();
        let hook = self.evidence.tolerances.hook_ms;
        let soon = rings.partition_point(|ring| ring.from_ms <= at_ms + tolerance);
        let long_ago = rings.partition_point(|ring| ring.from_ms + LONGEST_RINGING_MS < at_ms).min(soon);
        let ringing = rings[long_ago..soon]
            .iter()
            .filter(|ring| ring.rang_until_ms().is_none_or(|until| until + hook >= at_ms))
            .count();
        // One of them is the phone that answered this caller.
        (!ahead.is_empty() && ahead.len() >= ringing).then_some(Overtaken { at_ms, ahead, ringing })
    }

    fn tell_overtaken(&mut self, queue: &str, stay: &Stay<'_>, overtaken: &Overtaken<'_>) {
        let Overtaken { at_ms, ahead, ringing } = overtaken;
        let (number, first) = (stay.call.call, ahead[0]);
        let why = format!(
            "queue {queue}: call {number} was offered at {at_ms} ms before call {} and {} more, with {} other phones ringing",
            first.call,
            ahead.len() - 1,
            ringing.saturating_sub(1),
        );
        let lines = [first.lines.clone(), stay.call.lines.clone()].concat();
        self.tell(Invariant::FirstComeFirstServed, why, &lines);
    }

    /// Returns the stays in each queue in the order of entry.
    fn stays(&self) -> BTreeMap<&'a str, Vec<Stay<'a>>> {
        let mut queues: BTreeMap<&'a str, Vec<Stay<'a>>> = BTreeMap::new();
        let (evidence, history) = (self.evidence, self.history);
        for record in evidence.records.iter().chain(&evidence.live) {
            let Some(call) = history.call_of(&record.calling) else {
                continue;
            };
            for visit in &record.visits {
                queues.entry(&visit.queue).or_default().push(self.stay(call, visit));
            }
        }
        queues.values_mut().for_each(|stays| stays.sort_by_key(|stay| stay.entered));
        queues
    }

    fn stay(&self, call: &'a TrueCall, visit: &VisitView) -> Stay<'a> {
        let ms = |at: u64| at.saturating_sub(self.history.unix_ms);
        let left = visit.left_ms.map_or(u64::MAX, ms);
        let answered = visit.outcome == Some(Outcome::Answered);
        let talk = call.talks.iter().find(|talk| talk.from_ms + self.evidence.tolerances.hook_ms >= left);
        let rung = talk.filter(|_| answered).and_then(|talk| {
            let rings = self.history.phones.get(&talk.phone)?;
            let last = rings.iter().rev().find(|ring| ring.from_ms <= talk.from_ms)?;
            Some(*last)
        });
        Stay { call, entered: ms(visit.entered_ms), left, rung }
    }

    pub fn queues_balance(&mut self) {
        let evidence = self.evidence;
        for queue in &evidence.queues {
            let f = &queue.figures;
            if f.offered != f.answered + f.abandoned + f.flowed_out + queue.waiting {
                let why = format!(
                    "queue {}: offered {} = answered {} + abandoned {} + flowed out {} + waiting {} does not hold",
                    queue.queue, f.offered, f.answered, f.abandoned, f.flowed_out, queue.waiting
                );
                self.tell(Invariant::QueuesBalance, why, &[]);
            }
            // A switch that was started anew counts from its start.
            if evidence.away_ms.is_empty() {
                self.figures_equal_records(&queue.queue);
            }
        }
    }

    fn figures_equal_records(&mut self, name: &str) {
        let evidence = self.evidence;
        let Some(queue) = evidence.queues.iter().find(|queue| queue.queue == name) else {
            return;
        };
        let of = |outcome: Option<Outcome>| {
            let calls = evidence.records.iter().chain(&evidence.live);
            calls.map(|call: &CallView| count(call, name, outcome)).sum::<u64>()
        };
        let f = &queue.figures;
        let pairs = [
            ("answered", f.answered, of(Some(Outcome::Answered))),
            ("abandoned", f.abandoned, of(Some(Outcome::Abandoned))),
            ("flowed out", f.flowed_out, of(Some(Outcome::FlowedOut))),
            ("refused", f.refused, of(Some(Outcome::Refused))),
            ("waiting", queue.waiting, of(None)),
        ];
        for (what, figure, counted) in pairs.into_iter().filter(|(_, figure, counted)| figure != counted) {
            let why = format!("queue {name}: {what} {figure} in the figures, {counted} in the records");
            self.tell(Invariant::QueuesBalance, why, &[]);
        }
    }
}

/// Returns the moments at which a phone may have been offered the caller whom it answered; `gone` is when callers left queues
/// unanswered, in order.
fn moments(rung: &Ringing, gone: &[u64]) -> Vec<u64> {
    let until = rung.rang_until_ms().unwrap_or(u64::MAX);
    let while_it_rang =
        gone.iter().filter(|left| !rung.shows_caller && (rung.from_ms..until).contains(*left));
    core::iter::once(rung.from_ms).chain(while_it_rang.copied()).collect()
}

fn count(call: &CallView, queue: &str, outcome: Option<Outcome>) -> u64 {
    call.visits.iter().filter(|visit| visit.queue == queue && visit.outcome == outcome).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shows_caller: bool, picked_up_ms: Option<u64>, expected: &[u64]) {
        let rung = Ringing { from_ms: 100, shows_caller, picked_up_ms, ended_ms: None };
        assert_eq!(moments(&rung, &[50, 120, 180, 300]), expected);
    }

    #[test]
    fn a_port_may_ring_for_another_since_a_caller_left_and_a_phone_that_shows_its_caller_may_not() {
        check(true, Some(200), &[100]);
        check(false, Some(200), &[100, 120, 180]);
        check(false, None, &[100, 120, 180, 300]);
    }
}
