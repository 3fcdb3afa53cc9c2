//! Spans: D-channels, orders, events and their census, spans that come and go, cards that follow.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use card::{CardEvent, LineOrder, RingCadence, Signalling};
use desk::{Desk, MAX_ROWS, Rig, e1, span};
use rt::{Engine, EngineConfig, EngineError, IdleCode, Refusal, RtCommand, RtEventKind, RtOp, Source, Strip};
use tdm::{Abcd, Alarms, ChannelId, HdlcFrame, HookState, Law, SpanId, SpanKind, Timeslot};

fn pri(number: u16) -> card::SpanSlot {
    span(Some(number), SpanKind::E1, Signalling::Hdlc(Timeslot(16)), Law::A)
}

fn frame(first: u8, length: usize) -> HdlcFrame {
    HdlcFrame::new(&(0..length).map(|n| first.wrapping_add(n as u8)).collect::<Vec<_>>()).unwrap()
}

#[test]
fn frames_cross_a_looped_d_channel_bit_by_bit_and_the_b_channels_beside_it_are_left_alone() {
    let mut rig = Rig::new(vec![pri(1)]);
    rig.desk.state().looped = true;
    let frames = [frame(0x02, 4), frame(0xFE, 260), frame(0x7C, 33), frame(0xFF, 3)];
    let channel = &mut rig.handle.dchannels[0];
    assert_eq!((channel.slot, channel.span), (0, Some(SpanId(1))));
    for frame in frames {
        channel.tx.push(frame).unwrap();
    }
    rig.periods(60);
    let heard: Vec<_> = std::iter::from_fn(|| rig.handle.dchannels[0].rx.pop().ok()).collect();
    assert_eq!(heard, frames);
    assert_eq!(rig.handle.counters.hdlc_frames[0].get(), 4);
    assert_eq!((rig.desk.sent(14), rig.desk.sent(16)), ([0xD5; 8], [0xD5; 8]));
    let flag_in_some_phase =
        (0..8).map(|by| [0x7Eu8.rotate_left(by); 8]).any(|flags| flags == rig.desk.sent(15));
    assert!(flag_in_some_phase, "flags when idle: {:x?}", rig.desk.sent(15));
}

#[test]
fn frames_cross_late_periods_without_an_error() {
    let mut rig = Rig::new(vec![pri(1)]);
    rig.desk.state().looped = true;
    rig.desk.state().chunks = MAX_ROWS as u16;
    let mut heard = 0;
    for n in 0..200u16 {
        rig.handle.dchannels[0].tx.push(frame(n as u8, 50)).unwrap();
        rig.periods(3);
        while rig.handle.dchannels[0].rx.pop().is_ok() {
            heard += 1;
        }
    }
    assert_eq!(heard, 200);
    assert_eq!(rig.handle.counters.hdlc_errors[0].get(), 0);
}

#[test]
fn garbage_on_a_d_channel_is_counted_and_a_full_ring_drops_frames() {
    let config = EngineConfig { dchannel_frames: 2, ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![pri(1)]);
    let mut prng = clock::Prng::new(7);
    for _ in 0..500 {
        let noise = std::array::from_fn(|i| if i == 3 { 0x7E } else { prng.next_u64() as u8 });
        rig.desk.hear(15, noise);
        rig.period();
    }
    assert!(rig.handle.counters.hdlc_errors[0].get() > 50);
    rig.desk.state().looped = true;
    for n in 0..5 {
        while rig.handle.dchannels[0].tx.push(frame(n, 4)).is_err() {
            rig.period();
        }
    }
    rig.periods(40);
    assert!(rig.handle.counters.dchan_drops.get() >= 3);
    assert_eq!(rig.handle.dchannels[0].rx.slots(), 2);
}

#[test]
fn a_card_with_hdlc_of_its_own_gets_whole_frames_and_keeps_the_one_it_had_no_room_for() {
    let config = EngineConfig { hardware_hdlc: vec![true], ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![pri(1)]);
    rig.desk.state().frames_in.extend([vec![1, 2, 3], vec![4, 5, 6, 7]]);
    rig.desk.state().frame_room = 1;
    rig.handle.dchannels[0].tx.push(frame(10, 5)).unwrap();
    rig.handle.dchannels[0].tx.push(frame(20, 6)).unwrap();
    rig.period();
    assert_eq!(rig.desk.state().frames_out, [frame(10, 5).octets()]);
    assert_eq!(rig.handle.dchannels[0].rx.pop().unwrap().octets(), [1, 2, 3]);
    assert_eq!(rig.handle.dchannels[0].rx.pop().unwrap().octets(), [4, 5, 6, 7]);
    rig.desk.state().frame_room = 9;
    rig.period();
    assert_eq!(rig.desk.state().frames_out[1], frame(20, 6).octets());
    rig.desk.state().events.push_back(CardEvent::FrameLost { span: SpanId(1) });
    rig.period();
    assert_eq!(rig.handle.counters.hdlc_errors[0].get(), 1);
    assert_eq!(rig.desk.sent(15), [0xD5; 8], "no flags of ours");
}

