//! What must fit together on a card of spans over Ethernet (TDMoE).
//!
//! Limits: whether the interface is there, and who speaks on it, only the driver sees (`tandem cards` tells).

use std::time::Duration;

use crate::check::Draft;
use crate::model::{Card, CardType, EthernetPeer, Span};
use crate::reader::{Place, Reader, Section};

/// The longest time that the realtime thread may be late.
const LONGEST_BUFFER: Duration = Duration::from_millis(60);

/// The longest name of an interface. Source: Linux, IFNAMSIZ less the closing zero.
const MAX_INTERFACE: usize = 15;

/// The keys that say where a span leads to.
const OF_SPAN: [&str; 3] = ["interface", "peer", "subaddress"];

const INTERFACE: &str = "an Ethernet interface, 1 to 15 letters, digits, `-`, `_` or `.`";
const PEER: &str = "\"learn\" | an address such as \"52:54:00:00:aa:01\"";

/// How a card of spans over Ethernet waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EthernetTimes {
    /// How long a frame waits in the jitter buffer of its span.
    pub jitter: Duration,
    /// How long nothing may come before a span is RED.
    pub loss: Duration,
}

/// Where a span over Ethernet leads to; the fields are empty on other cards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EthernetSpan {
    /// The interface of this machine.
    pub interface: String,
    /// The other end.
    pub peer: EthernetPeer,
    /// Which of the other end's spans.
    pub subaddress: u16,
}

pub(crate) fn times(s: &mut Section<'_, '_>) -> EthernetTimes {
    EthernetTimes {
        jitter: s.duration("jitter_ms", 1..=50, 6),
        loss: s.duration("loss_ms", 20..=10_000, 1_000),
    }
}

pub(crate) fn span(s: &mut Section<'_, '_>) -> EthernetSpan {
    EthernetSpan {
        interface: s.optional_text("interface", INTERFACE, interface).unwrap_or_default(),
        peer: s.optional_text("peer", PEER, peer).unwrap_or_default(),
        subaddress: s.integer("subaddress", 0..=u16::MAX, "", 0),
    }
}

fn interface(text: &str) -> Option<String> {
    let named = text.len() <= MAX_INTERFACE && !matches!(text, "." | "..");
    crate::sections::name(text).filter(|_| named)
}

fn peer(text: &str) -> Option<EthernetPeer> {
    if text == "learn" {
        return Some(EthernetPeer::Learned);
    }
    let pair = |pair: &str| {
        let digits = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(pair, 16).ok().filter(|_| digits)
    };
    let octets: [u8; 6] = text.split(':').map(pair).collect::<Option<Vec<u8>>>()?.try_into().ok()?;
    // A group's address, or nobody's, sends nothing.
    (octets[0] & 1 == 0 && octets != [0; 6]).then_some(EthernetPeer::Fixed(octets))
}

/// Checks all cards.
pub(crate) fn check(reader: &Reader<'_>, draft: &Draft) {
    let mut taken = Vec::new();
    for placed in draft.cards.iter().filter(|card| card.place.good("type")) {
        let ((card, places), place) = (&placed.item, &placed.place);
        if card.kind != CardType::Tdmoe {
            continue;
        }
        buffer(reader, card, place);
        for (span, place) in card.spans.iter().zip(places) {
            ends(reader, span, place);
            told_apart(reader, span, place, &mut taken);
        }
    }
}

fn buffer(reader: &Reader<'_>, card: &Card, place: &Place) {
    if card.buffer > LONGEST_BUFFER && place.good("buffer_ms") {
        reader.wrong(place, "buffer_ms", "is not in 2..=60 (milliseconds), as spans over Ethernet need it");
    }
}

fn ends(reader: &Reader<'_>, span: &Span, place: &Place) {
    if place.good("kind") && span.kind.is_analog() {
        let kind = span.kind;
        reader.wrong(
            place,
            "kind",
            format!("is not \"e1\" or \"t1\": {kind} ports are not carried over Ethernet"),
        );
    }
    for (key, what) in [("interface", INTERFACE), ("peer", PEER)] {
        if !place.has(key) {
            reader.wrong(place, key, format!("missing: {what} (`tandem cards` tells)"));
        }
    }
}

/// Checks that no frame could be of two spans.
fn told_apart<'a>(reader: &Reader<'_>, span: &'a Span, place: &Place, taken: &mut Vec<&'a Span>) {
    if OF_SPAN.iter().any(|key| place.has(key) && !place.good(key))
        || !place.has("interface")
        || !place.has("peer")
    {
        return;
    }
    let own = &span.ethernet;
    let same = |other: &&&Span| {
        let other = &other.ethernet;
        let parted = match (own.peer, other.peer) {
            (EthernetPeer::Fixed(a), EthernetPeer::Fixed(b)) => a != b,
            (EthernetPeer::Learned, _) | (_, EthernetPeer::Learned) => false,
        };
        own.interface == other.interface && own.subaddress == other.subaddress && !parted
    };
    if let Some(other) = taken.iter().find(same) {
        let (id, interface, subaddress) = (other.id, &own.interface, own.subaddress);
        let text = format!(
            "leaves its frames and those of span {id} alike: both have subaddress {subaddress} on {interface}"
        );
        let key = if place.has("subaddress") { "subaddress" } else { "interface" };
        reader.wrong(place, key, text);
    }
    taken.push(span);
}
