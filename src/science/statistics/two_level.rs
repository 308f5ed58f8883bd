//! Mean of a sample in groups: members scatter about their group, groups about the mean (a mixed-effects model).

use std::collections::BTreeMap;

/// The model y = mean + group + member, fitted by restricted maximum likelihood.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoLevel {
    /// Members with a value.
    pub n: usize,
    /// Groups.
    pub n_group: usize,
    /// Mean of the groups.
    pub mean: f64,
    /// Its standard error.
    pub mean_error: f64,
    /// Standard deviation of groups about the mean.
    pub between: f64,
    /// Standard deviation of members about their group, beyond their errors.
    pub within: f64,
}

/// Fits the mean of `values` in `groups`; all `(n,)`. `errors` of the members add to the scatter within a group.
///
/// Missing values are left out; an error that is missing counts as 0. `None` below two groups or three values.
pub fn two_level_mean<G: Ord>(
    values: &[f64],
    groups: &[G],
    errors: Option<&[f64]>,
) -> Option<TwoLevel> {
    let mut members: BTreeMap<&G, Vec<(f64, f64)>> = BTreeMap::new();
    for (row, (value, group)) in values.iter().zip(groups).enumerate() {
        if value.is_finite() {
            let error = errors.and_then(|e| e.get(row)).copied().filter(|e| e.is_finite());
            members.entry(group).or_default().push((*value, error.unwrap_or(0.0).powi(2)));
        }
    }
    let groups: Vec<Vec<(f64, f64)>> = members.into_values().collect();
    let n: usize = groups.iter().map(Vec::len).sum();
    if groups.len() < 2 || n < 3 {
        return None;
    }
    let spread = spread(&groups);
    if spread <= 0.0 {
        let mean = groups[0][0].0;
        let same =
            TwoLevel { n, n_group: groups.len(), mean, mean_error: 0.0, between: 0.0, within: 0.0 };
        return Some(same);
    }
    let best_within =
        |between: f64| least(|within| deviance(&groups, between, within, spread).0, 2.0 * spread);
    let (between, _) = least(|between| best_within(between).1, 2.0 * spread);
    let (within, _) = best_within(between);
    let (_, mean, weight) = deviance(&groups, between, within, spread);
    Some(TwoLevel {
        n,
        n_group: groups.len(),
        mean,
        mean_error: weight.sqrt().recip(),
        between,
        within,
    })
}

fn spread(groups: &[Vec<(f64, f64)>]) -> f64 {
    let values: Vec<f64> = groups.iter().flatten().map(|m| m.0).collect();
    super::summary::standard_deviation(&values).unwrap_or(0.0)
}

/// Minus twice the restricted log-likelihood, but for a constant; the mean, and the sum of its weights.
fn deviance(groups: &[Vec<(f64, f64)>], between: f64, within: f64, spread: f64) -> (f64, f64, f64) {
    // A floor far below the data, so that members without errors keep a finite weight.
    let floor = (1e-6 * spread).powi(2);
    let (mut sum, mut squares, mut total, mut logs) = (0.0, 0.0, 0.0, 0.0);
    for group in groups {
        let (mut w, mut wy, mut wyy) = (0.0, 0.0, 0.0);
        for (value, variance) in group {
            let total = variance + within * within + floor;
            logs += total.ln();
            w += 1.0 / total;
            wy += value / total;
            wyy += value * value / total;
        }
        // Members of a group share its offset: the inverse of a diagonal plus a constant.
        let shared = 1.0 + between * between * w;
        logs += shared.ln();
        sum += wy / shared;
        total += w / shared;
        squares += wyy - between * between * wy * wy / shared;
    }
    let mean = sum / total;
    (logs + squares - sum * mean + total.ln(), mean, total)
}

/// Where a function of one valley is least between 0 and `high`, by golden section, and its value there.
fn least(of: impl Fn(f64) -> f64, high: f64) -> (f64, f64) {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (mut low, mut high) = (0.0, high);
    let (mut a, mut b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_a, mut at_b) = (of(a), of(b));
    for _ in 0..36 {
        if at_a <= at_b {
            (high, b, at_b) = (b, a, at_a);
            a = high - GOLDEN * (high - low);
            at_a = of(a);
        } else {
            (low, a, at_a) = (a, b, at_b);
            b = low + GOLDEN * (high - low);
            at_b = of(b);
        }
    }
    let at_zero = of(0.0);
    let middle = 0.5 * (low + high);
    let at_middle = of(middle);
    if at_zero <= at_middle { (0.0, at_zero) } else { (middle, at_middle) }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_core::SeedableRng;

    use super::super::super::draw::standard_normal;
    use super::*;

    #[test]
    fn balanced_groups_equal_the_analysis_of_variance() {
        // Three groups of two: means 1, 5, 9, members 1 apart from them.
        let values = [0.0, 2.0, 4.0, 6.0, 8.0, 10.0];
        let found = two_level_mean(&values, &[1, 1, 2, 2, 3, 3], None).unwrap();
        // Mean squares: between 2 * 16 = 32, within 6 / 3 = 2.
        assert!((found.within - 2f64.sqrt()).abs() < 1e-4, "{found:?}");
        assert!((found.between - ((32.0 - 2.0) / 2.0f64).sqrt()).abs() < 1e-4, "{found:?}");
        assert!((found.mean - 5.0).abs() < 1e-9);
        assert!((found.mean_error - (32.0 / 6.0f64).sqrt()).abs() < 1e-4);
    }

    #[test]
    fn planted_scatters_of_unequal_groups_come_back() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut values, mut groups, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..300 {
            let offset = 0.2 * standard_normal(&mut rng);
            for member in 0..=(group % 7) {
                let error = 0.05 * f64::from(member % 3);
                let noise = 0.1f64.hypot(error) * standard_normal(&mut rng);
                values.push(-0.05 + offset + noise);
                groups.push(group);
                errors.push(error);
            }
        }
        let found = two_level_mean(&values, &groups, Some(&errors)).unwrap();
        assert!(
            (found.between - 0.2).abs() < 0.03 && (found.within - 0.1).abs() < 0.01,
            "{found:?}"
        );
        assert!((found.mean + 0.05).abs() < 3.0 * found.mean_error && found.mean_error < 0.02);
        assert_eq!((found.n_group, found.n), (300, values.len()));
    }

    #[test]
    fn one_group_has_no_scatter_between_groups_and_missing_values_do_not_count() {
        assert_eq!(two_level_mean(&[1.0, 2.0, 3.0], &["a"; 3], None), None);
        assert_eq!(two_level_mean(&[1.0, f64::NAN, 3.0], &["a", "b", "b"], None), None);
        let same = two_level_mean(&[2.0; 4], &[1, 1, 2, 2], None).unwrap();
        assert_eq!((same.mean, same.between, same.within), (2.0, 0.0, 0.0));
    }
}
