//! The arithmetic of a full group with the vectors of x86: 8 (AVX2) or 16 channels (AVX-512 with VNNI) at once.
//!
//! Callers have checked the processor: each public function here is reached only through a [`Path`](super::Path) that
//! exists only where the instructions do.
#![expect(unsafe_code, reason = "vector instructions that not every processor has, and loads by pointer")]

use core::arch::x86_64::*;

use tdm::Block;

use super::{BLOCK_ROWS, Dots, LANES, Row, Tap};

/// Rows of a full group as such, whatever the caller's generic says; nothing if it is another number of channels.
fn full<const L: usize>(rows: &[Row<L>]) -> &[Row<LANES>] {
    rows.as_flattened().as_chunks::<LANES>().0
}

fn full_mut<const L: usize>(rows: &mut [Row<L>]) -> &mut [Row<LANES>] {
    rows.as_flattened_mut().as_chunks_mut::<LANES>().0
}

/// As `kernel::spread_portable`.
#[inline]
pub(super) fn spread<const L: usize>(
    blocks: &[Block; L],
    rows: &mut [Row<L>; BLOCK_ROWS],
    energies: &mut [i32; L],
) {
    let (Ok(blocks), Ok(energies)) =
        (<&[Block; LANES]>::try_from(&blocks[..]), (&mut energies[..]).try_into())
    else {
        return;
    };
    if let Ok(rows) = full_mut(rows).try_into() {
        // SAFETY: the path of the caller exists only on processors with AVX2.
        unsafe { spread_avx2(blocks, rows, energies) }
    }
}

