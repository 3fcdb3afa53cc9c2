//! What the halves of a running card read and count together, without locks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use card::Tally;
use tdm::Alarms;

/// Counters and switches of a running card.
#[derive(Default)]
pub(crate) struct Shared {
    pub stop: AtomicBool,
    pub tally: Tally,
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
}

impl SharedPosition {
    pub fn alarms(&self) -> Alarms {
        Alarms::from_bits_truncate(self.alarms.load(Ordering::Acquire))
    }

    pub fn set_alarms(&self, alarms: Alarms) {
        self.alarms.store(alarms.bits(), Ordering::Release);
    }
}
