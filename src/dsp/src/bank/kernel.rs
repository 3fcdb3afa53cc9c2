//! The arithmetic of an ear, for whatever instructions the processor has.
//!
//! Each function is written once in plain Rust and again in [`super::x86`] for full groups. The results are integers
//! and equal to the bit; the tests compare them on noise and on the largest values there are.

use tdm::Block;

use super::{BLOCK_ROWS, Dots, Row, Tap};
#[cfg(target_arch = "x86_64")]
use super::{LANES, x86};

/// Which instructions are used. A value exists only for what this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Path {
    /// What every processor has.
    pub const PORTABLE: Path = Path(Kind::Portable);

    /// Returns the quickest of this processor.
    pub fn best() -> Path {
        Path::all().last().unwrap_or(Path::PORTABLE)
    }

    /// Returns all of this processor, the slowest first.
    pub fn all() -> impl Iterator<Item = Path> {
        #[cfg(target_arch = "x86_64")]
        let more = {
            let avx2 = std::arch::is_x86_feature_detected!("avx2");
            let avx512 = avx2
                && std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512vnni");
            [avx2.then_some(Path(Kind::Avx2)), avx512.then_some(Path(Kind::Avx512))]
        };
        #[cfg(not(target_arch = "x86_64"))]
        let more: [Option<Path>; 0] = [];
        core::iter::once(Path::PORTABLE).chain(more.into_iter().flatten())
    }

    /// Returns its name, for people.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }
}

/// Lays the blocks of a group side by side, halved, and tells an eighth of the sum of squares of each.
#[inline]
pub(super) fn spread<const L: usize>(
    path: Path,
    blocks: &[Block; L],
    rows: &mut [Row<L>; BLOCK_ROWS],
    energies: &mut [i32; L],
) {
    match path.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 | Kind::Avx512 if L == LANES => x86::spread(blocks, rows, energies),
        _ => spread_portable(blocks, rows, energies),
    }
}

fn spread_portable<const L: usize>(
    blocks: &[Block; L],
    rows: &mut [Row<L>; BLOCK_ROWS],
    energies: &mut [i32; L],
) {
    *energies = [0; L];
    for (n, row) in rows.iter_mut().enumerate() {
        for lane in 0..L {
            let pair = [blocks[lane][2 * n] >> 1, blocks[lane][2 * n + 1] >> 1];
            let [a, b] = pair.map(i32::from);
            energies[lane] += (a * a + b * b) >> 1; // at most 2^28, four times
            row[lane] = pair;
        }
    }
}

/// Folds `sums.len()` rows before and after row `middle` of a ring of rows.
#[inline]
pub(super) fn fold<const L: usize>(
    path: Path,
    ring: &[Row<L>],
    middle: usize,
    sums: &mut [Row<L>],
    differences: &mut [Row<L>],
) {
    for (n, (sum, difference)) in sums.iter_mut().zip(differences).enumerate() {
        let (Some(after), Some(before)) =
            (ring.get((middle + n) % ring.len()), ring.get((middle - 1 - n) % ring.len()))
        else {
            return;
        };
        match path.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 | Kind::Avx512 if L == LANES => x86::fold(after, before, sum, difference),
            _ => fold_portable(after, before, sum, difference),
        }
    }
}

#[inline(always)]
fn fold_portable<const L: usize>(after: &Row<L>, before: &Row<L>, sum: &mut Row<L>, difference: &mut Row<L>) {
    for lane in 0..L {
        let ([a, b], [d, c]) = (after[lane], before[lane]);
        // Samples have 15 bits: cannot wrap.
        sum[lane] = [a.wrapping_add(c), b.wrapping_add(d)];
        difference[lane] = [a.wrapping_sub(c), b.wrapping_sub(d)];
    }
}

