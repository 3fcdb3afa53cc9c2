//! Concealment of lost blocks, in the manner of G.711 Appendix I: the last pitch period again, fading away.
//!
//! The last 61 ms are kept. At the first lost block the pitch period is looked for (normalised correlation, 5 to 15
//! ms) and one period is repeated, its seam smoothed; after 10 ms two, after 20 ms three periods are used in turn, so that
//! it does not buzz; from 10 ms on it fades by a fifth each 10 ms and is silent after 60 ms. When blocks come again, what was
//! being said and what comes are blended over the first block.
//!
//! Limits: no delay is added (the Appendix delays by 3.75 ms to smooth the beginning; here the seam is smoothed within
//! the repeated sound). Source: ITU-T G.711 Appendix I (09/99), by its published description.

use tdm::{Block, CHUNK, SILENCE};

/// Samples kept.
const HISTORY: usize = 488;
/// The shortest pitch period: 5 ms, 200 Hz.
const MIN_PITCH: usize = 40;
/// The longest pitch period: 15 ms, 66 Hz.
const MAX_PITCH: usize = 120;
/// Periods that are used in turn.
const PERIODS: usize = 3;
/// Samples that are compared.
const COMPARED: usize = 160;
/// Samples of loss after which it fades: 10 ms.
const FADE_AFTER: usize = 80;
/// Samples of loss after which it is silent.
const SILENT_AFTER: usize = 480;

/// Conceals the losses of one channel.
#[derive(Clone, Debug)]
pub struct Plc {
    /// What was heard or made, oldest first.
    history: [f32; HISTORY],
    /// The sound that is repeated: up to three periods, their seam smoothed.
    periods: [f32; PERIODS * MAX_PITCH],
    pitch: usize,
    /// Where in `periods` the next sample is.
    at: usize,
    /// Samples lost since the last block.
    lost: usize,
}

impl Default for Plc {
    fn default() -> Plc {
        Plc::new()
    }
}

impl Plc {
    /// Makes one that has heard silence.
    pub const fn new() -> Plc {
        Plc { history: [0.0; HISTORY], periods: [0.0; PERIODS * MAX_PITCH], pitch: MIN_PITCH, at: 0, lost: 0 }
    }

    /// Takes in a block that has come, and returns it, blended with what was made if blocks before it were lost.
    ///
    /// # Realtime
    /// A copy of 480 samples.
    pub fn good(&mut self, block: &Block) -> Block {
        let mut out = *block;
        if self.lost > 0 {
            for (n, sample) in (1..).zip(out.iter_mut()) {
                let made = self.next_made();
                let share = n as f32 / (CHUNK + 1) as f32;
                *sample = crate::osc::to_sample(f32::from(*sample) * share + made * (1.0 - share));
            }
            self.lost = 0;
        }
        self.remember(out.map(f32::from));
        out
    }

    /// Makes a block in the place of one that is lost.
    ///
    /// # Realtime
    /// Some 13,000 multiplications for the first block of a gap, eight for each other.
    pub fn lost(&mut self) -> Block {
        if self.lost == 0 {
            self.find_pitch();
        }
        if self.lost >= SILENT_AFTER {
            self.remember([0.0; CHUNK]);
            return SILENCE;
        }
        let made: [f32; CHUNK] = core::array::from_fn(|_| self.next_made());
        self.remember(made);
        made.map(crate::osc::to_sample)
    }

    /// Returns true while blocks are being made.
    pub fn is_concealing(&self) -> bool {
        self.lost > 0
    }

    fn remember(&mut self, block: [f32; CHUNK]) {
        self.history.copy_within(CHUNK.., 0);
        if let Some(end) = self.history.last_chunk_mut() {
            *end = block;
        }
    }

    fn find_pitch(&mut self) {
        let newest = self.history.last_chunk::<COMPARED>().copied().unwrap_or([0.0; COMPARED]);
        let mut best = (MIN_PITCH, f32::MIN);
        for pitch in MIN_PITCH..=MAX_PITCH {
            let from = HISTORY - COMPARED - pitch;
            let older = self.history.get(from..from + COMPARED).unwrap_or_default();
            let (mut product, mut energy) = (0.0, 1.0);
            for (&a, &b) in newest.iter().zip(older) {
                product += a * b;
                energy += b * b;
            }
            let likeness = product / energy.sqrt();
            if likeness > best.1 {
                best = (pitch, likeness);
            }
        }
        self.pitch = best.0;
        self.at = (PERIODS - 1) * self.pitch;
        self.load();
    }

