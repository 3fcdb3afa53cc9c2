//! What is written to a framer to set it up: lists of registers and values, in order.
//!
//! Source: F9 for what the card's wiring needs; the data sheet names the bits. Values that neither explains (the receive line's
//! conditioning after a reset, resistances) are taken as they stand there. Nothing here was tried on a card.

use arrayvec::ArrayVec;
use card::Signalling;
use firmware_shim::falc;

use crate::config::{BuildOut, Framing, LineCode, PortConfig};

/// The longest list.
const MOST_WRITES: usize = 96;

/// Register and value, in the order in which they are written.
pub(crate) type Writes = ArrayVec<(u8, u8), MOST_WRITES>;

/// What all ports of a card share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Board {
    pub(crate) octal: bool,
    pub(crate) any_e1: bool,
    /// The framer is of version 3.1.
    pub(crate) falc31: bool,
}

/// Conditions the receive line interface of an E1 after a reset; undocumented registers.
const E1_RECEIVE_LINE: [(u8, u8); 12] = [
    (0xBB, 0x17),
    (0xBC, 0x55),
    (0xBB, 0x97),
    (0xBB, 0x11),
    (0xBC, 0xAA),
    (0xBB, 0x91),
    (0xBB, 0x12),
    (0xBC, 0x55),
    (0xBB, 0x92),
    (0xBB, 0x0C),
    (0xBB, 0x00),
    (0xBB, 0x8C),
];

/// Status bits that are told, by status register: a 1 in a mask silences.
const MASKS: [u8; 5] = [!falc::Isr0::CASC.bits(), 0xFF, 0x00, 0x3C, 0xFF];

/// E1: spare bits all ones.
const XSW: u8 = 0x9F;

/// E1: the E-bit while there is no alignment, and its automatic sending.
const XSP: u8 = 0x1C;

/// T1: alignment lost on 2 of 5 framing bits, found again by itself.
const FMR4: u8 = 0x0C;

/// Sets up what belongs to no port: written to port 0.
pub(crate) fn board(board: Board) -> Writes {
    let mut writes = Writes::new();
    // Multiplexed bus, frame pulse out, recovered clock of port 0.
    writes.push((falc::GPC1, 0xE0));
    writes.push((falc::IPC, falc::IPC_PUSH_PULL_LOW));
    let rate = if board.octal { 0x01 } else { 0x00 };
    let clocks = [0x00, 0x18, 0xFB, 0x0B, rate, 0x0B, 0xDB, 0xDF];
    writes.extend((falc::GCM1..).zip(clocks));
    writes
}

/// Sets up a port's side towards the card.
pub(crate) fn bus_side(board: Board, unit: u8, framing: Framing) -> Writes {
    let mut writes = Writes::new();
    let rate = if board.octal { 0x08 } else { 0x00 };
    writes.push((falc::GCR, 0x00));
    writes.push((falc::SIC1, 0xC2 | rate));
    writes.push((falc::SIC2, 0x20 | unit << 1));
    writes.push((falc::SIC3, 0x04 | if board.octal { 1 << 4 } else { 0 }));
    writes.push((falc::CMR2, 0x00));
    if board.octal {
        writes.push((falc::CMR4, 0x05));
    }
    let offsets = match (framing.is_e1(), board.octal) {
        (true, false) => [0x00, 0x04, 0x04, 0x04],
        (true, true) => [0x00, 0x04, 0x00, 0x04],
        (false, false) => [0x03, 0x84, 0x03, 0x84],
        (false, true) => [0x07, 0x04, 0x07, 0x04],
    };
    writes.extend([falc::XC0, falc::XC1, falc::RC0, falc::RC1].into_iter().zip(offsets));
    let pins = match (board.octal, board.falc31) {
        (true, _) => [0xBB, 0xF5, 0x35],
        (false, true) => [0xBB, 0xBB, 0xBB],
        (false, false) => [0x22, 0x65, 0x35],
    };
    writes.push((falc::PC1, 0x00));
    writes.extend((falc::PC1 + 1..).zip(pins));
    writes.push((falc::PC5, 0x01));
    writes
}

/// Returns FMR1 of a port; `away`: it sends the alarm indication signal.
pub(crate) fn fmr1(board: Board, framing: Framing, away: bool) -> u8 {
    let kind = match framing {
        Framing::E1Crc4 => falc::FMR1_AFR | falc::FMR1_XFS,
        Framing::E1 => falc::FMR1_AFR,
        // Bit 3 is the checksum of the extended superframe here.
        Framing::T1Esf | Framing::T1D4 => falc::FMR1_CTM | falc::FMR1_PMOD | falc::FMR1_XFS,
    };
    let rate = if board.octal { falc::FMR1_SSD0 } else { 0 };
    kind | falc::FMR1_ECM | rate | if away { falc::FMR1_XAIS } else { 0 }
}

