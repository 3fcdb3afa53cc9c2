//! What is sent to be measured: a tone for each timeslot, and a sequence that shows an impulse response.
//!
//! Tones are whole numbers of hertz, read over whole seconds, so that none shows in another's reading. The impulse response is
//! that of a maximum length sequence of two levels, which are codes of the law: nothing is rounded on the way out, and one
//! period's circular correlation is the response itself.
//!
//! Limits: a response longer than 511 ms folds onto its beginning.

use clock::SAMPLE_RATE_HZ;
use dsp::level::{amplitude, dbm0};
use tdm::{Chunk, Law};

/// How loud everything is sent.
pub(crate) const LEVEL_DBM0: f32 = -10.0;

/// How long a tone is read, in samples.
pub(crate) const SECOND: usize = SAMPLE_RATE_HZ as usize;

const FIRST_HZ: usize = 404;
const APART_HZ: usize = 61;

// The highest of 31 is within the band of speech, and no tone is another's harmonic or a part of the sampling rate.
const _: () = assert!(FIRST_HZ + 31 * APART_HZ < 3_000);

/// The length of the sequence for impulse responses.
pub(crate) const MLS: usize = (1 << 12) - 1;

/// Returns the tone of a timeslot, counted from 0, in hertz.
pub(crate) fn tone_hz(timeslot: usize) -> usize {
    FIRST_HZ + timeslot * APART_HZ
}

/// Returns what a timeslot sends from a sample on.
pub(crate) fn tone(law: Law, timeslot: usize, sample: u64) -> Chunk {
    let step = core::f64::consts::TAU * tone_hz(timeslot) as f64 / SAMPLE_RATE_HZ as f64;
    let peak = f64::from(amplitude(LEVEL_DBM0));
    core::array::from_fn(|k| {
        let phase = step * ((sample + k as u64) % SAMPLE_RATE_HZ) as f64;
        g711::encode(law, (peak * phase.sin()).round() as i16)
    })
}

/// What was heard in a timeslot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Heard {
    /// The timeslot, counted from 0, whose tone is loudest.
    pub(crate) timeslot: usize,
    pub(crate) level_dbm0: f32,
    /// How far it stands above everything else.
    pub(crate) clear_db: f32,
}

/// Reads a second of a timeslot; the tones of `timeslots` timeslots are looked for.
pub(crate) fn read(law: Law, octets: &[u8], timeslots: usize) -> Heard {
    let samples: Vec<f64> = octets.iter().map(|octet| f64::from(g711::decode(law, *octet))).collect();
    let count = samples.len().max(1) as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let power = samples.iter().map(|sample| (sample - mean).powi(2)).sum::<f64>() / count;
    let tones = (0..timeslots).map(|timeslot| (timeslot, tone_power(&samples, tone_hz(timeslot))));
    let (timeslot, tone) = tones.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
    // What a law's rounding adds is never nothing.
    let rest = (power - tone).max(power * 1e-6).max(1e-3);
    Heard {
        timeslot,
        level_dbm0: dbm0(tone as f32),
        clear_db: (10.0 * (tone.max(1e-9) / rest).log10()) as f32,
    }
}

/// Returns the power of a tone in a whole number of its periods.
fn tone_power(samples: &[f64], hz: usize) -> f64 {
    let turn = 2.0 * (core::f64::consts::TAU * hz as f64 / SAMPLE_RATE_HZ as f64).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + turn * last - before, last);
    }
    let square = last * last + before * before - turn * last * before;
    2.0 * square / (samples.len().max(1) as f64).powi(2)
}

/// The sequence that shows an impulse response.
pub(crate) struct Probe {
    signs: Vec<bool>,
    law: Law,
    /// The octets of the two levels.
    octets: [u8; 2],
    level: f64,
}

/// An impulse response, by the age of the echo in samples.
pub(crate) struct Response {
    taps: Vec<f64>,
}

impl Probe {
    pub(crate) fn new(law: Law) -> Probe {
        // x^12 + x^6 + x^4 + x + 1.
        let mut register = 1_u16;
        let mut sign = || {
            let new = (register >> 11 ^ register >> 5 ^ register >> 3 ^ register) & 1;
            register = (register << 1 | new) & 0x0FFF;
            new == 1
        };
        let signs = (0..MLS).map(|_| sign()).collect();
        let wanted = (amplitude(LEVEL_DBM0) / core::f32::consts::SQRT_2) as i16;
        let up = g711::encode(law, wanted);
        let level = g711::decode(law, up);
        Probe { signs, law, octets: [g711::encode(law, -level), up], level: f64::from(level) }
    }

