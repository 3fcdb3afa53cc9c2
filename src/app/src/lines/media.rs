//! The threads that read prompts and write recordings: they may wait for the disk, nobody waits for them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use clock::{Clock, MonoClock, SAMPLE_RATE_HZ, SampleTime};
use config::Config;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use link::{RecordingId, RecordingState};
use record::{
    POLL_INTERVAL, Player, Prompts, RecordEvent, Recorder, RecorderConfig, SystemDisk, recording_path,
};
use rt::{FeedBlock, FeedPort, TapBlock, TapPort};
use rtrb::{Consumer, Producer};

use super::signalling::Inbox;

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
    let (orders, queue) = bounded(PLAY_ORDERS);
    let files = Files { directory: config.system.prompts_dir.clone() };
    let mut player = Player::new(feeds, Prompts::default());
    let work = move || play(&mut player, &files, &queue, &inbox);
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

fn play(player: &mut Player, files: &Files, queue: &Receiver<PlayOrder>, inbox: &Sender<Inbox>) {
    loop {
        match queue.recv_timeout(PLAY_POLL) {
            Ok(PlayOrder::Play { feed, generation, prompts, repeat }) => {
                if let Err(error) = player.play(feed, generation, &files.of(&prompts), repeat) {
                    tracing::error!(%error, "a prompt cannot be played");
                    let why = error.to_string();
                    let _ = inbox.send(Inbox::PlayFailed { feed, generation, why });
                }
            }
            Ok(PlayOrder::Stop { feed }) => player.stop(feed),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        player.poll();
    }
}

/// Starts the thread that writes recordings.
pub(crate) fn start_recorder(
    config: &Config,
    taps: Vec<Consumer<TapBlock>>,
    inbox: Sender<Inbox>,
    failures: Arc<Failures>,
) -> std::io::Result<(Sender<RecordOrder>, JoinHandle<()>)> {
    let (orders, queue) = unbounded();
    let directory = config.record.directory.clone();
    let settings = RecorderConfig {
        directory: directory.clone(),
        reserve_octets: u64::from(config.record.reserve_mib) << 20,
        flush: config.record.flush,
    };
    let mut recorder = Recorder::new(settings, taps, Box::new(SystemDisk::new(&directory)));
    let mut teller = Teller { directory, inbox, failures };
    let thread = Builder::new().name("rec".into()).spawn(move || {
        record(&mut recorder, &queue, &mut teller);
        recorder.finish();
        teller.tell_all(&mut recorder);
    })?;
    Ok((orders, thread))
}

fn record(recorder: &mut Recorder, queue: &Receiver<RecordOrder>, teller: &mut Teller) {
    loop {
        match queue.recv_timeout(POLL_INTERVAL) {
            Ok(order) => {
                carry_out(recorder, order, teller);
                while let Ok(order) = queue.try_recv() {
                    carry_out(recorder, order, teller);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        recorder.poll(MonoClock.now());
        teller.tell_all(recorder);
    }
}

fn carry_out(recorder: &mut Recorder, order: RecordOrder, teller: &Teller) {
    match order {
        RecordOrder::Start { tap, recording, not_before } => {
            let name = recording_path(MonoClock.anchor().unix_millis(MonoClock.now()), recording);
            if let Err(error) = recorder.start(recording, tap, &name, not_before) {
                teller.failed(recording, error.to_string());
            }
        }
        RecordOrder::Stop { recording } => {
            if !recorder.stop(recording) {
                // It never began: whoever waits for its end hears of it all the same.
                teller.tell(recording, RecordingState::Stopped { file: String::new(), length_ms: 0 });
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
