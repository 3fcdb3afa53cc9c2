//! The ground that the driver stands on: registers, shared memory, interrupt and time of one card.
//!
//! Three kinds of accessor serve: mapped memory ([`vfio`](crate::vfio), [`uio`](crate::uio)), region reads and writes (`vfio`), and the model
//! ([`model`](crate::model), feature `model`). Memory for DMA is real in all of them, and the same.

use core::time::Duration;

use clock::Mono;
use firmware_shim::Registers;

/// Why a wait came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The card interrupted us. It does not again until [`Bus::rearm`].
    Interrupt,
    /// The time was up.
    Late,
    /// The card or its driver is gone.
    Gone,
}

/// A card on its bus.
///
/// # Realtime
/// Nothing here allocates or locks in a bus for real cards; only `wait` and `pause` block.
pub trait Bus: Registers + Send {
    /// Returns the time.
    fn now(&self) -> Mono;

    /// Waits for an interrupt until a time; with a time that has passed, only looks.
    fn wait(&mut self, until: Mono) -> Wake;

    /// Lets interrupts through again.
    fn rearm(&mut self);

    /// Sleeps: before the card runs only.
    fn pause(&mut self, time: Duration);

    /// Returns the address of the shared memory as the card sees it.
    fn address(&self) -> u32;

    /// Returns the length of the shared memory in words.
    fn words(&self) -> usize;

    /// Reads a word of the shared memory; 0 beyond its end.
    fn load(&self, word: usize) -> u32;

    /// Writes a word of the shared memory; nothing beyond its end.
    fn store(&self, word: usize, value: u32);
}
