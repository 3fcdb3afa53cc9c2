//! The lanes as AVX2 registers with FMA: the only `unsafe` code of the crate.
//!
//! Place on the path: `lanes.rs` says what the operations are. How: an [`Avx`] is made and used only inside functions that
//! [`process`] compiles with `avx2` and `fma` switched on, after the processor was asked once. Everything
//! inlines into those. Limits: x86-64 only; elsewhere the portable form runs.
#![expect(unsafe_code, reason = "rule D6: a marked DSP kernel, vector registers measured to pay")]

use core::arch::x86_64::{
    __m256, _CMP_ORD_Q, _MM_HINT_T0, _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_load_si128, _mm_loadu_si128,
    _mm_movehl_ps, _mm_packs_epi32, _mm_packus_epi32, _mm_prefetch, _mm_shuffle_ps, _mm_store_si128,
    _mm_storeu_si128, _mm256_add_epi32, _mm256_add_ps, _mm256_and_ps, _mm256_castps_si256,
    _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_castsi256_si128, _mm256_cmp_ps,
    _mm256_cvtepi16_epi32, _mm256_cvtepi32_ps, _mm256_cvtepu16_epi32, _mm256_cvtps_epi32, _mm256_div_ps,
    _mm256_extractf128_ps, _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_fnmadd_ps, _mm256_hadd_ps,
    _mm256_load_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps, _mm256_permute2f128_ps,
    _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_slli_epi32,
    _mm256_srli_epi32, _mm256_store_ps, _mm256_storeu_ps, _mm256_sub_ps, _mm256_unpackhi_ps,
    _mm256_unpacklo_ps,
};

use tdm::Block;

use super::lanes::{H, LANES, Lanes, V};
use super::{CHANNELS, EchoBank};

/// Runs the bank's work on vector registers. The bank calls this only after it has asked the processor.
#[inline]
pub fn process(bank: &mut EchoBank, sent: &[Block; CHANNELS], received: &mut [Block; CHANNELS]) {
    debug_assert!(super::is_fast());
    // SAFETY: `EchoBank::fast`, the only way here, is true only where the processor has AVX2 and FMA.
    unsafe { process_avx(bank, sent, received) }
}

#[target_feature(enable = "avx2,fma")]
fn process_avx(bank: &mut EchoBank, sent: &[Block; CHANNELS], received: &mut [Block; CHANNELS]) {
    bank.process_on::<Avx>(sent, received);
}

/// Eight lanes in one register.
#[derive(Clone, Copy)]
pub struct Avx(__m256);

