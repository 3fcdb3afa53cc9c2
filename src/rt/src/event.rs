//! What the engine tells: small `Copy` values through the `rt_evt` ring.
//!
//! When the ring is full an event is counted as lost; what is a state (alarms, hook, bits) is told again as a level
//! in the census that follows within 100 ms.

use card::CardEvent;
use clock::SampleTime;
use dsp::listen::Heard;

use crate::{FeedPort, Strip};

/// One event with the time of the sample at which it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtEvent {
    /// The time of the first sample of the block in which it happened.
    pub time: SampleTime,
    /// What happened.
    pub kind: RtEventKind,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtEventKind {
    /// The command with this number has taken effect.
    Applied {
        /// Its number.
        seq: u32,
    },
    /// The command with this number could not be carried out and changed nothing.
    Refused {
        /// Its number.
        seq: u32,
        /// Why.
        why: Refusal,
    },
    /// A DTMF digit has been recognised; its tone still sounds.
    DigitDown {
        /// The channel.
        strip: Strip,
        /// The digit in ASCII.
        digit: u8,
    },
    /// The tone of a digit has ended.
    DigitUp {
        /// The channel.
        strip: Strip,
        /// The digit in ASCII.
        digit: u8,
        /// How long it sounded.
        ms: u16,
    },
    /// Something other than a digit was heard on the line.
    Heard {
        /// The channel.
        strip: Strip,
        /// What.
        heard: Heard,
    },
    /// The block marked as last has gone out to the matrix.
    FeedDone {
        /// The feed.
        feed: FeedPort,
        /// Its generation.
        generation: u16,
    },
    /// All digits of a `Dial` have been sent.
    Dialled {
        /// The channel.
        strip: Strip,
    },
    /// A line has told something.
    Card(CardEvent),
    /// Samples were lost since the thread came too late.
    Lost {
        /// Samples per channel.
        samples: u32,
    },
}

/// Why a command was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such strip, port or conference.
    NoSuchPlace,
    /// The conference has its full number of members.
    ConferenceFull,
    /// The tap already belongs to a channel.
    TapBusy,
    /// Digits are already being sent on this channel.
    Dialling,
    /// The value is outside its range.
    OutOfRange,
}
