//! Prompts in memory: files of one channel, 16-bit, A-law or mu-law, decoded once and brought to 8 kHz.
//!
//! The cache is bounded; when it is full the prompts that were not used for the longest time leave it. A file that was
//! replaced is read again. Limits: one prompt is at most ten minutes long.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::player::{MAX_TOGETHER, PlayError};
use crate::wav::{self, Coding, RATE_HZ};

/// The longest prompt, in seconds.
const MAX_PROMPT_S: u64 = 600;
/// The largest file: the longest prompt in 16 bit at the highest rate, and room for other chunks.
const MAX_FILE: u64 = MAX_PROMPT_S * *resample::RATES_HZ.end() as u64 * 2 + (1 << 20);
/// Samples kept in memory if nothing else is said: 32 MiB, about 35 minutes.
const DEFAULT_SAMPLES: usize = 16 << 20;

/// Why a prompt cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The file cannot be read.
    #[error("prompt {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not of a form that can be played.
    #[error("prompt {}: {field} is {value}: {allowed} is needed", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The field of its header.
        field: &'static str,
        /// What the field holds.
        value: String,
        /// What it may hold.
        allowed: &'static str,
    },
    /// The file is too long.
    #[error("prompt {}: {octets} octets are too long: at most {MAX_PROMPT_S} seconds can be played", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        octets: u64,
    },
}

/// Prompts that were read.
pub struct Prompts {
    cache: BTreeMap<PathBuf, Cached>,
    samples: usize,
    max_samples: usize,
    uses: u64,
}

struct Cached {
    samples: Arc<[i16]>,
    stamp: Stamp,
    used: u64,
}

/// What tells a file from its replacement.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    octets: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        Stamp { octets: metadata.len(), modified: metadata.modified().ok() }
    }
}

impl Default for Prompts {
    fn default() -> Prompts {
        Prompts::new(DEFAULT_SAMPLES)
    }
}

impl Prompts {
    /// Makes an empty cache that keeps at most `max_samples` samples.
    pub fn new(max_samples: usize) -> Prompts {
        Prompts { cache: BTreeMap::new(), samples: 0, max_samples, uses: 0 }
    }

    /// Returns a prompt's samples, from memory if its file has not changed. Reads the disk.
    ///
    /// # Errors
    /// The file cannot be read or played.
    pub fn load(&mut self, path: &Path) -> Result<Arc<[i16]>, PromptError> {
        let read_error = |error| PromptError::Read { path: path.to_path_buf(), error };
        let stamp = Stamp::of(&std::fs::metadata(path).map_err(read_error)?);
        self.uses += 1;
        if let Some(cached) = self.cache.get_mut(path).filter(|cached| cached.stamp == stamp) {
            cached.used = self.uses;
            return Ok(cached.samples.clone());
        }
        if stamp.octets > MAX_FILE {
            return Err(PromptError::TooLong { path: path.to_path_buf(), octets: stamp.octets });
        }
        let samples = decode(path, &std::fs::read(path).map_err(read_error)?)?;
        self.keep(path, Cached { samples: samples.clone(), stamp, used: self.uses });
        Ok(samples)
    }

    /// Returns the samples of prompts that are to be played together.
    ///
    /// # Errors
    /// One of them cannot be read or played, or they are too many.
    pub fn load_all(&mut self, paths: &[PathBuf]) -> Result<Vec<Arc<[i16]>>, PlayError> {
        if paths.len() > MAX_TOGETHER {
            return Err(PlayError::TooMany(paths.len()));
        }
        Ok(paths.iter().map(|path| self.load(path)).collect::<Result<_, _>>()?)
    }

    /// Returns true if half of the room is taken: what is read ahead then would push out what was read before.
    pub fn is_nearly_full(&self) -> bool {
        self.samples >= self.max_samples / 2
    }

    /// Returns the samples in memory.
    pub fn cached_samples(&self) -> usize {
        self.samples
    }

    fn keep(&mut self, path: &Path, cached: Cached) {
        self.samples += cached.samples.len();
        if let Some(old) = self.cache.insert(path.to_path_buf(), cached) {
            self.samples -= old.samples.len();
        }
        while self.samples > self.max_samples {
            let oldest =
                self.cache.iter().min_by_key(|(_, cached)| cached.used).map(|(path, _)| path.clone());
            let Some(gone) = oldest.and_then(|path| self.cache.remove(&path)) else { return };
            self.samples -= gone.samples.len();
        }
    }
}

fn decode(path: &Path, file: &[u8]) -> Result<Arc<[i16]>, PromptError> {
    let (form, octets) = wav::parse(file).map_err(|unfit| PromptError::Unfit {
        path: path.to_path_buf(),
        field: unfit.field,
        value: unfit.value,
        allowed: unfit.allowed,
    })?;
    let samples: Vec<i16> = match form.coding {
        Coding::Pcm16 => octets.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
        Coding::G711(law) => {
            let mut samples = vec![0; octets.len()];
            g711::decode_slice(law, octets, &mut samples);
            samples
        }
    };
    if samples.len() as u64 > MAX_PROMPT_S * u64::from(form.rate_hz) {
        return Err(PromptError::TooLong { path: path.to_path_buf(), octets: file.len() as u64 });
    }
    if form.rate_hz == RATE_HZ {
        return Ok(samples.into());
    }
    let slower = resample::whole(&samples, form.rate_hz, RATE_HZ);
    Ok(slower.expect("the rate was looked at when the header was read").into())
}
