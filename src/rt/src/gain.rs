//! Gains: hundredths of a decibel as ordered, a fixed-point factor on the samples.

use tdm::Block;

use crate::Gain;

/// Bits behind the point of a factor.
const POINT: u32 = 12;

/// A linear factor, 4096 for 0 dB; at most 16306 (+12 dB), so that a product fits 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factor(i32);

impl Factor {
    /// 0 dB.
    pub(crate) const UNITY: Factor = Factor(1 << POINT);

    /// Converts a gain within [`Gain::LEAST`] to [`Gain::MOST`]; none outside.
    pub(crate) fn new(gain: Gain) -> Option<Factor> {
        let within = (Gain::LEAST.0..=Gain::MOST.0).contains(&gain.0);
        within.then(|| {
            let linear = 10f64.powf(f64::from(gain.0) / 2_000.0);
            Factor((linear * f64::from(1 << POINT)).round() as i32)
        })
    }

    /// Returns true if samples pass unchanged.
    pub(crate) fn is_unity(self) -> bool {
        self == Factor::UNITY
    }

    /// Multiplies a block, saturating.
    #[inline]
    pub(crate) fn apply(self, block: &mut Block) {
        for sample in block {
            let product = (i32::from(*sample) * self.0 + (1 << (POINT - 1))) >> POINT;
            *sample = product.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_decibels_double_and_the_limits_hold() {
        let mut block = [1_000, -1_000, 20_000, -20_000, 0, 1, -1, i16::MIN];
        Factor::new(Gain(602)).unwrap().apply(&mut block);
        assert_eq!(block[..2], [2_000, -2_000]);
        assert_eq!((block[2], block[3], block[7]), (i16::MAX, i16::MIN, i16::MIN));
        assert!(Factor::new(Gain(-2_400)).is_some() && Factor::new(Gain(1_200)).is_some());
        assert_eq!((Factor::new(Gain(-2_401)), Factor::new(Gain(1_201))), (None, None));
        assert!(Factor::new(Gain(0)).unwrap().is_unity());
    }
}
