//! What an operator reads when a file is wrong: each kind of mistake with its exact message.

use config::{Config, ConfigError};

/// A file without an error; each case changes or adds lines.
const GOOD: &str = r#"version = 1
[realtime]
priority = 80
[[card]]
name = "sim0"
type = "sim"
[[card.span]]
span = 1
kind = "e1"
clock = "internal"
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
[[number]]
called = "8000"
action = "attendant"
prompts = ["welcome"]
[api]
listen = "127.0.0.1:8040"
"#;

fn messages(text: &str) -> Vec<String> {
    match Config::parse(text, "f.toml") {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ConfigError::to_string).collect(),
    }
}

/// Changes `from` to `to` in the good file (or adds `to` at its end if `from` is empty) and compares all messages.
fn expect(from: &str, to: &str, expected: &[&str]) {
    let text = if from.is_empty() {
        format!("{GOOD}{to}\n")
    } else {
        assert!(GOOD.contains(from), "{from} is not in the good file");
        GOOD.replacen(from, to, 1)
    };
    assert_eq!(messages(&text), expected, "{from} -> {to}");
}

#[test]
fn the_good_file_is_good() {
    assert_eq!(messages(GOOD), [""; 0]);
}

#[test]
fn a_value_outside_its_range_is_told_with_the_range_and_the_unit() {
    let message = "f.toml:6: card.sim0.buffer_ms: 900 is not in 2..=200 (milliseconds)";
    expect("type = \"sim\"", "buffer_ms = 900\ntype = \"sim\"", &[message]);
    expect("priority = 80", "priority = 99", &["f.toml:3: realtime.priority: 99 is not in 0..=98"]);
    expect("priority = 80", "priority = -1", &["f.toml:3: realtime.priority: -1 is not in 0..=98"]);
    let huge = "f.toml:3: realtime.priority: 99999999999999999999 is not in 0..=98";
    expect("priority = 80", "priority = 99999999999999999999", &[huge]);
    let ppm = "f.toml:11: card.sim0.span.1.ppm: 100.5 is not in -100..=100 (parts per million)";
    expect("clock = \"internal\"", "clock = \"internal\"\nppm = 100.5", &[ppm]);
    let nan = "f.toml:11: card.sim0.span.1.ppm: nan is not in -100..=100 (parts per million)";
    expect("clock = \"internal\"", "clock = \"internal\"\nppm = nan", &[nan]);
}

#[test]
fn the_edges_of_a_range_are_allowed() {
    for edge in ["0", "98", "0x50", "9_8"] {
        expect("priority = 80", &format!("priority = {edge}"), &[]);
    }
    expect("clock = \"internal\"", "clock = \"internal\"\nppm = -100", &[]);
}

#[test]
fn a_value_of_another_type_is_told_with_what_is_expected() {
    let cases = [
        (
            "priority = 80",
            "priority = \"80\"",
            "3: realtime.priority: \"80\" is a string: a whole number in 0..=98 is expected",
        ),
        (
            "priority = 80",
            "priority = 8.0",
            "3: realtime.priority: 8.0 is a float: a whole number in 0..=98 is expected",
        ),
        (
            "priority = 80",
            "lock_memory = 1",
            "3: realtime.lock_memory: 1 is an integer: true or false is expected",
        ),
        (
            "name = \"sim0\"",
            "name = 7",
            "5: card.7.name: 7 is an integer: a string (1 to 32 letters, digits, `-`, `_` or `.`) is expected",
        ),
        (
            "kind = \"e1\"",
            "kind = true",
            "9: card.sim0.span.1.kind: true is a boolean: one of \"e1\" | \"t1\" | \"fxs\" | \"fxo\" is expected",
        ),
        (
            "spans = [1]",
            "spans = 1",
            "17: trunk.telecom.spans: 1 is an integer: a list in [ ] of at most 64: span numbers in 1..=999 is expected",
        ),
        (
            "spans = [1]",
            "spans = [1, \"2\"]",
            "17: trunk.telecom.spans: \"2\" is not allowed: span numbers in 1..=999",
        ),
    ];
    for (from, to, message) in cases {
        expect(from, to, &[&format!("f.toml:{message}")]);
    }
    expect(
        "[realtime]\npriority = 80",
        "realtime = 5",
        &["f.toml:2: realtime: 5 is an integer: a table is expected"],
    );
    expect(
        "[api]\nlisten = \"127.0.0.1:8040\"",
        "[line]\nhold_s = 0\n[record]\nenabled = \"no\"",
        &[
            "f.toml:27: line.hold_s: 0 is not in 1..=600 (seconds)",
            "f.toml:29: record.enabled: \"no\" is a string: true or false is expected",
        ],
    );
    let list = "f.toml:2: seat: { a = 1 } is a table: a list of tables, written [[seat]], is expected";
    assert_eq!(messages("version = 1\nseat = { a = 1 }"), [list]);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    expect(
        "priority = 80",
        "priorty = 80",
        &["f.toml:3: realtime.priorty: unknown key: did you mean `priority`?"],
    );
    expect("priority = 80", "colour = 80", &["f.toml:3: realtime.colour: unknown key"]);
    expect("", "[sytem]", &["f.toml:28: sytem: unknown key: did you mean `system`?"]);
    let echo = "f.toml:14: card.sim0.span.2.echo.erl: unknown key";
    expect("ports = 4", "echo = { erl = 3 }\nports = 4", &[echo]);
    let word = "f.toml:9: card.sim0.span.1.kind: \"e2\" is not one of \"e1\" | \"t1\" | \"fxs\" | \"fxo\": did you mean \"e1\"?";
    expect("kind = \"e1\"", "kind = \"e2\"", &[word]);
}

