//! Two-sample relations: rank correlation and straight lines where both variables have errors.

use super::summary::mean;

/// Spearman's rank correlation of paired values, ties at their mean rank.
///
/// Pairs with a missing value are left out. `None` below three pairs or where one side is constant.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let (x, y) = finite_pairs(x, y);
    if x.len() < 3 {
        return None;
    }
    pearson(&ranks(&x), &ranks(&y))
}

fn finite_pairs(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite()).map(|(x, y)| (*x, *y)).unzip()
}

/// Ranks from 1, ties at their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut below = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = below as f64 + 0.5 * (tied.len() + 1) as f64;
        tied.iter().for_each(|&row| ranks[row] = rank);
        below += tied.len();
    }
    ranks
}

fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let Moments { xx, yy, xy, .. } = Moments::of(x, y)?;
    (xx > 0.0 && yy > 0.0).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// Sums of products about the means.
struct Moments {
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Moments {
    fn of(x: &[f64], y: &[f64]) -> Option<Self> {
        let (mx, my) = (mean(x)?, mean(y)?);
        let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| {
            a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum()
        };
        Some(Self {
            xx: product(x, mx, x, mx),
            yy: product(y, my, y, my),
            xy: product(x, mx, y, my),
        })
    }
}

/// A straight line y = intercept + slope x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Points that entered.
    pub n: usize,
    /// Units of y per unit of x.
    pub slope: f64,
    /// Units of y, at x = 0.
    pub intercept: f64,
    /// Standard error of the slope.
    pub slope_error: f64,
    /// Standard error of the intercept.
    pub intercept_error: f64,
    /// Sum of squared residuals over their variances, per degree of freedom.
    pub reduced_chi2: f64,
}

/// Fits a line by orthogonal distances: Deming regression with equal, unknown errors in x and y.
///
/// Scale x and y to comparable units first; the result depends on them. Standard errors come from the scatter of the
/// points. `None` below three pairs or where x is constant.
pub fn orthogonal_line(x: &[f64], y: &[f64]) -> Option<Line> {
    let (x, y) = finite_pairs(x, y);
    let ones = vec![1.0; x.len()];
    let line = errors_in_variables_line(&x, &y, &ones, &ones)?;
    let scatter = line.reduced_chi2.sqrt();
    Some(Line {
        slope_error: line.slope_error * scatter,
        intercept_error: line.intercept_error * scatter,
        reduced_chi2: 1.0,
        ..line
    })
}

/// Fits a line where the errors in y are `error_ratio` times those in x: Deming's regression, in closed form.
///
/// `error_ratio` is a ratio of standard deviations, in units of y per unit of x; 1 gives [`orthogonal_line`]. Standard
/// errors come from the scatter of the points. `None` below three pairs, where x is constant, or for a ratio that is
/// not positive.
pub fn deming_line(x: &[f64], y: &[f64], error_ratio: f64) -> Option<Line> {
    if !(error_ratio > 0.0 && error_ratio.is_finite()) {
        return None;
    }
    // In units of the error ratio both errors are equal.
    let scaled: Vec<f64> = y.iter().map(|y| y / error_ratio).collect();
    let line = orthogonal_line(x, &scaled)?;
    Some(Line {
        slope: line.slope * error_ratio,
        intercept: line.intercept * error_ratio,
        slope_error: line.slope_error * error_ratio,
        intercept_error: line.intercept_error * error_ratio,
        ..line
    })
}

/// Slope of [`deming_line`] alone, for resamples by the thousand: one pass over the points.
pub fn deming_slope(x: &[f64], y: &[f64], error_ratio: f64) -> Option<f64> {
    let Moments { xx, yy, xy, .. } = Moments::of(x, y)?;
    long_axis(xx, yy, xy, error_ratio * error_ratio)
}

/// Fits a line to points with independent, known errors in x and y (York et al. 2004, Am. J. Phys. 72, 367).
///
/// All four slices are paired; errors are standard deviations of the same units as their variable. Pairs with a
/// missing value or an error that is not positive are left out. With one ratio of errors for all points it is Deming's
/// regression. `None` below three pairs, where x is constant, or where the iteration does not settle.
pub fn errors_in_variables_line(
    x: &[f64],
    y: &[f64],
    x_sigma: &[f64],
    y_sigma: &[f64],
) -> Option<Line> {
    let points: Vec<Point> = x
        .iter()
        .zip(y)
        .zip(x_sigma.iter().zip(y_sigma))
        .map(|((&x, &y), (&sx, &sy))| Point { x, y, x_variance: sx * sx, y_variance: sy * sy })
        .filter(Point::is_sound)
        .collect();
    if points.len() < 3 {
        return None;
    }
    let mut slope = slope_of_mean_errors(&points)?;
    for _ in 0..200 {
        let next = york_step(&points, slope).slope;
        let settled = (next - slope).abs() <= 1e-13 * (1.0 + slope.abs());
        slope = next;
        if settled {
            return york_line(&points, slope);
        }
    }
    None
}

