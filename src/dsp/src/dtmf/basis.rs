//! The spectrum of one analysis window at the eight DTMF frequencies.
//!
//! The window of 128 samples (16 ms, Hamming) is symmetric, so it is folded about its middle: sums of mirrored samples
//! meet the cosines, differences the sines, which halves the work, and the phases refer to the middle. Samples are
//! scaled to 11 bits by a common shift and all products are 16-bit integers summed in 32 bits: 16 dot products of 64,
//! which the compiler turns into multiply-add instructions of every processor.
//!
//! Why not Goertzel: its recursion depends on the sample before, needs 32-bit floats, and allows no taper; the taper
//! keeps the row tones out of the columns (-43 dB) so that phases are clean enough to measure the frequency by.

use tdm::{Block, CHUNK};

use super::{COLUMNS_HZ, ROWS_HZ};
use crate::trig::{cos_turns, sin_turns};

/// Blocks of an analysis window.
pub(super) const WINDOW_BLOCKS: usize = 16;

/// Blocks from one window to the next.
pub(super) const HOP_BLOCKS: usize = WINDOW_BLOCKS / 2;

/// Samples of an analysis window.
const WINDOW: usize = WINDOW_BLOCKS * CHUNK;

/// Samples from one window to the next.
pub(super) const HOP: usize = HOP_BLOCKS * CHUNK;

/// One value for each pair of mirrored samples, the pair nearest to the middle first.
type Half = [[i16; CHUNK]; HOP_BLOCKS];

/// Bits that the largest sample of a window is scaled to.
const SAMPLE_BITS: u32 = 11;

/// The number of frequencies.
pub(super) const TONES: usize = 8;

/// Peak of the window function in the tables.
const SCALE: f64 = 12_000.0;

/// Sum of the 128 values of the window function, its peak being [`SCALE`]: what a steady signal is multiplied by.
const GAIN: f32 = window_sum();

/// What a squared magnitude is multiplied by to give the mean square of its tone.
pub(super) const POWER_SCALE: f32 = 2.0 / (GAIN * GAIN);

static TAPER: [[f32; CHUNK]; HOP_BLOCKS] = taper_table();
static COSINES: [Half; TONES] = table(true);
static SINES: [Half; TONES] = table(false);

// No dot product can overflow: folded samples have 12 bits, and the table row with the largest sum of magnitudes counts.
const _: () = assert!(largest_row_sum() << (SAMPLE_BITS + 1) < 1 << 31);

/// Returns frequency `tone` (rows first) in hertz.
pub(super) const fn frequency_hz(tone: usize) -> f64 {
    (if tone < 4 { ROWS_HZ[tone] } else { COLUMNS_HZ[tone - 4] }) as f64
}

/// The Hamming window, `k + 1/2` samples from its middle.
const fn taper(k: usize) -> f64 {
    0.54 + 0.46 * cos_turns((k as f64 + 0.5) / WINDOW as f64)
}

const fn taper_table() -> [[f32; CHUNK]; HOP_BLOCKS] {
    let mut table = [[0.0; CHUNK]; HOP_BLOCKS];
    let mut k = 0;
    while k < HOP {
        table[k / CHUNK][k % CHUNK] = (SCALE * taper(k)) as f32;
        k += 1;
    }
    table
}

const fn window_sum() -> f32 {
    let (mut sum, mut k) = (0.0, 0);
    while k < HOP {
        sum += 2.0 * SCALE * taper(k);
        k += 1;
    }
    sum as f32
}

const fn table(cosine: bool) -> [Half; TONES] {
    let mut table = [[[0; CHUNK]; HOP_BLOCKS]; TONES];
    let mut tone = 0;
    while tone < TONES {
        let mut k = 0;
        while k < HOP {
            let turns = frequency_hz(tone) * (k as f64 + 0.5) / 8_000.0;
            let wave = if cosine { cos_turns(turns) } else { sin_turns(turns) };
            let value = SCALE * taper(k) * wave;
            table[tone][k / CHUNK][k % CHUNK] = (if value < 0.0 { value - 0.5 } else { value + 0.5 }) as i16;
            k += 1;
        }
        tone += 1;
    }
    table
}

