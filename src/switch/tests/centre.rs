//! Callers in a flow and a queue, agents on telephones, a switch that is killed: with lines that only do as they are told.
#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod lines;
mod reload;

use core::time::Duration;

use lines::{Bench, leg};
use link::{Cause, Event, LegId, Order, Treatment};
use switch::view::{AgentStateView, Outcome};
use switch::{AgentOrder, Start};

const SECOND: Duration = Duration::from_secs(1);

/// Plays what a caller hears until the queue's music.
fn into_queue(bench: &mut Bench, serial: u32) -> LegId {
    let first = leg(serial);
    bench.offer(first, "8000");
    assert_eq!(bench.playing(first).0, ["zh/welcome"]);
    bench.event(Event::Digit { leg: first, digit: '1' });
    first
}

fn ready(bench: &mut Bench, agent: &str) {
    bench.agent(agent, AgentOrder::LogIn).unwrap();
    bench.agent(agent, AgentOrder::Ready).unwrap();
}

#[test]
fn a_caller_hears_the_menu_waits_with_music_and_talks_to_the_agent() {
    let mut bench = Bench::new(Start::Offline);
    let first = into_queue(&mut bench, 1);
    let (prompts, treatment) = bench.playing(first);
    assert_eq!((prompts, treatment), (vec!["zh/music".to_string()], Treatment::Loop));
    assert_eq!(bench.queue().waiting, 1);
    assert_eq!(bench.view.calls[&first.to_string()].progress, call::Progress::Waiting);
    bench.pass(7 * SECOND);
    ready(&mut bench, "ann");
    let second = bench.rung("201").unwrap();
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Ringing);
    assert_eq!(bench.view.agents["ann"].call, Some(first.to_string()));
    assert_eq!(bench.playing(first).1, Treatment::Loop, "the music goes on while the agent is rung");
    bench.event(Event::Answered { leg: second });
    assert!(bench.orders.contains(&Order::Connect { a: first, b: second }));
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Talking);
    let call = &bench.view.calls[&first.to_string()];
    let visit = &call.visits[0];
    assert_eq!((visit.queue.as_str(), visit.outcome), ("service", Some(Outcome::Answered)));
    assert_eq!(visit.left_ms.unwrap() - visit.entered_ms, 7_000);
    assert_eq!((visit.agent.as_deref(), call.agent.as_deref()), (Some("ann"), Some("ann")));
    bench.pass(30 * SECOND);
    bench.end(second, Cause::NORMAL);
    assert_eq!(bench.view.ended.len(), 1, "the flow has nothing after the talk: it hangs up");
    assert_eq!(bench.view.ended[0].cause, Some(16));
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::WrapUp);
    bench.pass(10 * SECOND);
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Idle);
    let figures = &bench.queue().figures;
    assert_eq!(
        (figures.offered, figures.answered, figures.answered_in_goal, bench.queue().waiting),
        (1, 1, 1, 0)
    );
    assert_eq!((figures.sl1, figures.wait_mean_ms), (Some(1.0), Some(7_000)));
}

#[test]
fn callers_are_served_in_their_order_by_the_agent_who_was_idle_longest() {
    let mut bench = Bench::new(Start::Offline);
    let callers: Vec<LegId> = (1..=3).map(|serial| into_queue(&mut bench, serial)).collect();
    ready(&mut bench, "ben");
    bench.pass(SECOND);
    ready(&mut bench, "ann");
    let (ben, ann) = (bench.rung("202").unwrap(), bench.rung("201").unwrap());
    assert_eq!((bench.caller_of(ben), bench.caller_of(ann)), (callers[0], callers[1]));
    assert_eq!(bench.queue().waiting, 3, "whoever is rung for waits still");
}

#[test]
fn an_agent_who_does_not_answer_is_passed_over_and_the_caller_keeps_the_turn() {
    let mut bench = Bench::new(Start::Offline);
    let callers: Vec<LegId> = (1..=2).map(|serial| into_queue(&mut bench, serial)).collect();
    ready(&mut bench, "ann");
    let ann = bench.rung("201").unwrap();
    assert_eq!(bench.caller_of(ann), callers[0]);
    ready(&mut bench, "ben");
    let ben = bench.rung("202").unwrap();
    assert_eq!(bench.caller_of(ben), callers[1]);
    bench.event(Event::Answered { leg: ben });
    bench.pass(15 * SECOND);
    assert!(bench.orders.contains(&Order::Hangup { leg: ann, cause: Cause::NORMAL }));
    assert_eq!(bench.view.agents["ann"].reason.as_deref(), Some("missed"));
    bench.pass(15 * SECOND);
    let again = bench.rung("201").unwrap();
    assert_eq!(bench.caller_of(again), callers[0]);
}

