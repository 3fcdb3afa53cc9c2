//! Closes the files that a dead process has left: to be run before the first recording of a new one.
//!
//! A file still named `.part` holds whole frames up to its length; its header may be one flush behind. The header is made
//! to tell the length, the rest of a frame at the end is cut, and the file gets its last name. A file without a frame is
//! removed. Anything that does not begin as a file of ours is left alone and told.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::segment::{PART, free_name};
use crate::wav::{self, FRAME, HEADER, MAX_FRAMES};

/// How deep directories are searched: year, month, day and one to spare.
const MAX_DEPTH: usize = 4;

/// What was found and done.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Files that were closed, by their last names, with their length in samples.
    pub closed: Vec<(PathBuf, u64)>,
    /// Files without a sample, which were removed.
    pub removed: Vec<PathBuf>,
    /// Files and directories that could not be dealt with, and why.
    pub failed: Vec<(PathBuf, io::Error)>,
}

/// Closes every left-over file below `directory`. A directory that does not exist holds none.
pub fn recover(directory: &Path) -> Recovered {
    let mut found = Recovered::default();
    search(directory, 0, &mut found);
    found
}

fn search(directory: &Path, depth: usize, found: &mut Recovered) {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return found.failed.push((directory.to_path_buf(), error)),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let is_link = path.is_symlink();
        if path.is_dir() && !is_link && depth < MAX_DEPTH {
            search(&path, depth + 1, found);
        } else if path.to_string_lossy().ends_with(PART) && !is_link {
            match close(&path) {
                Ok(Some(closed)) => found.closed.push(closed),
                Ok(None) => found.removed.push(path),
                Err(error) => found.failed.push((path, error)),
            }
        }
    }
}

/// Closes one file; none if there was nothing in it.
fn close(part: &Path) -> io::Result<Option<(PathBuf, u64)>> {
    let file = OpenOptions::new().read(true).write(true).open(part)?;
    let octets = file.metadata()?.len();
    let frames = (octets.saturating_sub(HEADER) / FRAME).min(MAX_FRAMES);
    if frames == 0 {
        std::fs::remove_file(part)?;
        return Ok(None);
    }
    check(&file)?;
    file.set_len(HEADER + frames * FRAME)?;
    file.write_all_at(&wav::header(frames), 0)?;
    file.sync_data()?;
    let name = part.to_string_lossy();
    let last = PathBuf::from(name.strip_suffix(PART).unwrap_or(&name));
    let last = if last.exists() { free_name(&last)? } else { last };
    std::fs::rename(part, &last)?;
    Ok(Some((last, frames)))
}

fn check(file: &File) -> io::Result<()> {
    let mut header = [0; HEADER as usize];
    file.read_exact_at(&mut header, 0)?;
    let foreign = || io::Error::new(io::ErrorKind::InvalidData, "does not begin as a recording of ours");
    if wav::is_ours(&header) { Ok(()) } else { Err(foreign()) }
}
