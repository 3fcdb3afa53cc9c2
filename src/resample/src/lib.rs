//! Sound from one sample rate to another: the line has 8 kHz, files, soft phones and browsers 16, 48 or others.
//!
//! Place on the path: outside the realtime engine, where prompts are read and, later, where packets come and go. It holds
//! what the engine may not: a library that takes memory. The work is done by `rubato`, which multiplies the spectrum of blocks
//! of 20 ms by a filter and cuts or lengthens it; the tests here say what comes of it.
//!
//! Limits: one channel, 16 bit; a stream is 10 ms late. What is above 3.4 kHz is on the way out when it comes to 8 kHz.
#![warn(missing_docs)]

use core::ops::RangeInclusive;

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

/// The rates that can be had, in hertz.
pub const RATES_HZ: RangeInclusive<u32> = 8_000..=48_000;

/// A rate that cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sample rates {from_hz} Hz and {to_hz} Hz: each must be in {}..={} Hz", RATES_HZ.start(), RATES_HZ.end())]
pub struct BadRates {
    /// Of what comes in.
    pub from_hz: u32,
    /// Of what goes out.
    pub to_hz: u32,
}

/// A stream of samples on its way from one rate to another.
pub struct Resampler {
    fft: Fft<f32>,
    waiting: Vec<f32>,
    done: Vec<f32>,
}

impl core::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Resampler").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl Resampler {
    /// Makes one for a stream.
    ///
    /// # Errors
    /// A rate is outside [`RATES_HZ`].
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Resampler, BadRates> {
        let bad = BadRates { from_hz, to_hz };
        if !RATES_HZ.contains(&from_hz) || !RATES_HZ.contains(&to_hz) {
            return Err(bad);
        }
        let (from, to, block) = (from_hz as usize, to_hz as usize, from_hz as usize / 50);
        let window = WindowFunction::Hann2;
        let fft = Fft::new_custom(from, to, block, 1, 1, window, FixedSync::Both).map_err(|_| bad)?;
        let done = vec![0.0; fft.output_frames_max()];
        Ok(Resampler { waiting: Vec::with_capacity(fft.input_frames_max()), fft, done })
    }

    /// Takes in samples and adds to `out` what they make, whole blocks at a time.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        for &sample in samples {
            self.waiting.push(f32::from(sample));
            if self.waiting.len() == self.fft.input_frames_next() {
                self.block(out);
            }
        }
    }

    /// Ends the stream: adds what waits and what the delay still holds.
    pub fn finish(mut self, out: &mut Vec<i16>) {
        let (held, delay) = (self.waiting.len(), self.fft.output_delay());
        let tail = (held as f64 * self.fft.resample_ratio()).round() as usize + delay;
        let mut rest = Vec::new();
        while rest.len() < tail {
            self.waiting.resize(self.fft.input_frames_next(), 0.0);
            self.block(&mut rest);
        }
        out.extend_from_slice(rest.get(..tail).unwrap_or_default());
    }

    /// Returns how many samples of silence come out before the first that went in.
    pub fn delay(&self) -> usize {
        self.fft.output_delay()
    }

    fn block(&mut self, out: &mut Vec<i16>) {
        let (held, room) = (self.waiting.len(), self.done.len());
        let input = SequentialSlice::new(&self.waiting, 1, held).expect("one channel of that length");
        let mut output =
            SequentialSlice::new_mut(&mut self.done, 1, room).expect("one channel of that length");
        let moved = self.fft.process_into_buffer(&input, &mut output, None);
        let (_, made) = moved.expect("the buffers have the lengths that it has named");
        out.extend(self.done.iter().take(made).map(|&value| to_sample(value)));
        self.waiting.clear();
    }
}

/// Resamples a whole sound: nothing late, the length in proportion.
///
/// # Errors
/// A rate is outside [`RATES_HZ`].
pub fn whole(samples: &[i16], from_hz: u32, to_hz: u32) -> Result<Vec<i16>, BadRates> {
    let mut stream = Resampler::new(from_hz, to_hz)?;
    if from_hz == to_hz {
        return Ok(samples.to_vec());
    }
    let (delay, length) =
        (stream.delay(), (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz)) as usize);
    let mut all = Vec::with_capacity(length + delay);
    stream.push(samples, &mut all);
    stream.finish(&mut all);
    all.drain(..delay.min(all.len()));
    all.resize(length, 0);
    Ok(all)
}

/// Saturates.
fn to_sample(value: f32) -> i16 {
    value.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
}
