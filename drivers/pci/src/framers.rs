//! What the realtime half does for the framers in a period: few accesses, the most urgent first.
//!
//! A strobed access takes four writes with their reads, some microseconds on PCI. In one period at most: one port's status
//! registers and counters, one port's signalling, the alarms of a port in turn, [`SETUP_WRITES`] writes of a set-up.

use std::sync::atomic::Ordering;

use card::{CardEvent, LineConfig, Loopback, count};
use firmware_shim::falc::{self, Frs0, Isr0, Isr3};
use tdm::{Alarms, ChannelId};

use crate::bus::Bus;
use crate::control::Command;
use crate::fault::PciFault;
use crate::io::{PciIo, Told};
use crate::setup::{self, Writes};

/// Writes of a set-up in one period.
const SETUP_WRITES: usize = 12;

/// Every so many milliseconds a framer is asked whether it still knows its set-up, in turn.
const CHECK_MS: u64 = 128;

/// So often signalling is read also without an interrupt.
const SIGNALLING_MS: u64 = 32;

/// Times in a row a framer may be found without its set-up.
const MAX_STRIKES: u8 = 4;

/// A set-up that is being written.
pub(crate) struct Pending {
    port: u8,
    writes: Writes,
    at: usize,
    /// What is attached when it is done; none mends a framer.
    attach: Option<LineConfig>,
}

impl<B: Bus> PciIo<B> {
    /// Does what is due.
    pub(crate) fn look_after_framers(&mut self) {
        self.commands();
        self.continue_setup();
        self.statuses();
        let ports = self.ports.len() as u64;
        let turn = (self.ticks % ports) as usize;
        self.alarms(turn);
        self.signalling(turn);
        if self.ticks.is_multiple_of(CHECK_MS) {
            self.check_setup((self.ticks / CHECK_MS % ports) as usize);
        }
    }

    fn commands(&mut self) {
        // One at a time: an attach is many writes, and what follows may concern it.
        if self.pending.is_some() {
            return;
        }
        let Ok(command) = self.commands.pop() else { return };
        match command {
            Command::Attach(line) => self.begin_setup(line.position, Some(line)),
            Command::Detach(position) => self.detach(position),
            Command::Loopback(position, loopback) => self.loopback(position, loopback),
        }
    }

    fn begin_setup(&mut self, position: u8, attach: Option<LineConfig>) {
        let port = &self.ports[usize::from(position)];
        let line = attach.or(port.line);
        let mut writes = Writes::new();
        if attach.is_none() {
            // A framer that forgot its line has forgotten its bus as well, and the first one what belongs to all.
            if position == 0 {
                writes.extend(setup::board(self.driver.board));
            }
            writes.extend(setup::bus_side(self.driver.board, position, port.config.framing));
        }
        let signalling = line.map(|line| line.signalling);
        writes.extend(setup::line_side(self.driver.board, &port.config, signalling));
        self.pending = Some(Pending { port: position, writes, at: 0, attach });
    }

    fn continue_setup(&mut self) {
        let Some(pending) = &mut self.pending else { return };
        let until = (pending.at + SETUP_WRITES).min(pending.writes.len());
        for &(reg, value) in &pending.writes[pending.at..until] {
            self.driver.host.framer_write(pending.port, reg, value);
        }
        pending.at = until;
        if until < pending.writes.len() {
            return;
        }
        let (position, attach) = (pending.port, pending.attach);
        self.pending = None;
        match attach {
            Some(line) => self.attached(line),
            None => self.choose_clock(true),
        }
        self.ports[usize::from(position)].signalling_due = true;
    }

    /// Takes a span whose framer is set up.
    pub(crate) fn attached(&mut self, line: LineConfig) {
        let position = usize::from(line.position);
        self.ports[position].attach(line);
        let shared = &self.shared.positions[position];
        shared.slips.store(0, Ordering::Relaxed);
        shared.errors.iter().for_each(|counter| counter.store(0, Ordering::Relaxed));
        self.tell(Told::Attached(line));
    }

    fn detach(&mut self, position: u8) {
        let Some(port) = self.ports.get_mut(usize::from(position)) else { return };
        let Some(line) = port.line else { return };
        let framing = port.config.framing;
        port.detach();
        for (reg, value) in [
            (falc::FMR1, setup::fmr1(self.driver.board, framing, true)),
            (falc::LIM0, falc::LIM0_LONG_HAUL),
            (falc::LIM1, falc::LIM1_CLEAR_ON_LOSS),
        ] {
            self.driver.host.framer_write(position, reg, value);
        }
        self.shared.positions[usize::from(position)].alarms.store(0, Ordering::Release);
        self.choose_clock(false);
        self.tell(Told::Detached(position, line.span));
    }

    fn loopback(&mut self, position: u8, loopback: Loopback) {
        let Some(port) = self.ports.get_mut(usize::from(position)) else { return };
        port.loopback = loopback;
        let local = if loopback == Loopback::Local { falc::LIM0_LL } else { 0 };
        let remote = if loopback == Loopback::Remote { falc::LIM1_RL | falc::LIM1_JATT } else { 0 };
        self.driver.host.framer_write(position, falc::LIM1, falc::LIM1_CLEAR_ON_LOSS | remote);
        self.driver.host.framer_write(position, falc::LIM0, falc::LIM0_LONG_HAUL | local);
        self.choose_clock(false);
    }

