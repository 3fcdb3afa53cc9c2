//! Automatic gain: brings a talker to a wished level, slowly, and never into saturation.
//!
//! The level of speech is followed only while somebody speaks (5 dB/s up, 20 dB/s down), so that pauses are not blown
//! up. The gain is applied with a ramp over each block; the loudest sample of a block limits it at once.
//!
//! Limits: gains of -12 to +18 dB at most; not for lines that carry modems.

use tdm::{Block, CHUNK};

use crate::level::{AMPLITUDE_0_DBM0, amplitude};
use crate::osc::to_sample;

/// How a level is brought to its aim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AgcConfig {
    /// The level aimed at: -30 to -9.
    pub aim_dbm0: f32,
    /// The most it is raised: 0 to 18 dB.
    pub most_db: f32,
    /// The most it is lowered: 0 to 12 dB.
    pub least_db: f32,
}

impl Default for AgcConfig {
    fn default() -> AgcConfig {
        AgcConfig { aim_dbm0: -18.0, most_db: 12.0, least_db: 12.0 }
    }
}

/// The gain control of one channel.
#[derive(Clone, Copy, Debug)]
pub struct Agc {
    aim: f32,
    most: f32,
    least: f32,
    gain: f32,
    /// Mean square of speech, before gain.
    speech: f32,
}

/// A block is speech if it has more than this share of the speech level's power: -12 dB.
const SPEECH_SHARE: f32 = 0.063;

/// The least mean square that is speech: -50 dBm0.
const LEAST_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 100_000.0;

/// Up: 5 dB/s in amplitude, a block.
const UP: f32 = 1.000_575_8;

/// Down: 20 dB/s.
const DOWN: f32 = 0.997_7;

/// What no sample may exceed.
const CEILING: f32 = 30_000.0;

impl AgcConfig {
    /// Makes the control, none if a value is out of its range.
    pub fn agc(&self) -> Option<Agc> {
        let fits = (-30.0..=-9.0).contains(&self.aim_dbm0)
            && (0.0..=18.0).contains(&self.most_db)
            && (0.0..=12.0).contains(&self.least_db);
        let aim = amplitude(self.aim_dbm0);
        fits.then(|| Agc {
            aim: aim * aim / 2.0,
            most: 10.0_f32.powf(self.most_db / 20.0),
            least: 10.0_f32.powf(-self.least_db / 20.0),
            gain: 1.0,
            speech: aim * aim / 2.0,
        })
    }
}

impl Agc {
    /// Returns the present gain in decibels.
    pub fn gain_db(&self) -> f32 {
        20.0 * self.gain.log10()
    }

    /// Changes a block.
    ///
    /// # Realtime
    /// Some thirty multiplications.
    pub fn apply(&mut self, block: &mut Block) {
        let power = block.iter().map(|&x| f32::from(x) * f32::from(x)).sum::<f32>() / CHUNK as f32;
        let peak = block.iter().fold(0.0_f32, |peak, &x| peak.max(f32::from(x).abs()));
        let before = self.gain;
        if power > LEAST_POWER && power > SPEECH_SHARE * self.speech {
            self.speech += (power - self.speech) * if power > self.speech { 0.004 } else { 0.001 };
            let wanted = (self.aim / self.speech).sqrt().clamp(self.least, self.most);
            self.gain = if wanted > self.gain {
                (self.gain * UP).min(wanted)
            } else {
                (self.gain * DOWN).max(wanted)
            };
        } else if power > LEAST_POWER {
            // A weaker talker: the level comes down until it is speech again.
            self.speech *= 0.999;
        }
        let limit = if peak > 0.0 { CEILING / peak } else { self.gain };
        let (from, to) = (before.min(limit.max(self.least)), self.gain.min(limit.max(self.least)));
        self.gain = to;
        for (n, sample) in (1..).zip(block.iter_mut()) {
            let gain = from + (to - from) * n as f32 / CHUNK as f32;
            *sample = to_sample(f32::from(*sample) * gain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Meter;
    use crate::osc::Oscillator;

    fn level_after(dbm0: f32, seconds: usize) -> (f32, f32) {
        let mut agc = AgcConfig::default().agc().unwrap();
        let mut sine = Oscillator::new(400.0, amplitude(dbm0));
        for _ in 0..seconds * 1_000 {
            agc.apply(&mut core::array::from_fn(|_| to_sample(sine.next())));
        }
        (level_of(&mut agc, &mut sine), agc.gain_db())
    }

    fn level_of(agc: &mut Agc, sine: &mut Oscillator) -> f32 {
        let mut meter = Meter::new();
        for _ in 0..200 {
            let mut block = core::array::from_fn(|_| to_sample(sine.next()));
            agc.apply(&mut block);
            meter.push(&block);
        }
        meter.read().mean_dbm0
    }

    #[test]
    fn talkers_from_minus_28_to_minus_8_come_within_1_db_of_the_aim_in_six_seconds() {
        for dbm0 in [-28.0, -24.0, -18.0, -12.0, -8.0] {
            let (level, _) = level_after(dbm0, 6);
            assert!((level + 18.0).abs() < 1.0, "{dbm0}: {level}");
        }
    }

    #[test]
    fn silence_is_not_raised_and_full_scale_is_not_clipped() {
        let (_, gain_db) = level_after(-60.0, 10);
        assert_eq!(gain_db, 0.0);
        let mut agc = AgcConfig { aim_dbm0: -9.0, most_db: 18.0, ..AgcConfig::default() }.agc().unwrap();
        let mut quiet = Oscillator::new(400.0, amplitude(-30.0));
        for _ in 0..10_000 {
            agc.apply(&mut core::array::from_fn(|_| to_sample(quiet.next())));
        }
        let mut block = [20_000, -20_000, 15_000, 0, 20_000, -20_000, 9, 1];
        agc.apply(&mut block);
        assert!(block.iter().all(|&x| x.unsigned_abs() < 32_700), "{block:?}");
    }

    #[test]
    fn values_out_of_range_make_no_control() {
        assert!(AgcConfig { aim_dbm0: 0.0, ..AgcConfig::default() }.agc().is_none());
        assert!(AgcConfig { most_db: 20.0, ..AgcConfig::default() }.agc().is_none());
        assert!(AgcConfig { least_db: f32::NAN, ..AgcConfig::default() }.agc().is_none());
    }
}
