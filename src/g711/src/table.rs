//! The tables of both laws, computed at compile time: octet to linear from the segment and interval in the octet,
//! linear to octet by searching the segment of the magnitude.
//!
//! An octet is sign (1 = positive), segment (3 bits), interval (4 bits). On the line A-law has its even bits
//! inverted and mu-law all but the sign. Source: ITU-T G.711 (11/88) tables 1a to 2b.

/// A-law octet to linear.
pub(crate) static A_TO_LINEAR: [i16; 256] = a_table();

/// Mu-law octet to linear.
pub(crate) static MU_TO_LINEAR: [i16; 256] = mu_table();

/// The bits of a sample below the finest interval of A-law.
pub(crate) const A_SHIFT: u32 = 4;

/// The bits of a sample below the finest decision value of mu-law.
pub(crate) const MU_SHIFT: u32 = 2;

/// The upper 12 bits of a sample to the A-law octet.
pub(crate) static LINEAR_TO_A: [u8; 0x1_0000 >> A_SHIFT] = to_a_table();

/// The upper 14 bits of a sample to the mu-law octet.
pub(crate) static LINEAR_TO_MU: [u8; 0x1_0000 >> MU_SHIFT] = to_mu_table();

/// The offset that makes every mu-law segment twice the one before, in 14-bit units.
const MU_OFFSET: u32 = 33;

/// The largest offset magnitude: beyond it mu-law is overloaded.
const MU_CLIP: u32 = 0x1FFF;

const fn a_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let code = octet ^ 0x55;
        let segment = (code >> 4) & 7;
        let interval = (code & 15) as i16 * 16;
        let magnitude = if segment == 0 { interval + 8 } else { (interval + 264) << (segment - 1) };
        table[octet] = if code & 0x80 == 0 { -magnitude } else { magnitude };
        octet += 1;
    }
    table
}

const fn mu_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let code = octet ^ 0x7F;
        let segment = (code >> 4) & 7;
        let magnitude = (((code & 15) as i16 * 8 + 132) << segment) - 132;
        table[octet] = if code & 0x80 == 0 { -magnitude } else { magnitude };
        octet += 1;
    }
    table
}

const fn to_a_table() -> [u8; 0x1_0000 >> A_SHIFT] {
    let mut table = [0; 0x1_0000 >> A_SHIFT];
    let mut index = 0;
    while index < table.len() {
        let (magnitude, sign) = fold(index as u32, 16 - A_SHIFT);
        let segment = segment_above(magnitude, 5);
        // Segments 0 and 1 have the same interval; from 1 on the leading one of the magnitude is implied.
        let interval = if segment == 0 { magnitude } else { (magnitude >> (segment - 1)) & 15 };
        table[index] = (segment << 4 | interval) as u8 ^ 0x55 ^ sign;
        index += 1;
    }
    table
}

const fn to_mu_table() -> [u8; 0x1_0000 >> MU_SHIFT] {
    let mut table = [0; 0x1_0000 >> MU_SHIFT];
    let mut index = 0;
    while index < table.len() {
        let (folded, sign) = fold(index as u32, 16 - MU_SHIFT);
        let magnitude = if folded + MU_OFFSET > MU_CLIP { MU_CLIP } else { folded + MU_OFFSET };
        let segment = segment_above(magnitude, 7);
        let interval = (magnitude >> (segment + 1)) & 15;
        table[index] = (segment << 4 | interval) as u8 ^ 0x7F ^ sign;
        index += 1;
    }
    table
}

/// Splits a two's complement number of `bits` bits into its one's complement magnitude and the sign bit of the octet.
const fn fold(number: u32, bits: u32) -> (u32, u8) {
    let all = (1 << bits) - 1;
    if number >> (bits - 1) == 0 { (number, 0x80) } else { (!number & all, 0) }
}

/// Returns the segment: how many bits `magnitude` is longer than `bits - 1` bits; 0 if it is not.
const fn segment_above(magnitude: u32, bits: u32) -> u32 {
    (32 - magnitude.leading_zeros()).saturating_sub(bits - 1)
}
