//! The reading half: a few read-only connections, each question bounded in time and in the length of its answer.
//!
//! A question has [`PATIENCE`], waiting for a free connection included. The database looks at the deadline every
//! [`STEPS`] of its own steps and stops by itself: a question whose client has gone ends as well.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, ConnectOptions, SqliteConnection, query_with};
use switch::view::CallView;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::rows::{self, CALL_COLUMNS, column, meaning};
use super::{failed, int, keys, read_options, uint};
use crate::cursor::Cursor;
use crate::database::{Answer, Read, StoreError};
use crate::model::{
    AgentStay, FiguresAsked, IntervalFigures, MAX_FIGURES, MAX_PAGE, MAX_STAYS, MAX_TOTAL, MAX_VISITS_READ,
    Page, PastVisit, Selection, VisitPage, VisitPlace,
};

/// Questions answered at once; more wait.
const CONNECTIONS: usize = 4;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(3_000);
/// How many of its steps the database does between two looks at the deadline: well below a millisecond's worth.
const STEPS: i32 = 10_000;
/// Beyond the deadline, for the news of it to come back.
const GRACE: Duration = Duration::from_millis(500);

/// The reading half of a SQLite database. Nothing is opened before the first question.
#[derive(Debug)]
pub struct SqliteReader {
    options: SqliteConnectOptions,
    room: Semaphore,
    free: Mutex<Vec<Connection>>,
    patience: Duration,
}

#[derive(Debug)]
struct Connection {
    inner: SqliteConnection,
    /// When the question must be answered, in milliseconds after `epoch`.
    deadline_ms: Arc<AtomicU64>,
    epoch: Instant,
}

/// A connection on loan.
struct Loan<'a> {
    connection: Connection,
    _room: SemaphorePermit<'a>,
}

impl SqliteReader {
    /// Makes the reading half of the database in `file`.
    pub fn new(file: &Path) -> SqliteReader {
        SqliteReader::with_patience(file, PATIENCE)
    }

    /// Makes one whose questions may take as long as `patience`.
    pub fn with_patience(file: &Path, patience: Duration) -> SqliteReader {
        let (room, free) = (Semaphore::new(CONNECTIONS), Mutex::default());
        SqliteReader { options: read_options(file), room, free, patience }
    }

    /// Asks: `sql` with `arguments` gives at most `limit` rows, or the answer is too long.
    async fn ask(
        &self,
        sql: String,
        arguments: SqliteArguments,
        limit: usize,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let too_long = || StoreError::TooLong { limit_ms: self.patience.as_millis() as u64 };
        let question = async {
            let mut loan = self.borrow().await?;
            let rows = query_with(AssertSqlSafe(sql), arguments).fetch_all(&mut loan.connection.inner).await;
            match rows {
                Ok(rows) => {
                    self.give_back(loan);
                    Ok(rows)
                }
                // Its connection is closed: another question begins with a new one.
                Err(error) if loan.connection.is_late() => {
                    tracing::debug!(%error, "a question took too long");
                    Err(too_long())
                }
                Err(error) => Err(failed(&error)),
            }
        };
        let answer = tokio::time::timeout(self.patience + GRACE, question);
        let rows = answer.await.map_err(|_elapsed| too_long())??;
        if rows.len() > limit { Err(StoreError::TooMuch { limit }) } else { Ok(rows) }
    }

    async fn borrow(&self) -> Result<Loan<'_>, StoreError> {
        let room = self.room.acquire().await.expect("the semaphore is never closed");
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match free {
            Some(connection) => connection,
            None => Connection::open(&self.options).await?,
        };
        connection.begin(self.patience);
        Ok(Loan { connection, _room: room })
    }

    fn give_back(&self, loan: Loan<'_>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(loan.connection);
    }
}

impl Connection {
    async fn open(options: &SqliteConnectOptions) -> Result<Connection, StoreError> {
        let mut inner = options.connect().await.map_err(|e| failed(&e))?;
        let (deadline_ms, epoch) = (Arc::new(AtomicU64::new(u64::MAX)), Instant::now());
        let deadline = Arc::clone(&deadline_ms);
        let in_time = move || epoch.elapsed().as_millis() < u128::from(deadline.load(Ordering::Relaxed));
        inner.lock_handle().await.map_err(|e| failed(&e))?.set_progress_handler(STEPS, in_time);
        Ok(Connection { inner, deadline_ms, epoch })
    }

