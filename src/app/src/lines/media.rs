//! The threads that read prompts and write recordings: they may wait for the disk, nobody waits for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use clock::{SAMPLE_RATE_HZ, SampleTime};
use config::Config;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use link::{RecordingId, RecordingState};
use record::{
    Disk, POLL_INTERVAL, Player, Prompts, RecordEvent, Recorder, RecorderConfig, SystemDisk, recording_path,
};
use rt::{FeedBlock, FeedPort, TapBlock, TapPort};
use rtrb::{Consumer, Producer};

use super::signalling::Inbox;
use super::time::LineClock;

/// Orders that may wait for the player.
const PLAY_ORDERS: usize = 4_096;
const PLAY_POLL: Duration = Duration::from_millis(20);

/// An order to the player.
#[derive(Debug)]
pub(crate) enum PlayOrder {
    Play { feed: FeedPort, generation: u16, prompts: Vec<String>, repeat: bool },
    Stop { feed: FeedPort },
}

/// An order to the recorder.
#[derive(Debug)]
pub(crate) enum RecordOrder {
    Start { tap: TapPort, recording: RecordingId, not_before: SampleTime },
    Stop { recording: RecordingId },
}

/// How often a recording could not be written.
#[derive(Debug, Default)]
pub(crate) struct Failures(AtomicU64);

impl Failures {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Starts the thread that fills the feeds.
pub(crate) fn start_player(
    config: &Config,
    feeds: Vec<Producer<FeedBlock>>,
    inbox: Sender<Inbox>,
) -> std::io::Result<(Sender<PlayOrder>, JoinHandle<()>)> {
    let (orders, mut desk) = PlayDesk::new(config, feeds, inbox);
    let work = move || while desk.turn(PLAY_POLL) {};
    Ok((orders, Builder::new().name("play".into()).spawn(work)?))
}

struct Files {
    directory: PathBuf,
}

impl Files {
    fn of(&self, prompts: &[String]) -> Vec<PathBuf> {
        prompts.iter().map(|prompt| self.directory.join(format!("{prompt}.wav"))).collect()
    }
}

/// The player with its orders.
pub(crate) struct PlayDesk {
    player: Player,
    files: Files,
    queue: Receiver<PlayOrder>,
    inbox: Sender<Inbox>,
}

impl PlayDesk {
    /// Makes a player for the engine's feeds, and the way to order from it.
    pub fn new(
        config: &Config,
        feeds: Vec<Producer<FeedBlock>>,
        inbox: Sender<Inbox>,
    ) -> (Sender<PlayOrder>, PlayDesk) {
        let (orders, queue) = bounded(PLAY_ORDERS);
        let files = Files { directory: config.system.prompts_dir.clone() };
        let player = Player::new(feeds, Prompts::default());
        (orders, PlayDesk { player, files, queue, inbox })
    }

