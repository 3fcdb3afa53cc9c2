//! What a dispatcher is told once: its queues and what becomes of an agent who missed an offer.
//!
//! Limits: fixed for a dispatcher's life; a change is a new one.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{MAX_CALLERS, MAX_QUEUES, QueueId};

/// The shortest pause after a missed offer: below it an unreachable telephone would be offered without end.
pub const MIN_MISSED_PAUSE: Duration = Duration::from_secs(1);
/// The shortest time for which an offer stands.
pub const MIN_OFFER_TIMEOUT: Duration = Duration::from_secs(1);
/// The shortest time between two tellings of a position.
pub const MIN_POSITION_EVERY: Duration = Duration::from_secs(1);

/// Which of the idle agents gets the next caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Who has been idle longest; among equals the lowest [`AgentId`](crate::AgentId).
    #[default]
    LongestIdle,
}

/// What becomes of an agent who missed an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Busy until the agent says ready.
    Busy,
    /// Busy for so long, then ready again; at least [`MIN_MISSED_PAUSE`].
    Pause(Duration),
}

/// One queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// Who gets the next caller.
    pub strategy: Strategy,
    /// The longest wait; after it the caller flows out. None: no limit.
    pub max_wait: Option<Duration>,
    /// The most callers waiting; more are refused.
    pub max_waiting: usize,
    /// Refuses callers while no agent of the queue is logged in.
    pub needs_agents: bool,
    /// How long an agent's telephone rings before the offer counts as missed.
    pub offer_timeout: Duration,
    /// Work after a talk, before the next offer; zero for none.
    pub wrap_up: Duration,
    /// How often a waiting caller's position is told if it has changed; none: only on entry.
    pub position_every: Option<Duration>,
    /// T of the service level: answered within this wait.
    pub service_goal: Duration,
    /// An abandonment with a shorter wait is counted apart as short.
    pub short_abandon: Duration,
}

impl Default for QueueConfig {
    fn default() -> QueueConfig {
        QueueConfig {
            strategy: Strategy::LongestIdle,
            max_wait: Some(Duration::from_secs(600)),
            max_waiting: 200,
            needs_agents: false,
            offer_timeout: Duration::from_secs(15),
            wrap_up: Duration::from_secs(10),
            position_every: Some(Duration::from_secs(30)),
            service_goal: Duration::from_secs(20),
            short_abandon: Duration::from_secs(5),
        }
    }
}

/// What a dispatcher is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcdConfig {
    /// The queues.
    pub queues: BTreeMap<QueueId, QueueConfig>,
    /// What becomes of an agent who missed an offer.
    pub missed: Missed,
}

/// Why a configuration is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Fewer queues are needed.
    #[error("{0} queues are over the limit of {MAX_QUEUES}")]
    TooManyQueues(usize),
    /// Give a pause in range.
    #[error("missed: a pause of {0:?} is below {MIN_MISSED_PAUSE:?}")]
    MissedPause(Duration),
    /// Give a timeout in range.
    #[error("queue {0}: an offer_timeout of {1:?} is below {MIN_OFFER_TIMEOUT:?}")]
    OfferTimeout(QueueId, Duration),
    /// Give a period in range.
    #[error("queue {0}: a position_every of {1:?} is below {MIN_POSITION_EVERY:?}")]
    PositionEvery(QueueId, Duration),
    /// Give a limit in range.
    #[error("queue {0}: max_waiting of {1} is not in 1 to {MAX_CALLERS}")]
    MaxWaiting(QueueId, usize),
}

impl AcdConfig {
    /// Checks all ranges.
    ///
    /// # Errors
    /// The first value out of range.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.queues.len() > MAX_QUEUES {
            return Err(ConfigError::TooManyQueues(self.queues.len()));
        }
        match self.missed {
            Missed::Pause(pause) if pause < MIN_MISSED_PAUSE => return Err(ConfigError::MissedPause(pause)),
            Missed::Pause(_) | Missed::Busy => {}
        }
        self.queues.iter().try_for_each(|(id, queue)| queue.validate(*id))
    }
}

impl QueueConfig {
    fn validate(&self, id: QueueId) -> Result<(), ConfigError> {
        if self.offer_timeout < MIN_OFFER_TIMEOUT {
            return Err(ConfigError::OfferTimeout(id, self.offer_timeout));
        }
        if let Some(every) = self.position_every.filter(|every| *every < MIN_POSITION_EVERY) {
            return Err(ConfigError::PositionEvery(id, every));
        }
        if !(1..=MAX_CALLERS).contains(&self.max_waiting) {
            return Err(ConfigError::MaxWaiting(id, self.max_waiting));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut AcdConfig)) -> Option<ConfigError> {
        let queues = BTreeMap::from([(QueueId(1), QueueConfig::default())]);
        let mut config = AcdConfig { queues, missed: Missed::Busy };
        change(&mut config);
        config.validate().err()
    }

    fn queue(config: &mut AcdConfig) -> &mut QueueConfig {
        config.queues.get_mut(&QueueId(1)).unwrap()
    }

    #[test]
    fn values_out_of_range_are_refused_and_the_edge_is_taken() {
        let short = Duration::from_millis(999);
        assert_eq!(refused(|_| {}), None);
        assert_eq!(refused(|c| c.missed = Missed::Pause(short)), Some(ConfigError::MissedPause(short)));
        assert_eq!(refused(|c| c.missed = Missed::Pause(MIN_MISSED_PAUSE)), None);
        assert!(matches!(refused(|c| queue(c).offer_timeout = short), Some(ConfigError::OfferTimeout(..))));
        assert!(matches!(
            refused(|c| queue(c).position_every = Some(short)),
            Some(ConfigError::PositionEvery(..))
        ));
        assert!(matches!(refused(|c| queue(c).max_waiting = 0), Some(ConfigError::MaxWaiting(..))));
        assert_eq!(refused(|c| queue(c).max_waiting = MAX_CALLERS), None);
        let many = |c: &mut AcdConfig| {
            c.queues = (0..=MAX_QUEUES as u16).map(|n| (QueueId(n), QueueConfig::default())).collect()
        };
        assert_eq!(refused(many), Some(ConfigError::TooManyQueues(MAX_QUEUES + 1)));
    }
}
