//! An echo path: what comes back of what the card sends, from a hybrid or from a far telephone.
//!
//! How: the octets sent are decoded, delayed, convolved with the path's impulse response and added to what the far end
//! sends; the sum is encoded again. Limits: linear and constant in time; set one path or another to model a change.
//! Source: ITU-T G.168 (2015) annex D.

use tdm::{CHUNK, Chunk, Law};

use crate::g168::Hybrid;

/// The longest delay of an echo path before its impulse response starts.
pub const MAX_ECHO_DELAY_SAMPLES: usize = 4_096;

/// The longest impulse response.
pub const MAX_ECHO_TAPS: usize = 1_024;

/// How one channel echoes.
#[derive(Clone, Debug, PartialEq)]
pub struct EchoPath {
    delay_samples: usize,
    /// Taps, first sample first.
    taps: Vec<f32>,
}

impl EchoPath {
    /// Makes a path from an impulse response; it is cut at [`MAX_ECHO_TAPS`] and the delay at
    /// [`MAX_ECHO_DELAY_SAMPLES`].
    pub fn new(delay_samples: usize, taps: &[f32]) -> EchoPath {
        EchoPath {
            delay_samples: delay_samples.min(MAX_ECHO_DELAY_SAMPLES),
            taps: taps[..taps.len().min(MAX_ECHO_TAPS)].to_vec(),
        }
    }

    /// Makes a path from a hybrid model with an echo return loss of `erl_db`.
    pub fn hybrid(model: &Hybrid, delay_samples: usize, erl_db: f32) -> EchoPath {
        let gain = model.gain * 10_f32.powf(-erl_db / 20.0);
        let taps: Vec<f32> = model.coefficients.iter().map(|&c| c as f32 * gain).collect();
        EchoPath::new(delay_samples, &taps)
    }
}

/// A running echo path.
pub(crate) struct Echo {
    path: EchoPath,
    /// What was sent: the oldest sample first, long enough for delay, response and one chunk.
    sent: Vec<f32>,
}

impl Echo {
    pub(crate) fn new(path: EchoPath) -> Echo {
        let sent = vec![0.0; path.delay_samples + path.taps.len() + CHUNK];
        Echo { path, sent }
    }

    /// Adds the echo of `sent` to `line`.
    pub(crate) fn add(&mut self, law: Law, sent: &Chunk, line: &mut Chunk) {
        self.sent.copy_within(CHUNK.., 0);
        let newest = self.sent.len() - CHUNK;
        for (slot, sample) in self.sent[newest..].iter_mut().zip(g711::decode_chunk(law, sent)) {
            *slot = f32::from(sample);
        }
        // Tap by tap over eight samples at once, so that it vectorises.
        let mut echo = [0.0_f32; CHUNK];
        let newest = newest - self.path.delay_samples;
        for (age, &tap) in self.path.taps.iter().enumerate() {
            for (sum, sample) in echo.iter_mut().zip(&self.sent[newest - age..][..CHUNK]) {
                *sum += tap * sample;
            }
        }
        let mut block = g711::decode_chunk(law, line);
        for ((sample, echo), octet) in block.iter_mut().zip(echo).zip(line.iter()) {
            // A-law has no zero: its idle code would add a constant to every echo.
            let far = if *octet == law.idle() { 0.0 } else { f32::from(*sample) };
            // A float conversion saturates, so loud echoes clip as on a line.
            *sample = (far + echo).round() as i16;
        }
        *line = g711::encode_block(law, &block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::g168::HYBRIDS;

    const IDLE: Chunk = [0xD5; CHUNK];

    /// Sends noise through a path and returns sent and returned samples.
    fn through(path: EchoPath, chunks: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut echo, mut prng) = (Echo::new(path), clock::Prng::new(5));
        let (mut sent, mut back) = (Vec::new(), Vec::new());
        for _ in 0..chunks {
            let block = core::array::from_fn(|_| (prng.below(8_001) as i16) - 4_000);
            let (chunk, mut line) = (g711::encode_block(Law::A, &block), IDLE);
            echo.add(Law::A, &chunk, &mut line);
            sent.extend(g711::decode_chunk(Law::A, &chunk).map(f64::from));
            back.extend(g711::decode_chunk(Law::A, &line).map(f64::from));
        }
        (sent, back)
    }

    #[test]
    fn every_model_has_about_the_loss_asked_for() {
        // The standard's gains are for its own speech-like signal; white noise meets other parts of the response.
        for hybrid in &HYBRIDS {
            let (sent, back) = through(EchoPath::hybrid(hybrid, 0, 10.0), 1_000);
            let power = |x: &[f64]| x.iter().map(|s| s * s).sum::<f64>();
            let erl_db = 10.0 * (power(&sent) / power(&back)).log10();
            assert!((5.0..15.0).contains(&erl_db), "{}: {erl_db} dB", hybrid.name);
        }
    }

    #[test]
    fn a_single_tap_returns_what_was_sent_after_its_delay() {
        for delay in [0, 3, 8, 100, MAX_ECHO_DELAY_SAMPLES] {
            let (sent, back) = through(EchoPath::new(delay, &[1.0]), 600);
            assert!(sent[..sent.len() - delay] == back[delay..], "delay {delay}");
        }
    }
}
