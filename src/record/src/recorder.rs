//! Many recordings at once: each tap's blocks go to its file, in the order of sample time.
//!
//! ```text
//! start -> Armed -- first block --> Writing -- no room, write error --> Waiting -- room again --> Writing (next file)
//!                                      |                                                |
//!                                      +-- jump of the sample time --> Ended            +-- stop
//! ```
//!
//! A failing disk never holds a call: blocks are taken from the taps all the same, and what is lost is counted. What a
//! tap holds from before the order to record is dropped by its time, so that an old block never enters a file. Files are closed a few at a
//! time, since a sync may take long and the taps hold only a few seconds.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use clock::{Mono, SAMPLE_RATE_HZ, SampleTime};
use link::RecordingId;
use rt::{TapBlock, TapPort};
use rtrb::Consumer;
use tdm::CHUNK;

use crate::disk::Disk;
use crate::event::{RecordCounters, RecordEvent, RecordFailure};
use crate::segment::Segment;

/// How often the recorder wants to be polled.
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The longest gap that is filled with silence, in samples: 60 s.
pub(crate) const MAX_JUMP: u64 = 60 * SAMPLE_RATE_HZ;
/// How often the room on the disk is looked at, and a failed recording tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Files closed in one poll.
const CLOSINGS_PER_POLL: usize = 8;
/// Files that wait to be closed; one more is closed at once.
const MAX_CLOSINGS: usize = 1_024;
/// Events that wait to be taken; the oldest is lost at one more.
const MAX_EVENTS: usize = 4_096;
/// The most that a kill may lose.
const MAX_LOSS: Duration = Duration::from_millis(1_000);
/// The longest time between two flushes.
const MAX_FLUSH: Duration = Duration::from_millis(500);
const MIB: u64 = 1 << 20;

const _: () = assert!(MAX_FLUSH.as_millis() + 2 * POLL_INTERVAL.as_millis() < MAX_LOSS.as_millis());

/// The set-up of a recorder.
#[derive(Clone, Debug)]
pub struct RecorderConfig {
    /// The directory that the names of recordings start at.
    pub directory: PathBuf,
    /// Octets of the disk that are left free.
    pub reserve_octets: u64,
    /// How often a file is flushed; at most 500 ms is used.
    pub flush: Duration,
}

/// Why a recording cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// There is no such tap.
    #[error("there is no tap {}", .0.0)]
    NoSuchTap(TapPort),
    /// The tap is being recorded: stop that first.
    #[error("tap {} is already being recorded", .0.0)]
    TapBusy(TapPort),
    /// The recording is running: its id must be new.
    #[error("recording {0} is already running")]
    Running(RecordingId),
    /// The name leads out of the directory.
    #[error("{} is not a name below the directory of recordings", .0.display())]
    BadName(PathBuf),
}

/// Writes recordings. Lives in a thread of its own and is polled every [`POLL_INTERVAL`].
pub struct Recorder {
    config: RecorderConfig,
    disk: Box<dyn Disk>,
    taps: Vec<Tap>,
    /// The tap that is drained first in the next poll.
    turn: usize,
    closings: VecDeque<Closing>,
    /// The first file and the samples of recordings of which some file is closed.
    closed: BTreeMap<RecordingId, (PathBuf, u64)>,
    told: Told,
    room: Room,
    now: Mono,
}

struct Tap {
    ring: Consumer<TapBlock>,
    recording: Option<Recording>,
}

struct Recording {
    id: RecordingId,
    path: PathBuf,
    not_before: SampleTime,
    /// The sample that must come next.
    next: Option<SampleTime>,
    state: State,
}

enum State {
    /// Waits for the first block.
    Armed,
    /// Blocks are written.
    Writing(Segment),
    /// Blocks are lost, until the time for another try.
    Waiting(Mono),
    /// Nothing more is written.
    Ended,
}

struct Closing {
    id: RecordingId,
    segment: Option<Segment>,
    /// True after the last file of the recording.
    stopped: bool,
}

#[derive(Default)]
struct Told {
    events: VecDeque<RecordEvent>,
    counters: RecordCounters,
}

impl Told {
    fn event(&mut self, event: RecordEvent) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
            self.counters.lost_events += 1;
        }
        self.events.push_back(event);
    }
}

/// What is known of the room on the disk.
struct Room {
    looked: Option<Mono>,
    free_octets: u64,
    enough: bool,
}

