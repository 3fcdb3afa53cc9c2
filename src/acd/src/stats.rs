//! The counters of one queue and the key figures made from them.
//!
//! O offered = entered the queue, A answered, Ab abandoned, F flowed out: O = A + Ab + F + waiting, after every input.
//! Refused callers never entered and are counted apart. T is the queue's service goal; an abandonment is short below
//! its `short_abandon`. Waits run from entry to the end of waiting; callers that still wait are in no histogram.
//! Counters run since the dispatcher's start: an interval is the difference of two copies.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Histogram;
use crate::config::QueueConfig;

/// The counters of one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStats {
    /// O: callers that entered.
    pub offered: u64,
    /// A: callers that an agent answered.
    pub answered: u64,
    /// A(≤T): of these, within the service goal.
    pub answered_in_goal: u64,
    /// Ab: callers that hung up while waiting.
    pub abandoned: u64,
    /// Ab(≤T): of these, within the service goal.
    pub abandoned_in_goal: u64,
    /// Ab(<s): of these, shorter than a short abandonment.
    pub abandoned_short: u64,
    /// F: callers that left otherwise: the longest wait, taken elsewhere.
    pub flowed_out: u64,
    /// Callers waiting now, those being offered among them.
    pub waiting: u64,
    /// Callers refused on entry; not in O.
    pub refused: u64,
    /// Offers made to agents.
    pub offers: u64,
    /// Offers that failed: no answer, busy, unreachable.
    pub offers_missed: u64,
    /// Waits of the answered; the mean is the ASA.
    pub wait_answered: Histogram,
    /// Waits of the abandoned.
    pub wait_abandoned: Histogram,
    /// Waits of all that wait no more.
    pub wait_all: Histogram,
}

/// How a stay in a queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An agent answered.
    Answered,
    /// The caller hung up.
    Abandoned,
    /// The caller went on elsewhere: the longest wait was over.
    FlowedOut,
    /// The queue took nobody.
    Refused,
}

/// The four service levels, each 0 to 1; none where the denominator is 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceLevels {
    /// A(≤T) / O.
    pub sl1: Option<f64>,
    /// A(≤T) / (O − Ab(<s)).
    pub sl2: Option<f64>,
    /// (A(≤T) + Ab(≤T)) / O.
    pub sl3: Option<f64>,
    /// A(≤T) / A.
    pub sl4: Option<f64>,
}

impl QueueStats {
    /// Returns the four service levels.
    pub fn service_levels(&self) -> ServiceLevels {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        ServiceLevels {
            sl1: share(self.answered_in_goal, self.offered),
            sl2: share(self.answered_in_goal, self.offered.saturating_sub(self.abandoned_short)),
            sl3: share(self.answered_in_goal + self.abandoned_in_goal, self.offered),
            sl4: share(self.answered_in_goal, self.answered),
        }
    }

    /// Returns true if no caller was lost: O = A + Ab + F + waiting.
    pub fn is_conserved(&self) -> bool {
        let parts = [self.answered, self.abandoned, self.flowed_out, self.waiting];
        parts.iter().try_fold(0u64, |sum, part| sum.checked_add(*part)) == Some(self.offered)
    }

    /// Adds a stay that another dispatcher has seen.
    pub(crate) fn replay(&mut self, outcome: Outcome, wait: Duration, config: &QueueConfig) {
        if outcome == Outcome::Refused {
            self.refused += 1;
            return;
        }
        self.entered();
        match outcome {
            Outcome::Answered => self.answered(wait, config),
            Outcome::Abandoned => self.abandoned(wait, config),
            Outcome::FlowedOut | Outcome::Refused => self.flowed_out(wait),
        }
    }

    /// Begins anew: whoever waits is offered again.
    pub(crate) fn restart(&mut self) {
        let waiting = self.waiting;
        *self = QueueStats { offered: waiting, waiting, ..QueueStats::default() };
    }

    pub(crate) fn entered(&mut self) {
        self.offered += 1;
        self.waiting += 1;
    }

    pub(crate) fn answered(&mut self, wait: Duration, config: &QueueConfig) {
        self.waited(wait);
        self.answered += 1;
        self.answered_in_goal += u64::from(wait <= config.service_goal);
        self.wait_answered.add(wait);
    }

    pub(crate) fn abandoned(&mut self, wait: Duration, config: &QueueConfig) {
        self.waited(wait);
        self.abandoned += 1;
        self.abandoned_in_goal += u64::from(wait <= config.service_goal);
        self.abandoned_short += u64::from(wait < config.short_abandon);
        self.wait_abandoned.add(wait);
    }

    pub(crate) fn flowed_out(&mut self, wait: Duration) {
        self.waited(wait);
        self.flowed_out += 1;
    }

    fn waited(&mut self, wait: Duration) {
        self.waiting -= 1;
        self.wait_all.add(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn the_four_service_levels_differ_as_defined() {
        let config = QueueConfig::default();
        let mut stats = QueueStats::default();
        (0..10).for_each(|_| stats.entered());
        [5, 20, 21, 60].iter().for_each(|s| stats.answered(seconds(*s), &config));
        [4, 5, 20, 30].iter().for_each(|s| stats.abandoned(seconds(*s), &config));
        stats.flowed_out(seconds(600));
        let levels = stats.service_levels();
        assert_eq!(levels.sl1, Some(2.0 / 10.0));
        assert_eq!(levels.sl2, Some(2.0 / 9.0));
        assert_eq!(levels.sl3, Some(5.0 / 10.0));
        assert_eq!(levels.sl4, Some(2.0 / 4.0));
        assert_eq!((stats.waiting, stats.is_conserved()), (1, true));
        assert_eq!(stats.wait_answered.mean(), Some(Duration::from_millis(26_500)));
    }

    #[test]
    fn without_callers_there_is_no_service_level() {
        let none = ServiceLevels { sl1: None, sl2: None, sl3: None, sl4: None };
        assert_eq!(QueueStats::default().service_levels(), none);
    }
}
