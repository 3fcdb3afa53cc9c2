//! What a flow may not be, one thing at a time.

use super::*;

/// A flow with one node of each type and nothing wrong.
const GOOD: &str = r#"
version = 1
name = "front"
language = "zh"
start = "choose"

[nodes.choose]
type = "menu"
prompts = ["zh/choose", "en/choose"]
keys = { 1 = "mandarin", 2 = "english" }
timeout_ms = 5000
on_timeout = "mandarin"
on_invalid = "bye"

[nodes.mandarin]
type = "language"
language = "zh"
next = "hello"

[nodes.english]
type = "language"
language = "en"
next = "hello"

[nodes.hello]
type = "play"
prompts = ["welcome"]
next = "number"

[nodes.number]
type = "collect"
prompts = ["enter-number"]
min = 3
max = 5
terminator = "\u0023"
timeout_ms = 5000
inter_digit_ms = 3000
variable = "number"
next = "vip"
on_failed = "wait"

[nodes.vip]
type = "branch"
variable = "number"
equals = { 999 = "wait" }
otherwise = "seat"

[nodes.seat]
type = "connect"
variable = "number"
ring_s = 20
on_failed = "wait"

[nodes.wait]
type = "queue"
queue = "sales"
priority = 5
music = ["music/one"]
position = "position"
max_wait_s = 300
on_timeout = "bye"
on_refused = "end"

[nodes.bye]
type = "announce"
prompts = ["goodbye"]

[nodes.end]
type = "hang_up"
cause = 17
"#;

fn good() -> Flow {
    toml::from_str(GOOD).unwrap()
}

/// Returns the errors of the good flow with `from` replaced by `to`.
fn errors(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    let flow: Flow = toml::from_str(&GOOD.replacen(from, to, 1)).unwrap();
    flow.validate().err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_flow_is_taken_and_comes_back_equal_from_toml_and_json() {
    let flow = good();
    assert_eq!(toml::from_str::<Flow>(&toml::to_string(&flow).unwrap()).unwrap(), flow);
    assert_eq!(serde_json::from_str::<Flow>(&serde_json::to_string(&flow).unwrap()).unwrap(), flow);
    assert_eq!(flow.clone().validate().map(|valid| valid.flow().clone()), Ok(flow));
}

#[test]
fn unknown_keys_and_types_are_refused() {
    for (from, to) in [
        ("version = 1", "version = 1\nauthor = \"me\""),
        ("type = \"play\"", "type = \"play\"\nloud = true"),
        ("type = \"announce\"", "type = \"announce\"\nnext = \"end\""),
        ("type = \"hang_up\"", "type = \"explode\""),
        ("language = \"en\"", "language = \"fr\""),
    ] {
        let flow = toml::from_str::<Flow>(&GOOD.replacen(from, to, 1));
        assert!(flow.is_err(), "{to}");
    }
}

#[test]
fn each_error_is_told_with_its_node_and_field() {
    for (from, to, expected) in [
        ("version = 1", "version = 2", "flow: version: version 2 is not 1"),
        ("name = \"front\"", "name = \"a b\"", "flow: name: \"a b\" is no name"),
        ("start = \"choose\"", "start = \"nowhere\"", "flow: start: no node \"nowhere\""),
        ("1 = \"mandarin\"", "1 = \"sales\"", "node \"choose\": keys.1: no node \"sales\""),
        ("1 = \"mandarin\"", "A = \"mandarin\"", "node \"choose\": keys.A: \"A\" is no key"),
        ("1 = \"mandarin\"", "11 = \"mandarin\"", "node \"choose\": keys.11: \"11\" is no key"),
        ("keys = { 1 = \"mandarin\", 2 = \"english\" }", "keys = { }", "node \"choose\": keys: missing"),
        ("on_timeout = \"mandarin\"\n", "", "node \"choose\": on_timeout: missing"),
        ("on_invalid = \"bye\"\n", "", "node \"choose\": on_invalid: missing"),
        ("timeout_ms = 5000", "timeout_ms = 499", "node \"choose\": timeout_ms: 499 is not in 500 to 60000"),
        (
            "timeout_ms = 5000",
            "timeout_ms = 500\nattempts = 11",
            "node \"choose\": attempts: 11 is not in 1 to 10",
        ),
        ("prompts = [\"welcome\"]", "prompts = []", "node \"hello\": prompts: missing"),
        ("[\"welcome\"]", "[\"../etc\"]", "node \"hello\": prompts: \"../etc\" is no prompt"),
        ("next = \"number\"\n", "next = \"numbr\"\n", "node \"hello\": next: no node \"numbr\""),
        ("min = 3", "min = 6", "node \"number\": min: 6 is not in 1 to 5"),
        ("max = 5", "max = 25", "node \"number\": max: 25 is not in 1 to 24"),
        ("\"\\u0023\"", "\"5\"", "node \"number\": terminator: \"5\" is no key"),
        (
            "variable = \"number\"\nnext",
            "variable = \"\"\nnext",
            "node \"number\": variable: \"\" is no name",
        ),
        ("equals = { 999", "equals = { 1 = \"x\", 999", "node \"vip\": equals.1: no node \"x\""),
        ("otherwise = \"seat\"\n", "", "node \"vip\": otherwise: missing"),
        (
            "variable = \"number\"\nequals",
            "variable = \"n\"\nequals",
            "node \"vip\": variable: the variable \"n\" is collected nowhere",
        ),
        (
            "variable = \"number\"\nring_s",
            "ring_s",
            "node \"seat\": seat: exactly one of seat and variable is needed",
        ),
        ("variable = \"number\"\nring_s", "seat = \"2x\"\nring_s", "node \"seat\": seat: \"2x\" is no name"),
        ("ring_s = 20", "ring_s = 0", "node \"seat\": ring_s: 0 is not in 1 to 300"),
        ("priority = 5", "priority = 10", "node \"wait\": priority: 10 is not in 0 to 9"),
        ("music = [\"music/one\"]", "music = []", "node \"wait\": music: missing"),
        ("max_wait_s = 300", "max_wait_s = 14401", "node \"wait\": max_wait_s: 14401 is not in 1 to 14400"),
        ("on_refused = \"end\"\n", "", "node \"wait\": on_refused: missing"),
        ("cause = 17", "cause = 128", "node \"end\": cause: 128 is not in 1 to 127"),
    ] {
        let got = errors(from, to);
        assert!(got.iter().any(|error| error == expected), "{expected}\nnot among {got:#?}");
    }
}

#[test]
fn every_error_is_told_at_once() {
    let mut flow = good();
    flow.version = 7;
    flow.nodes.insert("lost".into(), Node::HangUp(crate::HangUp { cause: 0 }));
    flow.nodes.remove("bye");
    let errors: Vec<String> = flow.validate().unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "flow: version: version 7 is not 1",
            "node \"choose\": on_invalid: no node \"bye\"",
            "node \"lost\": name: cannot be reached from the start",
            "node \"lost\": cause: 0 is not in 1 to 127",
            "node \"wait\": on_timeout: no node \"bye\"",
        ]
    );
}

