//! The card in hand: its accesses in the right order, what is new in the ring, and the mending of what stands still.
//!
//! ```text
//!  wait --Interrupt--> look: INTR, ring -> acknowledge -> rearm -> what is new
//!    '----Late-------> look: the same; what is found was a lost interrupt
//!  nothing new for STALLED_AFTER -> DMA off and on -> after MAX_RESTARTS in a row: DmaStalled
//!  counters that cannot be, MAX_NONSENSE in a row -> DMA off and on -> after MAX_RESTARTS: RingNonsense
//!  MAX_SPURIOUS interrupts without cause in a row: InterruptStorm
//!  MAX_UNSYNCHRONISED writes in a row after which another version stands: NotThisCard
//! ```

use core::time::Duration;
use std::sync::Arc;

use clock::Mono;
use firmware_shim::{
    DmaCtrl, Generation, Host, Intr, Layout, MAX_PORTS, Reg, RingStatus, VERSION_MAGIC, falc,
};
use tdm::{CHUNK, Chunk};

use crate::bus::{Bus, Wake};
use crate::fault::PciFault;
use crate::ring::{MS, Progress, Ring};
use crate::setup::{Board, Writes};
use crate::shared::Shared;
use card::count;

/// How long after the last millisecond an interrupt is waited for before we look ourselves.
const PATIENCE: Duration = Duration::from_micros(2_500);

/// How long nothing new may come until DMA is started anew.
const STALLED_AFTER: Duration = Duration::from_millis(20);

/// Status registers of a port that are read.
const STATUS_REGISTERS: u8 = 5;

const MAX_RESTARTS: u32 = 3;
const MAX_NONSENSE: u32 = 8;
const MAX_SPURIOUS: u32 = 64;
const MAX_UNSYNCHRONISED: u32 = 8;

/// New buffers in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct New {
    pub(crate) first: u8,
    pub(crate) fresh: u8,
    /// Milliseconds missed before them.
    pub(crate) lost: u64,
}

pub(crate) struct Driver<B> {
    pub(crate) host: Host<B>,
    pub(crate) layout: Layout,
    pub(crate) generation: Generation,
    pub(crate) board: Board,
    pub(crate) shared: Arc<Shared>,
    control: DmaCtrl,
    ring: Ring,
    /// When something new was last found.
    progress: Mono,
    /// Milliseconds that passed while DMA was started anew.
    owed: u64,
    restarts: u32,
    nonsense: u32,
    spurious: u32,
    /// What the framers' status registers told since it was last looked at: reading clears them.
    pub(crate) statuses: [[u8; STATUS_REGISTERS as usize]; MAX_PORTS],
}

impl<B: Bus> Driver<B> {
    pub(crate) fn new(bus: B, layout: Layout, generation: Generation, shared: Arc<Shared>) -> Driver<B> {
        let now = bus.now();
        Driver {
            host: Host::new(bus),
            layout,
            generation,
            board: Board::default(),
            shared,
            control: DmaCtrl::NO_BURST,
            ring: Ring::single(now),
            progress: now,
            owed: 0,
            restarts: 0,
            nonsense: 0,
            spurious: 0,
            statuses: [[0; STATUS_REGISTERS as usize]; MAX_PORTS],
        }
    }

    pub(crate) fn give_up(&self, fault: PciFault) -> PciFault {
        self.shared.health.give_up(fault);
        self.shared.health.fault().unwrap_or(fault)
    }

    pub(crate) fn write_all(&mut self, unit: u8, writes: &Writes) {
        for &(reg, value) in writes {
            self.host.framer_write(unit, reg, value);
        }
    }

    /// Stops DMA and interrupts.
    pub(crate) fn stop(&mut self) {
        self.host.write(Reg::DmaCtrl, 0);
        self.host.write(Reg::Intr, Intr::ACKNOWLEDGE);
    }

    /// Starts DMA from the first buffer (F6, and the order of a change of the ring's length in the source).
    pub(crate) fn start(&mut self) {
        self.stop();
        let base = self.host.registers.address();
        self.host.write(Reg::WriteAddress, base);
        self.host.write(Reg::ReadAddress, base + (self.layout.area_words() * 4) as u32);
        self.host.write(Reg::Ring, RingStatus::setup(self.layout.buffers()));
        self.host.write(Reg::Intr, Intr::SEED);
        // Only now, when the card has our addresses, may it reach memory.
        self.host.registers.rearm();
        self.control |= DmaCtrl::RUN;
        self.host.write(Reg::DmaCtrl, self.control.bits());
        self.progress = self.host.registers.now();
        self.ring = match self.generation {
            Generation::Five => Ring::counted(self.layout.buffers(), self.progress),
            // The clock goes on counting over a restart.
            Generation::TwoToFour => self.ring,
        };
    }

    /// Starts the count of milliseconds: before the first look.
    pub(crate) fn begin(&mut self) {
        self.ring = Ring::single(self.host.registers.now());
        self.start();
    }

    /// Makes the card's clock follow a line, or its own oscillator.
    pub(crate) fn recover_clock(&mut self, recover: bool) {
        self.control.set(DmaCtrl::RECOVER, recover);
        self.host.write(Reg::DmaCtrl, self.control.bits());
    }

    /// Waits for something new, until it is there or the card is given up.
    pub(crate) fn wait(&mut self) -> Result<New, PciFault> {
        loop {
            let now = self.host.registers.now();
            let until = (self.progress + PATIENCE).max(now + MS);
            if let Some(new) = self.look_after(until)? {
                return Ok(new);
            }
        }
    }

