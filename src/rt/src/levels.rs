//! Level meters: the mean power of what each channel receives and sends, told ten times a second.
//!
//! The realtime thread adds squares and stores one number per channel and direction; the logarithm is the reader's work.
//! Measured are the line's levels: before the gain from the line and after the gain to the line. A channel that is not in use is
//! not measured and shows no level. The scale is that of `dsp::level`.

use core::sync::atomic::{AtomicU32, Ordering};

use tdm::{Block, CHUNK};

use crate::Strip;

/// Bits dropped from a square, so that a block's sum fits 32 bits.
const DROPPED: u32 = 2;

/// The levels of all channels, for readers on other threads.
#[derive(Debug)]
pub struct Levels {
    rx: Box<[AtomicU32]>,
    tx: Box<[AtomicU32]>,
}

impl Levels {
    /// Returns the level received from the line in dBm0; none for silence or a channel not in use.
    pub fn rx_dbm0(&self, strip: Strip) -> Option<f32> {
        dbm0(self.rx.get(usize::from(strip.0))?.load(Ordering::Relaxed))
    }

    /// Returns the level sent to the line in dBm0; none for silence or a channel not in use.
    pub fn tx_dbm0(&self, strip: Strip) -> Option<f32> {
        dbm0(self.tx.get(usize::from(strip.0))?.load(Ordering::Relaxed))
    }

    pub(crate) fn new(strips: usize) -> Levels {
        let zeros = || (0..strips).map(|_| AtomicU32::new(0)).collect();
        Levels { rx: zeros(), tx: zeros() }
    }
}

fn dbm0(mean_square: u32) -> Option<f32> {
    (mean_square > 0).then(|| dsp::level::dbm0(mean_square as f32))
}

/// The sums that the realtime thread keeps.
pub(crate) struct Meters {
    rx: Box<[u64]>,
    tx: Box<[u64]>,
    blocks: u32,
}

impl Meters {
    pub(crate) fn new(strips: usize) -> Meters {
        let zeros = || vec![0; strips].into_boxed_slice();
        Meters { rx: zeros(), tx: zeros(), blocks: 0 }
    }

    /// Adds what neighbouring strips from `first` on received.
    #[inline]
    pub(crate) fn receive(&mut self, first: usize, heard: &[Block]) {
        for (sum, block) in self.rx[first..].iter_mut().zip(heard) {
            *sum += u64::from(power(block));
        }
    }

    /// Adds what strips send.
    #[inline]
    pub(crate) fn send(&mut self, strips: &[usize], sent: &[Block]) {
        for &strip in strips {
            self.tx[strip] += u64::from(power(&sent[strip]));
        }
    }

    /// Counts `blocks`, and shows the means once `window` blocks are together: true then.
    pub(crate) fn show(&mut self, blocks: u32, window: u32, levels: &Levels) -> bool {
        self.blocks += blocks;
        if self.blocks < window {
            return false;
        }
        let samples = u64::from(self.blocks) * CHUNK as u64;
        self.blocks = 0;
        let both = [(&mut self.rx, &levels.rx), (&mut self.tx, &levels.tx)];
        for (sums, shown) in both {
            for (sum, shown) in sums.iter_mut().zip(shown) {
                let mean = (core::mem::take(sum) << DROPPED) / samples;
                shown.store(u32::try_from(mean).unwrap_or(u32::MAX), Ordering::Relaxed);
            }
        }
        true
    }
}

/// Returns a quarter of the sum of the squares of a block.
#[inline]
fn power(block: &Block) -> u32 {
    block.iter().map(|&sample| (i32::from(sample) * i32::from(sample)) as u32 >> DROPPED).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a full-scale sine has above 0 dBm0 in A-law: 3.14 dB.
    const OVERLOAD_DB: f64 = 314.0 / 100.0;

    #[test]
    fn a_sine_of_0_dbm0_reads_0() {
        let (mut meters, levels) = (Meters::new(2), Levels::new(2));
        let amplitude = 32_768.0 / 10f64.powf(OVERLOAD_DB / 20.0);
        for ms in 0..100 {
            let at =
                |i: usize| (amplitude * (core::f64::consts::TAU * 0.1275 * (ms * 8 + i) as f64).sin()) as i16;
            meters.receive(1, &[core::array::from_fn(at)]);
        }
        meters.show(99, 100, &levels);
        assert_eq!(levels.rx_dbm0(Strip(1)), None);
        meters.show(1, 100, &levels);
        assert!(levels.rx_dbm0(Strip(1)).unwrap().abs() < 0.05, "{:?}", levels.rx_dbm0(Strip(1)));
        assert_eq!((levels.rx_dbm0(Strip(0)), levels.tx_dbm0(Strip(1))), (None, None));
    }

    #[test]
    fn the_loudest_block_does_not_overflow() {
        assert_eq!(power(&[i16::MIN; 8]), 1 << 31);
    }
}
