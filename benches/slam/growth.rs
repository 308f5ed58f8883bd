//! CPU time against the size of the problem: a row per step and axis, four sizes, and the exponent between the last two.

use mdwarf::science::continuum::{ContinuumSettings, normalize};
use mdwarf::science::slam::{Evaluator, LabelFitter, SlamModel};

use crate::timing::{GAMMAS, N_PIXEL, Training, least};
use crate::{compressed, options, problem};

const N_TRAIN: [usize; 4] = [500, 1_000, 2_000, 4_000];
/// Training spectra of whole models; the two of the paper have 3,785 and 15,000.
const MODELS: [usize; 4] = [1_000, 3_785, 7_500, 15_000];
const N_PIX: [usize; 4] = [200, 400, 800, 1_600];
const N_STAR: [usize; 4] = [32, 64, 128, 256];
const N_LABEL: [usize; 4] = [1, 2, 3, 4];
/// The grid of the paper has 1,596.
const RAW_PIXELS: [usize; 4] = [800, 1_596, 2_500, 4_000];

pub fn print() {
    println!("CPU milliseconds on one thread; exponent of the last doubling");
    row("factor of gamma = 1/3", "n_train", N_TRAIN, |n| {
        let training = Training::new(n, 3, 0.02);
        least(2, || training.prepared(&[problem::HYPER.gamma]))
    });
    row("fit, per pixel", "n_train", N_TRAIN, |n| fit(n, 3));
    row("fit, per pixel", "n_label", N_LABEL, |n_label| fit(2_000, n_label));
    row("wide grid, per pixel", "n_train", N_TRAIN, |n| grid(n, 3, 0.02));
    row("wide grid without noise", "n_train", N_TRAIN, |n| grid(n, 3, 0.0));
    row("wide grid, per pixel", "n_label", N_LABEL, |n_label| grid(1_000, n_label, 0.02));
    row("spectrum, exact", "n_train", N_TRAIN, |n| evaluation(n, 400));
    row("spectrum, exact", "n_pix", N_PIX, |n_pix| evaluation(1_000, n_pix));
    row("labels, exact, 1,596 pixels", "n_train", MODELS, |n| {
        labels_by(Evaluator::Exact, &problem::model(n, 3, 1_596), 64)
    });
    row("the same without noise", "n_train", MODELS, |n| {
        labels_by(Evaluator::Exact, &problem::model_of_noise(n, 3, 1_596, 0.0), 64)
    });
    for (name, evaluator) in [("exact", Evaluator::Exact), ("compressed", compressed())] {
        let step = format!("labels, {name}, per star");
        row(&step, "n_train", N_TRAIN, |n| labels(evaluator, n, 400, 64, 3));
        row(&step, "n_pix", N_PIX, |n_pix| labels(evaluator, 1_000, n_pix, 64, 3));
        row(&step, "n_star", N_STAR, |n_star| labels(evaluator, 1_000, 400, n_star, 3));
        row(&step, "n_label", N_LABEL, |n_label| labels(evaluator, 1_000, 400, 64, n_label));
    }
    row("normalization", "n_pix", RAW_PIXELS, |n_pix| {
        let (wave, flux) = problem::raw_spectrum(n_pix);
        least(20, || normalize(&wave, &flux, None, &ContinuumSettings::default()))
    });
}

fn row(step: &str, axis: &str, sizes: [usize; 4], cost_s: impl Fn(usize) -> f64) {
    let costs = sizes.map(cost_s);
    let cells: Vec<String> =
        sizes.iter().zip(costs).map(|(n, s)| format!("{n:>6}: {:>9.3}", s * 1e3)).collect();
    let exponent = (costs[3] / costs[2]).ln() / (sizes[3] as f64 / sizes[2] as f64).ln();
    println!("{step:<28} {axis:<8} {}  ~ {axis}^{exponent:.1}", cells.join("  "));
}

fn fit(n_train: usize, n_label: usize) -> f64 {
    let training = Training::new(n_train, n_label, 0.02);
    let prepared = training.prepared(&[problem::HYPER.gamma]);
    least(2, || training.fit(&*prepared, N_PIXEL)) / N_PIXEL as f64
}

fn grid(n_train: usize, n_label: usize, sigma: f64) -> f64 {
    let training = Training::new(n_train, n_label, sigma);
    let prepared = training.prepared(&GAMMAS);
    least(1, || training.wide_grid(&*prepared))
}

fn evaluation(n_train: usize, n_pix: usize) -> f64 {
    let model = problem::model(n_train, 3, n_pix);
    let theta = ndarray::Array1::from_elem(3, 0.3);
    least(10, || model.flux(theta.view()))
}

fn labels(
    evaluator: Evaluator,
    n_train: usize,
    n_pix: usize,
    n_star: usize,
    n_label: usize,
) -> f64 {
    labels_by(evaluator, &problem::model(n_train, n_label, n_pix), n_star)
}

fn labels_by(evaluator: Evaluator, model: &SlamModel, n_star: usize) -> f64 {
    let fitter = LabelFitter::new(model, options(evaluator)).expect("a fitter");
    let (flux, ivar) = problem::spectra(model, n_star);
    fitter.fit_many(flux.view(), ivar.view()).expect("labels");
    least(2, || fitter.fit_many(flux.view(), ivar.view())) / n_star as f64
}
