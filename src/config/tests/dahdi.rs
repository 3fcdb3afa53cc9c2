//! Cards that Linux DAHDI drives: what an operator may write, and what he reads when it is wrong.

mod told;

use std::time::Duration;

use config::{CardHdlc, CardType, Config, LineCode};

const GOOD: &str = r#"version = 1
[[card]]
name = "office"
type = "dahdi"
buffer_ms = 30
block_ms = 4
hdlc = "card"
card_echo = true
[[card.span]]
span = 1
kind = "e1"
dahdi_channel = 1
line_code = "hdb3-crc4"
build_out = 2
[[card.span]]
span = 2
kind = "fxs"
ports = 8
dahdi_channel = 32
"#;

/// Changes `from` to `to` in the good file and returns all messages.
fn told(from: &str, to: &str) -> Vec<String> {
    told::told(GOOD, from, to)
}

#[test]
fn a_card_of_dahdi_is_read() {
    let config = Config::parse(GOOD, "f.toml").unwrap();
    let card = &config.cards[0];
    assert_eq!((card.kind, card.hdlc, card.card_echo), (CardType::Dahdi, CardHdlc::Card, true));
    assert_eq!((card.buffer, card.block), (Duration::from_millis(30), Duration::from_millis(4)));
    let line = |at: usize| {
        let span = &card.spans[at];
        (span.dahdi_channel, span.channels, span.line_code, span.build_out)
    };
    assert_eq!((line(0), line(1)), ((1, 31, LineCode::Hdb3Crc4, 2), (32, 8, LineCode::Leave, 0)));
}

#[test]
fn keys_of_the_other_kind_of_card_are_of_no_use() {
    assert_eq!(
        told("hdlc = \"card\"", "seed = 3"),
        ["f.toml:7: card.office.seed: 3 is of no use: only a simulated card has such a thing"]
    );
    assert_eq!(
        told("ports = 8", "ports = 8\nfar_end = \"loop\""),
        [
            "f.toml:19: card.office.span.2.far_end: \"loop\" is of no use: only a simulated card has such a thing"
        ]
    );
    let of_dahdi = told("type = \"dahdi\"", "type = \"sim\"");
    assert_eq!(of_dahdi.len(), 7, "{of_dahdi:#?}");
    assert_eq!(
        of_dahdi[0],
        "f.toml:6: card.office.block_ms: 4 is of no use: only a DAHDI card has such a thing"
    );
    assert_eq!(told("type = \"dahdi\"", "type = \"isa\"").len(), 1, "one mistake is told once");
}

#[test]
fn values_that_dahdi_has_no_room_for_are_refused_with_the_range() {
    for (from, to, message) in [
        (
            "buffer_ms = 30",
            "buffer_ms = 61",
            "5: card.office.buffer_ms: 61 is not in 2..=60 (milliseconds), as a DAHDI card needs it",
        ),
        ("block_ms = 4", "block_ms = 1", "6: card.office.block_ms: 1 is not in 2..=20 (milliseconds)"),
        ("block_ms = 4", "block_ms = 21", "6: card.office.block_ms: 21 is not in 2..=20 (milliseconds)"),
        (
            "dahdi_channel = 1\n",
            "dahdi_channel = 1024\n",
            "12: card.office.span.1.dahdi_channel: 1024 is not in 1..=1023",
        ),
        (
            "dahdi_channel = 1\n",
            "dahdi_channel = 994\n",
            "12: card.office.span.1.dahdi_channel: 994 is too high: the span ends with channel 1024, DAHDI's last is 1023",
        ),
        (
            "dahdi_channel = 32",
            "dahdi_channel = 31",
            "19: card.office.span.2.dahdi_channel: 31 shares channels with span 1, which has DAHDI's 1 to 31",
        ),
        (
            "dahdi_channel = 32",
            "",
            "15: card.office.span.2.dahdi_channel: missing: 1..=1023, the span's first channel in DAHDI (`tandem cards` tells)",
        ),
        (
            "\"hdb3-crc4\"",
            "\"esf-b8zs\"",
            "13: card.office.span.1.line_code: \"esf-b8zs\" is not for a span of kind E1",
        ),
        (
            "\"hdb3-crc4\"",
            "\"leave\"",
            "14: card.office.span.1.build_out: 2 is of no use without a line_code",
        ),
    ] {
        assert_eq!(told(from, to), [format!("f.toml:{message}")], "{from} -> {to}");
    }
    let last = [
        ("buffer_ms = 30", "buffer_ms = 60"),
        ("block_ms = 4", "block_ms = 20"),
        ("= 1\nline", "= 993\nline"),
    ];
    for (from, to) in last {
        assert_eq!(told(from, to), [""; 0], "{to}");
    }
}
