//! The world around Tandem, made up: an exchange, callers and agents, and the truth of what they did.
//!
//! [`exchange::Exchange`] is the far end of all lines: the network side of every PRI span, the subscriber lines of every FXO
//! port and the telephones on every FXS port, with people at them ([`people`]). It is a core like the others: inputs with `now`, outputs, deadlines, a seed. It
//! writes what truly happened as [`truth::Entry`] values, from its own knowledge alone, never from Tandem's records.
//! [`sound`] gives the people voices and ears; [`plant`] is the exchange with both, line by line and millisecond by
//! millisecond.
//!
//! Limits: an agent does nothing at the telephone but answer and hang up.
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

pub mod event;
pub mod exchange;
pub mod history;
pub mod invariants;
pub mod people;
pub mod plant;
pub mod sound;
pub mod summary;
pub mod truth;
