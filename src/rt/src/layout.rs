//! Which strip carries which channel: shared between the engine and those who command it.
//!
//! Every place for a span on every card is a slot with as many strips as the place has channels; the places never
//! change, only the span in them. The engine writes a slot's span when the card attaches or detaches it; readers see the
//! change with the card's `Attached` or `Detached` event at the latest.

use core::sync::atomic::{AtomicU32, Ordering};

use card::SpanSlot;
use tdm::{ChannelId, SpanId, SpanKind, Timeslot};

use crate::Strip;

/// Larger than any `SpanId`: nothing is attached.
const NO_SPAN: u32 = u32::MAX;

/// The strips of one clock domain.
#[derive(Debug)]
pub struct Layout {
    slots: Box<[Slot]>,
    strips: u16,
}

/// One place for a span.
#[derive(Debug)]
struct Slot {
    span: AtomicU32,
    kind: SpanKind,
    first: u16,
    channels: u8,
}

impl Layout {
    /// Lays out slots; each comes with the first strip of its card.
    pub(crate) fn new(places: impl Iterator<Item = (u16, SpanSlot)>, strips: u16) -> Layout {
        let slot = |(base, place): (u16, SpanSlot)| Slot {
            span: AtomicU32::new(number(place.span)),
            kind: place.kind,
            first: base + place.first_channel,
            channels: place.channels,
        };
        Layout { slots: places.map(slot).collect(), strips }
    }

    /// Returns the number of strips.
    pub fn strips(&self) -> usize {
        usize::from(self.strips)
    }

    /// Returns the number of places for spans.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Returns the span in a place, if one is attached.
    pub fn span(&self, slot: usize) -> Option<SpanId> {
        self.slots.get(slot).and_then(Slot::span)
    }

    /// Returns what a place is for.
    pub fn kind(&self, slot: usize) -> Option<SpanKind> {
        self.slots.get(slot).map(|slot| slot.kind)
    }

    /// Returns the place that carries `span`.
    pub fn slot_of(&self, span: SpanId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.span() == Some(span))
    }

    /// Returns the strip of a channel; none while its span is not attached.
    pub fn strip(&self, channel: ChannelId) -> Option<Strip> {
        let slot = self.slots.get(self.slot_of(channel.span)?)?;
        let timeslot = channel.timeslot.0;
        (1..=slot.channels).contains(&timeslot).then(|| Strip(slot.first + u16::from(timeslot) - 1))
    }

    /// Returns the channel of a strip; none while no span is attached there.
    pub fn channel(&self, strip: Strip) -> Option<ChannelId> {
        let here = |slot: &&Slot| (slot.first..slot.first + u16::from(slot.channels)).contains(&strip.0);
        let slot = self.slots.iter().find(here)?;
        let timeslot = u8::try_from(strip.0 - slot.first + 1).ok()?;
        Some(ChannelId { span: slot.span()?, timeslot: Timeslot(timeslot) })
    }

    /// Notes the span in a place.
    pub(crate) fn set_span(&self, slot: usize, span: Option<SpanId>) {
        if let Some(slot) = self.slots.get(slot) {
            slot.span.store(number(span), Ordering::Release);
        }
    }
}

impl Slot {
    fn span(&self) -> Option<SpanId> {
        u16::try_from(self.span.load(Ordering::Acquire)).ok().map(SpanId)
    }
}

fn number(span: Option<SpanId>) -> u32 {
    span.map_or(NO_SPAN, |span| u32::from(span.0))
}

#[cfg(test)]
mod tests {
    use card::Signalling;
    use tdm::Law;

    use super::*;

    fn place(span: Option<u16>, first_channel: u16) -> SpanSlot {
        SpanSlot {
            span: span.map(SpanId),
            kind: SpanKind::E1,
            law: Law::A,
            signalling: Signalling::Clear,
            first_channel,
            channels: 31,
        }
    }

    #[test]
    fn channels_and_strips_name_each_other() {
        let layout = Layout::new(
            [(0, place(Some(7), 0)), (0, place(None, 31)), (62, place(Some(9), 0))].into_iter(),
            93,
        );
        for strip in 0..93 {
            if let Some(channel) = layout.channel(Strip(strip)) {
                assert_eq!(layout.strip(channel), Some(Strip(strip)));
            }
        }
        assert_eq!(layout.strip(ChannelId::new(9, 1)), Some(Strip(62)));
        assert_eq!(layout.channel(Strip(40)), None);
        assert_eq!(layout.strip(ChannelId::new(7, 32)), None);
        layout.set_span(1, Some(SpanId(3)));
        assert_eq!(layout.channel(Strip(40)), Some(ChannelId::new(3, 10)));
    }
}
