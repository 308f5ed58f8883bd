//! Products of two panels: the loop that a factorization spends its time in.
//!
//! A panel holds some columns of a matrix, one row after the other, so that both factors are read forward.

use super::{fma, fma32};

/// Rows of one tile.
pub(in super::super) const TILE_ROWS: usize = 8;
/// Columns of a panel of f32.
pub(in super::super) const WIDTH_32: usize = 32;
/// Columns of a panel of f64.
pub(in super::super) const WIDTH_64: usize = 16;

/// Defines the product for one kind of number.
macro_rules! tile {
    (
        $kind:ty, $width:ident, $fma:path, $lanes:literal, $name:ident, $portable:ident, $wide:ident,
        $zero:ident, $load:ident, $store:ident, $spread:ident, $multiply_add:ident, $subtract:ident
    ) => {
        /// The portable loop: eight rows of eight numbers stay in registers, of sixteen they do not.
        #[inline(always)]
        fn $portable<const FUSED: bool>(
            left: &[$kind],
            right: &[$kind],
            first: usize,
            out: &mut [[$kind; $width]; TILE_ROWS],
        ) {
            const NARROW: usize = 8;
            let pairs = || left.as_chunks::<$width>().0.iter().zip(right.as_chunks::<$width>().0);
            for part in (0..$width).step_by(NARROW) {
                let mut sums = [[0.0 as $kind; NARROW]; TILE_ROWS];
                for (left, right) in pairs() {
                    let (Some(left), Some(right)) = (
                        left[first..].first_chunk::<TILE_ROWS>(),
                        right[part..].first_chunk::<NARROW>(),
                    ) else {
                        continue;
                    };
                    for (&weight, sum) in left.iter().zip(&mut sums) {
                        let mut own = *sum;
                        for lane in 0..NARROW {
                            own[lane] = $fma(weight, right[lane], own[lane]);
                        }
                        *sum = own;
                    }
                }
                for (out, sum) in out.iter_mut().zip(&sums) {
                    for lane in 0..NARROW {
                        out[part + lane] -= sum[lane];
                    }
                }
            }
        }

        /// The same with 512-bit registers named, because the compiler splits arrays of their size.
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma,avx2")]
        fn $wide(
            left: &[$kind],
            right: &[$kind],
            first: usize,
            out: &mut [[$kind; $width]; TILE_ROWS],
        ) {
            use std::arch::x86_64::{$load, $multiply_add, $spread, $store, $subtract, $zero};
            let mut sums = [[$zero(); 2]; TILE_ROWS];
            let pairs = left.as_chunks::<$width>().0.iter().zip(right.as_chunks::<$width>().0);
            for (left, right) in pairs {
                let Some(left) = left[first..].first_chunk::<TILE_ROWS>() else { continue };
                // SAFETY: `right` has twice the lanes of a register.
                let (low, high) =
                    unsafe { ($load(right.as_ptr()), $load(right.as_ptr().add($lanes))) };
                for (&weight, sum) in left.iter().zip(&mut sums) {
                    let weight = $spread(weight);
                    *sum =
                        [$multiply_add(weight, low, sum[0]), $multiply_add(weight, high, sum[1])];
                }
            }
            for (out, sums) in out.iter_mut().zip(&sums) {
                // SAFETY: `out` has twice the lanes of a register.
                unsafe {
                    let (low, high) = (out.as_mut_ptr(), out.as_mut_ptr().add($lanes));
                    $store(low, $subtract($load(low), sums[0]));
                    $store(high, $subtract($load(high), sums[1]));
                }
            }
        }

        /// Subtracts from `out[a][b]` the sum over rows k of `left[k][first + a] * right[k][b]`.
        pub(in super::super) fn $name(
            left: &[$kind],
            right: &[$kind],
            first: usize,
            out: &mut [[$kind; $width]; TILE_ROWS],
        ) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn middle(
                    left: &[$kind],
                    right: &[$kind],
                    first: usize,
                    out: &mut [[$kind; $width]; TILE_ROWS],
                ) {
                    $portable::<true>(left, right, first, out);
                }
                match super::instruction_set() {
                    // SAFETY: the features were found on this machine just now.
                    super::InstructionSet::Avx512 => {
                        return unsafe { $wide(left, right, first, out) };
                    }
                    // SAFETY: as above.
                    super::InstructionSet::Avx2 => {
                        return unsafe { middle(left, right, first, out) };
                    }
                    super::InstructionSet::Baseline => {}
                }
            }
            $portable::<false>(left, right, first, out);
        }
    };
}

tile!(
    f32,
    WIDTH_32,
    fma32::<FUSED>,
    16,
    subtract_product_f32,
    portable_f32,
    wide_f32,
    _mm512_setzero_ps,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_fmadd_ps,
    _mm512_sub_ps
);
tile!(
    f64,
    WIDTH_64,
    fma::<FUSED>,
    8,
    subtract_product_f64,
    portable_f64,
    wide_f64,
    _mm512_setzero_pd,
    _mm512_loadu_pd,
    _mm512_storeu_pd,
    _mm512_set1_pd,
    _mm512_fmadd_pd,
    _mm512_sub_pd
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_panels_equal_their_definition_on_every_instruction_set() {
        let n_row = 37;
        let value = |i: usize| ((i * 7919 % 1009) as f64 / 504.5) - 1.0;
        let left: Vec<f64> = (0..n_row * WIDTH_32).map(value).collect();
        let right: Vec<f64> = (0..n_row * WIDTH_32).map(|i| value(i + 31)).collect();
        let narrow = |values: &[f64]| -> Vec<f32> { values.iter().map(|&v| v as f32).collect() };
        let first = 16;
        let (mut plain, mut chosen) =
            ([[1.0f32; WIDTH_32]; TILE_ROWS], [[1.0; WIDTH_32]; TILE_ROWS]);
        portable_f32::<false>(&narrow(&left), &narrow(&right), first, &mut plain);
        subtract_product_f32(&narrow(&left), &narrow(&right), first, &mut chosen);
        let exact = |width: usize, first: usize, a: usize, b: usize| {
            let at = |k: usize| left[k * width + first + a] * right[k * width + b];
            1.0 - (0..left.len() / width).map(at).sum::<f64>()
        };
        for a in 0..TILE_ROWS {
            for b in 0..WIDTH_32 {
                let exact = exact(WIDTH_32, first, a, b);
                assert!((f64::from(plain[a][b]) - exact).abs() < 1e-4, "{a} {b}");
                assert!((f64::from(chosen[a][b]) - exact).abs() < 1e-4, "{a} {b}");
            }
        }
        let (mut plain, mut chosen) = ([[1.0; WIDTH_64]; TILE_ROWS], [[1.0; WIDTH_64]; TILE_ROWS]);
        portable_f64::<false>(&left, &right, 8, &mut plain);
        subtract_product_f64(&left, &right, 8, &mut chosen);
        for a in 0..TILE_ROWS {
            for b in 0..WIDTH_64 {
                let exact = exact(WIDTH_64, 8, a, b);
                assert!((plain[a][b] - exact).abs() < 1e-12, "{a} {b}");
                assert!((chosen[a][b] - exact).abs() < 1e-12, "{a} {b}");
            }
        }
    }
}
