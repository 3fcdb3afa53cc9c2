//! The realtime contract, with every feature of the engine in use: no heap, no stray sleep, no page fault.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use std::sync::atomic::{AtomicBool, Ordering};

use card::{CardEvent, LineOrder, Signalling};
use desk::{Desk, Rig, Trouble, e1, span};
use dsp::echo::{EchoMode, NlpMode};
use rt::guard::{GuardedAlloc, OnHeapUse, arm};
use rt::{
    Conference, Digits, EchoSettings, Engine, EngineConfig, FeedBlock, FeedPort, Gain, RtCommand, RtOp,
    Source, Strip, TapPort, Tone, Wants,
};
use tdm::{Abcd, ChannelId, HdlcFrame, Law, SpanId, SpanKind, Timeslot};

#[global_allocator]
static ALLOC: GuardedAlloc = GuardedAlloc::new(OnHeapUse::Abort);

/// Everything at once, for strips 0 to 30 of the first card and the following card's strips behind the empty place.
fn every_feature() -> Vec<RtOp> {
    let send = |strip, source| RtOp::Send { strip: Strip(strip), source };
    let mut ops = vec![
        send(0, Source::Line(Strip(1))),
        send(1, Source::Line(Strip(0))),
        send(8, Source::Feed(FeedPort(0))),
        send(9, Source::Feed(FeedPort(0))),
        send(10, Source::Tone(Tone::Unobtainable)),
        send(11, Source::Tone(Tone::Busy)),
        send(12, Source::Line(Strip(12))),
        send(62, Source::Line(Strip(2))),
        RtOp::Gains { strip: Strip(0), rx: Gain(-300), tx: Gain(300) },
        RtOp::Dial { strip: Strip(12), digits: Digits::new("159D,*").unwrap() },
        RtOp::Line(LineOrder::Abcd { channel: ChannelId::new(1, 1), bits: Abcd(9) }),
        send(9_999, Source::Silence),
        RtOp::Echo { strip: Strip(4), mode: EchoMode::Off, tail_ms: 0 },
        RtOp::Echo { strip: Strip(5), mode: EchoMode::On(NlpMode::Silence), tail_ms: 32 },
    ];
    ops.extend((2..8).map(|strip| send(strip, Source::Conference(Conference(0)))));
    ops.extend(
        (0..31)
            .filter(|&strip| strip != 15)
            .map(|strip| RtOp::Detect { strip: Strip(strip), wants: Wants::all() }),
    );
    ops.extend((0..13).map(|port| RtOp::Tap { port: TapPort(port), strip: Strip(port) }));
    ops
}

#[test]
fn every_feature_at_once_uses_no_heap_does_not_sleep_and_faults_no_page() {
    let pri = span(Some(1), SpanKind::E1, Signalling::Hdlc(Timeslot(16)), Law::A);
    let empty = span(None, SpanKind::E1, Signalling::Clear, Law::A);
    let (leader, follower) = (Desk::new(vec![pri, empty]), Desk::new(vec![e1(3)]));
    let config = EngineConfig {
        guard_every_periods: 1,
        tap_blocks: 20,
        event_ring: 64,
        echo: EchoSettings { tail_ms: 128, ..EchoSettings::default() },
        ..EngineConfig::default()
    };
    let (mut engine, mut handle) = Engine::new(config, vec![leader.card(), follower.card()]).unwrap();
    leader.state().looped = true;
    let mut faults_when_warm = 0;
    for period in 0..3_000u32 {
        if period % 500 == 0 {
            for (seq, op) in (period..).zip(every_feature()) {
                handle.commands.push(RtCommand { seq, op }).unwrap();
            }
        }
        if period % 500 == 450 {
            for strip in 0..13 {
                let op = RtOp::Reset { strip: Strip(strip) };
                handle.sig_commands.push(RtCommand { seq: period, op }).unwrap();
            }
            handle
                .commands
                .push(RtCommand { seq: 0, op: RtOp::Flush { feed: FeedPort(0), generation: 0 } })
                .unwrap();
        }
        leader.state().chunks = 1 + u16::from(period % 7 == 3);
        follower.state().is_ready = period % 50 != 20;
        leader.state().slots[1].span = (period / 100 % 2 == 1).then_some(SpanId(5));
        let block =
            FeedBlock { block: [(period % 1_000) as i16; 8], generation: 0, last: period % 200 == 199 };
        let _ = handle.feeds[0].push(block);
        let _ = handle.dchannels[0].tx.push(HdlcFrame::new(&[0, 1, period as u8, 3]).unwrap());
        let bits = CardEvent::Abcd { channel: ChannelId::new(1, 3), bits: Abcd(period as u8 % 16) };
        leader.state().events.push_back(bits);
        // Rings are left to overflow now and then: that path must be as clean.
        if period % 200 == 0 {
            while handle.events.pop().is_ok() {}
            handle.taps.iter_mut().for_each(|tap| while tap.pop().is_ok() {});
            while handle.dchannels[0].rx.pop().is_ok() {}
        }
        // The desk card's order list is a Vec that a real card would not have.
        leader.state().orders.clear();
        engine.period().unwrap();
        if period == 1_000 {
            faults_when_warm = handle.counters.stray_faults.get();
        }
    }
    let counters = &handle.counters;
    assert_eq!(counters.heap_uses.get(), 0);
    assert_eq!(counters.stray_switches.get(), 0, "voluntary switches outside the wait");
    assert_eq!(counters.stray_faults.get(), faults_when_warm, "page faults after the first second");
    // The features were truly in use.
    assert!(counters.tap_overrun.get() > 0 && counters.events_lost.get() > 0 && counters.censuses.get() > 0);
    assert!(counters.refused.get() == 6 && counters.slips.get() > 0 && counters.hdlc_frames[0].get() > 500);
    assert!(
        counters.feed_underrun.get() + counters.feed_stale.get() < 3_000 && counters.late_periods.get() > 400
    );
}

#[test]
fn the_armed_guard_counts_per_thread_and_is_quiet_outside() {
    let before = rt::guard::heap_uses();
    let kept = vec![1, 2, 3];
    assert_eq!(rt::guard::heap_uses(), before);
    let armed = arm();
    let sum: i32 = kept.iter().sum();
    drop(armed);
    drop(kept);
    assert_eq!((sum, rt::guard::heap_uses()), (6, before));
}

#[test]
fn a_wait_that_sleeps_is_not_a_stray_switch() {
    let config = EngineConfig { guard_every_periods: 1, ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![e1(1)]);
    rig.desk.state().trouble = Some(Trouble::SleepMs(1));
    rig.periods(20);
    let counters = &rig.handle.counters;
    assert!(counters.voluntary_switches.get() >= 19, "the waits do sleep");
    assert_eq!(counters.stray_switches.get(), 0);
}

#[test]
fn two_threads_can_look_while_the_engine_runs() {
    let mut rig = Rig::new(vec![e1(1)]);
    let done = AtomicBool::new(false);
    let (counters, layout) = (rig.handle.counters.clone(), rig.handle.layout.clone());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let now = counters.heartbeat.get();
                assert!(now >= last && layout.strip(ChannelId::new(1, 1)) == Some(Strip(0)));
                last = now;
            }
        });
        rig.periods(2_000);
        done.store(true, Ordering::Release);
    });
    assert_eq!(rig.handle.counters.heartbeat.get(), 2_000);
}
