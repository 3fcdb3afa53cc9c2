//! Prompt feeds: blocks that other threads prepare, played by the channels that have chosen the feed.
//!
//! A feed moves on only while somebody listens, and once a block, however many listen. A prompt is under way from its
//! first block to the one marked last; a block missing in between is an underrun: silence, after a fade of one block, or
//! with concealment the last sound again, fading away over 60 ms. The prompt then goes on where it was: nothing of it is lost.
//! `Flush` names a new generation, and blocks that still carry the old one are thrown away, so that a caller who presses
//! a key hears nothing of the old prompt.

use clock::SampleTime;
use dsp::voice::plc::Plc;
use rtrb::{Consumer, Producer};
use tdm::{Block, CHUNK, SILENCE};

use crate::ring::ring;
use crate::telling::Teller;
use crate::{Counters, FeedBlock, FeedPort, RtEventKind};

/// All feeds.
pub(crate) struct Feeds {
    feeds: Box<[Feed]>,
}

struct Feed {
    ring: Consumer<FeedBlock>,
    generation: u16,
    /// A prompt has begun and its last block has not come.
    under_way: bool,
    /// A `FeedDone` that found the event ring full.
    owed: Option<u16>,
    block: Block,
    /// Fills gaps, if that was asked for.
    conceals: Option<Box<Plc>>,
}

impl Feeds {
    /// Makes `count` feeds of `blocks` blocks and returns where to put their blocks.
    pub(crate) fn new(count: usize, blocks: usize, conceal: bool) -> (Feeds, Vec<Producer<FeedBlock>>) {
        let (producers, feeds) = (0..count)
            .map(|_| {
                let (producer, ring) = ring(blocks, FeedBlock { block: SILENCE, generation: 0, last: false });
                let conceals = conceal.then(Box::default);
                let feed =
                    Feed { ring, generation: 0, under_way: false, owed: None, block: SILENCE, conceals };
                (producer, feed)
            })
            .unzip::<_, _, Vec<_>, Vec<_>>();
        (Feeds { feeds: feeds.into_boxed_slice() }, producers)
    }

    pub(crate) fn exists(&self, port: FeedPort) -> bool {
        usize::from(port.0) < self.feeds.len()
    }

    /// Begins a new generation. What waits is thrown away now, what still comes of the old one when it comes.
    pub(crate) fn flush(&mut self, port: FeedPort, generation: u16, counters: &Counters) {
        if let Some(feed) = self.feeds.get_mut(usize::from(port.0)) {
            feed.generation = generation;
            feed.owed = None;
            feed.drop_stale(counters);
            feed.block = if feed.under_way { fade_out(feed.block[CHUNK - 1]) } else { SILENCE };
            feed.under_way = false;
            if let Some(plc) = feed.conceals.as_deref_mut() {
                *plc = Plc::new();
            }
        }
    }

    /// Takes the next block of a feed that is listened to.
    #[inline]
    pub(crate) fn pull(&mut self, port: FeedPort, time: SampleTime, tell: &mut Teller, counters: &Counters) {
        if let Some(feed) = self.feeds.get_mut(usize::from(port.0)) {
            feed.pull(port, time, tell, counters);
        }
    }

    /// Returns the block that a feed plays now.
    #[inline]
    pub(crate) fn block(&self, port: FeedPort) -> &Block {
        self.feeds.get(usize::from(port.0)).map_or(&SILENCE, |feed| &feed.block)
    }
}

impl Feed {
    fn pull(&mut self, port: FeedPort, time: SampleTime, tell: &mut Teller, counters: &Counters) {
        if let Some(generation) = self.owed
            && tell.tell(time, RtEventKind::FeedDone { feed: port, generation })
        {
            self.owed = None;
        }
        self.drop_stale(counters);
        match self.ring.pop() {
            Ok(next) => {
                self.block = match self.conceals.as_deref_mut() {
                    Some(plc) => plc.good(&next.block),
                    None => next.block,
                };
                self.under_way = !next.last;
                let done = RtEventKind::FeedDone { feed: port, generation: self.generation };
                if next.last && !tell.tell(time, done) {
                    self.owed = Some(self.generation);
                }
            }
            Err(_) => {
                counters.feed_underrun.add(u64::from(self.under_way));
                let last = self.block[CHUNK - 1];
                self.block = match self.conceals.as_deref_mut().filter(|_| self.under_way) {
                    Some(plc) => plc.lost(),
                    None if last == 0 => SILENCE,
                    None => fade_out(last),
                };
            }
        }
    }

    /// Throws away blocks of other generations at the front of the ring: at most as many as it holds.
    fn drop_stale(&mut self, counters: &Counters) {
        for _ in 0..self.ring.buffer().capacity() {
            match self.ring.peek() {
                Ok(next) if next.generation != self.generation => {
                    let _ = self.ring.pop();
                    counters.feed_stale.add(1);
                }
                Ok(_) | Err(_) => return,
            }
        }
    }
}

/// Returns a ramp from `last` to zero: the end of something that was cut.
pub(crate) fn fade_out(last: i16) -> Block {
    core::array::from_fn(|i| {
        let left = (CHUNK - 1 - i) as i32;
        (i32::from(last) * left / CHUNK as i32) as i16
    })
}
