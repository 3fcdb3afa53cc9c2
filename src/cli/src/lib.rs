//! Operator commands: what a person at a shell asks of a running switch, over its API only.
//!
//! [`Command`] is made to be flattened into the program's own subcommands; [`Command::run`] does it and prints to a
//! writer: tables for people, or with `--json` what the API answered, for scripts. It knows nothing but the API's
//! exported schema and, to find the API, the configuration file.
#![warn(missing_docs)]

mod client;
mod command;
mod error;
mod show;
mod table;
mod watch;

pub use client::Client;
pub use command::{Command, Order, Reach, base_url};
pub use error::CliError;
pub use table::table;
