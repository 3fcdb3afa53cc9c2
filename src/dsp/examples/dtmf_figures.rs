//! Prints the customary figures of a DTMF receiver, as the Mitel CM7291 tests define them, in A-law:
//! `cargo run --release -p tandem-dsp --example dtmf_figures`.
#![expect(clippy::disallowed_macros, reason = "a program of its own")]

use clock::Prng;
use dsp::dtmf::{COLUMNS_HZ, DtmfDetector, DtmfEvent, KEYS, ROWS_HZ};
use tdm::{Block, Law};

/// A digit: levels of row and column, their offsets, its length; and noise over all of it.
#[derive(Clone, Copy)]
struct Press {
    row_dbm0: f64,
    column_dbm0: f64,
    row_offset: f64,
    column_offset: f64,
    ms: f64,
    noise_dbm0: Option<f64>,
}

const PRESS: Press = Press {
    row_dbm0: -10.0,
    column_dbm0: -10.0,
    row_offset: 0.0,
    column_offset: 0.0,
    ms: 50.0,
    noise_dbm0: None,
};

/// Returns the share of `tries` in which the key, and it alone, is heard.
fn heard(row: usize, column: usize, press: Press, tries: usize, prng: &mut Prng) -> f64 {
    let amplitude = |dbm0: f64| 22_827.0 * 10_f64.powf(dbm0 / 20.0);
    let mut right = 0;
    for _ in 0..tries {
        let start = 200 + prng.below(64) as usize;
        let (length, phase) = ((press.ms * 8.0) as usize, [prng.unit(), prng.unit()]);
        let sine =
            |hz: f64, n: usize, at: f64| (std::f64::consts::TAU * (hz * n as f64 / 8_000.0 + at)).sin();
        let mut detector = DtmfDetector::new(0);
        let mut digits = (0, 0);
        for block in 0..(start + length + 500) / 8 {
            let samples: Block = std::array::from_fn(|k| {
                let n = block * 8 + k;
                let mut value = 0.0;
                if (start..start + length).contains(&n) {
                    let row_hz = f64::from(ROWS_HZ[row]) * (1.0 + press.row_offset);
                    let column_hz = f64::from(COLUMNS_HZ[column]) * (1.0 + press.column_offset);
                    value += amplitude(press.row_dbm0) * sine(row_hz, n - start, phase[0]);
                    value += amplitude(press.column_dbm0) * sine(column_hz, n - start, phase[1]);
                }
                if let Some(noise_dbm0) = press.noise_dbm0 {
                    let radius = (-2.0 * (1.0 - prng.unit()).ln()).sqrt();
                    let gauss = radius * (std::f64::consts::TAU * prng.unit()).cos();
                    value += amplitude(noise_dbm0) / 2_f64.sqrt() * gauss;
                }
                value.round() as i16
            });
            let line = g711::encode_block(Law::A, &samples);
            match detector.push(&g711::decode_chunk(Law::A, &line)) {
                Some(DtmfEvent::Down { digit }) if digit == KEYS[row][column] => digits.0 += 1,
                Some(DtmfEvent::Down { .. }) => digits.1 += 1,
                Some(DtmfEvent::Up { .. }) | None => {}
            }
        }
        right += usize::from(digits == (1, 0));
    }
    right as f64 / tries as f64
}

/// Returns the last value, from `start` on by `step`, at which every key is heard in at least `share` of the tries.
fn edge(start: f64, step: f64, share: f64, change: impl Fn(f64) -> Press, prng: &mut Prng) -> f64 {
    let mut last = start;
    for n in 0..200 {
        let value = start + step * f64::from(n);
        let press = change(value);
        let all = (0..16).all(|key| heard(key / 4, key % 4, press, 30, prng) >= share);
        if !all {
            break;
        }
        last = value;
    }
    last
}

fn main() {
    let mut prng = Prng::new(1);
    let p = &mut prng;
    for (name, row) in [("row", true), ("column", false)] {
        let change = |percent: f64| {
            let offset = percent / 100.0;
            if row { Press { row_offset: offset, ..PRESS } } else { Press { column_offset: offset, ..PRESS } }
        };
        let (low, high) = (edge(0.0, -0.1, 0.999, change, p), edge(0.0, 0.1, 0.999, change, p));
        println!("{name} frequencies all accepted from {low:.1} % to {high:.1} %");
        let any = |percent: f64| (0..16).any(|key| heard(key / 4, key % 4, change(percent), 30, p) > 0.0);
        let reject = |sign: f64, any: &mut dyn FnMut(f64) -> bool| {
            (10..60).rev().map(|n| sign * f64::from(n) / 10.0).find(|&percent| any(percent)).unwrap_or(0.0)
        };
        let mut any = any;
        println!("  none accepted beyond {:.1} % and {:.1} %", reject(-1.0, &mut any), reject(1.0, &mut any));
    }
    let normal = edge(0.0, 0.1, 0.999, |db| Press { column_dbm0: -10.0 - db, ..PRESS }, p);
    let reverse = edge(0.0, 0.1, 0.999, |db| Press { row_dbm0: -10.0 - db, ..PRESS }, p);
    println!("twist accepted to {normal:.1} dB (row stronger) and {reverse:.1} dB (column stronger)");
    let low = edge(-10.0, -0.5, 0.999, |dbm0| Press { row_dbm0: dbm0, column_dbm0: dbm0, ..PRESS }, p);
    println!("levels accepted from -10 down to {low:.1} dBm0 a tone");
    let guard = edge(60.0, -0.5, 0.999, |ms| Press { ms, ..PRESS }, p);
    println!("tones all accepted down to {guard:.1} ms");
    let mut longest = 0.0;
    for half_ms in 20..80 {
        let press = Press { ms: f64::from(half_ms) / 2.0, ..PRESS };
        if (0..16).any(|key| heard(key / 4, key % 4, press, 30, p) > 0.0) {
            longest = press.ms;
            break;
        }
    }
    println!("shortest tone ever accepted {longest:.1} ms");
    for snr in [15.0, 12.0, 9.0, 7.0, 6.0, 5.0, 4.0] {
        let press = Press { row_dbm0: -13.0, column_dbm0: -13.0, noise_dbm0: Some(-10.0 - snr), ..PRESS };
        let share = (0..16).map(|key| heard(key / 4, key % 4, press, 200, p)).sum::<f64>() / 16.0;
        println!("signal {snr:4.1} dB over white noise: {:.2} % heard", 100.0 * share);
    }
}