impl Room {
    /// Looks again if that is due. Once room was short, some more than the reserve is wanted back.
    fn look(&mut self, disk: &dyn Disk, reserve: u64, now: Mono) {
        if self.looked.is_some_and(|looked| now.since(looked) < RETRY) {
            return;
        }
        self.looked = Some(now);
        match disk.free_octets() {
            Ok(free) => {
                let margin = if self.enough { 0 } else { (reserve / 8).min(64 * MIB) };
                self.free_octets = free;
                self.enough = free >= reserve.saturating_add(margin);
            }
            // Writing will tell whether the disk still works.
            Err(error) => {
                tracing::warn!(%error, "the room on the recordings' disk is not known");
                self.enough = true;
            }
        }
    }

    fn check(&self, reserve: u64) -> Result<(), RecordFailure> {
        let short = RecordFailure::NoRoom { free_mib: self.free_octets / MIB, reserve_mib: reserve / MIB };
        if self.enough { Ok(()) } else { Err(short) }
    }
}

impl Recorder {
    /// Makes a recorder for all `taps` of the engine, `taps[n]` being the tap `n`.
    pub fn new(config: RecorderConfig, taps: Vec<Consumer<TapBlock>>, disk: Box<dyn Disk>) -> Recorder {
        let flush = config.flush.min(MAX_FLUSH);
        Recorder {
            config: RecorderConfig { flush, ..config },
            disk,
            taps: taps.into_iter().map(|ring| Tap { ring, recording: None }).collect(),
            turn: 0,
            closings: VecDeque::new(),
            closed: BTreeMap::new(),
            told: Told::default(),
            room: Room { looked: None, free_octets: 0, enough: true },
            now: Mono::ZERO,
        }
    }

    /// Records what the tap `port` brings into the file `name` below the directory, from its next block on.
    ///
    /// `not_before` is the time of the last thing heard from the engine before it was told to tap: blocks from before it
    /// belong to an earlier use of the tap and are dropped. The file is made with the first block.
    ///
    /// # Errors
    /// The order makes no sense; nothing has changed. What the disk says comes as an event.
    pub fn start(
        &mut self,
        id: RecordingId,
        port: TapPort,
        name: &Path,
        not_before: SampleTime,
    ) -> Result<(), StartError> {
        let running = self.running().any(|(running, _)| running == id);
        if running || self.closings.iter().any(|closing| closing.id == id) {
            return Err(StartError::Running(id));
        }
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || name.as_os_str().is_empty() {
            return Err(StartError::BadName(name.to_path_buf()));
        }
        let tap = self.taps.get_mut(usize::from(port.0)).ok_or(StartError::NoSuchTap(port))?;
        if tap.recording.is_some() {
            return Err(StartError::TapBusy(port));
        }
        tap.drop_stale(not_before, &mut self.told);
        let path = self.config.directory.join(name);
        tap.recording = Some(Recording { id, path, not_before, next: None, state: State::Armed });
        Ok(())
    }

    /// Ends a recording with what its tap holds now; its file is closed by the next polls. To be called after the engine
    /// has ended the tap. Returns false if there is no such recording.
    pub fn stop(&mut self, id: RecordingId) -> bool {
        let of_id = |tap: &Tap| tap.recording.as_ref().is_some_and(|recording| recording.id == id);
        let Some(index) = self.taps.iter().position(of_id) else { return false };
        self.drain(index);
        if let Some(recording) = self.taps[index].recording.take() {
            self.end(recording);
        }
        true
    }

    /// Takes all blocks from the taps, writes what is due and closes what is finished.
    pub fn poll(&mut self, now: Mono) {
        self.now = now;
        self.room.look(self.disk.as_ref(), self.config.reserve_octets, now);
        let count = self.taps.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            self.drain(index);
            self.flush(index);
        }
        self.turn = if count == 0 { 0 } else { (self.turn + 1) % count };
        for _ in 0..CLOSINGS_PER_POLL {
            self.close_one();
        }
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<RecordEvent> {
        self.told.events.pop_front()
    }

    /// Returns the counters since start.
    pub fn counters(&self) -> RecordCounters {
        self.told.counters
    }

