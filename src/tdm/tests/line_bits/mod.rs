//! The line as a list of bits, built straight from the text of the standard: slow, plain, and with no code in common
//! with the machines it checks. Source: ITU-T Q.921 2.2, 2.6, 2.7.

/// A flag, first bit first.
pub const FLAG: [bool; 8] = [false, true, true, true, true, true, true, false];

/// Divides by the generator bit by bit, as in the definition of the check sequence.
pub fn check_sequence(octets: &[u8]) -> [u8; 2] {
    let mut register = 0xFFFF_u16;
    for bit in bits_of(octets) {
        let feedback = (register & 1 == 1) != bit;
        register >>= 1;
        if feedback {
            register ^= 0x8408;
        }
    }
    (!register).to_le_bytes()
}

/// Octets as bits, lowest first.
pub fn bits_of(octets: &[u8]) -> Vec<bool> {
    octets.iter().flat_map(|octet| (0..8).map(move |bit| (octet >> bit) & 1 == 1)).collect()
}

/// Inserts a zero after five ones.
pub fn stuffed(bits: &[bool]) -> Vec<bool> {
    let (mut out, mut ones) = (Vec::new(), 0);
    for &bit in bits {
        out.push(bit);
        ones = if bit { ones + 1 } else { 0 };
        if ones == 5 {
            out.push(false);
            ones = 0;
        }
    }
    out
}

/// A frame's bits between its flags.
pub fn frame_bits(octets: &[u8]) -> Vec<bool> {
    stuffed(&bits_of(&[octets, &check_sequence(octets)].concat()))
}

/// Bits as line octets; an incomplete last octet is filled with bits of a flag's repetition.
pub fn to_octets(bits: &[bool]) -> Vec<u8> {
    let mut bits = bits.to_vec();
    let mut fill = FLAG.iter().cycle();
    while !bits.len().is_multiple_of(8) {
        bits.extend(fill.next());
    }
    bits.chunks(8).map(|octet| (0..8).fold(0, |sum, bit| sum | u8::from(octet[bit]) << bit)).collect()
}
