//! Holds `config/default.toml` against the reader, both ways: every key is there, with its range and default, and
//! nothing else; and the examples are right.

use std::path::Path;

use config::{Action, Config, FarEnd, KeyInfo, Origin, TrunkSignalling};
use tdm::{ChannelId, SpanId};

const DEFAULT: &str = include_str!("../../../config/default.toml");

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
    let (keys, errors) = config::keys(&uncommented(DEFAULT), "default.toml");
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
    let full = Config::parse(DEFAULT, "x/default.toml").unwrap();
    let bare = Config::parse("version = 1", "x/bare.toml").unwrap();
    assert_eq!(bare.system, full.system);
    assert_eq!(bare.realtime, full.realtime);
    assert_eq!(bare.call, full.call);
    assert_eq!(bare.record, full.record);
    assert_eq!(bare.line, full.line);
    assert_eq!(bare.api, full.api);
    assert!(
        bare.cards.is_empty() && bare.trunks.is_empty() && bare.seats.is_empty() && bare.numbers.is_empty()
    );
}

#[test]
fn the_first_call_example_is_right_and_runs_alone() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples/first-call.toml");
    let config = Config::load(&file).unwrap();
    let span = |id| config.span(SpanId(id)).unwrap();
    assert_eq!((&span(1).far_end, &span(2).far_end), (&FarEnd::Span(SpanId(2)), &FarEnd::Span(SpanId(1))));
    assert_eq!(config.trunk_of(SpanId(1)).unwrap().signalling, TrunkSignalling::PriCpe);
    assert_eq!(config.trunk_of(SpanId(2)).unwrap().signalling, TrunkSignalling::PriNet);
    assert_eq!(config.seats.len(), 8);
    assert_eq!(config.seats[7].port, ChannelId::new(5, 8));
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
    let spoken: Vec<String> =
        lines.map(|line| line.splitn(3, '|').take(2).collect::<Vec<_>>().join("/")).collect();
    let example = include_str!("../../../config/examples/first-call.toml");
    for text in [DEFAULT, example] {
        for number in Config::parse(text, "f.toml").unwrap().numbers {
            let own =
                ["invalid", "busy", "no-answer", "goodbye"].map(|name| format!("{}/{name}", number.language));
            let named = match number.action {
                Action::Attendant { prompts, .. } | Action::Announce { prompts } => prompts,
                Action::Seat { .. } | Action::Trunk { .. } => Vec::new(),
            };
            for prompt in named.iter().chain(&own) {
                assert!(spoken.contains(prompt), "scripts/prompts.txt lacks {prompt}");
            }
        }
    }
}
