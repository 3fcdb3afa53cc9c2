//! What the halves of a running card read and count together, without locks.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use card::{CardCounters, RtDelay};

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
    pub(crate) periods: AtomicU64,
    pub(crate) xruns: AtomicU64,
    pub(crate) lost_samples: AtomicU64,
    pub(crate) bad_orders: AtomicU64,
    pub(crate) lost_events: AtomicU64,
    /// Times the hardware's thread was so late that the card's time was stretched.
    pub(crate) stretched: AtomicU64,
    /// Delay in samples (low half) and count of measurements (high half).
    rt_delay: AtomicU64,
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
            rt_delay: AtomicU64::new(u64::from(design_delay)),
            ..Shared::default()
        }
    }

    pub(crate) fn rt_delay(&self) -> RtDelay {
        let both = self.rt_delay.load(Ordering::Acquire);
        RtDelay { samples: both as u32, measurement: (both >> 32) as u32 }
    }

    /// Notes a new measurement; there is one writer.
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

/// Adds to a counter that has one writer or needs no order.
pub(crate) fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}
