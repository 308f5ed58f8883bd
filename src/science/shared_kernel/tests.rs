//! Tests of the solver as a whole: against the optimality conditions and against `linfa`.

use ndarray::{Array1, Array2};

use super::SharedKernelSolver;
use crate::science::svr::{
    HyperParameters, Search, SvrProblem, SvrSolver, SvrTask, kkt_violation, predict,
};
use crate::science::svr_linfa::LinfaSolver;

/// Pseudo-random numbers in 0..1.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Labels and targets of standard deviation about 1, with noise of `sigma`.
fn problem(n: usize, sigma: f64) -> (Array2<f64>, Array1<f64>) {
    let mut next = uniform(17 + n as u64);
    let labels = Array2::from_shape_simple_fn((n, 3), || 3.4 * next() - 1.7);
    let target = labels
        .outer_iter()
        .map(|x| {
            let noise = (0..12).map(|_| next()).sum::<f64>() - 6.0;
            (1.2 * x[0]).sin() + 0.5 * x[1] * x[0] - 0.4 * x[2] + sigma * noise
        })
        .collect();
    (labels, target)
}

fn cells() -> Vec<HyperParameters> {
    let mut cells = Vec::new();
    for c in [0.25, 1.0, 16.0] {
        for gamma in [0.1, 1.0] {
            cells.push(HyperParameters { c, gamma, epsilon: 0.05 });
        }
    }
    cells
}

#[test]
fn solutions_are_optimal_and_equal_those_of_linfa() {
    for (n, sigma) in [(300, 0.5), (300, 0.0), (5, 0.3), (2, 0.1)] {
        let (labels, target) = problem(n, sigma);
        let used: Vec<bool> = (0..n).map(|i| n < 10 || i % 7 != 3).collect();
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &used };
        for hyper in cells() {
            let solution = SharedKernelSolver::default().fit(&problem, hyper).unwrap();
            let violation = kkt_violation(&problem, hyper, solution.dual.view(), solution.bias);
            assert!(violation.max() < 1e-5, "n = {n}, {hyper}: {violation:?}");
            assert!(solution.kkt_residual < 1e-5);
            let other = LinfaSolver { tolerance: 1e-6 }.fit(&problem, hyper).unwrap();
            for row in (0..n).step_by(11) {
                let at = |s| predict(labels.view(), hyper.gamma, s, labels.row(row));
                let (a, b) = (at(&solution), at(&other));
                // Without a free row the bias is any point of an interval.
                let free = solution.dual.iter().any(|d| d.abs() > 0.0 && d.abs() < hyper.c);
                assert!(!free || (a - b).abs() < 3e-4, "n = {n}, {hyper}, row {row}: {a} {b}");
            }
        }
    }
}

#[test]
fn degenerate_sets_are_solved_or_say_how_far_they_are() {
    let (labels, target) = problem(120, 0.4);
    let twice = Array2::from_shape_fn((240, 3), |(i, l)| labels[[i / 2, l]]);
    let targets =
        Array1::from_shape_fn(240, |i| target[i / 2] + if i % 2 == 0 { 0.2 } else { -0.2 });
    let same = Array2::zeros((40, 3));
    let spread = Array1::from_shape_fn(40, |i| i as f64 * 0.1 - 2.0);
    let two_values = Array1::from_shape_fn(40, |i| if i == 7 { 6.2 } else { -0.16 });
    for (labels, target) in [(&twice, &targets), (&same, &spread), (&same, &two_values)] {
        let used = vec![true; target.len()];
        let problem =
            SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &used };
        for hyper in cells() {
            let solution = SharedKernelSolver::default().fit(&problem, hyper).unwrap();
            let violation = kkt_violation(&problem, hyper, solution.dual.view(), solution.bias);
            assert!(violation.max() < 1e-5, "{hyper}: {violation:?}");
        }
    }
}

#[test]
fn a_fit_does_not_depend_on_its_batch() {
    let (labels, target) = problem(200, 0.3);
    let other = target.mapv(|t| (3.0 * t).cos());
    let used: Vec<bool> = (0..200).map(|i| i % 9 != 4).collect();
    let hyper = HyperParameters { c: 2.0, gamma: 0.5, epsilon: 0.1 };
    let solver = SharedKernelSolver::default();
    let prepared = solver.prepare(labels.view(), &[0.5]);
    let task = SvrTask { target: target.view(), used: &used, hyper, start: None };
    let second = SvrTask { target: other.view(), used: &[true; 200], hyper, start: None };
    let alone = prepared.fit_many(&[task]);
    let together = prepared.fit_many(&[second, task, second]);
    assert_eq!(alone[0], together[1]);
    let problem = SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &used };
    assert_eq!(solver.fit(&problem, hyper).as_ref(), alone[0].as_ref().map(|f| &f.solution));
}

