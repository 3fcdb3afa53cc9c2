//! Our clock, held in step with a peer's by how full its jitter buffer is.
//!
//! Sending one frame for each frame received would be simpler and runs away: DAHDI sends one frame for each that it
//! receives too, and its own beside them. So milliseconds are always our own clock's, whose length is steered by at most
//! [`MAX_PPM`]: a peer that is faster still costs slips, which are counted. While no peer is heard the last rate is held.
//!
//! How: a proportional and integral controller on the excess of frames, smoothed over a second. One frame of excess asks for
//! [`GAIN`] ppm; the integral is set for critical damping, so that a peer 50 ppm off is followed within about two minutes
//! without a slip at a depth of 2 or more.

/// The most that the clock is steered, in parts per million: twice what a line's clock may be off (ITU-T G.703: 50 for E1).
pub const MAX_PPM: f64 = 100.0;

/// Parts per million for one frame of excess.
const GAIN: f64 = 60.0;

/// Parts per million a millisecond for one frame of excess: (GAIN / 1000)^2 / 4 is critical, per second.
const INTEGRAL: f64 = GAIN * GAIN / 4.0 / 1_000.0 / 1_000.0;

/// The part of a new value in the smoothed one.
const SMOOTH: f64 = 1.0 / 1_024.0;

/// One millisecond by our own clock, in nanoseconds.
pub const MS: u64 = 1_000_000;

/// The controller.
#[derive(Clone, Copy, Debug, Default)]
pub struct Steer {
    excess: f64,
    held: f64,
    ppm: f64,
}

impl Steer {
    /// Notes how many frames more than wanted are held, once a millisecond; none if nothing is heard.
    pub fn note(&mut self, excess: Option<i32>) {
        let Some(excess) = excess else {
            self.excess = 0.0;
            self.ppm = self.held;
            return;
        };
        self.excess += (f64::from(excess) - self.excess) * SMOOTH;
        self.held = (self.held + self.excess * INTEGRAL).clamp(-MAX_PPM, MAX_PPM);
        self.ppm = (self.held + self.excess * GAIN).clamp(-MAX_PPM, MAX_PPM);
    }

    /// Returns how much faster than our own clock we are, in parts per million.
    pub fn ppm(&self) -> f64 {
        self.ppm
    }

    /// Returns the length of a millisecond, in nanoseconds: 1 ppm is 1 ns.
    pub fn period_ns(&self) -> u64 {
        (MS as f64 - self.ppm).round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::{Count, Counts};
    use crate::jitter::Jitter;

    /// Lives for so many seconds with a peer that is `ppm` fast, and returns the slips of each half and the rate at the end.
    fn live(ppm: f64, seconds: u32, depth: u16) -> (u64, u64, f64) {
        let (mut jitter, counts, mut steer) = (Jitter::new(depth, 20), Counts::default(), Steer::default());
        let (mut now, mut due, mut number) = (0.0, 0.0, 0_u16);
        let slips = |counts: &Counts| counts.get(Count::Dropped) + counts.get(Count::Gained);
        let mut first_half = 0;
        for k in 0..seconds * 1_000 {
            now += steer.period_ns() as f64;
            while due <= now {
                jitter.receive(number, &[], &counts);
                number = number.wrapping_add(1);
                due += MS as f64 * (1.0 - ppm / 1e6);
            }
            jitter.take(&counts);
            jitter.trim(&counts);
            steer.note(jitter.excess());
            if k == seconds * 500 {
                first_half = slips(&counts);
            }
        }
        (first_half, slips(&counts) - first_half, steer.ppm())
    }

    #[test]
    fn a_peer_within_what_lines_may_be_off_is_followed_without_a_slip() {
        for ppm in [-50.0, -20.0, 0.0, 3.0, 50.0] {
            let (early, late, rate) = live(ppm, 600, 3);
            assert_eq!((early, late), (0, 0), "{ppm}");
            assert!((rate - ppm).abs() < 10.0, "{ppm}: {rate}");
        }
    }

    #[test]
    fn a_peer_that_answers_each_frame_and_adds_its_own_does_not_run_away_with_us() {
        let (early, late, rate) = live(3_000.0, 60, 3);
        assert_eq!(rate, MAX_PPM);
        assert!(early > 50 && late > 50, "what is too much is dropped and counted: {early} {late}");
    }

    #[test]
    fn a_peer_that_falls_silent_leaves_the_rate_as_it_was() {
        let mut steer = Steer { excess: 1.5, held: 20.0, ppm: 90.0 };
        steer.note(None);
        assert_eq!((steer.ppm(), steer.period_ns()), (20.0, MS - 20));
    }
}
