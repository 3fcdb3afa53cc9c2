//! HDLC on behalf of a far end that speaks in frames: the bits between it and the card are real all the same.

use std::collections::VecDeque;

use tdm::hdlc::{LapdRx, LapdTx};
use tdm::{Chunk, HdlcFrame};

/// The most frames that wait to be sent; the newest beyond them are lost, which LAPD repairs.
pub(crate) const MAX_WAITING_FRAMES: usize = 256;

/// One end of a D-channel.
pub(crate) struct FarHdlc {
    tx: LapdTx,
    rx: LapdRx,
    waiting: VecDeque<HdlcFrame>,
}

impl FarHdlc {
    pub(crate) fn new() -> FarHdlc {
        FarHdlc { tx: LapdTx::new(), rx: LapdRx::new(), waiting: VecDeque::with_capacity(MAX_WAITING_FRAMES) }
    }

    /// Queues a frame; false if too many wait.
    pub(crate) fn send(&mut self, frame: HdlcFrame) -> bool {
        let room = self.waiting.len() < MAX_WAITING_FRAMES;
        if room {
            self.waiting.push_back(frame);
        }
        room
    }

    pub(crate) fn chunk(&mut self) -> Chunk {
        let waiting = &mut self.waiting;
        self.tx.chunk(|| waiting.pop_front())
    }

    pub(crate) fn hear(&mut self, chunk: &Chunk, mut on_frame: impl FnMut(&[u8])) {
        self.rx.chunk(chunk, &mut on_frame);
    }

    /// Returns how many damaged frames were heard.
    pub(crate) fn bad(&self) -> u64 {
        self.rx.counters().bad()
    }
}
