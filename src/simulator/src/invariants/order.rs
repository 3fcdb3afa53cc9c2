//! Queues: who came first is offered first, and the figures add up.
//!
//! The log does not tell for whom a phone on a port rings. What it can prove: when the phone that answered somebody began
//! to ring, everybody who stood before must have been offered already; so at least as many other phones rang, or had just
//! been picked up, as callers stood before.

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
    /// The phone that answered began to ring at this time.
    rung: Option<u64>,
}

impl<'a> Findings<'a> {
    pub fn first_come_first_served(&mut self) {
        let mut rings: Vec<Ringing> = self.history.phones.values().flatten().copied().collect();
        rings.sort_by_key(|ring| ring.from_ms);
        let evidence = self.evidence;
        for (queue, stays) in
            self.stays().into_iter().filter(|(queue, _)| !evidence.unordered.contains(*queue))
        {
            let mut waiting: Vec<&Stay<'_>> = Vec::new();
            for stay in &stays {
                waiting.retain(|other| other.left > stay.entered);
                let until = stay.call.ended.map_or(self.history.end_ms, |end| end.at_ms);
                if self.away_within(stay.call.offered_ms, until).is_none()
                    && let Some(rung) = stay.rung
                {
                    self.overtaken(queue, &waiting, stay, rung, &rings);
                }
                waiting.push(stay);
            }
        }
    }

    fn overtaken(
        &mut self,
        queue: &str,
        before: &[&Stay<'_>],
        stay: &Stay<'_>,
        rung: u64,
        rings: &[Ringing],
    ) {
        let tolerance = self.evidence.tolerances.signalling_ms;
        let ahead: Vec<_> = before
            .iter()
            .filter(|other| other.entered + tolerance < stay.entered && other.left > rung + tolerance)
            .collect();
        if ahead.is_empty() {
            return;
        }
        let hook = self.evidence.tolerances.hook_ms;
        let soon = rings.partition_point(|ring| ring.from_ms <= rung + tolerance);
        let long_ago = rings.partition_point(|ring| ring.from_ms + LONGEST_RINGING_MS < rung).min(soon);
        let ringing = rings[long_ago..soon]
            .iter()
            .filter(|ring| ring.rang_until_ms().is_none_or(|until| until + hook >= rung))
            .count();
        // One of them is the phone that answered this caller.
        if ahead.len() >= ringing {
            let (number, first) = (stay.call.call, ahead[0].call);
            let why = format!(
                "queue {queue}: call {number} was offered at {rung} ms before call {} and {} more, with {} other phones ringing",
                first.call,
                ahead.len() - 1,
                ringing.saturating_sub(1),
            );
            let lines = [first.lines.clone(), stay.call.lines.clone()].concat();
            self.tell(Invariant::FirstComeFirstServed, why, &lines);
        }
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
            Some(last.from_ms)
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

fn count(call: &CallView, queue: &str, outcome: Option<Outcome>) -> u64 {
    call.visits.iter().filter(|visit| visit.queue == queue && visit.outcome == outcome).count() as u64
}
