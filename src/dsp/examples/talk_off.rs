//! Listens with every detector to recordings that hold nothing for them: `talk_off FILE.wav ...` (8 kHz, 16 bits, mono).
//!
//! Each file is heard at five levels and sixteen alignments of the detectors' windows, after A-law: 80 passes at once.
//! Prints false digits and tones, and the hours heard. Ends with an error if a digit or a disconnect was heard.
#![expect(clippy::disallowed_macros, reason = "a program of its own")]

use std::collections::BTreeMap;

use dsp::bank::Path;
use dsp::dtmf::DtmfEvent;
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::mix::Gain;
use dsp::progress::ProgressEvent;
use dsp::signal::SignalEvent;
use dsp::tone::{Country, plan};
use tdm::{Block, Law, SILENCE};

/// Gains in hundredths of a decibel.
const GAINS: [i16; 5] = [600, 0, -600, -1_200, -1_800];
/// Samples by which the passes are shifted: eight in a block, two blocks.
const SHIFTS: usize = 16;
const PASSES: usize = GAINS.len() * SHIFTS;

fn main() {
    let country =
        std::env::var("COUNTRY").ok().and_then(|code| Country::from_code(&code)).unwrap_or(Country::Cn);
    let (mut seconds, mut digits) = (0, 0);
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for name in std::env::args().skip(1) {
        let octets = std::fs::read(&name).expect("a file that can be read");
        let samples: Vec<i16> =
            octets[44..].as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        seconds += samples.len() / 8_000;
        let set = ListenSet::new(plan(country)).expect("the tones of a country");
        let mut listeners = Listeners::new(PASSES, set, Path::best());
        (0..PASSES).for_each(|pass| listeners.want(pass, Wants::DTMF | Wants::PROGRESS | Wants::SIGNALS));
        let gains = GAINS.map(Gain::from_centi_db);
        let mut row = [SILENCE; PASSES];
        for n in 0..samples.len().saturating_sub(SHIFTS) / 8 {
            for (pass, block) in row.iter_mut().enumerate() {
                let from = n * 8 + pass % SHIFTS;
                let mut part: Block = std::array::from_fn(|k| samples[from + k]);
                gains[pass / SHIFTS].apply(&mut part);
                *block = g711::decode_chunk(Law::A, &g711::encode_block(Law::A, &part));
            }
            listeners.push(&row, &mut |pass, heard| {
                let what = match heard {
                    Heard::Dtmf(DtmfEvent::Down { digit }) => {
                        digits += 1;
                        format!("digit {}", digit as char)
                    }
                    Heard::Progress(ProgressEvent::Began(kind)) => format!("{kind:?}"),
                    Heard::Signal(SignalEvent::Began(kind)) => format!("{kind:?}"),
                    Heard::Dtmf(DtmfEvent::Up { .. })
                    | Heard::Progress(ProgressEvent::Ended(_))
                    | Heard::Signal(SignalEvent::Ended(_))
                    | Heard::Mf(..)
                    | Heard::Fsk(..)
                    | Heard::Voice(_)
                    | Heard::Machine(_) => return,
                };
                if *counts.entry(what.clone()).and_modify(|count| *count += 1).or_insert(1) <= 12 {
                    println!("{name}: {what} at {:.1} s in pass {pass}", n as f64 / 1_000.0);
                }
            });
        }
    }
    let hours = seconds as f64 / 3_600.0;
    println!("{digits} false digits in {hours:.2} hours heard {PASSES} times; tones of {}:", country.code());
    counts.iter().for_each(|(what, count)| println!("  {count} {what}"));
    std::process::exit(i32::from(digits > 0));
}
