//! How the lines of a card are plugged, what is measured on them, and who watches.

use core::time::Duration;

use serde::Serialize;
use tdm::{ChannelId, SpanId};

use crate::Outcome;

/// One thing that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// No alarm stands on a line that is plugged.
    Signal,
    /// A known sequence comes back bit by bit: errors and slips of every timeslot.
    BitErrors,
    /// A tone of its own in every timeslot arrives in that timeslot, as loud as it was sent.
    Timeslots,
    /// Frames, and where two spans are cabled the link of Q.921, on the D-channel's timeslot.
    DChannel,
    /// Ringing and hook between a telephone port and a line port.
    RingAndHook,
    /// The echo of a port's hybrid, and the loss to the other end.
    EchoPath,
    /// A pulled plug is seen, and a plug that is back.
    Unplugging,
    /// How evenly the card wakes us, and what is lost.
    Jitter,
}

impl Case {
    /// All cases in the order in which they run.
    pub const ALL: [Case; 8] = [
        Case::Signal,
        Case::BitErrors,
        Case::Timeslots,
        Case::DChannel,
        Case::RingAndHook,
        Case::EchoPath,
        Case::Unplugging,
        Case::Jitter,
    ];
}

/// A cable from a telephone port to a line port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The telephone port: it feeds and rings.
    pub fxs: ChannelId,
    /// The line port.
    pub fxo: ChannelId,
}

/// How the lines of a card are plugged, and for how long they are measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Spans with a loop plug.
    pub loops: Vec<SpanId>,
    /// Spans that are cabled to each other.
    pub pairs: Vec<(SpanId, SpanId)>,
    /// Telephone ports that are cabled to line ports.
    pub wires: Vec<Wire>,
    /// How long bit errors are counted on each line.
    pub bit_errors: Duration,
    /// How long the jitter is measured.
    pub jitter: Duration,
    /// How long a person may take for a plug.
    pub person: Duration,
    /// What still passes.
    pub limits: Limits,
}

/// What still passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// How far the level of a tone may be off, in decibel.
    pub level_db: f32,
    /// How far a tone must stand above everything else, in decibel.
    pub distortion_db: f32,
    /// How much weaker than what was sent the echo of a port must be, in decibel.
    pub echo_loss_db: f32,
    /// How much may be lost from a port to the one it is cabled to, in decibel.
    pub port_loss_db: f32,
}

impl Default for Limits {
    /// G.711 through a digital path is exact; hybrids and pads of analog ports are allowed what national networks allow.
    fn default() -> Limits {
        Limits { level_db: 0.5, distortion_db: 30.0, echo_loss_db: 6.0, port_loss_db: 12.0 }
    }
}

/// What somebody is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Pull the plug of this span.
    Unplug(SpanId),
    /// Put it back.
    Plug(SpanId),
}

/// Whoever watches the cases, and may lend a hand.
pub trait Onlooker {
    /// Sees a case begin on something; it will take about this long.
    fn begins(&mut self, case: Case, on: &str, time: Duration);

    /// Sees how much of the case has passed, now and then.
    fn goes_on(&mut self, passed: Duration);

    /// Sees how it ended.
    fn ended(&mut self, outcome: &Outcome);

    /// Is asked to do something, and must not wait until it is done; false if nobody is there to do it.
    fn ask(&mut self, ask: Ask) -> bool;
}

/// An onlooker who says nothing and does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Onlooker for Quiet {
    fn begins(&mut self, _: Case, _: &str, _: Duration) {}

    fn goes_on(&mut self, _: Duration) {}

    fn ended(&mut self, _: &Outcome) {}

    fn ask(&mut self, _: Ask) -> bool {
        false
    }
}
