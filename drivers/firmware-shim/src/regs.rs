//! The card's own registers: 32 bits each, little-endian, at word index times four in BAR 0 (F1).

use bitflags::bitflags;

/// The high half of the version register of every card of the family (F1).
pub const VERSION_MAGIC: u16 = 0xC01A;

/// A register of the card (F1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reg {
    /// Where the host reads: the bus address of the area with what came from the lines.
    ReadAddress = 0,
    /// Where the host writes: the bus address of the area with what goes to the lines.
    WriteAddress = 1,
    /// Transfer length; generation 1 only.
    Count = 2,
    /// [`DmaCtrl`].
    DmaCtrl = 3,
    /// [`Intr`]; written with 0 to acknowledge (F7).
    Intr = 4,
    /// Written: milliseconds an interrupt and buffers; read: [`RingStatus`].
    Ring = 5,
    /// [`VERSION_MAGIC`] and the revision.
    Version = 6,
    /// Lamps and framer activation when written, jumpers when read: [`led`].
    Leds = 7,
    /// Direction of the general pins.
    GpioCtl = 8,
    /// The general pins.
    Gpio = 9,
    /// [`LocalAddress`]: which framer register, and the strobes.
    LocalAddress = 10,
    /// Data of the framer register, in the low octet.
    LocalData = 11,
    /// Lamps and jumpers of ports 5 to 8.
    Leds2 = 12,
}

impl Reg {
    /// All registers, in the order of their addresses.
    pub const ALL: [Reg; 13] = [
        Reg::ReadAddress,
        Reg::WriteAddress,
        Reg::Count,
        Reg::DmaCtrl,
        Reg::Intr,
        Reg::Ring,
        Reg::Version,
        Reg::Leds,
        Reg::GpioCtl,
        Reg::Gpio,
        Reg::LocalAddress,
        Reg::LocalData,
        Reg::Leds2,
    ];

    /// The length of the registers in octets.
    pub const SPACE: usize = Reg::ALL.len() * 4;

    /// Returns its offset from the start of BAR 0, in octets.
    pub const fn offset(self) -> usize {
        self as usize * 4
    }
}

/// What the driver must know of a card's age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// Generations 2 to 4: one buffer of a millisecond, no count of interrupts (F3).
    TwoToFour,
    /// Generation 5: a ring of buffers and a count of interrupts (F3, F7).
    Five,
}

bitflags! {
    /// The bits of [`Reg::DmaCtrl`] (F6).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct DmaCtrl: u32 {
        /// DMA and interrupts run.
        const RUN = 0xC000_0000;
        /// The card's clock follows the clock recovered from a line; else its own oscillator.
        const RECOVER = 1 << 29;
        /// The echo canceller module is in the way.
        const VPM = 1 << 28;
        /// No bursts on the bus.
        const NO_BURST = 1 << 26;
        /// The clock comes from the timing cable.
        const CABLE_SLAVE = 1 << 25;
        /// The clock is given to the timing cable.
        const CABLE_MASTER = 1 << 24;
        /// Strobe of the timeslot switch: the entry in bits 7-13 and 15 gets the source in bits 0-6 and 16.
        const TSI_STROBE = 1 << 14;
    }
}

impl DmaCtrl {
    /// Returns the strobe that makes entry `entry` (0 to 255) of the timeslot switch carry what the host sends (F6).
    pub const fn tsi_clear(entry: u8) -> DmaCtrl {
        let entry = entry as u32;
        DmaCtrl::from_bits_retain(DmaCtrl::TSI_STROBE.bits() | (entry & 0x7F) << 7 | (entry >> 7) << 15)
    }
}

/// What [`Reg::Intr`] says (F7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intr(pub u32);

impl Intr {
    /// A framer wants to be looked at.
    pub const FRAMER: u32 = 1;
    /// A millisecond has passed.
    pub const TICK: u32 = 2;
    /// What acknowledges.
    pub const ACKNOWLEDGE: u32 = 0;
    /// What the register is seeded with before DMA starts (F6).
    pub const SEED: u32 = 0x0C;

