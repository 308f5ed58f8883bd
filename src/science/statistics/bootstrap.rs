//! Percentile bootstrap: 95 % intervals of any statistic, resampling rows or whole units (stars, pairs, clusters).

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use rayon::prelude::*;

use super::super::cross_validation::random_below;
use super::super::sorting::sort_numbers;
use super::summary::{mean, median, quantile_of_sorted, rms, robust_sigma, standard_deviation};

/// An interval of 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// 2.5th percentile of the resampled statistic.
    pub low: f64,
    /// 97.5th percentile.
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
    /// is `None` where fewer than half of the resamples define it, or without units.
    pub fn intervals<const N: usize>(
        &self,
        units: &Units,
        statistics: impl Fn(&[usize]) -> [Option<f64>; N] + Sync,
    ) -> [Option<Interval>; N] {
        if units.n_unit() == 0 {
            return [None; N];
        }
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
                low: quantile_of_sorted(&values, 0.025),
                high: quantile_of_sorted(&values, 0.975),
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
    }
}