#[test]
fn held_out_errors_equal_those_of_separate_fits() {
    let (labels, target) = problem(260, 0.4);
    let fold_of_row: Vec<Option<usize>> =
        (0..260).map(|i| if i % 13 == 5 { None } else { Some(i % 4) }).collect();
    let solver = SharedKernelSolver::default();
    let prepared = solver.prepare(labels.view(), &[0.1, 1.0]);
    let complete = Search::Complete;
    let errors = prepared.cross_validate(target.view(), &fold_of_row, &cells(), complete).unwrap();
    for (hyper, error) in cells().into_iter().zip(errors) {
        let mut expected = 0.0;
        for fold in 0..4 {
            let used: Vec<bool> =
                fold_of_row.iter().map(|f| f.is_some_and(|f| f != fold)).collect();
            let task = SvrTask { target: target.view(), used: &used, hyper, start: None };
            let fitted = prepared.fit_many(&[task]).pop().unwrap().unwrap();
            let rows: Vec<usize> = (0..260).filter(|&i| fold_of_row[i] == Some(fold)).collect();
            let square = |&row: &usize| {
                let f = predict(labels.view(), hyper.gamma, &fitted.solution, labels.row(row));
                (target[row] - f).powi(2)
            };
            expected += rows.iter().map(square).sum::<f64>() / rows.len() as f64 / 4.0;
        }
        assert!((error - expected).abs() < 1e-4, "{hyper}: {error} {expected}");
    }
}

#[test]
fn cells_that_cannot_be_best_are_left_and_the_best_is_found() {
    let c = [0.25, 1.0, 4.0, 16.0];
    let grid: Vec<HyperParameters> = [0.3, 0.01, 0.1]
        .iter()
        .flat_map(|&epsilon| [0.05, 0.3, 2.0].map(|gamma| (gamma, epsilon)))
        .flat_map(|(gamma, epsilon)| c.map(|c| HyperParameters { c, gamma, epsilon }))
        .collect();
    let solver = SharedKernelSolver::default();
    for (n, noise) in [(90, 0.0), (260, 0.0), (260, 0.4), (400, 1.5)] {
        let (labels, target) = problem(n, noise);
        let fold_of_row: Vec<Option<usize>> = (0..n).map(|i| Some(i * 7 % 10)).collect();
        let prepared = solver.prepare(labels.view(), &[0.05, 0.3, 2.0]);
        let errors =
            |search| prepared.cross_validate(target.view(), &fold_of_row, &grid, search).unwrap();
        let (complete, found) = (errors(Search::Complete), errors(Search::Best));
        let least = |errors: &[f64]| errors.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(complete.iter().all(|error| error.is_finite()));
        assert!((least(&found) / least(&complete) - 1.0).abs() < 1e-3, "{n} {noise}");
        for (at, (&found, &complete_error)) in found.iter().zip(&complete).enumerate() {
            if found.is_nan() {
                assert!(complete_error > least(&complete) * 0.999, "{n} {noise}, cell {at}");
            } else {
                assert!((found - complete_error).abs() < 1e-4, "{n} {noise}, cell {at}");
            }
        }
        let n_left = found.iter().filter(|error| error.is_nan()).count();
        assert!(noise > 0.0 || n_left > grid.len() / 3, "{n_left} of {} were left", grid.len());
    }
}

#[test]
fn a_warm_start_finds_the_solution_wherever_it_starts() {
    let (labels, target) = problem(260, 0.4);
    let whole = vec![true; 260];
    let used: Vec<bool> = (0..260).map(|i| i % 7 != 2).collect();
    let solver = SharedKernelSolver::default();
    let prepared = solver.prepare(labels.view(), &[0.1, 1.0]);
    let fit = |used: &[bool], hyper, start: Option<&Array1<f64>>| {
        let start = start.map(Array1::view);
        let task = SvrTask { target: target.view(), used, hyper, start };
        prepared.fit_many(&[task]).pop().unwrap().unwrap().solution
    };
    for hyper in cells() {
        let all = fit(&whole, hyper, None);
        let cold = fit(&used, hyper, None);
        let rubbish = Array1::from_shape_fn(260, |i| match i % 4 {
            0 => f64::NAN,
            n => hyper.c * (n as f64 - 2.5) * 2.0,
        });
        for start in [&all.dual, &cold.dual, &rubbish] {
            let warm = fit(&used, hyper, Some(start));
            assert!(warm.kkt_residual < 1e-5, "{hyper}: {}", warm.kkt_residual);
            assert!((0..260).all(|i| used[i] || warm.dual[i] == 0.0), "{hyper}");
            for row in labels.outer_iter() {
                let at = |solution| predict(labels.view(), hyper.gamma, solution, row);
                assert!((at(&warm) - at(&cold)).abs() < 1e-4, "{hyper}");
            }
        }
    }
}

#[test]
fn malformed_problems_are_named() {
    let (labels, mut target) = problem(20, 0.1);
    target[3] = f64::NAN;
    let used = [true; 20];
    let problem = SvrProblem { scaled_labels: labels.view(), target: target.view(), used: &used };
    assert!(SharedKernelSolver::default().fit(&problem, cells()[0]).is_err());
    let solver = SharedKernelSolver::default();
    let prepared = solver.prepare(labels.view(), &[0.1]);
    let used: Vec<bool> = (0..20).map(|i| i != 3).collect();
    let hyper = HyperParameters { c: 1.0, gamma: 0.7, epsilon: 0.1 };
    let task = SvrTask { target: target.view(), used: &used, hyper, start: None };
    let error = prepared.fit_many(&[task]).pop().unwrap().unwrap_err();
    assert!(error.to_string().contains("gamma was not prepared"), "{error}");
    let short = Array1::zeros(19);
    let hyper = HyperParameters { gamma: 0.1, ..hyper };
    let task = SvrTask { target: target.view(), used: &used, hyper, start: Some(short.view()) };
    let error = prepared.fit_many(&[task]).pop().unwrap().unwrap_err();
    assert!(error.to_string().contains("19 entries in `start`"), "{error}");
}
