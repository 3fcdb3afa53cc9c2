//! What travels over a line in a millisecond.

use crate::layout::{CHUNK, SLOTS};

/// The way a line is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Unframed ones.
    Ais,
    /// 32 timeslots; with a checksum or without, with CAS in timeslot 16 or without.
    E1 { crc: bool, cas: bool },
    /// 24 timeslots; extended superframe or superframe.
    T1 { esf: bool },
}

/// A millisecond of a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signal {
    pub(super) form: Form,
    /// The line code, as bits 4 to 7 of FMR0.
    pub(super) code: u8,
    /// Frames in the order of time, timeslot by timeslot; a T1's timeslots are 1 to 24.
    pub(super) frames: [[u8; SLOTS]; CHUNK],
    /// Checksum over the frames, as the next block would carry it.
    pub(super) check: u8,
    /// The sender receives nothing.
    pub(super) remote_alarm: bool,
    /// The sender found the last block's checksum wrong.
    pub(super) e_bit: bool,
    /// Signalling: the registers as they were written.
    pub(super) signalling: [u8; 16],
}

const TABLE: [u8; 256] = table();

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut rest = octet as u16;
        let mut bit = 0;
        while bit < 8 {
            // x^4 + x + 1, aligned with the octet's top bit.
            rest = if rest & 0x80 != 0 { (rest << 1) ^ 0x30 } else { rest << 1 };
            bit += 1;
        }
        table[octet] = (rest >> 4 & 0x0F) as u8;
        octet += 1;
    }
    table
}

/// Returns CRC-4 over a submultiframe, the remainder of what the frames are times x^4 by x^4 + x + 1.
///
/// Source: ITU-T G.704 (10/98) 2.3.3.5.
pub(super) fn crc4(frames: &[[u8; SLOTS]; CHUNK]) -> u8 {
    frames.iter().flatten().fold(0, |crc, octet| TABLE[usize::from(crc << 4 ^ octet)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Division bit by bit, as the recommendation says it.
    fn long_division(frames: &[[u8; SLOTS]; CHUNK]) -> u8 {
        let mut rest = 0_u8;
        let bits = frames.iter().flatten().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
        for bit in bits.chain([0; 4]) {
            rest = rest << 1 | bit;
            if rest & 0x10 != 0 {
                rest ^= 0b1_0011;
            }
        }
        rest
    }

    #[test]
    fn the_checksum_is_what_long_division_gives_and_sees_every_single_bit() {
        let mut frames = [[0; SLOTS]; CHUNK];
        for (k, octet) in frames.iter_mut().flatten().enumerate() {
            *octet = (k * 37 + k / 7) as u8;
        }
        let good = crc4(&frames);
        assert_eq!(good, long_division(&frames));
        for bit in 0..SLOTS * CHUNK * 8 {
            frames[bit / 256][bit / 8 % SLOTS] ^= 1 << (bit % 8);
            assert_ne!(crc4(&frames), good, "bit {bit}");
            frames[bit / 256][bit / 8 % SLOTS] ^= 1 << (bit % 8);
        }
    }
}