    fn begin(&self, patience: Duration) {
        let deadline = self.epoch.elapsed() + patience;
        self.deadline_ms.store(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn is_late(&self) -> bool {
        self.epoch.elapsed().as_millis() >= u128::from(self.deadline_ms.load(Ordering::Relaxed))
    }
}

impl Read for SqliteReader {
    fn records<'a>(&'a self, selection: &'a Selection) -> Answer<'a, Page> {
        Box::pin(self.page(selection))
    }

    fn record<'a>(&'a self, call: &'a str) -> Answer<'a, Option<CallView>> {
        Box::pin(async move {
            let sql = format!("SELECT {CALL_COLUMNS} FROM calls c WHERE c.call = ?1");
            let found = self.ask(sql, bound([Value::from(call)])?, 1).await?;
            found.first().map(|row| rows::call(row).map(|(_, view)| view)).transpose()
        })
    }

    fn figures<'a>(&'a self, asked: &'a FiguresAsked) -> Answer<'a, Vec<IntervalFigures>> {
        Box::pin(self.interval_figures(asked))
    }

    fn visits(&self, from_ms: u64, after: Option<VisitPlace>) -> Answer<'_, VisitPage> {
        Box::pin(self.visit_page(from_ms, after))
    }

    fn agent_stays<'a>(&'a self, agent: &'a str, from_ms: u64, to_ms: u64) -> Answer<'a, Vec<AgentStay>> {
        Box::pin(async move {
            let sql = format!(
                "SELECT agent, from_ms, state, reason, to_ms FROM agent_stays \
                 WHERE agent = ?1 AND from_ms >= ?2 AND from_ms < ?3 ORDER BY from_ms DESC, id DESC LIMIT {MAX_STAYS}"
            );
            let arguments = bound([agent.into(), Value::Int(int(from_ms)), Value::Int(int(to_ms))])?;
            self.ask(sql, arguments, MAX_STAYS).await?.iter().map(rows::stay).collect()
        })
    }
}

impl SqliteReader {
    async fn page(&self, selection: &Selection) -> Result<Page, StoreError> {
        let limit = selection.limit.min(MAX_PAGE);
        let end = Cursor { since_ms: int(selection.to_ms), id: 0 };
        // One more than is shown tells whether there is a next page.
        let keys = keys_sql(selection, limit + 1);
        let sql = format!(
            "WITH page AS MATERIALIZED ({keys}) SELECT {CALL_COLUMNS} FROM page JOIN calls c ON c.id = page.id \
             ORDER BY page.since_ms DESC, page.id DESC"
        );
        let before = selection.before.map_or(end, |before| before.min(end));
        let found = self.ask(sql, key_arguments(selection, before)?, limit + 1).await?;
        let mut calls = found.iter().map(rows::call).collect::<Result<Vec<_>, _>>()?;
        let more = calls.len() > limit;
        calls.truncate(limit);
        let place = |(id, call): &(i64, CallView)| Cursor { since_ms: int(call.since_ms), id: *id };
        let next = calls.last().filter(|_| more).map(place);
        let total = self.total(selection, end).await?;
        Ok(Page { records: calls.into_iter().map(|(_, call)| call).collect(), total, next })
    }

    async fn total(&self, selection: &Selection, end: Cursor) -> Result<u64, StoreError> {
        let keys = keys_sql(selection, MAX_TOTAL as usize);
        let sql = format!("SELECT count(*) AS total FROM ({keys})");
        let found = self.ask(sql, key_arguments(selection, end)?, 1).await?;
        found.first().map_or(Ok(0), |row| Ok(uint(column(row, "total", "calls")?)))
    }

