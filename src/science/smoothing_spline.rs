//! Cubic splines in one dimension: the weighted smoothing spline (Reinsch 1967; de Boor 1978, chapter XIV) and the
//! not-a-knot interpolating spline.

use thiserror::Error;

/// Why a spline cannot be made.
#[derive(Debug, Error, PartialEq)]
pub enum SplineError {
    /// Fewer knots than the spline needs.
    #[error("spline of {n_knot} knots, at least {needed} needed: pass more pixels")]
    TooFewKnots { n_knot: usize, needed: usize },
    /// Arrays differ in length.
    #[error("spline of {x} abscissae, {y} values and {weights} weights: lengths must agree")]
    Length { x: usize, y: usize, weights: usize },
    /// Abscissae do not ascend.
    #[error("spline abscissae do not strictly ascend at knot {knot}: sort them and drop repeats")]
    NotAscending { knot: usize },
    /// A value or weight cannot be used, or the system is singular to working precision.
    #[error("spline system is not positive definite at knot {knot}: check values, weights and p")]
    Singular { knot: usize },
}

/// A cubic spline given by values and second derivatives at its knots; linear beyond both ends.
#[derive(Debug, Clone, PartialEq)]
pub struct SmoothingSpline {
    x: Vec<f64>,
    value: Vec<f64>,
    second: Vec<f64>,
}

impl SmoothingSpline {
    /// Fits the f that minimizes p sum w (y - f)^2 + (1 - p) int f''^2, the convention of csaps.
    ///
    /// `x` strictly ascending, `y`, `weights` > 0, all `(n,)`, n >= 3; `p` in (0, 1]. With lambda = (1 - p) / p the
    /// interior second derivatives solve the pentadiagonal (R + lambda Q' W^-1 Q) f'' = Q' y, in O(n).
    pub fn fit(x: &[f64], y: &[f64], weights: &[f64], p: f64) -> Result<Self, SplineError> {
        check(x, y, weights, 3)?;
        let n = x.len();
        let lambda = (1.0 - p) / p;
        let h: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
        let system = pentadiagonal(&h, weights, lambda);
        // Each slope serves the two knots at its ends.
        let mut left = (y[1] - y[0]) / h[0];
        let bends = (1..n - 1).map(|i| {
            let right = (y[i + 1] - y[i]) / h[i];
            right - std::mem::replace(&mut left, right)
        });
        let interior = solve_pentadiagonal(system, bends.collect())?;
        let mut second = vec![0.0; n];
        second[1..n - 1].copy_from_slice(&interior);
        let mut left = 0.0;
        let values = (0..n).map(|i| {
            let right = if i + 1 < n { (second[i + 1] - second[i]) / h[i] } else { 0.0 };
            y[i] - lambda * (right - std::mem::replace(&mut left, right)) / weights[i]
        });
        let value = values.collect();
        Ok(Self { x: x.to_vec(), value, second })
    }

    /// Interpolates through all points with the not-a-knot end condition, as `interp1d(kind="cubic")` does.
    ///
    /// `x` strictly ascending, `y`: `(n,)`, n >= 4. Evaluation is meant for the knots' range; beyond it is linear.
    pub fn interpolate(x: &[f64], y: &[f64]) -> Result<Self, SplineError> {
        check(x, y, &vec![1.0; x.len()], 4)?;
        let second = not_a_knot(x, y);
        Ok(Self { x: x.to_vec(), value: y.to_vec(), second })
    }

    /// Evaluates at ascending points, `(m,)`; one pass over knots and points.
    pub fn evaluate_ascending(&self, at: &[f64]) -> Vec<f64> {
        let mut piece = 0;
        at.iter()
            .map(|&x| {
                while piece + 2 < self.x.len() && x > self.x[piece + 1] {
                    piece += 1;
                }
                self.on_piece(piece, x)
            })
            .collect()
    }

    /// Evaluates at one point, which need not be inside the knots.
    pub fn evaluate(&self, x: f64) -> f64 {
        let above = self.x.partition_point(|&knot| knot < x);
        self.on_piece(above.clamp(1, self.x.len() - 1) - 1, x)
    }

    fn on_piece(&self, i: usize, x: f64) -> f64 {
        let h = self.x[i + 1] - self.x[i];
        let (f0, f1) = (self.value[i], self.value[i + 1]);
        let (m0, m1) = (self.second[i], self.second[i + 1]);
        let chord = (f1 - f0) / h;
        if x < self.x[i] {
            return f0 + (x - self.x[i]) * (chord - h * (2.0 * m0 + m1) / 6.0);
        }
        if x > self.x[i + 1] {
            return f1 + (x - self.x[i + 1]) * (chord + h * (m0 + 2.0 * m1) / 6.0);
        }
        let t = x - self.x[i];
        let first = chord - h * (2.0 * m0 + m1) / 6.0;
        f0 + t * (first + t * (m0 / 2.0 + t * (m1 - m0) / (6.0 * h)))
    }
}

