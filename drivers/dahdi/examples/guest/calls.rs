//! Talks, a call of ISDN, a call of a telephone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use card::conformance::{Bench, Rig, Wiring};
use card::{
    Card, CardControl, CardEvent, CardIo, ClockSource, LineConfig, LineOrder, RingCadence, Signalling,
};
use clock::{Clock, MonoClock, Prng};
use dahdi::{DahdiCard, DahdiConfig, DahdiControl, DahdiIo};
use isdn::{
    BearerCapability, Cause, ChannelChoice, Digits, Input, Output, PartyNumber, Pri, PriConfig, PriEvent,
    Request, Setup, Side,
};
use tdm::hdlc::{LapdRx, LapdTx};
use tdm::{CHUNK, ChannelId, Chunk, HdlcFrame, HookState, Law, SpanId, SpanKind, Timeslot};

use crate::rig::{self, Own, first};

/// The place of the D-channel in its span.
const D: usize = 15;

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

/// One end of a span with primary rate ISDN.
struct End {
    pri: Pri,
    rx: LapdRx,
    tx: LapdTx,
    frames: VecDeque<HdlcFrame>,
    events: Vec<PriEvent>,
}

impl End {
    fn new(side: Side) -> End {
        let config = PriConfig { restart_on_start: false, ..PriConfig::new(side, SpanKind::E1) };
        let mut pri = Pri::new(config, Prng::new(1));
        pri.handle(Input::LineUp, MonoClock.now());
        End { pri, rx: LapdRx::new(), tx: LapdTx::new(), frames: VecDeque::new(), events: Vec::new() }
    }

    fn request(&mut self, request: Request) {
        self.pri.handle(Input::Request(request), MonoClock.now());
    }

    /// Takes a millisecond of the D-channel and gives one.
    fn millisecond(&mut self, heard: &Chunk) -> Chunk {
        let now = MonoClock.now();
        let mut received = Vec::new();
        self.rx.chunk(heard, |frame| received.push(frame.to_vec()));
        for frame in received {
            self.pri.handle(Input::Frame(&frame), now);
        }
        if self.pri.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.pri.handle(Input::Timeout, now);
        }
        while let Some(output) = self.pri.poll_output() {
            match output {
                Output::Frame(frame) => self.frames.push_back(frame),
                Output::Event(event) => self.events.push(event),
            }
        }
        let frames = &mut self.frames;
        self.tx.chunk(|| frames.pop_front())
    }
}

/// Lives through a period with both ends; `say` gives what each end's channels send.
fn period(io: &mut DahdiIo, ends: &mut [End; 2], say: impl Fn(usize) -> Option<u8>) -> Vec<Vec<Chunk>> {
    let period = io.wait().unwrap();
    while io.poll_event().is_some() {}
    let heard: Vec<Vec<Chunk>> = io.rx().chunks(62).map(<[Chunk]>::to_vec).collect();
    for (row, heard) in heard.iter().enumerate().take(usize::from(period.chunks)) {
        for (end, at) in ends.iter_mut().zip([D, 31 + D]) {
            let chunk = end.millisecond(&heard[at]);
            io.tx()[row * 62 + at] = chunk;
        }
        for channel in 0..62 {
            if let Some(octet) = say(channel) {
                io.tx()[row * 62 + channel] = [octet; CHUNK];
            }
        }
    }
    io.commit().unwrap();
    heard
}

/// Layer 2 up, SETUP to CONNECT, both people heard on the channel that was agreed on, DISCONNECT to RELEASE COMPLETE.
pub fn pri_call() {
    let (_control, mut io) = start(rig::pair(5, 6), Signalling::Hdlc(Timeslot(16)));
    let mut ends = [End::new(Side::Network), End::new(Side::User)];
    let deadline = Instant::now() + Duration::from_secs(40);
    let (mut called, mut caller, mut callee, mut channel) = (false, None, None, None);
    let (mut heard_both, mut released) = (0, [false; 2]);
    while released != [true; 2] {
        assert!(Instant::now() < deadline, "{:?} {:?}", ends[0].events, ends[1].events);
        let talk = channel;
        let heard = period(&mut io, &mut ends, |at| match talk {
            Some(slot) if at == slot => Some(0x11),
            Some(slot) if at == 31 + slot => Some(0x22),
            _ => None,
        });
        if let Some(slot) = channel {
            heard_both +=
                heard.iter().filter(|row| row[slot] == [0x22; 8] && row[31 + slot] == [0x11; 8]).count();
        }
        for (index, end) in ends.iter_mut().enumerate() {
            for event in std::mem::take(&mut end.events) {
                match event {
                    PriEvent::Up if index == 0 && !called => {
                        called = true;
                        let call = end.pri.next_call();
                        caller = Some(call);
                        let setup = Setup {
                            call,
                            called: PartyNumber::called(Digits::new("8000").unwrap()),
                            calling: None,
                            name: None,
                            channel: ChannelChoice::Any,
                            sending_complete: true,
                            bearer: BearerCapability::audio(Law::A),
                        };
                        end.request(Request::Setup(Box::new(setup)));
                    }
                    PriEvent::Offer(offer) => {
                        let call = offer.call;
                        callee = Some(call);
                        for request in [
                            Request::Proceeding { call, inband: false },
                            Request::Alerting { call, inband: false },
                            Request::Connect { call },
                        ] {
                            end.request(request);
                        }
                    }
                    PriEvent::Answered { call, channel: agreed, .. } => {
                        assert_eq!(Some(call), caller);
                        channel = Some(usize::from(agreed.0) - 1);
                    }
                    PriEvent::Released { .. } => released[index] = true,
                    _ => {}
                }
            }
        }
        if heard_both > 500
            && let Some(call) = caller.filter(|_| channel.take().is_some())
        {
            ends[0].request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
        }
    }
    assert!(callee.is_some() && heard_both > 500);
    println!("INFO a call over two spans: both heard each other for {heard_both} ms");
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

    // Lifted and put down again while the kernel still debounces the lifting: it tells nothing of that.
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
