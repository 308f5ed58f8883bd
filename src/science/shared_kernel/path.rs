//! Starts and paths: a cold start through ever larger samples, then from cell to cell and from all rows to the folds.

use std::rc::Rc;

use super::factor::Kernel;
use super::near::Near;
use super::settle::settle;
use super::side::Side;
use super::state::{Accuracy, Cell, State, Workspace, refresh};

/// How far a predicted residual may be off, scaled flux.
const ZONE: f64 = 1e-2;
/// Rows of the smallest sample of a cold start.
const SMALLEST_SAMPLE: usize = 256;
/// Each sample is so many times larger than the one before.
const GROWTH: usize = 3;

/// Of all samples but the last.
const ROUGH: Accuracy = Accuracy { near: 2e-2, far: 2e-2, pairs: 2e-2, width: 2e-2, rounded: true };

/// Order of rows in which samples are taken: a fixed shuffle, so that sorted training sets do no harm.
fn scrambled(used: &[bool]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..used.len()).filter(|&i| used[i]).collect();
    let key = |&row: &usize| {
        let x =
            (row as u64).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((x ^ (x >> 29)).wrapping_mul(0x94D0_49BB_1331_11EB), row)
    };
    rows.sort_by_key(key);
    rows
}

/// Solves at penalty `c` without a neighbor to start from.
pub(super) fn cold_start(
    kernel: &Kernel,
    target: &[f64],
    used: &[bool],
    (c, epsilon): (f64, f64),
    accuracy: Accuracy,
    work: &mut Workspace,
) -> State {
    let rows = scrambled(used);
    let mut size = rows.len();
    while size > SMALLEST_SAMPLE {
        size = size.div_ceil(GROWTH);
    }
    let mut sample = vec![false; used.len()];
    let mut state: Option<State> = None;
    loop {
        rows[..size].iter().for_each(|&row| sample[row] = true);
        // The same weight of all data against the norm.
        let scaled_c = c * rows.len() as f64 / size as f64;
        let last = size == rows.len();
        let accuracy = if last { accuracy } else { ROUGH };
        let cell = Cell { kernel, target, c: scaled_c, epsilon, accuracy };
        // Of a sample no other residuals are asked for.
        let is_read = |&row: &u32| last || sample[row as usize];
        work.all_rows = (0..used.len() as u32).filter(is_read).collect();
        state = Some(match state {
            None => first_sample(&cell, &sample, work),
            Some(state) => next_sample(&cell, state, &sample, work),
        });
        if last {
            break;
        }
        size = (size * GROWTH).min(rows.len());
    }
    state.unwrap_or_else(|| State::cold(kernel, target, used, epsilon))
}

fn first_sample(cell: &Cell<'_>, sample: &[bool], work: &mut Workspace) -> State {
    let mut state = State::cold(cell.kernel, cell.target, sample, cell.epsilon);
    let n = sample.iter().filter(|&&s| s).count();
    let mut near = Near::new(cell.kernel, &state.distances(sample, cell.epsilon), n);
    settle(cell, &mut near, &mut [&mut state], work);
    state
}

/// From the solution of a smaller sample to a larger one.
fn next_sample(cell: &Cell<'_>, mut state: State, sample: &[bool], work: &mut Workspace) -> State {
    let is_new = |&row: &u32| sample[row as usize] && state.side[row as usize] == Side::Out;
    let new: Vec<u32> = (0..sample.len() as u32).filter(is_new).collect();
    let states = &mut [&mut state];
    refresh(cell.kernel, cell.target, &new, states, &mut work.panel, &mut work.product);
    for row in new {
        let row = row as usize;
        state.side[row] = Side::of(state.e[row] - state.bias, cell.epsilon, 0.0);
    }
    let n = sample.iter().filter(|&&s| s).count();
    let n_near = (n / 4).max(400).min(n);
    let mut near = Near::new(cell.kernel, &state.distances(sample, cell.epsilon), n_near);
    for (v, side) in state.v.iter_mut().zip(&state.side) {
        // Coefficients of the smaller problem have a larger bound.
        if side.bound(1.0).is_none() {
            *v = v.clamp(-cell.c, cell.c);
        }
    }
    state.rebuild(cell.kernel, cell.c);
    settle(cell, &mut near, &mut [&mut state], work);
    state
}

