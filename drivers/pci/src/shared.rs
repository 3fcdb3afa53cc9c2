//! What the halves of a running card read and count together, without locks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use card::{CardCounters, RtDelay};

use crate::fault::Health;

#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) health: Health,
    /// Set when the realtime half is gone.
    pub(crate) stopped: AtomicBool,
    pub(crate) periods: AtomicU64,
    pub(crate) xruns: AtomicU64,
    pub(crate) lost_samples: AtomicU64,
    pub(crate) bad_orders: AtomicU64,
    pub(crate) lost_events: AtomicU64,
    /// Delay in samples (low half) and count of measurements (high half).
    rt_delay: AtomicU64,
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

    pub(crate) fn rt_delay(&self) -> RtDelay {
        let both = self.rt_delay.load(Ordering::Acquire);
        RtDelay { samples: both as u32, measurement: (both >> 32) as u32 }
    }

    /// Notes a measurement; there is one writer.
    pub(crate) fn measured(&self, samples: u32) {
        let count = self.rt_delay().measurement.wrapping_add(1);
        self.rt_delay.store(u64::from(count) << 32 | u64::from(samples), Ordering::Release);
    }

    pub(crate) fn counters(&self) -> CardCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CardCounters {
            periods: read(&self.periods),
            xruns: read(&self.xruns),
            lost_samples: read(&self.lost_samples),
            bad_orders: read(&self.bad_orders),
            lost_events: read(&self.lost_events),
        }
    }
}
