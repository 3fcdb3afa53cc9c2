//! Where the channels of each span lie in a row of chunks: what every driver lays out, and fills before anybody else does.

use tdm::{CHUNK, ChannelId, Chunk, Law, SpanId, SpanKind};

use crate::{LineConfig, PositionCaps, Signalling};

/// Where the channels of a span lie in [`CardIo::rx`](crate::CardIo::rx) and `tx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanSlot {
    /// The span in this position; none while the position is empty.
    pub span: Option<SpanId>,
    /// What the position is for.
    pub kind: SpanKind,
    /// The law of the span.
    pub law: Law,
    /// How it signals.
    pub signalling: Signalling,
    /// Index of timeslot 1 within a chunk row.
    pub first_channel: u16,
    /// Number of channels.
    pub channels: u8,
}

impl SpanSlot {
    /// Returns the index of `channel` within a chunk row; none if it is not in this slot.
    pub fn index(&self, channel: ChannelId) -> Option<u16> {
        let timeslot = channel.timeslot.0;
        let here = self.span == Some(channel.span) && (1..=self.channels).contains(&timeslot);
        here.then(|| self.first_channel + u16::from(timeslot) - 1)
    }
}

/// Lays out one position behind the other; `attached` has the span of each, if there is one. Allocates.
pub fn lay_out(positions: &[PositionCaps], attached: &[Option<LineConfig>]) -> Vec<SpanSlot> {
    let mut first_channel = 0;
    let slot = |(place, line): (&PositionCaps, &Option<LineConfig>)| {
        let slot = SpanSlot {
            span: line.map(|line| line.span),
            kind: place.kind,
            law: line.map_or(place.kind.usual_law(), |line| line.law),
            signalling: line.map_or(Signalling::Clear, |line| line.signalling),
            first_channel,
            channels: place.channels,
        };
        first_channel += u16::from(place.channels);
        slot
    };
    positions.iter().zip(attached).map(slot).collect()
}

/// Fills whole rows of `channels` chunks with each span's own idle code, so that a channel that nobody fills is idle.
///
/// # Realtime
/// No allocation, no panic on rows that `slots` were laid out for.
pub fn fill_idle(rows: &mut [Chunk], channels: usize, slots: &[SpanSlot]) {
    for row in rows.chunks_mut(channels.max(1)) {
        for slot in slots {
            let first = usize::from(slot.first_channel);
            row[first..first + usize::from(slot.channels)].fill([slot.law.idle(); CHUNK]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClockSource;

    #[test]
    fn positions_lie_one_behind_the_other_and_idle_rows_carry_each_spans_own_code() {
        let place = |channels| PositionCaps { kind: SpanKind::E1, channels };
        let line = LineConfig {
            position: 1,
            span: SpanId(7),
            law: Law::Mu,
            signalling: Signalling::Cas,
            clock: ClockSource::Line,
        };
        let slots = lay_out(&[place(1), place(2)], &[None, Some(line)]);
        let told =
            |slot: &SpanSlot| (slot.span, slot.law, slot.signalling, slot.first_channel, slot.channels);
        assert_eq!(told(&slots[0]), (None, Law::A, Signalling::Clear, 0, 1));
        assert_eq!(told(&slots[1]), (Some(SpanId(7)), Law::Mu, Signalling::Cas, 1, 2));
        let mut rows = [[0; CHUNK]; 6];
        fill_idle(&mut rows, 3, &slots);
        assert_eq!(rows, [[0xD5; 8], [0xFF; 8], [0xFF; 8], [0xD5; 8], [0xFF; 8], [0xFF; 8]]);
    }
}
