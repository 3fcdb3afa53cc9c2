//! Calls that have been answered: what is heard of people, machines, music, faxes and nobody in the first twelve seconds.
//!
//! `scripts/answers` makes the words; silence, line noise, level and beeps are put around them here, by a seed, so that the
//! same files make the same calls. Used by `tests/answered.rs` and `examples/answer_matrix.rs`.
#![allow(dead_code, reason = "the test and the example use their own part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "not realtime: may allocate and panic")]

use std::path::{Path as FilePath, PathBuf};

use clock::Prng;
use dsp::amd::{AmdConfig, AmdEvent, Answerer};
use dsp::bank::Path;
use dsp::fsk::{Modulator, V21_CHANNEL_2};
use dsp::level::amplitude;
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::signal::{SignalEvent, SignalKind};
use dsp::tone::{Country, Sine, ToneGenerator, ToneSpec, plan};
use tdm::{CHUNK, Law};

/// Milliseconds of every call that are listened to.
pub const CALL_MS: usize = 14_000;

/// Who has really answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// A person who says a word or two and waits.
    Word,
    /// A person who answers with a sentence.
    Sentence,
    /// A machine.
    Machine,
    /// Music.
    Music,
    /// A facsimile machine.
    Fax,
    /// Nobody, on a line with noise and clicks.
    Nobody,
}

impl Truth {
    pub const ALL: [Truth; 6] =
        [Truth::Word, Truth::Sentence, Truth::Machine, Truth::Music, Truth::Fax, Truth::Nobody];
}

/// One answered call.
pub struct Answer {
    pub name: String,
    pub truth: Truth,
    pub samples: Vec<i16>,
    /// A beep: its frequency, and the milliseconds when it begins and ends.
    pub beep: Option<(f32, usize, usize)>,
}

/// What the detectors made of one.
#[derive(Debug, Default)]
pub struct Verdict {
    pub answerer: Option<(Answerer, usize)>,
    /// Frequency and the millisecond in which it was told.
    pub beeps: Vec<(u16, usize)>,
    pub fax: bool,
}

/// A call on the way to be put together.
struct Call {
    samples: Vec<f32>,
    prng: Prng,
}

impl Call {
    fn new(seed: u64) -> Call {
        Call { samples: vec![0.0; CALL_MS * CHUNK], prng: Prng::new(seed) }
    }

    fn between(&mut self, least: u64, most: u64) -> usize {
        (least + self.prng.below(most - least + 1)) as usize
    }

    /// Adds a sound from a millisecond on, at a mean level. Returns the millisecond of its end.
    fn add(&mut self, sound: &[i16], from_ms: usize, level_dbm0: f32) -> usize {
        let power: f32 = sound.iter().map(|&s| f32::from(s).powi(2)).sum::<f32>() / sound.len().max(1) as f32;
        let gain = amplitude(level_dbm0) / (2.0 * power).sqrt().max(1.0);
        let places = self.samples.iter_mut().skip(from_ms * CHUNK);
        places.zip(sound).for_each(|(place, &sample)| *place += gain * f32::from(sample));
        from_ms + sound.len() / CHUNK
    }

    fn noise(&mut self, level_dbm0: f32) {
        // Evenly spread: its mean square is a third of the square of its peak.
        let peak = amplitude(level_dbm0) * (1.5_f32).sqrt();
        for sample in &mut self.samples {
            *sample += peak * ((self.prng.below(20_001) as f32) / 10_000.0 - 1.0);
        }
    }

    fn answer(mut self, name: &str, truth: Truth, beep: Option<(f32, usize, usize)>) -> Answer {
        let noise_dbm0 = -(self.between(48, 72) as f32);
        self.noise(noise_dbm0);
        let samples = self.samples.iter().map(|&s| s as i16).collect();
        Answer { name: name.into(), truth, samples, beep }
    }
}

fn sine(hz: f32, ms: usize) -> Vec<i16> {
    let mut generator = ToneGenerator::new();
    generator.start(&ToneSpec::cadence([Sine::new(hz, -6.0), Sine::NONE, Sine::NONE], &[]));
    (0..ms).flat_map(|_| generator.next_block()).collect()
}

