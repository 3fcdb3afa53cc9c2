//! Taps and feeds: what recorders get and what prompts give.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use clock::SampleTime;
use desk::{Rig, e1};
use rt::{EngineConfig, FeedBlock, FeedPort, Refusal, RtEventKind, RtOp, Source, Strip, TapPort};

const FEED: FeedPort = FeedPort(2);

fn tap(rig: &mut Rig, port: u16, strip: u16) -> Result<(), Refusal> {
    rig.tell(RtOp::Tap { port: TapPort(port), strip: Strip(strip) })
}

fn feed(rig: &mut Rig, level: i16, generation: u16, last: bool) {
    rig.handle.feeds[2].push(FeedBlock { block: [level; 8], generation, last }).unwrap();
}

#[test]
fn a_tap_gets_both_directions_of_the_same_period_without_a_gap() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.bridge(0, 1);
    rig.desk.state().chunks = 2;
    tap(&mut rig, 5, 0).unwrap();
    for ms in 0..20i16 {
        rig.desk.hear_linear(0, [ms * 64; 8]);
        rig.desk.hear_linear(1, [-ms * 64; 8]);
        rig.period();
    }
    let blocks: Vec<_> = std::iter::from_fn(|| rig.handle.taps[5].pop().ok()).collect();
    assert_eq!(blocks.len(), 42);
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].time, pair[0].time + 8);
    }
    let law = |level: i16| g711::decode(tdm::Law::A, g711::encode(tdm::Law::A, level));
    for (n, block) in blocks[2..].iter().enumerate() {
        let ms = n as i16 / 2;
        assert_eq!((block.rx, block.tx), ([law(ms * 64); 8], [law(-ms * 64); 8]), "block {n}");
    }
}

#[test]
fn an_idle_channel_is_tapped_as_silence_towards_the_line() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.send(0, Source::Tone(rt::Tone::Milliwatt)).unwrap();
    tap(&mut rig, 0, 0).unwrap();
    rig.send(0, Source::Silence).unwrap();
    rig.period();
    rig.period();
    let last = std::iter::from_fn(|| rig.handle.taps[0].pop().ok()).last().unwrap();
    assert_eq!(last.tx, tdm::SILENCE);
}

#[test]
fn a_tap_that_nobody_empties_loses_the_newest_and_the_gap_shows_in_the_times() {
    let config = EngineConfig { tap_blocks: 10, ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![e1(1)]);
    tap(&mut rig, 0, 0).unwrap();
    rig.periods(14);
    assert_eq!(rig.handle.counters.tap_overrun.get(), 5);
    let held: Vec<_> = std::iter::from_fn(|| rig.handle.taps[0].pop().ok()).collect();
    assert_eq!(held.last().unwrap().time, SampleTime::from_samples(9 * 8));
    rig.period();
    assert_eq!(rig.handle.taps[0].pop().unwrap().time, SampleTime::from_samples(15 * 8));
}

#[test]
fn a_tap_has_one_owner_and_a_channel_may_have_several_taps() {
    let mut rig = Rig::new(vec![e1(1)]);
    assert_eq!(tap(&mut rig, 0, 3), Ok(()));
    assert_eq!(tap(&mut rig, 0, 4), Err(Refusal::TapBusy));
    assert_eq!(tap(&mut rig, 1, 3), Ok(()));
    rig.period();
    assert!(rig.handle.taps[0].slots() == 4 && rig.handle.taps[1].slots() == 2);
    rig.tell(RtOp::Untap { port: TapPort(0) }).unwrap();
    assert_eq!(tap(&mut rig, 0, 4), Ok(()));
}

#[test]
fn a_prompt_plays_to_its_last_block_and_tells_when_it_is_done() {
    let mut rig = Rig::new(vec![e1(1)]);
    for ms in 0..3 {
        feed(&mut rig, 1_000 + 1_000 * ms, 0, ms == 2);
    }
    rig.order(RtOp::Send { strip: Strip(0), source: Source::Feed(FEED) });
    rig.order(RtOp::Send { strip: Strip(1), source: Source::Feed(FEED) });
    let done = RtEventKind::FeedDone { feed: FEED, generation: 0 };
    for ms in 0..3 {
        let events = rig.period();
        assert_eq!(events.contains(&done), ms == 2);
        let level = i32::from(rig.desk.sent_linear(0)[3]);
        assert!((level - (1_000 + 1_000 * ms)).abs() < 70, "{level}");
        assert_eq!(rig.desk.sent(0), rig.desk.sent(1), "both listeners hear the same block");
    }
    rig.periods(5);
    assert_eq!(rig.desk.sent_linear(0), [8; 8], "silence after the end");
    assert_eq!(rig.handle.counters.feed_underrun.get(), 0, "an ended prompt is not late");
}

