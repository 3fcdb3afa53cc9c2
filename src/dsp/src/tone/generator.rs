//! Makes one tone, a block at a time.
//!
//! Limits: segments begin and end on whole milliseconds, that is, on blocks; switching is hard, without ramps.

use tdm::{Block, CHUNK, SILENCE};

use super::{MAX_SINES, ToneSpec};
use crate::level::amplitude;
use crate::osc::{Oscillator, to_sample};

/// Sounds one tone until told otherwise.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    spec: Option<ToneSpec>,
    segment: usize,
    left_ms: u16,
    sines: [Oscillator; MAX_SINES],
    sounding: usize,
}

impl Default for ToneGenerator {
    fn default() -> ToneGenerator {
        ToneGenerator::new()
    }
}

impl ToneGenerator {
    /// Makes a silent generator.
    pub fn new() -> ToneGenerator {
        let sines = [Oscillator::default(); MAX_SINES];
        ToneGenerator { spec: None, segment: 0, left_ms: 0, sines, sounding: 0 }
    }

    /// Starts a tone from its beginning.
    ///
    /// # Realtime
    /// A few exponentials.
    pub fn start(&mut self, spec: &ToneSpec) {
        self.spec = Some(*spec);
        self.enter(0);
    }

    /// Ends the tone.
    pub fn stop(&mut self) {
        self.spec = None;
    }

    /// Returns true while a tone is on, also in its pauses.
    pub fn is_on(&self) -> bool {
        self.spec.is_some()
    }

    /// Returns the next block; silence when no tone is on.
    ///
    /// # Realtime
    /// Eight table look-ups for each sine.
    pub fn next_block(&mut self) -> Block {
        let Some(spec) = &self.spec else { return SILENCE };
        let (last, again_from) = (spec.segments().len().saturating_sub(1), spec.again_from());
        if self.left_ms == 1 {
            self.left_ms = 0;
            let block = self.sound();
            self.enter(if self.segment < last { self.segment + 1 } else { again_from });
            return block;
        }
        self.left_ms = self.left_ms.saturating_sub(1); // 0 stays: for ever
        self.sound()
    }

    fn sound(&mut self) -> Block {
        let sines = self.sines.get_mut(..self.sounding).unwrap_or_default();
        if sines.is_empty() {
            return SILENCE;
        }
        let mut sum = [0.0; CHUNK];
        for sine in sines {
            sum = sum.map(|value| value + sine.next());
        }
        sum.map(to_sample)
    }

    fn enter(&mut self, index: usize) {
        let Some(segment) = self.spec.as_ref().and_then(|spec| spec.segments().get(index)) else { return };
        self.segment = index;
        self.left_ms = segment.ms;
        self.sounding = 0;
        for (place, sine) in self.sines.iter_mut().zip(segment.sines.iter().filter(|sine| sine.freq_hz > 0.0))
        {
            *place = Oscillator::new(sine.freq_hz, amplitude(sine.level_dbm0));
            self.sounding += 1;
        }
    }
}
