//! Epsilon support-vector regression with a Gaussian kernel: the problem, its solution and its optimality conditions.
//!
//! One pixel of SLAM is one such problem (Li et al. 2021, §2.2). Every pixel of a training set has the same scaled
//! labels; masks and cross-validation folds are row flags. A [`SvrSolver`] may therefore prepare one kernel per gamma
//! for all pixels and folds ([`SvrSolver::prepare`]).

mod optimality;

use ndarray::{Array1, ArrayView1, ArrayView2};
use rayon::prelude::*;

pub use optimality::{KktViolation, kkt_violation};

/// Why a support-vector regression failed.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SvrError {
    /// Arrays of different lengths.
    #[error(
        "the SVR problem has {n_train} label rows but {found} entries in `{what}`; both must describe the same stars"
    )]
    Length {
        /// Which array.
        what: &'static str,
        /// Number of label rows.
        n_train: usize,
        /// Length found.
        found: usize,
    },
    /// Fewer than two rows are used.
    #[error(
        "the SVR problem has {n_used} used rows and needs at least 2; mark the pixel unusable instead of fitting it"
    )]
    TooFewRows {
        /// Used rows.
        n_used: usize,
    },
    /// NaN or infinity among the used rows.
    #[error("row {row} of the SVR problem has a non-finite {what}; clear its `used` flag")]
    NotFinite {
        /// Training row.
        row: usize,
        /// `label` or `target`.
        what: &'static str,
    },
    /// C or gamma not positive, or epsilon not positive.
    #[error("hyper-parameter {name} = {value} must be finite and positive")]
    HyperParameter {
        /// Which one.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// The solver refused the problem.
    #[error("the {solver} solver refused the problem at {hyper}: {reason}")]
    Solver {
        /// Name of the solver.
        solver: &'static str,
        /// Where in the grid.
        hyper: HyperParameters,
        /// What it said.
        reason: String,
    },
}

/// Hyper-parameters of one regression.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HyperParameters {
    /// Penalty of residuals beyond epsilon; bounds the dual coefficients.
    pub c: f64,
    /// Inverse squared width of the kernel exp(-gamma |a - b|^2), per squared scaled label.
    pub gamma: f64,
    /// Half-width of the insensitive tube, in scaled flux.
    pub epsilon: f64,
}

impl std::fmt::Display for HyperParameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "C = {}, gamma = {}, epsilon = {}", self.c, self.gamma, self.epsilon)
    }
}

impl HyperParameters {
    /// Checks that all three are finite and positive.
    ///
    /// # Errors
    /// [`SvrError::HyperParameter`] names the first that is not.
    pub fn check(&self) -> Result<(), SvrError> {
        for (name, value) in [("C", self.c), ("gamma", self.gamma), ("epsilon", self.epsilon)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(SvrError::HyperParameter { name, value });
            }
        }
        Ok(())
    }
}

/// One regression: scaled flux of one pixel against scaled labels.
#[derive(Debug, Clone, Copy)]
pub struct SvrProblem<'a> {
    /// Scaled labels of all training stars, `(n_train, n_label)`.
    pub scaled_labels: ArrayView2<'a, f64>,
    /// Scaled flux, `(n_train,)`; read only where `used`.
    pub target: ArrayView1<'a, f64>,
    /// Which stars take part, `(n_train,)`: masks and folds.
    pub used: &'a [bool],
}

impl SvrProblem<'_> {
    /// Numbers of the used rows, ascending.
    pub fn used_rows(&self) -> Vec<usize> {
        (0..self.used.len()).filter(|&i| self.used[i]).collect()
    }

    /// Checks shapes and values of the used rows.
    ///
    /// # Errors
    /// [`SvrError::Length`], [`SvrError::TooFewRows`], [`SvrError::NotFinite`].
    pub fn check(&self) -> Result<(), SvrError> {
        let n_train = self.scaled_labels.nrows();
        for (what, found) in [("target", self.target.len()), ("used", self.used.len())] {
            if found != n_train {
                return Err(SvrError::Length { what, n_train, found });
            }
        }
        let rows = self.used_rows();
        if rows.len() < 2 {
            return Err(SvrError::TooFewRows { n_used: rows.len() });
        }
        for row in rows {
            if !self.target[row].is_finite() {
                return Err(SvrError::NotFinite { row, what: "target" });
            }
            if self.scaled_labels.row(row).iter().any(|v| !v.is_finite()) {
                return Err(SvrError::NotFinite { row, what: "label" });
            }
        }
        Ok(())
    }
}

