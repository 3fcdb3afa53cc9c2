//! Durations counted in a fixed number of buckets.
//!
//! Log-linear: [`SUB_BUCKETS`] equal buckets for each doubling, so that memory is bounded and the error is a known share.
//! A quantile is the upper edge of its bucket: exact to [`UNIT`] below `SUB_BUCKETS * UNIT` (6.4 s), and over it at most
//! 1/32 too long. Limits: everything over [`LONGEST`] (7 h 16 min) falls into the last bucket; the longest is kept exactly.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// The finest step.
pub const UNIT: Duration = Duration::from_millis(100);
/// Buckets in the first, linear part; half as many for each doubling after it.
pub const SUB_BUCKETS: usize = 64;
/// Doublings after the linear part.
const DOUBLINGS: usize = 12;
const BUCKETS: usize = SUB_BUCKETS + DOUBLINGS * SUB_BUCKETS / 2;
/// The longest duration that has a bucket of its own size.
pub const LONGEST: Duration =
    Duration::from_millis((UNIT.as_millis() as u64 * SUB_BUCKETS as u64) << DOUBLINGS);

/// Durations, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    buckets: Vec<u32>,
    count: u64,
    sum: Duration,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: vec![0; BUCKETS], count: 0, sum: Duration::ZERO, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn add(&mut self, duration: Duration) {
        let index = bucket(duration);
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket = bucket.saturating_add(1);
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(duration);
        self.longest = self.longest.max(duration);
    }

    /// Returns how many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the sum of all, exactly.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the longest, exactly; zero if there is none.
    pub fn longest(&self) -> Duration {
        self.longest
    }

    /// Returns the mean, exactly; none without any.
    pub fn mean(&self) -> Option<Duration> {
        let nanos = self.sum.as_nanos().checked_div(u128::from(self.count))?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// Returns the duration that `percent` (0 to 100) of all do not exceed, to the resolution named above; none without
    /// any.
    pub fn percentile(&self, percent: u8) -> Option<Duration> {
        let wanted = (self.count * u64::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0;
        let index = self.buckets.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        })?;
        Some(upper_edge(index).min(self.longest))
    }
}

/// Returns the bucket of a duration.
fn bucket(duration: Duration) -> usize {
    let units = usize::try_from(duration.as_nanos() / UNIT.as_nanos()).unwrap_or(usize::MAX);
    if units < SUB_BUCKETS {
        return units;
    }
    let doubling = (units.ilog2() - SUB_BUCKETS.ilog2()) as usize;
    let half = SUB_BUCKETS / 2;
    let within = (units >> (doubling + 1)) - half;
    (SUB_BUCKETS + doubling * half + within).min(BUCKETS - 1)
}

/// Returns where a bucket ends.
fn upper_edge(index: usize) -> Duration {
    let half = SUB_BUCKETS / 2;
    let units = match index.checked_sub(SUB_BUCKETS) {
        None => index + 1,
        Some(above) => (half + above % half + 1) << (above / half + 1),
    };
    UNIT * u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_below_the_edge_of_its_bucket_and_not_below_the_one_before() {
        for millis in (0..LONGEST.as_millis() as u64).step_by(777) {
            let duration = Duration::from_millis(millis);
            let index = bucket(duration);
            assert!(duration < upper_edge(index), "{duration:?} in bucket {index}");
            assert!(index == 0 || duration >= upper_edge(index - 1), "{duration:?} in bucket {index}");
        }
    }

    #[test]
    fn a_quantile_is_at_most_one_part_in_32_too_long() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|n| histogram.add(Duration::from_secs(n)));
        for (percent, exact) in [(50, 500.0), (90, 900.0), (99, 990.0), (100, 1_000.0)] {
            let got = histogram.percentile(percent).unwrap().as_secs_f64();
            assert!(got >= exact && got <= exact * (1.0 + 1.0 / 32.0) + 0.1, "P{percent} {got}");
        }
        assert_eq!(histogram.mean(), Some(Duration::from_millis(500_500)));
        assert_eq!(histogram.longest(), Duration::from_secs(1_000));
    }

    #[test]
    fn nothing_counted_gives_no_quantile() {
        let histogram = Histogram::default();
        assert_eq!((histogram.percentile(50), histogram.mean()), (None, None));
    }

    #[test]
    fn a_duration_over_the_longest_stays_in_the_last_bucket_and_is_kept_as_the_longest() {
        let mut histogram = Histogram::default();
        histogram.add(LONGEST * 10);
        assert_eq!(histogram.percentile(100), Some(LONGEST));
        assert_eq!(histogram.longest(), LONGEST * 10);
        assert_eq!(bucket(LONGEST), BUCKETS - 1);
    }
}
