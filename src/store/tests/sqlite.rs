//! The store over SQLite: the suite, and what only SQLite can do wrong.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod suite;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use store::{Read, SqliteReader, SqliteWriter, StoreError, Write, visits_since};
use suite::{call, fresh, told, wait};

fn sqlite(folder: &Path) -> (Box<dyn Write>, Arc<dyn Read>) {
    let file = folder.join("tandem.db");
    (Box::new(SqliteWriter::new(&file)), Arc::new(SqliteReader::new(&file)))
}

macro_rules! run_suite {
    ($($name:ident)*) => { $(#[test] fn $name() { suite::$name(sqlite); })* };
}

run_suite! {
    a_record_is_read_back_as_it_was
    a_call_told_again_replaces_itself
    records_are_found_by_all_that_one_may_ask_for
    pages_give_every_record_once
    totals_are_counted_up_to_their_bound
    figures_count_each_stay_in_its_interval
    visits_are_read_by_pages
    agents_stays_are_read_back
    old_records_are_removed_in_steps
    readers_and_the_writer_do_not_wait_for_each_other
}

#[test]
fn a_database_is_opened_again_with_what_is_in_it() {
    let mut both = fresh(sqlite);
    both.put(&[told(&call(1, 1_000))]);
    let file = both.folder.path().join("tandem.db");
    let mut again = SqliteWriter::new(&file);
    wait(again.open()).unwrap();
    let visit = switch::PastVisit {
        queue: "service".into(),
        outcome: switch::view::Outcome::Answered,
        wait: Duration::from_secs(7),
    };
    assert_eq!(visits_since(&file, 0).unwrap(), [visit]);
    assert_eq!(visits_since(&file, 6_001).unwrap().len(), 0);
}

#[test]
fn a_file_that_is_no_database_is_refused_by_its_name_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tandem.db");
    std::fs::write(&file, "this is my shopping list, and not a database at all".repeat(100)).unwrap();
    let error = wait(SqliteWriter::new(&file).open()).unwrap_err();
    assert!(matches!(error, StoreError::Broken { .. }), "{error:?}");
    assert!(error.to_string().contains("tandem.db is broken: "), "{error}");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("this is my"));
}

#[test]
fn a_database_of_a_newer_program_is_refused() {
    let both = fresh(sqlite);
    let file = both.folder.path().join("tandem.db");
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES (99, 'later', 1, x'00', 1)";
    wait(execute(&file, newer));
    let error = wait(SqliteWriter::new(&file).open()).unwrap_err();
    assert!(matches!(&error, StoreError::Unusable { why, .. } if why.contains("newer")), "{error:?}");
}

#[test]
fn reading_before_there_is_a_database_fails_and_succeeds_once_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let (mut write, read) = sqlite(folder.path());
    assert!(matches!(wait(read.record("a")), Err(StoreError::Failed { .. })));
    wait(write.open()).unwrap();
    assert_eq!(wait(read.record("a")), Ok(None));
}

#[test]
fn a_question_that_takes_too_long_is_stopped_and_the_next_one_is_answered() {
    let mut both = fresh(sqlite);
    both.put(&(0..9_000).map(|serial| told(&call(serial, 1_000))).collect::<Vec<_>>());
    let file = both.folder.path().join("tandem.db");
    let read = SqliteReader::with_patience(&file, Duration::ZERO);
    let selection = store::Selection::default();
    let begun = Instant::now();
    for _ in 0..8 {
        let error = wait(read.records(&selection)).unwrap_err();
        assert_eq!(error, StoreError::TooLong { limit_ms: 0 });
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(wait(both.read.records(&selection)).is_ok());
}

#[test]
fn a_damaged_row_is_an_error_that_names_the_table() {
    let mut both = fresh(sqlite);
    both.put(&[told(&call(1, 1_000))]);
    wait(execute(&both.folder.path().join("tandem.db"), "UPDATE calls SET legs = '[nonsense'"));
    let error = wait(both.read.record("673f2a10-0-1")).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { table: "calls", .. }), "{error:?}");
    both.put(&[told(&call(1, 1_000))]);
    assert!(wait(both.read.record("673f2a10-0-1")).unwrap().is_some());
}

async fn execute(file: &Path, sql: &'static str) {
    use sqlx::{ConnectOptions, Executor};
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    connection.execute(sql).await.unwrap();
}
