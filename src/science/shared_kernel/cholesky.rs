//! The dense factorization of the small free-set systems, in f64 or f32: A = U^T U.

use super::simd::{BLOCK_ROWS, Scalar};

/// Rows are padded to a multiple of this, for the vector loops.
const PADDING: usize = 16;

/// An upper triangular factor that keeps its memory between uses.
#[derive(Debug, Default)]
pub(super) struct Cholesky<T> {
    /// Rows of `stride` values; the lower triangle is undefined.
    values: Vec<T>,
    order: usize,
    stride: usize,
}

impl<T: Scalar> Cholesky<T> {
    /// Makes room for a matrix of `order` and has its upper rows filled: `fill(row, values[row..])`.
    pub(super) fn fill(&mut self, order: usize, mut fill: impl FnMut(usize, &mut [T])) {
        self.order = order;
        // An odd multiple of a cache line spreads rows over cache sets.
        self.stride = order.div_ceil(PADDING) * PADDING + PADDING + 8;
        let n_row = order.div_ceil(BLOCK_ROWS) * BLOCK_ROWS;
        if self.values.len() < self.stride * n_row {
            self.values.resize(self.stride * n_row, T::default());
        }
        for (row, values) in self.values.chunks_exact_mut(self.stride).enumerate().take(n_row) {
            if row < order {
                fill(row, &mut values[row..order]);
                values[order..].fill(T::default());
            } else {
                values.fill(T::default());
            }
        }
    }

    /// Factorizes in place and tells how many leading rows have positive pivots.
    pub(super) fn factorize(&mut self) -> usize {
        let (n, stride) = (self.order, self.stride);
        for j in (0..n).step_by(BLOCK_ROWS) {
            let done = T::eliminate(&mut self.values[..(j + BLOCK_ROWS) * stride], stride, j, n);
            if done < BLOCK_ROWS.min(n - j) {
                return j + done;
            }
        }
        n
    }

    /// An entry of the upper triangle.
    pub(super) fn entry(&self, row: usize, column: usize) -> T {
        self.values[row * self.stride + column]
    }

    /// Solves for two right-hand sides of the matrix's order in place.
    pub(super) fn solve(&self, x: &mut [T], y: &mut [T]) {
        T::solve(&self.values, self.stride, x, y);
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
        let mut cholesky = Cholesky::<f64>::default();
        let mut rounded = Cholesky::<f32>::default();
        for n in [97, 1, 2, 3, 4, 5, 8, 31, 64] {
            let a = matrix(n);
            cholesky.fill(n, |row, out| out.copy_from_slice(&a[row][row..]));
            assert_eq!(cholesky.factorize(), n);
            let exact: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
            let mut x: Vec<f64> =
                a.iter().map(|row| row.iter().zip(&exact).map(|(a, x)| a * x).sum()).collect();
            let narrow =
                |values: &[f64]| -> Vec<f32> { values.iter().map(|&v| v as f32).collect() };
            rounded.fill(n, |row, out| out.copy_from_slice(&narrow(&a[row][row..])));
            assert_eq!(rounded.factorize(), n);
            let (mut single, mut twice) = (narrow(&x), narrow(&x));
            rounded.solve(&mut single, &mut twice);
            assert_eq!(single, twice);
            let mut y: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
            cholesky.solve(&mut x, &mut y);
            for (i, e) in exact.iter().enumerate() {
                assert!((x[i] - e).abs() < 1e-8 && (y[i] - 2.0 * e).abs() < 1e-8, "order {n}");
                assert!((f64::from(single[i]) - e).abs() < 5e-2, "order {n}: {}", single[i]);
            }
        }
    }

    #[test]
    fn an_indefinite_matrix_is_refused() {
        let mut cholesky = Cholesky::<f64>::default();
        cholesky.fill(6, |_, out| out.fill(1.0));
        assert_eq!(cholesky.factorize(), 1);
    }
}
