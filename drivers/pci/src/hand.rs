//! The bus of a real card, whichever way the device came into our hands.
//!
//! [`vfio`](crate::vfio) and [`uio`](crate::uio) open a device, map its registers and get memory that it reaches; from there on all is the
//! same: this.

use core::time::Duration;
use std::io;

use clock::{Clock, Mono, MonoClock};
use firmware_shim::{Reg, Registers};

use crate::bar::Bar;
use crate::bus::{Bus, Wake};
use crate::dma::DmaMemory;

/// A PCI device in our hands, whose interrupt has been asked for.
pub trait Hand: Send {
    /// Waits for an interrupt, for at most `time`. One of the pin does not come again until [`Hand::let_through`].
    fn wait(&self, time: Duration) -> Wake;

    /// Lets the pin's interrupt through again.
    ///
    /// # Errors
    /// The device is gone.
    fn let_through(&self) -> io::Result<()>;
}

/// The bus of a card in our hands.
pub struct HandBus<H: Hand> {
    // Before the memory: the device must be stopped first, so that it cannot write to pages that are ours no more.
    bar: Bar,
    device: H,
    memory: DmaMemory,
    address: u32,
    clock: MonoClock,
}

impl<H: Hand> HandBus<H> {
    /// Makes a bus of a device, its BAR 0, and memory that the device sees at `address`.
    ///
    /// # Errors
    /// The BAR is too short for a card of this family.
    pub(crate) fn new(device: H, bar: Bar, memory: DmaMemory, address: u32) -> io::Result<HandBus<H>> {
        if bar.octets() < Reg::SPACE {
            let what = "its BAR 0 is too short for a card of this family";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(HandBus { bar, device, memory, address, clock: MonoClock })
    }
}

impl<H: Hand> Registers for HandBus<H> {
    fn read(&mut self, reg: Reg) -> u32 {
        self.bar.read(reg.offset())
    }

    fn write(&mut self, reg: Reg, value: u32) {
        self.bar.write(reg.offset(), value);
    }
}

impl<H: Hand> Bus for HandBus<H> {
    fn now(&self) -> Mono {
        self.clock.now()
    }

    fn wait(&mut self, until: Mono) -> Wake {
        self.device.wait(until.since(self.clock.now()))
    }

    fn rearm(&mut self) {
        // A device that is gone shows itself in the next read.
        let _ = self.device.let_through();
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn address(&self) -> u32 {
        self.address
    }

    fn words(&self) -> usize {
        self.memory.octets() / 4
    }

    fn load(&self, word: usize) -> u32 {
        self.memory.load(word)
    }

    fn store(&self, word: usize, value: u32) {
        self.memory.store(word, value);
    }
}
