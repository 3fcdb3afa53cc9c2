//! Records and figures over a real connection, from a real database.

mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::ApiConfig;
use serde_json::{Value, json};
use store::{Record, SqliteReader, Writer, WriterConfig};
use switch::view::{CallView, Outcome, QueueView, Update, VisitView};
use tempfile::TempDir;
use world::{World, call, config};

struct Office {
    world: World,
    folder: TempDir,
}

impl Office {
    /// A switch whose database has these calls.
    fn with(calls: &[CallView]) -> Office {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), calls);
        let records = Arc::new(SqliteReader::new(&folder.path().join("tandem.db")));
        let config = ApiConfig { records: Some(records), ..config("127.0.0.1:0") };
        Office { world: World::with(config, api::hub::MAX_LOG), folder }
    }

    fn names(&self, query: &str) -> Vec<String> {
        let (status, body) = self.world.get(&format!("/v1/records{query}"));
        assert_eq!(status, 200, "{query}: {body}");
        let records = body["records"].as_array().expect("records").iter();
        records.map(|record| record["call"].as_str().expect("a name").into()).collect()
    }
}

fn write(folder: &Path, calls: &[CallView]) {
    let writer =
        Writer::start(WriterConfig { file: folder.join("tandem.db"), keep_days: 0 }).expect("started");
    let news = writer.stored();
    for call in calls {
        writer.inbox().tell(Record::Call(Box::new(call.clone()))).expect("room");
        news.recv_timeout(Duration::from_secs(20)).expect("stored");
    }
}

/// A call of the queue "service" that began at `since_ms`.
fn served(serial: u32, since_ms: u64, wait_ms: u64, outcome: Outcome) -> CallView {
    let agent = (outcome == Outcome::Answered).then(|| "zhang".to_string());
    let entered_ms = since_ms + 1_000;
    let visit = VisitView {
        queue: "service".into(),
        entered_ms,
        left_ms: Some(entered_ms + wait_ms),
        outcome: Some(outcome),
        agent: agent.clone(),
    };
    let ended_ms = Some(entered_ms + wait_ms + 9_000);
    CallView { since_ms, agent, visits: vec![visit], ..call(serial, ended_ms) }
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().expect("a code"))
}

#[test]
fn records_come_newest_first_and_page_by_page() {
    let calls: Vec<_> = (1..=5).map(|n| served(n, u64::from(n) * 1_000, 10, Outcome::Answered)).collect();
    let office = Office::with(&calls);
    let (status, body) = office.world.get("/v1/records?limit=2");
    assert_eq!((status, &body["total"]), (200, &json!(5)));
    let mut expected = serde_json::to_value(&calls[4]).expect("JSON");
    assert_eq!(body["records"][0], expected);
    expected["call"] = json!("other");
    assert_ne!(body["records"][0], expected);
    let (mut found, mut next) = (office.names("?limit=2"), body["next"].clone());
    while let Some(before) = next.as_str().map(String::from) {
        let query = format!("?limit=2&before={before}");
        found.extend(office.names(&query));
        next = office.world.get(&format!("/v1/records{query}")).1["next"].clone();
    }
    assert_eq!(found, [5, 4, 3, 2, 1].map(|n| format!("673f2a10-0-{n}")));
}

#[test]
fn records_are_chosen_by_time_queue_agent_number_and_outcome() {
    let office = Office::with(&[
        served(1, 1_000, 10, Outcome::Answered),
        served(2, 2_000, 10, Outcome::Abandoned),
        CallView { calling: "+86 10".into(), ..call(3, Some(9_000)) },
    ]);
    let [first, second, third] = [1, 2, 3].map(|n| format!("673f2a10-0-{n}"));
    assert_eq!(office.names("?queue=service"), [second.clone(), first.clone()]);
    assert_eq!(office.names("?agent=zhang"), [&*first]);
    assert_eq!(office.names("?outcome=abandoned"), [&*second]);
    assert_eq!(office.names("?queue=service&outcome=flowed_out"), [""; 0]);
    assert_eq!(office.names("?number=%2B86%2010"), [third]);
    assert_eq!(office.names("?from_ms=2000"), [second]);
    assert_eq!(office.names("?from_ms=1000&to_ms=2000&number=8000&queue=service"), [first]);
}

