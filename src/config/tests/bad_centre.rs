//! What an operator reads when flows, queues, agents or the simulated exchange are wrong, in the file and in the documents.

use std::path::Path;

use config::{Config, ConfigError, Reach};

/// A file without an error; each case changes or adds lines.
const GOOD: &str = r#"version = 1
[[card]]
name = "sim0"
type = "sim"
[[card.span]]
span = 1
kind = "e1"
far_end = "exchange"
[[card.span]]
span = 2
kind = "fxs"
ports = 4
[[trunk]]
name = "telecom"
spans = [1]
signalling = "pri_cpe"
[[seat]]
number = "201"
port = "2/1"
[[seat]]
number = "301"
trunk = "telecom"
dial = "6001"
[[flow]]
name = "front"
file = "flows/front.toml"
[[queue]]
name = "service"
[[agent]]
name = "zhang"
seat = "201"
queues = ["service"]
[[number]]
called = "8000"
action = "flow"
flow = "front"
[acd]
missed = "pause"
[exchange]
called = ["8000"]
[[exchange.caller]]
language = "zh"
keys = "1,1"
"#;

const FLOW: &str = r#"version = 1
name = "front"
language = "zh"
start = "menu"
[nodes.menu]
type = "menu"
prompts = ["menu"]
keys = { 1 = "wait", 2 = "boss" }
timeout_ms = 5000
on_timeout = "bye"
on_invalid = "bye"
[nodes.wait]
type = "queue"
queue = "service"
music = ["music"]
max_wait_s = 300
on_timeout = "bye"
on_refused = "bye"
[nodes.boss]
type = "connect"
seat = "301"
ring_s = 20
on_failed = "bye"
[nodes.bye]
type = "announce"
prompts = ["goodbye"]
"#;

fn read(text: &str, flow: &str) -> Result<Config, Vec<ConfigError>> {
    Config::parse_with(text, "f.toml", &|path| {
        assert_eq!(path, Path::new("flows/front.toml"));
        Ok(flow.to_string())
    })
}

fn messages(text: &str, flow: &str) -> Vec<String> {
    let errors = read(text, flow).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect()
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(from.is_empty() || text.contains(from), "{from} is not there");
    if from.is_empty() { format!("{text}{to}\n") } else { text.replacen(from, to, 1) }
}

/// Changes `from` to `to` in the good file (or adds `to` at its end if `from` is empty) and compares all messages.
fn expect(from: &str, to: &str, expected: &[&str]) {
    assert_eq!(messages(&changed(GOOD, from, to), FLOW), expected, "{from} -> {to}");
}

/// Does the same with the flow's document.
fn expect_flow(from: &str, to: &str, expected: &[&str]) {
    assert_eq!(messages(GOOD, &changed(FLOW, from, to)), expected, "{from} -> {to}");
}

#[test]
fn the_good_file_is_good_and_read_whole() {
    let config = read(GOOD, FLOW).unwrap();
    assert_eq!(config.flows[0].flow.flow().start, "menu");
    assert_eq!(config.flows[0].file, Path::new("flows/front.toml"));
    assert_eq!(config.seats[1].reach, Reach::Trunk { trunk: "telecom".into(), dial: "6001".into() });
    assert_eq!((config.queues[0].title.as_str(), config.agents[0].title.as_str()), ("service", "zhang"));
    assert_eq!(config.exchange.unwrap().callers[0].keys, "1,1");
}

#[test]
fn zero_is_no_limit_where_it_may_stand() {
    let text = changed(
        GOOD,
        "name = \"service\"",
        "name = \"service\"\nmax_wait_s = 0\nposition_every_s = 0\nwrap_up_s = 0",
    );
    let config = read(&text, FLOW).unwrap();
    let settings = &config.queues[0].settings;
    assert_eq!((settings.max_wait, settings.position_every), (None, None));
    assert!(settings.wrap_up.is_zero());
}

