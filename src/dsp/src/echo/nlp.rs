//! The non-linear processor: takes away what little echo is left while only the far end speaks.
//!
//! Place on the path: last, on the foreground's output. How: it learns which part of the echo its canceller leaves, and
//! closes while the output is no louder than that explains; anything louder is a person and opens it for a while, however
//! quiet the person. While the far end is silent nothing is touched. What replaces the output when closed is comfort noise
//! with the level and the tilt of the line's own (a second-order prediction learned in pauses), or silence. Limits: the
//! noise is stationary; two resonances at most.

use tdm::CHUNK;

/// Mean square of an echo below which it is no echo.
const LEAST_ECHO: f32 = 60.0;
/// The output may exceed the expected rest by this factor and still be echo.
const MARGIN: f32 = 60.0;
/// What is louder than this part of the echo is a person, even before the rest is known: keys are pressed into the first words of a prompt.
const MOST_REST: f32 = 0.25;
/// Blocks the processor stays open after near-end speech, and stays at work after far-end speech.
const OPEN_BLOCKS: u32 = 120;
const HANG_BLOCKS: u32 = 240;
/// Blocks between silence and full gain.
const RAMP: f32 = 0.25;
/// Quiet blocks before the noise is known well.
const NOISE_BLOCKS: f32 = 64.0;
/// The loudest comfort noise, mean square: about -50 dBm0.
const MOST_NOISE: f32 = 3_500.0;

/// What the processor does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NlpMode {
    /// Nothing.
    Off,
    /// Puts silence in the place of what is left.
    Silence,
    /// Puts comfort noise in the place of what is left.
    #[default]
    ComfortNoise,
}

/// One channel's processor.
#[derive(Clone, Debug)]
pub struct Nlp {
    echo: f32,
    left: f32,
    rest: f32,
    open: u32,
    hang: u32,
    gain: f32,
    noise: f32,
    correlation: [f32; 3],
    before: [f32; 2],
    seed: u32,
}

impl Nlp {
    /// Makes a processor.
    pub fn new() -> Nlp {
        Nlp {
            echo: 0.0,
            left: 0.0,
            rest: 1.0,
            open: 0,
            hang: 0,
            gain: 1.0,
            noise: 40.0,
            correlation: [0.0; 3],
            before: [0.0; 2],
            seed: 0x1234_5678,
        }
    }

    /// The path has changed: nothing is known about the rest.
    pub fn forget(&mut self) {
        self.rest = 1.0;
    }

    /// Works on a block: `left` is the foreground's output, `now` its mean square, `echo` that of what the foreground took away.
    #[inline(always)]
    pub fn block(&mut self, mode: NlpMode, left: &mut [f32; CHUNK], now: f32, echo: f32) {
        // Echo and rest are held for some milliseconds, since the rest comes after the echo as well as with it.
        self.echo = echo.max(self.echo + 0.04 * (echo - self.echo));
        self.left += 0.15 * (now - self.left);
        self.hang = if echo > LEAST_ECHO { HANG_BLOCKS } else { self.hang.saturating_sub(1) };
        self.learn(now);
        if self.hang == 0 {
            self.learn_noise(left, now);
        }
        if mode == NlpMode::Off {
            self.gain = 1.0;
            return;
        }
        let allowed = ((MARGIN * self.rest).min(MOST_REST) * self.echo).max(MARGIN * self.noise);
        if self.left > allowed {
            self.open = OPEN_BLOCKS;
        } else {
            self.open = self.open.saturating_sub(1);
        }
        let goal = if self.hang > 0 && self.open == 0 { 0.0 } else { 1.0 };
        let was = self.gain;
        self.gain += (goal - was).clamp(-RAMP, RAMP);
        if was < 1.0 || self.gain < 1.0 {
            self.replace(mode, left, was);
        }
    }

    /// Follows the part of the echo that is left: downwards at once, upwards the slower the louder it is, so that people do not count.
    fn learn(&mut self, now: f32) {
        if self.echo < 10.0 * LEAST_ECHO {
            return;
        }
        let part = ((now - self.noise).max(0.0) / self.echo).clamp(1e-4, 1.0);
        let follow = if part < self.rest { 0.02 } else { 0.005 * (self.rest / part).powi(2).max(1e-5) };
        self.rest += follow * (part - self.rest);
    }