#[test]
fn what_must_be_given_is_missed() {
    expect("version = 1\n", "", &["f.toml:1: version: missing: it must be given (1..=1)"]);
    expect("version = 1", "version = 2", &["f.toml:1: version: 2 is not in 1..=1"]);
    let name = "f.toml:4: card[1].name: missing: it must be given (1 to 32 letters, digits, `-`, `_` or `.`)";
    expect("name = \"sim0\"\n", "", &[name]);
    let kind =
        "f.toml:7: card.sim0.span.1.kind: missing: it must be given (\"e1\" | \"t1\" | \"fxs\" | \"fxo\")";
    expect("kind = \"e1\"\n", "", &[kind]);
    let ports = "f.toml:11: card.sim0.span.2.ports: missing: an FXS span needs its number of ports";
    expect("ports = 4\n", "", &[ports]);
    expect(
        "spans = [1]\n",
        "",
        &["f.toml:15: trunk.telecom.spans: names no span: a trunk needs at least one"],
    );
    let side = "f.toml:15: trunk.telecom.signalling: missing: it must be given (\"pri_cpe\" | \"pri_net\" | \"loop_start\")";
    expect("signalling = \"pri_cpe\"\n", "", &[side]);
    expect(
        "port = \"2/1\"\n",
        "",
        &["f.toml:19: seat.201.port: missing: a seat needs a port or a trunk (SPAN/PORT, for example 5/1)"],
    );
    expect(
        "prompts = [\"welcome\"]\n",
        "",
        &["f.toml:22: number.8000.prompts: missing: action \"attendant\" needs it"],
    );
    let card = "version = 1\n[[card]]\nname = \"x\"\ntype = \"sim\"";
    assert_eq!(messages(card), ["f.toml:2: card.x.span: missing: a card needs at least one [[card.span]]"]);
}

#[test]
fn spans_that_do_not_fit_together_are_told() {
    expect(
        "span = 2",
        "span = 1",
        &[
            "f.toml:12: card.sim0.span.1.span: 1 is used twice: first in line 8",
            "f.toml:21: seat.201.port: \"2/1\" is not there: no card has span 2",
        ],
    );
    expect(
        "",
        "[[card]]\nname = \"sim0\"\ntype = \"sim\"\n[[card.span]]\nspan = 3\nkind = \"t1\"",
        &["f.toml:29: card.sim0.name: \"sim0\" is used twice: first in line 5"],
    );
    let of_no_use = "f.toml:10: card.sim0.span.1.ports: 4 is of no use: an E1 span has no such thing";
    expect("clock = \"internal\"", "ports = 4", &[of_no_use]);
    let clock = "f.toml:14: card.sim0.span.2.clock: \"line\" is of no use: an FXS span has no such thing";
    expect("ports = 4", "clock = \"line\"\nports = 4", &[clock]);
    let far = [
        ("span:9", "names a span that no card has"),
        ("span:1", "is the span itself: a line to itself is written \"loop\""),
        ("span:2", "cannot be joined: span 1 is E1, span 2 is FXS"),
        ("span:01", "is not allowed: \"open\" | \"loop\" | \"exchange\" | \"span:NUMBER\" | \"socket:PATH\""),
        ("closed", "is not allowed: \"open\" | \"loop\" | \"exchange\" | \"span:NUMBER\" | \"socket:PATH\""),
    ];
    for (end, problem) in far {
        let message = format!("f.toml:10: card.sim0.span.1.far_end: \"{end}\" {problem}");
        expect("clock = \"internal\"", &format!("far_end = \"{end}\""), &[&message]);
    }
}

