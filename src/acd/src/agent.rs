//! One agent: the present state, what comes after it, and the time spent in each.
//!
//! States partition a login: there is exactly one at any time, entered by [`Agent::set_state`] alone, which also books the
//! time of the state that ends. Every state but `Idle`, `Talking` and a `Busy` of the agent's own choice has a deadline.
//! Limits: hold, internal and outbound talk are not told apart yet.

use core::time::Duration;

use clock::Mono;
use serde::{Deserialize, Serialize};

use crate::{OfferId, QueueId};

/// Why an agent takes no callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BusyReason {
    /// Logged in and not ready yet.
    LoggedIn,
    /// An offer was missed.
    Missed,
    /// The agent's own choice, by the number of a reason.
    Own(u8),
}

/// What an agent does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Not logged in.
    Offline,
    /// Ready for a caller.
    Idle,
    /// The telephone rings for this offer.
    Ringing {
        /// The reservation.
        offer: OfferId,
    },
    /// In talk with the caller of this offer.
    Talking {
        /// The reservation.
        offer: OfferId,
    },
    /// Works after a talk.
    WrapUp {
        /// At most until then.
        until: Mono,
    },
    /// Takes no callers.
    Busy {
        /// Why.
        reason: BusyReason,
        /// Ready again by itself at this time; none: when the agent says so.
        until: Option<Mono>,
    },
}

impl AgentState {
    /// Returns the reservation that the agent holds.
    pub fn offer(self) -> Option<OfferId> {
        match self {
            AgentState::Ringing { offer } | AgentState::Talking { offer } => Some(offer),
            AgentState::Offline | AgentState::Idle | AgentState::WrapUp { .. } | AgentState::Busy { .. } => {
                None
            }
        }
    }

    /// Returns when the state ends by itself. A ringing one ends with its offer.
    pub fn until(self) -> Option<Mono> {
        match self {
            AgentState::WrapUp { until } => Some(until),
            AgentState::Busy { until, .. } => until,
            AgentState::Offline
            | AgentState::Idle
            | AgentState::Ringing { .. }
            | AgentState::Talking { .. } => None,
        }
    }
}

/// What an agent has asked for while ringing or talking, done afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum After {
    Ready,
    Busy(u8),
    LogOut,
}

/// Time by state and counts, over all logins since the dispatcher's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentTotals {
    /// Ready.
    pub idle: Duration,
    /// Ringing.
    pub ringing: Duration,
    /// In talk.
    pub talking: Duration,
    /// Work after talks.
    pub wrap_up: Duration,
    /// Busy, for whatever reason.
    pub busy: Duration,
    /// Logins.
    pub logins: u64,
    /// Times the agent chose to be busy.
    pub busy_count: u64,
    /// Offers made to the agent.
    pub offers: u64,
    /// Of these, answered.
    pub answered: u64,
    /// Of these, missed.
    pub missed: u64,
}

impl AgentTotals {
    /// Returns the time logged in: the sum of all states.
    pub fn login(&self) -> Duration {
        self.idle + self.ringing + self.talking + self.wrap_up + self.busy
    }

    fn book(&mut self, state: AgentState, time: Duration) {
        match state {
            AgentState::Offline => {}
            AgentState::Idle => self.idle += time,
            AgentState::Ringing { .. } => self.ringing += time,
            AgentState::Talking { .. } => self.talking += time,
            AgentState::WrapUp { .. } => self.wrap_up += time,
            AgentState::Busy { .. } => self.busy += time,
        }
    }
}

/// An agent, logged in or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Agent {
    /// Sorted, each once.
    pub queues: Vec<QueueId>,
    pub state: AgentState,
    pub since: Mono,
    /// Times before this belong to another day.
    pub counted_from: Mono,
    pub after: After,
    /// Since when the agent counts as idle: kept over an offer that was withdrawn.
    pub idle_since: Mono,
    pub totals: AgentTotals,
}

impl Agent {
    pub fn new(now: Mono) -> Agent {
        Agent {
            queues: Vec::new(),
            state: AgentState::Offline,
            since: now,
            counted_from: now,
            after: After::Ready,
            idle_since: now,
            totals: AgentTotals::default(),
        }
    }

    /// Begins times and counts anew; the present state counts from now on.
    pub fn new_day(&mut self, now: Mono) {
        self.totals =
            AgentTotals { logins: u64::from(self.state != AgentState::Offline), ..AgentTotals::default() };
        self.counted_from = now;
    }

    pub fn set_state(&mut self, state: AgentState, now: Mono) {
        self.totals = self.totals_at(now);
        (self.state, self.since) = (state, now);
    }

    /// Returns the totals with the time of the present state so far.
    pub fn totals_at(&self, now: Mono) -> AgentTotals {
        let mut totals = self.totals;
        totals.book(self.state, now - self.since.max(self.counted_from));
        totals
    }
}
