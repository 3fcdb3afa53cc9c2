//! What resampling does to tones: levels, what is folded back, streams and whole sounds.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use resample::{BadRates, Resampler, whole};

fn sine(hz: f64, rate_hz: u32, amplitude: f64, samples: usize) -> Vec<i16> {
    let turns = |n: usize| hz * n as f64 / f64::from(rate_hz);
    (0..samples).map(|n| (amplitude * (std::f64::consts::TAU * turns(n)).sin()).round() as i16).collect()
}

/// The level of a sound in decibels over 1, without its edges.
fn level_db(samples: &[i16]) -> f64 {
    let middle = &samples[samples.len() / 10..samples.len() * 9 / 10];
    let power: f64 = middle.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / middle.len() as f64;
    10.0 * power.max(1e-3).log10()
}

/// What a tone has lost on its way, in decibels.
fn loss_db(hz: f64, from_hz: u32, to_hz: u32) -> f64 {
    let sound = sine(hz, from_hz, 8_000.0, from_hz as usize);
    level_db(&sound) - level_db(&whole(&sound, from_hz, to_hz).unwrap())
}

#[test]
fn the_voice_band_passes_between_all_rates_within_half_a_decibel() {
    for (from_hz, to_hz) in
        [(8_000, 16_000), (8_000, 48_000), (16_000, 8_000), (48_000, 8_000), (44_100, 8_000)]
    {
        for hz in [100.0, 300.0, 1_004.0, 2_500.0, 3_400.0] {
            let loss = loss_db(hz, from_hz, to_hz);
            assert!(loss.abs() < 0.5, "{hz} Hz from {from_hz} to {to_hz}: {loss:.2} dB");
        }
    }
}

#[test]
fn what_8_khz_cannot_hold_is_not_folded_back() {
    for from_hz in [16_000, 44_100, 48_000] {
        for hz in [4_400.0, 5_000.0, 7_000.0] {
            let loss = loss_db(hz, from_hz, 8_000);
            assert!(loss > 50.0, "{hz} Hz from {from_hz}: {loss:.1} dB down");
        }
    }
}

#[test]
fn there_and_back_gives_the_sound_again() {
    let sound = sine(700.0, 8_000, 5_000.0, 8_000);
    for rate_hz in [16_000, 48_000] {
        let back = whole(&whole(&sound, 8_000, rate_hz).unwrap(), rate_hz, 8_000).unwrap();
        assert_eq!(back.len(), sound.len());
        let worst = sound[800..7_200].iter().zip(&back[800..7_200]).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst < Some(40), "{worst:?} at {rate_hz}");
    }
}

#[test]
fn a_stream_in_pieces_of_any_length_is_the_whole_sound_delayed() {
    let sound = sine(440.0, 8_000, 9_000.0, 8_000);
    let at_once = whole(&sound, 8_000, 48_000).unwrap();
    for piece in [1, 7, 80, 160, 1_000] {
        let mut stream = Resampler::new(8_000, 48_000).unwrap();
        let (delay, mut out) = (stream.delay(), Vec::new());
        assert!(delay <= 480, "{delay} samples are 10 ms");
        sound.chunks(piece).for_each(|part| stream.push(part, &mut out));
        stream.finish(&mut out);
        assert_eq!(out[delay..delay + 40_000], at_once[..40_000], "pieces of {piece}");
    }
}

#[test]
fn full_scale_squares_saturate_and_nothing_wraps() {
    let square: Vec<i16> = (0..8_000).map(|n| if n / 10 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let out = whole(&square, 8_000, 16_000).unwrap();
    for (n, pair) in square[100..7_000].iter().zip(out.chunks(2).skip(100)).enumerate() {
        // In the middle of each half wave.
        if n % 10 == 5 {
            assert!((*pair.0 > 0) == (pair.1[0] > 0), "sample {n}");
        }
    }
}

#[test]
fn lengths_are_in_proportion_and_bad_rates_are_refused() {
    for (samples, from_hz, to_hz, length) in
        [(0, 8_000, 16_000, 0), (1, 8_000, 48_000, 6), (441, 44_100, 8_000, 80), (100, 48_000, 8_000, 17)]
    {
        assert_eq!(whole(&vec![0; samples], from_hz, to_hz).unwrap().len(), length);
    }
    let bad = BadRates { from_hz: 4_000, to_hz: 8_000 };
    assert_eq!(whole(&[], 4_000, 8_000).unwrap_err(), bad);
    assert_eq!(bad.to_string(), "sample rates 4000 Hz and 8000 Hz: each must be in 8000..=48000 Hz");
    assert!(Resampler::new(8_000, 96_000).is_err() && Resampler::new(0, 8_000).is_err());
}