    /// Returns the recordings that are running.
    pub fn running(&self) -> impl Iterator<Item = (RecordingId, TapPort)> + '_ {
        (0..).zip(&self.taps).filter_map(|(port, tap)| Some((tap.recording.as_ref()?.id, TapPort(port))))
    }

    /// Stops all recordings and closes all files: for an orderly end of the process.
    pub fn finish(&mut self) {
        let running: Vec<RecordingId> = self.running().map(|(id, _)| id).collect();
        for id in running {
            self.stop(id);
        }
        while !self.closings.is_empty() {
            self.close_one();
        }
    }

    /// Takes the blocks that the tap holds at this moment.
    fn drain(&mut self, index: usize) {
        let Some(tap) = self.taps.get_mut(index) else { return };
        if tap.recording.is_none() {
            // What waits here is of an earlier use, or of one whose order to start is still under way: `start` knows.
            return;
        }
        for _ in 0..tap.ring.slots() {
            let (Ok(block), Some(recording)) = (tap.ring.pop(), &mut tap.recording) else { return };
            let mut work = Work {
                config: &self.config,
                disk: self.disk.as_ref(),
                room: &self.room,
                told: &mut self.told,
                now: self.now,
            };
            if let Some(closing) = work.block(recording, &block) {
                self.closings.push_back(closing);
            }
        }
    }

    fn flush(&mut self, index: usize) {
        let Some(recording) = self.taps.get_mut(index).and_then(|tap| tap.recording.as_mut()) else { return };
        let State::Writing(segment) = &mut recording.state else { return };
        let mut result = self.room.check(self.config.reserve_octets);
        if result.is_ok() && self.now.since(segment.flushed) >= self.config.flush {
            segment.flushed = self.now;
            result = segment.flush().map_err(|error| system(segment.path(), &error));
        }
        if let Err(why) = result {
            self.closings.extend(fail(recording, why, &mut self.told, self.now));
        }
    }

    fn end(&mut self, mut recording: Recording) {
        let id = recording.id;
        let mut segment = None;
        if let State::Writing(mut writing) = std::mem::replace(&mut recording.state, State::Ended) {
            if let Err(error) = writing.flush() {
                self.told.counters.lost_samples += writing.unwritten();
                self.told.counters.failures += 1;
                self.told.event(RecordEvent::Failed { id, why: system(writing.path(), &error) });
            }
            segment = Some(writing);
        }
        if self.closings.len() >= MAX_CLOSINGS {
            self.close_one();
        }
        self.closings.push_back(Closing { id, segment, stopped: true });
    }

    fn close_one(&mut self) {
        let Some(Closing { id, segment, stopped }) = self.closings.pop_front() else { return };
        if let Some(segment) = segment {
            let path = segment.path().to_path_buf();
            match segment.close() {
                Ok((path, samples)) => {
                    self.told.counters.closed += 1;
                    self.closed.entry(id).or_insert_with(|| (path.clone(), 0)).1 += samples;
                    self.told.event(RecordEvent::Closed { id, path, samples });
                }
                // It keeps its name with `.part`: `recover` closes it at the next start.
                Err(error) => {
                    self.told.counters.failures += 1;
                    self.told.event(RecordEvent::Failed { id, why: system(&path, &error) });
                }
            }
        }
        if stopped {
            let (path, samples) = self.closed.remove(&id).map_or((None, 0), |(path, n)| (Some(path), n));
            self.told.event(RecordEvent::Stopped { id, path, samples });
        }
    }
}

impl Tap {
    /// Drops what an earlier use of the tap has left. Blocks of this use may already wait behind it.
    fn drop_stale(&mut self, not_before: SampleTime, told: &mut Told) {
        while self.ring.peek().is_ok_and(|block| block.time < not_before) {
            told.counters.stale_blocks += u64::from(self.ring.pop().is_ok());
        }
    }
}

/// What writing a block needs beside the recording.
struct Work<'a> {
    config: &'a RecorderConfig,
    disk: &'a dyn Disk,
    room: &'a Room,
    told: &'a mut Told,
    now: Mono,
}

