//! What every driver counts and measures: read by both halves of a running card, without locks.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::{CardCounters, RtDelay};

/// The counters of [`CardCounters`] while they count.
#[derive(Debug, Default)]
pub struct Tally {
    /// Periods delivered.
    pub periods: AtomicU64,
    /// Times the realtime thread was later than the buffer is long.
    pub xruns: AtomicU64,
    /// Samples per channel lost by xruns.
    pub lost_samples: AtomicU64,
    /// Orders for channels that were not there.
    pub bad_orders: AtomicU64,
    /// Events lost since nobody took them in time.
    pub lost_events: AtomicU64,
}

impl Tally {
    /// Returns what has been counted so far.
    pub fn counters(&self) -> CardCounters {
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
pub fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// The delay of [`CardIo::rt_delay`](crate::CardIo::rt_delay): samples in the low half, the count of measurements in the high one.
#[derive(Debug, Default)]
pub struct MeasuredDelay(AtomicU64);

impl MeasuredDelay {
    /// Begins with what the card's design says, not measured yet.
    pub const fn new(samples: u32) -> MeasuredDelay {
        MeasuredDelay(AtomicU64::new(samples as u64))
    }

    /// Returns the last measurement.
    pub fn get(&self) -> RtDelay {
        let both = self.0.load(Ordering::Acquire);
        RtDelay { samples: both as u32, measurement: (both >> 32) as u32 }
    }

    /// Notes a new measurement; there is one writer.
    pub fn measured(&self, samples: u32) {
        let count = self.get().measurement.wrapping_add(1);
        self.0.store(u64::from(count) << 32 | u64::from(samples), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measurement_counts_even_if_it_finds_the_same() {
        let delay = MeasuredDelay::new(480);
        assert_eq!(delay.get(), RtDelay { samples: 480, measurement: 0 });
        delay.measured(480);
        delay.measured(96);
        assert_eq!(delay.get(), RtDelay { samples: 96, measurement: 2 });
    }
}
