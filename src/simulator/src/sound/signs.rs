//! The signs of the last samples of a channel, and where those of one channel agree with those of another.
//!
//! The sign of a sample is bit 7 of its octet in both laws, so that a millisecond is one octet of signs, eight chunks
//! fill a word, and 256 ms are compared by 32 exclusive-ors. Two that hear the same agree in nearly all bits, others in
//! about half. The delay is found by trying all of them: in steps of four samples, where speech still agrees with itself
//! well, most given up after the first words; then sample by sample where that looks promising.

use tdm::Chunk;

/// The longest delay between mouth and ear.
pub const MAX_DELAY_MS: u64 = 400;
/// How much is compared.
pub const WINDOW_MS: u64 = 256;
/// Words of the ring: one holds eight milliseconds.
const WORDS: usize = 128;
const WINDOW_WORDS: u64 = WINDOW_MS / 8;
/// The words after which most delays are given up, and the share of equal bits they must have.
const FIRST_WORDS: u64 = 4;
const FIRST_SHARE: f32 = 0.63;
/// Samples from one delay that is tried to the next.
const STEP: u64 = 4;
/// The share of equal bits from which on it is the same sound.
const SAME_SHARE: f32 = 0.80;

const _: () = assert!((WORDS as u64) * 8 >= MAX_DELAY_MS + WINDOW_MS + 16);
const _: () = assert!(WORDS.is_power_of_two());

/// Where two agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Match {
    /// How many samples later the ear has it.
    pub delay_samples: u64,
    /// The share of signs that are equal, 0 to 1.
    pub share: f32,
}

/// The signs of about the last second of one channel.
#[derive(Clone, Debug)]
pub struct Signs {
    ring: [u64; WORDS],
    /// Milliseconds so far.
    ms: u64,
}

impl Default for Signs {
    fn default() -> Signs {
        Signs { ring: [0; WORDS], ms: 0 }
    }
}

impl Signs {
    /// Takes one millisecond.
    pub fn push(&mut self, chunk: &Chunk) {
        // Gathers bit 7 of each of the eight octets into one octet, the first sample lowest.
        let signs = (u64::from_le_bytes(*chunk) >> 7 & 0x0101_0101_0101_0101)
            .wrapping_mul(0x0102_0408_1020_4080)
            >> 56;
        let word = &mut self.ring[(self.ms / 8) as usize % WORDS];
        let shift = self.ms % 8 * 8;
        *word = *word & !(0xFF << shift) | signs << shift;
        self.ms += 1;
    }

    /// Returns 64 signs from the sample `at` on, counted from the first sample of all.
    fn word(&self, at: u64) -> u64 {
        let (index, shift) = ((at / 64) as usize, at % 64);
        let low = self.ring[index % WORDS] >> shift;
        // Twice, since a shift by 64 is none.
        low | self.ring[(index + 1) % WORDS] << (63 - shift) << 1
    }

    /// Returns the share of this one's last signs that agree with those of `said`, `delay_samples` earlier.
    pub fn agreement(&self, said: &Signs, delay_samples: u64) -> f32 {
        self.share(said, delay_samples, WINDOW_WORDS)
    }

    fn share(&self, said: &Signs, delay_samples: u64, words: u64) -> f32 {
        let needed = WINDOW_MS * 8 + delay_samples;
        if self.ms * 8 < needed || said.ms != self.ms {
            return 0.0;
        }
        let from = (self.ms - WINDOW_MS) * 8;
        let differ: u32 = (0..words)
            .map(|word| {
                (self.word(from + word * 64) ^ said.word(from - delay_samples + word * 64)).count_ones()
            })
            .sum();
        1.0 - differ as f32 / (words * 64) as f32
    }