    fn learn_noise(&mut self, left: &[f32; CHUNK], now: f32) {
        let follow = if now < self.noise { 0.05 } else { 0.001 * (self.noise / now).max(0.01) };
        self.noise = (self.noise + follow * (now - self.noise)).clamp(1.0, MOST_NOISE);
        if now < 10.0 * self.noise {
            for (lag, sum) in self.correlation.iter_mut().enumerate() {
                let products: f32 = left.iter().skip(lag).zip(left).map(|(a, b)| a * b).sum();
                *sum += (products / (CHUNK - lag) as f32 - *sum) / NOISE_BLOCKS;
            }
        }
    }

    /// Mixes the output down and its substitute up.
    fn replace(&mut self, mode: NlpMode, left: &mut [f32; CHUNK], was: f32) {
        let (a1, a2, drive) = self.prediction();
        let slope = (self.gain - was) / CHUNK as f32;
        for (i, sample) in left.iter_mut().enumerate() {
            let gain = was + slope * (i + 1) as f32;
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let white = (self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0;
            let noise = a1 * self.before[0] + a2 * self.before[1] + drive * white;
            self.before = [noise, self.before[0]];
            let substitute = if mode == NlpMode::ComfortNoise { noise } else { 0.0 };
            // Two independent signals: their powers add up to one.
            *sample = gain * *sample + (1.0 - gain * gain).max(0.0).sqrt() * substitute;
        }
    }

    /// The prediction of second order that has the correlation learned, and the size of its drive. Always stable: both
    /// reflections are below one.
    fn prediction(&self) -> (f32, f32, f32) {
        let [r0, r1, r2] = self.correlation;
        if r0 < 1.0 {
            return (0.0, 0.0, 0.0);
        }
        let k1 = (r1 / r0).clamp(-0.95, 0.95);
        let error = r0 * (1.0 - k1 * k1);
        let k2 = ((r2 - k1 * r1) / error).clamp(-0.95, 0.95);
        let error = error * (1.0 - k2 * k2);
        // The drive is uniform, its mean square a third.
        (k1 * (1.0 - k2), k2, (3.0 * error.min(MOST_NOISE)).sqrt())
    }
}

impl Default for Nlp {
    fn default() -> Nlp {
        Nlp::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comfort_noise_has_the_level_and_the_tilt_of_the_line() {
        let (mut nlp, mut prng, mut last) = (Nlp::new(), clock::Prng::new(3), 0.0_f32);
        let mut line = |_| {
            last = 0.625 * last + (prng.below(41) as f32 - 20.0);
            last
        };
        let power = |block: &[f32; CHUNK]| block.iter().map(|s| s * s).sum::<f32>() / CHUNK as f32;
        let (mut was, mut is) = ([0.0; 2], [0.0; 2]);
        let measure = |sums: &mut [f32; 2], block: &[f32; CHUNK]| {
            sums[0] += block.iter().map(|s| s * s).sum::<f32>() / 8.0;
            sums[1] += block.windows(2).map(|s| s[0] * s[1]).sum::<f32>() / 7.0;
        };
        for _ in 0..2_000 {
            let mut block = core::array::from_fn(&mut line);
            measure(&mut was, &block);
            let now = power(&block);
            nlp.block(NlpMode::ComfortNoise, &mut block, now, 0.0);
        }
        nlp.rest = 0.001;
        for round in 0..2_400 {
            let mut block = core::array::from_fn(&mut line);
            let now = power(&block);
            nlp.block(NlpMode::ComfortNoise, &mut block, now, 1e6);
            if round >= 400 {
                measure(&mut is, &block);
            }
        }
        let level_db = 10.0 * (is[0] / was[0]).log10();
        assert!(level_db.abs() < 1.5, "{level_db} dB beside the line's own");
        let tilt = is[1] / is[0] - was[1] / was[0];
        assert!(tilt.abs() < 0.1, "tilt off by {tilt}");
    }
}
