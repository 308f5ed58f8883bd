//! The inner loops of prediction, written over runs of pixels so that the compiler can use vectors.
//!
//! Sums go over lanes in a fixed order, whatever the machine. Where the processor has AVX2 and FMA the same loops are
//! compiled for them; a fused product rounds once, so results are identical within a class of machine and agree to
//! rounding between classes.

use ndarray::{Array1, Array2};

use super::super::least_squares::NormalEquations;
use super::Loss;

/// Pixels of a run; arrays are padded with zeros to a multiple of it.
pub(super) const LANES: usize = 16;
/// Runs whose moments are added up at a time.
const RUNS: usize = 4;
/// Partial sums in double precision.
const SUMS: usize = 4;

/// Rounds a number of pixels up to whole runs.
pub(super) fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}

/// One star's spectrum in evaluation order, padded with zero weights; all `(n_slot,)`.
#[derive(Debug, Clone, Default)]
pub(super) struct LaneSpectrum {
    /// Scaled flux.
    pub flux: Vec<f64>,
    /// Inverse of photon plus model variance.
    pub weight: Vec<f64>,
    /// The same with the intrinsic model variance, whatever the fit uses.
    pub intrinsic: Vec<f64>,
}

/// What one evaluation says of a spectrum.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PixelSums {
    pub equations: NormalEquations,
    /// Chi-square with the intrinsic weights.
    pub chi2_intrinsic: f64,
}

/// A flux plane's number.
pub(super) trait Plane: Copy {
    fn wide(self) -> f64;
}

impl Plane for f32 {
    fn wide(self) -> f64 {
        f64::from(self)
    }
}

impl Plane for f64 {
    fn wide(self) -> f64 {
        self
    }
}

pub(super) fn has_fma() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// a b + c; fused only where the loop is compiled for it, a software fused product being slow.
#[inline(always)]
fn multiply_add<const FMA: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FMA { a.mul_add(b, c) } else { a * b + c }
}

/// Where results go in a plane.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runs {
    /// First slot.
    pub first: usize,
    /// Slots of a plane.
    pub n_slot: usize,
}

/// Sums polynomials into the slots `runs` of `planes`, `(n_plane, n_slot)`, from `coefficients`,
/// `(n_run, n_coefficient, LANES)`, and `weights`, `(n_coefficient, n_plane)`. Two to four planes.
pub(super) fn polynomials(
    coefficients: &[f32],
    weights: &[f32],
    n_plane: usize,
    runs: Runs,
    planes: &mut [f32],
) {
    match n_plane {
        2 => polynomials_of::<2>(coefficients, weights, runs, planes),
        3 => polynomials_of::<3>(coefficients, weights, runs, planes),
        _ => polynomials_of::<4>(coefficients, weights, runs, planes),
    }
}

