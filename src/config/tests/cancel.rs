//! Echo cancellers: what an operator may write, and what he reads when it is wrong.

mod told;

use config::{CancelRest, Config};
use tdm::{ChannelId, SpanId, Timeslot};

const GOOD: &str = r#"version = 1
[echo]
tail_ms = 64
[[echo.channel]]
at = ["1/3", "6/2"]
tail_ms = 0
[[echo.channel]]
at = ["6/1"]
rest = "keep"
[[card]]
name = "sim0"
type = "sim"
[[card.span]]
span = 1
kind = "e1"
[[card.span]]
span = 6
kind = "fxo"
ports = 4
"#;

/// Changes `from` to `to` in the good file and returns all messages.
fn told(from: &str, to: &str) -> Vec<String> {
    told::told(GOOD, from, to)
}

#[test]
fn every_channel_has_a_canceller_of_128_ms_unless_the_file_says_otherwise() {
    let cancel = |file: &str| Config::parse(file, "f.toml").unwrap().cancel;
    let none = cancel(&GOOD.replace("[echo]\ntail_ms = 64\n", ""));
    assert_eq!((none.tail_ms, none.rest), (128, CancelRest::ComfortNoise));
    let channel = |span, timeslot| ChannelId { span: SpanId(span), timeslot: Timeslot(timeslot) };
    let own = cancel(GOOD).channels;
    assert_eq!(
        (own[0].at.clone(), own[0].tail_ms, own[0].rest),
        (vec![channel(1, 3), channel(6, 2)], Some(0), None)
    );
    assert_eq!(
        (own[1].at.clone(), own[1].tail_ms, own[1].rest),
        (vec![channel(6, 1)], None, Some(CancelRest::Keep))
    );
}

#[test]
fn cancellers_of_channels_that_are_not_there_are_refused() {
    let cases = [
        (
            "\"6/2\"",
            "\"6/5\"",
            "f.toml:5: echo.channel[1].at: [\"1/3\", \"6/5\"] names 6/5, but span 6 has channels 1..=4",
        ),
        (
            "\"1/3\"",
            "\"2/3\"",
            "f.toml:5: echo.channel[1].at: [\"2/3\", \"6/2\"] names 2/3, but no card has span 2",
        ),
        (
            "\"1/3\"",
            "\"1-3\"",
            "f.toml:5: echo.channel[1].at: \"1-3\" is not allowed: SPAN/CHANNEL, for example \"6/1\"",
        ),
        (
            "at = [\"6/1\"]",
            "at = []",
            "f.toml:8: echo.channel[2].at: [] names no channel: at least one is needed, for example [\"6/1\"]",
        ),
        (
            "tail_ms = 0",
            "tail_ms = 65",
            "f.toml:6: echo.channel[1].tail_ms: 65 is more than the 64 of [echo], which no channel can exceed",
        ),
        ("tail_ms = 0", "tail_ms = 129", "f.toml:6: echo.channel[1].tail_ms: 129 is not in 0..=128"),
        (
            "rest = \"keep\"\n",
            "",
            "f.toml:8: echo.channel[2].at: [\"6/1\"] is of no use without tail_ms or rest",
        ),
    ];
    for (from, to, message) in cases {
        assert_eq!(told(from, to), [message], "{to}");
    }
}
