//! What makes a call centre out of lines: flows, queues, agents, the records, and the exchange that is simulated.

mod check;
mod flow;
mod model;
mod sections;

pub(crate) use check::check;
pub(crate) use flow::{FlowFile, read_all};
pub use model::{Acd, Agent, AgentStart, CallerKind, Exchange, Flow, LineRelease, Queue, Store};
pub(crate) use sections::{RawAcd, RawFlow, acd, agent, exchange, flow, queue, store};
