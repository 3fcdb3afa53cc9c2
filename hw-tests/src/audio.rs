//! Proving what was heard: known noise, correlation, digits, gaps.
//!
//! Correlation is normalised: 1 is the same signal, 0 nothing in common. Companding twice leaves above 0.99, a conference
//! of two equal talkers about 0.7.
//!
//! Limits: [`find`] costs the product of both lengths; give it a second or two and the lags that are possible.

use core::ops::RangeInclusive;

use dsp::dtmf::{DtmfDetector, DtmfEvent};
use tdm::{CHUNK, Law};

/// Samples in a burst of [`Noise`].
const BURST: u64 = 1_024;

/// The noise of a seed, as the exchange (`pri_exchange.c`) and [`Phones`](crate::Phones) say it: bursts of 128 ms of
/// low-passed noise at four loudnesses, never silent, about -13 dBm0.
#[derive(Clone, Debug)]
pub struct Noise {
    state: u32,
    loudness: i32,
    smooth: i32,
    count: u64,
}

impl Noise {
    /// Makes the noise of `seed`.
    pub fn new(seed: u32) -> Noise {
        Noise { state: seed, loudness: 0, smooth: 0, count: 0 }
    }

    fn chance(&mut self) -> u32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.state
    }
}

impl Iterator for Noise {
    type Item = i16;

    fn next(&mut self) -> Option<i16> {
        if self.count.is_multiple_of(BURST) {
            self.loudness = 1 + (self.chance() >> 30) as i32;
        }
        self.count += 1;
        let white = self.chance().cast_signed() >> 17;
        self.smooth += (white - self.smooth) >> 1;
        Some((self.smooth * self.loudness / 4) as i16)
    }
}

/// Where a signal was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// How many samples later it is in `heard` than in `sent`.
    pub lag: isize,
    /// The normalised correlation there, -1 to 1.
    pub correlation: f64,
}

/// Decodes octets as on the line.
pub fn decode(law: Law, octets: &[u8]) -> Vec<i16> {
    octets.iter().map(|&octet| g711::decode(law, octet)).collect()
}

/// Finds the lag in `lags` at which `heard` is most like `sent`. What has no overlap or no power correlates with 0.
pub fn find(heard: &[i16], sent: &[i16], lags: RangeInclusive<isize>) -> Found {
    let float = |samples: &[i16]| samples.iter().map(|&x| f32::from(x)).collect::<Vec<f32>>();
    let (heard, sent) = (float(heard), float(sent));
    let nothing = Found { lag: *lags.start(), correlation: 0.0 };
    lags.map(|lag| Found { lag, correlation: correlation(&heard, &sent, lag) })
        .fold(nothing, |best, found| if found.correlation > best.correlation { found } else { best })
}

/// Finds how well `heard` is made of `sent` at each second of it: the lag is sought once, on the whole, then held. A cut,
/// a gap or a slip in the middle shows as a second of low correlation.
pub fn by_second(heard: &[i16], sent: &[i16], lags: RangeInclusive<isize>) -> Vec<f64> {
    let lag = find(heard, sent, lags).lag;
    let start = lag.max(0).unsigned_abs();
    let skip = lag.min(0).unsigned_abs();
    let (Some(heard), Some(sent)) = (heard.get(start..), sent.get(skip..)) else { return Vec::new() };
    heard
        .chunks_exact(8_000)
        .zip(sent.chunks_exact(8_000))
        .map(|(h, s)| find(h, s, 0..=0).correlation)
        .collect()
}

