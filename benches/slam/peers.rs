//! The same problems for a peer: arrays as `.npy`, our CPU times as JSON on standard output.

use std::path::Path;

use ndarray::{Array1, Array2, Axis, stack};
use serde_json::json;

use crate::problem;
use crate::timing::{GAMMAS, N_PIXEL, Training, least};

/// Rows: the paper's literature sample.
const N_TRAIN: usize = 3_785;
/// Rows of the noise-free set; the peer's time for the full 15,000 is beyond patience.
const N_DRAWN: usize = 4_000;

pub fn run(folder: &Path) {
    std::fs::create_dir_all(folder).expect("a folder for the problems");
    let noisy = measured(folder, "noisy", &Training::new(N_TRAIN, 3, 0.02));
    let drawn = measured(folder, "noise_free", &Training::new(N_DRAWN, 3, 0.0));
    println!("{}", json!({ "noisy": noisy, "noise_free": drawn }));
}

fn measured(folder: &Path, name: &str, training: &Training) -> serde_json::Value {
    let views: Vec<_> = training.targets.iter().map(Array1::view).collect();
    let targets: Array2<f64> = stack(Axis(0), &views).expect("targets of one length");
    for (what, array) in [("labels", &training.labels), ("targets", &targets)] {
        let path = folder.join(format!("{name}_{what}.npy"));
        ndarray_npy::write_npy(path, array).expect("a written array");
    }
    let prepared = training.prepared(&GAMMAS);
    json!({
        "n_train": training.labels.nrows(),
        "hyper": [problem::HYPER.c, problem::HYPER.gamma, problem::HYPER.epsilon],
        "prepare_s": least(1, || training.prepared(&GAMMAS)),
        "fit_s": least(2, || training.fit(&*prepared, N_PIXEL)) / N_PIXEL as f64,
        "kkt": training.fit(&*prepared, N_PIXEL),
        "grid_s": least(1, || training.wide_grid(&*prepared)),
    })
}
