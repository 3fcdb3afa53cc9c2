//! Line octets to frames: flags, zero deletion, check sequence, and what was wrong.
//!
//! ```text
//!            flag                    flag: frame closed, next one opened
//!  hunting --------> aligned ----+  <--------+
//!     ^                          |-----------+
//!     +---- abort, overlong -----+
//! ```
//!
//! An octet without a flag takes one step through a table; the others go bit by bit. The sixth one of a flag is never
//! stored, so that a closing flag leaves its first six bits (zero and five ones) behind: a frame of whole octets has
//! exactly six bits over. Two flags may share a zero: then five bits are over and no octet is there.
//!
//! Source: ITU-T Q.921 2.2, 2.6, 2.9, 2.10; Q.703 4.1.

use super::{FCS_LEN, MIN_FRAME, fcs};
use crate::MAX_FRAME;

/// After this many ones the next zero is deleted.
const ONES_LIMIT: usize = 5;

/// A table step that cannot be taken: the octet holds six ones in a row.
const BIT_BY_BIT: u8 = 0xFF;

/// What one line octet becomes, given the ones received before it.
#[derive(Clone, Copy)]
struct Destuffed {
    bits: u8,
    count: u8,
    ones: u8,
}

static DESTUFF: [[Destuffed; 256]; ONES_LIMIT + 1] = table();

const fn table() -> [[Destuffed; 256]; ONES_LIMIT + 1] {
    let mut table = [[Destuffed { bits: 0, count: 0, ones: 0 }; 256]; ONES_LIMIT + 1];
    let mut ones = 0;
    while ones <= ONES_LIMIT {
        let mut octet = 0;
        while octet < 256 {
            table[ones][octet] = destuff(octet as u8, ones as u8);
            octet += 1;
        }
        ones += 1;
    }
    table
}

const fn destuff(octet: u8, ones: u8) -> Destuffed {
    let mut out = Destuffed { bits: 0, count: 0, ones };
    let mut bit = 0;
    while bit < 8 {
        let one = (octet >> bit) & 1;
        let full = out.ones as usize == ONES_LIMIT;
        if full && one == 1 {
            return Destuffed { bits: 0, count: BIT_BY_BIT, ones: 0 };
        }
        if !full {
            out.bits |= one << out.count;
            out.count += 1;
        }
        out.ones = if one == 1 { out.ones + 1 } else { 0 };
        bit += 1;
    }
    out
}

/// What a receiver has counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxCounters {
    /// Frames with a right check sequence and a length within the limits.
    pub good: u64,
    /// Frames of whole octets whose check sequence was wrong.
    pub fcs_errors: u64,
    /// Seven ones or more within a frame.
    pub aborts: u64,
    /// Frames longer than the limit.
    pub overlong: u64,
    /// Frames shorter than three octets.
    pub short: u64,
    /// Frames that did not end on an octet's edge.
    pub non_octet: u64,
}

impl RxCounters {
    /// Returns the frames that were lost to any error.
    pub const fn bad(&self) -> u64 {
        self.fcs_errors + self.aborts + self.overlong + self.short + self.non_octet
    }
}

/// The receiving machine of both modes.
#[derive(Clone)]
pub(super) struct Deframer {
    max_len: usize,
    /// False while hunting for a flag.
    aligned: bool,
    /// Ones received last: 6 waits for a flag's zero, 7 is an abort or idle line.
    ones: u8,
    /// Bits received that do not yet fill an octet, lowest first.
    store: u16,
    over: u8,
    octets: [u8; MAX_FRAME + FCS_LEN],
    len: usize,
    register: u16,
    counters: RxCounters,
}

impl Deframer {
    /// Makes a receiver of frames of at most `max_len` octets, limited to [`MAX_FRAME`].
    pub(super) const fn new(max_len: usize) -> Deframer {
        Deframer {
            max_len: if max_len < MAX_FRAME { max_len } else { MAX_FRAME },
            aligned: false,
            ones: 0,
            store: 0,
            over: 0,
            octets: [0; MAX_FRAME + FCS_LEN],
            len: 0,
            register: fcs::START,
            counters: RxCounters { good: 0, fcs_errors: 0, aborts: 0, overlong: 0, short: 0, non_octet: 0 },
        }
    }

    pub(super) const fn counters(&self) -> RxCounters {
        self.counters
    }

    /// True while flags delimit what is received.
    pub(super) const fn aligned(&self) -> bool {
        self.aligned
    }

    /// Takes one line octet and hands every good frame that ends in it to `on_frame`.
    #[inline]
    pub(super) fn octet(&mut self, octet: u8, on_frame: &mut impl FnMut(&[u8])) {
        if usize::from(self.ones) <= ONES_LIMIT {
            let step = DESTUFF[usize::from(self.ones)][usize::from(octet)];
            if step.count != BIT_BY_BIT {
                self.ones = step.ones;
                self.append(step.bits, step.count);
                return;
            }
        }
        self.bit_by_bit(octet, on_frame);
    }

    fn bit_by_bit(&mut self, octet: u8, on_frame: &mut impl FnMut(&[u8])) {
        for bit in 0..8 {
            if (octet >> bit) & 1 == 1 {
                self.one();
            } else {
                self.zero(on_frame);
            }
        }
    }

    #[inline]
    fn one(&mut self) {
        match self.ones {
            0..=4 => {
                self.ones += 1;
                self.append(1, 1);
            }
            5 => self.ones = 6,
            6 => {
                self.ones = 7;
                self.abort();
            }
            7.. => {}
        }
    }

    #[inline]
    fn zero(&mut self, on_frame: &mut impl FnMut(&[u8])) {
        match self.ones {
            0..=4 => self.append(0, 1),
            6 => self.flag(on_frame),
            // 5: the inserted zero is deleted. 7: the end of an abort.
            5 | 7.. => {}
        }
        self.ones = 0;
    }

    /// Stores up to eight bits; at most one octet becomes full.
    #[inline]
    fn append(&mut self, bits: u8, count: u8) {
        if !self.aligned {
            return;
        }
        self.store |= u16::from(bits) << self.over;
        self.over += count;
        if self.over < 8 {
            return;
        }
        if self.len == self.max_len + FCS_LEN {
            self.counters.overlong += 1;
            self.aligned = false;
            return;
        }
        let octet = self.store as u8;
        self.octets[self.len] = octet;
        self.len += 1;
        self.register = fcs::step(self.register, octet);
        self.store >>= 8;
        self.over -= 8;
    }

    fn abort(&mut self) {
        if self.aligned {
            // Ones after a flag are an idle line, not the end of a frame: five of them have been stored.
            if self.len > 0 || self.over > 5 {
                self.counters.aborts += 1;
            }
            self.aligned = false;
        }
    }

    fn flag(&mut self, on_frame: &mut impl FnMut(&[u8])) {
        if self.aligned {
            self.close(on_frame);
        }
        self.aligned = true;
        self.store = 0;
        self.over = 0;
        self.len = 0;
        self.register = fcs::START;
    }

    fn close(&mut self, on_frame: &mut impl FnMut(&[u8])) {
        let counters = &mut self.counters;
        if self.len == 0 && matches!(self.over, 5 | 6) {
            // One flag after another, with or without a zero of its own.
        } else if self.len < MIN_FRAME + FCS_LEN {
            counters.short += 1;
        } else if self.over != 6 {
            counters.non_octet += 1;
        } else if self.register != fcs::GOOD {
            counters.fcs_errors += 1;
        } else {
            counters.good += 1;
            on_frame(&self.octets[..self.len - FCS_LEN]);
        }
    }
}
