//! Every command against a server in this process: what it prints, to the letter, and how it fails.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use api::schema::Reloaded;
use api::{ApiConfig, Hub, Server, serve};
use call::{From, Progress};
use clap::Parser;
use cli::{CliError, Command};
use switch::view::{
    AgentCounts, AgentStateView, AgentView, CallView, LegStateView, LegView, Outcome, QueueFigures,
    QueueView, SpanView, Update, VisitView,
};
use switch::{AgentOrder, Reply, Request};
use tempfile::TempDir;

const CALL: &str = "673f2a10-0-1";

#[test]
fn status_is_a_short_report() {
    let text = World::busy().run(&["status"]).expect("done");
    let expected = "\
version    0.1.0, switch up 0s
line       attached
spans      1 of 2 up
calls      1 live, 1 ended since the switch started
threads    realtime, memory NOT locked
periods    1000 worked, 2 late, longest 350 us
lost       16 samples, 0 events, 0 frames, 0 blocks to recorders, 0 blocks of prompts
failed     0 recordings, 0 calls refused
";
    assert_eq!(text, expected);
}

#[test]
fn spans_are_a_table() {
    let text = World::busy().run(&["spans"]).expect("done");
    let expected = "\
SPAN  KIND  USE         STATE    D-CHANNEL  CHANNELS  BLOCKED  SLIPS  BAD FRAMES
1     E1    pri_user    ok       up         30        0        0      0
5     FXS   telephones  red,los  -          2         1        3      0
";
    assert_eq!(text, expected);
}

#[test]
fn channels_are_a_table_by_span_or_only_the_busy_ones() {
    let world = World::busy();
    let expected = "\
CHANNEL  STATE  NUMBER  CALL
5/1      busy   201     673f2a10-0-1
5/2      alarm  -       -
";
    assert_eq!(world.run(&["channels", "--span", "5"]).expect("done"), expected);
    let expected = "\
CHANNEL  STATE  NUMBER       CALL
1/3      busy   13900000001  673f2a10-0-1
5/1      busy   201          673f2a10-0-1
";
    assert_eq!(world.run(&["channels", "--busy"]).expect("done"), expected);
    assert_eq!(world.run(&["channels"]).expect("done").lines().count(), 1 + 31 + 2);
}

#[test]
fn channels_as_json_are_chosen_too() {
    let text = World::busy().run(&["channels", "--span", "5", "--busy", "--json"]).expect("done");
    let channel = r#"{"channel":"5/1","state":"busy","call":"673f2a10-0-1","number":"201"}"#;
    assert_eq!(text, format!("{{\"seq\":6,\"channels\":[{channel}]}}\n"));
}

#[test]
fn ended_calls_are_a_table_with_lengths_and_causes() {
    let text = World::busy().run(&["calls", "--ended"]).expect("done");
    let expected = "\
CALL          CALLING      CALLED  REACHED  STATE            LENGTH  TALKING  CHANNELS
673f2a10-0-2  13900000001  8000    201      ended, cause 16  3m08s   3m05s    1/3,5/1
";
    assert_eq!(text, expected);
}

#[test]
fn live_calls_are_a_table_and_the_limit_says_what_it_hides() {
    let world = World::busy();
    world.hub.publish(Update::Call { call: call(3, None) });
    let text = world.run(&["calls", "--limit", "1"]).expect("done");
    let lines: Vec<_> = text.lines().collect();
    assert_eq!((lines.len(), lines[2]), (3, "1 of 2; --limit N shows more"));
    assert!(lines[1].contains("talking"), "{text}");
}

