//! The writer's thread over SQLite and over databases that fail: nothing that was said to be stored is lost, nobody
//! waits, everything comes in order.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod suite;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use store::writer::{GROUP, MAX_PENDING};
use store::{
    Answer, INBOX, Read, Record, Selection, SqliteReader, StoreError, Stored, Write, Writer, WriterConfig,
    spill,
};
use suite::{call, told, wait};
use switch::view::CallView;

const LONG: Duration = Duration::from_secs(20);

fn config(folder: &Path) -> WriterConfig {
    WriterConfig { file: folder.join("tandem.db"), keep_days: 0 }
}

fn stored(news: &Receiver<Stored>, count: usize) -> Vec<String> {
    (0..count).map(|_| news.recv_timeout(LONG).expect("stored").0).collect()
}

fn record(folder: &Path, name: &str) -> Option<CallView> {
    wait(SqliteReader::new(&folder.join("tandem.db")).record(name)).unwrap()
}

#[test]
fn a_call_is_said_to_be_stored_when_another_connection_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(config(folder.path())).unwrap();
    let news = writer.stored();
    for serial in 1..20 {
        writer.inbox().tell(told(&call(serial, 1_000))).unwrap();
        let name = stored(&news, 1).remove(0);
        assert_eq!(record(folder.path(), &name), Some(call(serial, 1_000)));
    }
    assert_eq!(writer.counters().written, 19);
}

#[test]
fn what_comes_together_is_written_together() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(config(folder.path())).unwrap();
    (0..1_000).for_each(|serial| writer.inbox().tell(told(&call(serial, 1_000))).unwrap());
    stored(&writer.stored(), 1_000);
    let counters = writer.counters();
    assert_eq!(counters.written, 1_000);
    assert!(counters.groups < 200, "{counters:?}");
}

#[test]
fn a_writer_that_stops_has_written_everything() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(config(folder.path())).unwrap();
    let inbox = writer.inbox();
    (0..500).for_each(|serial| inbox.tell(told(&call(serial, 1_000))).unwrap());
    writer.stop();
    assert!(inbox.tell(told(&call(1, 1_000))).is_err());
    let page = SqliteReader::new(&folder.path().join("tandem.db"));
    assert_eq!(wait(page.records(&Selection::default())).unwrap().total, 500);
}

#[test]
fn a_locked_database_holds_nobody_up_and_is_written_when_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let writer = Writer::start(config(folder.path())).unwrap();
    let mut lock = wait(Lock::take(folder.path()));
    let begun = Instant::now();
    (0..10).for_each(|serial| writer.inbox().tell(told(&call(serial, 1_000))).unwrap());
    assert!(begun.elapsed() < Duration::from_millis(500));
    while writer.counters().failures == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(writer.stored().is_empty());
    wait(lock.give());
    assert_eq!(stored(&writer.stored(), 10).len(), 10);
}

/// A database in memory that can be made to fail or to take long.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: BTreeMap<String, CallView>,
    order: Vec<String>,
    stuck: bool,
    slow: Duration,
    failures: u64,
}

impl Fake {
    fn set_stuck(&self, stuck: bool) {
        self.0.lock().unwrap().stuck = stuck;
    }

    fn order(&self) -> Vec<String> {
        self.0.lock().unwrap().order.clone()
    }
}

impl Write for Fake {
    fn open(&mut self) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a mut self, group: &'a [Record]) -> Answer<'a, ()> {
        Box::pin(async move {
            let slow = self.0.lock().unwrap().slow;
            tokio::time::sleep(slow).await;
            let mut state = self.0.lock().unwrap();
            if state.stuck {
                state.failures += 1;
                return Err(StoreError::Failed { why: "database or disk is full".into() });
            }
            for record in group {
                if let Record::Call(call) = record {
                    state.order.push(call.call.clone());
                    state.calls.insert(call.call.clone(), (**call).clone());
                }
            }
            Ok(())
        })
    }

    fn prune(&mut self, _before_ms: u64, _limit: u32) -> Answer<'_, u64> {
        Box::pin(async { Ok(0) })
    }
}

fn names(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|serial| format!("673f2a10-0-{serial}")).collect()
}

