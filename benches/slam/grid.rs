//! A training set of one's own: CPU seconds a pixel of a grid of hyper-parameters, or of one fit.

use std::path::Path;

use mdwarf::science::slam::HyperGrid;

use crate::problem;
use crate::timing::{Training, cpu_s, least};

/// Violations of optimality that single fits are timed at: libsvm's customary one, and this package's.
const TOLERANCES: [f64; 2] = [1e-3, 1e-6];

/// Prints what the first `n_pixel` pixels of the set in `folder` cost (see [`Training::read`]). `what` is `one`, a fit
/// at fixed hyper-parameters, or the name of a grid, by ten folds. Kernels are prepared once and not counted.
pub fn run(folder: &Path, what: &str, n_pixel: usize) {
    if what == "one" {
        TOLERANCES.into_iter().for_each(|tolerance| one(folder, tolerance, n_pixel));
        return;
    }
    let training = Training::read(folder);
    let grid = HyperGrid::named(what).expect("one, or the name of a grid");
    let mut gammas: Vec<f64> = grid.cells().iter().map(|cell| cell.gamma).collect();
    gammas.sort_by(f64::total_cmp);
    gammas.dedup();
    let prepared = training.prepared(&gammas);
    for pixel in 0..n_pixel.min(training.targets.len()) {
        let start = cpu_s();
        let errors = training.grid_of(pixel, &grid, &*prepared);
        let least = errors.into_iter().fold(f64::INFINITY, f64::min);
        println!("{:.3} s, least error {least:.6}", cpu_s() - start);
    }
}

fn one(folder: &Path, tolerance: f64, n_pixel: usize) {
    let training = Training::read(folder).solved_to(tolerance);
    let prepared = training.prepared(&[problem::HYPER.gamma]);
    let n_pixel = n_pixel.min(training.targets.len());
    let seconds = least(3, || training.fit(&*prepared, n_pixel)) / n_pixel as f64;
    let kkt = training.fit(&*prepared, n_pixel);
    println!("to {tolerance:e}: {:.2} ms a fit, violation {kkt:.1e}", 1e3 * seconds);
}
