//! Percentile bootstrap: 95 % intervals of any statistic, resampling rows or whole units (stars, pairs, clusters).
//!
//! Resamples of few units scatter too little. As Hesterberg (2015, The American Statistician 69, 371) proposes, the
//! percentiles lie so much farther out that the interval of a mean has the length of Student's.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;

use super::super::cross_validation::random_below;
use super::super::sorting::sort_numbers;
use super::coverage::SIGMAS_OF_95;
use super::summary::{mean, median, quantile_of_sorted, rms, robust_sigma, standard_deviation};

/// An interval of 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end: of many units the 2.5th percentile of the resampled statistic.
    pub low: f64,
    /// Upper end: of many units the 97.5th.
    pub high: f64,
}

/// What is drawn with replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Units {
    rows_of_unit: Vec<Vec<usize>>,
}

impl Units {
    /// Each of `n_row` rows by itself.
    pub fn rows(n_row: usize) -> Self {
        Self { rows_of_unit: (0..n_row).map(|row| vec![row]).collect() }
    }

    /// All rows of one id together; `unit_ids`, `(n_row,)`. Units stand in the order of their ids.
    pub fn grouped<I: Ord>(unit_ids: &[I]) -> Self {
        let mut rows_of: BTreeMap<&I, Vec<usize>> = BTreeMap::new();
        for (row, id) in unit_ids.iter().enumerate() {
            rows_of.entry(id).or_default().push(row);
        }
        Self { rows_of_unit: rows_of.into_values().collect() }
    }

    /// Number of units.
    pub fn n_unit(&self) -> usize {
        self.rows_of_unit.len()
    }
}

/// Number of resamples and their seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// Resamples; 2,000 in the paper's tables here.
    pub n_resample: usize,
    /// Seed. Each resample has its own random stream, so threads change nothing.
    pub seed: u64,
}

impl Bootstrap {
    /// 2,000 resamples.
    pub fn new(seed: u64) -> Self {
        Self { n_resample: 2_000, seed }
    }

    /// Intervals of `N` statistics of the same resamples.
    ///
    /// `statistics` gets row numbers, repeated as drawn, and gives `None` where a statistic is undefined. An interval
    /// is `None` where fewer than half of the resamples define it: of one unit, all of which are alike, too.
    pub fn intervals<const N: usize>(
        &self,
        units: &Units,
        statistics: impl Fn(&[usize]) -> [Option<f64>; N] + Sync,
    ) -> [Option<Interval>; N] {
        if units.n_unit() < 2 {
            return [None; N];
        }
        let beyond = beyond(units.n_unit());
        let draws: Vec<[Option<f64>; N]> = (0..self.n_resample)
            .into_par_iter()
            .map(|i| statistics(&self.resample(units, i as u64)))
            .collect();
        std::array::from_fn(|statistic| {
            let mut values: Vec<f64> =
                draws.iter().filter_map(|draw| draw[statistic]).filter(|v| v.is_finite()).collect();
            sort_numbers(&mut values);
            let enough = !values.is_empty() && 2 * values.len() >= self.n_resample;
            enough.then(|| Interval {
                low: quantile_of_sorted(&values, beyond),
                high: quantile_of_sorted(&values, 1.0 - beyond),
            })
        })
    }

    fn resample(&self, units: &Units, stream: u64) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        let draws = (0..units.n_unit()).map(|_| random_below(&mut rng, units.n_unit()));
        draws.flat_map(|unit| units.rows_of_unit[unit].iter().copied()).collect()
    }
}

/// Share of resamples beyond each end of the interval of `n_unit` units, at least 2.
fn beyond(n_unit: usize) -> f64 {
    let n = n_unit as f64;
    normal_tail((n / (n - 1.0)).sqrt() * student_quantile(n - 1.0))
}