/// Returns FMR0 of a port: its line codes.
pub(crate) fn fmr0(board: Board, code: LineCode) -> u8 {
    match (code, board.falc31) {
        (LineCode::ZeroSuppressed, _) => 0xF0,
        (LineCode::Ami, false) => 0xA0,
        (LineCode::Ami, true) => 0xB0,
    }
}

/// Returns XSW of an E1 or FMR4 of a T1; `deaf`: it sends the remote alarm.
pub(crate) fn remote_alarm(framing: Framing, deaf: bool) -> u8 {
    let rest = match framing {
        Framing::E1Crc4 | Framing::E1 => XSW,
        Framing::T1Esf => FMR4 | falc::FMR4_ESF,
        Framing::T1D4 => FMR4,
    };
    rest | if deaf { falc::XRA } else { 0 }
}

/// Sets up a port's side towards the line; without signalling nothing is attached and it sends the alarm indication signal.
pub(crate) fn line_side(board: Board, port: &PortConfig, signalling: Option<Signalling>) -> Writes {
    let mut writes = Writes::new();
    let framing = port.framing;
    let cas = signalling == Some(Signalling::Cas);
    writes.push((falc::FMR1, fmr1(board, framing, signalling.is_none())));
    writes.push((falc::FMR2, fmr2(framing)));
    writes.push((falc::FMR0, fmr0(board, port.code)));
    writes.push((falc::XSW_FMR4, remote_alarm(framing, false)));
    let cas_bit = if cas { falc::XSP_CASEN } else { 0 };
    writes.push((falc::XSP_FMR5, if framing.is_e1() { XSP | cas_bit } else { falc::FMR5_EIBR }));
    writes.push((falc::LIM1, falc::LIM1_CLEAR_ON_LOSS));
    // After LIM1, says the data sheet.
    writes.push((falc::LIM0, falc::LIM0_LONG_HAUL));
    writes.push((falc::CMDR, falc::CMDR_RESET));
    writes.push((falc::CMDR, 0));
    if board.falc31 {
        writes.push((falc::PC6, if framing.is_e1() { 0x40 } else { 0x00 }));
    }
    if framing.is_e1() {
        writes.extend(E1_RECEIVE_LINE);
    } else if board.falc31 {
        writes.push((0xBD, 0x05));
    }
    writes.push((falc::LIM2, lim2(port)));
    // No signal after 176 zeros, signal again after 22 ones.
    writes.push((falc::PCD, 0x0A));
    writes.push((falc::PCR, 0x15));
    writes.extend((falc::XPM0..).zip(pulse(port)));
    signalling_side(&mut writes, framing, cas);
    writes.push((falc::ESM, 0));
    writes.extend((falc::IMR0..).zip(MASKS));
    writes
}

fn fmr2(framing: Framing) -> u8 {
    match framing {
        Framing::E1Crc4 => falc::FMR2_RFS_CRC | falc::FMR2_AXRA | falc::FMR2_ALMF,
        Framing::E1 => falc::FMR2_AXRA | falc::FMR2_ALMF,
        Framing::T1Esf => 0x20 | 0xC0,
        Framing::T1D4 => 0x20,
    }
}

/// Clear channels of a T1 keep their lowest bits; an E1's first signalling register holds the alignment of its multiframe.
fn signalling_side(writes: &mut Writes, framing: Framing, cas: bool) {
    if framing.is_e1() {
        writes.push((falc::SIGNALLING, 0x0B));
    } else {
        writes.extend((falc::CCB1..falc::CCB1 + 3).map(|reg| (reg, if cas { 0x00 } else { 0xFF })));
    }
}

fn steps(build_out: BuildOut) -> u8 {
    match build_out {
        BuildOut::Full => 0,
        BuildOut::Db7 => 1,
        BuildOut::Db15 => 2,
        BuildOut::Db22 => 3,
    }
}

fn lim2(port: &PortConfig) -> u8 {
    if port.framing.is_e1() { 0x20 } else { 0x21 | steps(port.build_out) << 6 }
}

fn pulse(port: &PortConfig) -> [u8; 3] {
    match (port.framing.is_e1(), port.build_out) {
        (true, _) => [0x54, 0x02, 0x00],
        (false, BuildOut::Full) => [0xD7, 0x22, 0x01],
        (false, BuildOut::Db7) => [0x8C, 0x01, 0x00],
        (false, BuildOut::Db15) => [0x8C, 0x11, 0x01],
        (false, BuildOut::Db22) => [0x07, 0x01, 0x00],
    }
}

/// Returns the writes that make the recovered clock that of port `unit`: at port 0 (F9).
pub(crate) fn recovered_clock(board: Board, unit: u8) -> Writes {
    let mut writes = Writes::new();
    // The receiver's clock without switching by itself.
    if board.octal {
        writes.push((falc::CMR1, 0x38));
        writes.push((falc::CMR5, unit << 5));
    } else {
        writes.push((falc::CMR1, 0x38 | unit << 6));
    }
    writes
}