impl Lanes for Avx {
    #[inline(always)]
    fn load(from: &V) -> Self {
        // SAFETY: `V` is 32 bytes, aligned to 32; AVX is on wherever an `Avx` is made (module header).
        Avx(unsafe { _mm256_load_ps(from.0.as_ptr()) })
    }
    #[inline(always)]
    fn store(self, to: &mut V) {
        // SAFETY: as `load`.
        unsafe { _mm256_store_ps(to.0.as_mut_ptr(), self.0) }
    }
    #[inline(always)]
    fn load_half(from: &H) -> Self {
        // SAFETY: `H` is 16 bytes, aligned to 16; as `load`.
        Avx(unsafe {
            let halves = _mm_load_si128(from.0.as_ptr().cast());
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves)))
        })
    }
    #[inline(always)]
    fn store_half(self, to: &mut H) {
        // SAFETY: as `load_half`.
        unsafe {
            let rounded = _mm256_add_epi32(_mm256_castps_si256(self.0), _mm256_set1_epi32(0x8000));
            let halves = _mm256_srli_epi32::<16>(rounded);
            let both =
                _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256::<1>(halves));
            _mm_store_si128(to.0.as_mut_ptr().cast(), both);
        }
    }
    #[inline(always)]
    fn load_at(from: &[f32], at: usize) -> Self {
        match from.get(at..at + LANES) {
            // SAFETY: eight floats are there; the load needs no alignment.
            Some(part) => Avx(unsafe { _mm256_loadu_ps(part.as_ptr()) }),
            // SAFETY: touches no memory.
            None => Avx(unsafe { _mm256_setzero_ps() }),
        }
    }
    #[inline(always)]
    fn store_at(self, to: &mut [f32], at: usize) {
        if let Some(part) = to.get_mut(at..at + LANES) {
            // SAFETY: eight floats are there; the store needs no alignment.
            unsafe { _mm256_storeu_ps(part.as_mut_ptr(), self.0) }
        }
    }
    #[inline(always)]
    fn load_block(from: &Block) -> Self {
        // SAFETY: a block is 16 bytes; an unaligned load. As `load`.
        Avx(unsafe { _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(from.as_ptr().cast()))) })
    }
    #[inline(always)]
    fn store_block(self, to: &mut Block) {
        // SAFETY: as `load_block`. A float that no integer holds would become the least one: those above are held back, and what is
        // not a number is nothing, as in the portable form.
        unsafe {
            let number = _mm256_and_ps(self.0, _mm256_cmp_ps::<_CMP_ORD_Q>(self.0, self.0));
            let whole = _mm256_cvtps_epi32(_mm256_min_ps(number, _mm256_set1_ps(32_767.0)));
            let both = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
            _mm_storeu_si128(to.as_mut_ptr().cast(), both);
        }
    }
    #[inline(always)]
    fn transpose(rows: [Self; LANES]) -> [Self; LANES] {
        // SAFETY: as `splat`, which touches no memory either.
        unsafe {
            let mut pairs = [_mm256_setzero_ps(); LANES];
            for i in (0..LANES).step_by(2) {
                pairs[i] = _mm256_unpacklo_ps(rows[i].0, rows[i + 1].0);
                pairs[i + 1] = _mm256_unpackhi_ps(rows[i].0, rows[i + 1].0);
            }
            let mut columns = rows;
            for i in 0..2 {
                let low = _mm256_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]);
                let high = _mm256_shuffle_ps::<0x44>(pairs[i + 4], pairs[i + 6]);
                columns[2 * i] = Avx(_mm256_permute2f128_ps::<0x20>(low, high));
                columns[2 * i + 4] = Avx(_mm256_permute2f128_ps::<0x31>(low, high));
                let low = _mm256_shuffle_ps::<0xee>(pairs[i], pairs[i + 2]);
                let high = _mm256_shuffle_ps::<0xee>(pairs[i + 4], pairs[i + 6]);
                columns[2 * i + 1] = Avx(_mm256_permute2f128_ps::<0x20>(low, high));
                columns[2 * i + 5] = Avx(_mm256_permute2f128_ps::<0x31>(low, high));
            }
            columns
        }
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        // SAFETY: touches no memory; AVX is on (module header). The same holds for all below.
        Avx(unsafe { _mm256_set1_ps(value) })
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as `splat`.
        Avx(unsafe { _mm256_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: as `splat`.
        Avx(unsafe { _mm256_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: as `splat`.
        Avx(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        // SAFETY: as `splat`.
        Avx(unsafe { _mm256_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // SAFETY: as `splat`.
        Avx(unsafe { _mm256_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        // SAFETY: as `splat`.
        Avx(unsafe { _mm256_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, term: Self) -> Self {
        // SAFETY: as `splat`; FMA is on as well.
        Avx(unsafe { _mm256_fmadd_ps(self.0, factor.0, term.0) })
    }
    #[inline(always)]
    fn mul_sub_from(self, factor: Self, term: Self) -> Self {
        // SAFETY: as `splat`; FMA is on as well.
        Avx(unsafe { _mm256_fnmadd_ps(self.0, factor.0, term.0) })
    }
    #[inline(always)]
    fn fetch<T>(of: &T) {
        // SAFETY: a hint, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(of).cast()) }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: as `splat`.
        unsafe {
            let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps(self.0, 1));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)))
        }
    }
    #[inline(always)]
    fn sums(of: &[Self; LANES]) -> Self {
        let [a, b, c, d, e, f, g, h] = of;
        // SAFETY: as `splat`.
        Avx(unsafe {
            let abcd = _mm256_hadd_ps(_mm256_hadd_ps(a.0, b.0), _mm256_hadd_ps(c.0, d.0));
            let efgh = _mm256_hadd_ps(_mm256_hadd_ps(e.0, f.0), _mm256_hadd_ps(g.0, h.0));
            let low = _mm256_permute2f128_ps(abcd, efgh, 0x20);
            let high = _mm256_permute2f128_ps(abcd, efgh, 0x31);
            _mm256_add_ps(low, high)
        })
    }
}
