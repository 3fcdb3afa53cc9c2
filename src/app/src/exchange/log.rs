//! The truth on disk: `exchange.jsonl`, one line for each thing that happened.
//!
//! A log that is there from an earlier run is kept as `NAME.old`. Lines are written at most a second late. A disk that
//! fails costs lines, which are counted, and never a call.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use simulator::truth::Entry;

/// The log of a run.
pub(crate) struct TruthLog {
    file: BufWriter<File>,
    path: PathBuf,
    lost: u64,
}

impl TruthLog {
    /// Begins a log.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path) -> anyhow::Result<TruthLog> {
        if path.exists() {
            let mut old = path.as_os_str().to_owned();
            old.push(".old");
            std::fs::rename(path, old).with_context(|| format!("exchange.log: {}", path.display()))?;
        }
        let file = File::create(path).with_context(|| format!("exchange.log: {}", path.display()))?;
        Ok(TruthLog { file: BufWriter::new(file), path: path.to_owned(), lost: 0 })
    }

    /// Writes a line.
    pub fn write(&mut self, entry: &Entry) {
        if let Err(error) = writeln!(self.file, "{}", entry.to_line()) {
            self.failed(&error);
        }
    }

    /// Hands the lines so far to the system.
    pub fn flush(&mut self) {
        if let Err(error) = self.file.flush() {
            self.failed(&error);
        }
    }

    fn failed(&mut self, error: &std::io::Error) {
        if self.lost == 0 {
            tracing::error!(file = %self.path.display(), %error, "the truth cannot be written");
        }
        self.lost += 1;
    }
}
