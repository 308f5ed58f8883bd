//! Bounded Levenberg-Marquardt on normal equations, and the small dense algebra it needs.
//!
//! SLAM's label fit has two to four parameters and thousands of residuals, so the objective hands over cost, gradient
//! and Gauss-Newton matrix rather than residuals. Bounds are met by projection: a parameter at a bound whose gradient
//! points outward is held for the step.

use ndarray::{Array1, Array2, ArrayView2};

/// Cost and its derivatives at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalEquations {
    /// Half the sum of squared (weighted) residuals, or of their loss.
    pub cost: f64,
    /// J^T W r, `(n_parameter,)`.
    pub gradient: Array1<f64>,
    /// J^T W J, `(n_parameter, n_parameter)`.
    pub hessian: Array2<f64>,
}

/// Closed interval of each parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    /// Lower ends, `(n_parameter,)`; may be -infinity.
    pub lower: Array1<f64>,
    /// Upper ends, `(n_parameter,)`; may be infinity. Equal to the lower end, the parameter is held.
    pub upper: Array1<f64>,
}

impl Bounds {
    /// No bounds at all.
    pub fn none(n_parameter: usize) -> Self {
        let all = |v| Array1::from_elem(n_parameter, v);
        Self { lower: all(f64::NEG_INFINITY), upper: all(f64::INFINITY) }
    }

    /// Moves `parameters` to the nearest point within the bounds.
    pub fn clamp(&self, parameters: &Array1<f64>) -> Array1<f64> {
        Array1::from_shape_fn(parameters.len(), |i| {
            parameters[i].max(self.lower[i]).min(self.upper[i])
        })
    }

    /// Tells whether parameter `i` of `parameters` sits on one of its bounds.
    pub fn touches(&self, parameters: &Array1<f64>, i: usize) -> bool {
        parameters[i] <= self.lower[i] || parameters[i] >= self.upper[i]
    }

    /// Parameters that a descent step may move.
    fn free(&self, parameters: &Array1<f64>, gradient: &Array1<f64>) -> Vec<usize> {
        let blocked = |i: usize| {
            self.lower[i] >= self.upper[i]
                || (parameters[i] <= self.lower[i] && gradient[i] >= 0.0)
                || (parameters[i] >= self.upper[i] && gradient[i] <= 0.0)
        };
        (0..parameters.len()).filter(|&i| !blocked(i)).collect()
    }
}

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LevenbergOptions {
    /// Most evaluations of the objective.
    pub max_evaluations: usize,
    /// Converged when no parameter would move by more than this.
    pub step_tolerance: f64,
    /// Converged when the step would lower the cost by less than this fraction.
    pub cost_tolerance: f64,
    /// First damping, relative to the diagonal of the Gauss-Newton matrix.
    pub initial_damping: f64,
}

impl Default for LevenbergOptions {
    /// 3e-7 of a standardized label is 1e-4 K: far below any formal error.
    fn default() -> Self {
        Self {
            max_evaluations: 200,
            step_tolerance: 3e-7,
            cost_tolerance: 1e-15,
            initial_damping: 1e-3,
        }
    }
}

/// How a minimization ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A tolerance was met.
    Converged,
    /// The evaluations ran out.
    MaxEvaluations,
    /// The cost is not finite at the start, or no damped step can be computed.
    Stuck,
}

/// The best point found.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// Parameters, `(n_parameter,)`.
    pub parameters: Array1<f64>,
    /// Cost and derivatives there.
    pub equations: NormalEquations,
    /// Evaluations of the objective.
    pub n_evaluations: usize,
    /// How it ended.
    pub outcome: Outcome,
}

const LARGEST_DAMPING: f64 = 1e12;