const fn largest_row_sum() -> u64 {
    let (mut largest, mut tone) = (0, 0);
    while tone < TONES {
        let (mut cosines, mut sines, mut k) = (0, 0, 0);
        while k < HOP {
            cosines += COSINES[tone][k / CHUNK][k % CHUNK].unsigned_abs() as u64;
            sines += SINES[tone][k / CHUNK][k % CHUNK].unsigned_abs() as u64;
            k += 1;
        }
        let row = if cosines > sines { cosines } else { sines };
        largest = if row > largest { row } else { largest };
        tone += 1;
    }
    largest
}

/// A complex amplitude.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Complex {
    pub(super) re: f32,
    pub(super) im: f32,
}

impl Complex {
    pub(super) fn square(self) -> f32 {
        self.re * self.re + self.im * self.im
    }
}

/// A window folded about its middle and scaled.
pub(super) struct Folded {
    sums: Half,
    differences: Half,
    /// Mean square of the window, in scaled units.
    pub(super) power: f32,
    /// What scaled powers are multiplied by to give true ones.
    pub(super) unscale: f32,
}

impl Folded {
    /// Folds `window`; none if its largest sample is below `gate`.
    pub(super) fn new(window: &[Block; WINDOW_BLOCKS], gate: u16) -> Option<Folded> {
        let bits = used_bits(window);
        if bits < gate {
            return None;
        }
        let length = u16::BITS - bits.leading_zeros();
        let zero = [[0; CHUNK]; HOP_BLOCKS];
        let mut folded = Folded { sums: zero, differences: zero, power: 0.0, unscale: 1.0 };
        if length <= SAMPLE_BITS {
            let up = SAMPLE_BITS - length;
            folded.fill(window, |sample| sample << up);
            folded.unscale = 1.0 / (1_u32 << (2 * up)) as f32;
        } else {
            let down = length - SAMPLE_BITS;
            folded.fill(window, |sample| sample >> down);
            folded.unscale = (1_u32 << (2 * down)) as f32;
        }
        let squares = squares(&folded.sums) + squares(&folded.differences);
        folded.power = squares as f32 / (2 * WINDOW) as f32; // (a+b)^2 + (a-b)^2 = 2 a^2 + 2 b^2
        Some(folded)
    }

    // Not inlined, as `squares`: joined to other loops, the compiler no longer sees vectors in it.
    #[inline(never)]
    fn fill(&mut self, window: &[Block; WINDOW_BLOCKS], scale: impl Fn(i16) -> i16) {
        for row in 0..HOP_BLOCKS {
            let after = window[HOP_BLOCKS + row];
            let [a, b, c, d, e, f, g, h] = window[HOP_BLOCKS - 1 - row];
            let before = [h, g, f, e, d, c, b, a];
            for n in 0..CHUNK {
                let (after, before) = (scale(after[n]), scale(before[n]));
                self.sums[row][n] = after.wrapping_add(before); // 12 bits: cannot wrap
                self.differences[row][n] = after.wrapping_sub(before);
            }
        }
    }

    /// Returns the amplitude of frequency `tone`, its phase referred to the middle of the window.
    pub(super) fn tone(&self, tone: usize) -> Complex {
        let (Some(cosines), Some(sines)) = (COSINES.get(tone), SINES.get(tone)) else {
            return Complex::default();
        };
        Complex { re: dot(&self.sums, cosines) as f32, im: -dot(&self.differences, sines) as f32 }
    }

