//! Where `now` comes from: the machine's monotonic clock for shells, a hand-set one for tests and simulation.
//!
//! This is the only file of the lower layers that reads the operating system's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::time::{ClockId, clock_gettime};

use crate::{Mono, WallAnchor};

/// Something that can tell the time.
pub trait Clock: Send {
    /// Returns the present time.
    fn now(&self) -> Mono;
}

/// The machine's monotonic clock. Its zero is the machine's start, so that the processes of one machine agree.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonoClock;

impl MonoClock {
    /// Ties this clock's present to the machine's wall clock.
    pub fn anchor(&self) -> WallAnchor {
        WallAnchor::new(self.now(), read(ClockId::CLOCK_REALTIME))
    }
}

impl Clock for MonoClock {
    fn now(&self) -> Mono {
        Mono::from_nanos(read(ClockId::CLOCK_MONOTONIC))
    }
}

/// Reads a clock that every Linux machine has, in nanoseconds.
fn read(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).expect("both clocks exist on every Linux machine");
    u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
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
        let clock = MonoClock;
        let first = clock.now();
        assert!(clock.now() >= first);
    }
}
