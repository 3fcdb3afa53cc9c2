//! The token that every request must carry: one secret in one file that only its owner may read.
//!
//! It is made once, from the system's randomness: written to a file beside it, then linked to its name, so that a
//! reader finds the whole token or none, and of two programs that make it at once both go on with the same one.
//!
//! Limits: one token, all rights. It changes when the file is removed and the switch restarted.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

/// Octets of randomness in a token.
const OCTETS: usize = 32;
/// Its length as hexadecimal digits.
pub const TOKEN_LEN: usize = 2 * OCTETS;
/// More is not read of a token file: digits and the end of the line.
const MAX_FILE: u64 = 256;

/// The secret. It is not printed by `Debug` and compared without telling by the time where it differs.
#[derive(Clone)]
pub struct Token(String);

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("token file {}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("token file {}: cannot be made: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others than the owner may read or write it.
    #[error(
        "token file {}: others may use it (mode {mode:04o}); set it with chmod 600, or remove it to get a new one",
        path.display()
    )]
    Mode {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// There is no token in it.
    #[error(
        "token file {}: expected {TOKEN_LEN} hexadecimal digits, found {found}; remove it to get a new one",
        path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is in it, in words: never the content.
        found: String,
    },
}

impl Token {
    /// Makes a token of its text.
    ///
    /// Returns none unless it is [`TOKEN_LEN`] hexadecimal digits.
    pub fn new(text: &str) -> Option<Token> {
        let good = text.len() == TOKEN_LEN && text.bytes().all(|c| c.is_ascii_hexdigit());
        good.then(|| Token(text.into()))
    }

    /// Returns the secret, to be sent.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in a time that depends on the length only.
    pub fn matches(&self, offered: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(offered).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Reads the token in the file `path`; makes the file, mode 0600, if there is none.
///
/// # Errors
/// The file cannot be read or made, others may read it, or there is no token in it.
pub fn load_or_create(path: &Path) -> Result<Token, TokenError> {
    match load(path) {
        Err(TokenError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => create(path),
        result => result,
    }
}

/// Takes the rights of others away from the file `path`. What they have read meanwhile they still know: a new token is
/// made when the file is removed.
///
/// # Errors
/// What the system says.
pub fn close(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

/// Reads the token in the file `path`.
///
/// # Errors
/// The file cannot be read, others may read it, or there is no token in it.
pub fn load(path: &Path) -> Result<Token, TokenError> {
    let fail = |source| TokenError::Read { path: path.into(), source };
    let file = File::open(path).map_err(fail)?;
    // Of the opened file, so that it cannot be exchanged between the look and the reading.
    let mode = file.metadata().map_err(fail)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(TokenError::Mode { path: path.into(), mode });
    }
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text).map_err(fail)?;
    let text = text.trim_end();
    Token::new(text).ok_or_else(|| {
        let found = match text.len() {
            0 => "nothing".into(),
            TOKEN_LEN => "something else".into(),
            len => format!("{len} characters"),
        };
        TokenError::Content { path: path.into(), found }
    })
}

fn create(path: &Path) -> Result<Token, TokenError> {
    let fail = |source| TokenError::Create { path: path.into(), source };
    // A name of its own, so that what a crash left behind is never in the way.
    let chance = getrandom::u64().map_err(|e| fail(io::Error::other(e)))?;
    let beside = path.with_extension(format!("new-{chance:016x}"));
    let made = write_new(&beside).and_then(|()| fs::hard_link(&beside, path));
    let removed = fs::remove_file(&beside);
    match made {
        // Somebody else was quicker: theirs is the token.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.exists() => load(path),
        Err(e) => Err(fail(e)),
        Ok(()) => removed.map_err(fail).and_then(|()| load(path)),
    }
}

fn write_new(path: &Path) -> io::Result<()> {
    let mut octets = [0; OCTETS];
    getrandom::fill(&mut octets).map_err(io::Error::other)?;
    let digits: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // A umask may have taken the owner's own rights.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    writeln!(file, "{digits}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_token_is_made_once_for_its_owner_only_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.token");
        let made = load_or_create(&path).unwrap();
        assert_eq!(made.expose().len(), TOKEN_LEN);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let found = load_or_create(&path).unwrap();
        assert!(made.matches(found.expose().as_bytes()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_tokens_differ() {
        let dir = tempfile::tempdir().unwrap();
        let [a, b] = ["a", "b"].map(|name| load_or_create(&dir.path().join(name)).unwrap());
        assert!(!a.matches(b.expose().as_bytes()));
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.token");
        put(&path, &"a".repeat(TOKEN_LEN), 0o640);
        let error = load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("mode 0640") && error.contains("api.token"), "{error}");
    }

    #[test]
    fn an_empty_or_damaged_file_is_refused_and_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.token");
        for (text, told) in [("", "found nothing"), ("abc\n", "found 3 characters")] {
            put(&path, text, 0o600);
            let error = load_or_create(&path).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        put(&path, &"g".repeat(TOKEN_LEN), 0o600);
        assert!(matches!(load_or_create(&path), Err(TokenError::Content { .. })));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_that_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = load_or_create(&dir.path().join("no/api.token")).unwrap_err().to_string();
        assert!(error.contains("no/api.token: cannot be made"), "{error}");
    }

    #[test]
    fn a_token_matches_itself_and_nothing_else() {
        let token = Token::new(&"ab".repeat(OCTETS)).unwrap();
        assert!(token.matches("ab".repeat(OCTETS).as_bytes()));
        assert!(!token.matches("ab".repeat(OCTETS - 1).as_bytes()));
        assert!(!token.matches(b""));
        assert!(!format!("{token:?}").contains("ab"));
    }
}