/// A person: what was said, and in half of the calls the same again after two seconds of waiting.
fn person(words: &[i16], name: &str, truth: Truth, seed: u64) -> Answer {
    let mut call = Call::new(seed);
    let (from, level) = (call.between(150, 1_600), -(call.between(12, 28) as f32));
    let end = call.add(words, from, level);
    if call.between(0, 1) == 1 {
        let again = end + call.between(1_500, 2_500);
        call.add(words, again, level);
    }
    call.answer(name, truth, None)
}

/// A machine: its greeting, and in three of four calls a pause and a beep.
fn machine(words: &[i16], name: &str, seed: u64) -> Answer {
    let mut call = Call::new(seed);
    let (from, level) = (call.between(50, 1_200), -(call.between(12, 28) as f32));
    let end = call.add(words, from, level);
    let mut beep = None;
    if call.between(0, 3) > 0 {
        let begins = end + call.between(200, 1_500);
        let (hz, ms, level) =
            (call.between(400, 2_000) as f32, call.between(150, 1_000), -(call.between(8, 22) as f32));
        if begins + ms + 500 < CALL_MS {
            beep = Some((hz, begins, call.add(&sine(hz, ms), begins, level)));
        }
    }
    call.answer(name, Truth::Machine, beep)
}

fn music(piece: &[i16], name: &str, seed: u64) -> Answer {
    let mut call = Call::new(seed);
    let (from, level) = (call.between(0, 500), -(call.between(12, 26) as f32));
    call.add(piece, from, level);
    call.answer(name, Truth::Music, None)
}

/// A fax: 2100 Hz for 3 s, with phase reversals in half of the calls, then the flags of V.21.
fn fax(seed: u64) -> Answer {
    let mut call = Call::new(seed);
    let (from, level) = (call.between(200, 1_500), -(call.between(10, 26) as f32));
    let mut tone = sine(2_100.0, call.between(2_600, 3_600));
    if call.between(0, 1) == 1 {
        let reversed = |n: usize| n / (450 * CHUNK) % 2 == 1;
        tone.iter_mut().enumerate().filter(|(n, _)| reversed(*n)).for_each(|(_, s)| *s = -*s);
    }
    let end = call.add(&tone, from, level);
    let mut modem = Modulator::new(V21_CHANNEL_2, -10.0);
    let flags: Vec<i16> = (0..1_000)
        .flat_map(|_| {
            while modem.room() >= 8 {
                (0..8).for_each(|bit| assert!(modem.push_bit(0x7E_u8 >> bit & 1 == 1)));
            }
            modem.next_block()
        })
        .collect();
    call.add(&flags, end + 75, level);
    call.answer("fax", Truth::Fax, None)
}

fn nobody(seed: u64) -> Answer {
    let mut call = Call::new(seed);
    for _ in 0..call.between(0, 4) {
        let (at, ms) = (call.between(100, 6_000), call.between(1, 24));
        let click: Vec<i16> = (0..ms * CHUNK).map(|n| if n % 3 == 0 { 6_000 } else { -4_000 }).collect();
        call.add(&click, at, -22.0);
    }
    call.answer("nobody", Truth::Nobody, None)
}

/// Reads a file of `scripts/answers` or `scripts/corpus`: 8 kHz, 16 bits, mono.
pub fn read_wav(file: &FilePath) -> Vec<i16> {
    let octets = std::fs::read(file).unwrap();
    octets[44..].as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
}

