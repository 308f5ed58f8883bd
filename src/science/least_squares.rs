//! Bounded Levenberg-Marquardt on normal equations.
//!
//! SLAM's label fit has two to four parameters and thousands of residuals, so the objective hands over cost, gradient
//! and Gauss-Newton matrix rather than residuals. Bounds are met by projection: a parameter at a bound whose gradient
//! points outward is held for the step.

use ndarray::{Array1, Array2};

pub use super::small_matrix::{cholesky, cholesky_solve, invert_positive_definite};

/// Cost and its derivatives at one point.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalEquations {
    /// Half the sum of squared (weighted) residuals, or of their loss.
    pub cost: f64,
    /// J^T W r, `(n_parameter,)`.
    pub gradient: Array1<f64>,
    /// J^T W J, `(n_parameter, n_parameter)`.
    pub hessian: Array2<f64>,
    /// The rest of the second derivatives of the cost, sum of W r times those of the model, where it is known: steps
    /// then converge quadratically also where residuals are large.
    pub curvature: Option<Array2<f64>>,
}

impl NormalEquations {
    /// The matrix of the quadratic model that steps follow and whether it holds all second derivatives, as it does
    /// where they are safely positive definite; else it is J^T W J.
    fn matrix(&self) -> (Array2<f64>, bool) {
        let full = self.curvature.as_ref().map(|rest| &self.hessian + rest);
        let convex = |full: &Array2<f64>| cholesky((full - &self.hessian * 0.1).view()).is_some();
        match full.filter(convex) {
            Some(full) => (full, true),
            None => (self.hessian.clone(), false),
        }
    }
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
    /// Converged when the step would lower the cost by less than this; that step is still taken, unevaluated. Where
    /// the cost is chi-square / 2 such a step is sqrt(2 x this) formal errors long. It holds for steps by all second
    /// derivatives, after which next to nothing is left; for Gauss-Newton steps a hundredth of it. 0 turns it off.
    pub reduction_tolerance: f64,
    /// Noise of the cost over the root of twice the cost, as rounding of the model makes it: the norm of the weighted
    /// rounding errors. A step that promises less than the noise is taken if it does not raise the cost by more.
    pub cost_noise: f64,
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
            reduction_tolerance: 0.0,
            cost_noise: 0.0,
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
    /// Cost and derivatives there; after a last, unevaluated step the derivatives are those before it and the cost is
    /// that of the quadratic model.
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
    let mut descent = Descent::new(start, bounds, options);
    while let Some(point) = descent.point() {
        let equations = evaluate(point);
        descent.tell(equations);
    }
    descent.finish()
}

/// The same minimization turned inside out: it asks for a point and is told the equations there, so that the
/// evaluations of many problems can be done together.
#[derive(Debug)]
pub struct Descent<'a> {
    bounds: &'a Bounds,
    options: &'a LevenbergOptions,
    best: Option<Minimum>,
    trial: Option<Trial>,
    damping: Damping,
}

impl<'a> Descent<'a> {
    /// Begins at `start`, `(n_parameter,)`, moved into `bounds`.
    pub fn new(start: &Array1<f64>, bounds: &'a Bounds, options: &'a LevenbergOptions) -> Self {
        let trial = Trial { point: bounds.clamp(start), predicted: f64::INFINITY };
        let damping = Damping { value: options.initial_damping, growth: 2.0 };
        Self { bounds, options, best: None, trial: Some(trial), damping }
    }

    /// Where the equations are wanted next; `None` at the end.
    pub fn point(&self) -> Option<&Array1<f64>> {
        self.trial.as_ref().map(|trial| &trial.point)
    }

