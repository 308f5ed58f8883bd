//! From the low-rank solution to that of the exact kernel, f64.
//!
//! Residuals of all rows are computed with the exact kernel once; after that every change of a coefficient is followed
//! exactly. The Newton steps may use rounded columns: they only have to point the right way.

use rayon::prelude::*;

use super::factor::Kernel;
use super::near::Near;
use super::newton::Setting;
use super::path::near_count;
use super::side::Side;
use super::simd::{self, SIDE};
use super::smo;
use super::state::{State, Workspace};

/// Rows of the kernel that are in memory at a time.
const BLOCK: usize = 16;
/// A solution with fewer coefficients than this share of the rows is evaluated by itself.
const SPARSE: usize = 16;
/// Rounds of steps and exact residuals.
const MAX_ROUNDS: usize = 12;
/// Pairwise steps where Newton steps stall.
const MAX_PAIRS: usize = 2_000_000;

/// K v for several coefficient vectors, exact, each `(n_train,)`.
///
/// A vector's result does not depend on which others it comes with.
pub(super) fn exact_values(kernel: &Kernel, vectors: &[&[f64]]) -> Vec<Vec<f64>> {
    let n = kernel.n_row();
    let is_sparse = |v: &[f64]| v.iter().filter(|&&v| v != 0.0).count() * SPARSE < n;
    let dense: Vec<usize> = (0..vectors.len()).filter(|&at| !is_sparse(vectors[at])).collect();
    let mut values: Vec<Vec<f64>> = vectors
        .par_iter()
        .map(|v| if is_sparse(v) { sparse_values(kernel, v) } else { vec![0.0; n] })
        .collect();
    if dense.is_empty() {
        return values;
    }
    let blocks: Vec<usize> = (0..n).step_by(BLOCK).collect();
    let parts: Vec<Vec<[f64; BLOCK]>> = blocks
        .par_iter()
        .map_init(
            || vec![0.0; n * BLOCK],
            |rows, &first| {
                let height = BLOCK.min(n - first);
                for (at, row) in rows.chunks_exact_mut(n).enumerate().take(height) {
                    let theta = kernel.coordinates.row(first + at);
                    kernel.coordinates.kernel(&theta, kernel.gamma, 0, row);
                }
                dense.chunks(SIDE).flat_map(|few| block_products(rows, few, vectors)).collect()
            },
        )
        .collect();
    for (&first, part) in blocks.iter().zip(&parts) {
        for (&at, products) in dense.iter().zip(part) {
            let height = BLOCK.min(n - first);
            values[at][first..first + height].copy_from_slice(&products[..height]);
        }
    }
    values
}

/// A block of kernel rows times up to [`SIDE`] of the vectors.
fn block_products(rows: &[f64], few: &[usize], vectors: &[&[f64]]) -> Vec<[f64; BLOCK]> {
    let few_vectors: [&[f64]; SIDE] = std::array::from_fn(|at| vectors[few[at.min(few.len() - 1)]]);
    let n = few_vectors[0].len();
    let mut out = vec![[0.0; BLOCK]; few.len()];
    for first in (0..BLOCK).step_by(SIDE) {
        let row = |at: usize| &rows[(first + at) * n..(first + at + 1) * n];
        let products = simd::dots(std::array::from_fn(row), few_vectors);
        for (out, products) in out.iter_mut().zip(products) {
            out[first..first + SIDE].copy_from_slice(&products);
        }
    }
    out
}

fn sparse_values(kernel: &Kernel, v: &[f64]) -> Vec<f64> {
    let mut values = vec![0.0; v.len()];
    let mut column = vec![0.0; v.len()];
    for (row, &weight) in v.iter().enumerate().filter(|(_, v)| **v != 0.0) {
        kernel.coordinates.kernel(&kernel.coordinates.row(row), kernel.gamma, 0, &mut column);
        simd::axpy(weight, &column, &mut values);
    }
    values
}

/// Brings `state`, whose residuals are exact, to `tolerance`; returns the largest violation left.
pub(super) fn polish(
    kernel: &Kernel,
    state: &mut State,
    used: &[bool],
    (c, epsilon): (f64, f64),
    tolerance: f64,
    work: &mut Workspace,
) -> f64 {
    let n_used = used.iter().filter(|&&u| u).count();
    let mut n_near = near_count(state.n_free(), n_used);
    let mut left = violation(state, c, epsilon);
    let mut column = vec![0.0; state.e.len()];
    for round in 0..MAX_ROUNDS {
        if left <= tolerance {
            break;
        }
        state.reclassify(epsilon);
        let mut near = Near::new(kernel, &urgency(state, used, (c, epsilon)), n_near);
        let far_sum = state.gather(&near, &mut work.newton);
        let width = (10.0 * left).clamp(1e-5, 1e-2);
        let setting = Setting {
            c,
            epsilon,
            tolerance: 0.2 * tolerance,
            width,
            far_sum,
            rounded: false,
            rank: kernel.rank,
        };
        let in_time = round + 2 < MAX_ROUNDS;
        if !(in_time && work.newton.solve(&mut near, &setting)) {
            state.gather(&near, &mut work.newton);
            work.newton.balance(&mut near, &setting);
            smo::minimize(&mut work.newton, &mut near, &setting, 0.5 * tolerance, MAX_PAIRS);
        }
        follow(kernel, state, &near, work, &mut column);
        left = violation(state, c, epsilon);
        n_near = (2 * n_near).min(n_used);
    }
    left
}

/// Distance to the edges; 0 for rows that have yet to move to their side.
fn urgency(state: &State, used: &[bool], (c, epsilon): (f64, f64)) -> Vec<f64> {
    let mut distances = state.distances(used, epsilon);
    for (i, distance) in distances.iter_mut().enumerate() {
        if used[i] && state.side[i].bound(c).is_some_and(|bound| bound != state.v[i]) {
            *distance = 0.0;
        }
    }
    distances
}

/// Takes the local solution and follows it with exact residuals.
fn follow(kernel: &Kernel, state: &mut State, near: &Near, work: &Workspace, column: &mut [f64]) {
    for (at, &row) in near.rows().iter().enumerate() {
        let row = row as usize;
        state.side[row] = work.newton.side[at];
        let d = work.newton.v[at] - state.v[row];
        if d != 0.0 {
            state.v[row] = work.newton.v[at];
            kernel.coordinates.kernel(&kernel.coordinates.row(row), kernel.gamma, 0, column);
            simd::axpy(-d, column, &mut state.e);
        }
    }
    state.bias = work.newton.bias;
}

/// Largest violation of the optimality conditions over all rows, scaled flux; residuals are taken as they are.
pub(super) fn violation(state: &State, c: f64, epsilon: f64) -> f64 {
    let mut worst = state.v.iter().sum::<f64>().abs();
    for i in 0..state.e.len() {
        if state.side[i] == Side::Out {
            continue;
        }
        let (v, r) = (state.v[i], state.e[i] - state.bias);
        let outward = r * v.signum() - epsilon;
        let beyond = if v == 0.0 {
            r.abs() - epsilon
        } else if v.abs() >= c {
            (-outward).max(v.abs() - c)
        } else {
            outward.abs()
        };
        worst = worst.max(beyond);
    }
    worst
}
