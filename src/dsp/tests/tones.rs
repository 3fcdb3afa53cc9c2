//! Tones against an independent measurement: frequency and level by a plain discrete Fourier sum in 64 bits, cadence
//! by counting blocks.

#![expect(clippy::disallowed_methods, reason = "tests may allocate")]

use dsp::tone::{Country, MILLIWATT, Segment, Sine, ToneGenerator, ToneSpec, plan};
use tdm::SILENCE;

/// The level of a sine of `freq_hz` in `samples`, in dBm0.
fn level_at(samples: &[i16], freq_hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, &sample) in samples.iter().enumerate() {
        let (sin, cos) = (std::f64::consts::TAU * freq_hz * n as f64 / 8_000.0).sin_cos();
        re += f64::from(sample) * cos;
        im += f64::from(sample) * sin;
    }
    let amplitude = 2.0 * (re * re + im * im).sqrt() / samples.len() as f64;
    20.0 * (amplitude / 22_827.0).log10()
}

fn sound(spec: &ToneSpec, ms: usize) -> Vec<i16> {
    let mut generator = ToneGenerator::new();
    generator.start(spec);
    (0..ms).flat_map(|_| generator.next_block()).collect()
}

/// Lengths of sound and silence in turn, as heard over `ms`.
fn heard_cadence(spec: &ToneSpec, ms: usize) -> Vec<(bool, usize)> {
    let mut generator = ToneGenerator::new();
    generator.start(spec);
    let mut runs: Vec<(bool, usize)> = Vec::new();
    for _ in 0..ms {
        let on = generator.next_block() != SILENCE;
        match runs.last_mut() {
            Some((sounding, length)) if *sounding == on => *length += 1,
            _ => runs.push((on, 1)),
        }
    }
    runs
}

#[test]
fn every_tone_of_every_plan_has_its_frequencies_at_its_levels_and_nothing_else() {
    for country in Country::ALL {
        let plan = plan(country);
        for spec in [plan.dial, plan.ringback, plan.busy, plan.congestion, plan.unobtainable, MILLIWATT] {
            let mut start = 0;
            let samples = sound(&spec, 4_000);
            for segment in spec.segments() {
                let ms = if segment.ms == 0 { 1_000 } else { usize::from(segment.ms) };
                // Whole tenths of a second hold whole periods of every multiple of 10 Hz.
                let part = &samples[start..start + (ms / 100 * 800).min(8_000)];
                let mut power = 0.0;
                for sine in segment.sines.iter().filter(|sine| sine.freq_hz > 0.0) {
                    let (freq_hz, want) = (f64::from(sine.freq_hz), f64::from(sine.level_dbm0));
                    let got = level_at(part, freq_hz);
                    assert!((got - want).abs() < 0.4, "{country:?}: {freq_hz} Hz {got} dBm0, {want} wanted");
                    assert!(
                        level_at(part, freq_hz + 100.0) < want - 15.0,
                        "{country:?}: not only {freq_hz} Hz"
                    );
                    power += 22_827.0_f64.powi(2) / 2.0 * 10_f64.powf(want / 10.0);
                }
                let mean = part.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / part.len() as f64;
                assert!((mean - power).abs() <= 0.03 * power, "{country:?}: power {mean}, {power} wanted");
                start += ms * 8;
                if start >= 2_000 * 8 {
                    break;
                }
            }
        }
    }
}

#[test]
fn a_frequency_is_right_to_a_hundredth_of_a_hertz() {
    // Ten seconds: the phase against a perfect reference in the first and the last second.
    let samples = sound(&plan(Country::Cn).dial, 10_000);
    let phase = |part: &[i16]| {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, &sample) in part.iter().enumerate() {
            let (sin, cos) = (std::f64::consts::TAU * 450.0 * n as f64 / 8_000.0).sin_cos();
            re += f64::from(sample) * cos;
            im += f64::from(sample) * sin;
        }
        f64::atan2(im, re)
    };
    let drift = phase(&samples[72_000..]) - phase(&samples[..8_000]);
    assert!(drift.abs() / std::f64::consts::TAU / 9.0 < 0.000_1, "{drift}");
}

#[test]
fn cadences_are_kept_to_the_millisecond() {
    let cn = plan(Country::Cn);
    assert_eq!(heard_cadence(&cn.dial, 5_000), [(true, 5_000)]);
    assert_eq!(
        heard_cadence(&cn.ringback, 6_500),
        [(true, 1_000), (false, 4_000), (true, 1_000), (false, 500)]
    );
    assert_eq!(heard_cadence(&cn.busy, 1_400), [(true, 350), (false, 350), (true, 350), (false, 350)]);
    assert_eq!(heard_cadence(&cn.congestion, 2_100), [(true, 700), (false, 700), (true, 700)]);
    let unobtainable = heard_cadence(&cn.unobtainable, 1_700);
    assert_eq!(unobtainable[..8], [(true, 100), (false, 100)].repeat(4));
    assert_eq!(unobtainable[8..], [(true, 400), (false, 400), (true, 100)]);
    let uk = plan(Country::Uk);
    assert_eq!(heard_cadence(&uk.ringback, 3_000), [(true, 400), (false, 200), (true, 400), (false, 2_000)]);
}

#[test]
fn a_tone_can_repeat_from_a_later_segment_and_stops_at_once() {
    let tone = Sine::new(440.0, -10.0);
    let spec =
        ToneSpec::with_repeat(&[Segment::single(tone, 5), Segment::silence(3), Segment::single(tone, 2)], 1);
    assert_eq!(heard_cadence(&spec, 15), [(true, 5), (false, 3), (true, 2), (false, 3), (true, 2)]);
    let mut generator = ToneGenerator::new();
    assert_eq!(generator.next_block(), SILENCE);
    generator.start(&spec);
    assert!(generator.is_on() && generator.next_block() != SILENCE);
    generator.stop();
    assert!(!generator.is_on() && generator.next_block() == SILENCE);
}
