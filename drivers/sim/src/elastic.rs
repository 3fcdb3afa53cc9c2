//! The elastic store of a span: takes up the difference between the far end's clock and the card's.
//!
//! Every receiving channel passes through it with a delay of one chunk. A slip moves the point from which it is read by
//! one frame (one octet of every channel). At the store's edge it is put back to its middle; what that gains or loses is
//! told as a slip too, so that the frames told always are the frames moved.
//!
//! Source: ITU-T G.822 (slips); a frame is 125 microseconds.

use tdm::{CHUNK, Chunk};

/// The delay of a store that has not slipped, in samples.
pub(crate) const REST: usize = CHUNK;

/// The longest delay.
const LONGEST: usize = 2 * CHUNK;

/// The elastic stores of all channels of a position.
pub(crate) struct Elastic {
    /// The last three chunks of every channel, oldest first.
    history: Vec<[u8; 3 * CHUNK]>,
    delay: usize,
}

impl Elastic {
    pub(crate) fn new(channels: usize, idle: u8) -> Elastic {
        Elastic { history: vec![[idle; 3 * CHUNK]; channels], delay: REST }
    }

    pub(crate) fn clear(&mut self, idle: u8) {
        self.history.fill([idle; 3 * CHUNK]);
        self.delay = REST;
    }

    /// Takes one chunk of every channel.
    pub(crate) fn put(&mut self, chunks: &[Chunk]) {
        for (history, chunk) in self.history.iter_mut().zip(chunks) {
            history.copy_within(CHUNK.., 0);
            history[LONGEST..].copy_from_slice(chunk);
        }
    }

    pub(crate) fn get(&self, chunks: &mut [Chunk]) {
        let from = LONGEST - self.delay;
        for (chunk, history) in chunks.iter_mut().zip(&self.history) {
            chunk.copy_from_slice(&history[from..from + CHUNK]);
        }
    }

    /// Repeats (positive) or drops (negative) `frames`; returns what was really repeated or dropped.
    pub(crate) fn slip(&mut self, frames: i8) -> i8 {
        let wanted = self.delay as isize + isize::from(frames);
        let delay = if (0..=LONGEST as isize).contains(&wanted) {
            wanted
        } else {
            // Back to the middle by whole chunks, which keeps the frames dropped or repeated in step.
            REST as isize + isize::from(frames).signum() * ((wanted - REST as isize).abs() % CHUNK as isize)
        };
        let moved = delay - self.delay as isize;
        self.delay = delay as usize;
        moved as i8
    }

    /// True if the far end, whose clock is faster, has a whole chunk too many for the store.
    pub(crate) fn empty(&self) -> bool {
        self.delay == 0
    }

    /// True if the far end, whose clock is slower, owes a whole chunk.
    pub(crate) fn full(&self) -> bool {
        self.delay == LONGEST
    }

    /// Accounts for a chunk put (`true`) or left out (`false`) beyond one a tick: the delay moves, no frame is lost.
    pub(crate) fn balance(&mut self, extra: bool) {
        self.delay = if extra { self.delay + CHUNK } else { self.delay - CHUNK };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_add_up_to_the_frames_that_moved() {
        for frames in [1_i8, -1, 3, -7] {
            let mut elastic = Elastic::new(1, 0);
            let mut sum = 0_i64;
            for _ in 0..100 {
                sum += i64::from(elastic.slip(frames));
                assert!(elastic.delay <= LONGEST);
                assert_eq!(elastic.delay as i64, REST as i64 + sum, "{frames}");
            }
        }
    }

    #[test]
    fn a_frame_dropped_is_missing_and_a_frame_repeated_is_there_twice() {
        let mut elastic = Elastic::new(1, 0);
        let mut heard = Vec::new();
        for ms in 0..6_u8 {
            elastic.put(&[core::array::from_fn(|i| ms * 8 + i as u8)]);
            match ms {
                3 => assert_eq!(elastic.slip(-1), -1),
                5 => assert_eq!(elastic.slip(1), 1),
                0..=2 | 4.. => {}
            }
            let mut out = [[0; 8]];
            elastic.get(&mut out);
            heard.extend(out[0]);
        }
        let expected: Vec<u8> = [0; 8].into_iter().chain(0..16).chain(17..33).chain(32..40).collect();
        assert_eq!(heard, expected);
    }
}
