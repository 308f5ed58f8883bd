//! One-sample statistics. Functions expect finite values, and give `None` where the sample is too small;
//! [`summarize`] sets missing values aside and counts them.

use super::super::sorting::sort_numbers;

/// Statistics of one sample of residuals; `None` where the sample is too small.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Finite values: all else is of these.
    pub n: usize,
    /// NaN or infinite values, left out.
    pub n_missing: usize,
    /// Mean, the bias of eq. 4.
    pub mean: Option<f64>,
    /// Median.
    pub median: Option<f64>,
    /// Sample standard deviation about the mean (n - 1).
    pub sd: Option<f64>,
    /// Root mean square about zero.
    pub rms: Option<f64>,
    /// Half the distance of the quantiles at -1 and +1 sigma, (P84 - P16) / 2.
    pub robust_sigma: Option<f64>,
    /// 1.4826 times the median absolute deviation.
    pub mad_sigma: Option<f64>,
    /// After iterated 3-sigma clipping; stands beside the unclipped numbers, never for them.
    pub clipped: Option<Clipped>,
    /// Fraction farther than 3 `robust_sigma` from the median.
    pub outliers_3s: Option<f64>,
    /// Fraction farther than 5 `robust_sigma` from the median.
    pub outliers_5s: Option<f64>,
}

/// What is left after sigma clipping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clipped {
    /// Values kept.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation.
    pub sd: f64,
    /// Fraction of the sample that was clipped.
    pub fraction: f64,
    /// Rounds that clipped something.
    pub n_rounds: usize,
}

/// Clipping limit and most rounds of science practice: 3 sigma, five rounds.
const CLIP: (f64, usize) = (3.0, 5);

/// Summarizes `values` of any order; missing ones are counted and left out.
pub fn summarize(values: &[f64]) -> Summary {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    Summary {
        n: finite.len(),
        n_missing: values.len() - finite.len(),
        mean: mean(&finite),
        median: median(&finite),
        sd: standard_deviation(&finite),
        rms: rms(&finite),
        robust_sigma: robust_sigma(&finite),
        mad_sigma: mad_sigma(&finite),
        clipped: sigma_clip(&finite, CLIP.0, CLIP.1),
        outliers_3s: outlier_fraction(&finite, 3.0),
        outliers_5s: outlier_fraction(&finite, 5.0),
    }
}