#[test]
fn a_caller_who_hangs_up_while_the_agent_is_rung_has_abandoned() {
    let mut bench = Bench::new(Start::Ready);
    let first = into_queue(&mut bench, 1);
    let second = bench.rung("201").unwrap();
    bench.pass(3 * SECOND);
    bench.end(first, Cause::NORMAL);
    assert!(bench.orders.contains(&Order::Hangup { leg: second, cause: Cause::NORMAL }));
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Idle);
    let figures = &bench.queue().figures;
    assert_eq!(
        (figures.offered, figures.abandoned, figures.abandoned_short, bench.queue().waiting),
        (1, 1, 1, 0)
    );
    assert_eq!(bench.view.ended[0].visits[0].outcome, Some(Outcome::Abandoned));
    assert_eq!(bench.view.ended[0].agent, None);
}

#[test]
fn a_caller_who_has_waited_longest_flows_out_to_where_the_flow_says() {
    let mut bench = Bench::new(Start::Offline);
    let first = into_queue(&mut bench, 1);
    bench.pass(60 * SECOND);
    assert_eq!(bench.playing(first).0, ["zh/goodbye"]);
    let figures = &bench.queue().figures;
    assert_eq!((figures.offered, figures.flowed_out, bench.queue().waiting), (1, 1, 0));
    bench.played(first);
    assert_eq!(bench.view.ended[0].visits[0].outcome, Some(Outcome::FlowedOut));
}

#[test]
fn a_full_queue_refuses_and_the_flow_goes_on() {
    let mut bench = Bench::new(Start::Offline);
    for serial in 1..=3 {
        into_queue(&mut bench, serial);
    }
    let fourth = into_queue(&mut bench, 4);
    assert_eq!(bench.playing(fourth).0, ["zh/goodbye"]);
    assert_eq!(bench.queue().figures.refused, 1);
    assert_eq!(bench.view.calls[&fourth.to_string()].visits[0].outcome, Some(Outcome::Refused));
}

#[test]
fn an_agent_rings_a_seat_behind_a_trunk() {
    let mut bench = Bench::new(Start::Offline);
    let first = into_queue(&mut bench, 1);
    ready(&mut bench, "cat");
    let (second, called) = bench.dialled(&[4]).unwrap();
    assert_eq!(called, "6003");
    bench.event(Event::Answered { leg: second });
    assert!(bench.orders.contains(&Order::Connect { a: first, b: second }));
}

#[test]
fn an_agent_is_told_what_cannot_be_done() {
    let mut bench = Bench::new(Start::Offline);
    assert_eq!(bench.agent("eve", AgentOrder::LogIn).unwrap_err(), "no agent \"eve\"");
    assert_eq!(bench.agent("ann", AgentOrder::Ready).unwrap_err(), "ann is not logged in");
    bench.agent("ann", AgentOrder::LogIn).unwrap();
    assert_eq!(bench.agent("ann", AgentOrder::LogIn).unwrap_err(), "ann is logged in already");
    let lazy = AgentOrder::Busy { reason: "lazy".into() };
    assert_eq!(bench.agent("ann", lazy).unwrap_err(), "no reason \"lazy\"; there are: break, lunch");
    bench.agent("ann", AgentOrder::Busy { reason: "lunch".into() }).unwrap();
    assert_eq!(bench.view.agents["ann"].reason.as_deref(), Some("lunch"));
    bench.agent("ann", AgentOrder::LogOut).unwrap();
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Offline);
}

#[test]
fn the_lines_remember_a_call_until_its_record_is_safe() {
    let mut bench = Bench::new(Start::Ready);
    bench.restart_with(|config| config.records = true);
    let first = into_queue(&mut bench, 1);
    let second = bench.rung("201").unwrap();
    bench.event(Event::Answered { leg: second });
    bench.orders.clear();
    bench.end(first, Cause::NORMAL);
    bench.end(second, Cause::NORMAL);
    let forgets = |bench: &Bench| bench.orders.iter().filter(|o| matches!(o, Order::Forget { .. })).count();
    assert_eq!((bench.view.ended.len(), forgets(&bench)), (1, 0));
    // The next switch hears of the call again and tells it again, with all that the note knew.
    bench.kill_and_restart();
    assert_eq!((bench.view.ended.len(), forgets(&bench)), (1, 0));
    assert_eq!(bench.view.ended[0].visits[0].agent.as_deref(), Some("ann"));
    bench.stored(first);
    assert_eq!(forgets(&bench), 2);
}

