//! HDLC against vectors worked out bit by bit from Q.921 and Q.703, and against every kind of damage.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod line_bits;

use line_bits::{FLAG, bits_of, frame_bits, stuffed, to_octets};
use tdm::hdlc::{LAPD_MAX, LapdRx, LapdTx, MTP2_MAX, Mtp2Rx, Mtp2Tx, RxCounters};
use tdm::{HdlcFrame, MAX_FRAME};

const SABME: [u8; 3] = [0x00, 0x01, 0x7F];

#[test]
fn an_idle_lapd_sender_sends_flags() {
    assert_eq!(LapdTx::new().chunk(|| None), [0x7E; 8]);
}

#[test]
fn a_sabme_goes_out_as_worked_out_by_hand() {
    // 00 01 7F and check sequence 64 54: a zero is inserted after the five ones of 7F.
    assert_eq!(sent(&[&SABME], 8), [0x7E, 0x00, 0x01, 0xDF, 0xC8, 0xA8, 0xFC, 0xFC]);
}

#[test]
fn ones_without_end_get_a_zero_after_every_fifth() {
    assert_eq!(sent(&[&[0xFF; 4]], 8), [0x7E, 0xDF, 0xF7, 0x7D, 0xDF, 0xF7, 0xA1, 0x07]);
}

#[test]
fn one_flag_stands_between_two_frames() {
    let line = sent(&[&SABME, &SABME], 24);
    let expected = [&FLAG[..], &frame_bits(&SABME), &FLAG, &frame_bits(&SABME), &FLAG, &FLAG, &FLAG].concat();
    let heard = bits_of(&line);
    let both = heard.len().min(expected.len());
    assert!(both > 100);
    assert_eq!(heard[..both], expected[..both]);
    assert_eq!(received(&line).0, [SABME, SABME]);
}

#[test]
fn frames_with_one_flag_between_them_are_both_received() {
    let line = [&FLAG[..], &frame_bits(&SABME), &FLAG, &frame_bits(&[1, 2, 3, 4]), &FLAG].concat();
    let (frames, counters) = received(&to_octets(&line));
    assert_eq!(frames, [&SABME[..], &[1, 2, 3, 4]]);
    assert_eq!(counters, RxCounters { good: 2, ..RxCounters::default() });
}

#[test]
fn flags_that_share_their_zero_are_no_frames() {
    let shared = [&FLAG[..7], &FLAG[..7], &FLAG[..7], &FLAG].concat();
    let line = [&shared[..], &frame_bits(&SABME), &shared].concat();
    let (frames, counters) = received(&to_octets(&line));
    assert_eq!(frames, [SABME]);
    assert_eq!(counters, RxCounters { good: 1, ..RxCounters::default() });
}

#[test]
fn seven_ones_end_a_frame_and_the_next_flag_starts_anew() {
    let whole = frame_bits(&[9; 20]);
    let line = [&FLAG[..], &whole[..50], &[true; 7], &[false], &FLAG, &frame_bits(&SABME), &FLAG].concat();
    let (frames, counters) = received(&to_octets(&line));
    assert_eq!(frames, [SABME]);
    assert_eq!(counters, RxCounters { good: 1, aborts: 1, ..RxCounters::default() });
}

#[test]
fn an_idle_line_of_ones_is_no_abort() {
    let line = [&FLAG[..], &[true; 40], &[false], &FLAG, &frame_bits(&SABME), &FLAG].concat();
    assert_eq!(received(&to_octets(&line)).1, RxCounters { good: 1, ..RxCounters::default() });
}

#[test]
fn a_sender_that_gives_up_is_heard_as_one_abort() {
    let mut tx = LapdTx::new();
    let mut rx = LapdRx::new();
    let mut frames = [HdlcFrame::new(&[9; 40]), HdlcFrame::new(&SABME)].into_iter().flatten();
    let mut heard = Vec::new();
    for ms in 0..6 {
        if ms == 2 {
            assert!(tx.busy());
            tx.abort();
        }
        rx.chunk(&tx.chunk(|| frames.next()), |frame| heard.push(frame.to_vec()));
    }
    assert_eq!(heard, [SABME]);
    assert_eq!(rx.counters(), RxCounters { good: 1, aborts: 1, ..RxCounters::default() });
    assert!(!tx.busy());
    tx.abort();
    assert_eq!(heard_after_flags(&mut tx), 0);
}