    /// Returns true if an order waits.
    pub fn has_orders(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Waits for an order, at most so long; carries out what is there and fills the feeds. Returns false when nobody is
    /// left who could order.
    pub fn turn(&mut self, wait: Duration) -> bool {
        match self.queue.recv_timeout(wait) {
            Ok(order) => self.carry_out(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        while let Ok(order) = self.queue.try_recv() {
            self.carry_out(order);
        }
        self.player.poll();
        true
    }

    fn carry_out(&mut self, order: PlayOrder) {
        match order {
            PlayOrder::Play { feed, generation, prompts, repeat } => {
                if let Err(error) = self.player.play(feed, generation, &self.files.of(&prompts), repeat) {
                    tracing::error!(%error, "a prompt cannot be played");
                    let why = error.to_string();
                    let _ = self.inbox.send(Inbox::PlayFailed { feed, generation, why });
                }
            }
            PlayOrder::Stop { feed } => self.player.stop(feed),
        }
    }
}

/// Starts the thread that writes recordings.
pub(crate) fn start_recorder(
    config: &Config,
    taps: Vec<Consumer<TapBlock>>,
    inbox: Sender<Inbox>,
    failures: Arc<Failures>,
) -> std::io::Result<(Sender<RecordOrder>, JoinHandle<()>)> {
    let disk = Box::new(SystemDisk::new(&config.record.directory));
    let (orders, mut desk) = RecordDesk::new(config, LineClock::Machine, disk, taps, inbox, failures);
    let thread = Builder::new().name("rec".into()).spawn(move || {
        while desk.turn(POLL_INTERVAL) {}
        desk.finish();
    })?;
    Ok((orders, thread))
}

/// The recorder with its orders.
pub(crate) struct RecordDesk {
    recorder: Recorder,
    queue: Receiver<RecordOrder>,
    clock: LineClock,
    teller: Teller,
}

impl RecordDesk {
    /// Makes a recorder for the engine's taps, and the way to order from it.
    pub fn new(
        config: &Config,
        clock: LineClock,
        disk: Box<dyn Disk>,
        taps: Vec<Consumer<TapBlock>>,
        inbox: Sender<Inbox>,
        failures: Arc<Failures>,
    ) -> (Sender<RecordOrder>, RecordDesk) {
        let (orders, queue) = unbounded();
        let directory = config.record.directory.clone();
        let settings = RecorderConfig {
            directory: directory.clone(),
            reserve_octets: u64::from(config.record.reserve_mib) << 20,
            flush: config.record.flush,
        };
        let recorder = Recorder::new(settings, taps, disk);
        (orders, RecordDesk { recorder, queue, clock, teller: Teller { directory, inbox, failures } })
    }

    /// Returns true if an order waits.
    pub fn has_orders(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Waits for an order, at most so long; carries out what is there, takes the taps' blocks and tells what happened.
    /// Returns false when nobody is left who could order.
    pub fn turn(&mut self, wait: Duration) -> bool {
        match self.queue.recv_timeout(wait) {
            Ok(order) => self.carry_out(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        while let Ok(order) = self.queue.try_recv() {
            self.carry_out(order);
        }
        self.recorder.poll(self.clock.now());
        self.teller.tell_all(&mut self.recorder);
        true
    }

    /// Returns how many recordings are being written.
    pub fn open(&self) -> usize {
        self.recorder.running().count()
    }

    /// Closes everything.
    pub fn finish(&mut self) {
        self.recorder.finish();
        self.teller.tell_all(&mut self.recorder);
    }

    fn carry_out(&mut self, order: RecordOrder) {
        match order {
            RecordOrder::Start { tap, recording, not_before } => {
                let name = recording_path(self.clock.anchor().unix_millis(self.clock.now()), recording);
                if let Err(error) = self.recorder.start(recording, tap, &name, not_before) {
                    self.teller.failed(recording, error.to_string());
                }
            }
            RecordOrder::Stop { recording } => {
                if !self.recorder.stop(recording) {
                    // It never began: whoever waits for its end hears of it all the same.
                    let state = RecordingState::Stopped { file: String::new(), length_ms: 0 };
                    self.teller.tell(recording, state);
                }
            }
        }
    }
}

/// Passes on what the recorder tells.
struct Teller {
    directory: PathBuf,
    inbox: Sender<Inbox>,
    failures: Arc<Failures>,
}

impl Teller {
    fn tell_all(&mut self, recorder: &mut Recorder) {
        while let Some(event) = recorder.poll_event() {
            match event {
                RecordEvent::Started { id, .. } => self.tell(id, RecordingState::Started),
                RecordEvent::Failed { id, why } => self.failed(id, why.to_string()),
                RecordEvent::Resumed { id, .. } => self.tell(id, RecordingState::Resumed),
                // A file of a recording that goes on in the next one.
                RecordEvent::Closed { .. } => {}
                RecordEvent::Stopped { id, path, samples } => {
                    let below =
                        |path: PathBuf| path.strip_prefix(&self.directory).map(PathBuf::from).unwrap_or(path);
                    let file = path.map(below).unwrap_or_default().display().to_string();
                    let length_ms = samples * 1_000 / SAMPLE_RATE_HZ;
                    self.tell(id, RecordingState::Stopped { file, length_ms });
                }
            }
        }
    }

    fn failed(&self, recording: RecordingId, why: String) {
        tracing::error!(%recording, why, "a recording cannot be written: the call goes on without it");
        self.failures.0.fetch_add(1, Ordering::Relaxed);
        self.tell(recording, RecordingState::Failed { why });
    }

    fn tell(&self, recording: RecordingId, state: RecordingState) {
        let _ = self.inbox.send(Inbox::Recording { recording, state });
    }
}
