//! Rows to views and back.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use switch::view::{AgentStateView, CallView, Outcome, VisitView};

use super::uint;
use crate::database::StoreError;
use crate::model::AgentStay;

/// The columns of [`call`], of the table `calls` named `c`.
pub(super) const CALL_COLUMNS: &str = "c.id, c.call, c.since_ms, c.answered_ms, c.talking_ms, c.ended_ms, c.called, \
    c.calling, c.restricted, c.source, c.flow, c.reached, c.agent, c.progress, c.cause, c.legs, c.recordings, \
    (SELECT json_group_array(json_array(v.queue, v.entered_ms, v.left_ms, v.outcome, v.agent) ORDER BY v.ordinal) \
     FROM visits v WHERE v.call_id = c.id) AS stays";

/// Returns the schema's word for a value without parts.
pub(super) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => unreachable!("values without parts are words"),
    }
}

/// Returns the value that a word means.
pub(super) fn meaning<T: DeserializeOwned>(word: &str, table: &'static str) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(word.into())).map_err(|e| damaged(table, &e))
}

/// Reads a call with its number in the database.
pub(super) fn call(row: &SqliteRow) -> Result<(i64, CallView), StoreError> {
    let id = column::<i64>(row, "id", "calls")?;
    let text = |name| column::<String>(row, name, "calls");
    let maybe = |name| column::<Option<String>>(row, name, "calls");
    let at = |name| Ok::<_, StoreError>(column::<Option<i64>>(row, name, "calls")?.map(uint));
    let view = CallView {
        call: text("call")?,
        called: text("called")?,
        calling: text("calling")?,
        restricted: column::<bool>(row, "restricted", "calls")?,
        from: meaning(&text("source")?, "calls")?,
        flow: maybe("flow")?,
        reached: maybe("reached")?,
        agent: maybe("agent")?,
        visits: visits(&text("stays")?)?,
        progress: meaning(&text("progress")?, "calls")?,
        legs: json(&text("legs")?)?,
        since_ms: at("since_ms")?.unwrap_or(0),
        answered_ms: at("answered_ms")?,
        talking_ms: at("talking_ms")?,
        ended_ms: at("ended_ms")?,
        cause: at("cause")?.map(|cause| u8::try_from(cause).unwrap_or(u8::MAX)),
        recordings: json(&text("recordings")?)?,
    };
    Ok((id, view))
}

/// A stay as the array that goes in and out: queue, entered, left, outcome, agent.
type Stay = (String, u64, Option<u64>, Option<Outcome>, Option<String>);

fn visits(text: &str) -> Result<Vec<VisitView>, StoreError> {
    let stays: Vec<Stay> = json(text)?;
    let view = |(queue, entered_ms, left_ms, outcome, agent)| VisitView {
        queue,
        entered_ms,
        left_ms,
        outcome,
        agent,
    };
    Ok(stays.into_iter().map(view).collect())
}

/// Reads an agent's stay.
pub(super) fn stay(row: &SqliteRow) -> Result<AgentStay, StoreError> {
    const TABLE: &str = "agent_stays";
    let state: AgentStateView = meaning(&column::<String>(row, "state", TABLE)?, TABLE)?;
    Ok(AgentStay {
        agent: column(row, "agent", TABLE)?,
        state,
        reason: column(row, "reason", TABLE)?,
        from_ms: uint(column(row, "from_ms", TABLE)?),
        to_ms: column::<Option<i64>>(row, "to_ms", TABLE)?.map(uint),
    })
}

/// Reads one column.
pub(super) fn column<'r, T>(
    row: &'r SqliteRow,
    name: &'static str,
    table: &'static str,
) -> Result<T, StoreError>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(name).map_err(|e| damaged(table, &e))
}

fn json<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| damaged("calls", &e))
}

fn damaged(table: &'static str, why: &dyn std::error::Error) -> StoreError {
    StoreError::Damaged { table, why: why.to_string() }
}
