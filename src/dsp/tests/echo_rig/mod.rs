//! The measuring rig of the echo canceller's tests and bench: signals, echo paths, meters.
//!
//! Everything follows ITU-T G.168: the composite source signal, the hybrids D.2 to D.9, A-law on both ways, levels in dBm0.
//! ERLE is the power of the true echo over the power of what is left of it; near-end speech is taken out before. Eight
//! cells run at once, one in each channel of a bank. The generators at the end make paths on which nothing was tuned.
#![allow(dead_code, reason = "each test program uses a part of the rig")]

mod cells;
mod css;

use clock::Prng;
use dsp::echo::{CHANNELS, EchoBank, EchoMode, NlpMode};
use sim::g168::HYBRIDS;
use tdm::Law;

pub use cells::*;

/// Samples in a second.
pub const RATE: usize = 8_000;
/// A sine of full scale has 3.14 dBm0.
#[allow(clippy::approx_constant, reason = "decibel, and no part of a circle")]
const FULL_SCALE_DBM0: f64 = 3.14 + 3.02;

/// Samples before they are coded.
pub type Signal = Vec<f64>;

/// One channel's test: what is sent, the echo of it, what the near end says, and what is received of all that.
#[derive(Clone)]
pub struct Cell {
    pub sent: Vec<i16>,
    pub echo: Signal,
    pub near: Signal,
    pub received: Vec<i16>,
}

impl Cell {
    /// Sends `far` through `path` and adds `near` and noise of `noise_dbm0`.
    pub fn new(far: &Signal, path: &[f64], near: Option<&Signal>, noise_dbm0: f64) -> Cell {
        let sent: Vec<i16> = far.iter().map(|&s| coded(s)).collect();
        let echo = convolve(&sent, path);
        Cell::with_echo(sent, echo, near, noise_dbm0)
    }

    /// As [`Cell::new`] with an echo made elsewhere.
    pub fn with_echo(sent: Vec<i16>, echo: Signal, near: Option<&Signal>, noise_dbm0: f64) -> Cell {
        let mut near: Signal =
            near.map_or_else(Vec::new, |near| near.iter().map(|&s| f64::from(coded(s))).collect());
        near.resize(sent.len(), 0.0);
        let noise = hoth(sent.len(), noise_dbm0, 5);
        let received = (0..sent.len()).map(|i| coded(echo[i] + near[i] + noise[i])).collect();
        Cell { sent, echo, near, received }
    }

    /// What no canceller can do better: the echo taken out exactly.
    pub fn oracle_db(&self, from_s: f64, for_s: f64) -> f64 {
        let left: Signal = self.received.iter().zip(&self.echo).map(|(&d, y)| f64::from(d) - y).collect();
        db(power(&self.echo, from_s, for_s) / power(&left, from_s, for_s))
    }

    /// Echo return loss enhancement of `out`.
    pub fn erle_db(&self, out: &[i16], from_s: f64, for_s: f64) -> f64 {
        let left: Signal = out.iter().zip(&self.near).map(|(&o, n)| f64::from(o) - n).collect();
        db(power(&self.echo, from_s, for_s) / power(&left, from_s, for_s).max(1e-3))
    }
}

/// Runs up to eight cells in one bank each; all of one length.
pub fn run(cells: &[Cell], nlp: NlpMode) -> Vec<Vec<i16>> {
    run_in(|| EchoBank::new(128, 0), cells, nlp)
}

/// Runs cells in banks of the caller's making.
pub fn run_in(bank: impl Fn() -> EchoBank, cells: &[Cell], nlp: NlpMode) -> Vec<Vec<i16>> {
    let mut outs = Vec::new();
    for group in cells.chunks(CHANNELS) {
        let mut bank = bank();
        (0..group.len()).for_each(|lane| bank.set_mode(lane, EchoMode::On(nlp)));
        let mut out = vec![Vec::new(); group.len()];
        for at in (0..group[0].sent.len() / 8).map(|block| block * 8) {
            let block = |samples: &Vec<i16>| core::array::from_fn(|i| samples[at + i]);
            let sent = core::array::from_fn(|lane| group.get(lane).map_or([0; 8], |cell| block(&cell.sent)));
            let mut received =
                core::array::from_fn(|lane| group.get(lane).map_or([0; 8], |cell| block(&cell.received)));
            bank.process(&sent, &mut received);
            out.iter_mut().zip(&received).for_each(|(out, block)| out.extend(block));
        }
        outs.extend(out);
    }
    outs
}

