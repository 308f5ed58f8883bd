//! Columns of the Gaussian kernel.

use super::{LANES, LANES_32, fma, fma32};

/// Defines exp of lanes: a power of two times a polynomial, the Taylor series to the digits of the type.
macro_rules! exp_lanes {
    (
        $(#[$about:meta])*
        $name:ident: $float:ident with $fma:ident, least: $least:literal, ln2: $ln2_hi:literal + $ln2_lo:literal,
        factorials: $first:literal, [$($factorial:literal),*]
    ) => {
        $(#[$about])*
        #[inline(always)]
        pub(super) fn $name<const FUSED: bool, const N: usize>(x: [$float; N]) -> [$float; N] {
            const STORED_DIGITS: u32 = $float::MANTISSA_DIGITS - 1;
            // Adding it rounds to the nearest integer and leaves that in the low bits.
            const ROUND: $float = 1.5 * (1u64 << STORED_DIGITS) as $float;
            // One loop a step: a loop over whole lanes becomes vector instructions.
            let mut x = x;
            for x in &mut x {
                *x = x.max($least);
            }
            let mut shifted = x;
            for shifted in &mut shifted {
                *shifted = $fma::<FUSED>(*shifted, std::$float::consts::LOG2_E, ROUND);
            }
            let mut rest = x;
            for lane in 0..N {
                rest[lane] = $fma::<FUSED>(shifted[lane] - ROUND, -$ln2_hi, x[lane]);
            }
            for lane in 0..N {
                rest[lane] = $fma::<FUSED>(shifted[lane] - ROUND, -$ln2_lo, rest[lane]);
            }
            let mut sum = [1.0 / $first; N];
            for factorial in [$($factorial),*] {
                let term = 1.0 / factorial;
                for lane in 0..N {
                    sum[lane] = $fma::<FUSED>(sum[lane], rest[lane], term);
                }
            }
            // The bias of the exponent in its place.
            let one = $float::to_bits(1.0);
            for lane in 0..N {
                let power = (shifted[lane].to_bits() << STORED_DIGITS).wrapping_add(one);
                sum[lane] *= $float::from_bits(power);
            }
            sum
        }
    };
}

exp_lanes! {
    /// exp of arguments in -inf..=0 to 2 units in the last place; below -700 it gives exp(-700).
    exp_lanes: f64 with fma, least: -700.0, ln2: 6.931_471_803_691_238e-1 + 1.908_214_929_270_587_7e-10,
    factorials: 479_001_600.0, [
        39_916_800.0, 3_628_800.0, 362_880.0, 40_320.0, 5_040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0
    ]
}

exp_lanes! {
    /// exp of arguments in -inf..=0 to 2 units in the last place of f32; below -87 it gives exp(-87).
    exp_lanes_f32: f32 with fma32, least: -87.0, ln2: 0.693_359_4 + -2.121_944_4e-4,
    factorials: 5_040.0, [720.0, 120.0, 24.0, 6.0, 2.0, 1.0, 1.0]
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
