//! The card around the framers: its registers, DMA, clock, interrupt and wires.

use super::framer::{Bus, Framer};
use super::line::Signal;
use crate::access::{HostMemory, Registers};
use crate::falc;
use crate::layout::{CHUNK, Layout, MAX_PORTS, SLOTS};
use crate::regs::{DmaCtrl, Generation, Intr, LocalAddress, Reg, VERSION_MAGIC, led};

/// What a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    /// Its age.
    pub generation: Generation,
    /// Its connectors: 2, 4 or 8.
    pub ports: u8,
    /// The E1 jumpers: bit 0 is the first port.
    pub e1_jumpers: u8,
    /// The framer's version.
    pub framer_version: u8,
}

/// What is plugged into a connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plug {
    /// Nothing.
    Open,
    /// A loop plug.
    Loop,
    /// A cable to another connector of the card.
    Cross(u8),
}

/// Where the card's clock comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFrom {
    /// Its own oscillator.
    Oscillator,
    /// What the line of this port carries.
    Line(u8),
    /// A line that carries nothing: the clock drifts.
    Nothing(u8),
}

/// What goes wrong, when asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Milliseconds for which no interrupt reaches the host.
    pub mute_ms: u32,
    /// Milliseconds for which DMA stands still.
    pub stall_ms: u32,
    /// DMA stands still until it is started anew.
    pub stuck: bool,
    /// DMA stands still whatever is done.
    pub dead: bool,
}

/// What the card has seen: for tests that look for what a driver must not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Milliseconds with DMA.
    pub ticks: u64,
    /// DMA to addresses where no memory is.
    pub wild: u64,
    /// Interrupts that were not acknowledged before the next.
    pub unacknowledged: u64,
    /// Times DMA was started.
    pub starts: u64,
}

/// A card of the family, in software.
pub struct Card {
    config: ModelConfig,
    plugs: [Plug; MAX_PORTS],
    cuts: [bool; MAX_PORTS],
    bad_bits: [u32; MAX_PORTS],
    /// What goes wrong.
    pub faults: Faults,
    tally: Tally,
    regs: [u32; Reg::ALL.len()],
    framers: [Framer; MAX_PORTS],
    sent: [Option<Signal>; MAX_PORTS],
    switch: [u8; 256],
    strobe: LocalAddress,
    answer: u8,
    current: u8,
    ident: u8,
    tick: bool,
}

const NOTHING: u8 = 0xFF;
const SILENT: Bus = [[0xFF; CHUNK]; SLOTS];

impl Card {
    /// Makes a card that was just switched on, with nothing plugged in.
    pub fn new(config: ModelConfig) -> Card {
        Card {
            config,
            plugs: [Plug::Open; MAX_PORTS],
            cuts: [false; MAX_PORTS],
            bad_bits: [0; MAX_PORTS],
            faults: Faults::default(),
            tally: Tally::default(),
            regs: [0; Reg::ALL.len()],
            framers: Card::fresh(&config),
            sent: [None; MAX_PORTS],
            // The switch's memory is not cleared by power (F6: drivers clear it; its first content unverified).
            switch: core::array::from_fn(|entry| entry as u8 ^ 0x15),
            strobe: LocalAddress(0),
            answer: 0,
            current: 0,
            ident: 0,
            tick: false,
        }
    }

    fn fresh(config: &ModelConfig) -> [Framer; MAX_PORTS] {
        let (octal, any_e1) = (config.ports > 4, config.e1_jumpers != 0);
        core::array::from_fn(|unit| Framer::new(unit as u8, octal, any_e1, config.framer_version))
    }

    /// Plugs something into a connector.
    pub fn plug(&mut self, port: u8, plug: Plug) {
        self.plugs[usize::from(port)] = plug;
    }

    /// Cuts or mends the cable at a connector, both ways.
    pub fn cut(&mut self, port: u8, cut: bool) {
        self.cuts[usize::from(port)] = cut;
    }

