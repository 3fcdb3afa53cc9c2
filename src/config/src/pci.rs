//! What must fit together on a card that Tandem drives itself on the PCI bus.
//!
//! Limits: whether the card is there, has so many ports and its jumpers agree, only the driver sees (`tandem cards` tells).

use std::time::Duration;

use tdm::SpanKind;

use crate::check::{Draft, unique};
use crate::model::{Card, CardType, LineCode, PciAccess, PciSlot, Span};
use crate::reader::{Place, Reader};

/// The longest buffer: the card's ring has 127 places of a millisecond, two of which are the card's.
const LONGEST_BUFFER: Duration = Duration::from_millis(125);

/// The most lines of a card.
const PORTS: usize = 8;

/// The highest place of a card in the order of slots.
pub(crate) const MAX_PLACE: u8 = 16;

/// The build-outs that the framers know, by DAHDI's number.
const BUILD_OUTS: [u8; 4] = [0, 5, 6, 7];

/// What may stand for a slot.
pub(crate) const SLOT: &str =
    "a PCI slot, for example 0000:03:00.0, or 1 to 16: the first, second ... card in the order of slots";

/// The ways to such a card.
pub(crate) const ACCESS: &[(&str, PciAccess)] = &[("vfio", PciAccess::Vfio), ("uio", PciAccess::Uio)];

/// Reads a slot.
pub(crate) fn slot(text: &str) -> Option<PciSlot> {
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
    };
    if let Some((bus, function)) = text.rsplit_once('.') {
        let parts: Vec<&str> = bus.split(':').collect();
        let [domain, bus, device] = parts[..] else { return None };
        let right = hex(domain, 4) && hex(bus, 2) && hex(device, 2) && hex(function, 1);
        return right.then(|| PciSlot::At(text.to_owned()));
    }
    let plain = !text.starts_with('0') && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|place| plain && (1..=MAX_PLACE).contains(place)).map(PciSlot::Nth)
}

/// Checks all cards of this kind.
pub(crate) fn check(reader: &Reader<'_>, draft: &Draft) {
    let cards =
        || draft.cards.iter().filter(|card| card.item.0.kind == CardType::Pci && card.place.good("type"));
    let slots = cards().filter_map(|card| Some((card.item.0.slot.as_ref()?.to_string(), &card.place)));
    unique(reader, "slot", slots);
    for placed in cards() {
        let ((card, places), place) = (&placed.item, &placed.place);
        check_card(reader, card, place);
        for (span, place) in card.spans.iter().zip(places).filter(|(_, place)| place.good("kind")) {
            if span.kind.is_analog() {
                reader.wrong(place, "kind", "is not on such a card: it has E1 and T1 lines only");
            } else {
                check_line(reader, span, place);
            }
        }
    }
}

fn check_card(reader: &Reader<'_>, card: &Card, place: &Place) {
    if card.slot.is_none() && !place.has("slot") {
        reader.wrong(place, "slot", format!("missing: {SLOT} (`tandem cards` tells)"));
    }
    if card.buffer > LONGEST_BUFFER && place.good("buffer_ms") {
        reader.wrong(
            place,
            "buffer_ms",
            "is not in 2..=125 (milliseconds), as a card of type \"pci\" needs it",
        );
    }
    if card.spans.len() > PORTS {
        reader.wrong(
            place,
            "span",
            format!("has {} lines: such a card has at most {PORTS}", card.spans.len()),
        );
    }
}

fn check_line(reader: &Reader<'_>, span: &Span, place: &Place) {
    crate::dahdi::line_code(reader, span, place);
    if place.good("line_code") && span.line_code == LineCode::Leave {
        reader.wrong(place, "line_code", "is for a DAHDI card: nothing has set this card up before");
    }
    if place.good("build_out") && !BUILD_OUTS.contains(&span.build_out) {
        reader.wrong(
            place,
            "build_out",
            "is not one of 0 | 5 | 6 | 7 (0, -7.5, -15, -22.5 dB), as a card of type \"pci\" needs it",
        );
    } else if span.kind == SpanKind::E1 && span.build_out > 0 {
        reader.wrong(place, "build_out", "is of no use on an E1 of such a card");
    }
}
