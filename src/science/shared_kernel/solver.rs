//! The solver behind the traits of `svr`: preparation, cross-validation over a grid, and fits of many pixels.

use ndarray::{Array1, ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::super::svr::{
    Fitted, HyperParameters, PreparedSvr, Search, SvrError, SvrProblem, SvrSolution, SvrSolver,
    SvrTask,
};
use super::factor::{Coordinates, Kernel};
use super::path::cold_start;
use super::polish::{exact_values, polish, violation};
use super::search::{Surface, held_out_errors};
use super::state::{Accuracy, Cell, State, Workspace};
use super::warm::warm_start;

/// Largest diagonal that the low-rank factor leaves.
const RESIDUAL: f64 = 1e-6;
/// Of the solution that is then polished with the exact kernel.
const DRAFT: Accuracy = Accuracy { near: 2e-4, far: 2e-4, pairs: 1e-2, width: 5e-3, rounded: true };
/// Fits whose coefficients are in memory at a time.
const BATCH: usize = 64;

/// The shared-kernel solver.
///
/// # Example
/// ```
/// use mdwarf::science::shared_kernel::SharedKernelSolver;
/// use mdwarf::science::svr::{HyperParameters, SvrProblem, SvrSolver, predict};
/// use ndarray::{Array1, Array2, array};
///
/// let labels = Array2::from_shape_fn((60, 1), |(i, _)| i as f64 / 20.0 - 1.5);
/// let target: Array1<f64> = labels.column(0).mapv(|x| (2.0 * x).sin());
/// let problem =
///     SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &[true; 60] };
/// let hyper = HyperParameters { c: 10.0, gamma: 1.0, epsilon: 0.01 };
/// let solution = SharedKernelSolver::default().fit(&problem, hyper)?;
/// assert!(solution.kkt_residual < 1e-5);
/// let at = predict(labels.view(), hyper.gamma, &solution, array![0.33].view());
/// assert!((at - 0.66f64.sin()).abs() < 0.02);
/// # Ok::<(), mdwarf::science::svr::SvrError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SharedKernelSolver {
    /// Stops when no optimality condition is violated by more, scaled flux.
    pub tolerance: f64,
}

impl Default for SharedKernelSolver {
    fn default() -> Self {
        Self { tolerance: 1e-6 }
    }
}

impl SvrSolver for SharedKernelSolver {
    fn prepare<'a>(
        &'a self,
        scaled_labels: ArrayView2<'a, f64>,
        gammas: &[f64],
    ) -> Box<dyn PreparedSvr + 'a> {
        let coordinates = Coordinates::new(scaled_labels);
        let kernels =
            gammas.par_iter().map(|&gamma| Kernel::new(&coordinates, gamma, RESIDUAL)).collect();
        Box::new(Prepared { scaled_labels, kernels, tolerance: self.tolerance })
    }

    fn fit(
        &self,
        problem: &SvrProblem<'_>,
        hyper: HyperParameters,
    ) -> Result<SvrSolution, SvrError> {
        problem.check()?;
        hyper.check()?;
        let prepared = self.prepare(problem.scaled_labels.reborrow(), &[hyper.gamma]);
        let task =
            SvrTask { target: problem.target.reborrow(), used: problem.used, hyper, start: None };
        let mut fitted = prepared.fit_many(&[task]);
        fitted.pop().map_or(Err(SvrError::TooFewRows { n_used: 0 }), |f| f.map(|f| f.solution))
    }
}

/// Kernels of one training set.
struct Prepared<'a> {
    scaled_labels: ArrayView2<'a, f64>,
    kernels: Vec<Kernel>,
    tolerance: f64,
}

impl Prepared<'_> {
    fn kernel(&self, hyper: HyperParameters) -> Result<&Kernel, SvrError> {
        let found = self.kernels.iter().find(|kernel| kernel.gamma == hyper.gamma);
        found.ok_or_else(|| SvrError::Solver {
            solver: "shared-kernel",
            hyper,
            reason: "its gamma was not prepared".to_owned(),
        })
    }

    fn check(&self, target: ArrayView1<'_, f64>, used: &[bool]) -> Result<(), SvrError> {
        SvrProblem { scaled_labels: self.scaled_labels.reborrow(), target: target.reborrow(), used }
            .check()
    }
}

