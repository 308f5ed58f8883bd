//! The same spectra from fewer centers.
//!
//! A model of n_train Gaussians is projected, in the norm of its kernel, onto the Gaussians about some of the training
//! stars. These are taken in the order in which each is the farthest from those before it, which for smooth kernels is
//! as good as the pivots of a Cholesky factorization and much cheaper; one that those before it already represent is
//! passed over. It ends where the kernel functions of a sample of stars are represented within `tolerance` (squared
//! norm). Costs r^3 + n_group n_train r operations for r centers.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

use super::kernel::{KernelEvaluator, KernelGroup, gaussian_kernel};
use super::start::spread;

/// Most centers.
const MOST: usize = 2048;
/// Stars at which the representation is judged.
const JUDGES: usize = 200;
/// Rows of the kernel matrix of the projection that exist at a time.
const BLOCK: usize = 1024;

/// Replaces groups by reduced ones that agree at `sample` within a quarter of `accuracy`; also returns the largest
/// difference.
pub(super) fn reduce<'a>(
    exact: KernelEvaluator<'a>,
    sample: &Array2<f64>,
    accuracy: f64,
) -> (KernelEvaluator<'a>, f64) {
    let mut largest = 0.0f64;
    let mut groups = Vec::new();
    // Between training stars, where labels are inferred.
    let between = Array2::from_shape_fn(sample.dim(), |(i, l)| {
        0.5 * (sample[[i, l]] + sample[[(i + 1) % sample.nrows(), l]])
    });
    let points = concatenate![Axis(0), sample.view(), between.view()];
    for group in exact.into_groups() {
        let expected = group.product(group.kernel(points.view()).view());
        let found = [2e-3, 2e-4, 2e-5].into_iter().find_map(|factor| {
            let few = reduced(&group, accuracy * factor)?;
            let off = few.product(few.kernel(points.view()).view()) - &expected;
            let off = off.iter().fold(0.0f64, |a, d| a.max(d.abs()));
            (off <= 0.25 * accuracy).then_some((few, off))
        });
        match found {
            Some((few, off)) => {
                largest = largest.max(off);
                groups.push(few);
            }
            None => groups.push(group),
        }
    }
    (KernelEvaluator::of_groups(groups), largest)
}

/// A group of fewer centers, or `None` where that would not halve them.
fn reduced<'b>(group: &KernelGroup<'_>, tolerance: f64) -> Option<KernelGroup<'b>> {
    let (factor, chosen) = incomplete_cholesky(group, tolerance)?;
    let centers = group.centers.select(Axis(1), &chosen);
    let inverse = inverse_of_lower(&factor);
    let dual = projected(group, &centers).dot(&inverse.t()).dot(&inverse);
    let (pixels, bias) = (group.pixels.clone(), group.bias.clone());
    Some(KernelGroup::new(group.gamma, centers, pixels, dual.into(), bias))
}

/// Inner products of the pixels' functions with the kernel functions of the centers `fewer`, `(n_label, r)`;
/// `(n_group, r)`.
fn projected(group: &KernelGroup<'_>, fewer: &Array2<f64>) -> Array2<f64> {
    let mut sums = Array2::zeros((group.pixels.len(), fewer.ncols()));
    let blocks = group.centers.axis_chunks_iter(Axis(1), BLOCK);
    for (block, dual) in blocks.zip(group.dual.axis_chunks_iter(Axis(1), BLOCK)) {
        sums += &dual.dot(&gaussian_kernel(group.gamma, fewer, block.t()));
    }
    sums
}

/// Lower factor, `(r, r)`, of the kernel matrix of the chosen training rows, `(r,)`; `None` where more than half of
/// the training stars would be needed.
fn incomplete_cholesky(
    group: &KernelGroup<'_>,
    tolerance: f64,
) -> Option<(Array2<f64>, Vec<usize>)> {
    let n_train = group.centers.ncols();
    let most = (n_train / 2).min(MOST);
    let order = spread(group.centers.t(), 2 * most);
    let judges: Vec<usize> = (0..n_train).step_by(n_train.div_ceil(JUDGES).max(1)).collect();
    let judged = group.centers.select(Axis(1), &judges);
    let mut factor = Array2::<f64>::zeros((most, most));
    let mut columns = Array2::<f64>::zeros((judges.len(), most));
    let mut rest = Array1::<f64>::ones(judges.len());
    let mut chosen: Vec<usize> = Vec::new();
    for row in order {
        let at = chosen.len();
        let center = group.centers.column(row);
        let known = group.centers.select(Axis(1), &chosen);
        let solved = forward(factor.slice(s![..at, ..at]), gaussians(&known, center, group.gamma));
        let left = 1.0 - solved.dot(&solved);
        // Represented already: to divide by so little would only amplify rounding.
        if left <= 0.3 * tolerance {
            continue;
        }
        if at == most {
            return None;
        }
        let root = left.sqrt();
        let overlap = gaussians(&judged, center, group.gamma);
        let column = (overlap - columns.slice(s![.., ..at]).dot(&solved)) / root;
        rest.zip_mut_with(&column, |rest, c| *rest -= c * c);
        columns.column_mut(at).assign(&column);
        factor.slice_mut(s![at, ..at]).assign(&solved);
        factor[[at, at]] = root;
        chosen.push(row);
        if rest.iter().all(|&rest| rest <= tolerance) {
            let r = chosen.len();
            return Some((factor.slice(s![..r, ..r]).to_owned(), chosen));
        }
    }
    None
}

