//! One file of a recording: written at places, its header true after every flush, named `.part` until it is closed.
//!
//! A flush writes the samples first and the header after them, so that the header never promises what is not there:
//! whenever the process dies the file opens and lacks at most what came since the last flush.

use std::io;
use std::path::{Path, PathBuf};

use clock::Mono;
use rt::TapBlock;
use tdm::CHUNK;

use crate::disk::{Disk, Sink};
use crate::wav::{self, FRAME, HEADER};

/// What is added to a file's name while it is written.
pub(crate) const PART: &str = ".part";
/// Octets that are kept before a flush that is not due by time: 2 s.
const MAX_PENDING: usize = 2 * wav::RATE_HZ as usize * FRAME as usize;
/// The most files that one recording may have.
const MAX_SEGMENTS: u32 = 999;

/// A file being written.
pub(crate) struct Segment {
    sink: Box<dyn Sink>,
    path: PathBuf,
    /// Frames that the header counts.
    written: u64,
    pending: Vec<u8>,
    /// When it was last flushed.
    pub flushed: Mono,
}

impl Segment {
    /// Makes the file at `path`, or at the first free of `NAME-2.wav`, `NAME-3.wav` and so on.
    pub fn create(disk: &dyn Disk, path: &Path, now: Mono) -> io::Result<Segment> {
        let path = free_name(path)?;
        let part = part_of(&path);
        let mut sink = disk.create(&part)?;
        if let Err(error) = sink.write_at(&wav::header(0), 0) {
            // A full disk may still make names: each try would leave an empty file and use a number up.
            let _ = std::fs::remove_file(&part);
            return Err(error);
        }
        let pending = Vec::with_capacity(MAX_PENDING + CHUNK * FRAME as usize);
        Ok(Segment { sink, path, written: 0, pending, flushed: now })
    }

    /// Returns the name that the file will have when it is closed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the frames so far, those that wait for a flush included.
    pub fn frames(&self) -> u64 {
        self.written + self.unwritten()
    }

    /// Returns the frames that wait for a flush.
    pub fn unwritten(&self) -> u64 {
        self.pending.len() as u64 / FRAME
    }

    /// Returns true if no more than a gap of silence fits into the file.
    pub fn is_full(&self) -> bool {
        self.frames() >= wav::MAX_FRAMES - crate::recorder::MAX_JUMP - CHUNK as u64
    }

    /// Appends a block: the line on the left, what we send on the right.
    pub fn push(&mut self, block: &TapBlock) -> io::Result<()> {
        for (left, right) in block.rx.iter().zip(&block.tx) {
            self.pending.extend_from_slice(&left.to_le_bytes());
            self.pending.extend_from_slice(&right.to_le_bytes());
        }
        self.flush_if_long()
    }

    /// Appends silence.
    pub fn push_silence(&mut self, mut frames: u64) -> io::Result<()> {
        while frames > 0 {
            let now = frames.min(wav::RATE_HZ.into());
            self.pending.resize(self.pending.len() + (now * FRAME) as usize, 0);
            frames -= now;
            self.flush_if_long()?;
        }
        Ok(())
    }

    /// Hands what waits to the system and makes the header true.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.sink.write_at(&self.pending, HEADER + self.written * FRAME)?;
        let frames = self.frames();
        self.sink.write_at(&wav::header(frames), 0)?;
        self.written = frames;
        self.pending.clear();
        Ok(())
    }

    /// Gives the file its last name; what was not flushed is not in it. Returns the name and the frames.
    pub fn close(mut self) -> io::Result<(PathBuf, u64)> {
        self.sink.sync()?;
        self.sink.rename(&part_of(&self.path), &self.path)?;
        Ok((self.path, self.written))
    }

    fn flush_if_long(&mut self) -> io::Result<()> {
        if self.pending.len() >= MAX_PENDING { self.flush() } else { Ok(()) }
    }
}

/// Returns the name of a file while it is written.
pub(crate) fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(PART);
    PathBuf::from(name)
}

/// Returns `path`, or the same with the first number at its end that no file has.
pub(crate) fn free_name(path: &Path) -> io::Result<PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = (2..=MAX_SEGMENTS).map(|number| path.with_file_name(format!("{stem}-{number}.wav")));
    let is_free = |path: &PathBuf| !path.exists() && !part_of(path).exists();
    let free = std::iter::once(path.to_path_buf()).chain(numbered).find(is_free);
    free.ok_or_else(|| io::Error::other(format!("there are already {MAX_SEGMENTS} files of this name")))
}
