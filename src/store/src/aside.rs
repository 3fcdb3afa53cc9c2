//! A broken database is put aside, whole, for whoever can mend it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// What SQLite keeps in files beside the database: its log, and the index of that.
const PARTS: [&str; 3] = ["", "-wal", "-shm"];

/// Renames the database `file` with its parts, so that a new one can be begun, and returns its new name. Records that wait
/// beside it stay, for the new one.
///
/// # Errors
/// What the system says of the database itself.
pub fn put_aside(file: &Path) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let named = |end: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    let aside = named(&format!(".broken-{seconds}"));
    for part in PARTS {
        let mut to = aside.as_os_str().to_owned();
        to.push(part);
        match fs::rename(named(part), &to) {
            Err(error) if part.is_empty() || error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(aside)
}
