//! Real counterparts at the far end of a line, for end-to-end tests.
//!
//! [`Exchange`] is a telephone exchange that we did not write (libpri, built by [`peer`] with the system's compiler and
//! run as a program of its own) at the far end of a simulated E1 or T1. [`Phones`] are telephones on a bank of FXS
//! ports. Both talk to the card through its line socket (`docs/sim-line.md`), say noise that a test can make again
//! ([`audio::Noise`]) and record what they hear, so that speech is proved by correlation ([`audio::find`]), not by trust.
//!
//! Limits: Unix only; the peers are test programs under their own licences and no part of the product.
#![warn(missing_docs)]

pub mod audio;
pub mod exchange;
pub mod peer;
pub mod phones;

pub use exchange::{CallRecording, Exchange, ExchangeEvent, ExchangeSide};
pub use phones::{Behaviour, Hearing, PhoneEvent, PhoneEventKind, Phones};
