//! How often truth lies within the stated error, and how sure that is.

use super::bootstrap::Interval;

/// Probability within one standard deviation of a Gaussian.
pub const WITHIN_ONE_SIGMA: f64 = 0.682_689_492_137_085_9;

/// Half-width of the central 95 % of a Gaussian, standard deviations.
pub const SIGMAS_OF_95: f64 = 1.959_963_984_540_054;

/// A fraction and its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fraction {
    /// Trials.
    pub n: usize,
    /// Share of successes.
    pub value: f64,
    /// 95 % interval.
    pub interval: Interval,
}

/// The share of `inside` in `n` rows with Wilson's 95 % interval (Wilson 1927, JASA 22, 209).
///
/// `n_unit` is the number of independent units behind the rows, at most `n`: several spectra of a star err alike, and
/// the interval is that of so many trials. `None` without rows.
pub fn fraction(n_inside: usize, n: usize, n_unit: usize) -> Option<Fraction> {
    if n == 0 || n_unit == 0 {
        return None;
    }
    let value = n_inside as f64 / n as f64;
    let (trials, z2) = (n_unit.min(n) as f64, SIGMAS_OF_95 * SIGMAS_OF_95);
    let center = (value + 0.5 * z2 / trials) / (1.0 + z2 / trials);
    let spread = (value * (1.0 - value) / trials + 0.25 * z2 / (trials * trials)).sqrt();
    let half = SIGMAS_OF_95 * spread / (1.0 + z2 / trials);
    // At 0 and 1 the ends are exact but for rounding.
    let low = if n_inside == 0 { 0.0 } else { center - half };
    let high = if n_inside == n { 1.0 } else { center + half };
    Some(Fraction { n, value, interval: Interval { low, high } })
}

/// The share of `pulls`, residuals over errors, that are not larger than `limit`; missing pulls do not count.
pub fn coverage(pulls: &[f64], limit: f64, n_unit: usize) -> Option<Fraction> {
    let finite = pulls.iter().filter(|pull| pull.is_finite());
    let n_inside = finite.clone().filter(|pull| pull.abs() <= limit).count();
    fraction(n_inside, finite.count(), n_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_interval_equals_the_printed_example() {
        // 4 of 10: 0.1682 to 0.6873 by R's prop.test(4, 10, correct = FALSE).
        let found = fraction(4, 10, 10).unwrap();
        assert_eq!(found.value, 0.4);
        assert!((found.interval.low - 0.168_180_3).abs() < 1e-6, "{found:?}");
        assert!((found.interval.high - 0.687_326_2).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn ends_stay_within_bounds_and_dependent_rows_widen() {
        let all = fraction(12, 12, 12).unwrap();
        assert!(all.interval.high == 1.0 && all.interval.low > 0.7 && all.interval.low < 0.8);
        assert_eq!(fraction(0, 12, 12).unwrap().interval.low, 0.0);
        let width = |n_unit| {
            let interval = fraction(68, 100, n_unit).unwrap().interval;
            interval.high - interval.low
        };
        assert!(width(25) > 1.8 * width(100) && width(1_000) == width(100));
        assert_eq!(fraction(0, 0, 0), None);
    }

    #[test]
    fn coverage_is_the_probability_within_the_limit() {
        // Quantiles of a logistic distribution, whose probabilities have a closed form.
        let logistic: Vec<f64> =
            (0..9_999).map(|i| (i + 1) as f64 / 10_000.0).map(|p| (p / (1.0 - p)).ln()).collect();
        let expected = 2.0 / (1.0 + (-1.0f64).exp()) - 1.0;
        let found = coverage(&logistic, 1.0, 9_999).unwrap();
        assert!((found.value - expected).abs() < 2e-4, "{found:?}");
        assert_eq!(coverage(&[f64::NAN, 0.5, -3.0], 1.0, 2).unwrap().value, 0.5);
    }
}
