//! A grid of hyper-parameters on a training set of one's own: CPU seconds a pixel.

use std::path::Path;

use mdwarf::science::cross_validation::Folds;
use mdwarf::science::shared_kernel::SharedKernelSolver;
use mdwarf::science::slam::HyperGrid;
use mdwarf::science::svr::SvrSolver;
use ndarray::Array2;

use crate::timing::cpu_s;

/// Reads `labels.npy`, `(n_train, n_label)`, and `targets.npy`, `(n_pixel, n_train)`, f64 and scaled; prints the time of
/// the first `n_pixel` pixels by ten folds. Kernels are prepared once and not counted.
pub fn run(folder: &Path, name: &str, n_pixel: usize) {
    let read = |what: &str| -> Array2<f64> {
        ndarray_npy::read_npy(folder.join(what)).expect("an array of f64 in the folder")
    };
    let (labels, targets) = (read("labels.npy"), read("targets.npy"));
    let grid = match name {
        "tutorial" => HyperGrid::tutorial(),
        _ => HyperGrid::wide(),
    };
    let rows: Vec<usize> = (0..labels.nrows()).collect();
    let folds = Folds::by_star(&rows, 10, 1).expect("ten folds");
    let fold_of_row: Vec<Option<usize>> = folds.fold_of_row().iter().map(|&f| Some(f)).collect();
    let solver = SharedKernelSolver::default();
    let mut gammas: Vec<f64> = grid.cells().iter().map(|cell| cell.gamma).collect();
    gammas.sort_by(f64::total_cmp);
    gammas.dedup();
    let prepared = solver.prepare(labels.view(), &gammas);
    for target in targets.outer_iter().take(n_pixel) {
        let start = cpu_s();
        let errors = prepared.cross_validate(target, &fold_of_row, grid.cells());
        let least = errors.expect("errors").into_iter().fold(f64::INFINITY, f64::min);
        println!("{:.3} s, least error {least:.6}", cpu_s() - start);
    }
}
