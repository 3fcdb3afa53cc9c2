//! What the reader knows about a key, kept while it reads, so that tests can hold the documentation against it.

/// One key that the reader asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The section as written in the file, for example `card.span`; empty for the top of the file.
    pub section: String,
    /// The key.
    pub key: &'static str,
    /// What it may be, for example `2..=200 milliseconds`.
    pub allowed: String,
    /// Its default as TOML; none if it must be given or has no fixed default.
    pub default: Option<String>,
    /// What the file gives, as written there.
    pub given: Option<String>,
}