/// A sample as it is after A-law.
pub fn coded(sample: f64) -> i16 {
    g711::decode(Law::A, g711::encode(Law::A, sample.round() as i16))
}

/// Decibels of a power ratio.
pub fn db(ratio: f64) -> f64 {
    10.0 * ratio.max(1e-12).log10()
}

/// The mean over some values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The least of some values.
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MAX, f64::min)
}

/// Mean square over a stretch of time.
pub fn power(samples: &[f64], from_s: f64, for_s: f64) -> f64 {
    let at = |s: f64| ((s * RATE as f64) as usize).min(samples.len());
    let part = &samples[at(from_s)..at(from_s + for_s)];
    part.iter().map(|s| s * s).sum::<f64>() / part.len().max(1) as f64
}

/// Level over a stretch of time.
pub fn dbm0(samples: &[i16], from_s: f64, for_s: f64) -> f64 {
    let samples: Signal = samples.iter().map(|&s| f64::from(s)).collect();
    level(power(&samples, from_s, for_s))
}

/// The level of a mean square.
pub fn level(mean_square: f64) -> f64 {
    FULL_SCALE_DBM0 + db(mean_square / 32_767.0_f64.powi(2))
}

/// The loudest 35 ms from some time on.
pub fn peak_dbm0(samples: &[i16], from_s: f64) -> f64 {
    let from = (from_s * RATE as f64) as usize;
    let squares: Vec<f64> = samples[from..].iter().map(|&s| f64::from(s).powi(2)).collect();
    let mut sum: f64 = squares[..280].iter().sum();
    let mut most = sum;
    for i in 280..squares.len() {
        sum += squares[i] - squares[i - 280];
        most = most.max(sum);
    }
    level(most / 280.0)
}

/// Brings a signal to a level.
pub fn at_level(mut signal: Signal, dbm0: f64) -> Signal {
    let gain = 10f64.powf((dbm0 - level(power(&signal, 0.0, 1e6))) / 20.0);
    signal.iter_mut().for_each(|s| *s *= gain);
    signal
}

/// The composite source signal; `double` is the near end's.
pub fn css(double: bool, seconds: f64, dbm0: f64, seed: u64) -> Signal {
    let (voiced, voiced_len, pause): (&[f64], _, _) =
        if double { (&css::DOUBLE, 3_206, 5_614) } else { (&css::SINGLE, 2_144, 4_471) };
    let mut prng = Prng::new(seed);
    let (mut source, mut sign) = (Vec::new(), 1.0);
    while source.len() < (seconds * 44_100.0) as usize + 100 {
        let voice: Signal = voiced.iter().copied().cycle().take(voiced_len).collect();
        let noise = pseudo_noise(&mut prng, double);
        let gain = (power(&voice, 0.0, 1e6) / power(&noise, 0.0, 1e6)).sqrt();
        source.extend(voice.iter().map(|s| sign * s));
        source.extend(noise.iter().cycle().take(8_820).map(|s| sign * gain * s));
        source.extend(core::iter::repeat_n(0.0, pause));
        sign = -sign;
    }
    at_level(resample(&source, (seconds * RATE as f64) as usize), dbm0)
}

/// The noise of the composite source signal: 8192 samples with the spectrum of figure C.2.
fn pseudo_noise(prng: &mut Prng, gaussian: bool) -> Signal {
    const CORNERS: [(f64, f64); 12] = [
        (49.9, -60.0),
        (50.0, -25.8),
        (100.0, -12.8),
        (200.0, 17.4),
        (215.0, 17.8),
        (500.0, 12.2),
        (1_000.0, 7.2),
        (2_850.0, 0.0),
        (3_600.0, -2.0),
        (3_660.0, -20.0),
        (3_680.0, -30.0),
        (3_700.0, -60.0),
    ];
    let mut spectrum = vec![(0.0, 0.0); 8_192];
    for k in 1..760 {
        let hz = 44_100.0 * k as f64 / 8_192.0;
        let next = CORNERS.iter().position(|&(at, _)| at >= hz).unwrap_or(0);
        let gain = if next == 0 {
            -60.0
        } else {
            let ((a, x), (b, y)) = (CORNERS[next - 1], CORNERS[next]);
            x + (y - x) * (hz - a) / (b - a)
        };
        let drive = if gaussian { bell(prng) } else { 1.0 - 2.0 * f64::from(prng.below(2) as u32) };
        let size = 10f64.powf(gain / 20.0) * drive;
        spectrum[k] = (0.0, size);
        spectrum[8_192 - k] = (0.0, -size);
    }
    fft(&spectrum).into_iter().map(|(re, _)| re).collect()
}

