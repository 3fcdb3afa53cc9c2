//! `[detect]`: what is listened for on every channel, and how.
//!
//! The detectors check these values again; the ranges here are theirs, so that a wrong one is told with its line.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use crate::reader::Section;
use crate::sections::{NAME, name};

/// `[detect]`: what is listened for.
#[derive(Clone, Debug, PartialEq)]
pub struct Detect {
    /// Keys, on every channel from start; without it only where a call asks for them.
    pub dtmf: bool,
    /// Call progress tones of the country.
    pub progress: bool,
    /// Tones of facsimile machines and modems.
    pub signals: bool,
    /// Voice and silence.
    pub voice: bool,
    /// How caller identity is sent.
    pub caller_id: CallerIdModem,
    /// What is voice.
    pub vad: Vad,
    /// How it is decided who has answered.
    pub machine: Machine,
    /// Tones beside those of the country.
    pub tones: Vec<OwnTone>,
}

/// `[[detect.tone]]`: a call progress tone that is not in the country's plan.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnTone {
    /// Its name, for errors.
    pub name: String,
    /// What it means.
    pub means: ToneMeaning,
    /// What sounds: one or two frequencies at once, the lower one first.
    pub frequencies_hz: Vec<u16>,
    /// On, off, on, off ... in milliseconds; empty for a tone without pause.
    pub cadence_ms: Vec<u16>,
}

/// What a tone means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToneMeaning {
    /// Go on and dial.
    Dial,
    /// The called telephone rings.
    Ringback,
    /// Busy, or the other end has hung up.
    Busy,
    /// No path.
    Congestion,
    /// The number cannot be reached.
    Unobtainable,
}

/// The most tones beside those of the country.
pub const MAX_OWN_TONES: usize = 6;

/// The most different frequencies of them all.
pub const MAX_OWN_FREQUENCIES: usize = 5;

/// The most parts of a cadence.
const MAX_CADENCE: usize = 12;

/// How exchanges send caller identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerIdModem {
    /// Bell 202.
    Bell202,
    /// V.23.
    V23,
}

/// `[detect.vad]`: what is voice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vad {
    /// Power over the noise floor, in decibels.
    pub over_floor_db: f64,
    /// The least level.
    pub least_dbm0: f64,
    /// How long it lasts.
    pub hangover: Duration,
}

/// `[detect.machine]`: who has answered, a person or a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Silence after the answer that is nobody.
    pub initial_silence: Duration,
    /// Speech longer than this is a machine.
    pub greeting: Duration,
    /// Silence after speech that is a person who waits.
    pub after_greeting: Duration,
    /// Silence that parts words.
    pub between_words: Duration,
    /// Sound shorter than this is no word.
    pub min_word: Duration,
    /// A word longer than this is a machine.
    pub max_word: Duration,
    /// More words than these are a machine.
    pub max_words: u8,
    /// By then it is decided.
    pub total: Duration,
}

const MEANINGS: &[(&str, ToneMeaning)] = &[
    ("dial", ToneMeaning::Dial),
    ("ringback", ToneMeaning::Ringback),
    ("busy", ToneMeaning::Busy),
    ("congestion", ToneMeaning::Congestion),
    ("unobtainable", ToneMeaning::Unobtainable),
];
const MODEMS: &[(&str, CallerIdModem)] = &[("bell202", CallerIdModem::Bell202), ("v23", CallerIdModem::V23)];

pub(crate) fn detect(mut s: Section<'_, '_>) -> Detect {
    let detect = Detect {
        dtmf: s.boolean("dtmf", false),
        progress: s.boolean("progress", false),
        signals: s.boolean("signals", false),
        voice: s.boolean("voice", false),
        caller_id: s.choice("caller_id", MODEMS, "bell202"),
        vad: vad(s.table("vad")),
        machine: machine(s.table("machine")),
        tones: own_tones(&mut s),
    };
    s.finish();
    detect
}

fn own_tones(s: &mut Section<'_, '_>) -> Vec<OwnTone> {
    let sections = s.tables("tone", "name", MAX_OWN_TONES);
    let mut known: Vec<u16> = Vec::new();
    sections.into_iter().map(|section| own_tone(section, &mut known)).collect()
}

/// Reads a tone. `known`: the frequencies of those before it.
fn own_tone(mut s: Section<'_, '_>, known: &mut Vec<u16>) -> OwnTone {
    let mut tone = OwnTone {
        name: s.required_text("name", NAME, name),
        means: s.required_choice("means", MEANINGS),
        frequencies_hz: s.list("frequencies_hz", "hertz in 200..=3400", 2, |value| whole(value, 200..=3_400)),
        cadence_ms: s.list(
            "cadence_ms",
            "milliseconds in 80..=10000, on and off in turns",
            MAX_CADENCE,
            |v| whole(v, 80..=10_000),
        ),
    };
    if !s.place().has("frequencies_hz")
        || (tone.frequencies_hz.is_empty() && s.place().good("frequencies_hz"))
    {
        s.wrong("frequencies_hz", "names no frequency: one or two are needed");
    }
    tone.frequencies_hz.sort_unstable();
    if let [a, b] = tone.frequencies_hz[..]
        && a.abs_diff(b) < MIN_APART_HZ
    {
        s.wrong(
            "frequencies_hz",
            format!("are closer than {MIN_APART_HZ} Hz: nobody can tell them from one"),
        );
    }
    if tone.cadence_ms.len() % 2 == 1 && s.place().good("cadence_ms") {
        s.wrong(
            "cadence_ms",
            "ends with a sound: on and off come in pairs, and no pair is a tone without pause",
        );
    }
    for hz in &tone.frequencies_hz {
        if !known.contains(hz) {
            known.push(*hz);
        }
    }
    if known.len() > MAX_OWN_FREQUENCIES {
        let problem = format!(
            "makes {} different frequencies of all tones: at most {MAX_OWN_FREQUENCIES} are listened for",
            known.len()
        );
        s.wrong("frequencies_hz", problem);
    }
    s.finish();
    tone
}

/// Two frequencies at once must be so far apart.
const MIN_APART_HZ: u16 = 30;

fn whole(value: &DeValue<'_>, range: RangeInclusive<u16>) -> Option<u16> {
    let integer = value.as_integer()?;
    u16::from_str_radix(integer.as_str(), integer.radix()).ok().filter(|number| range.contains(number))
}

fn vad(mut s: Section<'_, '_>) -> Vad {
    let vad = Vad {
        over_floor_db: s.float("over_floor_db", 3.0..=30.0, "decibel", 9.0),
        least_dbm0: s.float("least_dbm0", -70.0..=-20.0, "dBm0", -45.0),
        hangover: s.duration("hangover_ms", 0..=2_000, 200),
    };
    s.finish();
    vad
}

fn machine(mut s: Section<'_, '_>) -> Machine {
    let machine = Machine {
        initial_silence: s.duration("initial_silence_ms", 500..=10_000, 3_500),
        greeting: s.duration("greeting_ms", 300..=10_000, 1_700),
        after_greeting: s.duration("after_greeting_ms", 200..=3_000, 700),
        between_words: s.duration("between_words_ms", 16..=500, 64),
        min_word: s.duration("min_word_ms", 16..=500, 96),
        max_word: s.duration("max_word_ms", 500..=10_000, 2_500),
        max_words: s.integer("max_words", 1..=20, "", 6),
        total: s.duration("total_ms", 1_000..=20_000, 6_000),
    };
    s.finish();
    machine
}
