//! The writing half: groups of records in one transaction.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, SqliteConnection, query};
use switch::view::CallView;

use super::keys::{self, Key};
use super::rows::{self, CALL_COLUMNS, word};
use super::{failed, int, migrator, write_options};
use crate::database::{Answer, StoreError, Write};
use crate::model::{AgentStay, Record};

/// The extended results of SQLite that another try does not mend: corrupt, not a database.
const HOPELESS: [&str; 2] = ["11", "26"];

/// The writing half of a SQLite database.
#[derive(Debug)]
pub struct SqliteWriter {
    file: PathBuf,
    options: SqliteConnectOptions,
    /// Closed after every failure and opened again for the next try: the file may have been moved or mended.
    connection: Option<SqliteConnection>,
}

impl SqliteWriter {
    /// Makes the writing half of the database in `file`, which is made when it is opened.
    pub fn new(file: &Path) -> SqliteWriter {
        SqliteWriter { file: file.into(), options: write_options(file), connection: None }
    }

    /// Takes the connection, or opens one and brings the tables up to date.
    async fn take(&mut self) -> Result<SqliteConnection, StoreError> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let mut connection = self.options.connect().await.map_err(|e| self.meaning(&e))?;
        migrator().run_direct(None, &mut connection, false).await.map_err(|error| match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => {
                self.unusable(format!("it was made by a newer or another version of this program ({error})"))
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => self.meaning(&error),
            other => StoreError::Failed { why: other.to_string() },
        })?;
        Ok(connection)
    }

    fn meaning(&self, error: &sqlx::Error) -> StoreError {
        let code = error.as_database_error().and_then(|error| error.code());
        match code {
            Some(code) if HOPELESS.contains(&&*code) => {
                StoreError::Broken { file: self.file.clone(), why: error.to_string() }
            }
            Some(_) | None => failed(error),
        }
    }

    fn unusable(&self, why: String) -> StoreError {
        StoreError::Unusable { file: self.file.clone(), why }
    }
}

impl Write for SqliteWriter {
    fn open(&mut self) -> Answer<'_, ()> {
        Box::pin(async {
            self.connection = Some(self.take().await?);
            Ok(())
        })
    }

    fn write<'a>(&'a mut self, group: &'a [Record]) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut connection = self.take().await?;
            write_group(&mut connection, group).await.map_err(|e| self.meaning(&e))?;
            self.connection = Some(connection);
            Ok(())
        })
    }

    fn prune(&mut self, before_ms: u64, limit: u32) -> Answer<'_, u64> {
        Box::pin(async move {
            let mut connection = self.take().await?;
            let count = prune_step(&mut connection, before_ms, limit).await.map_err(|e| self.meaning(&e))?;
            self.connection = Some(connection);
            Ok(count)
        })
    }
}

async fn write_group(connection: &mut SqliteConnection, group: &[Record]) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    for record in group {
        match record {
            Record::Call(call) => {
                forget(&mut tx, &call.call).await?;
                put_call(&mut tx, call).await?;
            }
            Record::Agent(stay) => put_stay(&mut tx, stay).await?,
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Removes the keys and visits of a call that is told again; its row stays, with its number.
async fn forget(tx: &mut SqliteConnection, call: &str) -> Result<(), sqlx::Error> {
    let sql = format!("SELECT {CALL_COLUMNS} FROM calls c WHERE c.call = ?1");
    let Some(row) = query(AssertSqlSafe(sql)).bind(call).fetch_optional(&mut *tx).await? else {
        return Ok(());
    };
    let id: i64 = row.try_get("id")?;
    // Of a row that cannot be read the keys stay behind: they lead to the new row, which no longer fits them.
    if let Ok((_, view)) = rows::call(&row) {
        drop_keys(tx, &[(id, view)]).await?;
    }
    query("DELETE FROM visits WHERE call_id = ?1").bind(id).execute(tx).await?;
    Ok(())
}

async fn drop_keys(tx: &mut SqliteConnection, calls: &[(i64, CallView)]) -> Result<(), sqlx::Error> {
    let row =
        |id: i64, call: &CallView, (kind, value): Key| json!([kind as i64, value, int(call.since_ms), id]);
    let of_call = |(id, call): &(i64, CallView)| {
        keys::of_call(call).into_iter().map(|key| row(*id, call, key)).collect::<Vec<_>>()
    };
    let all: Vec<_> = calls.iter().flat_map(of_call).collect();
    let sql = "DELETE FROM call_keys WHERE (kind, value, since_ms, id) IN \
               (SELECT k.value ->> 0, k.value ->> 1, k.value ->> 2, k.value ->> 3 FROM json_each(?1) k)";
    query(sql).bind(json!(all).to_string()).execute(tx).await?;
    Ok(())
}

/// Writes a call. One that is told again, by a switch that knows it from the lines' notes alone, takes nothing away.
async fn put_call(tx: &mut SqliteConnection, call: &CallView) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO calls (call, since_ms, answered_ms, talking_ms, ended_ms, called, calling, restricted, \
                   source, flow, reached, agent, progress, cause, legs, recordings) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) \
               ON CONFLICT (call) DO UPDATE SET since_ms = ?2, answered_ms = ?3, \
                   talking_ms = COALESCE(?4, talking_ms), ended_ms = ?5, \
                   called = ?6, calling = ?7, restricted = ?8, source = ?9, flow = ?10, reached = ?11, agent = ?12, \
                   progress = ?13, cause = ?14, \
                   legs = CASE WHEN ?15 LIKE '%\"channel\":null%' AND json_valid(legs) THEN legs ELSE ?15 END, \
                   recordings = CASE WHEN ?16 = '[]' AND json_valid(recordings) THEN recordings ELSE ?16 END \
               RETURNING id";
    let row = query(sql)
        .bind(&call.call)
        .bind(int(call.since_ms))
        .bind(call.answered_ms.map(int))
        .bind(call.talking_ms.map(int))
        .bind(call.ended_ms.map(int))
        .bind(&call.called)
        .bind(&call.calling)
        .bind(call.restricted)
        .bind(word(&call.from))
        .bind(&call.flow)
        .bind(&call.reached)
        .bind(&call.agent)
        .bind(word(&call.progress))
        .bind(call.cause.map(i64::from))
        .bind(json!(call.legs).to_string())
        .bind(json!(call.recordings).to_string())
        .fetch_one(&mut *tx)
        .await?;
    let id: i64 = row.try_get("id")?;
    put_visits(tx, id, call).await?;
    put_keys(tx, id, int(call.since_ms), keys::of_call(call)).await
}

