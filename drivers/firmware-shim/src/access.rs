//! How a driver reaches the card, and the card its host's memory.
//!
//! Framer registers are strobed: the address is written without and then with the strobe, the data sits in a register of its
//! own (F8). Every write is followed by a read of the version, which pushes it out and shows that the card is there (F1).

use crate::regs::{LocalAddress, Reg, VERSION_MAGIC};

/// Access to the card's registers: each call is one access on the bus, in order, never left out or repeated.
pub trait Registers {
    /// Reads a register.
    fn read(&mut self, reg: Reg) -> u32;

    /// Writes a register.
    fn write(&mut self, reg: Reg, value: u32);
}

/// The card's view of its host's memory: words at bus addresses.
pub trait HostMemory {
    /// Reads the word at `address`; none if no memory is there for this card.
    fn load(&self, address: u32) -> Option<u32>;

    /// Writes the word at `address`; false if no memory is there for this card.
    fn store(&self, address: u32, word: u32) -> bool;
}

/// The host's side of the accesses.
#[derive(Debug)]
pub struct Host<R> {
    /// The accessor.
    pub registers: R,
    unsynchronised: u32,
}

impl<R: Registers> Host<R> {
    /// Takes over an accessor.
    pub fn new(registers: R) -> Host<R> {
        Host { registers, unsynchronised: 0 }
    }

    /// Reads a register of the card.
    pub fn read(&mut self, reg: Reg) -> u32 {
        self.registers.read(reg)
    }

    /// Writes a register of the card and looks whether the card still answers with its version.
    pub fn write(&mut self, reg: Reg, value: u32) {
        self.registers.write(reg, value);
        let version = self.registers.read(Reg::Version);
        let known = version >> 16 == u32::from(VERSION_MAGIC);
        self.unsynchronised = if known { 0 } else { self.unsynchronised.saturating_add(1) };
    }

    /// Returns how many writes in a row were followed by another version than the family's.
    pub fn unsynchronised(&self) -> u32 {
        self.unsynchronised
    }

    /// Reads register `reg` of the framer of port `unit`.
    pub fn framer_read(&mut self, unit: u8, reg: u8) -> u8 {
        let address = LocalAddress::new(unit, reg);
        self.write(Reg::LocalAddress, address.0);
        self.write(Reg::LocalAddress, address.reading().0);
        let data = self.read(Reg::LocalData);
        self.write(Reg::LocalAddress, address.0);
        data as u8
    }

    /// Writes register `reg` of the framer of port `unit`.
    pub fn framer_write(&mut self, unit: u8, reg: u8, value: u8) {
        let address = LocalAddress::new(unit, reg);
        self.write(Reg::LocalAddress, address.0);
        self.write(Reg::LocalData, u32::from(value));
        self.write(Reg::LocalAddress, address.writing().0);
        self.write(Reg::LocalAddress, address.0);
    }
}
