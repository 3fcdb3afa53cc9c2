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
use std::sync::LazyLock;

use dsp::bank::Path;
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::mix::Gain;
use dsp::tone::{Country, plan};
use tdm::{Block, Law};

const PASSES: usize = 16;

/// Nine minutes of speech in both languages, with recorded prompts and syllables beside it; made once for all tests.
static CORPUS: LazyLock<Vec<PathBuf>> = LazyLock::new(corpus);

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

fn samples(file: &FilePath) -> Vec<i16> {
    let octets = std::fs::read(file).unwrap();
    octets[44..].as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
}

#[test]
fn speech_of_people_and_machines_holds_no_digit_no_tone_and_no_fax() {
    let (mut seconds, mut recorded) = (0, 0);
    for file in CORPUS.iter() {
        let samples = samples(file);
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

/// The same, on a line on which we speak or play something ourselves: what comes back of it may hide what is said, and makes
/// no tone of it.
#[test]
fn speech_and_music_under_our_own_sound_hold_no_tone() {
    let files = &*CORPUS;
    let (mut seconds, mut found) = (0, Vec::new());
    for (n, file) in files.iter().enumerate() {
        // What they say, and what we play.
        let (theirs, ours) = (samples(file), samples(&files[(n + 1) % files.len()]));
        let length = theirs.len().min(120 * 8_000);
        seconds += length / 8_000;
        for country in Country::ALL {
            let mut listeners = Listeners::new(PASSES, ListenSet::new(plan(country)).unwrap(), Path::best());
            (0..PASSES).for_each(|pass| listeners.want(pass, Wants::PROGRESS));
            let mut rows = [[[0; 8]; PASSES]; 3];
            for n in 0..length.saturating_sub(PASSES) / 8 {
                let [heard, received, sent] = &mut rows;
                for pass in 0..PASSES {
                    // How loud they and we are, what comes back of us and what the canceller leaves of that, in decibels.
                    let (they_db, we_db) = ([0, -12, -24, -90][pass % 4], [6, -6][pass / 4 % 2]);
                    let (erl_db, left_db) = ([6, 14][pass / 8], [0, -15, -30][n / 4_000 % 3]);
                    let gain = |db: i32| 10f32.powf(db as f32 / 20.0);
                    for k in 0..8 {
                        let at = n * 8 + k;
                        let own = f32::from(ours[(at + pass) % ours.len()]) * gain(we_db);
                        let late = f32::from(ours[(at + pass + ours.len() - 29) % ours.len()]);
                        let echo = late * gain(we_db - erl_db);
                        let they = f32::from(theirs[at + pass]) * gain(they_db);
                        sent[pass][k] = own as i16;
                        received[pass][k] = (they + echo) as i16;
                        heard[pass][k] = (they + echo * gain(left_db)) as i16;
                    }
                    received[pass] = g711::decode_chunk(Law::A, &g711::encode_block(Law::A, &received[pass]));
                }
                listeners.push_beside(heard, received, sent, &mut |pass, heard: Heard| {
                    found
                        .push(format!("{}: {country:?}: {heard:?} at {n} ms in pass {pass}", file.display()));
                });
            }
        }
    }
    assert!(found.is_empty(), "{} events: {found:#?}", found.len());
    assert!(seconds >= 300, "{seconds} s");
}
