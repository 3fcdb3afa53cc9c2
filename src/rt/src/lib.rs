//! The realtime engine: moves the samples of one clock domain, once per period.
//!
//! Place on the path: `CardIo::rx` -> strip (decode, measure, cancel echo, detect) -> matrix (cross-connect, conference) ->
//! port (prompt feeds in, recorder taps out) -> strip (encode) -> `CardIo::tx`.
//!
//! Everything is made in [`Engine::new`]; after that the thread owns fixed memory and talks through rings: it is
//! told [`RtCommand`]s, it tells [`RtEvent`]s. [`start`] runs an engine in its own thread with realtime priority where
//! that is allowed, and leaves the lines in a defined state whatever ends it. [`guard`] watches over the contract: no
//! heap, no lock, no stray system call between two waits.
//!
//! Limits: one clock domain; MTP2 links have no rings yet.
#![warn(missing_docs)]

mod apply;
mod command;
mod config;
mod counters;
mod dchan;
mod detect;
mod dial;
mod echo;
mod elastic;
mod engine;
mod event;
mod feeds;
mod fixed;
pub mod guard;
mod layout;
mod levels;
mod matrix;
mod plan;
mod port;
mod removal;
mod ring;
pub mod sched;
mod seat;
mod strips;
mod supervise;
mod taps;
mod telling;

pub use command::{Conference, Digits, Gain, MAX_DIGITS, RtCommand, RtOp, Source, Strip, Tone};
pub use config::{EchoChannels, EchoSettings, EngineConfig, EngineError, IdleCode, MAX_OWN_TONES};
pub use counters::{Counter, Counters};
pub use dchan::DChannel;
pub use dsp::listen::{Heard, Wants};
pub use echo::EchoMeters;
pub use engine::{Engine, EngineHandle, MAX_COMMANDS_PER_PERIOD};
pub use event::{Refusal, RtEvent, RtEventKind};
pub use layout::Layout;
pub use levels::Levels;
pub use port::{FeedBlock, FeedPort, TapBlock, TapPort};
pub use supervise::{EndReason, Running, Watch, start};
