//! Flow documents: what a caller hears and may key, written as data, checked before use, interpreted call by call.
//!
//! A [`Flow`] is read from TOML or JSON; [`Flow::validate`] names everything wrong with it and gives a [`ValidFlow`]. An
//! [`Interpreter`] holds one call's place in a flow: it is told what happens to the call and gives [`Output`]s for whoever
//! owns the legs, the queues and the telephones.
//!
//! ```text
//!  Started -> node -> node ... -> a node that waits: play, menu, collect, queue, connect -> ... -> HangUp
//! ```
//! Every wait has a deadline; every input leads through at most [`MAX_STEPS_PER_INPUT`] nodes and a call through at most
//! [`MAX_STEPS_PER_CALL`], then it is hung up. A flow in which a caller could go round without ever being asked anything is
//! refused. An interpreter is plain data of at most [`MAX_STATE`] octets, so that it fits into the note on a leg.
//!
//! Limits: no expressions, no queries, no spoken numbers but positions, no recording of messages.
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod flow;
mod interpreter;
mod uses;
mod validate;

pub use flow::{
    Announce, Branch, Collect, Connect, Flow, HangUp, Language, Menu, Node, Play, Queue, SetLanguage,
};
pub use interpreter::{FailReason, Input, Interpreter, Output, QueueEvent};
pub use uses::Use;
pub use validate::{FlowError, Problem, ValidFlow};

/// The version of flow documents.
pub const FLOW_VERSION: u16 = 1;
/// The most nodes of a flow.
pub const MAX_NODES: usize = 256;
/// The longest name of a node, a queue or a flow, in octets.
pub const MAX_NAME: usize = 32;
/// The longest name of a prompt, in octets.
pub const MAX_PROMPT: usize = 64;
/// The most prompts played in a row; one is kept free for what is said before a repetition.
pub const MAX_PROMPTS: usize = link::MAX_PROMPTS / 2;
/// The most variables of a flow.
pub const MAX_VARIABLES: usize = 8;
/// The longest name of a variable, in octets.
pub const MAX_VARIABLE: usize = 16;
/// The most digits collected into a variable.
pub const MAX_DIGITS: u8 = 24;
/// The most attempts at a menu or a collection.
pub const MAX_ATTEMPTS: u8 = 10;
/// The most cases of a branch.
pub const MAX_CASES: usize = 64;
/// The longest wait for a key, in milliseconds.
pub const MAX_TIMEOUT_MS: u32 = 60_000;
/// The shortest wait for a key, in milliseconds.
pub const MIN_TIMEOUT_MS: u32 = 500;
/// The longest wait in a queue, in seconds.
pub const MAX_WAIT_S: u32 = 4 * 3_600;
/// The longest ringing of a telephone, in seconds.
pub const MAX_RING_S: u32 = 300;
/// The last position in a queue that is spoken.
pub const MAX_SPOKEN_POSITION: u16 = 20;
/// The most nodes that one input leads through.
pub const MAX_STEPS_PER_INPUT: u16 = 256;
/// The most nodes, repetitions and announcements of one call.
pub const MAX_STEPS_PER_CALL: u16 = 2_000;
/// The most octets of an interpreter in postcard.
pub const MAX_STATE: usize = 640;

// A valid flow never comes to the same node twice without waiting.
const _: () = assert!(MAX_NODES <= MAX_STEPS_PER_INPUT as usize);
const _: () = assert!(2 * MAX_PROMPTS <= link::MAX_PROMPTS);
// Name of the node, variables with their lengths, digits being collected, and the numbers.
const _: () = assert!(
    MAX_NAME + MAX_VARIABLES * (MAX_VARIABLE + MAX_DIGITS as usize + 2) + MAX_DIGITS as usize + 64
        <= MAX_STATE
);
