//! One port of the framer: registers, transmitter, receiver with its elastic store, counters and interrupts (F8, F9).

use super::line::{Form, Signal, crc4};
use crate::falc::{self, Frs0, Isr0, Isr2, Isr3};
use crate::layout::{CHUNK, SLOTS};

/// Milliseconds until a good signal is taken for one (unverified: of this order).
const ALIGN_MS: u16 = 4;

/// Milliseconds without a multiframe until NMF (page 370: 400 ms).
const NO_MULTIFRAME_MS: u16 = 400;

/// Frames that the elastic store holds at rest (unverified: of this order).
pub(super) const ELASTIC_REST: usize = 3;

/// Frames that it can hold.
const ELASTIC: usize = 32;

/// Code violations in a millisecond of a line whose far end has another line code (unverified).
const VIOLATIONS: u16 = 20;

/// What a slot carries while nothing else is there.
const ONES: u8 = 0xFF;

/// A millisecond of the bus between card and framer: slots, octets in the order of time.
pub(super) type Bus = [[u8; CHUNK]; SLOTS];

#[derive(Clone, Copy)]
pub(super) struct Framer {
    unit: u8,
    octal: bool,
    /// The version that VSTR shows.
    version: u8,
    /// True for the port of a card with an E1 jumper, which decides where T1 timeslots lie (F5).
    any_e1: bool,
    regs: [u8; 256],
    received: [u8; 16],
    isr: [u8; 5],
    frs0: Frs0,
    /// CMDR has reset receiver and transmitter since the last reset of the chip.
    started: bool,
    live: [u16; 4],
    latched: [u16; 4],
    second_ms: u16,
    errored: bool,
    good_ms: u16,
    searching_ms: u16,
    e_bit: bool,
    elastic: [[u8; SLOTS]; ELASTIC],
    level: usize,
    last: [u8; SLOTS],
    frame: u32,
    /// Frames to repeat (positive) or drop, asked for from outside.
    pub(super) slip: i8,
    signalling_ms: u8,
    pub(super) heard: Option<Signal>,
}

impl Framer {
    pub(super) const fn new(unit: u8, octal: bool, any_e1: bool, version: u8) -> Framer {
        Framer {
            unit,
            octal,
            version,
            any_e1,
            regs: [0; 256],
            received: [0; 16],
            isr: [0; 5],
            frs0: Frs0::empty(),
            started: false,
            live: [0; 4],
            latched: [0; 4],
            second_ms: 0,
            errored: false,
            good_ms: 0,
            searching_ms: 0,
            e_bit: false,
            elastic: [[ONES; SLOTS]; ELASTIC],
            level: ELASTIC_REST,
            last: [ONES; SLOTS],
            frame: 0,
            slip: 0,
            signalling_ms: 0,
            heard: None,
        }
    }

    pub(super) fn reg(&self, reg: u8) -> u8 {
        self.regs[usize::from(reg)]
    }

    fn is_t1(&self) -> bool {
        self.reg(falc::FMR1) & falc::FMR1_PMOD != 0
    }

    /// Reads as the strobe does: status registers are cleared by it.
    pub(super) fn read(&mut self, reg: u8) -> u8 {
        match reg {
            falc::FRS0 => self.frs0.bits(),
            falc::ISR0..=0x6C => core::mem::take(&mut self.isr[usize::from(reg - falc::ISR0)]),
            falc::GIS => self.global_status(),
            falc::VSTR => {
                // Only with compatibility off (F9); what it shows else is unverified.
                if self.reg(falc::COMP) & falc::COMP_OFF != 0 { self.version } else { 0x10 }
            }
            falc::FEC..=0x57 => {
                let latched = self.latched[usize::from((reg - falc::FEC) / 2)];
                latched.to_le_bytes()[usize::from(reg & 1)]
            }
            falc::SIGNALLING..=0x7F => self.received[usize::from(reg - falc::SIGNALLING)],
            _ => self.reg(reg),
        }
    }

    pub(super) fn write(&mut self, reg: u8, value: u8) {
        self.regs[usize::from(reg)] = value;
        if reg == falc::CMDR && value & falc::CMDR_RESET == falc::CMDR_RESET {
            self.started = true;
            self.good_ms = 0;
        }
        if reg == falc::FMR0 && value & falc::FMR0_FRS != 0 {
            self.good_ms = 0;
            self.searching_ms = 0;
        }
    }

    /// Returns GIS: bit n for ISRn. Masked bits never got into ISR.
    pub(super) fn global_status(&self) -> u8 {
        self.isr.iter().enumerate().fold(0, |gis, (n, isr)| gis | u8::from(*isr != 0) << n)
    }

    fn raise(&mut self, register: usize, bits: u8) {
        self.isr[register] |= bits & !self.reg(falc::IMR0 + register as u8);
    }