fn tell_all(writer: &Writer, range: std::ops::Range<u32>) {
    for serial in range {
        let mut record = told(&call(serial, 1_000));
        while let Err(back) = writer.inbox().tell(record) {
            record = back;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_stuck_database_spills_to_the_disk_and_all_comes_back_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    fake.set_stuck(true);
    let writer = Writer::with(Box::new(fake.clone()), config(folder.path()), spill::MAX_SPILL).unwrap();
    let count = (MAX_PENDING + GROUP) as u32 + 1_000;
    tell_all(&writer, 0..count);
    while writer.counters().spilled < 900 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(writer.stored().is_empty());
    fake.set_stuck(false);
    tell_all(&writer, count..count + 10);
    let told = stored(&writer.stored(), count as usize + 10);
    assert_eq!(told, names(0..count + 10));
    assert_eq!(fake.order(), names(0..count + 10));
    assert_eq!(std::fs::metadata(folder.path().join("tandem.db.spill")).unwrap().len(), 0);
}

#[test]
fn what_a_stopped_writer_could_not_write_the_next_one_writes_first() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    fake.set_stuck(true);
    let writer = Writer::with(Box::new(fake.clone()), config(folder.path()), spill::MAX_SPILL).unwrap();
    let count = (MAX_PENDING + GROUP) as u32 + 500;
    tell_all(&writer, 0..count);
    while writer.counters().spilled < 400 {
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.stop();
    fake.set_stuck(false);
    let writer = Writer::with(Box::new(fake.clone()), config(folder.path()), spill::MAX_SPILL).unwrap();
    tell_all(&writer, count..count + 5);
    assert_eq!(stored(&writer.stored(), count as usize + 5), names(0..count + 5));
}

#[test]
fn when_neither_database_nor_disk_takes_them_records_are_given_back_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    fake.set_stuck(true);
    let writer = Writer::with(Box::new(fake.clone()), config(folder.path()), 10_000).unwrap();
    let mut taken = 0;
    while taken < (2 * MAX_PENDING + 2 * INBOX) as u32
        && writer.inbox().tell(told(&call(taken, 1_000))).is_ok()
    {
        taken += 1;
        if taken % 256 == 0 {
            std::thread::sleep(Duration::from_millis(8));
        }
    }
    let room = (INBOX + MAX_PENDING + GROUP) as u32;
    assert!((MAX_PENDING as u32..=room + 20).contains(&taken), "{taken}");
    assert!(writer.counters().refused > 0);
    fake.set_stuck(false);
    assert_eq!(stored(&writer.stored(), taken as usize), names(0..taken));
}

#[test]
fn a_slow_database_delays_no_teller_and_groups_grow() {
    let folder = tempfile::tempdir().unwrap();
    let fake = Fake::default();
    fake.0.lock().unwrap().slow = Duration::from_millis(200);
    let writer = Writer::with(Box::new(fake.clone()), config(folder.path()), spill::MAX_SPILL).unwrap();
    let begun = Instant::now();
    (0..200).for_each(|serial| writer.inbox().tell(told(&call(serial, 1_000))).unwrap());
    assert!(begun.elapsed() < Duration::from_millis(150), "{:?}", begun.elapsed());
    stored(&writer.stored(), 200);
    assert!(writer.counters().groups <= 5, "{:?}", writer.counters());
}

#[test]
fn old_records_are_removed_and_what_is_told_meanwhile_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let now_ms =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    let old = Writer::start(config(folder.path())).unwrap();
    tell_all(&old, 0..700);
    stored(&old.stored(), 700);
    old.stop();
    let writer = Writer::start(WriterConfig { keep_days: 1, ..config(folder.path()) }).unwrap();
    writer.inbox().tell(told(&call(1_000, now_ms))).unwrap();
    stored(&writer.stored(), 1);
    let begun = Instant::now();
    while writer.counters().pruned < 700 && begun.elapsed() < LONG {
        std::thread::sleep(Duration::from_millis(5));
    }
    let page =
        wait(SqliteReader::new(&folder.path().join("tandem.db")).records(&Selection::default())).unwrap();
    assert_eq!((page.total, &*page.records[0].call), (1, "673f2a10-0-1000"));
}

#[test]
fn a_file_that_is_no_database_refuses_the_start() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tandem.db"), "no database at all, but long enough for one".repeat(50))
        .unwrap();
    assert!(matches!(Writer::start(config(folder.path())), Err(StoreError::Broken { .. })));
}

#[test]
fn a_damaged_database_is_put_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tandem.db");
    let damaged = "no database at all, but long enough for one".repeat(50);
    std::fs::write(&file, &damaged).unwrap();
    std::fs::write(folder.path().join("tandem.db-wal"), "its log").unwrap();
    let aside = store::put_aside(&file).unwrap();
    assert_eq!(std::fs::read_to_string(&aside).unwrap(), damaged);
    let parts = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(parts, 2, "the log has gone with it");
    Writer::start(config(folder.path())).unwrap().stop();
    assert!(store::put_aside(&folder.path().join("nothing.db")).is_err());
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Writer::start(config(&folder.path().join("none"))).unwrap_err();
    assert!(error.to_string().contains("none/tandem.db cannot be used"), "{error}");
}

const FOLDER: &str = "TANDEM_TEST_STORE_INTO";

/// Tells calls for ever and prints each that is said to be stored.
fn tell_for_ever(folder: PathBuf) -> ! {
    let writer = Writer::start(config(&folder)).unwrap();
    let news = writer.stored();
    for serial in 0.. {
        let _full = writer.inbox().tell(told(&call(serial, 1_000)));
        while let Ok(Stored(name)) = news.try_recv() {
            println!("\nstored {name}");
        }
        if serial % 8 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    unreachable!("for ever")
}

#[test]
fn a_killed_process_has_lost_nothing_that_was_said_to_be_stored() {
    const NAME: &str = "a_killed_process_has_lost_nothing_that_was_said_to_be_stored";
    if let Some(folder) = std::env::var_os(FOLDER) {
        tell_for_ever(folder.into());
    }
    let folder = tempfile::tempdir().unwrap();
    let mut said = Vec::new();
    for life in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines {
            let Ok(line) = line else { break };
            said.extend(line.strip_prefix("stored ").map(String::from));
            if said.len() >= life * 400 {
                child.kill().unwrap();
                break;
            }
        }
        child.wait().unwrap();
    }
    assert!(said.len() >= 1_200, "{}", said.len());
    let writer = Writer::start(config(folder.path())).unwrap();
    let read = SqliteReader::new(&folder.path().join("tandem.db"));
    for name in &said {
        assert!(wait(read.record(name)).unwrap().is_some(), "{name} was said to be stored");
    }
    writer.stop();
}

/// Another program that holds the database's lock.
struct Lock(sqlx::SqliteConnection);

impl Lock {
    async fn take(folder: &Path) -> Lock {
        use sqlx::{ConnectOptions, Executor};
        let file = folder.join("tandem.db");
        let mut connection =
            sqlx::sqlite::SqliteConnectOptions::new().filename(file).connect().await.unwrap();
        connection.execute("BEGIN IMMEDIATE").await.unwrap();
        Lock(connection)
    }

    async fn give(&mut self) {
        use sqlx::Executor;
        self.0.execute("ROLLBACK").await.unwrap();
    }
}
