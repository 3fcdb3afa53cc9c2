//! Rig files: those that come along are right, and what an installer reads when his own is wrong.

use std::path::Path;
use std::time::Duration;

use config::{ConfigError, Rig};
use tdm::{ChannelId, SpanId};

const RIGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/rigs");

const GOOD: &str = r#"version = 1
[[card]]
name = "c"
type = "sim"
[[card.span]]
span = 1
kind = "e1"
[[card.span]]
span = 2
kind = "e1"
[[card.span]]
span = 3
kind = "fxs"
ports = 2
[[card]]
name = "d"
type = "sim"
[[card.span]]
span = 4
kind = "fxo"
ports = 2
[[card.span]]
span = 5
kind = "t1"
"#;

fn told(more: &str) -> Vec<String> {
    match Rig::parse(&format!("{GOOD}{more}"), "r.toml") {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ConfigError::to_string).collect(),
    }
}

#[test]
fn the_rigs_that_come_along_are_right() {
    for entry in std::fs::read_dir(RIGS).unwrap() {
        let path = entry.unwrap().path();
        let rig = Rig::load(&path).unwrap_or_else(|errors| panic!("{errors:#?}"));
        assert!(!rig.title.is_empty() && rig.loops.len() + rig.pairs.len() + rig.wires.len() > 0, "{path:?}");
    }
    let sim = Rig::load(Path::new(RIGS).join("sim.toml")).unwrap();
    assert_eq!((sim.loops, sim.pairs), (vec![SpanId(1)], vec![(SpanId(2), SpanId(3))]));
    assert_eq!(sim.wires[1], (ChannelId::new(4, 2), ChannelId::new(5, 2)));
    assert_eq!(
        (sim.bit_errors, sim.jitter, sim.person),
        (Duration::from_secs(5), Duration::from_secs(60), Duration::from_secs(60))
    );
    assert_eq!((sim.config.realtime.priority, sim.config.cards.len()), (80, 1));
}

#[test]
fn what_is_plugged_wrongly_is_told_with_line_key_and_value() {
    assert_eq!(told(""), [""; 0], "a rig with nothing plugged measures the jitter");
    assert_eq!(told("[[loop]]\nspan = 1\n[[loop]]\nspan = 5\n"), [""; 0]);
    assert_eq!(told("[[pair]]\nspans = [1, 2]\n"), [""; 0]);
    for (more, message) in [
        ("[[loop]]\nspan = 9", "26: loop.9.span: 9 is not there: no card of the rig has span 9"),
        ("[[loop]]\nspan = 3", "26: loop.3.span: 3 is of kind FXS: a loop plug is for E1 and T1"),
        (
            "[[loop]]\nspan = 1\n[[pair]]\nspans = [2, 1]",
            "28: pair[1].spans: [2, 1] is plugged twice: first in line 26",
        ),
        ("[[pair]]\nspans = [1]", "26: pair[1].spans: [1] must be two span numbers in 1..=999"),
        (
            "[[pair]]\nspans = [1, 1]",
            "26: pair[1].spans: [1, 1] names one span twice: a loop plug is written [[loop]]",
        ),
        (
            "[[pair]]\nspans = [1, 5]",
            "26: pair[1].spans: [1, 5] cannot be cabled: span 1 is E1, span 5 is T1",
        ),
        (
            "[[wire]]\nfxs = \"3/1\"\nfxo = \"4/1\"",
            "27: wire.3/1.fxo: \"4/1\" is on card d, the other port on c: both must be on one",
        ),
        (
            "[[wire]]\nfxs = \"4/1\"",
            "25: wire.4/1.fxo: missing: it must be given (SPAN/PORT, for example 5/1)",
        ),
        (
            "[[wire]]\nfxs = \"3/3\"\nfxo = \"x\"",
            "26: wire.3/3.fxs: \"3/3\" is not there: span 3 has ports 1 to 2",
        ),
        ("[measure]\njitter_s = 0", "26: measure.jitter_s: 0 is not in 1..=86400 (seconds)"),
        ("[mesure]\njitter_s = 1", "25: mesure: unknown key: did you mean `measure`?"),
        ("[[trunk]]\nname = \"t\"", "25: trunk: unknown key"),
    ] {
        let told = told(more);
        assert!(told.contains(&format!("r.toml:{message}")), "{more}: {told:#?}");
    }
    let exchange = GOOD.replacen("kind = \"e1\"", "kind = \"e1\"\nfar_end = \"exchange\"", 1);
    let errors = Rig::parse(&exchange, "r.toml").unwrap_err();
    assert!(errors[0].to_string().contains("is not for a rig"), "{errors:?}");
    let errors = Rig::parse("version = 1", "r.toml").unwrap_err();
    assert_eq!(errors[0].to_string(), "r.toml:1: card: missing: a rig needs at least one [[card]]");
}
