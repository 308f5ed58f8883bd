//! Columns of the Gaussian kernel.

use super::{LANES, LANES_32, fma, fma32};

/// exp of arguments in -inf..=0 to 2 units in the last place; below -700 it gives exp(-700).
#[inline(always)]
pub(super) fn exp_lanes<const FUSED: bool, const N: usize>(x: [f64; N]) -> [f64; N] {
    // Adding 1.5 * 2^52 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    const TERMS: [f64; 12] = [
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    // One loop a step: a loop over whole lanes becomes vector instructions.
    let mut x = x;
    for x in &mut x {
        *x = x.max(-700.0);
    }
    let mut shifted = x;
    for shifted in &mut shifted {
        *shifted = fma::<FUSED>(*shifted, std::f64::consts::LOG2_E, ROUND);
    }
    let mut rest = x;
    for lane in 0..N {
        rest[lane] = fma::<FUSED>(shifted[lane] - ROUND, -LN2_HI, x[lane]);
    }
    for lane in 0..N {
        rest[lane] = fma::<FUSED>(shifted[lane] - ROUND, -LN2_LO, rest[lane]);
    }
    let mut sum = [1.0 / 479_001_600.0; N];
    for term in TERMS {
        for lane in 0..N {
            sum[lane] = fma::<FUSED>(sum[lane], rest[lane], term);
        }
    }
    for lane in 0..N {
        sum[lane] *= f64::from_bits((shifted[lane].to_bits() << 52).wrapping_add(1023 << 52));
    }
    sum
}

/// exp of arguments in -inf..=0 to 2 units in the last place of f32; below -87 it gives exp(-87).
#[inline(always)]
pub(super) fn exp_lanes_f32<const FUSED: bool, const N: usize>(x: [f32; N]) -> [f32; N] {
    // Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HI: f32 = 0.693_359_4;
    const LN2_LO: f32 = -2.121_944_4e-4;
    const TERMS: [f32; 7] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let mut x = x;
    for x in &mut x {
        *x = x.max(-87.0);
    }
    let mut shifted = x;
    for shifted in &mut shifted {
        *shifted = fma32::<FUSED>(*shifted, std::f32::consts::LOG2_E, ROUND);
    }
    let mut rest = x;
    for lane in 0..N {
        rest[lane] = fma32::<FUSED>(shifted[lane] - ROUND, -LN2_HI, x[lane]);
    }
    for lane in 0..N {
        rest[lane] = fma32::<FUSED>(shifted[lane] - ROUND, -LN2_LO, rest[lane]);
    }
    let mut sum = [1.0 / 5_040.0; N];
    for term in TERMS {
        for lane in 0..N {
            sum[lane] = fma32::<FUSED>(sum[lane], rest[lane], term);
        }
    }
    for lane in 0..N {
        sum[lane] *= f32::from_bits((shifted[lane].to_bits() << 23).wrapping_add(127 << 23));
    }
    sum
}

/// -gamma |theta - row|^2 of `LANES` rows from `first` on; 0 beyond the last.
#[inline(always)]
fn exponents<const FUSED: bool>(
    coordinates: &[f64],
    n_row: usize,
    first: usize,
    theta: &[f64],
    gamma: f64,
) -> [f64; LANES] {
    let mut squared = [0.0; LANES];
    for (axis, &at) in theta.iter().enumerate() {
        let start = axis * n_row + first;
        let Some(values) = coordinates.get(start..start + LANES) else { continue };
        for lane in 0..LANES {
            let d = values[lane] - at;
            squared[lane] = fma::<FUSED>(d, d, squared[lane]);
        }
    }
    for value in &mut squared {
        *value *= -gamma;
    }
    squared
}

#[inline(always)]
fn kernel_body<const FUSED: bool>(
    coordinates: &[f64],
    n_row: usize,
    first: usize,
    theta: &[f64],
    gamma: f64,
    out: &mut [f64],
) {
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        let x = exponents::<FUSED>(coordinates, n_row, first + block * LANES, theta, gamma);
        out.copy_from_slice(&exp_lanes::<FUSED, LANES>(x)[..out.len()]);
    }
}

#[inline(always)]
fn kernel_f32_body<const FUSED: bool>(
    coordinates: &[f64],
    n_row: usize,
    first: usize,
    theta: &[f64],
    gamma: f64,
    out: &mut [f32],
) {
    for (block, out) in out.chunks_mut(LANES_32).enumerate() {
        let mut x = [0.0f32; LANES_32];
        for (half, x) in x.chunks_exact_mut(LANES).enumerate() {
            // Differences of labels are taken in f64: theirs are the digits that rounding would cost.
            let first = first + block * LANES_32 + half * LANES;
            let exact = exponents::<FUSED>(coordinates, n_row, first, theta, gamma);
            for lane in 0..LANES {
                x[lane] = exact[lane] as f32;
            }
        }
        out.copy_from_slice(&exp_lanes_f32::<FUSED, LANES_32>(x)[..out.len()]);
    }
}

dispatch! {
    /// Writes exp(-gamma |theta - row|^2) of rows `first..first + out.len()`.
    ///
    /// `coordinates` holds one axis after the other, each of `n_row` values, `n_row` a multiple of eight that is at
    /// least `first + out.len()` rounded up.
    kernel_column = kernel_body(
        coordinates: &[f64], n_row: usize, first: usize, theta: &[f64], gamma: f64, out: &mut [f64],
    )
}

dispatch! {
    /// [`kernel_column`] in f32, to 2e-7.
    kernel_column_f32 = kernel_f32_body(
        coordinates: &[f64], n_row: usize, first: usize, theta: &[f64], gamma: f64, out: &mut [f32],
    )
}
