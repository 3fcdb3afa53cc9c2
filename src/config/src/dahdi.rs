//! What must fit together on a card that Linux DAHDI drives, and which keys only one kind of card has.
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

/// Keys of a card and of a span that only a simulated card has, then those that only a card of DAHDI has.
const OF_SIM: [&[&str]; 2] = [&["pace", "seed"], &["far_end", "ppm", "echo"]];
const OF_DAHDI: [&[&str]; 2] =
    [&["block_ms", "hdlc", "card_echo"], &["dahdi_channel", "line_code", "build_out"]];

/// Checks all cards.
pub(crate) fn check(reader: &Reader<'_>, draft: &Draft) {
    let mut taken = Vec::new();
    for placed in draft.cards.iter().filter(|card| card.place.good("type")) {
        let ((card, places), place) = (&placed.item, &placed.place);
        let (dahdi, sim) = ((OF_DAHDI, "DAHDI card"), (OF_SIM, "simulated card"));
        let strange = match card.kind {
            CardType::Sim => &[dahdi][..],
            CardType::Dahdi => &[sim],
            CardType::Tdmoe => &[dahdi, sim],
        };
        for (keys, whose) in strange {
            no_use(reader, place, keys[0], whose);
            places.iter().for_each(|place| no_use(reader, place, keys[1], whose));
        }
        if card.kind == CardType::Dahdi {
            buffer(reader, card, place);
            for (span, place) in card.spans.iter().zip(places) {
                line_code(reader, span, place);
                channels(reader, span, place, &mut taken);
            }
        }
    }
}

fn no_use(reader: &Reader<'_>, place: &Place, keys: &[&'static str], whose: &str) {
    for key in keys.iter().filter(|key| place.has(key)) {
        reader.wrong(place, key, format!("is of no use: only a {whose} has such a thing"));
    }
}

fn buffer(reader: &Reader<'_>, card: &Card, place: &Place) {
    if card.buffer > LONGEST_BUFFER && place.good("buffer_ms") {
        reader.wrong(place, "buffer_ms", "is not in 2..=60 (milliseconds), as a DAHDI card needs it");
    }
}

fn line_code(reader: &Reader<'_>, span: &Span, place: &Place) {
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
    if span.line_code == LineCode::Leave && span.build_out > 0 {
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
