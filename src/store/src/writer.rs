//! The writer's thread: from the switch thread's channel to the database, one transaction a group.
//!
//! The switch thread only puts records into a bounded channel. This thread empties it always, also while the database is
//! stuck: into memory, and what is too much for that into a [spill](crate::spill). A group that fails is tried again, at
//! growing intervals, until it is written; each cause is logged once until it is over. When the disk takes neither, the
//! channel fills and [`Inbox::tell`] gives records back: nothing that was not said to be stored may be forgotten, so the
//! line process, which holds the call's legs until then, tells it again when the switch next attaches.
//!
//! Old records are removed in small steps between groups.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::database::{StoreError, Write};
use crate::model::Record;
use crate::spill::{MAX_SPILL, Spill};
use crate::sqlite::SqliteWriter;

/// Records that may wait in the channel.
pub const INBOX: usize = 4_096;
/// Records that may wait in memory.
pub const MAX_PENDING: usize = 4_096;
/// The most records in one transaction.
pub const GROUP: usize = 256;
/// News of stored calls that may wait to be taken.
pub const OUTBOX: usize = 65_536;

/// How long a group is gathered once it has its first record.
const GATHER: Duration = Duration::from_millis(3);
/// How often the channel is emptied while the database is at work.
const LOOK: Duration = Duration::from_millis(5);
/// The longest sleep: how fast a stop is seen.
const IDLE: Duration = Duration::from_millis(50);
/// The first and the longest interval between two tries.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(5));
/// How long the last records are tried when the writer stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often old records are looked for.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// Calls removed in one step.
const PRUNE_STEP: u32 = 200;
/// The wall's clock has leapt if it moves by more than this against the steady one; NTP turns it more gently.
const LEAP: Duration = Duration::from_secs(60);
/// For how long a clock that has leapt removes nothing.
const DISTRUST: Duration = Duration::from_secs(24 * 3_600);
const DAY_MS: u64 = 86_400_000;

const _: () = assert!(GROUP <= MAX_PENDING && GROUP <= INBOX);

/// What the writer is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterConfig {
    /// The database's file.
    pub file: PathBuf,
    /// For how many days records are kept; 0: for ever.
    pub keep_days: u32,
}

/// The call with this name is stored: it outlasts whatever happens to this machine but the loss of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored(pub String);

/// What the writer has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records written.
    pub written: u64,
    /// Transactions.
    pub groups: u64,
    /// Tries that have failed.
    pub failures: u64,
    /// Records that went through the file beside the database.
    pub spilled: u64,
    /// Records given back because the channel was full.
    pub refused: u64,
    /// Lines of the file beside the database that could not be read.
    pub damaged: u64,
    /// Records removed since they were too old.
    pub pruned: u64,
}

#[derive(Debug, Default)]
struct Counts {
    written: AtomicU64,
    groups: AtomicU64,
    failures: AtomicU64,
    spilled: AtomicU64,
    refused: AtomicU64,
    damaged: AtomicU64,
    pruned: AtomicU64,
}

fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Where records are put; clones lead to the same writer.
#[derive(Clone, Debug)]
pub struct Inbox {
    channel: Sender<Record>,
    counts: Arc<Counts>,
}

impl Inbox {
    /// Hands a record over. Never waits.
    ///
    /// # Errors
    /// The record comes back: the channel is full, which takes a stuck database and a full disk, or the writer has gone.
    pub fn tell(&self, record: Record) -> Result<(), Record> {
        self.channel.try_send(record).map_err(|error| {
            count(&self.counts.refused, 1);
            match error {
                TrySendError::Full(record) | TrySendError::Disconnected(record) => record,
            }
        })
    }
}

/// A running writer; it stops when it is dropped.
#[derive(Debug)]
pub struct Writer {
    inbox: Inbox,
    stored: Receiver<Stored>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Opens the SQLite database and starts the writer's thread.
    ///
    /// A database that cannot be opened now but perhaps later (locked, disk full) is no error: it is tried on.
    ///
    /// # Errors
    /// The file is no database or one of a newer program; or the file beside it cannot be opened.
    pub fn start(config: WriterConfig) -> Result<Writer, StoreError> {
        let database = Box::new(SqliteWriter::new(&config.file));
        Writer::with(database, config, MAX_SPILL)
    }

