//! Frames in the bits of a timeslot: flags, zero insertion, check sequence.
//!
//! Place on the path: between `CardIo::rx`/`tx` of one timeslot and the rings to Q.921 and Q.703. Two modes share
//! one pair of machines: **LAPD** ([`LapdTx`], [`LapdRx`]) sends flags when idle; **MTP2** ([`Mtp2Tx`], [`Mtp2Rx`])
//! repeats its last fill-in or status unit, filters equal ones on receipt and counts every unit and error.
//!
//! How: octets go through tables, a whole octet in one step (`Framer` inserts zeros,
//! `Deframer` removes them); only octets that touch a flag or an abort are looked at bit by bit.
//! Bit 1 of an octet (the lowest) is first on the line. Nothing allocates, nothing can fail, and every octet in gives
//! one octet out or a bounded amount of work, so that all of it may run on the realtime thread.
//!
//! Limits: 16-bit check sequence only; frames of at most [`MAX_FRAME`](crate::MAX_FRAME) octets.
//! Source: ITU-T Q.921 (09/97) 2.1-2.9; ITU-T Q.703 (07/96) 2.2, 4.1, 10.2.

mod deframer;
mod fcs;
mod framer;
mod lapd;
mod mtp2;

pub use deframer::RxCounters;
pub use fcs::fcs16;
pub use lapd::{LAPD_MAX, LapdRx, LapdTx};
pub use mtp2::{MTP2_MAX, Mtp2Rx, Mtp2Tx, OCTETS_PER_ERROR, UnitCounts};

/// The flag between frames.
const FLAG: u8 = 0x7E;

/// The shortest frame of both modes, without flags and check sequence: two octets of address or sequence numbers
/// and one of control or length.
const MIN_FRAME: usize = 3;

/// Octets of the check sequence.
const FCS_LEN: usize = 2;
