//! Before the card runs: is it the card we think, do its framers answer, how long is the way through it.

use core::time::Duration;

use firmware_shim::{DmaCtrl, Reg, VERSION_MAGIC, falc, led};
use tdm::CHUNK;

use crate::bus::Bus;
use crate::config::PciConfig;
use crate::driver::Driver;
use crate::fault::PciFault;
use crate::setup::{self, Board};

/// Entries of the timeslot switch: of four ports and of eight.
const SWITCH: [u8; 2] = [127, 255];

/// How long the framers need after a reset (F2: 100 us; ten times that here).
const RESET_PAUSE: Duration = Duration::from_millis(1);

/// How long the octal card's handshake may take.
const HANDSHAKE_LOOKS: u32 = 50;
const HANDSHAKE_PAUSE: Duration = Duration::from_millis(20);
const SET_AUTHENTICATION: u32 = 1 << 20;
const AUTHENTICATED: u32 = 1 << 12;

/// Milliseconds in which the delay must be found, beyond four times round the ring.
const MEASURE_MS: u32 = 200;

/// Chunks in a row that must agree on the delay.
const AGREE: u32 = 4;

/// Returns the octet sent at a sample while the delay is measured.
fn marker(sample: u64) -> u8 {
    let mut x = sample.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x ^= x >> 31;
    (x.wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 56) as u8
}

impl<B: Bus> Driver<B> {
    /// Resets the card and sets up everything that is not a line.
    pub(crate) fn bring_up(&mut self, config: &PciConfig) -> Result<(), PciFault> {
        self.check_version()?;
        self.stop();
        self.host.write(Reg::Leds, led::RESET);
        let octal = config.ports.len() > 4;
        for entry in 0..=SWITCH[usize::from(octal)] {
            self.host.write(Reg::DmaCtrl, DmaCtrl::tsi_clear(entry).bits());
        }
        self.host.write(Reg::DmaCtrl, 0);
        self.check_jumpers(config, octal)?;
        if octal {
            self.shake_hands()?;
        }
        self.host.registers.pause(RESET_PAUSE);
        self.host.write(Reg::Leds, led::ALL);
        self.host.registers.pause(RESET_PAUSE);
        self.host.write(Reg::Leds, led::ALL | led::ACTIVATE);
        self.host.registers.pause(RESET_PAUSE);
        let falc31 = self.framer_version(octal)?;
        self.board = Board { octal, any_e1: config.jumpers() != 0, falc31 };
        self.write_all(0, &setup::board(self.board));
        let framers = if octal { 8 } else { 4 };
        for (unit, port) in (0..framers).zip(config.ports.iter().cycle()) {
            self.write_all(unit, &setup::bus_side(self.board, unit, port.framing));
        }
        for (unit, port) in (0..).zip(&config.ports) {
            self.write_all(unit, &setup::line_side(self.board, port, None));
            let read = self.host.framer_read(unit, falc::FMR1);
            if read != setup::fmr1(self.board, port.framing, true) {
                return Err(self.give_up(PciFault::FramersSilent));
            }
        }
        self.check_version()
    }

    fn check_version(&mut self) -> Result<(), PciFault> {
        let version = self.host.read(Reg::Version);
        let known = version >> 16 == u32::from(VERSION_MAGIC) && self.host.unsynchronised() == 0;
        if known { Ok(()) } else { Err(self.give_up(PciFault::NotThisCard)) }
    }

    fn check_jumpers(&mut self, config: &PciConfig, octal: bool) -> Result<(), PciFault> {
        let mut jumpers = led::jumpers(self.host.read(Reg::Leds));
        if octal {
            jumpers |= led::jumpers(self.host.read(Reg::Leds2)) << 4;
        }
        let ports = u8::MAX >> (8 - config.ports.len().clamp(1, 8));
        let same = jumpers & ports == config.jumpers();
        if same { Ok(()) } else { Err(self.give_up(PciFault::OtherJumpers)) }
    }

    /// The octal card answers nothing else until asked so (F2).
    fn shake_hands(&mut self) -> Result<(), PciFault> {
        self.host.write(Reg::Leds2, SET_AUTHENTICATION);
        for _ in 0..HANDSHAKE_LOOKS {
            if self.host.read(Reg::Leds2) & AUTHENTICATED != 0 {
                return Ok(());
            }
            self.host.registers.pause(HANDSHAKE_PAUSE);
        }
        Err(self.give_up(PciFault::NotThisCard))
    }

    /// Returns true for version 3.1; the register shows only while compatibility is off (F9).
    fn framer_version(&mut self, octal: bool) -> Result<bool, PciFault> {
        let before = self.host.framer_read(0, falc::COMP);
        self.host.framer_write(0, falc::COMP, before | falc::COMP_OFF);
        let version = self.host.framer_read(0, falc::VSTR);
        // The octal framer keeps its 16 MHz bus switched on instead.
        let after = if octal { before | 1 << 4 } else { before & !falc::COMP_OFF };
        self.host.framer_write(0, falc::COMP, after);
        if !falc::KNOWN_VERSIONS.contains(&version) {
            return Err(self.give_up(PciFault::FramersSilent));
        }
        Ok(version == 0x20)
    }

    /// Measures the delay from memory to line and back, over the local loop of port 0, in samples.
    pub(crate) fn measure(&mut self) -> Result<u32, PciFault> {
        self.host.framer_write(0, falc::LIM0, falc::LIM0_LONG_HAUL | falc::LIM0_LL);
        let found = self.find_delay();
        self.host.framer_write(0, falc::LIM0, falc::LIM0_LONG_HAUL);
        found?.ok_or_else(|| self.give_up(PciFault::LoopNotSeen))
    }

    fn find_delay(&mut self) -> Result<Option<u32>, PciFault> {
        let longest = (u32::from(self.layout.buffers()) + 8) * CHUNK as u32;
        let (mut time, mut agreed, mut last) = (0_u64, 0, None);
        // The alarm indication signal would cover the pattern.
        let framing_mode = self.host.framer_read(0, falc::FMR1);
        self.host.framer_write(0, falc::FMR1, framing_mode & !falc::FMR1_XAIS);
        for _ in 0..4 * u32::from(self.layout.buffers()) + MEASURE_MS {
            let new = self.wait()?;
            time += new.lost * CHUNK as u64;
            for k in 0..new.fresh {
                let buffer = (new.first + k) % self.layout.buffers();
                let heard = self.from_line(buffer, 0, 1);
                let fits = |delay: &u32| {
                    let then = time.checked_sub(u64::from(*delay));
                    let same = |then| heard.iter().zip(then..).all(|(octet, at)| *octet == marker(at));
                    then.is_some_and(same)
                };
                let delay = (1..longest).find(fits);
                agreed = if delay.is_some() && delay == last { agreed + 1 } else { 0 };
                last = delay;
                let sent = core::array::from_fn(|k| marker(time + k as u64));
                self.to_line(buffer, 0, 1, &sent);
                time += CHUNK as u64;
            }
            if agreed >= AGREE {
                break;
            }
        }
        self.host.framer_write(0, falc::FMR1, framing_mode);
        Ok(last.filter(|_| agreed >= AGREE))
    }
}
