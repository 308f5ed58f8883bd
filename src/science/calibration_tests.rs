use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::super::draw::standard_normal;
use super::super::statistics::{SIGMAS_OF_95, coverage};
use super::*;

/// Spectra of SNR 5 to 500, one a star, whose labels scatter as `sigma(snr)`, with formal errors 2000 / snr.
fn sample(n: usize, seed: u64, sigma: impl Fn(f64) -> f64) -> HeldOut {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let snr: Vec<f64> = (0..n).map(|i| 5.0 * 100f64.powf((i as f64 * 0.618_034).fract())).collect();
    HeldOut {
        residual: snr.iter().map(|s| sigma(*s) * standard_normal(&mut rng)).collect(),
        formal: snr.iter().map(|s| 2_000.0 / s).collect(),
        star: (0..n as i64).collect(),
        snr,
    }
}

fn floor_and_photons(snr: f64) -> f64 {
    50f64.hypot(3_000.0 / snr)
}

#[test]
fn planted_laws_are_found() {
    let held_out = sample(4_000, 1, floor_and_photons);
    let photon = calibrate(&held_out, Basis::Snr, Form::Two, Match::Rms).unwrap().law;
    let Law::Photon { floor, slope } = photon else { panic!("{photon:?}") };
    assert!((floor - 50.0).abs() < 3.0 && (slope - 3_000.0).abs() < 150.0, "{floor} {slope}");
    let scaled = calibrate(&held_out, Basis::Formal, Form::Auto, Match::Rms).unwrap().law;
    let Law::Scaled { floor, scale } = scaled else { panic!("{scaled:?}") };
    assert!((floor - 50.0).abs() < 3.0 && (scale - 1.5).abs() < 0.07, "{floor} {scale}");
    let power = sample(4_000, 2, |snr| 900.0 * snr.powf(-0.6));
    let power = calibrate(&power, Basis::PowerLaw, Form::Two, Match::Rms).unwrap().law;
    let Law::PowerLaw { scale, exponent } = power else { panic!("{power:?}") };
    assert!((exponent - 0.6).abs() < 0.03 && (scale / 900.0 - 1.0).abs() < 0.1, "{power:?}");
}

#[test]
fn monotone_curve_follows_any_falling_scatter_and_never_rises() {
    // A knee that no two-parameter law has.
    let knee = |snr: f64| if snr < 40.0 { 300.0 } else { 60.0 };
    let fitted = calibrate(&sample(6_000, 3, knee), Basis::Snr, Form::Auto, Match::Rms).unwrap();
    let Law::Curve { sigma, .. } = &fitted.law else { panic!("{fitted:?}") };
    assert!(sigma.is_sorted_by(|a, b| a >= b));
    let at = |snr: f64| fitted.law.sigma(snr, f64::NAN);
    assert!((at(12.0) - 300.0).abs() < 25.0 && (at(150.0) - 60.0).abs() < 6.0);
    assert!((at(1.0) / at(0.5) - 0.5).abs() < 1e-12, "below the knots as 1 / snr");
    assert_eq!(at(5_000.0), at(50_000.0));
    assert!(fitted.extrapolates(4.0) && fitted.extrapolates(600.0) && !fitted.extrapolates(30.0));
}

#[test]
fn formal_errors_that_are_right_stay_and_variances_are_never_negative() {
    let right = sample(2_000, 4, |snr| 2_000.0 / snr);
    let law = calibrate(&right, Basis::Formal, Form::Two, Match::Rms).unwrap().law;
    let Law::Scaled { floor, scale } = law else { panic!("{law:?}") };
    assert!(floor < 2.5 && (scale - 1.0).abs() < 0.05, "{floor} {scale}");
    // Scatter that rises with the ratio has no photon term.
    let rising = sample(2_000, 5, |snr| snr);
    let law = calibrate(&rising, Basis::Snr, Form::Two, Match::Rms).unwrap().law;
    assert!(matches!(law, Law::Photon { slope, .. } if slope == 0.0), "{law:?}");
    let law = calibrate(&rising, Basis::PowerLaw, Form::Two, Match::Rms).unwrap().law;
    assert!(matches!(law, Law::PowerLaw { exponent: 0.0, .. }), "{law:?}");
}