    /// Makes the receiver of a port repeat (positive) or drop frames.
    pub fn slip(&mut self, port: u8, frames: i8) {
        self.framers[usize::from(port)].slip += frames;
    }

    /// Turns a bit over in so many of the next milliseconds that a port receives.
    pub fn spoil(&mut self, port: u8, milliseconds: u32) {
        self.bad_bits[usize::from(port)] += milliseconds;
    }

    /// Returns what the card has seen.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Returns what a register of a framer was last written with.
    pub fn framer_register(&self, port: u8, reg: u8) -> u8 {
        self.framers[usize::from(port)].reg(reg)
    }

    /// Returns what a port sent in a timeslot in the last millisecond, as it was on the line; none if it sent nothing.
    pub fn sent(&self, port: u8, timeslot: u8) -> Option<[u8; CHUNK]> {
        let signal = self.sent[usize::from(port)]?;
        Some(signal.frames.map(|frame| frame[usize::from(timeslot) % SLOTS]))
    }

    /// Makes the framer of a port forget what it was told, as a surge does.
    pub fn forget(&mut self, port: u8) {
        let fresh = Card::fresh(&self.config);
        self.framers[usize::from(port)] = fresh[usize::from(port)];
    }

    /// Returns where the clock comes from (F6, F9).
    pub fn clock(&self) -> ClockFrom {
        if !self.control().contains(DmaCtrl::RECOVER) {
            return ClockFrom::Oscillator;
        }
        let port = if self.config.ports > 4 {
            self.framers[0].reg(falc::CMR5) >> 5
        } else {
            self.framers[0].reg(falc::CMR1) >> 6
        };
        let carries = self.framers[usize::from(port)].heard.is_some();
        if carries { ClockFrom::Line(port) } else { ClockFrom::Nothing(port) }
    }

    /// Returns true while the card holds its interrupt line: until acknowledged (F7).
    pub fn interrupt(&self) -> bool {
        self.faults.mute_ms == 0 && self.control().contains(DmaCtrl::RUN) && self.intr() & 3 != 0
    }

    fn control(&self) -> DmaCtrl {
        DmaCtrl::from_bits_retain(self.regs[Reg::DmaCtrl as usize])
    }

    fn active(&self) -> bool {
        self.regs[Reg::Leds as usize] & led::ACTIVATE != 0
    }

    fn intr(&self) -> u32 {
        // The framers' interrupt reaches the card only over a pin that is set up (F9).
        let pin = self.framers[0].reg(falc::IPC) == falc::IPC_PUSH_PULL_LOW;
        let framer = pin && self.active() && self.ports_with_status() != 0;
        let ident = if self.config.generation == Generation::Five { u32::from(self.ident) << 16 } else { 0 };
        ident | if self.tick { Intr::TICK } else { 0 } | u32::from(framer)
    }

    fn ports_with_status(&self) -> u8 {
        let port = |framer: &Framer| u8::from(framer.global_status() != 0) << framer.unit();
        self.framers[..usize::from(self.config.ports)].iter().map(port).fold(0, |all, one| all | one)
    }

    fn buffers(&self) -> u8 {
        let asked = (self.regs[Reg::Ring as usize] & 0x7F) as u8;
        if self.config.generation == Generation::Five { asked.max(1) } else { 1 }
    }

    /// Ports of the framer chips: a card with two connectors has a chip for four (F3).
    fn framer_ports(&self) -> usize {
        if self.config.ports > 4 { 8 } else { 4 }
    }

    fn framer_of(&self, address: LocalAddress) -> Option<usize> {
        let unit = usize::from(address.unit());
        (self.active() && unit < self.framer_ports()).then_some(unit)
    }

