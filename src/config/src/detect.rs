//! `[detect]`: what is listened for on every channel, and how.
//!
//! The detectors check these values again; the ranges here are theirs, so that a wrong one is told with its line.

use std::time::Duration;

use crate::reader::Section;

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
}

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
    };
    s.finish();
    detect
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
