//! Adding blocks and changing their gain, with saturation.
//!
//! A conference is one running sum in 32 bits; each member hears the sum less its own block, so that N members cost
//! 2 N additions. A gain is a fixed-point factor made once from hundredths of a decibel. All loops vectorise.
//! Limits: a sum holds 65,536 full-scale members before it could overflow.

use tdm::{Block, CHUNK};

/// The smallest gain, in hundredths of a decibel.
pub const MIN_GAIN_CENTI_DB: i16 = -2_400;

/// The largest gain, in hundredths of a decibel.
pub const MAX_GAIN_CENTI_DB: i16 = 1_200;

/// Fraction bits of a gain factor: +12 dB fits in 16 bits.
const GAIN_BITS: u32 = 13;

/// The sum of a conference's blocks in one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum([i32; CHUNK]);

impl Sum {
    /// Makes an empty sum.
    pub const fn new() -> Sum {
        Sum([0; CHUNK])
    }

    /// Adds a member's block.
    ///
    /// # Realtime
    /// Eight additions.
    #[inline]
    pub fn add(&mut self, block: &Block) {
        for (sum, &sample) in self.0.iter_mut().zip(block) {
            *sum += i32::from(sample);
        }
    }

    /// Returns the sum of all members, saturated.
    #[inline]
    pub fn all(&self) -> Block {
        self.0.map(saturate)
    }

    /// Returns the sum of all members but the one who added `own`, saturated.
    ///
    /// # Realtime
    /// Eight subtractions.
    #[inline]
    pub fn less(&self, own: &Block) -> Block {
        core::array::from_fn(|n| saturate(self.0[n] - i32::from(own[n])))
    }
}

/// Adds `other` to `block`, saturating.
///
/// # Realtime
/// One vector instruction.
#[inline]
pub fn add(block: &mut Block, other: &Block) {
    for (sample, &more) in block.iter_mut().zip(other) {
        *sample = sample.saturating_add(more);
    }
}

/// A gain as a factor ready for use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gain(i16);

impl Gain {
    /// 0 dB: blocks pass unchanged, to the bit.
    pub const UNITY: Gain = Gain(1 << GAIN_BITS);

    /// Makes a gain from hundredths of a decibel, held within [`MIN_GAIN_CENTI_DB`] and [`MAX_GAIN_CENTI_DB`].
    pub fn from_centi_db(centi_db: i16) -> Gain {
        let held = centi_db.clamp(MIN_GAIN_CENTI_DB, MAX_GAIN_CENTI_DB);
        let factor = 10.0_f32.powf(f32::from(held) / 2_000.0);
        Gain((factor * (1 << GAIN_BITS) as f32).round() as i16)
    }

    /// Changes the level of `block`, rounding to the nearest and saturating.
    ///
    /// # Realtime
    /// A multiplication, addition and shift a sample; nothing at 0 dB.
    #[inline]
    pub fn apply(self, block: &mut Block) {
        if self == Gain::UNITY {
            return;
        }
        let factor = i32::from(self.0);
        for sample in block {
            *sample = saturate((i32::from(*sample) * factor + (1 << (GAIN_BITS - 1))) >> GAIN_BITS);
        }
    }
}

#[inline(always)]
fn saturate(sample: i32) -> i16 {
    sample.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Block = [1, -2, 30_000, -30_000, 0, 5, 32_767, -32_768];
    const B: Block = [10, 20, 10_000, -10_000, 0, -5, 1, -1];
    const C: Block = [100, 200, -20_000, 20_000, 0, 7, 0, 0];

    #[test]
    fn each_member_hears_the_others_and_not_itself() {
        let mut sum = Sum::new();
        [A, B, C].iter().for_each(|block| sum.add(block));
        // The whole sum may be beyond 16 bits while what one member hears is not.
        assert_eq!(sum.less(&A), [110, 220, -10_000, 10_000, 0, 2, 1, -1]);
        assert_eq!(sum.less(&C), [11, 18, 32_767, -32_768, 0, 0, 32_767, -32_768]);
        assert_eq!(sum.all()[..3], [111, 218, 20_000]);
        let mut alone = Sum::new();
        alone.add(&A);
        assert_eq!(alone.less(&A), [0; 8]);
    }

    #[test]
    fn adding_saturates_and_never_wraps() {
        let mut block = A;
        add(&mut block, &B);
        assert_eq!(block, [11, 18, 32_767, -32_768, 0, 0, 32_767, -32_768]);
    }

    #[test]
    fn unity_is_exact_and_every_gain_is_within_a_hundredth_of_a_decibel_or_rounding() {
        let mut block = A;
        Gain::from_centi_db(0).apply(&mut block);
        assert_eq!(block, A);
        for centi_db in (MIN_GAIN_CENTI_DB..=MAX_GAIN_CENTI_DB).step_by(50) {
            let mut block = [8_000; 8];
            Gain::from_centi_db(centi_db).apply(&mut block);
            let got = 2_000.0 * (f64::from(block[0]) / 8_000.0).log10();
            // Half a step of the factor (at -24 dB) and half a step of the sample.
            let slack = 1.0 + 868.6 * (0.5 / 8_192.0 / 10_f64.powf(f64::from(centi_db) / 2_000.0));
            assert!((got - f64::from(centi_db)).abs() < slack, "{centi_db}: {got}");
        }
    }

    #[test]
    fn a_gain_beyond_its_range_is_held_and_its_result_saturates() {
        assert_eq!(Gain::from_centi_db(9_999), Gain::from_centi_db(MAX_GAIN_CENTI_DB));
        assert_eq!(Gain::from_centi_db(-9_999), Gain::from_centi_db(MIN_GAIN_CENTI_DB));
        let mut block = A;
        Gain::from_centi_db(1_200).apply(&mut block);
        assert_eq!((block[2], block[3]), (i16::MAX, i16::MIN));
    }
}
