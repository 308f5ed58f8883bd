//! CPU time of one thread, and the training problem that is timed.

use std::path::Path;

use mdwarf::science::cross_validation::Folds;
use mdwarf::science::shared_kernel::SharedKernelSolver;
use mdwarf::science::slam::HyperGrid;
use mdwarf::science::svr::{PreparedSvr, SvrSolver, SvrTask};
use ndarray::{Array1, Array2};

use crate::problem;

/// The wide grid's.
pub const GAMMAS: [f64; 3] = [0.1, 1.0 / 3.0, 1.0];
/// Pixels that one measurement averages over.
pub const N_PIXEL: usize = 8;

/// All parallel loops run on this thread, so that its CPU time is the whole.
pub fn one_thread() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().expect("the first pool of the process");
}

/// CPU seconds of this thread; wall seconds where the system does not tell.
pub fn cpu_s() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|t| t.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(wall_s, |ns| ns * 1e-9)
}

fn wall_s() -> f64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed().as_secs_f64()
}

/// The system counts a thread's time by ticks of some ms: work is done again until this has gone by.
const LEAST_MEASURED_S: f64 = 0.1;

/// CPU seconds of `work`: the least of `repeats`, since neighbors on the machine only ever slow it.
pub fn least<T>(repeats: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..repeats {
        let (start, mut n, mut gone) = (cpu_s(), 0, 0.0);
        while gone < LEAST_MEASURED_S {
            std::hint::black_box(work());
            (n, gone) = (n + 1, cpu_s() - start);
        }
        best = best.min(gone / f64::from(n));
    }
    best
}

/// One training set.
pub struct Training {
    /// `(n_train, n_label)`.
    pub labels: Array2<f64>,
    /// Scaled flux of each pixel, `(n_train,)`.
    pub targets: Vec<Array1<f64>>,
    used: Vec<bool>,
    solver: SharedKernelSolver,
}

impl Training {
    /// Reads `labels.npy`, `(n_train, n_label)`, and `targets.npy`, `(n_pixel, n_train)`, f64 and scaled.
    pub fn read(folder: &Path) -> Self {
        let read = |what: &str| -> Array2<f64> {
            ndarray_npy::read_npy(folder.join(what)).expect("an array of f64 in the folder")
        };
        let (labels, targets) = (read("labels.npy"), read("targets.npy"));
        let targets = targets.outer_iter().map(|target| target.to_owned()).collect();
        let (used, solver) = (vec![true; labels.nrows()], SharedKernelSolver::default());
        Self { labels, targets, used, solver }
    }

    /// The same set, solved to another violation of optimality.
    pub fn solved_to(mut self, tolerance: f64) -> Self {
        self.solver.tolerance = tolerance;
        self
    }

    pub fn new(n_train: usize, n_label: usize, sigma: f64) -> Self {
        let labels = problem::labels(n_train, n_label, 7);
        let pixel = |j: usize| problem::scaled(&problem::target(&labels, j, sigma));
        let targets = (0..N_PIXEL).map(pixel).collect();
        Self { targets, used: vec![true; n_train], labels, solver: SharedKernelSolver::default() }
    }

    pub fn prepared(&self, gammas: &[f64]) -> Box<dyn PreparedSvr + '_> {
        self.solver.prepare(self.labels.view(), gammas)
    }

    /// Fits the first `n_pixel` pixels at fixed hyper-parameters; returns the largest residual of optimality.
    pub fn fit(&self, prepared: &dyn PreparedSvr, n_pixel: usize) -> f64 {
        let task =
            |target| SvrTask { target, used: &self.used, hyper: problem::HYPER, start: None };
        let tasks: Vec<SvrTask<'_>> =
            self.targets.iter().take(n_pixel).map(|t| task(t.view())).collect();
        let fits = prepared.fit_many(&tasks);
        fits.iter().flatten().map(|f| f.solution.kkt_residual).fold(0.0, f64::max)
    }

    /// The wide grid, ten folds, of the first pixel.
    pub fn wide_grid(&self, prepared: &dyn PreparedSvr) -> Vec<f64> {
        self.grid_of(0, &HyperGrid::wide(), prepared)
    }

    /// Errors of a grid's cells, ten folds, of one pixel.
    pub fn grid_of(&self, pixel: usize, grid: &HyperGrid, prepared: &dyn PreparedSvr) -> Vec<f64> {
        let rows: Vec<usize> = (0..self.labels.nrows()).collect();
        let folds = Folds::by_star(&rows, 10, 1).expect("ten folds");
        let fold_of_row: Vec<Option<usize>> =
            folds.fold_of_row().iter().map(|&fold| Some(fold)).collect();
        let target = self.targets[pixel].view();
        let errors = prepared.cross_validate(target, &fold_of_row, grid.cells(), grid.search());
        errors.expect("errors of the grid")
    }
}
