//! Queues, agents, and which of them gets which caller.
//!
//! [`Dispatcher`] is told who waits and who is ready, and gives [`Output::Offer`]s; whoever owns the calls rings the
//! agent's telephone and tells what became of the offer. One [`OfferId`] is the reservation of one agent **and** one
//! caller, from the offer to the end of the talk: no agent is offered twice, no caller is answered by two.
//!
//! ```text
//! caller:  --Enqueue--> waiting --Offer--> offered --Answered--> talking --TalkEnded--> gone
//!                          ^                  | failed: back to the same place
//!                          +------------------+        (gone as well: Leave, the longest wait)
//! agent:   Busy <--> Idle --Offer--> Ringing --Answered--> Talking --TalkEnded--> WrapUp --> Idle
//! ```
//!
//! How: one writer, no lock, no clock. Each queue keeps its callers in order of priority and arrival, and the idle agents
//! that serve it in order of its [`Strategy`]; an agent knows its queues. An event touches only its own caller and its
//! own agent, in O(log n) steps, times the queues that the agent serves.
//!
//! Limits: [`MAX_QUEUES`], [`MAX_CALLERS`], [`MAX_AGENTS`], [`MAX_QUEUES_PER_AGENT`]. One strategy; skills, ageing, callback,
//! the last agent and expected waits are not here yet.
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

mod agent;
mod audit;
mod config;
mod dispatcher;
mod event;
mod histogram;
mod id;
mod queue;
mod snapshot;
mod stats;

pub use agent::{AgentState, AgentTotals, BusyReason};
pub use config::{
    AcdConfig, ConfigError, MIN_MISSED_PAUSE, MIN_OFFER_TIMEOUT, MIN_POSITION_EVERY, Missed, QueueConfig,
    Strategy,
};
pub use dispatcher::Dispatcher;
pub use event::{AgentRefusal, FailReason, Input, LeaveReason, Output, Refusal, WithdrawReason};
pub use histogram::{Histogram, LONGEST, SUB_BUCKETS, UNIT};
pub use id::{AgentId, CallerKey, MAX_PRIORITY, OfferId, Priority, QueueId};
pub use snapshot::RestoreError;
pub use stats::{Outcome, QueueStats, ServiceLevels};

/// The most queues.
pub const MAX_QUEUES: usize = 512;
/// The most callers at once, waiting and talking, in all queues together.
pub const MAX_CALLERS: usize = 8_192;
/// The most agents known since the start, logged in or not.
pub const MAX_AGENTS: usize = 4_096;
/// The most queues that one agent serves.
pub const MAX_QUEUES_PER_AGENT: usize = 64;
/// The last position that is told; whoever waits behind it is told this one.
pub const MAX_POSITION: u16 = 100;
