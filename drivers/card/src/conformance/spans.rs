//! Cases about spans: alarms, loops, slips, signalling, frames, coming and going.

use tdm::{Abcd, Alarms, ChannelId, SpanId, Timeslot};

use super::bench::{Bench, Rig, Wiring, line, pattern_chunk};
use crate::{
    Card, CardControl, CardError, CardEvent, CardIo, ClockSource, LineConfig, LineOrder, Loopback, Signalling,
};

const FIRST: SpanId = SpanId(10);
const SECOND: SpanId = SpanId(11);

/// A cut is told once as RED and its end once; the span's status says the same.
pub fn a_cut_line_is_red_and_a_mended_one_is_not<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.events.clear();
    if !bench.rig.cut(&mut bench.control, 0, true) {
        return;
    }
    bench.idle(50);
    assert_eq!(bench.alarms(FIRST), Alarms::RED);
    assert_eq!(bench.alarms(SECOND), Alarms::empty());
    assert_eq!(bench.take_events(is_alarm), [CardEvent::Alarms { span: FIRST, alarms: Alarms::RED }]);

    bench.rig.cut(&mut bench.control, 0, false);
    bench.settle();
    let cleared = CardEvent::Alarms { span: FIRST, alarms: Alarms::empty() };
    assert_eq!(bench.take_events(is_alarm).last(), Some(&cleared));
}

/// A local loop returns what is sent without the far end, says LOOPBACK, and can be ended.
pub fn a_local_loop_returns_what_is_sent<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Crossed, Signalling::Clear) else { return };
    if bench.control.loopback(FIRST, Loopback::Local).is_err() {
        return;
    }
    bench.idle(2 * u64::from(bench.slack_ms) + 10);
    assert!(bench.alarms(FIRST).contains(Alarms::LOOPBACK));
    let slot = bench.io.slots()[0];
    let looped = slot.first_channel.into()..usize::from(slot.first_channel) + usize::from(slot.channels);
    assert!(bench.check_pattern(100, |channel| looped.contains(&channel).then_some(channel)) > 0);
    bench.control.loopback(FIRST, Loopback::None).expect("a loop that was set can be ended");
    bench.settle();
    assert!(bench.control.loopback(SpanId(99), Loopback::None).is_err());
}

/// A card that was stopped can be started anew, with nothing left of its earlier life.
pub fn a_card_starts_again_after_it_was_stopped<R: Rig>() {
    for _ in 0..3 {
        let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
        bench.idle(2 * u64::from(bench.slack_ms) + 10);
        assert!(bench.check_pattern(50, |channel| (channel == 0).then_some(0)) > 0);
        assert_eq!(bench.control.counters().bad_orders, 0);
    }
}

/// Lines for positions that are not there, taken, or of another kind are refused, each by its own error.
pub fn lines_that_do_not_fit_are_refused<R: Rig>() {
    let Some((_, card)) = R::wired(Wiring::Looped) else { return };
    let there = card.caps().positions.len();
    let good = line(&card, 0, Signalling::Clear);
    let beyond = LineConfig { position: u8::try_from(there).expect("few positions"), ..good };
    assert!(matches!(card.start(&[beyond]), Err(CardError::NoPosition { .. })));

    let Some(mut bench) = Bench::<R>::start(Wiring::Looped, Signalling::Clear) else { return };
    let twice = LineConfig { span: SpanId(40), ..good };
    assert!(matches!(bench.control.attach(&twice), Err(CardError::PositionTaken { .. })));
    assert!(matches!(bench.control.detach(SpanId(99)), Err(CardError::NoSpan { .. })));
    bench.control.detach(SECOND).expect("it is attached");
    let odd = LineConfig { position: 1, span: SpanId(41), signalling: Signalling::Loop, ..good };
    assert!(matches!(bench.control.attach(&odd), Err(CardError::DoesNotFit { .. })));
}

/// Every slip is told with its frames and counted, on its span only.
pub fn slips_are_told_and_counted<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.events.clear();
    for frames in [-1, 1, 1] {
        if !bench.rig.slip(&mut bench.control, 0, frames) {
            return;
        }
        bench.idle(20);
    }
    let told = bench.take_events(|event| matches!(event, CardEvent::Slip { .. }));
    assert_eq!(told, [-1, 1, 1].map(|frames| CardEvent::Slip { span: FIRST, frames }));
    let slips: Vec<_> = bench.control.spans().iter().map(|span| (span.span, span.slips)).collect();
    assert_eq!(slips, [(FIRST, 3), (SECOND, 0)]);
}

