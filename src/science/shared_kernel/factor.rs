//! One kernel of the training set: its coordinates, and a low-rank factor L with K = L L^T + R, R small.
//!
//! The Gaussian kernel of a few labels has rapidly falling eigenvalues, so that a few hundred columns reproduce it.
//! Pivots are found in blocks: of the rows of largest remaining diagonal, those that stay large after their
//! predecessors in the block. Construction costs about n r^2 multiplications, in matrix products; L takes 4 n r bytes.

use ndarray::{Array2, ArrayView2, Axis, s};

use super::cholesky::Cholesky;
use super::simd;

/// Rows are padded to a multiple of this, for the vector loops.
const LANES: usize = 8;
/// Candidates for the pivots of one block.
const CANDIDATES: usize = 96;
/// A candidate is taken while its diagonal is at least this share of the block's largest.
const SHARE: f64 = 0.1;

/// Label coordinates, one axis after the other.
#[derive(Debug, Clone)]
pub(super) struct Coordinates {
    values: Vec<f64>,
    /// Values of one axis, padded.
    stride: usize,
    n_row: usize,
    n_axis: usize,
}

impl Coordinates {
    pub(super) fn new(scaled_labels: ArrayView2<'_, f64>) -> Self {
        let (n_row, n_axis) = scaled_labels.dim();
        let stride = n_row.div_ceil(LANES) * LANES;
        let mut values = vec![0.0; stride * n_axis];
        for (axis, column) in scaled_labels.columns().into_iter().enumerate() {
            for (row, &value) in column.iter().enumerate() {
                // A row with a missing label must not be used; here it must only not spoil its neighbors' lanes.
                values[axis * stride + row] = if value.is_finite() { value } else { 0.0 };
            }
        }
        Self { values, stride, n_row, n_axis }
    }

    /// The rows in another order.
    pub(super) fn permuted(&self, order: &[u32]) -> Self {
        let mut out = Self {
            values: vec![0.0; order.len().div_ceil(LANES) * LANES * self.n_axis],
            stride: order.len().div_ceil(LANES) * LANES,
            n_row: order.len(),
            n_axis: self.n_axis,
        };
        for axis in 0..self.n_axis {
            for (at, &row) in order.iter().enumerate() {
                out.values[axis * out.stride + at] = self.values[axis * self.stride + row as usize];
            }
        }
        out
    }

    pub(super) fn swap(&mut self, a: usize, b: usize) {
        for axis in 0..self.n_axis {
            self.values.swap(axis * self.stride + a, axis * self.stride + b);
        }
    }

    pub(super) fn n_row(&self) -> usize {
        self.n_row
    }

    /// One row, `(n_label,)`.
    pub(super) fn row(&self, row: usize) -> Vec<f64> {
        (0..self.n_axis).map(|axis| self.values[axis * self.stride + row]).collect()
    }

    /// Kernel values of rows `first..` with `theta`; `first` is a multiple of eight.
    pub(super) fn kernel(&self, theta: &[f64], gamma: f64, first: usize, out: &mut [f64]) {
        simd::kernel_column(&self.values, self.stride, first, theta, gamma, out);
    }

    /// [`Self::kernel`], rounded.
    pub(super) fn kernel_f32(&self, theta: &[f64], gamma: f64, first: usize, out: &mut [f32]) {
        simd::kernel_column_f32(&self.values, self.stride, first, theta, gamma, out);
    }
}

/// One kernel of the training set.
#[derive(Debug)]
pub(super) struct Kernel {
    pub(super) gamma: f64,
    pub(super) coordinates: Coordinates,
    /// `(n_train, rank)`.
    pub(super) factor: Vec<f32>,
    pub(super) rank: usize,
}

impl Kernel {
    /// Factorizes until every remaining diagonal is below `residual`.
    pub(super) fn new(coordinates: &Coordinates, gamma: f64, residual: f64) -> Self {
        let columns = pivoted(coordinates, gamma, residual);
        let rank = columns.nrows();
        let mut factor = vec![0.0f32; coordinates.n_row() * rank];
        for (k, column) in columns.outer_iter().enumerate() {
            for (row, &value) in column.iter().enumerate() {
                factor[row * rank + k] = value as f32;
            }
        }
        Self { gamma, coordinates: coordinates.clone(), factor, rank }
    }

    pub(super) fn n_row(&self) -> usize {
        self.coordinates.n_row()
    }

    /// Row of the factor, `(rank,)`.
    pub(super) fn factor_row(&self, row: usize) -> &[f32] {
        &self.factor[row * self.rank..(row + 1) * self.rank]
    }

    /// Adds `weight` times row `row` of the factor to `features`, `(rank,)`.
    pub(super) fn add_row(&self, row: usize, weight: f64, features: &mut [f64]) {
        simd::axpy_f32(weight, self.factor_row(row), features);
    }
}