    /// A strobe acts when it comes, if the address was there before it (F8).
    fn strobe(&mut self, to: LocalAddress) {
        let before = core::mem::replace(&mut self.strobe, to);
        let steady = before.plain() == to.plain();
        let Some(unit) = self.framer_of(to).filter(|_| steady) else {
            self.answer = NOTHING;
            return;
        };
        if to.is_writing() && !before.is_writing() {
            let data = self.regs[Reg::LocalData as usize] as u8;
            self.framers[unit].write(to.reg(), data);
        }
        if to.is_reading() && !before.is_reading() {
            self.answer = if to.reg() == falc::CIS {
                self.ports_with_status()
            } else {
                self.framers[unit].read(to.reg())
            };
        }
    }

    fn set_control(&mut self, to: DmaCtrl) {
        let was = self.control();
        self.regs[Reg::DmaCtrl as usize] = to.bits();
        if to.contains(DmaCtrl::TSI_STROBE) {
            let entry = to.bits() >> 7 & 0x7F | (to.bits() >> 15 & 1) << 7;
            let from = to.bits() & 0x7F | (to.bits() >> 16 & 1) << 7;
            self.switch[entry as usize] = from as u8;
        }
        if to.contains(DmaCtrl::RUN) && !was.contains(DmaCtrl::RUN) {
            (self.current, self.ident, self.tick) = (0, 0, false);
            self.faults.stuck = false;
            self.tally.starts += 1;
        }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.config.ports, self.buffers(), self.config.e1_jumpers != 0)
    }

    /// Lives through a millisecond.
    pub fn tick(&mut self, memory: &impl HostMemory) {
        self.faults.mute_ms = self.faults.mute_ms.saturating_sub(1);
        let stalled = self.faults.dead || self.faults.stuck || self.faults.stall_ms > 0;
        self.faults.stall_ms = self.faults.stall_ms.saturating_sub(1);
        let runs = self.control().contains(DmaCtrl::RUN) && !stalled;
        let mut buses = [SILENT; MAX_PORTS];
        let mut there = runs && self.fetch(memory, &mut buses);
        // The bus between framers and card runs whether anybody fetches from it or not.
        let mut heard = [SILENT; MAX_PORTS];
        if self.active() {
            self.exchange(&buses);
            let there = self.framer_ports();
            for framer in &mut self.framers[..there] {
                let phase = framer.phase();
                framer.deliver(&mut heard[phase]);
            }
        }
        if runs {
            there = there && self.put(memory, &heard);
            self.finish(there);
        }
    }

    /// Reads what goes to the lines, through the timeslot switch.
    fn fetch(&mut self, memory: &impl HostMemory, buses: &mut [Bus; MAX_PORTS]) -> bool {
        let (layout, base) = (self.layout(), self.regs[Reg::WriteAddress as usize]);
        let ports = self.framer_ports();
        for (port, bus) in buses.iter_mut().enumerate().take(ports) {
            for (slot, octets) in bus.iter_mut().enumerate() {
                let word = layout.slot(self.current, port as u8, slot as u8);
                let address = |k: usize| base.wrapping_add(((word + k) * 4) as u32);
                let (Some(low), Some(high)) = (memory.load(address(0)), memory.load(address(1))) else {
                    return false;
                };
                octets[..4].copy_from_slice(&low.to_le_bytes());
                octets[4..].copy_from_slice(&high.to_le_bytes());
                if self.switch[port * SLOTS + slot] != 0 {
                    // Another timeslot's octets go out here, not the host's: ones stand for them.
                    *octets = [NOTHING; CHUNK];
                }
            }
        }
        true
    }

    fn put(&mut self, memory: &impl HostMemory, heard: &[Bus; MAX_PORTS]) -> bool {
        let (layout, base) = (self.layout(), self.regs[Reg::ReadAddress as usize]);
        let ports = self.framer_ports();
        heard.iter().enumerate().take(ports).all(|(port, bus)| {
            bus.iter().enumerate().all(|(slot, octets)| {
                let word = layout.slot(self.current, port as u8, slot as u8);
                let (low, high) = octets.split_at(4);
                [low, high].iter().enumerate().all(|(k, half)| {
                    let half = u32::from_le_bytes([half[0], half[1], half[2], half[3]]);
                    memory.store(base.wrapping_add(((word + k) * 4) as u32), half)
                })
            })
        })
    }

    fn finish(&mut self, there: bool) {
        if !there {
            // A master abort stops the engine (unverified).
            self.tally.wild += 1;
            self.faults.stuck = true;
            return;
        }
        self.tally.ticks += 1;
        self.tally.unacknowledged += u64::from(self.tick);
        self.current = (self.current + 1) % self.buffers();
        self.ident = (self.ident + 1) & 0x7F;
        self.tick = true;
    }

    /// Carries what every port sends to where its cable leads.
    fn exchange(&mut self, buses: &[Bus; MAX_PORTS]) {
        let ports = usize::from(self.config.ports);
        for port in 0..ports {
            let framer = &mut self.framers[port];
            let own = framer.transmit(&buses[framer.phase()]);
            let remote = framer.reg(falc::LIM1) & falc::LIM1_RL != 0;
            self.sent[port] = if remote { framer.heard } else { own };
            if framer.reg(falc::LIM0) & falc::LIM0_LL != 0 {
                framer.receive(own);
            }
        }
        for port in 0..ports {
            if self.framers[port].reg(falc::LIM0) & falc::LIM0_LL != 0 {
                continue;
            }
            let from = match self.plugs[port] {
                Plug::Open => None,
                Plug::Loop => Some(port),
                Plug::Cross(other) => Some(usize::from(other)),
            };
            let whole = from.filter(|from| !self.cuts[port] && !self.cuts[*from]);
            let mut signal = whole.and_then(|from| self.sent[from]);
            if let Some(signal) = signal.as_mut().filter(|_| self.bad_bits[port] > 0) {
                self.bad_bits[port] -= 1;
                signal.frames[1][9] ^= 0x10;
            }
            self.framers[port].receive(signal);
        }
    }
}

