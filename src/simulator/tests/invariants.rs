//! Each invariant fails when what it guards is broken: good evidence is spoiled in one place and must be found out.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod centre;

use std::sync::OnceLock;

use centre::{names_with_agents, queues, secs};
use simulator::event::Run;
use simulator::history::History;
use simulator::invariants::{Evidence, Invariant, check};
use simulator::summary::Goals;
use simulator::truth::{Entry, Event};
use switch::view::{CallView, Outcome, VisitView};
use tdm::ChannelId;

/// Half an hour of a centre that is busy enough for callers to wait, in which everything holds.
fn good() -> Evidence {
    static GOOD: OnceLock<Evidence> = OnceLock::new();
    let made = || {
        let mut world = queues(11, 2, 10);
        world.exchange.habits.calls_per_hour = 700.0;
        let run = Run { world, length: secs(1_800), names: names_with_agents(10), goals: Goals::default() };
        let outcome = run.run(|_| {}).unwrap();
        let told: Vec<_> = outcome.broken.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "the evidence is good before it is spoiled: {}", told.join("\n"));
        outcome.evidence
    };
    GOOD.get_or_init(made).clone()
}

/// Spoils good evidence and asserts that this, at least, is found.
fn found(invariant: Invariant, spoil: impl FnOnce(&mut Evidence)) {
    let mut evidence = good();
    spoil(&mut evidence);
    let broken = check(&evidence);
    assert!(
        broken.iter().any(|broken| broken.invariant == invariant),
        "{invariant:?} is not found: {broken:?}"
    );
}

fn history(evidence: &Evidence) -> History {
    History::read(&evidence.truth)
}

/// Returns the record of some caller with whom an agent spoke after a wait.
fn answered(evidence: &mut Evidence) -> &mut CallView {
    let waited = |visit: &VisitView| {
        visit.outcome == Some(Outcome::Answered) && visit.left_ms.unwrap() > visit.entered_ms + 10_000
    };
    evidence.records.iter_mut().find(|record| record.visits.first().is_some_and(waited)).unwrap()
}

/// Returns where in the log `what` happens for the first time.
fn place(evidence: &Evidence, what: impl Fn(&Event) -> bool) -> usize {
    evidence.truth.iter().position(|entry| what(&entry.event)).unwrap()
}

#[test]
fn a_log_that_contradicts_itself() {
    found(Invariant::TruthIsWhole, |evidence| {
        let at = place(evidence, |event| matches!(event, Event::Answered { .. }));
        let twice = evidence.truth[at].clone();
        evidence.truth.insert(at, twice);
    });
    found(Invariant::TruthIsWhole, |evidence| {
        let at = place(evidence, |event| matches!(event, Event::Offered { .. }));
        evidence.truth.remove(at);
    });
}

#[test]
fn a_call_that_never_ends() {
    found(Invariant::CallsConserved, |evidence| {
        let at = place(evidence, |event| matches!(event, Event::Ended { .. }));
        evidence.truth.remove(at);
    });
}

#[test]
fn anything_that_is_left_when_all_have_gone() {
    let spoilers: [fn(&mut simulator::invariants::Remains); 6] = [
        |remains| remains.legs = 1,
        |remains| remains.recordings = 1,
        |remains| remains.exchange_channels.push(ChannelId::new(1, 1)),
        |remains| remains.channels_in_use.push(ChannelId::new(1, 1)),
        |remains| remains.phones.push("5/1".into()),
        |remains| remains.calls.push("000003e8-0-1".into()),
    ];
    for spoil in spoilers {
        found(Invariant::NoOrphans, |evidence| spoil(evidence.remains.as_mut().unwrap()));
    }
    found(Invariant::NoOrphans, |evidence| {
        let at = place(evidence, |event| matches!(event, Event::Channel { busy: false, .. }));
        let channel = match evidence.truth.remove(at).event {
            Event::Channel { channel, .. } => channel,
            other => panic!("{other:?}"),
        };
        // Nobody takes it any more.
        evidence
            .truth
            .retain(|entry| !matches!(entry.event, Event::Channel { channel: c, .. } if c == channel));
        let at_ms = evidence.truth.last().unwrap().at_ms;
        evidence.truth.push(Entry { at_ms, event: Event::Channel { channel, busy: true } });
    });
}

