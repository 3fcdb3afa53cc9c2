//! What an operator reads when he changes something in a good file.

use config::{Config, ConfigError};

/// Changes `from` to `to` in a `good` file and returns all messages.
pub fn told(good: &str, from: &str, to: &str) -> Vec<String> {
    assert!(good.contains(from), "{from} is not in the good file");
    match Config::parse(&good.replacen(from, to, 1), "f.toml") {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ConfigError::to_string).collect(),
    }
}
