//! Who is a member of a cluster: by probabilities and by parallax.

use std::collections::BTreeMap;

use super::super::statistics::{mad_sigma, median};

/// What keeps a star out of its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outsider {
    /// A probability is missing or too low.
    Probability,
    /// The parallax is missing, or not that of the cluster.
    Parallax,
}

/// Parallaxes of stars and how far from their cluster's they may lie.
#[derive(Debug, Clone, Copy)]
pub struct ParallaxRule<'a> {
    /// Parallaxes, mas, `(n,)`.
    pub parallax: &'a [f64],
    /// Their errors, mas, `(n,)`.
    pub error: &'a [f64],
    /// Largest distance from the cluster's parallax, standard deviations.
    pub sigmas: f64,
}

/// Parallax of a cluster from the stars that pass the probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Median parallax, mas.
    pub parallax: f64,
    /// 1.4826 times the median absolute deviation, mas; 0 below three stars.
    pub spread: f64,
}

/// Judges every star: `clusters` `(n,)`, each of `probabilities` `(n,)` must exceed `least`.
///
/// A parallax is that of the cluster if it lies within so many standard deviations, its own error and the spread of
/// the cluster taken together, of the median of the stars that pass the probabilities.
pub fn judge<C: Ord>(
    clusters: &[C],
    probabilities: &[Vec<f64>],
    least: f64,
    rule: Option<ParallaxRule<'_>>,
) -> Vec<Option<Outsider>> {
    let likely = |row: usize| probabilities.iter().all(|p| p[row] > least);
    let by_probability: Vec<bool> = (0..clusters.len()).map(likely).collect();
    let distances = rule.map(|rule| distances(clusters, &by_probability, rule.parallax));
    let verdict = |row: usize| {
        if !by_probability[row] {
            return Some(Outsider::Probability);
        }
        let (rule, distance) = (rule?, distances.as_ref()?.get(&clusters[row]));
        let near = distance.is_some_and(|distance| {
            let sigma = rule.error[row].hypot(distance.spread);
            (rule.parallax[row] - distance.parallax).abs() <= rule.sigmas * sigma
        });
        (!near).then_some(Outsider::Parallax)
    };
    (0..clusters.len()).map(verdict).collect()
}

fn distances<'a, C: Ord>(
    clusters: &'a [C],
    passes: &[bool],
    parallax: &[f64],
) -> BTreeMap<&'a C, Distance> {
    let mut of_cluster: BTreeMap<&C, Vec<f64>> = BTreeMap::new();
    for (row, cluster) in clusters.iter().enumerate() {
        if passes[row] && parallax[row].is_finite() {
            of_cluster.entry(cluster).or_default().push(parallax[row]);
        }
    }
    let distance = |values: &Vec<f64>| Distance {
        parallax: median(values).unwrap_or(f64::NAN),
        spread: mad_sigma(values).filter(|_| values.len() > 2).unwrap_or(0.0),
    };
    of_cluster.iter().map(|(cluster, values)| (*cluster, distance(values))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn low_or_missing_probabilities_keep_a_star_out() {
        let probabilities = [vec![0.5, 0.5, f64::NAN, 0.5], vec![0.9, 0.0, 0.9, 0.01]];
        let verdicts = judge(&["a"; 4], &probabilities, 0.01, None);
        let out = Some(Outsider::Probability);
        assert_eq!(verdicts, [None, out, out, out]);
        assert_eq!(judge(&["a"; 4], &[], 0.01, None), [None; 4]);
    }

    #[test]
    fn stars_before_and_behind_the_cluster_are_left_out() {
        let parallax = [7.3, 7.35, 7.4, 13.6, f64::NAN, 2.5];
        let rule = ParallaxRule { parallax: &parallax, error: &[0.05; 6], sigmas: 3.0 };
        let clusters =
            ["Melotte 22", "Melotte 22", "Melotte 22", "Melotte 22", "Melotte 22", "Collinder 69"];
        let verdicts = judge(&clusters, &[], 0.01, Some(rule));
        let out = Some(Outsider::Parallax);
        assert_eq!(verdicts, [None, None, None, out, out, None]);
    }
}
