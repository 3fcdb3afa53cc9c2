//! DTMF: telephone keys as pairs of tones, heard ([`DtmfDetector`]) and made ([`Generator`]).
//!
//! Source: ITU-T Q.23 (frequencies and keys), Q.24 (reception).

mod detect;
mod generate;

pub use detect::{DtmfDetector, DtmfEvent};
pub(crate) use detect::{DtmfLanes, HOP_BLOCKS, ROWS};
pub use generate::{Generator, GeneratorConfig, MAX_QUEUED};

/// The tones of the rows, in hertz.
pub const ROWS_HZ: [f32; 4] = [697.0, 770.0, 852.0, 941.0];

/// The tones of the columns, in hertz.
pub const COLUMNS_HZ: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];

/// The keys, `[row][column]`.
pub const KEYS: [[u8; 4]; 4] = [*b"123A", *b"456B", *b"789C", *b"*0#D"];

/// Returns row and column of a key; none if there is no such key.
pub fn key_position(key: u8) -> Option<(usize, usize)> {
    KEYS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.iter().position(|&k| k == key)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_where_it_lies_and_nothing_else_is() {
        assert_eq!(key_position(b'1'), Some((0, 0)));
        assert_eq!(key_position(b'0'), Some((3, 1)));
        assert_eq!(key_position(b'D'), Some((3, 3)));
        assert_eq!((0..=255).filter(|&key| key_position(key).is_some()).count(), 16);
    }
}
