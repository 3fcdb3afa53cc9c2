//! The threads that read prompts and write recordings: they may wait for the disk, nobody waits for them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use clock::{SAMPLE_RATE_HZ, SampleTime};
use config::Config;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use link::{RecordingId, RecordingState};
use record::{
    Disk, POLL_INTERVAL, PlayError, Player, Prompts, RecordEvent, Recorder, RecorderConfig, SystemDisk,
    recording_path,
};
use rt::{FeedBlock, FeedPort, TapBlock, TapPort};
use rtrb::{Consumer, Producer};

use super::signalling::Inbox;
use super::time::LineClock;
use crate::wiring;

/// Orders that may wait for the player.
const PLAY_ORDERS: usize = 4_096;
const PLAY_POLL: Duration = Duration::from_millis(20);
/// How long the loader waits for an order before it looks whether anybody is left.
const LOAD_POLL: Duration = Duration::from_secs(1);

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

/// What the player is to do, with all that it needs in memory.
#[derive(Debug)]
enum Ready {
    Play { feed: FeedPort, generation: u16, prompts: Vec<Arc<[i16]>>, repeat: bool },
    Stop { feed: FeedPort },
}

/// Starts the threads that read prompts and fill the feeds.
pub(crate) fn start_player(
    config: &Config,
    feeds: Vec<Producer<FeedBlock>>,
    inbox: Sender<Inbox>,
) -> std::io::Result<(Sender<PlayOrder>, JoinHandle<()>)> {
    let (orders, mut load, mut play) = desks(&config.system.prompts_dir, feeds, inbox);
    let named: Vec<String> = wiring::named_prompts(config).into_keys().collect();
    Builder::new().name("load".into()).spawn(move || {
        load.read_ahead(&named);
        while load.turn(LOAD_POLL) {}
    })?;
    let player = Builder::new().name("play".into()).spawn(move || while play.turn(PLAY_POLL) {})?;
    Ok((orders, player))
}

/// Makes what reads prompts and what plays them into the engine's feeds, and the way to order from both.
pub(crate) fn desks(
    prompts_dir: &Path,
    feeds: Vec<Producer<FeedBlock>>,
    inbox: Sender<Inbox>,
) -> (Sender<PlayOrder>, LoadDesk, PlayDesk) {
    let (orders, queue) = bounded(PLAY_ORDERS);
    let (ready, loaded) = bounded(PLAY_ORDERS);
    let files = Files { directory: prompts_dir.to_path_buf() };
    let load = LoadDesk { prompts: Prompts::default(), files, queue, ready, inbox: inbox.clone() };
    (orders, load, PlayDesk { player: Player::new(feeds), queue: loaded, inbox })
}

struct Files {
    directory: PathBuf,
}

impl Files {
    fn of(&self, prompts: &[String]) -> Vec<PathBuf> {
        prompts.iter().map(|prompt| self.directory.join(format!("{prompt}.wav"))).collect()
    }
}

/// Reads prompts for the player: the only part that waits for the disk.
pub(crate) struct LoadDesk {
    prompts: Prompts,
    files: Files,
    queue: Receiver<PlayOrder>,
    ready: Sender<Ready>,
    inbox: Sender<Inbox>,
}

impl LoadDesk {
    /// Reads prompts into memory, as far as they fit, so that a caller need not wait for the disk. Orders go first; what cannot be
    /// read is told when it is asked for.
    pub fn read_ahead(&mut self, prompts: &[String]) {
        for file in self.files.of(prompts) {
            if self.prompts.is_nearly_full() || !self.turn(Duration::ZERO) {
                return;
            }
            let _ = self.prompts.load(&file);
        }
    }

