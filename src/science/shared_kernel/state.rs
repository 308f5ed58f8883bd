//! One regression between the local problem and all rows: coefficients, features L^T v and residuals.

use super::super::sorting::upper_median;
use super::factor::Kernel;
use super::near::Near;
use super::newton::Newton;
use super::side::Side;
use super::simd::{self, PANEL};

/// Rows whose residuals are summed together: those of ten folds stay in the first cache.
const STRIP: usize = 256;

/// Columns that are summed in f32 before they are added.
const TOGETHER: usize = 8;

/// Share of the rank up to which kernel columns cost less than products with the factor, which wait for memory.
const COLUMNS: (usize, usize) = (3, 4);

/// A candidate solution over all training rows.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// Coefficients, `(n_train,)`; 0 where the row does not take part.
    pub(super) v: Vec<f64>,
    /// L^T v, `(rank,)`.
    pub(super) features: Vec<f64>,
    /// Target minus K v, bias not subtracted, `(n_train,)`; at held-out rows too, 0 at rows without target.
    pub(super) e: Vec<f64>,
    pub(super) bias: f64,
    /// `(n_train,)`; [`Side::Out`] where the row does not take part.
    pub(super) side: Vec<Side>,
    /// Newton steps taken.
    pub(super) n_steps: usize,
    /// Whether the tolerance was met.
    pub(super) converged: bool,
}

impl State {
    /// The zero function plus the median of the targets.
    pub(super) fn cold(kernel: &Kernel, target: &[f64], used: &[bool], epsilon: f64) -> Self {
        let mut values: Vec<f64> =
            (0..target.len()).filter(|&i| used[i]).map(|i| target[i]).collect();
        let bias = upper_median(&mut values).unwrap_or(0.0);
        let side = |i: usize| {
            if used[i] { Side::of(target[i] - bias, epsilon, 0.0) } else { Side::Out }
        };
        Self {
            v: vec![0.0; target.len()],
            features: vec![0.0; kernel.rank],
            e: (0..target.len()).map(|i| if used[i] { target[i] } else { 0.0 }).collect(),
            bias,
            side: (0..target.len()).map(side).collect(),
            n_steps: 0,
            converged: false,
        }
    }

    /// Distance of each row's residual to the nearer edge; infinite where `used` is not set.
    pub(super) fn distances(&self, used: &[bool], epsilon: f64) -> Vec<f64> {
        let of = |i: usize| {
            let free = matches!(self.side[i], Side::FreeAbove | Side::FreeBelow);
            if !used[i] {
                f64::INFINITY
            } else if free {
                0.0
            } else {
                ((self.e[i] - self.bias).abs() - epsilon).abs()
            }
        };
        (0..self.e.len()).map(of).collect()
    }

    /// Number of free rows.
    pub(super) fn n_free(&self) -> usize {
        self.side.iter().filter(|s| matches!(s, Side::FreeAbove | Side::FreeBelow)).count()
    }

    /// Sets every row that is not free to the coefficient that its side asks for at penalty `c`, free ones scaled by
    /// `scale`; features follow.
    pub(super) fn jump(&mut self, kernel: &Kernel, c: f64, scale: f64) {
        if scale != 1.0 {
            self.v.iter_mut().for_each(|v| *v *= scale);
            self.features.iter_mut().for_each(|f| *f *= scale);
        }
        for i in 0..self.v.len() {
            if let Some(bound) = self.side[i].bound(c)
                && bound != self.v[i]
            {
                let d = bound - self.v[i];
                self.v[i] = bound;
                // A change of rounding errors alone moves no feature.
                if d.abs() > 1e-9 * c {
                    kernel.add_row(i, d, &mut self.features);
                }
            }
        }
    }

    /// Hands the near rows to the local problem.
    pub(super) fn gather(&self, near: &Near, newton: &mut Newton) -> f64 {
        let rows = near.rows();
        let row = |i: &u32| *i as usize;
        newton.e.clear();
        newton.v.clear();
        newton.side.clear();
        newton.alive.clear();
        newton.e.extend(rows.iter().map(|i| self.e[row(i)]));
        newton.v.extend(rows.iter().map(|i| self.v[row(i)]));
        newton.side.extend(rows.iter().map(|i| self.side[row(i)]));
        newton.alive.extend(newton.side.iter().map(|s| if *s == Side::Out { 0.0 } else { 1.0 }));
        newton.bias = self.bias;
        near.far_rows().iter().map(|i| self.v[row(i)]).sum()
    }

    /// Takes the solution of the local problem; features follow, residuals are left to the next product.
    pub(super) fn scatter(&mut self, kernel: &Kernel, near: &Near, newton: &Newton) {
        for (at, &row) in near.rows().iter().enumerate() {
            let row = row as usize;
            let d = newton.v[at] - self.v[row];
            if d != 0.0 {
                self.v[row] = newton.v[at];
                kernel.add_row(row, d, &mut self.features);
            }
            self.side[row] = newton.side[at];
        }
        self.bias = newton.bias;
    }

