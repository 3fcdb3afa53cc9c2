//! Why a command has failed, for the person who gave it.

use std::path::PathBuf;

/// Why a command has failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Nobody listens there.
    #[error("is `tandem run` running? nothing answers at {url}: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// What the system says.
        why: String,
    },
    /// The token is not the one that the switch knows.
    #[error("{url} does not accept the token in {}: is it another installation's?", token_file.display())]
    Token {
        /// Where.
        url: String,
        /// Where the token was read.
        token_file: PathBuf,
    },
    /// The switch says no.
    #[error("{message}")]
    Refused {
        /// The API's word for it.
        code: String,
        /// Why, in a sentence.
        message: String,
    },
    /// What answers is not this version of the API.
    #[error("{url} answers, but not as expected: {why}")]
    Senseless {
        /// Where.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The event stream has ended.
    #[error("{url} has ended the event stream: {why}")]
    Ended {
        /// Where.
        url: String,
        /// As far as it is known.
        why: String,
    },
    /// The token cannot be read.
    #[error(transparent)]
    TokenFile(#[from] api::TokenError),
    /// The configuration file has errors.
    #[error("{}\na running tandem goes on with what it has taken: --api URL and --token-file DATA_DIR/api.token reach it", lines(.0))]
    Config(Vec<config::ConfigError>),
    /// The options do not say where the API is.
    #[error("{0}")]
    Where(String),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

fn lines(errors: &[config::ConfigError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
