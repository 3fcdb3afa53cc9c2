//! Line cards through the Linux DAHDI character devices: every card that DAHDI has a driver for.
//!
//! Place on the sample path: between the kernel's buffers of each channel and the engine. [`DahdiCard`] implements the card
//! contract of `drivers/card`; [`proc`] reads what spans there are; [`abi`] is the kernel's interface.
//!
//! How: a span's timeslots are bound into one descriptor, so that a period costs one read and one write a span (`lines`).
//! All spans are put in step once (`io`): their buffers begin in the same tick, which is checked before they carry calls.
//! A span that goes away (its module unloaded, its card unplugged) is an alarm; a thread of the driver looks for it until it
//! is back. Limits: 64-bit Linux; audio alarms towards the line are left to DAHDI; spans whose clocks are not locked to
//! each other slip, which is told.
#![warn(missing_docs)]
#![expect(unsafe_code, reason = "requests to the kernel in `sys`; every block says why it is sound")]

pub mod abi;
mod card;
mod config;
mod control;
pub mod dynamic;
pub mod import;
mod io;
mod lines;
mod order;
mod place;
pub mod proc;
mod shared;
mod sys;

pub use crate::card::DahdiCard;
pub use config::{BLOCK_MS, DahdiConfig, DahdiSpan, Framing, Hdlc, MAX_BUFFER_MS};
pub use control::DahdiControl;
pub use io::DahdiIo;

/// Returns the version that the kernel's part tells.
///
/// # Errors
/// The device is not there or may not be used: the kind of the error tells which.
pub fn version(devices: &std::path::Path) -> std::io::Result<String> {
    sys::Device::open(&devices.join("ctl"))?.version()
}
