//! `[trunk.loop_start]`: what exchange lines on FXO ports are like, and which keys such a trunk has.
//!
//! Ranges are wide enough for any exchange; defaults are those of `cas::fxo::FxoConfig`, where their sources stand.

use std::time::Duration;

use crate::check::Placed;
use crate::model::{Trunk, TrunkSignalling};
use crate::reader::{Reader, Section};
use crate::sections::{NUMBER, digits};

/// Keys of a trunk that only primary rate ISDN has.
const PRI_KEYS: [&str; 5] = ["dialect", "overlap_receive", "restart_on_start", "caller", "timers"];

/// `[trunk.loop_start]`: exchange lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopStart {
    /// The number that every call which arrives counts as calling.
    pub called: String,
    /// How the exchange sends the caller's number.
    pub caller_id: CallerIdBy,
    /// When it sends it.
    pub caller_id_time: CallerIdTime,
    /// How long that may take.
    pub caller_id_wait: Duration,
    /// The shortest burst of ringing.
    pub ring_min: Duration,
    /// The longest pause of ringing.
    pub ring_gap: Duration,
    /// What is done about dial tone.
    pub dial_tone: DialTone,
    /// How long it is waited for.
    pub dial_tone_wait: Duration,
    /// From dial tone to the first digit.
    pub dial_delay: Duration,
    /// How an answer is known.
    pub answer: AnswerBy,
    /// When an answer is assumed.
    pub answer_after: Duration,
    /// Whether a reversal of polarity ends a talk.
    pub reversal_ends: bool,
    /// How long a line settles after going off hook.
    pub settle: Duration,
    /// The shortest break of the feed that ends a call.
    pub feed_break: Duration,
    /// Cycles of busy tone that end a call.
    pub busy_cycles: u8,
    /// How long a port rests after a call.
    pub guard: Duration,
    /// How long the feed must be gone until a line counts as dead.
    pub no_feed: Duration,
}

/// How an exchange sends the caller's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerIdBy {
    /// Not at all.
    None,
    /// By FSK; the modem is that of `[detect]`.
    Fsk,
    /// By keys.
    Dtmf,
}

/// When an exchange sends the caller's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerIdTime {
    /// Between the first two bursts of ringing.
    AfterRing,
    /// After a reversal of polarity, before the first burst.
    AfterReversal,
    /// Before the first burst, unannounced.
    BeforeRing,
}

/// What is done about dial tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialTone {
    /// Without it there is no call.
    Required,
    /// It is waited for, and dialled without it all the same.
    Preferred,
    /// Nobody listens.
    Ignored,
}

/// How it is known that the called party has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerBy {
    /// By a reversal of polarity.
    Polarity,
    /// Ringback ends; without ringback, by time.
    Ringback,
    /// By time after the last digit.
    Dialled,
}

pub(crate) fn loop_start(mut s: Section<'_, '_>) -> LoopStart {
    let loop_start = LoopStart {
        called: s.optional_text("called", NUMBER, digits).unwrap_or_default(),
        caller_id: s.choice("caller_id", CALLER_IDS, "fsk"),
        caller_id_time: s.choice("caller_id_time", CALLER_ID_TIMES, "after_ring"),
        caller_id_wait: s.duration("caller_id_wait_ms", 1_000..=10_000, 3_000),
        ring_min: s.duration("ring_min_ms", 20..=1_000, 100),
        ring_gap: s.duration("ring_gap_ms", 2_000..=20_000, 6_000),
        dial_tone: s.choice("dial_tone", DIAL_TONES, "preferred"),
        dial_tone_wait: s.duration("dial_tone_wait_ms", 1_000..=30_000, 5_000),
        dial_delay: s.duration("dial_delay_ms", 0..=5_000, 300),
        answer: s.choice("answer", ANSWERS, "ringback"),
        answer_after: s.duration("answer_after_ms", 1_000..=120_000, 8_000),
        reversal_ends: s.boolean("reversal_ends", true),
        settle: s.duration("settle_ms", 100..=3_000, 600),
        feed_break: s.duration("feed_break_ms", 20..=2_000, 100),
        busy_cycles: s.integer("busy_cycles", 2..=20, "cycles", 4),
        guard: s.duration("guard_ms", 200..=30_000, 1_500),
        no_feed: s.duration("no_feed_ms", 100..=60_000, 2_000),
    };
    s.finish();
    loop_start
}

/// Notes keys that the trunk's signalling does not have, and a number that it must have.
pub(crate) fn check(reader: &Reader<'_>, trunk: &Placed<Trunk>) {
    let Placed { item: trunk, place } = trunk;
    if !place.good("signalling") {
        return;
    }
    match trunk.signalling {
        TrunkSignalling::LoopStart => {
            for key in PRI_KEYS.into_iter().filter(|key| place.has(key)) {
                reader.wrong(place, key, "is of no use: signalling \"loop_start\" has no such thing");
            }
            if !place.has("loop_start") {
                reader.wrong(
                    place,
                    "loop_start",
                    "missing: signalling \"loop_start\" needs [trunk.loop_start] with `called`, the number of its lines",
                );
            } else if trunk.loop_start.called.is_empty() && place.good("loop_start") {
                reader.wrong(
                    place,
                    "loop_start",
                    format!("lacks `called`: the number of its lines ({NUMBER}) must be given"),
                );
            }
        }
        TrunkSignalling::PriCpe | TrunkSignalling::PriNet => {
            if place.has("loop_start") {
                reader.wrong(place, "loop_start", "is of no use: the trunk is primary rate ISDN");
            }
        }
    }
}

const CALLER_IDS: &[(&str, CallerIdBy)] =
    &[("none", CallerIdBy::None), ("fsk", CallerIdBy::Fsk), ("dtmf", CallerIdBy::Dtmf)];
const CALLER_ID_TIMES: &[(&str, CallerIdTime)] = &[
    ("after_ring", CallerIdTime::AfterRing),
    ("after_reversal", CallerIdTime::AfterReversal),
    ("before_ring", CallerIdTime::BeforeRing),
];
const DIAL_TONES: &[(&str, DialTone)] =
    &[("required", DialTone::Required), ("preferred", DialTone::Preferred), ("ignored", DialTone::Ignored)];
const ANSWERS: &[(&str, AnswerBy)] =
    &[("polarity", AnswerBy::Polarity), ("ringback", AnswerBy::Ringback), ("dialled", AnswerBy::Dialled)];