async fn put_visits(tx: &mut SqliteConnection, id: i64, call: &CallView) -> Result<(), sqlx::Error> {
    if call.visits.is_empty() {
        return Ok(());
    }
    let stays = call.visits.iter().enumerate().map(|(ordinal, visit)| {
        let (entered_ms, left_ms) = (int(visit.entered_ms), visit.left_ms.map(int));
        let wait_ms = left_ms.map(|left_ms| (left_ms - entered_ms).max(0));
        json!([ordinal, visit.queue, entered_ms, left_ms, visit.outcome, visit.agent, wait_ms])
    });
    let sql = "INSERT INTO visits (call_id, ordinal, queue, entered_ms, left_ms, outcome, agent, wait_ms) \
               SELECT ?1, v.value ->> 0, v.value ->> 1, v.value ->> 2, v.value ->> 3, v.value ->> 4, v.value ->> 5, \
                   v.value ->> 6 FROM json_each(?2) v";
    query(sql).bind(id).bind(json!(stays.collect::<Vec<_>>()).to_string()).execute(tx).await?;
    Ok(())
}

async fn put_keys(
    tx: &mut SqliteConnection,
    id: i64,
    since_ms: i64,
    keys: BTreeSet<Key>,
) -> Result<(), sqlx::Error> {
    let keys: Vec<_> = keys.into_iter().map(|(kind, value)| json!([kind as i64, value])).collect();
    let sql = "INSERT OR IGNORE INTO call_keys (kind, value, since_ms, id) \
               SELECT k.value ->> 0, k.value ->> 1, ?2, ?3 FROM json_each(?1) k";
    query(sql).bind(json!(keys).to_string()).bind(since_ms).bind(id).execute(tx).await?;
    Ok(())
}

async fn put_stay(tx: &mut SqliteConnection, stay: &AgentStay) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO agent_stays (agent, from_ms, state, reason, to_ms) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (agent, from_ms, state) DO UPDATE SET reason = ?4, to_ms = ?5";
    query(sql)
        .bind(&stay.agent)
        .bind(int(stay.from_ms))
        .bind(word(&stay.state))
        .bind(&stay.reason)
        .bind(stay.to_ms.map(int))
        .execute(tx)
        .await?;
    Ok(())
}

async fn prune_step(
    connection: &mut SqliteConnection,
    before_ms: u64,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
    let sql = format!(
        "SELECT {CALL_COLUMNS} FROM calls c WHERE c.since_ms < ?1 ORDER BY c.since_ms, c.id LIMIT ?2"
    );
    let found = query(AssertSqlSafe(sql)).bind(int(before_ms)).bind(limit).fetch_all(&mut *tx).await?;
    let ids: Vec<i64> = found.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
    let readable: Vec<_> = found.iter().filter_map(|row| rows::call(row).ok()).collect();
    if !ids.is_empty() {
        drop_keys(&mut tx, &readable).await?;
        let ids = json!(ids).to_string();
        for sql in [
            "DELETE FROM visits WHERE call_id IN (SELECT value FROM json_each(?1))",
            "DELETE FROM calls WHERE id IN (SELECT value FROM json_each(?1))",
        ] {
            query(sql).bind(&ids).execute(&mut *tx).await?;
        }
    }
    let sql = "DELETE FROM agent_stays WHERE id IN (SELECT id FROM agent_stays WHERE from_ms < ?1 LIMIT ?2)";
    let stays = query(sql).bind(int(before_ms)).bind(limit).execute(&mut *tx).await?.rows_affected();
    let sql = "INSERT INTO meta (key, value) VALUES ('kept_from_ms', ?1) ON CONFLICT (key) DO UPDATE SET value = ?1";
    query(sql).bind(before_ms.to_string()).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(ids.len() as u64 + stays)
}