    /// Looks whether something is new, without waiting.
    pub(crate) fn ready(&mut self) -> Result<Option<New>, PciFault> {
        let now = self.host.registers.now();
        if now < self.progress + PATIENCE {
            let before = self.host.registers.wait(now);
            return if before == Wake::Interrupt { self.look(true) } else { self.gone(before) };
        }
        self.look_after(now)
    }

    fn gone(&self, wake: Wake) -> Result<Option<New>, PciFault> {
        if wake == Wake::Gone { Err(self.give_up(PciFault::Gone)) } else { Ok(None) }
    }

    fn look_after(&mut self, until: Mono) -> Result<Option<New>, PciFault> {
        if let Some(fault) = self.shared.health.fault() {
            return Err(fault);
        }
        match self.host.registers.wait(until) {
            Wake::Interrupt => self.look(true),
            Wake::Late => self.look(false),
            Wake::Gone => Err(self.give_up(PciFault::Gone)),
        }
    }

    /// Looks at the card once. Every way out of here either finds something new or comes nearer to giving up.
    fn look(&mut self, woken: bool) -> Result<Option<New>, PciFault> {
        let status = self.host.read(Reg::Intr);
        let ring = if self.generation == Generation::Five { self.host.read(Reg::Ring) } else { 0 };
        if status == u32::MAX && self.host.read(Reg::Version) >> 16 != u32::from(VERSION_MAGIC) {
            return Err(self.give_up(PciFault::NotThisCard));
        }
        let (intr, now) = (Intr(status), self.host.registers.now());
        let progress = self.ring.look(intr.tick(), intr.ident(), RingStatus(ring).current(), now);
        if intr.framer() {
            self.collect_statuses();
        }
        if status & (Intr::TICK | Intr::FRAMER) != 0 {
            self.host.write(Reg::Intr, Intr::ACKNOWLEDGE);
        }
        if woken {
            self.host.registers.rearm();
        }
        if self.host.unsynchronised() >= MAX_UNSYNCHRONISED {
            return Err(self.give_up(PciFault::NotThisCard));
        }
        match progress {
            Progress::New { first, fresh, lost } => {
                Ok(Some(self.found(New { first, fresh, lost }, woken, now)))
            }
            Progress::None => self.nothing(woken, intr.framer(), now),
            Progress::Nonsense => {
                count(&self.shared.health.ring_nonsense, 1);
                self.nonsense += 1;
                if self.nonsense >= MAX_NONSENSE {
                    self.nonsense = 0;
                    self.restart(PciFault::RingNonsense, now)?;
                }
                Ok(None)
            }
        }
    }

    /// Reads what the framers have to tell: the interrupt stands until that is done.
    fn collect_statuses(&mut self) {
        let waiting = self.host.framer_read(0, falc::CIS);
        for unit in (0..MAX_PORTS as u8).filter(|unit| waiting >> unit & 1 != 0) {
            let global = self.host.framer_read(unit, falc::GIS);
            for register in (0..STATUS_REGISTERS).filter(|register| global >> register & 1 != 0) {
                let status = self.host.framer_read(unit, falc::ISR0 + register);
                self.statuses[usize::from(unit)][usize::from(register)] |= status;
            }
        }
    }

    fn found(&mut self, mut new: New, woken: bool, now: Mono) -> New {
        if !woken {
            count(&self.shared.health.lost_interrupts, u64::from(new.fresh) + new.lost);
        }
        new.lost += core::mem::take(&mut self.owed);
        (self.progress, self.restarts, self.nonsense, self.spurious) = (now, 0, 0, 0);
        new
    }

    fn nothing(&mut self, woken: bool, told: bool, now: Mono) -> Result<Option<New>, PciFault> {
        if woken {
            self.spurious += 1;
            count(&self.shared.health.spurious_interrupts, u64::from(!told));
            if self.spurious >= MAX_SPURIOUS {
                return Err(self.give_up(PciFault::InterruptStorm));
            }
        }
        if now.since(self.progress) >= STALLED_AFTER {
            count(&self.shared.health.dma_stalls, 1);
            self.restart(PciFault::DmaStalled, now)?;
        }
        Ok(None)
    }

    /// Starts DMA anew; gives up when that has not helped.
    fn restart(&mut self, fault: PciFault, now: Mono) -> Result<(), PciFault> {
        self.restarts += 1;
        if self.restarts > MAX_RESTARTS {
            return Err(self.give_up(fault));
        }
        if self.generation == Generation::Five {
            self.owed += now.since(self.progress).as_millis() as u64;
        }
        self.start();
        if self.host.unsynchronised() >= MAX_UNSYNCHRONISED {
            return Err(self.give_up(PciFault::NotThisCard));
        }
        Ok(())
    }

    /// Reads what came from the line.
    pub(crate) fn fetch(&self, buffer: u8, port: u8, timeslot: u8) -> Chunk {
        let word = self.layout.from_line(buffer, port, timeslot);
        let mut chunk = [0; CHUNK];
        chunk[..4].copy_from_slice(&self.host.registers.load(word).to_le_bytes());
        chunk[4..].copy_from_slice(&self.host.registers.load(word + 1).to_le_bytes());
        chunk
    }

    /// Writes what goes to the line.
    pub(crate) fn put(&self, buffer: u8, port: u8, timeslot: u8, chunk: &Chunk) {
        let word = self.layout.to_line(buffer, port, timeslot);
        let [a, b, c, d, e, f, g, h] = *chunk;
        self.host.registers.store(word, u32::from_le_bytes([a, b, c, d]));
        self.host.registers.store(word + 1, u32::from_le_bytes([e, f, g, h]));
    }
}
