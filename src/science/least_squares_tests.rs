//! Tests of the minimizer on problems whose minimum is known.

use super::*;
use ndarray::array;

/// Rosenbrock's valley as two residuals, 10 (y - x^2) and 1 - x.
fn valley(p: &Array1<f64>) -> NormalEquations {
    let residual = array![10.0 * (p[1] - p[0] * p[0]), 1.0 - p[0]];
    let jacobian = array![[-20.0 * p[0], 10.0], [-1.0, 0.0]];
    NormalEquations {
        cost: 0.5 * residual.dot(&residual),
        gradient: jacobian.t().dot(&residual),
        hessian: jacobian.t().dot(&jacobian),
        curvature: None,
    }
}

#[test]
fn follows_a_curved_valley_to_its_minimum() {
    let options = LevenbergOptions::default();
    let found = levenberg_marquardt(&array![-1.2, 1.0], &Bounds::none(2), &options, valley);
    assert_eq!(found.outcome, Outcome::Converged);
    assert!((found.parameters[0] - 1.0).abs() < 1e-8 && (found.parameters[1] - 1.0).abs() < 1e-8);
    assert!(found.n_evaluations < 60);
}

#[test]
fn stops_at_a_bound_when_the_minimum_is_beyond() {
    let bounds = Bounds { lower: array![-2.0, -2.0], upper: array![0.5, 2.0] };
    let found =
        levenberg_marquardt(&array![-1.2, 1.0], &bounds, &LevenbergOptions::default(), valley);
    assert_eq!(found.outcome, Outcome::Converged);
    assert_eq!(found.parameters[0], 0.5);
    assert!((found.parameters[1] - 0.25).abs() < 1e-6);
    assert!(bounds.touches(&found.parameters, 0) && !bounds.touches(&found.parameters, 1));
}

#[test]
fn reports_exhaustion_and_nonsense() {
    let options = LevenbergOptions { max_evaluations: 3, ..LevenbergOptions::default() };
    let found = levenberg_marquardt(&array![-1.2, 1.0], &Bounds::none(2), &options, valley);
    assert_eq!((found.outcome, found.n_evaluations), (Outcome::MaxEvaluations, 3));
    let nan = |p: &Array1<f64>| NormalEquations { cost: f64::NAN, ..valley(p) };
    let found = levenberg_marquardt(&array![0.0, 0.0], &Bounds::none(2), &options, nan);
    assert_eq!(found.outcome, Outcome::Stuck);
}

#[test]
fn all_second_derivatives_converge_faster() {
    let full = |p: &Array1<f64>| {
        let residual = 10.0 * (p[1] - p[0] * p[0]);
        let curvature = Some(array![[-20.0 * residual, 0.0], [0.0, 0.0]]);
        NormalEquations { curvature, ..valley(p) }
    };
    let options = LevenbergOptions { reduction_tolerance: 1e-4, ..LevenbergOptions::default() };
    let found = levenberg_marquardt(&array![0.8, 0.7], &Bounds::none(2), &options, full);
    assert_eq!(found.outcome, Outcome::Converged);
    assert!((found.parameters[0] - 1.0).abs() < 1e-3, "{}", found.parameters);
}

#[test]
fn noise_of_the_cost_does_not_stop_the_descent() {
    let mut call = 0;
    let noisy = |p: &Array1<f64>| {
        call += 1;
        let noise = if call % 2 == 0 { 1e-6 } else { -1e-6 };
        let plain = valley(p);
        NormalEquations { cost: plain.cost + 1.0 + noise, ..plain }
    };
    let options = LevenbergOptions { cost_noise: 2e-6, ..LevenbergOptions::default() };
    let found = levenberg_marquardt(&array![-1.2, 1.0], &Bounds::none(2), &options, noisy);
    assert_eq!(found.outcome, Outcome::Converged);
    assert!((found.parameters[0] - 1.0).abs() < 1e-4 && found.n_evaluations < 60);
}
