//! Registers of one port of a QuadFALC or OctalFALC framer (PEF 22554, PEF 22558): eight bits each.
//!
//! Source: F8, F9 and the data sheets PEF 22554 E (rev. 1.2, 2006) and PEB 22554 (09.98) where a page is named; `unverified`
//! where neither was read.

use bitflags::bitflags;

/// Interrupt port configuration; [`IPC_PUSH_PULL_LOW`].
pub const IPC: u8 = 0x08;
/// Command register; [`CMDR_RESET`].
pub const CMDR: u8 = 0x02;
/// First of five interrupt masks: a 1 masks the bit of the status register of the same number.
pub const IMR0: u8 = 0x14;
/// Framer mode 0: line codes, resynchronisation.
pub const FMR0: u8 = 0x1C;
/// Framer mode 1.
pub const FMR1: u8 = 0x1D;
/// Framer mode 2.
pub const FMR2: u8 = 0x1E;
/// E1: transmit service word; T1: framer mode 4. Bit 5 sends the remote alarm in both.
pub const XSW_FMR4: u8 = 0x20;
/// E1: transmit spare bits and CAS; T1: framer mode 5.
pub const XSP_FMR5: u8 = 0x21;
/// Transmit control 0: where the first timeslot leaves the bus.
pub const XC0: u8 = 0x22;
/// Transmit control 1.
pub const XC1: u8 = 0x23;
/// Receive control 0: where the first timeslot enters the bus.
pub const RC0: u8 = 0x24;
/// Receive control 1.
pub const RC1: u8 = 0x25;
/// Transmit pulse mask 0, of three.
pub const XPM0: u8 = 0x26;
/// T1: first of three registers of clear channels, the first channel in the top bit (unverified: the order of the bits).
pub const CCB1: u8 = 0x2F;
/// Line interface mode 0; [`LIM0_LL`].
pub const LIM0: u8 = 0x36;
/// Line interface mode 1; [`LIM1_RL`].
pub const LIM1: u8 = 0x37;
/// Pulse count for loss of signal.
pub const PCD: u8 = 0x38;
/// Pulse count for its end.
pub const PCR: u8 = 0x39;
/// Line interface mode 2: threshold, T1 line build-out in bits 6 and 7.
pub const LIM2: u8 = 0x3A;
/// System interface control 1: rate of the bus.
pub const SIC1: u8 = 0x3E;
/// System interface control 2: the port's phase on the bus in bits 1 to 3.
pub const SIC2: u8 = 0x3F;
/// System interface control 3: edges.
pub const SIC3: u8 = 0x40;
/// Clock mode 1: source of the recovered clock of a quad card in bits 6 and 7.
pub const CMR1: u8 = 0x44;
/// Clock mode 2.
pub const CMR2: u8 = 0x45;
/// Global configuration of the port.
pub const GCR: u8 = 0x46;
/// Mask of the errored second.
pub const ESM: u8 = 0x47;
/// Clock mode 4, octal cards (F9).
pub const CMR4: u8 = 0x41;
/// Clock mode 5: source of the recovered clock of an octal card in bits 5 to 7 (F9).
pub const CMR5: u8 = 0x42;
/// Version of the framer, readable while compatibility is off: [`COMP`].
pub const VSTR: u8 = 0x4A;
/// Framer receive status 0: [`Frs0`].
pub const FRS0: u8 = 0x4C;
/// Framer receive status 1.
pub const FRS1: u8 = 0x4D;
/// Framing errors, low octet; the high one follows. So with the other counters (F9).
pub const FEC: u8 = 0x50;
/// Code violations.
pub const CVC: u8 = 0x52;
/// Checksum errors.
pub const CEC1: u8 = 0x54;
/// E1: checksum errors that the far end tells of.
pub const EBC: u8 = 0x56;
/// First of five interrupt status registers, each cleared by reading it (PEB 22554 page 178).
pub const ISR0: u8 = 0x68;
/// Which status registers of the port have bits: bit n is ISRn.
pub const GIS: u8 = 0x6E;
/// Which ports have something in GIS: bit n is port n. Read at port 0 (F9).
pub const CIS: u8 = 0x6F;
/// Written: signalling to send; read: signalling received. E1 channels start at the second (F9), T1's at the first.
pub const SIGNALLING: u8 = 0x70;
/// First of four port pin configurations, at port level.
pub const PC1: u8 = 0x80;
/// Pin configuration 5.
pub const PC5: u8 = 0x84;
/// Global port configuration 1.
pub const GPC1: u8 = 0x85;
/// Pin configuration 6: resistance of the transmitter, version 3.1.
pub const PC6: u8 = 0x86;
/// First of eight global clock modes.
pub const GCM1: u8 = 0x92;
/// Compatibility of the registers with older framers: [`COMP_OFF`].
pub const COMP: u8 = 0xD6;

