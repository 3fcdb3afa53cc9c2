//! From frames that come when they will to one frame a millisecond: the jitter buffer of a span, with its sequence supervision.
//!
//! A frame is played `depth` milliseconds after it came. [`Jitter::receive`] puts a frame into the place of its number;
//! [`Jitter::take`], called once a millisecond, gives the next one, or none, for which the caller puts silence.
//!
//! ```text
//!            next                 end
//!  played ... | k | k+1 |   | k+3 | ...      a place that is empty when its time comes: lost
//! ```
//!
//! When the buffer is empty nobody can know yet whether frames are lost or late. So `next` stays where it is and the
//! milliseconds are counted (`starved`); the number of the frame that ends the pause tells: as many as are missing were lost,
//! and time stays true; the rest of the pause is a slip, the sender is slower or the way has become longer. A buffer fuller
//! than `limit` drops one frame a millisecond, which is a slip the other way. A number far from what is awaited is left out,
//! until a second one follows on it: then the sender began anew. Delay is therefore between nothing and `limit` frames.
//!
//! Limits: lost frames are silence, not concealed. Source: the idea is that of any RTP receiver (RFC 3550, A.1).

use tdm::Chunk;

use crate::counts::{Count, Counts};
use crate::frame::MAX_CHANNELS;

/// The deepest buffer, in frames.
pub const MAX_DEPTH: u16 = 50;

/// The most frames that a late thread may find at once beside what the buffer holds.
pub const MAX_AT_ONCE: u16 = 128;

/// How far back a number is an old frame and not a new beginning.
const OLD: i32 = 1_024;

/// Places beside those of the limit and of a late thread.
const MARGIN: u16 = 16;

/// What a frame was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// In its place, and the newest so far.
    Newest,
    /// In its place, after a later one.
    Reordered,
    /// Already there.
    Doubled,
    /// Its place has passed.
    Late,
    /// Its number is far from what is awaited.
    Strange,
}

#[derive(Clone)]
struct Place {
    full: bool,
    samples: [Chunk; MAX_CHANNELS],
}

/// The buffer.
pub struct Jitter {
    places: Box<[Place]>,
    depth: u16,
    limit: u16,
    /// False until a frame came.
    running: bool,
    /// The number of the frame that is played next.
    next: u16,
    /// One more than the newest number.
    end: u16,
    /// Milliseconds for which there was nothing to play.
    starved: u32,
    /// Places before the very first frame, which were never sent.
    before_first: u16,
    /// The number that would follow on one that was far off.
    anew: Option<u16>,
    /// Frames gained less frames dropped, not told yet.
    slipped: i32,
}

impl Jitter {
    /// Makes an empty buffer of so many frames, for a thread that may come `at_once` milliseconds late.
    pub fn new(depth: u16, at_once: u16) -> Jitter {
        let depth = depth.clamp(1, MAX_DEPTH);
        let limit = (2 * depth).max(depth + 2);
        let places = usize::from(limit + at_once.min(MAX_AT_ONCE) + MARGIN).next_power_of_two();
        let empty = Place { full: false, samples: [[0; tdm::CHUNK]; MAX_CHANNELS] };
        Jitter {
            places: vec![empty; places].into_boxed_slice(),
            depth,
            limit,
            running: false,
            next: 0,
            end: 0,
            starved: 0,
            before_first: 0,
            anew: None,
            slipped: 0,
        }
    }

    /// Forgets everything, but for slips that were not told yet.
    pub fn reset(&mut self) {
        self.running = false;
        self.starved = 0;
        self.anew = None;
        self.clear();
    }

    fn clear(&mut self) {
        self.places.iter_mut().for_each(|place| place.full = false);
    }

    /// The number of places is a power of two, so that numbers keep their places when they wrap.
    fn place(&mut self, number: u16) -> &mut Place {
        let mask = self.places.len() - 1;
        &mut self.places[usize::from(number) & mask]
    }

    fn begin(&mut self, number: u16) {
        self.clear();
        self.running = true;
        self.next = number.wrapping_sub(self.depth);
        self.end = number;
        self.before_first = self.depth;
        self.starved = 0;
    }

    /// Takes up a frame.
    ///
    /// # Realtime
    /// Its time is bounded by the size of the buffer.
    pub fn receive(&mut self, number: u16, samples: &[Chunk], counts: &Counts) -> Arrival {
        if !self.running {
            self.begin(number);
        }
        let mut ahead = self.ahead(number);
        // The frame that ends a pause tells what the pause was.
        let covered = ahead.clamp(0, i32::try_from(self.starved).unwrap_or(i32::MAX));
        ahead -= covered;
        let room = i32::try_from(self.places.len()).unwrap_or(i32::MAX);
        if ahead >= room || ahead < -OLD {
            if self.anew != Some(number) {
                self.anew = Some(number.wrapping_add(1));
                counts.add(Count::Strange, 1);
                return Arrival::Strange;
            }
            counts.add(Count::Restarts, 1);
            self.begin(number);
        } else if ahead < 0 {
            counts.add(Count::Late, 1);
            return Arrival::Late;
        } else if self.starved > 0 {
            self.end_pause(covered, counts);
        }
        self.anew = None;
        self.put(number, samples, counts)
    }

