//! The other side of a line as an object in this process: an exchange, a telephone, a measuring set.
//!
//! It is ticked with the world, once a millisecond, with everything the card sent, and gives everything the card shall
//! hear. Limits: it runs inside the card's tick, so it must not wait.

use clock::SampleTime;
use tdm::{Chunk, HdlcFrame, Law, SpanId, SpanKind, Timeslot};

use crate::Edge;

/// The line that a far end is plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FarLine {
    /// The span's number.
    pub span: SpanId,
    /// What it is, seen from the card.
    pub kind: SpanKind,
    /// Its channels.
    pub channels: u8,
    /// The law on the line.
    pub law: Law,
    /// The timeslot of its D-channel, if it has one.
    pub d_timeslot: Option<Timeslot>,
}

/// Something that a simulated line ends in.
pub trait FarEnd: Send {
    /// Hears that the card has attached this line: everything starts anew.
    fn attached(&mut self, line: &FarLine);

    /// Returns true if it sends and hears whole frames on the D-channel instead of octets.
    fn speaks_frames(&self) -> bool {
        false
    }

    /// Lives through one millisecond.
    fn tick(&mut self, tick: &mut FarTick<'_>);
}

/// One millisecond at the far end.
pub struct FarTick<'a> {
    /// The time of the first sample, as the card counts.
    pub time: SampleTime,
    /// What the card sends, timeslot 1 first.
    pub heard: &'a [Chunk],
    /// What else the card does.
    pub edges: &'a [Edge],
    /// Good frames that the card sent on the D-channel, if the far end speaks frames.
    pub frames: &'a [HdlcFrame],
    /// What the far end sends: the idle code unless it is written over.
    pub says: &'a mut [Chunk],
    /// What else the far end does.
    pub reply: &'a mut FarReply,
}

/// What a far end does beside its octets.
#[derive(Debug, Default)]
pub struct FarReply {
    pub(crate) edges: Vec<Edge>,
    pub(crate) frames: Vec<HdlcFrame>,
}

impl FarReply {
    /// Tells the card a change of the line.
    pub fn edge(&mut self, edge: Edge) {
        self.edges.push(edge);
    }

    /// Sends a frame on the D-channel; false if it is longer than any frame may be.
    pub fn frame(&mut self, octets: &[u8]) -> bool {
        let frame = HdlcFrame::new(octets);
        self.frames.extend(frame);
        frame.is_some()
    }
}