fn polynomials_of<const P: usize>(
    coefficients: &[f32],
    weights: &[f32],
    runs: Runs,
    planes: &mut [f32],
) {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: `has_fma` has seen that the processor has both features.
        return unsafe { polynomials_wide::<P>(coefficients, weights, runs, planes) };
    }
    polynomials_body::<false, P>(coefficients, weights, runs, planes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn polynomials_wide<const P: usize>(
    coefficients: &[f32],
    weights: &[f32],
    runs: Runs,
    planes: &mut [f32],
) {
    polynomials_body::<true, P>(coefficients, weights, runs, planes);
}

#[inline(always)]
fn polynomials_body<const FMA: bool, const P: usize>(
    coefficients: &[f32],
    weights: &[f32],
    runs: Runs,
    planes: &mut [f32],
) {
    let n_coefficient = weights.len() / P;
    for (run, block) in coefficients.chunks_exact(n_coefficient * LANES).enumerate() {
        let mut sums = [[0.0f32; LANES]; P];
        for (row, weight) in block.chunks_exact(LANES).zip(weights.chunks_exact(P)) {
            for (sum, &w) in sums.iter_mut().zip(weight) {
                for lane in 0..LANES {
                    sum[lane] = multiply_add::<FMA>(w, row[lane], sum[lane]);
                }
            }
        }
        for (plane, sum) in sums.iter().enumerate() {
            let first = plane * runs.n_slot + runs.first + run * LANES;
            planes[first..first + LANES].copy_from_slice(sum);
        }
    }
}

/// Cost, gradient and Gauss-Newton matrix of `planes`, `(1 + n_label, n_slot)`, against `spectrum`. Writes to
/// `pulls`, `(n_slot,)`, the derivative of the cost by each flux.
pub(super) fn pixel_sums<T: Plane>(
    planes: &[T],
    n_label: usize,
    spectrum: &LaneSpectrum,
    loss: Loss,
    pulls: &mut Vec<f32>,
) -> PixelSums {
    pulls.resize(spectrum.flux.len(), 0.0);
    match (n_label, loss) {
        (1, Loss::Linear) => sums_of::<T, 1, true>(planes, spectrum, pulls),
        (2, Loss::Linear) => sums_of::<T, 2, true>(planes, spectrum, pulls),
        (3, Loss::Linear) => sums_of::<T, 3, true>(planes, spectrum, pulls),
        (4, Loss::Linear) => sums_of::<T, 4, true>(planes, spectrum, pulls),
        (1, Loss::SoftL1) => sums_of::<T, 1, false>(planes, spectrum, pulls),
        (2, Loss::SoftL1) => sums_of::<T, 2, false>(planes, spectrum, pulls),
        (3, Loss::SoftL1) => sums_of::<T, 3, false>(planes, spectrum, pulls),
        (4, Loss::SoftL1) => sums_of::<T, 4, false>(planes, spectrum, pulls),
        _ => sums_of_many(planes, n_label, spectrum, loss, pulls),
    }
}

fn sums_of<T: Plane, const N: usize, const LINEAR: bool>(
    planes: &[T],
    spectrum: &LaneSpectrum,
    pulls: &mut [f32],
) -> PixelSums {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: `has_fma` has seen that the processor has both features.
        return unsafe { sums_wide::<T, N, LINEAR>(planes, spectrum, pulls) };
    }
    sums_body::<T, N, LINEAR>(planes, spectrum, pulls)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn sums_wide<T: Plane, const N: usize, const LINEAR: bool>(
    planes: &[T],
    spectrum: &LaneSpectrum,
    pulls: &mut [f32],
) -> PixelSums {
    sums_body::<T, N, LINEAR>(planes, spectrum, pulls)
}

#[inline(always)]
fn sums_body<T: Plane, const N: usize, const LINEAR: bool>(
    planes: &[T],
    spectrum: &LaneSpectrum,
    pulls: &mut [f32],
) -> PixelSums {
    let loss = if LINEAR { Loss::Linear } else { Loss::SoftL1 };
    let stride = spectrum.flux.len();
    let mut cost = [0.0; SUMS];
    let mut intrinsic = [0.0; SUMS];
    let mut gradient = [[0.0; SUMS]; N];
    let mut hessian = [[[0.0; SUMS]; N]; N];
    let slopes: [&[T]; N] = std::array::from_fn(|l| &planes[(l + 1) * stride..(l + 2) * stride]);
    let runs = planes[..stride].chunks_exact(SUMS).zip(pulls.chunks_exact_mut(SUMS));
    for (run, (model, pull)) in runs.enumerate() {
        let here = run * SUMS..(run + 1) * SUMS;
        let (flux, weights) = (&spectrum.flux[here.clone()], &spectrum.weight[here.clone()]);
        let judged = &spectrum.intrinsic[here.clone()];
        let slope: [&[T]; N] = std::array::from_fn(|l| &slopes[l][here.clone()]);
        for lane in 0..SUMS {
            let residual = model[lane].wide() - flux[lane];
            let weight = weights[lane];
            let (value, by_gradient, by_hessian) = loss.of(weight * residual * residual);
            cost[lane] += value;
            intrinsic[lane] += judged[lane] * residual * residual;
            let pulled = weight * by_gradient * residual;
            pull[lane] = pulled as f32;
            for a in 0..N {
                let at = slope[a][lane].wide();
                gradient[a][lane] += pulled * at;
                for b in 0..=a {
                    hessian[a][b][lane] += weight * by_hessian * at * slope[b][lane].wide();
                }
            }
        }
    }
    let total = |sums: [f64; SUMS]| (sums[0] + sums[1]) + (sums[2] + sums[3]);
    PixelSums {
        equations: NormalEquations {
            cost: total(cost),
            gradient: gradient.iter().map(|&g| total(g)).collect(),
            hessian: Array2::from_shape_fn((N, N), |(a, b)| total(hessian[a.max(b)][a.min(b)])),
            curvature: None,
        },
        chi2_intrinsic: total(intrinsic),
    }
}

/// The same for any number of labels.
fn sums_of_many<T: Plane>(
    planes: &[T],
    n_label: usize,
    spectrum: &LaneSpectrum,
    loss: Loss,
    pulls: &mut [f32],
) -> PixelSums {
    let stride = spectrum.flux.len();
    let mut sums = PixelSums {
        equations: NormalEquations {
            cost: 0.0,
            gradient: Array1::zeros(n_label),
            hessian: Array2::zeros((n_label, n_label)),
            curvature: None,
        },
        chi2_intrinsic: 0.0,
    };
    for j in 0..stride {
        let residual = planes[j].wide() - spectrum.flux[j];
        let weight = spectrum.weight[j];
        let (value, by_gradient, by_hessian) = loss.of(weight * residual * residual);
        sums.equations.cost += value;
        sums.chi2_intrinsic += spectrum.intrinsic[j] * residual * residual;
        pulls[j] = (weight * by_gradient * residual) as f32;
        let slope = |l: usize| planes[(l + 1) * stride + j].wide();
        for a in 0..n_label {
            let weighted = weight * slope(a);
            sums.equations.gradient[a] += weighted * by_gradient * residual;
            for b in 0..n_label {
                sums.equations.hessian[[a, b]] += weighted * by_hessian * slope(b);
            }
        }
    }
    sums
}

/// Adds up `coefficients`, `(n_run, n_coefficient, LANES)`, over pixels, each times its pull, `(n_run LANES,)`;
/// `(n_coefficient,)`.
pub(super) fn moments(coefficients: &[f32], pulls: &[f32], n_coefficient: usize) -> Vec<f32> {
    let mut sums = vec![0.0; n_coefficient * LANES];
    moments_of(coefficients, pulls, &mut sums);
    sums.chunks_exact(LANES).map(|lanes| lanes.iter().sum()).collect()
}

fn moments_of(coefficients: &[f32], pulls: &[f32], sums: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: `has_fma` has seen that the processor has both features.
        return unsafe { moments_wide(coefficients, pulls, sums) };
    }
    moments_body::<false>(coefficients, pulls, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn moments_wide(coefficients: &[f32], pulls: &[f32], sums: &mut [f32]) {
    moments_body::<true>(coefficients, pulls, sums);
}

#[inline(always)]
fn moments_body<const FMA: bool>(coefficients: &[f32], pulls: &[f32], sums: &mut [f32]) {
    let size = sums.len();
    let blocks = coefficients.chunks_exact(RUNS * size);
    let (last, last_pulls) = (blocks.remainder(), blocks.len() * RUNS * LANES);
    for (block, pulls) in blocks.zip(pulls.chunks_exact(RUNS * LANES)) {
        add_moments::<FMA, RUNS>(block, pulls, sums);
    }
    for (block, pulls) in last.chunks_exact(size).zip(pulls[last_pulls..].chunks_exact(LANES)) {
        add_moments::<FMA, 1>(block, pulls, sums);
    }
}

/// Adds those of `N` runs, so that a sum is fetched and put back once for all of them.
#[inline(always)]
fn add_moments<const FMA: bool, const N: usize>(block: &[f32], pulls: &[f32], sums: &mut [f32]) {
    let size = sums.len();
    for (row, sum) in sums.chunks_exact_mut(LANES).enumerate() {
        for run in 0..N {
            let first = run * size + row * LANES;
            let (row, pull) =
                (&block[first..first + LANES], &pulls[run * LANES..(run + 1) * LANES]);
            for lane in 0..LANES {
                sum[lane] = multiply_add::<FMA>(pull[lane], row[lane], sum[lane]);
            }
        }
    }
}

/// Sum of weight (flux - model)^2 over one model spectrum, all of a length that is a multiple of [`LANES`].
pub(super) fn weighted_squares(flux: &[f32], weight: &[f32], model: &[f32]) -> f32 {
    #[cfg(target_arch = "x86_64")]
    if has_fma() {
        // SAFETY: `has_fma` has seen that the processor has both features.
        return unsafe { squares_wide(flux, weight, model) };
    }
    squares_body::<false>(flux, weight, model)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn squares_wide(flux: &[f32], weight: &[f32], model: &[f32]) -> f32 {
    squares_body::<true>(flux, weight, model)
}

#[inline(always)]
fn squares_body<const FMA: bool>(flux: &[f32], weight: &[f32], model: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let runs = flux.chunks_exact(LANES).zip(weight.chunks_exact(LANES));
    for ((f, w), m) in runs.zip(model.chunks_exact(LANES)) {
        for lane in 0..LANES {
            let residual = f[lane] - m[lane];
            sums[lane] = multiply_add::<FMA>(w[lane] * residual, residual, sums[lane]);
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spectrum(n: usize) -> LaneSpectrum {
        let of = |a: f64| (0..n).map(|j| (a * j as f64).sin() + 1.5).collect::<Vec<f64>>();
        LaneSpectrum { flux: of(0.7), weight: of(0.3), intrinsic: of(0.1) }
    }

    #[test]
    fn fixed_and_open_numbers_of_labels_agree() {
        let (n, spectrum) = (padded(50), spectrum(64));
        assert_eq!(n, 64);
        for n_label in 1..=4 {
            let planes: Vec<f64> =
                (0..n * (1 + n_label)).map(|i| (0.37 * i as f64).cos()).collect();
            for loss in [Loss::Linear, Loss::SoftL1] {
                let (mut pulls, mut others) = (Vec::new(), vec![0.0; n]);
                let a = pixel_sums(&planes, n_label, &spectrum, loss, &mut pulls);
                let b = sums_of_many(&planes, n_label, &spectrum, loss, &mut others);
                assert!(pulls.iter().zip(&others).all(|(a, b)| (a - b).abs() < 1e-6));
                assert!((a.equations.cost - b.equations.cost).abs() < 1e-10);
                assert!((a.chi2_intrinsic - b.chi2_intrinsic).abs() < 1e-10);
                let off = (&a.equations.hessian - &b.equations.hessian).mapv(f64::abs);
                assert!(off.iter().all(|d| *d < 1e-10));
                assert_eq!(a.equations.hessian, a.equations.hessian.t());
            }
        }
    }

    #[test]
    fn polynomials_and_squares_equal_their_plain_sums() {
        let (n, n_coefficient, n_plane) = (32, 3, 4);
        let value = |i: usize| ((i * 7919 % 101) as f32) / 101.0 - 0.5;
        let coefficients: Vec<f32> = (0..n * n_coefficient).map(value).collect();
        let weights: Vec<f32> = (0..n_coefficient * n_plane).map(|i| value(i + 5)).collect();
        let mut planes = vec![0.0; n * n_plane];
        polynomials(&coefficients, &weights, n_plane, Runs { first: 0, n_slot: n }, &mut planes);
        for (at, got) in planes.iter().enumerate() {
            let (plane, pixel) = (at / n, at % n);
            let sum: f32 = (0..n_coefficient)
                .map(|c| {
                    let run = pixel / LANES * n_coefficient + c;
                    weights[c * n_plane + plane] * coefficients[run * LANES + pixel % LANES]
                })
                .sum();
            assert!((got - sum).abs() < 1e-6);
        }
        let plain: f32 =
            (0..n).map(|j| weights[j % 12] * (planes[j] - planes[j + n]).powi(2)).sum();
        let w: Vec<f32> = (0..n).map(|j| weights[j % 12]).collect();
        assert!((weighted_squares(&planes[..n], &w, &planes[n..2 * n]) - plain).abs() < 1e-5);
    }
}