#[test]
fn orders_for_lines_that_are_there_reach_the_card_and_others_are_refused() {
    let fxs = span(Some(9), SpanKind::Fxs, Signalling::Loop, Law::A);
    let mut rig = Rig::new(vec![e1(1), fxs]);
    let channel = ChannelId::new(9, 2);
    let good = [
        LineOrder::Ring { channel, cadence: Some(RingCadence::CHINA) },
        LineOrder::Break { channel, ms: 2_000 },
        LineOrder::Abcd { channel: ChannelId::new(1, 31), bits: Abcd(0b1101) },
        LineOrder::SendAlarms { span: SpanId(1), alarms: Alarms::YELLOW },
    ];
    for order in good {
        assert_eq!(rig.tell(RtOp::Line(order)), Ok(()));
    }
    assert_eq!(rig.desk.state().orders, good);
    let bad = [
        (LineOrder::Ring { channel: ChannelId::new(9, 5), cadence: None }, Refusal::NoSuchPlace),
        (LineOrder::Hook { channel: ChannelId::new(2, 1), state: HookState::OffHook }, Refusal::NoSuchPlace),
        (LineOrder::SendAlarms { span: SpanId(2), alarms: Alarms::AIS }, Refusal::NoSuchPlace),
        (LineOrder::Break { channel, ms: 2_001 }, Refusal::OutOfRange),
        (LineOrder::Break { channel, ms: 0 }, Refusal::OutOfRange),
        (LineOrder::Abcd { channel, bits: Abcd(16) }, Refusal::OutOfRange),
    ];
    for (order, why) in bad {
        assert_eq!(rig.tell(RtOp::Line(order)), Err(why));
    }
    assert_eq!(rig.desk.state().orders.len(), 4);
}

#[test]
fn states_lost_in_a_full_event_ring_are_told_as_levels_within_100_ms() {
    let config = EngineConfig { event_ring: 16, ..EngineConfig::default() };
    let fxs = span(Some(9), SpanKind::Fxs, Signalling::Loop, Law::A);
    let mut rig = Rig::with(config, vec![e1(1), fxs]);
    let hook = |port, state| CardEvent::Hook { channel: ChannelId::new(9, port), state };
    for n in 0..40 {
        let channel = ChannelId::new(1, 1 + n % 31);
        rig.desk.state().events.push_back(CardEvent::Abcd { channel, bits: Abcd(n % 16) });
    }
    rig.desk.state().events.push_back(hook(2, HookState::OffHook));
    let alarms = CardEvent::Alarms { span: SpanId(1), alarms: Alarms::RED };
    rig.desk.state().events.push_back(alarms);
    assert!(!rig.period().contains(&RtEventKind::Card(alarms)));
    assert!(rig.handle.counters.events_lost.get() >= 26);
    rig.seen.clear();
    rig.periods(110);
    let told = |event| rig.seen.iter().any(|seen| seen.kind == RtEventKind::Card(event));
    assert!(told(alarms) && told(hook(2, HookState::OffHook)));
    assert!(told(CardEvent::Attached { span: SpanId(1) }) && told(CardEvent::Attached { span: SpanId(9) }));
    for timeslot in 1..=31u8 {
        // The last bits of each channel: the second round reached timeslots 1 to 9.
        let bits = Abcd(if timeslot <= 9 { (timeslot + 30) % 16 } else { (timeslot - 1) % 16 });
        assert!(told(CardEvent::Abcd { channel: ChannelId::new(1, timeslot), bits }), "{timeslot}");
    }
    assert_eq!(rig.handle.counters.censuses.get(), 1);
    rig.seen.clear();
    rig.periods(300);
    assert!(rig.seen.is_empty(), "a census that got through is not repeated");
}

#[test]
fn a_command_waits_while_there_is_no_room_for_its_answer() {
    let config = EngineConfig { event_ring: 16, ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![e1(1)]);
    for _ in 0..40 {
        rig.order(RtOp::Send { strip: Strip(0), source: Source::Silence });
    }
    rig.handle.sig_commands.push(RtCommand { seq: 1_000, op: RtOp::Reset { strip: Strip(1) } }).unwrap();
    for _ in 0..5 {
        rig.engine.period().unwrap();
    }
    assert_eq!((rig.handle.counters.commands.get(), rig.handle.events.slots()), (16, 16));
    rig.periods(4);
    let applied = rig.seen.iter().filter(|event| matches!(event.kind, RtEventKind::Applied { .. })).count();
    assert_eq!(applied, 41);
    assert_eq!(rig.handle.counters.events_lost.get(), 0);
}

