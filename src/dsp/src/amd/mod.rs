//! Answering machine detection: who has answered a call that we made, a person, a machine or nobody.
//!
//! A person says a word or two and waits; a machine speaks on. From the answer on, speech is cut into words by the
//! power of every 8 ms ([`crate::voice::vad`]'s floor), and the first rule that holds decides:
//!
//! ```text
//! no word for initial_silence_ms                          Silence
//! a word longer than max_word_ms, or steady sound         Machine (music, a long announcement)
//! speech longer than greeting_ms                          Machine
//! more words than max_words                               Machine
//! silence of after_greeting_ms after speech               Person
//! nothing decided after total_ms                          Unsure
//! ```
//!
//! The beep after a greeting is told apart from that ([`beep`]): then a message can be left. Limits: decides by lengths
//! alone; a person who answers with a long sentence is taken for a machine. `examples/answer_matrix` prints how often.

mod beep;

pub(crate) use beep::BeepLanes;

use crate::voice::vad::{STEP_MS, Vad, VadConfig, VadRule};

/// How lengths decide; milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AmdConfig {
    /// Silence after the answer that is nobody: 500 to 10,000.
    pub initial_silence_ms: u16,
    /// Speech longer than this is a machine: 300 to 10,000.
    pub greeting_ms: u16,
    /// Silence after speech that is a person who waits: 200 to 3000.
    pub after_greeting_ms: u16,
    /// Silence that parts words: 16 to 500.
    pub between_words_ms: u16,
    /// Sound shorter than this is no word: 16 to 500.
    pub min_word_ms: u16,
    /// A word longer than this is a machine: 500 to 10,000.
    pub max_word_ms: u16,
    /// More words than these are a machine: 1 to 20.
    pub max_words: u8,
    /// By then it is decided: 1000 to 20,000.
    pub total_ms: u16,
}

impl Default for AmdConfig {
    fn default() -> AmdConfig {
        AmdConfig {
            initial_silence_ms: 3_500,
            greeting_ms: 1_700,
            after_greeting_ms: 700,
            between_words_ms: 64,
            min_word_ms: 96,
            max_word_ms: 2_500,
            max_words: 6,
            total_ms: 6_000,
        }
    }
}

/// Who has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answerer {
    /// A person.
    Person,
    /// A machine, or music.
    Machine,
    /// Nobody says anything.
    Silence,
    /// None of the rules held in time.
    Unsure,
}

/// What was heard of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmdEvent {
    /// It is decided who has answered.
    Decided(Answerer),
    /// A beep has ended: its frequency and length.
    Beep {
        /// Hertz.
        hz: u16,
        /// Milliseconds.
        ms: u16,
    },
}

/// A configuration ready for use.
#[derive(Clone, Copy, Debug)]
pub struct AmdRule {
    config: AmdConfig,
    vad: VadRule,
}

impl AmdConfig {
    /// Returns the rule, none if a value is out of its range.
    pub fn rule(&self) -> Option<AmdRule> {
        let fits = (500..=10_000).contains(&self.initial_silence_ms)
            && (300..=10_000).contains(&self.greeting_ms)
            && (200..=3_000).contains(&self.after_greeting_ms)
            && (16..=500).contains(&self.between_words_ms)
            && (16..=500).contains(&self.min_word_ms)
            && (500..=10_000).contains(&self.max_word_ms)
            && (1..=20).contains(&self.max_words)
            && (1_000..=20_000).contains(&self.total_ms);
        let vad = VadConfig { hangover_ms: self.between_words_ms.clamp(16, 500), ..VadConfig::default() };
        vad.rule().filter(|_| fits).map(|vad| AmdRule { config: *self, vad })
    }
}

/// The decision about one answer. Begins with the answer.
#[derive(Clone, Copy, Debug)]
pub struct Amd {
    vad: Vad,
    /// Since the answer.
    ms: u16,
    /// In the present state of activity.
    state_ms: u16,
    speech_ms: u16,
    words: u8,
    decided: bool,
}

impl Default for Amd {
    fn default() -> Amd {
        Amd::new()
    }
}

impl Amd {
    /// Begins at the answer.
    pub const fn new() -> Amd {
        Amd { vad: Vad::new(), ms: 0, state_ms: 0, speech_ms: 0, words: 0, decided: false }
    }

