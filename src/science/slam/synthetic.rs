//! A small model with known spectra, for the unit tests of this folder.

use std::sync::OnceLock;

use ndarray::{Array1, Array2};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

use super::super::cross_validation::Folds;
use super::super::shared_kernel::SharedKernelSolver;
use super::{
    HyperGrid, PixelFolds, PixelSpectra, SlamModel, TrainOptions, TrainingLabels, train_pixel,
};

pub(super) const N_TRAIN: usize = 150;
pub(super) const N_PIX: usize = 40;
/// The pixel that no star has.
pub(super) const MASKED: usize = 3;

/// Standard normal deviates.
pub(super) fn gaussians(seed: u64, n: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    (0..n)
        .map(|_| (-2.0 * (1.0 - uniform()).ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos())
        .collect()
}

pub(super) fn labels(constant_gravity: bool) -> TrainingLabels {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let mut between =
        |lo: f64, hi: f64| lo + (hi - lo) * rng.next_u32() as f64 / f64::from(u32::MAX);
    let mut rows = Array2::zeros((N_TRAIN, 3));
    for mut row in rows.outer_iter_mut() {
        row[0] = between(2900.0, 3800.0);
        row[1] = between(-0.6, 0.3);
        row[2] = if constant_gravity { 5.0 } else { between(4.6, 5.2) };
    }
    TrainingLabels::new(["teff_k", "m_h", "logg"].map(str::to_owned).to_vec(), rows).unwrap()
}

/// Flux of pixel `j`: smooth, non-linear, each label felt by some pixels.
fn flux(j: usize, label: ndarray::ArrayView1<'_, f64>) -> f64 {
    let (t, m, g) = ((label[0] - 3400.0) / 300.0, label[1], (label[2] - 4.9) / 0.2);
    let phase = j as f64 * 0.7;
    1.0 + 0.12 * (0.5 * t + phase).sin()
        + 0.1 * m * (phase * 1.3).cos()
        + 0.04 * g * (phase * 2.1).sin()
        - 0.03 * t * m
}

fn train(constant_gravity: bool, grid: &HyperGrid, sigma: f64) -> SlamModel {
    let labels = labels(constant_gravity);
    let folds = Folds::by_star(&(0..N_TRAIN).collect::<Vec<_>>(), 3, 1).unwrap();
    let options =
        TrainOptions { grid, folds: PixelFolds::Assigned(&folds), min_stars: 30, max_kkt: 1e-3 };
    let pixels: Vec<_> = (0..N_PIX)
        .map(|j| {
            let noise = gaussians(j as u64, N_TRAIN);
            let flux: Array1<f64> = labels
                .physical
                .outer_iter()
                .zip(noise)
                .map(|(l, e)| flux(j, l) + sigma * e)
                .collect();
            let ivar = Array1::from_elem(N_TRAIN, if j == MASKED { 0.0 } else { 1e4 });
            let wave_angstrom = 7000.0 + 2.0 * j as f64;
            let pixel = PixelSpectra { wave_angstrom, flux: flux.view(), ivar: ivar.view() };
            train_pixel(&labels, &pixel, &options, &SharedKernelSolver::default()).unwrap()
        })
        .collect();
    SlamModel::from_pixels(&labels, &pixels).unwrap()
}

fn wide_kernels() -> HyperGrid {
    HyperGrid::new(&[1.0], &[0.05], &[0.1, 1.0 / 3.0]).unwrap()
}

pub(super) fn model() -> SlamModel {
    static MODEL: OnceLock<SlamModel> = OnceLock::new();
    MODEL.get_or_init(|| train(false, &wide_kernels(), 0.01)).clone()
}

/// A model whose narrow kernels follow the noise of its stars.
pub(super) fn noisy_model() -> SlamModel {
    train(false, &HyperGrid::new(&[10.0], &[0.05], &[1.0]).unwrap(), 0.05)
}

pub(super) fn model_of_constant_gravity() -> SlamModel {
    static MODEL: OnceLock<SlamModel> = OnceLock::new();
    MODEL.get_or_init(|| train(true, &wide_kernels(), 0.01)).clone()
}
