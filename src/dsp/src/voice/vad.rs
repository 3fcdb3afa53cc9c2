//! Voice activity: who speaks, who is silent, from the power of every 8 ms.
//!
//! The noise floor is the least power of the last second or so: it falls at once and rises slowly. Power well over the
//! floor is activity after two windows in a row; it ends after a hang-over, so that the ends of words are kept.
//!
//! Limits: loud steady noise counts as voice until the floor has risen to it, some 4 s for 20 dB. Music is activity.

/// Milliseconds from one decision to the next.
pub const STEP_MS: u16 = 8;

/// How activity is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadConfig {
    /// Power over the floor that is activity, in decibels: 3 to 30.
    pub over_floor_db: f32,
    /// Power below which nothing is activity: -70 to -20.
    pub least_dbm0: f32,
    /// How long activity lasts after its last power: 0 to 2000.
    pub hangover_ms: u16,
}

impl Default for VadConfig {
    fn default() -> VadConfig {
        VadConfig { over_floor_db: 9.0, least_dbm0: -45.0, hangover_ms: 200 }
    }
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VadEvent {
    /// Somebody speaks.
    Active,
    /// Nobody speaks any more.
    Silent,
}

/// A configuration ready for use.
#[derive(Clone, Copy, Debug)]
pub struct VadRule {
    over_floor: f32,
    least: f32,
    hangover_steps: u16,
}

impl VadConfig {
    /// Returns the rule, none if a value is out of its range.
    pub fn rule(&self) -> Option<VadRule> {
        let fits = (3.0..=30.0).contains(&self.over_floor_db)
            && (-70.0..=-20.0).contains(&self.least_dbm0)
            && self.hangover_ms <= 2_000;
        let amplitude = crate::level::amplitude(self.least_dbm0);
        fits.then(|| VadRule {
            over_floor: 10.0_f32.powf(self.over_floor_db / 10.0),
            least: amplitude * amplitude / 2.0,
            hangover_steps: self.hangover_ms / STEP_MS,
        })
    }
}

/// The activity of one channel.
#[derive(Clone, Copy, Debug)]
pub struct Vad {
    floor: f32,
    loud_steps: u16,
    left_steps: u16,
    active: bool,
}

impl Default for Vad {
    fn default() -> Vad {
        Vad::new()
    }
}

impl Vad {
    /// Makes one that has heard nothing.
    pub const fn new() -> Vad {
        Vad { floor: 1.0e5, loud_steps: 0, left_steps: 0, active: false }
    }

    /// Returns true while somebody speaks.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Takes in the mean square of the next 8 ms.
    ///
    /// # Realtime
    /// A few comparisons.
    pub fn push(&mut self, rule: &VadRule, power: f32) -> Option<VadEvent> {
        // Up by 5 dB a second, down at once.
        self.floor = if power < self.floor { power.max(1.0) } else { self.floor * 1.0093 };
        let loud = power >= rule.least && power >= self.floor * rule.over_floor;
        self.loud_steps = if loud { self.loud_steps.saturating_add(1) } else { 0 };
        if self.loud_steps >= 2 {
            self.left_steps = rule.hangover_steps.max(1);
        } else {
            self.left_steps = self.left_steps.saturating_sub(1);
        }
        let active = self.left_steps > 0;
        let changed = active != core::mem::replace(&mut self.active, active);
        changed.then_some(if active { VadEvent::Active } else { VadEvent::Silent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(dbm0: f32) -> f32 {
        crate::level::amplitude(dbm0).powi(2) / 2.0
    }

    #[test]
    fn speech_over_noise_is_active_from_its_second_step_to_the_end_of_the_hangover() {
        let rule = VadConfig::default().rule().unwrap();
        let mut vad = Vad::new();
        assert!((0..500).all(|_| vad.push(&rule, power(-55.0)).is_none()));
        assert_eq!(vad.push(&rule, power(-20.0)), None);
        assert_eq!(vad.push(&rule, power(-20.0)), Some(VadEvent::Active));
        assert!((0..100).all(|_| vad.push(&rule, power(-25.0)).is_none()));
        let silent = (1..100).find(|_| vad.push(&rule, power(-55.0)).is_some());
        assert_eq!(silent, Some(25));
        assert!(!vad.is_active());
    }

    #[test]
    fn a_click_and_steady_noise_are_no_speech() {
        let rule = VadConfig::default().rule().unwrap();
        let mut vad = Vad::new();
        (0..500).for_each(|_| assert_eq!(vad.push(&rule, power(-60.0)), None));
        assert_eq!(vad.push(&rule, power(-10.0)), None);
        assert_eq!(vad.push(&rule, power(-60.0)), None);
        // Noise that begins is taken for speech until the floor has come up to it.
        let events: Vec<VadEvent> = (0..1_250).filter_map(|_| vad.push(&rule, power(-40.0))).collect();
        assert_eq!(events, [VadEvent::Active, VadEvent::Silent]);
    }

    #[test]
    fn values_out_of_range_make_no_rule() {
        let good = VadConfig::default();
        assert!(VadConfig { over_floor_db: 2.0, ..good }.rule().is_none());
        assert!(VadConfig { least_dbm0: 0.0, ..good }.rule().is_none());
        assert!(VadConfig { least_dbm0: f32::NAN, ..good }.rule().is_none());
        assert!(VadConfig { hangover_ms: 3_000, ..good }.rule().is_none());
    }
}
