//! One process of each kind on one data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::refused;

const RETRY: Duration = Duration::from_millis(50);

/// Makes the data directory, if need be, for its owner alone.
///
/// # Errors
/// It cannot be made: says which key names it.
pub(crate) fn make_directory(key: &str, directory: &Path) -> anyhow::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(directory)
        .map_err(|error| refused(format!("{key}: {}: cannot be made: {error}", directory.display())))
}

/// Locks a file; one that is locked is tried again for a while.
fn lock_within(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(RETRY),
            outcome => return outcome,
        }
    }
}

/// Takes the lock `name` in `directory` until the returned file is dropped or the process ends.
///
/// # Errors
/// Another process has it, or the directory cannot be written.
pub(crate) fn take(directory: &Path, name: &str) -> anyhow::Result<File> {
    make_directory("system.data_dir", directory)?;
    let path = directory.join(name);
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(&path);
    let mut file = open.map_err(|error| {
        refused(format!("system.data_dir: {}: cannot be written: {error}", directory.display()))
    })?;
    match lock_within(&file, crate::supervisor::predecessor_patience()) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            file.read_to_string(&mut owner)?;
            return Err(refused(format!(
                "system.data_dir: {}: already in use by process {} ({name})",
                directory.display(),
                owner.trim()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    // Who has it is told for people; on a full disk the lock holds as well.
    if let Err(error) = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())) {
        tracing::warn!(file = %path.display(), %error, "cannot be written");
    }
    Ok(file)
}