#[test]
fn values_of_queues_and_agents_outside_their_ranges_are_told() {
    let queue = |line: &str, problem: &str| {
        let key = line.split_once(" =").unwrap().0;
        let message = format!("f.toml:29: queue.service.{key}: {problem}");
        expect("name = \"service\"", &format!("name = \"service\"\n{line}"), &[&message]);
    };
    queue("max_wait_s = 14401", "14401 is not in 0..=14400 (seconds)");
    queue("max_waiting = 0", "0 is not in 1..=8192");
    queue("offer_timeout_s = 0", "0 is not in 1..=300 (seconds)");
    queue("wrap_up_s = 3601", "3601 is not in 0..=3600 (seconds)");
    queue("position_every_s = 601", "601 is not in 0..=600 (seconds)");
    queue("service_goal_s = 0", "0 is not in 1..=3600 (seconds)");
    queue("short_abandon_s = -1", "-1 is not in 0..=600 (seconds)");
    let start = "f.toml:33: agent.zhang.start: \"idle\" is not one of \"offline\" | \"busy\" | \"ready\"";
    expect("queues = [\"service\"]", "queues = [\"service\"]\nstart = \"idle\"", &[start]);
    let name = "f.toml:28: queue.the queue.name: \"the queue\" is not allowed: 1 to 32 letters, digits, `-`, `_` or `.`";
    let unknown = "flows/front.toml:14: nodes.wait.queue: \"service\" is not the name of a [[queue]]";
    let serves = "f.toml:32: agent.zhang.queues: [\"service\"] names service, which is not a [[queue]]";
    expect("name = \"service\"", "name = \"the queue\"", &[name, serves, unknown]);
}

#[test]
fn agents_sit_alone_at_seats_that_are_there_and_serve_queues_that_are_there() {
    let agent = "[[agent]]\nname = \"wang\"\nseat = \"301\"\nqueues = [\"service\"]";
    expect("", agent, &[]);
    let cases = [
        ("\"wang\"", "\"zhang\"", "45: agent.zhang.name: \"zhang\" is used twice: first in line 30"),
        ("\"301\"", "\"201\"", "46: agent.wang.seat: \"201\" is used twice: first in line 31"),
        ("\"301\"", "\"999\"", "46: agent.wang.seat: \"999\" is not the number of a [[seat]]"),
        ("[\"service\"]", "[]", "47: agent.wang.queues: [] names no queue: an agent serves at least one"),
        ("queues = [\"service\"]", "", "44: agent.wang.queues: names no queue: an agent serves at least one"),
        (
            "[\"service\"]",
            "[\"sales\", \"service\"]",
            "47: agent.wang.queues: [\"sales\", \"service\"] names sales, which is not a [[queue]]",
        ),
        (
            "[\"service\"]",
            "[\"service\", \"service\"]",
            "47: agent.wang.queues: [\"service\", \"service\"] names service twice",
        ),
    ];
    for (from, to, message) in cases {
        expect("", &agent.replacen(from, to, 1), &[&format!("f.toml:{message}")]);
    }
}

#[test]
fn a_queue_that_needs_agents_must_have_one() {
    expect("name = \"service\"", "name = \"service\"\nneeds_agents = true", &[]);
    expect("", "[[queue]]\nname = \"empty\"", &[]);
    let message = "f.toml:46: queue.empty.needs_agents: true takes nobody: no [[agent]] serves the queue";
    expect("", "[[queue]]\nname = \"empty\"\nneeds_agents = true", &[message]);
}

#[test]
fn a_pause_and_reasons_that_mean_nothing_are_told() {
    let pause =
        "f.toml:39: acd.missed_pause_s: 9 is of no use: missed = \"busy\" lasts until the agent is ready";
    expect("missed = \"pause\"", "missed = \"busy\"\nmissed_pause_s = 9", &[pause]);
    let own = "f.toml:39: acd.busy_reasons: [\"lunch\", \"missed\"] names missed, which is the program's own";
    expect("missed = \"pause\"", "missed = \"pause\"\nbusy_reasons = [\"lunch\", \"missed\"]", &[own]);
    let twice = "f.toml:39: acd.busy_reasons: [\"lunch\", \"lunch\"] names lunch twice";
    expect("missed = \"pause\"", "missed = \"pause\"\nbusy_reasons = [\"lunch\", \"lunch\"]", &[twice]);
}

#[test]
fn a_seat_has_a_port_or_a_trunk_and_no_two_are_one_telephone() {
    let both = "f.toml:20: seat.201.trunk: \"telecom\" is of no use: the seat has a port";
    expect("port = \"2/1\"", "port = \"2/1\"\ntrunk = \"telecom\"", &[both]);
    let dial = "f.toml:20: seat.201.dial: \"1\" is of no use: the seat has no trunk";
    expect("port = \"2/1\"", "port = \"2/1\"\ndial = \"1\"", &[dial]);
    let neither =
        "f.toml:17: seat.201.port: missing: a seat needs a port or a trunk (SPAN/PORT, for example 5/1)";
    expect("port = \"2/1\"\n", "", &[neither]);
    let mars = "f.toml:22: seat.301.trunk: \"mars\" is not the name of a [[trunk]]";
    expect("trunk = \"telecom\"", "trunk = \"mars\"", &[mars]);
    let same = "f.toml:47: seat.302.dial: \"6001\" is dialled on trunk telecom for seat 301, too";
    expect("", "[[seat]]\nnumber = \"302\"\ntrunk = \"telecom\"\ndial = \"6001\"", &[same]);
    let same = "f.toml:45: seat.6001.number: \"6001\" is dialled on trunk telecom for seat 301, too";
    expect("", "[[seat]]\nnumber = \"6001\"\ntrunk = \"telecom\"", &[same]);
}