impl Registers for Card {
    fn read(&mut self, reg: Reg) -> u32 {
        match reg {
            Reg::Version => u32::from(VERSION_MAGIC) << 16 | 0x0172,
            Reg::Leds => u32::from(self.config.e1_jumpers & 0x0F) << 8,
            Reg::Leds2 => {
                // The octal card's handshake: bit 20 written, bit 12 answers (F2).
                let asked = self.regs[Reg::Leds2 as usize] >> 20 & 1;
                u32::from(self.config.e1_jumpers >> 4) << 8 | asked << 12
            }
            Reg::Intr => self.intr(),
            Reg::Ring => u32::from(self.current) << 8 | self.regs[Reg::Ring as usize] & 0xFFFF_00FF,
            Reg::LocalData => u32::from(self.answer),
            Reg::ReadAddress
            | Reg::WriteAddress
            | Reg::Count
            | Reg::DmaCtrl
            | Reg::GpioCtl
            | Reg::Gpio
            | Reg::LocalAddress => self.regs[reg as usize],
        }
    }

    fn write(&mut self, reg: Reg, value: u32) {
        match reg {
            Reg::Version => {}
            Reg::Intr => self.tick &= value & Intr::TICK != 0,
            Reg::DmaCtrl => self.set_control(DmaCtrl::from_bits_retain(value)),
            Reg::LocalAddress => {
                self.regs[reg as usize] = value;
                self.strobe(LocalAddress(value));
            }
            Reg::Leds => {
                self.regs[reg as usize] = value;
                if value == led::RESET {
                    self.framers = Card::fresh(&self.config);
                }
            }
            Reg::ReadAddress
            | Reg::WriteAddress
            | Reg::Count
            | Reg::Ring
            | Reg::GpioCtl
            | Reg::Gpio
            | Reg::LocalData
            | Reg::Leds2 => self.regs[reg as usize] = value,
        }
    }
}
