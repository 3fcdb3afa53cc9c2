//! One call, whatever signalling its legs have: what is done with it, step by step.
//!
//! [`Plan`] says what a called number means. [`Call`] is the machine of a single call: it is told what happens on its
//! legs and gives [orders](link::Order). It can be written into a note on its first leg and read back, so that a new
//! switch process goes on where the old one was killed: see [`Call::resume`].
//!
//! A number may also give its calls to a flow: then the call only carries legs, and tells whoever interprets the flow what
//! happens to them ([`Told`]).
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod machine;
mod plan;
mod resume;

pub use machine::{Call, Input, Names, OWN_PROMPTS, Progress, Stage, Steps, Told};
pub use plan::{Action, From, Match, NumberEntry, Place, Plan, Seat};
pub use resume::Found;
