//! Digits sent as DTMF, in the place of whatever the channel sends.
//!
//! ```text
//! Idle --start--> On (100 ms) --> Off (100 ms) --next digit--> On ...  --last--> Untold --Dialled told--> Idle
//!                 a comma is a pause of 500 ms
//! ```
//! The channel's own source is silent from the first digit to the end of the last pause, so that speech does not disturb the
//! receiver. Source: ITU-T Q.24 annex A, which asks for at least 40 ms on and off.

use tdm::{Block, SILENCE};

use crate::tones::Sounder;
use crate::{Digits, MAX_DIGITS};

/// Length of a digit's tone.
const ON_MS: u16 = 100;
/// Length of the pause after it.
const OFF_MS: u16 = 100;
/// Length of a comma.
const COMMA_MS: u16 = 500;

const _: () = assert!(MAX_DIGITS <= u8::MAX as usize);

/// The sender of digits of one channel.
#[derive(Clone, Default)]
pub(crate) struct Dialler {
    state: State,
    sounder: Sounder,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Idle,
    On {
        digits: Digits,
        at: u8,
        left_ms: u16,
    },
    Off {
        digits: Digits,
        at: u8,
        left_ms: u16,
    },
    /// All is sent; `Dialled` has found the event ring full so far.
    Untold,
}

impl Dialler {
    /// Returns true from the start of a string until `Dialled` has been told.
    pub(crate) fn is_busy(&self) -> bool {
        !matches!(self.state, State::Idle)
    }

    /// Begins to send `digits`.
    pub(crate) fn start(&mut self, digits: Digits) {
        self.begin(digits, 0);
    }

    /// Ends sending at once and without an event.
    pub(crate) fn stop(&mut self) {
        self.state = State::Idle;
    }

    /// Notes that `Dialled` has been told.
    pub(crate) fn told(&mut self) {
        self.stop();
    }

    /// Fills the next block; true when all has been sent and `Dialled` is to be told.
    pub(crate) fn next(&mut self, block: &mut Block) -> bool {
        match &mut self.state {
            State::Idle => {}
            State::Untold => *block = SILENCE,
            State::On { digits, at, left_ms } => {
                self.sounder.fill(block);
                *left_ms -= 1;
                if *left_ms == 0 {
                    self.state = State::Off { digits: *digits, at: *at, left_ms: OFF_MS };
                }
            }
            State::Off { digits, at, left_ms } => {
                *block = SILENCE;
                *left_ms -= 1;
                if *left_ms == 0 {
                    let (digits, next) = (*digits, *at + 1);
                    self.begin(digits, next);
                }
            }
        }
        matches!(self.state, State::Untold)
    }

    fn begin(&mut self, digits: Digits, at: u8) {
        self.state = match digits.as_bytes().get(usize::from(at)) {
            None => State::Untold,
            Some(b',') => State::Off { digits, at, left_ms: COMMA_MS },
            Some(&digit) => {
                self.sounder.start_digit(digit);
                State::On { digits, at, left_ms: ON_MS }
            }
        };
    }
}
