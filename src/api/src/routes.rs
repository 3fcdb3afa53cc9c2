//! The paths under `/v1` and what answers them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::Deserialize;
use switch::view::{MAX_ENDED_CALLS, View};

use crate::error::Refusal;
use crate::schema::{API_VERSION, CallCounts, CallView, Calls, Channels, Dialled, SpanCounts, Spans, Status};
use crate::server::Shared;
use crate::{agents, calls, events, guard, page, recordings, records, reload};

/// The longest body of a request, in octets.
pub const MAX_BODY: usize = 16 * 1024;
/// The most calls in one answer.
pub const MAX_CALLS: usize = switch::MAX_CALLS + MAX_ENDED_CALLS;
/// Calls in one answer unless the request says how many.
const DEFAULT_CALLS: usize = 100;

/// Makes the router.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/v1/status", get(status))
        .route("/v1/spans", get(spans))
        .route("/v1/channels", get(channels))
        .route("/v1/calls", get(calls).post(dial))
        .route("/v1/calls/{call}", get(call).delete(clear))
        .route("/v1/queues", get(agents::queues))
        .route("/v1/agents", get(agents::agents))
        .route("/v1/agents/{agent}", post(agents::order))
        .route("/v1/records", get(records::records))
        .route("/v1/records/{call}", get(records::record))
        .route("/v1/figures", get(records::figures))
        .route("/v1/recordings/{*path}", get(recordings::recording))
        .route("/v1/events", get(events::events))
        .route("/v1/reload", post(reload::reload))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        // Around the fallbacks as well: without the token nobody learns which paths there are.
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::token));
    // The page holds no secrets; it asks for the token itself.
    page::router()
        .merge(api)
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::host))
        .with_state(shared)
}

async fn nothing() -> Refusal {
    Refusal::not_found("there is nothing at this path")
}

pub(crate) async fn wrong_method() -> Refusal {
    let message = "this path does not take this method";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", message)
}

async fn status(State(shared): State<Arc<Shared>>) -> Json<Status> {
    let uptime_ms = u64::try_from(shared.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Json(shared.hub.read(|view| Status {
        version: shared.version.clone(),
        api: API_VERSION,
        link_protocol: link::PROTOCOL,
        run: shared.hub.run().into(),
        uptime_ms,
        now_ms: now_ms(),
        seq: view.seq,
        attached: view.attached,
        calls: CallCounts { live: view.calls.len() as u64, ended_total: view.ended_total },
        spans: SpanCounts::new(view),
        health: view.health.clone(),
    }))
}

/// Returns milliseconds since 1970-01-01 UTC.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

async fn spans(State(shared): State<Arc<Shared>>) -> Json<Spans> {
    Json(shared.hub.read(|view| Spans { seq: view.seq, spans: view.spans.values().cloned().collect() }))
}

async fn channels(State(shared): State<Arc<Shared>>) -> Json<Channels> {
    Json(shared.hub.read(|view| Channels { seq: view.seq, channels: view.channels() }))
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    #[default]
    Live,
    Ended,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Selection {
    #[serde(default)]
    state: Which,
    limit: Option<usize>,
}

async fn calls(
    State(shared): State<Arc<Shared>>,
    selection: Result<Query<Selection>, QueryRejection>,
) -> Result<Json<Calls>, Refusal> {
    let Query(Selection { state, limit }) = selection.map_err(bad_query)?;
    let limit = limit.unwrap_or(DEFAULT_CALLS);
    if !(1..=MAX_CALLS).contains(&limit) {
        return Err(Refusal::bad(format!("limit: {limit} is not in 1..={MAX_CALLS}")));
    }
    Ok(Json(shared.hub.read(|view| select(view, state, limit))))
}

fn select(view: &View, state: Which, limit: usize) -> Calls {
    let live = || {
        let mut live: Vec<&CallView> = view.calls.values().collect();
        live.sort_by_key(|call| std::cmp::Reverse(call.since_ms));
        live
    };
    let ended = || view.ended.iter().rev();
    let found: Vec<&CallView> = match state {
        Which::Live => live(),
        Which::Ended => ended().collect(),
        Which::All => live().into_iter().chain(ended()).collect(),
    };
    let total = found.len() as u64;
    Calls { seq: view.seq, total, calls: found.into_iter().take(limit).cloned().collect() }
}

async fn call(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
) -> Result<Json<CallView>, Refusal> {
    let found = shared.hub.read(|view| {
        let ended = || view.ended.iter().rev().find(|call| call.call == name);
        view.calls.get(&name).or_else(ended).cloned()
    });
    found.map(Json).ok_or_else(|| Refusal::not_found("no such call, or it has ended long ago"))
}

async fn dial(
    State(shared): State<Arc<Shared>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Dialled>), Refusal> {
    let body = body.map_err(bad_body)?;
    Ok((StatusCode::CREATED, Json(calls::dial(&shared.hub, &body).await?)))
}

async fn clear(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<StatusCode, Refusal> {
    calls::clear(&shared.hub, &name).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Says what is wrong with a query.
pub(crate) fn bad_query(rejection: QueryRejection) -> Refusal {
    Refusal::bad(rejection.body_text())
}

/// Says what is wrong with a body.
pub(crate) fn bad_body(rejection: BytesRejection) -> Refusal {
    let response = rejection.into_response();
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("the body is longer than {MAX_BODY} octets");
        return Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
    }
    Refusal::bad("the body could not be read")
}
