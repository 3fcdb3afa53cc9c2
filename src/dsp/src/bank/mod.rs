//! What detectors share: the last 32 ms of a group of channels, and the arithmetic on it for all of them at once.
//!
//! Place on the path: every block of a group is pushed into its [`Ear`]; detectors look at windows of it. Samples lie
//! side by side: a row holds two samples in succession of each channel, so that one multiply-add instruction works
//! on 8 or 16 channels. A window is folded about its middle ([`Folded`]): sums of mirrored samples meet cosines,
//! differences sines, which halves the work, and phases refer to the middle.
//!
//! Everything that is summed is a 16-bit integer in 32 bits without overflow or rounding: whatever instructions a
//! processor has, the numbers are the same to the bit, and so are the decisions. The floating point that follows is
//! the same code for all, without fused operations. A group of one channel is the same arithmetic for one.
//!
//! Limits: samples lose their lowest bit (A-law has none there); windows are whole blocks.

mod kernel;
mod lanes;
#[cfg(target_arch = "x86_64")]
mod x86;

use tdm::{Block, CHUNK};

pub use kernel::Path;
pub(crate) use lanes::{Lanes, lanes_of, louder};

use crate::trig::{cos_turns, sin_turns};

/// The channels of a full group.
pub const LANES: usize = 16;

/// Blocks that an ear remembers.
pub const MEMORY_BLOCKS: usize = 32;

/// Rows (pairs of samples) in a block.
const BLOCK_ROWS: usize = CHUNK / 2;

/// Two samples in succession of each channel.
pub(crate) type Row<const L: usize> = [[i16; 2]; L];

/// The coefficients of one filter: what two samples in succession are multiplied by.
pub(crate) type Tap = [i16; 2];

/// The sum of a filter for each channel.
pub(crate) type Dots<const L: usize> = [i32; L];

/// The last [`MEMORY_BLOCKS`] ms of `L` channels.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Ear<const L: usize> {
    rows: [[Row<L>; BLOCK_ROWS]; MEMORY_BLOCKS],
    /// An eighth of the sum of squares of each block.
    energies: [[i32; L]; MEMORY_BLOCKS],
    /// Where the next block goes.
    next: usize,
    path: Path,
}

impl<const L: usize> Ear<L> {
    /// Makes an ear that has heard silence.
    pub const fn new(path: Path) -> Ear<L> {
        Ear {
            rows: [[[[0; 2]; L]; BLOCK_ROWS]; MEMORY_BLOCKS],
            energies: [[0; L]; MEMORY_BLOCKS],
            next: 0,
            path,
        }
    }

    /// Takes in the next block of each channel.
    ///
    /// # Realtime
    /// A transposition: about one instruction a sample.
    #[inline]
    pub fn push(&mut self, blocks: &[Block; L]) {
        let (Some(rows), Some(energies)) = (self.rows.get_mut(self.next), self.energies.get_mut(self.next))
        else {
            return;
        };
        kernel::spread(self.path, blocks, rows, energies);
        self.next = (self.next + 1) % MEMORY_BLOCKS;
    }

    /// Makes one channel's past silence.
    pub fn forget(&mut self, lane: usize) {
        for row in self.rows.as_flattened_mut() {
            if let Some(pair) = row.get_mut(lane) {
                *pair = [0; 2];
            }
        }
        for energies in &mut self.energies {
            if let Some(energy) = energies.get_mut(lane) {
                *energy = 0;
            }
        }
    }

    /// Returns the mean square of each channel in the newest `blocks`.
    pub(crate) fn power(&self, blocks: usize) -> [f32; L] {
        let mut power = [0.0; L];
        for age in (1..=blocks).rev() {
            if let Some(energies) = self.energies.get((self.next + MEMORY_BLOCKS - age) % MEMORY_BLOCKS) {
                for lane in 0..L {
                    power[lane] += energies[lane] as f32;
                }
            }
        }
        power.map(|sum| sum / blocks as f32)
    }

    /// Folds the window of the newest `4 * P` samples about its middle.
    pub(crate) fn fold<const P: usize>(&self, folded: &mut Folded<L, P>) {
        let rows = self.rows.as_flattened();
        // The first row after the middle, and the last before it.
        let newest = self.next * BLOCK_ROWS + rows.len();
        kernel::fold(self.path, rows, newest - P, &mut folded.sums, &mut folded.differences);
    }

    /// Copies the `P` rows that end `age` rows before the newest, oldest first.
    pub(crate) fn rows_before<const P: usize>(&self, age: usize, out: &mut [Row<L>; P]) {
        let rows = self.rows.as_flattened();
        let first = self.next * BLOCK_ROWS + rows.len() - P - age;
        for (n, row) in out.iter_mut().enumerate() {
            if let Some(from) = rows.get((first + n) % rows.len()) {
                *row = *from;
            }
        }
    }

    /// Returns the way its arithmetic is done.
    pub(crate) fn path(&self) -> Path {
        self.path
    }
}

/// Computes the dot product of every filter with the rows of every channel.
pub(crate) fn dots<const L: usize, const P: usize>(
    path: Path,
    rows: &[Row<L>; P],
    filters: &[[Tap; P]],
    out: &mut [Dots<L>],
) {
    kernel::correlate(path, rows, filters, out);
}

