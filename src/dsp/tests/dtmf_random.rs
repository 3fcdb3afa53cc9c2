//! DTMF in the manner of the Bellcore test tapes, made by an own generator: hundreds of digits in a row whose levels,
//! frequencies and lengths are drawn anew for each, clean, in noise and among clicks; and clicks and voices without a digit.
//!
//! The tapes themselves are not at hand: what is drawn are the ranges that they are said to cover (`unverified`). All is
//! drawn from seeds, coded in A-law, and heard by a detector that begins at another sample each time.

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may allocate")]

use std::f64::consts::TAU;

use clock::Prng;
use dsp::dtmf::{COLUMNS_HZ, DtmfDetector, DtmfEvent, KEYS, ROWS_HZ};
use tdm::{CHUNK, Law};

const DIGITS: usize = 400;

/// Even between two values.
fn between(prng: &mut Prng, least: f64, most: f64) -> f64 {
    least + (most - least) * prng.unit()
}

fn amplitude(dbm0: f64) -> f64 {
    22_827.0 * 10_f64.powf(dbm0 / 20.0)
}

/// Digits of 50 to 100 ms with pauses of 45 to 100 ms, row tones of -28 to -6 dBm0, column tones up to 4 dB stronger
/// and 8 dB weaker, each tone within 1.5 %. Returns the line, the digits and the level of the weakest tone.
fn dialled(prng: &mut Prng) -> (Vec<f64>, Vec<u8>, f64) {
    let (mut line, mut sent, mut weakest) = (vec![0.0; 400 + prng.below(64) as usize], Vec::new(), 0.0_f64);
    for _ in 0..DIGITS {
        let (row, column) = (prng.below(4) as usize, prng.below(4) as usize);
        let row_dbm0 = between(prng, -28.0, -6.0);
        let column_dbm0 = (row_dbm0 - between(prng, -4.0, 8.0)).clamp(-32.0, -4.0);
        weakest = weakest.min(row_dbm0).min(column_dbm0);
        let tones = [(ROWS_HZ[row], row_dbm0), (COLUMNS_HZ[column], column_dbm0)].map(|(hz, dbm0)| {
            let off = 1.0 + between(prng, -0.015, 0.015);
            (f64::from(hz) * off / 8_000.0, amplitude(dbm0), prng.unit())
        });
        let samples = between(prng, 400.0, 800.0) as usize;
        line.extend((0..samples).map(|n| {
            let sine =
                |&(turns, level, phase): &(f64, f64, f64)| level * (TAU * (turns * n as f64 + phase)).sin();
            tones.iter().map(sine).sum::<f64>()
        }));
        let pause = between(prng, 360.0, 800.0) as usize;
        line.extend(std::iter::repeat_n(0.0, pause));
        sent.push(KEYS[row][column]);
    }
    line.extend([0.0; 800]);
    (line, sent, weakest)
}

fn add_noise(line: &mut [f64], dbm0: f64, prng: &mut Prng) {
    for sample in line {
        let radius = (-2.0 * (1.0 - prng.unit()).ln()).sqrt();
        *sample += amplitude(dbm0) / 2_f64.sqrt() * radius * (TAU * prng.unit()).cos();
    }
}

/// Clicks that ring at 300 to 3000 Hz and die away within some milliseconds: `a_second` on average.
fn add_clicks(line: &mut [f64], a_second: f64, dbm0: f64, prng: &mut Prng) {
    let mut at = 0.0;
    loop {
        at += -(1.0 - prng.unit()).ln() * 8_000.0 / a_second;
        let (from, turns) = (at as usize, between(prng, 300.0, 3_000.0) / 8_000.0);
        let (level, decay) = (amplitude(dbm0 + between(prng, -10.0, 0.0)), between(prng, 4.0, 24.0));
        let Some(rest) = line.get_mut(from..) else { return };
        for (n, sample) in rest.iter_mut().take(200).enumerate() {
            *sample += level * (-(n as f64) / decay).exp() * (TAU * turns * n as f64).cos();
        }
    }
}

