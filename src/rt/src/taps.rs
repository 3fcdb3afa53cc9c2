//! Recorder taps: both directions of a channel, copied to threads that write files.
//!
//! A tap belongs to one channel until it is ended; a channel may have several. A full ring loses the newest block,
//! which is counted; the reader sees the gap by the blocks' times and fills it.

use clock::SampleTime;
use rtrb::{Consumer, Producer};
use tdm::SILENCE;

use crate::ring::ring;
use crate::{Counters, Strip, TapBlock, TapPort};

/// All taps.
pub(crate) struct Taps {
    taps: Box<[Tap]>,
}

struct Tap {
    ring: Producer<TapBlock>,
    strip: Option<Strip>,
}

impl Taps {
    /// Makes `count` taps of `blocks` blocks and returns where their blocks come out.
    pub(crate) fn new(count: usize, blocks: usize) -> (Taps, Vec<Consumer<TapBlock>>) {
        let filler = TapBlock { time: SampleTime::ZERO, rx: SILENCE, tx: SILENCE };
        let (taps, consumers) = (0..count)
            .map(|_| {
                let (ring, consumer) = ring(blocks, filler);
                (Tap { ring, strip: None }, consumer)
            })
            .unzip::<_, _, Vec<_>, Vec<_>>();
        (Taps { taps: taps.into_boxed_slice() }, consumers)
    }

    pub(crate) fn exists(&self, port: TapPort) -> bool {
        usize::from(port.0) < self.taps.len()
    }

    /// Returns the channel a tap belongs to.
    pub(crate) fn owner(&self, port: TapPort) -> Option<Strip> {
        self.taps.get(usize::from(port.0))?.strip
    }

    /// Gives a tap to a channel, or ends it.
    pub(crate) fn set_owner(&mut self, port: TapPort, strip: Option<Strip>) {
        if let Some(tap) = self.taps.get_mut(usize::from(port.0)) {
            tap.strip = strip;
        }
    }

    /// Ends every tap of a channel.
    pub(crate) fn end_all(&mut self, strip: Strip) {
        for tap in self.taps.iter_mut().filter(|tap| tap.strip == Some(strip)) {
            tap.strip = None;
        }
    }

    /// Returns every tap in use with its channel.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = (usize, Strip)> + '_ {
        self.taps.iter().enumerate().filter_map(|(index, tap)| Some((index, tap.strip?)))
    }

    /// Hands a block to a tap.
    #[inline]
    pub(crate) fn push(&mut self, tap: usize, block: TapBlock, counters: &Counters) {
        if let Some(tap) = self.taps.get_mut(tap)
            && tap.ring.push(block).is_err()
        {
            counters.tap_overrun.add(1);
        }
    }
}
