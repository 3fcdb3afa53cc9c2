//! One port as the realtime half knows it: what is attached, its alarms with their times, its signalling bits.
//!
//! An alarm stands when its cause has lasted, and ends when the cause has been away for a while; until a newly attached span
//! has been good for so long it is RED. Pure: it is told what was read and says what to tell and to write.

use card::{LineConfig, Loopback, Signalling};
use firmware_shim::falc::{self, Frs0};
use tdm::{Abcd, Alarms, SpanKind, Timeslot};

use crate::config::{Framing, PortConfig};
use crate::setup::{self, Board};

pub(crate) struct Port {
    pub(crate) config: PortConfig,
    pub(crate) unit: u8,
    pub(crate) line: Option<LineConfig>,
    pub(crate) loopback: Loopback,
    /// RED or AIS that stands, by its times.
    standing: Alarms,
    since_ms: Option<u64>,
    yellow: bool,
    yellow_since_ms: Option<u64>,
    told: Alarms,
    ordered: Alarms,
    /// What was last written to XSW or FMR4, and to FMR1.
    deaf: bool,
    pub(crate) away: bool,
    sent: [u8; 16],
    heard: [u8; 16],
    pub(crate) signalling_due: bool,
    /// Times in a row that the framer was found without its set-up.
    pub(crate) strikes: u8,
    searched_ms: u64,
}

/// How often a framer is made to look for a lost multiframe.
const SEARCH_MS: u64 = 500;

impl Port {
    pub(crate) fn new(unit: u8, config: PortConfig) -> Port {
        Port {
            config,
            unit,
            line: None,
            loopback: Loopback::None,
            standing: Alarms::empty(),
            since_ms: None,
            yellow: false,
            yellow_since_ms: None,
            told: Alarms::empty(),
            ordered: Alarms::empty(),
            deaf: false,
            away: true,
            sent: [0; 16],
            heard: [0; 16],
            signalling_due: false,
            strikes: 0,
            searched_ms: 0,
        }
    }

    pub(crate) fn kind(&self) -> SpanKind {
        if self.config.framing.is_e1() { SpanKind::E1 } else { SpanKind::T1 }
    }

    pub(crate) fn attach(&mut self, line: LineConfig) {
        *self = Port {
            line: Some(line),
            standing: Alarms::RED,
            away: false,
            ..Port::new(self.unit, self.config)
        };
        self.signalling_due = true;
    }

    pub(crate) fn detach(&mut self) {
        *self = Port::new(self.unit, self.config);
    }

    /// Returns true while what is heard is no speech: nothing attached, no signal, no frame.
    pub(crate) fn is_silent(&self) -> bool {
        self.line.is_none() || self.standing.intersects(Alarms::RED | Alarms::AIS)
    }

    /// Returns true if the card may take its clock from here.
    pub(crate) fn gives_clock(&self) -> bool {
        !self.is_silent()
            && self.loopback != Loopback::Local
            && self.line.is_some_and(|line| line.clock == card::ClockSource::Line)
    }

    pub(crate) fn order_alarms(&mut self, alarms: Alarms) {
        self.ordered = alarms & (Alarms::YELLOW | Alarms::AIS);
    }

    /// Takes what FRS0 said at `now_ms`; returns the alarms if they are others than told.
    pub(crate) fn see(&mut self, frs0: Frs0, now_ms: u64) -> Option<Alarms> {
        let cause = if frs0.contains(Frs0::LOS) {
            Alarms::RED
        } else if frs0.contains(Frs0::AIS) {
            Alarms::AIS
        } else if frs0.contains(Frs0::LFA) {
            Alarms::RED
        } else {
            Alarms::empty()
        };
        // Counts how long the other of good and bad has lasted.
        let (after, clear) = (u64::from(self.config.alarm_after_ms), u64::from(self.config.clear_after_ms));
        let lasts = |since: &mut Option<u64>, ms: u64| now_ms - *since.get_or_insert(now_ms) >= ms;
        if cause.is_empty() == self.standing.is_empty() {
            self.since_ms = None;
            self.standing = cause;
        } else if lasts(&mut self.since_ms, if cause.is_empty() { clear } else { after }) {
            self.since_ms = None;
            self.standing = cause;
        }
        let yellow = frs0.contains(Frs0::RRA) && self.standing.is_empty();
        if yellow == self.yellow || (self.yellow && !self.standing.is_empty()) {
            self.yellow_since_ms = None;
            self.yellow = yellow;
        } else if lasts(&mut self.yellow_since_ms, if yellow { after } else { clear }) {
            self.yellow_since_ms = None;
            self.yellow = yellow;
        }
        let alarms = self.alarms();
        (alarms != core::mem::replace(&mut self.told, alarms)).then_some(alarms)
    }

    /// Returns the alarms that stand.
    pub(crate) fn alarms(&self) -> Alarms {
        let yellow = if self.yellow { Alarms::YELLOW } else { Alarms::empty() };
        let looped = if self.loopback == Loopback::None { Alarms::empty() } else { Alarms::LOOPBACK };
        self.standing | yellow | looped
    }

    /// Returns true if the framer shall be made to look for the multiframe again.
    pub(crate) fn search_again(&mut self, frs0: Frs0, now_ms: u64) -> bool {
        let due = frs0.contains(Frs0::NMF) && now_ms - self.searched_ms >= SEARCH_MS;
        if due {
            self.searched_ms = now_ms;
        }
        due && self.config.framing == Framing::E1Crc4
    }

