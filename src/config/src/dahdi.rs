//! What must fit together on a card that Linux DAHDI drives, and which keys only some kinds of card have.
//!
//! Limits: whether the channels are there, and of which kind, only the driver sees (`tandem cards` tells).

use std::time::Duration;

use tdm::SpanKind;

use crate::check::Draft;
use crate::model::{Card, CardType, LineCode, Span};
use crate::reader::{Place, Reader};

/// The longest buffer that DAHDI has room for.
const LONGEST_BUFFER: Duration = Duration::from_millis(60);

/// The highest number of a channel in DAHDI.
pub(crate) const CHANNELS: u16 = 1_023;

/// Keys of a card that only some kinds of card have: the key, the kinds, and how they are called.
const OF_CARDS: [(&str, &[CardType], &str); 9] = [
    ("pace", &[CardType::Sim], "simulated card"),
    ("seed", &[CardType::Sim], "simulated card"),
    ("block_ms", &[CardType::Dahdi], "DAHDI card"),
    ("hdlc", &[CardType::Dahdi], "DAHDI card"),
    ("card_echo", &[CardType::Dahdi], "DAHDI card"),
    ("slot", &[CardType::Pci], "card of type \"pci\""),
    ("access", &[CardType::Pci], "card of type \"pci\""),
    ("jitter_ms", &[CardType::Tdmoe], "card of type \"tdmoe\""),
    ("loss_ms", &[CardType::Tdmoe], "card of type \"tdmoe\""),
];

/// The same for keys of a span.
const OF_SPANS: [(&str, &[CardType], &str); 9] = [
    ("far_end", &[CardType::Sim], "simulated card"),
    ("ppm", &[CardType::Sim], "simulated card"),
    ("echo", &[CardType::Sim], "simulated card"),
    ("dahdi_channel", &[CardType::Dahdi], "DAHDI card"),
    ("line_code", &[CardType::Dahdi, CardType::Pci], "DAHDI card or one of type \"pci\""),
    ("interface", &[CardType::Tdmoe], "card of type \"tdmoe\""),
    ("peer", &[CardType::Tdmoe], "card of type \"tdmoe\""),
    ("subaddress", &[CardType::Tdmoe], "card of type \"tdmoe\""),
    ("build_out", &[CardType::Dahdi, CardType::Pci], "DAHDI card or one of type \"pci\""),
];

/// Checks all cards.
pub(crate) fn check(reader: &Reader<'_>, draft: &Draft) {
    let mut taken = Vec::new();
    for placed in draft.cards.iter().filter(|card| card.place.good("type")) {
        let ((card, places), place) = (&placed.item, &placed.place);
        no_use(reader, card.kind, place, &OF_CARDS);
        places.iter().for_each(|place| no_use(reader, card.kind, place, &OF_SPANS));
        if card.kind == CardType::Dahdi {
            buffer(reader, card, place);
            for (span, place) in card.spans.iter().zip(places) {
                line_code(reader, span, place);
                build_out(reader, span, place);
                channels(reader, span, place, &mut taken);
            }
        }
    }
}

fn no_use(reader: &Reader<'_>, kind: CardType, place: &Place, keys: &[(&str, &[CardType], &str)]) {
    for (key, _, whose) in keys.iter().filter(|(key, kinds, _)| place.has(key) && !kinds.contains(&kind)) {
        reader.wrong(place, key, format!("is of no use: only a {whose} has such a thing"));
    }
}

fn buffer(reader: &Reader<'_>, card: &Card, place: &Place) {
    if card.buffer > LONGEST_BUFFER && place.good("buffer_ms") {
        reader.wrong(place, "buffer_ms", "is not in 2..=60 (milliseconds), as a DAHDI card needs it");
    }
}

/// Checks that framing and code are for such a line.
pub(crate) fn line_code(reader: &Reader<'_>, span: &Span, place: &Place) {
    let given = place.has("line_code");
    if given && !place.good("line_code") {
        return;
    }
    let fits = match span.line_code {
        LineCode::Leave => true,
        LineCode::Hdb3 | LineCode::Hdb3Crc4 => span.kind == SpanKind::E1,
        LineCode::EsfB8zs => span.kind == SpanKind::T1,
    };
    if given && !fits && place.good("kind") {
        reader.wrong(place, "line_code", format!("is not for a span of kind {}", span.kind));
    }
}

fn build_out(reader: &Reader<'_>, span: &Span, place: &Place) {
    let read = !place.has("line_code") || place.good("line_code");
    if read && span.line_code == LineCode::Leave && span.build_out > 0 {
        reader.wrong(place, "build_out", "is of no use without a line_code");
    }
}

/// Checks that the channels are numbers of DAHDI and that no other span has them.
fn channels<'a>(reader: &Reader<'_>, span: &'a Span, place: &Place, taken: &mut Vec<&'a Span>) {
    if !place.has("dahdi_channel") {
        let text =
            format!("missing: 1..={CHANNELS}, the span's first channel in DAHDI (`tandem cards` tells)");
        reader.wrong(place, "dahdi_channel", text);
    }
    if !place.good("dahdi_channel") || !place.good("kind") {
        return;
    }
    let last = |span: &Span| span.dahdi_channel + u16::from(span.channels) - 1;
    if last(span) > CHANNELS {
        let last = last(span);
        let text = format!("is too high: the span ends with channel {last}, DAHDI's last is {CHANNELS}");
        reader.wrong(place, "dahdi_channel", text);
    }
    let shares = |other: &&&Span| span.dahdi_channel <= last(other) && other.dahdi_channel <= last(span);
    if let Some(other) = taken.iter().find(shares) {
        let (first, last, id) = (other.dahdi_channel, last(other), other.id);
        let text = format!("shares channels with span {id}, which has DAHDI's {first} to {last}");
        reader.wrong(place, "dahdi_channel", text);
    }
    taken.push(span);
}