#[target_feature(enable = "avx2")]
fn spread_avx2(blocks: &[Block; LANES], rows: &mut [Row<LANES>; BLOCK_ROWS], energies: &mut [i32; LANES]) {
    for half in 0..2 {
        let pair = |n: usize| {
            let low = blocks[8 * half + n].as_ptr().cast::<__m128i>();
            let high = blocks[8 * half + n + 4].as_ptr().cast::<__m128i>();
            // SAFETY: both are blocks of 16 octets; unaligned loads.
            let joined = unsafe { _mm256_set_m128i(_mm_loadu_si128(high), _mm_loadu_si128(low)) };
            _mm256_srai_epi16::<1>(joined)
        };
        let (a, b, c, d) = (pair(0), pair(1), pair(2), pair(3));
        let (ab, ab_high) = (_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
        let (cd, cd_high) = (_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
        let turned = [
            _mm256_unpacklo_epi64(ab, cd),
            _mm256_unpackhi_epi64(ab, cd),
            _mm256_unpacklo_epi64(ab_high, cd_high),
            _mm256_unpackhi_epi64(ab_high, cd_high),
        ];
        let mut energy = _mm256_setzero_si256();
        for (row, value) in rows.iter_mut().zip(turned) {
            energy = _mm256_add_epi32(energy, _mm256_srli_epi32::<1>(_mm256_madd_epi16(value, value)));
            // SAFETY: a row is 64 octets, and `half` is 0 or 1.
            unsafe { _mm256_storeu_si256(row.as_mut_ptr().cast::<__m256i>().add(half), value) };
        }
        // SAFETY: the energies are 64 octets, and `half` is 0 or 1.
        unsafe { _mm256_storeu_si256(energies.as_mut_ptr().cast::<__m256i>().add(half), energy) };
    }
}

/// As `kernel::fold_portable`.
#[inline]
pub(super) fn fold<const L: usize>(
    after: &Row<L>,
    before: &Row<L>,
    sum: &mut Row<L>,
    difference: &mut Row<L>,
) {
    let (Ok(after), Ok(before)) = ((&after[..]).try_into(), (&before[..]).try_into()) else { return };
    let (Ok(sum), Ok(difference)) = ((&mut sum[..]).try_into(), (&mut difference[..]).try_into()) else {
        return;
    };
    // SAFETY: the path of the caller exists only on processors with AVX2.
    unsafe { fold_avx2(after, before, sum, difference) }
}

#[target_feature(enable = "avx2")]
fn fold_avx2(after: &Row<LANES>, before: &Row<LANES>, sum: &mut Row<LANES>, difference: &mut Row<LANES>) {
    for half in 0..2 {
        // SAFETY: rows are 64 octets, and `half` is 0 or 1; all loads and stores are unaligned ones.
        unsafe {
            let after = _mm256_loadu_si256(after.as_ptr().cast::<__m256i>().add(half));
            let before = _mm256_loadu_si256(before.as_ptr().cast::<__m256i>().add(half));
            // The two samples of each pair change places.
            let mirrored = _mm256_or_si256(_mm256_slli_epi32::<16>(before), _mm256_srli_epi32::<16>(before));
            let place = sum.as_mut_ptr().cast::<__m256i>().add(half);
            _mm256_storeu_si256(place, _mm256_add_epi16(after, mirrored));
            let place = difference.as_mut_ptr().cast::<__m256i>().add(half);
            _mm256_storeu_si256(place, _mm256_sub_epi16(after, mirrored));
        }
    }
}

/// As `kernel::correlate_portable`, 8 channels at once.
#[inline]
pub(super) fn correlate<const L: usize, const P: usize>(
    rows: &[Row<L>; P],
    filters: &[[Tap; P]],
    out: &mut [Dots<L>],
) {
    let (Ok(rows), out) = (full(rows).try_into(), out.as_flattened_mut().as_chunks_mut().0) else { return };
    // SAFETY: the path of the caller exists only on processors with AVX2.
    unsafe { correlate_avx2(rows, filters, out) }
}

/// As `kernel::correlate_portable`, 16 channels at once.
#[inline]
pub(super) fn correlate_wide<const L: usize, const P: usize>(
    rows: &[Row<L>; P],
    filters: &[[Tap; P]],
    out: &mut [Dots<L>],
) {
    let (Ok(rows), out) = (full(rows).try_into(), out.as_flattened_mut().as_chunks_mut().0) else { return };
    // SAFETY: the path of the caller exists only on processors with AVX-512 F, BW and VNNI.
    unsafe { correlate_avx512(rows, filters, out) }
}

#[target_feature(enable = "avx2")]
fn correlate_avx2<const P: usize>(rows: &[Row<LANES>; P], filters: &[[Tap; P]], out: &mut [Dots<LANES>]) {
    let (fours, rest) = filters.as_chunks::<4>();
    let (out_fours, out_rest) = out.as_chunks_mut::<4>();
    for (four, out) in fours.iter().zip(out_fours) {
        some_avx2(rows, four, out);
    }
    for (one, out) in rest.iter().zip(out_rest) {
        some_avx2(rows, core::array::from_ref(one), core::array::from_mut(out));
    }
}

/// `N` filters at once: their sums stay in registers.
#[target_feature(enable = "avx2")]
fn some_avx2<const P: usize, const N: usize>(
    rows: &[Row<LANES>; P],
    filters: &[[Tap; P]; N],
    out: &mut [Dots<LANES>; N],
) {
    let mut sums = [[_mm256_setzero_si256(); 2]; N];
    for n in 0..P {
        let row = rows[n].as_ptr().cast::<__m256i>();
        // SAFETY: a row is 64 octets; unaligned loads.
        let [low, high] = unsafe { [_mm256_loadu_si256(row), _mm256_loadu_si256(row.add(1))] };
        for filter in 0..N {
            let tap = _mm256_set1_epi32(both(filters[filter][n]));
            let [a, b] = &mut sums[filter];
            *a = _mm256_add_epi32(*a, _mm256_madd_epi16(low, tap));
            *b = _mm256_add_epi32(*b, _mm256_madd_epi16(high, tap));
        }
    }
    for (out, [a, b]) in out.iter_mut().zip(sums) {
        let place = out.as_mut_ptr().cast::<__m256i>();
        // SAFETY: the sums of a filter are 64 octets; unaligned stores.
        unsafe {
            _mm256_storeu_si256(place, a);
            _mm256_storeu_si256(place.add(1), b);
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn correlate_avx512<const P: usize>(rows: &[Row<LANES>; P], filters: &[[Tap; P]], out: &mut [Dots<LANES>]) {
    let (eights, rest) = filters.as_chunks::<8>();
    let (out_eights, out_rest) = out.as_chunks_mut::<8>();
    for (eight, out) in eights.iter().zip(out_eights) {
        some_avx512(rows, eight, out);
    }
    let (threes, rest) = rest.as_chunks::<3>();
    let (out_threes, out_rest) = out_rest.as_chunks_mut::<3>();
    for (three, out) in threes.iter().zip(out_threes) {
        some_avx512(rows, three, out);
    }
    for (one, out) in rest.iter().zip(out_rest) {
        some_avx512(rows, core::array::from_ref(one), core::array::from_mut(out));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn some_avx512<const P: usize, const N: usize>(
    rows: &[Row<LANES>; P],
    filters: &[[Tap; P]; N],
    out: &mut [Dots<LANES>; N],
) {
    let mut sums = [_mm512_setzero_si512(); N];
    for n in 0..P {
        // SAFETY: a row is 64 octets; an unaligned load.
        let row = unsafe { _mm512_loadu_si512(rows[n].as_ptr().cast::<__m512i>()) };
        for filter in 0..N {
            // Adds without saturation, as the others.
            sums[filter] =
                _mm512_dpwssd_epi32(sums[filter], row, _mm512_set1_epi32(both(filters[filter][n])));
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        // SAFETY: the sums of a filter are 64 octets; an unaligned store.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast::<__m512i>(), sum) };
    }
}

/// A pair of coefficients as it lies in memory.
#[inline(always)]
fn both(tap: Tap) -> i32 {
    let [a, b] = tap.map(i16::to_ne_bytes);
    i32::from_ne_bytes([a[0], a[1], b[0], b[1]])
}
