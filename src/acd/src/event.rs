//! What a dispatcher is told and what it says.
//!
//! Inputs come from whoever owns the calls and from agents; outputs are to be carried out in the order given.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent::AgentState;
use crate::{AgentId, CallerKey, OfferId, Priority, QueueId};

/// What happens to queues and agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// A caller wants to wait.
    Enqueue {
        /// Who.
        caller: CallerKey,
        /// Where.
        queue: QueueId,
        /// How urgent.
        priority: Priority,
    },
    /// A caller was found waiting or talking by a new dispatcher: it counts as offered again and keeps the wait it has.
    /// Tell those in talk first, then those that wait in order of arrival.
    Resume {
        /// Who.
        caller: CallerKey,
        /// Where.
        queue: QueueId,
        /// How urgent.
        priority: Priority,
        /// How long it has waited; the whole wait of one in talk.
        waited: Duration,
        /// With whom it talks; if that agent is not idle the talk is none of the dispatcher's.
        agent: Option<AgentId>,
    },
    /// A caller leaves, wherever it stands: one in talk ends the talk.
    Leave {
        /// Who.
        caller: CallerKey,
        /// Why.
        why: LeaveReason,
    },
    /// An agent logs in, busy at first.
    LogIn {
        /// Who.
        agent: AgentId,
        /// The queues that the agent serves.
        queues: Vec<QueueId>,
    },
    /// An agent serves other queues from now on. What rings or is spoken goes on.
    Serve {
        /// Who.
        agent: AgentId,
        /// The queues that the agent serves.
        queues: Vec<QueueId>,
    },
    /// An agent logs out: at once, but from a talk when it ends.
    LogOut {
        /// Who.
        agent: AgentId,
    },
    /// An agent is ready: at once, but from a talk after it and its wrap-up. Ends a wrap-up.
    Ready {
        /// Who.
        agent: AgentId,
    },
    /// An agent takes no callers: at once, but from ringing or a talk after it. Ends a wrap-up.
    Busy {
        /// Who.
        agent: AgentId,
        /// The number of the reason.
        reason: u8,
    },
    /// An agent has ended the work after a talk.
    WrapUpEnd {
        /// Who.
        agent: AgentId,
    },
    /// The agent has answered.
    Answered {
        /// Which offer.
        offer: OfferId,
    },
    /// The agent was not reached.
    Failed {
        /// Which offer.
        offer: OfferId,
        /// Why.
        why: FailReason,
    },
    /// The talk that began with this offer has ended.
    TalkEnded {
        /// Which offer.
        offer: OfferId,
    },
    /// The time of [`Dispatcher::poll_timeout`](crate::Dispatcher::poll_timeout) has come.
    Timeout,
}

/// Why a caller leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// It hung up.
    Abandoned,
    /// It is served elsewhere.
    Taken,
}

/// Why an agent was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// The telephone rang in vain.
    NoAnswer,
    /// The telephone was busy.
    Busy,
    /// There is no way to the telephone.
    Unreachable,
}

/// What the dispatcher wants done, or tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Ring the agent for the caller.
    Offer {
        /// The reservation.
        offer: OfferId,
        /// Whom for.
        caller: CallerKey,
        /// Whom.
        agent: AgentId,
        /// From which queue.
        queue: QueueId,
        /// How long the caller has waited.
        waited: Duration,
    },
    /// Ring no more; an answer from now on is too late.
    Withdraw {
        /// Which offer.
        offer: OfferId,
        /// Why.
        why: WithdrawReason,
    },
    /// A caller was not taken into the queue.
    Refused {
        /// Who.
        caller: CallerKey,
        /// Where.
        queue: QueueId,
        /// Why.
        why: Refusal,
    },
    /// A caller has waited longest and is in the queue no more.
    TimedOut {
        /// Who.
        caller: CallerKey,
        /// Where.
        queue: QueueId,
    },
    /// A waiting caller has this position.
    Position {
        /// Who.
        caller: CallerKey,
        /// Where.
        queue: QueueId,
        /// From 1; [`MAX_POSITION`](crate::MAX_POSITION) stands for itself and all behind it.
        position: u16,
    },
    /// An agent's state has changed.
    Agent {
        /// Who.
        agent: AgentId,
        /// To what.
        state: AgentState,
    },
    /// An agent could not log in.
    AgentRefused {
        /// Who.
        agent: AgentId,
        /// Why.
        why: AgentRefusal,
    },
}

/// Why an offer is withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawReason {
    /// The caller has left.
    CallerLeft,
    /// The agent has logged out.
    AgentLeft,
    /// The agent has not answered in time.
    NoAnswer,
}

/// Why a caller is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// There is no such queue.
    UnknownQueue,
    /// As many wait as may.
    Full,
    /// No agent of the queue is logged in, and it needs one.
    NoAgents,
    /// It waits or talks already.
    AlreadyHere,
}

/// Why an agent is not logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentRefusal {
    /// There is no such queue.
    UnknownQueue,
    /// More than [`MAX_QUEUES_PER_AGENT`](crate::MAX_QUEUES_PER_AGENT).
    TooManyQueues,
    /// More than [`MAX_AGENTS`](crate::MAX_AGENTS).
    TooManyAgents,
    /// Logged in already.
    LoggedIn,
}
