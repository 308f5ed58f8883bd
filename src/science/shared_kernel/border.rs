//! A factorized system with a few rows more and a few less: the system at hand, bordered.
//!
//! From one step to the next few free rows change, and a factorization costs a third of the cube of their number. With
//! M = U^T U the matrix of the base rows, A the rows added and D those taken out, the solution is that of
//!
//! ```text
//! [ M    K_A   E_D ] [x]   [b]
//! [ .    K_AA   0  ] [a] = [c]
//! [ .     .     0  ] [m]   [0]
//! ```
//!
//! whose last rows hold x at 0 in D. With W = U^-T [K_A, E_D] the Schur complement is S = [K_AA, 0; 0, 0] - W^T W,
//! positive in A and negative in D, so that it is eliminated without exchanges (Vanderbei 1995, SIAM J. Optim. 5, 100).

use super::cholesky::Cholesky;
use super::simd::Scalar;

/// Columns of W that are solved together.
const GROUP: usize = 8;

/// A change of the base: a row of it taken out, or another row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Place in the base.
    Removed(u32),
    /// Near position of a row that is not in the base.
    Added(u32),
}

/// The columns of W that were needed since the base was factorized, and those in use.
#[derive(Debug, Default)]
pub(super) struct Border<T> {
    changes: Vec<Change>,
    /// W in panels, `(padded, width)` each.
    panels: Vec<Vec<T>>,
    /// Columns in use, ascending, and the eliminated Schur complement among them, row by row.
    used: Vec<usize>,
    schur: Vec<f64>,
    gram: Vec<f64>,
}

impl<T: Scalar> Border<T> {
    /// Forgets all columns.
    pub(super) fn clear(&mut self) {
        self.changes.clear();
        self.used.clear();
    }

    /// Number of columns that `wanted` would bring it to.
    pub(super) fn size_with(&self, wanted: &[Change]) -> usize {
        let new = wanted.iter().filter(|change| !self.changes.contains(change));
        self.changes.len() + new.count()
    }

    /// Makes the system that of the base with the changes `wanted`; `false` where rounding forbids it.
    ///
    /// `kernel(added, base)` is the kernel of an added row with a place of the base; `pair` that of two added rows.
    pub(super) fn set(
        &mut self,
        base: &Cholesky<T>,
        wanted: &[Change],
        sigma: f64,
        kernel: impl Fn(u32, usize) -> f32,
        pair: impl Fn(u32, u32) -> f32,
    ) -> bool {
        self.append(base, wanted, kernel);
        self.used =
            (0..self.changes.len()).filter(|&i| wanted.contains(&self.changes[i])).collect();
        self.fill_gram();
        let (n, n_gram) = (self.used.len(), self.panels_used() * T::WIDTH);
        self.schur.clear();
        for &i in &self.used {
            for &j in &self.used {
                let own = match (self.changes[i], self.changes[j]) {
                    (Change::Added(a), Change::Added(b)) if a == b => 1.0 + sigma,
                    (Change::Added(a), Change::Added(b)) => f64::from(pair(a, b)),
                    _ => 0.0,
                };
                self.schur.push(own - self.gram[i * n_gram + j]);
            }
        }
        self.eliminate(n, sigma)
    }

    fn panels_used(&self) -> usize {
        self.changes.len().div_ceil(T::WIDTH)
    }

    /// Appends the columns that are missing.
    fn append(
        &mut self,
        base: &Cholesky<T>,
        wanted: &[Change],
        kernel: impl Fn(u32, usize) -> f32,
    ) {
        let first = self.changes.len();
        for &change in wanted {
            if self.changes.contains(&change) {
                continue;
            }
            let (p, column) = (self.changes.len() / T::WIDTH, self.changes.len() % T::WIDTH);
            if self.panels.len() <= p {
                self.panels.push(Vec::new());
            }
            let panel = &mut self.panels[p];
            if column == 0 {
                panel.clear();
                panel.resize(base.padded() * T::WIDTH, T::default());
            }
            match change {
                Change::Removed(place) => panel[place as usize * T::WIDTH + column] = T::ONE,
                Change::Added(row) => {
                    for place in 0..base.order() {
                        let k = f64::from(kernel(row, place));
                        panel[place * T::WIDTH + column] = T::rounded(k);
                    }
                }
            }
            self.changes.push(change);
        }
        let last = self.changes.len();
        let mut at = first;
        while at < last {
            // Columns of a group that are solved already are kept and put back.
            let (p, group) = (at / T::WIDTH, at % T::WIDTH / GROUP * GROUP);
            let done = at % T::WIDTH - group;
            let panel = &mut self.panels[p];
            let kept: Vec<T> = panel
                .chunks_exact(T::WIDTH)
                .flat_map(|row| row[group..group + done].iter().copied())
                .collect();
            base.forward_eight(panel, group);
            if done > 0 {
                for (row, kept) in panel.chunks_exact_mut(T::WIDTH).zip(kept.chunks_exact(done)) {
                    row[group..group + done].copy_from_slice(kept);
                }
            }
            at = p * T::WIDTH + group + GROUP;
        }
    }