    /// Takes in the mean square of the next 8 ms and tells when it is decided, once.
    ///
    /// # Realtime
    /// A few comparisons.
    pub fn push(&mut self, rule: &AmdRule, power: f32) -> Option<Answerer> {
        if self.decided {
            return None;
        }
        let config = &rule.config;
        let was_active = self.vad.is_active();
        self.ms = self.ms.saturating_add(STEP_MS);
        let changed = self.vad.push(&rule.vad, power).is_some();
        if changed {
            let sound_ms = self.state_ms.saturating_sub(config.between_words_ms);
            if was_active && sound_ms >= config.min_word_ms {
                self.words = self.words.saturating_add(1);
            } else if was_active {
                self.speech_ms = self.speech_ms.saturating_sub(sound_ms);
            }
            self.state_ms = if was_active { config.between_words_ms } else { 2 * STEP_MS };
        } else {
            self.state_ms = self.state_ms.saturating_add(STEP_MS);
        }
        let active = self.vad.is_active();
        if active {
            self.speech_ms = self.speech_ms.saturating_add(STEP_MS);
        }
        let in_word = u8::from(active && self.state_ms >= config.min_word_ms);
        let answerer = if active && self.state_ms > config.max_word_ms
            || self.speech_ms > config.greeting_ms
            || self.words + in_word > config.max_words
        {
            Answerer::Machine
        } else if !active && self.words > 0 && self.state_ms >= config.after_greeting_ms {
            Answerer::Person
        } else if self.words == 0 && in_word == 0 && self.ms >= config.initial_silence_ms {
            Answerer::Silence
        } else if self.ms >= config.total_ms {
            Answerer::Unsure
        } else {
            return None;
        };
        self.decided = true;
        Some(answerer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decides about sound and silence in turn, sound first, in milliseconds; then silence.
    fn decide(parts: &[u16]) -> (Option<Answerer>, u16) {
        let rule = AmdConfig::default().rule().unwrap();
        let mut amd = Amd::new();
        let loud = crate::level::amplitude(-20.0).powi(2) / 2.0;
        let mut ms = 0;
        let sounds = parts.iter().enumerate().flat_map(|(n, &ms)| {
            std::iter::repeat_n(if n % 2 == 0 { loud } else { 10.0 }, usize::from(ms / STEP_MS))
        });
        for power in sounds.chain(std::iter::repeat_n(10.0, 2_000)) {
            ms += STEP_MS;
            if let Some(answerer) = amd.push(&rule, power) {
                return (Some(answerer), ms);
            }
        }
        (None, ms)
    }

    #[test]
    fn a_word_and_a_pause_are_a_person() {
        assert_eq!(decide(&[0, 400, 480]).0, Some(Answerer::Person));
        assert_eq!(decide(&[0, 800, 320, 160, 400]).0, Some(Answerer::Person));
        let (_, ms) = decide(&[0, 400, 480]);
        assert!(ms <= 400 + 480 + 700 + 32, "{ms}");
    }

    #[test]
    fn long_speech_many_words_and_music_are_a_machine() {
        assert_eq!(decide(&[0, 400, 1_000, 160, 1_000]).0, Some(Answerer::Machine));
        assert_eq!(
            decide(&[0, 240, 160, 120, 160, 120, 160, 120, 160, 120, 160, 120, 160, 120, 160, 120, 160]).0,
            Some(Answerer::Machine)
        );
        assert_eq!(decide(&[0, 240, 20_000]).0, Some(Answerer::Machine));
    }

    #[test]
    fn nobody_and_clicks_are_silence() {
        assert_eq!(decide(&[]), (Some(Answerer::Silence), 3_504));
        assert_eq!(decide(&[0, 1_000, 32, 800, 32]).0, Some(Answerer::Silence));
    }

    #[test]
    fn values_out_of_range_make_no_rule() {
        let good = AmdConfig::default();
        assert!(AmdConfig { greeting_ms: 100, ..good }.rule().is_none());
        assert!(AmdConfig { max_words: 0, ..good }.rule().is_none());
        assert!(AmdConfig { total_ms: 60_000, ..good }.rule().is_none());
        assert!(AmdConfig { between_words_ms: 0, ..good }.rule().is_none());
    }
}
