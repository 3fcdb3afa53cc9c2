//! What the halves of a running card read and count together, without locks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use card::CardCounters;
use tdm::Alarms;

/// Counters and switches of a running card.
#[derive(Default)]
pub(crate) struct Shared {
    pub stop: AtomicBool,
    pub periods: AtomicU64,
    pub xruns: AtomicU64,
    pub lost_samples: AtomicU64,
    pub bad_orders: AtomicU64,
    pub lost_events: AtomicU64,
    pub positions: Vec<SharedPosition>,
}

/// The state of one position.
#[derive(Default)]
pub(crate) struct SharedPosition {
    alarms: AtomicU8,
    pub slips: AtomicU64,
    pub errors: AtomicU64,
    /// Set by the realtime half when the span is gone, cleared by the keeper when it is open again.
    pub gone: AtomicBool,
}

impl Shared {
    pub fn new(positions: usize) -> Shared {
        Shared { positions: (0..positions).map(|_| SharedPosition::default()).collect(), ..Shared::default() }
    }

    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub fn counters(&self) -> CardCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Acquire);
        CardCounters {
            periods: get(&self.periods),
            xruns: get(&self.xruns),
            lost_samples: get(&self.lost_samples),
            bad_orders: get(&self.bad_orders),
            lost_events: get(&self.lost_events),
        }
    }
}

impl SharedPosition {
    pub fn alarms(&self) -> Alarms {
        Alarms::from_bits_truncate(self.alarms.load(Ordering::Acquire))
    }

    pub fn set_alarms(&self, alarms: Alarms) {
        self.alarms.store(alarms.bits(), Ordering::Release);
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::AcqRel);
}
