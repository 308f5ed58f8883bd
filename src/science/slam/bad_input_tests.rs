//! Bad input, one test a kind: each ends with a named status, flag or error, without a panic, and no NaN is unexplained.
//!
//! | input | test |
//! |---|---|
//! | a pixel that no star has | [`all_masked_pixel`] |
//! | a pixel of one flux | [`constant_flux`] |
//! | stars that are there twice | [`duplicate_training_stars`] |
//! | a single training star | [`one_training_star`] |
//! | labels with NaN | [`labels_with_nan`] |
//! | a spectrum without any inverse variance | [`all_ivar_zero`] |
//! | labels far outside the hull | [`labels_far_outside_the_hull`] |
//!
//! What the catalog makes of them is tested with the stages.

use ndarray::{Array1, Array2, Axis, array, concatenate};

use super::super::shared_kernel::SharedKernelSolver;
use super::super::svr::HyperParameters;
use super::*;

const FIXED: HyperParameters = HyperParameters { c: 1.0, gamma: 1.0 / 3.0, epsilon: 0.05 };

/// Trains one pixel on `labels` at fixed hyper-parameters.
fn trained(labels: &TrainingLabels, flux: &Array1<f64>, ivar: f64) -> PixelModel {
    let grid = HyperGrid::fixed(FIXED).unwrap();
    let options =
        TrainOptions { grid: &grid, folds: PixelFolds::None, min_stars: 2, max_kkt: 1e-3 };
    let ivar = Array1::from_elem(flux.len(), ivar);
    let pixel = PixelSpectra { wave_angstrom: 7000.0, flux: flux.view(), ivar: ivar.view() };
    train_pixel(labels, &pixel, &options, &SharedKernelSolver::default()).unwrap()
}

fn smooth(labels: &TrainingLabels) -> Array1<f64> {
    labels.scaled.outer_iter().map(|x| 1.0 + 0.1 * (0.8 * x[0]).sin() + 0.02 * x[1]).collect()
}

/// Holds nothing that could pass for a result.
fn assert_empty(pixel: &PixelModel, status: PixelStatus) {
    assert_eq!(pixel.status, status);
    assert!(pixel.bias.is_nan() && pixel.hyper.c.is_nan() && pixel.cv_mse.is_nan());
    assert!(pixel.dual.iter().all(|&d| d == 0.0) && pixel.cv_surface.is_empty());
}

fn assert_no_labels(fit: &LabelFit, status: FitStatus) {
    assert_eq!(fit.status, status);
    assert!(fit.labels.iter().all(|v| v.is_nan()) && fit.chi2.is_nan());
}

fn fit(model: &SlamModel, flux: &Array1<f64>, ivar: f64) -> LabelFit {
    let fitter = LabelFitter::new(model, FitOptions::default()).unwrap();
    fitter.fit(flux.view(), Array1::from_elem(model.n_pix(), ivar).view()).unwrap()
}

#[test]
fn all_masked_pixel() {
    let labels = synthetic::labels(false);
    assert_empty(&trained(&labels, &smooth(&labels), 0.0), PixelStatus::TooFewStars);
    let model = synthetic::model();
    assert!(!model.usable()[synthetic::MASKED]);
    let theta = array![3300.0, -0.2, 4.9];
    let flux = model.flux(theta.view());
    assert!(flux[synthetic::MASKED].is_nan(), "an unusable pixel has no flux");
    let found = fit(&model, &flux, 1e4);
    assert_eq!((found.status, found.n_pix_used), (FitStatus::Converged, synthetic::N_PIX - 1));
    assert!((found.labels[0] - 3300.0).abs() < 5.0);
}

#[test]
fn constant_flux() {
    let labels = synthetic::labels(false);
    let pixel = trained(&labels, &Array1::ones(labels.n_train()), 1e4);
    assert_empty(&pixel, PixelStatus::ConstantFlux);
    // An observed spectrum without features is fitted, and its goodness of fit says what it is worth.
    let model = synthetic::model();
    let found = fit(&model, &Array1::ones(model.n_pix()), 1e6);
    assert!(found.labels.iter().all(|v| v.is_finite()) && found.reduced_chi2 > 10.0);
}

#[test]
fn duplicate_training_stars() {
    let once = synthetic::labels(false);
    let twice = concatenate![Axis(0), once.physical, once.physical];
    let twice = TrainingLabels::new(once.names.clone(), twice).unwrap();
    let pixel = trained(&twice, &smooth(&twice), 1e4);
    assert_eq!((pixel.status, pixel.n_used), (PixelStatus::Usable, 2 * once.n_train()));
    assert!(pixel.kkt_residual < 1e-5 && pixel.dual.iter().all(|d| d.abs() <= 1.0 + 1e-12));
    let model = SlamModel::from_pixels(&twice, &[pixel]).unwrap();
    let at = once.physical.row(3);
    let expected = smooth(&once)[3];
    assert!((model.flux(at)[0] - expected).abs() < 0.02, "{} {expected}", model.flux(at)[0]);
}

#[test]
fn one_training_star() {
    let all = synthetic::labels(false);
    let one = TrainingLabels::new(all.names.clone(), all.physical.select(Axis(0), &[0])).unwrap();
    assert!(one.scaled.iter().all(|v| v.is_finite()));
    assert_empty(&trained(&one, &array![1.0], 1e4), PixelStatus::TooFewStars);
    // A model made of one star, read from elsewhere, holds all labels at that star's.
    let mut model = synthetic::model();
    model.labels = model.labels.select(Axis(0), &[0]);
    model.dual = model.dual.select(Axis(1), &[0]);
    model.label_scaler = crate::science::labels::LabelScaler::fit(model.labels.view()).unwrap();
    let found = fit(&model, &Array1::ones(model.n_pix()), 1e4);
    assert_eq!((found.fixed, found.labels), (0b111, model.labels.row(0).to_owned()));
    assert!(found.formal_errors.iter().all(|e| e.is_nan()));
}

#[test]
fn labels_with_nan() {
    let all = synthetic::labels(false);
    let mut physical: Array2<f64> = all.physical.clone();
    physical[[7, 1]] = f64::NAN;
    let error = TrainingLabels::new(all.names.clone(), physical).unwrap_err();
    assert!(matches!(error, SlamError::Labels(_)), "{error}");
    assert!(error.to_string().contains('7'), "the row is not named: {error}");
}

#[test]
fn all_ivar_zero() {
    let model = synthetic::model();
    let flux = model.flux(array![3300.0, -0.2, 4.9].view());
    let found = fit(&model, &flux, 0.0);
    assert_no_labels(&found, FitStatus::TooFewPixels);
    assert_eq!(found.n_pix_used, 0);
    assert_no_labels(&fit(&model, &flux, f64::NAN), FitStatus::TooFewPixels);
}

#[test]
fn labels_far_outside_the_hull() {
    let model = synthetic::model();
    let far = array![9000.0, 3.0, 1.0];
    assert!(
        model
            .flux(far.view())
            .iter()
            .enumerate()
            .all(|(j, f)| { f.is_finite() || j == synthetic::MASKED })
    );
    // Fluxes that no star has.
    let flux = model.flux(array![3300.0, -0.2, 4.9].view()).mapv(|f| 3.0 - 2.0 * f);
    let found = fit(&model, &flux, 1e4);
    assert!(!found.in_hull && found.outside_hull > 0.0 && found.at_bound != 0);
    assert!(found.labels.iter().chain(&found.formal_errors).all(|v| v.is_finite()));
    assert!(found.reduced_chi2 > 10.0);
}
