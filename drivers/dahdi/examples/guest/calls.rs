//! Talks, a call of a telephone.

use std::time::{Duration, Instant};

use card::conformance::{Bench, Rig, Wiring};
use card::{
    Card, CardControl, CardEvent, CardIo, ClockSource, LineConfig, LineOrder, RingCadence, Signalling,
};
use dahdi::{DahdiCard, DahdiConfig, DahdiControl, DahdiIo};
use tdm::{ChannelId, HookState, Law, SpanId, SpanKind};

use crate::rig::{self, Own, first};

pub fn line(position: u8, span: u16, signalling: Signalling) -> LineConfig {
    let clock = if position == 0 { ClockSource::Line } else { ClockSource::Internal };
    LineConfig { position, span: SpanId(span), law: Law::A, signalling, clock }
}

pub fn start(config: DahdiConfig, signalling: Signalling) -> (DahdiControl, DahdiIo) {
    let count = config.spans.len() as u8;
    let lines: Vec<_> = (0..count).map(|at| line(at, 10 + u16::from(at), signalling)).collect();
    DahdiCard::new(config).unwrap().start(&lines).unwrap()
}

/// A rig of one block length.
struct Blocks;

static BLOCK_MS: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(2);

impl Rig for Blocks {
    type Card = DahdiCard;

    fn wired(_: Wiring) -> Option<(Self, DahdiCard)> {
        let block_ms = BLOCK_MS.load(std::sync::atomic::Ordering::Relaxed);
        Some((Blocks, DahdiCard::new(DahdiConfig { block_ms, ..rig::pair(5, 6) }).unwrap()))
    }

    fn cut(&mut self, _: &mut DahdiControl, _: u8, _: bool) -> bool {
        false
    }

    fn slip(&mut self, _: &mut DahdiControl, _: u8, _: i8) -> bool {
        false
    }

    fn stall(&mut self, _: &mut DahdiControl, _: u32) -> bool {
        false
    }
}

pub fn every_block_length() {
    for block_ms in [2, 3, 5, 10, 16, 20] {
        BLOCK_MS.store(block_ms, std::sync::atomic::Ordering::Relaxed);
        let mut bench = Bench::<Blocks>::settled(Wiring::Crossed, Signalling::Clear).unwrap();
        bench.idle(3 * u64::from(bench.slack_ms));
        let checked = bench.check_pattern(300, crossed);
        println!("INFO blocks of {block_ms} ms: {checked} chunks as sent, {} samples lost", bench.lost);
        assert!(checked > 0);
    }
}

pub fn crossed(channel: usize) -> Option<usize> {
    Some(if channel < 31 { channel + 31 } else { channel - 31 })
}

/// Thirty channels and the D-channel's, both ways, for ten seconds: every octet is the one that was sent.
pub fn thirty_channels() {
    let mut bench = Bench::<Own>::settled(Wiring::Crossed, Signalling::Clear).unwrap();
    bench.idle(3 * u64::from(bench.slack_ms));
    let (before, lost) = (bench.control.counters(), bench.lost);
    let checked = bench.check_pattern(10_000, crossed);
    let after = bench.control.counters();
    println!(
        "INFO ten seconds of 62 channels: {checked} chunks as sent, {} lost samples, {} xruns, {} periods",
        bench.lost - lost,
        after.xruns - before.xruns,
        after.periods - before.periods
    );
    assert_eq!((bench.lost - lost, after.xruns - before.xruns), (0, 0), "a break of the machine");
    assert!(checked >= 62 * 9_900, "{checked}");
}

/// A port for a telephone, and one of the kernel's own at the other end of the wire: ring, answer, hang up, both ways.
pub fn telephone() {
    let config = rig::config().ports(SpanKind::Fxs, first(3), 2).ports(SpanKind::Fxo, first(4), 2);
    let (control, mut io) = start(config, Signalling::Loop);
    let (fxs, fxo) = (ChannelId::new(10, 1), ChannelId::new(11, 1));
    let mut told: Vec<CardEvent> = Vec::new();
    let run = |io: &mut DahdiIo, told: &mut Vec<CardEvent>, ms: u64, until: Option<CardEvent>| {
        let end = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < end {
            io.wait().unwrap();
            while let Some(event) = io.poll_event() {
                told.push(event);
            }
            io.commit().unwrap();
            if until.is_some_and(|event| told.contains(&event)) {
                return;
            }
        }
        if let Some(event) = until {
            panic!("{event:?} did not come: {told:?}");
        }
    };
    // Before its far end was a port of this kind its bits said off hook.
    run(&mut io, &mut told, 4_000, None);
    told.clear();
    let cadence = Some(RingCadence { on_ms: 400, off_ms: 600 });
    io.order(LineOrder::Ring { channel: fxs, cadence });
    assert_eq!(control.counters().bad_orders, 0, "the kernel takes the order to ring");
    run(&mut io, &mut told, 5_000, Some(CardEvent::Ring { channel: fxo, ringing: false }));
    assert!(told.contains(&CardEvent::Ring { channel: fxo, ringing: true }), "{told:?}");

    io.order(LineOrder::Hook { channel: fxo, state: HookState::OffHook });
    run(&mut io, &mut told, 5_000, Some(CardEvent::Hook { channel: fxs, state: HookState::OffHook }));
    told.clear();
    run(&mut io, &mut told, 2_000, None);
    let ring = CardEvent::Ring { channel: fxo, ringing: true };
    assert!(!told.contains(&ring), "an answered telephone rings on: {told:?}");

    told.clear();
    io.order(LineOrder::Hook { channel: fxo, state: HookState::OnHook });
    run(&mut io, &mut told, 5_000, Some(CardEvent::Hook { channel: fxs, state: HookState::OnHook }));

    // Lifted and put down again while the kernel still debounces the lifting: it tells so after two seconds.
    told.clear();
    run(&mut io, &mut told, 1_500, None);
    io.order(LineOrder::Hook { channel: fxo, state: HookState::OffHook });
    run(&mut io, &mut told, 5_000, Some(CardEvent::Hook { channel: fxs, state: HookState::OffHook }));
    io.order(LineOrder::Hook { channel: fxo, state: HookState::OnHook });
    run(&mut io, &mut told, 5_000, Some(CardEvent::Hook { channel: fxs, state: HookState::OnHook }));

    told.clear();
    run(&mut io, &mut told, 1_500, None);
    io.order(LineOrder::Hook { channel: fxo, state: HookState::OffHook });
    run(&mut io, &mut told, 5_000, Some(CardEvent::Hook { channel: fxs, state: HookState::OffHook }));
    run(&mut io, &mut told, 1_000, None);
    told.clear();
    io.order(LineOrder::Break { channel: fxs, ms: 500 });
    run(&mut io, &mut told, 5_000, Some(CardEvent::Feed { channel: fxo, present: false }));
    assert_eq!(control.counters().bad_orders, 0);
}