#[test]
fn the_longest_frame_passes_and_one_octet_more_is_overlong() {
    for (len, good, overlong) in [(LAPD_MAX, 1, 0), (LAPD_MAX + 1, 0, 1), (3 * LAPD_MAX, 0, 1)] {
        let line = [&FLAG[..], &frame_bits(&vec![0x5A; len]), &FLAG].concat();
        let counters = received(&to_octets(&line)).1;
        assert_eq!(counters, RxCounters { good, overlong, ..RxCounters::default() }, "{len} octets");
    }
}

#[test]
fn the_sender_carries_the_longest_frame_that_exists() {
    let mut rx = LapdRx::with_max_len(usize::MAX);
    let mut heard = 0;
    for octet in sent(&[&[0xFF; MAX_FRAME]], 400) {
        rx.octet(octet, |frame| heard += frame.len());
    }
    assert_eq!(heard, MAX_FRAME);
}

#[test]
fn three_octets_are_a_frame_and_two_are_too_short() {
    for (len, good, short) in [(3, 1, 0), (2, 0, 1), (0, 0, 1)] {
        let line = [&FLAG[..], &frame_bits(&vec![0x21; len]), &FLAG].concat();
        let counters = received(&to_octets(&line)).1;
        assert_eq!(counters, RxCounters { good, short, ..RxCounters::default() }, "{len} octets");
    }
}

#[test]
fn a_frame_with_bits_over_is_not_of_octets() {
    for over in 1..8 {
        let bits = [&bits_of(&[1, 2, 3, 4, 5, 6])[..], &[false; 8][..over]].concat();
        let line = [&FLAG[..], &stuffed(&bits), &FLAG].concat();
        let counters = received(&to_octets(&line)).1;
        assert_eq!(counters, RxCounters { non_octet: 1, ..RxCounters::default() }, "{over} bits over");
    }
}

#[test]
fn every_single_damaged_bit_is_noticed() {
    let clean = frame_bits(&[0x02, 0x01, 0x00, 0x00, 0x08, 0x01]);
    for damaged in 0..clean.len() {
        let mut bits = clean.clone();
        bits[damaged] = !bits[damaged];
        let (frames, counters) = received(&to_octets(&[&FLAG[..], &bits, &FLAG, &FLAG].concat()));
        assert!(frames.is_empty(), "bit {damaged}");
        assert!(counters.bad() >= 1, "bit {damaged}: {counters:?}");
    }
}

#[test]
fn mtp2_sends_flags_until_its_first_unit_and_then_never_a_pause() {
    let mut tx = Mtp2Tx::new();
    assert_eq!(tx.chunk(|| None), [0x7E; 8]);
    let mut units = HdlcFrame::new(&[0xFF, 0xFF, 0x01, 0x00]).into_iter();
    let mut rx = Mtp2Rx::new();
    let mut heard = Vec::new();
    for _ in 0..100 {
        rx.chunk(&tx.chunk(|| units.next()), |unit| heard.push(unit.to_vec()));
    }
    assert_eq!(heard, [[0xFF, 0xFF, 0x01, 0x00]]);
    // 6 octets and a flag, and 3 zeros inserted into 16 ones: 59 bits a unit at most, 800 octets.
    assert!((108..=115).contains(&rx.counts().good), "{:?}", rx.counts());
    assert_eq!(rx.counts().filtered, rx.counts().good - 1);
    assert_eq!(rx.counts().errors, 0);
}

#[test]
fn after_a_message_unit_mtp2_repeats_a_fill_in_unit_with_its_numbers() {
    let message = [0x85, 0x86, 0x04, 0xC5, 1, 2, 3];
    let heard = mtp2_exchange(&[&[0x85, 0x85, 0x00], &message, &message], 40);
    assert_eq!(heard, [&[0x85, 0x85, 0x00][..], &message, &message, &[0x85, 0x86, 0x00]]);
}

#[test]
fn equal_messages_are_never_filtered_but_equal_status_units_are() {
    let sios = [0xFF, 0xFF, 0x01, 0x03];
    let sin = [0xFF, 0xFF, 0x01, 0x01];
    assert_eq!(mtp2_exchange(&[&sios, &sios, &sin, &sios], 20), [sios, sin, sios]);
}

#[test]
fn a_filter_that_was_cleared_hands_the_same_unit_on_again() {
    let mut rx = Mtp2Rx::new();
    let line = to_octets(&[&FLAG[..], &frame_bits(&[1, 1, 0]), &FLAG].concat());
    let mut heard = 0;
    for _ in 0..2 {
        line.iter().for_each(|&octet| rx.octet(octet, |_| heard += 1));
    }
    rx.unfilter();
    line.iter().for_each(|&octet| rx.octet(octet, |_| heard += 1));
    assert_eq!(heard, 2);
    assert_eq!(rx.counts().good, 3);
}