#[test]
fn a_record_that_is_wrong_anywhere() {
    let spoilers: [fn(&mut CallView); 9] = [
        |record| record.since_ms -= 51,
        |record| record.answered_ms = None,
        |record| record.answered_ms = record.answered_ms.map(|at| at + 51),
        |record| record.ended_ms = record.ended_ms.map(|at| at + 51),
        |record| record.talking_ms = record.talking_ms.map(|at| at - 51),
        |record| record.talking_ms = None,
        |record| record.cause = Some(17),
        |record| record.called = "8001".into(),
        |record| record.agent = Some("nobody".into()),
    ];
    for spoil in spoilers {
        found(Invariant::RecordsEqualTruth, |evidence| spoil(answered(evidence)));
    }
}

#[test]
fn a_time_within_the_tolerance_is_no_finding() {
    let mut evidence = good();
    let record = answered(&mut evidence);
    record.since_ms -= 40;
    record.ended_ms = record.ended_ms.map(|at| at + 40);
    assert_eq!(check(&evidence), []);
}

#[test]
fn a_record_too_many_or_too_few() {
    found(Invariant::RecordsEqualTruth, |evidence| drop(evidence.records.remove(3)));
    found(Invariant::RecordsEqualTruth, |evidence| {
        let mut twice = evidence.records[3].clone();
        twice.call = "000003e8-0-9999".into();
        evidence.records.push(twice);
    });
    found(Invariant::RecordsEqualTruth, |evidence| evidence.records[3].calling = "4711".into());
}

/// Returns two calls whose talks overlap, and their phones.
fn two_talks(history: &History) -> ((u32, String), (u32, String)) {
    let mut talks: Vec<_> =
        history.calls.values().flat_map(|call| call.talks.iter().map(|talk| (call.call, talk))).collect();
    talks.sort_by_key(|(_, talk)| talk.from_ms);
    let pair = talks.windows(2).find(|pair| pair[0].1.to_ms.unwrap() > pair[1].1.from_ms).unwrap();
    ((pair[0].0, pair[0].1.phone.clone()), (pair[1].0, pair[1].1.phone.clone()))
}

#[test]
fn an_agent_in_two_talks() {
    found(Invariant::OneCallPerAgent, |evidence| {
        let ((_, first), (second, _)) = two_talks(&history(evidence));
        for entry in &mut evidence.truth {
            if let Event::Talk { call, phone } | Event::Parted { call, phone } = &mut entry.event
                && *call == second
            {
                phone.clone_from(&first);
            }
        }
    });
}

#[test]
fn a_caller_with_two_agents() {
    found(Invariant::OneAgentPerCaller, |evidence| {
        let ((first, _), (_, phone)) = two_talks(&history(evidence));
        let at = place(evidence, |event| matches!(event, Event::Talk { call, .. } if *call == first));
        let at_ms = evidence.truth[at].at_ms;
        evidence.truth.insert(at + 1, Entry { at_ms, event: Event::Talk { call: first, phone } });
    });
}

/// All who came later than some caller and left later are said to have come earlier.
fn overtake(evidence: &mut Evidence) {
    let visit = answered(evidence).visits[0].clone();
    for other in evidence.records.iter_mut().flat_map(|record| &mut record.visits) {
        let later = other.entered_ms > visit.entered_ms && other.left_ms > visit.left_ms;
        if other.queue == visit.queue && later {
            other.entered_ms = visit.entered_ms - 1_000;
        }
    }
}

#[test]
fn a_caller_who_is_overtaken() {
    found(Invariant::FirstComeFirstServed, overtake);
}

#[test]
fn a_caller_who_is_overtaken_where_no_phone_tells_for_whom_it_rings() {
    found(Invariant::FirstComeFirstServed, |evidence| {
        for entry in &mut evidence.truth {
            if let Event::Rung { number, .. } = &mut entry.event {
                *number = None;
            }
        }
        overtake(evidence);
    });
}

#[test]
fn a_wait_that_is_wrong() {
    let spoilers: [fn(&mut VisitView); 4] = [
        |visit| visit.left_ms = visit.left_ms.map(|at| at - 800),
        |visit| visit.outcome = Some(Outcome::Abandoned),
        |visit| visit.outcome = None,
        |visit| visit.entered_ms -= 60_000,
    ];
    for spoil in spoilers {
        found(Invariant::WaitsEqual, |evidence| spoil(&mut answered(evidence).visits[0]));
    }
}

#[test]
fn figures_that_do_not_add_up_or_are_not_those_of_the_records() {
    found(Invariant::QueuesBalance, |evidence| evidence.queues[0].figures.answered += 1);
    found(Invariant::QueuesBalance, |evidence| {
        evidence.queues[0].figures.answered += 1;
        evidence.queues[0].figures.offered += 1;
    });
    found(Invariant::QueuesBalance, |evidence| evidence.queues[0].figures.refused += 1);
}