fn heard(line: &[f64]) -> Vec<u8> {
    let mut detector = DtmfDetector::new(0);
    let mut digits = Vec::new();
    for part in line.chunks_exact(CHUNK) {
        let block = std::array::from_fn(|n| {
            let sample = part[n].round().clamp(-32_768.0, 32_767.0) as i16;
            g711::decode(Law::A, g711::encode(Law::A, sample))
        });
        digits.extend(detector.push(&block).into_iter().filter_map(|event| match event {
            DtmfEvent::Down { digit } => Some(digit),
            DtmfEvent::Up { .. } => None,
        }));
    }
    digits
}

/// How many digits have to be put in, left out or changed to make one row of the other.
fn differences(sent: &[u8], heard: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (n, &digit) in sent.iter().enumerate() {
        let mut above_left = core::mem::replace(&mut row[0], n + 1);
        for (m, &other) in heard.iter().enumerate() {
            let above = row[m + 1];
            row[m + 1] = (above_left + usize::from(digit != other)).min(above + 1).min(row[m] + 1);
            above_left = above;
        }
    }
    row[heard.len()]
}

#[test]
fn digits_of_any_level_twist_frequency_and_length_within_the_limits_are_all_heard_in_order() {
    for seed in 1..=5 {
        let (line, sent, _) = dialled(&mut Prng::new(seed));
        assert_eq!(differences(&sent, &heard(&line)), 0, "seed {seed}");
    }
}

#[test]
fn noise_18_db_below_the_weakest_tone_of_all_costs_nothing() {
    for seed in 11..=14 {
        let mut prng = Prng::new(seed);
        let (mut line, sent, weakest) = dialled(&mut prng);
        add_noise(&mut line, weakest - 18.0, &mut prng);
        assert_eq!(differences(&sent, &heard(&line)), 0, "seed {seed}");
    }
}

#[test]
fn clicks_as_strong_as_the_strongest_tone_cost_less_than_1_digit_in_100() {
    let mut wrong = 0;
    for seed in 21..=25 {
        let mut prng = Prng::new(seed);
        let (mut line, sent, _) = dialled(&mut prng);
        add_clicks(&mut line, 2.0, -6.0, &mut prng);
        wrong += differences(&sent, &heard(&line));
    }
    println!("{wrong} of {} digits are wrong among clicks", 5 * DIGITS);
    assert!(wrong < 5 * DIGITS / 100, "{wrong}");
}

#[test]
fn clicks_alone_are_no_digits() {
    for seed in 31..=33 {
        let mut line = vec![0.0; 120 * 8_000];
        let mut prng = Prng::new(seed);
        add_noise(&mut line, -55.0, &mut prng);
        add_clicks(&mut line, 10.0, 0.0, &mut prng);
        assert_eq!(heard(&line), [], "seed {seed}");
    }
}

/// Harmonics that glide under two formants, which lie just where the tones of digits are: a voice made to be mistaken.
#[test]
fn eight_minutes_of_a_voice_made_to_be_mistaken_hold_two_digits_at_most() {
    let mut hits = 0;
    for seed in 41..=44 {
        let mut prng = Prng::new(seed);
        let (mut line, mut phase, mut pitch) = (Vec::new(), 0.0_f64, 120.0);
        while line.len() < 120 * 8_000 {
            let (aim, samples) = (between(&mut prng, 80.0, 330.0), 400 + prng.below(2_400) as usize);
            let (first, second) = (between(&mut prng, 650.0, 1_000.0), between(&mut prng, 1_150.0, 1_700.0));
            let level = amplitude(between(&mut prng, -30.0, -12.0));
            let from = pitch;
            for n in 0..samples {
                let part = n as f64 / samples as f64;
                pitch = from + (aim - from) * part;
                phase += pitch / 8_000.0;
                let swell = (TAU / 2.0 * part).sin();
                let harmonic = |h: u32| {
                    let hz = f64::from(h) * pitch;
                    let near = |formant: f64| 1.0 / (1.0 + ((hz - formant) / 100.0).powi(2));
                    (near(first) + near(second) + 0.3 / f64::from(h)) * (TAU * phase * f64::from(h)).sin()
                };
                line.push(level * swell * (1..24).map(harmonic).sum::<f64>());
            }
            if prng.below(4) == 0 {
                line.extend([0.0; 1_600]);
            }
        }
        hits += heard(&line).len();
    }
    println!("{hits} digits in eight minutes of a voice made to be mistaken");
    assert!(hits <= 2, "{hits}");
}
