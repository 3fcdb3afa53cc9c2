//! Cards in software for the tests: two ports for the suite, which attaches both.
#![allow(dead_code, reason = "each test file uses its part")]

use card::conformance::Wiring;
use card::{ClockSource, LineConfig, Signalling};
use firmware_shim::Generation;
use firmware_shim::model::{ModelConfig, Plug};
use pci::model::{Handle, ModelBus};
use pci::{PciCard, PciConfig, PortConfig};
use tdm::{Law, SpanId};

/// What a test wants for a card.
#[derive(Clone, Copy)]
pub struct Want {
    pub port: PortConfig,
    pub generation: Generation,
    pub ports: u8,
}

pub const E1: Want = Want { port: PortConfig::E1, generation: Generation::Five, ports: 2 };
pub const T1: Want = Want { port: PortConfig::T1, ..E1 };
pub const SINGLE_BUFFER: Want = Want { generation: Generation::TwoToFour, ..E1 };
pub const QUAD: Want = Want { ports: 4, ..E1 };
pub const OCTAL: Want = Want { ports: 8, ..E1 };

impl Want {
    pub fn config(self) -> PciConfig {
        PciConfig {
            name: "test".to_owned(),
            generation: self.generation,
            ports: (0..self.ports).map(|_| self.port).collect(),
            buffers: 16,
        }
    }

    pub fn model(self) -> ModelConfig {
        ModelConfig {
            generation: self.generation,
            ports: self.ports,
            e1_jumpers: self.config().jumpers(),
            framer_version: 0x20,
        }
    }

    /// Makes the card's side, with the ports connected as wanted.
    pub fn bus(self, plug: impl Fn(u8) -> Plug) -> (Handle, ModelBus) {
        let (handle, bus) = pci::model::card(self.model(), PciCard::<ModelBus>::words(&self.config()));
        handle.card(|card| (0..self.ports).for_each(|port| card.plug(port, plug(port))));
        (handle, bus)
    }

    pub fn card(self, plug: impl Fn(u8) -> Plug) -> (Handle, PciCard<ModelBus>) {
        let (handle, bus) = self.bus(plug);
        (handle, PciCard::new(self.config(), bus).expect("the configuration is right"))
    }
}

/// Returns the cabling of a case of the suite; none if such a card cannot be wired so.
pub fn cabling(wiring: Wiring) -> Option<fn(u8) -> Plug> {
    match wiring {
        Wiring::Looped => Some(|_| Plug::Loop),
        Wiring::Crossed => Some(crossed),
        Wiring::CrossedHdlc | Wiring::Analog => None,
    }
}

/// Ports 0 and 1, 2 and 3, and so on connected to each other.
pub fn crossed(port: u8) -> Plug {
    Plug::Cross(port ^ 1)
}

pub fn looped(_: u8) -> Plug {
    Plug::Loop
}

/// Returns a line at every port: span 10 at the first.
pub fn lines(ports: u8, signalling: Signalling) -> Vec<LineConfig> {
    let line = |position: u8| LineConfig {
        position,
        span: SpanId(10 + u16::from(position)),
        law: Law::A,
        signalling,
        clock: ClockSource::Line,
    };
    (0..ports).map(line).collect()
}

/// The suite's rig over a card in software.
pub struct OnModel<const WANT: u8> {
    pub handle: Handle,
}

/// The cards that [`OnModel`] can be.
pub const WANTS: [Want; 3] = [E1, T1, SINGLE_BUFFER];

impl<const WANT: u8> card::conformance::Rig for OnModel<WANT> {
    type Card = PciCard<ModelBus>;

    fn wired(wiring: Wiring) -> Option<(Self, Self::Card)> {
        let (handle, card) = WANTS[usize::from(WANT)].card(cabling(wiring)?);
        Some((OnModel { handle }, card))
    }

    fn cut(&mut self, _: &mut pci::PciControl, position: u8, cut: bool) -> bool {
        self.handle.card(|card| card.cut(position, cut));
        true
    }

    fn slip(&mut self, _: &mut pci::PciControl, position: u8, frames: i8) -> bool {
        self.handle.card(|card| card.slip(position, frames));
        true
    }

    fn stall(&mut self, _: &mut pci::PciControl, ms: u32) -> bool {
        self.handle.be_late(ms);
        true
    }
}
