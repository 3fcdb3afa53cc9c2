//! What one channel sends: a clip, keys, or silence, eight octets a millisecond.
//!
//! Everything is encoded beforehand, so that a millisecond costs one copy of eight octets. Keys come before speech:
//! whoever presses a key says nothing. Source: ITU-T Q.23 (DTMF frequencies).

use std::sync::Arc;

use dsp::dtmf::{Generator, GeneratorConfig};
use tdm::{CHUNK, Chunk, Law, SILENCE};

use super::Clip;

/// A key sounds for so long, and is silent for as long after it.
const ON_MS: u16 = 70;
const OFF_MS: u16 = 70;
/// The level of either tone.
const LEVEL_DBM0: f32 = -10.0;
/// The most keys that wait to be sent.
const MAX_KEYS: usize = 64;
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// The sound of every key in both laws.
#[derive(Clone, Debug)]
pub struct Keys {
    octets: [[Arc<[u8]>; KEYS.len()]; 2],
}

impl Default for Keys {
    fn default() -> Keys {
        let config =
            GeneratorConfig { row_dbm0: LEVEL_DBM0, column_dbm0: LEVEL_DBM0, on_ms: ON_MS, off_ms: OFF_MS };
        let sound = |law: Law, key: u8| -> Arc<[u8]> {
            let mut generator = Generator::new(config);
            let started = generator.start(&[key]);
            debug_assert!(started, "every key of the list can be sent");
            let block = |_| generator.next_block().unwrap_or(SILENCE);
            (0..ON_MS + OFF_MS).map(block).flat_map(|block| g711::encode_block(law, &block)).collect()
        };
        Keys { octets: [Law::A, Law::Mu].map(|law| KEYS.map(|key| sound(law, key))) }
    }
}

impl Keys {
    fn octets(&self, law: Law, key: u8) -> Option<&Arc<[u8]>> {
        let row = match law {
            Law::A => &self.octets[0],
            Law::Mu => &self.octets[1],
        };
        row.get(KEYS.iter().position(|known| *known == key)?)
    }
}

/// One channel's mouth.
#[derive(Clone, Debug)]
pub struct Mouth {
    law: Law,
    /// The clip and the next octet of it.
    speech: Option<(Arc<[u8]>, usize)>,
    repeat: bool,
    /// The keys that wait, the next one last.
    keys: Vec<Arc<[u8]>>,
    key_at: usize,
}

impl Mouth {
    /// Makes a mouth that is silent.
    pub fn new(law: Law) -> Mouth {
        Mouth { law, speech: None, repeat: false, keys: Vec::new(), key_at: 0 }
    }

    /// Says a clip from its first millisecond `from_ms` on, instead of what it says now; with `repeat` again and again.
    pub fn say(&mut self, clip: &Clip, from_ms: u64, repeat: bool) {
        let octets = Arc::clone(clip.octets(self.law));
        let from = (from_ms % clip.length_ms().max(1)) as usize * CHUNK;
        self.speech = Some((octets, from));
        self.repeat = repeat;
    }

    /// Presses keys one after the other, after those that wait. What is no key is left out, as are more than 64.
    pub fn press(&mut self, keys: &Keys, pressed: &str) {
        for key in pressed.bytes().filter_map(|key| keys.octets(self.law, key)) {
            if self.keys.len() < MAX_KEYS {
                self.keys.insert(0, Arc::clone(key));
            }
        }
    }

    /// Says and presses nothing any more.
    pub fn hush(&mut self) {
        self.speech = None;
        self.keys.clear();
        self.key_at = 0;
    }

    /// Returns true while keys are being sent.
    pub fn is_pressing(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Returns true while there is something to say.
    pub fn is_speaking(&self) -> bool {
        self.speech.is_some()
    }

    /// Returns the next millisecond.
    pub fn chunk(&mut self) -> Chunk {
        if let Some(key) = self.keys.last() {
            let chunk = chunk_at(key, self.key_at, self.law);
            self.key_at += CHUNK;
            if self.key_at >= key.len() {
                self.keys.pop();
                self.key_at = 0;
            }
            return chunk;
        }
        let Some((octets, at)) = &mut self.speech else { return [self.law.idle(); CHUNK] };
        let chunk = chunk_at(octets, *at, self.law);
        *at += CHUNK;
        if *at >= octets.len() {
            *at = 0;
            if !self.repeat {
                self.speech = None;
            }
        }
        chunk
    }
}

fn chunk_at(octets: &[u8], at: usize, law: Law) -> Chunk {
    octets.get(at..at + CHUNK).and_then(|chunk| chunk.try_into().ok()).unwrap_or([law.idle(); CHUNK])
}

#[cfg(test)]
mod tests {
    use dsp::dtmf::{DtmfDetector, DtmfEvent};

    use super::*;

    fn heard_keys(mouth: &mut Mouth, law: Law, ms: usize) -> Vec<u8> {
        let mut detector = DtmfDetector::new(0);
        let mut keys = Vec::new();
        for _ in 0..ms {
            if let Some(DtmfEvent::Down { digit }) = detector.push(&g711::decode_chunk(law, &mouth.chunk())) {
                keys.push(digit);
            }
        }
        keys
    }

    #[test]
    fn keys_are_understood_by_our_own_detector_in_either_law() {
        let keys = Keys::default();
        for law in [Law::A, Law::Mu] {
            let mut mouth = Mouth::new(law);
            mouth.press(&keys, "159");
            mouth.press(&keys, "x*#D0");
            assert_eq!(heard_keys(&mut mouth, law, 7 * 140 + 100), b"159*#D0");
            assert!(!mouth.is_pressing());
        }
    }

    #[test]
    fn a_clip_is_said_once_or_again_and_again_and_keys_interrupt_it() {
        let clip = Clip::new("a", &[5_000; 8_000]);
        let mut mouth = Mouth::new(Law::A);
        mouth.say(&clip, 0, false);
        let length = clip.length_ms();
        let loud = (0..length).filter(|_| mouth.chunk() != [Law::A.idle(); CHUNK]).count();
        assert_eq!(loud, 1_000);
        assert!(!mouth.is_speaking());
        mouth.say(&clip, length - 1, true);
        mouth.chunk();
        assert_eq!(mouth.chunk(), g711::encode_block(Law::A, &[5_000; 8]), "from its beginning again");
        mouth.press(&Keys::default(), "1");
        assert_eq!(heard_keys(&mut mouth, Law::A, 140), b"1");
        assert_eq!(mouth.chunk(), g711::encode_block(Law::A, &[5_000; 8]), "where it was interrupted");
        mouth.hush();
        assert_eq!(mouth.chunk(), [Law::A.idle(); CHUNK]);
    }
}