#[test]
fn monotone_factor_repairs_formal_errors_that_fail_at_high_ratios() {
    let held_out = sample(6_000, 6, floor_and_photons);
    let fitted = calibrate(&held_out, Basis::Formal, Form::Monotone, Match::Rms).unwrap();
    for snr in [8.0, 30.0, 200.0] {
        let ratio = fitted.law.sigma(snr, 2_000.0 / snr) / floor_and_photons(snr);
        assert!((ratio - 1.0).abs() < 0.12, "{snr}: {ratio}");
    }
}

#[test]
fn cross_fitted_errors_cover_and_formal_ones_do_not() {
    let held_out = sample(3_000, 7, floor_and_photons);
    for (basis, form) in [
        (Basis::Snr, Form::Auto),
        (Basis::Snr, Form::Two),
        (Basis::Formal, Form::Two),
        (Basis::Formal, Form::Monotone),
    ] {
        let sigma =
            cross_fitted(&held_out, 5, 1, |rows| calibrate(rows, basis, form, Match::Rms)).unwrap();
        let pulls = |sigma: &[f64]| -> Vec<f64> {
            held_out.residual.iter().zip(sigma).map(|(r, s)| r / s).collect()
        };
        let within = |limit: f64| coverage(&pulls(&sigma), limit, 3_000).unwrap().value;
        assert!((within(1.0) - 0.683).abs() < 0.03, "{basis:?} {form:?} {}", within(1.0));
        assert!((within(SIGMAS_OF_95) - 0.95).abs() < 0.015, "{basis:?} {form:?}");
        assert!(coverage(&pulls(&held_out.formal), 1.0, 3_000).unwrap().value < 0.5);
    }
}

#[test]
fn a_star_does_not_calibrate_itself() {
    let mut held_out = sample(60, 8, |_| 1.0);
    // Two spectra a star; one star is far out.
    held_out.star = (0..60).map(|i| i / 2).collect();
    held_out.residual[10] = 1e4;
    let fit = |rows: &HeldOut| calibrate(rows, Basis::Snr, Form::One, Match::Rms);
    let sigma = cross_fitted(&held_out, 30, 1, fit).unwrap();
    assert!(sigma[10] < 2.0 && sigma[11] < 2.0, "{} {}", sigma[10], sigma[11]);
    assert!(sigma[12] > 100.0);
}

#[test]
fn few_stars_get_few_parameters_and_none_gets_an_error() {
    let law = |n, basis| calibrate(&sample(n, 9, |_| 100.0), basis, Form::Auto, Match::Coverage);
    let few = law(31, Basis::Snr).unwrap();
    assert!(matches!(few.law, Law::Constant { .. }) && few.is_few());
    assert!(matches!(law(100, Basis::Snr).unwrap().law, Law::Photon { .. }));
    let one = law(31, Basis::Formal).unwrap().law;
    assert!(matches!(one, Law::Scaled { floor, scale } if floor == 0.0 || scale == 1.0), "{one:?}");
    assert!(matches!(law(7, Basis::Snr), Err(CalibrationError::TooFewStars { n_star: 7, .. })));
    // Many spectra of few stars are few.
    let mut spectra = sample(600, 9, |_| 100.0);
    spectra.star = (0..600).map(|i| i % 5).collect();
    assert!(calibrate(&spectra, Basis::Snr, Form::Auto, Match::Rms).is_err());
    let still = sample(50, 9, |_| 0.0);
    let none = calibrate(&still, Basis::Snr, Form::Auto, Match::Rms);
    assert_eq!(none, Err(CalibrationError::NoScatter));
    let short = HeldOut { snr: Vec::new(), ..sample(50, 9, |_| 1.0) };
    let why = calibrate(&short, Basis::Snr, Form::Auto, Match::Rms).unwrap_err().to_string();
    assert!(why.contains("0 rows") && why.contains("50"), "{why}");
}

