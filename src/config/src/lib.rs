//! The configuration file: one TOML file in, one typed [`Config`] out, or every error that is in it.
//!
//! The file is parsed to a tree that knows where each value stands; `reader` takes values out of it by name, kind and
//! range; `sections` says which keys there are; `check` compares what must fit together across sections. All of them
//! collect errors and go on, so that one run of `tandem check` shows all that is wrong. Only a file without an error
//! becomes a `Config`. A reader of our own and not `serde`, since serde stops at the first error
//! (`docs/adr/0003-config-reader-that-reports-all-errors.md`).
//!
//! The documents of flows that it names are read with it (`centre::flow`).
//!
//! Limits: if the file is not TOML at all only its syntax errors are told, since keys after them are guesses.
//! Nothing but these documents is looked at: directories and prompt files are the business of whoever uses them.
#![warn(missing_docs)]

mod centre;
mod changes;
mod check;
mod dahdi;
mod detect;
mod error;
mod keys;
mod loop_start;
mod model;
mod pci;
mod reader;
mod rig;
mod sections;
mod source;
mod tdmoe;

use std::path::Path;

pub use centre::{Acd, Agent, AgentStart, CallerKind, Exchange, Flow, LineRelease, Queue, Store};
pub use changes::Changes;
pub use detect::{
    CallerIdModem, Detect, MAX_OWN_FREQUENCIES, MAX_OWN_TONES, Machine, OwnTone, ToneMeaning, Vad,
};
pub use error::ConfigError;
pub use keys::KeyInfo;
pub use loop_start::{AnswerBy, CallerIdBy, CallerIdTime, DialTone, LoopStart};
pub use model::{
    Action, Api, Call, Cancel, CancelChannels, CancelRest, Card, CardHdlc, CardType, Config, Country,
    Dialect, Echo, EchoModel, EthernetPeer, FarEnd, Hunt, Line, LineCode, LogLevel, NumberRule, Origin, Pace,
    PciAccess, PciSlot, Reach, Realtime, Record, Seat, Span, System, Timers, Trunk, TrunkSignalling,
};
pub use rig::Rig;
pub use source::{MAX_TAKEN, Source};
pub use tdmoe::{EthernetSpan, EthernetTimes};

/// The version of the file's form that this program reads.
pub const VERSION: u32 = 1;

/// The largest file that is read, in octets; a flow's document is none larger.
pub const MAX_FILE: u64 = 1 << 20;

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// All errors of the file, in the order of its lines, then those of its flows; one alone if it cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Config, Vec<ConfigError>> {
        let path = path.as_ref();
        let text = error::read_file(path, MAX_FILE).map_err(|e| vec![e])?;
        Config::parse(&text, path)
    }

    /// Reads and checks `text` as if it stood in the file `path`: relative paths in it start at that file's folder, where
    /// the documents of its flows are read.
    ///
    /// # Errors
    /// All errors of the text, in the order of its lines, then those of its flows.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Config, Vec<ConfigError>> {
        Config::parse_with(text, path, &read_flow)
    }

    /// Reads and checks `text` as [`Config::parse`] does, with the documents of flows that `read` gives for their paths.
    ///
    /// # Errors
    /// All errors of the text, in the order of its lines, then those of its flows. An error of `read` with line 0 is told
    /// where the text names the document.
    pub fn parse_with(
        text: &str,
        path: impl AsRef<Path>,
        read: &dyn Fn(&Path) -> Result<String, ConfigError>,
    ) -> Result<Config, Vec<ConfigError>> {
        sections::parse(text, path.as_ref(), read).0
    }
}

fn read_flow(path: &Path) -> Result<String, ConfigError> {
    error::read_file(path, MAX_FILE)
}

/// Returns every key that reading `text` asked for, in the order of asking, and the errors of the text.
///
/// A key of a repeated section appears once for each time the section stands in the file. It exists so that
/// documentation can be proved complete.
pub fn keys(text: &str, path: impl AsRef<Path>) -> (Vec<KeyInfo>, Vec<ConfigError>) {
    let (result, keys) = sections::parse(text, path.as_ref(), &read_flow);
    (keys, result.err().unwrap_or_default())
}
