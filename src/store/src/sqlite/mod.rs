//! SQLite through sqlx: one file, its log (WAL) beside it.
//!
//! `journal_mode = WAL`, so that readers and the writer never wait for each other. `synchronous = FULL`: the log is
//! synced at each COMMIT, so that what was said to be stored outlasts a loss of power; with NORMAL it would outlast only
//! the death of the process, and by then the line process has forgotten the call. One sync for a group of records is
//! cheap.

mod keys;
mod read;
mod rows;
mod write;

use std::path::Path;
use std::time::Duration;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

pub use read::{SqliteReader, open_stays, visits_since};
pub use write::SqliteWriter;

use crate::database::StoreError;

/// How long a connection waits for another one's lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(1_000);
/// The log file is cut back to this many octets.
const LOG_OCTETS: &str = "67108864";

/// All changes of the tables, the oldest first.
const MIGRATIONS: [(i64, &str, &str); 1] = [(1, "records", include_str!("../migrations/0001_records.sql"))];

fn migrator() -> Migrator {
    let migration = |(version, description, sql): (i64, &'static str, &'static str)| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(MIGRATIONS.into_iter().map(migration).collect())
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(LOCK_PATIENCE)
        .pragma("trusted_schema", "OFF")
        .thread_name(|number| format!("sqlite-{number}"))
}

fn write_options(file: &Path) -> SqliteConnectOptions {
    options(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("journal_size_limit", LOG_OCTETS)
}

fn read_options(file: &Path) -> SqliteConnectOptions {
    options(file).read_only(true).pragma("query_only", "ON")
}

/// Says what an error means.
fn failed(error: &sqlx::Error) -> StoreError {
    StoreError::Failed { why: error.to_string() }
}

/// Returns the number as the database holds it.
fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
