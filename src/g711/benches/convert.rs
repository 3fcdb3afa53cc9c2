//! Cost of conversion in nanoseconds a sample, beside a plain 64 KiB table in the same run.
//!
//! 480 channels, a block each, as the engine works; the answers are compared before anything is timed.
#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a bench measures and prints")]

use std::hint::black_box;
use std::time::Instant;

use tdm::{Block, Chunk, Law};

const CHANNELS: usize = 480;
const ROUNDS: usize = 2_000;

fn main() {
    let mut seed = 1_u32;
    let mut noise = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as i16 >> (seed & 7)
    };
    let blocks: Vec<Block> = (0..CHANNELS).map(|_| std::array::from_fn(|_| noise())).collect();
    for law in [Law::A, Law::Mu] {
        let table: Vec<u8> = (0..=u16::MAX).map(|x| g711::encode(law, x as i16)).collect();
        let mut chunks: Vec<Chunk> = blocks.iter().map(|block| g711::encode_block(law, block)).collect();
        for (block, chunk) in blocks.iter().zip(&chunks) {
            assert_eq!(block.map(|x| table[usize::from(x as u16)]), *chunk);
        }
        let mut linear = blocks.clone();
        report(&format!("g711/encode-{law:?}/480x8"), || {
            for (block, chunk) in black_box(&blocks).iter().zip(&mut chunks) {
                *chunk = g711::encode_block(law, block);
            }
            black_box(&chunks);
        });
        report(&format!("g711/encode-{law:?}-table64k/480x8"), || {
            for (block, chunk) in black_box(&blocks).iter().zip(&mut chunks) {
                *chunk = block.map(|x| table[usize::from(x as u16)]);
            }
            black_box(&chunks);
        });
        report(&format!("g711/decode-{law:?}/480x8"), || {
            for (chunk, block) in black_box(&chunks).iter().zip(&mut linear) {
                *block = g711::decode_chunk(law, chunk);
            }
            black_box(&linear);
        });
    }
}

/// Prints the best of five runs.
fn report(name: &str, mut round: impl FnMut()) {
    let best = (0..5)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| round());
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    let per_sample_ns = best * 1e9 / (ROUNDS * CHANNELS * 8) as f64;
    println!("{name:<36} {per_sample_ns:6.3} ns/sample  {:8.0} channels per core", 125_000.0 / per_sample_ns);
}
