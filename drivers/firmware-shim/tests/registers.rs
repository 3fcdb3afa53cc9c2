//! The card's side as a host sees it: what clears by reading, what acknowledges by writing, what strobes.

use std::cell::RefCell;

use firmware_shim::model::{Card, Faults, ModelConfig, Plug};
use firmware_shim::{
    DmaCtrl, Generation, Host, HostMemory, Intr, Layout, LocalAddress, Reg, Registers, RingStatus, falc, led,
};

const BASE: u32 = 0x8000;

/// Memory of a number of words at [`BASE`].
struct Memory(RefCell<Vec<u32>>);

impl HostMemory for Memory {
    fn load(&self, address: u32) -> Option<u32> {
        self.0.borrow().get(address.checked_sub(BASE)? as usize / 4).copied()
    }

    fn store(&self, address: u32, word: u32) -> bool {
        let place = address.checked_sub(BASE).map(|offset| offset as usize / 4);
        let mut words = self.0.borrow_mut();
        let word_there = place.and_then(|place| words.get_mut(place));
        word_there.map(|there| *there = word).is_some()
    }
}

const LAYOUT: Layout = Layout::new(4, 4, true);

fn running() -> (Host<Card>, Memory) {
    let config =
        ModelConfig { generation: Generation::Five, ports: 4, e1_jumpers: 0x0F, framer_version: 0x20 };
    let mut host = Host::new(Card::new(config));
    host.registers.plug(0, Plug::Loop);
    host.write(Reg::Leds, led::ALL | led::ACTIVATE);
    host.write(Reg::WriteAddress, BASE);
    host.write(Reg::ReadAddress, BASE + LAYOUT.area_words() as u32 * 4);
    host.write(Reg::Ring, RingStatus::setup(4));
    host.write(Reg::DmaCtrl, DmaCtrl::RUN.bits());
    (host, Memory(RefCell::new(vec![0; LAYOUT.words()])))
}

#[test]
fn an_interrupt_stands_until_a_zero_is_written() {
    let (mut host, memory) = running();
    assert!(!host.registers.interrupt());
    host.registers.tick(&memory);
    assert!(host.registers.interrupt());
    assert!(Intr(host.read(Reg::Intr)).tick() && Intr(host.read(Reg::Intr)).tick());
    host.write(Reg::Intr, Intr::ACKNOWLEDGE);
    assert!(!host.registers.interrupt());
    host.registers.tick(&memory);
    host.registers.tick(&memory);
    assert_eq!(host.registers.tally().unacknowledged, 1);
    assert_eq!(Intr(host.read(Reg::Intr)).ident(), 3);
    assert_eq!(RingStatus(host.read(Reg::Ring)).current(), 3);
}

#[test]
fn a_status_register_is_cleared_by_reading_it_and_no_other_is() {
    let (mut host, memory) = running();
    host.framer_write(0, falc::CMDR, falc::CMDR_RESET);
    host.registers.tick(&memory);
    // No pulse is set: nothing comes back, and that is told.
    let waiting = host.framer_read(0, falc::CIS);
    assert_eq!((waiting & 1, host.framer_read(0, falc::GIS)), (1, 1 << 2));
    assert_eq!(host.framer_read(0, falc::ISR0 + 3), 0);
    assert_ne!(host.framer_read(0, falc::ISR0 + 2), 0);
    assert_eq!(host.framer_read(0, falc::ISR0 + 2), 0);
    assert_eq!(host.framer_read(0, falc::GIS), 0);
}

#[test]
fn a_masked_status_bit_never_shows() {
    let (mut host, memory) = running();
    host.framer_write(0, falc::IMR0 + 2, 0xFF);
    host.framer_write(0, falc::CMDR, falc::CMDR_RESET);
    host.registers.tick(&memory);
    assert_eq!(host.framer_read(0, falc::GIS), 0);
}

#[test]
fn a_framer_register_is_reached_by_strobes_only() {
    let (mut host, _) = running();
    host.framer_write(2, falc::XPM0, 0x5A);
    assert_eq!(host.framer_read(2, falc::XPM0), 0x5A);
    assert_eq!(host.framer_read(1, falc::XPM0), 0);
    let address = LocalAddress::new(2, falc::XPM0);
    host.write(Reg::LocalData, 0x77);
    host.write(Reg::LocalAddress, address.0);
    assert_eq!(host.framer_read(2, falc::XPM0), 0x5A, "no strobe");
    // A strobe on an address that was not there before does nothing.
    host.write(Reg::LocalAddress, LocalAddress::new(1, 0).0);
    host.write(Reg::LocalData, 0x77);
    host.write(Reg::LocalAddress, address.writing().0);
    assert_eq!(host.framer_read(2, falc::XPM0), 0x5A, "no settled address");
    // Ports 5 to 8 are not on this card.
    assert_eq!(host.framer_read(6, falc::XPM0), 0xFF);
}

#[test]
fn framers_answer_only_when_activated_and_forget_at_a_reset() {
    let (mut host, _) = running();
    host.framer_write(0, falc::XPM0, 0x5A);
    host.write(Reg::Leds, led::ALL);
    assert_eq!(host.framer_read(0, falc::XPM0), 0xFF);
    host.write(Reg::Leds, led::RESET);
    host.write(Reg::Leds, led::ALL | led::ACTIVATE);
    assert_eq!(host.framer_read(0, falc::XPM0), 0);
}

#[test]
fn the_version_says_whether_the_card_is_there() {
    let (mut host, _) = running();
    host.write(Reg::Gpio, 1);
    assert_eq!(host.unsynchronised(), 0);

    struct Nobody;
    impl Registers for Nobody {
        fn read(&mut self, _: Reg) -> u32 {
            u32::MAX
        }
        fn write(&mut self, _: Reg, _: u32) {}
    }
    let mut host = Host::new(Nobody);
    host.framer_write(0, 0, 0);
    assert_eq!(host.unsynchronised(), 4);
}

#[test]
fn dma_beyond_the_memory_stops_the_engine_and_is_counted() {
    let (mut host, memory) = running();
    host.write(Reg::ReadAddress, BASE + LAYOUT.words() as u32 * 4 - 8);
    host.registers.tick(&memory);
    host.registers.tick(&memory);
    assert_eq!((host.registers.tally().wild, host.registers.tally().ticks), (1, 0));
    host.registers.faults = Faults::default();
}

#[test]
fn every_register_lies_where_the_facts_say() {
    let offsets = Reg::ALL.map(Reg::offset);
    assert_eq!(offsets, [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48]);
    assert_eq!(Reg::SPACE, 52);
    for unit in 0..8 {
        assert_eq!(LocalAddress::new(unit, 0x4C).writing().unit(), unit);
        assert_eq!(LocalAddress::new(unit, 0x4C).reading().reg(), 0x4C);
    }
    assert_eq!(LocalAddress::new(1, 0x4C).0, 0x414C);
    assert_eq!(LocalAddress::new(5, 0x4C).reading().0, 0x854C);
}