/// Minimizes a least-squares cost from `start`, `(n_parameter,)`, within `bounds`.
///
/// Marquardt's scaling by the diagonal, gain-ratio damping (Nielsen 1999). The cost never rises above that of the
/// (clamped) start.
pub fn levenberg_marquardt(
    start: &Array1<f64>,
    bounds: &Bounds,
    options: &LevenbergOptions,
    mut evaluate: impl FnMut(&Array1<f64>) -> NormalEquations,
) -> Minimum {
    let parameters = bounds.clamp(start);
    let equations = evaluate(&parameters);
    let mut best = Minimum { parameters, equations, n_evaluations: 1, outcome: Outcome::Stuck };
    if !best.equations.cost.is_finite() {
        return best;
    }
    let mut damping = Damping { value: options.initial_damping, growth: 2.0 };
    loop {
        let trial = match next_point(&best, bounds, options, damping.value) {
            Step::To(trial) => trial,
            Step::Settled => return Minimum { outcome: Outcome::Converged, ..best },
            Step::Shorter if damping.value < LARGEST_DAMPING => {
                damping.raise();
                continue;
            }
            Step::Shorter => return best,
        };
        if best.n_evaluations >= options.max_evaluations {
            return Minimum { outcome: Outcome::MaxEvaluations, ..best };
        }
        let equations = evaluate(&trial.point);
        best.n_evaluations += 1;
        let gain = (best.equations.cost - equations.cost) / trial.predicted;
        if gain.is_finite() && gain > 1e-4 {
            best.parameters = trial.point;
            best.equations = equations;
            damping.lower(gain);
        } else {
            damping.raise();
        }
    }
}

struct Damping {
    value: f64,
    growth: f64,
}

impl Damping {
    fn raise(&mut self) {
        self.value *= self.growth;
        self.growth *= 2.0;
    }

    fn lower(&mut self, gain: f64) {
        self.value *= (1.0 - (2.0 * gain - 1.0).powi(3)).max(0.1);
        self.value = self.value.max(1e-15);
        self.growth = 2.0;
    }
}

enum Step {
    /// Worth an evaluation.
    To(Trial),
    /// Nothing is left to gain.
    Settled,
    /// Only a shorter step can go down.
    Shorter,
}

struct Trial {
    point: Array1<f64>,
    /// Reduction of the cost that the quadratic model promises.
    predicted: f64,
}

/// The next point to evaluate, unless the tolerances are met.
fn next_point(best: &Minimum, bounds: &Bounds, options: &LevenbergOptions, damping: f64) -> Step {
    let free = bounds.free(&best.parameters, &best.equations.gradient);
    if free.iter().all(|&i| best.equations.gradient[i] == 0.0) {
        return Step::Settled;
    }
    let Some(point) = bounded_point(best, bounds, free, damping) else {
        return Step::Shorter;
    };
    let step = &point - &best.parameters;
    let predicted = predicted_reduction(&best.equations, &step);
    let is_small = step.iter().all(|s| s.abs() <= options.step_tolerance);
    if is_small || (0.0..=options.cost_tolerance * best.equations.cost).contains(&predicted) {
        Step::Settled
    } else if predicted > 0.0 {
        Step::To(Trial { point, predicted })
    } else {
        // The bounds bent the step uphill.
        Step::Shorter
    }
}

/// The damped Gauss-Newton point within the bounds.
///
/// A parameter whose step would cross a bound is put on it and the others are solved again: clamping alone would
/// leave them at values meant for a point beyond the bound. `None` where the damped matrix is not positive definite.
fn bounded_point(
    best: &Minimum,
    bounds: &Bounds,
    mut free: Vec<usize>,
    damping: f64,
) -> Option<Array1<f64>> {
    let mut step = Array1::zeros(best.parameters.len());
    while !free.is_empty() {
        let solved = damped_step(&best.equations, &free, &step, damping)?;
        let crosses = |a: usize, i: usize| {
            let target = best.parameters[i] + solved[a];
            target < bounds.lower[i] || target > bounds.upper[i]
        };
        let (mut inside, mut n_crossing) = (Vec::new(), 0);
        for (a, &i) in free.iter().enumerate() {
            if crosses(a, i) {
                let bound = if solved[a] < 0.0 { bounds.lower[i] } else { bounds.upper[i] };
                step[i] = bound - best.parameters[i];
                n_crossing += 1;
            } else {
                inside.push((i, solved[a]));
            }
        }
        free = inside.iter().map(|&(i, _)| i).collect();
        if n_crossing == 0 {
            inside.into_iter().for_each(|(i, s)| step[i] = s);
            break;
        }
    }
    Some(bounds.clamp(&(&best.parameters + &step)))
}

