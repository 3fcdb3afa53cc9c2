//! Where a card's time comes from: the machine's clock, or a test's.

use clock::{Clock, Mono, MonoClock};
use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};

/// Where a card's time comes from.
pub enum Time {
    /// The machine's clock.
    Machine,
    /// A test's: sleeps until the time given, if one is, and returns what time it is then.
    Given(Box<dyn FnMut(Option<Mono>) -> Mono + Send>),
}

impl Time {
    /// Returns the present time.
    pub(crate) fn now(&mut self) -> Mono {
        match self {
            Time::Machine => MonoClock.now(),
            Time::Given(given) => given(None),
        }
    }

    /// Sleeps until `at`, not at all if that is past, and returns the time then.
    pub(crate) fn sleep_until(&mut self, at: Mono) -> Mono {
        match self {
            Time::Machine => {
                let spec = TimeSpec::from(at.since(Mono::ZERO));
                // A signal may end the sleep early: the rest is slept again.
                while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &spec)
                    == Err(Errno::EINTR)
                {}
                MonoClock.now()
            }
            Time::Given(given) => given(Some(at)),
        }
    }
}