#[test]
fn a_span_is_detached_and_another_attached_while_its_neighbour_talks() {
    let mut rig = Rig::new(vec![e1(1), pri(2)]);
    rig.bridge(0, 1);
    rig.send(31, Source::Line(Strip(0))).unwrap();
    rig.desk.hear(0, [0x2A; 8]);
    rig.desk.state().slots[1].span = None;
    for _ in 0..10 {
        rig.period();
        assert_eq!(rig.desk.sent(1), [0x2A; 8], "the neighbour hears every period");
    }
    assert_eq!(rig.desk.sent(31), [0xD5; 8]);
    assert_eq!(rig.handle.layout.strip(ChannelId::new(2, 1)), None);
    assert_eq!(rig.send(31, Source::Silence), Err(Refusal::NoSuchPlace));
    rig.handle.dchannels[1].tx.push(frame(1, 4)).unwrap();
    {
        let mut state = rig.desk.state();
        state.slots[1].span = Some(SpanId(77));
        state.slots[1].law = Law::Mu;
        state.slots[1].signalling = Signalling::Hdlc(Timeslot(1));
    }
    rig.period();
    assert_eq!(rig.handle.layout.channel(Strip(32)), Some(ChannelId::new(77, 2)));
    assert_eq!(rig.desk.sent(32), [0xFF; 8], "idle in the new law");
    assert_eq!(
        rig.desk.sent(31)[1..],
        [0x7E; 7],
        "flags in the new D-channel: nothing of the old span is sent"
    );
    assert_eq!(rig.send(32, Source::Line(Strip(0))), Ok(()));
    assert_eq!(rig.desk.sent(1), [0x2A; 8]);
}

#[test]
fn idle_channels_carry_the_octet_that_was_configured_for_their_span() {
    let idle = vec![IdleCode { span: SpanId(2), octet: 0x54 }];
    let mut rig = Rig::with(EngineConfig { idle, ..EngineConfig::default() }, vec![e1(1), e1(2)]);
    rig.period();
    assert_eq!((rig.desk.sent(0), rig.desk.sent(31)), ([0xD5; 8], [0x54; 8]));
}

#[test]
fn a_following_card_is_bridged_to_the_master_and_a_missing_period_is_one_slip() {
    let (leader, follower) = (Desk::new(vec![e1(1)]), Desk::new(vec![e1(2)]));
    let cards = vec![leader.card(), follower.card()];
    let (mut engine, mut handle) = Engine::new(EngineConfig::default(), cards).unwrap();
    for (seq, to, from) in [(1, 0, 31), (2, 31, 0)] {
        let op = RtOp::Send { strip: Strip(to), source: Source::Line(Strip(from)) };
        handle.commands.push(RtCommand { seq, op }).unwrap();
    }
    leader.hear(0, [1; 8]);
    follower.hear(0, [2; 8]);
    engine.period().unwrap();
    assert_eq!((leader.sent(0), follower.sent(0)), ([2; 8], [1; 8]), "the same period when both are in step");
    assert_eq!(handle.counters.slips.get(), 0);
    follower.state().is_ready = false;
    let commits = follower.state().commits;
    engine.period().unwrap();
    assert_eq!(handle.counters.slips.get(), 1);
    assert_eq!(leader.sent(0), [2; 8], "the last block is repeated");
    assert_eq!(follower.state().commits, commits, "without a period there is nothing to commit");
    follower.state().is_ready = true;
    for ms in 10..100u8 {
        leader.hear(0, [ms; 8]);
        engine.period().unwrap();
        assert_eq!(follower.sent(0), [ms - u8::from(ms > 10); 8].map(|o| if ms == 10 { 1 } else { o }));
    }
    assert_eq!(handle.counters.slips.get(), 1, "in step again, one block later");
}

#[test]
fn a_domain_that_cannot_work_is_refused_with_its_reason() {
    let make = |config, cards| Engine::new(config, cards).err().map(|error| error.to_string());
    assert_eq!(Engine::new(EngineConfig::default(), vec![]).err(), Some(EngineError::NoCards));
    let twice = vec![Desk::new(vec![e1(4)]).card(), Desk::new(vec![e1(4)]).card()];
    let text = make(EngineConfig::default(), twice).unwrap();
    assert_eq!(text, "span 4 is on two places of one clock domain");
    let config = EngineConfig { tap_blocks: 0, ..EngineConfig::default() };
    let text = make(config, vec![Desk::new(vec![e1(4)]).card()]).unwrap();
    assert_eq!(text, "`tap_blocks` is 0: 1 to 1000000 is allowed");
}
