//! Delete-group jackknife: what a statistic owes to the training set of the model behind it.

use super::bootstrap::{Interval, student_quantile};

/// How far a statistic varies with the training set, from its values under models that each lack one group of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replicated {
    /// Standard error.
    pub standard_error: f64,
    n_group: usize,
}

impl Replicated {
    /// The delete-group jackknife (Kott 2001, Journal of Official Statistics 17, 521): (K - 1) / K of the sum of
    /// squared deviations from the mean of the K values. `None` of fewer than two values, or where one is missing: the
    /// groups that are left would not tell of the one that is not.
    pub fn of(values: &[Option<f64>]) -> Option<Self> {
        let values: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
        if values.len() < 2 {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = ((n - 1.0) / n * squares).sqrt();
        standard_error.is_finite().then_some(Self { standard_error, n_group: values.len() })
    }

    /// The interval of `value` that heeds the training set beside what `interval` does: independent, so that the
    /// squares of half-lengths add. Student's quantile for as many groups.
    pub fn widened(&self, value: f64, interval: Interval) -> Interval {
        let of_training = student_quantile(self.n_group as f64 - 1.0) * self.standard_error;
        Interval {
            low: value - (value - interval.low).max(0.0).hypot(of_training),
            high: value + (interval.high - value).max(0.0).hypot(of_training),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::super::super::cross_validation::random_below;
    use super::super::summary::mean;
    use super::*;

    #[test]
    fn the_jackknife_of_a_mean_is_its_standard_error() {
        // Groups of one: the textbook's s / sqrt(n), exactly.
        let values = [3.0, 5.0, 4.0, 8.0, 1.0];
        let without = |k: usize| {
            let left: Vec<f64> =
                values.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, v)| *v).collect();
            mean(&left)
        };
        let replicas: Vec<Option<f64>> = (0..values.len()).map(without).collect();
        let found = Replicated::of(&replicas).unwrap();
        let m = 21.0 / 5.0;
        let s = (values.iter().map(|v| (v - m).powi(2)).sum::<f64>() / 4.0).sqrt();
        assert!((found.standard_error - s / 5.0_f64.sqrt()).abs() < 1e-12, "{found:?}");
        assert_eq!(Replicated::of(&[Some(1.0)]), None);
        assert_eq!(Replicated::of(&[Some(1.0), None, Some(2.0)]), None);
    }

    /// A "model" is the mean of its training values, the "statistic" what it says of stars: intervals with ten groups
    /// hold the truth 95 times of 100.
    #[test]
    fn intervals_cover_what_the_training_set_does() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let mut normal = || {
            (0..12)
                .map(|_| random_below(&mut rng, 1 << 20) as f64 / f64::from(1 << 20))
                .sum::<f64>()
                - 6.0
        };
        let trials = 2_000;
        let inside = (0..trials)
            .filter(|_| {
                let training: Vec<f64> = (0..200).map(|_| normal()).collect();
                let replicas: Vec<Option<f64>> = (0..10)
                    .map(|k| {
                        let left: Vec<f64> =
                            (0..200).filter(|i| i % 10 != k).map(|i| training[i]).collect();
                        mean(&left)
                    })
                    .collect();
                let value = mean(&training).unwrap();
                let alone = Interval { low: value, high: value };
                let interval = Replicated::of(&replicas).unwrap().widened(value, alone);
                (interval.low..=interval.high).contains(&0.0)
            })
            .count();
        let share = inside as f64 / f64::from(trials);
        assert!((0.93..0.97).contains(&share), "{share}");
    }

    #[test]
    fn half_lengths_add_in_squares() {
        let replicated = Replicated { standard_error: 4.0 / student_quantile(9.0), n_group: 10 };
        let interval = replicated.widened(10.0, Interval { low: 7.0, high: 13.0 });
        assert!((interval.low - 5.0).abs() < 1e-12 && (interval.high - 15.0).abs() < 1e-12);
        let skewed = replicated.widened(10.0, Interval { low: 10.5, high: 13.0 });
        assert!((skewed.low - 6.0).abs() < 1e-12);
    }
}
