//! Spans over Ethernet: what an operator may write, and what he reads when it is wrong.

mod told;

use std::time::Duration;

use card::ClockSource;
use config::{CardType, Config, EthernetPeer};

const GOOD: &str = r#"version = 1
[[card]]
name = "remote"
type = "tdmoe"
jitter_ms = 4
loss_ms = 500
[[card.span]]
span = 1
kind = "e1"
interface = "eth1"
peer = "52:54:00:00:AA:01"
subaddress = 3
[[card.span]]
span = 2
kind = "t1"
clock = "internal"
interface = "eth1"
peer = "learn"
"#;

/// Changes `from` to `to` in the good file and returns all messages.
fn told(from: &str, to: &str) -> Vec<String> {
    told::told(GOOD, from, to)
}

#[test]
fn spans_over_ethernet_are_read() {
    let config = Config::parse(GOOD, "f.toml").unwrap();
    let card = &config.cards[0];
    assert_eq!((card.kind, card.buffer), (CardType::Tdmoe, Duration::from_millis(20)));
    assert_eq!(
        (card.ethernet.jitter, card.ethernet.loss),
        (Duration::from_millis(4), Duration::from_millis(500))
    );
    let [first, second] = &card.spans[..] else { panic!("{:?}", card.spans) };
    assert_eq!(
        (first.ethernet.interface.as_str(), first.ethernet.subaddress, first.channels),
        ("eth1", 3, 31)
    );
    assert_eq!(first.ethernet.peer, EthernetPeer::Fixed([0x52, 0x54, 0, 0, 0xAA, 1]));
    assert_eq!(
        (second.ethernet.peer, second.ethernet.subaddress, second.channels),
        (EthernetPeer::Learned, 0, 24)
    );
    assert_eq!((first.clock, second.clock), (ClockSource::Line, ClockSource::Internal));
}

#[test]
fn each_wrong_value_is_told_with_its_line_key_value_and_what_is_allowed() {
    let peer = "\"learn\" | an address such as \"52:54:00:00:aa:01\"";
    let interface = "an Ethernet interface, 1 to 15 letters, digits, `-`, `_` or `.`";
    let cases = [
        ("jitter_ms = 4", "jitter_ms = 0", "5: card.remote.jitter_ms: 0 is not in 1..=50 (milliseconds)".to_owned()),
        ("jitter_ms = 4", "jitter_ms = 51", "5: card.remote.jitter_ms: 51 is not in 1..=50 (milliseconds)".to_owned()),
        ("loss_ms = 500", "loss_ms = 19", "6: card.remote.loss_ms: 19 is not in 20..=10000 (milliseconds)".to_owned()),
        (
            "loss_ms = 500",
            "buffer_ms = 61",
            "6: card.remote.buffer_ms: 61 is not in 2..=60 (milliseconds), as spans over Ethernet need it".to_owned(),
        ),
        ("subaddress = 3", "subaddress = 65536", "12: card.remote.span.1.subaddress: 65536 is not in 0..=65535".to_owned()),
        (
            "interface = \"eth1\"",
            "interface = \"a-name-of-16-oct\"",
            format!("10: card.remote.span.1.interface: \"a-name-of-16-oct\" is not allowed: {interface}"),
        ),
        ("interface = \"eth1\"\n", "", format!("7: card.remote.span.1.interface: missing: {interface} (`tandem cards` tells)")),
        ("peer = \"learn\"\n", "", format!("13: card.remote.span.2.peer: missing: {peer} (`tandem cards` tells)")),
        (
            "kind = \"t1\"\nclock = \"internal\"",
            "kind = \"fxs\"\nports = 4",
            "15: card.remote.span.2.kind: \"fxs\" is not \"e1\" or \"t1\": FXS ports are not carried over Ethernet".to_owned(),
        ),
        (
            "subaddress = 3\n",
            "",
            "16: card.remote.span.2.interface: \"eth1\" leaves its frames and those of span 1 alike: both have subaddress 0 on eth1".to_owned(),
        ),
    ];
    for (from, to, message) in cases {
        assert_eq!(told(from, to), [format!("f.toml:{message}")], "{from:?} -> {to:?}");
    }
    for bad in [
        "52:54:00:00:aa",
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        "52:54:00:00:aa:01:02",
        "52-54-00-00-aa-01",
        "",
    ] {
        let message = format!("f.toml:11: card.remote.span.1.peer: \"{bad}\" is not allowed: {peer}");
        assert_eq!(told("52:54:00:00:AA:01", bad), [message]);
    }
}

#[test]
fn keys_of_other_kinds_of_card_are_of_no_use_and_theirs_not_elsewhere() {
    let told_other = told("jitter_ms = 4", "block_ms = 4\nseed = 3");
    assert_eq!(told_other.len(), 2, "{told_other:#?}");
    let told_sim = told("type = \"tdmoe\"", "type = \"sim\"");
    assert_eq!(told_sim.len(), 7, "{told_sim:#?}");
    assert!(
        told_sim[0].ends_with("4 is of no use: only a card of type \"tdmoe\" has such a thing"),
        "{told_sim:#?}"
    );
}
