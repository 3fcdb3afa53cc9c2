//! Measures the store on a real file: records a second through the writer, then each question on many calls.
//!
//! `cargo run --release -p tandem-store --example bench_store -- [CALLS] [FOLDER]`; a million calls unless it is said. The
//! answers are checked before they are timed.
#![expect(clippy::unwrap_used, reason = "a bench stops where something is wrong")]

use std::path::Path;
use std::time::{Duration, Instant};

use call::{From, Progress};
use store::{FiguresAsked, Read, Record, Selection, SqliteReader, SqliteWriter, Write, Writer, WriterConfig};
use switch::view::{CallView, LegStateView, LegView, Outcome, RecordingView, VisitView};

const DAY_MS: u64 = 86_400_000;
/// When the first call began.
const BEGIN_MS: u64 = 1_763_596_800_000;
/// Between two calls.
const STEP_MS: u64 = 2_000;
/// Calls written through the writer's thread.
const THROUGH_WRITER: u64 = 20_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let calls = arguments.next().map_or(1_000_000, |calls| calls.parse().expect("a number of calls"));
    let folder = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(folder).unwrap();
    let file = folder.path().join("bench.db");
    through_writer(&file);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        fill(&file, calls).await;
        ask(&file, calls).await;
    });
}

/// Calls told as fast as the writer takes them.
fn through_writer(file: &Path) {
    let writer = Writer::start(WriterConfig { file: file.into(), keep_days: 0 }).unwrap();
    let (inbox, stored) = (writer.inbox(), writer.stored());
    let begun = Instant::now();
    let mut longest_tell = Duration::ZERO;
    for number in 0..THROUGH_WRITER {
        let mut record = Record::Call(Box::new(made(number)));
        loop {
            let told = Instant::now();
            let result = inbox.tell(record);
            longest_tell = longest_tell.max(told.elapsed());
            let Err(back) = result else { break };
            record = back;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    for _ in 0..THROUGH_WRITER {
        stored.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    let counters = writer.counters();
    println!("store/write/writer          {:9.0} records/s", THROUGH_WRITER as f64 / seconds);
    println!("store/write/group           {:9.0} records", THROUGH_WRITER as f64 / counters.groups as f64);
    println!("store/write/longest_tell    {:9.0} us", longest_tell.as_secs_f64() * 1e6);
    println!("store/write/spilled         {:9}", counters.spilled);
    // One at a time: what a single call waits for, its sync among it.
    let begun = Instant::now();
    for number in 0..100 {
        inbox.tell(Record::Call(Box::new(made(number)))).unwrap();
        stored.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    println!("store/write/one_told_again  {:9.1} ms each", begun.elapsed().as_secs_f64() * 10.0);
}

async fn fill(file: &Path, calls: u64) {
    let mut database = SqliteWriter::new(file);
    let begun = Instant::now();
    for from in (THROUGH_WRITER..calls).step_by(5_000) {
        let group: Vec<_> =
            (from..(from + 5_000).min(calls)).map(|number| Record::Call(Box::new(made(number)))).collect();
        database.write(&group).await.unwrap();
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "store/write/groups_of_5000  {:9.0} records/s",
        calls.saturating_sub(THROUGH_WRITER) as f64 / seconds
    );
    let octets = std::fs::metadata(file).unwrap().len();
    println!("store/size/{calls:<16} {:9.0} octets a call", octets as f64 / calls as f64);
}

async fn ask(file: &Path, calls: u64) {
    let reader = SqliteReader::with_patience(file, Duration::from_secs(60));
    let end_ms = BEGIN_MS + calls * STEP_MS;
    let any = || Selection { limit: 50, ..Selection::default() };
    let text = |text: &str| Some(text.to_string());
    let deep = {
        let early = Selection { to_ms: BEGIN_MS + calls / 10 * STEP_MS, ..any() };
        reader.records(&early).await.unwrap().next
    };
    let cases = [
        ("newest", any()),
        ("deep_page", Selection { before: deep, ..any() }),
        ("one_day", Selection { from_ms: end_ms - DAY_MS, ..any() }),
        ("queue", Selection { queue: text("queue-3"), ..any() }),
        ("queue_abandoned", Selection { queue: text("queue-3"), outcome: Some(Outcome::Abandoned), ..any() }),
        ("agent", Selection { agent: text("agent-7"), ..any() }),
        ("caller", Selection { number: text(&made(calls / 2).calling), ..any() }),
        ("called", Selection { number: text("8000"), ..any() }),
        ("called_and_agent", Selection { number: text("8000"), agent: text("agent-7"), ..any() }),
        ("nobody", Selection { number: text("none"), ..any() }),
    ];
    for (name, selection) in cases {
        let page = reader.records(&selection).await.unwrap();
        assert_eq!(page.records.is_empty(), name == "nobody", "{name}");
        time(&format!("records/{name}"), 10, async || drop(reader.records(&selection).await.unwrap())).await;
    }
    let name = made(calls / 3).call;
    assert!(reader.record(&name).await.unwrap().is_some());
    time("record/one", 100, async || drop(reader.record(&name).await.unwrap())).await;
    for days in [1, 7, 30] {
        let from_ms = end_ms.saturating_sub(days * DAY_MS).max(BEGIN_MS);
        let goals_ms = (0..10).map(|queue| (format!("queue-{queue}"), 20_000)).collect();
        let asked =
            FiguresAsked { from_ms, to_ms: end_ms, step_ms: 3_600_000, goals_ms, other_goal_ms: 20_000 };
        let offered: u64 = reader.figures(&asked).await.unwrap().iter().map(|row| row.offered).sum();
        assert!(offered > 0);
        let name = format!("figures/{days}_days");
        time(&name, 3, async || drop(reader.figures(&asked).await.unwrap())).await;
    }
}

async fn time(name: &str, times: u32, work: impl AsyncFn()) {
    let begun = Instant::now();
    for _ in 0..times {
        work().await;
    }
    println!("store/{name:<24} {:9.2} ms", begun.elapsed().as_secs_f64() * 1e3 / f64::from(times));
}

/// The `number`-th call: ten queues, thirty agents, 100,000 callers, one in seven gives up.
fn made(number: u64) -> CallView {
    let call = format!("673f2a10-0-{number}");
    let since_ms = BEGIN_MS + number * STEP_MS;
    let (wait_ms, talk_ms) = (number * 7_919 % 60_000, number * 104_729 % 300_000);
    let answered = !number.is_multiple_of(7);
    let agent = answered.then(|| format!("agent-{}", number % 30));
    let visit = VisitView {
        queue: format!("queue-{}", number % 10),
        entered_ms: since_ms + 8_000,
        left_ms: Some(since_ms + 8_000 + wait_ms),
        outcome: Some(if answered { Outcome::Answered } else { Outcome::Abandoned }),
        agent: agent.clone(),
    };
    let leg = |leg: String, channel: &str, incoming| LegView {
        leg,
        channel: Some(channel.into()),
        incoming,
        state: LegStateView::Ended,
    };
    CallView {
        called: "8000".into(),
        calling: format!("1390{:07}", number * 7_919 % 100_000),
        restricted: false,
        from: From::Trunk,
        flow: Some("front".into()),
        reached: agent.as_ref().map(|_| format!("{}", 201 + number % 30)),
        agent,
        visits: vec![visit],
        progress: Progress::Ending,
        legs: vec![leg(call.clone(), "1/12", true), leg(format!("673f2a10-1-{number}"), "5/3", false)],
        since_ms,
        answered_ms: Some(since_ms + 1_000),
        talking_ms: answered.then_some(since_ms + 8_000 + wait_ms),
        ended_ms: Some(since_ms + 8_000 + wait_ms + talk_ms),
        cause: Some(16),
        recordings: vec![RecordingView {
            recording: format!("{call}-r1"),
            file: Some(format!("2026/11/22/031500-{call}-r1.wav")),
            length_ms: Some(talk_ms),
            failed: None,
        }],
        call,
    }
}
