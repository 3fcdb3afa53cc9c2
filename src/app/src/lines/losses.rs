//! What the line process has lost, for the log: an operator who hears of a bad moment finds when it was.

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
}
