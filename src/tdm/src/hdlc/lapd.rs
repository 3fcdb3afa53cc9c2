//! HDLC as D-channels use it: flags when idle; a lost frame is repaired by the layer above.
//!
//! Source: ITU-T Q.921 2.1-2.10.

use super::deframer::{Deframer, RxCounters};
use super::framer::Framer;
use crate::{CHUNK, Chunk, HdlcFrame};

/// The longest LAPD frame without check sequence: N201 (260) and the header of an I-frame (4).
pub const LAPD_MAX: usize = 264;

/// Sends frames on a D-channel, and flags when there are none.
///
/// ```
/// use tdm::{HdlcFrame, hdlc::{LapdRx, LapdTx}};
/// let (mut tx, mut rx) = (LapdTx::new(), LapdRx::new());
/// let mut frames = [[0x00, 0x01, 0x7F]].iter();
/// let mut heard = Vec::new();
/// for _ms in 0..3 {
///     let chunk = tx.chunk(|| frames.next().and_then(|f| HdlcFrame::new(f)));
///     rx.chunk(&chunk, |frame| heard.push(frame.to_vec()));
/// }
/// assert_eq!(heard, [[0x00, 0x01, 0x7F]]);
/// ```
#[derive(Clone)]
pub struct LapdTx(Framer);

impl LapdTx {
    /// Makes a sender that sends flags.
    pub const fn new() -> LapdTx {
        LapdTx(Framer::new())
    }

    /// Gives the next octet for the line; `next` is asked at every flag for the frame to follow it.
    ///
    /// # Realtime
    /// About 10 ns.
    #[inline]
    pub fn octet(&mut self, mut next: impl FnMut() -> Option<HdlcFrame>) -> u8 {
        self.0.octet(&mut next)
    }

    /// Gives the next millisecond for the line; `next` is asked at every flag for the frame to follow it.
    ///
    /// # Realtime
    /// Asks `next` at most eight times.
    #[inline]
    pub fn chunk(&mut self, mut next: impl FnMut() -> Option<HdlcFrame>) -> Chunk {
        let mut chunk = [0; CHUNK];
        for octet in &mut chunk {
            *octet = self.0.octet(&mut next);
        }
        chunk
    }

    /// Gives up the frame being sent: the other side throws it away. Does nothing between frames.
    pub fn abort(&mut self) {
        self.0.abort();
    }

    /// Returns true while a frame is on its way.
    pub const fn busy(&self) -> bool {
        self.0.busy()
    }
}

impl Default for LapdTx {
    fn default() -> LapdTx {
        LapdTx::new()
    }
}

/// Receives frames from a D-channel.
#[derive(Clone)]
pub struct LapdRx(Deframer);

impl LapdRx {
    /// Makes a receiver of frames up to [`LAPD_MAX`] octets.
    pub const fn new() -> LapdRx {
        LapdRx(Deframer::new(LAPD_MAX))
    }

    /// Makes a receiver of frames up to `max_len` octets, at most [`MAX_FRAME`](crate::MAX_FRAME).
    pub const fn with_max_len(max_len: usize) -> LapdRx {
        LapdRx(Deframer::new(max_len))
    }

    /// Takes one octet from the line and hands every good frame that ends in it to `on_frame`, without check
    /// sequence.
    ///
    /// # Realtime
    /// A few nanoseconds, and one call of `on_frame` at most.
    #[inline]
    pub fn octet(&mut self, octet: u8, mut on_frame: impl FnMut(&[u8])) {
        self.0.octet(octet, &mut on_frame);
    }

    /// Takes one millisecond from the line; good frames go to `on_frame`, without check sequence.
    #[inline]
    pub fn chunk(&mut self, chunk: &Chunk, mut on_frame: impl FnMut(&[u8])) {
        for &octet in chunk {
            self.0.octet(octet, &mut on_frame);
        }
    }

    /// Returns what has been counted since the start.
    pub const fn counters(&self) -> RxCounters {
        self.0.counters()
    }
}

impl Default for LapdRx {
    fn default() -> LapdRx {
        LapdRx::new()
    }
}