fn fft(x: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if x.len() == 1 {
        return x.to_vec();
    }
    let half = |odd: usize| fft(&x.iter().skip(odd).step_by(2).copied().collect::<Vec<_>>());
    let (even, odd) = (half(0), half(1));
    let mut out = vec![(0.0, 0.0); x.len()];
    for k in 0..even.len() {
        let (s, c) = (core::f64::consts::TAU * k as f64 / x.len() as f64).sin_cos();
        let turned = (odd[k].0 * c - odd[k].1 * s, odd[k].0 * s + odd[k].1 * c);
        out[k] = (even[k].0 + turned.0, even[k].1 + turned.1);
        out[k + even.len()] = (even[k].0 - turned.0, even[k].1 - turned.1);
    }
    out
}

/// From 44.1 kHz to 8 kHz.
fn resample(from: &[f64], samples: usize) -> Signal {
    const RATIO: f64 = 44_100.0 / 8_000.0;
    const WIDTH: f64 = 70.0;
    let one = |n: usize| {
        let at = n as f64 * RATIO;
        let first = (at - WIDTH).max(0.0).ceil() as usize;
        let last = ((at + WIDTH) as usize).min(from.len() - 1);
        let tap = |k: usize| {
            let t = at - k as f64;
            let x = core::f64::consts::PI * t * 0.97 / RATIO;
            let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
            from[k] * sinc * (0.5 + 0.5 * (core::f64::consts::PI * t / WIDTH).cos())
        };
        (first..=last).map(tap).sum()
    };
    (0..samples).map(one).collect()
}

/// A number of a normal distribution, nearly.
pub fn bell(prng: &mut Prng) -> f64 {
    (0..12).map(|_| f64::from(prng.below(65_536) as u32) / 65_536.0).sum::<f64>() - 6.0
}

/// Room noise.
pub fn hoth(samples: usize, dbm0: f64, seed: u64) -> Signal {
    let (mut prng, mut last) = (Prng::new(seed), 0.0);
    let mut next = || {
        last = 0.625 * last + 0.375 * bell(&mut prng);
        last
    };
    at_level((0..samples).map(|_| next()).collect(), dbm0)
}

/// White noise.
pub fn white(samples: usize, dbm0: f64, seed: u64) -> Signal {
    let mut prng = Prng::new(seed);
    at_level((0..samples).map(|_| bell(&mut prng)).collect(), dbm0)
}

/// A sum of sines.
pub fn tone(hz: &[f64], seconds: f64, dbm0: f64) -> Signal {
    let at = |n: usize| {
        hz.iter().map(|f| (core::f64::consts::TAU * f * n as f64 / RATE as f64).sin()).sum::<f64>()
    };
    at_level((0..(seconds * RATE as f64) as usize).map(at).collect(), dbm0)
}

/// Sound like speech: syllables of a buzz or of noise through two moving resonances, with pauses.
pub fn babble(seconds: f64, dbm0: f64, seed: u64) -> Signal {
    let mut prng = Prng::new(seed);
    let mut out: Signal = Vec::new();
    let mut memory = [[0.0; 2]; 2];
    let mut phase = 0.0;
    while out.len() < (seconds * RATE as f64) as usize {
        let length = 700 + prng.below(1_600) as usize;
        let (voiced, pause) = (prng.below(4) > 0, prng.below(4) == 0);
        let pitch = 90.0 + prng.below(130) as f64;
        let formants = [250.0 + prng.below(600) as f64, 900.0 + prng.below(1_600) as f64];
        for n in 0..length {
            phase += pitch * (1.0 + 0.1 * (n as f64 / length as f64)) / RATE as f64;
            let buzz = if phase >= 1.0 { 9.0 } else { 0.0 };
            phase -= phase.floor();
            let hiss = 0.4 * bell(&mut prng);
            let mut s = if voiced { buzz + 0.1 * hiss } else { hiss };
            for (formant, memory) in formants.iter().zip(&mut memory) {
                let radius = 0.94_f64;
                let turn = 2.0 * radius * (core::f64::consts::TAU * formant / RATE as f64).cos();
                let next = s + turn * memory[0] - radius * radius * memory[1];
                *memory = [next, memory[0]];
                s = 0.3 * next;
            }
            let swell = (core::f64::consts::PI * n as f64 / length as f64).sin();
            out.push(s * swell);
        }
        if pause {
            out.extend(core::iter::repeat_n(0.0, 800 + prng.below(3_200) as usize));
        }
    }
    out.truncate((seconds * RATE as f64) as usize);
    at_level(out, dbm0)
}

