//! The configuration file: one TOML file in, one typed [`Config`] out, or every error that is in it.
//!
//! The file is parsed to a tree that knows where each value stands; `reader` takes values out of it by name, kind and
//! range; `sections` says which keys there are; `check` compares what must fit together across sections. All of them
//! collect errors and go on, so that one run of `tandem check` shows all that is wrong. Only a file without an error
//! becomes a `Config`. A reader of our own and not `serde`, since serde stops at the first error
//! (`docs/adr/0003-config-reader-that-reports-all-errors.md`).
//!
//! Limits: if the file is not TOML at all only its syntax errors are told, since keys after them are guesses.
//! Nothing outside the file is looked at: directories and prompt files are the business of whoever uses them.
#![warn(missing_docs)]

mod check;
mod error;
mod keys;
mod model;
mod reader;
mod sections;

use std::path::Path;

pub use error::ConfigError;
pub use keys::KeyInfo;
pub use model::{
    Action, Api, Call, Card, CardType, Config, Country, Dialect, Echo, EchoModel, FarEnd, Hunt, Line,
    LogLevel, NumberRule, Origin, Pace, Realtime, Record, Seat, Span, System, Timers, Trunk, TrunkSignalling,
};

/// The version of the file's form that this program reads.
pub const VERSION: u32 = 1;

/// The largest file that is read, in octets.
pub const MAX_FILE: u64 = 1 << 20;

impl Config {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// All errors of the file, in the order of its lines; one alone if it cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Config, Vec<ConfigError>> {
        let path = path.as_ref();
        let text = error::read_file(path, MAX_FILE).map_err(|e| vec![e])?;
        Config::parse(&text, path)
    }

    /// Reads and checks `text` as if it stood in the file `path`: relative paths in it start at that file's folder.
    ///
    /// # Errors
    /// All errors of the text, in the order of its lines.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Config, Vec<ConfigError>> {
        sections::parse(text, path.as_ref()).0
    }
}

/// Returns every key that reading `text` asked for, in the order of asking, and the errors of the text.
///
/// A key of a repeated section appears once for each time the section stands in the file. It exists so that
/// documentation can be proved complete.
pub fn keys(text: &str, path: impl AsRef<Path>) -> (Vec<KeyInfo>, Vec<ConfigError>) {
    let (result, keys) = sections::parse(text, path.as_ref());
    (keys, result.err().unwrap_or_default())
}
