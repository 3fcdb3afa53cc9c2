//! What any database behind the store can do.
//!
//! Two traits, since writing and reading have different connections, threads and rights. Answers are boxed futures, so
//! that the program holds a database without knowing which.

use std::path::PathBuf;
use std::pin::Pin;

use switch::view::CallView;

use crate::model::{
    AgentStay, FiguresAsked, IntervalFigures, Page, Record, Selection, VisitPage, VisitPlace,
};

/// What a database answers, some time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why the database has not done it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file is no database, or a broken one: only another file will do, see [`put_aside`](crate::put_aside).
    #[error("store: {} is broken: {why}", file.display())]
    Broken {
        /// The database's file.
        file: PathBuf,
        /// What the database says.
        why: String,
    },
    /// Another try will not mend it: a database of a newer program, or no place for one.
    #[error("store: {} cannot be used: {why}", file.display())]
    Unusable {
        /// The database's file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It may go well another time: locked, full, slow, read-only, away.
    #[error("store: {why}")]
    Failed {
        /// What the database says.
        why: String,
    },
    /// The question would have taken too long.
    #[error("store: the question took longer than {limit_ms} ms; ask for less")]
    TooLong {
        /// How long it may take.
        limit_ms: u64,
    },
    /// The answer would have been too long.
    #[error("store: the answer has more than {limit} rows; ask for less")]
    TooMuch {
        /// How long it may be.
        limit: usize,
    },
    /// A row cannot be understood.
    #[error("store: a row of {table} cannot be read: {why}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// The writing half; one for a database.
pub trait Write: Send {
    /// Opens the database, and makes or brings up to date its tables; otherwise the first [`write`](Write::write) does.
    fn open(&mut self) -> Answer<'_, ()>;

    /// Writes all or nothing. When it is done the records outlast the machine's loss of power.
    fn write<'a>(&'a mut self, group: &'a [Record]) -> Answer<'a, ()>;

    /// Removes at most `limit` calls and `limit` agents' stays that began before `before_ms`; returns how many.
    fn prune(&mut self, before_ms: u64, limit: u32) -> Answer<'_, u64>;
}

/// The reading half; many questions at once.
pub trait Read: Send + Sync {
    /// Returns a page of records.
    fn records<'a>(&'a self, selection: &'a Selection) -> Answer<'a, Page>;

    /// Returns the record of the call named `call`.
    fn record<'a>(&'a self, call: &'a str) -> Answer<'a, Option<CallView>>;

    /// Returns figures by queue and interval; intervals in which nobody came are left out.
    fn figures<'a>(&'a self, asked: &'a FiguresAsked) -> Answer<'a, Vec<IntervalFigures>>;

    /// Returns the stays in queues that began at `from_ms` or later, after `after`.
    fn visits(&self, from_ms: u64, after: Option<VisitPlace>) -> Answer<'_, VisitPage>;

    /// Returns an agent's stays that began in `from_ms..to_ms`, the newest first; at most
    /// [`MAX_STAYS`](crate::MAX_STAYS).
    fn agent_stays<'a>(&'a self, agent: &'a str, from_ms: u64, to_ms: u64) -> Answer<'a, Vec<AgentStay>>;
}