#[test]
fn a_wrong_selection_of_records_is_refused_and_names_the_key() {
    let office = Office::with(&[]);
    let long = format!("queue={}", "q".repeat(65));
    for query in [
        "limit=0",
        "limit=501",
        "limit=x",
        "before=",
        "before=r1",
        "before=r100",
        "outcome=lost",
        "queue=",
        "number=",
        "from_ms=-1",
        "from=1",
        &long,
    ] {
        let answer = office.world.get(&format!("/v1/records?{query}"));
        assert_eq!(code(&answer), (400, "bad_request"), "{query}");
        let key = query.split('=').next().expect("a key");
        let message = answer.1["error"]["message"].as_str().expect("a message");
        assert!(message.contains(key), "{query}: {message}");
    }
    assert_eq!(office.world.get("/v1/records?limit=500").0, 200);
}

#[test]
fn one_record_is_found_also_when_it_is_not_stored_yet() {
    let office = Office::with(&[served(1, 1_000, 10, Outcome::Answered)]);
    let (status, body) = office.world.get("/v1/records/673f2a10-0-1");
    assert_eq!((status, &body["visits"][0]["outcome"]), (200, &json!("answered")));
    assert_eq!(code(&office.world.get("/v1/records/673f2a10-0-2")), (404, "not_found"));
    office.world.hub.publish(Update::Call { call: call(2, Some(9_000)) });
    assert_eq!(office.world.get("/v1/records/673f2a10-0-2").0, 200);
}

#[test]
fn what_was_stored_after_the_first_question_is_found_by_the_next() {
    let office = Office::with(&[]);
    assert_eq!(office.names(""), [""; 0]);
    write(office.folder.path(), &[served(1, 1_000, 10, Outcome::Answered)]);
    assert_eq!(office.names("").len(), 1);
}

#[test]
fn figures_are_counted_by_queue_and_interval_with_each_queue_s_goal() {
    let office = Office::with(&[
        served(1, 59_000, 5_000, Outcome::Answered),
        served(2, 59_500, 5_001, Outcome::Answered),
        served(3, 70_000, 900, Outcome::Abandoned),
        served(4, 119_000, 1, Outcome::Answered),
    ]);
    let queue = QueueView { queue: "service".into(), service_goal_ms: 5_000, ..QueueView::default() };
    office.world.hub.publish(Update::Queue { queue: Box::new(queue) });
    let (status, body) = office.world.get("/v1/figures?from_ms=60000&to_ms=180000&step_s=60");
    let first = json!({
        "queue": "service", "from_ms": 60_000, "offered": 3, "answered": 2, "answered_in_goal": 1, "abandoned": 1,
        "flowed_out": 0, "refused": 0, "answered_wait_ms": 10_001, "abandoned_wait_ms": 900,
    });
    assert_eq!((status, &body["intervals"][0]), (200, &first));
    assert_eq!(
        (&body["intervals"][1]["from_ms"], &body["intervals"][1]["offered"]),
        (&json!(120_000), &json!(1))
    );
    assert_eq!(body["intervals"].as_array().map(Vec::len), Some(2));
}

#[test]
fn too_many_or_senseless_intervals_are_refused() {
    let office = Office::with(&[]);
    for query in [
        "",
        "?from_ms=0",
        "?from_ms=5&to_ms=4",
        "?from_ms=0&to_ms=1&step_s=0",
        "?from_ms=0&to_ms=1&step_s=86401",
        "?from_ms=0&to_ms=1500001&step_s=1",
        "?from_ms=0&to_ms=18446744073709551615",
    ] {
        assert_eq!(code(&office.world.get(&format!("/v1/figures{query}"))), (400, "bad_request"), "{query}");
    }
    let most = office.world.get("/v1/figures?from_ms=0&to_ms=1500000&step_s=1");
    assert_eq!(most, (200, json!({"intervals": []})));
}

#[test]
fn without_a_store_or_without_its_database_it_is_said_and_nothing_else_is_disturbed() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = Arc::new(SqliteReader::new(&folder.path().join("none.db")));
    let broken = ApiConfig { records: Some(records), ..config("127.0.0.1:0") };
    for world in [World::new(), World::with(broken, 10)] {
        for path in ["/v1/records", "/v1/records/x", "/v1/figures?from_ms=0&to_ms=1"] {
            assert_eq!(code(&world.get(path)), (503, "no_store"), "{path}");
        }
        assert_eq!(world.get("/v1/status").0, 200);
    }
}