    /// Looks for what was heard last in what `said` sent at most [`MAX_DELAY_MS`] before. Both must have taken the same
    /// milliseconds. About 20 microseconds.
    pub fn find(&self, said: &Signs) -> Option<Match> {
        let mut best: Option<Match> = None;
        let mut tried = 0;
        for coarse in (0..=MAX_DELAY_MS * 8).step_by(STEP as usize) {
            if self.share(said, coarse, FIRST_WORDS) < FIRST_SHARE {
                continue;
            }
            for delay_samples in tried.max(coarse.saturating_sub(STEP / 2))..=coarse + STEP / 2 {
                let share = self.agreement(said, delay_samples);
                if share >= best.map_or(SAME_SHARE, |best| best.share) {
                    best = Some(Match { delay_samples, share });
                }
                tried = delay_samples + 1;
            }
        }
        best
    }

    /// Returns true if it is the same sound at this delay.
    pub fn is_same(&self, said: &Signs, delay_samples: u64) -> bool {
        self.agreement(said, delay_samples) >= SAME_SHARE
    }
}

#[cfg(test)]
mod tests {
    use tdm::Law;

    use super::*;
    use crate::sound::{Clips, Mouth};

    /// Two that speak, and what is heard of them after a change of the samples and a delay.
    fn heard(delay: usize, law: Law, change: impl Fn(f32, f32, usize) -> f32) -> (Signs, Signs, Signs) {
        let clips = Clips::babble("x", 2, 7);
        let octets: Vec<Vec<u8>> = clips
            .all()
            .iter()
            .map(|clip| {
                let mut mouth = Mouth::new(Law::A);
                mouth.say(clip, 300, true);
                (0..900).flat_map(|_| mouth.chunk()).collect()
            })
            .collect();
        let sample = |who: usize, at: usize| f32::from(g711::decode(Law::A, octets[who][at]));
        let (mut one, mut other, mut ear) = (Signs::default(), Signs::default(), Signs::default());
        for ms in 0..900 {
            one.push(octets[0][ms * 8..ms * 8 + 8].try_into().unwrap());
            other.push(octets[1][ms * 8..ms * 8 + 8].try_into().unwrap());
            let chunk = std::array::from_fn(|i| {
                let Some(at) = (ms * 8 + i).checked_sub(delay) else { return law.idle() };
                g711::encode(law, change(sample(0, at), sample(1, at), at) as i16)
            });
            ear.push(&chunk);
        }
        (one, other, ear)
    }

    #[test]
    fn who_is_heard_is_found_at_any_delay_up_to_the_longest_and_nobody_else_is() {
        for delay in [0, 1, 7, 8, 63, 64, 65, 1_001, 3_199, 3_200] {
            let (one, other, ear) = heard(delay, Law::A, |said, _, _| said);
            assert_eq!(ear.find(&one), Some(Match { delay_samples: delay as u64, share: 1.0 }));
            assert_eq!(ear.find(&other), None);
            assert!(ear.is_same(&one, delay as u64) && !ear.is_same(&one, delay as u64 + 9));
        }
        let (one, _, ear) = heard(3_211, Law::A, |said, _, _| said);
        assert_eq!(ear.find(&one), None);
    }

    #[test]
    fn gain_law_and_a_moderate_echo_of_another_do_not_hide_who_is_heard() {
        for (law, gain, echo) in
            [(Law::Mu, 1.0, 0.0), (Law::A, 0.3, 0.0), (Law::A, 1.5, 0.0), (Law::Mu, 1.0, 0.25)]
        {
            let (one, other, ear) = heard(804, law, |said, echoed, _| gain * said + echo * echoed);
            assert_eq!(ear.find(&one).map(|found| found.delay_samples), Some(804), "{law:?} {gain} {echo}");
            assert_eq!(ear.find(&other), None);
        }
    }

    #[test]
    fn silence_and_tones_are_nobody() {
        let (one, _, silence) = heard(0, Law::A, |_, _, _| 0.0);
        assert_eq!(silence.find(&one), None);
        for hertz in [425.0, 450.0, 1_004.0] {
            let tone = |_: f32, _: f32, at: usize| {
                (at as f32 * hertz * std::f32::consts::TAU / 8_000.0).sin() * 5_000.0
            };
            let (one, _, ear) = heard(0, Law::A, tone);
            assert_eq!(ear.find(&one), None, "{hertz} Hz");
        }
    }
}
