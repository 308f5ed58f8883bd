//! Cross-validation over a grid of hyper-parameters, one pixel.
//!
//! Cells of one gamma and epsilon make a path along C: each cell starts from the one before, each fold from the
//! solution of all rows. Errors only add up: a cell whose folds done so far exceed what the best cell has in all cannot
//! be the best, whatever its other folds hold. Where only the best is asked for, such a cell is left, and so that this
//! comes soon the folds that were hard for the best cell are done first. Cells are then solved roughly, in units of the
//! scatter about them, and only those that come near the best are solved as precisely as it.

use std::rc::Rc;

use super::super::sorting::sort_numbers;
use super::super::svr::{HyperParameters, Search};
use super::factor::Kernel;
use super::near::Near;
use super::path::{Known, cold_start, folds, neighbor};
use super::settle::settle_rounds;
use super::state::{Accuracy, Cell, State, Workspace};

/// Of the solutions that only yield held-out errors:
/// their mean squared errors are within 1e-5 of those of exact solutions.
const HELD_OUT: Accuracy =
    Accuracy { near: 1e-5, far: 1e-5, pairs: 2e-2, width: 1e-2, rounded: true };
/// Where only the best is asked for, cells are first solved to this share of the scatter about them.
const ROUGH: f64 = 0.01;
/// No rougher than this, scaled flux.
const ROUGHEST: f64 = 1e-2;
/// Relative error that a mean square of rough solutions may have; it is about 3e-4.
const MARGIN: f64 = 2e-3;
/// Folds that are done first of a cell of which nothing is known.
const SCOUTS: usize = 3;
/// A cell is expected to be left only where it promises to be worse than the best by this factor.
const WORSE: f64 = 1.02;

/// What is searched.
pub(super) struct Surface<'a> {
    /// The kernel of each cell.
    pub(super) kernels: Vec<&'a Kernel>,
    pub(super) cells: &'a [HyperParameters],
    /// Scaled flux, 0 where a row takes no part, `(n_train,)`.
    pub(super) target: &'a [f64],
    pub(super) used: &'a [bool],
    pub(super) search: Search,
}

/// Mean over folds of the held-out mean squared error of each cell; NaN for a cell that was left, and for all where no
/// fold can be scored.
pub(super) fn held_out_errors(surface: &Surface<'_>, fold_of_row: &[Option<usize>]) -> Vec<f64> {
    let held_out = scored_folds(fold_of_row);
    let mut errors = vec![f64::NAN; surface.cells.len()];
    if held_out.is_empty() {
        return errors;
    }
    let mut best = Best { folds: vec![f64::INFINITY; held_out.len()] };
    for path in paths(surface.cells) {
        walk(surface, &held_out, &path, &mut best, &mut errors);
    }
    errors
}

/// Held-out errors of each fold in the best cell so far; infinite before there is one.
struct Best {
    folds: Vec<f64>,
}

impl Best {
    fn sum(&self) -> f64 {
        self.folds.iter().sum()
    }

    /// How many of the folds `left`, in their order, decide about a cell whose folds done have the sum `done`, and whose
    /// folds are expected to be `ratio` times the best cell's.
    fn n_deciding(&self, left: &[usize], done: f64, ratio: Option<f64>) -> usize {
        let most = self.sum();
        if most.is_infinite() {
            return left.len();
        }
        let Some(ratio) = ratio else { return SCOUTS.min(left.len()) };
        if ratio < WORSE {
            return left.len();
        }
        let mut sum = done;
        let exceeds = |&fold: &usize| {
            sum += ratio * self.folds[fold];
            sum > WORSE * most
        };
        left.iter().position(exceeds).map_or(left.len(), |last| last + 1)
    }

    /// The errors `errors` of `folds` in units of the best cell's.
    fn ratio(&self, folds: &[usize], errors: &[f64]) -> Option<f64> {
        let sum = |of: &[f64]| folds.iter().map(|&fold| of[fold]).sum::<f64>();
        let ratio = sum(errors) / sum(&self.folds);
        ratio.is_finite().then_some(ratio)
    }
}

