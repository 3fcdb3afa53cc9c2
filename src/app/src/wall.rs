//! The system's clock, watched for steps: what people read has the times of the clock as it is, not as it was at the start.

use core::time::Duration;

use clock::{Clock, Mono, MonoClock, WallAnchor};

/// A smaller difference is no step: the clock is pulled towards the right time all the while.
const STEP: Duration = Duration::from_millis(250);
/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);

/// What is known of the clock.
pub(crate) struct Wall {
    anchor: WallAnchor,
    next: Mono,
}

impl Wall {
    pub fn new() -> Wall {
        Wall { anchor: MonoClock.anchor(), next: Mono::ZERO }
    }

    /// Returns the new anchor if the clock was stepped since the last look.
    pub fn stepped(&mut self) -> Option<WallAnchor> {
        let now = MonoClock.now();
        if now < self.next {
            return None;
        }
        self.next = now + LOOK;
        self.compare(MonoClock.anchor(), now)
    }

    fn compare(&mut self, anchor: WallAnchor, now: Mono) -> Option<WallAnchor> {
        let apart = self.anchor.unix_nanos(now).abs_diff(anchor.unix_nanos(now));
        if Duration::from_nanos(apart) < STEP {
            return None;
        }
        tracing::warn!(by = ?Duration::from_nanos(apart), "the system's clock was stepped");
        self.anchor = anchor;
        Some(anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_either_way_is_told_once_and_a_clock_that_is_pulled_is_not() {
        let hour = 3_600_000_000_000;
        let at = |millis, unix| WallAnchor::new(Mono::from_millis(millis), unix);
        let mut wall = Wall { anchor: at(0, 100 * hour), next: Mono::ZERO };
        let later = Mono::from_millis(10);
        assert_eq!(wall.compare(at(10, 100 * hour + 60_000_000), later), None);
        for stepped in [at(10, 101 * hour), at(10, 2 * hour)] {
            assert_eq!(wall.compare(stepped, later), Some(stepped));
            assert_eq!(wall.compare(stepped, later), None);
        }
    }
}
