//! Makes register signals: for compelled signalling a signal sounds until it is told to stop, to the block.

use tdm::{Block, SILENCE};

use super::{MfSystem, tones_of};
use crate::level::amplitude;
use crate::osc::{Oscillator, to_sample};

/// Sends the signals of one channel.
#[derive(Clone, Debug)]
pub struct MfGenerator {
    system: MfSystem,
    amplitude: f32,
    tones: [Oscillator; 2],
    /// Milliseconds left; none is until stopped.
    left_ms: Option<u16>,
    on: bool,
}

impl MfGenerator {
    /// Makes a silent generator; each of the two tones has `level_dbm0`.
    pub fn new(system: MfSystem, level_dbm0: f32) -> MfGenerator {
        MfGenerator {
            system,
            amplitude: amplitude(level_dbm0),
            tones: [Oscillator::default(); 2],
            left_ms: None,
            on: false,
        }
    }

    /// Sends `signal` (1 to 15) from the next block on, for `ms` or until [`stop`](MfGenerator::stop). Returns false and
    /// changes nothing if there is no such signal.
    pub fn start(&mut self, signal: u8, ms: Option<u16>) -> bool {
        let Some((low, high)) = tones_of(signal) else { return false };
        let freqs = self.system.freqs_hz();
        self.tones = [low, high]
            .map(|tone| Oscillator::new(freqs.get(tone).copied().unwrap_or_default(), self.amplitude));
        (self.left_ms, self.on) = (ms, ms != Some(0));
        true
    }

    /// Is silent from the next block on.
    pub fn stop(&mut self) {
        self.on = false;
    }

    /// Returns true while a signal sounds.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Returns the next block; silence when no signal is on.
    ///
    /// # Realtime
    /// Sixteen table look-ups while a signal sounds.
    pub fn next_block(&mut self) -> Block {
        if !self.on {
            return SILENCE;
        }
        if let Some(left_ms) = &mut self.left_ms {
            *left_ms -= 1; // never 0 while on
            self.on = *left_ms > 0;
        }
        let [low, high] = &mut self.tones;
        core::array::from_fn(|_| to_sample(low.next() + high.next()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_lasts_its_time_or_until_stopped_and_wrong_ones_are_refused() {
        let mut generator = MfGenerator::new(MfSystem::R1, -7.0);
        assert!(!generator.start(0, None) && !generator.start(16, None) && !generator.is_on());
        assert!(generator.start(13, Some(100)));
        let sounding = (0..200).filter(|_| generator.next_block() != SILENCE).count();
        assert_eq!((sounding, generator.is_on()), (100, false));
        assert!(generator.start(1, None));
        assert!((0..1_000).all(|_| generator.next_block() != SILENCE));
        generator.stop();
        assert_eq!(generator.next_block(), SILENCE);
    }
}
