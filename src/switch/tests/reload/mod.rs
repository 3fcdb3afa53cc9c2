//! A configuration that changes under callers and agents.

use core::time::Duration;

use acd::QueueConfig;
use call::{Place, Seat};
use link::{Cause, Event, Order};
use switch::view::{AgentStateView, Outcome};
use switch::{Agent, AgentOrder, ConfigureError, Queue, Start};
use tdm::ChannelId;

use crate::lines::{Bench, leg};
use crate::{SECOND, into_queue, ready};

fn queue(name: &str) -> Queue {
    Queue { name: name.into(), title: name.into(), rules: QueueConfig::default() }
}

fn agent(name: &str, seat: &str, queues: &[&str], start: Start) -> Agent {
    let queues = queues.iter().map(|queue| queue.to_string()).collect();
    Agent { name: name.into(), title: name.into(), seat: seat.into(), queues, start }
}

#[test]
fn a_caller_who_waits_is_answered_by_an_agent_who_was_added() {
    let mut bench = Bench::new(Start::Offline);
    let first = into_queue(&mut bench, 1);
    bench.pass(3 * SECOND);
    bench.configure(|config| {
        let place = Place::Port(ChannelId::new(5, 9));
        config.plan.seats.push(Seat { number: "209".into(), place, answer_timeout: Duration::from_secs(30) });
        config.agents.push(agent("dan", "209", &["service"], Start::Ready));
    });
    let second = bench.rung("209").unwrap();
    assert_eq!(bench.caller_of(second), first);
    bench.event(Event::Answered { leg: second });
    assert_eq!(bench.view.agents["dan"].state, AgentStateView::Talking);
    assert_eq!(bench.queue().figures.wait_mean_ms, Some(3_000), "the wait goes on through the change");
}

#[test]
fn an_agent_who_was_taken_out_ends_the_talk_and_is_gone() {
    let mut bench = Bench::new(Start::Offline);
    let first = into_queue(&mut bench, 1);
    ready(&mut bench, "ann");
    let second = bench.rung("201").unwrap();
    bench.event(Event::Answered { leg: second });
    bench.configure(|config| config.agents.retain(|agent| agent.name == "ben"));
    assert!(!bench.view.agents.contains_key("cat"), "who is not at work is gone at once");
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Talking);
    assert!(bench.view.calls.contains_key(&first.to_string()), "the talk goes on");
    assert_eq!(bench.agent("ann", AgentOrder::Ready).unwrap_err(), "no agent \"ann\"");
    bench.end(second, Cause::NORMAL);
    assert_eq!(bench.view.agents.keys().collect::<Vec<_>>(), ["ben"]);
    assert_eq!(bench.agent("ann", AgentOrder::LogIn).unwrap_err(), "no agent \"ann\"");
}

#[test]
fn an_agent_who_was_taken_out_and_put_back_during_a_talk_stays() {
    let mut bench = Bench::new(Start::Offline);
    into_queue(&mut bench, 1);
    ready(&mut bench, "ann");
    let second = bench.rung("201").unwrap();
    bench.event(Event::Answered { leg: second });
    let mut agents = vec![];
    bench.configure(|config| agents = std::mem::take(&mut config.agents));
    bench.configure(|config| config.agents = agents);
    bench.end(second, Cause::NORMAL);
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::WrapUp);
    assert_eq!(bench.view.agents.len(), 3);
}

#[test]
fn an_agent_who_is_rung_and_taken_out_is_rung_no_more_and_the_caller_keeps_the_turn() {
    let mut bench = Bench::new(Start::Offline);
    let first = into_queue(&mut bench, 1);
    into_queue(&mut bench, 2);
    ready(&mut bench, "ann");
    let second = bench.rung("201").unwrap();
    bench.configure(|config| config.agents.retain(|agent| agent.name != "ann"));
    assert!(bench.orders.contains(&Order::Hangup { leg: second, cause: Cause::NORMAL }));
    assert!(!bench.view.agents.contains_key("ann"));
    ready(&mut bench, "ben");
    let ben = bench.rung("202").unwrap();
    assert_eq!(bench.caller_of(ben), first);
}