    /// Returns the squared magnitude at any other frequency, in the units of [`Complex::square`]. Slow: for candidates.
    pub(super) fn square_at(&self, freq_hz: f32) -> f32 {
        let turn = core::f32::consts::TAU * freq_hz / 8_000.0;
        let (step_sin, step_cos) = turn.sin_cos();
        let (mut sin, mut cos) = (turn / 2.0).sin_cos();
        let (mut re, mut im) = (0.0, 0.0);
        let pairs = self.sums.as_flattened().iter().zip(self.differences.as_flattened());
        for ((&sum, &difference), taper) in pairs.zip(TAPER.as_flattened()) {
            re += f32::from(sum) * cos * taper;
            im += f32::from(difference) * sin * taper;
            (sin, cos) = (sin * step_cos + cos * step_sin, cos * step_cos - sin * step_sin);
        }
        re * re + im * im
    }
}

/// Returns the bits set in any sample (one's complement for negative ones).
#[inline(never)]
fn used_bits(window: &[Block; WINDOW_BLOCKS]) -> u16 {
    window.as_flattened().iter().fold(0, |all, &sample| all | (sample ^ (sample >> 15))) as u16
}

#[inline(never)]
fn squares(half: &Half) -> i32 {
    dot(half, half)
}

/// Eight sums side by side: in this form the compiler finds the multiply-add instruction.
#[inline(always)]
fn dot(a: &Half, b: &Half) -> i32 {
    let mut sums = [0_i32; CHUNK];
    for row in 0..HOP_BLOCKS {
        for n in 0..CHUNK {
            // Cannot wrap, see the assertion above.
            sums[n] = sums[n].wrapping_add(i32::from(a[row][n]) * i32::from(b[row][n]));
        }
    }
    sums.iter().fold(0, |all, &sum| all.wrapping_add(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(freq_hz: f64, amplitude: f64, phase_turns: f64) -> Folded {
        let window = core::array::from_fn(|row| {
            core::array::from_fn(|n| {
                let turns = freq_hz * ((row * CHUNK + n) as f64 - 63.5) / 8_000.0 + phase_turns;
                (amplitude * (core::f64::consts::TAU * turns).cos()).round() as i16
            })
        });
        Folded::new(&window, 1).unwrap()
    }

    #[test]
    fn a_tone_has_its_power_and_phase_at_every_level() {
        for amplitude in [40.0, 300.0, 2_000.0, 2_100.0, 32_767.0] {
            for tone in 0..TONES {
                let folded = sine(frequency_hz(tone), amplitude, 0.1);
                let found = folded.tone(tone);
                let power = found.square() * POWER_SCALE * folded.unscale;
                let error_db = 10.0 * (power / (amplitude * amplitude / 2.0) as f32).log10();
                assert!(error_db.abs() < 0.15, "{amplitude} {tone}: {error_db} dB");
                let phase = found.im.atan2(found.re) / core::f32::consts::TAU;
                assert!((phase - 0.1).abs() < 0.003, "{amplitude} {tone}: {phase}");
            }
        }
    }

    #[test]
    fn a_row_tone_is_40_db_down_in_every_column_and_the_reverse() {
        for tone in 0..TONES {
            let folded = sine(frequency_hz(tone), 20_000.0, 0.0);
            let own = folded.tone(tone).square();
            for other in (0..TONES).filter(|other| (other < &4) != (tone < 4)) {
                let leak_db = 10.0 * (folded.tone(other).square() / own).log10();
                assert!(leak_db < -40.0, "{tone} into {other}: {leak_db} dB");
            }
        }
    }

    #[test]
    fn a_window_below_the_gate_is_not_looked_at() {
        let mut window = [[-64; CHUNK]; WINDOW_BLOCKS];
        assert!(Folded::new(&window, 64).is_none());
        window[15][7] = 64;
        assert!(Folded::new(&window, 64).is_some());
    }

    #[test]
    fn the_loudest_window_does_not_overflow() {
        let square = [[i16::MIN, i16::MIN, i16::MIN, i16::MIN, i16::MAX, i16::MAX, i16::MAX, i16::MAX]; 16];
        let folded = Folded::new(&square, 1).unwrap();
        assert!((folded.power * folded.unscale / (32_768.0 * 32_768.0) - 1.0).abs() < 0.01);
    }
}
