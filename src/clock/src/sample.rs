//! Sample time: how many samples the clock domain's master has delivered since its start.
//!
//! It is the only time that audio knows: recordings fill gaps by it, never by arrival.

use core::ops::{Add, Sub};
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Samples per second on every telephone line.
pub const SAMPLE_RATE_HZ: u64 = 8_000;

/// A position on a clock domain's sample line, in samples of 125 microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct SampleTime(u64);

impl SampleTime {
    /// The first sample of the domain.
    pub const ZERO: SampleTime = SampleTime(0);

    /// Makes a time from a count of samples.
    pub const fn from_samples(samples: u64) -> SampleTime {
        SampleTime(samples)
    }

    /// Returns the count of samples since the domain's start.
    pub const fn samples(self) -> u64 {
        self.0
    }

    /// Returns the samples from `earlier` to `self`; zero if `earlier` is later.
    pub const fn since(self, earlier: SampleTime) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the length of the line so far as a duration.
    pub const fn as_duration(self) -> Duration {
        Duration::from_micros(self.0.saturating_mul(125))
    }
}

impl Add<u64> for SampleTime {
    type Output = SampleTime;

    fn add(self, samples: u64) -> SampleTime {
        SampleTime(self.0.saturating_add(samples))
    }
}

impl Sub for SampleTime {
    type Output = u64;

    fn sub(self, earlier: SampleTime) -> u64 {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_thousand_samples_are_a_second() {
        assert_eq!(SampleTime::from_samples(SAMPLE_RATE_HZ).as_duration(), Duration::from_secs(1));
    }
}
