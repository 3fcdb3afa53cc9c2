//! What one channel hears, in frames of 20 ms: how loud, and whether it counts as loud.
//!
//! The power of every octet is a table's entry, so that a millisecond costs eight look-ups and additions. A frame is
//! loud above [`LOUD_DBM0`]. What stays at one level and crosses zero equally often for [`TONE_FRAMES`] is a tone of one
//! frequency; whose voice it is otherwise is told by [`Signs`](super::Signs).

use std::sync::LazyLock;

use tdm::{Chunk, Law};

/// The level from which a frame is loud. Noise of an idle line is far below, speech far above.
pub const LOUD_DBM0: f32 = -42.0;
/// Milliseconds of a frame.
pub(super) const FRAME_MS: u8 = 20;
/// Samples of a frame.
const FRAME_SAMPLES: f32 = 160.0;

/// So many loud frames that are alike are a tone.
const TONE_FRAMES: u8 = 14;
/// How much a tone's level and zero crossings may differ from frame to frame.
const TONE_DB: f32 = 0.3;
const TONE_CROSSINGS: u32 = 1;

static POWERS: LazyLock<[[f32; 256]; 2]> = LazyLock::new(|| {
    [Law::A, Law::Mu]
        .map(|law| std::array::from_fn(|octet| f32::from(g711::decode(law, octet as u8)).powi(2)))
});

/// Twenty milliseconds that were heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Their level.
    pub level_dbm0: f32,
    /// True if it is [`LOUD_DBM0`] or more.
    pub is_loud: bool,
}

/// What is heard when it is nobody's voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Nothing, for most of a second.
    Silence,
    /// A tone of one frequency.
    Tone,
    /// Speech of nobody known, music.
    Other,
}

/// One channel's ear.
#[derive(Clone, Debug)]
pub struct Ear {
    powers: &'static [f32; 256],
    sum: f32,
    ms: u8,
    /// The last 64 frames, the newest in bit 0; set if loud.
    loud: u64,
    /// Zero crossings of this frame, and the sign of its last sample.
    crossings: u32,
    sign: u8,
    /// Level and crossings of the last frame, and how many were alike up to it.
    last: (f32, u32),
    alike: u8,
    /// A tone was there since it was asked for.
    tone: bool,
}

impl Ear {
    /// Makes an ear that has heard nothing yet.
    pub fn new(law: Law) -> Ear {
        let powers = match law {
            Law::A => &POWERS[0],
            Law::Mu => &POWERS[1],
        };
        let last = (dsp::level::SILENCE_DBM0, 0);
        Ear { powers, sum: 0.0, ms: 0, loud: 0, crossings: 0, sign: 0, last, alike: 0, tone: false }
    }

    /// Hears one millisecond; every twentieth completes a frame.
    pub fn hear(&mut self, chunk: &Chunk) -> Option<Frame> {
        self.sum += chunk.iter().map(|octet| self.powers[usize::from(*octet)]).sum::<f32>();
        for octet in chunk {
            self.crossings += u32::from((octet ^ self.sign) >> 7);
            self.sign = *octet;
        }
        self.ms += 1;
        if self.ms < FRAME_MS {
            return None;
        }
        let level_dbm0 = dsp::level::dbm0(std::mem::take(&mut self.sum) / FRAME_SAMPLES);
        self.ms = 0;
        let is_loud = level_dbm0 >= LOUD_DBM0;
        self.loud = self.loud << 1 | u64::from(is_loud);
        self.look_for_tone(level_dbm0, is_loud);
        Some(Frame { level_dbm0, is_loud })
    }

    fn look_for_tone(&mut self, level_dbm0: f32, is_loud: bool) {
        let crossings = std::mem::take(&mut self.crossings);
        let (last_dbm0, last_crossings) = std::mem::replace(&mut self.last, (level_dbm0, crossings));
        let is_alike =
            (level_dbm0 - last_dbm0).abs() <= TONE_DB && crossings.abs_diff(last_crossings) <= TONE_CROSSINGS;
        self.alike = if is_loud && is_alike { self.alike.saturating_add(1) } else { 0 };
        self.tone |= self.alike >= TONE_FRAMES;
    }

