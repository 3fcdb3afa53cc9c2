//! Tones and digits through the whole engine, measured on the line.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use desk::{Rig, e1};
use rt::{Digits, EngineConfig, RtEventKind, RtOp, Source, Strip, Tone};

/// Returns the power of `samples` at `hz`, as the square of a sine's amplitude.
fn power_at(samples: &[i16], hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let angle = std::f64::consts::TAU * hz * n as f64 / 8_000.0;
        re += f64::from(sample) * angle.cos();
        im += f64::from(sample) * angle.sin();
    }
    let scale = 2.0 / samples.len() as f64;
    (re * scale).powi(2) + (im * scale).powi(2)
}

fn line_samples(rig: &mut Rig, ms: usize) -> Vec<i16> {
    let mut samples = Vec::new();
    for _ in 0..ms {
        rig.period();
        samples.extend(rig.desk.sent_linear(0));
    }
    samples
}

#[test]
fn ringback_of_china_is_450_hz_for_one_second_and_silence_for_four() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.order(RtOp::Send { strip: Strip(0), source: Source::Tone(Tone::Ringback) });
    let samples = line_samples(&mut rig, 6_000);
    let loud = |ms: usize| samples[ms * 8..ms * 8 + 8].iter().any(|sample| sample.abs() > 500);
    let edges: Vec<usize> = (1..6_000).filter(|&ms| loud(ms) != loud(ms - 1)).collect();
    assert_eq!(edges, [1_000, 5_000]);
    let second = &samples[..8_000];
    let best =
        (430..470).max_by(|&a, &b| power_at(second, f64::from(a)).total_cmp(&power_at(second, f64::from(b))));
    assert_eq!(best, Some(450));
    let total: f64 = second.iter().map(|&s| 2.0 * f64::from(s).powi(2)).sum::<f64>() / 8_000.0;
    assert!(power_at(second, 450.0) / total > 0.999, "nothing but the tone");
    let level = 20.0 * (power_at(second, 450.0).sqrt() / 22_827.0).log10();
    assert!((level + 10.0).abs() < 0.2, "{level} dBm0");
}

#[test]
fn a_tone_begins_at_its_beginning_each_time_it_is_chosen() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.send(0, Source::Tone(Tone::Busy)).unwrap();
    rig.periods(500);
    assert_eq!(rig.desk.sent_linear(0), [8; 8], "in the pause");
    rig.send(0, Source::Tone(Tone::Busy)).unwrap();
    assert!(rig.desk.sent_linear(0)[7] > 500);
}

#[test]
fn digits_dialled_on_one_channel_are_detected_on_the_other_in_order() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.desk.state().looped = true;
    let keys = "0123456789*#ABCD";
    rig.tell(RtOp::Detect { strip: Strip(0), wants: rt::Wants::DTMF }).unwrap();
    rig.tell(RtOp::Dial { strip: Strip(0), digits: Digits::new(keys).unwrap() }).unwrap();
    rig.periods(16 * 200 + 60);
    let downs: Vec<u8> = rig
        .seen
        .iter()
        .filter_map(|event| match event.kind {
            RtEventKind::DigitDown { strip: Strip(0), digit } => Some(digit),
            _ => None,
        })
        .collect();
    assert_eq!(String::from_utf8(downs).unwrap(), keys);
    let lengths = rig.seen.iter().filter_map(|event| match event.kind {
        RtEventKind::DigitUp { ms, .. } => Some(ms),
        _ => None,
    });
    assert!(
        lengths.clone().count() == 16 && lengths.clone().all(|ms| (85..=115).contains(&ms)),
        "{:?}",
        lengths.collect::<Vec<_>>()
    );
    assert_eq!(
        rig.seen.iter().filter(|event| event.kind == RtEventKind::Dialled { strip: Strip(0) }).count(),
        1
    );
}

#[test]
fn a_detector_that_is_off_hears_nothing_and_the_default_can_be_on() {
    for dtmf in [false, true] {
        let mut rig = Rig::with(
            EngineConfig {
                detect: if dtmf { rt::Wants::DTMF } else { rt::Wants::empty() },
                ..EngineConfig::default()
            },
            vec![e1(1)],
        );
        rig.desk.state().looped = true;
        rig.tell(RtOp::Dial { strip: Strip(3), digits: Digits::new("5").unwrap() }).unwrap();
        rig.periods(300);
        let heard = rig
            .seen
            .iter()
            .any(|event| event.kind == RtEventKind::DigitDown { strip: Strip(3), digit: b'5' });
        assert_eq!(heard, dtmf);
    }
}

#[test]
fn digits_take_the_place_of_the_source_and_a_comma_is_half_a_second() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.bridge(0, 1);
    rig.desk.hear_linear(1, [4_000; 8]);
    rig.order(RtOp::Dial { strip: Strip(0), digits: Digits::new(",1").unwrap() });
    let samples = line_samples(&mut rig, 720);
    let quiet = |ms: std::ops::Range<usize>| samples[ms.start * 8..ms.end * 8].iter().all(|&s| s == 8);
    assert!(quiet(0..500) && !quiet(500..600) && quiet(600..700));
    let tone = &samples[500 * 8..600 * 8];
    let (row, column) = (power_at(tone, 697.0), power_at(tone, 1_209.0));
    assert!(row > 4.0e7 && column > 4.0e7 && power_at(tone, 770.0) < row / 100.0);
    assert!(samples[701 * 8..].iter().all(|&s| s > 3_500), "then the source again");
}
