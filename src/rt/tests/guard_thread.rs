//! The engine's thread: what it reports, how it ends, and in what state it leaves the lines.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use std::time::Duration;

use card::{IoFault, LineOrder, Signalling};
use clock::{Clock, MonoClock};
use desk::{Desk, Trouble, e1, span};
use rt::sched::{Grant, ThreadConfig};
use rt::{
    EndReason, Engine, EngineConfig, EngineHandle, RtCommand, RtOp, Running, Source, Strip, Watch, start,
};
use tdm::{Alarms, ChannelId, HookState, Law, SpanId, SpanKind};

fn run(desk: &Desk, trouble: Option<Trouble>) -> (Running, EngineHandle) {
    desk.state().trouble = trouble;
    let (engine, mut handle) = Engine::new(EngineConfig::default(), vec![desk.card()]).unwrap();
    let op = RtOp::Send { strip: Strip(0), source: Source::Line(Strip(1)) };
    handle.commands.push(RtCommand { seq: 1, op }).unwrap();
    desk.hear(1, [0x21; 8]);
    let quiet = ThreadConfig { name: "rt-test".to_owned(), priority: None, cpu: None, lock_memory: false };
    (start(engine, quiet).unwrap(), handle)
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..5_000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("not within 5 s: {what}");
}

fn analog() -> Vec<card::SpanSlot> {
    let fxs = span(Some(8), SpanKind::Fxs, Signalling::Loop, Law::A);
    let fxo = span(Some(9), SpanKind::Fxo, Signalling::Loop, Law::A);
    vec![e1(1), fxs, fxo]
}

fn assert_left_with(desk: &Desk, alarms: Alarms) {
    assert_eq!(desk.sent(0), [0xD5; 8], "the last thing sent is the idle code");
    let orders = &desk.state().orders;
    assert!(orders.contains(&LineOrder::SendAlarms { span: SpanId(1), alarms }), "{orders:?}");
    assert!(orders.contains(&LineOrder::Ring { channel: ChannelId::new(8, 4), cadence: None }));
    let on_hook = LineOrder::Hook { channel: ChannelId::new(9, 1), state: HookState::OnHook };
    assert!(orders.contains(&on_hook));
}

#[test]
fn an_engine_that_is_stopped_leaves_its_lines_idle_with_a_yellow_alarm() {
    let desk = Desk::new(analog());
    let (running, handle) = run(&desk, Some(Trouble::SleepMs(1)));
    wait_until("the bridge", || desk.sent(0) == [0x21; 8]);
    assert_eq!(handle.counters.end(), None);
    running.stop();
    assert_eq!(running.join(), EndReason::Stopped);
    assert_eq!(handle.counters.end(), Some(EndReason::Stopped));
    assert_left_with(&desk, Alarms::YELLOW);
}

#[test]
fn a_panic_leaves_the_lines_idle_with_ais_and_is_reported() {
    let desk = Desk::new(analog());
    let (running, handle) = run(&desk, Some(Trouble::SleepMs(1)));
    wait_until("the bridge", || desk.sent(0) == [0x21; 8]);
    desk.state().trouble = Some(Trouble::Panic);
    assert_eq!(running.join(), EndReason::Panicked);
    assert_eq!(handle.counters.end(), Some(EndReason::Panicked));
    assert_left_with(&desk, Alarms::AIS);
}

#[test]
fn a_card_that_fails_ends_the_engine_with_its_fault() {
    let desk = Desk::new(analog());
    let (running, handle) = run(&desk, Some(Trouble::Fault(IoFault::Gone)));
    assert_eq!(running.join(), EndReason::Fault(IoFault::Gone));
    assert_eq!(handle.counters.end(), Some(EndReason::Fault(IoFault::Gone)));
    assert_left_with(&desk, Alarms::AIS);
}

#[test]
fn a_stalled_heartbeat_is_seen_from_outside() {
    let desk = Desk::new(vec![e1(1)]);
    let (running, handle) = run(&desk, Some(Trouble::SleepMs(1)));
    let clock = MonoClock;
    let mut watch = Watch::new(Duration::from_millis(200), clock.now());
    wait_until("a heartbeat", || handle.counters.heartbeat.get() > 5);
    assert!(!watch.stalled(&handle.counters, clock.now()));
    desk.state().trouble = Some(Trouble::SleepMs(1_000));
    wait_until("the watcher's alarm", || watch.stalled(&handle.counters, clock.now()));
    desk.state().trouble = Some(Trouble::SleepMs(1));
    wait_until("recovery", || !watch.stalled(&handle.counters, clock.now()));
    running.stop();
    running.join();
}

#[test]
fn the_thread_says_what_it_was_granted_and_runs_without_it() {
    let desk = Desk::new(vec![e1(1)]);
    desk.state().trouble = Some(Trouble::SleepMs(1));
    let (engine, handle) = Engine::new(EngineConfig::default(), vec![desk.card()]).unwrap();
    let config =
        ThreadConfig { name: "rt-wish".to_owned(), priority: Some(50), cpu: Some(0), lock_memory: false };
    let running = start(engine, config).unwrap();
    let report = running.report().clone();
    assert_eq!(report.memory, Grant::NotAsked);
    assert_ne!((&report.priority, &report.cpu), (&Grant::NotAsked, &Grant::NotAsked));
    wait_until("a heartbeat", || handle.counters.heartbeat.get() > 5);
    running.stop();
    assert_eq!(running.join(), EndReason::Stopped);
    assert!(report.to_string().starts_with("realtime priority "));
}
