//! A-law and mu-law: between octets as on the line and linear 16-bit samples.
//!
//! Place on the path: the strip decodes every received chunk to a block before anything else and encodes every
//! block last, so these loops run twice per channel and millisecond.
//!
//! Both ways are tables made at compile time. The finest interval of A-law is 16 and that of mu-law 4 in 16-bit
//! units, so encoding needs only the upper 12 (4 KiB) or 14 bits (16 KiB) of a sample. Measured: as fast as a table of
//! all 65,536 samples, twice as fast as arithmetic by `f32` exponents vectorised with the baseline instructions.
//!
//! Linear samples are left-aligned in 16 bits: the 13-bit values of A-law times 8, the 14-bit values of mu-law
//! times 4, both as printed in the tables of the standard. A-law octets have their even bits inverted, as on the
//! line. A negative sample is folded by its one's complement, as the ITU's reference software does: `encode(!x)` is
//! `encode(x)` with the sign bit turned. Encoding picks the interval between two decision values that
//! holds the sample; a decision value itself belongs to the interval further from zero. Limits: a negative mu-law zero (0x7F) is sent for -1 to -4; no zero-code suppression.
//! Source: ITU-T G.711 (11/88) tables 1a to 2b; folding as in G.191.
#![warn(missing_docs)]

mod table;

use table::{A_SHIFT, MU_SHIFT};
use tdm::{Block, CHUNK, Chunk, Law};

/// Returns the linear value of one octet from the line.
///
/// # Realtime
/// One look-up.
#[inline]
pub const fn decode(law: Law, octet: u8) -> i16 {
    match law {
        Law::A => table::A_TO_LINEAR[octet as usize],
        Law::Mu => table::MU_TO_LINEAR[octet as usize],
    }
}

/// Returns the octet of the interval that holds `sample`; beyond the largest decision value, the largest octet.
///
/// # Realtime
/// One look-up.
#[inline]
pub const fn encode(law: Law, sample: i16) -> u8 {
    match law {
        Law::A => table::LINEAR_TO_A[sample as u16 as usize >> A_SHIFT],
        Law::Mu => table::LINEAR_TO_MU[sample as u16 as usize >> MU_SHIFT],
    }
}

/// Decodes `octets` into `samples`. The slices should be of one length; what is longer in one is left alone.
///
/// # Realtime
/// Below 1 ns a sample: `cargo bench -p tandem-g711`.
pub fn decode_slice(law: Law, octets: &[u8], samples: &mut [i16]) {
    let table = match law {
        Law::A => &table::A_TO_LINEAR,
        Law::Mu => &table::MU_TO_LINEAR,
    };
    for (sample, &octet) in samples.iter_mut().zip(octets) {
        *sample = table[usize::from(octet)];
    }
}

/// Encodes `samples` into `octets`. The slices should be of one length; what is longer in one is left alone.
///
/// # Realtime
/// Below 1 ns a sample: `cargo bench -p tandem-g711`.
pub fn encode_slice(law: Law, samples: &[i16], octets: &mut [u8]) {
    match law {
        Law::A => {
            for (octet, &sample) in octets.iter_mut().zip(samples) {
                *octet = table::LINEAR_TO_A[usize::from(sample as u16 >> A_SHIFT)];
            }
        }
        Law::Mu => {
            for (octet, &sample) in octets.iter_mut().zip(samples) {
                *octet = table::LINEAR_TO_MU[usize::from(sample as u16 >> MU_SHIFT)];
            }
        }
    }
}

/// Decodes one chunk of a channel to a block.
///
/// # Realtime
/// Eight look-ups.
#[inline]
pub fn decode_chunk(law: Law, chunk: &Chunk) -> Block {
    let mut block = [0; CHUNK];
    decode_slice(law, chunk, &mut block);
    block
}