    /// Takes the equations at [`Self::point`]; true where that point is now the best.
    pub fn tell(&mut self, equations: NormalEquations) -> bool {
        let Some(trial) = self.trial.take() else { return false };
        let Some(best) = &mut self.best else {
            let can_go_on = equations.cost.is_finite();
            let (parameters, outcome) = (trial.point, Outcome::Stuck);
            self.best = Some(Minimum { parameters, equations, n_evaluations: 1, outcome });
            if can_go_on {
                self.advance();
            }
            return true;
        };
        best.n_evaluations += 1;
        let reduction = best.equations.cost - equations.cost;
        let gain = reduction / trial.predicted;
        let noise = self.options.cost_noise * (2.0 * best.equations.cost).sqrt();
        let is_better = gain.is_finite() && gain > 1e-4;
        if is_better {
            best.parameters = trial.point;
            best.equations = equations;
            self.damping.lower(gain);
        } else if trial.predicted <= noise && reduction >= -noise {
            best.parameters = trial.point;
            best.equations = equations;
        } else {
            self.damping.raise();
            self.advance();
            return false;
        }
        self.advance();
        true
    }

    /// Finds the next point to ask for, or ends.
    fn advance(&mut self) {
        let Some(best) = &mut self.best else { return };
        loop {
            match next_point(best, self.bounds, self.options, self.damping.value) {
                Step::To(_) if best.n_evaluations >= self.options.max_evaluations => {
                    best.outcome = Outcome::MaxEvaluations;
                    return;
                }
                Step::To(trial) => {
                    self.trial = Some(trial);
                    return;
                }
                Step::Last(trial) => {
                    best.parameters = trial.point;
                    best.equations.cost -= trial.predicted;
                    best.outcome = Outcome::Converged;
                    return;
                }
                Step::Settled => {
                    best.outcome = Outcome::Converged;
                    return;
                }
                Step::Shorter if self.damping.value < LARGEST_DAMPING => self.damping.raise(),
                Step::Shorter => return,
            }
        }
    }

    /// The best point found.
    pub fn finish(self) -> Minimum {
        self.best.unwrap_or_else(|| Minimum {
            parameters: self.trial.map_or_else(|| Array1::zeros(0), |trial| trial.point),
            equations: NormalEquations {
                cost: f64::NAN,
                gradient: Array1::zeros(0),
                hessian: Array2::zeros((0, 0)),
                curvature: None,
            },
            n_evaluations: 0,
            outcome: Outcome::Stuck,
        })
    }
}

#[derive(Debug)]
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
    /// Worth taking, but not an evaluation.
    Last(Trial),
    /// Nothing is left to gain.
    Settled,
    /// Only a shorter step can go down.
    Shorter,
}

#[derive(Debug)]
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
    let (matrix, is_full) = best.equations.matrix();
    let Some(point) = bounded_point(best, &matrix, bounds, free, damping) else {
        return Step::Shorter;
    };
    let step = &point - &best.parameters;
    let predicted = -(best.equations.gradient.dot(&step) + 0.5 * step.dot(&matrix.dot(&step)));
    let negligible = options.reduction_tolerance * if is_full { 1.0 } else { 0.01 };
    let is_small = step.iter().all(|s| s.abs() <= options.step_tolerance);
    if is_small || (0.0..=options.cost_tolerance * best.equations.cost).contains(&predicted) {
        Step::Settled
    } else if damping <= 1.0 && (0.0..=negligible).contains(&predicted) {
        // Under a stronger damping it is the damping that makes the step short.
        Step::Last(Trial { point, predicted })
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
    matrix: &Array2<f64>,
    bounds: &Bounds,
    mut free: Vec<usize>,
    damping: f64,
) -> Option<Array1<f64>> {
    let mut step = Array1::zeros(best.parameters.len());
    while !free.is_empty() {
        let solved = damped_step(&best.equations, matrix, &free, &step, damping)?;
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
    matrix: &Array2<f64>,
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
        matrix[[i, j]] + if a == b { damping * diagonal(i) } else { 0.0 }
    });
    let factor = cholesky(damped.view())?;
    let from_held = |i: usize| {
        (0..held.len()).filter(|j| !free.contains(j)).map(|j| matrix[[i, j]] * held[j]).sum::<f64>()
    };
    let descent = Array1::from_shape_fn(free.len(), |a| -gradient[free[a]] - from_held(free[a]));
    Some(cholesky_solve(&factor, &descent))
}

#[cfg(test)]
#[path = "least_squares_tests.rs"]
mod tests;