#[test]
fn a_cross_connect_needs_both_ends_one_clock_and_two_sides() {
    let pair = |one: &str, two: &str, other: &str| {
        format!(
            "version = 1\n[[card]]\nname = \"c\"\ntype = \"sim\"\n[[card.span]]\nspan = 1\nkind = \"e1\"\n{one}\n\
             [[card.span]]\nspan = 2\nkind = \"e1\"\n{two}\n[[trunk]]\nname = \"a\"\nspans = [1]\n\
             signalling = \"pri_cpe\"\n[[trunk]]\nname = \"b\"\nspans = [2]\nsignalling = \"{other}\"\n"
        )
    };
    let (one, two) = ("far_end = \"span:2\"", "clock = \"internal\"\nfar_end = \"span:1\"");
    assert_eq!(messages(&pair(one, two, "pri_net")), [""; 0]);
    assert_eq!(
        messages(&pair(one, two, "pri_cpe")),
        ["f.toml:8: card.c.span.1.far_end: \"span:2\" joins trunks a and b, which are the same side: \
         one must be pri_net, one pri_cpe"]
    );
    assert_eq!(
        messages(&pair(one, "clock = \"internal\"", "pri_net")),
        ["f.toml:8: card.c.span.1.far_end: \"span:2\" is one-sided: span 2 must have far_end = \"span:1\""]
    );
    assert_eq!(
        messages(&pair(one, "far_end = \"span:1\"", "pri_net")),
        [
            "f.toml:5: card.c.span.1.clock: spans 1 and 2 both take their clock from the line: one must be \"internal\""
        ]
    );
}

/// The good file with two exchange lines; `keys` belong to their trunk, `own` to its section.
fn exchange_lines(keys: &str, own: &str) -> Vec<String> {
    let span = "[[card.span]]\nspan = 3\nkind = \"fxo\"\nports = 2\n[[trunk]]\nname = \"telecom\"";
    let trunk = format!("[[trunk]]\nname = \"lines\"\nspans = [3]\n{keys}\n{own}\n[[seat]]");
    let text = GOOD.replacen("[[trunk]]\nname = \"telecom\"", span, 1).replacen("[[seat]]", &trunk, 1);
    messages(&text)
}

const LOOP_START: &str = "signalling = \"loop_start\"";
const CALLED: &str = "[trunk.loop_start]\ncalled = \"82286688\"";

#[test]
fn exchange_lines_need_fxo_ports_and_their_number() {
    assert_eq!(exchange_lines(LOOP_START, CALLED), [""; 0]);
    let missing = "f.toml:27: trunk.lines.loop_start: [trunk.loop_start] lacks `called`: the number of its lines (1 to 20 digits) must be given";
    assert_eq!(exchange_lines(LOOP_START, "[trunk.loop_start]"), [missing]);
    let missing = "f.toml:23: trunk.lines.loop_start: missing: signalling \"loop_start\" needs [trunk.loop_start] with \
                   `called`, the number of its lines";
    assert_eq!(exchange_lines(LOOP_START, ""), [missing]);
    let e1 = "f.toml:25: trunk.lines.spans: [3] names span 3, which is FXO: a trunk needs E1 or T1, or FXO and \
              signalling \"loop_start\"";
    assert_eq!(exchange_lines("signalling = \"pri_net\"", ""), [e1]);
    expect(
        "signalling = \"pri_cpe\"",
        "signalling = \"loop_start\"\n[trunk.loop_start]\ncalled = \"1\"",
        &[
            "f.toml:17: trunk.telecom.spans: [1] names span 1, which is E1: signalling \"loop_start\" needs FXO",
        ],
    );
}

#[test]
fn keys_of_another_signalling_are_refused() {
    let of_no_use = "\"01082286688\" is of no use: signalling \"loop_start\" has no such thing";
    let found = exchange_lines(&format!("{LOOP_START}\ncaller = \"01082286688\""), CALLED);
    assert_eq!(found, [format!("f.toml:27: trunk.lines.caller: {of_no_use}")]);
    let found = exchange_lines(LOOP_START, &format!("{CALLED}\n[trunk.timers]\nt200_ms = 1000"));
    assert!(found.len() == 1 && found[0].contains("trunk.lines.timers"), "{found:?}");
    let found = messages(&GOOD.replacen("[[seat]]", &format!("{CALLED}\n[[seat]]"), 1));
    assert!(found.len() == 1 && found[0].contains("trunk.telecom.loop_start"), "{found:?}");
    assert!(found[0].contains("is of no use: the trunk is primary rate ISDN"), "{found:?}");
}

