//! The place where the switch thread and the server meet: updates one way, requests the other.
//!
//! [`Hub::publish`] only appends to a bounded log; the view is brought up to date from the log by whoever gets its lock,
//! so that the switch thread never waits for a reader that copies it. (It waits in one case: a reader held the view for
//! the length of the whole log; then the log would lose what the view has not seen.) An update is turned into JSON once,
//! by the first WebSocket that needs it, and shared by all.
//!
//! Bounds: [`MAX_LOG`] updates are kept for those who fall behind, [`MAX_REQUESTS`] requests wait for the switch thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::extract::ws::Utf8Bytes;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use switch::view::{Update, View};
use switch::{Reply, Request};
use tokio::sync::{oneshot, watch};

use crate::schema;

/// The newest updates that are kept.
pub const MAX_LOG: usize = 10_000;
/// Requests that wait for the switch thread.
pub const MAX_REQUESTS: usize = 64;

/// Takes the switch thread's answer to one request; dropping it tells the client that there will be none.
#[derive(Debug)]
pub struct Answer(oneshot::Sender<Result<Reply, String>>);

impl Answer {
    /// Answers. Nothing happens if the client has gone.
    pub fn give(self, reply: Result<Reply, String>) {
        // A client that has gone needs no answer.
        let _ = self.0.send(reply);
    }
}

/// A request and where its answer goes.
pub type Asked = (Request, Answer);

/// Why a request did not reach the switch thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AskError {
    /// [`MAX_REQUESTS`] are waiting.
    Full,
    /// Nobody takes requests any more.
    Gone,
}

/// An update with its number.
#[derive(Debug)]
pub(crate) struct Logged {
    pub(crate) seq: u64,
    pub(crate) update: Update,
    text: OnceLock<Utf8Bytes>,
}

impl Logged {
    /// Returns the message for WebSockets.
    pub(crate) fn text(&self) -> Utf8Bytes {
        self.text.get_or_init(|| schema::update_text(self.seq, &self.update).into()).clone()
    }
}

/// What has happened since a number.
#[derive(Debug)]
pub(crate) enum News {
    /// These, in order, without a gap; perhaps none.
    Updates(Vec<Arc<Logged>>),
    /// The log does not reach back so far, or the number lies in the future.
    Lost,
}

#[derive(Debug, Default)]
struct Log {
    /// The number of the newest update ever published.
    seq: u64,
    /// The newest updates, without a gap, newest last.
    updates: VecDeque<Arc<Logged>>,
}

#[derive(Debug)]
struct Shared {
    /// Lock order: `view` before `log`.
    view: Mutex<View>,
    log: Mutex<Log>,
    log_len: usize,
    /// The number of the last update in `view`; read without its lock to see whether the log may forget.
    viewed: AtomicU64,
    news: watch::Sender<u64>,
    requests: (Sender<Asked>, Receiver<Asked>),
    run: String,
}

/// What the switch thread and the server share; clones are the same hub.
#[derive(Clone, Debug)]
pub struct Hub {
    shared: Arc<Shared>,
}

impl Hub {
    /// Makes a hub with an empty view.
    ///
    /// `run`: the name of this run of the switch, never used by another one: updates are numbered from 1 in each run.
    pub fn new(run: &str) -> Hub {
        Hub::with_log(run, MAX_LOG)
    }

    /// Makes a hub that keeps `log_len` updates, at least one.
    pub fn with_log(run: &str, log_len: usize) -> Hub {
        let shared = Shared {
            view: Mutex::default(),
            log: Mutex::default(),
            log_len: log_len.max(1),
            viewed: AtomicU64::new(0),
            news: watch::Sender::new(0),
            requests: crossbeam_channel::bounded(MAX_REQUESTS),
            run: run.into(),
        };
        Hub { shared: Arc::new(shared) }
    }

    /// Takes the switch's next update; called by the switch thread only.
    pub fn publish(&self, update: Update) {
        self.make_room();
        let seq = {
            let mut log = lock(&self.shared.log);
            log.seq += 1;
            let seq = log.seq;
            log.updates.push_back(Arc::new(Logged { seq, update, text: OnceLock::new() }));
            seq
        };
        if let Ok(mut view) = self.shared.view.try_lock() {
            self.catch_up(&mut view);
        }
        self.shared.news.send_replace(seq);
    }

    /// Returns where the switch thread takes requests from.
    pub fn requests(&self) -> Receiver<Asked> {
        self.shared.requests.1.clone()
    }

    /// Shows the view as it is now. Readers wait for each other, the switch thread does not wait for them.
    pub fn read<T>(&self, look: impl FnOnce(&View) -> T) -> T {
        let mut view = lock(&self.shared.view);
        self.catch_up(&mut view);
        look(&view)
    }

    /// The name of this run of the switch.
    pub fn run(&self) -> &str {
        &self.shared.run
    }

