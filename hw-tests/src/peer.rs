//! Builds the counterparts in `peers/` with the system's C compiler, and runs them.
//!
//! A program is built once into the folder of the running test and again when its source is newer. It is told commands
//! and tells events as lines.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A counterpart and what it takes to build it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The source in `peers/`, without `.c`.
    pub name: &'static str,
    /// Libraries to link.
    pub libraries: &'static [&'static str],
    /// Debian packages that bring them.
    pub packages: &'static str,
}

/// The exchange: `peers/pri_exchange.c`.
pub const PRI_EXCHANGE: Recipe =
    Recipe { name: "pri_exchange", libraries: &["pri", "m"], packages: "libpri-dev" };

/// Why a counterpart cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Nothing could be built: a package is missing, most likely.
    #[error("cannot build {name}: install {packages} and a C compiler\n{said}")]
    Build {
        /// The program.
        name: &'static str,
        /// What to install.
        packages: &'static str,
        /// What the compiler said.
        said: String,
    },
    /// The program cannot be started, or is gone.
    #[error("{name}: {what}")]
    Program {
        /// The program.
        name: &'static str,
        /// What happened.
        what: String,
    },
    /// What was waited for did not come.
    #[error("{name}: no {wanted} within {seconds} s; it said\n{said}")]
    Silent {
        /// The program.
        name: &'static str,
        /// What was waited for.
        wanted: String,
        /// How long.
        seconds: u64,
        /// Its last lines.
        said: String,
    },
}

/// Builds a counterpart, if it is not there yet, and returns the program.
///
/// # Errors
/// Names the packages to install.
pub fn build(recipe: Recipe) -> Result<PathBuf, PeerError> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let failed = |said: String| PeerError::Build { name: recipe.name, packages: recipe.packages, said };
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(recipe.name).with_extension("c");
    let folder = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let program = folder.with_file_name(recipe.name);
    let age = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    if age(&program) > age(&source) {
        return Ok(program);
    }
    // Another test program may do the same at this moment: each builds its own and puts it there in one step.
    let fresh = folder.with_file_name(format!("{}.{}", recipe.name, std::process::id()));
    let libraries = recipe.libraries.iter().map(|library| format!("-l{library}"));
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-Wall", "-Wextra", "-o"]).arg(&fresh).arg(&source).args(libraries);
    let output = compiler.output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    std::fs::rename(&fresh, &program).map_err(|error| failed(error.to_string()))?;
    Ok(program)
}

/// A running counterpart; ended with this value.
#[derive(Debug)]
pub struct Peer {
    name: &'static str,
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
    /// Every line so far, and how many of them have been waited for.
    said: Vec<String>,
}

impl Peer {
    /// Builds and starts a counterpart with its standard error thrown away.
    ///
    /// # Errors
    /// It cannot be built or started.
    pub fn start(recipe: Recipe, arguments: &[&str]) -> Result<Peer, PeerError> {
        let name = recipe.name;
        let failed = |what: String| PeerError::Program { name, what };
        let mut child = Command::new(build(recipe)?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (Some(commands), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed("has no standard input or output".to_owned()));
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let whole_lines = BufReader::new(output).lines().map_while(Result::ok);
            whole_lines.take_while(|line| sender.send(line.clone()).is_ok()).for_each(drop);
        });
        Ok(Peer { name, child, commands, lines, said: Vec::new() })
    }

    /// Gives a command.
    ///
    /// # Errors
    /// The program is gone.
    pub fn command(&mut self, line: &str) -> Result<(), PeerError> {
        let sent = writeln!(self.commands, "{line}").and_then(|()| self.commands.flush());
        sent.map_err(|error| PeerError::Program { name: self.name, what: format!("{line}: {error}") })
    }

    /// Returns the next line; none if none comes in time.
    ///
    /// # Errors
    /// The program is gone.
    pub fn next_line(&mut self, patience: Duration) -> Result<Option<String>, PeerError> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => {
                self.said.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(PeerError::Program { name: self.name, what: format!("has ended; {}", self.last_words()) })
            }
        }
    }

    /// Returns the first line to come that `fits`; what comes before it is passed to `others`.
    ///
    /// # Errors
    /// It does not come in time, or the program is gone.
    pub fn wait(
        &mut self,
        wanted: &str,
        patience: Duration,
        mut fits: impl FnMut(&str) -> bool,
        mut others: impl FnMut(String),
    ) -> Result<String, PeerError> {
        let deadline = Instant::now() + patience;
        while let Some(line) = self.next_line(deadline.saturating_duration_since(Instant::now()))? {
            if fits(&line) {
                return Ok(line);
            }
            others(line);
        }
        let (name, wanted, seconds) = (self.name, wanted.to_owned(), patience.as_secs());
        Err(PeerError::Silent { name, wanted, seconds, said: self.last_words() })
    }

    /// Returns the last 40 lines.
    fn last_words(&self) -> String {
        self.said[self.said.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to be done then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_source_names_the_packages() {
        let recipe = Recipe { name: "no_such_peer", libraries: &[], packages: "libnothing-dev" };
        let error = build(recipe).unwrap_err().to_string();
        assert!(error.contains("install libnothing-dev"), "{error}");
    }
}
