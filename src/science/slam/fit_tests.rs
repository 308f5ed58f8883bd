//! Tests of the label fit on a small model with known spectra.

use super::super::ModelError;
use super::super::synthetic;
use super::*;
use ndarray::{Axis, array, stack};

fn options() -> FitOptions {
    FitOptions { model_error: ModelError::None, ..FitOptions::default() }
}

fn thetas() -> [Array1<f64>; 3] {
    [array![3300.0, -0.3, 5.0], array![3610.0, 0.12, 4.83], array![3050.0, -0.05, 5.11]]
}

#[test]
fn noise_free_spectra_return_their_labels() {
    let model = synthetic::model();
    for loss in [Loss::Linear, Loss::SoftL1] {
        let fitter = LabelFitter::new(&model, FitOptions { loss, ..options() }).unwrap();
        for theta in thetas() {
            let flux = model.flux(theta.view());
            let fit =
                fitter.fit(flux.view(), Array1::from_elem(model.n_pix(), 1e4).view()).unwrap();
            assert_eq!(fit.status, FitStatus::Converged);
            let off = (&fit.labels - &theta) / &model.label_scaler.scale;
            assert!(off.iter().all(|d| d.abs() < 1e-6), "{loss:?} off by {off} scaled");
            assert!(fit.inside_box && fit.at_bound == 0 && fit.chi2 < 1e-6);
        }
    }
}

#[test]
fn formal_errors_scale_with_noise_and_match_the_scatter() {
    let model = synthetic::model();
    let fitter = LabelFitter::new(&model, options()).unwrap();
    let theta = array![3300.0, -0.3, 5.0];
    let flux = model.flux(theta.view());
    let at_snr = |snr: f64| {
        fitter
            .fit(flux.view(), Array1::from_elem(model.n_pix(), snr * snr).view())
            .unwrap()
            .formal_errors
    };
    let ratio = at_snr(100.0) / at_snr(200.0);
    assert!(ratio.iter().all(|r| (r - 2.0).abs() < 1e-6), "{ratio}");

    let noise = synthetic::gaussians(11, 200 * model.n_pix());
    let noise = Array2::from_shape_vec((200, model.n_pix()), noise).unwrap() / 200.0;
    let ivar = Array2::from_elem((200, model.n_pix()), 200.0 * 200.0);
    let fits = fitter.fit_many((&flux + &noise).view(), ivar.view()).unwrap();
    for l in 0..3 {
        let pulls = fits.iter().map(|f| (f.labels[l] - theta[l]) / f.formal_errors[l]);
        let rms = (pulls.map(|p| p * p).sum::<f64>() / 200.0).sqrt();
        assert!((0.85..1.15).contains(&rms), "pull rms of label {l} is {rms}");
    }
    let reduced = fits.iter().map(|f| f.reduced_chi2).sum::<f64>() / 200.0;
    assert!((reduced - 1.0).abs() < 0.1, "mean reduced chi2 {reduced}");
}

#[test]
fn a_star_does_not_depend_on_its_batch() {
    let model = synthetic::model();
    let fitter = LabelFitter::new(&model, options()).unwrap();
    let noise = synthetic::gaussians(3, 3 * model.n_pix());
    let noise = Array2::from_shape_vec((3, model.n_pix()), noise).unwrap() * 0.02;
    let rows: Vec<Array1<f64>> = thetas().iter().map(|t| model.flux(t.view())).collect();
    let views: Vec<_> = rows.iter().map(Array1::view).collect();
    let flux = stack(Axis(0), &views).unwrap() + noise;
    let ivar = Array2::from_elem(flux.dim(), 2500.0);
    let together = fitter.fit_many(flux.view(), ivar.view()).unwrap();
    let order = [2, 0, 1];
    let shuffled = fitter.fit_many(flux.select(Axis(0), &order).view(), ivar.view()).unwrap();
    for (place, &star) in order.iter().enumerate() {
        assert_eq!(shuffled[place], together[star]);
        assert_eq!(fitter.fit(flux.row(star), ivar.row(star)).unwrap(), together[star]);
    }
}

#[test]
fn hot_star_stops_at_the_bound_and_is_flagged() {
    let model = synthetic::model();
    let tight = FitOptions { bounds: LabelBounds::Box { margin: 0.0 }, ..options() };
    let fitter = LabelFitter::new(&model, tight).unwrap();
    let outside = model.labels.column(0).fold(0.0f64, |a, &b| a.max(b)) + 60.0;
    let flux = model.flux(array![outside, -0.2, 4.8].view());
    let ivar = Array1::from_elem(model.n_pix(), 1e6);
    let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
    assert_eq!(fit.at_bound & 1, 1);
    assert!(fit.labels[0] < outside && fit.status == FitStatus::Converged);
    let free = FitOptions { bounds: LabelBounds::Unbounded, ..options() };
    let fit = LabelFitter::new(&model, free).unwrap().fit(flux.view(), ivar.view()).unwrap();
    assert!((fit.labels[0] - outside).abs() < 1e-3 && !fit.inside_box && fit.at_bound == 0);
}

#[test]
fn missing_pixels_do_not_move_labels_and_too_few_are_told() {
    let model = synthetic::model();
    let fitter = LabelFitter::new(&model, options()).unwrap();
    let theta = array![3300.0, -0.3, 5.0];
    let mut flux = model.flux(theta.view());
    let mut ivar = Array1::from_elem(model.n_pix(), 1e4);
    (flux[5], ivar[9], flux[9], ivar[11]) = (f64::NAN, 0.0, 50.0, f64::NAN);
    let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
    assert!((fit.labels[0] - 3300.0).abs() < 1e-3);
    assert_eq!(fit.n_pix_used, model.usable().iter().filter(|&&u| u).count() - 3);
    ivar.fill(0.0);
    let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
    assert_eq!((fit.status, fit.n_pix_used), (FitStatus::TooFewPixels, 0));
    assert!(fit.labels.iter().all(|v| v.is_nan()));
    assert!(fitter.fit(flux.view(), array![1.0].view()).is_err());
}

#[test]
fn a_constant_label_is_held_and_flagged() {
    let model = synthetic::model_of_constant_gravity();
    let fitter = LabelFitter::new(&model, options()).unwrap();
    let flux = model.flux(array![3300.0, -0.3, 5.0].view());
    let fit = fitter.fit(flux.view(), Array1::from_elem(model.n_pix(), 1e4).view()).unwrap();
    assert_eq!((fit.status, fit.fixed, fit.at_bound), (FitStatus::Converged, 0b100, 0));
    assert_eq!(fit.labels[2], 5.0);
    assert!((fit.labels[0] - 3300.0).abs() < 1e-3 && fit.formal_errors[0].is_finite());
    assert!(fit.formal_errors[2].is_nan());
}

#[test]
fn soft_l1_resists_an_outlier_better() {
    let model = synthetic::model();
    let theta = array![3300.0, -0.3, 5.0];
    let mut flux = model.flux(theta.view());
    flux[4] += 0.3;
    let ivar = Array1::from_elem(model.n_pix(), 1e4);
    let off = |loss| {
        let fitter = LabelFitter::new(&model, FitOptions { loss, ..options() }).unwrap();
        (fitter.fit(flux.view(), ivar.view()).unwrap().labels[0] - theta[0]).abs()
    };
    assert!(off(Loss::SoftL1) < 0.3 * off(Loss::Linear));
}