    /// Far rows whose residual contradicts their coefficient by more than `tolerance`, as indices of far rows.
    pub(super) fn contradicted(&self, near: &Near, epsilon: f64, tolerance: f64) -> Vec<usize> {
        let far = near.far_rows().iter().enumerate();
        far.filter(|&(_, &row)| self.is_contradicted(row as usize, epsilon, tolerance))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether a row's residual contradicts its coefficient by more than `tolerance`; free rows always do.
    pub(super) fn is_contradicted(&self, row: usize, epsilon: f64, tolerance: f64) -> bool {
        match self.side[row] {
            Side::FreeAbove | Side::FreeBelow => true,
            _ => self.beyond(row, epsilon) > tolerance,
        }
    }

    /// By how much the residual of a row that is not free contradicts its coefficient, scaled flux; else 0 or less.
    pub(super) fn beyond(&self, row: usize, epsilon: f64) -> f64 {
        let r = self.e[row] - self.bias;
        match self.side[row] {
            Side::Zero => r.abs() - epsilon,
            Side::Above => epsilon - r,
            Side::Below => r + epsilon,
            Side::Out | Side::FreeAbove | Side::FreeBelow => 0.0,
        }
    }

    /// Puts far rows, by their residuals, to the side where they belong; returns whether any changed.
    pub(super) fn reclassify(&mut self, epsilon: f64) {
        for i in 0..self.e.len() {
            if self.side[i].bound(1.0).is_some() && self.side[i] != Side::Out {
                self.side[i] = Side::of(self.e[i] - self.bias, epsilon, 0.0);
            }
        }
    }
}

/// Residuals of up to sixteen states at `rows`, from their features: target minus L (L^T v).
pub(super) fn refresh(
    kernel: &Kernel,
    target: &[f64],
    rows: &[u32],
    states: &mut [&mut State],
    panel: &mut Vec<f32>,
    product: &mut Vec<f32>,
) {
    for group in states.chunks_mut(PANEL) {
        if rows.len() == kernel.n_row() && add_columns(kernel, target, group) {
            continue;
        }
        if let [state] = group {
            let features: Vec<f32> = state.features.iter().map(|&f| f as f32).collect();
            for &row in rows {
                let row = row as usize;
                state.e[row] = target[row] - simd::dot_f32(kernel.factor_row(row), &features);
            }
            continue;
        }
        panel.clear();
        panel.resize(kernel.rank * PANEL, 0.0);
        for (lane, state) in group.iter().enumerate() {
            for (k, &f) in state.features.iter().enumerate() {
                panel[k * PANEL + lane] = f as f32;
            }
        }
        product.resize(rows.len() * PANEL, 0.0);
        simd::panel_product(&kernel.factor, kernel.rank, rows, panel, product);
        for (&row, product) in rows.iter().zip(product.chunks_exact(PANEL)) {
            for (state, &f) in group.iter_mut().zip(product) {
                state.e[row as usize] = target[row as usize] - f64::from(f);
            }
        }
    }
}

/// Residuals of all rows as sums of kernel columns, exact but for the rounding of the columns; `false` where so many
/// coefficients are not zero that the factor is cheaper.
fn add_columns(kernel: &Kernel, target: &[f64], states: &mut [&mut State]) -> bool {
    let most = kernel.rank * COLUMNS.0 / COLUMNS.1;
    let has_column = |row: &usize| states.iter().any(|state| state.v[*row] != 0.0);
    let columns: Vec<usize> = (0..target.len()).filter(has_column).take(most + 1).collect();
    if columns.len() > most {
        return false;
    }
    let thetas: Vec<Vec<f64>> = columns.iter().map(|&row| kernel.coordinates.row(row)).collect();
    let mut values = [[0.0f32; STRIP]; TOGETHER];
    for first in (0..target.len()).step_by(STRIP) {
        let strip = first..(first + STRIP).min(target.len());
        for state in states.iter_mut() {
            state.e[strip.clone()].copy_from_slice(&target[strip.clone()]);
        }
        for (rows, thetas) in columns.chunks(TOGETHER).zip(thetas.chunks(TOGETHER)) {
            for (values, theta) in values.iter_mut().zip(thetas) {
                let values = &mut values[..strip.len()];
                kernel.coordinates.kernel_f32(theta, kernel.gamma, first, values);
            }
            let values: [&[f32]; TOGETHER] = std::array::from_fn(|at| &values[at][..strip.len()]);
            for state in states.iter_mut() {
                let mut weights = [0.0; TOGETHER];
                for (weight, &row) in weights.iter_mut().zip(rows) {
                    *weight = -state.v[row];
                }
                if weights != [0.0; TOGETHER] {
                    let (weights, values) = (&weights[..rows.len()], &values[..rows.len()]);
                    simd::combine_f32(values, weights, &mut state.e[strip.clone()]);
                }
            }
        }
    }
    true
}

/// Memory and counters of one pixel's work.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) newton: Newton,
    pub(super) panel: Vec<f32>,
    pub(super) product: Vec<f32>,
    /// Rows whose residuals are wanted: all, or those of a sample.
    pub(super) all_rows: Vec<u32>,
}

impl Workspace {
    pub(super) fn for_rows(n: usize) -> Self {
        Self { all_rows: (0..n as u32).collect(), ..Self::default() }
    }
}

/// Tolerances of an approximate solution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accuracy {
    /// Of the local problem.
    pub(super) near: f64,
    /// Of the far rows, whose residuals carry the error of the factor.
    pub(super) far: f64,
    /// Where pairwise steps hand over to Newton steps.
    pub(super) pairs: f64,
    /// First proximal width of the Newton steps.
    pub(super) width: f64,
    /// Whether the Newton steps may round to f32.
    pub(super) rounded: bool,
}

/// One penalty and tube, and the targets.
#[derive(Clone, Copy)]
pub(super) struct Cell<'a> {
    pub(super) kernel: &'a Kernel,
    /// 0 at rows without target.
    pub(super) target: &'a [f64],
    pub(super) c: f64,
    pub(super) epsilon: f64,
    pub(super) accuracy: Accuracy,
}
