//! Scatter beyond stated errors, by maximum likelihood: an intrinsic term, a factor of the errors, a share of outliers.

/// Mean and scatter that a sample keeps when its errors are taken out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dispersion {
    /// Values with an error.
    pub n: usize,
    /// The likeliest mean.
    pub mean: f64,
    /// Its standard error.
    pub mean_error: f64,
    /// The likeliest intrinsic standard deviation, 0 where errors explain all.
    pub scatter: f64,
}

/// The likeliest mean and intrinsic scatter of values with known errors: N(mean, error^2 + scatter^2).
///
/// Pairs with a missing value, or an error that is missing or not positive, are left out. `None` below two pairs.
pub fn intrinsic_scatter(values: &[f64], errors: &[f64]) -> Option<Dispersion> {
    let points = measured(values, errors);
    if points.len() < 2 {
        return None;
    }
    let score = |variance: f64| {
        let mean = weighted(&points, variance).0;
        points
            .iter()
            .map(|(value, error)| {
                let total = error * error + variance;
                ((value - mean).powi(2) / total - 1.0) / total
            })
            .sum::<f64>()
    };
    let variance = if score(0.0) <= 0.0 { 0.0 } else { falling_root(score, mean_square(&points)) };
    let (mean, weight) = weighted(&points, variance);
    Some(Dispersion {
        n: points.len(),
        mean,
        mean_error: weight.sqrt().recip(),
        scatter: variance.sqrt(),
    })
}

/// The likeliest factor of the errors, about the likeliest mean: below 1 they are overestimated.
///
/// `None` below two pairs of a value and a positive error.
pub fn error_factor(values: &[f64], errors: &[f64]) -> Option<f64> {
    let points = measured(values, errors);
    if points.len() < 2 {
        return None;
    }
    let mean = weighted(&points, 0.0).0;
    let squares = points.iter().map(|(value, error)| ((value - mean) / error).powi(2));
    Some((squares.sum::<f64>() / points.len() as f64).sqrt())
}

/// A core whose errors are off by a factor, and outliers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// Values with an error.
    pub n: usize,
    /// Factor of the errors in the core.
    pub factor: f64,
    /// Share of outliers.
    pub outliers: f64,
}

/// The likeliest mixture (1 - f) N(0, (k error)^2) + f N(0, wide^2 + error^2), by expectation and maximization.
///
/// `wide` is a standard deviation in the unit of the values. `None` below five pairs, or for a `wide` that is not
/// positive.
pub fn outlier_mixture(values: &[f64], errors: &[f64], wide: f64) -> Option<Mixture> {
    let points = measured(values, errors);
    if points.len() < 5 || !(wide > 0.0 && wide.is_finite()) {
        return None;
    }
    let n = points.len() as f64;
    let (mut factor, mut outliers) = (1.0, 0.05);
    for _ in 0..500 {
        let share = |(value, error): &(f64, f64)| {
            let core = (1.0 - outliers) * density(*value, factor * error);
            let far = outliers * density(*value, wide.hypot(*error));
            if core + far > 0.0 { far / (core + far) } else { 1.0 }
        };
        let far: Vec<f64> = points.iter().map(share).collect();
        let near: f64 = far.iter().map(|p| 1.0 - p).sum();
        let squares: f64 =
            points.iter().zip(&far).map(|((v, e), p)| (1.0 - p) * (v / e).powi(2)).sum();
        // A core that shrinks onto one value would have no bound.
        let next = if near > 0.0 { (squares / near).sqrt().max(1e-3) } else { return None };
        let next_outliers = far.iter().sum::<f64>() / n;
        let moved = (next - factor).abs() + (next_outliers - outliers).abs();
        (factor, outliers) = (next, next_outliers);
        if moved < 1e-9 {
            break;
        }
    }
    Some(Mixture { n: points.len(), factor, outliers })
}

fn density(value: f64, sigma: f64) -> f64 {
    (-0.5 * (value / sigma).powi(2)).exp() / sigma
}

fn measured(values: &[f64], errors: &[f64]) -> Vec<(f64, f64)> {
    let pairs = values.iter().copied().zip(errors.iter().copied());
    pairs.filter(|(v, e)| v.is_finite() && e.is_finite() && *e > 0.0).collect()
}

/// Weighted mean and sum of weights with this variance added to all errors.
fn weighted(points: &[(f64, f64)], variance: f64) -> (f64, f64) {
    let (mut sum, mut total) = (0.0, 0.0);
    for (value, error) in points {
        let weight = 1.0 / (error * error + variance);
        sum += weight * value;
        total += weight;
    }
    (sum / total, total)
}

