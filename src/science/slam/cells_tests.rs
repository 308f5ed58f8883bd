//! Tests of the compressed evaluation against the exact one.

use super::super::synthetic;
use super::*;

/// Points within the training labels and somewhat beyond.
fn thetas(model: &SlamModel) -> Vec<Array1<f64>> {
    let scaled = model.scaled_labels();
    (0..60).map(|i| scaled.row(2 * i).mapv(|v| v * (0.2 + 0.02 * i as f64))).collect()
}

fn evaluate(evaluator: &impl FluxEvaluator, model: &SlamModel, theta: &Array1<f64>) -> Array2<f64> {
    let mut out = Array2::zeros((model.n_pix(), 1 + model.n_label()));
    evaluator.evaluate(theta.view(), &mut out);
    out
}

#[test]
fn cells_are_as_accurate_as_asked_for() {
    let model = synthetic::model();
    let exact = KernelEvaluator::new(&model);
    for accuracy in [1e-3, 1e-4, 1e-5] {
        let options = CellOptions { accuracy, ..CellOptions::default() };
        let cells = CellEvaluator::new(&model, options).unwrap().unwrap();
        let mut worst = [0.0f64; 2];
        for theta in thetas(&model) {
            let off = evaluate(&cells, &model, &theta) - evaluate(&exact, &model, &theta);
            for (plane, column) in off.columns().into_iter().enumerate() {
                let at = usize::from(plane > 0);
                let usable = column.iter().filter(|d| d.is_finite());
                worst[at] = usable.fold(worst[at], |a, d| a.max(d.abs()));
            }
        }
        // A quarter may come from fewer centers; between the points of the check an error may be a little larger.
        assert!(worst[0] < 1.5 * accuracy, "flux {} at {accuracy}", worst[0]);
        assert!(worst[1] < 60.0 * accuracy, "slope {} at {accuracy}", worst[1]);
    }
}

#[test]
fn a_cell_does_not_depend_on_who_asked_before_or_on_what_is_kept() {
    let model = synthetic::model();
    let new = |memory_bytes| {
        let options = CellOptions { memory_bytes, ..CellOptions::default() };
        CellEvaluator::new(&model, options).unwrap().unwrap()
    };
    let (roomy, tight) = (new(1 << 30), new(0));
    let thetas = thetas(&model);
    let forward: Vec<_> = thetas.iter().map(|t| evaluate(&roomy, &model, t)).collect();
    for (theta, expected) in thetas.iter().zip(&forward).rev() {
        let again = evaluate(&tight, &model, theta);
        assert!(again.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
    assert!(tight.in_memory().0 < roomy.in_memory().0);
}

#[test]
fn curvature_is_the_derivative_of_the_gradient() {
    let model = synthetic::model();
    let cells = CellEvaluator::new(&model, CellOptions::default()).unwrap().unwrap();
    let mut scratch = CellScratch { pulls: Vec::new(), ..CellScratch::default() };
    let theta = Array1::from(vec![0.11, -0.2, 0.13]);
    cells.planes(theta.view(), &mut scratch);
    let n_slot = scratch.planes.len() / 4;
    scratch.pulls = (0..n_slot).map(|j| (0.3 * j as f32).sin()).collect();
    let curvature = cells.curvature(theta.view(), &scratch);
    for l in 0..3 {
        let mut gradient = |step: f64| {
            let mut at = theta.clone();
            at[l] += step;
            cells.planes(at.view(), &mut scratch);
            Array1::from_shape_fn(3, |a| -> f64 {
                let slope = &scratch.planes[(a + 1) * n_slot..(a + 2) * n_slot];
                slope.iter().zip(&scratch.pulls).map(|(s, p)| f64::from(s * p)).sum()
            })
        };
        let numeric = (gradient(0.01) - gradient(-0.01)) / 0.02;
        for a in 0..3 {
            assert!((numeric[a] - curvature[[a, l]]).abs() < 2e-3, "{numeric} {curvature}");
        }
    }
}

#[test]
fn odd_options_are_named_and_many_labels_have_no_cells() {
    let model = synthetic::model();
    let bad = |options| CellEvaluator::new(&model, options).unwrap_err();
    assert!(matches!(
        bad(CellOptions { accuracy: 0.0, ..CellOptions::default() }),
        SlamError::Option { .. }
    ));
    assert!(matches!(
        bad(CellOptions { half_width: f64::NAN, ..CellOptions::default() }),
        SlamError::Option { .. }
    ));
}