/// Solves the damped normal equations for the `free` parameters, the others moving by `held`.
fn damped_step(
    equations: &NormalEquations,
    free: &[usize],
    held: &Array1<f64>,
    damping: f64,
) -> Option<Array1<f64>> {
    let NormalEquations { gradient, hessian, .. } = equations;
    let largest = free.iter().map(|&i| hessian[[i, i]]).fold(0.0, f64::max);
    // A parameter without influence would leave the damped matrix singular too.
    let diagonal = |i: usize| hessian[[i, i]].max(1e-12 * largest);
    let damped = Array2::from_shape_fn((free.len(), free.len()), |(a, b)| {
        let (i, j) = (free[a], free[b]);
        hessian[[i, j]] + if a == b { damping * diagonal(i) } else { 0.0 }
    });
    let factor = cholesky(damped.view())?;
    let from_held = |i: usize| {
        (0..held.len())
            .filter(|j| !free.contains(j))
            .map(|j| hessian[[i, j]] * held[j])
            .sum::<f64>()
    };
    let descent = Array1::from_shape_fn(free.len(), |a| -gradient[free[a]] - from_held(free[a]));
    Some(cholesky_solve(&factor, &descent))
}

/// Reduction of the cost that the quadratic model promises for `step`.
fn predicted_reduction(equations: &NormalEquations, step: &Array1<f64>) -> f64 {
    -(equations.gradient.dot(step) + 0.5 * step.dot(&equations.hessian.dot(step)))
}

/// Lower Cholesky factor of a symmetric matrix, `(n, n)`; `None` where it is not safely positive definite.
pub fn cholesky(matrix: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let mut factor = Array2::<f64>::zeros((n, n));
    for j in 0..n {
        let pivot = matrix[[j, j]] - (0..j).map(|k| factor[[j, k]] * factor[[j, k]]).sum::<f64>();
        // Below this fraction of its own diagonal a pivot is cancellation noise; NaN fails as well.
        let safe = pivot > 1e-14 * matrix[[j, j]] && pivot.is_finite();
        if !safe {
            return None;
        }
        factor[[j, j]] = pivot.sqrt();
        for i in j + 1..n {
            let inner: f64 = (0..j).map(|k| factor[[i, k]] * factor[[j, k]]).sum();
            factor[[i, j]] = (matrix[[i, j]] - inner) / factor[[j, j]];
        }
    }
    Some(factor)
}

/// Solves L L^T x = b for the lower factor of [`cholesky`].
pub fn cholesky_solve(factor: &Array2<f64>, b: &Array1<f64>) -> Array1<f64> {
    let n = b.len();
    let mut x = b.clone();
    for i in 0..n {
        let inner: f64 = (0..i).map(|k| factor[[i, k]] * x[k]).sum();
        x[i] = (x[i] - inner) / factor[[i, i]];
    }
    for i in (0..n).rev() {
        let inner: f64 = (i + 1..n).map(|k| factor[[k, i]] * x[k]).sum();
        x[i] = (x[i] - inner) / factor[[i, i]];
    }
    x
}

/// Inverts a symmetric positive definite matrix, `(n, n)`; `None` where it is singular.
pub fn invert_positive_definite(matrix: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let factor = cholesky(matrix)?;
    let mut inverse = Array2::zeros((n, n));
    for j in 0..n {
        let unit = Array1::from_shape_fn(n, |i| f64::from(i == j));
        inverse.column_mut(j).assign(&cholesky_solve(&factor, &unit));
    }
    let symmetric = (&inverse + &inverse.t()) * 0.5;
    symmetric.iter().all(|v| v.is_finite()).then_some(symmetric)
}

#[cfg(test)]
mod tests {
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
        }
    }

    #[test]
    fn follows_a_curved_valley_to_its_minimum() {
        let options = LevenbergOptions::default();
        let found = levenberg_marquardt(&array![-1.2, 1.0], &Bounds::none(2), &options, valley);
        assert_eq!(found.outcome, Outcome::Converged);
        assert!(
            (found.parameters[0] - 1.0).abs() < 1e-8 && (found.parameters[1] - 1.0).abs() < 1e-8
        );
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
    fn inverse_times_matrix_is_identity_and_singular_is_seen() {
        let matrix = array![[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]];
        let product = invert_positive_definite(matrix.view()).unwrap().dot(&matrix);
        assert!((product - Array2::<f64>::eye(3)).iter().all(|v| v.abs() < 1e-14));
        assert!(invert_positive_definite(array![[1.0, 1.0], [1.0, 1.0]].view()).is_none());
        assert!(invert_positive_definite(array![[0.0]].view()).is_none());
        assert!(invert_positive_definite(array![[f64::NAN]].view()).is_none());
    }
}