/// Mean square of the values about their mean: near the variance sought.
fn mean_square(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = points.iter().map(|p| p.0).sum::<f64>() / n;
    points.iter().map(|p| (p.0 - mean).powi(2)).sum::<f64>() / n
}

/// Where a function that is positive at 0 and negative far out changes sign, by false position; `near` starts the
/// search.
fn falling_root(of: impl Fn(f64) -> f64, near: f64) -> f64 {
    let (mut low, mut high) = (0.0, near);
    let (mut at_low, mut at_high) = (of(low), of(high));
    for _ in 0..60 {
        if at_high <= 0.0 {
            break;
        }
        (low, at_low) = (high, at_high);
        high *= 2.0;
        at_high = of(high);
    }
    for round in 0..200 {
        let crossing = (low * at_high - high * at_low) / (at_high - at_low);
        // Every third step halves, for a curved function lets one end stand still.
        let middle = if round % 3 == 2 { 0.5 * (low + high) } else { crossing };
        let value = of(middle);
        if value > 0.0 {
            (low, at_low) = (middle, value);
        } else {
            (high, at_high) = (middle, value);
        }
        if value == 0.0 || high - low <= 1e-12 * high {
            break;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::super::super::draw::standard_normal;
    use super::*;

    /// Values about 0.1 with intrinsic scatter 0.3 and errors from 0.1 to 0.5, overestimated by a factor.
    fn sample(n: usize, scatter: f64, factor: f64) -> (Vec<f64>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        (0..n)
            .map(|i| {
                let error = 0.1 + 0.4 * (i as f64 * 0.618_034).fract();
                let noise = factor * error * standard_normal(&mut rng);
                (0.1 + scatter * standard_normal(&mut rng) + noise, error)
            })
            .unzip()
    }

    #[test]
    fn planted_scatter_comes_back_and_errors_alone_leave_none() {
        let (values, errors) = sample(4_000, 0.3, 1.0);
        let found = intrinsic_scatter(&values, &errors).unwrap();
        assert!((found.scatter - 0.3).abs() < 0.015, "{found:?}");
        assert!((found.mean - 0.1).abs() < 3.0 * found.mean_error && found.mean_error < 0.01);
        let (values, errors) = sample(4_000, 0.0, 0.7);
        assert_eq!(intrinsic_scatter(&values, &errors).unwrap().scatter, 0.0);
    }

    #[test]
    fn without_errors_of_note_scatter_is_the_standard_deviation() {
        let values = [1.0, 2.0, 4.0, 9.0];
        let found = intrinsic_scatter(&values, &[1e-9; 4]).unwrap();
        let by_hand = (values.iter().map(|v| (v - 4.0f64).powi(2)).sum::<f64>() / 4.0).sqrt();
        assert!((found.scatter - by_hand).abs() < 1e-6 && (found.mean - 4.0).abs() < 1e-6);
        assert_eq!(intrinsic_scatter(&[1.0, f64::NAN], &[0.1, 0.1]), None);
        assert_eq!(intrinsic_scatter(&[1.0, 2.0], &[0.1, 0.0]), None);
    }

    #[test]
    fn factor_tells_overestimated_errors() {
        let (values, errors) = sample(4_000, 0.0, 0.8);
        assert!((error_factor(&values, &errors).unwrap() - 0.8).abs() < 0.02);
        assert_eq!(error_factor(&[1.0], &[1.0]), None);
    }

    #[test]
    fn mixture_finds_planted_outliers_and_keeps_the_core() {
        let (mut values, errors) = sample(2_000, 0.0, 0.8);
        values.iter_mut().for_each(|v| *v -= 0.1);
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for value in values.iter_mut().step_by(10) {
            *value += 2.0 * standard_normal(&mut rng);
        }
        let found = outlier_mixture(&values, &errors, 2.0).unwrap();
        assert!((found.outliers - 0.1).abs() < 0.03, "{found:?}");
        assert!((found.factor - 0.8).abs() < 0.05, "{found:?}");
        let clean = sample(2_000, 0.0, 1.0);
        let none = outlier_mixture(&clean.0, &clean.1, 5.0).unwrap();
        assert!(none.outliers < 0.005, "{none:?}");
        assert_eq!(outlier_mixture(&values, &errors, 0.0), None);
    }
}