/// A fitted regression: f(theta) = sum_i dual_i k(theta, theta_i) + bias.
#[derive(Debug, Clone, PartialEq)]
pub struct SvrSolution {
    /// Dual coefficients, `(n_train,)`, exactly zero where the row was not used.
    pub dual: Array1<f64>,
    /// Constant term, scaled flux.
    pub bias: f64,
    /// Largest violation of the optimality conditions ([`kkt_violation`]), scaled flux.
    pub kkt_residual: f64,
    /// Iterations, where the solver tells.
    pub n_iterations: Option<usize>,
}

/// Something that solves epsilon-SVR problems.
pub trait SvrSolver: Sync {
    /// Prepares what all problems on these labels, `(n_train, n_label)`, share, for the kernels of `gammas`.
    fn prepare<'a>(
        &'a self,
        scaled_labels: ArrayView2<'a, f64>,
        gammas: &[f64],
    ) -> Box<dyn PreparedSvr + 'a>;

    /// Solves `problem` at `hyper`. The answer depends on the arguments alone, not on earlier calls.
    ///
    /// # Errors
    /// A malformed problem or a solver that gave up.
    fn fit(
        &self,
        problem: &SvrProblem<'_>,
        hyper: HyperParameters,
    ) -> Result<SvrSolution, SvrError>;
}

/// One regression on prepared labels.
#[derive(Debug, Clone, Copy)]
pub struct SvrTask<'a> {
    /// Scaled flux, `(n_train,)`; read only where `used`.
    pub target: ArrayView1<'a, f64>,
    /// Which stars take part, `(n_train,)`.
    pub used: &'a [bool],
    /// Hyper-parameters; gamma is one of those prepared.
    pub hyper: HyperParameters,
    /// Dual coefficients of a similar problem, `(n_train,)`, such as one with more rows. They decide how fast the
    /// solution is found, not what it is but for the tolerance; a solver may ignore them.
    pub start: Option<ArrayView1<'a, f64>>,
}

/// A solution and its error on its own stars.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The solution.
    pub solution: SvrSolution,
    /// Mean squared residual of the used rows, scaled flux squared.
    pub training_mse: f64,
}

/// Which cells of a grid are brought to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Search {
    /// A cell may be left as soon as some of its folds exceed what another has in all: errors only add up, so that the
    /// best cell is found as surely.
    #[default]
    Best,
    /// All of them.
    Complete,
}

/// A solver that knows the labels. Whatever it returns for one target depends on that target alone.
pub trait PreparedSvr: Sync {
    /// Mean over folds of the held-out mean squared error, one value per cell, scaled flux squared.
    ///
    /// `target` and `fold_of_row` are `(n_train,)`; `None` marks a row that takes no part. A fold that holds nothing
    /// out, or leaves fewer than two rows, is not scored; all is NaN where none is. With [`Search::Best`] a cell may be
    /// NaN that is worse than another.
    ///
    /// # Errors
    /// A malformed problem or a solver that gave up.
    fn cross_validate(
        &self,
        target: ArrayView1<'_, f64>,
        fold_of_row: &[Option<usize>],
        cells: &[HyperParameters],
        search: Search,
    ) -> Result<Vec<f64>, SvrError>;

    /// Solves all `tasks`; results stand in their order.
    fn fit_many(&self, tasks: &[SvrTask<'_>]) -> Vec<Result<Fitted, SvrError>>;
}

/// The [`PreparedSvr`] of a solver that shares nothing: it solves one problem after the other.
pub struct OneByOne<'a, S> {
    /// Solves each problem.
    pub solver: &'a S,
    /// Scaled labels, `(n_train, n_label)`.
    pub scaled_labels: ArrayView2<'a, f64>,
}

impl<S: SvrSolver> OneByOne<'_, S> {
    fn mean_squared_error(
        &self,
        target: ArrayView1<'_, f64>,
        gamma: f64,
        solution: &SvrSolution,
        rows: &[usize],
    ) -> f64 {
        let square = |&row: &usize| {
            let theta = self.scaled_labels.row(row);
            (target[row] - predict(self.scaled_labels, gamma, solution, theta)).powi(2)
        };
        rows.iter().map(square).sum::<f64>() / rows.len() as f64
    }
}