fn check(x: &[f64], y: &[f64], weights: &[f64], needed: usize) -> Result<(), SplineError> {
    let n_knot = x.len();
    if y.len() != n_knot || weights.len() != n_knot {
        return Err(SplineError::Length { x: n_knot, y: y.len(), weights: weights.len() });
    }
    if n_knot < needed {
        return Err(SplineError::TooFewKnots { n_knot, needed });
    }
    let ascends = |i: usize| x[i].is_finite() && x[i] > x[i - 1];
    if let Some(knot) = (1..n_knot).find(|&i| !ascends(i)) {
        return Err(SplineError::NotAscending { knot });
    }
    let bad = |i: &usize| !(y[*i].is_finite() && weights[*i] > 0.0 && weights[*i].is_finite());
    match (0..n_knot).find(bad) {
        Some(knot) => Err(SplineError::Singular { knot }),
        None => Ok(()),
    }
}

/// Diagonal and the two upper bands of R + lambda Q' W^-1 Q, each of length n - 2 (bands padded with zeros).
fn pentadiagonal(h: &[f64], weights: &[f64], lambda: f64) -> [Vec<f64>; 3] {
    let m = h.len() - 1;
    let rate: Vec<f64> = h.iter().map(|h| 1.0 / h).collect();
    let variance: Vec<f64> = weights.iter().map(|w| lambda / w).collect();
    // Column j of Q holds rate_j, -rate_j - rate_{j+1}, rate_{j+1} in rows j, j+1, j+2.
    let middle = |j: usize| -rate[j] - rate[j + 1];
    let mut bands = [vec![0.0; m], vec![0.0; m], vec![0.0; m]];
    for j in 0..m {
        let (a, b, c) = (rate[j], middle(j), rate[j + 1]);
        let [va, vb, vc] = [variance[j], variance[j + 1], variance[j + 2]];
        bands[0][j] = (h[j] + h[j + 1]) / 3.0 + (a * a * va + b * b * vb + c * c * vc);
        if j + 1 < m {
            bands[1][j] = h[j + 1] / 6.0 + (b * c * vb + c * middle(j + 1) * vc);
        }
        if j + 2 < m {
            bands[2][j] = c * rate[j + 2] * vc;
        }
    }
    bands
}

/// Solves a symmetric positive definite pentadiagonal system by an LDL' factorization; bands are as [`pentadiagonal`]
/// gives them.
///
/// What one row leaves to the next two is carried in variables, since every row waits for the one before.
fn solve_pentadiagonal(
    [mut d, mut e, mut f]: [Vec<f64>; 3],
    mut right: Vec<f64>,
) -> Result<Vec<f64>, SplineError> {
    let after = |values: &[f64], at: usize| values.get(at).copied().unwrap_or(0.0);
    let (mut pivot, mut next_pivot) = (after(&d, 0), after(&d, 1));
    let (mut b, mut next_b) = (after(&right, 0), after(&right, 1));
    let mut above = after(&e, 0);
    for j in 0..d.len() {
        // Not `<= 0`: a NaN pivot must be refused too.
        if !(pivot > 0.0 && pivot.is_finite()) {
            return Err(SplineError::Singular { knot: j + 1 });
        }
        let outer = f[j];
        let (first, second) = (above / pivot, outer / pivot);
        (d[j], e[j], f[j], right[j]) = (pivot, first, second, b);
        pivot = next_pivot - first * above;
        next_pivot = after(&d, j + 2) - second * outer;
        above = after(&e, j + 1) - first * outer;
        let left = next_b - first * b;
        next_b = after(&right, j + 2) - second * b;
        b = left;
    }
    let (mut x, mut next) = (0.0, 0.0);
    for j in (0..d.len()).rev() {
        let own = right[j] / d[j] - e[j] * x - f[j] * next;
        (x, next) = (own, x);
        right[j] = own;
    }
    Ok(right)
}