#[test]
fn callers_of_a_queue_that_is_no_more_go_where_the_flow_says() {
    let mut bench = Bench::new(Start::Offline);
    let waiting = into_queue(&mut bench, 1);
    let offered = into_queue(&mut bench, 2);
    bench.end(waiting, Cause::NORMAL);
    ready(&mut bench, "ann");
    let second = bench.rung("201").unwrap();
    let waiting = into_queue(&mut bench, 3);
    bench.configure(|config| config.queues = vec![queue("sales")]);
    for caller in [offered, waiting] {
        assert_eq!(bench.playing(caller).0, ["zh/goodbye"]);
        let visits = &bench.view.calls[&caller.to_string()].visits;
        assert_eq!(visits[0].outcome, Some(Outcome::FlowedOut));
    }
    assert!(bench.orders.contains(&Order::Hangup { leg: second, cause: Cause::NORMAL }));
    assert_eq!(bench.view.queues.keys().collect::<Vec<_>>(), ["sales"]);
    assert_eq!(bench.view.agents["ann"].state, AgentStateView::Idle);
    let late = into_queue(&mut bench, 4);
    assert_eq!(bench.playing(late).0, ["zh/goodbye"], "the flow still names the old queue: refused");
}

#[test]
fn a_caller_in_an_old_flow_finishes_it_and_the_next_one_hears_the_new_one() {
    let mut bench = Bench::new(Start::Offline);
    let old = leg(1);
    bench.offer(old, "8000");
    bench.configure(|config| {
        let mut flow = config.flows["front"].flow().clone();
        flow.start = "bye".into();
        flow.nodes.retain(|name, _| name == "bye");
        config.flows.insert("front".into(), std::sync::Arc::new(flow.validate().unwrap()));
    });
    bench.event(Event::Digit { leg: old, digit: '1' });
    assert_eq!(bench.playing(old).0, ["zh/music"]);
    bench.offer(leg(2), "8000");
    assert_eq!(bench.playing(leg(2)).0, ["zh/goodbye"]);
}

#[test]
fn agents_who_are_at_work_serve_the_new_queues_at_once() {
    let mut bench = Bench::new(Start::Offline);
    bench.configure(|config| {
        config.queues.push(queue("sales"));
        config.agents.iter_mut().for_each(|agent| agent.queues = vec!["sales".into()]);
    });
    let first = into_queue(&mut bench, 1);
    ready(&mut bench, "ann");
    assert_eq!(bench.rung("201"), None);
    bench.configure(|config| config.agents[0].queues = vec!["service".into()]);
    let second = bench.rung("201").unwrap();
    assert_eq!(bench.caller_of(second), first);
    assert_eq!(bench.view.agents["ann"].queues, ["service"]);
    assert_eq!((bench.queue().agents.ringing, bench.view.queues["sales"].agents.ringing), (1, 0));
}

#[test]
fn a_reason_keeps_its_name_when_others_come_before_it() {
    let mut bench = Bench::new(Start::Offline);
    ready(&mut bench, "ann");
    bench.agent("ann", AgentOrder::Busy { reason: "lunch".into() }).unwrap();
    bench.configure(|config| config.busy_reasons = vec!["training".into(), "break".into()]);
    assert_eq!(bench.view.busy_reasons, ["training", "break"]);
    assert_eq!(bench.view.agents["ann"].reason.as_deref(), Some("lunch"));
    bench.configure(|_| {});
    let refused = bench.agent("ann", AgentOrder::Busy { reason: "lunch".into() }).unwrap_err();
    assert_eq!(refused, "no reason \"lunch\"; there are: training, break");
    bench.agent("ann", AgentOrder::Busy { reason: "training".into() }).unwrap();
    assert_eq!(bench.view.agents["ann"].reason.as_deref(), Some("training"));
}

#[test]
fn a_configuration_with_a_wrong_value_changes_nothing() {
    let mut bench = Bench::new(Start::Offline);
    into_queue(&mut bench, 1);
    let before = bench.view.clone();
    let refused = bench.try_configure(|config| config.queues[0].rules.max_waiting = 0);
    assert!(matches!(refused, Err(ConfigureError::Acd(_))));
    let many = (0..300).map(|n| format!("reason{n}")).collect();
    let refused = bench.try_configure(|config| config.busy_reasons = many);
    assert_eq!(refused, Err(ConfigureError::TooManyReasons(302)));
    assert_eq!(bench.view, before);
}

#[test]
fn a_change_while_the_lines_are_away_is_told_when_they_are_back() {
    let mut bench = Bench::new(Start::Offline);
    bench.lose_link();
    bench.configure(|config| {
        config.queues = vec![queue("sales")];
        config.agents = vec![agent("dan", "201", &["sales"], Start::Ready)];
    });
    assert!(bench.view.queues.contains_key("service"));
    bench.attach();
    assert_eq!(bench.view.queues.keys().collect::<Vec<_>>(), ["sales"]);
    assert_eq!(bench.view.agents.keys().collect::<Vec<_>>(), ["dan"]);
}