    /// Returns true if an order waits.
    pub fn has_orders(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Waits for an order, at most so long, and hands what is ordered to the player. Returns false when nobody is left.
    pub fn turn(&mut self, wait: Duration) -> bool {
        let mut next = match self.queue.recv_timeout(wait) {
            Ok(order) => Some(order),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return false,
        };
        while let Some(order) = next {
            let ready = self.load(order);
            if self.ready.send(ready).is_err() {
                return false;
            }
            next = self.queue.try_recv().ok();
        }
        true
    }

    fn load(&mut self, order: PlayOrder) -> Ready {
        let (feed, generation, prompts, repeat) = match order {
            PlayOrder::Stop { feed } => return Ready::Stop { feed },
            PlayOrder::Play { feed, generation, prompts, repeat } => (feed, generation, prompts, repeat),
        };
        match self.prompts.load_all(&self.files.of(&prompts)) {
            Ok(prompts) => Ready::Play { feed, generation, prompts, repeat },
            Err(error) => {
                failed(&self.inbox, feed, generation, &error);
                Ready::Stop { feed }
            }
        }
    }
}

fn failed(inbox: &Sender<Inbox>, feed: FeedPort, generation: u16, error: &PlayError) {
    tracing::error!(%error, "a prompt cannot be played");
    let _ = inbox.send(Inbox::PlayFailed { feed, generation, why: error.to_string() });
}

/// The player with what it is to do.
pub(crate) struct PlayDesk {
    player: Player,
    queue: Receiver<Ready>,
    inbox: Sender<Inbox>,
}

impl PlayDesk {
    /// Waits for something to do, at most so long; does what is there and fills the feeds. Returns false when nobody is
    /// left who could order.
    pub fn turn(&mut self, wait: Duration) -> bool {
        match self.queue.recv_timeout(wait) {
            Ok(ready) => self.carry_out(ready),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        while let Ok(ready) = self.queue.try_recv() {
            self.carry_out(ready);
        }
        self.player.poll();
        true
    }

    fn carry_out(&mut self, ready: Ready) {
        match ready {
            Ready::Play { feed, generation, prompts, repeat } => {
                if let Err(error) = self.player.play(feed, generation, prompts, repeat) {
                    failed(&self.inbox, feed, generation, &error);
                }
            }
            Ready::Stop { feed } => self.player.stop(feed),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

    use std::process::Command;

    use super::*;

    const BLOCKS: usize = 600;

    fn tone(path: &Path, seconds: usize) {
        let octets: Vec<u8> =
            (0..seconds * 8_000).flat_map(|n| (100 + n as i16 % 50).to_le_bytes()).collect();
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data".to_vec();
        file.extend(u32::try_from(octets.len()).unwrap().to_le_bytes());
        file.extend(octets);
        let length = u32::try_from(file.len() - 8).unwrap();
        file[4..8].copy_from_slice(&length.to_le_bytes());
        std::fs::write(path, file).unwrap();
    }

    /// A pipe that nobody writes to stands for a disk that does not answer: whoever opens it waits.
    #[test]
    fn a_disk_that_does_not_answer_tears_no_prompt_that_plays() {
        let folder = tempfile::tempdir().unwrap();
        tone(&folder.path().join("long.wav"), 4);
        let pipe = folder.path().join("stuck.wav");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (feeds, mut rings): (Vec<_>, Vec<_>) = (0..2).map(|_| rtrb::RingBuffer::new(BLOCKS)).unzip();
        let (inbox, told) = bounded(8);
        let (orders, mut load, mut play) = desks(folder.path(), feeds, inbox);
        let order = |feed, prompt: &str| {
            let prompts = vec![prompt.to_owned()];
            orders
                .send(PlayOrder::Play { feed: FeedPort(feed), generation: 1, prompts, repeat: false })
                .unwrap();
        };
        order(0, "long");
        assert!(load.turn(Duration::ZERO) && play.turn(Duration::ZERO));
        order(1, "stuck");
        let waiting = std::thread::spawn(move || load.turn(Duration::from_secs(60)));
        let mut played = 0;
        while played < 4_000 {
            assert!(rings[0].pop().is_ok(), "the prompt is torn after {played} ms");
            played += 1;
            if played % 20 == 0 {
                assert!(play.turn(Duration::ZERO));
            }
        }
        assert!(!waiting.is_finished(), "the disk has answered: this test shows nothing");
        assert!(rings[1].pop().is_err());
        std::fs::write(&pipe, b"no prompt").unwrap();
        assert!(waiting.join().unwrap());
        assert!(matches!(told.try_recv(), Ok(Inbox::PlayFailed { feed: FeedPort(1), generation: 1, .. })));
    }

    #[test]
    fn prompts_are_in_memory_before_anybody_asks_for_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("zh")).unwrap();
        tone(&folder.path().join("zh/one.wav"), 1);
        std::fs::write(folder.path().join("broken.wav"), b"no prompt").unwrap();
        let (feed, mut ring) = rtrb::RingBuffer::new(BLOCKS);
        let (inbox, told) = bounded(8);
        let (orders, mut load, mut play) = desks(folder.path(), vec![feed], inbox);
        load.read_ahead(&["zh/one", "broken", "missing"].map(str::to_owned));
        assert_eq!(load.prompts.cached_samples(), 8_000);
        assert!(told.try_recv().is_err(), "nobody has asked for those that cannot be read");
        let prompts = vec!["zh/one".to_owned()];
        orders.send(PlayOrder::Play { feed: FeedPort(0), generation: 3, prompts, repeat: false }).unwrap();
        assert!(load.turn(Duration::ZERO) && play.turn(Duration::ZERO));
        assert_eq!(ring.pop().unwrap().generation, 3);
    }
}