/// Encodes one block to a chunk of a channel.
///
/// # Realtime
/// Eight look-ups.
#[inline]
pub fn encode_block(law: Law, block: &Block) -> Chunk {
    let mut chunk = [0; CHUNK];
    encode_slice(law, block, &mut chunk);
    chunk
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests may allocate")]
mod tests {
    use super::*;

    const LAWS: [Law; 2] = [Law::A, Law::Mu];

    /// The amplitude of an overload sine and its level in hundredths of dBm0. Source: G.711 clause 5.
    const OVERLOAD: [(Law, f64, i32); 2] = [(Law::A, 32_768.0, 314), (Law::Mu, 32_636.0, 317)];

    /// The decision values x1.. and values y1.. of one polarity, built from the segment table as printed in G.711
    /// (tables 1a and 2a): number of intervals and interval size of each segment, in 16-bit units.
    fn printed_quantiser(law: Law) -> (Vec<i32>, Vec<i32>) {
        let (segments, scale): (Vec<(u32, i32)>, i32) = match law {
            // 32 intervals of 2, then 16 each of 4 to 128, in units of 1/4096.
            Law::A => (vec![(32, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128)], 8),
            // One interval of 1, 15 of 2, then 16 each of 4 to 256, in units of 1/8159.
            Law::Mu => (
                vec![(1, 1), (15, 2), (16, 4), (16, 8), (16, 16), (16, 32), (16, 64), (16, 128), (16, 256)],
                4,
            ),
        };
        let mut decisions = vec![0];
        for (intervals, size) in segments {
            for _ in 0..intervals {
                decisions.push(decisions.last().unwrap() + size * scale);
            }
        }
        let mut values: Vec<i32> = decisions.windows(2).map(|w| (w[0] + w[1]) / 2).collect();
        if law == Law::Mu {
            values[0] = 0; // y0 = 0: the first interval is half of one that spans zero.
        }
        (decisions, values)
    }

    #[test]
    fn anchors_are_as_published() {
        let published = [
            (Law::A, 0xD5, 8),
            (Law::A, 0x55, -8),
            (Law::A, 0xAA, 32_256),
            (Law::A, 0x2A, -32_256),
            (Law::A, 0x80, 5_504),
            (Law::Mu, 0xFF, 0),
            (Law::Mu, 0x7F, 0),
            (Law::Mu, 0x80, 32_124),
            (Law::Mu, 0x00, -32_124),
            (Law::Mu, 0xFE, 8),
        ];
        for (law, octet, value) in published {
            assert_eq!(decode(law, octet), value, "{law:?} {octet:#04x}");
        }
        assert_eq!(encode(Law::A, 0), Law::A.idle());
        assert_eq!(encode(Law::Mu, 0), Law::Mu.idle());
        for (law, top) in [(Law::A, 0xAA), (Law::Mu, 0x80)] {
            assert_eq!(encode(law, i16::MAX), top);
            assert_eq!(encode(law, i16::MIN), top ^ 0x80);
        }
    }

    #[test]
    fn the_digital_milliwatt_sequences_decode_to_0_dbm0() {
        // G.711 tables 5 and 6: the periodic 1 kHz sequence whose level is 0 dBm0 by definition.
        let a = [0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4];
        let mu = [0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E];
        for ((law, overload, centi_dbm0), octets) in OVERLOAD.into_iter().zip([a, mu]) {
            let block = decode_chunk(law, &octets);
            let power = block.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>() / 8.0;
            let level = 10.0 * (power / (overload * overload / 2.0)).log10() + f64::from(centi_dbm0) / 100.0;
            assert!(level.abs() < 0.05, "{law:?}: {level} dBm0");
        }
    }

    #[test]
    fn every_sample_meets_the_printed_decision_values() {
        for law in LAWS {
            let (decisions, values) = printed_quantiser(law);
            for sample in i16::MIN..=i16::MAX {
                let magnitude = i32::from(if sample < 0 { !sample } else { sample });
                let interval = decisions.partition_point(|&x| x <= magnitude).min(values.len()) - 1;
                let want = if sample < 0 { -values[interval] } else { values[interval] };
                assert_eq!(i32::from(decode(law, encode(law, sample))), want, "{law:?} {sample}");
            }
        }
    }

    #[test]
    fn a_sine_keeps_its_distance_from_quantising_noise_from_0_to_minus_40_dbm0() {
        // ITU-T G.712 (11/01) clause 8: at least 33 dB from 0 to -30 dBm0, 27 dB at -40; a perfect coder has more.
        for (law, overload, centi_dbm0) in OVERLOAD {
            for (level_dbm0, least_db) in
                [(0.0, 36.0), (-10.0, 36.0), (-20.0, 36.0), (-30.0, 34.0), (-40.0, 28.0)]
            {
                let amplitude = overload * 10_f64.powf((level_dbm0 - f64::from(centi_dbm0) / 100.0) / 20.0);
                let (mut signal, mut noise) = (0.0, 0.0);
                for n in 0..8_000 {
                    let x = amplitude * (std::f64::consts::TAU * 1_020.0 * f64::from(n) / 8_000.0).sin();
                    let y = f64::from(decode(law, encode(law, x.round() as i16)));
                    signal += x * x;
                    noise += (y - x) * (y - x);
                }
                let distance = 10.0 * (signal / noise).log10();
                assert!(distance >= least_db, "{law:?} at {level_dbm0} dBm0: {distance} dB");
            }
        }
    }

    #[test]
    fn encoding_is_monotone_and_symmetric() {
        for law in LAWS {
            let value = |sample: i16| decode(law, encode(law, sample));
            for sample in 0..i16::MAX {
                assert!(value(sample) <= value(sample + 1), "{law:?} {sample}");
                assert_eq!(encode(law, !sample), encode(law, sample) ^ 0x80, "{law:?} {sample}");
                assert_eq!(value(!sample), -value(sample), "{law:?} {sample}");
            }
        }
    }

    #[test]
    fn every_code_survives_the_round_trip() {
        for law in LAWS {
            for octet in 0..=255 {
                // Mu-law has two zeros; the linear zero is the positive one.
                let want = if law == Law::Mu && octet == 0x7F { 0xFF } else { octet };
                assert_eq!(encode(law, decode(law, octet)), want, "{law:?} {octet:#04x}");
            }
        }
    }

    #[test]
    fn slices_blocks_and_single_samples_agree_on_every_input() {
        let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        for law in LAWS {
            for length in [65_536, 65_533, 7, 1, 0] {
                let mut octets = vec![0; length];
                encode_slice(law, &samples[..length], &mut octets);
                let mut back = vec![0; length];
                decode_slice(law, &octets, &mut back);
                for ((&sample, &octet), &value) in samples.iter().zip(&octets).zip(&back) {
                    assert_eq!(octet, encode(law, sample));
                    assert_eq!(value, decode(law, octet));
                }
            }
            let block = [-32_768, -1_000, -5, 0, 3, 900, 20_000, 32_767];
            assert_eq!(encode_block(law, &block), block.map(|sample| encode(law, sample)));
        }
    }

    #[test]
    fn the_longer_slice_is_left_alone_beyond_the_shorter() {
        let mut octets = [0x11; 4];
        encode_slice(Law::A, &[0, 0], &mut octets);
        assert_eq!(octets, [0xD5, 0xD5, 0x11, 0x11]);
        let mut samples = [1; 1];
        decode_slice(Law::A, &octets, &mut samples);
        assert_eq!(samples, [8]);
    }
}
