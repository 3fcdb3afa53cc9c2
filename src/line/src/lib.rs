//! The line side's decisions, in one deterministic machine: what a span or telephone does becomes legs, what the
//! switch orders becomes signalling and media.
//!
//! Place: between the rings of the realtime engine and the link. Frames and realtime events come in; frames, realtime
//! commands and messages to the switch go out. It does no input or output of its own: the line process drives it by a
//! thread, the simulator in virtual time.
//!
//! It never waits for the switch. While none is attached, calls that arrive are told to proceed and held for
//! [`LineConfig::hold`]; calls that talk go on, and end together when one side hangs up. Whatever the switch missed is in
//! the next census.
//!
//! Bounds: [`LineConfig::max_legs`] legs (more are refused with cause 42), [`MAX_ENDED`] ended legs kept for a switch that
//! is away (the oldest is dropped with a log line), as many prompts and recordings as the engine has feeds and taps.
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod attach;
mod exchange_lines;
mod legs;
mod machine;
mod media;
mod oddities;
mod orders;
mod phones;
mod trunks;

pub use exchange_lines::{IdentityBy, LoopStart};
pub use machine::{Input, LineConfig, MAX_ENDED, Machine, Output, PhoneConfig, SpanConfig, TrunkConfig};