/// The 97.5th percentile of Student's distribution, to 0.2 %: exact for one and two degrees of freedom, for more Fisher
/// and Cornish's expansion (Abramowitz & Stegun 1964, 26.7.5).
pub(super) fn student_quantile(freedom: f64) -> f64 {
    if freedom < 1.5 {
        return (0.475 * std::f64::consts::PI).tan();
    }
    if freedom < 2.5 {
        return 0.95 * (2.0_f64 / (4.0 * 0.975 * 0.025)).sqrt();
    }
    let (z, f) = (SIGMAS_OF_95, freedom);
    let z2 = z * z;
    let terms = [
        (z2 + 1.0) / 4.0,
        ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0,
        (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0,
        ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92_160.0,
    ];
    z * (1.0 + terms.iter().rev().fold(0.0, |sum, term| (sum + term) / f))
}

/// Probability beyond `x` standard deviations above the mean, `x >= 0`, to 7.5e-8 (Abramowitz & Stegun 1964, 26.2.17).
fn normal_tail(x: f64) -> f64 {
    const B: [f64; 5] =
        [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    density * B.iter().rev().fold(0.0, |sum, b| (sum + b) * t)
}

/// 95 % intervals of the numbers that a comparison quotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SummaryIntervals {
    /// Of the mean.
    pub mean: Option<Interval>,
    /// Of the median.
    pub median: Option<Interval>,
    /// Of the standard deviation about the mean.
    pub sd: Option<Interval>,
    /// Of the root mean square about zero.
    pub rms: Option<Interval>,
    /// Of (P84 - P16) / 2.
    pub robust_sigma: Option<Interval>,
}

/// Bootstraps the summary of `values`, `(n_row,)`; missing values are drawn with their unit but do not count.
///
/// `units` must be of the same rows; rows beyond `values` are ignored.
pub fn summary_intervals(values: &[f64], units: &Units, bootstrap: &Bootstrap) -> SummaryIntervals {
    let [mean, median, sd, rms, robust_sigma] = bootstrap.intervals(units, |rows| {
        let drawn: Vec<f64> = rows
            .iter()
            .filter_map(|&row| values.get(row).copied())
            .filter(|v| v.is_finite())
            .collect();
        [
            mean(&drawn),
            median(&drawn),
            standard_deviation(&drawn),
            rms(&drawn),
            robust_sigma(&drawn),
        ]
    });
    SummaryIntervals { mean, median, sd, rms, robust_sigma }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(n: usize) -> Vec<f64> {
        (0..n).map(|i| ((i * i) as f64 * 0.618_034).fract() - 0.5).collect()
    }

    #[test]
    fn interval_of_the_mean_has_the_width_of_its_standard_error() {
        let values = values(400);
        let intervals = summary_intervals(&values, &Units::rows(400), &Bootstrap::new(1));
        let expected = 2.0 * 1.96 * standard_deviation(&values).unwrap() / 20.0;
        let got = intervals.mean.map(|i| i.high - i.low).unwrap();
        assert!((got / expected - 1.0).abs() < 0.08, "width {got}, expected {expected}");
        let mean = mean(&values).unwrap();
        assert!(intervals.mean.is_some_and(|i| i.low < mean && mean < i.high));
    }

    #[test]
    fn intervals_of_few_units_hold_the_truth_as_often_as_they_say() {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        // Sums of twelve uniform numbers are Gaussian enough.
        let uniform =
            |random: &mut ChaCha8Rng| random_below(random, 1 << 20) as f64 / f64::from(1 << 20);
        let mut gaussian = || (0..12).map(|_| uniform(&mut random)).sum::<f64>() - 6.0;
        let mut holds = |n: usize| {
            let inside = (0..1_000).filter(|_| {
                let values: Vec<f64> = (0..n).map(|_| gaussian()).collect();
                let of_mean = |rows: &[usize]| {
                    [Some(rows.iter().map(|&row| values[row]).sum::<f64>() / n as f64)]
                };
                let few = Bootstrap { n_resample: 1_000, seed: 1 };
                let [interval] = few.intervals(&Units::rows(n), of_mean);
                interval.is_some_and(|mean| mean.low <= 0.0 && 0.0 <= mean.high)
            });
            inside.count() as f64 / 1_000.0
        };
        // Percentiles that did not lie farther out would hold it in 86 and 90 %.
        assert!((0.90..0.98).contains(&holds(6)));
        assert!((0.92..0.98).contains(&holds(10)));
    }

    #[test]
    fn percentiles_are_those_of_student() {
        // R: qt(0.975, c(1, 2, 3, 5, 9, 30, 1000)).
        let expected =
            [12.706_205, 4.302_653, 3.182_446, 2.570_582, 2.262_157, 2.042_272, 1.962_339];
        for (freedom, expected) in [1.0, 2.0, 3.0, 5.0, 9.0, 30.0, 1000.0].into_iter().zip(expected)
        {
            assert!((student_quantile(freedom) / expected - 1.0).abs() < 2e-3, "{freedom}");
        }
        assert!((normal_tail(SIGMAS_OF_95) - 0.025).abs() < 1e-7);
        assert!((beyond(100_000) - 0.025).abs() < 1e-5);
    }

    #[test]
    fn equal_rows_of_a_unit_widen_the_interval() {
        let once = values(100);
        let fourfold: Vec<f64> = (0..400).map(|i| once[i / 4]).collect();
        let width = |units: &Units| {
            let interval = summary_intervals(&fourfold, units, &Bootstrap::new(2)).mean.unwrap();
            interval.high - interval.low
        };
        let ids: Vec<usize> = (0..400).map(|i| i / 4).collect();
        let ratio = width(&Units::grouped(&ids)) / width(&Units::rows(400));
        assert!((ratio - 2.0).abs() < 0.2, "ratio {ratio}");
    }

    #[test]
    fn seed_decides_and_threads_do_not() {
        let values = values(50);
        let run = |seed| summary_intervals(&values, &Units::rows(50), &Bootstrap::new(seed));
        let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(run(3), one_thread.install(|| run(3)));
        assert_ne!(run(3), run(4));
    }

    #[test]
    fn nothing_gives_none() {
        let none = summary_intervals(&[], &Units::rows(0), &Bootstrap::new(1));
        assert_eq!((none.mean, none.sd), (None, None));
        let missing = summary_intervals(&[f64::NAN; 5], &Units::rows(5), &Bootstrap::new(1));
        assert_eq!(missing.rms, None);
        let alone = summary_intervals(&[1.0, 2.0], &Units::grouped(&[7, 7]), &Bootstrap::new(1));
        assert_eq!(alone.mean, None, "one star tells nothing of its scatter");
    }
}