impl PreparedSvr for Prepared<'_> {
    fn cross_validate(
        &self,
        target: ArrayView1<'_, f64>,
        fold_of_row: &[Option<usize>],
        cells: &[HyperParameters],
        search: Search,
    ) -> Result<Vec<f64>, SvrError> {
        let used: Vec<bool> = fold_of_row.iter().map(Option::is_some).collect();
        self.check(target, &used)?;
        let kernels = cells.iter().map(|&cell| self.kernel(cell)).collect::<Result<_, _>>()?;
        let target = &filled(target, &used);
        Ok(held_out_errors(&Surface { kernels, cells, target, used: &used, search }, fold_of_row))
    }

    fn fit_many(&self, tasks: &[SvrTask<'_>]) -> Vec<Result<Fitted, SvrError>> {
        let mut fitted: Vec<Result<Fitted, SvrError>> = Vec::with_capacity(tasks.len());
        for batch in tasks.chunks(BATCH) {
            fitted.extend(self.fit_batch(batch));
        }
        fitted
    }
}

impl Prepared<'_> {
    fn fit_batch(&self, tasks: &[SvrTask<'_>]) -> Vec<Result<Fitted, SvrError>> {
        let drafts: Vec<Result<State, SvrError>> =
            tasks.par_iter().map(|task| self.draft(task)).collect();
        let mut exact: Vec<Vec<f64>> = vec![Vec::new(); tasks.len()];
        for kernel in &self.kernels {
            let of_kernel: Vec<usize> = (0..tasks.len())
                .filter(|&at| drafts[at].is_ok() && tasks[at].hyper.gamma == kernel.gamma)
                .collect();
            let vectors: Vec<&[f64]> = of_kernel
                .iter()
                .filter_map(|&at| drafts[at].as_ref().ok())
                .map(|state| state.v.as_slice())
                .collect();
            for (at, values) in of_kernel.into_iter().zip(exact_values(kernel, &vectors)) {
                exact[at] = values;
            }
        }
        let finish =
            |((task, draft), values): ((&SvrTask<'_>, Result<State, SvrError>), Vec<f64>)| {
                self.finish(task, draft?, &values)
            };
        tasks.par_iter().zip(drafts).zip(exact).map(finish).collect()
    }

    /// The solution by the low-rank kernel.
    fn draft(&self, task: &SvrTask<'_>) -> Result<State, SvrError> {
        self.check(task.target, task.used)?;
        task.hyper.check()?;
        let kernel = self.kernel(task.hyper)?;
        let target = filled(task.target, task.used);
        let mut work = Workspace::for_rows(target.len());
        let HyperParameters { c, epsilon, .. } = task.hyper;
        let Some(start) = task.start else {
            return Ok(cold_start(kernel, &target, task.used, (c, epsilon), DRAFT, &mut work));
        };
        if start.len() != target.len() {
            let n_train = target.len();
            return Err(SvrError::Length { what: "start", n_train, found: start.len() });
        }
        let cell = Cell { kernel, target: &target, c, epsilon, accuracy: DRAFT };
        Ok(warm_start(&cell, task.used, start, &mut work))
    }

    /// The solution by the exact kernel, `values` being those of the draft.
    fn finish(
        &self,
        task: &SvrTask<'_>,
        mut state: State,
        values: &[f64],
    ) -> Result<Fitted, SvrError> {
        let kernel = self.kernel(task.hyper)?;
        for (i, e) in state.e.iter_mut().enumerate() {
            *e = if task.used[i] { task.target[i] - values[i] } else { 0.0 };
        }
        let mut work = Workspace::for_rows(values.len());
        let (c, epsilon) = (task.hyper.c, task.hyper.epsilon);
        polish(kernel, &mut state, task.used, (c, epsilon), self.tolerance, &mut work);
        let rows: Vec<usize> = (0..values.len()).filter(|&i| task.used[i]).collect();
        let squares: f64 = rows.iter().map(|&i| (state.e[i] - state.bias).powi(2)).sum();
        let solution = SvrSolution {
            bias: state.bias,
            kkt_residual: violation(&state, c, epsilon),
            n_iterations: Some(state.n_steps),
            dual: Array1::from(state.v),
        };
        Ok(Fitted { solution, training_mse: squares / rows.len() as f64 })
    }
}

/// Targets with 0 where there is none.
fn filled(target: ArrayView1<'_, f64>, used: &[bool]) -> Vec<f64> {
    target.iter().zip(used).map(|(&t, &u)| if u { t } else { 0.0 }).collect()
}
