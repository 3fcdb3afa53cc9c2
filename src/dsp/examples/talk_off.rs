//! Listens with every detector to recordings that hold nothing for them: `talk_off FILE.wav ...` (8 kHz, 16 bits, mono).
//!
//! Each file is heard at five levels and sixteen alignments of the detectors' windows, after A-law: 80 passes at once.
//! The call progress tones are those of all countries (or of the one that COUNTRY names), one after the other. Prints false
//! digits and tones, and the hours heard. Ends with an error if a digit or a tone that ends calls was heard.
#![expect(clippy::disallowed_macros, reason = "a program of its own")]

use std::collections::BTreeMap;

use dsp::bank::Path;
use dsp::dtmf::DtmfEvent;
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::mix::Gain;
use dsp::progress::{ProgressEvent, ProgressKind};
use dsp::signal::SignalEvent;
use dsp::tone::{Country, plan};
use tdm::{Block, Law, SILENCE};

/// Gains in hundredths of a decibel.
const GAINS: [i16; 5] = [600, 0, -600, -1_200, -1_800];
/// Samples by which the passes are shifted: eight in a block, two blocks.
const SHIFTS: usize = 16;
const PASSES: usize = GAINS.len() * SHIFTS;

fn main() {
    let only = std::env::var("COUNTRY").ok().and_then(|code| Country::from_code(&code));
    let mut tally = Tally::default();
    for (n, country) in Country::ALL.into_iter().filter(|&c| only.is_none_or(|only| only == c)).enumerate() {
        tally.seconds = 0;
        for name in std::env::args().skip(1) {
            // Digits and machines' tones are the same in every country.
            tally.hear(&name, country, if n == 0 { Wants::DTMF | Wants::SIGNALS } else { Wants::empty() });
        }
    }
    let hours = tally.seconds as f64 / 3_600.0;
    println!(
        "{} false digits and {} disconnects in {hours:.2} hours heard {PASSES} times",
        tally.digits, tally.disconnects
    );
    tally.counts.iter().for_each(|(what, count)| println!("  {count} {what}"));
    std::process::exit(i32::from(tally.digits + tally.disconnects > 0));
}

/// What was heard, and of how much.
#[derive(Default)]
struct Tally {
    seconds: usize,
    digits: u32,
    disconnects: u32,
    counts: BTreeMap<String, u32>,
}

impl Tally {
    fn hear(&mut self, name: &str, country: Country, more: Wants) {
        let octets = std::fs::read(name).expect("a file that can be read");
        let samples: Vec<i16> =
            octets[44..].as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        self.seconds += samples.len() / 8_000;
        let set = ListenSet::new(plan(country)).expect("the tones of a country");
        let mut listeners = Listeners::new(PASSES, set, Path::best());
        (0..PASSES).for_each(|pass| listeners.want(pass, Wants::PROGRESS | more));
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
                if let Some(what) = self.count(country, heard) {
                    println!("{name}: {what} at {:.1} s in pass {pass}", n as f64 / 1_000.0);
                }
            });
        }
    }

    /// Counts what was heard; returns its name if it shall be shown.
    fn count(&mut self, country: Country, heard: Heard) -> Option<String> {
        let what = match heard {
            Heard::Dtmf(DtmfEvent::Down { digit }) => {
                self.digits += 1;
                format!("digit {}", digit as char)
            }
            Heard::Progress(ProgressEvent::Began(kind)) => {
                use ProgressKind::{Busy, Congestion, Unobtainable};
                self.disconnects += u32::from(matches!(kind, Busy | Congestion | Unobtainable));
                format!("{kind:?} of {}", country.code())
            }
            Heard::Signal(SignalEvent::Began(kind)) => format!("{kind:?}"),
            Heard::Dtmf(DtmfEvent::Up { .. })
            | Heard::Progress(ProgressEvent::Ended(_))
            | Heard::Signal(SignalEvent::Ended(_))
            | Heard::Mf(..)
            | Heard::Fsk(..)
            | Heard::Voice(_)
            | Heard::Machine(_) => return None,
        };
        let count = self.counts.entry(what.clone()).and_modify(|count| *count += 1).or_insert(1);
        (*count <= 12).then_some(what)
    }
}