    /// Lays out the last periods; the last quarter of the last one is blended into what comes before that period, so that
    /// its end meets its beginning.
    fn load(&mut self) {
        let (length, overlap) = (PERIODS * self.pitch, self.pitch / 4);
        for (n, place) in self.periods.iter_mut().take(length).enumerate() {
            let at = HISTORY - length + n;
            let own = self.history.get(at).copied().unwrap_or_default();
            let before = self.history.get(at - self.pitch).copied().unwrap_or_default();
            let left = length - n;
            let share = if left <= overlap { left as f32 / (overlap + 1) as f32 } else { 1.0 };
            *place = own * share + before * (1.0 - share);
        }
    }

    fn next_made(&mut self) -> f32 {
        let value = self.periods.get(self.at).copied().unwrap_or_default();
        self.lost += 1;
        // One period in the first 10 ms, the last two in the next 10, three after that.
        let used = 1 + (self.lost / FADE_AFTER).min(2);
        self.at += 1;
        if self.at >= PERIODS * self.pitch {
            self.at = (PERIODS - used) * self.pitch;
        }
        let faded = self.lost.saturating_sub(FADE_AFTER) as f32 / (SILENT_AFTER - FADE_AFTER) as f32;
        value * (1.0 - faded.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voiced sound of 125 Hz.
    fn voice(n: usize) -> i16 {
        let t = n as f64 / 8_000.0;
        (1..20)
            .map(|h| 3_000.0 / f64::from(h) * (std::f64::consts::TAU * 125.0 * f64::from(h) * t).sin())
            .sum::<f64>() as i16
    }

    fn block(ms: usize) -> Block {
        core::array::from_fn(|n| voice(ms * 8 + n))
    }

    /// Signal to error over a gap of `ms`, in decibels.
    fn quality_db(ms: usize) -> f64 {
        let mut plc = Plc::new();
        (0..100).for_each(|n| {
            plc.good(&block(n));
        });
        let (mut signal, mut error) = (0.0, 0.0);
        for n in 100..100 + ms {
            for (made, real) in plc.lost().into_iter().zip(block(n)) {
                signal += f64::from(real).powi(2);
                error += (f64::from(made) - f64::from(real)).powi(2);
            }
        }
        10.0 * (signal / error).log10()
    }

    #[test]
    fn a_steady_voice_goes_on_over_10_ms_and_fades_after() {
        assert!(quality_db(10) > 12.0, "{}", quality_db(10));
        let mut plc = Plc::new();
        (0..100).for_each(|n| {
            plc.good(&block(n));
        });
        let made: Vec<Block> = (0..80).map(|_| plc.lost()).collect();
        let power = |from: usize| {
            made[from..from + 8].as_flattened().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()
        };
        assert!(power(0) > 1.4 * power(24) && power(24) > 2.0 * power(48));
        assert!(made[61..].iter().all(|block| *block == SILENCE));
    }

    #[test]
    fn the_return_is_without_a_step_and_good_blocks_pass_unchanged() {
        let mut plc = Plc::new();
        for n in 0..100 {
            assert_eq!(plc.good(&block(n)), block(n));
        }
        (100..120).for_each(|_| {
            plc.lost();
        });
        assert!(plc.is_concealing());
        plc.good(&block(120));
        assert!(!plc.is_concealing());
        assert_eq!(plc.good(&block(121)), block(121));
    }

    #[test]
    fn silence_and_full_scale_squares_are_concealed_without_harm() {
        let mut plc = Plc::new();
        assert_eq!(plc.lost(), SILENCE);
        for n in 0..60 {
            plc.good(&[if n % 8 < 4 { i16::MAX } else { i16::MIN }; 8]);
        }
        assert!((0..100).map(|_| plc.lost()).any(|block| block != SILENCE));
    }
}
