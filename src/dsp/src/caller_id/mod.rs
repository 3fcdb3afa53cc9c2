//! Caller identity as exchanges send it: messages by FSK ([`Assembler`], [`parse`], [`emit`]) and by keys ([`dtmf`]).
//!
//! A message is a type, a length, data and a check octet, after a run of alternating bits and one of ones. Bellcore's
//! single data message (0x04) and the multiple data message (0x80) of Bellcore and ETSI are read; both send parameters
//! the same way. [`Assembler`] takes octets as they are heard; it needs no clock: the carrier's end resets it.
//!
//! Not for the realtime thread: the receivers tell octets, these functions run where signalling runs.
//! Sources: Bellcore GR-30-CORE, ETSI EN 300 659-3; numbers of parameters as published, clauses `unverified`.

pub mod dtmf;
mod wire;

pub use wire::{Message, ParseError, emit, parse};

/// The most octets of a message: type, length, 255 octets, check octet.
pub const MAX_MESSAGE: usize = 258;

/// The most characters of a number.
pub const MAX_NUMBER: usize = 32;

/// The most octets of a name.
pub const MAX_NAME: usize = 64;

/// Type of the single data message.
pub const SINGLE: u8 = 0x04;

/// Type of the multiple data message: call set-up.
pub const CALL_SETUP: u8 = 0x80;

/// Type of the multiple data message: message waiting.
pub const MESSAGE_WAITING: u8 = 0x82;

/// The octet of alternating bits before a message.
const SEIZURE: u8 = 0x55;

/// Why a caller's number or name is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// The caller does not wish it (`P`).
    Private,
    /// Not known here (`O`).
    Unavailable,
}

/// What an exchange tells about a caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerId {
    /// Month, day, hour and minute, by the exchange's clock.
    pub time: Option<[u8; 4]>,
    /// The calling number.
    pub number: Option<String>,
    /// Why there is no number.
    pub no_number: Option<Absence>,
    /// The caller's name, as sent: the character set is the country's.
    pub name: Option<Vec<u8>>,
    /// Why there is no name.
    pub no_name: Option<Absence>,
    /// The number that was called.
    pub called: Option<String>,
    /// Messages wait, or no longer.
    pub waiting: Option<bool>,
}

/// What an assembler made of an octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assembled {
    /// A whole message with a right check octet.
    Message(CallerId),
    /// A whole message that cannot be read.
    Damaged(ParseError),
}

/// Puts octets together to messages.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    octets: Vec<u8>,
}

impl Assembler {
    /// Makes an assembler that waits for a message.
    pub fn new() -> Assembler {
        Assembler { octets: Vec::with_capacity(MAX_MESSAGE) }
    }

    /// Forgets what was begun: the carrier is gone, or has come.
    pub fn reset(&mut self) {
        self.octets.clear();
    }

    /// Takes in an octet. Octets of seizure and stray ones before a message are passed over.
    #[expect(clippy::disallowed_methods, reason = "not for the realtime thread; the length is bounded")]
    pub fn octet(&mut self, octet: u8) -> Option<Assembled> {
        let begins = matches!(octet, SINGLE | CALL_SETUP | MESSAGE_WAITING);
        if self.octets.is_empty() && (octet == SEIZURE || !begins) {
            return None;
        }
        self.octets.push(octet);
        let &[_, length, ..] = self.octets.as_slice() else { return None };
        if self.octets.len() < usize::from(length) + 3 {
            return None;
        }
        let result = match parse(&self.octets) {
            Ok(caller) => Assembled::Message(caller),
            Err(error) => Assembled::Damaged(error),
        };
        self.octets.clear();
        Some(result)
    }
}
