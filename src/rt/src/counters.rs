//! What the engine counts, readable by every thread at any time without disturbing it.
//!
//! Each counter has one writer, the realtime thread, so that counting is a plain load and store. Together they are
//! not a snapshot: a reader may see one a period later than another.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::EndReason;

/// One counter.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Returns the count.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.get().wrapping_add(n), Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn raise(&self, value: u64) {
        if value > self.get() {
            self.set(value);
        }
    }
}

/// The counters of one engine since its start.
#[derive(Debug)]
pub struct Counters {
    /// Periods run.
    pub periods: Counter,
    /// Periods that carried more chunks than normal since the thread woke late.
    pub late_periods: Counter,
    /// Times at which samples were lost since the thread woke later than a card's buffer is long.
    pub xruns: Counter,
    /// Samples per channel lost in xruns, all cards together.
    pub lost_samples: Counter,
    /// Chunks repeated or dropped for following cards, and slips told by the cards.
    pub slips: Counter,
    /// Blocks that found their tap's ring full.
    pub tap_overrun: Counter,
    /// Blocks missing in the middle of a prompt.
    pub feed_underrun: Counter,
    /// Blocks thrown away as they carried another generation than their feed's.
    pub feed_stale: Counter,
    /// Frames received that found their D-channel's ring full.
    pub dchan_drops: Counter,
    /// Events that found the event ring full.
    pub events_lost: Counter,
    /// Times at which all levels were told again since an event was lost.
    pub censuses: Counter,
    /// Commands carried out.
    pub commands: Counter,
    /// Commands refused.
    pub refused: Counter,
    /// Damaged frames per slot: wrong check sequence, aborted, too long or too short.
    pub hdlc_errors: Box<[Counter]>,
    /// Good frames received per slot.
    pub hdlc_frames: Box<[Counter]>,
    /// Moves once a period: a watcher that sees it stand still knows that the thread has stalled.
    pub heartbeat: Counter,
    /// Voluntary context switches of the thread: about one a period, its wait.
    pub voluntary_switches: Counter,
    /// Involuntary context switches: somebody more important took the processor.
    pub involuntary_switches: Counter,
    /// Page faults of the thread.
    pub page_faults: Counter,
    /// Voluntary switches within the measured periods, outside the wait: each one is a fault in the program.
    pub stray_switches: Counter,
    /// Page faults within the measured periods, outside the wait.
    pub stray_faults: Counter,
    /// Heap uses while the thread's guard was armed.
    pub heap_uses: Counter,
    /// The longest time from waking to the end of the period, in nanoseconds.
    pub longest_work_ns: Counter,
    /// All time from waking to the end of the period, in nanoseconds.
    pub work_ns: Counter,
    end: AtomicU8,
}

impl Counters {
    pub(crate) fn new(slots: usize) -> Counters {
        let per_slot = || (0..slots).map(|_| Counter::default()).collect();
        Counters {
            periods: Counter::default(),
            late_periods: Counter::default(),
            xruns: Counter::default(),
            lost_samples: Counter::default(),
            slips: Counter::default(),
            tap_overrun: Counter::default(),
            feed_underrun: Counter::default(),
            feed_stale: Counter::default(),
            dchan_drops: Counter::default(),
            events_lost: Counter::default(),
            censuses: Counter::default(),
            commands: Counter::default(),
            refused: Counter::default(),
            hdlc_errors: per_slot(),
            hdlc_frames: per_slot(),
            heartbeat: Counter::default(),
            voluntary_switches: Counter::default(),
            involuntary_switches: Counter::default(),
            page_faults: Counter::default(),
            stray_switches: Counter::default(),
            stray_faults: Counter::default(),
            heap_uses: Counter::default(),
            longest_work_ns: Counter::default(),
            work_ns: Counter::default(),
            end: AtomicU8::new(0),
        }
    }

    /// Returns why the engine's thread has ended; none while it runs.
    pub fn end(&self) -> Option<EndReason> {
        EndReason::from_code(self.end.load(Ordering::Acquire))
    }

    pub(crate) fn set_end(&self, reason: EndReason) {
        self.end.store(reason.code(), Ordering::Release);
    }
}
