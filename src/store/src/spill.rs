//! What the database could not take yet, in a file beside it: appended in order, read back in order.
//!
//! One record a line, as JSON. Nothing in it has been said to be stored, so it needs no sync; it outlasts the process all
//! the same. What has been read back is forgotten only when the whole file has been: after a crash in the middle it is
//! read from the beginning again, which changes nothing, since a record told again replaces itself.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::model::Record;

/// The most octets beside the database.
pub const MAX_SPILL: u64 = 256 << 20;
/// The longest line that is read back, in octets.
const MAX_LINE: u64 = 1 << 20;

/// The file.
#[derive(Debug)]
pub struct Spill {
    path: PathBuf,
    file: File,
    len: u64,
    /// What lies before has been read back.
    read: u64,
    max: u64,
}

/// Records that were read back.
#[derive(Debug, Default)]
pub struct ReadBack {
    /// The records.
    pub records: Vec<Record>,
    /// What [`Spill::advance`] is told when they are stored.
    pub octets: u64,
    /// Lines that are no records.
    pub damaged: u64,
}

impl Spill {
    /// Opens the file that belongs to `database`, with what an earlier process has left in it.
    ///
    /// # Errors
    /// The file cannot be opened or made.
    pub fn open(database: &Path, max: u64) -> io::Result<Spill> {
        let mut name = database.as_os_str().to_owned();
        name.push(".spill");
        let path = PathBuf::from(name);
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        let len = whole_lines(&mut file)?;
        // A line that was being written when the process died.
        file.set_len(len)?;
        Ok(Spill { path, file, len, read: 0, max })
    }

    /// Whether everything has been read back.
    pub fn is_empty(&self) -> bool {
        self.read == self.len
    }

    /// Adds a record to the end: whole or not at all.
    ///
    /// # Errors
    /// The disk is full, or the file would grow beyond its bound.
    pub fn append(&mut self, record: &Record) -> io::Result<()> {
        let line = line_of(record)?;
        if self.len + line.len() as u64 > self.max {
            return Err(io::Error::other(format!(
                "{} has reached its {} octets",
                self.path.display(),
                self.max
            )));
        }
        if let Err(error) = self.file.write_all(&line) {
            self.file.set_len(self.len)?;
            return Err(error);
        }
        self.len += line.len() as u64;
        Ok(())
    }

    /// Reads the next records, at most `limit`; they stay until [`advance`](Spill::advance).
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn peek(&mut self, limit: usize) -> io::Result<ReadBack> {
        self.file.seek(SeekFrom::Start(self.read))?;
        let mut reader = BufReader::new(&mut self.file);
        let (mut back, mut line) = (ReadBack::default(), Vec::new());
        while back.records.len() < limit && self.read + back.octets < self.len {
            line.clear();
            let count = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line)? as u64;
            if count == 0 {
                break;
            }
            back.octets += count;
            match serde_json::from_slice(&line) {
                Ok(record) => back.records.push(record),
                Err(_) => back.damaged += 1,
            }
        }
        Ok(back)
    }

    /// Passes over what was read back. When nothing is left the file is empty again.
    ///
    /// # Errors
    /// The file cannot be cut; it is read again from the beginning after a restart.
    pub fn advance(&mut self, octets: u64) -> io::Result<()> {
        self.read += octets;
        if self.read < self.len {
            return Ok(());
        }
        self.file.set_len(0)?;
        (self.read, self.len) = (0, 0);
        Ok(())
    }

    /// Puts records before all that has not been read back: a new file takes the place of this one.
    ///
    /// # Errors
    /// It cannot be written; the old file stands.
    pub fn put_first(&mut self, records: &[Record]) -> io::Result<()> {
        if self.is_empty() {
            return records.iter().try_for_each(|record| self.append(record));
        }
        let beside = self.path.with_extension("spill-new");
        let mut new = OpenOptions::new().read(true).append(true).create(true).open(&beside)?;
        new.set_len(0)?;
        records.iter().try_for_each(|record| new.write_all(&line_of(record)?))?;
        self.file.seek(SeekFrom::Start(self.read))?;
        io::copy(&mut self.file, &mut new)?;
        std::fs::rename(&beside, &self.path)?;
        (self.len, self.read) = (new.metadata()?.len(), 0);
        self.file = new;
        Ok(())
    }
}