    /// Starts the thread over any database, with at most `max_spill` octets beside it.
    ///
    /// # Errors
    /// As [`start`](Writer::start).
    pub fn with(
        mut database: Box<dyn Write>,
        config: WriterConfig,
        max_spill: u64,
    ) -> Result<Writer, StoreError> {
        let unusable = |error: std::io::Error| unusable(&config.file, error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unusable)?;
        let mut trouble = Trouble::default();
        match runtime.block_on(database.open()) {
            Err(error @ (StoreError::Broken { .. } | StoreError::Unusable { .. })) => return Err(error),
            Err(error) => trouble.tell(&error),
            Ok(()) => {}
        }
        let spill = Spill::open(&config.file, max_spill).map_err(unusable)?;
        let (sender, channel) = bounded(INBOX);
        let (stored, stored_receiver) = bounded(OUTBOX);
        let (counts, stop) = (Arc::new(Counts::default()), Arc::new(AtomicBool::new(false)));
        let intake = Intake {
            channel,
            pending: VecDeque::new(),
            spill,
            held: None,
            counts: Arc::clone(&counts),
            stop: Arc::clone(&stop),
            trouble: Trouble::default(),
        };
        let mut keeper = Keeper {
            database,
            intake,
            stored,
            keep_days: config.keep_days,
            prune_at: Instant::now(),
            clock: Steadiness::new(),
            trouble,
        };
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || runtime.block_on(keeper.run()))
            .map_err(unusable)?;
        let inbox = Inbox { channel: sender, counts };
        Ok(Writer { inbox, stored: stored_receiver, stop, thread: Some(thread) })
    }

    /// Returns where records are put.
    pub fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// Returns where it is told which calls are stored. It must be emptied: when it is full the writer waits.
    pub fn stored(&self) -> Receiver<Stored> {
        self.stored.clone()
    }

    /// Returns what it has done.
    pub fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { written, groups, failures, spilled, refused, damaged, pruned } = &*self.inbox.counts;
        Counters {
            written: read(written),
            groups: read(groups),
            failures: read(failures),
            spilled: read(spilled),
            refused: read(refused),
            damaged: read(damaged),
            pruned: read(pruned),
        }
    }

    /// Writes what has been told, or what cannot be written to the file beside the database, and stops.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's thread had panicked");
        }
    }
}

fn unusable(file: &Path, error: std::io::Error) -> StoreError {
    StoreError::Unusable { file: file.into(), why: error.to_string() }
}

/// The cause that was logged last, so that it is logged once.
#[derive(Debug, Default)]
struct Trouble(Option<String>);

impl Trouble {
    fn tell(&mut self, error: &dyn std::error::Error) {
        let cause = error.to_string();
        if self.0.as_deref() != Some(&*cause) {
            tracing::error!(error = %cause, "records cannot be written: trying on");
            self.0 = Some(cause);
        }
    }

    fn over(&mut self) {
        if let Some(cause) = self.0.take() {
            tracing::info!(%cause, "records are written again");
        }
    }
}

/// Where records wait: `pending` is older than the spill, the spill older than `held`, that older than the channel.
struct Intake {
    channel: Receiver<Record>,
    pending: VecDeque<Record>,
    spill: Spill,
    /// What neither memory nor disk had room for.
    held: Option<Record>,
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    trouble: Trouble,
}

impl Intake {
    /// Empties the channel as far as there is room.
    fn take_in(&mut self) {
        while let Some(record) = self.held.take().or_else(|| self.channel.try_recv().ok()) {
            if self.spill.is_empty() && self.pending.len() < MAX_PENDING {
                self.pending.push_back(record);
                continue;
            }
            match self.spill.append(&record) {
                Ok(()) => {
                    self.trouble.over();
                    count(&self.counts.spilled, 1);
                }
                Err(error) => {
                    self.trouble.tell(&error);
                    self.held = Some(record);
                    return;
                }
            }
        }
    }

    /// Sleeps until there is a record, but not long.
    fn wait(&mut self) {
        match self.channel.recv_timeout(IDLE) {
            Ok(record) => self.pending.push_back(record),
            // All who might tell something have gone; the stop is near.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(IDLE),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }

    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Does `work` while the channel is being emptied.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = look.tick() => self.take_in(),
            }
        }
    }
}

/// Compares the wall's clock with the steady one.
struct Steadiness {
    wall: SystemTime,
    steady: Instant,
}