/// Signalling bits ordered on a channel arrive at the same channel of the other end, and nowhere else.
pub fn signalling_bits_cross<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Crossed, Signalling::Cas) else { return };
    bench.idle(20);
    bench.events.clear();
    for (span, other) in [(FIRST, SECOND), (SECOND, FIRST)] {
        for (timeslot, bits) in [(1, 0b1001), (17, 0b1101), (24, 0b0101), (1, 0b0001)] {
            let channel = |span| ChannelId { span, timeslot: Timeslot(timeslot) };
            bench.order(LineOrder::Abcd { channel: channel(span), bits: Abcd(bits) });
            let told = bench.take_events(|event| matches!(event, CardEvent::Abcd { .. }));
            assert_eq!(told, [CardEvent::Abcd { channel: channel(other), bits: Abcd(bits) }]);
        }
    }
}

/// A span is detached and another attached in its place while the octets of a third party never break.
pub fn spans_come_and_go_while_others_talk<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.idle(2 * u64::from(bench.slack_ms) + 10);
    bench.events.clear();
    let (law, gone) = (bench.io.slots()[1].law, bench.io.slots()[1]);
    let stays = usize::from(bench.io.slots()[0].channels);
    let talks = |channel: usize| (channel < stays).then_some(channel);
    assert!(bench.check_pattern(50, talks) > 0);

    bench.control.detach(SECOND).expect("it is attached");
    assert!(bench.check_pattern(100, talks) > 0);
    assert_eq!(bench.take_events(is_coming_or_going), [CardEvent::Detached { span: SECOND }]);
    assert_eq!(bench.io.slots()[1].span, None);
    let idle = [law.idle(); tdm::CHUNK];
    bench.period(
        |channel, at| Some(pattern_chunk(channel, at)),
        |_, row| assert!(row[gone.first_channel.into()..][..gone.channels.into()].iter().all(|c| *c == idle)),
    );

    let third = LineConfig {
        position: 1,
        span: SpanId(77),
        law,
        signalling: Signalling::Clear,
        clock: ClockSource::Internal,
    };
    bench.control.attach(&third).expect("the position is empty");
    assert!(bench.check_pattern(100, talks) > 0);
    assert_eq!(bench.take_events(is_coming_or_going), [CardEvent::Attached { span: SpanId(77) }]);
    assert_eq!(bench.io.slots()[1].span, Some(SpanId(77)));
    bench.settle();
    bench.idle(2 * u64::from(bench.slack_ms) + 10);
    assert!(bench.check_pattern(50, Some) > 0);
}

/// A card that does HDLC itself carries frames both ways, in order, of every length.
pub fn frames_pass_through_hardware_hdlc<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::CrossedHdlc, Signalling::Hdlc(Timeslot(16))) else {
        return;
    };
    for len in [3, 4, 7, 100, 260] {
        for (from, to) in [(FIRST, SECOND), (SECOND, FIRST)] {
            let sent: Vec<u8> = (0..len).map(|k| (k * 7 + len) as u8).collect();
            assert!(bench.io.tx_frame(from, &sent));
            assert!(bench.io.tx_frame(from, &[1, 2, 3]));
            let mut heard = Vec::new();
            for _ in 0..200 {
                bench.idle(1);
                while let Some(frame) = bench.io.rx_frame(to) {
                    heard.push(frame.to_vec());
                }
            }
            assert_eq!(heard, [sent, vec![1, 2, 3]]);
        }
    }
    assert!(!bench.io.tx_frame(FIRST, &[0; tdm::MAX_FRAME + 1]));
    assert!(!bench.io.tx_frame(SpanId(99), &[1, 2, 3]));
}

fn is_alarm(event: &CardEvent) -> bool {
    matches!(event, CardEvent::Alarms { .. })
}

fn is_coming_or_going(event: &CardEvent) -> bool {
    matches!(event, CardEvent::Attached { .. } | CardEvent::Detached { .. })
}
