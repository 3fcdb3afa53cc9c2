//! Digits sent as DTMF, in the place of whatever the channel sends.
//!
//! The channel's own source is silent from the first digit to the end of the last pause, so that speech does not disturb the
//! receiver. Lengths are those of `dsp::dtmf`: 100 ms on, 100 ms off, a comma is 500 ms. `Dialled` is told with the first block
//! after all that; if the event ring is full it is tried again with every block, and the channel counts as dialling till then.

use dsp::dtmf::{Generator, GeneratorConfig, MAX_QUEUED};
use tdm::Block;

use crate::{Digits, MAX_DIGITS};

const _: () = assert!(MAX_DIGITS <= MAX_QUEUED);

/// The sender of digits of one channel.
#[derive(Clone)]
pub(crate) struct Dialler {
    busy: bool,
    generator: Generator,
}

impl Default for Dialler {
    fn default() -> Dialler {
        Dialler { busy: false, generator: Generator::new(GeneratorConfig::default()) }
    }
}

impl Dialler {
    /// Returns true from the start of a string until `Dialled` has been told.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Begins to send `digits`. `Digits` are sendable and not too many.
    pub(crate) fn start(&mut self, digits: Digits) {
        self.busy = self.generator.start(digits.as_bytes());
    }

    /// Ends sending at once and without an event.
    pub(crate) fn stop(&mut self) {
        self.generator.stop();
        self.busy = false;
    }

    /// Puts the next block of the digits in the place of `block`; true when all has been sent and `Dialled` is to be told.
    pub(crate) fn next(&mut self, block: &mut Block) -> bool {
        match self.generator.next_block() {
            Some(next) => {
                *block = next;
                false
            }
            None => true,
        }
    }
}