struct Point {
    x: f64,
    y: f64,
    x_variance: f64,
    y_variance: f64,
}

impl Point {
    fn is_sound(&self) -> bool {
        let variances = [self.x_variance, self.y_variance];
        self.x.is_finite()
            && self.y.is_finite()
            && variances.iter().all(|v| v.is_finite() && *v > 0.0)
    }

    /// Inverse variance of y - slope x.
    fn weight(&self, slope: f64) -> f64 {
        1.0 / (self.y_variance + slope * slope * self.x_variance)
    }
}

/// Closed-form slope for the mean ratio of the error variances: the start of the iteration.
fn slope_of_mean_errors(points: &[Point]) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.x, p.y)).unzip();
    let Moments { xx, yy, xy, .. } = Moments::of(&x, &y)?;
    let total = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>();
    long_axis(xx, yy, xy, total(|p| p.y_variance) / total(|p| p.x_variance))
}

/// Slope of the long axis of a cloud with these moments where the error variances of y and x have this ratio.
fn long_axis(xx: f64, yy: f64, xy: f64, ratio: f64) -> Option<f64> {
    if xx <= 0.0 {
        return None;
    }
    let difference = yy - ratio * xx;
    if xy == 0.0 {
        // The long axis is vertical when y scatters more than its errors allow.
        return (difference <= 0.0).then_some(0.0);
    }
    Some((difference + (difference * difference + 4.0 * ratio * xy * xy).sqrt()) / (2.0 * xy))
}

struct YorkStep {
    slope: f64,
    x_mean: f64,
    y_mean: f64,
    /// Weighted mean and sum of squares of the adjusted x.
    x_adjusted_mean: f64,
    x_adjusted_squares: f64,
    weight: f64,
}

/// One round of York's iteration, eqs. 13a-13b there.
fn york_step(points: &[Point], slope: f64) -> YorkStep {
    let weights: Vec<f64> = points.iter().map(|p| p.weight(slope)).collect();
    let total: f64 = weights.iter().sum();
    let weighted = |of: &dyn Fn(&Point) -> f64| {
        points.iter().zip(&weights).map(|(p, w)| w * of(p)).sum::<f64>()
    };
    let (x_mean, y_mean) = (weighted(&|p| p.x) / total, weighted(&|p| p.y) / total);
    // Displacement of each point's adjusted x from the mean.
    let beta = |p: &Point| {
        p.weight(slope) * (p.y_variance * (p.x - x_mean) + slope * p.x_variance * (p.y - y_mean))
    };
    let next = weighted(&|p| beta(p) * (p.y - y_mean)) / weighted(&|p| beta(p) * (p.x - x_mean));
    let beta_mean = weighted(&beta) / total;
    YorkStep {
        slope: next,
        x_mean,
        y_mean,
        x_adjusted_mean: x_mean + beta_mean,
        x_adjusted_squares: weighted(&|p| (beta(p) - beta_mean).powi(2)),
        weight: total,
    }
}