    /// Returns what must be written so that the far end sees what it shall: at most one register, until none is left.
    pub(crate) fn repair_alarms(&mut self, board: Board) -> Option<(u8, u8)> {
        self.line?;
        let deaf =
            self.standing.intersects(Alarms::RED | Alarms::AIS) || self.ordered.contains(Alarms::YELLOW);
        if deaf != core::mem::replace(&mut self.deaf, deaf) {
            return Some((falc::XSW_FMR4, setup::remote_alarm(self.config.framing, deaf)));
        }
        let away = self.ordered.contains(Alarms::AIS);
        if away != core::mem::replace(&mut self.away, away) {
            return Some((falc::FMR1, setup::fmr1(board, self.config.framing, away)));
        }
        None
    }

    fn place(&self, timeslot: Timeslot) -> Option<(u8, u8)> {
        match self.config.framing {
            Framing::E1Crc4 | Framing::E1 => falc::e1_signalling(timeslot.0),
            Framing::T1Esf => falc::t1_signalling(timeslot.0),
            Framing::T1D4 => None,
        }
    }

    pub(crate) fn has_signalling(&self) -> bool {
        self.line.is_some_and(|line| line.signalling == Signalling::Cas)
    }

    /// Returns what must be written to send `bits` on a channel; none if it has no signalling.
    pub(crate) fn send_bits(&mut self, timeslot: Timeslot, bits: Abcd) -> Option<(u8, u8)> {
        let (reg, shift) = self.place(timeslot).filter(|_| self.has_signalling())?;
        let kept = &mut self.sent[usize::from(reg - falc::SIGNALLING)];
        *kept = *kept & !(0x0F << shift) | (bits.0 & 0x0F) << shift;
        Some((reg, *kept))
    }

    /// Returns the registers that hold received signalling.
    pub(crate) fn signalling_registers(&self) -> core::ops::Range<u8> {
        if self.config.framing.is_e1() {
            falc::SIGNALLING + 1..falc::SIGNALLING + 16
        } else {
            falc::SIGNALLING..falc::SIGNALLING + 12
        }
    }

    /// Takes a register of received signalling and tells which channels have changed.
    pub(crate) fn hear_bits(&mut self, reg: u8, value: u8, mut tell: impl FnMut(Timeslot, Abcd)) {
        let index = usize::from(reg - falc::SIGNALLING);
        let changed = value ^ core::mem::replace(&mut self.heard[index], value);
        let (high, low) = if self.config.framing.is_e1() {
            (reg - falc::SIGNALLING, reg - falc::SIGNALLING + 16)
        } else {
            (2 * index as u8 + 1, 2 * index as u8 + 2)
        };
        for (timeslot, shift) in [(high, 4), (low, 0)] {
            if changed >> shift & 0x0F != 0 {
                tell(Timeslot(timeslot), Abcd(value >> shift & 0x0F));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached() -> Port {
        let mut port = Port::new(0, PortConfig::E1);
        port.attach(LineConfig {
            position: 0,
            span: tdm::SpanId(1),
            law: tdm::Law::A,
            signalling: Signalling::Cas,
            clock: card::ClockSource::Line,
        });
        port
    }

    #[test]
    fn an_alarm_stands_after_its_time_and_ends_after_its_time() {
        let mut port = attached();
        assert_eq!(port.see(Frs0::empty(), 0), Some(Alarms::RED));
        assert_eq!(port.see(Frs0::empty(), 99), None);
        assert_eq!(port.see(Frs0::empty(), 100), Some(Alarms::empty()));
        assert_eq!(port.see(Frs0::LOS | Frs0::LFA, 200), None);
        assert_eq!(port.see(Frs0::empty(), 210), None);
        assert_eq!(port.see(Frs0::LOS, 211), None);
        assert_eq!(port.see(Frs0::LOS, 230), None);
        assert_eq!(port.see(Frs0::LOS, 231), Some(Alarms::RED));
        assert_eq!(port.see(Frs0::AIS | Frs0::LFA, 240), Some(Alarms::AIS));
    }

    #[test]
    fn the_remote_alarm_counts_only_while_we_hear_the_far_end() {
        let mut port = attached();
        port.see(Frs0::RRA, 0);
        assert_eq!(port.see(Frs0::RRA, 100), Some(Alarms::empty()));
        assert_eq!(port.see(Frs0::RRA, 120), Some(Alarms::YELLOW));
        assert_eq!(port.see(Frs0::empty(), 130), None);
        assert_eq!(port.see(Frs0::empty(), 230), Some(Alarms::empty()));
    }

    #[test]
    fn bits_go_to_the_nibble_of_their_channel() {
        let mut port = attached();
        assert_eq!(port.send_bits(Timeslot(1), Abcd(0x9)), Some((0x71, 0x90)));
        assert_eq!(port.send_bits(Timeslot(17), Abcd(0x5)), Some((0x71, 0x95)));
        assert_eq!(port.send_bits(Timeslot(31), Abcd(0x1)), Some((0x7F, 0x01)));
        assert_eq!(port.send_bits(Timeslot(16), Abcd(0x1)), None);
        let mut told = Vec::new();
        port.hear_bits(0x71, 0x95, |timeslot, bits| told.push((timeslot.0, bits.0)));
        port.hear_bits(0x71, 0x94, |timeslot, bits| told.push((timeslot.0, bits.0)));
        assert_eq!(told, [(1, 9), (17, 5), (17, 4)]);
    }
}