impl Work<'_> {
    /// Puts a block where it belongs. Returns a file that is finished by it.
    fn block(&mut self, recording: &mut Recording, block: &TapBlock) -> Option<Closing> {
        if block.time < recording.not_before {
            self.told.counters.stale_blocks += 1;
            return None;
        }
        if let Some(next) = recording.next {
            let jump = block.time.samples().abs_diff(next.samples());
            if jump > MAX_JUMP && !matches!(recording.state, State::Ended) {
                let closing = fail(recording, RecordFailure::Jump { samples: jump }, self.told, self.now);
                recording.state = State::Ended;
                return closing;
            }
            if block.time < next {
                self.told.counters.late_blocks += 1;
                return None;
            }
        }
        let closing = self.write(recording, block);
        recording.next = Some(block.time + CHUNK as u64);
        closing
    }

    fn write(&mut self, recording: &mut Recording, block: &TapBlock) -> Option<Closing> {
        let mut full = None;
        if let State::Writing(segment) = &mut recording.state
            && segment.is_full()
        {
            full = self.next_file(recording);
        }
        let result = match &mut recording.state {
            State::Ended => return None,
            State::Waiting(until) if self.now < *until => Err(None),
            State::Armed | State::Waiting(_) => self.open(recording, block.time).map_err(Some),
            State::Writing(_) => Ok(()),
        };
        let result = result.and_then(|()| self.append(recording, block).map_err(Some));
        match result {
            Ok(()) => full,
            Err(why) => {
                self.told.counters.lost_samples += CHUNK as u64;
                full.or(why.and_then(|why| fail(recording, why, self.told, self.now)))
            }
        }
    }

    /// Ends a file that has its full length; the next block makes the next one.
    fn next_file(&mut self, recording: &mut Recording) -> Option<Closing> {
        let State::Writing(mut segment) = std::mem::replace(&mut recording.state, State::Armed) else {
            return None;
        };
        if segment.flush().is_err() {
            self.told.counters.lost_samples += segment.unwritten();
        }
        Some(Closing { id: recording.id, segment: Some(segment), stopped: false })
    }

    fn open(&mut self, recording: &mut Recording, first: SampleTime) -> Result<(), RecordFailure> {
        self.room.check(self.config.reserve_octets)?;
        let created = Segment::create(self.disk, &recording.path, self.now);
        let segment = created.map_err(|error| system(&recording.path, &error))?;
        let (id, path) = (recording.id, segment.path().to_path_buf());
        match recording.state {
            State::Waiting(_) => {
                tracing::info!(recording = %id, path = %path.display(), "recording goes on");
                self.told.counters.resumed += 1;
                self.told.event(RecordEvent::Resumed { id, path, first });
            }
            State::Armed | State::Writing(_) | State::Ended => {
                self.told.event(RecordEvent::Started { id, path, first });
            }
        }
        recording.next = Some(first);
        recording.state = State::Writing(segment);
        Ok(())
    }

    fn append(&mut self, recording: &mut Recording, block: &TapBlock) -> Result<(), RecordFailure> {
        let State::Writing(segment) = &mut recording.state else { return Ok(()) };
        let gap = block.time.since(recording.next.unwrap_or(block.time));
        let written = segment.push_silence(gap).and_then(|()| segment.push(block));
        written.map_err(|error| system(segment.path(), &error))?;
        let counters = &mut self.told.counters;
        counters.samples += gap + CHUNK as u64;
        counters.gap_samples += gap;
        counters.gaps += u64::from(gap > 0);
        Ok(())
    }
}

/// Ends a recording's file for now. Only the first of several failures in a row is told.
fn fail(recording: &mut Recording, why: RecordFailure, told: &mut Told, now: Mono) -> Option<Closing> {
    let id = recording.id;
    let before = std::mem::replace(&mut recording.state, State::Waiting(now + RETRY));
    let segment = match before {
        State::Ended => {
            recording.state = State::Ended;
            return None;
        }
        State::Waiting(_) => return None,
        State::Armed => None,
        State::Writing(segment) => Some(segment),
    };
    tracing::warn!(recording = %id, %why, "recording has stopped");
    let refused = matches!(why, RecordFailure::System { .. });
    told.counters.failures += 1;
    told.event(RecordEvent::Failed { id, why });
    let mut segment = segment?;
    // The reserve has room for what is still to be flushed.
    if refused || segment.flush().is_err() {
        told.counters.lost_samples += segment.unwritten();
    }
    Some(Closing { id, segment: Some(segment), stopped: false })
}

fn system(path: &Path, error: &std::io::Error) -> RecordFailure {
    RecordFailure::System { path: path.to_path_buf(), error: error.to_string() }
}
