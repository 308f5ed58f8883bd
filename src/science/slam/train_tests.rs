//! Tests of the training of one pixel.

use super::super::super::shared_kernel::SharedKernelSolver;
use super::super::super::svr::Search;
use super::super::super::svr_linfa::LinfaSolver;
use super::super::synthetic;
use super::*;

/// A pixel that follows Teff alone, with noise of `sigma`.
fn spectra(labels: &TrainingLabels, sigma: f64) -> (Array1<f64>, Array1<f64>) {
    let noise = synthetic::gaussians(77, labels.n_train());
    let flux =
        labels.scaled.column(0).iter().zip(noise).map(|(t, e)| 1.0 + 0.1 * t + sigma * e).collect();
    (flux, Array1::from_elem(labels.n_train(), 1.0 / (sigma * sigma)))
}

fn options<'a>(grid: &'a HyperGrid, folds: PixelFolds<'a>) -> TrainOptions<'a> {
    TrainOptions { grid, folds, min_stars: 30, max_kkt: 1e-5 }
}

fn train(
    flux: &Array1<f64>,
    ivar: &Array1<f64>,
    options: &TrainOptions<'_>,
) -> Result<PixelModel, SlamError> {
    let labels = synthetic::labels(false);
    let pixel = PixelSpectra { wave_angstrom: 7000.0, flux: flux.view(), ivar: ivar.view() };
    train_pixel(&labels, &pixel, options, &SharedKernelSolver::default())
}

#[test]
fn best_cell_is_the_minimum_of_the_surface_and_errors_are_consistent() {
    let labels = synthetic::labels(false);
    let (flux, ivar) = spectra(&labels, 0.03);
    let grid = HyperGrid::new(&[0.1, 1.0], &[0.05], &[0.1, 10.0]).unwrap();
    let folds = Folds::by_star(&(0..labels.n_train()).collect::<Vec<_>>(), 5, 3).unwrap();
    let pixel = train(&flux, &ivar, &options(&grid, PixelFolds::Assigned(&folds))).unwrap();
    let smallest = pixel.cv_surface.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(
        (pixel.status, pixel.cv_surface.len(), pixel.cv_mse),
        (PixelStatus::Usable, 4, smallest)
    );
    assert_eq!(pixel.hyper.gamma, 0.1, "a straight line needs a wide kernel");
    // Noise 0.03 on a signal of 0.1: photon variance is 0.0009 / (0.01 + 0.0009) of the total.
    assert!((pixel.mean_scaled_variance - 0.083).abs() < 0.015, "{}", pixel.mean_scaled_variance);
    assert!(pixel.train_mse < pixel.cv_mse && pixel.cv_mse < 0.15);
    assert!(pixel.dual.sum().abs() < 1e-9 && pixel.kkt_residual < 1e-4);
}

#[test]
fn unusable_pixels_say_so_and_hold_no_garbage() {
    let labels = synthetic::labels(false);
    let (flux, ivar) = spectra(&labels, 0.03);
    let grid = HyperGrid::tutorial();
    let folds = Folds::consecutive(labels.n_train(), 3).unwrap();
    let options = options(&grid, PixelFolds::Assigned(&folds));
    let status = |flux: &Array1<f64>, ivar: &Array1<f64>| {
        let pixel = train(flux, ivar, &options).unwrap();
        assert!(pixel.bias.is_nan() && pixel.dual.iter().all(|&d| d == 0.0));
        assert_eq!(PixelStatus::named(pixel.status.name()), Ok(pixel.status));
        (pixel.status, pixel.n_used)
    };
    assert_eq!(status(&flux, &Array1::zeros(labels.n_train())), (PixelStatus::TooFewStars, 0));
    let mut few = Array1::zeros(labels.n_train());
    few.slice_mut(ndarray::s![..29]).fill(1.0);
    assert_eq!(status(&flux, &few), (PixelStatus::TooFewStars, 29));
    assert_eq!(status(&Array1::ones(labels.n_train()), &ivar).0, PixelStatus::ConstantFlux);
    assert_eq!(status(&flux.mapv(|_| f64::NAN), &ivar).0, PixelStatus::TooFewStars);
}

#[test]
fn released_folds_cut_the_unmasked_rows_into_runs() {
    let used = [true, false, true, true, true, false, true];
    let folds = row_folds(&used, PixelFolds::ConsecutiveUsed { n_folds: 2 }).unwrap().unwrap();
    assert_eq!(folds, [Some(0), None, Some(0), Some(0), Some(1), None, Some(1)]);
}

#[test]
fn a_grid_without_folds_is_refused() {
    let labels = synthetic::labels(false);
    let (flux, ivar) = spectra(&labels, 0.03);
    let grid = HyperGrid::tutorial();
    let error = train(&flux, &ivar, &options(&grid, PixelFolds::None)).unwrap_err();
    assert!(matches!(error, SlamError::Grid { n_cell: 9, .. }));
    let fixed = HyperGrid::fixed(grid.cells()[4]).unwrap();
    let pixel = train(&flux, &ivar, &options(&fixed, PixelFolds::None)).unwrap();
    assert!(pixel.cv_mse.is_nan() && pixel.train_mse.is_finite());
}

#[test]
fn both_solvers_train_the_same_pixel() {
    let labels = synthetic::labels(false);
    let (flux, ivar) = spectra(&labels, 0.03);
    let folds = Folds::by_star(&(0..labels.n_train()).collect::<Vec<_>>(), 5, 3).unwrap();
    let grid = HyperGrid::new(&[0.1, 1.0], &[0.05], &[0.1, 1.0]).unwrap();
    let grid = grid.searched(Search::Complete);
    let options = options(&grid, PixelFolds::Assigned(&folds));
    let fast = train(&flux, &ivar, &options).unwrap();
    let pixel = PixelSpectra { wave_angstrom: 7000.0, flux: flux.view(), ivar: ivar.view() };
    let slow_options = TrainOptions { max_kkt: 1e-3, ..options };
    let slow = train_pixel(&labels, &pixel, &slow_options, &LinfaSolver::default()).unwrap();
    assert_eq!((fast.hyper, fast.n_used), (slow.hyper, slow.n_used));
    for (a, b) in fast.cv_surface.iter().zip(&slow.cv_surface) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    assert!((fast.train_mse - slow.train_mse).abs() < 1e-5);
    assert!((fast.bias - slow.bias).abs() < 3e-4);
}

#[test]
fn refitting_at_the_chosen_cell_gives_the_same_coefficients() {
    let labels = synthetic::labels(false);
    let (flux, ivar) = spectra(&labels, 0.03);
    let folds = Folds::by_star(&(0..labels.n_train()).collect::<Vec<_>>(), 5, 3).unwrap();
    let grid = HyperGrid::tutorial();
    let pixel = train(&flux, &ivar, &options(&grid, PixelFolds::Assigned(&folds))).unwrap();
    let spectra = PixelSpectra { wave_angstrom: 7000.0, flux: flux.view(), ivar: ivar.view() };
    let solver = SharedKernelSolver::default();
    let again =
        refit_pixels(&labels, &[spectra], &[pixel.hyper], None, (30, 1e-5), &solver).unwrap();
    assert_eq!((&again[0].dual, again[0].bias), (&pixel.dual, pixel.bias));
    assert!(again[0].cv_mse.is_nan());
    assert!(refit_pixels(&labels, &[spectra], &[], None, (30, 1e-5), &solver).is_err());
}
