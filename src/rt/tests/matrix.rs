//! What the matrix does with samples: bridges, conferences, gains, cuts, late periods.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use card::Signalling;
use desk::{MAX_ROWS, Rig, e1, span};
use rt::{Conference, EngineConfig, Gain, Refusal, RtEventKind, RtOp, Source, Strip, Wants};
use tdm::{Law, SpanKind};

#[test]
fn a_bridge_carries_every_octet_of_a_law_both_ways_in_the_same_period() {
    let mut rig = Rig::new(vec![e1(1), e1(2)]);
    rig.bridge(4, 40);
    for first in (0..=255u8).step_by(8) {
        let there = std::array::from_fn(|i| first.wrapping_add(i as u8));
        let back = there.map(|octet: u8| octet ^ 0x5A);
        rig.desk.hear(4, there);
        rig.desk.hear(40, back);
        rig.period();
        assert_eq!((rig.desk.sent(40), rig.desk.sent(4)), (there, back));
    }
    assert_eq!(rig.desk.sent(5), [0xD5; 8], "a channel beside it is idle");
}

#[test]
fn a_bridge_between_laws_converts_and_keeps_the_value() {
    let mut rig = Rig::new(vec![e1(1), span(Some(2), SpanKind::T1, Signalling::Clear, Law::Mu)]);
    rig.bridge(0, 31);
    rig.desk.hear_linear(0, [1_000; 8]);
    rig.period();
    let heard = g711::decode_chunk(Law::Mu, &rig.desk.sent(31));
    assert!(heard.iter().all(|&sample| (i32::from(sample) - 1_000).abs() < 40), "{heard:?}");
    assert_eq!(rig.desk.sent(32), [0xFF; 8], "idle in the other law");
}

#[test]
fn conference_members_hear_the_saturated_sum_of_the_others() {
    let mut rig = Rig::new(vec![e1(1)]);
    let levels = [20_000i16, 24_000, -8_000];
    for (strip, level) in (0..).zip(levels) {
        rig.order(RtOp::Send { strip: Strip(strip), source: Source::Conference(Conference(3)) });
        rig.desk.hear_linear(usize::from(strip), [level; 8]);
    }
    rig.period();
    let line = levels.map(|level| g711::decode(Law::A, g711::encode(Law::A, level)));
    for member in 0..3 {
        let others: i32 = (0..3).filter(|&other| other != member).map(|other| i32::from(line[other])).sum();
        let others = others.clamp(-32_768, 32_767) as i16;
        let expected = g711::decode(Law::A, g711::encode(Law::A, others));
        assert_eq!(rig.desk.sent_linear(member), [expected; 8], "member {member}");
    }
}

#[test]
fn a_conference_takes_its_full_number_and_room_comes_back_when_one_leaves() {
    let config = EngineConfig { conference_members: 3, ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![e1(1)]);
    let room = Source::Conference(Conference(0));
    for strip in 0..3 {
        assert_eq!(rig.send(strip, room), Ok(()));
    }
    assert_eq!(rig.send(3, room), Err(Refusal::ConferenceFull));
    assert_eq!(rig.send(1, room), Ok(()), "a member stays one");
    assert_eq!(rig.send(1, Source::Silence), Ok(()));
    assert_eq!(rig.send(3, room), Ok(()));
    assert_eq!(rig.send(4, Source::Conference(Conference(16))), Err(Refusal::NoSuchPlace));
}

#[test]
fn gains_change_levels_in_hundredths_of_a_decibel_and_not_beyond_their_range() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.bridge(0, 1);
    rig.desk.hear_linear(0, [8_000; 8]);
    rig.desk.hear_linear(1, [8_000; 8]);
    rig.tell(RtOp::Gains { strip: Strip(0), rx: Gain(-602), tx: Gain(602) }).unwrap();
    // Down by half on the way from 0 to 1, up to double from 1 to 0; A-law's steps are coarse.
    assert!((3_800..4_200).contains(&rig.desk.sent_linear(1)[7]));
    assert!((15_200..16_800).contains(&rig.desk.sent_linear(0)[7]));
    let too_much = RtOp::Gains { strip: Strip(0), rx: Gain(1_201), tx: Gain(0) };
    assert_eq!(rig.tell(too_much), Err(Refusal::OutOfRange));
    assert_eq!(
        rig.tell(RtOp::Gains { strip: Strip(0), rx: Gain(0), tx: Gain(-2_401) }),
        Err(Refusal::OutOfRange)
    );
    assert!((3_800..4_200).contains(&rig.desk.sent_linear(1)[7]), "a refused command changes nothing");
}

#[test]
fn what_was_cut_ends_with_a_ramp_of_one_block_and_then_the_idle_code() {
    let mut rig = Rig::new(vec![e1(1)]);
    let room = Source::Conference(Conference(0));
    rig.order(RtOp::Send { strip: Strip(0), source: room });
    rig.send(1, room).unwrap();
    rig.desk.hear_linear(1, [16_000; 8]);
    rig.period();
    let before = rig.desk.sent_linear(0)[7];
    rig.send(0, Source::Silence).unwrap();
    let ramp = rig.desk.sent_linear(0);
    assert!(ramp[0] < before && ramp[0] > before / 2 && ramp.is_sorted_by(|a, b| a >= b), "{ramp:?}");
    assert!(ramp[7].abs() < 16, "{ramp:?}");
    rig.period();
    assert_eq!(rig.desk.sent(0), [0xD5; 8]);
}

