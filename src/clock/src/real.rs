//! Where `now` comes from: the machine's monotonic clock for shells, a hand-set one for tests and simulation.
//!
//! This is the only file of the lower layers that reads the operating system's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::{Mono, WallAnchor};

/// Something that can tell the time.
pub trait Clock: Send {
    /// Returns the present time.
    fn now(&self) -> Mono;
}

/// The machine's monotonic clock, its zero at creation. Copies share the zero.
#[derive(Clone, Copy, Debug)]
pub struct MonoClock {
    zero: Instant,
}

impl MonoClock {
    /// Starts a time line now.
    #[expect(clippy::disallowed_methods, reason = "the one place where shells get their clock from")]
    pub fn start() -> MonoClock {
        MonoClock { zero: Instant::now() }
    }

    /// Ties this clock's present to the machine's wall clock.
    #[expect(clippy::disallowed_methods, reason = "the one place where shells get their wall time from")]
    pub fn anchor(&self) -> WallAnchor {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallAnchor::new(self.now(), u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Clock for MonoClock {
    fn now(&self) -> Mono {
        Mono::ZERO + self.zero.elapsed()
    }
}

/// A clock that stands still until it is told to move. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct VirtualClock {
    nanos: Arc<AtomicU64>,
}

impl VirtualClock {
    /// Makes a clock that shows zero.
    pub fn new() -> VirtualClock {
        VirtualClock::default()
    }

    /// Moves the clock on to `to`; a time in the past is ignored.
    pub fn advance_to(&self, to: Mono) {
        self.nanos.fetch_max(to.as_nanos(), Ordering::AcqRel);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Mono {
        Mono::from_nanos(self.nanos.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_moves_only_forward() {
        let clock = VirtualClock::new();
        clock.clone().advance_to(Mono::from_millis(5));
        clock.advance_to(Mono::from_millis(3));
        assert_eq!(clock.now(), Mono::from_millis(5));
    }

    #[test]
    fn the_machine_clock_never_goes_back() {
        let clock = MonoClock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
    }
}
