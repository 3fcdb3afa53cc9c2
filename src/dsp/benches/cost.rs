//! Cost of every part in nanoseconds a sample, for 480 channels that take their turn once a millisecond.
//!
//! The answers are checked before anything is timed: the digits sent are heard.
#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a bench measures and prints")]

use std::hint::black_box;
use std::time::Instant;

use clock::Prng;
use dsp::dtmf::{DtmfDetector, DtmfEvent, Generator, GeneratorConfig};
use dsp::level::Meter;
use dsp::mix::{Gain, Sum};
use dsp::tone::{Country, ToneGenerator, plan};
use tdm::{Block, SILENCE};

const CHANNELS: usize = 480;
const ROUNDS: usize = 2_000;

fn main() {
    let mut prng = Prng::new(1);
    let mut noise = || std::array::from_fn(|_| (prng.next_u64() >> 49) as i16 - 16_384);
    let loud: Vec<Block> = (0..ROUNDS).map(|_| noise()).collect();
    let mut generator = Generator::new(GeneratorConfig::default());
    let mut keys = Vec::new();
    while keys.len() < ROUNDS {
        keys.push(generator.next_block().unwrap_or_else(|| {
            generator.start(b"1470D");
            SILENCE
        }));
    }
    let speech: Vec<Block> = speech_like(ROUNDS);
    check(&keys);
    for (name, sound) in
        [("noise", &loud), ("speech", &speech), ("digits", &keys), ("silence", &vec![SILENCE; ROUNDS])]
    {
        let mut detectors: Vec<DtmfDetector> = (0..CHANNELS).map(DtmfDetector::new).collect();
        report(&format!("dtmf/{name}/480"), |round| {
            for detector in &mut detectors {
                black_box(detector.push(&sound[round]));
            }
        });
    }
    let mut meters = vec![Meter::new(); CHANNELS];
    report("meter/noise/480", |round| meters.iter_mut().for_each(|meter| meter.push(&loud[round])));
    black_box(&mut meters);
    let mut tones = vec![ToneGenerator::new(); CHANNELS];
    tones.iter_mut().for_each(|tone| tone.start(&plan(Country::Us).dial));
    report("tone/two-sines/480", |_| {
        for tone in &mut tones {
            black_box(tone.next_block());
        }
    });
    let gain = Gain::from_centi_db(-600);
    report("gain/-6dB/480", |round| {
        for _ in 0..CHANNELS {
            let mut block = loud[round];
            gain.apply(black_box(&mut block));
            black_box(&block);
        }
    });
    let mut members = vec![SILENCE; CHANNELS];
    report("mix/conference/480", |round| {
        members[round % CHANNELS] = loud[round];
        let mut sum = Sum::new();
        members.iter().for_each(|member| sum.add(member));
        for member in &members {
            black_box(sum.less(member));
        }
    });
}

/// A gliding pitch with its harmonics.
fn speech_like(blocks: usize) -> Vec<Block> {
    (0..blocks)
        .map(|b| {
            std::array::from_fn(|n| {
                let t = (b * 8 + n) as f64 / 8_000.0;
                let turns = 120.0 * t + 20.0 * (3.0 * t).sin();
                (1..25)
                    .map(|h| 4_000.0 / f64::from(h) * (std::f64::consts::TAU * turns * f64::from(h)).sin())
                    .sum::<f64>() as i16
            })
        })
        .collect()
}

fn check(keys: &[Block]) {
    let mut detector = DtmfDetector::new(0);
    let downs = keys.iter().filter_map(|block| detector.push(block));
    let heard: Vec<u8> = downs
        .filter_map(|event| match event {
            DtmfEvent::Down { digit } => Some(digit),
            DtmfEvent::Up { .. } => None,
        })
        .collect();
    assert_eq!(&heard[..5], b"1470D");
}

/// Prints the best of fifteen runs, if the name holds the word given on the command line.
fn report(name: &str, mut round: impl FnMut(usize)) {
    if std::env::args().skip(1).any(|word| !word.starts_with("--") && !name.contains(&word)) {
        return;
    }
    let best = (0..15)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(&mut round);
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    let per_sample_ns = best * 1e9 / (ROUNDS * CHANNELS * 8) as f64;
    println!("{name:<24} {per_sample_ns:6.3} ns/sample  {:8.0} channels per core", 125_000.0 / per_sample_ns);
}