#[test]
fn a_new_switch_gives_callers_their_places_back_and_talks_go_on() {
    let mut bench = Bench::new(Start::Ready);
    let talking = into_queue(&mut bench, 1);
    let with = bench.rung("201").unwrap();
    bench.event(Event::Answered { leg: with });
    bench.agent("ben", AgentOrder::LogOut).unwrap();
    bench.agent("cat", AgentOrder::LogOut).unwrap();
    let second = into_queue(&mut bench, 2);
    bench.pass(5 * SECOND);
    let third = into_queue(&mut bench, 3);
    bench.pass(2 * SECOND);
    bench.kill_and_restart();
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Talking);
    // The other two begin as configured, ready, and take the callers in their order.
    let (ben, cat) = (bench.rung("202").unwrap(), bench.dialled(&[4]).unwrap().0);
    assert_eq!((bench.caller_of(ben), bench.caller_of(cat)), (second, third));
    bench.event(Event::Answered { leg: ben });
    let visit = &bench.view.calls[&second.to_string()].visits[0];
    assert_eq!(visit.left_ms.unwrap() - visit.entered_ms, 7_000, "the wait was not begun anew");
    bench.end(with, Cause::NORMAL);
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::WrapUp);
    assert!(bench.view.ended.iter().any(|call| call.call == talking.to_string()));
    let figures = &bench.queue().figures;
    assert_eq!((figures.offered, figures.answered, bench.queue().waiting), (3, 2, 1));
}

#[test]
fn an_agent_who_answers_while_no_switch_listens_talks_to_the_caller() {
    let mut bench = Bench::new(Start::Ready);
    let first = into_queue(&mut bench, 1);
    let second = bench.rung("201").unwrap();
    bench.kill();
    bench.set_answered(second);
    bench.restart();
    assert!(bench.orders.contains(&Order::Connect { a: first, b: second }));
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Talking);
    assert_eq!(bench.view.calls[&first.to_string()].visits[0].outcome, Some(Outcome::Answered));
    assert_eq!(bench.queue().figures.answered, 1);
}

#[test]
fn an_agent_who_is_rung_when_the_switch_dies_is_rung_no_more_and_the_caller_is_first() {
    let mut bench = Bench::new(Start::Ready);
    let first = into_queue(&mut bench, 1);
    let second = bench.rung("201").unwrap();
    bench.orders.clear();
    bench.kill_and_restart();
    assert!(bench.orders.contains(&Order::Hangup { leg: second, cause: Cause::NORMAL }));
    let again = bench.rung("201").unwrap();
    assert_ne!(again, second);
    assert_eq!(bench.caller_of(again), first);
}

#[test]
fn a_link_that_breaks_for_a_moment_changes_nothing() {
    let mut bench = Bench::new(Start::Ready);
    let first = into_queue(&mut bench, 1);
    let second = bench.rung("201").unwrap();
    bench.break_link();
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Ringing);
    bench.event(Event::Answered { leg: second });
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Talking);
    bench.break_link();
    bench.end(first, Cause::NORMAL);
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::WrapUp);
    assert_eq!(bench.queue().figures.offered, 1);
}

#[test]
fn keys_pressed_while_no_switch_listens_lead_on() {
    let mut bench = Bench::new(Start::Ready);
    let first = leg(1);
    bench.offer(first, "8000");
    bench.kill();
    bench.press(first, '1');
    bench.restart();
    assert!(bench.rung("201").is_some());
}

#[test]
fn a_new_day_counts_anew() {
    let mut bench = Bench::new(Start::Ready);
    let first = into_queue(&mut bench, 1);
    bench.end(first, Cause::NORMAL);
    assert_eq!(bench.queue().figures.offered, 1);
    bench.new_day();
    assert_eq!(bench.queue().figures.offered, 0);
}

#[test]
fn after_a_step_of_the_clock_everything_that_lives_is_shown_by_the_new_one() {
    let mut bench = Bench::new(Start::Offline);
    let talking = into_queue(&mut bench, 1);
    ready(&mut bench, "ann");
    let second = bench.rung("201").unwrap();
    bench.event(Event::Answered { leg: second });
    into_queue(&mut bench, 2);
    bench.pass(5 * SECOND);
    let step_ms = 1_700_000_000_000;
    bench.step_clock(step_ms);
    assert_eq!(bench.view.calls[&talking.to_string()].since_ms, step_ms - 5_000);
    assert_eq!(bench.view.agents["ann"].since_ms, step_ms - 5_000);
    assert_eq!(bench.queue().oldest_ms, Some(step_ms - 5_000));
    bench.end(second, Cause::NORMAL);
    assert_eq!(bench.view.agents["ann"].since_ms, step_ms);
}
