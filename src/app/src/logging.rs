//! Log lines to the standard error output: the journal of the system keeps them.

use std::io::IsTerminal;

use config::Config;
use tracing_subscriber::EnvFilter;

/// Starts logging at the configured level; `TANDEM_LOG` overrules it, in the syntax of `RUST_LOG`.
pub(crate) fn start(config: &Config) {
    let filter =
        EnvFilter::try_from_env("TANDEM_LOG").unwrap_or_else(|_| EnvFilter::new(config.system.log.as_str()));
    // Escape codes are for eyes: in a file or the journal they would hide the fields from whoever searches them.
    let colour = std::io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    lines.with_ansi(colour).with_target(false).init();
}
