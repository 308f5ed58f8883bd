//! Epsilon-SVR by `linfa-svm`, the selectable oracle of the solvers.
//!
//! It builds the kernel matrix anew for each fit and takes no masks, so the used rows are gathered first.
//! Sequential minimal optimization, f64, no shrinking: with shrinking this library's regressions are wrong.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_svm::Svm;
use ndarray::{Array1, ArrayView2, Axis};

use super::svr::{
    HyperParameters, OneByOne, PreparedSvr, SvrError, SvrProblem, SvrSolution, SvrSolver,
    kkt_violation,
};

/// The `linfa-svm` solver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinfaSolver {
    /// Stops when the most violating pair of gradients differs by less than this, scaled flux.
    ///
    /// The default 1e-7 keeps the solver's error far below epsilon; libsvm's customary 1e-3 moves predictions by up
    /// to 6e-3.
    pub tolerance: f64,
}

impl Default for LinfaSolver {
    fn default() -> Self {
        Self { tolerance: 1e-7 }
    }
}

impl SvrSolver for LinfaSolver {
    fn prepare<'a>(
        &'a self,
        scaled_labels: ArrayView2<'a, f64>,
        _gammas: &[f64],
    ) -> Box<dyn PreparedSvr + 'a> {
        Box::new(OneByOne { solver: self, scaled_labels })
    }

    fn fit(
        &self,
        problem: &SvrProblem<'_>,
        hyper: HyperParameters,
    ) -> Result<SvrSolution, SvrError> {
        problem.check()?;
        hyper.check()?;
        let rows = problem.used_rows();
        let records = problem.scaled_labels.select(Axis(0), &rows);
        let targets = problem.target.select(Axis(0), &rows);
        // The library's kernel is exp(-|a - b|^2 / eps).
        let svm = Svm::<f64, f64>::params()
            .c_svr(hyper.c, Some(hyper.epsilon))
            .gaussian_kernel(1.0 / hyper.gamma)
            .eps(self.tolerance)
            .shrinking(false)
            .fit(&DatasetBase::new(records, targets))
            .map_err(|e| SvrError::Solver { solver: "linfa", hyper, reason: e.to_string() })?;
        let mut dual = Array1::zeros(problem.used.len());
        for (&row, &alpha) in rows.iter().zip(&svm.alpha) {
            dual[row] = alpha;
        }
        let bias = -svm.rho;
        let kkt_residual = kkt_violation(problem, hyper, dual.view(), bias).max();
        Ok(SvrSolution { dual, bias, kkt_residual, n_iterations: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::svr::{Search, SvrTask, predict};
    use ndarray::Array2;

    fn wave_problem(n: usize) -> (Array2<f64>, Array1<f64>) {
        let labels = Array2::from_shape_fn((n, 2), |(i, j)| {
            ((i * (3 + 4 * j)) as f64 * 0.618).fract() * 4.0 - 2.0
        });
        let target = labels.outer_iter().map(|x| (1.3 * x[0]).sin() + 0.4 * x[1] * x[0]).collect();
        (labels, target)
    }

    const HYPER: HyperParameters = HyperParameters { c: 4.0, gamma: 0.5, epsilon: 0.05 };

    #[test]
    fn solution_is_optimal_and_follows_a_smooth_function() {
        let (labels, target) = wave_problem(120);
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &[true; 120] };
        let solution = LinfaSolver::default().fit(&problem, HYPER).unwrap();
        assert!(solution.kkt_residual < 2e-5, "KKT residual {}", solution.kkt_residual);
        let theta = ndarray::array![0.37, -0.81];
        let expected = (1.3f64 * 0.37).sin() - 0.4 * 0.81 * 0.37;
        let got = predict(labels.view(), HYPER.gamma, &solution, theta.view());
        assert!((got - expected).abs() < 0.08, "got {got}, expected {expected}");
    }

    #[test]
    fn masked_rows_do_not_matter_and_get_no_coefficient() {
        let (labels, target) = wave_problem(80);
        let used: Vec<bool> = (0..80).map(|i| i % 5 != 0).collect();
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &used };
        let solution = LinfaSolver::default().fit(&problem, HYPER).unwrap();
        let spoiled: Array1<f64> =
            target.iter().enumerate().map(|(i, &t)| if used[i] { t } else { f64::NAN }).collect();
        let again = LinfaSolver::default()
            .fit(&SvrProblem { target: spoiled.view(), ..problem }, HYPER)
            .unwrap();
        assert_eq!(solution, again);
        assert!((0..80).filter(|&i| !used[i]).all(|i| solution.dual[i] == 0.0));
    }

    #[test]
    fn prepared_labels_give_the_same_fits_and_score_held_out_rows() {
        let (labels, target) = wave_problem(60);
        let solver = LinfaSolver::default();
        let prepared = solver.prepare(labels.view(), &[HYPER.gamma]);
        let task = SvrTask { target: target.view(), used: &[true; 60], hyper: HYPER, start: None };
        let fitted = prepared.fit_many(&[task]).pop().unwrap().unwrap();
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &[true; 60] };
        assert_eq!(fitted.solution, solver.fit(&problem, HYPER).unwrap());
        assert!(fitted.training_mse > 0.0 && fitted.training_mse < 0.01);
        let used: Vec<bool> = (0..60).map(|i| i < 50).collect();
        let part = solver.fit(&SvrProblem { used: &used, ..problem }, HYPER).unwrap();
        let one_fold: Vec<Option<usize>> = (0..60).map(|i| Some(usize::from(i < 50))).collect();
        let expected: f64 = (50..60)
            .map(|i| target[i] - predict(labels.view(), HYPER.gamma, &part, labels.row(i)))
            .map(|r| r * r / 10.0)
            .sum();
        let errors =
            prepared.cross_validate(target.view(), &one_fold, &[HYPER], Search::Complete).unwrap();
        let other: Vec<bool> = used.iter().map(|u| !u).collect();
        let part = solver.fit(&SvrProblem { used: &other, ..problem }, HYPER).unwrap();
        let second: f64 = (0..50)
            .map(|i| target[i] - predict(labels.view(), HYPER.gamma, &part, labels.row(i)))
            .map(|r| r * r / 50.0)
            .sum();
        assert!((errors[0] - 0.5 * (expected + second)).abs() < 1e-12);
    }
}
