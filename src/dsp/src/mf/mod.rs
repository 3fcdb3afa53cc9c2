//! Multi-frequency signals of registers: two of six tones, heard ([`MfEvent`]) and made ([`MfGenerator`]).
//!
//! Signals are numbered 1 to 15 by their pair of tones, as the standards do: tone 0 and 1 make signal 1, 0 and 2 make 2,
//! 1 and 2 make 3, and so on. R2 uses one set of tones in each direction; R1 one set for both.
//!
//! Limits: what a signal means is for the signalling machine. Sources: ITU-T Q.441 (R2), Q.320 to Q.322 (R1); the
//! frequencies are those, clause numbers and tolerances are `unverified`.

mod detect;
mod generate;

pub use detect::MfEvent;
pub(crate) use detect::{MfLanes, MfTables};
pub use generate::MfGenerator;

/// The tones of a set.
pub const TONES: usize = 6;

/// A set of six tones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MfSystem {
    /// R2, from the calling end: 1380 to 1980 Hz.
    R2Forward,
    /// R2, from the called end: 1140 down to 540 Hz.
    R2Backward,
    /// R1: 700 to 1700 Hz.
    R1,
}

impl MfSystem {
    /// Every set.
    pub const ALL: [MfSystem; 3] = [MfSystem::R2Forward, MfSystem::R2Backward, MfSystem::R1];

    /// Returns its tones in hertz, in the order of their weights.
    pub const fn freqs_hz(self) -> [f32; TONES] {
        match self {
            MfSystem::R2Forward => [1_380.0, 1_500.0, 1_620.0, 1_740.0, 1_860.0, 1_980.0],
            MfSystem::R2Backward => [1_140.0, 1_020.0, 900.0, 780.0, 660.0, 540.0],
            MfSystem::R1 => [700.0, 900.0, 1_100.0, 1_300.0, 1_500.0, 1_700.0],
        }
    }
}

/// The number of signals.
pub const SIGNALS: u8 = 15;

/// Returns the two tones of a signal, the lower index first; none if it is not 1 to 15.
pub const fn tones_of(signal: u8) -> Option<(usize, usize)> {
    let (mut high, mut number) = (1, 1);
    while high < TONES {
        let mut low = 0;
        while low < high {
            if number == signal {
                return Some((low, high));
            }
            number += 1;
            low += 1;
        }
        high += 1;
    }
    None
}

/// Returns the signal of two tones, in any order. The two must differ and be below [`TONES`].
pub const fn signal_of(a: usize, b: usize) -> u8 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    (high * (high - 1) / 2 + low + 1) as u8
}

/// Returns how a signal is written: `1`-`9`, `0` for 10, `B` to `F` for 11 to 15. In R1 `D` is KP and `F` is ST.
pub const fn letter_of(signal: u8) -> Option<char> {
    match signal {
        1..=9 => Some((b'0' + signal) as char),
        10 => Some('0'),
        11..=15 => Some((b'B' + signal - 11) as char),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_numbered_as_the_standards_do() {
        assert_eq!(tones_of(1), Some((0, 1)));
        assert_eq!(tones_of(3), Some((1, 2)));
        assert_eq!(tones_of(10), Some((3, 4)));
        assert_eq!(tones_of(15), Some((4, 5)));
        assert_eq!((tones_of(0), tones_of(16)), (None, None));
        for signal in 1..=SIGNALS {
            let (low, high) = tones_of(signal).unwrap();
            assert_eq!((signal_of(low, high), signal_of(high, low)), (signal, signal));
        }
        assert_eq!((letter_of(10), letter_of(13), letter_of(16)), (Some('0'), Some('D'), None));
    }
}
