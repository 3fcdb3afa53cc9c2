//! Recordings and prompts: between the engine's rings and the disk.
//!
//! [`Recorder`] takes [`rt::TapBlock`]s from the taps and writes stereo WAV files, the line on the left, what we send on
//! the right; gaps are filled by sample time. [`Player`] keeps the feeds filled with [`rt::FeedBlock`]s of prompts.
//! Both are polled by a thread of their own, the recorder every 100 ms, the player every 20 ms. The recorder, and whoever
//! loads [`Prompts`], may block on the disk; neither the player nor the realtime thread waits for them.
//!
//! ```text
//! rt -> tap ring -> Recorder -> Segment -> NAME.wav.part, NAME.wav when closed
//! NAME.wav -> Prompts (memory) -> Player -> feed ring -> rt
//! ```
//!
//! The WAV header is kept true at every write, so that a file opens whatever happens to the process
//! (`docs/adr/0004-own-wav-writer.md`); [`recover`] closes what a dead process has left.
//! Limits: no compression, no encryption, no retention; a power cut may lose what the system had not yet written.
#![warn(missing_docs)]

mod disk;
mod event;
mod name;
mod player;
mod prompt;
mod recorder;
mod recover;
mod segment;
mod wav;

pub use disk::{Disk, Sink, SystemDisk};
pub use event::{RecordCounters, RecordEvent, RecordFailure};
pub use name::recording_path;
pub use player::{PlayError, Player, PlayerCounters};
pub use prompt::{PromptError, Prompts};
pub use recorder::{POLL_INTERVAL, Recorder, RecorderConfig, StartError};
pub use recover::{Recovered, recover};
