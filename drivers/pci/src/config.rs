//! What an installer decides about a card: framing, line code, line build-out, order of clock sources.

use arrayvec::ArrayVec;
use firmware_shim::{Generation, MAX_BUFFERS, MAX_PORTS};

/// The fewest buffers of a ring that the driver works with: two are the card's, two ours.
pub const MIN_BUFFERS: u8 = 4;

/// A card and its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciConfig {
    /// The card's name, for example `pci0`.
    pub name: String,
    /// Its age, as its PCI id says.
    pub generation: Generation,
    /// Its ports, 1 to 8.
    pub ports: ArrayVec<PortConfig, MAX_PORTS>,
    /// Buffers of the ring of generation 5 ([`MIN_BUFFERS`] to 127): how late the realtime thread may come, and the delay.
    pub buffers: u8,
}

/// One port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// How it is framed, which is also what it is. Must agree with the card's jumper.
    pub framing: Framing,
    /// The line code.
    pub code: LineCode,
    /// How strong it sends.
    pub build_out: BuildOut,
    /// Its turn as a source of the card's clock, 1 first; used for lines that have their clock from the far end.
    pub clock_turn: u8,
    /// How long a loss of signal or frame lasts until it is an alarm, in milliseconds.
    pub alarm_after_ms: u16,
    /// How long it must be over until the alarm ends, in milliseconds.
    pub clear_after_ms: u16,
}

/// How frames are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// E1 with the checksum of ITU-T G.704 2.3.3.
    E1Crc4,
    /// E1 without it.
    E1,
    /// T1 in extended superframes of 24.
    T1Esf,
    /// T1 in superframes of 12. Signalling is not carried.
    T1D4,
}

/// How bits become pulses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineCode {
    /// Alternate marks, zeros as they come.
    Ami,
    /// HDB3 on E1, B8ZS on T1.
    ZeroSuppressed,
}

/// How strong a port sends: the build-out of T1, the cable's kind is the card's own on E1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildOut {
    /// 0 dB, and every E1.
    Full,
    /// -7.5 dB.
    Db7,
    /// -15 dB.
    Db15,
    /// -22.5 dB.
    Db22,
}

impl Framing {
    /// Returns true for the two of E1.
    pub const fn is_e1(self) -> bool {
        matches!(self, Framing::E1Crc4 | Framing::E1)
    }
}

impl PortConfig {
    /// An E1 with checksum and HDB3.
    pub const E1: PortConfig = PortConfig {
        framing: Framing::E1Crc4,
        code: LineCode::ZeroSuppressed,
        build_out: BuildOut::Full,
        clock_turn: 1,
        alarm_after_ms: 20,
        clear_after_ms: 100,
    };

    /// A T1 in extended superframes with B8ZS.
    pub const T1: PortConfig = PortConfig { framing: Framing::T1Esf, ..PortConfig::E1 };
}

impl PciConfig {
    /// Returns the card's name for people.
    pub fn model(&self) -> String {
        format!("PCI card {}", self.name)
    }

    /// Returns the E1 jumpers that fit the ports: bit 0 is the first port.
    pub fn jumpers(&self) -> u8 {
        (0..).zip(&self.ports).fold(0, |all, (bit, port)| all | u8::from(port.framing.is_e1()) << bit)
    }

    /// Returns the buffers that the card works with.
    pub fn ring(&self) -> u8 {
        if self.generation == Generation::Five { self.buffers } else { 1 }
    }

    /// Says what is wrong with it, if anything is.
    pub(crate) fn wrong(&self) -> Option<String> {
        if self.ports.is_empty() {
            return Some("has no ports".to_owned());
        }
        if !(MIN_BUFFERS..=MAX_BUFFERS).contains(&self.buffers) {
            return Some(format!("{} buffers, {MIN_BUFFERS} to {MAX_BUFFERS} allowed", self.buffers));
        }
        let odd = |port: &PortConfig| port.framing.is_e1() && port.build_out != BuildOut::Full;
        self.ports.iter().position(odd).map(|port| format!("port {}: build-out is for T1", port + 1))
    }
}