/// A window of `4 * P` samples folded about its middle: pairs nearest to the middle first.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Folded<const L: usize, const P: usize> {
    pub(crate) sums: [Row<L>; P],
    pub(crate) differences: [Row<L>; P],
}

impl<const L: usize, const P: usize> Folded<L, P> {
    /// The taper, nearest to the middle first.
    const TAPER: [[f32; 2]; P] = {
        let (mut taper, mut k) = ([[0.0; 2]; P], 0);
        while k < 2 * P {
            taper[k / 2][k % 2] = (taper_peak(P) * hamming(k, 4 * P)) as f32;
            k += 1;
        }
        taper
    };

    pub(crate) const fn new() -> Folded<L, P> {
        Folded { sums: [[[0; 2]; L]; P], differences: [[[0; 2]; L]; P] }
    }

    /// Computes the amplitudes of all frequencies of `tones` for every channel: cosines over sums, sines over differences.
    pub(crate) fn amplitudes<const F: usize>(&self, path: Path, tones: &Tones<P, F>) -> Amplitudes<L, F> {
        self.some_amplitudes(path, tones, F)
    }

    /// Computes the amplitudes of the first `count` frequencies of `tones`; those of the others are 0.
    pub(crate) fn some_amplitudes<const F: usize>(
        &self,
        path: Path,
        tones: &Tones<P, F>,
        count: usize,
    ) -> Amplitudes<L, F> {
        let mut amplitudes = Amplitudes { re: [[0; L]; F], im: [[0; L]; F], scale: tones.power_scale };
        let (cosines, sines) = (tones.cosines.get(..count), tones.sines.get(..count));
        kernel::correlate(path, &self.sums, cosines.unwrap_or_default(), &mut amplitudes.re);
        kernel::correlate(path, &self.differences, sines.unwrap_or_default(), &mut amplitudes.im);
        amplitudes
    }

    /// Returns the squared magnitude of one channel at any frequency, in the units of [`Tones`]. Slow: for candidates.
    pub(crate) fn square_at(&self, lane: usize, freq_hz: f32) -> f32 {
        let turn = core::f32::consts::TAU * freq_hz / 8_000.0;
        let (step_sin, step_cos) = turn.sin_cos();
        let (mut sin, mut cos) = (turn / 2.0).sin_cos();
        let (mut re, mut im) = (0.0, 0.0);
        let mut k = 0;
        for (sums, differences) in self.sums.iter().zip(&self.differences) {
            let (Some(sums), Some(differences)) = (sums.get(lane), differences.get(lane)) else { return 0.0 };
            for (&sum, &difference) in sums.iter().zip(differences) {
                let taper = Self::TAPER[k / 2][k % 2];
                re += f32::from(sum) * cos * taper;
                im += f32::from(difference) * sin * taper;
                (sin, cos) = (sin * step_cos + cos * step_sin, cos * step_cos - sin * step_sin);
                k += 1;
            }
        }
        re * re + im * im
    }
}

/// The coefficients of `F` frequencies for folded windows of `4 * P` samples with a Hamming taper.
#[derive(Clone, Debug)]
pub(crate) struct Tones<const P: usize, const F: usize> {
    cosines: [[Tap; P]; F],
    sines: [[Tap; P]; F],
    /// What a squared magnitude is multiplied by to give the mean square of its tone.
    pub(crate) power_scale: f32,
}

impl<const P: usize, const F: usize> Tones<P, F> {
    /// Makes the tables of `freqs_hz`.
    pub(crate) const fn new(freqs_hz: [f32; F]) -> Tones<P, F> {
        let (mut cosines, mut sines) = ([[[0; 2]; P]; F], [[[0; 2]; P]; F]);
        let mut tone = 0;
        while tone < F {
            let mut k = 0;
            while k < 2 * P {
                let turns = freqs_hz[tone] as f64 * (k as f64 + 0.5) / 8_000.0;
                let taper = taper_peak(P) * hamming(k, 4 * P);
                cosines[tone][k / 2][k % 2] = to_tap(taper * cos_turns(turns));
                sines[tone][k / 2][k % 2] = to_tap(taper * sin_turns(turns));
                k += 1;
            }
            tone += 1;
        }
        let (mut gain, mut k) = (0.0, 0);
        while k < 2 * P {
            gain += 2.0 * taper_peak(P) * hamming(k, 4 * P);
            k += 1;
        }
        // Samples have lost a bit: a factor of 4 in power.
        Tones { cosines, sines, power_scale: (8.0 / (gain * gain)) as f32 }
    }
}

/// Peak of the taper in the tables of `rows` rows: no sum over a window can overflow 32 bits, see the test.
const fn taper_peak(rows: usize) -> f64 {
    1_850.0 * 32.0 / rows as f64
}

const fn to_tap(value: f64) -> i16 {
    (if value < 0.0 { value - 0.5 } else { value + 0.5 }) as i16
}