/// IPC: interrupt pin push-pull, active low.
pub const IPC_PUSH_PULL_LOW: u8 = 0x01;
/// CMDR: resets receiver and transmitter.
pub const CMDR_RESET: u8 = 0x50;
/// COMP: shows the registers of the newer framer.
pub const COMP_OFF: u8 = 1 << 5;
/// LIM0: the receiver hears our transmitter.
pub const LIM0_LL: u8 = 1 << 1;
/// LIM0: long haul, found by itself.
pub const LIM0_LONG_HAUL: u8 = 0x08;
/// LIM1: the transmitter sends what the receiver hears.
pub const LIM1_RL: u8 = 1 << 1;
/// LIM1: the jitter attenuator is in the remote loop.
pub const LIM1_JATT: u8 = 1 << 2;
/// LIM1: ones towards the host while there is no signal, threshold 0.5 V.
pub const LIM1_CLEAR_ON_LOSS: u8 = 0xF0;
/// FMR0: start looking for the frame again (PEB 22554 page 112).
pub const FMR0_FRS: u8 = 1 << 1;
/// FMR1, E1: look for the frame again when no multiframe is found (PEB 22554 page 112).
pub const FMR1_AFR: u8 = 1 << 6;
/// FMR1: T1 framing; 0 is E1 (F9).
pub const FMR1_PMOD: u8 = 1 << 4;
/// FMR1, T1: channel translation, as the card's bus needs it (F9).
pub const FMR1_CTM: u8 = 1 << 7;
/// FMR1: E1 checksum sent (page 142).
pub const FMR1_XFS: u8 = 1 << 3;
/// FMR1: error counters latched every second.
pub const FMR1_ECM: u8 = 1 << 2;
/// FMR1: bus of 16 MHz, octal cards.
pub const FMR1_SSD0: u8 = 1 << 1;
/// FMR1: send the alarm indication signal to the line.
pub const FMR1_XAIS: u8 = 1;
/// FMR2, E1: checksum multiframe received.
pub const FMR2_RFS_CRC: u8 = 0xC0;
/// FMR2: send the remote alarm while there is no frame (page 142).
pub const FMR2_AXRA: u8 = 1 << 1;
/// FMR2: find a lost multiframe by itself.
pub const FMR2_ALMF: u8 = 1;
/// XSW and FMR4: send the remote alarm.
pub const XRA: u8 = 1 << 5;
/// XSP, E1: send CAS in timeslot 16.
pub const XSP_CASEN: u8 = 1 << 6;
/// FMR4, T1: extended superframe.
pub const FMR4_ESF: u8 = 0x02;
/// FMR5, T1: signalling in robbed bits.
pub const FMR5_EIBR: u8 = 1 << 6;

/// What VSTR says of a framer that this driver was written for (F9).
pub const KNOWN_VERSIONS: [u8; 2] = [0x05, 0x20];

bitflags! {
    /// FRS0: the state of the receiver (page 370 for E1, 584 for T1).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Frs0: u8 {
        /// No signal.
        const LOS = 0x80;
        /// Unframed ones.
        const AIS = 0x40;
        /// No frame alignment.
        const LFA = 0x20;
        /// The far end sends the remote alarm.
        const RRA = 0x10;
        /// E1: no multiframe found for 400 ms.
        const NMF = 0x04;
        /// No multiframe alignment.
        const LMFA = 0x02;
    }

    /// ISR0 (order of the bits: RSC of PEB 22554 page 357 follows RMB; the number unverified).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Isr0: u8 {
        /// The signalling of a channel has changed.
        const CASC = 0x08;
    }

    /// ISR2: changes of the receiver's state.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Isr2: u8 {
        /// Frame alignment found.
        const FAR = 0x80;
        /// Frame alignment lost.
        const LFA = 0x40;
        /// Unframed ones.
        const AIS = 0x08;
        /// No signal.
        const LOS = 0x04;
        /// The remote alarm is over.
        const RAR = 0x02;
        /// The remote alarm has come.
        const RA = 0x01;
    }

    /// ISR3 (PEB 22554 page 178).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
    pub struct Isr3: u8 {
        /// An errored second.
        const ES = 0x80;
        /// A second has passed: the counters are latched.
        const SEC = 0x40;
        /// A frame was repeated towards the host (which of the two it is: unverified).
        const RSN = 0x02;
        /// A frame was dropped.
        const RSP = 0x01;
    }
}

/// Returns the register of signalling and the shift of the nibble for a timeslot (from 1) of an E1; none for 16 and what is
/// no channel (F9: high nibble the lower channel, low nibble the one 16 above).
pub const fn e1_signalling(timeslot: u8) -> Option<(u8, u8)> {
    match timeslot {
        1..=15 => Some((SIGNALLING + timeslot, 4)),
        17..=31 => Some((SIGNALLING + timeslot - 16, 0)),
        _ => None,
    }
}

/// Returns the register of signalling and the shift of the nibble for a timeslot (from 1) of a T1 in extended superframe.
pub const fn t1_signalling(timeslot: u8) -> Option<(u8, u8)> {
    match timeslot {
        1..=24 => Some((SIGNALLING + (timeslot - 1) / 2, if timeslot % 2 == 1 { 4 } else { 0 })),
        _ => None,
    }
}
