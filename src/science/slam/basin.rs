//! Lower optima near the one found.
//!
//! Where a model follows the noise of its training stars, chi-square of a faint star may have several minima a few
//! formal errors apart. Their sign is a second derivative that differs much from its Gauss-Newton part; only then are
//! points on both sides of the optimum tried, along the line on which each label moves and the others follow.

use ndarray::Array1;

use super::super::least_squares::{Bounds, Minimum, Outcome, invert_positive_definite};

/// How far points are tried, formal errors of a label.
const REACH: f64 = 2.5;
/// Ratios of full to Gauss-Newton curvature that are taken for one basin.
const PLAIN: std::ops::RangeInclusive<f64> = 0.7..=1.4;
/// A point is a promising start if its cost rises by less than this share of what one basin would make it rise.
const PROMISING: f64 = 0.3;

/// Points to try, none where the optimum looks like the only one.
pub(super) fn probes(minimum: &Minimum, bounds: &Bounds) -> Vec<Array1<f64>> {
    let equations = &minimum.equations;
    let (Some(rest), Outcome::Converged) = (&equations.curvature, minimum.outcome) else {
        return Vec::new();
    };
    let Some(covariance) = invert_positive_definite(equations.hessian.view()) else {
        return Vec::new();
    };
    let step = |l: usize| &covariance.column(l) * (REACH / covariance[[l, l]].sqrt());
    let steps: Vec<Array1<f64>> = (0..minimum.parameters.len()).map(step).collect();
    let ratio = |step: &Array1<f64>| {
        1.0 + step.dot(&rest.dot(step)) / step.dot(&equations.hessian.dot(step))
    };
    if steps.iter().all(|step| PLAIN.contains(&ratio(step))) {
        return Vec::new();
    }
    let sides = steps.iter().flat_map(|step| {
        [&minimum.parameters + step, &minimum.parameters - step].map(|point| bounds.clamp(&point))
    });
    sides.collect()
}

/// Tells whether a descent from a probe of this `cost` may end below the optimum of `lowest`.
pub(super) fn is_promising(cost: f64, lowest: f64) -> bool {
    cost - lowest < PROMISING * 0.5 * REACH * REACH
}

#[cfg(test)]
mod tests {
    use super::super::super::least_squares::NormalEquations;
    use super::*;
    use ndarray::array;

    fn minimum(rest: f64) -> Minimum {
        Minimum {
            parameters: array![0.0, 1.0],
            equations: NormalEquations {
                cost: 10.0,
                gradient: array![0.0, 0.0],
                hessian: array![[4.0, 0.0], [0.0, 1.0]],
                curvature: Some(array![[0.0, 0.0], [0.0, rest]]),
            },
            n_evaluations: 1,
            outcome: Outcome::Converged,
        }
    }

    #[test]
    fn only_a_bent_valley_is_probed_at_its_sides() {
        let bounds = Bounds { lower: array![-9.0, -9.0], upper: array![9.0, 2.0] };
        assert!(probes(&minimum(0.1), &bounds).is_empty());
        let points = probes(&minimum(-0.5), &bounds);
        let expected = [array![1.25, 1.0], array![-1.25, 1.0], array![0.0, 2.0], array![0.0, -1.5]];
        assert_eq!(points, expected);
        assert!(is_promising(10.5, 10.0) && !is_promising(13.0, 10.0));
    }
}
