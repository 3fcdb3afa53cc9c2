//! Speech, generated and recorded, holds no digit, no busy tone and no fax: a short part of what `make bench` hears.
//!
//! `scripts/corpus` makes the speech; what it needs is installed by `scripts/setup test`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "tests may allocate and panic"
)]

use std::path::{Path as FilePath, PathBuf};
use std::process::Command;

use dsp::bank::Path;
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::mix::Gain;
use dsp::tone::{Country, plan};
use tdm::{Block, Law};

const PASSES: usize = 16;

/// Makes nine minutes of speech in both languages, and puts recorded prompts and syllables beside it.
fn corpus() -> Vec<PathBuf> {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = FilePath::new(env!("CARGO_TARGET_TMPDIR")).join("speech");
    let done = Command::new(root.join("scripts/corpus")).arg(&folder).args(["0.15", "150"]).status();
    assert!(done.is_ok_and(|status| status.success()), "scripts/corpus works after scripts/setup test");
    let files = |part: &str| std::fs::read_dir(folder.join(part)).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = files("generated").chain(files("recorded")).collect();
    all.sort();
    all
}

#[test]
fn speech_of_people_and_machines_holds_no_digit_no_tone_and_no_fax() {
    let (mut seconds, mut recorded) = (0, 0);
    for file in corpus() {
        let octets = std::fs::read(&file).unwrap();
        let samples: Vec<i16> =
            octets[44..].as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        seconds += samples.len() / 8_000;
        recorded += usize::from(file.to_string_lossy().contains("recorded"));
        for (n, country) in Country::ALL.into_iter().enumerate() {
            // Digits and faxes are the same in every country.
            let more = if n == 0 { Wants::DTMF | Wants::SIGNALS } else { Wants::empty() };
            let mut listeners = Listeners::new(PASSES, ListenSet::new(plan(country)).unwrap(), Path::best());
            (0..PASSES).for_each(|pass| {
                listeners.want(pass, Wants::PROGRESS | more);
            });
            let gains = [600, -600].map(Gain::from_centi_db);
            let mut row = [[0; 8]; PASSES];
            for n in 0..samples.len().saturating_sub(PASSES) / 8 {
                for (pass, block) in row.iter_mut().enumerate() {
                    let mut part: Block = std::array::from_fn(|k| samples[n * 8 + pass / 2 + k]);
                    gains[pass % 2].apply(&mut part);
                    *block = g711::decode_chunk(Law::A, &g711::encode_block(Law::A, &part));
                }
                listeners.push(&row, &mut |pass, heard: Heard| {
                    panic!("{}: {country:?}: {heard:?} at {} ms in pass {pass}", file.display(), n);
                });
            }
        }
    }
    assert!(seconds >= 600 && recorded >= 2, "{seconds} s of speech, {recorded} recorded sets");
}
