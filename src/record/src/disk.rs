//! The disk as the recorder sees it: how much room there is, and files that are written at a place.
//!
//! A trait, so that tests can have a disk that fills up. Every write names its place, so that a write that failed half
//! way is simply done again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Where recordings are kept.
pub trait Disk: Send {
    /// Returns the octets that can still be written.
    ///
    /// # Errors
    /// The system's.
    fn free_octets(&self) -> io::Result<u64>;

    /// Makes a new file and the directories to it.
    ///
    /// # Errors
    /// The system's; the file must not exist.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>>;
}

/// A file being written.
pub trait Sink: Send {
    /// Writes all of `octets` at `offset`.
    ///
    /// # Errors
    /// The system's; part may have been written.
    fn write_at(&mut self, octets: &[u8], offset: u64) -> io::Result<()>;

    /// Waits until all is on the disk.
    ///
    /// # Errors
    /// The system's.
    fn sync(&mut self) -> io::Result<()>;

    /// Gives the file, made as `part`, its last name.
    ///
    /// # Errors
    /// The system's.
    fn rename(&mut self, part: &Path, path: &Path) -> io::Result<()> {
        std::fs::rename(part, path)
    }
}

/// The machine's file system.
#[derive(Clone, Debug)]
pub struct SystemDisk {
    directory: PathBuf,
}

impl SystemDisk {
    /// Uses the file system on which `directory` lies.
    pub fn new(directory: impl Into<PathBuf>) -> SystemDisk {
        SystemDisk { directory: directory.into() }
    }
}

impl Disk for SystemDisk {
    /// Asks the nearest directory above that exists, since ours is made with the first file.
    fn free_octets(&self) -> io::Result<u64> {
        let exists = |path: &&Path| path.is_dir();
        let directory = self.directory.ancestors().find(exists).unwrap_or(Path::new("."));
        let stat = nix::sys::statvfs::statvfs(directory)?;
        Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn Sink>> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        Ok(Box::new(file))
    }
}

impl Sink for File {
    fn write_at(&mut self, octets: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(octets, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_known_before_the_directory_exists() {
        let folder = tempfile::tempdir().unwrap();
        let disk = SystemDisk::new(folder.path().join("2026/11/22"));
        assert!(disk.free_octets().unwrap() > 0);
    }

    #[test]
    fn an_existing_file_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let disk = SystemDisk::new(folder.path());
        let path = folder.path().join("a/b.wav");
        disk.create(&path).unwrap().write_at(b"x", 0).unwrap();
        assert_eq!(disk.create(&path).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
    }
}
