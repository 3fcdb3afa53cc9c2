//! Recorder taps: both directions of a channel, copied to threads that write files.
//!
//! A tap belongs to one channel until it is ended; a channel may have several. A full ring loses the newest block,
//! which is counted; the reader sees the gap by the blocks' times and fills it. Where keys are taken out of recordings,
//! blocks wait a moment first, see [`crate::removal`].

use clock::SampleTime;
use rtrb::{Consumer, Producer};
use tdm::SILENCE;

use crate::removal::{self, Delay, Keys, Waiting};
use crate::ring::ring;
use crate::{Counters, Strip, TapBlock, TapPort};

/// All taps.
pub(crate) struct Taps {
    taps: Box<[Tap]>,
}

struct Tap {
    ring: Producer<TapBlock>,
    strip: Option<Strip>,
    /// None if keys stay in recordings.
    delay: Option<Delay>,
}

impl Taps {
    /// Makes `count` taps of `blocks` blocks and returns where their blocks come out.
    pub(crate) fn new(count: usize, blocks: usize, remove_keys: bool) -> (Taps, Vec<Consumer<TapBlock>>) {
        let filler = TapBlock { time: SampleTime::ZERO, rx: SILENCE, tx: SILENCE };
        let (taps, consumers) = (0..count)
            .map(|_| {
                let (ring, consumer) = ring(blocks, filler);
                (Tap { ring, strip: None, delay: remove_keys.then(Delay::new) }, consumer)
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

    /// Gives a tap to a channel.
    pub(crate) fn begin(&mut self, port: TapPort, strip: Strip) {
        if let Some(tap) = self.taps.get_mut(usize::from(port.0)) {
            tap.strip = Some(strip);
        }
    }

    /// Ends a tap; what waited goes out.
    pub(crate) fn end(&mut self, port: TapPort, keys: &Keys, counters: &Counters) {
        if let Some(tap) = self.taps.get_mut(usize::from(port.0)) {
            tap.end(keys, counters);
        }
    }

    /// Ends every tap of a channel.
    pub(crate) fn end_all(&mut self, strip: Strip, keys: &Keys, counters: &Counters) {
        for tap in self.taps.iter_mut().filter(|tap| tap.strip == Some(strip)) {
            tap.end(keys, counters);
        }
    }

    /// Returns every tap in use with its channel.
    pub(crate) fn in_use(&self) -> impl Iterator<Item = (usize, Strip)> + '_ {
        self.taps.iter().enumerate().filter_map(|(index, tap)| Some((index, tap.strip?)))
    }

    /// Hands a block to a tap.
    #[inline]
    pub(crate) fn push(&mut self, tap: usize, waiting: Waiting, keys: &Keys, counters: &Counters) {
        if let Some(tap) = self.taps.get_mut(tap) {
            removal::send(tap.delay.as_mut(), waiting, keys, &mut tap.ring, counters);
        }
    }
}

impl Tap {
    fn end(&mut self, keys: &Keys, counters: &Counters) {
        self.strip = None;
        while let Some(block) = self.delay.as_mut().and_then(|delay| delay.pop(keys)) {
            if self.ring.push(block).is_err() {
                counters.tap_overrun.add(1);
            }
        }
    }
}
