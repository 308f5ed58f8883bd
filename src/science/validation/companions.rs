//! Two stars or spectra that should have the same label: differences, and what strangers would show.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::super::cross_validation::random_below;
use super::super::statistics::{quantile, robust_sigma, standard_deviation};

/// Rows of every two spectra of one star, in the order of their ids; `stars` and `ids`, `(n_row,)`.
///
/// Rows without a star have no partner.
pub fn pairs_of_stars<S: Ord>(stars: &[Option<S>], ids: &[i64]) -> Vec<(usize, usize)> {
    let mut of_star: BTreeMap<&S, Vec<usize>> = BTreeMap::new();
    for (row, star) in stars.iter().enumerate() {
        if let Some(star) = star {
            of_star.entry(star).or_default().push(row);
        }
    }
    let mut pairs = Vec::new();
    for mut rows in of_star.into_values() {
        rows.sort_by_key(|row| ids[*row]);
        for (at, first) in rows.iter().enumerate() {
            pairs.extend(rows[at + 1..].iter().map(|second| (*first, *second)));
        }
    }
    pairs
}

/// The ratio at which two spectra of equal ratio would differ as much as these two do, if errors fall as 1 / ratio.
pub fn common_snr(first: f64, second: f64) -> f64 {
    (2.0 / (first.powi(-2) + second.powi(-2))).sqrt()
}

/// How far one group of spectra lies from the rest of its stars: for every row of which the star has spectra in other
/// groups, its value less the mean of those. `(row, difference)` in the order of the rows.
pub fn group_offsets<S: Ord, G: Ord>(
    values: &[f64],
    stars: &[Option<S>],
    groups: &[Option<G>],
) -> Vec<(usize, f64)> {
    let mut of_star: BTreeMap<&S, Vec<usize>> = BTreeMap::new();
    for (row, star) in stars.iter().enumerate() {
        if let (Some(star), Some(_), true) = (star, &groups[row], values[row].is_finite()) {
            of_star.entry(star).or_default().push(row);
        }
    }
    let mut offsets = Vec::new();
    for rows in of_star.values() {
        for row in rows {
            let others = rows.iter().filter(|other| groups[**other] != groups[*row]);
            let (sum, n) = others.fold((0.0, 0), |(sum, n), other| (sum + values[*other], n + 1));
            if n > 0 {
                offsets.push((*row, values[*row] - sum / f64::from(n)));
            }
        }
    }
    offsets.sort_by_key(|(row, _)| *row);
    offsets
}

/// Scatter of differences between strangers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Strangers {
    /// Pairs that found a stranger in the last shuffle.
    pub n: usize,
    /// Median standard deviation of the shuffles, and its 2.5 and 97.5 %.
    pub sd: [f64; 3],
    /// The same of (P84 - P16) / 2.
    pub robust_sigma: [f64; 3],
}

/// Pairs the first of each pair with the second of another pair, drawn at random among those whose `control` lies
/// within `window` of its own second's; all `(n_pair,)`. Without control any other pair will do.
///
/// Pairs without such a stranger, or with a missing value, are left out. `None` below three pairs.
pub fn strangers(
    first: &[f64],
    second: &[f64],
    control: Option<(&[f64], f64)>,
    n_shuffle: usize,
    seed: u64,
) -> Option<Strangers> {
    let sound = |pair: &usize| first[*pair].is_finite() && second[*pair].is_finite();
    let pairs: Vec<usize> = (0..first.len()).filter(sound).collect();
    let alike = |a: usize, b: usize| {
        a != b && control.is_none_or(|(values, window)| (values[a] - values[b]).abs() <= window)
    };
    let choices: Vec<(usize, Vec<usize>)> = pairs
        .iter()
        .map(|a| (*a, pairs.iter().copied().filter(|b| alike(*a, *b)).collect::<Vec<_>>()))
        .filter(|(_, others)| !others.is_empty())
        .collect();
    if choices.len() < 3 || n_shuffle == 0 {
        return None;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut sds, mut robusts) = (Vec::new(), Vec::new());
    for _ in 0..n_shuffle {
        let differences: Vec<f64> = choices
            .iter()
            .map(|(pair, others)| {
                first[*pair] - second[others[random_below(&mut rng, others.len())]]
            })
            .collect();
        sds.extend(standard_deviation(&differences));
        robusts.extend(robust_sigma(&differences));
    }
    let range =
        |values: &[f64]| [0.5, 0.025, 0.975].map(|at| quantile(values, at).unwrap_or(f64::NAN));
    Some(Strangers { n: choices.len(), sd: range(&sds), robust_sigma: range(&robusts) })
}

#[cfg(test)]
mod tests {
    use super::super::super::draw::standard_normal;
    use super::*;

    #[test]
    fn every_two_spectra_of_a_star_are_a_pair() {
        let stars = [Some("a"), None, Some("b"), Some("a"), Some("a"), None];
        let pairs = pairs_of_stars(&stars, &[9, 1, 2, 4, 6, 3]);
        assert_eq!(pairs, [(3, 4), (3, 0), (4, 0)]);
        assert!((common_snr(40.0, 40.0) - 40.0).abs() < 1e-12);
        assert!(common_snr(10.0, 1e9) > 14.0 && common_snr(10.0, 1e9) < 14.2);
    }

    #[test]
    fn a_group_that_is_off_shows_its_offset() {
        let values = [1.3, 1.0, 2.3, 2.0, 5.0, 9.0];
        let stars = [Some(1), Some(1), Some(2), Some(2), Some(3), None];
        let groups = [Some("x"), Some("y"), Some("x"), Some("y"), Some("x"), Some("y")];
        let offsets = group_offsets(&values, &stars, &groups);
        let x: Vec<f64> =
            offsets.iter().filter(|(r, _)| groups[*r] == Some("x")).map(|o| o.1).collect();
        assert_eq!(x.len(), 2);
        assert!(x.iter().all(|o| (o - 0.3).abs() < 1e-12));
        assert_eq!(offsets.len(), 4);
    }

    #[test]
    fn strangers_differ_by_the_scatter_of_the_field() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let star: Vec<f64> = (0..400).map(|_| 0.3 * standard_normal(&mut rng)).collect();
        let second: Vec<f64> = star.iter().map(|v| v + 0.05 * standard_normal(&mut rng)).collect();
        let found = strangers(&star, &second, None, 200, 1).unwrap();
        assert!((found.sd[0] - 0.3 * 2f64.sqrt()).abs() < 0.04, "{found:?}");
        assert!(found.sd[1] < found.sd[0] && found.sd[0] < found.sd[2] && found.n == 400);
        assert_eq!(found, strangers(&star, &second, None, 200, 1).unwrap());
    }

    #[test]
    fn strangers_are_alike_in_the_control() {
        // Labels follow the control, so that alike strangers differ by little.
        let control: Vec<f64> = (0..100).map(|i| 3_000.0 + 10.0 * f64::from(i)).collect();
        let label: Vec<f64> = control.iter().map(|t| t / 1_000.0).collect();
        let near = strangers(&label, &label, Some((&control, 50.0)), 50, 1).unwrap();
        let any = strangers(&label, &label, None, 50, 1).unwrap();
        assert!(near.sd[0] < 0.05 && any.sd[0] > 0.2);
        assert_eq!(strangers(&label, &label, Some((&control, 1.0)), 50, 1), None);
        assert_eq!(strangers(&[1.0, f64::NAN], &[1.0, 2.0], None, 50, 1), None);
    }
}
