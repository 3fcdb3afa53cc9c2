//! The one machine that decides: it owns all calls and is the single writer of what is known of them.
//!
//! Inputs are the line process's messages and people's requests; outputs are orders, replies and [updates](view::Update)
//! for whoever looks on. It keeps no secret state: what it must not forget lies as a note on the call's first leg in the
//! line process, so that it can be killed at any moment and goes on from the census.
//!
//! Bounds: [`MAX_CALLS`] calls at once; more are refused with cause 42.
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod census;
mod centre;
mod entry;
mod machine;
mod service;
mod setup;
pub mod view;

pub use centre::ConfigureError;
pub use machine::{AgentOrder, Input, MAX_CALLS, Machine, Output, Reply, Request, RequestId};
pub use setup::{Agent, PastVisit, Queue, Start, SwitchConfig, Trunk};