    async fn interval_figures(&self, asked: &FiguresAsked) -> Result<Vec<IntervalFigures>, StoreError> {
        let goals = serde_json::json!(asked.goals_ms).to_string();
        let sql = format!(
            "WITH goals AS MATERIALIZED (SELECT key AS queue, value AS goal_ms FROM json_each(?4)) \
             SELECT v.queue AS queue, (v.entered_ms - ?1) / ?3 AS slot, \
                 sum(v.outcome IS NOT 'refused') AS offered, sum(v.outcome IS 'answered') AS answered, \
                 sum(v.outcome IS 'answered' AND v.wait_ms <= coalesce(g.goal_ms, ?5)) AS answered_in_goal, \
                 sum(v.outcome IS 'abandoned') AS abandoned, sum(v.outcome IS 'flowed_out') AS flowed_out, \
                 sum(v.outcome IS 'refused') AS refused, \
                 sum(iif(v.outcome IS 'answered', coalesce(v.wait_ms, 0), 0)) AS answered_wait_ms, \
                 sum(iif(v.outcome IS 'abandoned', coalesce(v.wait_ms, 0), 0)) AS abandoned_wait_ms \
             FROM visits v LEFT JOIN goals g ON g.queue = v.queue \
             WHERE v.entered_ms >= ?1 AND v.entered_ms < ?2 \
             GROUP BY v.queue, slot ORDER BY slot, v.queue LIMIT {}",
            MAX_FIGURES + 1
        );
        let numbers = [asked.from_ms, asked.to_ms, asked.step_ms.max(1)].map(|ms| Value::Int(int(ms)));
        let [from, to, step] = numbers;
        let arguments = bound([from, to, step, Value::from(&*goals), Value::Int(int(asked.other_goal_ms))])?;
        let found = self.ask(sql, arguments, MAX_FIGURES).await?;
        found.iter().map(|row| figures(row, asked)).collect()
    }

    async fn visit_page(&self, from_ms: u64, after: Option<VisitPlace>) -> Result<VisitPage, StoreError> {
        let limit = MAX_VISITS_READ + 1;
        let sql = format!(
            "SELECT queue, entered_ms, outcome, agent, wait_ms, call_id, ordinal FROM visits \
             WHERE (entered_ms, call_id, ordinal) > (?1, ?2, ?3) ORDER BY entered_ms, call_id, ordinal LIMIT {limit}"
        );
        // Calls are numbered from 1: before all visits of that time.
        let place = after.unwrap_or(VisitPlace { entered_ms: int(from_ms), call_id: 0, ordinal: 0 });
        let arguments = [place.entered_ms, place.call_id, place.ordinal].map(Value::Int);
        let mut found = self.ask(sql, bound(arguments)?, limit).await?;
        let more = found.len() == limit;
        found.truncate(MAX_VISITS_READ);
        let next = found.last().filter(|_| more).map(visit_place).transpose()?;
        Ok(VisitPage { visits: found.iter().map(past_visit).collect::<Result<_, _>>()?, next })
    }
}

/// Returns the question for a selection's places: ?1 and ?2 are the place before which they lie, ?3 the earliest time,
/// then kind and value of each key.
fn keys_sql(selection: &Selection, limit: usize) -> String {
    let mut keys = (0..keys::of_selection(selection).len()).map(|index| (2 * index + 4, 2 * index + 5));
    let mut sql = String::from("SELECT d.since_ms, d.id FROM ");
    match keys.next() {
        Some((kind, value)) => {
            sql += &format!("call_keys d WHERE d.kind = ?{kind} AND d.value = ?{value} AND ");
        }
        None => sql += "calls d WHERE ",
    }
    sql += "(d.since_ms, d.id) < (?1, ?2) AND d.since_ms >= ?3";
    for (kind, value) in keys {
        sql += &format!(
            " AND EXISTS (SELECT 1 FROM call_keys e WHERE e.kind = ?{kind} AND e.value = ?{value} \
             AND e.since_ms = d.since_ms AND e.id = d.id)"
        );
    }
    sql + &format!(" ORDER BY d.since_ms DESC, d.id DESC LIMIT {limit}")
}

fn key_arguments(selection: &Selection, before: Cursor) -> Result<SqliteArguments, StoreError> {
    let keys = keys::of_selection(selection);
    let bounds = [before.since_ms, before.id, int(selection.from_ms)].map(Value::Int);
    let keys = keys.iter().flat_map(|(kind, value)| [Value::Int(*kind as i64), Value::from(&**value)]);
    bound(bounds.into_iter().chain(keys))
}

/// What a question is asked with.
#[derive(Clone, Copy)]
enum Value<'a> {
    Int(i64),
    Text(&'a str),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Value<'a> {
        Value::Text(text)
    }
}

fn bound<'a>(values: impl IntoIterator<Item = Value<'a>>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Int(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value.to_string()),
        };
        added.map_err(|error| StoreError::Failed { why: error.to_string() })?;
    }
    Ok(arguments)
}

