//! Octets on the D-channel and their meaning, apart from the machines that act on it.
//!
//! [`frame`] is the layer-2 frame of Q.921, [`message`] the layer-3 message of Q.931 with its list of
//! information elements; the other modules are the contents of the elements. Parsing borrows, copies little and
//! never panics, whatever the octets; emitting a parsed value gives equal octets for everything modelled.
//!
//! Limits: extension octets that no basic call needs (bearer octets 5a to 7, second characteristics) are
//! skipped on receipt and not sent. Source: ITU-T Q.921 (09/97) 2 and 3, Q.931 (05/98) 4, ETS 300 102-1.

pub mod bearer;
pub mod channel;
pub mod element;
pub mod frame;
pub mod message;
pub mod number;

pub use bearer::{BearerCapability, Layer1, TransferCapability};
pub use channel::{ChannelIdentification, Selection, Slots};
pub use element::{
    CallStateElement, CauseElement, Display, HighLayerCompatibility, Keypad, Notification, ProgressIndicator,
    RestartIndicator, Signal,
};
pub use frame::{Command, Control, Frame, FrameError, Supervisory, Unnumbered};
pub use message::{Builder, CallRef, Element, ElementId, Message, MessageError, MessageType};
pub use number::{Digits, NumberingPlan, PartyNumber, Presentation, Screening, TypeOfNumber};

/// Why the contents of an information element cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    /// The contents end before a field that must be there.
    #[error("the contents end at octet {0}")]
    Short(usize),
    /// A field has a value that is reserved or impossible here.
    #[error("octet {0} has a value without a meaning")]
    Value(usize),
    /// A string is longer than the table keeps.
    #[error("a string of {0} octets is too long")]
    Long(usize),
}

/// Skips a group of octets that goes on while bit 8 is clear, from `at`; returns the index after its last octet.
pub(crate) fn skip_group(content: &[u8], at: usize) -> Result<usize, ElementError> {
    content
        .iter()
        .skip(at)
        .position(|octet| octet & 0x80 != 0)
        .map(|offset| at + offset + 1)
        .ok_or(ElementError::Short(content.len()))
}
