//! One error of a configuration file, for a person with an editor: where, which key, what stands there, what may.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One thing that is wrong in the file.
///
/// Prints as `first-call.toml:12: card.sim0.buffer_ms: 900 is not in 2..=200 (milliseconds)`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {}{problem}", file.display(), Place(*line), Prefix(key))]
pub struct ConfigError {
    /// The file as it was named to us.
    pub file: PathBuf,
    /// The line, counted from 1; 0 if it concerns the file as a whole.
    pub line: usize,
    /// The full name of the key, for example `card.sim0.buffer_ms`; empty if it concerns no key.
    pub key: String,
    /// What stands there, as written; none if nothing does.
    pub value: Option<String>,
    /// What is wrong with it and what is allowed, in words.
    pub problem: String,
}

struct Place(usize);

impl core::fmt::Display for Place {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, ":{}", self.0) }
    }
}

struct Prefix<'a>(&'a str);

impl core::fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "{}: ", self.0) }
    }
}

/// Makes an error about a file as a whole.
pub(crate) fn of_file(path: &Path, problem: impl Into<String>) -> ConfigError {
    ConfigError { file: path.into(), line: 0, key: String::new(), value: None, problem: problem.into() }
}

/// Reads a whole text file of at most `limit` octets.
pub(crate) fn read_file(path: &Path, limit: u64) -> Result<String, ConfigError> {
    let fail = |problem: String| of_file(path, problem);
    let mut octets = Vec::new();
    let file = File::open(path).map_err(|e| fail(format!("cannot be read: {e}")))?;
    file.take(limit + 1).read_to_end(&mut octets).map_err(|e| fail(format!("cannot be read: {e}")))?;
    if octets.len() as u64 > limit {
        return Err(fail(format!("is longer than {limit} octets")));
    }
    String::from_utf8(octets).map_err(|e| {
        let line = e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|&&c| c == b'\n').count() + 1;
        ConfigError { line, ..fail("this line is not UTF-8".into()) }
    })
}