/// Second derivatives at the knots of the cubic interpolant whose third derivative is continuous at the second and the
/// last but one knot. `x.len() >= 4`.
fn not_a_knot(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let h: Vec<f64> = x.windows(2).map(|w| w[1] - w[0]).collect();
    let m = n - 2;
    let mut lower: Vec<f64> = (0..m).map(|j| h[j]).collect();
    let mut diagonal: Vec<f64> = (0..m).map(|j| 2.0 * (h[j] + h[j + 1])).collect();
    let mut upper: Vec<f64> = (0..m).map(|j| h[j + 1]).collect();
    let mut rhs: Vec<f64> = (0..m)
        .map(|j| 6.0 * ((y[j + 2] - y[j + 1]) / h[j + 1] - (y[j + 1] - y[j]) / h[j]))
        .collect();
    // The end conditions give the outer second derivatives in terms of the two next to them.
    let (a, b) = (h[0], h[1]);
    diagonal[0] += a * (a + b) / b;
    upper[0] -= a * a / b;
    let (y_, z) = (h[n - 3], h[n - 2]);
    diagonal[m - 1] += z * (y_ + z) / y_;
    lower[m - 1] -= z * z / y_;
    for j in 1..m {
        let factor = lower[j] / diagonal[j - 1];
        diagonal[j] -= factor * upper[j - 1];
        rhs[j] -= factor * rhs[j - 1];
    }
    let mut second = vec![0.0; n];
    second[m] = rhs[m - 1] / diagonal[m - 1];
    for j in (0..m - 1).rev() {
        second[j + 1] = (rhs[j] - upper[j] * second[j + 2]) / diagonal[j];
    }
    second[0] = second[1] * (a + b) / b - second[2] * a / b;
    second[n - 1] = second[n - 2] * (y_ + z) / y_ - second[n - 3] * z / y_;
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let x: Vec<f64> = (0..40).map(|i| f64::from(i) + 0.3 * (f64::from(i)).sin()).collect();
        let y = x.iter().map(|x| (0.4 * x).sin() + 0.01 * x * x).collect();
        let w = (0..40).map(|i| 1.0 + f64::from(i % 3)).collect();
        (x, y, w)
    }

    /// The functional that the fit minimizes; f''^2 integrates exactly because f'' is piecewise linear.
    fn objective(s: &SmoothingSpline, y: &[f64], w: &[f64], p: f64) -> f64 {
        let misfit: f64 = (0..y.len()).map(|i| w[i] * (y[i] - s.value[i]).powi(2)).sum();
        let bending: f64 = (1..y.len())
            .map(|i| {
                let (a, b) = (s.second[i - 1], s.second[i]);
                (s.x[i] - s.x[i - 1]) * (a * a + a * b + b * b) / 3.0
            })
            .sum();
        p * misfit + (1.0 - p) * bending
    }

    #[test]
    fn fit_minimizes_its_functional() {
        let (x, y, w) = sample();
        let p = 0.3;
        let best = SmoothingSpline::fit(&x, &y, &w, p).unwrap();
        let cost = objective(&best, &y, &w, p);
        for knot in [0, 1, 17, 39] {
            for step in [-1e-3, 1e-3] {
                // Any natural spline is the interpolating limit (p = 1) through its own values.
                let mut values = best.value.clone();
                values[knot] += step;
                let other = SmoothingSpline::fit(&x, &values, &w, 1.0).unwrap();
                assert!(objective(&other, &y, &w, p) > cost);
            }
        }
    }

    #[test]
    fn limits_are_a_line_and_an_interpolant() {
        let (x, y, w) = sample();
        let through = SmoothingSpline::fit(&x, &y, &w, 1.0).unwrap();
        assert!(through.value.iter().zip(&y).all(|(a, b)| a == b));
        let line: Vec<f64> = x.iter().map(|x| 3.0 - 0.5 * x).collect();
        let fit = SmoothingSpline::fit(&x, &line, &w, 1e-8).unwrap();
        for at in [-5.0, 0.2, 20.7, 60.0] {
            assert!((fit.evaluate(at) - (3.0 - 0.5 * at)).abs() < 1e-9);
        }
    }

    #[test]
    fn interpolant_reproduces_cubics_exactly() {
        let (x, ..) = sample();
        let cubic = |x: f64| 1.0 - 2.0 * x + 0.3 * x * x - 0.01 * x * x * x;
        let y: Vec<f64> = x.iter().map(|&x| cubic(x)).collect();
        let spline = SmoothingSpline::interpolate(&x, &y).unwrap();
        let at: Vec<f64> = (0..390).map(|i| 0.1 * f64::from(i)).collect();
        for (at, value) in at.iter().zip(spline.evaluate_ascending(&at)) {
            assert!((value - cubic(*at)).abs() < 1e-10);
            assert!((value - spline.evaluate(*at)).abs() < 1e-12);
        }
        let four = SmoothingSpline::interpolate(&x[..4], &y[..4]).unwrap();
        assert!((four.evaluate(1.5) - cubic(1.5)).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        let one = [1.0; 3];
        let fit = |x: &[f64], y: &[f64], w: &[f64]| SmoothingSpline::fit(x, y, w, 0.5).unwrap_err();
        assert!(matches!(fit(&[0.0, 1.0], &one[..2], &one[..2]), SplineError::TooFewKnots { .. }));
        assert_eq!(fit(&[0.0, 1.0, 1.0], &one, &one), SplineError::NotAscending { knot: 2 });
        assert_eq!(
            fit(&[0.0, 1.0, 2.0], &[1.0, f64::NAN, 1.0], &one),
            SplineError::Singular { knot: 1 }
        );
        assert!(matches!(fit(&[0.0, 1.0, 2.0], &one[..2], &one), SplineError::Length { .. }));
    }
}
