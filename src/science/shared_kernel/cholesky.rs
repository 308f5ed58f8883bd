//! The dense factorization of the small free-set systems, f64: A = U^T U.

use super::simd;

/// Rows are padded to a multiple of this, for the vector loops.
const PADDING: usize = 16;

/// An upper triangular factor that keeps its memory between uses.
#[derive(Debug, Default)]
pub(super) struct Cholesky {
    /// Rows of `stride` values; the lower triangle is undefined.
    values: Vec<f64>,
    order: usize,
    stride: usize,
}

impl Cholesky {
    /// Makes room for a matrix of `order` and has its upper rows filled: `fill(row, values[row..])`.
    pub(super) fn fill(&mut self, order: usize, mut fill: impl FnMut(usize, &mut [f64])) {
        self.order = order;
        // An odd multiple of a cache line spreads rows over cache sets.
        self.stride = order.div_ceil(PADDING) * PADDING + PADDING + 8;
        let size = self.stride * order.div_ceil(4) * 4;
        if self.values.len() < size {
            self.values.resize(size, 0.0);
        }
        for row in 0..order.div_ceil(4) * 4 {
            let start = row * self.stride;
            let values = &mut self.values[start..start + self.stride];
            if row < order {
                fill(row, &mut values[row..order]);
                values[order..].fill(0.0);
            } else {
                values.fill(0.0);
            }
        }
    }

    /// Factorizes in place and tells how many leading rows have positive pivots.
    pub(super) fn factorize(&mut self) -> usize {
        let (n, stride) = (self.order, self.stride);
        for j in (0..n).step_by(4) {
            let end = (j.div_ceil(4) * 4 + 4) * stride;
            simd::eliminate(&mut self.values[..end], stride, j, n);
            for row in j..n.min(j + 4) {
                if !self.finish_row(j, row) {
                    return row;
                }
            }
        }
        n
    }

    /// Completes one row of a block that starts at row `first`; `false` where its pivot is not positive.
    fn finish_row(&mut self, first: usize, row: usize) -> bool {
        let (n, stride) = (self.order, self.stride);
        let (above, at) = self.values.split_at_mut(row * stride);
        let at = &mut at[row..n];
        for other in first..row {
            let other = &above[other * stride + row..other * stride + n];
            simd::axpy(-other[0], other, at);
        }
        let pivot = at[0];
        if pivot.is_nan() || pivot <= 0.0 {
            return false;
        }
        let scale = 1.0 / pivot.sqrt();
        at.iter_mut().for_each(|v| *v *= scale);
        true
    }

    /// An entry of the upper triangle.
    pub(super) fn entry(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.stride + column]
    }

    /// Solves for one right-hand side in place.
    pub(super) fn solve(&self, rhs: &mut [f64]) {
        let (n, stride) = (self.order, self.stride);
        for k in 0..n {
            let row = &self.values[k * stride + k..k * stride + n];
            rhs[k] /= row[0];
            let (at, after) = rhs[k..].split_at_mut(1);
            simd::axpy(-at[0], &row[1..], after);
        }
        for k in (0..n).rev() {
            let row = &self.values[k * stride + k..k * stride + n];
            rhs[k] = (rhs[k] - simd::dot(&row[1..], &rhs[k + 1..])) / row[0];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(n: usize) -> Vec<Vec<f64>> {
        let at = |i: usize| (i as f64 * 0.618).fract() * 4.0;
        let k = |i: usize, j: usize| (-0.5 * (at(i) - at(j)).powi(2)).exp();
        (0..n)
            .map(|i| (0..n).map(|j| k(i, j) + if i == j { 1e-3 } else { 0.0 }).collect())
            .collect()
    }

    #[test]
    fn solutions_satisfy_their_equations_at_every_order() {
        let mut cholesky = Cholesky::default();
        for n in [97, 1, 2, 3, 4, 5, 8, 31, 64] {
            let a = matrix(n);
            cholesky.fill(n, |row, out| out.copy_from_slice(&a[row][row..]));
            assert_eq!(cholesky.factorize(), n);
            let exact: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
            let mut x: Vec<f64> =
                a.iter().map(|row| row.iter().zip(&exact).map(|(a, x)| a * x).sum()).collect();
            cholesky.solve(&mut x);
            assert!(x.iter().zip(&exact).all(|(a, b)| (a - b).abs() < 1e-8), "order {n}");
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        let mut cholesky = Cholesky::default();
        cholesky.fill(6, |_, out| out.fill(1.0));
        assert_eq!(cholesky.factorize(), 1);
    }
}