#[test]
fn the_times_of_exchange_lines_have_their_ranges() {
    for (wrong, message) in [
        ("ring_min_ms = 19", "ring_min_ms: 19 is not in 20..=1000 (milliseconds)"),
        ("ring_gap_ms = 1999", "ring_gap_ms: 1999 is not in 2000..=20000 (milliseconds)"),
        ("busy_cycles = 1", "busy_cycles: 1 is not in 2..=20 (cycles)"),
        ("guard_ms = 199", "guard_ms: 199 is not in 200..=30000 (milliseconds)"),
        ("answer = \"magic\"", "answer: \"magic\" is not one of \"polarity\" | \"ringback\" | \"dialled\""),
    ] {
        let found = exchange_lines(LOOP_START, &format!("{CALLED}\n{wrong}"));
        assert_eq!(found, [format!("f.toml:29: trunk.lines.loop_start.{message}")], "{wrong}");
    }
}

#[test]
fn trunks_that_lead_nowhere_are_told() {
    expect(
        "spans = [1]",
        "spans = [1, 7]",
        &["f.toml:17: trunk.telecom.spans: [1, 7] names span 7, which no card has"],
    );
    expect(
        "spans = [1]",
        "spans = [1, 1]",
        &["f.toml:17: trunk.telecom.spans: [1, 1] names span 1, which is already in trunk telecom"],
    );
    expect(
        "spans = [1]",
        "spans = []",
        &["f.toml:17: trunk.telecom.spans: [] names no span: a trunk needs at least one"],
    );
    expect(
        "spans = [1]",
        "spans = [2]",
        &[
            "f.toml:17: trunk.telecom.spans: [2] names span 2, which is FXS: a trunk needs E1 or T1, or FXO and signalling \"loop_start\"",
        ],
    );
    let timers = "[trunk.timers]\nt303_s = 3\nt316_s = 121";
    expect(
        "signalling = \"pri_cpe\"",
        &format!("signalling = \"pri_cpe\"\n{timers}"),
        &[
            "f.toml:20: trunk.telecom.timers.t303_s: 3 is not in 4..=10 (seconds)",
            "f.toml:21: trunk.telecom.timers.t316_s: 121 is not in 30..=120 (seconds)",
        ],
    );
}

#[test]
fn a_seat_needs_a_free_fxs_port() {
    let cases = [
        ("1/16", "is the D-channel of span 1: a seat needs an FXS port"),
        ("1/3", "is on span 1, which is E1: a seat needs an FXS port"),
        ("2/5", "is not there: span 2 has ports 1..=4"),
        ("9/1", "is not there: no card has span 9"),
        ("2-1", "is not allowed: SPAN/PORT, for example 5/1"),
        ("2/0", "is not allowed: SPAN/PORT, for example 5/1"),
        ("2/999", "is not allowed: SPAN/PORT, for example 5/1"),
    ];
    for (port, problem) in cases {
        let message = format!("f.toml:21: seat.201.port: \"{port}\" {problem}");
        expect("port = \"2/1\"", &format!("port = \"{port}\""), &[&message]);
    }
    expect("port = \"2/1\"", "port = \"2/4\"", &[]);
    expect(
        "",
        "[[seat]]\nnumber = \"202\"\nport = \"2/1\"",
        &["f.toml:30: seat.202.port: \"2/1\" is used twice: first in line 21"],
    );
    expect(
        "",
        "[[seat]]\nnumber = \"201\"\nport = \"2/2\"",
        &["f.toml:29: seat.201.number: \"201\" is used twice: first in line 20"],
    );
    expect(
        "",
        "[[seat]]\nnumber = \"2o2\"\nport = \"2/2\"",
        &["f.toml:29: seat.2o2.number: \"2o2\" is not allowed: 1 to 20 digits"],
    );
}

