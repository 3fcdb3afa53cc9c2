//! Signalling beside the audio of analog ports and, later, of channel-associated trunks.
//!
//! [`fxs`] is the exchange's side of a telephone's two wires, [`fxo`] the telephone's side of an exchange's.
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

pub mod fxo;
pub mod fxs;