/// Puts together the calls of the spoken files, each `takes` times in another way, some of faxes and of nobody, and one
/// for every 14 s of `pieces` of music.
pub fn answers(spoken: &[PathBuf], pieces: &[PathBuf], takes: u64) -> Vec<Answer> {
    let mut all = Vec::new();
    for file in spoken {
        let (words, name) = (read_wav(file), file.file_stem().unwrap().to_string_lossy().into_owned());
        for _ in 0..takes {
            let seed = 1_000 + all.len() as u64;
            all.push(match name.split('-').next() {
                Some("word") => person(&words, &name, Truth::Word, seed),
                Some("sentence") => person(&words, &name, Truth::Sentence, seed),
                Some("machine") => machine(&words, &name, seed),
                other => panic!("{name}: {other:?} is no kind of answer"),
            });
        }
    }
    for file in pieces {
        let (samples, name) = (read_wav(file), file.file_stem().unwrap().to_string_lossy().into_owned());
        for (n, piece) in samples.chunks_exact(CALL_MS * CHUNK).enumerate() {
            all.push(music(piece, &format!("{name} from {} s", n * CALL_MS / 1_000), 500_000 + n as u64));
        }
    }
    let others = (spoken.len() as u64 * takes / 4).max(16);
    all.extend((0..others).map(|n| fax(600_000 + n)));
    all.extend((0..others).map(|n| nobody(700_000 + n)));
    all
}

/// Hears all calls, sixteen at once, after A-law.
pub fn judge(calls: &[Answer], config: AmdConfig) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for group in calls.chunks(16) {
        let set = ListenSet { machine: config.rule().unwrap(), ..ListenSet::new(plan(Country::Cn)).unwrap() };
        let mut listeners = Listeners::new(group.len(), set, Path::best());
        (0..group.len()).for_each(|n| listeners.want(n, Wants::MACHINE | Wants::SIGNALS));
        let first = verdicts.len();
        verdicts.extend(group.iter().map(|_| Verdict::default()));
        for ms in 0..CALL_MS {
            let block = |call: &Answer| {
                let part = std::array::from_fn(|k| call.samples[ms * CHUNK + k]);
                g711::decode_chunk(Law::A, &g711::encode_block(Law::A, &part))
            };
            let blocks: Vec<_> = group.iter().map(block).collect();
            listeners.push(&blocks, &mut |n, heard| {
                let verdict: &mut Verdict = &mut verdicts[first + n];
                match heard {
                    Heard::Machine(AmdEvent::Decided(answerer)) => {
                        assert_eq!(verdict.answerer, None, "{}: decided twice", group[n].name);
                        verdict.answerer = Some((answerer, ms));
                    }
                    Heard::Machine(AmdEvent::Beep { hz, .. }) => verdict.beeps.push((hz, ms)),
                    Heard::Signal(SignalEvent::Began(SignalKind::Answer | SignalKind::AnswerReversed)) => {
                        verdict.fax = true;
                    }
                    Heard::Signal(_)
                    | Heard::Dtmf(_)
                    | Heard::Mf(..)
                    | Heard::Progress(_)
                    | Heard::Fsk(..)
                    | Heard::Voice(_) => {}
                }
            });
        }
    }
    verdicts
}

/// What a verdict says, for a table.
pub const COLUMNS: [&str; 5] = ["person", "machine", "silence", "unsure", "nothing"];

/// Returns the column of a verdict.
pub fn column(verdict: &Verdict) -> usize {
    match verdict.answerer {
        Some((Answerer::Person, _)) => 0,
        Some((Answerer::Machine, _)) => 1,
        Some((Answerer::Silence, _)) => 2,
        Some((Answerer::Unsure, _)) => 3,
        None => 4,
    }
}

/// Returns true if the beep of a call was told, at its frequency and within 100 ms of its end.
pub fn beep_found(call: &Answer, verdict: &Verdict) -> bool {
    call.beep.is_some_and(|(hz, _, end)| verdict.beeps.iter().any(|&told| fits(told, hz, end)))
}

/// Returns how many beeps were told where there was none.
pub fn false_beeps(call: &Answer, verdict: &Verdict) -> usize {
    let real = |&&told: &&(u16, usize)| call.beep.is_some_and(|(hz, _, end)| fits(told, hz, end));
    verdict.beeps.len() - verdict.beeps.iter().filter(real).count()
}

fn fits((hz, ms): (u16, usize), real_hz: f32, end_ms: usize) -> bool {
    (f32::from(hz) / real_hz - 1.0).abs() < 0.03 && (end_ms..end_ms + 100).contains(&ms)
}
