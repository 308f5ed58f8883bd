//! All that a validation reports of one sample: moments, robust and clipped figures, scatter beyond the errors, trend,
//! with 95 % intervals of a bootstrap by star, pair or cluster.

use super::bootstrap::{Bootstrap, Interval, SummaryIntervals, Units, summary_intervals};
use super::dispersion::{Dispersion, error_factor, intrinsic_scatter};
use super::relation::{deming_slope, spearman};
use super::summary::{Summary, mean, rms, robust_sigma, standard_deviation, summarize};

/// Columns of a sample, all `(n,)`; those beside the values may be missing.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Values, such as differences from what is expected.
    pub value: Vec<f64>,
    /// Their errors, standard deviations.
    pub error: Option<Vec<f64>>,
    /// What the values may depend on.
    pub against: Option<Vec<f64>>,
    /// Errors of that.
    pub against_error: Option<Vec<f64>>,
}

/// A straight line through a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Units of the value per unit of what it is plotted against.
    pub slope: f64,
    /// 95 % interval.
    pub interval: Option<Interval>,
    /// Errors of the value, scatter included, over those of the abscissa; infinite where the abscissa has none, and the
    /// line is one of least squares.
    pub error_ratio: f64,
}

/// What is reported of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Units drawn by the bootstrap.
    pub n_unit: usize,
    /// Moments and quantiles.
    pub summary: Summary,
    /// Their intervals.
    pub intervals: SummaryIntervals,
    /// Mean and scatter with the errors taken out.
    pub intrinsic: Option<Dispersion>,
    /// Interval of that scatter.
    pub intrinsic_interval: Option<Interval>,
    /// Likeliest factor of the errors.
    pub error_factor: Option<f64>,
    /// Its interval.
    pub error_factor_interval: Option<Interval>,
    /// Robust sigma of value over error.
    pub robust_pull: Option<f64>,
    /// Its interval.
    pub robust_pull_interval: Option<Interval>,
    /// Rank correlation with the abscissa.
    pub spearman: Option<f64>,
    /// Its interval.
    pub spearman_interval: Option<Interval>,
    /// Line over the abscissa.
    pub trend: Option<Trend>,
}

impl Sample {
    /// The rows of these numbers, repeated as given.
    pub fn rows(&self, rows: &[usize]) -> Self {
        let of = |values: &Vec<f64>| rows.iter().map(|row| values[*row]).collect();
        Self {
            value: of(&self.value),
            error: self.error.as_ref().map(of),
            against: self.against.as_ref().map(of),
            against_error: self.against_error.as_ref().map(of),
        }
    }

    /// Reports the sample; `units` must be of its rows.
    pub fn report(&self, units: &Units, bootstrap: &Bootstrap) -> Report {
        let ratio = self.error_ratio();
        let [
            intrinsic_interval,
            error_factor_interval,
            robust_pull_interval,
            spearman_interval,
            slope,
        ] = bootstrap.intervals(units, |rows| self.rows(rows).figures(ratio));
        let [_, error_factor, robust_pull, spearman, at] = self.figures(ratio);
        Report {
            n_unit: units.n_unit(),
            summary: summarize(&self.value),
            intervals: summary_intervals(&self.value, units, bootstrap),
            intrinsic: self.intrinsic(),
            intrinsic_interval,
            error_factor,
            error_factor_interval,
            robust_pull,
            robust_pull_interval,
            spearman,
            spearman_interval,
            trend: at.map(|at| Trend { slope: at, interval: slope, error_ratio: ratio }),
        }
    }

    fn intrinsic(&self) -> Option<Dispersion> {
        intrinsic_scatter(&self.value, self.error.as_ref()?)
    }

    /// Value over error where both are known.
    pub fn pulls(&self) -> Vec<f64> {
        let Some(errors) = &self.error else { return vec![f64::NAN; self.value.len()] };
        let pull =
            |(value, error): (&f64, &f64)| if *error > 0.0 { value / error } else { f64::NAN };
        self.value.iter().zip(errors).map(pull).collect()
    }

    /// Intrinsic scatter, factor of the errors, robust pull, rank correlation, slope.
    fn figures(&self, ratio: f64) -> [Option<f64>; 5] {
        let errors = self.error.as_ref();
        let pulls: Vec<f64> = self.pulls().into_iter().filter(|p| p.is_finite()).collect();
        let against = self.against.as_ref();
        [
            self.intrinsic().map(|found| found.scatter),
            errors.and_then(|errors| error_factor(&self.value, errors)),
            errors.and_then(|_| robust_sigma(&pulls)),
            against.and_then(|x| spearman(x, &self.value)),
            against.and_then(|x| slope(x, &self.value, ratio)),
        ]
    }

