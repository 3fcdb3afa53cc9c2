//! What an operator gets wrong, as the operator sees it: a message that says what and where, a failing exit code at once,
//! and no process left behind.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod appliance;

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use appliance::{Appliance, configuration};

/// How long the program may take to refuse.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Runs a command of the program on the configuration to its end.
fn run(appliance: &Appliance, command: &str) -> (Option<i32>, String) {
    let began = Instant::now();
    let ended = Appliance::run_to_end(&[command, appliance.config.to_str().unwrap()]);
    assert!(began.elapsed() < AT_ONCE, "{command} took {:?} to refuse", began.elapsed());
    assert_none_left(&appliance.config);
    ended
}

/// No process works on this configuration.
fn assert_none_left(config: &Path) {
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        let left = appliance::processes_with(config.to_str().unwrap());
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "processes {left:?} were left behind");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Changes `from` to `to` in a good configuration: `check` and `run` both say exactly `message`, after the file's name, and
/// end with 2.
fn assert_bad_file(from: &str, to: &str, message: &str) {
    let good = configuration("");
    assert!(good.contains(from), "{from} is not in the good configuration");
    let appliance = Appliance::new(&good.replacen(from, to, 1));
    let file = appliance.config.display();
    let expected = format!("{file}:{message}\ntandem: {file}: 1 error(s)\n");
    for command in ["check", "run"] {
        assert_eq!(run(&appliance, command), (Some(2), expected.clone()), "{command}: {from} -> {to}");
    }
    assert!(!appliance.data("").exists(), "nothing was begun");
}

/// A good file that the machine does not allow: `check` has nothing to say, `run` says all the words of `message` in one line
/// and ends with 2.
fn assert_refused(appliance: &Appliance, message: &str) {
    let (code, text) = run(appliance, "check");
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = run(appliance, "run");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.lines().any(|line| line.contains(message)), "no \"{message}\" in:\n{text}");
}

#[test]
fn a_wrong_key_is_told_with_the_nearest_right_one() {
    assert_bad_file(
        "data_dir =",
        "data_dirr =",
        "4: system.data_dirr: unknown key: did you mean `data_dir`?",
    );
}

#[test]
fn a_wrong_type_is_told_with_what_is_expected() {
    assert_bad_file(
        "lock_memory = false",
        "lock_memory = 1",
        "7: realtime.lock_memory: 1 is an integer: true or false is expected",
    );
}

#[test]
fn a_value_out_of_range_is_told_with_the_range() {
    assert_bad_file(
        "buffer_ms = 40",
        "buffer_ms = 900",
        "16: card.sim0.buffer_ms: 900 is not in 2..=200 (milliseconds)",
    );
}

#[test]
fn a_trunk_on_a_span_that_no_card_has_is_told() {
    assert_bad_file(
        "spans = [1]",
        "spans = [7]",
        "28: trunk.telecom.spans: [7] names span 7, which no card has",
    );
}

#[test]
fn a_span_of_a_card_that_is_not_of_this_program_is_told() {
    assert_bad_file(
        "type = \"sim\"",
        "type = \"wanpipe\"",
        "14: card.sim0.type: \"wanpipe\" is not one of \"sim\" | \"dahdi\" | \"pci\" | \"tdmoe\"",
    );
}

#[test]
fn a_file_that_is_missing_is_told() {
    let mut appliance = Appliance::new("");
    appliance.config = appliance.folder.path().join("absent.toml");
    let file = appliance.config.display();
    let why = "cannot be read: No such file or directory (os error 2)";
    let expected = format!("{file}: {why}\ntandem: {file}: 1 error(s)\n");
    for command in ["check", "run", "line", "switch"] {
        assert_eq!(run(&appliance, command), (Some(2), expected.clone()));
    }
}

#[test]
fn a_port_in_use_is_told_and_ends_the_line_process_too() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = configuration("");
    let listen = text.lines().find(|line| line.starts_with("listen")).unwrap();
    let appliance = Appliance::new(&text.replace(listen, &format!("listen = \"{address}\"")));
    let message =
        format!("tandem: api.listen: cannot listen on {address}: Address already in use (os error 98)");
    assert_refused(&appliance, &message);
}

#[test]
fn a_file_in_the_place_of_the_data_directory_is_told() {
    let appliance = Appliance::new(&configuration(""));
    let directory = appliance.folder.path().join("var");
    std::fs::write(&directory, "").unwrap();
    assert_refused(&appliance, &format!("tandem: system.data_dir: {}: cannot be made", directory.display()));
}

#[test]
fn a_data_directory_that_cannot_be_written_is_told() {
    // Below /proc nobody may write, not even root.
    let appliance =
        Appliance::new(&configuration("").replace("data_dir = \"var\"", "data_dir = \"/proc/var\""));
    assert_refused(&appliance, "tandem: system.data_dir: /proc/var: cannot be made");
    let text = configuration("")
        .replace("data_dir = \"var\"", "data_dir = \"/proc\"")
        .replace("[record]", "[record]\ndirectory = \"/tmp\"");
    assert_refused(&Appliance::new(&text), "tandem: system.data_dir: /proc: cannot be written");
}