    /// W^T W.
    fn fill_gram(&mut self) {
        let (n_panel, width) = (self.panels_used(), T::WIDTH);
        let n = n_panel * width;
        self.gram.clear();
        self.gram.resize(n * n, 0.0);
        let mut block = vec![0.0; width * width];
        for p in 0..n_panel {
            for q in p..n_panel {
                block.fill(0.0);
                T::add_gram(&self.panels[p], &self.panels[q], &mut block);
                for (i, row) in block.chunks_exact(width).enumerate() {
                    for (j, &value) in row.iter().enumerate() {
                        self.gram[(p * width + i) * n + q * width + j] = value;
                        self.gram[(q * width + j) * n + p * width + i] = value;
                    }
                }
            }
        }
    }

    /// Eliminates the Schur complement in place: unit lower triangle times upper triangle.
    ///
    /// K being positive, a pivot of an added row is at least sigma, and one of a row taken out at least -1 / sigma:
    /// what lies beyond is rounding, and the base no ground to build on.
    fn eliminate(&mut self, n: usize, sigma: f64) -> bool {
        for k in 0..n {
            let pivot = self.schur[k * n + k];
            let sound = match self.changes[self.used[k]] {
                Change::Added(_) => pivot > 0.7 * sigma,
                Change::Removed(_) => pivot < 0.0 && pivot * sigma > -1.4,
            };
            if !sound {
                return false;
            }
            for i in k + 1..n {
                let weight = self.schur[i * n + k] / pivot;
                self.schur[i * n + k] = weight;
                for j in k + 1..n {
                    self.schur[i * n + j] -= weight * self.schur[k * n + j];
                }
            }
        }
        true
    }

    /// Solves for two right-hand sides: `base` at its places, of the padded length and 0 where rows were taken out, and
    /// `added`, the values of added rows in the order of [`Self::added`], which hold the solution afterwards.
    pub(super) fn solve(
        &self,
        base: &Cholesky<T>,
        [x, y]: [&mut [T]; 2],
        [added_x, added_y]: [&mut Vec<f64>; 2],
    ) {
        base.forward(x, y);
        let rest = |x: &[T], added: &[f64]| -> Vec<f64> {
            let mut sums = vec![0.0; self.panels_used() * T::WIDTH];
            for (panel, sums) in self.panels.iter().zip(sums.chunks_mut(T::WIDTH)) {
                T::add_transposed(panel, x, sums);
            }
            let mut added = added.iter();
            let own = |&i: &usize| match self.changes[i] {
                Change::Added(_) => added.next().copied().unwrap_or(0.0) - sums[i],
                Change::Removed(_) => -sums[i],
            };
            self.used.iter().map(own).collect()
        };
        for (x, added) in [(&mut *x, added_x), (&mut *y, added_y)] {
            let mut z = rest(x, added);
            self.solve_schur(&mut z);
            let mut weights = vec![T::default(); self.panels_used() * T::WIDTH];
            added.clear();
            for (&i, &z) in self.used.iter().zip(&z) {
                weights[i] = T::rounded(z);
                if matches!(self.changes[i], Change::Added(_)) {
                    added.push(z);
                }
            }
            for (panel, weights) in self.panels.iter().zip(weights.chunks(T::WIDTH)) {
                T::subtract_product(panel, weights, x);
            }
        }
        base.backward(x, y);
    }

    fn solve_schur(&self, z: &mut [f64]) {
        let n = z.len();
        for i in 0..n {
            z[i] -= (0..i).map(|j| self.schur[i * n + j] * z[j]).sum::<f64>();
        }
        for i in (0..n).rev() {
            let after: f64 = (i + 1..n).map(|j| self.schur[i * n + j] * z[j]).sum();
            z[i] = (z[i] - after) / self.schur[i * n + i];
        }
    }

    /// Near positions of the added rows in use, in the order of [`Self::solve`].
    pub(super) fn added(&self) -> impl Iterator<Item = u32> + '_ {
        self.used.iter().filter_map(|&i| match self.changes[i] {
            Change::Added(row) => Some(row),
            Change::Removed(_) => None,
        })
    }
}
