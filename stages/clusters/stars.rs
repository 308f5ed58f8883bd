//! Stars of clusters and what is said of them: by cluster, together, and with one cluster left out.

use std::collections::BTreeMap;

use crate::science::statistics::{
    Bootstrap, Interval, Report, Sample, TwoLevel, Units, mean, standard_deviation, two_level_mean,
};
use crate::science::validation::membership::Outsider;

/// The rows that were looked at.
pub struct Stars {
    pub ids: Vec<i64>,
    pub cluster: Vec<String>,
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
    /// Error of ours and theirs together.
    pub error: Option<Vec<f64>>,
    pub leaked: Vec<Option<bool>>,
    pub why: Vec<Option<&'static str>>,
}

/// A row of `clusters`.
pub struct Cluster {
    pub name: String,
    pub n_row: usize,
    pub n_leaked: usize,
    pub ours: Vec<f64>,
    pub theirs: Vec<f64>,
    pub difference: Vec<f64>,
    pub interval: Option<Interval>,
}

/// A row of `summary`.
pub struct Population {
    pub name: &'static str,
    pub n_cluster: usize,
    pub report: Report,
    pub mixed: Option<TwoLevel>,
    pub mixed_interval: Option<Interval>,
    /// Mean over clusters of their mean difference, each counted once.
    pub of_clusters: Option<f64>,
}

/// A row of `leave_one_out`.
pub struct Left {
    pub cluster: String,
    pub n: usize,
    pub mean: Option<f64>,
    pub sd: Option<f64>,
    pub mixed: Option<TwoLevel>,
}

/// Why each star does not count.
pub fn reasons(
    judged: &[Option<Outsider>],
    ours: &[f64],
    theirs: &[f64],
) -> Vec<Option<&'static str>> {
    let reason = |row: usize| match judged[row] {
        Some(Outsider::Probability) => Some("a probability is missing or too low"),
        Some(Outsider::Parallax) => Some("the parallax is not that of the cluster"),
        None if !ours[row].is_finite() => Some("no label of ours"),
        None if !theirs[row].is_finite() => Some("no label of theirs"),
        None => None,
    };
    (0..judged.len()).map(reason).collect()
}

/// The mean label of the members of each star's cluster.
pub fn cluster_means(cluster: &[String], theirs: &[f64], why: &[Option<&str>]) -> Vec<f64> {
    let mut of: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for (row, name) in cluster.iter().enumerate() {
        if why[row].is_none() {
            of.entry(name).or_default().push(theirs[row]);
        }
    }
    let of_cluster = |name| of.get(name).and_then(|values| mean(values)).unwrap_or(f64::NAN);
    cluster.iter().map(of_cluster).collect()
}

impl Stars {
    pub fn difference(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|row| self.ours[*row] - self.theirs[*row]).collect()
    }

    fn names(&self, rows: &[usize]) -> Vec<&String> {
        rows.iter().map(|row| &self.cluster[*row]).collect()
    }

    /// Errors of some rows.
    fn errors(&self, rows: &[usize]) -> Option<Vec<f64>> {
        self.error.as_ref().map(|error| rows.iter().map(|row| error[*row]).collect())
    }

    fn mixed(&self, rows: &[usize]) -> Option<TwoLevel> {
        two_level_mean(&self.difference(rows), &self.names(rows), self.errors(rows).as_deref())
    }

    pub fn clusters(&self, bootstrap: &Bootstrap) -> Vec<Cluster> {
        let mut of: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
        for (row, name) in self.cluster.iter().enumerate() {
            of.entry(name).or_default().push(row);
        }
        let cluster = |(name, all): (&&String, &Vec<usize>)| {
            let rows: Vec<usize> = all.iter().copied().filter(|r| self.why[*r].is_none()).collect();
            let difference = self.difference(&rows);
            let [interval] = bootstrap.intervals(&Units::rows(rows.len()), |drawn| {
                [mean(&drawn.iter().map(|at| difference[*at]).collect::<Vec<_>>())]
            });
            Cluster {
                name: (*name).clone(),
                n_row: all.len(),
                n_leaked: rows.iter().filter(|row| self.leaked[**row] == Some(true)).count(),
                ours: rows.iter().map(|row| self.ours[*row]).collect(),
                theirs: rows.iter().map(|row| self.theirs[*row]).collect(),
                interval: interval.filter(|_| difference.len() > 1),
                difference,
            }
        };
        of.iter().map(cluster).collect()
    }

    pub fn population(
        &self,
        name: &'static str,
        rows: &[usize],
        bootstrap: &Bootstrap,
    ) -> Population {
        let names = self.names(rows);
        let units = Units::grouped(&names);
        let sample = Sample {
            value: self.difference(rows),
            error: self.errors(rows),
            against: Some(rows.iter().map(|row| self.theirs[*row]).collect()),
            against_error: None,
        };
        // A cluster drawn twice counts as two: its copies are told apart by the draw.
        let fewer = Bootstrap { n_resample: bootstrap.n_resample.min(400), ..*bootstrap };
        let [mixed_interval] = fewer.intervals(&units, |drawn| {
            let at: Vec<usize> = drawn.iter().map(|at| rows[*at]).collect();
            let copies = copies(&at);
            let groups: Vec<(&String, usize)> =
                at.iter().zip(copies).map(|(row, copy)| (&self.cluster[*row], copy)).collect();
            let errors = self.errors(&at);
            [two_level_mean(&self.difference(&at), &groups, errors.as_deref()).map(|m| m.mean)]
        });
        Population {
            name,
            n_cluster: units.n_unit(),
            report: sample.report(&units, bootstrap),
            mixed: self.mixed(rows),
            mixed_interval,
            of_clusters: self.mean_of_clusters(rows),
        }
    }

    fn mean_of_clusters(&self, rows: &[usize]) -> Option<f64> {
        let mut of: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
        for (name, difference) in self.names(rows).into_iter().zip(self.difference(rows)) {
            of.entry(name).or_default().push(difference);
        }
        mean(&of.values().filter_map(|values| mean(values)).collect::<Vec<_>>())
    }

    pub fn leave_one_out(&self, used: &[usize]) -> Vec<Left> {
        let mut names = self.names(used);
        names.sort();
        names.dedup();
        let left = |name: &String| {
            let rows: Vec<usize> =
                used.iter().copied().filter(|row| self.cluster[*row] != *name).collect();
            let difference = self.difference(&rows);
            Left {
                cluster: name.clone(),
                n: rows.len(),
                mean: mean(&difference),
                sd: standard_deviation(&difference),
                mixed: self.mixed(&rows),
            }
        };
        names.into_iter().map(left).collect()
    }
}

/// How often each row has occurred before.
pub fn copies(rows: &[usize]) -> Vec<usize> {
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let count = |row: &usize| {
        let times = seen.entry(*row).or_default();
        *times += 1;
        *times - 1
    };
    rows.iter().map(count).collect()
}