    /// Errors of values, their intrinsic scatter included, over errors of the abscissa.
    fn error_ratio(&self) -> f64 {
        let finite = |values: &[f64]| -> Vec<f64> {
            values.iter().copied().filter(|v| v.is_finite()).collect()
        };
        let x_error = self.against_error.as_ref().and_then(|e| rms(&finite(e)));
        let y_error = match (&self.error, self.intrinsic()) {
            (Some(errors), Some(found)) => rms(&finite(errors)).map(|e| e.hypot(found.scatter)),
            _ => standard_deviation(&finite(&self.value)),
        };
        let ratio = y_error.zip(x_error).map(|(y, x)| y / x);
        ratio.filter(|r| r.is_finite() && *r > 0.0).unwrap_or(f64::INFINITY)
    }
}

/// Deming's slope, or that of least squares where the abscissa has no errors; `None` below three pairs.
fn slope(x: &[f64], y: &[f64], ratio: f64) -> Option<f64> {
    let pairs = x.iter().zip(y).filter(|(x, y)| x.is_finite() && y.is_finite());
    let (x, y): (Vec<f64>, Vec<f64>) = pairs.map(|(x, y)| (*x, *y)).unzip();
    if x.len() < 3 {
        return None;
    }
    if ratio.is_finite() {
        return deming_slope(&x, &y, ratio);
    }
    let (mx, my) = (mean(&x)?, mean(&y)?);
    let xx: f64 = x.iter().map(|x| (x - mx).powi(2)).sum();
    let xy: f64 = x.iter().zip(&y).map(|(x, y)| (x - mx) * (y - my)).sum();
    (xx > 0.0).then(|| xy / xx)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::super::super::draw::standard_normal;
    use super::*;

    /// Values 0.05 + 2e-4 (x - 3500) with intrinsic scatter 0.1 and errors 0.08; x with errors of 60.
    fn sample(n: usize) -> Sample {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let mut sample = Sample::default();
        let mut against = Vec::new();
        for _ in 0..n {
            let x = 3_500.0 + 200.0 * standard_normal(&mut rng);
            let noise = 0.1 * standard_normal(&mut rng) + 0.08 * standard_normal(&mut rng);
            sample.value.push(0.05 + 2e-4 * (x - 3_500.0) + noise);
            against.push(x + 60.0 * standard_normal(&mut rng));
        }
        sample.error = Some(vec![0.08; n]);
        sample.against_error = Some(vec![60.0; n]);
        sample.against = Some(against);
        sample
    }

    fn holds(interval: Option<Interval>, value: f64) -> bool {
        interval.is_some_and(|i| i.low < value && value < i.high)
    }

    #[test]
    fn planted_mean_scatter_and_trend_lie_within_their_intervals() {
        let sample = sample(500);
        let report = sample.report(&Units::rows(500), &Bootstrap { n_resample: 300, seed: 1 });
        assert!(holds(report.intervals.mean, 0.05));
        let trend = report.trend.unwrap();
        assert!(holds(trend.interval, 2e-4), "{trend:?}");
        // Scatter about the mean holds that of the trend too.
        assert!(holds(report.intrinsic_interval, 0.1f64.hypot(0.04)), "{report:?}");
        assert!(report.error_factor.unwrap() > 1.4 && report.robust_pull.unwrap() > 1.4);
        assert!(
            report.spearman.unwrap() > 0.15
                && holds(report.spearman_interval, report.spearman.unwrap())
        );
    }

    #[test]
    fn without_errors_only_moments_and_a_plain_line_remain() {
        let bare = Sample { error: None, against_error: None, ..sample(60) };
        let report = bare.report(&Units::rows(60), &Bootstrap { n_resample: 50, seed: 1 });
        assert_eq!((report.intrinsic, report.error_factor, report.robust_pull), (None, None, None));
        assert_eq!(report.trend.unwrap().error_ratio, f64::INFINITY);
        let none =
            Sample::default().report(&Units::rows(0), &Bootstrap { n_resample: 50, seed: 1 });
        assert_eq!((none.summary.n, none.spearman, none.trend), (0, None, None));
    }

    #[test]
    fn rows_repeat_as_drawn() {
        let drawn = sample(3).rows(&[2, 2, 0]);
        assert_eq!(drawn.value[0], drawn.value[1]);
        assert_eq!(drawn.against.unwrap().len(), 3);
        assert!(drawn.error.unwrap().iter().all(|e| *e == 0.08));
    }
}
