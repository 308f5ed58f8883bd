//! What SLAM costs: training of a pixel, evaluation, label fits, normalization.
//!
//! - `cargo bench --profile dev --bench slam`: wall times by divan.
//! - `... -- --growth`: a table of CPU time against n_train, n_pix, n_star and n_label.
//! - `... -- --starts`: what starts of label fits cost, and how many reach the optimum of the exact search.
//! - `... -- --grid DIR wide|tutorial|one N`: a grid, or one fit, on the set in DIR, the first N pixels
//!   (see `slam/grid.rs`).
//! - `... -- --peers DIR [SET]...`: writes the problems into DIR and prints CPU times as JSON (see
//!   `benches/peers/slam.py`).
//!
//! The development profile optimizes this package and what its inner loops call; a release build would compile every
//! dependency once more for the same figures.

#[path = "slam/grid.rs"]
mod grid;
#[path = "slam/growth.rs"]
mod growth;
#[path = "slam/peers.rs"]
mod peers;
#[path = "slam/problem.rs"]
mod problem;
#[path = "slam/starts.rs"]
mod starts;
#[path = "slam/timing.rs"]
mod timing;

use divan::Bencher;
use mdwarf::science::continuum::{ContinuumSettings, normalize};
use mdwarf::science::slam::{
    CellOptions, Evaluator, FitOptions, LabelFitter, ModelError, SlamModel,
};

const N_PIX: usize = 400;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    timing::one_thread();
    if arguments.iter().any(|a| a == "--starts") {
        starts::print();
    } else if arguments.iter().any(|a| a == "--growth") {
        growth::print();
    } else if let Some(at) = arguments.iter().position(|a| a == "--grid") {
        let word = |after: usize| arguments.get(at + after).map_or("", String::as_str);
        grid::run(std::path::Path::new(word(1)), word(2), word(3).parse().unwrap_or(1));
    } else if let Some(at) = arguments.iter().position(|a| a == "--peers") {
        let folder = arguments.get(at + 1).map_or(".", String::as_str);
        let sets = arguments.iter().skip(at + 2).take_while(|word| !word.starts_with("--"));
        peers::run(std::path::Path::new(folder), sets.cloned().collect());
    } else {
        divan::main();
    }
}

/// Fit options without a CV-MSE, which models of fixed hyper-parameters do not have.
fn options(evaluator: Evaluator) -> FitOptions {
    FitOptions { model_error: ModelError::None, evaluator, ..FitOptions::default() }
}

fn compressed() -> Evaluator {
    Evaluator::Compressed(CellOptions::default())
}

#[divan::bench(args = [500, 1_000, 2_000, 3_785], sample_count = 5)]
fn fit_of_a_pixel(bencher: Bencher<'_, '_>, n_train: usize) {
    let training = timing::Training::new(n_train, 3, 0.02);
    let prepared = training.prepared(&[problem::HYPER.gamma]);
    bencher.bench_local(|| training.fit(&*prepared, 1));
}

#[divan::bench(args = [500, 1_000, 2_000], sample_count = 1)]
fn wide_grid_of_a_pixel(bencher: Bencher<'_, '_>, n_train: usize) {
    let training = timing::Training::new(n_train, 3, 0.02);
    let prepared = training.prepared(&timing::GAMMAS);
    bencher.bench_local(|| training.wide_grid(&*prepared));
}

#[divan::bench(args = [500, 1_000, 2_000, 3_785], sample_count = 10)]
fn evaluation_of_a_spectrum(bencher: Bencher<'_, '_>, n_train: usize) {
    let model = problem::model(n_train, 3, N_PIX);
    let theta = ndarray::Array1::from_elem(3, 0.3);
    bencher.bench_local(|| model.flux(theta.view()));
}

fn bench_labels(bencher: Bencher<'_, '_>, model: &SlamModel, evaluator: Evaluator) {
    let fitter = LabelFitter::new(model, options(evaluator)).expect("a fitter");
    let (flux, ivar) = problem::spectra(model, 64);
    // Cells are made on first use; a run of a catalog uses each many times.
    fitter.fit_many(flux.view(), ivar.view()).expect("labels");
    bencher.counter(64usize).bench_local(|| fitter.fit_many(flux.view(), ivar.view()));
}

#[divan::bench(args = [500, 1_000, 2_000, 3_785], sample_count = 5)]
fn labels_of_64_stars_exact(bencher: Bencher<'_, '_>, n_train: usize) {
    bench_labels(bencher, &problem::model(n_train, 3, N_PIX), Evaluator::Exact);
}

#[divan::bench(args = [500, 1_000, 2_000, 3_785], sample_count = 5)]
fn labels_of_64_stars_compressed(bencher: Bencher<'_, '_>, n_train: usize) {
    bench_labels(bencher, &problem::model(n_train, 3, N_PIX), compressed());
}

#[divan::bench(args = [1_000, 2_000, 3_000, 4_000])]
fn normalization_of_a_spectrum(bencher: Bencher<'_, '_>, n_pix: usize) {
    let (wave, flux) = problem::raw_spectrum(n_pix);
    let settings = ContinuumSettings::default();
    bencher.bench_local(|| normalize(&wave, &flux, None, &settings));
}