#[test]
fn a_way_round_that_asks_nothing_is_refused_and_one_that_asks_is_taken() {
    let told = errors("on_timeout = \"bye\"\non_refused", "on_timeout = \"wait\"\non_refused");
    assert!(
        told[0].contains("node \"wait\": next: goes round without asking the caller anything: wait -> wait")
    );
    let told =
        errors("on_timeout = \"bye\"\non_refused = \"end\"", "on_timeout = \"bye\"\non_refused = \"vip\"");
    assert!(told.iter().any(|error| error.contains("goes round")), "{told:?}");
    assert_eq!(errors("on_timeout = \"bye\"\non_refused", "on_timeout = \"choose\"\non_refused"), [""; 0]);
    assert_eq!(
        errors("on_failed = \"wait\"\n\n[nodes.wait]", "on_failed = \"number\"\n\n[nodes.wait]"),
        [""; 0]
    );
}

#[test]
fn too_many_nodes_prompts_variables_and_cases_are_refused() {
    let told = |change: &dyn Fn(&mut Flow)| {
        let mut flow = good();
        change(&mut flow);
        flow.validate().map_or_else(|errors| errors.into_iter().map(|e| e.problem).collect(), |_| vec![])
    };
    let end = || Node::HangUp(crate::HangUp { cause: 16 });
    let nodes = told(&|flow| (0..MAX_NODES).for_each(|n| drop(flow.nodes.insert(format!("n{n}"), end()))));
    assert!(nodes.contains(&Problem::TooMany { count: MAX_NODES + 10, max: MAX_NODES }));
    let prompts = |count: usize| {
        told(&move |flow| {
            let Some(Node::Play(play)) = flow.nodes.get_mut("hello") else { panic!("hello plays") };
            play.prompts = vec!["a".into(); count];
        })
    };
    assert_eq!(prompts(MAX_PROMPTS), []);
    assert_eq!(prompts(MAX_PROMPTS + 1), [Problem::TooMany { count: MAX_PROMPTS + 1, max: MAX_PROMPTS }]);
    let variables = told(&|flow| {
        let collect = flow.nodes["number"].clone();
        for n in 0..MAX_VARIABLES {
            let Node::Collect(mut collect) = collect.clone() else { panic!("number collects") };
            collect.variable = format!("v{n}");
            flow.nodes.insert(format!("c{n}"), Node::Collect(collect));
        }
    });
    assert!(variables.contains(&Problem::TooMany { count: MAX_VARIABLES + 1, max: MAX_VARIABLES }));
}
