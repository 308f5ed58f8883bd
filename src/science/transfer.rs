//! From one label scale to another: what becomes of labels when the training set is swapped.
//!
//! Both sides err, so the slope is Deming's, not that of least squares, which noise in the old labels would flatten.

use super::statistics::{
    Bootstrap, Interval, Summary, Units, deming_line, deming_slope, mean, median, robust_sigma,
    spearman, summarize,
};

/// New against old labels; `None` where there are too few stars.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Statistics of new - old, the offset among them.
    pub difference: Summary,
    /// 95 % interval of the mean offset.
    pub mean: Option<Interval>,
    /// 95 % interval of the median offset.
    pub median: Option<Interval>,
    /// The line new = old + shift + (slope - 1) (old - pivot).
    pub line: Option<ScaleLine>,
    /// Rank correlation.
    pub spearman: Option<f64>,
}

/// A straight relation of two scales.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaleLine {
    /// Median old label, where the shift is told.
    pub pivot: f64,
    /// New - old at the pivot.
    pub shift: f64,
    /// 95 % interval of the shift.
    pub shift_interval: Option<Interval>,
    /// New per old.
    pub slope: f64,
    /// 95 % interval of the slope.
    pub slope_interval: Option<Interval>,
    /// Robust scatter of new labels about the line.
    pub scatter: f64,
    /// 95 % interval of the scatter.
    pub scatter_interval: Option<Interval>,
}

/// Compares paired labels, `(n,)` each; pairs with a missing label are left out.
///
/// `error_ratio`: errors of new over errors of old labels. `units`: of the pairs, what the bootstrap draws.
pub fn transfer(
    old: &[f64],
    new: &[f64],
    error_ratio: f64,
    units: &Units,
    bootstrap: &Bootstrap,
) -> Transfer {
    let n = old.len().min(new.len());
    let rows: Vec<usize> = (0..n).collect();
    let found = pairs(old, new, &rows);
    let difference: Vec<f64> = found.0.iter().zip(&found.1).map(|(old, new)| new - old).collect();
    // The pivot is the sample's: resamples tell the shift at the same place.
    let pivot = median(&found.0).unwrap_or(f64::NAN);
    let [mean, median, shift, slope, scatter] = bootstrap.intervals(units, |rows| {
        let rows: Vec<usize> = rows.iter().copied().filter(|&row| row < n).collect();
        let (old, new) = pairs(old, new, &rows);
        statistics(&old, &new, error_ratio, pivot)
    });
    let whole = deming_line(&found.0, &found.1, error_ratio);
    let line = whole.and_then(|line| {
        Some(ScaleLine {
            pivot,
            shift: line.intercept + (line.slope - 1.0) * pivot,
            shift_interval: shift,
            slope: line.slope,
            slope_interval: slope,
            scatter: about(&found.0, &found.1, line.slope, line.intercept)?,
            scatter_interval: scatter,
        })
    });
    Transfer {
        difference: summarize(&difference),
        mean,
        median,
        line,
        spearman: spearman(&found.0, &found.1),
    }
}

fn pairs(old: &[f64], new: &[f64], rows: &[usize]) -> (Vec<f64>, Vec<f64>) {
    rows.iter()
        .filter(|&&row| old[row].is_finite() && new[row].is_finite())
        .map(|&row| (old[row], new[row]))
        .unzip()
}

/// Mean and median offset, shift at the pivot, slope, scatter about the line.
fn statistics(old: &[f64], new: &[f64], error_ratio: f64, pivot: f64) -> [Option<f64>; 5] {
    let difference: Vec<f64> = old.iter().zip(new).map(|(old, new)| new - old).collect();
    let slope = deming_slope(old, new, error_ratio);
    let intercept =
        slope.and_then(|slope| mean(new).zip(mean(old)).map(|(new, old)| new - slope * old));
    let line = slope.zip(intercept);
    [
        mean(&difference),
        median(&difference),
        line.map(|(slope, intercept)| intercept + (slope - 1.0) * pivot),
        slope,
        line.and_then(|(slope, intercept)| about(old, new, slope, intercept)),
    ]
}

/// Robust scatter of new labels about a line.
fn about(old: &[f64], new: &[f64], slope: f64, intercept: f64) -> Option<f64> {
    let residual: Vec<f64> =
        old.iter().zip(new).map(|(old, new)| new - intercept - slope * old).collect();
    robust_sigma(&residual)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::super::draw::standard_normal;
    use super::*;

    /// Old and new labels of 600 stars: new = true + 80 + 0.1 (true - 3500), both with noise of 40 K.
    fn scales() -> (Vec<f64>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        (0..600)
            .map(|i| {
                let truth = 2_900.0 + 2.0 * f64::from(i);
                let mut noise = || 40.0 * standard_normal(&mut rng);
                (truth + noise(), truth + 80.0 + 0.1 * (truth - 3_500.0) + noise())
            })
            .unzip()
    }

    fn bootstrap() -> Bootstrap {
        Bootstrap { n_resample: 400, seed: 3 }
    }

    #[test]
    fn planted_shift_slope_and_scatter_are_found_within_their_intervals() {
        let (old, new) = scales();
        let found = transfer(&old, &new, 1.0, &Units::rows(600), &bootstrap());
        let line = found.line.unwrap();
        let holds = |interval: Option<Interval>, value: f64| {
            interval.is_some_and(|i| i.low < value && value < i.high && i.high > i.low)
        };
        assert!(holds(line.slope_interval, 1.1) && (line.slope - 1.1).abs() < 0.03, "{line:?}");
        let at_pivot = 80.0 + 0.1 * (line.pivot - 3_500.0);
        assert!(holds(line.shift_interval, at_pivot), "{line:?}");
        // Noise of both sides: 40 K hypot 1.1 times 40 K.
        assert!((line.scatter - 40.0 * 1.1f64.hypot(1.0)).abs() < 5.0, "{}", line.scatter);
        assert!(holds(found.mean, 80.0) && found.spearman.unwrap() > 0.95);
    }

    #[test]
    fn missing_labels_are_left_out_and_too_few_give_none() {
        let old = [3_000.0, f64::NAN, 3_500.0, 4_000.0];
        let new = [3_100.0, 3_000.0, f64::NAN, 4_100.0];
        let found = transfer(&old, &new, 1.0, &Units::rows(4), &bootstrap());
        assert_eq!((found.difference.n, found.difference.mean), (2, Some(100.0)));
        assert_eq!(found.line, None);
        let none = transfer(&[], &[], 1.0, &Units::rows(0), &bootstrap());
        assert_eq!((none.difference.n, none.mean), (0, None));
    }

    #[test]
    fn a_mere_offset_has_slope_one_and_no_scatter() {
        let old: Vec<f64> = (0..50).map(f64::from).collect();
        let new: Vec<f64> = old.iter().map(|v| v - 3.0).collect();
        let line = transfer(&old, &new, 2.0, &Units::rows(50), &bootstrap()).line.unwrap();
        assert!((line.slope - 1.0).abs() < 1e-12 && (line.shift + 3.0).abs() < 1e-9);
        assert!(line.scatter < 1e-9);
    }
}
