//! Sends bits without a break of phase; bits need not be whole samples long.

use tdm::Block;

use super::FskSpec;
use crate::level::amplitude;
use crate::osc::{Oscillator, to_sample};

/// The most bits that wait.
const MAX_BITS: usize = 64;

/// Sends the bits of one channel.
#[derive(Clone, Debug)]
pub struct Modulator {
    spec: FskSpec,
    sine: Oscillator,
    /// Bits that wait, the next one lowest.
    waiting: u64,
    count: usize,
    /// How much of the present bit has been sent, in bits.
    sent: f32,
    /// The present bit; none between messages.
    bit: Option<bool>,
}

impl Modulator {
    /// Makes a silent modulator.
    pub fn new(spec: FskSpec, level_dbm0: f32) -> Modulator {
        let sine = Oscillator::new(spec.mark_hz, amplitude(level_dbm0));
        Modulator { spec, sine, waiting: 0, count: 0, sent: 0.0, bit: None }
    }

    /// Returns how many bits can be given now.
    pub fn room(&self) -> usize {
        MAX_BITS - self.count
    }

    /// Returns true if nothing is being sent.
    pub fn is_idle(&self) -> bool {
        self.bit.is_none() && self.count == 0
    }

    /// Sends a bit after those that wait. Returns false if there is no room.
    pub fn push_bit(&mut self, bit: bool) -> bool {
        if self.count == MAX_BITS {
            return false;
        }
        self.waiting |= u64::from(bit) << self.count;
        self.count += 1;
        true
    }

    /// Sends an octet with start and stop bit. Returns false if there is no room.
    pub fn push_octet(&mut self, octet: u8) -> bool {
        if self.room() < 10 {
            return false;
        }
        self.push_bit(false);
        (0..8).for_each(|n| {
            self.push_bit(octet >> n & 1 == 1);
        });
        self.push_bit(true)
    }

    /// Returns the next block; silent while there is nothing to send.
    ///
    /// # Realtime
    /// Eight table look-ups.
    pub fn next_block(&mut self) -> Block {
        core::array::from_fn(|_| self.next_sample())
    }

    fn next_sample(&mut self) -> i16 {
        if self.bit.is_none() || self.sent >= 1.0 {
            self.sent = if self.bit.is_some() { self.sent - 1.0 } else { 0.0 };
            self.bit = (self.count > 0).then_some(self.waiting & 1 == 1);
            let Some(bit) = self.bit else { return 0 };
            self.waiting >>= 1;
            self.count -= 1;
            self.sine.retune(if bit { self.spec.mark_hz } else { self.spec.space_hz });
        }
        self.sent += self.spec.bit_rate / 8_000.0;
        to_sample(self.sine.next())
    }
}