#[test]
fn number_plan_entries_must_lead_somewhere() {
    let entry = |lines: &str| format!("[[number]]\ncalled = \"9*\"\n{lines}");
    let cases = [
        ("action = \"seat\"\nseat = \"299\"", "31: number.9*.seat: \"299\" is not the number of a [[seat]]"),
        ("action = \"seat\"", "28: number.9*.seat: missing: action \"seat\" needs it"),
        (
            "action = \"trunk\"\ntrunk = \"mars\"",
            "31: number.9*.trunk: \"mars\" is not the name of a [[trunk]]",
        ),
        (
            "action = \"announce\"\nprompts = []",
            "31: number.9*.prompts: [] is empty: action \"announce\" needs at least one prompt",
        ),
        (
            "action = \"trunk\"\ntrunk = \"telecom\"\nattempts = 2",
            "32: number.9*.attempts: 2 is of no use: action \"trunk\" has no such key",
        ),
        (
            "action = \"announce\"\nprompts = [\"../etc\"]",
            "31: number.9*.prompts: \"../etc\" is not allowed: names of prompts without .wav, parted by `/`",
        ),
    ];
    for (lines, message) in cases {
        expect("", &entry(lines), &[&format!("f.toml:{message}")]);
    }
    expect(
        "",
        "[[number]]\ncalled = \"8000\"\naction = \"seat\"\nseat = \"201\"",
        &["f.toml:29: number.8000.called: \"8000\" is used twice: first in line 23"],
    );
    expect("", "[[number]]\ncalled = \"8000\"\nfrom = \"seat\"\naction = \"seat\"\nseat = \"201\"", &[]);
    let called =
        "f.toml:29: number.8**.called: \"8**\" is not allowed: 1 to 20 digits, or their beginning and a `*`";
    expect("", "[[number]]\ncalled = \"8**\"\naction = \"seat\"\nseat = \"201\"", &[called]);
}

#[test]
fn an_open_api_must_be_asked_for() {
    let message = "f.toml:27: api.listen: \"0.0.0.0:80\" is not a loopback address: others could reach it; \
                   allow_remote = true permits that";
    expect("127.0.0.1:8040", "0.0.0.0:80", &[message]);
    expect("127.0.0.1:8040\"", "0.0.0.0:80\"\nallow_remote = true", &[]);
    expect("127.0.0.1:8040", "[::1]:8040", &[]);
    let form = "f.toml:27: api.listen: \"8040\" is not allowed: ADDRESS:PORT, for example 127.0.0.1:8040";
    expect("127.0.0.1:8040", "8040", &[form]);
}

#[test]
fn a_socket_path_too_long_for_the_system_is_told() {
    let long = "x".repeat(104);
    let shown = "x".repeat(59);
    let message = format!(
        "f.toml:29: line.socket: \"{shown}... leads to a path of 108 octets: a Unix socket's has at most 107"
    );
    expect("", &format!("[line]\nsocket = \"{long}\""), &[&message]);
    expect("", &format!("[line]\nsocket = \"{}\"", &long[1..]), &[]);
}

#[test]
fn all_errors_are_told_at_once_in_the_order_of_lines() {
    let text = GOOD
        .replace("priority = 80", "priority = 100\ncpus = 1")
        .replace("kind = \"e1\"", "kind = \"e5\"")
        .replace("port = \"2/1\"", "port = \"2/9\"")
        .replace("127.0.0.1:8040", "nowhere");
    assert_eq!(
        messages(&text),
        [
            "f.toml:3: realtime.priority: 100 is not in 0..=98",
            "f.toml:4: realtime.cpus: unknown key: did you mean `cpu`?",
            "f.toml:10: card.sim0.span.1.kind: \"e5\" is not one of \"e1\" | \"t1\" | \"fxs\" | \"fxo\": did you mean \"e1\"?",
            "f.toml:22: seat.201.port: \"2/9\" is not there: span 2 has ports 1..=4",
            "f.toml:28: api.listen: \"nowhere\" is not allowed: ADDRESS:PORT, for example 127.0.0.1:8040",
        ]
    );
}

#[test]
fn a_file_that_is_not_toml_has_all_its_syntax_errors_told() {
    let found = messages("version = \n[system]\nname = nobody\n[api\n");
    let lines = |message: &String| message.split(": not TOML: ").next().map(str::to_string);
    let places: Vec<_> = found.iter().filter_map(lines).collect();
    assert_eq!(places, ["f.toml:1", "f.toml:3", "f.toml:4"], "{found:?}");
    assert_eq!(messages("version = 1\nversion = 1\n"), ["f.toml:2: not TOML: duplicate key"]);
}