/// Kernel of each column of `centers`, `(n_label, n)`, with `at`, `(n_label,)`.
fn gaussians(centers: &Array2<f64>, at: ArrayView1<'_, f64>, gamma: f64) -> Array1<f64> {
    let mut sums = Array1::<f64>::zeros(centers.ncols());
    for (center, &at) in centers.outer_iter().zip(at) {
        sums.zip_mut_with(&center, |sum, c| *sum += (at - c) * (at - c));
    }
    sums.mapv_into(|squared| (-gamma * squared).exp())
}

/// Solves L x = b.
fn forward(factor: ArrayView2<'_, f64>, mut b: Array1<f64>) -> Array1<f64> {
    for i in 0..b.len() {
        let inner = factor.slice(s![i, ..i]).dot(&b.slice(s![..i]));
        b[i] = (b[i] - inner) / factor[[i, i]];
    }
    b
}

/// Rows that are inverted together.
const INVERSE_BLOCK: usize = 64;

/// Inverse of a lower triangular matrix, a block of rows at a time: -L_ii^-1 L_i0 (what is known above).
fn inverse_of_lower(factor: &Array2<f64>) -> Array2<f64> {
    let n = factor.nrows();
    let mut inverse = Array2::<f64>::zeros((n, n));
    for first in (0..n).step_by(INVERSE_BLOCK) {
        let last = (first + INVERSE_BLOCK).min(n);
        let above = inverse.slice(s![..first, ..first]).to_owned();
        let left = -factor.slice(s![first..last, ..first]).dot(&above);
        let unit = Array2::<f64>::eye(last - first);
        let mut rows = concatenate![Axis(1), left, unit];
        for i in 0..rows.nrows() {
            for k in 0..i {
                let (upper, mut lower) = rows.view_mut().split_at(Axis(0), i);
                lower.row_mut(0).scaled_add(-factor[[first + i, first + k]], &upper.row(k));
            }
            let pivot = factor[[first + i, first + i]];
            rows.row_mut(i).mapv_inplace(|v| v / pivot);
        }
        inverse.slice_mut(s![first..last, ..last]).assign(&rows);
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;

    fn with_rows(group: &KernelGroup<'_>, gamma: f64, rows: &[usize]) -> KernelGroup<'static> {
        let centers = group.centers.select(Axis(1), rows);
        let dual = group.dual.select(Axis(1), rows).into();
        KernelGroup::new(gamma, centers, group.pixels.clone(), dual, group.bias.clone())
    }

    #[test]
    fn fewer_centers_give_the_same_spectra() {
        let model = synthetic::model();
        let exact = KernelEvaluator::new(&model);
        for of in exact.groups() {
            // A wide kernel: 150 stars determine it well.
            let group = with_rows(of, 0.01, &(0..synthetic::N_TRAIN).collect::<Vec<_>>());
            let few = reduced(&group, 1e-6).unwrap();
            assert!(few.centers.ncols() * 2 <= group.centers.ncols());
            let thetas = group.centers.t().to_owned() * 0.9;
            let off = (group.spectra(thetas.view()) - few.spectra(thetas.view())).mapv(f64::abs);
            let worst = off.iter().fold(0.0f64, |a, d| a.max(*d));
            assert!(worst < 1e-2, "{worst}");
        }
    }

    #[test]
    fn repeated_stars_are_one_center() {
        let model = synthetic::model();
        let exact = KernelEvaluator::new(&model);
        let rows: Vec<usize> = (0..40).map(|i| i % 4).collect();
        let group = with_rows(&exact.groups()[0], 0.3, &rows);
        let few = reduced(&group, 1e-9).unwrap();
        assert_eq!(few.centers.ncols(), 4);
    }

    #[test]
    fn inverse_of_a_lower_factor_is_one() {
        let n = 150;
        let factor = Array2::from_shape_fn((n, n), |(i, j)| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 1.0 + 0.1 * (i % 3) as f64,
            std::cmp::Ordering::Greater => 0.05 * ((i * 7 + j * 3) % 5) as f64 - 0.1,
        });
        let off = inverse_of_lower(&factor).dot(&factor) - Array2::<f64>::eye(n);
        assert!(off.iter().all(|d| d.abs() < 1e-9));
    }
}
