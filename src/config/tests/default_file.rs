//! Holds `config/default.toml` against the reader, both ways: every key is there, with its range and default, and
//! nothing else; and the examples are right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Action, AgentStart, Config, FarEnd, KeyInfo, Origin, Reach, TrunkSignalling};
use tdm::{ChannelId, SpanId};

const DEFAULT: &str = include_str!("../../../config/default.toml");
const DEFAULT_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/default.toml");
const EXAMPLES: [&str; 3] = ["first-call.toml", "demo.toml", "analog.toml"];

/// Takes the `#` from the lines that give an optional key.
fn uncommented(text: &str) -> String {
    let is_key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'))
    };
    let line = |line: &str| match line.trim_start().strip_prefix('#') {
        Some(rest) if is_key(rest) => rest.to_string(),
        _ => line.to_string(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn read() -> Vec<KeyInfo> {
    let (keys, errors) = config::keys(&uncommented(DEFAULT), DEFAULT_FILE);
    assert_eq!(errors, []);
    keys
}

#[test]
fn every_key_of_the_reader_stands_in_the_default_file() {
    let keys = read();
    assert!(keys.len() > 60, "the reader asked for {} keys only", keys.len());
    for key in &keys {
        let given = keys.iter().any(|k| (&k.section, k.key) == (&key.section, key.key) && k.given.is_some());
        assert!(given, "config/default.toml lacks [{}] {}", key.section, key.key);
    }
}

#[test]
fn the_default_file_shows_the_real_defaults() {
    for key in read() {
        let (Some(given), Some(default)) = (&key.given, &key.default) else { continue };
        assert_eq!(given, default, "[{}] {}", key.section, key.key);
    }
}

#[test]
fn every_key_of_the_default_file_tells_what_is_allowed() {
    let keys = read();
    let mut section = String::new();
    for line in uncommented(DEFAULT).lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_matches(['[', ']']).to_string();
        }
        let Some((name, rest)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
        let key = keys.iter().find(|key| key.section == section && key.key == name);
        let key = key.unwrap_or_else(|| panic!("[{section}] {name} is not a key"));
        let comment = rest.split_once("# ").map_or("", |(_, comment)| comment);
        assert!(
            comment.starts_with(&key.allowed),
            "[{section}] {name}: the comment must begin with {}",
            key.allowed
        );
    }
}

#[test]
fn a_file_without_the_optional_sections_has_the_same_defaults() {
    let full = Config::parse(DEFAULT, DEFAULT_FILE).unwrap();
    let bare = Config::parse("version = 1", DEFAULT_FILE).unwrap();
    assert_eq!(bare.system, full.system);
    assert_eq!(bare.realtime, full.realtime);
    assert_eq!(bare.call, full.call);
    assert_eq!(bare.record, full.record);
    assert_eq!(bare.line, full.line);
    assert_eq!(bare.api, full.api);
    assert_eq!(bare.acd, full.acd);
    assert_eq!(bare.store, full.store);
    assert_eq!(bare.exchange, None);
    assert!(
        bare.cards.is_empty() && bare.trunks.is_empty() && bare.seats.is_empty() && bare.numbers.is_empty()
    );
    assert!(bare.flows.is_empty() && bare.queues.is_empty() && bare.agents.is_empty());
}

#[test]
fn a_queue_and_the_acd_without_keys_are_those_of_the_dispatchers_defaults() {
    let full = Config::parse(DEFAULT, DEFAULT_FILE).unwrap();
    assert_eq!(full.queues[0].settings, acd::QueueConfig::default());
    assert_eq!(full.queues[0].title, "service");
    assert_eq!(full.acd.missed, acd::Missed::Pause(Duration::from_secs(30)));
    assert_eq!(full.acd.busy_reasons, ["break", "lunch", "training"]);
}

fn example(name: &str) -> Config {
    let folder: PathBuf = Path::new(DEFAULT_FILE).with_file_name("examples");
    Config::load(folder.join(name)).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn the_demo_is_right_and_whole() {
    let config = example("demo.toml");
    let spans: Vec<_> = config.cards[0].spans.iter().map(|span| (&span.far_end, span.channels)).collect();
    let e1 = (&FarEnd::Exchange, 31);
    assert_eq!(spans, [e1, e1, e1, e1, (&FarEnd::Exchange, 8)]);
    assert!(config.exchange_socket(SpanId(5)).ends_with("var/exchange-5.sock"));
    assert_eq!(config.numbers[0].action, Action::Flow { flow: "front".into() });
    assert_eq!((config.agents.len(), config.seats.len()), (30, 30));
    assert_eq!(config.seats[0].reach, Reach::Port(ChannelId::new(5, 1)));
    assert_eq!(config.seats[29].reach, Reach::Trunk { trunk: "pbx".into(), dial: "6022".into() });
    for agent in &config.agents {
        assert_ne!(agent.title, agent.name);
    }
    let serving = |queue: &str| {
        let serves = |agent: &&config::Agent| agent.queues.iter().any(|served| served == queue);
        config.agents.iter().filter(serves).filter(|agent| agent.start == AgentStart::Ready).count()
    };
    for queue in &config.queues {
        assert!(serving(&queue.name) >= 10, "{} agents serve {}", serving(&queue.name), queue.name);
    }
    let exchange = config.exchange.as_ref().unwrap();
    assert!(exchange.callers.len() >= 4 && exchange.called == ["8000"]);
    assert!(exchange.voices_dir.ends_with("prompts/voices") && exchange.log.ends_with("var/exchange.jsonl"));
}

#[test]
fn the_analog_example_has_lines_whose_settings_are_those_of_the_document() {
    let config = example("analog.toml");
    let lines = &config.trunks[0];
    assert_eq!((lines.signalling, lines.loop_start.called.as_str()), (TrunkSignalling::LoopStart, "8000"));
    let bare = "version = 1\ncard = [{ name = \"c\", type = \"sim\", span = [{ span = 6, kind = \"fxo\", ports = 4 }] }]\n\
                [[trunk]]\nname = \"lines\"\nspans = [6]\nsignalling = \"loop_start\"\n[trunk.loop_start]\ncalled = \"8000\"";
    let defaults = Config::parse(bare, "f.toml").unwrap();
    assert_eq!(lines.loop_start, defaults.trunks[0].loop_start, "it shows the defaults");
    assert_eq!(config.seats[4].reach, Reach::Trunk { trunk: "lines".into(), dial: "62211234".into() });
}

#[test]
fn the_first_call_example_is_right_and_runs_alone() {
    let config = example("first-call.toml");
    let span = |id| config.span(SpanId(id)).unwrap();
    assert_eq!((&span(1).far_end, &span(2).far_end), (&FarEnd::Span(SpanId(2)), &FarEnd::Span(SpanId(1))));
    assert_eq!(config.trunk_of(SpanId(1)).unwrap().signalling, TrunkSignalling::PriCpe);
    assert_eq!(config.trunk_of(SpanId(2)).unwrap().signalling, TrunkSignalling::PriNet);
    assert_eq!(config.seats.len(), 8);
    assert_eq!(config.seats[7].reach, Reach::Port(ChannelId::new(5, 8)));
    let rule =
        |called: &str, from| config.numbers.iter().find(|rule| rule.called == called && rule.from == from);
    assert!(matches!(rule("8000", Origin::Trunk).unwrap().action, Action::Attendant { digits: 3, .. }));
    assert_eq!(rule("8*", Origin::Seat).unwrap().action, Action::Trunk { trunk: "exchange".into() });
    assert_eq!(rule("0*", Origin::Trunk).unwrap().language, "en");
    assert_eq!(rule("8000", Origin::Trunk).unwrap().language, "zh");
}

#[test]
fn the_prompts_that_the_examples_name_are_in_the_table_of_prompts() {
    let table = include_str!("../../../scripts/prompts.txt");
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    let mut spoken: Vec<String> =
        lines.map(|line| line.splitn(3, '|').take(2).collect::<Vec<_>>().join("/")).collect();
    // The music is made and not spoken.
    spoken.extend(["zh/music".to_string(), "en/music".to_string()]);
    let default = Config::parse(DEFAULT, DEFAULT_FILE).unwrap();
    let mut named = 0;
    for config in EXAMPLES.map(example).into_iter().chain([default]) {
        for number in &config.numbers {
            let own = ["invalid", "busy", "no-answer", "goodbye"];
            let own = own.iter().map(|name| format!("{}/{name}", number.language)).collect::<Vec<_>>();
            let prompts = match &number.action {
                Action::Attendant { prompts, .. } | Action::Announce { prompts } => prompts.clone(),
                Action::Seat { .. } | Action::Trunk { .. } | Action::Flow { .. } => Vec::new(),
            };
            for prompt in prompts.iter().chain(&own) {
                assert!(spoken.contains(prompt), "scripts/prompts.txt lacks {prompt}");
            }
        }
        for used in config.flows.iter().flat_map(|flow| flow.flow.prompts()) {
            assert!(spoken.contains(&used.what), "scripts/prompts.txt lacks {}: {used:?}", used.what);
            named += 1;
        }
    }
    assert!(named > 100, "{named} prompts of flows");
}
