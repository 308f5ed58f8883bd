//! Fits of error laws: Gaussian maximum likelihood of residuals about zero.

use super::super::statistics::{Trend, isotonic, mean, rms};
use super::{Basis, Form, HeldOut, Law};

/// Spectra a knot of a monotone curve, and how many knots there may be.
const ROWS_A_KNOT: usize = 50;
const MOST_KNOTS: usize = 20;

/// The law of the rows, all of which have what it needs.
pub(super) fn law(rows: &HeldOut, basis: Basis, form: Form) -> Law {
    let squares: Vec<f64> = rows.residual.iter().map(|r| r * r).collect();
    match (basis, form) {
        (Basis::Formal, Form::One) => one_of_formal(rows, &squares),
        (Basis::Formal, Form::Monotone) => scaled_curve(rows),
        (Basis::Formal, _) => {
            let formal: Vec<f64> = rows.formal.iter().map(|f| f * f).collect();
            let [floor, scale] = two_terms(&squares, &formal);
            Law::Scaled { floor: floor.sqrt(), scale: scale.sqrt() }
        }
        (_, Form::One) => Law::Constant { sigma: rms(&rows.residual).unwrap_or(f64::NAN) },
        (Basis::PowerLaw, _) => power_law(rows, &squares),
        (Basis::Snr, Form::Monotone) => curve(rows),
        (Basis::Snr, _) => {
            let photon: Vec<f64> = rows.snr.iter().map(|s| 1.0 / (s * s)).collect();
            let [floor, slope] = two_terms(&squares, &photon);
            Law::Photon { floor: floor.sqrt(), slope: slope.sqrt() }
        }
    }
}

/// Minus twice the logarithm of the likelihood of squared residuals, but for a constant.
fn deviance(squares: &[f64], variance: impl Fn(usize) -> f64) -> f64 {
    squares
        .iter()
        .enumerate()
        .map(|(row, square)| {
            let variance = variance(row);
            variance.ln() + square / variance
        })
        .sum()
}

/// A factor of the formal error or a floor below it, whichever is likelier.
fn one_of_formal(rows: &HeldOut, squares: &[f64]) -> Law {
    let formal: Vec<f64> = rows.formal.iter().map(|f| f * f).collect();
    let ratios: Vec<f64> = squares.iter().zip(&formal).map(|(r, f)| r / f).collect();
    let scale = mean(&ratios).unwrap_or(1.0);
    let floor = floor_below(squares, &formal);
    let scaled = deviance(squares, |row| scale * formal[row]);
    if deviance(squares, |row| floor + formal[row]) < scaled {
        Law::Scaled { floor: floor.sqrt(), scale: 1.0 }
    } else {
        Law::Scaled { floor: 0.0, scale: scale.sqrt() }
    }
}