#[test]
fn one_parameter_of_the_formal_error_is_the_likelier() {
    let floor = sample(35, 10, |_| 500.0);
    let law = calibrate(&floor, Basis::Formal, Form::One, Match::Rms).unwrap().law;
    assert!(
        matches!(law, Law::Scaled { floor, scale } if scale == 1.0 && floor > 300.0),
        "{law:?}"
    );
    let scaled = sample(35, 10, |snr| 3.0 * 2_000.0 / snr);
    let law = calibrate(&scaled, Basis::Formal, Form::One, Match::Rms).unwrap().law;
    assert!(
        matches!(law, Law::Scaled { floor, scale } if floor == 0.0 && (scale - 3.0).abs() < 1.0)
    );
}

#[test]
fn outliers_enlarge_the_rms_but_not_the_covering_error() {
    let mut held_out = sample(1_000, 11, |_| 10.0);
    (0..1_000).step_by(50).for_each(|row| held_out.residual[row] = 500.0);
    let sigma = |matching| {
        let fitted = calibrate(&held_out, Basis::Snr, Form::One, matching).unwrap();
        fitted.law.sigma(50.0, f64::NAN)
    };
    assert!(sigma(Match::Rms) > 60.0);
    assert!((sigma(Match::Coverage) - 10.4).abs() < 0.8, "{}", sigma(Match::Coverage));
}

#[test]
fn laws_survive_their_tables() {
    let laws = [
        Law::Constant { sigma: 3.0 },
        Law::Photon { floor: 1.0, slope: 2.0 },
        Law::PowerLaw { scale: 5.0, exponent: 0.5 },
        Law::Curve { snr: vec![10.0, 100.0], sigma: vec![4.0, 2.0] },
        Law::Scaled { floor: 1.0, scale: 2.0 },
        Law::ScaledCurve { snr: vec![10.0, 100.0], scale: vec![1.0, 4.0] },
    ];
    for law in laws {
        let (knots, values) = law.numbers();
        assert_eq!(Law::read(law.name(), knots, values), Some(law.clone()));
        let double = law.times(2.0).sigma(20.0, 7.0);
        assert!((double - 2.0 * law.sigma(20.0, 7.0)).abs() < 1e-12);
        assert!(!law.needs_snr() || law.sigma(f64::NAN, 7.0).is_nan(), "{law:?}");
    }
    assert_eq!(Law::read("curve", vec![1.0], vec![]), None);
    assert_eq!(Law::read("spline", vec![], vec![1.0]), None);
    let curve = Law::Curve { snr: vec![10.0, 1000.0], sigma: vec![4.0, 1.0] };
    assert!((curve.sigma(100.0, 0.0) - 2.0).abs() < 1e-12, "straight in the logarithms");
}

/// Table 4 of Li et al. 2021: errors in K and dex that depend on the ratio in i alone.
#[test]
fn printed_errors_are_power_laws_within_a_unit() {
    let snr = [
        46., 39., 74., 36., 35., 78., 40., 29., 86., 23., 36., 57., 82., 92., 144., 25., 32., 45.,
        51., 100., 55.,
    ];
    let teff = [
        66., 73., 51., 76., 77., 49., 72., 85., 47., 97., 76., 59., 48., 45., 35., 92., 81., 67.,
        63., 43., 60.,
    ];
    let law = fit_power_law(&snr, &teff).unwrap();
    let worst =
        snr.iter().zip(teff).map(|(s, e)| (law.sigma(*s, f64::NAN) - e).abs()).fold(0.0, f64::max);
    assert!(worst < 1.0, "{worst} K with {law:?}");
    assert_eq!(fit_power_law(&snr[..2], &teff[..2]), None);
}
