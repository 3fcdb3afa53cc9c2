//! Cases about octets and time.

use std::collections::BTreeMap;

use tdm::CHUNK;

use super::bench::{Bench, Rig, Wiring, pattern, pattern_chunk};
use crate::{CardControl, CardIo, Signalling};

/// How long a case about octets runs, in milliseconds.
const TALK_MS: u64 = 200;

/// The longest delay that a loop is looked through for, in samples.
const LONGEST_DELAY: u64 = 8_000;

/// How often a case is tried that a machine standing still can spoil.
const ATTEMPTS: u32 = 8;

/// Every octet sent on a looped line comes back as it was, after the delay that the card has measured.
pub fn looped_octets_come_back_unchanged<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.idle(2 * u64::from(bench.slack_ms) + 10);
    let here = attached(&bench);
    let checked = bench.check_pattern(TALK_MS, |channel| here[channel].then_some(channel));
    assert!(checked > 0, "nothing could be checked: the machine stood still all the time");
}

/// The octets of a timeslot arrive at the same timeslot of the other end, in both directions.
pub fn channels_keep_their_order<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Crossed, Signalling::Clear) else { return };
    bench.idle(2 * u64::from(bench.slack_ms) + 10);
    let (a, b) = (bench.io.slots()[0], bench.io.slots()[1]);
    let (a, b, len) = (usize::from(a.first_channel), usize::from(b.first_channel), usize::from(a.channels));
    let other = move |channel: usize| match channel {
        c if (a..a + len).contains(&c) => Some(c - a + b),
        c if (b..b + len).contains(&c) => Some(c - b + a),
        _ => None,
    };
    assert!(bench.check_pattern(TALK_MS, other) > 0);
}

/// Periods follow each other without a gap: their chunks and what was lost add up to the sample time.
pub fn periods_have_their_length<R: Rig>() {
    let Some(mut bench) = Bench::<R>::start(Wiring::Looped, Signalling::Clear) else { return };
    let mut expected = None;
    for _ in 0..TALK_MS {
        let period = bench.period(|_, _| None, |_, _| {});
        let lost_from = expected.map_or(period.time.samples(), |next: u64| next + u64::from(period.lost));
        assert_eq!(period.time.samples(), lost_from);
        expected = Some(period.time.samples() + u64::from(period.chunks) * CHUNK as u64);
    }
    assert_eq!(bench.control.counters().periods, TALK_MS);
}

/// A wake that is late by less than the card's slack brings all samples, more at once.
pub fn lateness_within_the_buffer_loses_nothing<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.idle(2 * u64::from(bench.slack_ms) + 10);
    let late_ms = bench.slack_ms / 2;
    for _ in 0..ATTEMPTS {
        let before = bench.lost;
        if !bench.rig.stall(&mut bench.control, late_ms) {
            return;
        }
        let mut longest = 0;
        for _ in 0..20 {
            longest = longest.max(bench.period(|_, _| None, |_, _| {}).chunks);
        }
        if bench.lost == before && u32::from(longest) >= late_ms / 2 {
            let here = attached(&bench);
            assert!(bench.check_pattern(TALK_MS, |channel| here[channel].then_some(channel)) > 0);
            return;
        }
    }
    panic!("a wake late by {late_ms} ms, half the slack, always loses samples or brings too few at once");
}

/// Samples lost by coming too late are counted, and the sample time jumps over them.
pub fn sample_time_stays_true_over_an_xrun<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.idle(2 * u64::from(bench.slack_ms) + 10);
    let before = bench.control.counters();
    let late_ms = 3 * bench.slack_ms;
    if !bench.rig.stall(&mut bench.control, late_ms) {
        return;
    }
    let (mut next, mut lost) = (None, 0);
    for _ in 0..50 {
        let period = bench.period(|_, _| None, |_, _| {});
        if let Some(next) = next {
            assert_eq!(period.time.samples(), next + u64::from(period.lost));
        }
        lost += u64::from(period.lost);
        next = Some(period.time.samples() + u64::from(period.chunks) * CHUNK as u64);
    }
    let after = bench.control.counters();
    assert!(lost > 0, "{late_ms} ms late, three times the slack, and nothing lost");
    assert!(after.xruns > before.xruns);
    assert!(after.lost_samples - before.lost_samples >= lost, "{after:?}");
}

/// The delay reported is the one that a loop shows, and it is measured anew when samples were lost.
pub fn rt_delay_is_what_a_loop_shows_and_measured_again_after_an_xrun<R: Rig>() {
    let Some(mut bench) = Bench::<R>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.idle(3 * u64::from(bench.slack_ms) + 10);
    let first = bench.io.rt_delay();
    assert!(first.measurement >= 1, "the delay is measured at start");
    assert_eq!(shown_by_loop(&mut bench), Some(u64::from(bench.io.rt_delay().samples)));

    let late_ms = 3 * bench.slack_ms;
    if !bench.rig.stall(&mut bench.control, late_ms) {
        return;
    }
    bench.idle(6 * u64::from(bench.slack_ms) + 10);
    assert!(bench.io.rt_delay().measurement > first.measurement, "the delay is measured again");
    assert_eq!(shown_by_loop(&mut bench), Some(u64::from(bench.io.rt_delay().samples)));
}

/// Finds the delay of the loop, to the sample, by looking for what was sent in what is received.
fn shown_by_loop<R: Rig>(bench: &mut Bench<R>) -> Option<u64> {
    let channel = bench.index(tdm::SpanId(10), 1);
    let mut delays = BTreeMap::new();
    for _ in 0..TALK_MS {
        let mut heard = Vec::new();
        bench.period(|c, at| Some(pattern_chunk(c, at)), |at, row| heard.push((at, row[channel])));
        for (at, chunk) in heard {
            // Most delays are told apart by the first octet.
            let fits = |delay: &u64| {
                chunk[0] == pattern(channel, at - delay) && chunk == pattern_chunk(channel, at - delay)
            };
            for delay in (0..=LONGEST_DELAY.min(at)).filter(fits) {
                *delays.entry(delay).or_insert(0_u32) += 1;
            }
        }
    }
    delays.into_iter().max_by_key(|&(_, count)| count).map(|(delay, _)| delay)
}

/// Tells for every channel of a row whether a span is attached there.
fn attached<R: Rig>(bench: &Bench<R>) -> Vec<bool> {
    let of_slot = |slot: &crate::SpanSlot| vec![slot.span.is_some(); usize::from(slot.channels)];
    bench.io.slots().iter().flat_map(of_slot).collect()
}
