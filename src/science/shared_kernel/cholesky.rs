//! The dense factorization of the small free-set systems, in f64 or f32: A = U^T U.

use super::simd::{Scalar, panel_start};

/// An upper triangular factor that keeps its memory between uses.
#[derive(Debug, Default)]
pub(super) struct Cholesky<T> {
    /// Panels of columns, as `simd::triangle` describes them.
    panels: Vec<T>,
    order: usize,
    row: Vec<T>,
}

impl<T: Scalar> Cholesky<T> {
    /// Makes room for a matrix of `order` and has its upper rows filled: `fill(row, values[row..])`.
    pub(super) fn fill(&mut self, order: usize, mut fill: impl FnMut(usize, &mut [T])) {
        let width = T::WIDTH;
        let n_panel = order.div_ceil(width);
        self.order = order;
        // What the memory held is overwritten, or lies below the diagonal and is never read.
        self.panels.resize(panel_start(width, n_panel), T::default());
        self.row.clear();
        self.row.resize(n_panel * width, T::default());
        for row in 0..n_panel * width {
            if row < order {
                fill(row, &mut self.row[row..order]);
            } else {
                self.row.fill(T::default());
                self.row[row] = T::ONE;
            }
            for p in row / width..n_panel {
                let at = panel_start(width, p) + row * width;
                self.panels[at..at + width].copy_from_slice(&self.row[p * width..(p + 1) * width]);
            }
        }
    }

    /// Factorizes in place and tells how many leading rows have positive pivots.
    pub(super) fn factorize(&mut self) -> usize {
        T::factorize(&mut self.panels).min(self.order)
    }

    /// An entry of the upper triangle.
    pub(super) fn entry(&self, row: usize, column: usize) -> T {
        let (p, lane) = (column / T::WIDTH, column % T::WIDTH);
        self.panels[panel_start(T::WIDTH, p) + row * T::WIDTH + lane]
    }

    /// Order of the matrix.
    pub(super) fn order(&self) -> usize {
        self.order
    }

    /// The order rounded up to whole panels.
    pub(super) fn padded(&self) -> usize {
        self.order.div_ceil(T::WIDTH) * T::WIDTH
    }

    /// Solves U^T x = b for two right-hand sides of the padded length in place.
    pub(super) fn forward(&self, x: &mut [T], y: &mut [T]) {
        T::forward(&self.panels, x, y);
    }

    /// Solves U x = b for two right-hand sides of the padded length in place.
    pub(super) fn backward(&self, x: &mut [T], y: &mut [T]) {
        T::backward(&self.panels, x, y);
    }

    /// [`Self::forward`] for columns `first..first + 8` of `right`, `(padded, width)`.
    pub(super) fn forward_eight(&self, right: &mut [T], first: usize) {
        T::forward_eight(&self.panels, right, first);
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
            let padded = |values: Vec<f64>, n: usize| {
                let mut values = values;
                values.resize(n, 0.0);
                values
            };
            let x: Vec<f64> =
                a.iter().map(|row| row.iter().zip(&exact).map(|(a, x)| a * x).sum()).collect();
            let narrow =
                |values: &[f64]| -> Vec<f32> { values.iter().map(|&v| v as f32).collect() };
            rounded.fill(n, |row, out| out.copy_from_slice(&narrow(&a[row][row..])));
            assert_eq!(rounded.factorize(), n);
            let single = padded(x.clone(), rounded.padded());
            let (mut single, mut twice) = (narrow(&single), narrow(&single));
            rounded.forward(&mut single, &mut twice);
            rounded.backward(&mut single, &mut twice);
            assert_eq!(single, twice);
            let mut x = padded(x, cholesky.padded());
            let mut y: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
            cholesky.forward(&mut x, &mut y);
            cholesky.backward(&mut x, &mut y);
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