fn line_of(record: &Record) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

/// Returns where the last whole line ends.
fn whole_lines(file: &mut File) -> io::Result<u64> {
    let len = file.seek(SeekFrom::End(0))?;
    let mut tail = Vec::new();
    let from = len.saturating_sub(MAX_LINE);
    file.seek(SeekFrom::Start(from))?;
    file.take(MAX_LINE).read_to_end(&mut tail)?;
    Ok(tail.iter().rposition(|&octet| octet == b'\n').map_or(0, |at| from + at as u64 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgentStay;
    use switch::view::AgentStateView;

    fn record(number: u64) -> Record {
        let agent = "zhang".into();
        Record::Agent(AgentStay {
            agent,
            state: AgentStateView::Idle,
            reason: None,
            from_ms: number,
            to_ms: None,
        })
    }

    fn filled(folder: &Path, max: u64) -> Spill {
        let mut spill = Spill::open(&folder.join("a.db"), max).unwrap();
        (0..3).for_each(|number| spill.append(&record(number)).unwrap());
        spill
    }

    #[test]
    fn records_come_back_in_order_and_the_file_is_empty_after_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = filled(folder.path(), MAX_SPILL);
        let first = spill.peek(2).unwrap();
        assert_eq!(first.records, [record(0), record(1)]);
        spill.advance(first.octets).unwrap();
        spill.append(&record(3)).unwrap();
        let rest = spill.peek(9).unwrap();
        assert_eq!(rest.records, [record(2), record(3)]);
        spill.advance(rest.octets).unwrap();
        assert!(spill.is_empty());
        assert_eq!(std::fs::metadata(folder.path().join("a.db.spill")).unwrap().len(), 0);
    }

    #[test]
    fn what_a_dead_process_left_is_found_without_the_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = filled(folder.path(), MAX_SPILL);
        let first = spill.peek(1).unwrap();
        spill.advance(first.octets).unwrap();
        spill.file.write_all(b"{\"agent\":{\"ag").unwrap();
        drop(spill);
        let mut spill = Spill::open(&folder.path().join("a.db"), MAX_SPILL).unwrap();
        assert_eq!(spill.peek(9).unwrap().records, [record(0), record(1), record(2)]);
        spill.append(&record(3)).unwrap();
        assert_eq!(spill.peek(9).unwrap().records.len(), 4);
    }

    #[test]
    fn a_damaged_line_is_passed_over_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = filled(folder.path(), MAX_SPILL);
        spill.file.write_all(b"nonsense\n").unwrap();
        spill.len += 9;
        spill.append(&record(4)).unwrap();
        let back = spill.peek(9).unwrap();
        assert_eq!((back.records.len(), back.damaged), (4, 1));
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let line = line_of(&record(0)).unwrap().len() as u64;
        let mut spill = filled(folder.path(), 3 * line);
        assert!(spill.append(&record(3)).is_err());
        assert_eq!(spill.peek(9).unwrap().records.len(), 3);
    }

    #[test]
    fn records_can_be_put_before_those_that_wait() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = filled(folder.path(), MAX_SPILL);
        let first = spill.peek(1).unwrap();
        spill.advance(first.octets).unwrap();
        spill.put_first(&[record(7), record(8)]).unwrap();
        spill.append(&record(9)).unwrap();
        assert_eq!(spill.peek(9).unwrap().records, [7, 8, 1, 2, 9].map(record));
        drop(spill);
        let mut spill = Spill::open(&folder.path().join("a.db"), MAX_SPILL).unwrap();
        assert_eq!(spill.peek(9).unwrap().records, [7, 8, 1, 2, 9].map(record));
    }
}
