//! D-channels: frames between the rings of the signalling thread and one timeslot of a span.
//!
//! Every place for a digital span has its rings from start, so that a span attached later needs no memory. Frames are made
//! and found here bit by bit (`tdm::hdlc`), straight on the card's own octets, before any elastic store: a slip between cards
//! must not damage a frame. For a card that does HDLC itself whole frames pass.

use card::{CardIo, Signalling};
use rtrb::{Consumer, Producer};
use tdm::hdlc::{LapdRx, LapdTx};
use tdm::{Chunk, HdlcFrame, SpanId};

use crate::Counters;
use crate::ring::ring;

/// The most frames a card that does HDLC itself may hand over in one period: a timeslot has no room for more
/// than one in two milliseconds.
const MAX_CARD_FRAMES: usize = 16;

/// The signalling thread's end of a span's D-channel.
#[derive(Debug)]
pub struct DChannel {
    /// The place of the span: `Layout::span` tells which span is there.
    pub slot: usize,
    /// The span there when the engine was made.
    pub span: Option<SpanId>,
    /// Frames received, without check sequence.
    pub rx: Consumer<HdlcFrame>,
    /// Frames to be sent, without check sequence. Empty: flags are sent.
    pub tx: Producer<HdlcFrame>,
}

/// The engine's end.
pub(crate) struct DLink {
    slot: usize,
    rx_ring: Producer<HdlcFrame>,
    tx_ring: Consumer<HdlcFrame>,
    rx: LapdRx,
    tx: LapdTx,
    /// The index of the D-channel in a row of the card, while a span with one is attached.
    channel: Option<usize>,
    span: Option<SpanId>,
    /// A frame that a card with HDLC of its own had no room for.
    waiting: Option<HdlcFrame>,
}

impl DLink {
    /// Makes both ends for one place.
    pub(crate) fn new(slot: usize, span: Option<SpanId>, frames: usize) -> (DLink, DChannel) {
        let empty = HdlcFrame::new(&[]).expect("no octets fit");
        let (rx_ring, rx) = ring(frames, empty);
        let (tx, tx_ring) = ring(frames, empty);
        let (line_rx, line_tx) = (LapdRx::new(), LapdTx::new());
        let link = DLink {
            slot,
            rx_ring,
            tx_ring,
            rx: line_rx,
            tx: line_tx,
            channel: None,
            span: None,
            waiting: None,
        };
        (link, DChannel { slot, span, rx, tx })
    }

    /// Follows a change of the span in the place. Frames that wait for a span that is gone are thrown away.
    pub(crate) fn set_span(&mut self, place: &card::SpanSlot) {
        self.span = place.span;
        self.channel = match (place.span, place.signalling) {
            (Some(_), Signalling::Hdlc(timeslot)) if (1..=place.channels).contains(&timeslot.0) => {
                Some(usize::from(place.first_channel) + usize::from(timeslot.0) - 1)
            }
            (Some(_), Signalling::Hdlc(_) | Signalling::Clear | Signalling::Cas | Signalling::Loop)
            | (None, _) => None,
        };
        self.rx = LapdRx::new();
        self.tx = LapdTx::new();
        self.waiting = None;
        for _ in 0..self.tx_ring.slots() {
            let _ = self.tx_ring.pop();
        }
    }

    /// Carries one period of a card without HDLC of its own: `rows` rows of `channels` chunks.
    pub(crate) fn octets(&mut self, io: &mut dyn CardIo, rows: usize, channels: usize, counters: &Counters) {
        let Some(channel) = self.channel else { return };
        let good_before = self.rx.counters().good;
        let bad_before = self.rx.counters().bad();
        for row in 0..rows {
            if let Some(chunk) = io.rx().get(row * channels + channel) {
                self.receive(chunk, counters);
            }
        }
        if let Some(errors) = counters.hdlc_errors.get(self.slot) {
            errors.add(self.rx.counters().bad() - bad_before);
        }
        if let Some(frames) = counters.hdlc_frames.get(self.slot) {
            frames.add(self.rx.counters().good - good_before);
        }
        for row in 0..rows {
            let ring = &mut self.tx_ring;
            let chunk = self.tx.chunk(|| ring.pop().ok());
            if let Some(place) = io.tx().get_mut(row * channels + channel) {
                *place = chunk;
            }
        }
    }

    fn receive(&mut self, chunk: &Chunk, counters: &Counters) {
        let ring = &mut self.rx_ring;
        self.rx.chunk(chunk, |octets| push_frame(ring, octets, counters));
    }

    /// Carries one period of a card that does HDLC itself.
    pub(crate) fn frames(&mut self, io: &mut dyn CardIo, counters: &Counters) {
        let (Some(span), Some(_)) = (self.span, self.channel) else { return };
        for _ in 0..MAX_CARD_FRAMES {
            let Some(octets) = io.rx_frame(span) else { break };
            if let Some(frames) = counters.hdlc_frames.get(self.slot) {
                frames.add(1);
            }
            push_frame(&mut self.rx_ring, octets, counters);
        }
        for _ in 0..MAX_CARD_FRAMES {
            let Some(frame) = self.waiting.take().or_else(|| self.tx_ring.pop().ok()) else { break };
            if !io.tx_frame(span, frame.octets()) {
                self.waiting = Some(frame);
                break;
            }
        }
    }

    /// Counts a damaged frame that a card with HDLC of its own has dropped.
    pub(crate) fn count_lost(&self, counters: &Counters) {
        if let Some(errors) = counters.hdlc_errors.get(self.slot) {
            errors.add(1);
        }
    }
}

fn push_frame(ring: &mut Producer<HdlcFrame>, octets: &[u8], counters: &Counters) {
    let kept = HdlcFrame::new(octets).is_some_and(|frame| ring.push(frame).is_ok());
    counters.dchan_drops.add(u64::from(!kept));
}