    /// Returns what is sent from a sample on.
    pub(crate) fn chunk(&self, sample: u64) -> Chunk {
        let start = (sample % MLS as u64) as usize;
        core::array::from_fn(|k| self.octets[usize::from(self.signs[(start + k) % MLS])])
    }

    /// Returns the response in octets heard from a sample on: whole periods, the more the less noise.
    pub(crate) fn response(&self, sample: u64, octets: &[u8], law: Law) -> Response {
        let mut folded = vec![0.0_f64; MLS];
        let start = (sample % MLS as u64) as usize;
        for (k, octet) in octets.iter().enumerate() {
            folded[(start + k) % MLS] += f64::from(g711::decode(law, *octet));
        }
        let periods = (octets.len() / MLS).max(1) as f64;
        let mean = folded.iter().sum::<f64>() / MLS as f64;
        folded.iter_mut().for_each(|sum| *sum = (*sum - mean) / periods);
        let tap = |age: usize| {
            let ones = |n: usize| self.signs[(n + MLS - age) % MLS];
            let sum: f64 = folded.iter().enumerate().map(|(n, y)| if ones(n) { *y } else { -*y }).sum();
            sum / (self.level * (MLS + 1) as f64)
        };
        Response { taps: (0..MLS).map(tap).collect() }
    }

    /// Returns the law in which it is sent.
    pub(crate) fn law(&self) -> Law {
        self.law
    }
}

impl Response {
    /// Returns how much weaker than what was sent all of it is, in decibel.
    pub(crate) fn loss_db(&self) -> f32 {
        let energy: f64 = self.taps.iter().map(|tap| tap * tap).sum();
        (-10.0 * energy.max(1e-12).log10()) as f32
    }

    /// Returns the age of the first tap that counts, and how many samples lie from it to the last: taps count that are not 20 dB
    /// weaker than the strongest.
    pub(crate) fn extent(&self) -> (usize, usize) {
        let length = self.taps.len();
        let strength = |age: usize| self.taps[age % length].abs();
        let peak = (0..length).max_by(|a, b| strength(*a).total_cmp(&strength(*b))).unwrap_or(0);
        let counts = |age: usize| strength(age) > 0.1 * strength(peak);
        let before = (0..length / 2).rev().find(|ago| counts(peak + length - ago)).unwrap_or(0);
        let after = (0..length / 2).rev().find(|more| counts(peak + more)).unwrap_or(0);
        ((peak + length - before) % length, before + after + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_read_in_its_timeslot_at_its_level() {
        for law in [Law::A, Law::Mu] {
            for timeslot in [0, 15, 30] {
                let octets: Vec<u8> =
                    (0..SECOND as u64 / 8).flat_map(|k| tone(law, timeslot, 123_456 + 8 * k)).collect();
                let heard = read(law, &octets, 31);
                assert_eq!(heard.timeslot, timeslot);
                assert!((heard.level_dbm0 - LEVEL_DBM0).abs() < 0.1 && heard.clear_db > 35.0, "{heard:?}");
                let other = if law == Law::A { Law::Mu } else { Law::A };
                assert!(read(other, &octets, 31).clear_db < 20.0, "the other law is no likeness");
            }
        }
    }

    #[test]
    fn silence_is_no_tone() {
        assert!(read(Law::A, &vec![0xD5; SECOND], 31).level_dbm0 < -60.0);
    }

    #[test]
    fn the_response_of_a_path_is_found_with_its_delay_and_loss() {
        let probe = Probe::new(Law::A);
        let start = 80_000_u64;
        let sent = |sample: u64| f64::from(g711::decode(Law::A, probe.chunk(sample)[0]));
        // Two reflections, 12.04 dB and 18.06 dB weaker: -11.07 dB together.
        let heard: Vec<u8> = (0..4 * MLS as u64)
            .map(|n| {
                let at = start + n;
                g711::encode(Law::A, (sent(at - 200) / 4.0 - sent(at - 230) / 8.0).round() as i16)
            })
            .collect();
        let response = probe.response(start, &heard, Law::A);
        assert_eq!(response.extent(), (200, 31));
        assert!((response.loss_db() - 11.07).abs() < 0.2, "{}", response.loss_db());
        let nothing = probe.response(start, &vec![0xD5; 4 * MLS], Law::A);
        assert!(nothing.loss_db() > 60.0);
    }
}
