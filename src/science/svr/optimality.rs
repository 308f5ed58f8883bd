//! The optimality conditions of epsilon-SVR, checked independently of any solver.

use ndarray::ArrayView1;

use super::{HyperParameters, SvrProblem, gaussian_kernel};

/// How far a candidate solution is from optimal, each part in its own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KktViolation {
    /// Largest complementarity violation, scaled flux.
    pub stationarity: f64,
    /// Largest excess of |dual| over C.
    pub excess_over_c: f64,
    /// |sum of dual|; zero for an optimum because the bias is free.
    pub sum_of_dual: f64,
    /// Largest |dual| on a row that is not used.
    pub unused_dual: f64,
}

impl KktViolation {
    /// The largest of the four.
    pub fn max(&self) -> f64 {
        self.stationarity.max(self.excess_over_c).max(self.sum_of_dual).max(self.unused_dual)
    }
}

/// Measures the violation of the epsilon-SVR optimality conditions, independently of any solver.
///
/// With r = target - f and the tube epsilon: dual = 0 needs |r| <= epsilon; 0 < dual < C needs r = epsilon;
/// dual = C needs r >= epsilon; the negative side mirrors it. Feasibility is |dual| <= C and sum dual = 0
/// (Smola & Schoelkopf 2004, Statistics and Computing 14, 199, eqs. 10-16).
pub fn kkt_violation(
    problem: &SvrProblem<'_>,
    hyper: HyperParameters,
    dual: ArrayView1<'_, f64>,
    bias: f64,
) -> KktViolation {
    let rows = problem.used_rows();
    let fitted = fitted_values(problem, hyper.gamma, dual, bias, &rows);
    let stationarity = rows
        .iter()
        .zip(&fitted)
        .map(|(&row, f)| complementarity(dual[row], problem.target[row] - f, hyper))
        .fold(0.0, f64::max);
    let unused = (0..dual.len()).filter(|&i| !problem.used[i]);
    KktViolation {
        stationarity,
        excess_over_c: dual.iter().map(|d| d.abs() - hyper.c).fold(0.0, f64::max),
        sum_of_dual: dual.sum().abs(),
        unused_dual: unused.map(|i| dual[i].abs()).fold(0.0, f64::max),
    }
}

/// Residual condition of one row.
fn complementarity(dual: f64, residual: f64, hyper: HyperParameters) -> f64 {
    // A coefficient this close to a bound cannot be told from one at it.
    let slack = 1e-12 * hyper.c;
    let outward = residual * dual.signum() - hyper.epsilon;
    if dual.abs() <= slack {
        residual.abs() - hyper.epsilon
    } else if dual.abs() >= hyper.c - slack {
        -outward
    } else {
        outward.abs()
    }
}

/// f at the used rows; the symmetric kernel is evaluated once per pair.
fn fitted_values(
    problem: &SvrProblem<'_>,
    gamma: f64,
    dual: ArrayView1<'_, f64>,
    bias: f64,
    rows: &[usize],
) -> Vec<f64> {
    let mut fitted: Vec<f64> = rows.iter().map(|&i| bias + dual[i]).collect();
    for (a, &i) in rows.iter().enumerate() {
        let label = problem.scaled_labels.row(i);
        for (b, &j) in rows.iter().enumerate().skip(a + 1) {
            if dual[i] == 0.0 && dual[j] == 0.0 {
                continue;
            }
            let k = gaussian_kernel(label, problem.scaled_labels.row(j), gamma);
            fitted[a] += k * dual[j];
            fitted[b] += k * dual[i];
        }
    }
    fitted
}