    /// Returns how far a timeslot is shifted on the bus by wrong set-up of its offsets (F9; the direction unverified).
    fn shift(&self) -> usize {
        let right = match (self.is_t1(), self.octal) {
            (false, false) => [0x00, 0x04, 0x04, 0x04],
            (false, true) => [0x00, 0x04, 0x00, 0x04],
            (true, false) => [0x03, 0x84, 0x03, 0x84],
            (true, true) => [0x07, 0x04, 0x07, 0x04],
        };
        let set = [falc::XC0, falc::XC1, falc::RC0, falc::RC1].map(|reg| self.reg(reg));
        usize::from(set != right)
    }

    /// Returns the phase of the bus that this port works in: its own number, if set up so (F9).
    pub(super) fn phase(&self) -> usize {
        usize::from(self.reg(falc::SIC2) >> 1 & 7)
    }

    fn slot_of(&self, timeslot: usize) -> usize {
        let first = if self.is_t1() && !self.any_e1 { 5 } else { 1 };
        (timeslot - 1 + first + self.shift()) % SLOTS
    }

    /// Makes what goes to the line; none while the transmitter is off.
    pub(super) fn transmit(&mut self, bus: &Bus) -> Option<Signal> {
        if !self.started || self.reg(falc::XPM0) == 0 {
            return None;
        }
        let form = if self.reg(falc::FMR1) & falc::FMR1_XAIS != 0 {
            Form::Ais
        } else if self.is_t1() {
            Form::T1 { esf: self.reg(falc::XSW_FMR4) & falc::FMR4_ESF != 0 }
        } else {
            let cas = self.reg(falc::XSP_FMR5) & falc::XSP_CASEN != 0;
            Form::E1 { crc: self.reg(falc::FMR1) & falc::FMR1_XFS != 0, cas }
        };
        let deaf = self.frs0.intersects(Frs0::LFA);
        let automatic = deaf && self.reg(falc::FMR2) & falc::FMR2_AXRA != 0 && !self.is_t1();
        let mut signalling = [0; 16];
        signalling.copy_from_slice(&self.regs[usize::from(falc::SIGNALLING)..=0x7F]);
        let mut signal = Signal {
            form,
            code: self.reg(falc::FMR0) & 0xF0,
            frames: [[ONES; SLOTS]; CHUNK],
            check: 0,
            remote_alarm: automatic || self.reg(falc::XSW_FMR4) & falc::XRA != 0,
            e_bit: core::mem::take(&mut self.e_bit),
            signalling,
        };
        self.fill(bus, &mut signal);
        signal.check = crc4(&signal.frames);
        Some(signal)
    }

    fn fill(&mut self, bus: &Bus, signal: &mut Signal) {
        let timeslots = if self.is_t1() { 24 } else { 31 };
        for (k, frame) in signal.frames.iter_mut().enumerate() {
            for (timeslot, octet) in frame.iter_mut().enumerate().skip(1).take(timeslots) {
                *octet = bus[self.slot_of(timeslot)][k];
            }
            match signal.form {
                Form::Ais => *frame = [ONES; SLOTS],
                // Frame alignment in one frame, its absence and the remote alarm in the other: ITU-T G.704 table 5A.
                Form::E1 { cas, .. } => {
                    frame[0] = if k % 2 == 0 { 0x1B } else { 0x5F | u8::from(signal.remote_alarm) << 5 };
                    if cas {
                        frame[16] = signal.signalling[(self.frame as usize + k) % 16];
                    }
                }
                Form::T1 { .. } => self.rob(k, frame),
            }
        }
        self.frame = self.frame.wrapping_add(CHUNK as u32);
    }

    /// Takes the lowest bit of every sixth frame for signalling, but of clear channels.
    fn rob(&self, k: usize, frame: &mut [u8; SLOTS]) {
        let robbed = (self.frame as usize + k) % 6 == 5 && self.reg(falc::XSP_FMR5) & falc::FMR5_EIBR != 0;
        for channel in 0..24 {
            let clear = self.reg(falc::CCB1 + channel / 8) & 0x80 >> (channel % 8) != 0;
            if robbed && !clear {
                frame[usize::from(channel) + 1] &= !1;
            }
        }
    }

    /// Takes what came over the line in this millisecond.
    pub(super) fn receive(&mut self, signal: Option<Signal>) {
        self.heard = signal;
        let before = self.frs0;
        let mut now = Frs0::empty();
        match &signal {
            _ if !self.started => now = Frs0::LFA,
            None => now = Frs0::LOS | Frs0::LFA | Frs0::LMFA,
            Some(signal) if signal.form == Form::Ais => now = Frs0::AIS | Frs0::LFA | Frs0::LMFA,
            Some(signal) => self.align(signal, &mut now),
        }
        if now.contains(Frs0::LFA) {
            self.searching_ms = 0;
        }
        if signal.is_none() || now.contains(Frs0::AIS) {
            self.good_ms = 0;
        }
        self.frs0 = now;
        self.tell(before, now);
        self.store(&signal, now);
        self.count_second(now);
    }

