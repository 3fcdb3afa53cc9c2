//! The sequence by which bit errors and slips are told apart: pseudo-random, of 2^15 - 1 bits, by octets of a timeslot.
//!
//! What timeslot `t` sends at sample `s` is octet `s + 1021 t` of the sequence, so that nothing sent must be remembered. Sixteen
//! bits anywhere in the sequence tell their place, so a receiver that has lost it knows at once by how many frames, and
//! whether it hears another timeslot's sequence. Bits are compared after that: an error is counted once.
//!
//! Limits: more than a quarter of the bits wrong counts as no sequence at all. Source: ITU-T O.150 5.3 (2^15 - 1, inverted).

use tdm::{CHUNK, Chunk};

/// The length of the sequence, in bits and therefore in octets, too.
const LENGTH: usize = (1 << 15) - 1;

/// Octets between the sequences of neighbouring timeslots.
const APART: usize = 1_021;

/// The most wrong bits of a chunk in which the sequence still counts as heard.
const MOST_WRONG: u32 = 16;

/// Octets at the end of a chunk that must agree with a place.
const AGREE: usize = 4;

const NOWHERE: u16 = u16::MAX;

const _: () = assert!(APART * 32 < LENGTH, "32 timeslots have their own place each");

/// The sequence and the place of every pair of octets in it.
pub(crate) struct Sequence {
    octets: Vec<u8>,
    places: Vec<u16>,
}

impl Sequence {
    pub(crate) fn new() -> Sequence {
        let mut register = 0x7FFF_u16;
        let mut bit = || {
            let new = (register >> 14 ^ register >> 13) & 1;
            register = (register << 1 | new) & 0x7FFF;
            1 - new as u8
        };
        let octets: Vec<u8> = (0..LENGTH).map(|_| (0..8).fold(0, |octet, _| octet << 1 | bit())).collect();
        let mut places = vec![NOWHERE; 1 << 16];
        for place in 0..LENGTH {
            let next = octets[(place + 1) % LENGTH];
            places[usize::from(u16::from_be_bytes([octets[place], next]))] = place as u16;
        }
        Sequence { octets, places }
    }

    /// Returns what a timeslot, counted from 0, sends from a sample on.
    pub(crate) fn chunk(&self, timeslot: usize, sample: u64) -> Chunk {
        self.at(sample, timeslot * APART)
    }

    fn at(&self, sample: u64, ahead: usize) -> Chunk {
        let start = (sample % LENGTH as u64) as usize + ahead;
        core::array::from_fn(|k| self.octets[(start + k) % LENGTH])
    }

    /// Returns how far ahead of the sample's own place a chunk is.
    fn find(&self, sample: u64, chunk: &Chunk) -> Option<usize> {
        let start = CHUNK - AGREE;
        let place = self.places[usize::from(u16::from_be_bytes([chunk[start], chunk[start + 1]]))];
        let place = (place != NOWHERE).then_some(usize::from(place))?;
        let same = |k: usize| chunk[start + k] == self.octets[(place + k) % LENGTH];
        let own = ((sample + start as u64) % LENGTH as u64) as usize;
        (0..AGREE).all(same).then_some((place + LENGTH - own) % LENGTH)
    }
}

/// What a timeslot has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Receiver {
    ahead: Option<usize>,
    /// Bits compared.
    pub(crate) bits: u64,
    /// Bits that were wrong.
    pub(crate) errors: u64,
    /// Times the sequence came from another place than before.
    pub(crate) slips: u64,
    /// Milliseconds without the sequence.
    pub(crate) without_ms: u64,
}

impl Receiver {
    /// Takes a chunk received at a sample.
    pub(crate) fn take(&mut self, sequence: &Sequence, sample: u64, chunk: &Chunk) {
        let wrong = |ahead| difference(chunk, &sequence.at(sample, ahead));
        if let Some(errors) = self.ahead.map(wrong).filter(|wrong| *wrong <= MOST_WRONG) {
            self.bits += (CHUNK * 8) as u64;
            self.errors += u64::from(errors);
            return;
        }
        match sequence.find(sample, chunk) {
            Some(ahead) => {
                self.slips += u64::from(self.ahead.is_some_and(|before| before != ahead));
                self.ahead = Some(ahead);
            }
            None => self.without_ms += 1,
        }
    }

    /// Forgets the place: samples were lost on our side.
    pub(crate) fn lose(&mut self) {
        self.ahead = None;
    }

    /// Returns the timeslot, counted from 0, whose sequence is heard, if the loop takes about `delay` samples.
    pub(crate) fn hears(&self, delay: u32) -> Option<usize> {
        // Right in the middle between two timeslots is 512 samples too late or too early.
        let ahead = self.ahead? + delay as usize + APART / 2;
        Some(ahead % LENGTH / APART)
    }
}

fn difference(a: &Chunk, b: &Chunk) -> u32 {
    (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)).count_ones()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_octets_tells_its_place() {
        let sequence = Sequence::new();
        assert_eq!(sequence.places.iter().filter(|place| **place != NOWHERE).count(), LENGTH);
        assert_eq!(sequence.octets.iter().map(|octet| octet.count_zeros()).sum::<u32>() as usize, 8 << 14);
    }

    #[test]
    fn errors_are_counted_once_and_slips_by_their_new_place() {
        let sequence = Sequence::new();
        let (mut receiver, delay) = (Receiver::default(), 160);
        for ms in 0..100_u64 {
            let sample = 100_000 + 8 * ms;
            // A frame is dropped at 50 ms.
            let from = sample - delay + u64::from(ms >= 50);
            let mut chunk = sequence.chunk(7, from);
            if ms == 20 {
                chunk[3] ^= 0x81;
            }
            receiver.take(&sequence, sample, &chunk);
        }
        assert_eq!((receiver.errors, receiver.slips, receiver.without_ms), (2, 1, 0));
        assert_eq!(receiver.bits, 64 * 98);
        assert_eq!(receiver.hears(160), Some(7));
        receiver.take(&sequence, 200_000, &[0xD5; CHUNK]);
        assert_eq!((receiver.without_ms, receiver.slips), (1, 1));
    }

    #[test]
    fn another_timeslots_sequence_is_known_as_such() {
        let sequence = Sequence::new();
        for timeslot in [0, 15, 30] {
            let mut receiver = Receiver::default();
            receiver.take(&sequence, 4_000, &sequence.chunk(timeslot, 4_000 - 200));
            assert_eq!(receiver.hears(160), Some(timeslot), "the delay is 40 samples longer than told");
        }
    }
}
