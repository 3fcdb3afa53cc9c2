//! The clips that people speak: read once, encoded once in either law, shared by all channels.
//!
//! A clip is a file of 8 kHz mono below the folder of voices; its name is its path without `.wav`, for example
//! `zh/caller-1`. Without files there is babble: noise in syllables, from a seed, which ears and recognition take for
//! speech.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use record::Prompts;
use tdm::{CHUNK, Law};

/// The most clips of one folder.
const MAX_CLIPS: usize = 1_000;
/// The most samples of all clips together: half an hour.
const MAX_SAMPLES: usize = 30 * 60 * 8_000;
/// Silence after each clip before it is repeated or the next begins, in samples.
const BREATH: usize = 3_200;

/// Why there are no voices.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// The folder cannot be read.
    #[error("voices {}: {error}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file is no clip.
    #[error("voices: {0}")]
    File(#[from] record::PromptError),
    /// There are more than can be kept.
    #[error("voices {}: more than {MAX_CLIPS} files or half an hour", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
}

/// Something to say.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Its name, for example `zh/caller-1`.
    pub name: Arc<str>,
    octets: [Arc<[u8]>; 2],
}

impl Clip {
    /// Makes a clip of samples at 8 kHz; a breath of silence is added, and it is filled up to whole chunks.
    pub fn new(name: &str, samples: &[i16]) -> Clip {
        let length = (samples.len() + BREATH).next_multiple_of(CHUNK);
        let encode = |law: Law| -> Arc<[u8]> {
            let mut octets = vec![law.idle(); length];
            g711::encode_slice(law, samples, &mut octets[..samples.len()]);
            octets.into()
        };
        Clip { name: name.into(), octets: [encode(Law::A), encode(Law::Mu)] }
    }

    /// Makes a clip of samples as they are, without a breath: a tone that is repeated, a signal. Filled up to whole chunks.
    pub fn exact(name: &str, samples: &[i16]) -> Clip {
        let encode = |law: Law| -> Arc<[u8]> {
            let mut octets = vec![law.idle(); samples.len().next_multiple_of(CHUNK)];
            g711::encode_slice(law, samples, &mut octets[..samples.len()]);
            octets.into()
        };
        Clip { name: name.into(), octets: [encode(Law::A), encode(Law::Mu)] }
    }

    /// Returns its octets in a law.
    pub fn octets(&self, law: Law) -> &Arc<[u8]> {
        match law {
            Law::A => &self.octets[0],
            Law::Mu => &self.octets[1],
        }
    }

    /// Returns its length, the breath included.
    pub fn length_ms(&self) -> u64 {
        (self.octets[0].len() / CHUNK) as u64
    }
}

/// All clips, sorted by name.
#[derive(Clone, Debug, Default)]
pub struct Clips {
    clips: Vec<Clip>,
}

impl Clips {
    /// Reads all files below `folder`; none if it does not exist.
    ///
    /// # Errors
    /// The folder cannot be read, or a file cannot be played.
    pub fn load(folder: &Path) -> Result<Clips, ClipError> {
        let mut files = Vec::new();
        if folder.exists() {
            collect(folder, &mut files)?;
        }
        files.sort();
        let (mut prompts, mut clips, mut total) = (Prompts::new(0), Vec::new(), 0);
        for file in files {
            let samples = prompts.load(&file)?;
            total += samples.len();
            if total > MAX_SAMPLES || clips.len() == MAX_CLIPS {
                return Err(ClipError::TooMany { path: folder.to_owned() });
            }
            let below = file.strip_prefix(folder).unwrap_or(&file).with_extension("");
            clips.push(Clip::new(&below.to_string_lossy(), &samples));
        }
        Ok(Clips { clips })
    }

    /// Makes `count` clips of babble for a language and kind of person: `zh/caller-1` and on.
    pub fn babble(prefix: &str, count: u8, seed: u32) -> Clips {
        let clip = |n: u8| {
            let seconds = 6 + usize::from(n % 5);
            Clip::new(&format!("{prefix}-{n}"), &babble(seed.wrapping_add(u32::from(n)), seconds * 8_000))
        };
        Clips { clips: (1..=count).map(clip).collect() }
    }

    /// Adds other clips.
    pub fn extend(&mut self, other: Clips) {
        self.clips.extend(other.clips);
        self.clips.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Returns the clips whose names begin with `prefix`, by name.
    pub fn starting_with<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Clip> {
        self.clips.iter().filter(move |clip| clip.name.starts_with(prefix))
    }

    /// Returns all clips.
    pub fn all(&self) -> &[Clip] {
        &self.clips
    }

    /// Returns true if there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.clips.is_empty()
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), ClipError> {
    let failed = |error| ClipError::Folder { path: folder.to_owned(), error };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "wav") {
            files.push(path);
        }
    }
    Ok(())
}

/// Makes noise that rises and falls like syllables.
fn babble(seed: u32, samples: usize) -> Vec<i16> {
    /// Samples of a syllable and of the gap after it.
    const SYLLABLE: usize = 1_440;
    const GAP: usize = 320;
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut smooth = 0.0f32;
    (0..samples)
        .map(|at| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // A one-pole low-pass: most of the power lies where that of speech lies.
            smooth += 0.35 * ((state >> 16) as f32 / 32_768.0 - 1.0 - smooth);
            let within = at % (SYLLABLE + GAP);
            let rise = (within as f32 / SYLLABLE as f32 * std::f32::consts::PI).sin();
            let envelope = if within < SYLLABLE { rise } else { 0.0 };
            (smooth * envelope * 14_000.0) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_ends_with_a_breath_of_silence_in_either_law() {
        let clip = Clip::new("en/a", &[8_000; 13]);
        for law in [Law::A, Law::Mu] {
            let octets = clip.octets(law);
            assert_eq!(octets.len(), (13 + BREATH).next_multiple_of(CHUNK));
            assert!((g711::decode(law, octets[12]) - 8_000).abs() < 300);
            assert!(octets[13..].iter().all(|octet| *octet == law.idle()));
        }
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_clips_and_a_file_that_is_no_clip_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Clips::load(&folder.path().join("none")).unwrap().is_empty());
        std::fs::create_dir(folder.path().join("en")).unwrap();
        std::fs::write(folder.path().join("en/bad.wav"), b"nothing").unwrap();
        let error = Clips::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("bad.wav"), "{error}");
    }

    #[test]
    fn clips_are_found_by_the_beginning_of_their_names() {
        let mut clips = Clips::babble("zh/caller", 3, 1);
        clips.extend(Clips::babble("en/agent", 2, 9));
        assert_eq!(clips.starting_with("zh/").count(), 3);
        let names: Vec<_> = clips.all().iter().map(|clip| &*clip.name).collect();
        assert_eq!(names, ["en/agent-1", "en/agent-2", "zh/caller-1", "zh/caller-2", "zh/caller-3"]);
    }
}