    fn align(&mut self, signal: &Signal, now: &mut Frs0) {
        let ours = match signal.form {
            Form::E1 { .. } => !self.is_t1(),
            Form::T1 { esf } => self.is_t1() && esf == (self.reg(falc::XSW_FMR4) & falc::FMR4_ESF != 0),
            Form::Ais => false,
        };
        self.good_ms = if ours { (self.good_ms + 1).min(ALIGN_MS) } else { 0 };
        if signal.code != self.reg(falc::FMR0) & 0xF0 {
            self.live[1] = self.live[1].saturating_add(VIOLATIONS);
        }
        if self.good_ms < ALIGN_MS {
            *now |= Frs0::LFA | Frs0::LMFA;
            return;
        }
        now.set(Frs0::RRA, signal.remote_alarm);
        let wants_crc = !self.is_t1() && self.reg(falc::FMR2) & falc::FMR2_RFS_CRC != 0;
        if matches!(signal.form, Form::E1 { crc: false, .. }) && wants_crc {
            self.searching_ms = (self.searching_ms + 1).min(NO_MULTIFRAME_MS);
            *now |= Frs0::LMFA;
            now.set(Frs0::NMF, self.searching_ms == NO_MULTIFRAME_MS);
            return;
        }
        if (wants_crc || self.is_t1()) && crc4(&signal.frames) != signal.check {
            self.live[2] = self.live[2].saturating_add(1);
            self.e_bit = true;
            self.errored = true;
        }
        if signal.e_bit && wants_crc {
            self.live[3] = self.live[3].saturating_add(1);
        }
        if !self.is_t1() && signal.frames.iter().step_by(2).any(|frame| frame[0] & 0x7F != 0x1B) {
            self.live[0] = self.live[0].saturating_add(1);
        }
        self.hear_signalling(signal);
    }

    fn hear_signalling(&mut self, signal: &Signal) {
        // A multiframe takes 2 ms on E1 and 3 ms on T1: ITU-T G.704.
        self.signalling_ms += 1;
        let (carried, length) = match signal.form {
            Form::E1 { cas, .. } => (cas && self.reg(falc::XSP_FMR5) & falc::XSP_CASEN != 0, 2),
            Form::T1 { .. } => (self.reg(falc::XSP_FMR5) & falc::FMR5_EIBR != 0, 3),
            Form::Ais => (false, 2),
        };
        if self.signalling_ms < length {
            return;
        }
        self.signalling_ms = 0;
        if carried && self.received != signal.signalling {
            self.received = signal.signalling;
            self.raise(0, Isr0::CASC.bits());
        }
    }

    fn tell(&mut self, before: Frs0, now: Frs0) {
        let (came, went) = (now & !before, before & !now);
        let mut bits = Isr2::empty();
        bits.set(Isr2::LOS, came.contains(Frs0::LOS));
        bits.set(Isr2::AIS, came.contains(Frs0::AIS));
        bits.set(Isr2::LFA, came.contains(Frs0::LFA));
        bits.set(Isr2::FAR, went.contains(Frs0::LFA));
        bits.set(Isr2::RA, came.contains(Frs0::RRA));
        bits.set(Isr2::RAR, went.contains(Frs0::RRA));
        self.raise(2, bits.bits());
    }

    /// Puts the frames into the elastic store, dropping or repeating one when asked to.
    fn store(&mut self, signal: &Option<Signal>, now: Frs0) {
        let lost = now.contains(Frs0::LFA);
        for k in 0..CHUNK {
            let frame = signal.filter(|_| !lost).map_or([ONES; SLOTS], |signal| signal.frames[k]);
            if self.slip < 0 && self.level > 0 {
                self.slip += 1;
                self.raise(3, Isr3::RSP.bits());
                continue;
            }
            self.push(frame);
            if self.slip > 0 && self.level < ELASTIC - CHUNK {
                self.slip -= 1;
                self.raise(3, Isr3::RSN.bits());
                self.push(frame);
            }
        }
    }

    fn push(&mut self, frame: [u8; SLOTS]) {
        if self.level < ELASTIC {
            self.elastic[self.level] = frame;
            self.level += 1;
        }
    }

    fn count_second(&mut self, now: Frs0) {
        self.errored |= now.intersects(Frs0::LOS | Frs0::LFA | Frs0::AIS);
        self.second_ms += 1;
        if self.second_ms < 1_000 {
            return;
        }
        self.second_ms = 0;
        if self.reg(falc::FMR1) & falc::FMR1_ECM != 0 {
            self.latched = core::mem::take(&mut self.live);
            let es = if core::mem::take(&mut self.errored) { Isr3::ES } else { Isr3::empty() };
            self.raise(3, (Isr3::SEC | es).bits());
        }
    }

    /// Puts a millisecond out of the elastic store on the bus, into the slots that are this port's.
    pub(super) fn deliver(&mut self, bus: &mut Bus) {
        for k in 0..CHUNK {
            if self.level > 0 {
                self.last = self.elastic[0];
                self.elastic.copy_within(1..self.level, 0);
                self.level -= 1;
            }
            let timeslots = if self.is_t1() { 24 } else { 31 };
            for timeslot in 1..=timeslots {
                bus[self.slot_of(timeslot)][k] = self.last[timeslot];
            }
            if !self.is_t1() {
                bus[0][k] = self.last[0];
            }
        }
    }

    pub(super) fn unit(&self) -> u8 {
        self.unit
    }
}
