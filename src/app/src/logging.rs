//! Log lines to the standard error output: the journal of the system keeps them.
//!
//! A thread of its own writes them. Whoever stops reading (a terminal on hold, a stalled pipe, a journal on a dying disk)
//! loses lines and never holds up a call: at most [`MAX_LINES`] wait, more are dropped.

use std::io::IsTerminal;

use config::Config;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Lines that may wait to be written.
const MAX_LINES: usize = 8_192;

/// Starts logging at the configured level; `TANDEM_LOG` overrules it, in the syntax of `RUST_LOG`. What
/// waits is written when the returned guard is dropped.
pub(crate) fn start(config: &Config) -> WorkerGuard {
    let filter =
        EnvFilter::try_from_env("TANDEM_LOG").unwrap_or_else(|_| EnvFilter::new(config.system.log.as_str()));
    // Escape codes are for eyes: in a file or the journal they would hide the fields from whoever searches them.
    let colour = std::io::stderr().is_terminal();
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_LINES)
        .thread_name("log")
        .finish(std::io::stderr());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    lines.with_ansi(colour).with_target(false).init();
    guard
}
