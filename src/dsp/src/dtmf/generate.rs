//! The DTMF generator of one channel: digits to blocks.
//!
//! Digits wait in a queue of fixed size and sound one after the other; a comma is a pause. Tones are exact in
//! frequency and start at their zero crossing.
//!
//! Limits: 32 digits at a time; tone and pause are whole milliseconds. Source: ITU-T Q.23.

use tdm::{Block, SILENCE};

use super::{COLUMNS_HZ, ROWS_HZ, key_position};
use crate::level::amplitude;
use crate::osc::{Oscillator, to_sample};

/// The most digits that wait.
pub const MAX_QUEUED: usize = 32;

/// The length of a comma.
const PAUSE_MS: u16 = 500;

/// How digits sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneratorConfig {
    /// The level of the row tone.
    pub row_dbm0: f32,
    /// The level of the column tone: higher, since lines lose more of it.
    pub column_dbm0: f32,
    /// How long a digit sounds.
    pub on_ms: u16,
    /// The silence after it.
    pub off_ms: u16,
}

impl Default for GeneratorConfig {
    fn default() -> GeneratorConfig {
        GeneratorConfig { row_dbm0: -9.0, column_dbm0: -7.0, on_ms: 100, off_ms: 100 }
    }
}

/// Makes digits.
#[derive(Clone, Debug)]
pub struct Generator {
    config: GeneratorConfig,
    row_amplitude: f32,
    column_amplitude: f32,
    queue: [u8; MAX_QUEUED],
    queued: u8,
    next: u8,
    tones: [Oscillator; 2],
    on_ms: u16,
    off_ms: u16,
}

impl Generator {
    /// Makes a generator with nothing to send.
    pub fn new(config: GeneratorConfig) -> Generator {
        Generator {
            config,
            row_amplitude: amplitude(config.row_dbm0),
            column_amplitude: amplitude(config.column_dbm0),
            queue: [0; MAX_QUEUED],
            queued: 0,
            next: 0,
            tones: [Oscillator::default(); 2],
            on_ms: 0,
            off_ms: 0,
        }
    }

    /// Starts to send `digits` (`0-9 * # A-D`, comma for a pause of 500 ms). Returns false and changes nothing if
    /// digits are still being sent, one is not sendable, or there are more than [`MAX_QUEUED`].
    pub fn start(&mut self, digits: &[u8]) -> bool {
        let sendable = |&digit: &u8| digit == b',' || key_position(digit).is_some();
        if !self.is_idle() || !digits.iter().all(sendable) {
            return false;
        }
        let Some(place) = self.queue.get_mut(..digits.len()) else { return false };
        place.copy_from_slice(digits);
        (self.queued, self.next) = (digits.len() as u8, 0);
        true
    }

    /// Stops at once.
    pub fn stop(&mut self) {
        (self.queued, self.next, self.on_ms, self.off_ms) = (0, 0, 0, 0);
    }

    /// Returns true if nothing is left to be sent.
    pub fn is_idle(&self) -> bool {
        self.next >= self.queued && self.on_ms == 0 && self.off_ms == 0
    }

    /// Returns the next block; none when all digits and the last pause are over.
    ///
    /// # Realtime
    /// Sixteen table look-ups while a digit sounds.
    pub fn next_block(&mut self) -> Option<Block> {
        while self.on_ms == 0 && self.off_ms == 0 {
            self.take_digit()?; // more than once only if a digit has no length
        }
        if self.on_ms == 0 {
            self.off_ms -= 1;
            return Some(SILENCE);
        }
        self.on_ms -= 1;
        let [row, column] = &mut self.tones;
        Some(core::array::from_fn(|_| to_sample(row.next() + column.next())))
    }

    fn take_digit(&mut self) -> Option<()> {
        let waiting = self.queue.get(..usize::from(self.queued))?;
        let &digit = waiting.get(usize::from(self.next))?;
        self.next += 1;
        if let Some((row, column)) = key_position(digit) {
            self.tones = [
                Oscillator::new(ROWS_HZ[row], self.row_amplitude),
                Oscillator::new(COLUMNS_HZ[column], self.column_amplitude),
            ];
            (self.on_ms, self.off_ms) = (self.config.on_ms, self.config.off_ms);
        } else {
            (self.on_ms, self.off_ms) = (0, PAUSE_MS);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_pauses_last_to_the_millisecond() {
        let mut generator = Generator::new(GeneratorConfig { on_ms: 3, off_ms: 2, ..Default::default() });
        assert!(generator.start(b"1,#"));
        let mut sounding = [false; 600];
        let mut length = 0;
        while let Some(block) = generator.next_block() {
            sounding[length] = block != SILENCE;
            length += 1;
        }
        assert_eq!(length, 5 + 500 + 5);
        assert_eq!(sounding.iter().filter(|&&on| on).count(), 6);
        assert!(sounding[..3].iter().chain(&sounding[505..508]).all(|&on| on));
        assert!(generator.is_idle());
    }

    #[test]
    fn a_busy_generator_or_a_wrong_digit_refuses_and_stop_frees_it() {
        let mut generator = Generator::new(GeneratorConfig::default());
        assert!(!generator.start(b"12x"));
        assert!(!generator.start(&[b'1'; MAX_QUEUED + 1]));
        assert_eq!(generator.next_block(), None);
        assert!(generator.start(&[b'1'; MAX_QUEUED]));
        assert!(!generator.start(b"2"));
        generator.stop();
        assert!(generator.is_idle() && generator.start(b"2"));
    }
}
