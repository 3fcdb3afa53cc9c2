//! Comfort noise, in the manner of G.711 Appendix II: noise of the level, and roughly the colour, of what was last heard
//! in silence.
//!
//! The level is what the Appendix puts in one octet (0 to -127 dBov); the colour is a first-order filter measured by the
//! correlation of neighbouring samples. The far end hears that the line still lives.
//!
//! Limits: one coefficient instead of the Appendix's optional ten. Source: ITU-T G.711 Appendix II (02/00), by its published
//! description; RFC 3389 carries the octet.

use tdm::{Block, CHUNK};

use crate::osc::to_sample;

/// Mean square of a full-scale square wave: 0 dBov.
const OVERLOAD: f32 = 32_768.0 * 32_768.0;

/// What is told of noise: level and colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseShape {
    /// Decibels below overload, 0 to 127.
    pub below_overload_db: u8,
    /// Correlation of neighbouring samples, -0.95 to 0.95: positive is dark.
    pub colour: f32,
}

/// Measures noise while nobody speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoiseMeter {
    power: f32,
    neighbours: f32,
    last: f32,
}

impl NoiseMeter {
    /// Takes in a block of silence.
    ///
    /// # Realtime
    /// Sixteen multiplications.
    pub fn push(&mut self, block: &Block) {
        let (mut power, mut neighbours) = (0.0, 0.0);
        for &sample in block {
            let sample = f32::from(sample);
            power += sample * sample;
            neighbours += sample * self.last;
            self.last = sample;
        }
        self.power += (power / CHUNK as f32 - self.power) / 32.0;
        self.neighbours += (neighbours / CHUNK as f32 - self.neighbours) / 32.0;
    }

    /// Returns what was measured.
    pub fn shape(&self) -> NoiseShape {
        let below = if self.power > 0.0 { 10.0 * (OVERLOAD / self.power).log10() } else { 127.0 };
        let colour = if self.power > 1.0 { self.neighbours / self.power } else { 0.0 };
        NoiseShape {
            below_overload_db: below.round().clamp(0.0, 127.0) as u8,
            colour: colour.clamp(-0.95, 0.95),
        }
    }
}

/// Makes noise.
#[derive(Clone, Debug)]
pub struct NoiseGenerator {
    state: u32,
    amplitude: f32,
    colour: f32,
    last: f32,
}

impl NoiseGenerator {
    /// Makes a generator; generators of one engine should have different seeds.
    pub fn new(shape: NoiseShape, seed: u32) -> NoiseGenerator {
        let mut generator = NoiseGenerator { state: seed, amplitude: 0.0, colour: 0.0, last: 0.0 };
        generator.set(shape);
        generator
    }

    /// Changes level and colour from the next block on.
    pub fn set(&mut self, shape: NoiseShape) {
        let colour = if shape.colour.is_finite() { shape.colour.clamp(-0.95, 0.95) } else { 0.0 };
        let power = OVERLOAD * 10.0_f32.powf(-f32::from(shape.below_overload_db.min(127)) / 10.0);
        // White noise through 1 / (1 - c z^-1) gains 1 / (1 - c^2); the sum of three even values has a third of their square.
        self.amplitude = (power * (1.0 - colour * colour)).sqrt();
        self.colour = colour;
    }

    /// Returns the next block.
    ///
    /// # Realtime
    /// Three steps of a congruence and two multiplications a sample.
    pub fn next_block(&mut self) -> Block {
        core::array::from_fn(|_| {
            let white = self.even() + self.even() + self.even();
            self.last = self.last * self.colour + white * self.amplitude;
            to_sample(self.last)
        })
    }

    /// Even between -1 and 1.
    fn even(&mut self) -> f32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.state >> 8) as f32 / 8_388_608.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_that_is_made_measures_as_it_was_told() {
        for below_overload_db in [30, 50, 65] {
            for colour in [-0.5, 0.0, 0.8] {
                let mut generator = NoiseGenerator::new(NoiseShape { below_overload_db, colour }, 7);
                let mut meter = NoiseMeter::default();
                (0..5_000).for_each(|_| meter.push(&generator.next_block()));
                let shape = meter.shape();
                assert!(shape.below_overload_db.abs_diff(below_overload_db) <= 1, "{shape:?}");
                assert!((shape.colour - colour).abs() < 0.15, "{colour}: {shape:?}");
            }
        }
    }

    #[test]
    fn silence_is_told_as_the_least_level_and_odd_values_are_held() {
        let mut meter = NoiseMeter::default();
        meter.push(&[0; 8]);
        assert_eq!(meter.shape(), NoiseShape { below_overload_db: 127, colour: 0.0 });
        let mut generator = NoiseGenerator::new(NoiseShape { below_overload_db: 255, colour: f32::NAN }, 1);
        assert_eq!(generator.next_block(), [0; 8]);
        generator.set(NoiseShape { below_overload_db: 0, colour: 5.0 });
        assert!((0..100).all(|_| generator.next_block().len() == 8));
    }
}
