//! What the halves of a running card read and count together, without locks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use card::{Tally, count};
use tdm::Alarms;

use crate::Mac;
use crate::counts::Counts;
use crate::line::Trouble;

/// Counters and switches of a running card.
#[derive(Default)]
pub(crate) struct Shared {
    pub stop: AtomicBool,
    pub tally: Tally,
    pub positions: Vec<SharedPosition>,
    pub ports: Vec<SharedPort>,
}

/// The state of one position.
#[derive(Default)]
pub(crate) struct SharedPosition {
    alarms: AtomicU8,
    trouble: AtomicU64,
    /// The peer's address as a number; 0 while it is not known.
    peer: AtomicU64,
    pub slips: AtomicU64,
    pub counts: Counts,
}

/// The state of one interface.
#[derive(Default)]
pub(crate) struct SharedPort {
    /// Set by the realtime half when the interface is gone, cleared by the keeper when it is open again.
    pub gone: AtomicBool,
    pub counts: Counts,
}

impl Shared {
    pub fn new(positions: usize, ports: usize) -> Shared {
        Shared {
            positions: (0..positions).map(|_| SharedPosition::default()).collect(),
            ports: (0..ports).map(|_| SharedPort::default()).collect(),
            ..Shared::default()
        }
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

    pub fn trouble(&self) -> Trouble {
        Trouble::of_number(self.trouble.load(Ordering::Acquire))
    }

    /// Notes how the span stands.
    pub fn show(&self, alarms: Alarms, trouble: Trouble, peer: Option<Mac>) {
        self.trouble.store(trouble.number(), Ordering::Release);
        self.peer.store(peer.map_or(0, Mac::number), Ordering::Release);
        self.set_alarms(alarms);
    }

    pub fn peer(&self) -> Option<Mac> {
        let number = self.peer.load(Ordering::Acquire);
        (number != 0).then(|| Mac::of_number(number))
    }

    pub fn slipped(&self, frames: i8) {
        count(&self.slips, frames.unsigned_abs().into());
    }
}