/// Rows to keep near, given the number of free ones.
pub(super) fn near_count(n_free: usize, n_used: usize) -> usize {
    (2 * n_free + n_used / 32 + 64).min(n_used)
}

/// From the solution of a neighboring cell to this one, whose penalty is `ratio` times larger.
pub(super) fn neighbor(
    cell: &Cell<'_>,
    state: &mut State,
    used: &[bool],
    ratio: f64,
    work: &mut Workspace,
) -> Near {
    let n_used = used.iter().filter(|&&u| u).count();
    let distances = state.distances(used, cell.epsilon);
    let mut near = Near::new(cell.kernel, &distances, near_count(state.n_free(), n_used));
    state.reclassify(cell.epsilon);
    state.jump(cell.kernel, cell.c, ratio);
    settle(cell, &mut near, &mut [state], work);
    near
}

/// A fold's solution in a cell of smaller penalty, and that of all rows there.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) whole: Rc<State>,
    pub(super) fold: Rc<State>,
    pub(super) c: f64,
}

/// A fold's state, predicted from its solution in a neighboring cell: what leaving rows out changes there, it changes
/// here.
fn predicted_fold(
    cell: &Cell<'_>,
    whole: &State,
    held_out: &[usize],
    known: Option<&Known>,
) -> State {
    let mut state = State { n_steps: 0, ..whole.clone() };
    for &row in held_out {
        if state.v[row] != 0.0 {
            cell.kernel.add_row(row, -state.v[row], &mut state.features);
        }
        state.v[row] = 0.0;
        state.side[row] = Side::Out;
    }
    if let Some(Known { whole, fold, .. }) = known {
        for row in 0..state.e.len() {
            state.e[row] += fold.e[row] - whole.e[row];
        }
        state.bias += fold.bias - whole.bias;
    }
    state
}

/// From the solution of all rows to that without those of each fold; `held_out` and `known` are in one order.
pub(super) fn folds(
    cell: &Cell<'_>,
    near: &mut Near,
    whole: &State,
    held_out: &[&[usize]],
    known: &[Option<Known>],
    work: &mut Workspace,
) -> Vec<State> {
    let mut states: Vec<State> = Vec::with_capacity(held_out.len());
    for (rows, known) in held_out.iter().zip(known) {
        let known = known.as_ref();
        let mut state = predicted_fold(cell, whole, rows, known);
        state.open_zone(near, cell, if known.is_some() { ZONE } else { 2.0 * ZONE });
        state.jump(cell.kernel, cell.c, 1.0);
        if let Some(known) = known {
            let ratio = cell.c / known.c;
            for row in 0..state.v.len() {
                let change = ratio * (known.fold.v[row] - known.whole.v[row]);
                if state.side[row].bound(1.0).is_none() && change != 0.0 {
                    let to = (whole.v[row] + change).clamp(-cell.c, cell.c);
                    cell.kernel.add_row(row, to - state.v[row], &mut state.features);
                    state.v[row] = to;
                }
            }
        }
        states.push(state);
    }
    let mut open: Vec<&mut State> = states.iter_mut().collect();
    settle(cell, near, &mut open, work);
    states
}

impl State {
    /// Frees every near row whose residual lies within `zone` of where its coefficient wants it, and puts all others to
    /// the side where their residual is.
    pub(super) fn open_zone(&mut self, near: &Near, cell: &Cell<'_>, zone: f64) {
        let sigma = zone / cell.c;
        for &row in near.rows() {
            let row = row as usize;
            if self.side[row] != Side::Out {
                let t = self.e[row] - self.bias + sigma * self.v[row].clamp(-cell.c, cell.c);
                self.side[row] = Side::of(t, cell.epsilon, zone);
            }
        }
        for &row in near.far_rows() {
            let row = row as usize;
            if self.side[row] != Side::Out {
                self.side[row] = Side::of(self.e[row] - self.bias, cell.epsilon, 0.0);
            }
        }
    }

    /// Puts rows where their sides say and computes the features from all of them.
    pub(super) fn rebuild(&mut self, kernel: &Kernel, c: f64) {
        self.features.fill(0.0);
        for row in 0..self.v.len() {
            if let Some(bound) = self.side[row].bound(c) {
                self.v[row] = bound;
            }
            if self.v[row] != 0.0 {
                kernel.add_row(row, self.v[row], &mut self.features);
            }
        }
    }
}