    fn end_pause(&mut self, covered: i32, counts: &Counts) {
        let lost = u16::try_from(covered).unwrap_or(0);
        let gained = self.starved - u32::from(lost);
        self.next = self.next.wrapping_add(lost);
        self.end = self.next;
        self.starved = 0;
        counts.add(Count::Lost, lost.into());
        counts.add(Count::Gained, gained.into());
        self.slipped = self.slipped.saturating_add(i32::try_from(gained).unwrap_or(i32::MAX));
    }

    fn put(&mut self, number: u16, samples: &[Chunk], counts: &Counts) -> Arrival {
        let place = self.place(number);
        if place.full {
            counts.add(Count::Doubled, 1);
            return Arrival::Doubled;
        }
        place.full = true;
        for (to, from) in place.samples.iter_mut().zip(samples) {
            *to = *from;
        }
        counts.add(Count::Frames, 1);
        let newest = self.ahead(number) >= self.ahead(self.end);
        if newest {
            self.end = number.wrapping_add(1);
            return Arrival::Newest;
        }
        counts.add(Count::Reordered, 1);
        Arrival::Reordered
    }

    /// How far a number is ahead of the one that is played next.
    fn ahead(&self, number: u16) -> i32 {
        i32::from(number.wrapping_sub(self.next) as i16)
    }

    /// Gives the next millisecond; none where silence must stand.
    ///
    /// # Realtime
    /// Copies nothing.
    pub fn take(&mut self, counts: &Counts) -> Option<&[Chunk; MAX_CHANNELS]> {
        if !self.running {
            return None;
        }
        if self.next == self.end {
            self.starved = self.starved.saturating_add(1);
            return None;
        }
        let number = self.next;
        self.next = number.wrapping_add(1);
        let first = self.before_first > 0;
        self.before_first = self.before_first.saturating_sub(1);
        let place = self.place(number);
        if core::mem::take(&mut place.full) {
            return Some(&self.place(number).samples);
        }
        if !first {
            counts.add(Count::Lost, 1);
        }
        None
    }

    /// Drops one frame if the buffer is fuller than it may be: called once a millisecond.
    pub fn trim(&mut self, counts: &Counts) {
        if self.running && self.end.wrapping_sub(self.next) > self.limit {
            let number = self.next;
            self.place(number).full = false;
            self.next = number.wrapping_add(1);
            counts.add(Count::Dropped, 1);
            self.slipped = self.slipped.saturating_sub(1);
        }
    }

    /// Returns how many frames more than wanted are held; none while nothing comes.
    pub fn excess(&self) -> Option<i32> {
        let held = i32::from(self.end.wrapping_sub(self.next));
        (self.running && self.starved == 0).then(|| held - i32::from(self.depth))
    }

