//! Levels in dBm0, and a meter for mean power and peak.
//!
//! The reference is the overload point of A-law: a sine that just reaches 32,768 has +3.14 dBm0, so the digital
//! milliwatt (0 dBm0) has an amplitude of 22,827. Mu-law's own reference (+3.17) differs by 0.03 dB and is not
//! distinguished. A meter costs a multiplication a sample; logarithms are taken only when it is read.
//! Source: ITU-T G.711 clause 5.

use tdm::Block;

/// The amplitude of a sine at 0 dBm0.
pub const AMPLITUDE_0_DBM0: f32 = 22_827.0;

/// What an all-zero signal reads.
pub const SILENCE_DBM0: f32 = -96.0;

/// Returns the amplitude of a sine of `level_dbm0`.
pub fn amplitude(level_dbm0: f32) -> f32 {
    AMPLITUDE_0_DBM0 * 10.0_f32.powf(level_dbm0 / 20.0)
}

/// Returns the level of a signal whose samples have the mean square `power`; at least [`SILENCE_DBM0`].
pub fn dbm0(power: f32) -> f32 {
    let reference = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0;
    (10.0 * (power / reference).log10()).max(SILENCE_DBM0)
}

/// What a meter has measured since it was last read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Levels {
    /// Mean power.
    pub mean_dbm0: f32,
    /// The level of a sine whose amplitude is the largest sample.
    pub peak_dbm0: f32,
}

/// Measures mean power and peak of a channel. It may go unread for years: the sum cannot overflow in 500 days and
/// saturates.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meter {
    squares: u64,
    samples: u64,
    peak: u16,
}

impl Meter {
    /// Makes a meter that has heard nothing.
    pub const fn new() -> Meter {
        Meter { squares: 0, samples: 0, peak: 0 }
    }

    /// Takes in one block.
    ///
    /// # Realtime
    /// Eight multiplications.
    #[inline]
    pub fn push(&mut self, block: &Block) {
        let mut squares = 0_u64;
        for &sample in block {
            squares += u64::from(i32::from(sample).pow(2) as u32);
            self.peak = self.peak.max(sample.unsigned_abs());
        }
        self.squares = self.squares.saturating_add(squares);
        self.samples = self.samples.saturating_add(block.len() as u64);
    }

    /// Returns what was measured since the last reading and starts again.
    pub fn read(&mut self) -> Levels {
        let mean = if self.samples == 0 { 0.0 } else { self.squares as f64 / self.samples as f64 };
        let peak = f32::from(self.peak);
        *self = Meter::new();
        Levels { mean_dbm0: dbm0(mean as f32), peak_dbm0: dbm0(peak * peak / 2.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::osc::Oscillator;

    fn reading(level_dbm0: f32) -> Levels {
        let mut sine = Oscillator::new(1_004.0, amplitude(level_dbm0));
        let mut meter = Meter::new();
        for _ in 0..1_000 {
            meter.push(&core::array::from_fn(|_| sine.next().round() as i16));
        }
        meter.read()
    }

    #[test]
    fn a_sine_reads_its_own_level_within_a_twentieth_of_a_decibel() {
        for level_dbm0 in [3.0_f32, 0.0, -10.0, -20.0, -36.0, -45.0] {
            let levels = reading(level_dbm0);
            assert!((levels.mean_dbm0 - level_dbm0).abs() < 0.05, "{level_dbm0}: {levels:?}");
            assert!((levels.peak_dbm0 - level_dbm0).abs() < 0.05, "{level_dbm0}: {levels:?}");
        }
    }

    #[test]
    fn a_square_wave_at_the_overload_point_reads_3_db_above_the_overload_sine() {
        let mut meter = Meter::new();
        meter.push(&[i16::MIN; 8]);
        let levels = meter.read();
        assert!((levels.mean_dbm0 - 6.15).abs() < 0.01, "{levels:?}");
        assert!((levels.mean_dbm0 - levels.peak_dbm0 - 3.01).abs() < 0.01, "{levels:?}");
    }

    #[test]
    fn silence_and_nothing_read_the_floor_and_reading_starts_again() {
        let mut meter = Meter::new();
        assert_eq!(meter.read().mean_dbm0, SILENCE_DBM0);
        meter.push(&[0; 8]);
        assert_eq!(meter.read(), Levels { mean_dbm0: SILENCE_DBM0, peak_dbm0: SILENCE_DBM0 });
        meter.push(&[1_000; 8]);
        meter.read();
        assert_eq!(meter.read().peak_dbm0, SILENCE_DBM0);
    }
}
