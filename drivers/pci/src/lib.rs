//! Userspace driver of the quad and octal E1/T1 cards with QuadFALC framers, over VFIO or, without an IOMMU, UIO: no
//! kernel module to rebuild.
//!
//! [`PciCard`] implements the card contract on any [`Bus`]: [`vfio`] and [`uio`] for real cards, [`model`] (feature `model`) for the
//! card's side in software. Registers and memory are those of `firmware_shim`.
//!
//! ```text
//!  control --Command--> realtime half: ring (what is new) -> memory <-> chunks
//!     ^                        |        framers (alarms, bits, counters), a few accesses a period
//!     '---- shared counters ---'        watch (lost interrupts, DMA stalls, nonsense) -> named fault
//! ```
//!
//! The realtime half makes every access: framer registers are strobed, two halves would need a lock. What takes many
//! accesses (setting up a framer) is spread over periods.
//!
//! Limits: generations 2 to 5; no echo canceller module, no HDLC in the framer, no T1 signalling in superframes of 12. Run on
//! the model and on QEMU's test device only, never on a card: `docs/cards-pci.md` says what was verified on what.
#![warn(missing_docs)]

mod bar;
mod bus;
mod config;
mod control;
mod dma;
mod driver;
mod fault;
mod framers;
mod hand;
mod io;
#[cfg(feature = "model")]
pub mod model;
mod port;
mod probe;
mod ring;
mod setup;
mod shared;
mod start;
pub mod uio;
pub mod vfio;

pub use bus::{Bus, Wake};
pub use config::{BuildOut, Framing, LineCode, MIN_BUFFERS, PciConfig, PortConfig};
pub use control::{LineErrors, PciControl};
pub use dma::DmaMemory;
pub use fault::{PciCounters, PciFault};
pub use hand::{Hand, HandBus};
pub use io::PciIo;
pub use start::PciCard;