    /// Returns what was heard last, and forgets that it was a tone; none if it is neither quite loud nor quite silent.
    pub fn noise(&mut self) -> Option<Noise> {
        if std::mem::take(&mut self.tone) {
            Some(Noise::Tone)
        } else if self.loud_frames(0, 13) >= 9 && self.alike < 3 {
            Some(Noise::Other)
        } else if self.loud_frames(0, 40) == 0 {
            Some(Noise::Silence)
        } else {
            None
        }
    }

    /// Returns how many of `frames` frames were loud, the newest of them `ago` frames before the last one.
    pub fn loud_frames(&self, ago: u32, frames: u32) -> u32 {
        let mask = u64::MAX.checked_shr(64 - frames.clamp(1, 64)).unwrap_or(u64::MAX);
        (self.loud.checked_shr(ago).unwrap_or(0) & mask).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::{Clips, Keys, Mouth};

    #[test]
    fn the_level_is_that_of_the_samples_in_either_law() {
        for law in [Law::A, Law::Mu] {
            for (amplitude, at_least, at_most) in
                [(0, -97.0, -60.0), (80, -50.0, -45.0), (2_283, -21.0, -19.0)]
            {
                let mut ear = Ear::new(law);
                let chunk =
                    g711::encode_block(law, &[amplitude, 0, -amplitude, 0, amplitude, 0, -amplitude, 0]);
                let frames: Vec<_> = (0..40).filter_map(|_| ear.hear(&chunk)).collect();
                assert_eq!(frames.len(), 2);
                let level = frames[1].level_dbm0;
                assert!((at_least..=at_most).contains(&level), "{law:?} {amplitude}: {level}");
                assert_eq!(frames[1].is_loud, amplitude == 2_283);
            }
        }
    }

    #[test]
    fn a_busy_tone_is_a_tone_and_babble_and_keys_are_not() {
        let mut ear = Ear::new(Law::A);
        let mut tones = 0;
        for ms in 0..1_400u32 {
            let on = ms % 700 < 350;
            let sample = |i: u32| (f64::from(ms * 8 + i) * 450.0 * core::f64::consts::TAU / 8_000.0).sin();
            let block = core::array::from_fn(|i| if on { (sample(i as u32) * 6_000.0) as i16 } else { 0 });
            ear.hear(&g711::encode_block(Law::A, &block));
            if ms % 100 == 99 {
                tones += u32::from(ear.noise() == Some(Noise::Tone));
            }
        }
        assert!((2..=4).contains(&tones), "{tones}");
        let mut mouth = Mouth::new(Law::A);
        for clip in Clips::babble("x", 6, 1).all() {
            mouth.say(clip, 0, false);
            mouth.press(&Keys::default(), "0123456789");
            while mouth.is_speaking() {
                ear.hear(&mouth.chunk());
                assert_ne!(ear.noise(), Some(Noise::Tone));
            }
        }
        assert!((0..800).all(|_| ear.hear(&[Law::A.idle(); 8]).is_none_or(|frame| !frame.is_loud)));
        assert_eq!(ear.noise(), Some(Noise::Silence));
    }

    #[test]
    fn loud_frames_are_counted_where_they_were() {
        let mut ear = Ear::new(Law::A);
        let (loud, quiet) = (g711::encode_block(Law::A, &[9_000; 8]), [Law::A.idle(); 8]);
        for frame in 0..5 {
            for _ in 0..20 {
                ear.hear(if frame == 1 { &loud } else { &quiet });
            }
        }
        assert_eq!((ear.loud_frames(3, 1), ear.loud_frames(0, 3), ear.loud_frames(0, 64)), (1, 0, 1));
        assert_eq!((ear.loud_frames(2, 2), ear.loud_frames(4, 64), ear.loud_frames(200, 64)), (1, 0, 0));
    }
}