#[test]
fn a_number_leads_to_a_flow_that_is_there() {
    let unknown = "f.toml:36: number.8000.flow: \"back\" is not the name of a [[flow]]";
    expect("flow = \"front\"", "flow = \"back\"", &[unknown]);
    let missing = "f.toml:33: number.8000.flow: missing: action \"flow\" needs it";
    expect("flow = \"front\"\n", "", &[missing]);
    let of_no_use =
        "f.toml:36: number.8000.prompts: [\"zh/a\"] is of no use: action \"flow\" has no such key";
    expect("flow = \"front\"", "prompts = [\"zh/a\"]\nflow = \"front\"", &[of_no_use]);
}

#[test]
fn the_exchange_needs_its_section_and_spans_that_it_can_serve() {
    let (without, _) = GOOD.split_once("[exchange]").unwrap();
    assert_eq!(
        messages(without, FLOW),
        ["f.toml:8: card.sim0.span.1.far_end: \"exchange\" needs an [exchange] section"]
    );
    let trunk = "f.toml:16: card.sim0.span.3.far_end: \"exchange\" needs a [[trunk]] with span 3: it tells how the exchange speaks";
    let more = "ports = 4\n[[card.span]]\nspan = 3\nkind = \"e1\"\nfar_end = \"exchange\"";
    expect("ports = 4", more, &[trunk]);
    let fxo = trunk.replacen(":16:", ":17:", 1);
    expect("ports = 4", &more.replace("\"e1\"", "\"fxo\"\nports = 2"), &[&fxo]);
    let taken =
        "f.toml:13: card.sim0.span.2.far_end: \"socket:exchange-1.sock\" is used twice: first in line 8";
    expect("ports = 4", "ports = 4\nfar_end = \"socket:exchange-1.sock\"", &[taken]);
}

#[test]
fn the_people_of_the_exchange_are_read_with_their_ranges() {
    let line = |from: &str, to: &str, message: &str| expect(from, to, &[&format!("f.toml:{message}")]);
    let numbers = "called = [\"8000\"]\n[[ex";
    line(numbers, "[[ex", "39: exchange.called: names no number: the callers need at least one");
    line(
        numbers,
        "called = []\n[[ex",
        "40: exchange.called: [] names no number: the callers need at least one",
    );
    let more = |key: &str| format!("called = [\"8000\"]\n{key}\n[[ex");
    let percent = "41: exchange.no_answer_percent: 101 is not in 0..=100 (percent)";
    line(numbers, &more("no_answer_percent = 101"), percent);
    line(numbers, &more("talk_s = 0"), "41: exchange.talk_s: 0 is not in 1..=3600 (seconds)");
    line(numbers, &more("max_callers = 0"), "41: exchange.max_callers: 0 is not in 1..=2000");
    line(
        numbers,
        &more("calls_per_hour = 100001"),
        "41: exchange.calls_per_hour: 100001 is not in 0..=100000",
    );
    line(
        "keys = \"1,1\"",
        "keys = \"1;1\"",
        "43: exchange.caller[1].keys: \"1;1\" is not allowed: at most 64 of 0-9 * # and `,`",
    );
    line(
        "language = \"zh\"\nkeys",
        "keys",
        "41: exchange.caller[1].language: missing: it must be given (\"zh\" | \"en\")",
    );
    line("keys = \"1,1\"", "weight = 0", "43: exchange.caller[1].weight: 0 is not in 1..=1000");
    let (without, _) = GOOD.split_once("[[exchange.caller]]").unwrap();
    let missing = "f.toml:39: exchange.caller: missing: an exchange needs at least one [[exchange.caller]]";
    assert_eq!(messages(without, FLOW), [missing]);
}