    /// Returns the frames gained (positive) or dropped since the last call.
    pub fn take_slip(&mut self) -> Option<i8> {
        let told = self.slipped.clamp(i8::MIN.into(), i8::MAX.into());
        self.slipped -= told;
        i8::try_from(told).ok().filter(|frames| *frames != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer, what it has counted, and the numbers that it played (none for silence).
    struct Bench {
        jitter: Jitter,
        counts: Counts,
    }

    impl Bench {
        fn new(depth: u16) -> Bench {
            Bench { jitter: Jitter::new(depth, 20), counts: Counts::default() }
        }

        fn receive(&mut self, number: u16) -> Arrival {
            let [high, low] = number.to_be_bytes();
            self.jitter.receive(number, &[[high, low, 0, 0, 0, 0, 0, 0]; 2], &self.counts)
        }

        fn take(&mut self) -> Option<u16> {
            let got = self.jitter.take(&self.counts).map(|samples| {
                assert_eq!(samples[0], samples[1]);
                u16::from_be_bytes([samples[0][0], samples[0][1]])
            });
            self.jitter.trim(&self.counts);
            got
        }

        /// One frame comes and one is played.
        fn both(&mut self, number: u16) -> Option<u16> {
            self.receive(number);
            self.take()
        }

        fn told(&self) -> Vec<(Count, u64)> {
            self.counts.told().into_iter().filter(|(count, _)| *count != Count::Frames).collect()
        }
    }

    #[test]
    fn frames_are_played_in_their_order_after_the_depth_also_where_numbers_wrap() {
        let mut bench = Bench::new(3);
        let start = u16::MAX - 20;
        for k in 0..100_u16 {
            let played = bench.both(start.wrapping_add(k));
            assert_eq!(played, (k >= 3).then(|| start.wrapping_add(k).wrapping_sub(3)), "{k}");
        }
        assert_eq!(bench.told(), []);
        assert_eq!(bench.jitter.excess(), Some(0));
    }

    #[test]
    fn a_lost_frame_is_one_silence_and_time_stays_true() {
        let mut bench = Bench::new(2);
        for k in (0..50_u16).filter(|k| *k != 20) {
            if k == 21 {
                bench.take();
            }
            let played = bench.both(k);
            assert_eq!(played, (k >= 2 && k != 22).then(|| k - 2), "{k}");
        }
        assert_eq!(bench.told(), [(Count::Lost, 1)]);
    }

    #[test]
    fn doubled_reordered_and_late_frames_are_told_apart() {
        let mut bench = Bench::new(2);
        assert_eq!(bench.receive(10), Arrival::Newest);
        assert_eq!(bench.receive(12), Arrival::Newest);
        assert_eq!(bench.receive(11), Arrival::Reordered);
        assert_eq!(bench.receive(11), Arrival::Doubled);
        let played: Vec<_> = (0..5).map(|_| bench.take()).collect();
        assert_eq!(played, [None, None, Some(10), Some(11), Some(12)]);
        assert_eq!(bench.receive(11), Arrival::Late);
        assert_eq!(bench.told(), [(Count::Late, 1), (Count::Doubled, 1), (Count::Reordered, 1)]);
    }

    #[test]
    fn a_pause_in_which_frames_were_lost_keeps_time_and_one_without_is_a_slip() {
        let mut bench = Bench::new(2);
        (0..10).for_each(|k| _ = bench.both(k));
        // Ten milliseconds without anything, and ten numbers missing: 8 and 9 are still there, 10 to 19 are lost.
        let pause: Vec<_> = (0..10).map(|_| bench.take()).collect();
        assert_eq!(pause[..3], [Some(8), Some(9), None]);
        let after: Vec<_> = (20..24).map(|k| bench.both(k)).collect();
        assert_eq!(after, [None, None, Some(20), Some(21)]);
        assert_eq!((bench.told(), bench.jitter.take_slip()), (vec![(Count::Lost, 10)], None));

        // The same pause, and no number missing: the way has become longer.
        let pause: Vec<_> = (0..10).map(|_| bench.take()).collect();
        assert_eq!(pause[..3], [Some(22), Some(23), None]);
        assert_eq!(bench.both(24), Some(24));
        assert_eq!(bench.told(), [(Count::Lost, 10), (Count::Gained, 8)]);
        assert_eq!((bench.jitter.take_slip(), bench.jitter.take_slip()), (Some(8), None));
    }

    #[test]
    fn a_sender_that_is_too_fast_costs_one_frame_at_a_time_and_delay_has_its_limit() {
        let mut bench = Bench::new(2);
        let mut number = 0;
        for k in 0..2_000 {
            bench.receive(number);
            number += 1;
            if k % 100 == 99 {
                bench.receive(number);
                number += 1;
            }
            bench.take();
            assert!(bench.jitter.excess() <= Some(2), "{:?}", bench.jitter.excess());
        }
        assert_eq!(bench.told(), [(Count::Dropped, 18)]);
        assert_eq!(bench.jitter.take_slip(), Some(-18));
    }

    #[test]
    fn a_slow_sender_is_a_slip_for_each_frame_that_it_is_behind() {
        let mut bench = Bench::new(1);
        let mut number = 0;
        for k in 0..1_000 {
            if k % 100 != 99 {
                bench.receive(number);
                number += 1;
            }
            bench.take();
        }
        // Ten were left out: the depth took the first, and the pause of the last is not over.
        assert_eq!(bench.told(), [(Count::Gained, 8)]);
        assert_eq!(bench.jitter.take_slip(), Some(8));
    }

    #[test]
    fn one_strange_number_changes_nothing_and_two_in_a_row_are_a_new_beginning() {
        let mut bench = Bench::new(2);
        (100..110).for_each(|k| _ = bench.both(k));
        assert_eq!(bench.receive(40_000), Arrival::Strange);
        assert_eq!(bench.both(110), Some(108));
        assert_eq!(bench.receive(5_000), Arrival::Strange);
        assert_eq!(bench.receive(5_001), Arrival::Newest);
        let played: Vec<_> = (5_002..5_005).map(|k| bench.both(k)).collect();
        assert_eq!(played, [None, None, Some(5_001)]);
        assert_eq!(bench.told(), [(Count::Strange, 2), (Count::Restarts, 1)]);
    }

    #[test]
    fn a_buffer_that_forgot_everything_begins_with_its_depth_again() {
        let mut bench = Bench::new(3);
        (0..20).for_each(|k| _ = bench.both(k));
        // The thread was away, and what came meanwhile is older than anybody can use.
        (20..60).for_each(|k| _ = bench.receive(k));
        bench.jitter.reset();
        assert_eq!((bench.take(), bench.jitter.excess()), (None, None));
        let played: Vec<_> = (60..65).map(|k| bench.both(k)).collect();
        assert_eq!(played, [None, None, None, Some(60), Some(61)]);
        assert_eq!((bench.told(), bench.jitter.take_slip()), (vec![], None));
    }
}