    /// Serves one port whose status registers told something; the others keep it for the next periods.
    fn statuses(&mut self) {
        let ports = self.ports.len() as u8;
        let tells = |unit: &u8| self.driver.statuses[usize::from(*unit)] != [0; 5];
        let Some(unit) = (0..ports).map(|k| (self.served + k) % ports).find(tells) else { return };
        self.served = (unit + 1) % ports;
        // What ISR2 tells is read from FRS0 in its turn; ISR1 and ISR4 are silenced.
        let [zeroth, _, _, third, _] = core::mem::take(&mut self.driver.statuses[usize::from(unit)]);
        let changed = Isr0::from_bits_truncate(zeroth).contains(Isr0::CASC);
        self.ports[usize::from(unit)].signalling_due |= changed;
        self.third_status(unit, Isr3::from_bits_truncate(third));
    }

    fn third_status(&mut self, unit: u8, status: Isr3) {
        let Some(line) = self.ports[usize::from(unit)].line else { return };
        for (bit, frames) in [(Isr3::RSP, -1), (Isr3::RSN, 1)] {
            if status.contains(bit) && !self.ports[usize::from(unit)].is_silent() {
                count(&self.shared.positions[usize::from(unit)].slips, 1);
                self.tell(Told::Event(CardEvent::Slip { span: line.span, frames }));
            }
        }
        if !status.contains(Isr3::SEC) {
            return;
        }
        let counters = if self.ports[usize::from(unit)].config.framing.is_e1() { 4 } else { 3 };
        for (n, reg) in [falc::FEC, falc::CVC, falc::CEC1, falc::EBC].into_iter().enumerate().take(counters) {
            let low = self.driver.host.framer_read(unit, reg);
            let high = self.driver.host.framer_read(unit, reg + 1);
            let errors = u64::from(u16::from_le_bytes([low, high]));
            count(&self.shared.positions[usize::from(unit)].errors[n], errors);
        }
    }

    fn alarms(&mut self, turn: usize) {
        let Some(line) = self.ports[turn].line else { return };
        let unit = turn as u8;
        let frs0 = Frs0::from_bits_truncate(self.driver.host.framer_read(unit, falc::FRS0));
        let told = self.ports[turn].see(frs0, self.ticks);
        if self.ports[turn].search_again(frs0, self.ticks) {
            let mode = setup::fmr0(self.driver.board, self.ports[turn].config.code);
            self.driver.host.framer_write(unit, falc::FMR0, mode | falc::FMR0_FRS);
            self.driver.host.framer_write(unit, falc::FMR0, mode);
        }
        if let Some((reg, value)) = self.ports[turn].repair_alarms(self.driver.board) {
            self.driver.host.framer_write(unit, reg, value);
        }
        if let Some(alarms) = told {
            self.shared.positions[turn].alarms.store(alarms.bits(), Ordering::Release);
            self.tell(Told::Event(CardEvent::Alarms { span: line.span, alarms }));
            self.choose_clock(false);
        }
    }

    /// Reads the signalling of one port: one that says it has changed, or the one whose turn it is.
    fn signalling(&mut self, turn: usize) {
        let due =
            |port: &crate::port::Port| port.signalling_due && port.has_signalling() && !port.is_silent();
        let in_turn = self.ticks % SIGNALLING_MS < self.ports.len() as u64
            && self.ports[turn].has_signalling()
            && !self.ports[turn].is_silent();
        let ports = self.ports.len();
        let next = (0..ports).map(|k| (turn + k) % ports).find(|index| due(&self.ports[*index]));
        let Some(index) = next.or(in_turn.then_some(turn)) else { return };
        self.ports[index].signalling_due = false;
        let Some(line) = self.ports[index].line else { return };
        for reg in self.ports[index].signalling_registers() {
            let value = self.driver.host.framer_read(index as u8, reg);
            let (events, shared) = (&mut self.events, &self.shared);
            self.ports[index].hear_bits(reg, value, |timeslot, bits| {
                let channel = ChannelId { span: line.span, timeslot };
                crate::io::keep(events, shared, Told::Event(CardEvent::Abcd { channel, bits }));
            });
        }
    }

    /// Makes the best line the source of the card's clock; `again`: also if it is so already.
    pub(crate) fn choose_clock(&mut self, again: bool) {
        let giving = (0..).zip(&self.ports).filter(|(_, port)| port.gives_clock());
        let best = giving.min_by_key(|(unit, port)| (port.config.clock_turn, *unit)).map(|(unit, _)| unit);
        if best == self.clock && !again {
            return;
        }
        if best != self.clock {
            count(&self.shared.health.clock_changes, 1);
        }
        self.clock = best;
        if let Some(unit) = best {
            self.driver.write_all(0, &setup::recovered_clock(self.driver.board, unit));
        }
        self.driver.recover_clock(best.is_some());
    }

    /// A framer that has forgotten its set-up gets it anew.
    fn check_setup(&mut self, index: usize) {
        if self.pending.is_some() {
            return;
        }
        let (unit, port) = (index as u8, &self.ports[index]);
        let right = [
            (falc::FMR0, setup::fmr0(self.driver.board, port.config.code)),
            (falc::FMR1, setup::fmr1(self.driver.board, port.config.framing, port.away)),
        ];
        let kept = right.into_iter().all(|(reg, value)| self.driver.host.framer_read(unit, reg) == value);
        if kept {
            self.ports[index].strikes = 0;
            return;
        }
        count(&self.shared.health.framers_lost, 1);
        self.ports[index].strikes += 1;
        if self.ports[index].strikes > MAX_STRIKES {
            self.driver.give_up(PciFault::FramersSilent);
            return;
        }
        self.begin_setup(unit, None);
    }

    /// Carries out an order about alarms.
    pub(crate) fn send_alarms(&mut self, index: usize, alarms: Alarms) {
        self.ports[index].order_alarms(alarms);
    }
}
