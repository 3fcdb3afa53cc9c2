//! Keys taken out of recordings: what a caller types stays out of the files.
//!
//! Place on the path: between the matrix and the rings of the taps. A key is recognised some 40 ms after its sound has
//! begun, so a recorder's blocks wait for [`DELAY_MS`] before they go out; by then it is known which of them hold a key, and
//! those go out silent. A block keeps its time: recordings lose nothing and stay in step.
//!
//! ```text
//! sound of the key          |--------------------|
//! told by the detector              Down             Up
//! silent in recordings   |-----------------------|-|
//! ```
//! What one channel types is silent in its own recording and in that of whoever hears it. Limits: of a conference only the
//! typing member's own side is; at most [`BEFORE_MS`] - 24 ms before a key and 16 ms after it go with it; a key in loud speech
//! that is recognised late keeps its beginning, and the last key before a tap ends is kept if it was not recognised yet.

use clock::SampleTime;
use dsp::dtmf::DtmfEvent;
use tdm::{CHUNK, SILENCE};

use crate::{Counters, TapBlock};

/// How long blocks wait.
pub(crate) const DELAY_MS: usize = 64;

/// How long before its recognition a key may have begun.
const BEFORE_MS: u64 = 48;

/// How long before it is told a key has ended for certain.
const AFTER_MS: u64 = 16;

/// Keys that are nearer to each other are taken out as one: nothing can be said between them.
const BRIDGE_MS: u64 = 24;

const _: () = assert!((BEFORE_MS as usize) < DELAY_MS);

const SAMPLES_PER_MS: u64 = CHUNK as u64;

/// The last key of one channel: what is silent of it.
#[derive(Clone, Copy, Debug, Default)]
struct Key {
    from: u64,
    /// `u64::MAX` while it is down; 0 if there was none.
    until: u64,
}

/// The last key of every channel.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Box<[Key]>,
}

impl Keys {
    pub(crate) fn new(strips: usize) -> Keys {
        Keys { keys: vec![Key::default(); strips].into_boxed_slice() }
    }

    /// Takes note of a key that is told with the block that begins at `time`.
    pub(crate) fn note(&mut self, strip: usize, event: DtmfEvent, time: SampleTime) {
        let Some(key) = self.keys.get_mut(strip) else { return };
        let now = time.samples().saturating_add(SAMPLES_PER_MS);
        match event {
            DtmfEvent::Down { .. } => {
                let from = now.saturating_sub(BEFORE_MS * SAMPLES_PER_MS);
                let joins = key.until.saturating_add(BRIDGE_MS * SAMPLES_PER_MS) >= from && key.until != 0;
                *key = Key { from: if joins { key.from } else { from }, until: u64::MAX };
            }
            DtmfEvent::Up { .. } => key.until = now.saturating_sub(AFTER_MS * SAMPLES_PER_MS),
        }
    }

    /// Ends a key whose end will not be told: its detector has been switched off or begins anew.
    pub(crate) fn let_go(&mut self, strip: usize, time: SampleTime) {
        if let Some(key) = self.keys.get_mut(strip).filter(|key| key.until == u64::MAX) {
            key.until = time.samples();
        }
    }

    /// Returns true if what a channel sent from `time` on is a key.
    fn holds(&self, strip: u16, time: SampleTime) -> bool {
        let key = self.keys.get(usize::from(strip)).copied().unwrap_or_default();
        (key.from..key.until).contains(&time.samples())
    }
}

/// What a tap waits with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) block: TapBlock,
    /// The channel whose line was heard.
    pub(crate) rx: u16,
    /// The channel that was sent on, if it was one.
    pub(crate) tx: Option<u16>,
    /// Digits of our own were sent.
    pub(crate) dials: bool,
}

/// The blocks of one tap that wait.
pub(crate) struct Delay {
    ring: Box<[Waiting]>,
    /// Where the oldest lies, and how many there are.
    first: usize,
    count: usize,
}

impl Delay {
    pub(crate) fn new() -> Delay {
        let block = TapBlock { time: SampleTime::ZERO, rx: SILENCE, tx: SILENCE };
        let nothing = Waiting { block, rx: 0, tx: None, dials: false };
        Delay { ring: vec![nothing; DELAY_MS].into_boxed_slice(), first: 0, count: 0 }
    }

    /// Takes in a block and returns the one whose time has come, without keys.
    pub(crate) fn push(&mut self, waiting: Waiting, keys: &Keys) -> Option<TapBlock> {
        let due = if self.count == self.ring.len() { self.pop(keys) } else { None };
        let len = self.ring.len();
        if let Some(place) = self.ring.get_mut((self.first + self.count) % len) {
            *place = waiting;
            self.count += 1;
        }
        due
    }

    /// Returns the oldest block, without keys.
    pub(crate) fn pop(&mut self, keys: &Keys) -> Option<TapBlock> {
        let oldest = *self.ring.get(self.first).filter(|_| self.count > 0)?;
        self.first = (self.first + 1) % self.ring.len();
        self.count -= 1;
        let mut block = oldest.block;
        if keys.holds(oldest.rx, block.time) {
            block.rx = SILENCE;
        }
        if oldest.dials || oldest.tx.is_some_and(|from| keys.holds(from, block.time)) {
            block.tx = SILENCE;
        }
        Some(block)
    }
}

/// A tap's way out: at once, or after the keys have been taken out.
pub(crate) fn send(
    delay: Option<&mut Delay>,
    waiting: Waiting,
    keys: &Keys,
    ring: &mut rtrb::Producer<TapBlock>,
    counters: &Counters,
) {
    let due = match delay {
        Some(delay) => delay.push(waiting, keys),
        None => Some(waiting.block),
    };
    if let Some(block) = due
        && ring.push(block).is_err()
    {
        counters.tap_overrun.add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SampleTime {
        SampleTime::from_samples(ms * SAMPLES_PER_MS)
    }

    #[test]
    fn a_key_is_silent_from_before_its_recognition_to_its_end() {
        let mut keys = Keys::new(2);
        keys.note(1, DtmfEvent::Down { digit: b'5' }, at(999));
        assert!(!keys.holds(1, at(951)) && keys.holds(1, at(952)) && keys.holds(1, at(5_000)));
        assert!(!keys.holds(0, at(990)), "another channel");
        keys.note(1, DtmfEvent::Up { digit: b'5', ms: 100 }, at(1_099));
        assert!(keys.holds(1, at(1_083)) && !keys.holds(1, at(1_084)));
    }

    #[test]
    fn the_next_key_at_once_leaves_no_gap_and_one_later_does() {
        for (pause_ms, joined) in [(0, true), (40, true), (100, false)] {
            let mut keys = Keys::new(1);
            keys.note(0, DtmfEvent::Down { digit: b'5' }, at(999));
            keys.note(0, DtmfEvent::Up { digit: b'5', ms: 100 }, at(1_099));
            keys.note(0, DtmfEvent::Down { digit: b'6' }, at(1_099 + pause_ms));
            assert_eq!(keys.holds(0, at(960)), joined, "{pause_ms} ms");
            assert!(keys.holds(0, at(1_099 + pause_ms)));
        }
    }

    #[test]
    fn a_key_whose_end_is_never_told_ends_with_its_detector() {
        let mut keys = Keys::new(1);
        keys.note(0, DtmfEvent::Down { digit: b'5' }, at(999));
        keys.let_go(0, at(1_500));
        assert!(keys.holds(0, at(1_499)) && !keys.holds(0, at(1_500)));
    }
}
