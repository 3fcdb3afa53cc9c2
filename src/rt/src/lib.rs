//! The realtime engine: moves the samples of one clock domain, once per period.
//!
//! Place on the path: `CardIo::rx` -> strip (decode, detect, measure) -> matrix (cross-connect, conference) ->
//! port (prompt feeds in, recorder taps out) -> strip (encode) -> `CardIo::tx`.
//!
//! Everything is made in `Engine::new`; after that the thread owns fixed memory and talks through rings: it is
//! told [`RtCommand`]s, it tells [`RtEvent`]s.
#![warn(missing_docs)]

mod command;
mod event;
mod port;

pub use command::{Conference, Digits, Gain, MAX_DIGITS, RtCommand, RtOp, Source, Strip, Tone};
pub use event::{Refusal, RtEvent, RtEventKind};
pub use port::{FeedBlock, FeedPort, TapBlock, TapPort};
