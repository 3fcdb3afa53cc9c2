//! Whole appliances in virtual time, against the truth.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod centre;

use core::time::Duration;

use cas::fxo::AnswerBy;
use centre::{
    Wires, attendant, behind_a_trunk, dialled_over_exchange_lines, names, names_with_agents,
    on_exchange_lines, queues, secs,
};
use simulator::event::{Outcome, Run, Shift, World, WorldConfig};
use simulator::exchange::{Identity, IdentityTime, Release};
use simulator::invariants::{self, Broken};
use simulator::summary::Goals;
use simulator::truth::{Entry, Event};
use switch::AgentOrder;

fn run(world: WorldConfig, length: Duration, phones: u8) -> Outcome {
    Run { world, length, names: names(phones), goals: Goals::default() }.run(|_| {}).unwrap()
}

/// Stops the test with everything that does not hold.
fn holds(broken: &[Broken]) {
    let told: Vec<_> = broken.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Everybody finishes; returns what can be compared.
fn finish(mut world: World, phones: u8) -> invariants::Evidence {
    assert!(world.drain(secs(3_600)), "everybody finishes");
    world.evidence(names(phones))
}

#[test]
fn an_hour_of_ninety_channels_and_thirty_agents_holds_and_its_figures_add_up() {
    let outcome = run(attendant(1, 3, 30), secs(3_600), 30);
    println!("{}", outcome.summary);
    holds(&outcome.broken);
    let calls = &outcome.summary.calls;
    assert!(calls.offered > 1_000 && calls.answered > 500 && calls.abandoned > 0);
    assert_eq!(calls.offered, calls.answered + calls.abandoned + calls.flowed_out + calls.waiting);
    assert_eq!(calls.waiting, 0);
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_does_not() {
    let truth = |seed| -> String {
        let outcome = run(attendant(seed, 3, 30), secs(900), 30);
        outcome.evidence.truth.iter().map(|entry| entry.to_line() + "\n").collect()
    };
    let first = truth(7);
    assert!(first.lines().count() > 2_000, "something has happened");
    assert_eq!(first, truth(7));
    assert_ne!(first, truth(8));
}

#[test]
fn two_hundred_callers_at_once_find_ninety_channels() {
    let mut config = attendant(3, 3, 30);
    config.exchange.habits.max_callers = 1_000;
    let mut world = World::new(config).unwrap();
    world.burst(200);
    assert_eq!(world.exchange().callers(), 90);
    let evidence = finish(world, 30);
    holds(&invariants::check(&evidence));
    let blocked = evidence.truth.iter().filter(|entry| entry.to_line().contains("\"blocked\"")).count();
    // An agent who lifts the phone as it stops ringing makes a call of its own.
    let records = evidence.records.iter().filter(|record| record.from == call::From::Trunk).count();
    assert_eq!((blocked, records), (110, 90));
}

#[test]
fn agents_who_never_answer_lose_no_caller() {
    let mut config = attendant(4, 1, 5);
    config.exchange.habits.no_answer = 1.0;
    let outcome = run(config, secs(1_800), 5);
    holds(&outcome.broken);
    let summary = &outcome.summary;
    assert_eq!((summary.agents.picked_up, summary.calls.answered), (0, 0));
    assert!(summary.agents.unanswered > 100 && summary.calls.abandoned > 100, "{summary}");
}

#[test]
fn a_switch_that_is_killed_at_any_moment_loses_no_call() {
    let mut world = World::new(attendant(5, 3, 30)).unwrap();
    world.open();
    for n in 1..=10 {
        world.run(Duration::from_millis(97_321 + n));
        world.kill_switch();
        world.run(Duration::from_millis(700 * n));
        world.start_switch();
    }
    world.run(secs(60));
    holds(&invariants::check(&finish(world, 30)));
}

fn run_queues(world: WorldConfig, length: Duration, phones: u8) -> Outcome {
    Run { world, length, names: names_with_agents(phones), goals: Goals::default() }.run(|_| {}).unwrap()
}

#[test]
fn an_hour_of_queues_holds_and_truth_and_records_tell_the_same_figures() {
    let outcome = run_queues(queues(21, 3, 30), secs(3_600), 30);
    println!("{}", outcome.summary);
    holds(&outcome.broken);
    let summary = &outcome.summary;
    let answered: u64 = summary.queues.iter().map(|queue| queue.figures.answered).sum();
    assert!(answered > 500, "{summary}");
    assert_eq!(answered, summary.calls.answered);
}

#[test]
fn full_queues_refuse_time_out_and_lose_callers_and_everything_still_adds_up() {
    let mut world = queues(22, 3, 8);
    world.exchange.habits.calls_per_hour = 3_000.0;
    world.exchange.habits.no_answer = 0.2;
    let outcome = run_queues(world, secs(1_800), 8);
    println!("{}", outcome.summary);
    holds(&outcome.broken);
    let sum =
        |of: fn(&simulator::summary::QueueFigures) -> u64| outcome.summary.queues.iter().map(of).sum::<u64>();
    assert!(sum(|queue| queue.refused) > 0, "some are refused");
    assert!(sum(|queue| queue.figures.flowed_out) > 0, "some wait too long");
    assert!(sum(|queue| queue.figures.abandoned) > 0, "some hang up");
    assert!(outcome.summary.agents.unanswered > 0, "some agents let it ring");
}

#[test]
fn a_switch_that_is_killed_with_callers_in_queues_loses_none() {
    let mut world = World::new(queues(23, 3, 12)).unwrap();
    world.open();
    for n in 1..=8 {
        world.run(Duration::from_millis(113_007 * n / 3));
        world.kill_switch();
        world.run(Duration::from_millis(400 * n));
        world.start_switch();
    }
    world.run(secs(120));
    assert!(world.drain(secs(3_600)), "everybody finishes");
    let evidence = world.evidence(names_with_agents(12));
    holds(&invariants::check(&evidence));
    assert!(evidence.records.iter().any(|record| !record.visits.is_empty()));
}

#[test]
fn agents_who_log_in_late_get_their_callers() {
    let mut world = queues(24, 1, 4);
    let order = |at, agent: &str, order| Shift { at: secs(at), agent: agent.into(), order };
    for agent in &mut world.switch.agents {
        agent.start = switch::Start::Offline;
    }
    for n in 1..=4 {
        let name = format!("agent{n}");
        world.shifts.push(order(300, &name, AgentOrder::LogIn));
        world.shifts.push(order(310, &name, AgentOrder::Ready));
    }
    let outcome = run_queues(world, secs(1_800), 4);
    holds(&outcome.broken);
    let first = outcome.evidence.truth.iter().find(|entry| entry.to_line().contains("\"rung\"")).unwrap();
    assert!((311_000..320_000).contains(&first.at_ms), "{first:?}");
    assert!(outcome.summary.calls.answered > 20, "{}", outcome.summary);
}

#[test]
fn agents_behind_a_trunk_see_the_callers_number_and_everything_holds() {
    let outcome = run_queues(behind_a_trunk(31, 3, 25), secs(1_800), 25);
    println!("{}", outcome.summary);
    holds(&outcome.broken);
    let shown = |entry: &&Entry| matches!(&entry.event, Event::Rung { number: Some(_), .. });
    assert!(outcome.evidence.truth.iter().filter(shown).count() > 200, "phones show numbers");
    assert!(outcome.summary.calls.answered > 200, "{}", outcome.summary);
}

#[test]
fn a_switch_that_is_killed_with_agents_behind_a_trunk_loses_no_call() {
    let mut world = World::new(behind_a_trunk(32, 2, 8)).unwrap();
    world.open();
    for n in 1..=6 {
        world.run(Duration::from_millis(101_003 * n / 2));
        world.kill_switch();
        world.run(Duration::from_millis(900 * n));
        world.start_switch();
    }
    world.run(secs(60));
    assert!(world.drain(secs(3_600)), "everybody finishes");
    holds(&invariants::check(&world.evidence(names_with_agents(8))));
}

#[test]
fn centres_of_every_kind_hold() {
    for seed in 100..112 {
        let mut world = if seed % 2 == 0 { queues(seed, 2, 10) } else { behind_a_trunk(seed, 2, 10) };
        let habits = &mut world.exchange.habits;
        habits.calls_per_hour = 200.0 * (seed % 7 + 1) as f64;
        habits.no_answer = 0.1 * (seed % 4) as f64;
        habits.agent_hangs_up = 0.25 * (seed % 5) as f64;
        habits.patience = secs(20 * (seed % 3 + 1));
        habits.talk = secs(5 * (seed % 6 + 1));
        let outcome = run_queues(world, secs(900), 10);
        let told: Vec<_> = outcome.broken.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "seed {seed}: {}", told.join("\n"));
    }
}

const CHINA: Wires = Wires {
    identity: Identity::Bell202,
    time: IdentityTime::AfterRing,
    release: Release::BusyTone,
    answer: AnswerBy::Ringback,
};

/// Every way in which an exchange may tell what it does.
fn all_wires() -> Vec<Wires> {
    let times = [IdentityTime::AfterRing, IdentityTime::AfterReversal, IdentityTime::BeforeRing];
    let releases = [Release::BusyTone, Release::FeedBreak, Release::Reversal];
    let identities = [Identity::Bell202, Identity::Dtmf, Identity::V23];
    let mut all = Vec::new();
    for (n, identity) in identities.into_iter().enumerate() {
        for (m, time) in times.into_iter().enumerate() {
            all.push(Wires { identity, time, release: releases[(n + m) % 3], ..CHINA });
        }
    }
    all
}

#[test]
fn callers_over_exchange_lines_are_shown_by_number_served_and_let_go_in_every_way() {
    for (seed, wires) in (41..).zip(all_wires()) {
        let outcome = run_queues(on_exchange_lines(seed, wires, 12, 10), secs(1_200), 10);
        let told: Vec<_> = outcome.broken.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{wires:?}: {}", told.join("\n"));
        assert!(outcome.summary.calls.answered > 30, "{wires:?}: {}", outcome.summary);
    }
}

#[test]
fn agents_called_over_exchange_lines_answer_in_every_way_and_everything_holds() {
    for (seed, answer, release) in [
        (51, AnswerBy::Ringback, Release::BusyTone),
        (52, AnswerBy::Polarity, Release::Reversal),
        (53, AnswerBy::Polarity, Release::FeedBreak),
    ] {
        let wires = Wires { answer, release, ..CHINA };
        let outcome = run_queues(dialled_over_exchange_lines(seed, wires, 10), secs(1_200), 10);
        let told: Vec<_> = outcome.broken.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{answer:?}: {}", told.join("\n"));
        assert!(outcome.summary.calls.answered > 10, "{answer:?}: {}", outcome.summary);
    }
}