#[test]
fn a_gap_in_a_prompt_is_counted_and_faded_and_the_prompt_goes_on() {
    let mut rig = Rig::new(vec![e1(1)]);
    feed(&mut rig, 8_000, 0, false);
    rig.send(0, Source::Feed(FEED)).unwrap();
    rig.period();
    let ramp = rig.desk.sent_linear(0);
    assert!(ramp[0] > 6_000 && ramp[7].abs() < 16, "{ramp:?}");
    rig.period();
    assert_eq!(rig.handle.counters.feed_underrun.get(), 2);
    feed(&mut rig, 8_000, 0, true);
    rig.period();
    assert!(rig.desk.sent_linear(0)[0] > 7_500);
    assert_eq!(rig.handle.counters.feed_underrun.get(), 2);
}

#[test]
fn a_gap_is_filled_with_the_last_sound_where_that_is_asked_for() {
    let loudness = |conceal: bool| {
        let config = EngineConfig { conceal, event_ring: 512, ..EngineConfig::default() };
        let mut rig = Rig::with(config, vec![e1(1)]);
        let turn = |n: usize| std::f64::consts::TAU * 150.0 * n as f64 / 8_000.0;
        let voice = |from: usize, ms: usize, rig: &mut Rig| {
            for block in from..from + ms {
                let block = std::array::from_fn(|n| (6_000.0 * turn(block * 8 + n).sin()) as i16);
                rig.handle.feeds[2].push(FeedBlock { block, generation: 0, last: false }).unwrap();
            }
        };
        voice(0, 100, &mut rig);
        rig.send(0, Source::Feed(FEED)).unwrap();
        rig.periods(99);
        let gap: Vec<i16> = (0..10)
            .flat_map(|_| {
                rig.period();
                rig.desk.sent_linear(0)
            })
            .collect();
        assert_eq!(rig.handle.counters.feed_underrun.get(), 10);
        rig.periods(90);
        assert_eq!(rig.desk.sent_linear(0), [8; 8], "silence in the end");
        voice(100, 20, &mut rig);
        rig.periods(10);
        assert!(rig.desk.sent_linear(0).iter().any(|s| s.abs() > 3_000), "and then it goes on");
        gap.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / gap.len() as f64
    };
    let (without, with) = (loudness(false), loudness(true));
    assert!(with > 6_000.0_f64.powi(2) / 4.0 && without < with / 10.0, "{without} {with}");
}

#[test]
fn nothing_of_the_old_generation_is_heard_after_a_flush() {
    let mut rig = Rig::new(vec![e1(1)]);
    for _ in 0..50 {
        feed(&mut rig, 8_000, 0, false);
    }
    rig.send(0, Source::Feed(FEED)).unwrap();
    rig.period();
    // The old prompt's feeder has not yet heard of the flush, the new one's blocks come behind.
    rig.order(RtOp::Flush { feed: FEED, generation: 7 });
    feed(&mut rig, 8_000, 0, true);
    feed(&mut rig, -4_000, 7, false);
    feed(&mut rig, -4_000, 7, true);
    let mut events = rig.period();
    assert!(rig.desk.sent_linear(0)[0] < -3_500);
    events.extend(rig.period());
    assert!(events.contains(&RtEventKind::FeedDone { feed: FEED, generation: 7 }));
    assert!(!events.contains(&RtEventKind::FeedDone { feed: FEED, generation: 0 }));
    assert_eq!(rig.handle.counters.feed_stale.get(), 49);
    assert_eq!(rig.handle.counters.feed_underrun.get(), 0);
}

#[test]
fn a_prompt_that_nobody_hears_waits() {
    let mut rig = Rig::new(vec![e1(1)]);
    feed(&mut rig, 1_000, 0, true);
    rig.periods(10);
    rig.order(RtOp::Send { strip: Strip(0), source: Source::Feed(FEED) });
    assert!(rig.period().contains(&RtEventKind::FeedDone { feed: FEED, generation: 0 }));
}

#[test]
fn a_done_prompt_is_told_even_if_the_event_ring_was_full() {
    let config = EngineConfig { event_ring: 16, ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![e1(1)]);
    feed(&mut rig, 1_000, 0, false);
    rig.send(0, Source::Feed(FEED)).unwrap();
    feed(&mut rig, 1_000, 0, true);
    for n in 0..40u8 {
        let channel = tdm::ChannelId::new(1, 1 + n % 31);
        rig.desk.state().events.push_back(card::CardEvent::Abcd { channel, bits: tdm::Abcd(n % 16) });
    }
    let first = rig.period();
    assert!(!first.contains(&RtEventKind::FeedDone { feed: FEED, generation: 0 }));
    assert!(rig.period().contains(&RtEventKind::FeedDone { feed: FEED, generation: 0 }));
}