/// A hybrid of G.168, 2 to 9, behind a delay.
pub fn hybrid(model: usize, erl_db: f64, delay_samples: usize) -> Vec<f64> {
    let hybrid = &HYBRIDS[model - 2];
    let gain = f64::from(hybrid.gain) * 10f64.powf(-erl_db / 20.0);
    let mut path = vec![0.0; delay_samples];
    path.extend(hybrid.coefficients.iter().map(|&c| f64::from(c) * gain));
    path
}

/// What comes back of `sent` through `path`.
pub fn convolve(sent: &[i16], path: &[f64]) -> Signal {
    let mut echo = vec![0.0; sent.len()];
    for (delay, &tap) in path.iter().enumerate().filter(|(_, tap)| **tap != 0.0) {
        let early = &sent[..sent.len() - delay.min(sent.len())];
        echo[delay.min(sent.len())..].iter_mut().zip(early).for_each(|(y, &x)| *y += tap * f64::from(x));
    }
    echo
}

/// A path without a name: a burst of decaying noise.
fn burst(prng: &mut Prng, taps: usize, decay: f64, erl_db: f64) -> Vec<f64> {
    let mut path: Vec<f64> = (0..taps).map(|n| bell(prng) * (-(n as f64) / decay).exp()).collect();
    let gain = 10f64.powf(-erl_db / 20.0) / path.iter().map(|h| h * h).sum::<f64>().sqrt();
    path.iter_mut().for_each(|h| *h *= gain);
    path
}

/// A dispersive path: 150 to 400 taps.
pub fn dispersive(seed: u64) -> Vec<f64> {
    let mut prng = Prng::new(seed);
    let (delay, taps) = (8 + prng.below(292) as usize, 150 + prng.below(250) as usize);
    let (decay, erl_db) = (25.0 + prng.below(45) as f64, 8.0 + prng.below(7) as f64);
    let mut path = vec![0.0; delay];
    path.extend(burst(&mut prng, taps, decay, erl_db));
    path
}

/// A path with two reflections, up to 800 samples apart.
pub fn two_reflections(seed: u64) -> Vec<f64> {
    let mut prng = Prng::new(seed);
    let first = 8 + prng.below(112) as usize;
    let second = first + 200 + prng.below(500) as usize;
    let erl_db = 14.0 + prng.below(8) as f64;
    let mut path = vec![0.0; 1_024];
    for (at, erl_db) in [(first, 10.0), (second, erl_db)] {
        let burst = burst(&mut prng, 60, 12.0, erl_db);
        path[at..at + 60].iter_mut().zip(burst).for_each(|(h, b)| *h += b);
    }
    path
}

/// The echo of `sent` through a path that turns from one into another, `rate` of it a second.
pub fn drifting(sent: &[i16], one: &[f64], other: &[f64], rate: f64) -> Signal {
    let (a, b) = (convolve(sent, one), convolve(sent, other));
    let turn = |n: usize| (n as f64 / RATE as f64 * rate).min(1.5);
    (0..sent.len()).map(|n| a[n] * turn(n).cos() + b[n] * turn(n).sin()).collect()
}

/// The echo through a path that loses `lost` blocks of 20 ms in a hundred: silence in their place.
pub fn lossy(sent: &[i16], path: &[f64], lost: u64, seed: u64) -> Signal {
    let mut prng = Prng::new(seed);
    let mut echo = convolve(sent, path);
    for block in echo.chunks_mut(160) {
        if prng.below(100) < lost {
            block.fill(0.0);
        }
    }
    echo
}