#[test]
fn the_longest_message_unit_passes_and_one_octet_more_loses_alignment() {
    for (len, good) in [(MTP2_MAX, 1), (MTP2_MAX + 1, 0)] {
        let mut rx = Mtp2Rx::new();
        let unit = [&[0x80, 0x80, 0x3F][..], &vec![0x55; len - 3]].concat();
        for octet in to_octets(&[&FLAG[..], &frame_bits(&unit), &FLAG].concat()) {
            rx.octet(octet, |_| {});
        }
        assert_eq!(rx.counts().good, good, "{len} octets");
        assert_eq!(rx.counters().overlong, 1 - good);
        assert_eq!(rx.counting_octets(), good == 0);
    }
}

#[test]
fn a_damaged_unit_is_one_error() {
    let mut rx = aligned_mtp2();
    let mut bits = frame_bits(&[1, 2, 0]);
    bits[10] = !bits[10];
    for octet in to_octets(&[&FLAG[..], &bits, &FLAG].concat()) {
        rx.octet(octet, |_| panic!("a damaged unit was handed on"));
    }
    assert_eq!(rx.counts().errors, 1);
    assert!(!rx.counting_octets());
}

#[test]
fn without_alignment_sixteen_octets_are_one_error_until_a_good_unit() {
    let mut rx = aligned_mtp2();
    // The octet in which alignment is lost starts the count.
    let ones = |rx: &mut Mtp2Rx, octets: usize| (0..octets).for_each(|_| rx.octet(0xFF, |_| {}));
    ones(&mut rx, 1);
    assert!(rx.counting_octets());
    ones(&mut rx, 15);
    assert_eq!(rx.counts().errors, 0);
    ones(&mut rx, 1);
    assert_eq!(rx.counts().errors, 1);
    ones(&mut rx, 160);
    assert_eq!(rx.counts().errors, 11);

    // Flags alone do not end the mode; a damaged unit in it is no error of its own; a good one ends it.
    let before = rx.counts();
    let mut damaged = frame_bits(&[1, 2, 0]);
    damaged[3] = !damaged[3];
    for octet in to_octets(&[&[false][..], &FLAG, &damaged, &FLAG].concat()) {
        rx.octet(octet, |_| {});
    }
    assert_eq!(rx.counts(), before);
    assert!(rx.counting_octets());
    for octet in to_octets(&[&FLAG[..], &frame_bits(&[1, 2, 0]), &FLAG].concat()) {
        rx.octet(octet, |_| {});
    }
    assert!(!rx.counting_octets());
    assert_eq!(rx.counts().good, before.good + 1);
}

/// Sends `frames` and returns the first `octets` of the line.
fn sent(frames: &[&[u8]], octets: usize) -> Vec<u8> {
    let mut frames = frames.iter().map(|frame| HdlcFrame::new(frame).unwrap());
    let mut tx = LapdTx::new();
    (0..octets).map(|_| tx.octet(|| frames.next())).collect()
}

fn received(line: &[u8]) -> (Vec<Vec<u8>>, RxCounters) {
    let (mut rx, mut frames) = (LapdRx::new(), Vec::new());
    line.iter().for_each(|&octet| rx.octet(octet, |frame| frames.push(frame.to_vec())));
    (frames, rx.counters())
}

fn heard_after_flags(tx: &mut LapdTx) -> u64 {
    let mut rx = LapdRx::new();
    (0..10).for_each(|_| rx.octet(tx.octet(|| None), |_| {}));
    rx.counters().bad()
}

fn mtp2_exchange(units: &[&[u8]], periods: usize) -> Vec<Vec<u8>> {
    let mut units = units.iter().map(|unit| HdlcFrame::new(unit).unwrap());
    let (mut tx, mut rx, mut heard) = (Mtp2Tx::new(), Mtp2Rx::new(), Vec::new());
    for _ in 0..periods {
        rx.chunk(&tx.chunk(|| units.next()), |unit| heard.push(unit.to_vec()));
    }
    heard
}

fn aligned_mtp2() -> Mtp2Rx {
    let mut rx = Mtp2Rx::new();
    for octet in to_octets(&[&FLAG[..], &frame_bits(&[1, 1, 0]), &FLAG].concat()) {
        rx.octet(octet, |_| {});
    }
    assert!(!rx.counting_octets());
    rx
}
