//! What the halves of a running card read and count together, without locks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};

use card::{MeasuredDelay, Tally};

use crate::fault::Health;

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) health: Health,
    /// Set when the realtime half is gone.
    pub(crate) stopped: AtomicBool,
    pub(crate) tally: Tally,
    pub(crate) delay: MeasuredDelay,
    pub(crate) positions: Vec<SharedPosition>,
}

/// The state of one position.
#[derive(Default)]
pub(crate) struct SharedPosition {
    pub(crate) alarms: AtomicU8,
    pub(crate) slips: AtomicU64,
    /// Framing errors, code violations, checksum errors here and at the far end.
    pub(crate) errors: [AtomicU64; 4],
}

impl Shared {
    pub(crate) fn new(positions: usize) -> Shared {
        Shared { positions: (0..positions).map(|_| SharedPosition::default()).collect(), ..Shared::default() }
    }
}
