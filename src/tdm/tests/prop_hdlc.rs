//! Laws of HDLC: what is sent is received at every bit alignment; no octets whatever harm a receiver.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod line_bits;

use line_bits::{FLAG, bits_of, frame_bits, to_octets};
use proptest::collection::vec;
use proptest::prelude::*;
use tdm::HdlcFrame;
use tdm::hdlc::{LAPD_MAX, LapdRx, LapdTx, Mtp2Rx, Mtp2Tx};

/// Octets with long runs of ones, where zero insertion has most to do.
fn octets(len: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![any::<u8>(), Just(0xFF), Just(0x7E), Just(0x00)], len)
}

fn lapd_line(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut waiting = frames.iter().map(|frame| HdlcFrame::new(frame).unwrap());
    let mut tx = LapdTx::new();
    let octets: usize = frames.iter().map(|frame| frame.len() * 10 / 8 + 8).sum();
    (0..octets + 4).map(|_| tx.octet(|| waiting.next())).collect()
}

fn receive(line: &[u8]) -> (Vec<Vec<u8>>, LapdRx) {
    let (mut rx, mut frames) = (LapdRx::new(), Vec::new());
    line.iter().for_each(|&octet| rx.octet(octet, |frame| frames.push(frame.to_vec())));
    (frames, rx)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_arrive_unchanged_at_every_bit_alignment(
        frames in vec(octets(3..=LAPD_MAX), 1..6),
        shift in 0_usize..8,
    ) {
        let line = to_octets(&[&FLAG[..shift], &bits_of(&lapd_line(&frames))].concat());
        let (heard, rx) = receive(&line);
        prop_assert_eq!(&heard, &frames);
        prop_assert_eq!(rx.counters().bad(), 0);
    }

    #[test]
    fn the_sender_sends_what_the_standard_says(frame in octets(0..40)) {
        let expected = [&FLAG[..], &frame_bits(&frame), &FLAG].concat();
        let line = bits_of(&lapd_line(&[frame]));
        prop_assert_eq!(&line[..expected.len()], &expected[..]);
    }

    #[test]
    fn after_any_garbage_the_second_frame_is_received(garbage in vec(any::<u8>(), 0..400)) {
        // The first flag may be taken for the end of a garbled frame, or be spoilt by the bits before it.
        let line = [&bits_of(&garbage)[..], &FLAG, &FLAG, &frame_bits(&[1, 2, 3]), &FLAG].concat();
        let (heard, rx) = receive(&to_octets(&line));
        prop_assert_eq!(heard.last().map(Vec::as_slice), Some(&[1, 2, 3][..]));
        prop_assert_eq!(rx.counters().good, heard.len() as u64);
    }

    #[test]
    fn cutting_the_line_into_chunks_changes_nothing(garbage in vec(any::<[u8; 8]>(), 0..60)) {
        let (heard, by_octet) = receive(garbage.as_flattened());
        let (mut by_chunk, mut frames) = (LapdRx::new(), Vec::new());
        garbage.iter().for_each(|chunk| by_chunk.chunk(chunk, |frame| frames.push(frame.to_vec())));
        prop_assert_eq!(heard, frames);
        prop_assert_eq!(by_octet.counters(), by_chunk.counters());
    }

    #[test]
    fn any_octets_leave_the_receivers_within_their_bounds(garbage in octets(0..2000)) {
        survive(&garbage);
    }

    #[test]
    fn mtp2_hands_on_every_change_and_counts_every_unit(
        units in vec((any::<bool>(), octets(2..=2), octets(6..20)), 1..12),
        shift in 0_usize..8,
    ) {
        let units: Vec<Vec<u8>> = units
            .into_iter()
            .map(|(message, numbers, rest)| {
                if message {
                    [&numbers[..], &[rest.len() as u8], &rest].concat()
                } else {
                    [&numbers[..], &[0]].concat()
                }
            })
            .collect();
        let mut waiting = units.iter().map(|unit| HdlcFrame::new(unit).unwrap());
        let mut tx = Mtp2Tx::new();
        let line: Vec<u8> = (0..600).map(|_| tx.octet(|| waiting.next())).collect();
        let (mut rx, mut heard) = (Mtp2Rx::new(), Vec::new());
        for octet in to_octets(&[&FLAG[..shift], &bits_of(&line)].concat()) {
            rx.octet(octet, |unit| heard.push(unit.to_vec()));
        }
        let mut expected: Vec<Vec<u8>> = Vec::new();
        for unit in units.into_iter().map(Some).chain([None]) {
            // After the last unit a message leaves its fill-in unit behind.
            let unit = match (unit, expected.last()) {
                (Some(unit), _) => unit,
                (None, Some(last)) if last.len() > 3 => vec![last[0], last[1], 0],
                (None, _) => continue,
            };
            if unit.len() > 3 || expected.last() != Some(&unit) {
                expected.push(unit);
            }
        }
        prop_assert_eq!(&heard, &expected);
        prop_assert_eq!(rx.counts().good, rx.counts().filtered + heard.len() as u64);
        // Octets are counted until the first good unit: at most 30 octets, one error.
        prop_assert!(rx.counts().errors <= 1, "{:?}", rx.counts());
        prop_assert_eq!(rx.counters().bad(), 0);
    }
}

/// Feeds both receivers; the same function is the body of the fuzz target.
fn survive(line: &[u8]) {
    let (mut lapd, mut mtp2) = (LapdRx::new(), Mtp2Rx::new());
    let (mut frames, mut units) = (0, 0);
    for &octet in line {
        lapd.octet(octet, |frame| {
            assert!((3..=LAPD_MAX).contains(&frame.len()));
            frames += 1;
        });
        mtp2.octet(octet, |unit| {
            assert!((3..=tdm::hdlc::MTP2_MAX).contains(&unit.len()));
            units += 1;
        });
    }
    assert_eq!(lapd.counters().good, frames);
    assert_eq!(mtp2.counts().good, units + mtp2.counts().filtered);
}
