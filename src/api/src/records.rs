//! Records of ended calls and figures of the past, from the store.
//!
//! The store bounds the time and the length of its answers; here the questions are bounded.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;
use store::{FiguresAsked, MAX_PAGE, Selection, StoreError};
use switch::view::Outcome;

use crate::error::Refusal;
use crate::routes::bad_query;
use crate::schema::{CallView, Figures, Records};
use crate::server::Shared;

/// Records in one answer unless the request says how many.
const DEFAULT_PAGE: usize = 50;
/// The longest text of a selection, in characters.
const MAX_TEXT: usize = 64;
/// The most intervals in one answer.
const MAX_INTERVALS: u64 = 1_500;
/// The longest interval.
const MAX_STEP_S: u64 = 86_400;
/// An interval's length unless the request says it.
const DEFAULT_STEP_S: u64 = 900;
/// The service goal of queues that are not configured any more.
const OTHER_GOAL_MS: u64 = 20_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    from_ms: Option<u64>,
    to_ms: Option<u64>,
    queue: Option<String>,
    agent: Option<String>,
    number: Option<String>,
    outcome: Option<Outcome>,
    limit: Option<usize>,
    before: Option<String>,
}

/// Answers `GET /v1/records`.
pub(crate) async fn records(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Records>, Refusal> {
    let selection = selection(wanted.map_err(bad_query)?.0)?;
    let page = store(&shared)?.records(&selection).await.map_err(refusal)?;
    let next = page.next.map(|next| next.to_string());
    Ok(Json(Records { records: page.records, total: page.total, next }))
}

fn selection(wanted: Wanted) -> Result<Selection, Refusal> {
    let Wanted { from_ms, to_ms, queue, agent, number, outcome, limit, before } = wanted;
    for (key, text) in [("queue", &queue), ("agent", &agent), ("number", &number)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > MAX_TEXT) {
            return Err(Refusal::bad(format!("{key}: expected 1 to {MAX_TEXT} characters")));
        }
    }
    let limit = limit.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Refusal::bad(format!("limit: {limit} is not in 1..={MAX_PAGE}")));
    }
    let before = before.map(|before| before.parse()).transpose();
    let before = before.map_err(|e| Refusal::bad(format!("before: {e}")))?;
    let any = Selection::default();
    let (from_ms, to_ms) = (from_ms.unwrap_or(any.from_ms), to_ms.unwrap_or(any.to_ms));
    Ok(Selection { from_ms, to_ms, queue, agent, number, outcome, limit, before })
}

/// Answers `GET /v1/records/{call}`. A call that has just ended is known before it is stored.
pub(crate) async fn record(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<CallView>, Refusal> {
    let found = store(&shared)?.record(&name).await.map_err(refusal)?;
    let ended = || shared.hub.read(|view| view.ended.iter().rev().find(|call| call.call == name).cloned());
    found.or_else(ended).map(Json).ok_or_else(|| Refusal::not_found("no record of such a call"))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interval {
    from_ms: u64,
    to_ms: u64,
    step_s: Option<u64>,
}

/// Answers `GET /v1/figures`.
pub(crate) async fn figures(
    State(shared): State<Arc<Shared>>,
    interval: Result<Query<Interval>, QueryRejection>,
) -> Result<Json<Figures>, Refusal> {
    let Interval { from_ms, to_ms, step_s } = interval.map_err(bad_query)?.0;
    let step_s = step_s.unwrap_or(DEFAULT_STEP_S);
    if !(1..=MAX_STEP_S).contains(&step_s) {
        return Err(Refusal::bad(format!("step_s: {step_s} is not in 1..={MAX_STEP_S}")));
    }
    let step_ms = step_s * 1_000;
    let count = to_ms.checked_sub(from_ms).ok_or_else(|| Refusal::bad("to_ms: lies before from_ms"))?;
    if count.div_ceil(step_ms) > MAX_INTERVALS {
        return Err(Refusal::bad(format!("step_s: makes more than {MAX_INTERVALS} intervals")));
    }
    let goal = |queue: &switch::view::QueueView| (queue.queue.clone(), queue.service_goal_ms);
    let goals_ms = shared.hub.read(|view| view.queues.values().map(goal).collect());
    let asked = FiguresAsked { from_ms, to_ms, step_ms, goals_ms, other_goal_ms: OTHER_GOAL_MS };
    Ok(Json(Figures { intervals: store(&shared)?.figures(&asked).await.map_err(refusal)? }))
}

fn store(shared: &Shared) -> Result<&dyn store::Read, Refusal> {
    shared.records.as_deref().ok_or_else(|| no_store("this switch keeps no records"))
}

fn no_store(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "no_store", message)
}

fn refusal(error: StoreError) -> Refusal {
    match error {
        StoreError::TooLong { .. } => Refusal::busy(error.to_string()),
        StoreError::TooMuch { .. } => Refusal::bad(error.to_string()),
        StoreError::Broken { .. } | StoreError::Unusable { .. } | StoreError::Failed { .. } => {
            tracing::warn!(%error, "records cannot be read");
            no_store(error.to_string())
        }
        StoreError::Damaged { .. } => {
            tracing::error!(%error, "a record is damaged");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
        }
    }
}
