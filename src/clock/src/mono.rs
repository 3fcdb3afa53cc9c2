//! Monotonic time: nanoseconds since the machine's start, or since a simulation's.
//!
//! A `Mono` is only ever compared with, or subtracted from, another `Mono` of the same machine. Arithmetic
//! saturates, so that a deadline "never" can be written as `Mono::MAX`.

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the machine's monotonic time line, in nanoseconds since its zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Mono(u64);

impl Mono {
    /// The start of the time line.
    pub const ZERO: Mono = Mono(0);
    /// Later than every deadline.
    pub const MAX: Mono = Mono(u64::MAX);

    /// Makes a time from nanoseconds since zero.
    pub const fn from_nanos(nanos: u64) -> Mono {
        Mono(nanos)
    }

    /// Makes a time from milliseconds since zero.
    pub const fn from_millis(millis: u64) -> Mono {
        Mono(millis.saturating_mul(1_000_000))
    }

    /// Returns the nanoseconds since zero.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns the whole milliseconds since zero.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Returns how long ago `earlier` was; zero if it is later than `self`.
    pub const fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the instant so long before; zero if there is none.
    pub fn before(self, time: Duration) -> Mono {
        Mono(self.0.saturating_sub(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;

    fn add(self, after: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Mono {
    fn add_assign(&mut self, after: Duration) {
        *self = *self + after;
    }
}

impl Sub for Mono {
    type Output = Duration;

    fn sub(self, earlier: Mono) -> Duration {
        self.since(earlier)
    }
}

impl fmt::Debug for Mono {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} s", self.0 / 1_000_000_000, self.0 % 1_000_000_000 / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_saturates_at_the_end_of_the_line() {
        assert_eq!(Mono::MAX + Duration::from_secs(1), Mono::MAX);
        assert_eq!(Mono::ZERO + Duration::from_secs(1_000_000_000_000), Mono::MAX);
    }

    #[test]
    fn a_later_time_is_zero_ago() {
        assert_eq!(Mono::from_millis(3) - Mono::from_millis(5), Duration::ZERO);
        assert_eq!(Mono::from_millis(5) - Mono::from_millis(3), Duration::from_millis(2));
    }
}
