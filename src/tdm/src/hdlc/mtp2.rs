//! HDLC as signalling links of System No. 7 use it: there is always a unit on the line.
//!
//! The sender repeats the last fill-in or status unit when it has nothing new. After a message unit it repeats a
//! fill-in unit with that unit's sequence numbers, which is what Q.703 sends next when nothing else waits. The receiver
//! hands on a fill-in or status unit only when it differs from the unit before it, and counts all of them for the error
//! rate monitors. A line without flags is counted by octets: 16 octets are one error, until a good unit comes.
//!
//! Limits: the monitors themselves (SUERM, AERM), which live with the link's machine and read the counts here.
//! Source: ITU-T Q.703 (07/96) 2.2, 4.1, 5.1, 10.2.

use super::MIN_FRAME;
use super::deframer::{Deframer, RxCounters};
use super::framer::Framer;
use crate::{CHUNK, Chunk, HdlcFrame};

/// The longest signal unit without check sequence: header (3), service octet (1), signalling information (272).
pub const MTP2_MAX: usize = 276;

/// In octet counting mode this many octets count as one unit in error (N of Q.703 10.2.3).
pub const OCTETS_PER_ERROR: u8 = 16;

/// The longest unit that is repeated and filtered: a status unit with two octets of status.
const LONGEST_STATUS: usize = 5;

/// The length indicator in the third octet of a unit: 0 fill-in, 1 or 2 status, more a message.
const fn is_message(unit: &[u8]) -> bool {
    unit.len() > LONGEST_STATUS || (unit.len() >= MIN_FRAME && unit[2] & 0x3F > 2)
}

/// Sends signal units without a pause.
#[derive(Clone)]
pub struct Mtp2Tx {
    framer: Framer,
    /// What is sent when nothing new waits; none before the first unit.
    repeated: Option<HdlcFrame>,
}

impl Mtp2Tx {
    /// Makes a sender that sends flags until it is given its first unit.
    pub const fn new() -> Mtp2Tx {
        Mtp2Tx { framer: Framer::new(), repeated: None }
    }

    /// Gives the next octet for the line; `next` is asked between units for a new one.
    ///
    /// # Realtime
    /// A few nanoseconds, and one call of `next` at most.
    #[inline]
    pub fn octet(&mut self, mut next: impl FnMut() -> Option<HdlcFrame>) -> u8 {
        let repeated = &mut self.repeated;
        self.framer.octet(&mut || match next() {
            Some(unit) => {
                *repeated = idle_after(&unit);
                Some(unit)
            }
            None => *repeated,
        })
    }

    /// Gives the next millisecond for the line; `next` is asked between units for a new one.
    #[inline]
    pub fn chunk(&mut self, mut next: impl FnMut() -> Option<HdlcFrame>) -> Chunk {
        let mut chunk = [0; CHUNK];
        for octet in &mut chunk {
            *octet = self.octet(&mut next);
        }
        chunk
    }
}

impl Default for Mtp2Tx {
    fn default() -> Mtp2Tx {
        Mtp2Tx::new()
    }
}

/// Returns what is repeated after `unit`: itself, or the fill-in unit that follows a message.
fn idle_after(unit: &HdlcFrame) -> Option<HdlcFrame> {
    match unit.octets() {
        &[backward, forward, ..] if is_message(unit.octets()) => HdlcFrame::new(&[backward, forward, 0]),
        _ => Some(*unit),
    }
}

/// What the error rate monitors read; all since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitCounts {
    /// Good units, filtered ones included.
    pub good: u64,
    /// Units in error: damaged ones, and one for every 16 octets without alignment.
    pub errors: u64,
    /// Good units that were not handed on since they equal the one before.
    pub filtered: u64,
}

/// Receives signal units.
#[derive(Clone)]
pub struct Mtp2Rx {
    deframer: Deframer,
    counts: UnitCounts,
    /// The fill-in or status unit received last; empty after a message.
    last: [u8; LONGEST_STATUS],
    last_len: usize,
    /// Octet counting mode: from the loss of alignment to the next good unit.
    counting: bool,
    counted: u8,
    /// Errors of the deframer that have been taken into `counts`.
    bad_seen: u64,
}

impl Mtp2Rx {
    /// Makes a receiver without alignment: it counts octets until the first good unit.
    pub const fn new() -> Mtp2Rx {
        Mtp2Rx {
            deframer: Deframer::new(MTP2_MAX),
            counts: UnitCounts { good: 0, errors: 0, filtered: 0 },
            last: [0; LONGEST_STATUS],
            last_len: 0,
            counting: true,
            counted: 0,
            bad_seen: 0,
        }
    }

    /// Takes one octet from the line and hands a good unit that ends in it to `on_unit`, without check sequence,
    /// unless it is a fill-in or status unit equal to the one before.
    ///
    /// # Realtime
    /// A few nanoseconds, and one call of `on_unit` at most.
    #[inline]
    pub fn octet(&mut self, octet: u8, mut on_unit: impl FnMut(&[u8])) {
        let Mtp2Rx { deframer, counts, last, last_len, counting, .. } = self;
        deframer.octet(octet, &mut |unit| {
            *counting = false;
            counts.good += 1;
            let status = !is_message(unit);
            if status && &last[..*last_len] == unit {
                counts.filtered += 1;
                return;
            }
            *last_len = if status { unit.len() } else { 0 };
            last[..*last_len].copy_from_slice(&unit[..*last_len]);
            on_unit(unit);
        });
        self.count_errors();
    }

    /// Takes one millisecond from the line; see [`Mtp2Rx::octet`].
    #[inline]
    pub fn chunk(&mut self, chunk: &Chunk, mut on_unit: impl FnMut(&[u8])) {
        for &octet in chunk {
            self.octet(octet, &mut on_unit);
        }
    }

    /// Returns the counts of units and errors.
    pub const fn counts(&self) -> UnitCounts {
        self.counts
    }

    /// Returns what kinds of errors there were.
    pub const fn counters(&self) -> RxCounters {
        self.deframer.counters()
    }

    /// Returns true in octet counting mode.
    pub const fn counting_octets(&self) -> bool {
        self.counting
    }

    /// Forgets the unit received last, so that the next one is handed on whatever it is.
    pub fn unfilter(&mut self) {
        self.last_len = 0;
    }

    #[inline]
    fn count_errors(&mut self) {
        let bad = self.deframer.counters().bad();
        let new = bad - self.bad_seen;
        self.bad_seen = bad;
        if !self.counting && !self.deframer.aligned() {
            // Alignment is lost in this octet: the octets tell the errors from here on.
            self.counting = true;
            self.counted = 0;
        } else if self.counting {
            self.counted += 1;
            if self.counted == OCTETS_PER_ERROR {
                self.counted = 0;
                self.counts.errors += 1;
            }
        } else {
            self.counts.errors += new;
        }
    }
}

impl Default for Mtp2Rx {
    fn default() -> Mtp2Rx {
        Mtp2Rx::new()
    }
}
