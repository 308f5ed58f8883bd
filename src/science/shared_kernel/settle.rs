//! Solving the states of one cell together: roughly on a first guess of the near rows, then on the right ones.

use super::super::sorting::sort_indices;
use super::near::Near;
use super::newton::Setting;
use super::path::near_count;
use super::side::Side;
use super::smo;
use super::state::{Cell, State, Workspace, refresh};

/// Pairwise steps of one local problem.
const MAX_PAIRS: usize = 500_000;
/// Rounds of growing the near set.
const MAX_ROUNDS: usize = 30;
/// One far row in so many may contradict its coefficient slightly: another round would move the others by less than the
/// tolerance.
const FEW: usize = 1_000;
/// Slightly, in tolerances.
const SLIGHTLY: f64 = 10.0;

/// Solves all `states` of one cell on one set of near rows, and leaves in `near` the set that proved right.
///
/// Each state holds coefficients as [`State::jump`] leaves them, its sides and features; residuals are computed here.
/// Pairwise steps on the guessed set come first: only then is it known which rows are near.
pub(super) fn settle(
    cell: &Cell<'_>,
    near: &mut Near,
    states: &mut [&mut State],
    work: &mut Workspace,
) {
    let rows = near.rows().to_vec();
    refresh(cell.kernel, cell.target, &rows, states, &mut work.panel, &mut work.product);
    for state in states.iter_mut() {
        settle_pairs(cell, near, state, work);
    }
    refresh_all(cell, states, work);
    *near = rebuilt(cell, states);
    settle_rounds(cell, near, states, work);
}

/// The same of states that are nearly solved, their residuals computed, on near rows that are nearly right.
pub(super) fn settle_rounds(
    cell: &Cell<'_>,
    near: &mut Near,
    states: &mut [&mut State],
    work: &mut Workspace,
) {
    let mut open: Vec<&mut State> = states.iter_mut().map(|state| &mut **state).collect();
    for round in 0..MAX_ROUNDS {
        for state in &mut open {
            settle_near(cell, near, state, work);
        }
        refresh_all(cell, &mut open, work);
        let mut missing: Vec<usize> = Vec::new();
        open.retain(|state| {
            let mut wrong = state.contradicted(near, cell.epsilon, cell.accuracy.far);
            let far = near.far_rows();
            let beyond = |at: usize| state.beyond(far[at] as usize, cell.epsilon);
            if wrong.len() <= state.e.len() / FEW
                && wrong.iter().all(|&at| beyond(at) <= SLIGHTLY * cell.accuracy.far)
            {
                return false;
            }
            // Ever more of them, lest the rounds run out.
            let most = most_wrong(state.n_free(), 0) << (round / 4);
            keep_worst(&mut wrong, most, beyond);
            missing.extend(&wrong);
            !wrong.is_empty()
        });
        if open.is_empty() {
            return;
        }
        sort_indices(&mut missing);
        missing.dedup();
        near.extend(&missing);
    }
    for state in open {
        state.converged = false;
    }
}

fn refresh_all(cell: &Cell<'_>, states: &mut [&mut State], work: &mut Workspace) {
    let all = std::mem::take(&mut work.all_rows);
    refresh(cell.kernel, cell.target, &all, states, &mut work.panel, &mut work.product);
    work.all_rows = all;
}

/// The rows near an edge in any of the states.
fn rebuilt(cell: &Cell<'_>, states: &[&mut State]) -> Near {
    let mut nearest = vec![f64::INFINITY; cell.target.len()];
    let mut beyond = vec![0.0f64; cell.target.len()];
    let mut n_free = 0;
    for state in states {
        n_free = n_free.max(state.n_free());
        for row in 0..nearest.len() {
            nearest[row] = nearest[row].min(state.distance(row, cell.epsilon));
            beyond[row] = beyond[row].max(state.beyond(row, cell.epsilon));
        }
    }
    let n_used = nearest.iter().filter(|d| d.is_finite()).count();
    let is_wrong = |&row: &usize| beyond[row] > cell.accuracy.pairs;
    let mut wrong: Vec<usize> = (0..beyond.len()).filter(is_wrong).collect();
    keep_worst(&mut wrong, most_wrong(n_free, n_used), |row| beyond[row]);
    wrong.iter().for_each(|&row| nearest[row] = 0.0);
    let n_urgent = nearest.iter().filter(|&&d| d == 0.0).count();
    // A few more than will count: a row that is missing costs another round.
    let n_near = (near_count(n_free, n_used) * 5 / 4).max(n_urgent + n_used / 32);
    Near::new(cell.kernel, &nearest, n_near.min(n_used))
}

/// How many rows that contradict their coefficients are taken in at once.
///
/// Where many do, few of them decide: a fit that is off between its rows is off for all rows there.
fn most_wrong(n_free: usize, n_used: usize) -> usize {
    2 * n_free + n_used / 128 + 64
}

/// Keeps the `most` worst rows, in ascending order.
fn keep_worst(rows: &mut Vec<usize>, most: usize, beyond: impl Fn(usize) -> f64) {
    if rows.len() > most {
        rows.select_nth_unstable_by(most, |&a, &b| beyond(b).total_cmp(&beyond(a)).then(a.cmp(&b)));
        rows.truncate(most);
        sort_indices(rows);
    }
}

impl State {
    /// Distance of a row's residual to the nearer edge: 0 where it is free, infinite where it takes no part.
    fn distance(&self, row: usize, epsilon: f64) -> f64 {
        match self.side[row] {
            Side::Out => f64::INFINITY,
            Side::FreeAbove | Side::FreeBelow => 0.0,
            _ => ((self.e[row] - self.bias).abs() - epsilon).abs(),
        }
    }
}

fn setting(cell: &Cell<'_>, far_sum: f64) -> Setting {
    Setting {
        c: cell.c,
        epsilon: cell.epsilon,
        tolerance: cell.accuracy.near,
        width: cell.accuracy.width,
        rank: cell.kernel.rank,
        far_sum,
        rounded: cell.accuracy.rounded,
    }
}

/// Pairwise steps alone.
fn settle_pairs(cell: &Cell<'_>, near: &mut Near, state: &mut State, work: &mut Workspace) {
    let setting = setting(cell, state.gather(near, &mut work.newton));
    work.newton.balance(near, &setting);
    smo::minimize(&mut work.newton, near, &setting, cell.accuracy.pairs, MAX_PAIRS);
    state.scatter(cell.kernel, near, &work.newton);
}

fn settle_near(cell: &Cell<'_>, near: &mut Near, state: &mut State, work: &mut Workspace) {
    let setting = setting(cell, state.gather(near, &mut work.newton));
    work.newton.n_steps = 0;
    work.newton.balance(near, &setting);
    smo::minimize(&mut work.newton, near, &setting, cell.accuracy.pairs, MAX_PAIRS);
    state.converged =
        work.newton.violation(&setting) <= setting.tolerance || work.newton.solve(near, &setting);
    if !state.converged {
        // Slower, but it always makes progress.
        work.newton.balance(near, &setting);
        smo::minimize(&mut work.newton, near, &setting, cell.accuracy.near, MAX_PAIRS);
        state.converged = work.newton.violation(&setting) <= cell.accuracy.near;
    }
    state.n_steps += work.newton.n_steps;
    state.scatter(cell.kernel, near, &work.newton);
}
