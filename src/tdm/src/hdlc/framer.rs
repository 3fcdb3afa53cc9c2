//! Frames to line octets: flags, zero insertion, check sequence.
//!
//! A frame is copied in with its check sequence; each of its octets takes one step through a table that inserts the
//! zeros (8 bits become 8 to 10), into a bit store from which line octets are taken. One flag stands between two
//! frames. Source: ITU-T Q.921 2.2, 2.6, 2.7.

use super::fcs::fcs16;
use super::{FCS_LEN, FLAG};
use crate::{HdlcFrame, MAX_FRAME};

/// After this many ones a zero is inserted.
const ONES_LIMIT: usize = 5;

/// What one octet becomes on the line, given the ones already sent before it.
#[derive(Clone, Copy)]
struct Stuffed {
    bits: u16,
    count: u8,
    ones: u8,
}

static STUFF: [[Stuffed; 256]; ONES_LIMIT] = table();

const fn table() -> [[Stuffed; 256]; ONES_LIMIT] {
    let mut table = [[Stuffed { bits: 0, count: 0, ones: 0 }; 256]; ONES_LIMIT];
    let mut ones = 0;
    while ones < ONES_LIMIT {
        let mut octet = 0;
        while octet < 256 {
            table[ones][octet] = stuff(octet as u8, ones as u8);
            octet += 1;
        }
        ones += 1;
    }
    table
}

const fn stuff(octet: u8, ones: u8) -> Stuffed {
    let mut out = Stuffed { bits: 0, count: 0, ones };
    let mut bit = 0;
    while bit < 8 {
        let one = (octet >> bit) & 1;
        out.bits |= (one as u16) << out.count;
        out.count += 1;
        out.ones = if one == 1 { out.ones + 1 } else { 0 };
        if out.ones as usize == ONES_LIMIT {
            out.count += 1;
            out.ones = 0;
        }
        bit += 1;
    }
    out
}

/// The sending machine of both modes.
#[derive(Clone)]
pub(super) struct Framer {
    /// Bits that wait to go out, lowest first.
    store: u32,
    waiting: u8,
    /// Ones sent last, for zero insertion.
    ones: u8,
    /// The frame being sent, check sequence included.
    octets: [u8; MAX_FRAME + FCS_LEN],
    len: usize,
    sent: usize,
}

impl Framer {
    pub(super) const fn new() -> Framer {
        Framer { store: 0, waiting: 0, ones: 0, octets: [0; MAX_FRAME + FCS_LEN], len: 0, sent: 0 }
    }

    /// Gives the next line octet; at every flag `next` is asked for the frame that follows it.
    #[inline]
    pub(super) fn octet(&mut self, next: &mut impl FnMut() -> Option<HdlcFrame>) -> u8 {
        // Each step adds 8 to 10 bits, so that one always suffices, and 7 + 10 bits fit.
        if self.waiting < 8 {
            if self.sent < self.len {
                self.put_next();
            } else {
                self.put_bare(FLAG);
                if let Some(frame) = next() {
                    self.load(&frame);
                }
            }
        }
        let octet = self.store as u8;
        self.store >>= 8;
        self.waiting -= 8;
        octet
    }

    /// True while a frame is on its way.
    pub(super) const fn busy(&self) -> bool {
        self.sent < self.len
    }

    /// Gives up the frame being sent, by ones without zeros inserted; does nothing between frames.
    pub(super) fn abort(&mut self) {
        if self.busy() {
            self.len = 0;
            self.sent = 0;
            self.put_bare(0xFF);
        }
    }

    #[inline]
    fn put_next(&mut self) {
        let step = STUFF[usize::from(self.ones)][usize::from(self.octets[self.sent])];
        self.store |= u32::from(step.bits) << self.waiting;
        self.waiting += step.count;
        self.ones = step.ones;
        self.sent += 1;
    }

    /// Puts an octet without zero insertion: a flag or an abort.
    fn put_bare(&mut self, octet: u8) {
        self.store |= u32::from(octet) << self.waiting;
        self.waiting += 8;
        self.ones = 0;
    }

    fn load(&mut self, frame: &HdlcFrame) {
        let octets = frame.octets();
        self.octets[..octets.len()].copy_from_slice(octets);
        self.octets[octets.len()..octets.len() + FCS_LEN].copy_from_slice(&fcs16(octets).to_le_bytes());
        self.len = octets.len() + FCS_LEN;
        self.sent = 0;
    }
}
