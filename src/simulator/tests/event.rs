//! Whole appliances in virtual time, against the truth.

mod centre;

use core::time::Duration;

use centre::{attendant, names, secs};
use simulator::event::{Outcome, Run, World, WorldConfig};
use simulator::invariants::{self, Broken};
use simulator::summary::Goals;

fn run(world: WorldConfig, length: Duration, phones: u8) -> Outcome {
    Run { world, length, names: names(phones), goals: Goals::default() }.run(|_| {})
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
    let mut world = World::new(config);
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
    let mut world = World::new(attendant(5, 3, 30));
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