/// Computes the dot product of every filter with the rows of every channel.
#[inline]
pub(super) fn correlate<const L: usize, const P: usize>(
    path: Path,
    rows: &[Row<L>; P],
    filters: &[[Tap; P]],
    out: &mut [Dots<L>],
) {
    // As many sums as filters: the vectors take them in chunks.
    let Some(out) = out.get_mut(..filters.len()) else { return };
    match path.0 {
        #[cfg(target_arch = "x86_64")]
        Kind::Avx2 if L == LANES => x86::correlate(rows, filters, out),
        #[cfg(target_arch = "x86_64")]
        Kind::Avx512 if L == LANES => x86::correlate_wide(rows, filters, out),
        _ => correlate_portable(rows, filters, out),
    }
}

fn correlate_portable<const L: usize, const P: usize>(
    rows: &[Row<L>; P],
    filters: &[[Tap; P]],
    out: &mut [Dots<L>],
) {
    for (filter, out) in filters.iter().zip(out) {
        let mut sums = [0_i32; L];
        for (row, tap) in rows.iter().zip(filter) {
            let [s, t] = tap.map(i32::from);
            for lane in 0..L {
                let [a, b] = row[lane].map(i32::from);
                sums[lane] = sums[lane].wrapping_add((a * s).wrapping_add(b * t));
            }
        }
        *out = sums;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clock::Prng;

    /// Blocks of noise, of the largest values, and of both.
    fn blocks(prng: &mut Prng, kind: u64) -> [Block; 16] {
        core::array::from_fn(|_| {
            core::array::from_fn(|_| match kind {
                0 => (prng.next_u64() >> 48) as i16,
                1 if prng.below(2) == 0 => i16::MIN,
                1 => i16::MAX,
                2 => i16::MIN,
                _ => (prng.below(5) as i16) - 2,
            })
        })
    }

    #[test]
    fn every_path_gives_the_same_numbers_to_the_bit() {
        let mut prng = Prng::new(7);
        for round in 0..200 {
            let kind = round % 4;
            let filters: Vec<[Tap; 8]> = (0..1 + round as usize % 15)
                .map(|_| core::array::from_fn(|_| [0, 0].map(|_: i32| (prng.next_u64() >> 48) as i16)))
                .collect();
            let sound = [blocks(&mut prng, kind), blocks(&mut prng, kind)];
            let results = Path::all().map(|path| {
                let mut rows = [[[[0_i16; 2]; 16]; BLOCK_ROWS]; 2];
                let mut energies = [[0; 16]; 2];
                for n in 0..2 {
                    spread(path, &sound[n], &mut rows[n], &mut energies[n]);
                }
                let (mut sums, mut differences) = ([[[0; 2]; 16]; 4], [[[0; 2]; 16]; 4]);
                fold(path, rows.as_flattened(), 8 + 4, &mut sums, &mut differences);
                let mut all = [[[0; 2]; 16]; 8];
                all[..4].copy_from_slice(&sums);
                all[4..].copy_from_slice(&differences);
                let mut dots = vec![[0; 16]; filters.len()];
                correlate(path, &all, &filters, &mut dots);
                (rows, energies, all, dots)
            });
            let results: Vec<_> = results.collect();
            for other in &results[1..] {
                assert_eq!(&results[0], other, "round {round}");
            }
        }
    }

    #[test]
    fn one_channel_alone_has_the_numbers_of_its_place_in_a_group() {
        let mut prng = Prng::new(9);
        let sound = blocks(&mut prng, 0);
        let mut rows = [[[0_i16; 2]; 16]; BLOCK_ROWS];
        let mut energies = [0; 16];
        spread(Path::best(), &sound, &mut rows, &mut energies);
        for lane in 0..16 {
            let mut own = [[[0_i16; 2]; 1]; BLOCK_ROWS];
            let mut energy = [0; 1];
            spread(Path::best(), &[sound[lane]], &mut own, &mut energy);
            assert_eq!(own.map(|row| row[0]), rows.map(|row| row[lane]));
            assert_eq!(energy[0], energies[lane]);
        }
    }
}