impl Steadiness {
    fn new() -> Steadiness {
        Steadiness { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// Returns whether the wall's clock has gone another way than the steady one since it was asked last.
    fn has_leapt(&mut self) -> bool {
        let before = std::mem::replace(self, Steadiness::new());
        let expected = before.wall + (self.steady - before.steady);
        let apart = self.wall.duration_since(expected).unwrap_or_else(|error| error.duration());
        apart > LEAP
    }
}

/// The thread's state.
struct Keeper {
    database: Box<dyn Write>,
    intake: Intake,
    stored: Sender<Stored>,
    keep_days: u32,
    prune_at: Instant,
    clock: Steadiness,
    trouble: Trouble,
}

impl Keeper {
    async fn run(&mut self) {
        loop {
            self.intake.take_in();
            if !self.intake.pending.is_empty() {
                if self.intake.pending.len() < GROUP && !self.intake.is_stopping() {
                    self.intake.beside(sleep(GATHER)).await;
                }
                let count = self.intake.pending.len().min(GROUP);
                let group: Vec<Record> = self.intake.pending.drain(..count).collect();
                if !self.write(&group).await {
                    return self.leave(group);
                }
            } else if !self.intake.spill.is_empty() {
                if !self.write_back().await {
                    return self.leave(Vec::new());
                }
            } else if self.intake.is_stopping() && self.intake.channel.is_empty() {
                return;
            } else if Instant::now() < self.prune_at || self.keep_days == 0 {
                self.intake.wait();
            }
            if self.keep_days > 0 && Instant::now() >= self.prune_at && !self.intake.is_stopping() {
                self.prune().await;
            }
        }
    }

    /// Writes a group, however often it takes; false if it did not succeed before the writer had to stop.
    async fn write(&mut self, group: &[Record]) -> bool {
        let (mut backoff, mut give_up) = (BACKOFF.0, None);
        loop {
            let Err(error) = self.intake.beside(self.database.write(group)).await else {
                self.trouble.over();
                count(&self.intake.counts.written, group.len() as u64);
                count(&self.intake.counts.groups, 1);
                self.say_stored(group);
                return true;
            };
            count(&self.intake.counts.failures, 1);
            self.trouble.tell(&error);
            let until = Instant::now() + backoff;
            while Instant::now() < until {
                if self.intake.is_stopping()
                    && Instant::now() >= *give_up.get_or_insert(Instant::now() + FAREWELL)
                {
                    return false;
                }
                self.intake.beside(sleep(IDLE.min(backoff))).await;
            }
            backoff = (backoff * 2).min(if self.intake.is_stopping() { FAREWELL / 4 } else { BACKOFF.1 });
        }
    }

    /// Writes the next group of those beside the database; false as in [`write`](Keeper::write).
    async fn write_back(&mut self) -> bool {
        let back = match self.intake.spill.peek(GROUP) {
            Ok(back) => back,
            Err(error) => {
                self.intake.trouble.tell(&error);
                self.intake.beside(sleep(BACKOFF.1)).await;
                return !self.intake.is_stopping();
            }
        };
        if back.damaged > 0 {
            tracing::error!(lines = back.damaged, "lines of the file beside the database are damaged");
            count(&self.intake.counts.damaged, back.damaged);
        }
        if !back.records.is_empty() && !self.write(&back.records).await {
            return false;
        }
        if let Err(error) = self.intake.spill.advance(back.octets) {
            self.intake.trouble.tell(&error);
        }
        true
    }

    fn say_stored(&self, group: &[Record]) {
        for record in group {
            let Record::Call(call) = record else { continue };
            let mut news = Stored(call.call.clone());
            while let Err(crossbeam_channel::SendTimeoutError::Timeout(back)) =
                self.stored.send_timeout(news, IDLE)
            {
                if self.intake.is_stopping() {
                    return;
                }
                news = back;
            }
        }
    }

    /// Removes old records, a few at a time. A clock that has leapt is not believed for a day: what looks old by a wrong
    /// one is not gone before somebody can see it.
    async fn prune(&mut self) {
        if self.clock.has_leapt() {
            tracing::error!("the clock has leapt: no old records are removed for a day");
            self.prune_at = Instant::now() + DISTRUST;
            return;
        }
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let before_ms = now_ms.saturating_sub(u64::from(self.keep_days) * DAY_MS);
        match self.intake.beside(self.database.prune(before_ms, PRUNE_STEP)).await {
            // More of them: again after the next group.
            Ok(removed) if removed >= u64::from(PRUNE_STEP) => count(&self.intake.counts.pruned, removed),
            Ok(removed) => {
                count(&self.intake.counts.pruned, removed);
                self.prune_at = Instant::now() + PRUNE_EVERY;
            }
            Err(error) => {
                count(&self.intake.counts.failures, 1);
                self.trouble.tell(&error);
                self.prune_at = Instant::now() + PRUNE_EVERY;
            }
        }
    }

    /// Leaves what could not be written beside the database, for the next start.
    fn leave(&mut self, group: Vec<Record>) {
        self.intake.take_in();
        let rest: Vec<Record> = group.into_iter().chain(self.intake.pending.drain(..)).collect();
        let left = self.intake.spill.put_first(&rest).and_then(|()| {
            let late = self.intake.held.take().into_iter().chain(self.intake.channel.try_iter());
            late.collect::<Vec<_>>().iter().try_for_each(|record| self.intake.spill.append(record))
        });
        match left {
            Ok(()) => {
                tracing::warn!(records = rest.len(), "records wait beside the database for the next start")
            }
            Err(error) => {
                tracing::error!(%error, records = rest.len(), "records are lost: neither database nor disk takes them")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_on_is_believed_and_one_that_leaps_either_way_is_not() {
        let mut clock = Steadiness::new();
        assert!(!clock.has_leapt());
        for leap in [LEAP * 2, LEAP * 24 * 365] {
            clock.wall += leap;
            assert!(clock.has_leapt());
            assert!(!clock.has_leapt(), "it is told once");
            clock.wall -= leap;
            assert!(clock.has_leapt());
        }
        clock.wall -= LEAP / 2;
        assert!(!clock.has_leapt());
    }
}