/// The factor transposed, `(rank, n)`.
fn pivoted(coordinates: &Coordinates, gamma: f64, residual: f64) -> Array2<f64> {
    let n = coordinates.n_row();
    let mut diagonal = vec![1.0f64; n];
    let mut factor = Array2::<f64>::zeros((0, n));
    loop {
        let pivots = next_pivots(coordinates, gamma, &diagonal, factor.view(), residual);
        if pivots.is_empty() {
            return factor;
        }
        let rows = new_columns(coordinates, gamma, &pivots, factor.view());
        for row in rows.outer_iter() {
            diagonal.iter_mut().zip(row).for_each(|(d, l)| *d -= l * l);
        }
        // A pivot's own diagonal is zero but for rounding.
        pivots.iter().for_each(|&p| diagonal[p] = 0.0);
        let mut grown = Array2::zeros((factor.nrows() + rows.nrows(), n));
        grown.slice_mut(s![..factor.nrows(), ..]).assign(&factor);
        grown.slice_mut(s![factor.nrows().., ..]).assign(&rows);
        factor = grown;
    }
}

/// Pivots of the next block, in the order of their elimination; none where the remainder is small enough.
fn next_pivots(
    coordinates: &Coordinates,
    gamma: f64,
    diagonal: &[f64],
    factor: ArrayView2<'_, f64>,
    residual: f64,
) -> Vec<usize> {
    let mut candidates: Vec<usize> =
        (0..diagonal.len()).filter(|&i| diagonal[i] > residual).collect();
    let by_diagonal = |a: &usize, b: &usize| diagonal[*b].total_cmp(&diagonal[*a]).then(a.cmp(b));
    candidates.sort_by(by_diagonal);
    candidates.truncate(CANDIDATES);
    let Some(&first) = candidates.first() else { return Vec::new() };
    let least = (SHARE * diagonal[first]).max(residual);
    let mut block = remainder(coordinates, gamma, &candidates, factor);
    let mut pivots = Vec::new();
    let mut open: Vec<usize> = (0..candidates.len()).collect();
    while let Some(&best) =
        open.iter().max_by(|&&a, &&b| block[[a, a]].total_cmp(&block[[b, b]]).then(b.cmp(&a)))
    {
        let pivot = block[[best, best]];
        if pivot < least {
            break;
        }
        pivots.push(candidates[best]);
        open.retain(|&i| i != best);
        let column: Vec<f64> = block.column(best).to_vec();
        for &i in &open {
            for &j in &open {
                block[[i, j]] -= column[i] * column[j] / pivot;
            }
        }
    }
    pivots
}

/// K - L L^T among `rows`.
fn remainder(
    coordinates: &Coordinates,
    gamma: f64,
    rows: &[usize],
    factor: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let chosen = factor.select(Axis(1), rows);
    let mut block = Array2::zeros((rows.len(), rows.len()));
    let order: Vec<u32> = rows.iter().map(|&r| r as u32).collect();
    let near = coordinates.permuted(&order);
    for (at, mut out) in block.outer_iter_mut().enumerate() {
        if let Some(out) = out.as_slice_mut() {
            near.kernel(&near.row(at), gamma, 0, out);
        }
    }
    block - chosen.t().dot(&chosen)
}

/// The rows that `pivots` add to the transposed factor.
fn new_columns(
    coordinates: &Coordinates,
    gamma: f64,
    pivots: &[usize],
    factor: ArrayView2<'_, f64>,
) -> Array2<f64> {
    let n = coordinates.n_row();
    let mut rows = Array2::zeros((pivots.len(), n));
    for (&pivot, mut out) in pivots.iter().zip(rows.outer_iter_mut()) {
        if let Some(out) = out.as_slice_mut() {
            coordinates.kernel(&coordinates.row(pivot), gamma, 0, out);
        }
    }
    if factor.nrows() > 0 {
        let chosen = factor.select(Axis(1), pivots);
        ndarray::linalg::general_mat_mul(-1.0, &chosen.t(), &factor, 1.0, &mut rows);
    }
    // The remainder of the kernel among the pivots is S S^T; the new rows are S^-1 times theirs.
    let block = rows.select(Axis(1), pivots);
    let mut upper = Cholesky::<f64>::default();
    upper.fill(pivots.len(), |row, out| {
        out.iter_mut().enumerate().for_each(|(after, v)| *v = block[[row, row + after]]);
    });
    let kept = upper.factorize();
    let mut rows = rows.slice(s![..kept, ..]).to_owned();
    for i in 0..kept {
        let (before, mut at) = rows.view_mut().split_at(Axis(0), i);
        let Some(at) = at.row_mut(0).into_slice() else { continue };
        for (j, row) in before.outer_iter().enumerate() {
            if let Some(row) = row.as_slice() {
                simd::axpy(-upper.entry(j, i), row, at);
            }
        }
        let scale = 1.0 / upper.entry(i, i);
        at.iter_mut().for_each(|v| *v *= scale);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_reproduces_the_kernel_even_with_duplicates() {
        let labels = Array2::from_shape_fn((203, 3), |(i, l)| {
            ((i / 2 * (3 + 5 * l)) as f64 * 0.618).fract() * 4.0 - 2.0
        });
        let coordinates = Coordinates::new(labels.view());
        let kernel = Kernel::new(&coordinates, 0.4, 1e-7);
        assert!(kernel.rank <= 102, "rank {}", kernel.rank);
        let mut column = vec![0.0; 203];
        for i in 0..203 {
            coordinates.kernel(&coordinates.row(i), 0.4, 0, &mut column);
            for (j, k) in column.iter().enumerate() {
                let product = simd::dot_f32(kernel.factor_row(i), kernel.factor_row(j));
                assert!((product - k).abs() < 1e-6, "{i} {j}: {product} {k}");
            }
        }
    }
}
