//! A card of spans over Ethernet, as the configuration gives it.

use card::Card;
use tdmoe::{Mac, Peer, TdmoeCard, TdmoeConfig, TdmoeSpan};

use crate::refused;
use crate::wiring::{Started, not_now};

/// Makes and starts a card.
///
/// # Errors
/// The card cannot be had as configured.
pub(crate) fn start(config: &config::Config, card: &config::Card) -> anyhow::Result<Started> {
    let made = TdmoeCard::new(tdmoe_config(card)).map_err(refused)?;
    let caps = made.caps().clone();
    let (control, io) = made.start(&config.lines(card)).map_err(not_now)?;
    Ok(Started { control: Box::new(control), io: Box::new(io), caps, stillness: None, hand: None })
}

/// Returns what the driver needs.
fn tdmoe_config(card: &config::Card) -> TdmoeConfig {
    let ms = |time: std::time::Duration| u16::try_from(time.as_millis()).unwrap_or(u16::MAX);
    let span = |span: &config::Span| TdmoeSpan {
        kind: span.kind,
        interface: span.ethernet.interface.clone(),
        peer: match span.ethernet.peer {
            config::EthernetPeer::Learned => Peer::Learned,
            config::EthernetPeer::Fixed(octets) => Peer::Fixed(Mac(octets)),
        },
        subaddress: span.ethernet.subaddress,
    };
    TdmoeConfig {
        spans: card.spans.iter().map(span).collect(),
        jitter_ms: ms(card.ethernet.jitter),
        buffer_ms: ms(card.buffer),
        loss_ms: ms(card.ethernet.loss),
        ..TdmoeConfig::new(&card.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A card whose interface nobody has.
    const FILE: &str = r#"version = 1
[[card]]
name = "remote"
type = "tdmoe"
jitter_ms = 3
buffer_ms = 10
loss_ms = 200
[[card.span]]
span = 1
kind = "e1"
interface = "nowhere0"
peer = "52:54:00:00:aa:01"
subaddress = 2
[[card.span]]
span = 2
kind = "t1"
interface = "nowhere0"
peer = "learn"
"#;

    #[test]
    fn the_driver_gets_what_the_file_says() {
        let config = config::Config::parse(FILE, "f.toml").unwrap();
        let made = tdmoe_config(&config.cards[0]);
        let peer = Peer::Fixed("52:54:00:00:aa:01".parse().unwrap());
        let wanted = TdmoeConfig { jitter_ms: 3, buffer_ms: 10, loss_ms: 200, ..TdmoeConfig::new("remote") }
            .span(tdm::SpanKind::E1, "nowhere0", peer, 2)
            .span(tdm::SpanKind::T1, "nowhere0", Peer::Learned, 0);
        assert_eq!(made, wanted);
    }

    #[test]
    fn what_is_missing_is_named_the_right_or_the_interface() {
        let config = config::Config::parse(FILE, "f.toml").unwrap();
        match start(&config, &config.cards[0]) {
            // With the right to packet sockets the card starts, and waits for its interface.
            Ok(Started { control, .. }) => {
                assert_eq!(control.fault(tdm::SpanId(1)).as_deref(), Some("nowhere0: no such interface"));
            }
            Err(error) => assert!(error.to_string().contains("setcap cap_net_raw"), "{error}"),
        }
    }
}