#[test]
fn what_is_wrong_in_a_flow_is_told_with_its_own_lines_and_keys() {
    let line = |from: &str, to: &str, message: &str| {
        expect_flow(from, to, &[&format!("flows/front.toml:{message}")]);
    };
    line("timeout_ms = 5000", "timeout_ms = 1", "9: nodes.menu.timeout_ms: 1 is not in 500 to 60000");
    line("version = 1", "version = 2", "1: version: version 2 is not 1");
    line("on_timeout = \"bye\"\non_invalid", "on_invalid", "5: nodes.menu.on_timeout: missing");
    let round = "20: nodes.boss.next: goes round without asking the caller anything: boss -> boss";
    line(
        "ring_s = 20\non_failed = \"bye\"",
        "on_failed = \"boss\"\nring_s = 20",
        &round.replacen("20", "19", 1),
    );
    expect_flow(
        "2 = \"boss\"",
        "2 = \"bos\"",
        &[
            "flows/front.toml:8: nodes.menu.keys.2: no node \"bos\"",
            "flows/front.toml:19: nodes.boss: cannot be reached from the start",
        ],
    );
}

#[test]
fn flows_and_the_file_must_fit_together() {
    let line = |from: &str, to: &str, message: &str| {
        expect_flow(from, to, &[&format!("flows/front.toml:{message}")])
    };
    line(
        "queue = \"service\"",
        "queue = \"sales\"",
        "14: nodes.wait.queue: \"sales\" is not the name of a [[queue]]",
    );
    line("seat = \"301\"", "seat = \"302\"", "21: nodes.boss.seat: \"302\" is not the number of a [[seat]]");
    line("\"front\"", "\"back\"", "2: name: \"back\" is not \"front\", as the configuration calls it");
}

#[test]
fn a_flow_of_the_wrong_form_is_told_node_by_node() {
    expect_flow(
        "start = \"menu\"",
        "start =",
        &["flows/front.toml:4: not TOML: string values must be quoted, expected literal string"],
    );
    let flow = FLOW.replace("ring_s = 20", "ring_s = \"20\"").replace("max_wait_s = 300", "max_wait = 300");
    let found = messages(GOOD, &flow);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("flows/front.toml:12: nodes.wait: unknown field `max_wait`"), "{found:?}");
    assert!(
        found[1].starts_with("flows/front.toml:19: nodes.boss: invalid type: string \"20\""),
        "{found:?}"
    );
    let found = messages(GOOD, &FLOW.replace("version = 1", "version = 1\nauthor = \"me\""));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("flows/front.toml:2: unknown field `author`"), "{found:?}");
    assert_eq!(messages(GOOD, ""), ["flows/front.toml:1: missing field `version`"]);
}

#[test]
fn a_flow_that_cannot_be_read_is_told_where_the_file_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.toml");
    std::fs::write(&file, GOOD).unwrap();
    let told = |error: &ConfigError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
    let tell = || Config::load(&file).err().unwrap_or_default().iter().map(told).collect::<Vec<_>>();
    let missing = "f.toml:26: flow.front.file: \"flows/front.toml\" cannot be read: No such file or directory (os error 2)";
    assert_eq!(tell(), [missing]);
    std::fs::create_dir(folder.path().join("flows")).unwrap();
    let flow = folder.path().join("flows/front.toml");
    std::fs::write(&flow, b"version = 1\n\xff\n").unwrap();
    assert_eq!(tell(), ["flows/front.toml:2: this line is not UTF-8"]);
    std::fs::write(&flow, vec![b'#'; config::MAX_FILE as usize + 1]).unwrap();
    assert_eq!(tell(), ["f.toml:26: flow.front.file: \"flows/front.toml\" is longer than 1048576 octets"]);
    std::fs::write(&flow, FLOW).unwrap();
    assert_eq!(tell(), [""; 0]);
}

#[test]
fn errors_of_the_file_and_of_its_flows_are_told_at_once() {
    let text = GOOD
        .replace("max_callers", "")
        .replace("[acd]", "[acd]\nmised = 1")
        .replace("\"8000\"\naction", "\"80x\"\naction");
    let flow = FLOW.replace("seat = \"301\"", "seat = \"302\"").replace("\"service\"", "\"sales\"");
    assert_eq!(
        messages(&text, &flow),
        [
            "f.toml:34: number.80x.called: \"80x\" is not allowed: 1 to 20 digits, or their beginning and a `*`",
            "f.toml:38: acd.mised: unknown key: did you mean `missed`?",
            "flows/front.toml:14: nodes.wait.queue: \"sales\" is not the name of a [[queue]]",
            "flows/front.toml:21: nodes.boss.seat: \"302\" is not the number of a [[seat]]",
        ]
    );
}
