//! A start from the coefficients of a similar problem: of a model whose training set has some rows more, say.
//!
//! What is known is taken as it is: its rows stand where their coefficients put them, the bias is that of its free rows.
//! Unlike from cell to cell, residuals say less than coefficients: labels that are standardized anew bend the kernel a
//! little everywhere.

use ndarray::ArrayView1;

use super::super::sorting::upper_median;
use super::near::Near;
use super::path::near_count;
use super::settle::settle;
use super::side::Side;
use super::state::{Cell, State, Workspace, refresh};

/// Solves from the coefficients `start`, `(n_train,)`; rows that are not `used` lose theirs.
pub(super) fn warm_start(
    cell: &Cell<'_>,
    used: &[bool],
    start: ArrayView1<'_, f64>,
    work: &mut Workspace,
) -> State {
    let mut state = State::cold(cell.kernel, cell.target, used, cell.epsilon);
    for (row, &v) in start.iter().enumerate().filter(|&(row, _)| used[row]) {
        state.v[row] = if v.is_finite() { v.clamp(-cell.c, cell.c) } else { 0.0 };
        state.side[row] = Side::of_coefficient(state.v[row], cell.c);
    }
    state.rebuild(cell.kernel, cell.c);
    let all = std::mem::take(&mut work.all_rows);
    let Workspace { panel, product, .. } = work;
    refresh(cell.kernel, cell.target, &all, &mut [&mut state], panel, product);
    work.all_rows = all;
    state.bias = bias(&state, used, cell.epsilon);
    let n_used = used.iter().filter(|&&used| used).count();
    let distances = state.distances(used, cell.epsilon);
    let mut near = Near::new(cell.kernel, &distances, near_count(state.n_free(), n_used));
    settle(cell, &mut near, &mut [&mut state], work);
    state
}

/// Median of what each free row asks for; of all residuals where no row is free.
fn bias(state: &State, used: &[bool], epsilon: f64) -> f64 {
    let asked = |row: usize| match state.side[row] {
        Side::FreeAbove => Some(state.e[row] - epsilon),
        Side::FreeBelow => Some(state.e[row] + epsilon),
        _ => None,
    };
    let mut values: Vec<f64> = (0..state.e.len()).filter_map(asked).collect();
    if values.is_empty() {
        values = (0..state.e.len()).filter(|&row| used[row]).map(|row| state.e[row]).collect();
    }
    upper_median(&mut values).unwrap_or(0.0)
}
