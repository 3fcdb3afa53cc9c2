//! What host and card agree on, for the quad and octal E1/T1 cards with QuadFALC framers (wct4xxp class, generations 2 to 5).
//!
//! [`Reg`] and its bit types are the registers of the card, [`Layout`] its memory in the host, [`falc`] the registers of a
//! framer. A driver reaches them through [`Registers`], an accessor of three kinds: mapped memory, reads and writes of a
//! region, or (feature `model`) [`model::Card`], the card's side in software. [`Host`] does on any of them what takes several
//! accesses: the strobed framer registers and the read of the version that follows every write.
//!
//! Source: the facts F1 to F9 and the pages of the framer's data sheet that `docs/cards-pci.md` lists. What none of them
//! says is marked `unverified`. Limits: no first generation, no echo canceller module, no HDLC in the framer, no flash.
#![no_std]
#![warn(missing_docs)]

mod access;
pub mod falc;
mod layout;
#[cfg(feature = "model")]
pub mod model;
mod regs;

pub use access::{Host, HostMemory, Registers};
pub use layout::{CHUNK, Layout, MAX_BUFFERS, MAX_PORTS, SLOTS, WORDS_PER_SLOT};
pub use regs::{DmaCtrl, Generation, Intr, LocalAddress, Reg, RingStatus, VERSION_MAGIC, led};