#[test]
fn a_second_program_on_one_data_directory_is_refused_and_the_first_runs_on() {
    let mut appliance = Appliance::new(&configuration(""));
    appliance.start("run");
    let _exchange = appliance.exchange();
    appliance.wait_ready();
    let file = appliance.config.to_str().unwrap().to_owned();
    for role in ["run", "line", "switch"] {
        let (code, text) = Appliance::run_to_end(&[role, &file]);
        assert_eq!(code, Some(2), "{role}: {text}");
        let directory = appliance.data("");
        let directory = directory.to_str().unwrap().trim_end_matches('/');
        let message = format!("tandem: system.data_dir: {directory}: already in use by process ");
        assert!(text.contains(&message) && text.contains(&format!("({role}.lock)")), "{role}: {text}");
    }
    appliance.wait_ready();
}

#[test]
fn a_socket_in_a_folder_that_is_missing_is_told() {
    let text = configuration("").replace("[record]", "[line]\nsocket = \"no/line.sock\"\n[record]");
    let appliance = Appliance::new(&text);
    let path = appliance.data("no/line.sock");
    let message = format!("tandem: line.socket: {}: No such file or directory (os error 2)", path.display());
    assert_refused(&appliance, &message);

    let appliance = Appliance::new(&configuration("").replace("socket:span1.sock", "socket:no/span1.sock"));
    let path = appliance.data("no/span1.sock");
    let message = format!("{}: No such file or directory (os error 2)", path.display());
    assert_refused(&appliance, &message);
}

#[test]
fn a_missing_prompt_is_told_and_costs_no_call() {
    let mut appliance = Appliance::new(&configuration(
        "[[number]]\ncalled = \"8004\"\naction = \"announce\"\nprompts = [\"en/absent\"]\n",
    ));
    appliance.start("run");
    let mut exchange = appliance.exchange();
    appliance.wait_ready();
    appliance
        .wait_log("run", &["ERROR", "a prompt is missing", "prompt=\"en/absent\"", "prompts/en/absent.wav"]);
    exchange.call("silent", "8004", "139", None).unwrap();
    exchange.wait_call("ANSWERED", "silent").unwrap();
    let hangup = exchange.wait_call("HANGUP", "silent").unwrap();
    assert_eq!(hangup.number(1), 16, "there is nothing to hear: the call is over");
    appliance.wait_log("run", &["ERROR", "a prompt cannot be played", "absent.wav"]);
    exchange.call("heard", "8002", "139", None).unwrap();
    exchange.wait_call("ANSWERED", "heard").unwrap();
}

#[test]
fn check_names_the_node_of_a_flow_whose_prompt_is_missing_or_of_the_wrong_form() {
    const FLOW: &str = "version = 1\nname = \"front\"\nlanguage = \"en\"\nstart = \"hello\"\n\
        [nodes.hello]\ntype = \"play\"\nprompts = [\"welcome\", \"absent\"]\nnext = \"bye\"\n\
        [nodes.bye]\ntype = \"announce\"\nprompts = [\"fast\", \"absent\"]\n";
    let appliance = Appliance::new(&configuration(
        "[[flow]]\nname = \"front\"\nfile = \"front.toml\"\n\
         [[number]]\ncalled = \"8004\"\naction = \"flow\"\nflow = \"front\"\n",
    ));
    std::fs::write(appliance.folder.path().join("front.toml"), FLOW).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 96_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let fast = appliance.folder.path().join("prompts/en/fast.wav");
    hound::WavWriter::create(fast, spec).unwrap().finalize().unwrap();
    let (code, text) = run(&appliance, "check");
    assert_eq!(code, Some(1), "{text}");
    let line = |words: &[&str]| text.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(
        line(&[
            "front.toml: nodes.bye.prompts names",
            "en/fast.wav: sample rate is 96000 Hz: 8000 to 48000 Hz is needed"
        ]),
        "{text}"
    );
    assert!(
        line(&["front.toml: nodes.bye.prompts names", "en/absent.wav: No such file", "nodes.hello.prompts"]),
        "{text}"
    );
    assert!(!text.contains("welcome"), "{text}");
    assert!(text.contains("callers will not hear all prompts") && text.contains("1 flows"), "{text}");
    std::fs::remove_dir_all(appliance.folder.path().join("prompts")).unwrap();
    let (code, text) = run(&appliance, "check");
    assert_eq!(code, Some(1), "{text}");
    let told: Vec<_> = text.lines().filter(|line| line.contains("system.prompts_dir")).collect();
    assert!(
        told.len() == 1 && told[0].contains("no such folder") && told[0].contains("make prompts"),
        "{text}"
    );
    assert!(!text.contains("No such file"), "{text}");
}
