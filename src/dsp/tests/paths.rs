//! Every path of the processor makes the same decisions as the portable one, and a group the same as one channel alone.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "tests may allocate and panic"
)]

use clock::Prng;
use dsp::bank::Path;
use dsp::dtmf::{DtmfDetector, Generator, GeneratorConfig};
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::mf::{MfGenerator, MfSystem};
use dsp::tone::{Country, plan};
use tdm::{Block, SILENCE};

const CHANNELS: usize = 37;

/// Five seconds of everything a line can do, differently on every channel: keys, register signals, noise, squares, DC,
/// slips, tones at the edge of acceptance.
fn sound() -> Vec<Vec<Block>> {
    let mut prng = Prng::new(41);
    let mut keys: Vec<Generator> = (0..CHANNELS)
        .map(|n| {
            let (row_dbm0, column_dbm0) =
                (-4.0 - n as f32, -4.0 - (n * 7 % CHANNELS) as f32 / 2.0 - n as f32 / 2.0);
            Generator::new(GeneratorConfig {
                row_dbm0,
                column_dbm0,
                on_ms: 30 + n as u16,
                off_ms: 20 + n as u16,
            })
        })
        .collect();
    let mut signals: Vec<MfGenerator> =
        (0..CHANNELS).map(|n| MfGenerator::new(MfSystem::ALL[n % 3], -5.0 - n as f32)).collect();
    (0..5_000)
        .map(|ms| {
            (0..CHANNELS)
                .map(|n| {
                    let noise = prng.below(1 << (1 + n % 14)) as i16;
                    let mut block = match (ms / 700 + n) % 7 {
                        0 | 1 => keys[n].next_block().unwrap_or_else(|| {
                            keys[n].start(b"0123456789*#ABCD");
                            SILENCE
                        }),
                        2 | 3 => {
                            if !signals[n].is_on() {
                                signals[n].start(1 + prng.below(15) as u8, Some(20 + prng.below(80) as u16));
                            }
                            signals[n].next_block()
                        }
                        4 => [if ms % 2 == 0 { i16::MAX } else { i16::MIN }; 8],
                        5 => std::array::from_fn(|_| (prng.next_u64() >> 48) as i16),
                        _ => [-20_000; 8],
                    };
                    if prng.below(300) == 0 {
                        block.rotate_left(3);
                    }
                    block.map(|sample| sample.saturating_add(noise))
                })
                .collect()
        })
        .collect()
}

fn hear(path: Path, sound: &[Vec<Block>]) -> Vec<(usize, usize, Heard)> {
    let mut listeners = Listeners::new(CHANNELS, ListenSet::new(plan(Country::Cn)).unwrap(), path);
    for channel in 0..CHANNELS {
        listeners.want(channel, Wants::all());
    }
    let mut all = Vec::new();
    for (ms, blocks) in sound.iter().enumerate() {
        listeners.push(blocks, &mut |channel, heard| all.push((ms, channel, heard)));
    }
    all
}

#[test]
fn every_path_of_this_processor_decides_as_the_portable_one() {
    let sound = sound();
    let portable = hear(Path::PORTABLE, &sound);
    assert!(portable.len() > 1_000, "{} events", portable.len());
    for path in Path::all() {
        assert!(hear(path, &sound) == portable, "{}", path.name());
    }
}

#[test]
fn a_channel_in_a_group_decides_as_one_alone() {
    let sound = sound();
    let all = hear(Path::best(), &sound);
    for channel in 0..CHANNELS {
        let mut alone = DtmfDetector::new(channel / 16 * 5);
        let own: Vec<_> =
            sound.iter().filter_map(|blocks| alone.push(&blocks[channel])).map(Heard::Dtmf).collect();
        let grouped = all.iter().filter(|&&(_, of, _)| of == channel).map(|&(_, _, heard)| heard);
        let grouped: Vec<_> = grouped.filter(|heard| matches!(heard, Heard::Dtmf(_))).collect();
        assert_eq!(own, grouped, "channel {channel}");
    }
}