/// The Hamming window of `length` samples, `k + 1/2` samples from its middle.
const fn hamming(k: usize, length: usize) -> f64 {
    0.54 + 0.46 * cos_turns((k as f64 + 0.5) / length as f64)
}

/// A complex amplitude.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Complex {
    pub(crate) re: f32,
    pub(crate) im: f32,
}

impl Complex {
    /// A turn by `turns`.
    pub(crate) const fn turn(turns: f64) -> Complex {
        Complex { re: cos_turns(turns) as f32, im: sin_turns(turns) as f32 }
    }

    pub(crate) fn square(self) -> f32 {
        self.re * self.re + self.im * self.im
    }

    pub(crate) fn conjugate(self) -> Complex {
        Complex { re: self.re, im: -self.im }
    }

    pub(crate) fn times(self, b: Complex) -> Complex {
        Complex { re: self.re * b.re - self.im * b.im, im: self.re * b.im + self.im * b.re }
    }

    /// Returns its angle in turns, -0.5 to 0.5.
    pub(crate) fn turns(self) -> f32 {
        self.im.atan2(self.re) / core::f32::consts::TAU
    }
}

/// The amplitudes of `F` frequencies in one window of `L` channels.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Amplitudes<const L: usize, const F: usize> {
    re: [Dots<L>; F],
    im: [Dots<L>; F],
    scale: f32,
}

impl<const L: usize, const F: usize> Amplitudes<L, F> {
    /// Returns the amplitude of one tone of one channel, its phase referred to the middle of the window.
    pub(crate) fn at(&self, tone: usize, lane: usize) -> Complex {
        let of = |dots: &[Dots<L>; F]| {
            dots.get(tone).and_then(|lanes| lanes.get(lane)).copied().unwrap_or_default() as f32
        };
        Complex { re: of(&self.re), im: -of(&self.im) }
    }

    /// Returns the mean squares of the tones of every channel.
    #[inline]
    pub(crate) fn powers(&self) -> [[f32; L]; F] {
        let mut powers = [[0.0; L]; F];
        for tone in 0..F {
            for lane in 0..L {
                let (re, im) = (self.re[tone][lane] as f32, self.im[tone][lane] as f32);
                powers[tone][lane] = (re * re + im * im) * self.scale;
            }
        }
        powers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ear of one channel that has heard a cosine with this phase in the middle of its window of 128 samples.
    fn ear(freq_hz: f64, amplitude: f64, phase_turns: f64) -> Ear<1> {
        let mut ear = Ear::new(Path::PORTABLE);
        for block in 0..16 {
            ear.push(&[core::array::from_fn(|n| {
                let turns = freq_hz * ((block * CHUNK + n) as f64 - 63.5) / 8_000.0 + phase_turns;
                (amplitude * (core::f64::consts::TAU * turns).cos()).round() as i16
            })]);
        }
        ear
    }

    #[test]
    fn a_tone_has_its_power_and_phase_at_every_level() {
        const FREQS_HZ: [f32; 3] = [697.0, 1_209.0, 1_633.0];
        let tones = Tones::<32, 3>::new(FREQS_HZ);
        for amplitude in [40.0, 300.0, 2_000.0, 2_100.0, 32_767.0] {
            for (tone, hz) in FREQS_HZ.into_iter().enumerate() {
                let mut folded = Folded::new();
                let ear = ear(f64::from(hz), amplitude, 0.1);
                ear.fold(&mut folded);
                let found = folded.amplitudes(Path::PORTABLE, &tones);
                let power = found.powers()[tone][0];
                let error_db = 10.0 * (power / (amplitude * amplitude / 2.0) as f32).log10();
                assert!(error_db.abs() < 0.2, "{amplitude} {hz}: {error_db} dB");
                let turns = found.at(tone, 0).turns();
                assert!((turns - 0.1).abs() < 0.004, "{amplitude} {hz}: {turns}");
                let power_db = 10.0 * (ear.power(16)[0] / (amplitude * amplitude / 2.0) as f32).log10();
                assert!(power_db.abs() < 0.3, "{amplitude} {hz}: {power_db} dB");
                let other = folded.square_at(0, hz) * tones.power_scale / power;
                assert!((other - 1.0).abs() < 0.02, "{amplitude} {hz}: {other}");
            }
        }
    }

    #[test]
    fn no_window_can_overflow_its_sums() {
        fn largest<const P: usize>() -> i64 {
            let row_sum = |filter: &[Tap; P]| {
                filter.as_flattened().iter().map(|&tap| i64::from(tap).abs()).sum::<i64>() << 15
            };
            let of = |n: u16| {
                let tones = Tones::<P, 1>::new([f32::from(n) * 10.0]);
                row_sum(&tones.cosines[0]).max(row_sum(&tones.sines[0]))
            };
            (0..400).map(of).max().unwrap()
        }
        assert!(largest::<32>() <= i64::from(i32::MAX) && largest::<64>() <= i64::from(i32::MAX));
    }

    #[test]
    fn the_lanes_of_a_set_come_in_order() {
        assert_eq!(lanes_of(0b1000_0000_0010_0001).collect::<Vec<_>>(), [0, 5, 15]);
        assert_eq!(lanes_of(0).count(), 0);
    }
}
