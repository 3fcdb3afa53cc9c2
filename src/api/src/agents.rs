//! Queues and agents as they are now, and what agents want.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use switch::{AgentOrder, Reply, Request};

use crate::calls::{ask, senseless};
use crate::error::Refusal;
use crate::routes::bad_body;
use crate::schema::{Agents, OrderWord, Ordered, Queues};
use crate::server::Shared;

/// The longest name of an agent or a reason, in characters, as in the configuration.
const MAX_NAME: usize = 32;

/// Answers `GET /v1/queues`.
pub(crate) async fn queues(State(shared): State<Arc<Shared>>) -> Json<Queues> {
    Json(shared.hub.read(|view| Queues { seq: view.seq, queues: view.queues.values().cloned().collect() }))
}

/// Answers `GET /v1/agents`.
pub(crate) async fn agents(State(shared): State<Arc<Shared>>) -> Json<Agents> {
    Json(shared.hub.read(|view| Agents {
        seq: view.seq,
        agents: view.agents.values().cloned().collect(),
        busy_reasons: view.busy_reasons.clone(),
    }))
}

/// Answers `POST /v1/agents/{agent}`.
pub(crate) async fn order(
    State(shared): State<Arc<Shared>>,
    Path(agent): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Refusal> {
    let body = body.map_err(bad_body)?;
    let ordered = serde_json::from_slice(&body).map_err(|e| Refusal::bad(format!("the body: {e}")))?;
    let order = checked(&agent, ordered)?;
    match ask(&shared.hub, Request::Agent { agent: agent.clone(), order }).await? {
        Ok(Reply::Done) => Ok(StatusCode::ACCEPTED),
        Ok(Reply::Call(_)) => Err(senseless()),
        Err(why) if !shared.hub.read(|view| view.agents.contains_key(&agent)) => Err(Refusal::not_found(why)),
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, "refused", why)),
    }
}

fn checked(agent: &str, ordered: Ordered) -> Result<AgentOrder, Refusal> {
    let is_name = |name: &str| !name.is_empty() && name.chars().count() <= MAX_NAME;
    if !is_name(agent) {
        return Err(Refusal::bad(format!("the agent: expected a name of 1 to {MAX_NAME} characters")));
    }
    match (ordered.order, ordered.reason) {
        (OrderWord::Busy, Some(reason)) if is_name(&reason) => Ok(AgentOrder::Busy { reason }),
        (OrderWord::Busy, _) => Err(Refusal::bad(format!(
            "reason: expected one of the configured ones, 1 to {MAX_NAME} characters"
        ))),
        (_, Some(_)) => Err(Refusal::bad("reason: only busy has one")),
        (OrderWord::LogIn, None) => Ok(AgentOrder::LogIn),
        (OrderWord::LogOut, None) => Ok(AgentOrder::LogOut),
        (OrderWord::Ready, None) => Ok(AgentOrder::Ready),
        (OrderWord::WrapUpEnd, None) => Ok(AgentOrder::WrapUpEnd),
    }
}