    /// Returns true if a millisecond has passed since the last acknowledge.
    pub const fn tick(self) -> bool {
        self.0 & Intr::TICK != 0
    }

    /// Returns true if a framer wants to be looked at.
    pub const fn framer(self) -> bool {
        self.0 & Intr::FRAMER != 0
    }

    /// Returns generation 5's count of milliseconds, modulo 128.
    pub const fn ident(self) -> u8 {
        (self.0 >> 16 & 0x7F) as u8
    }
}

/// What [`Reg::Ring`] says when it is read, on generation 5 (F7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingStatus(pub u32);

impl RingStatus {
    /// Returns the buffer that the card works on now.
    pub const fn current(self) -> u8 {
        (self.0 >> 8 & 0x7F) as u8
    }

    /// Returns what is written to have `buffers` buffers and an interrupt every millisecond (F6).
    pub const fn setup(buffers: u8) -> u32 {
        1 << 16 | buffers as u32
    }
}

/// What is written to [`Reg::LocalAddress`] (F8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress(pub u32);

impl LocalAddress {
    const SELECT: u32 = 1 << 10;
    const FIRST_FRAMER: u32 = 1 << 14;
    const READ: u32 = 1 << 15;
    const WRITE: u32 = 1 << 16;

    /// Addresses register `reg` of port `unit` (0 to 7), without a strobe.
    pub const fn new(unit: u8, reg: u8) -> LocalAddress {
        let framer = if unit & 4 == 0 { LocalAddress::FIRST_FRAMER } else { 0 };
        LocalAddress(((unit & 3) as u32) << 8 | reg as u32 | framer)
    }

    /// Returns it with the strobe that reads.
    pub const fn reading(self) -> LocalAddress {
        LocalAddress(self.0 | LocalAddress::SELECT | LocalAddress::READ)
    }

    /// Returns it with the strobe that writes.
    pub const fn writing(self) -> LocalAddress {
        LocalAddress(self.0 | LocalAddress::SELECT | LocalAddress::WRITE)
    }

    /// Returns it without strobes.
    pub const fn plain(self) -> LocalAddress {
        LocalAddress(self.0 & !(LocalAddress::SELECT | LocalAddress::READ | LocalAddress::WRITE))
    }

    /// Returns the port.
    pub const fn unit(self) -> u8 {
        (self.0 >> 8 & 3) as u8 + if self.0 & LocalAddress::FIRST_FRAMER == 0 { 4 } else { 0 }
    }

    /// Returns the framer's register.
    pub const fn reg(self) -> u8 {
        self.0 as u8
    }

    /// Returns true if it strobes a read.
    pub const fn is_reading(self) -> bool {
        self.0 & LocalAddress::SELECT != 0 && self.0 & LocalAddress::READ != 0
    }

    /// Returns true if it strobes a write.
    pub const fn is_writing(self) -> bool {
        self.0 & LocalAddress::SELECT != 0 && self.0 & LocalAddress::WRITE != 0
    }
}

/// Values and fields of [`Reg::Leds`] and [`Reg::Leds2`] (F2).
pub mod led {
    /// Lamps off and framers in reset.
    pub const RESET: u32 = 0;
    /// All lamps on: the framers leave their reset.
    pub const ALL: u32 = 0xFF;
    /// The framers are active.
    pub const ACTIVATE: u32 = 1 << 12;

    /// Returns the E1 jumpers of four ports: bit 0 is the first port, 1 means E1.
    pub const fn jumpers(leds: u32) -> u8 {
        (leds >> 8 & 0x0F) as u8
    }

    /// Returns the board's rotary switch.
    pub const fn rotary(leds: u32) -> u8 {
        (leds >> 28) as u8
    }
}
