//! Listens for digits in recordings that hold none: `talk_off FILE.wav ...` (8 kHz, 16 bits, mono).
//!
//! Each file is heard at five levels and all eight alignments of the detector's windows, after A-law. Prints every
//! false digit and the hours heard.
#![expect(clippy::disallowed_macros, reason = "a program of its own")]

use dsp::dtmf::{DtmfDetector, DtmfEvent};
use dsp::mix::Gain;
use tdm::Law;

fn main() {
    let (mut samples_heard, mut hits) = (0_u64, 0_u32);
    for name in std::env::args().skip(1) {
        let octets = std::fs::read(&name).expect("a file that can be read");
        let samples: Vec<i16> =
            octets[44..].chunks_exact(2).map(|o| i16::from_le_bytes([o[0], o[1]])).collect();
        for gain in [600, 0, -600, -1_200, -1_800].map(Gain::from_centi_db) {
            for shift in 0..8 {
                let mut detector = DtmfDetector::new(shift);
                for part in samples[shift..].as_chunks().0 {
                    let mut block = *part;
                    gain.apply(&mut block);
                    let heard =
                        detector.push(&g711::decode_chunk(Law::A, &g711::encode_block(Law::A, &block)));
                    samples_heard += 8;
                    if let Some(DtmfEvent::Down { digit }) = heard {
                        hits += 1;
                        println!("{name}: {} at gain {gain:?}, shift {shift}", digit as char);
                    }
                }
            }
        }
    }
    let hours = samples_heard as f64 / 8_000.0 / 3_600.0;
    println!("{hits} false digits in {hours:.1} hours, 40 passes over {:.2} hours", hours / 40.0);
}