#[test]
fn a_late_period_is_carried_chunk_by_chunk() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.bridge(0, 1);
    rig.desk.state().chunks = MAX_ROWS as u16;
    for row in 0..MAX_ROWS {
        rig.desk.hear_row(row, 0, [row as u8; 8]);
    }
    rig.period();
    for row in 0..MAX_ROWS {
        assert_eq!(rig.desk.sent_row(row, 1), [row as u8; 8]);
    }
    assert_eq!(rig.handle.counters.late_periods.get(), 1);
    assert_eq!(rig.handle.counters.lost_samples.get(), 0);
}

#[test]
fn lost_samples_are_counted_and_told_once() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.desk.state().lost = 800;
    assert!(rig.period().is_empty(), "before the first wait nothing was to be lost");
    rig.desk.state().lost = 24;
    assert_eq!(rig.period(), [RtEventKind::Lost { samples: 24 }]);
    assert_eq!(rig.seen.last().unwrap().time.samples(), 832, "the time jumps over what was lost");
    assert!(rig.period().is_empty());
    let counters = &rig.handle.counters;
    assert_eq!((counters.xruns.get(), counters.lost_samples.get()), (1, 24));
}

#[test]
fn places_that_do_not_exist_are_refused_and_change_nothing() {
    let d_channel = span(Some(1), SpanKind::E1, Signalling::Hdlc(tdm::Timeslot(16)), Law::A);
    let empty = span(None, SpanKind::E1, Signalling::Clear, Law::A);
    let mut rig = Rig::new(vec![d_channel, empty]);
    let gone = Err(Refusal::NoSuchPlace);
    assert_eq!(rig.send(62, Source::Silence), gone, "no such strip");
    assert_eq!(rig.send(40, Source::Silence), gone, "no span there");
    assert_eq!(rig.send(15, Source::Silence), gone, "a D-channel");
    assert_eq!(rig.send(0, Source::Line(Strip(15))), gone);
    assert_eq!(rig.send(0, Source::Line(Strip(999))), gone);
    assert_eq!(rig.send(0, Source::Feed(rt::FeedPort(64))), gone);
    assert_eq!(rig.tell(RtOp::Tap { port: rt::TapPort(64), strip: Strip(0) }), gone);
    assert_eq!(rig.tell(RtOp::Untap { port: rt::TapPort(64) }), gone);
    assert_eq!(rig.tell(RtOp::Flush { feed: rt::FeedPort(64), generation: 1 }), gone);
    assert_eq!(rig.tell(RtOp::Detect { strip: Strip(15), wants: Wants::DTMF }), gone);
    assert_eq!(rig.tell(RtOp::Reset { strip: Strip(62) }), gone);
    assert_eq!(rig.tell(RtOp::Reset { strip: Strip(40) }), Ok(()));
    assert_eq!(rig.handle.counters.refused.get(), 11);
    assert_eq!(rig.desk.sent(0), [0xD5; 8]);
}

#[test]
fn reset_puts_a_channel_back_as_it_was_at_start() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.bridge(0, 1);
    rig.tell(RtOp::Gains { strip: Strip(0), rx: Gain(600), tx: Gain(600) }).unwrap();
    rig.tell(RtOp::Tap { port: rt::TapPort(0), strip: Strip(0) }).unwrap();
    rig.tell(RtOp::Tap { port: rt::TapPort(1), strip: Strip(1) }).unwrap();
    let digits = rt::Digits::new("123").unwrap();
    rig.tell(RtOp::Dial { strip: Strip(0), digits }).unwrap();
    assert_eq!(rig.tell(RtOp::Dial { strip: Strip(0), digits }), Err(Refusal::Dialling));
    rig.tell(RtOp::Reset { strip: Strip(0) }).unwrap();
    assert_eq!(rig.desk.sent(0), [0xD5; 8]);
    while rig.handle.taps[0].pop().is_ok() {}
    while rig.handle.taps[1].pop().is_ok() {}
    rig.desk.hear(0, [0x11; 8]);
    rig.period();
    assert_eq!(rig.desk.sent(1), [0x11; 8], "the other still hears it, at 0 dB");
    assert_eq!((rig.handle.taps[0].slots(), rig.handle.taps[1].slots()), (0, 1));
    assert_eq!(rig.tell(RtOp::Dial { strip: Strip(0), digits }), Ok(()), "digits can be sent again");
}

#[test]
fn levels_read_what_the_line_sends_and_is_sent() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.order(RtOp::Send { strip: Strip(0), source: Source::Tone(rt::Tone::Milliwatt) });
    rig.desk.state().looped = true;
    rig.periods(300);
    let (rx, tx) = (rig.handle.levels.rx_dbm0(Strip(0)), rig.handle.levels.tx_dbm0(Strip(0)));
    assert!((rx.unwrap() + 10.0).abs() < 0.2 && (tx.unwrap() + 10.0).abs() < 0.2, "{rx:?} {tx:?}");
    assert_eq!(rig.handle.levels.rx_dbm0(Strip(1)), None);
}