#[test]
fn a_file_that_cannot_be_read_is_one_error() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let errors = Config::load(&missing).unwrap_err();
    let message = format!("{}: cannot be read: No such file or directory (os error 2)", missing.display());
    assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [message]);
    let binary = folder.path().join("binary.toml");
    std::fs::write(&binary, b"version = 1\n# \xff\n").unwrap();
    let message = format!("{}:2: this line is not UTF-8", binary.display());
    assert_eq!(Config::load(&binary).unwrap_err()[0].to_string(), message);
    let long = folder.path().join("long.toml");
    std::fs::write(&long, vec![b'#'; config::MAX_FILE as usize + 1]).unwrap();
    assert!(Config::load(&long).unwrap_err()[0].to_string().ends_with("is longer than 1048576 octets"));
}

#[test]
fn paths_start_at_the_folder_of_the_file() {
    let text = "version = 1\n[system]\ndata_dir = \"data\"\nprompts_dir = \"/srv/prompts\"\n[record]\ndirectory = \"/rec\"";
    let config = Config::parse(text, "etc/tandem/f.toml").unwrap();
    assert_eq!(config.system.data_dir.to_str(), Some("etc/tandem/data"));
    assert_eq!(config.prompt_file("zh/welcome").to_str(), Some("/srv/prompts/zh/welcome.wav"));
    assert_eq!(config.record.directory.to_str(), Some("/rec"));
    assert_eq!(config.line.socket.to_str(), Some("etc/tandem/data/line.sock"));
    assert_eq!(config.api.token_file.to_str(), Some("etc/tandem/data/api.token"));
}

#[test]
fn a_damaged_file_is_refused_or_read_but_never_a_panic() {
    let whole = include_str!("../../../config/default.toml");
    let flow = include_str!("../../../config/examples/flows/front.toml");
    let (mut refused, mut read) = (0, 0);
    for (at, _) in whole.char_indices().step_by(5) {
        let mut damaged = whole.to_string();
        damaged.remove(at);
        match Config::parse_with(&damaged, "f.toml", &|_| Ok(flow.into())) {
            Ok(_) => read += 1,
            Err(errors) => refused += usize::from(!errors.is_empty()),
        }
    }
    assert!(refused > 100 && read > 100, "{refused} refused, {read} read");
}

#[test]
fn tones_of_ones_own_are_checked() {
    let tone = |more: &str| format!("[[detect.tone]]\nname = \"own\"\nmeans = \"busy\"\n{more}");
    let expect_tone = |more: &str, expected: &[&str]| expect("", &tone(more), expected);
    expect_tone("frequencies_hz = [620, 480]\ncadence_ms = [300, 200]", &[]);
    expect_tone("frequencies_hz = [450]", &[]);
    let at = |line: usize, key: &str, rest: &str| format!("f.toml:{line}: detect.tone.own.{key}: {rest}");
    expect_tone(
        "cadence_ms = [300, 200]",
        &[&at(28, "frequencies_hz", "names no frequency: one or two are needed")],
    );
    expect_tone(
        "frequencies_hz = [450, 460]",
        &[&at(31, "frequencies_hz", "[450, 460] are closer than 30 Hz: nobody can tell them from one")],
    );
    expect_tone(
        "frequencies_hz = [100]",
        &[&at(31, "frequencies_hz", "100 is not allowed: hertz in 200..=3400")],
    );
    expect_tone(
        "frequencies_hz = [450]\ncadence_ms = [300]",
        &[&at(
            32,
            "cadence_ms",
            "[300] ends with a sound: on and off come in pairs, and no pair is a tone without pause",
        )],
    );
    expect_tone(
        "frequencies_hz = [450]\ncadence_ms = [300, 20]",
        &[&at(32, "cadence_ms", "20 is not allowed: milliseconds in 80..=10000, on and off in turns")],
    );
    expect(
        "",
        &tone("frequencies_hz = [450]").replace("busy", "buzy"),
        &[&at(
            30,
            "means",
            "\"buzy\" is not one of \"dial\" | \"ringback\" | \"busy\" | \"congestion\" | \"unobtainable\": did you mean \"busy\"?",
        )],
    );
    let many = |count: u16| {
        (0..count)
            .map(|n| tone(&format!("frequencies_hz = [{}]", 500 + 50 * n)))
            .collect::<Vec<_>>()
            .join("\n")
    };
    expect("", &many(5), &[]);
    let found = messages(&format!("{GOOD}{}\n", many(6)));
    assert!(
        found.len() == 1 && found[0].contains("makes 6 different frequencies of all tones: at most 5"),
        "{found:?}"
    );
}