/// Intercept, errors and goodness of fit at the settled slope, eqs. 13c-13d.
fn york_line(points: &[Point], slope: f64) -> Option<Line> {
    let step = york_step(points, slope);
    let intercept = step.y_mean - slope * step.x_mean;
    let slope_error = (1.0 / step.x_adjusted_squares).sqrt();
    let intercept_error = (1.0 / step.weight + (step.x_adjusted_mean * slope_error).powi(2)).sqrt();
    let chi2: f64 =
        points.iter().map(|p| p.weight(slope) * (p.y - intercept - slope * p.x).powi(2)).sum();
    let reduced_chi2 = chi2 / (points.len() - 2) as f64;
    let line =
        Line { n: points.len(), slope, intercept, slope_error, intercept_error, reduced_chi2 };
    let numbers = [slope, intercept, slope_error, intercept_error, reduced_chi2];
    numbers.iter().all(|v| v.is_finite()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spearman_sees_only_order() {
        let x: Vec<f64> = (0..20).map(f64::from).collect();
        let cubed: Vec<f64> = x.iter().map(|v| (v - 3.0).powi(3)).collect();
        assert!((spearman(&x, &cubed).unwrap() - 1.0).abs() < 1e-12);
        let falling: Vec<f64> = x.iter().map(|v| (-v).exp()).collect();
        assert!((spearman(&x, &falling).unwrap() + 1.0).abs() < 1e-12);
        assert_eq!(spearman(&x, &[2.0; 20]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
    }

    #[test]
    fn spearman_with_ties_equals_the_rank_formula() {
        // Ranks 1, 2.5, 2.5, 4 against 1, 3, 2, 4: covariance 4.5, variances 4.5 and 5.
        let rho = spearman(&[1.0, 2.0, 2.0, 9.0], &[0.0, 5.0, 4.0, 7.0]).unwrap();
        assert!((rho - 4.5 / (4.5f64 * 5.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn ranks_share_ties_and_large_samples_are_quick() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]), [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(ranks(&[]), [0.0; 0]);
        let many: Vec<f64> = (0..300_000u64).map(|i| ((i * 7919) % 100_003) as f64).collect();
        assert!((spearman(&many, &many).unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn deming_follows_the_error_ratio_and_undoes_dilution() {
        // Points on a line, displaced in x and y by independent errors in the ratio 1 to 2.
        let n = 4_000;
        let error = |i: usize, step: f64| ((i as f64 * step).fract() - 0.5) * 12f64.sqrt();
        let truth: Vec<f64> = (0..n).map(|i| 3.0 * error(i, 0.414_213)).collect();
        let x: Vec<f64> = (0..n).map(|i| truth[i] + error(i, 0.618_034)).collect();
        let y: Vec<f64> =
            (0..n).map(|i| 1.5 * truth[i] + 2.0 * error(i, 0.732_051) + 4.0).collect();
        let line = deming_line(&x, &y, 2.0).unwrap();
        assert!((line.slope - 1.5).abs() < 0.03 && (line.intercept - 4.0).abs() < 0.1, "{line:?}");
        assert!((line.slope - 1.5).abs() < 3.0 * line.slope_error && line.slope_error < 0.03);
        assert!((deming_slope(&x, &y, 2.0).unwrap() - line.slope).abs() < 1e-9);
        assert!(deming_slope(&x, &y, 1e9).unwrap() < 1.4, "least squares is diluted");
        assert_eq!(deming_line(&x, &y, 0.0), None);
        assert_eq!(deming_slope(&[1.0; 4], &y[..4], 1.0), None);
    }

    /// Pearson's data with York's weights, the customary benchmark of errors-in-variables fits.
    #[test]
    fn york_benchmark_is_reproduced() {
        let x = [0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4];
        let y = [5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5];
        let wx = [1000.0, 1000.0, 500.0, 800.0, 200.0, 80.0, 60.0, 20.0, 1.8, 1.0f64];
        let wy = [1.0, 1.8, 4.0, 8.0, 20.0, 20.0, 70.0, 70.0, 100.0, 500.0f64];
        let line =
            errors_in_variables_line(&x, &y, &wx.map(|w| w.powf(-0.5)), &wy.map(|w| w.powf(-0.5)))
                .unwrap();
        assert!(
            (line.slope + 0.480_533).abs() < 1e-6 && (line.intercept - 5.479_91).abs() < 1e-5,
            "{line:?}"
        );
        assert!(
            (line.slope_error - 0.0580).abs() < 1e-4
                && (line.intercept_error - 0.2950).abs() < 1e-4,
            "{line:?}"
        );
        assert!((line.reduced_chi2 - 1.4833).abs() < 1e-4);
    }

    #[test]
    fn orthogonal_line_is_the_long_axis_and_symmetric() {
        let x: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.1).collect();
        let y: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(i, v)| 0.7 * v + 1.0 + if i % 2 == 0 { 0.2 } else { -0.2 })
            .collect();
        let (forward, backward) =
            (orthogonal_line(&x, &y).unwrap(), orthogonal_line(&y, &x).unwrap());
        assert!((forward.slope * backward.slope - 1.0).abs() < 1e-9);
        assert!(
            (forward.slope - 0.7).abs() < 3.0 * forward.slope_error && forward.slope_error < 0.05
        );
        assert_eq!(orthogonal_line(&[1.0; 5], &y[..5]), None);
        assert_eq!(orthogonal_line(&[], &[]), None);
    }
}