#[test]
fn json_is_what_the_api_answers() {
    let world = World::busy();
    let text = world.run(&["calls", "--ended", "--json"]).expect("done");
    assert!(
        text.starts_with(r#"{"seq":6,"total":1,"calls":[{"call":"673f2a10-0-2","called":"8000","#),
        "{text}"
    );
    assert!(text.ends_with("}\n"));
    for command in ["status", "spans"] {
        let text = world.run(&[command, "--json"]).expect("done");
        assert!(text.starts_with('{') && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn call_prints_the_new_call_s_name() {
    let world = World::busy();
    let switch = world.answer(Ok(Reply::Call(CALL.parse().expect("a name"))));
    let command = ["call", "--trunk", "telecom", "10086", "--then", "8000", "--calling", "139"];
    assert_eq!(world.run(&command).expect("done"), format!("{CALL}\n"));
    let [trunk, called, calling, then] = ["telecom", "10086", "139", "8000"].map(String::from);
    assert_eq!(switch.join().expect("no panic"), Request::Dial { trunk, called, calling, then });
}

#[test]
fn hangup_is_silent_when_done_and_says_why_when_not() {
    let world = World::busy();
    let switch = world.answer(Ok(Reply::Done));
    assert_eq!(world.run(&["hangup", CALL]).expect("done"), "");
    assert_eq!(switch.join().expect("no panic"), Request::Clear { call: CALL.parse().expect("a name") });
    let switch = world.answer(Err("no call 673f2a10-0-7".into()));
    let error = world.run(&["hangup", "673f2a10-0-7"]).expect_err("no such call");
    assert_eq!(error.to_string(), "no call 673f2a10-0-7");
    switch.join().expect("no panic");
    assert!(world.run(&["hangup", "../status"]).is_err());
}

#[test]
fn a_refused_number_is_explained() {
    let error = World::busy().run(&["call", "--trunk", "t", "abc", "--then", "8000"]).expect_err("no digits");
    assert_eq!(error.to_string(), "called: expected 1 to 40 digits or * or #");
}

#[test]
fn queues_are_a_table_with_today_s_figures() {
    let world = World::busy();
    let figures = QueueFigures {
        offered: 12,
        answered: 9,
        abandoned: 2,
        flowed_out: 1,
        sl1: Some(0.75),
        wait_mean_ms: Some(11_900),
        ..QueueFigures::default()
    };
    let agents = AgentCounts { idle: 1, talking: 3, ..AgentCounts::default() };
    let queue = QueueView { queue: "service".into(), agents, figures, ..QueueView::default() };
    world.hub.publish(Update::Queue { queue: Box::new(queue) });
    world.hub.publish(Update::Queue {
        queue: Box::new(QueueView { queue: "empty".into(), ..QueueView::default() }),
    });
    let text = world.run(&["queues"]).expect("done");
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows[0][..4], ["QUEUE", "WAITING", "LONGEST", "IDLE"]);
    assert_eq!(rows[1], ["empty", "0", "-", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "-", "-"]);
    assert_eq!(
        rows[2],
        ["service", "0", "-", "1", "0", "3", "0", "0", "12", "9", "2", "1", "0", "75 %", "11s"]
    );
    assert!(
        world.run(&["queues", "--json"]).expect("done").starts_with(r#"{"seq":8,"queues":[{"queue":"empty""#)
    );
}

#[test]
fn agents_are_a_table() {
    let world = World::busy();
    let agent = AgentView {
        agent: "zhang".into(),
        name: "张伟".into(),
        seat: "201".into(),
        queues: vec!["service".into(), "sales".into()],
        state: AgentStateView::WrapUp,
        // Far in the future: for 0 s.
        since_ms: u64::MAX,
        ..AgentView::default()
    };
    world.hub.publish(Update::Agent { agent: Box::new(agent) });
    let expected = "\
AGENT  NAME  SEAT  QUEUES         STATE    REASON  FOR  CALL  ANSWERED  MISSED
zhang  张伟  201   service,sales  wrap_up  -       0s   -     0         0
";
    assert_eq!(world.run(&["agents"]).expect("done"), expected);
}

#[test]
fn what_an_agent_wants_is_handed_over_in_silence() {
    let cases = [
        (&["login"][..], AgentOrder::LogIn),
        (&["logout"], AgentOrder::LogOut),
        (&["ready"], AgentOrder::Ready),
        (&["busy", "lunch"], AgentOrder::Busy { reason: "lunch".into() }),
        (&["wrap-up-end"], AgentOrder::WrapUpEnd),
    ];
    let world = World::busy();
    for (words, order) in cases {
        let switch = world.answer(Ok(Reply::Done));
        assert_eq!(world.run(&[&["agent", "张 伟/1"], words].concat()).expect("done"), "");
        assert_eq!(switch.join().expect("no panic"), Request::Agent { agent: "张 伟/1".into(), order });
    }
}

#[test]
fn what_a_reload_has_brought_is_told_line_by_line() {
    let world = World::busy();
    let expected = "queue.sales: no agent serves it (warning)\nqueue.sales: new\ntaken\n";
    assert_eq!(world.run(&["reload"]).expect("done"), expected);
}

#[test]
fn an_agent_s_wish_that_is_wrong_or_refused_is_explained() {
    let world = World::busy();
    let switch = world.answer(Err("no agent \"li\"".into()));
    assert_eq!(world.run(&["agent", "li", "ready"]).expect_err("nobody").to_string(), "no agent \"li\"");
    switch.join().expect("no panic");
    let error = world.run(&["agent", "li", "ready", "lunch"]).expect_err("no reason").to_string();
    assert_eq!(error, "reason: only busy has one");
    assert!(Shell::try_parse_from(["tandem", "agent", "li", "busy"]).is_err(), "busy has a reason");
    assert!(Shell::try_parse_from(["tandem", "agent", "li", "asleep"]).is_err());
}

#[test]
fn records_are_a_table_and_the_options_choose_among_them() {
    let world = World::busy();
    world.store(&[served(1, 1_795_308_000_000), served(2, 1_795_308_060_000)]);
    let expected = "\
BEGAN (UTC)          CALL          CALLING      CALLED  QUEUE    OUTCOME   WAIT  AGENT  TALKING  LENGTH  CAUSE
2026-11-22 00:41:00  673f2a10-0-2  13900000001  8000    service  answered  7s    zhang  3m00s    3m12s   16
2026-11-22 00:40:00  673f2a10-0-1  13900000001  8000    service  answered  7s    zhang  3m00s    3m12s   16
";
    assert_eq!(world.run(&["records"]).expect("done"), expected);
    let text = world.run(&["records", "--limit", "1"]).expect("done");
    assert!(text.ends_with("1 of 2; --limit N shows more\n"), "{text}");
    let lines =
        |options: &[&str]| world.run(&[&["records"], options].concat()).expect("done").lines().count() - 1;
    assert_eq!(lines(&["--queue", "service", "--agent", "zhang", "--number", "8000"]), 2);
    assert_eq!(lines(&["--number", "1"]), 0);
    let error = world.run(&["records", "--queue", "a & b=c"]).expect_err("no such queue").to_string();
    assert_eq!(error, "no queue \"a & b=c\" and no record of one; there are: none");
    assert_eq!(lines(&["--since", "36500d"]), 2);
    assert!(Shell::try_parse_from(["tandem", "records", "--since", "soon"]).is_err());
    let error = world.run(&["records", "--limit", "501"]).expect_err("too many").to_string();
    assert_eq!(error, "limit: 501 is not in 1..=500");
}

#[test]
fn watch_follows_line_by_line_until_the_switch_stops() {
    let expected = "\
line attached
span 1 ok, D-channel up, 0 blocked
span 5 red,los, 1 blocked
call 673f2a10-0-1 13900000001 -> 8000 reached 201: talking
line AWAY
call 673f2a10-0-1 13900000001 -> 8000 reached 201: ended, cause 16
";
    let (text, error) = watched(&["watch"], 6);
    assert_eq!(text, expected);
    assert!(error.to_string().ends_with("has ended the event stream: the switch is stopping"), "{error}");
}

#[test]
fn watch_as_json_prints_the_messages() {
    let (text, _) = watched(&["watch", "--json"], 3);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with(r#"{"type":"snapshot","run":"673f2a10","seq":6,"#), "{text}");
    assert_eq!(lines[1], r#"{"type":"update","seq":7,"update":{"kind":"line","attached":false}}"#);
    assert!(lines[2].starts_with(r#"{"type":"update","seq":8,"update":{"kind":"call","call":{"#), "{text}");
}

#[test]
fn where_nothing_listens_it_asks_whether_tandem_runs() {
    let World { server, folder, .. } = World::busy();
    let url = format!("http://{}", server.local_addr());
    server.shutdown();
    for command in ["status", "watch"] {
        let token_file = folder.path().join("api.token");
        let error = run(&[command], &url, &token_file).expect_err("nobody");
        let begin = format!("is `tandem run` running? nothing answers at {url}: ");
        assert!(error.to_string().starts_with(&begin), "{error}");
    }
}

#[test]
fn a_token_of_another_installation_is_named() {
    let world = World::busy();
    let other = world.folder.path().join("other.token");
    api::token::load_or_create(&other).expect("a token");
    for command in [&["status"][..], &["watch"], &["hangup", CALL]] {
        let error = run(command, &world.url(), &other).expect_err("wrong");
        assert!(matches!(error, CliError::Token { .. }), "{error}");
        assert!(error.to_string().contains("other.token"), "{error}");
    }
}

#[test]
fn a_token_file_that_is_missing_or_open_to_others_is_named() {
    let world = World::busy();
    let path = world.folder.path().join("none.token");
    let error = run(&["status"], &world.url(), &path).expect_err("missing").to_string();
    assert!(error.contains("none.token: cannot be read"), "{error}");
    fs::write(&path, "a".repeat(64)).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
    let error = run(&["status"], &world.url(), &path).expect_err("open").to_string();
    assert!(error.contains("mode 0644"), "{error}");
}

#[test]
fn the_configuration_file_tells_where_the_api_is() {
    let world = World::busy();
    let file = world.folder.path().join("tandem.toml");
    let listen = world.server.local_addr();
    let text = format!("version = 1\n[system]\ndata_dir = \".\"\n[api]\nlisten = \"{listen}\"\n");
    fs::write(&file, text).expect("written");
    let file = file.to_str().expect("text");
    let (result, text) = parsed(&["spans", "--config", file]);
    result.expect("done");
    assert_eq!(text.lines().count(), 3);
    let (result, _) = parsed(&["spans", "--config", &format!("{file}.none")]);
    assert!(matches!(result, Err(CliError::Config(_))));
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    assert!(Shell::try_parse_from(["tandem", "status", "--config", "a", "--api", "http://b"]).is_err());
    assert!(Shell::try_parse_from(["tandem", "status", "--api", "http://b"]).is_err());
    assert!(matches!(parsed(&["status"]).0, Err(CliError::Where(_))));
}

// Helpers.

#[derive(Parser)]
struct Shell {
    #[command(subcommand)]
    command: Command,
}

struct World {
    hub: Hub,
    server: Server,
    folder: TempDir,
}

struct Reloader;

impl api::Reload for Reloader {
    fn reload(&self) -> Result<Reloaded, Vec<String>> {
        let warnings = vec!["queue.sales: no agent serves it (warning)".into()];
        Ok(Reloaded { changes: vec!["queue.sales: new".into()], warnings })
    }
}

impl World {
    fn busy() -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let token = api::token::load_or_create(&folder.path().join("api.token")).expect("a token");
        let hub = Hub::new("673f2a10");
        let listen = "127.0.0.1:0".parse().expect("an address");
        let records = Arc::new(store::SqliteReader::new(&folder.path().join("tandem.db")));
        let server = serve(
            ApiConfig {
                listen,
                token,
                version: "0.1.0".into(),
                records: Some(records),
                recordings_dir: None,
                reload: Some(Arc::new(Reloader)),
                patience: api::Patience::default(),
            },
            hub.clone(),
        )
        .expect("a free port");
        let health = link::Health {
            realtime: true,
            periods: 1_000,
            late_periods: 2,
            lost_samples: 16,
            longest_period_us: 350,
            ..link::Health::default()
        };
        let updates = [
            Update::Line { attached: true },
            Update::Span { span: span(1, "E1", "pri_user") },
            Update::Span { span: span(5, "FXS", "telephones") },
            Update::Call { call: call(1, None) },
            Update::Call { call: call(2, Some(189_000)) },
            Update::Health { health },
        ];
        updates.into_iter().for_each(|update| hub.publish(update));
        World { hub, server, folder }
    }

    fn store(&self, calls: &[CallView]) {
        let file = self.folder.path().join("tandem.db");
        let writer = store::Writer::start(store::WriterConfig { file, keep_days: 0 }).expect("started");
        let tell =
            |call: &CallView| writer.inbox().tell(store::Record::Call(Box::new(call.clone()))).expect("room");
        calls.iter().for_each(tell);
        writer.stop();
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.local_addr())
    }

    fn run(&self, command: &[&str]) -> Result<String, CliError> {
        run(command, &self.url(), &self.folder.path().join("api.token"))
    }

    fn answer(&self, reply: Result<Reply, String>) -> JoinHandle<Request> {
        let requests = self.hub.requests();
        std::thread::spawn(move || {
            let (request, answer) = requests.recv_timeout(Duration::from_secs(20)).expect("a request");
            answer.give(reply);
            request
        })
    }
}

fn run(command: &[&str], url: &str, token_file: &std::path::Path) -> Result<String, CliError> {
    let token_file = token_file.to_str().expect("text");
    let (result, text) = parsed(&[command, &["--api", url, "--token-file", token_file]].concat());
    result.map(|()| text)
}

fn parsed(words: &[&str]) -> (Result<(), CliError>, String) {
    let shell = Shell::try_parse_from([&["tandem"], words].concat()).expect("a command");
    let mut out = Vec::new();
    let result = shell.command.run(&mut out);
    (result, String::from_utf8(out).expect("text"))
}

/// Watches until `lines` are there, with two updates after the beginning; then the switch stops.
fn watched(command: &[&str], lines: usize) -> (String, CliError) {
    let world = World::busy();
    let token_file = world.folder.path().join("api.token");
    let where_ =
        ["--api", &world.url(), "--token-file", token_file.to_str().expect("text")].map(String::from);
    let words: Vec<String> =
        ["tandem"].iter().chain(command).map(ToString::to_string).chain(where_).collect();
    let out = Lines::default();
    let mut writer = out.clone();
    let watching =
        std::thread::spawn(move || Shell::try_parse_from(words).expect("a command").command.run(&mut writer));
    out.wait_for(lines - 2);
    world.hub.publish(Update::Line { attached: false });
    world.hub.publish(Update::Call { call: call(1, Some(10_000)) });
    out.wait_for(lines);
    let World { server, .. } = world;
    server.shutdown();
    let error = watching.join().expect("no panic").expect_err("it has ended");
    (out.text(), error)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }

    fn wait_for(&self, lines: usize) {
        let there = (0..10_000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            self.text().lines().count() >= lines
        });
        assert!(there, "only: {}", self.text());
    }
}

impl Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").write(octets)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn span(span: u16, kind: &str, use_: &str) -> SpanView {
    let pri = kind == "E1";
    SpanView {
        span,
        kind: kind.into(),
        use_: use_.into(),
        alarms: if pri { vec![] } else { vec!["red".into(), "los".into()] },
        dchannel: pri.then_some(true),
        channels: if pri { 30 } else { 2 },
        d_timeslot: pri.then_some(16),
        blocked: if pri { vec![] } else { vec![2] },
        slips: if pri { 0 } else { 3 },
        bad_frames: 0,
    }
}

/// A call that an agent answered after 7 s in a queue.
fn served(serial: u32, since_ms: u64) -> CallView {
    let visit = VisitView {
        queue: "service".into(),
        entered_ms: since_ms + 5_000,
        left_ms: Some(since_ms + 12_000),
        outcome: Some(Outcome::Answered),
        agent: Some("zhang".into()),
    };
    CallView {
        since_ms,
        talking_ms: Some(since_ms + 12_000),
        visits: vec![visit],
        ..call(serial, Some(since_ms + 192_000))
    }
}

fn call(serial: u32, ended_ms: Option<u64>) -> CallView {
    let name = format!("673f2a10-0-{serial}");
    let state = if ended_ms.is_some() { LegStateView::Ended } else { LegStateView::Answered };
    let leg = |leg: String, channel: &str, incoming| LegView {
        leg,
        channel: Some(channel.into()),
        incoming,
        state,
    };
    CallView {
        call: name.clone(),
        called: "8000".into(),
        calling: "13900000001".into(),
        from: From::Trunk,
        restricted: false,
        flow: None,
        reached: Some("201".into()),
        agent: None,
        visits: vec![],
        progress: Progress::Talking,
        legs: vec![leg(name, "1/3", true), leg(format!("673f2a10-1-{serial}"), "5/1", false)],
        since_ms: 1_000,
        answered_ms: Some(2_000),
        talking_ms: Some(4_000),
        ended_ms,
        cause: ended_ms.map(|_| 16),
        recordings: vec![],
    }
}
