//! Tests of the label fit on a small model with known spectra.

use super::super::CellOptions;
use super::super::{ModelError, synthetic};
use super::*;
use ndarray::{Axis, array, s, stack};

fn options() -> FitOptions {
    FitOptions { model_error: ModelError::None, ..FitOptions::default() }
}

fn thetas() -> [Array1<f64>; 3] {
    [array![3300.0, -0.3, 5.0], array![3610.0, 0.12, 4.83], array![3050.0, -0.05, 5.11]]
}

#[test]
fn noise_free_spectra_return_their_labels() {
    let model = synthetic::model();
    let compressed = Evaluator::Compressed(CellOptions::default());
    for (loss, evaluator, tolerance) in [
        (Loss::Linear, Evaluator::Exact, 1e-6),
        (Loss::SoftL1, Evaluator::Exact, 1e-6),
        (Loss::Linear, compressed, 3e-5),
    ] {
        let fitter = LabelFitter::new(&model, FitOptions { loss, evaluator, ..options() }).unwrap();
        for theta in thetas() {
            let flux = model.flux(theta.view());
            let fit =
                fitter.fit(flux.view(), Array1::from_elem(model.n_pix(), 1e4).view()).unwrap();
            assert_eq!(fit.status, FitStatus::Converged);
            let off = (&fit.labels - &theta) / &model.label_scaler.scale;
            assert!(off.iter().all(|d| d.abs() < tolerance), "{loss:?} off by {off} scaled");
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

/// Noisy spectra of `n` stars across the training labels.
fn noisy(
    model: &crate::science::slam::SlamModel,
    n: usize,
    snr: f64,
) -> (Array2<f64>, Array2<f64>) {
    let noise = synthetic::gaussians(21, n * model.n_pix());
    let mut flux = Array2::from_shape_vec((n, model.n_pix()), noise).unwrap() / snr;
    for (star, mut row) in flux.outer_iter_mut().enumerate() {
        let of = |a: usize| model.labels.row(a % synthetic::N_TRAIN);
        row += &model.flux(((&of(7 * star) + &of(7 * star + 3)) / 2.0).view());
    }
    let ivar = Array2::from_elem(flux.dim(), snr * snr);
    (flux, ivar)
}

#[test]
fn compressed_labels_stay_within_two_hundredths_of_every_formal_error() {
    let model = synthetic::model();
    for (snr, model_error) in [(50.0, ModelError::None), (200.0, ModelError::INTRINSIC)] {
        let (flux, ivar) = noisy(&model, 60, snr);
        let of = |evaluator| {
            let options = FitOptions { evaluator, model_error, ..options() };
            let fitter = LabelFitter::new(&model, options).unwrap();
            fitter.fit_many(flux.view(), ivar.view()).unwrap()
        };
        let compressed = of(Evaluator::Compressed(CellOptions::default()));
        for (c, e) in compressed.iter().zip(of(Evaluator::Exact)) {
            let shift = (&c.labels - &e.labels) / &e.formal_errors;
            assert!(shift.iter().all(|s| s.abs() < 0.02), "shift {shift} formal errors");
            // The bound is of first order and knows errors at the points of the check only.
            assert!(shift.iter().all(|s| s.abs() < 2.0 * c.compression_shift + 2e-3));
            assert_eq!(e.compression_shift, 0.0);
        }
    }
}

/// Labels of `stars`, their flux and inverse variance.
fn fits(
    model: &crate::science::slam::SlamModel,
    stars: &(Array2<f64>, Array2<f64>),
    options: FitOptions,
) -> Vec<LabelFit> {
    LabelFitter::new(model, options).unwrap().fit_many(stars.0.view(), stars.1.view()).unwrap()
}

#[test]
fn fast_start_reaches_the_optimum_of_the_exact_search() {
    let model = synthetic::model();
    let stars = noisy(&model, 100, 60.0);
    let of = |start| {
        fits(&model, &stars, FitOptions { start, evaluator: Evaluator::Exact, ..options() })
    };
    let plain = of(Start::Exact);
    // As it is for a model of more labels than cells have.
    let options = FitOptions { start: Start::Fast, evaluator: Evaluator::Exact, ..options() };
    let without_cells = LabelFitter::with_cells(&model, None, options).unwrap();
    let without_cells = without_cells.fit_many(stars.0.view(), stars.1.view()).unwrap();
    for fits in [of(Start::Fast), without_cells] {
        for (fast, exact) in fits.iter().zip(&plain) {
            let shift = (&fast.labels - &exact.labels) / &exact.formal_errors;
            assert!(shift.iter().all(|s| s.abs() < 3e-3), "shift {shift} formal errors");
            assert!(fast.chi2 <= exact.chi2 + 1e-4);
        }
    }
}

#[test]
fn fast_start_finds_the_same_minimum_of_many() {
    let model = synthetic::noisy_model();
    let stars = noisy(&model, 400, 20.0);
    let exact = FitOptions { start: Start::Exact, evaluator: Evaluator::Exact, ..options() };
    let fast = FitOptions { evaluator: Evaluator::Compressed(CellOptions::default()), ..options() };
    let (exact, fast) = (fits(&model, &stars, exact), fits(&model, &stars, fast));
    let is_same = |(fast, exact): &(&LabelFit, &LabelFit)| {
        let shift = (&fast.labels - &exact.labels) / &exact.formal_errors;
        shift.iter().all(|s| s.abs() < 0.05)
    };
    let n_same = fast.iter().zip(&exact).filter(is_same).count();
    assert!(n_same >= 396, "{n_same} of 400");
}

#[test]
fn any_batch_and_any_number_of_threads_give_the_same_bits() {
    let model = synthetic::model();
    let (flux, ivar) = noisy(&model, 256, 60.0);
    let bits = |fit: &LabelFit| {
        let mut bits: Vec<u64> = fit.labels.iter().map(|v| v.to_bits()).collect();
        bits.extend(fit.covariance.iter().map(|v| v.to_bits()));
        bits.extend([fit.chi2.to_bits(), fit.chi2_intrinsic.to_bits()]);
        bits.extend([fit.compression_shift.to_bits(), fit.n_evaluations as u64]);
        bits
    };
    let compressed = Evaluator::Compressed(CellOptions::default());
    for (evaluator, start) in [
        (compressed, Start::Fast),
        (Evaluator::Exact, Start::Fast),
        (Evaluator::Exact, Start::Exact),
    ] {
        let options = FitOptions { evaluator, start, ..options() };
        let new = || LabelFitter::new(&model, options).unwrap();
        let fitter = new();
        let all = fitter.fit_many(flux.view(), ivar.view()).unwrap();
        // Another fitter meets the stars in another order.
        let other = new();
        for size in [7, 1] {
            for first in (0..256).step_by(size).rev() {
                let rows = first..(first + size).min(256);
                let (f, w) = (flux.slice(s![rows.clone(), ..]), ivar.slice(s![rows.clone(), ..]));
                for (fit, row) in other.fit_many(f, w).unwrap().iter().zip(rows) {
                    assert_eq!(bits(fit), bits(&all[row]), "{evaluator:?} row {row} of {size}");
                }
            }
        }
        for n_thread in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_thread).build().unwrap();
            let again = pool.install(|| new().fit_many(flux.view(), ivar.view()).unwrap());
            assert!(again.iter().zip(&all).all(|(a, b)| bits(a) == bits(b)));
        }
    }
}

#[test]
fn a_spectrum_far_outside_is_flagged_and_judged() {
    let model = synthetic::model();
    let fitter = LabelFitter::new(&model, FitOptions::default()).unwrap();
    let ivar = Array1::from_elem(model.n_pix(), 1e4);
    let inside = model.flux(array![3300.0, -0.2, 4.9].view());
    let fit = fitter.fit(inside.view(), ivar.view()).unwrap();
    assert!(fit.in_hull && fit.outside_hull == 0.0 && fit.reduced_chi2_intrinsic < 0.1);
    // Fluxes that no star has.
    let outside = inside.mapv(|f| 3.0 - 2.0 * f);
    let fit = fitter.fit(outside.view(), ivar.view()).unwrap();
    assert!(fit.reduced_chi2_intrinsic > 10.0 && fit.labels.iter().all(|v| v.is_finite()));
    assert!(!fit.in_hull && fit.outside_hull > 0.0 && fit.at_bound != 0);
}

#[test]
fn goodness_of_fit_is_judged_alike_whatever_the_weights() {
    let model = synthetic::model();
    let (flux, ivar) = noisy(&model, 20, 80.0);
    let of = |model_error| {
        let options = FitOptions { model_error, ..FitOptions::default() };
        LabelFitter::new(&model, options).unwrap().fit_many(flux.view(), ivar.view()).unwrap()
    };
    for (a, b) in of(ModelError::MseAsSigma).iter().zip(of(ModelError::INTRINSIC)) {
        // Each at its own optimum.
        assert!((a.chi2_intrinsic / b.chi2_intrinsic - 1.0).abs() < 0.1);
        assert!((b.chi2_intrinsic / b.chi2 - 1.0).abs() < 1e-3);
        assert!(a.reduced_chi2_intrinsic.is_finite());
    }
    let mut unfolded = model.clone();
    unfolded.cv_mse.fill(f64::NAN);
    let options = FitOptions { model_error: ModelError::None, ..FitOptions::default() };
    let fitter = LabelFitter::new(&unfolded, options).unwrap();
    assert!(fitter.fit(flux.row(0), ivar.row(0)).unwrap().chi2_intrinsic.is_nan());
}

#[test]
fn one_or_repeated_training_stars_end_with_a_status() {
    let model = synthetic::model();
    for n_train in [1, 2] {
        let mut small = model.clone();
        let rows: Vec<usize> = vec![0; n_train];
        small.labels = model.labels.select(Axis(0), &rows);
        small.dual = model.dual.select(Axis(1), &rows);
        small.label_scaler = crate::science::labels::LabelScaler::fit(small.labels.view()).unwrap();
        for (start, evaluator) in [
            (Start::Fast, Evaluator::Compressed(CellOptions::default())),
            (Start::Exact, Evaluator::Exact),
        ] {
            let options = FitOptions { start, evaluator, ..options() };
            let fitter = LabelFitter::new(&small, options).unwrap();
            let flux = model.flux(model.labels.row(0));
            let ivar = Array1::from_elem(model.n_pix(), 1e4);
            let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
            assert_eq!(fit.fixed, 0b111);
            assert_eq!(fit.labels, model.labels.row(0));
            assert!(fit.formal_errors.iter().all(|e| e.is_nan()));
        }
    }
}
