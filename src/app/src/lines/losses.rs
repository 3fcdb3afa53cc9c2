//! What the line process has lost, for the log: an operator who hears of a bad moment finds when it was.

use std::time::Duration;

use link::Health;

/// The counters that stay zero when all is well, as they were told last.
#[derive(Debug, Default)]
pub(super) struct Losses([u64; 6]);

impl Losses {
    /// Returns what was lost since the last look; none if nothing was.
    pub fn since(&mut self, health: &Health) -> Option<String> {
        let now = [
            (health.lost_samples, "samples per channel"),
            (health.lost_events, "events"),
            (health.lost_frames, "D-channel frames"),
            (health.tap_overruns, "blocks to recorders"),
            (health.feed_underruns, "blocks of prompts"),
            (health.failed_recordings, "recordings"),
        ];
        let last = std::mem::replace(&mut self.0, now.map(|(count, _)| count));
        let more = now.iter().zip(last).filter(|((count, _), last)| count > last);
        let told: Vec<String> =
            more.map(|((count, what), last)| format!("{} {what}", count - last)).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }
}

/// Looks that are passed over after it was told that a simulated card stands still, and the least that is told.
const LOOKS_BETWEEN: u32 = 60;
const LEAST_STANDSTILL: Duration = Duration::from_millis(20);

/// How long simulated cards stood still, as it was told last.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    told: Duration,
    passed_over: u32,
}

impl Standstill {
    /// Returns how long they stood still since it was told last, if it is time to tell.
    pub fn since(&mut self, all: Duration) -> Option<Duration> {
        self.passed_over = self.passed_over.saturating_sub(1);
        let more = all.saturating_sub(self.told);
        if self.passed_over > 0 || more < LEAST_STANDSTILL {
            return None;
        }
        (self.told, self.passed_over) = (all, LOOKS_BETWEEN);
        Some(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_loss_is_told_once_by_how_much_it_was() {
        let mut losses = Losses::default();
        let mut health = Health::default();
        assert_eq!(losses.since(&health), None);
        (health.lost_samples, health.tap_overruns) = (8, 30);
        assert_eq!(losses.since(&health).as_deref(), Some("8 samples per channel, 30 blocks to recorders"));
        assert_eq!(losses.since(&health), None);
        health.lost_samples = 24;
        assert_eq!(losses.since(&health).as_deref(), Some("16 samples per channel"));
    }

    #[test]
    fn a_standstill_is_told_once_a_minute_with_all_that_came_since() {
        let ms = Duration::from_millis;
        let mut standstill = Standstill::default();
        assert_eq!(standstill.since(ms(19)), None);
        assert_eq!(standstill.since(ms(25)), Some(ms(25)));
        for _ in 1..LOOKS_BETWEEN {
            assert_eq!(standstill.since(ms(500)), None);
        }
        assert_eq!(standstill.since(ms(700)), Some(ms(675)));
        assert_eq!((0..200).find_map(|_| standstill.since(ms(700))), None);
    }
}
