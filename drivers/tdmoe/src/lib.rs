//! Spans over Ethernet (TDMoE): what DAHDI calls `dahdi_dynamic_eth`, and the boxes that speak to it.
//!
//! Place on the sample path: between an Ethernet interface and the engine. [`TdmoeCard`] implements the card contract of
//! `drivers/card`. The core is without system calls: [`frame`] (octets), [`jitter`] (sequence and time), [`line`](mod@line) (alarms and
//! signalling of a span), [`steer`] (our clock in step with a peer's). Around it: `io` (the realtime half), `control` (the
//! blocking one, with a thread that looks for interfaces that went away), `port` and `sys` (packet sockets).
//!
//! How: a millisecond is one sleep, then for each interface one `recvmmsg` that takes what came, of all its spans, and one
//! `sendmmsg` that sends a frame for each. A memory ring shared with the kernel (`PACKET_RX_RING`) would save the `recvmmsg`,
//! one call of three, for memory that both write: not taken. The clock is the machine's; where a span takes its clock from
//! the line, it is steered after that span's peer, by [`steer::MAX_PPM`] at most.
//!
//! Limits: E1 and T1; `ethmf` is not spoken; no test loops; the network's delay is not part of `rt_delay`. A kernel that
//! drives the same span (`dahdi_dynamic_eth` on this machine) is not noticed, another Tandem is.
//! Source: `dahdi_dynamic` of DAHDI 2.11 as measured in `hw-tests/dahdi`; `packet(7)`.
#![warn(missing_docs)]
#![expect(unsafe_code, reason = "calls of the kernel in `sys`; every block says why it is sound")]

mod card;
mod config;
mod control;
pub mod counts;
pub mod frame;
mod io;
pub mod jitter;
pub mod line;
mod look;
mod mac;
mod port;
mod shared;
pub mod steer;
mod sys;
mod time;

pub use crate::card::TdmoeCard;
pub use config::{BUFFER_MS, JITTER_MS, LOSS_MS, MAX_INTERFACE, TdmoeConfig, TdmoeSpan};
pub use control::TdmoeControl;
pub use counts::Count;
pub use io::TdmoeIo;
pub use line::Peer;
pub use look::{Interface, Sender, interfaces, senders};
pub use mac::{Mac, MacError};
pub use port::{RIGHT, Wire};
pub use time::Time;