    /// Returns at most `limit` updates after the one numbered `seq`.
    pub(crate) fn after(&self, seq: u64, limit: usize) -> News {
        let log = lock(&self.shared.log);
        let oldest = log.seq + 1 - log.updates.len() as u64;
        if seq > log.seq || seq + 1 < oldest {
            return News::Lost;
        }
        let from = (seq + 1 - oldest) as usize;
        News::Updates(log.updates.range(from..).take(limit).cloned().collect())
    }

    /// Returns the number of the newest update, to wait for the next one.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.news.subscribe()
    }

    /// Hands a request to the switch thread.
    pub(crate) fn ask(&self, request: Request) -> Result<oneshot::Receiver<Result<Reply, String>>, AskError> {
        let (answer, reply) = oneshot::channel();
        match self.shared.requests.0.try_send((request, Answer(answer))) {
            Ok(()) => Ok(reply),
            Err(TrySendError::Full(_)) => Err(AskError::Full),
            Err(TrySendError::Disconnected(_)) => Err(AskError::Gone),
        }
    }

    /// Forgets the oldest update if the log is full, but none that the view has not seen.
    fn make_room(&self) {
        let oldest = {
            let log = lock(&self.shared.log);
            if log.updates.len() < self.shared.log_len {
                return;
            }
            log.updates.front().map_or(0, |oldest| oldest.seq)
        };
        if self.shared.viewed.load(Ordering::Acquire) < oldest {
            self.catch_up(&mut lock(&self.shared.view));
        }
        lock(&self.shared.log).updates.pop_front();
    }

    /// Adds to the view what the log has more.
    fn catch_up(&self, view: &mut View) {
        if let News::Updates(updates) = self.after(view.seq, usize::MAX) {
            updates.iter().for_each(|logged| view.apply(&logged.update));
        }
        self.shared.viewed.store(view.seq, Ordering::Release);
    }
}

/// Nothing under these locks can be left half done by a panic that a later reader would mind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(attached: bool) -> Update {
        Update::Line { attached }
    }

    fn seqs(news: News) -> Option<Vec<u64>> {
        match news {
            News::Updates(updates) => Some(updates.iter().map(|logged| logged.seq).collect()),
            News::Lost => None,
        }
    }

    #[test]
    fn updates_are_numbered_from_one_and_the_view_follows() {
        let hub = Hub::new("r");
        hub.publish(line(true));
        assert_eq!(hub.read(|view| (view.seq, view.attached)), (1, true));
        hub.publish(line(false));
        assert_eq!(hub.read(|view| (view.seq, view.attached)), (2, false));
        assert_eq!(seqs(hub.after(0, 10)), Some(vec![1, 2]));
        assert_eq!(seqs(hub.after(0, 1)), Some(vec![1]));
        assert_eq!(seqs(hub.after(2, 10)), Some(vec![]));
    }

    #[test]
    fn the_log_reaches_back_exactly_its_length() {
        let hub = Hub::with_log("r", 3);
        (0..10).for_each(|_| hub.publish(line(true)));
        assert_eq!(seqs(hub.after(6, 10)), None);
        assert_eq!(seqs(hub.after(7, 10)), Some(vec![8, 9, 10]));
        assert_eq!(seqs(hub.after(10, 10)), Some(vec![]));
    }

    #[test]
    fn a_number_from_the_future_is_lost() {
        let hub = Hub::new("r");
        assert_eq!(seqs(hub.after(0, 10)), Some(vec![]));
        assert_eq!(seqs(hub.after(1, 10)), None);
        assert_eq!(seqs(hub.after(u64::MAX, 10)), None);
    }

    #[test]
    fn publishing_goes_on_while_a_reader_holds_the_view() {
        let hub = Hub::with_log("r", 8);
        let publisher = hub.clone();
        hub.read(|view| {
            let done = std::thread::spawn(move || (0..8).for_each(|_| publisher.publish(line(true))));
            done.join().expect("no panic");
            assert_eq!(view.seq, 0);
        });
        assert_eq!(hub.read(|view| view.seq), 8);
    }

    #[test]
    fn the_view_misses_nothing_when_the_log_overruns_under_readers() {
        let hub = Hub::with_log("r", 2);
        let publisher = hub.clone();
        let writer = std::thread::spawn(move || (0..20_000).for_each(|_| publisher.publish(line(true))));
        while !writer.is_finished() {
            hub.read(|view| assert!(view.seq <= 20_000));
        }
        writer.join().expect("no panic");
        assert_eq!(hub.read(|view| view.seq), 20_000);
    }

    #[test]
    fn a_full_request_channel_refuses_and_never_waits() {
        let hub = Hub::new("r");
        let request = Request::Clear { call: "673f2a10-0-1".parse().expect("a name") };
        let waiting: Vec<_> = (0..MAX_REQUESTS).map(|_| hub.ask(request.clone())).collect();
        assert!(waiting.iter().all(Result::is_ok));
        assert_eq!(hub.ask(request).err(), Some(AskError::Full));
        assert_eq!(hub.requests().len(), MAX_REQUESTS);
    }
}
