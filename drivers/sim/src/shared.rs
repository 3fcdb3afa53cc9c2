//! What the halves of a running card read and count together, without locks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64};

use card::{MeasuredDelay, Tally};

/// Counters and switches of a running card.
#[derive(Default)]
pub(crate) struct Shared {
    /// Set to end the card: its hardware stops ticking.
    pub(crate) stop: AtomicBool,
    /// Set by the first wait: a card in wall pace starts to tick then, so that the engine may take its time to start.
    pub(crate) started: AtomicBool,
    /// Milliseconds by which the next wait shall come late.
    pub(crate) stall_ms: AtomicU32,
    /// When the hardware ticks next, in nanoseconds of the machine's monotonic clock.
    pub(crate) next_tick: AtomicU64,
    pub(crate) tally: Tally,
    pub(crate) delay: MeasuredDelay,
    /// How long the card stood still since its own thread came late, in nanoseconds.
    pub(crate) stood_still: Arc<AtomicU64>,
    pub(crate) positions: Vec<SharedPosition>,
}

/// The state of one position.
#[derive(Default)]
pub(crate) struct SharedPosition {
    pub(crate) alarms: AtomicU8,
    pub(crate) slips: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) underruns: AtomicU64,
}

impl Shared {
    pub(crate) fn new(positions: usize, design_delay: u32) -> Shared {
        Shared {
            positions: (0..positions).map(|_| SharedPosition::default()).collect(),
            delay: MeasuredDelay::new(design_delay),
            ..Shared::default()
        }
    }
}
