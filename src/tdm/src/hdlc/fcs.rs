//! The 16-bit frame check sequence.
//!
//! Generator x^16 + x^12 + x^5 + 1, preset to ones, complemented, sent low octet first; one table step an octet.
//! Source: ITU-T Q.921 2.7; Q.703 4.2.

/// The generator, bit-reversed, since the lowest bit is first on the line.
const GENERATOR: u16 = 0x8408;

/// The register before the first octet.
pub(super) const START: u16 = 0xFFFF;

/// What the register holds after an undamaged frame and its check sequence.
pub(super) const GOOD: u16 = 0xF0B8;

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut register = octet as u16;
        let mut bit = 0;
        while bit < 8 {
            register = if register & 1 == 1 { (register >> 1) ^ GENERATOR } else { register >> 1 };
            bit += 1;
        }
        table[octet] = register;
        octet += 1;
    }
    table
}

/// Moves `register` on by one octet.
#[inline]
pub(super) fn step(register: u16, octet: u8) -> u16 {
    (register >> 8) ^ TABLE[usize::from((register as u8) ^ octet)]
}

/// Returns the check sequence of `octets`; its low octet is sent first.
pub fn fcs16(octets: &[u8]) -> u16 {
    !octets.iter().fold(START, |register, &octet| step(register, octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue_is_met() {
        assert_eq!(fcs16(b"123456789"), 0x906E);
    }

    #[test]
    fn the_sabm_of_iso_3309_has_its_printed_check_sequence() {
        assert_eq!(fcs16(&[0x03, 0x3F]).to_le_bytes(), [0x5B, 0xEC]);
    }

    #[test]
    fn a_frame_with_its_check_sequence_leaves_the_good_residue() {
        let mut octets = b"any octets".to_vec();
        octets.extend(fcs16(&octets).to_le_bytes());
        assert_eq!(octets.iter().fold(START, |r, &o| step(r, o)), GOOD);
    }
}