/// Goes along one path of cells.
fn walk(
    surface: &Surface<'_>,
    held_out: &[Vec<usize>],
    path: &[usize],
    best: &mut Best,
    errors: &mut [f64],
) {
    let &Surface { target, used, cells, .. } = surface;
    let kernel = surface.kernels[path[0]];
    let mut work = Workspace::for_rows(target.len());
    let first = cells[path[0]];
    let start = (first.c, first.epsilon);
    let mut whole = cold_start(kernel, target, used, start, HELD_OUT, &mut work);
    let mut known: Vec<Option<Known>> = vec![None; held_out.len()];
    let mut last_c = first.c;
    let mut ratio = None;
    for &at in path {
        let HyperParameters { c, epsilon, .. } = cells[at];
        let accuracy = match surface.search {
            Search::Complete => HELD_OUT,
            Search::Best => rough(scatter(&whole, used)),
        };
        let cell = Cell { kernel, target, c, epsilon, accuracy };
        let near = neighbor(&cell, &mut whole, used, c / last_c, &mut work);
        let mut task = FoldTask { cell, near, whole: Rc::new(whole.clone()), work: &mut work };
        let found = task.fold_errors(surface.search, held_out, &mut known, best, ratio);
        ratio = best.ratio(&found.done, &found.errors);
        if found.is_precise {
            errors[at] = found.sum() / held_out.len() as f64;
            if found.sum() < best.sum() {
                best.folds = found.errors;
            }
        }
        last_c = c;
    }
}

/// Standard deviation of the residuals, scaled flux.
fn scatter(state: &State, used: &[bool]) -> f64 {
    let rows: Vec<usize> = (0..used.len()).filter(|&row| used[row]).collect();
    mean_square(state, &rows).sqrt()
}

/// Tolerances where the scatter is that large.
fn rough(scatter: f64) -> Accuracy {
    let tolerance = (ROUGH * scatter).clamp(HELD_OUT.near, ROUGHEST);
    Accuracy { near: tolerance, far: tolerance, ..HELD_OUT }
}

/// Errors of the folds that were done.
struct FoundErrors {
    done: Vec<usize>,
    /// Of each fold; 0 of those not done.
    errors: Vec<f64>,
    /// Whether all were done, and precisely.
    is_precise: bool,
}

impl FoundErrors {
    fn sum(&self) -> f64 {
        self.errors.iter().sum()
    }
}

/// The folds of one cell.
struct FoldTask<'a> {
    cell: Cell<'a>,
    near: Near,
    whole: Rc<State>,
    work: &'a mut Workspace,
}

impl FoldTask<'_> {
    /// Does folds until all are done or the cell cannot be the best; `known` are their solutions in cells before.
    fn fold_errors(
        &mut self,
        search: Search,
        held_out: &[Vec<usize>],
        known: &mut [Option<Known>],
        best: &Best,
        ratio: Option<f64>,
    ) -> FoundErrors {
        let mut left: Vec<usize> = (0..held_out.len()).collect();
        if search == Search::Best {
            left.sort_by(|&a, &b| best.folds[b].total_cmp(&best.folds[a]));
        }
        let mut found =
            FoundErrors { done: Vec::new(), errors: vec![0.0; held_out.len()], is_precise: false };
        let mut ratio = ratio;
        while !left.is_empty() {
            let count = match search {
                Search::Complete => left.len(),
                Search::Best if found.sum() > self.limit(best) => return found,
                Search::Best => best.n_deciding(&left, found.sum(), ratio),
            };
            let chosen: Vec<usize> = left.drain(..count).collect();
            let rows: Vec<&[usize]> = chosen.iter().map(|&fold| &held_out[fold][..]).collect();
            let before: Vec<Option<Known>> =
                chosen.iter().map(|&fold| known[fold].take()).collect();
            let states = folds(&self.cell, &mut self.near, &self.whole, &rows, &before, self.work);
            for (&fold, state) in chosen.iter().zip(states) {
                found.errors[fold] = mean_square(&state, &held_out[fold]);
                let whole = self.whole.clone();
                known[fold] = Some(Known { whole, fold: Rc::new(state), c: self.cell.c });
            }
            found.done.extend(chosen);
            ratio = best.ratio(&found.done, &found.errors);
        }
        if found.sum() <= self.limit(best) || search == Search::Complete {
            self.refine(held_out, known, &mut found);
            found.is_precise = true;
        }
        found
    }

    /// What the folds of a cell that may be the best do not exceed together.
    fn limit(&self, best: &Best) -> f64 {
        best.sum() * if self.is_rough() { 1.0 + MARGIN } else { 1.0 }
    }

    fn is_rough(&self) -> bool {
        self.cell.accuracy.near > HELD_OUT.near
    }

    /// Solves all folds precisely.
    fn refine(
        &mut self,
        held_out: &[Vec<usize>],
        known: &mut [Option<Known>],
        found: &mut FoundErrors,
    ) {
        if !self.is_rough() {
            return;
        }
        let cell = Cell { accuracy: HELD_OUT, ..self.cell };
        let mut states: Vec<&mut State> =
            known.iter_mut().flatten().map(|known| Rc::make_mut(&mut known.fold)).collect();
        settle_rounds(&cell, &mut self.near, &mut states, self.work);
        for ((error, state), rows) in found.errors.iter_mut().zip(states).zip(held_out) {
            *error = mean_square(state, rows);
        }
    }
}

