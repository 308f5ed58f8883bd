//! The same problems for a peer: arrays as `.npy`, our CPU times as JSON on standard output.

use std::path::Path;

use mdwarf::science::shared_kernel::SharedKernelSolver;
use mdwarf::science::slam::HyperGrid;
use mdwarf::science::svr::PreparedSvr;
use ndarray::{Array1, Array2, Axis, stack};
use serde_json::json;

use crate::problem;
use crate::timing::{GAMMAS, Training, cpu_s, least};

/// Rows: the paper's literature sample.
const N_TRAIN: usize = 3_785;
/// libsvm's customary one.
const PEER_TOLERANCE: f64 = 1e-3;
/// Rows of the noise-free set; the peer's time for the full 15,000 is beyond patience.
const N_DRAWN: usize = 4_000;

/// Pixels whose grids are timed.
const N_GRID: usize = 4;

/// Times the sets in the folders `sets`, and without any two that are made up here.
pub fn run(folder: &Path, sets: Vec<String>) {
    std::fs::create_dir_all(folder).expect("a folder for the problems");
    let mut found = serde_json::Map::new();
    for set in sets.iter().map(Path::new) {
        let name = set.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        let told = measured(folder, &name, || Training::read(set));
        found.insert(name, told);
    }
    if sets.is_empty() {
        for (name, n_train, sigma) in [("noisy", N_TRAIN, 0.02), ("noise_free", N_DRAWN, 0.0)] {
            let told = measured(folder, name, || Training::new(n_train, 3, sigma));
            found.insert(name.to_owned(), told);
        }
    }
    println!("{}", serde_json::Value::Object(found));
}

fn measured(folder: &Path, name: &str, set: impl Fn() -> Training) -> serde_json::Value {
    let training = set();
    let views: Vec<_> = training.targets.iter().map(Array1::view).collect();
    let targets: Array2<f64> = stack(Axis(0), &views).expect("targets of one length");
    for (what, array) in [("labels", &training.labels), ("targets", &targets)] {
        let path = folder.join(format!("{name}_{what}.npy"));
        ndarray_npy::write_npy(path, array).expect("a written array");
    }
    let n_pixel = training.targets.len();
    let fit_s = |tolerance: f64| {
        let training = set().solved_to(tolerance);
        let prepared = training.prepared(&[problem::HYPER.gamma]);
        least(2, || training.fit(&*prepared, n_pixel)) / n_pixel as f64
    };
    let prepared = training.prepared(&GAMMAS);
    json!({
        "n_train": training.labels.nrows(),
        "hyper": [problem::HYPER.c, problem::HYPER.gamma, problem::HYPER.epsilon],
        "prepare_s": least(1, || training.prepared(&GAMMAS)),
        "fit_s": fit_s(PEER_TOLERANCE),
        "tight_fit_s": fit_s(SharedKernelSolver::default().tolerance),
        "n_pixel": n_pixel,
        "grid_s": cpu_of_grids(&training, &*prepared) / n_pixel.min(N_GRID) as f64,
    })
}

fn cpu_of_grids(training: &Training, prepared: &dyn PreparedSvr) -> f64 {
    let start = cpu_s();
    for pixel in 0..training.targets.len().min(N_GRID) {
        std::hint::black_box(training.grid_of(pixel, &HyperGrid::wide(), prepared));
    }
    cpu_s() - start
}