/// The likeliest A of variance A + x, 0 or more: the root of a decreasing score, by bisection.
fn floor_below(squares: &[f64], x: &[f64]) -> f64 {
    let score = |floor: f64| -> f64 {
        squares.iter().zip(x).map(|(r, x)| (r - x - floor) / (x + floor).powi(2)).sum()
    };
    let (mut low, mut high) = (0.0, squares.iter().copied().fold(0.0, f64::max));
    if score(low) <= 0.0 {
        return 0.0;
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if score(middle) > 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// The likeliest A and B, both 0 or more, of variance A + B x for squared residuals; `x` is positive.
///
/// Fisher scoring: weighted least squares of the squares on x, weights from the last variance, steps halved until the
/// likelihood grows.
pub fn two_terms(squares: &[f64], x: &[f64]) -> [f64; 2] {
    let (Some(square), Some(x_mean)) = (mean(squares), mean(x)) else { return [f64::NAN; 2] };
    let variance = |[a, b]: [f64; 2], row: usize| (a + b * x[row]).max(1e-12 * square);
    let cost = |terms| deviance(squares, |row| variance(terms, row));
    let mut terms = [0.5 * square, 0.5 * square / x_mean];
    let mut best = cost(terms);
    for _ in 0..500 {
        let target = scored(squares, x, |row| variance(terms, row));
        let Some((next, reached)) = shortened(terms, target, best, cost) else { break };
        let gain = best - reached;
        (terms, best) = (next, reached);
        if gain < 1e-10 {
            break;
        }
    }
    terms
}

/// Where one step of scoring would go: weighted least squares without negative terms.
fn scored(squares: &[f64], x: &[f64], variance: impl Fn(usize) -> f64) -> [f64; 2] {
    let (mut w, mut wx, mut wxx, mut wr, mut wxr) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (row, (r, x)) in squares.iter().zip(x).enumerate() {
        let weight = variance(row).powi(-2);
        w += weight;
        wx += weight * x;
        wxx += weight * x * x;
        wr += weight * r;
        wxr += weight * x * r;
    }
    let determinant = w * wxx - wx * wx;
    let free = [(wxx * wr - wx * wxr) / determinant, (w * wxr - wx * wr) / determinant];
    // Where x is constant the two terms are one: the floor takes all.
    if determinant <= 1e-12 * w * wxx || free[1] < 0.0 {
        [wr / w, 0.0]
    } else if free[0] < 0.0 {
        [0.0, wxr / wxx]
    } else {
        free
    }
}

/// The first of ever shorter steps that lowers the cost.
fn shortened(
    from: [f64; 2],
    to: [f64; 2],
    cost: f64,
    cost_at: impl Fn([f64; 2]) -> f64,
) -> Option<([f64; 2], f64)> {
    let mut share = 1.0;
    for _ in 0..40 {
        let at = [0, 1].map(|i| from[i] + share * (to[i] - from[i]));
        let reached = cost_at(at);
        if reached < cost {
            return Some((at, reached));
        }
        share *= 0.5;
    }
    None
}

/// The likeliest power law: a regression of the logarithm of the variance on that of the ratio.
fn power_law(rows: &HeldOut, squares: &[f64]) -> Law {
    let t: Vec<f64> = rows.snr.iter().map(|s| s.ln()).collect();
    let cost = |[u, v]: [f64; 2]| deviance(squares, |row| (u + v * t[row]).exp());
    let mut terms = [mean(squares).unwrap_or(f64::NAN).ln(), 0.0];
    let mut best = cost(terms);
    for _ in 0..500 {
        let target: Vec<f64> = (0..t.len())
            .map(|row| {
                let u = terms[0] + terms[1] * t[row];
                u + squares[row] * (-u).exp() - 1.0
            })
            .collect();
        let Some(next) = straight_line(&t, &target) else { break };
        let Some((next, reached)) = shortened(terms, next, best, cost) else { break };
        let gain = best - reached;
        (terms, best) = (next, reached);
        if gain < 1e-10 {
            break;
        }
    }
    falling(terms, rows)
}

/// A power law that does not rise; one that would is a constant.
fn falling([u, v]: [f64; 2], rows: &HeldOut) -> Law {
    if v > 0.0 {
        return Law::PowerLaw { scale: rms(&rows.residual).unwrap_or(f64::NAN), exponent: 0.0 };
    }
    Law::PowerLaw { scale: (0.5 * u).exp(), exponent: -0.5 * v }
}

/// Intercept and slope by least squares; `None` where x is constant.
fn straight_line(x: &[f64], y: &[f64]) -> Option<[f64; 2]> {
    let (mx, my) = (mean(x)?, mean(y)?);
    let xx: f64 = x.iter().map(|x| (x - mx) * (x - mx)).sum();
    let xy: f64 = x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum();
    (xx > 0.0).then(|| [my - xy / xx * mx, xy / xx])
}

/// The power law nearest to printed errors, least squares in the logarithms; `None` below three rows.
///
/// For the errors of Table 4 of Li et al. 2021, which are a function of the ratio in i alone. Rows with a missing or
/// non-positive number are left out.
pub fn fit_power_law(snr: &[f64], sigma: &[f64]) -> Option<Law> {
    let rows = snr.iter().zip(sigma).filter(|(s, e)| **s > 0.0 && **e > 0.0);
    let (x, y): (Vec<f64>, Vec<f64>) = rows.map(|(s, e)| (s.ln(), e.ln())).unzip();
    if x.len() < 3 {
        return None;
    }
    let [intercept, slope] = straight_line(&x, &y)?;
    Some(Law::PowerLaw { scale: intercept.exp(), exponent: -slope })
}

/// Rows in the order of their ratio, cut into runs of nearly equal number; the mean logarithm of each run's ratios.
fn runs(rows: &HeldOut) -> (Vec<f64>, Vec<Vec<usize>>) {
    let mut order: Vec<usize> = (0..rows.snr.len())
        .filter(|&row| rows.snr[row].is_finite() && rows.snr[row] > 0.0)
        .collect();
    order.sort_by(|&a, &b| rows.snr[a].total_cmp(&rows.snr[b]));
    let n_knot = (order.len() / ROWS_A_KNOT).clamp(1, MOST_KNOTS);
    let cut = |knot: usize| knot * order.len() / n_knot;
    let runs: Vec<Vec<usize>> =
        (0..n_knot).map(|knot| order[cut(knot)..cut(knot + 1)].to_vec()).collect();
    let center = |run: &Vec<usize>| {
        let logarithms: Vec<f64> = run.iter().map(|&row| rows.snr[row].ln()).collect();
        mean(&logarithms).map_or(f64::NAN, f64::exp)
    };
    (runs.iter().map(center).collect(), runs)
}

/// Root of the monotone mean of `of` in each run.
fn monotone(runs: &[Vec<usize>], trend: Trend, of: impl Fn(usize) -> f64) -> Vec<f64> {
    let means: Vec<f64> = runs
        .iter()
        .map(|run| run.iter().map(|&row| of(row)).sum::<f64>() / run.len() as f64)
        .collect();
    let weights: Vec<f64> = runs.iter().map(|run| run.len() as f64).collect();
    isotonic(&means, &weights, trend).into_iter().map(f64::sqrt).collect()
}

fn curve(rows: &HeldOut) -> Law {
    let (snr, runs) = runs(rows);
    let sigma = monotone(&runs, Trend::Falling, |row| rows.residual[row].powi(2));
    Law::Curve { snr, sigma }
}

/// The formal error leaves out what does not fall with the ratio, so its factor can only rise with it.
fn scaled_curve(rows: &HeldOut) -> Law {
    let (snr, runs) = runs(rows);
    let scale =
        monotone(&runs, Trend::Rising, |row| (rows.residual[row] / rows.formal[row]).powi(2));
    Law::ScaledCurve { snr, scale }
}