fn correlation(heard: &[f32], sent: &[f32], lag: isize) -> f64 {
    let heard = heard.get(lag.max(0).unsigned_abs()..).unwrap_or_default();
    let sent = sent.get(lag.min(0).unsigned_abs()..).unwrap_or_default();
    let (mut cross, mut power_heard, mut power_sent) = (0.0_f64, 0.0_f64, 0.0_f64);
    // Short sums in 32 bits so that they vectorise, long ones in 64 so that they stay exact.
    for (h, s) in heard.chunks(256).zip(sent.chunks(256)) {
        let mut sums = [[0.0_f32; 8]; 3];
        for (h, s) in h.chunks(8).zip(s.chunks(8)) {
            for (lane, (&h, &s)) in h.iter().zip(s).enumerate() {
                sums[0][lane] += h * s;
                sums[1][lane] += h * h;
                sums[2][lane] += s * s;
            }
        }
        let [a, b, c] = sums.map(|lanes| f64::from(lanes.iter().sum::<f32>()));
        cross += a;
        power_heard += b;
        power_sent += c;
    }
    let scale = (power_heard * power_sent).sqrt();
    if scale > 0.0 { cross / scale } else { 0.0 }
}

/// Returns the DTMF digits in octets from a line.
pub fn digits(law: Law, octets: &[u8]) -> String {
    let mut detector = DtmfDetector::new(0);
    let (chunks, _) = octets.as_chunks::<CHUNK>();
    let downs = chunks.iter().filter_map(|chunk| match detector.push(&g711::decode_chunk(law, chunk)) {
        Some(DtmfEvent::Down { digit }) => Some(char::from(digit)),
        Some(DtmfEvent::Up { .. }) | None => None,
    });
    downs.collect()
}

/// Returns the longest run of one octet, in samples: a gap in speech is a run of the idle code.
pub fn longest_run(octets: &[u8]) -> usize {
    octets.chunk_by(|a, b| a == b).map(<[u8]>::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u32, samples: usize) -> Vec<i16> {
        Noise::new(seed).take(samples).collect()
    }

    #[test]
    fn a_signal_is_found_at_its_lag_on_either_side() {
        let sent = noise(7, 8_000);
        let later = [vec![0; 123], sent.clone()].concat();
        let companded: Vec<i16> =
            later.iter().map(|&x| g711::decode(Law::A, g711::encode(Law::A, x))).collect();
        let found = find(&companded, &sent, -200..=200);
        assert_eq!(found.lag, 123);
        assert!(found.correlation > 0.995, "{found:?}");
        assert_eq!(find(&sent, &later, -200..=200).lag, -123);
    }

    #[test]
    fn another_seed_or_silence_is_not_found() {
        let sent = noise(7, 8_000);
        assert!(find(&noise(8, 8_000), &sent, -500..=500).correlation < 0.1);
        assert_eq!(find(&[0; 8_000], &sent, -5..=5).correlation, 0.0);
        assert_eq!(find(&[], &sent, -5..=5).correlation, 0.0);
    }

    #[test]
    fn a_lost_millisecond_shows_as_seconds_of_low_correlation() {
        let sent = noise(3, 40_000);
        let mut heard = [vec![0; 50], sent.clone()].concat();
        let whole = by_second(&heard, &sent, 0..=100);
        assert!(whole.len() == 5 && whole.iter().all(|&second| second > 0.99), "{whole:?}");
        heard.drain(20_000..20_008); // everything after it is early
        let cut = by_second(&heard, &sent, 0..=100);
        assert!(cut.iter().any(|&second| second > 0.99), "{cut:?}");
        assert!(cut.iter().any(|&second| second < 0.5), "{cut:?}");
    }

    #[test]
    fn digits_and_runs_are_read_from_octets() {
        let mut generator = dsp::dtmf::Generator::new(dsp::dtmf::GeneratorConfig::default());
        assert!(generator.start(b"159#"));
        let mut octets = Vec::new();
        while let Some(block) = generator.next_block() {
            octets.extend(g711::encode_block(Law::A, &block));
        }
        assert_eq!(digits(Law::A, &octets), "159#");
        assert_eq!(longest_run(&octets), 801, "the pause and the zero with which the next digit begins");
        assert_eq!(longest_run(&[]), 0);
    }
}
