//! Records beside the truth: one for each call, every time, name and cause in it.

use std::collections::BTreeMap;

use switch::view::{CallView, Outcome, VisitView};

use super::{Findings, Invariant};
use crate::history::{Fate, TrueCall};
use crate::truth::Party;

/// A caller over an exchange line who leaves sooner has told no number.
const NUMBER_WITHIN_MS: u64 = 4_000;

impl Findings<'_> {
    pub fn records_equal_truth(&mut self) {
        let history = self.history;
        let mut by_number: BTreeMap<&str, Vec<&CallView>> = BTreeMap::new();
        let evidence = self.evidence;
        for record in evidence.records.iter().filter(|record| record.from == call::From::Trunk) {
            by_number.entry(&record.calling).or_default().push(record);
        }
        for (number, records) in &by_number {
            if number.is_empty() && evidence.tolerances.exchange_lines {
                self.ghosts(records.len());
                continue;
            }
            let Some(call) = history.call_of(number) else {
                let why = format!("record {} of {number}: no such caller", records[0].call);
                self.tell(Invariant::RecordsEqualTruth, why, &[]);
                continue;
            };
            if records.len() > 1 {
                let why = format!("call {} has {} records", call.call, records.len());
                self.tell(Invariant::RecordsEqualTruth, why, &call.lines);
            }
            for why in self.differences(call, records[0]) {
                let why = format!("record {} of call {}: {why}", records[0].call, call.call);
                self.tell(Invariant::RecordsEqualTruth, why, &call.lines);
            }
        }
        for call in history.calls.values().filter(|call| !by_number.contains_key(call.number.as_str())) {
            self.without_record(call);
        }
    }

    /// Records without a number: of callers over exchange lines who left before it was sent.
    fn ghosts(&mut self, records: usize) {
        let gone = |call: &&TrueCall| {
            let end = call.hung_up.map_or(u64::MAX, |end| end.at_ms);
            call.answered_ms.is_none() && end <= call.offered_ms + NUMBER_WITHIN_MS
        };
        let gone = self.history.calls.values().filter(gone).count();
        if records > gone {
            let why = format!("{records} records have no number, and {gone} callers left before theirs");
            self.tell(Invariant::RecordsEqualTruth, why, &[]);
        }
    }

    fn without_record(&mut self, call: &TrueCall) {
        let Some(ended) = call.ended.filter(|_| call.accepted_ms.is_some()) else {
            // It lives, or Tandem refused it at once.
            return;
        };
        let unseen = self.away_throughout(call.offered_ms, ended.at_ms)
            || self.evidence.live.iter().any(|live| live.calling == call.number);
        if !unseen {
            let why = format!("call {} of {} has no record", call.call, call.number);
            self.tell(Invariant::RecordsEqualTruth, why, &call.lines);
        }
    }

    fn differences(&self, call: &TrueCall, record: &CallView) -> Vec<String> {
        let tolerances = self.evidence.tolerances;
        let until = call.ended.map_or(self.history.end_ms, |end| end.at_ms);
        let away = self.away_within(call.offered_ms, until);
        let signalling = tolerances.signalling_ms + away.unwrap_or(0);
        let mut all = Vec::new();
        let mut compare = |what: &str, recorded: Option<u64>, true_ms: Option<u64>, tolerance_ms: u64| {
            let recorded = recorded.map(|at| at.saturating_sub(self.history.unix_ms));
            let equal = match (recorded, true_ms) {
                (Some(a), Some(b)) => a.abs_diff(b) <= tolerance_ms,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !equal {
                all.push(format!("{what} at {} and truly at {}", told(recorded), told(true_ms)));
            }
        };
        compare("begun", Some(record.since_ms), Some(call.offered_ms), signalling);
        // On an exchange line it is not known at once that the caller has gone.
        let ghost = tolerances.exchange_lines && call.answered_ms.is_none();
        if !ghost {
            compare("answered", record.answered_ms, call.answered_ms, signalling);
        }
        compare("ended", record.ended_ms, call.ended.map(|end| end.at_ms), signalling);
        let talk = call.talks.first().map(|talk| talk.from_ms);
        let at_the_end = |at: Option<u64>| {
            let end = call.hung_up.map_or(u64::MAX, |end| end.at_ms);
            at.is_some_and(|at| at.abs_diff(end) <= tolerances.hook_ms)
        };
        let recorded_talk = record.talking_ms.map(|at| at.saturating_sub(self.history.unix_ms));
        // Who leaves while the phone is being lifted has talked for one and not for the other.
        let crossed =
            talk.is_some() != recorded_talk.is_some() && (at_the_end(talk) || at_the_end(recorded_talk));
        if !crossed && away.is_none() {
            compare("talking", record.talking_ms, talk, signalling);
        }
        if record.called != call.called {
            all.push(format!("called {} and truly {}", record.called, call.called));
        }
        let cause = call.ended.map(|end| end.cause);
        if record.cause != cause && away.is_none() {
            all.push(format!("cause {:?} and truly {cause:?}", record.cause));
        }
        all.extend(self.wrong_agent(call, record));
        all
    }

    fn wrong_agent(&self, call: &TrueCall, record: &CallView) -> Option<String> {
        let phone = &call.talks.last()?.phone;
        let names = self.evidence.names.get(phone)?;
        let reached = record.reached.as_deref();
        let agent = record.agent.as_deref().or_else(|| record.visits.last()?.agent.as_deref());
        let right = match &names.agent {
            Some(name) if agent.is_some() => agent == Some(name),
            Some(_) | None => reached == Some(&names.seat),
        };
        (!right).then(|| format!("with seat {reached:?}, agent {agent:?} and truly phone {phone}, {names:?}"))
    }

    pub fn waits_equal(&mut self) {
        let evidence = self.evidence;
        for record in &evidence.records {
            let Some(call) = self.history.call_of(&record.calling) else {
                continue;
            };
            for visit in &record.visits {
                if let Some(why) = self.wrong_wait(call, visit) {
                    let why = format!("record {} of call {}: {why}", record.call, call.call);
                    self.tell(Invariant::WaitsEqual, why, &call.lines);
                }
            }
        }
    }

    /// Compares the end of a stay with what the caller knows of it.
    fn wrong_wait(&self, call: &TrueCall, visit: &VisitView) -> Option<String> {
        let unix_ms = self.history.unix_ms;
        let entered = visit.entered_ms.saturating_sub(unix_ms);
        let left = visit.left_ms.map(|at| at.saturating_sub(unix_ms));
        let until = call.ended.map_or(self.history.end_ms, |end| end.at_ms);
        let away = self.away_within(call.offered_ms, until).unwrap_or(0);
        let near = |at: Option<u64>, tolerance: u64| {
            left.zip(at).is_some_and(|(left, at)| left.abs_diff(at) <= tolerance + away)
        };
        let tolerances = self.evidence.tolerances;
        let hung_up = call.hung_up.map(|end| end.at_ms);
        let right = match visit.outcome {
            // Lifted and left at the same moment is no talk for the caller.
            Some(Outcome::Answered) => {
                call.talks.iter().any(|talk| near(Some(talk.from_ms), tolerances.signalling_ms))
                    || (call.talks.is_empty() && near(hung_up, tolerances.hook_ms))
            }
            Some(Outcome::Abandoned) => {
                near(hung_up, tolerances.signalling_ms)
                    && call.hung_up.is_some_and(|end| end.by != Party::Tandem || away > 0)
            }
            Some(Outcome::FlowedOut | Outcome::Refused) => left.is_some(),
            None => call.fate() == Fate::Lives || away > 0,
        };
        let before = call.answered_ms.is_none_or(|answered| entered + tolerances.signalling_ms < answered);
        if right && !before {
            return None;
        }
        let outcome = visit.outcome;
        Some(format!("in queue {} from {entered} to {} ms, {outcome:?}", visit.queue, told(left)))
    }
}

fn told(at: Option<u64>) -> String {
    at.map_or("no time".into(), |at| format!("{at} ms"))
}
