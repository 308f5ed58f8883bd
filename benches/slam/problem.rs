//! Made-up training sets: M-dwarf-like bands that depend on up to four labels, with or without noise.

use mdwarf::science::shared_kernel::SharedKernelSolver;
use mdwarf::science::slam::{
    HyperGrid, PixelFolds, PixelSpectra, SlamModel, TrainOptions, TrainingLabels, train_pixels,
};
use mdwarf::science::svr::HyperParameters;
use ndarray::{Array1, Array2, ArrayView1};

/// The cell that single fits are timed at.
pub const HYPER: HyperParameters = HyperParameters { c: 1.0, gamma: 1.0 / 3.0, epsilon: 0.05 };
/// Regressions that a model's pixels repeat: what a pixel costs does not depend on its neighbors.
const N_DISTINCT: usize = 12;

/// Repeatable numbers in 0..1.
pub fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn normal(next: &mut impl FnMut() -> f64) -> f64 {
    (0..12).map(|_| next()).sum::<f64>() - 6.0
}

/// Scaled labels, `(n_train, n_label)`: a broad cloud with a tail, as the paper's sample is.
pub fn labels(n_train: usize, n_label: usize, seed: u64) -> Array2<f64> {
    let mut next = uniform(seed);
    Array2::from_shape_simple_fn((n_train, n_label), || {
        if next() < 0.8 { normal(&mut next) } else { 5.0 * next() - 2.5 }
    })
}

/// Flux of pixel `pixel`: a saturating band on a smooth trend.
pub fn flux(pixel: usize, labels: ArrayView1<'_, f64>) -> f64 {
    let phase = 0.61 * pixel as f64;
    let strength: f64 = labels
        .iter()
        .enumerate()
        .map(|(l, x)| x * (phase + 1.9 * l as f64).cos() / (1.0 + l as f64))
        .sum();
    1.06 * (-0.5 / (1.0 + (-1.3 * strength).exp())).exp() + 0.02 * (strength + phase).sin()
}

/// Flux of one pixel over all stars, `(n_train,)`, with noise of `sigma`.
pub fn target(labels: &Array2<f64>, pixel: usize, sigma: f64) -> Array1<f64> {
    let mut next = uniform(1_000 + pixel as u64);
    labels.outer_iter().map(|row| flux(pixel, row) + sigma * normal(&mut next)).collect()
}

/// Mean 0 and variance 1.
pub fn scaled(target: &Array1<f64>) -> Array1<f64> {
    let mean = target.mean().unwrap_or(0.0);
    let scale = target.std(0.0);
    target.mapv(|t| (t - mean) / scale)
}

/// A model of `n_pix` pixels at fixed hyper-parameters.
pub fn model(n_train: usize, n_label: usize, n_pix: usize) -> SlamModel {
    model_of_noise(n_train, n_label, n_pix, 0.02)
}

/// The same of spectra with noise `sigma`; without, most coefficients are zero.
pub fn model_of_noise(n_train: usize, n_label: usize, n_pix: usize, sigma: f64) -> SlamModel {
    let physical = labels(n_train, n_label, 7);
    let names = (0..n_label).map(|l| format!("label_{l}")).collect();
    let ivar = Array1::from_elem(n_train, 2_500.0);
    let distinct: Vec<Array1<f64>> =
        (0..N_DISTINCT.min(n_pix)).map(|pixel| target(&physical, pixel, sigma)).collect();
    let spectra: Vec<PixelSpectra<'_>> = distinct
        .iter()
        .enumerate()
        .map(|(j, flux)| PixelSpectra {
            wave_angstrom: 6_200.0 + j as f64,
            flux: flux.view(),
            ivar: ivar.view(),
        })
        .collect();
    let grid = HyperGrid::fixed(HYPER).expect("a cell");
    let options =
        TrainOptions { grid: &grid, folds: PixelFolds::None, min_stars: 30, max_kkt: 1e-3 };
    let labels = TrainingLabels::new(names, physical).expect("labels");
    let rows = train_pixels(&labels, &spectra, &options, &SharedKernelSolver::default());
    let rows = rows.expect("a trained model");
    let all: Vec<_> = (0..n_pix)
        .map(|j| {
            let mut row = rows[j % rows.len()].clone();
            row.wave_angstrom = 6_200.0 + j as f64;
            row
        })
        .collect();
    SlamModel::from_pixels(&labels, &all).expect("a model")
}

/// Spectra of `n_star` stars that the model has not seen, `(n_star, n_pix)`, and their inverse variance.
pub fn spectra(model: &SlamModel, n_star: usize) -> (Array2<f64>, Array2<f64>) {
    let (n_pix, mut next) = (model.n_pix(), uniform(77));
    let mut all = Array2::zeros((n_star, n_pix));
    for mut row in all.outer_iter_mut() {
        let theta: Array1<f64> = (0..model.n_label()).map(|_| 0.7 * normal(&mut next)).collect();
        for (j, flux) in model.flux(theta.view()).iter().enumerate() {
            row[j] = flux + 0.02 * normal(&mut next);
        }
    }
    (all, Array2::from_elem((n_star, n_pix), 2_500.0))
}

/// Wavelengths and a spectrum of `n_pix` pixels in arbitrary units, for the normalization.
pub fn raw_spectrum(n_pix: usize) -> (Vec<f64>, Vec<f64>) {
    let mut next = uniform(3);
    let wave: Vec<f64> = (0..n_pix).map(|i| 6_000.0 + 3_000.0 * i as f64 / n_pix as f64).collect();
    let flux = wave
        .iter()
        .map(|w| {
            (100.0 + 0.02 * w) * (1.0 - 0.3 * (w / 90.0).sin().powi(8)) + 2.0 * normal(&mut next)
        })
        .collect();
    (wave, flux)
}