impl<S: SvrSolver> PreparedSvr for OneByOne<'_, S> {
    fn cross_validate(
        &self,
        target: ArrayView1<'_, f64>,
        fold_of_row: &[Option<usize>],
        cells: &[HyperParameters],
        _search: Search,
    ) -> Result<Vec<f64>, SvrError> {
        let n_folds = fold_of_row.iter().flatten().max().map_or(0, |&f| f + 1);
        let mut sum = vec![0.0; cells.len()];
        let mut n_scored = 0;
        for fold in 0..n_folds {
            let held_out: Vec<usize> =
                (0..fold_of_row.len()).filter(|&row| fold_of_row[row] == Some(fold)).collect();
            let used: Vec<bool> =
                fold_of_row.iter().map(|f| f.is_some_and(|f| f != fold)).collect();
            if held_out.is_empty() || used.iter().filter(|&&u| u).count() < 2 {
                continue;
            }
            let problem = SvrProblem {
                scaled_labels: self.scaled_labels.reborrow(),
                target: target.reborrow(),
                used: &used,
            };
            for (total, &hyper) in sum.iter_mut().zip(cells) {
                let solution = self.solver.fit(&problem, hyper)?;
                *total += self.mean_squared_error(target, hyper.gamma, &solution, &held_out);
            }
            n_scored += 1;
        }
        Ok(sum.into_iter().map(|total| total / f64::from(n_scored)).collect())
    }

    fn fit_many(&self, tasks: &[SvrTask<'_>]) -> Vec<Result<Fitted, SvrError>> {
        let fit = |task: &SvrTask<'_>| {
            let SvrTask { target, used, hyper, .. } = *task;
            let scaled_labels = self.scaled_labels.reborrow();
            let problem = SvrProblem { scaled_labels, target: target.reborrow(), used };
            let solution = self.solver.fit(&problem, hyper)?;
            let rows = problem.used_rows();
            let training_mse = self.mean_squared_error(target, hyper.gamma, &solution, &rows);
            Ok(Fitted { solution, training_mse })
        };
        tasks.par_iter().map(fit).collect()
    }
}

/// Evaluates the Gaussian kernel exp(-gamma |a - b|^2).
pub fn gaussian_kernel(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>, gamma: f64) -> f64 {
    let squared: f64 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    (-gamma * squared).exp()
}

/// Predicts scaled flux at scaled labels `theta`, `(n_label,)`.
pub fn predict(
    scaled_labels: ArrayView2<'_, f64>,
    gamma: f64,
    solution: &SvrSolution,
    theta: ArrayView1<'_, f64>,
) -> f64 {
    let terms = scaled_labels.outer_iter().zip(&solution.dual).filter(|&(_, &dual)| dual != 0.0);
    terms.map(|(row, dual)| dual * gaussian_kernel(row, theta, gamma)).sum::<f64>() + solution.bias
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    const HYPER: HyperParameters = HyperParameters { c: 1.0, gamma: 0.5, epsilon: 0.1 };

    /// Two far-apart points have k = 0 between them, so the optimum is known in closed form.
    fn two_points() -> (Array2<f64>, Array1<f64>) {
        (array![[0.0], [100.0]], array![0.5, -0.5])
    }

    #[test]
    fn closed_form_optimum_has_no_violation() {
        let (labels, target) = two_points();
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &[true; 2] };
        let violation = kkt_violation(&problem, HYPER, array![0.4, -0.4].view(), 0.0);
        assert!(violation.max() < 1e-12, "{violation:?}");
    }

    #[test]
    fn every_kind_of_violation_is_seen() {
        let (labels, target) = two_points();
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &[true; 2] };
        let of = |a, b| kkt_violation(&problem, HYPER, array![a, b].view(), 0.0);
        assert!((of(0.0, 0.0).stationarity - 0.4).abs() < 1e-12);
        assert!((of(1.0, -1.0).stationarity - 0.6).abs() < 1e-12);
        assert!((of(0.4, -0.3).sum_of_dual - 0.1).abs() < 1e-12);
        assert!((of(1.5, -1.5).excess_over_c - 0.5).abs() < 1e-12);
        let masked = SvrProblem { used: &[true, false], ..problem };
        assert!(
            (kkt_violation(&masked, HYPER, array![0.4, -0.4].view(), 0.0).unused_dual - 0.4).abs()
                < 1e-12
        );
    }

    #[test]
    fn malformed_problems_are_refused() {
        let (labels, target) = two_points();
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &[true; 3] };
        assert!(matches!(problem.check(), Err(SvrError::Length { what: "used", .. })));
        let problem = SvrProblem { used: &[true, false], ..problem };
        assert_eq!(problem.check(), Err(SvrError::TooFewRows { n_used: 1 }));
        let holed = array![0.5, f64::NAN];
        let problem = SvrProblem { used: &[true; 2], target: holed.view(), ..problem };
        assert!(matches!(problem.check(), Err(SvrError::NotFinite { row: 1, .. })));
        assert!(HyperParameters { gamma: 0.0, ..HYPER }.check().is_err());
        assert!(HyperParameters { c: f64::NAN, ..HYPER }.check().is_err());
    }
}
