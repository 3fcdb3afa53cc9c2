//! A card of spans over Ethernet, as the configuration gives it.
//!
//! A span that the kernel drives as well (DAHDI's `dahdi_dynamic_eth`) is refused: both would send with the same address, and the peer
//! would hear the two in turn. It is tried again, as all that may end.

use std::path::Path;

use card::Card;
use tdmoe::{Mac, Peer, TdmoeCard, TdmoeConfig, TdmoeSpan};

use crate::refused;
use crate::wiring::{Started, not_now};

/// Where DAHDI tells of its spans.
const PROC: &str = "/proc/dahdi";

/// Makes and starts a card.
///
/// # Errors
/// The card cannot be had as configured.
pub(crate) fn start(config: &config::Config, card: &config::Card) -> anyhow::Result<Started> {
    let wanted = tdmoe_config(card);
    if let Some(told) = driven_by_kernel(&wanted, Path::new(PROC)) {
        anyhow::bail!("card {}: {told}", card.name);
    }
    let made = TdmoeCard::new(wanted).map_err(refused)?;
    let caps = made.caps().clone();
    let (control, io) = made.start(&config.lines(card)).map_err(not_now)?;
    Ok(Started { control: Box::new(control), io: Box::new(io), caps, stillness: None, hand: None })
}

/// Returns which span of ours the kernel drives, and what ends that; none if it drives none.
fn driven_by_kernel(wanted: &TdmoeConfig, proc: &Path) -> Option<String> {
    // Without DAHDI there is no such folder, and nothing to be told.
    let theirs = dahdi::proc::spans(proc).ok()?;
    let ours = |description: &str| {
        let mut parts = description.strip_prefix("Dynamic 'eth' span at '")?.strip_suffix('\'')?.split('/');
        let (interface, mac) = (parts.next()?, parts.next()?.parse::<Mac>().ok()?);
        // Without a subaddress the kernel takes 0.
        let subaddress = parts.next().map_or(Some(0), |text| text.parse().ok())?;
        wanted.spans.iter().find(|span| {
            let same_peer = match span.peer {
                Peer::Learned => true,
                Peer::Fixed(peer) => peer == mac,
            };
            span.interface == interface && same_peer && span.subaddress == subaddress
        })
    };
    theirs.iter().find_map(|span| {
        let (number, name) = (span.number, &span.name);
        let own = ours(&span.description)?;
        Some(format!(
            "subaddress {} on {} is driven by the kernel as well (DAHDI span {number}, {name}), so that its peer would hear two: \
             take `dynamic=eth,{}/...` out of /etc/dahdi/system.conf and restart the machine, or leave the span to `type = \"dahdi\"`",
            own.subaddress, own.interface, own.interface
        ))
    })
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
    fn a_span_that_the_kernel_drives_as_well_is_told_and_no_other() {
        let config = config::Config::parse(FILE, "f.toml").unwrap();
        let wanted = tdmoe_config(&config.cards[0]);
        let told = |address: &str| {
            let proc = tempfile::tempdir().unwrap();
            let (driver, at) = address.split_once(' ').unwrap();
            // The kernel cuts the name short, not the description.
            let span = format!(
                "Span 7: DYN/{driver} \"Dynamic '{driver}' span at '{at}'\" \n\n\t   1 DYN/1 Clear \n"
            );
            std::fs::write(proc.path().join("7"), span).unwrap();
            driven_by_kernel(&wanted, proc.path())
        };
        let same = told("eth nowhere0/52:54:00:00:aa:01/2").unwrap();
        assert!(same.contains("subaddress 2 on nowhere0") && same.contains("DAHDI span 7"), "{same}");
        assert!(same.contains("dynamic=eth,nowhere0/"), "{same}");
        let learned = told("eth nowhere0/52:54:00:00:aa:77").unwrap();
        assert!(
            learned.contains("subaddress 0 on nowhere0"),
            "whoever is learned may be this one: {learned}"
        );
        let others = [
            "eth nowhere1/52:54:00:00:aa:01/2",
            "eth nowhere0/52:54:00:00:aa:02/2",
            "eth nowhere0/52:54:00:00:aa:01/3",
            "loc 1:0",
        ];
        assert!(others.into_iter().all(|name| told(name).is_none()));
        assert_eq!(driven_by_kernel(&wanted, Path::new("/nowhere")), None);
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