fn mean_square(state: &State, rows: &[usize]) -> f64 {
    let squares = rows.iter().map(|&row| (state.e[row] - state.bias).powi(2));
    squares.sum::<f64>() / rows.len() as f64
}

/// Held-out rows of each fold that can be scored: it holds rows, and leaves at least two.
fn scored_folds(fold_of_row: &[Option<usize>]) -> Vec<Vec<usize>> {
    let n_folds = fold_of_row.iter().flatten().max().map_or(0, |&f| f + 1);
    let n_used = fold_of_row.iter().flatten().count();
    let mut rows = vec![Vec::new(); n_folds];
    for (row, fold) in fold_of_row.iter().enumerate() {
        if let Some(fold) = fold {
            rows[*fold].push(row);
        }
    }
    rows.retain(|rows| !rows.is_empty() && n_used - rows.len() >= 2);
    rows
}

/// Cells of one gamma and epsilon, by ascending C: the order in which solutions are followed.
///
/// The narrowest tube comes first, and of its kernels the middle one: it is seldom bad, so that much can be left after
/// it. Then come narrower kernels, at last the widest, whose fits take longest.
fn paths(cells: &[HyperParameters]) -> Vec<Vec<usize>> {
    let mut paths: Vec<Vec<usize>> = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let same = |path: &&mut Vec<usize>| {
            let first = cells[path[0]];
            first.gamma == cell.gamma && first.epsilon == cell.epsilon
        };
        match paths.iter_mut().find(same) {
            Some(path) => path.push(at),
            None => paths.push(vec![at]),
        }
    }
    for path in &mut paths {
        path.sort_by(|&a, &b| cells[a].c.total_cmp(&cells[b].c).then(a.cmp(&b)));
    }
    let mut gammas: Vec<f64> = paths.iter().map(|path| cells[path[0]].gamma).collect();
    sort_numbers(&mut gammas);
    gammas.dedup();
    let middle = gammas[gammas.len() / 2];
    let rank = |path: &[usize]| {
        let HyperParameters { gamma, epsilon, .. } = cells[path[0]];
        let below = gamma < middle;
        (epsilon, below, if below { -gamma } else { gamma })
    };
    paths.sort_by(|a, b| {
        let (a, b) = (rank(a), rank(b));
        a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.total_cmp(&b.2))
    });
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(c: &[f64], gamma: &[f64], epsilon: &[f64]) -> Vec<HyperParameters> {
        let mut cells = Vec::new();
        for &epsilon in epsilon {
            for &gamma in gamma {
                cells.extend(c.iter().map(|&c| HyperParameters { c, gamma, epsilon }));
            }
        }
        cells
    }

    #[test]
    fn paths_ascend_in_c_and_begin_with_the_middle_kernel_of_the_narrowest_tube() {
        let cells = cells(&[4.0, 1.0], &[0.1, 0.3, 1.0], &[0.1, 0.05]);
        let firsts: Vec<HyperParameters> =
            paths(&cells).iter().map(|path| cells[path[0]]).collect();
        assert!(firsts.iter().all(|cell| cell.c == 1.0));
        let kernels: Vec<(f64, f64)> = firsts.iter().map(|c| (c.epsilon, c.gamma)).collect();
        let expected = [(0.05, 0.3), (0.05, 1.0), (0.05, 0.1), (0.1, 0.3), (0.1, 1.0), (0.1, 0.1)];
        assert_eq!(kernels, expected);
    }

    #[test]
    fn as_many_folds_are_done_as_are_expected_to_decide() {
        let nothing = Best { folds: vec![f64::INFINITY; 4] };
        assert_eq!(nothing.n_deciding(&[0, 1, 2, 3], 0.0, None), 4);
        let best = Best { folds: vec![1.0, 2.0, 1.0, 1.0] };
        let left = [1, 0, 2, 3];
        assert_eq!(best.n_deciding(&left, 0.0, None), SCOUTS);
        assert_eq!(best.n_deciding(&left, 0.0, Some(1.0)), 4, "it may be the best");
        assert_eq!(best.n_deciding(&left, 0.0, Some(2.0)), 2, "2 + 2 < 5.1 < 4 + 2");
        assert_eq!(best.n_deciding(&left, 0.0, Some(10.0)), 1);
        assert_eq!(best.n_deciding(&left[2..], 4.5, Some(1.1)), 1);
    }
}