fn figures(row: &SqliteRow, asked: &FiguresAsked) -> Result<IntervalFigures, StoreError> {
    const TABLE: &str = "visits";
    let count = |name| Ok::<u64, StoreError>(uint(column(row, name, TABLE)?));
    Ok(IntervalFigures {
        queue: column(row, "queue", TABLE)?,
        from_ms: asked.from_ms + count("slot")? * asked.step_ms.max(1),
        offered: count("offered")?,
        answered: count("answered")?,
        answered_in_goal: count("answered_in_goal")?,
        abandoned: count("abandoned")?,
        flowed_out: count("flowed_out")?,
        refused: count("refused")?,
        answered_wait_ms: count("answered_wait_ms")?,
        abandoned_wait_ms: count("abandoned_wait_ms")?,
    })
}

fn past_visit(row: &SqliteRow) -> Result<PastVisit, StoreError> {
    const TABLE: &str = "visits";
    let outcome: Option<String> = column(row, "outcome", TABLE)?;
    Ok(PastVisit {
        queue: column(row, "queue", TABLE)?,
        entered_ms: uint(column(row, "entered_ms", TABLE)?),
        wait_ms: column::<Option<i64>>(row, "wait_ms", TABLE)?.map(uint),
        outcome: outcome.map(|word| meaning(&word, TABLE)).transpose()?,
        agent: column(row, "agent", TABLE)?,
    })
}

fn visit_place(row: &SqliteRow) -> Result<VisitPlace, StoreError> {
    const TABLE: &str = "visits";
    Ok(VisitPlace {
        entered_ms: column(row, "entered_ms", TABLE)?,
        call_id: column(row, "call_id", TABLE)?,
        ordinal: column(row, "ordinal", TABLE)?,
    })
}

/// Returns the stays of agents that had not ended when the last switch ended, waiting for the answer: for the start of
/// the switch. There are none if it ended in order.
///
/// # Errors
/// The database cannot be read; there is one once the writer has been started.
pub fn open_stays(file: &Path) -> Result<Vec<AgentStay>, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StoreError::Failed { why: error.to_string() })?;
    let reader = SqliteReader::new(file);
    let sql = format!(
        "SELECT agent, from_ms, state, reason, to_ms FROM agent_stays WHERE to_ms IS NULL \
         ORDER BY from_ms, id LIMIT {MAX_STAYS}"
    );
    let rows = runtime.block_on(reader.ask(sql, bound([])?, MAX_STAYS))?;
    rows.iter().map(rows::stay).collect()
}

/// Returns the stays in queues that began at `from_ms` or later and have ended, waiting for the answer: for the start of
/// the switch, before it takes calls.
///
/// # Errors
/// The database cannot be read; there is one once the writer has been started.
pub fn visits_since(file: &Path, from_ms: u64) -> Result<Vec<switch::PastVisit>, StoreError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| StoreError::Failed { why: error.to_string() })?;
    let reader = SqliteReader::new(file);
    let ended = |visit: PastVisit| {
        let wait = Duration::from_millis(visit.wait_ms?);
        Some(switch::PastVisit { queue: visit.queue, outcome: visit.outcome?, wait })
    };
    runtime.block_on(async {
        let (mut visits, mut after) = (Vec::new(), None);
        loop {
            let page = reader.visits(from_ms, after).await?;
            visits.extend(page.visits.into_iter().filter_map(ended));
            after = page.next;
            if after.is_none() {
                return Ok(visits);
            }
        }
    })
}
