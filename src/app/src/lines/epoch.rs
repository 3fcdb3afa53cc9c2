//! The name of a life of the line process. It is part of the name of every call and recording, so none is used twice, not
//! even after the computer's clock was set back.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Where the last one is kept, in the data directory.
const NAME: &str = "line.epoch";

/// Returns the name of this life: the time, or one more than the last name where that is more.
pub(super) fn next(directory: &Path, unix_s: u32) -> u32 {
    let file = directory.join(NAME);
    let last = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse::<u32>().ok());
    let epoch = last.map_or(unix_s, |last| unix_s.max(last.saturating_add(1)));
    if let Err(error) = keep(&file, epoch) {
        tracing::warn!(file = %file.display(), %error, "cannot be written: names of calls rest on the clock alone");
    }
    epoch
}

fn keep(file: &Path, epoch: u32) -> io::Result<()> {
    let beside = file.with_extension("new");
    let mut new = File::create(&beside)?;
    writeln!(new, "{epoch}")?;
    new.sync_all()?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_rise_whatever_the_clock_does() {
        let folder = tempfile::tempdir().unwrap();
        let names = [1_000, 2_000, 1_999, 0, 5_000].map(|unix_s| next(folder.path(), unix_s));
        assert_eq!(names, [1_000, 2_000, 2_001, 2_002, 5_000]);
        fs::write(folder.path().join(NAME), "nonsense").unwrap();
        assert_eq!(next(folder.path(), 7), 7);
    }

    #[test]
    fn without_a_place_to_keep_it_the_time_is_the_name() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!([3, 3].map(|unix_s| next(&folder.path().join("none"), unix_s)), [3, 3]);
    }
}