/// Arithmetic mean; `None` when empty.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Root mean square about zero; `None` when empty.
pub fn rms(values: &[f64]) -> Option<f64> {
    (!values.is_empty())
        .then(|| (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt())
}

/// Sample standard deviation about the mean (n - 1); `None` below two values.
pub fn standard_deviation(values: &[f64]) -> Option<f64> {
    let center = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|v| (v - center) * (v - center)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// Median; `None` when empty.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Quantile at `probability` in 0..=1, linear between order statistics; `None` when empty or out of range.
pub fn quantile(values: &[f64], probability: f64) -> Option<f64> {
    if values.is_empty() || !(0.0..=1.0).contains(&probability) {
        return None;
    }
    let mut sorted = values.to_vec();
    sort_numbers(&mut sorted);
    Some(quantile_of_sorted(&sorted, probability))
}

/// Quantile of a sorted, non-empty slice.
pub(super) fn quantile_of_sorted(sorted: &[f64], probability: f64) -> f64 {
    let position = probability * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// Normal probability below minus one sigma.
const MINUS_ONE_SIGMA: f64 = 0.158_655_253_931_457_05;

/// (P84 - P16) / 2, equal to sigma for a Gaussian; `None` below two values.
pub fn robust_sigma(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mut sorted = values.to_vec();
    sort_numbers(&mut sorted);
    let (low, high) = (
        quantile_of_sorted(&sorted, MINUS_ONE_SIGMA),
        quantile_of_sorted(&sorted, 1.0 - MINUS_ONE_SIGMA),
    );
    Some(0.5 * (high - low))
}

/// 1.4826 times the median absolute deviation from the median; `None` below two values.
pub fn mad_sigma(values: &[f64]) -> Option<f64> {
    let center = median(values).filter(|_| values.len() > 1)?;
    let deviations: Vec<f64> = values.iter().map(|v| (v - center).abs()).collect();
    median(&deviations).map(|mad| 1.482_602_218_505_602 * mad)
}

/// Clips values beyond `limit` standard deviations of the mean, at most `max_rounds` times; `None` below two values.
pub fn sigma_clip(values: &[f64], limit: f64, max_rounds: usize) -> Option<Clipped> {
    let mut kept = values.to_vec();
    let mut n_rounds = 0;
    while n_rounds < max_rounds {
        let (center, sd) = (mean(&kept)?, standard_deviation(&kept)?);
        let n_before = kept.len();
        // Not strict, so that a sample without scatter keeps all its values.
        kept.retain(|v| (v - center).abs() <= limit * sd);
        if kept.len() == n_before {
            break;
        }
        n_rounds += 1;
    }
    Some(Clipped {
        n: kept.len(),
        mean: mean(&kept)?,
        sd: standard_deviation(&kept)?,
        fraction: 1.0 - kept.len() as f64 / values.len() as f64,
        n_rounds,
    })
}

/// Fraction of values farther than `limit` robust sigmas from the median; `None` below two values.
pub fn outlier_fraction(values: &[f64], limit: f64) -> Option<f64> {
    let (center, sigma) = (median(values)?, robust_sigma(values)?);
    let n_outside = values.iter().filter(|&&v| (v - center).abs() > limit * sigma).count();
    Some(n_outside as f64 / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_small_sample_are_those_by_hand() {
        let summary = summarize(&[2.0, f64::NAN, 4.0, -1.0, 3.0]);
        assert_eq!(
            (summary.n, summary.n_missing, summary.mean, summary.median),
            (4, 1, Some(2.0), Some(2.5))
        );
        assert!((summary.sd.unwrap() - (14.0f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((summary.rms.unwrap() - 7.5f64.sqrt()).abs() < 1e-12);
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), Some(3.0));
    }

    /// The quantile function of a logistic distribution makes a sample whose quantiles are known.
    fn logistic(n: usize) -> Vec<f64> {
        (0..n).map(|i| (i as f64 + 0.5) / n as f64).map(|p| (p / (1.0 - p)).ln()).collect()
    }

    #[test]
    fn robust_scatters_follow_their_definitions() {
        let values = logistic(20_001);
        let expected = ((1.0 - MINUS_ONE_SIGMA) / MINUS_ONE_SIGMA).ln();
        assert!((robust_sigma(&values).unwrap() - expected).abs() < 1e-3);
        assert!((mad_sigma(&values).unwrap() - 1.4826 * 3.0f64.ln()).abs() < 1e-3);
        let shifted: Vec<f64> = values.iter().map(|v| 2.0 * v + 7.0).collect();
        assert!((robust_sigma(&shifted).unwrap() - 2.0 * expected).abs() < 2e-3);
    }

    #[test]
    fn clipping_removes_planted_outliers_and_states_their_fraction() {
        let mut values: Vec<f64> = (0..99).map(|i| ((i as f64) * 0.618).fract() - 0.5).collect();
        values.push(300.0);
        let clipped = sigma_clip(&values, 3.0, 5).unwrap();
        assert_eq!((clipped.n, clipped.n_rounds), (99, 1));
        assert!((clipped.fraction - 0.01).abs() < 1e-12 && clipped.mean.abs() < 0.05);
        assert_eq!(outlier_fraction(&values, 5.0), Some(0.01));
    }

    #[test]
    fn empty_and_lonely_samples_give_none_not_nan() {
        let empty = summarize(&[f64::NAN]);
        assert_eq!(
            (empty.n, empty.mean, empty.rms, empty.median, empty.clipped),
            (0, None, None, None, None)
        );
        let lonely = summarize(&[5.0]);
        assert_eq!((lonely.mean, lonely.sd, lonely.robust_sigma), (Some(5.0), None, None));
        let constant = summarize(&[1.0; 4]);
        assert_eq!((constant.sd, constant.outliers_3s), (Some(0.0), Some(0.0)));
        assert_eq!(quantile(&[1.0], 1.1), None);
    }
}
