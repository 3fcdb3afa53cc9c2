//! What the recorder tells: which files there are, and what went wrong.

use std::path::PathBuf;

use clock::SampleTime;
use link::RecordingId;

/// What happened to a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordEvent {
    /// A file is being written: the first one, or the next after one of full length.
    Started {
        /// The recording.
        id: RecordingId,
        /// The file, by the name it will have when it is closed.
        path: PathBuf,
        /// The time of its first sample.
        first: SampleTime,
    },
    /// Nothing is written any more until `Resumed`; the call goes on.
    Failed {
        /// The recording.
        id: RecordingId,
        /// Why.
        why: RecordFailure,
    },
    /// It goes on in a new file.
    Resumed {
        /// The recording.
        id: RecordingId,
        /// The new file, by the name it will have when it is closed.
        path: PathBuf,
        /// The time of its first sample.
        first: SampleTime,
    },
    /// A file is complete and has its last name.
    Closed {
        /// The recording.
        id: RecordingId,
        /// The file.
        path: PathBuf,
        /// Its length in samples.
        samples: u64,
    },
    /// The recording was stopped and all its files are closed.
    Stopped {
        /// The recording.
        id: RecordingId,
        /// Its first file; none if nothing was recorded.
        path: Option<PathBuf>,
        /// The length of all its files in samples.
        samples: u64,
    },
}

/// Why nothing is written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordFailure {
    /// The disk has less room than is to be kept free. Resumes by itself.
    #[error("the disk has {free_mib} MiB free, {reserve_mib} MiB are to be kept")]
    NoRoom {
        /// Free space.
        free_mib: u64,
        /// What is to be kept.
        reserve_mib: u64,
    },
    /// The system refused a file operation. Tried again by itself.
    #[error("{path}: {error}")]
    System {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: String,
    },
    /// The sample time jumped so far that filling the gap makes no sense. The recording has ended.
    #[error("the sample time jumped by {samples} samples")]
    Jump {
        /// How far, forward or back.
        samples: u64,
    },
}

/// Counters of a recorder since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounters {
    /// Samples written, silence included.
    pub samples: u64,
    /// Silence written for samples that the tap did not deliver.
    pub gap_samples: u64,
    /// Gaps filled.
    pub gaps: u64,
    /// Samples that came while nothing could be written.
    pub lost_samples: u64,
    /// Blocks from before the order to record.
    pub stale_blocks: u64,
    /// Blocks with a time that was already written.
    pub late_blocks: u64,
    /// Times that a recording could not be written any more.
    pub failures: u64,
    /// Times that a recording went on after a failure.
    pub resumed: u64,
    /// Files closed.
    pub closed: u64,
    /// Events lost since nobody took them.
    pub lost_events: u64,
}
