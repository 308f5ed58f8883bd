//! The outputs of `clusters` as tables.

use arrow::array::ArrayRef;

use super::super::columns::{
    bool_array, finite_array, i64_array, optional_f64_array, text_array, u64_array,
};
use super::super::figures::{report_arrays, report_columns};
use super::Clusters;
use super::stars::{Cluster, Left, Population, Stars};
use crate::engine::stage::NewColumn;
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::statistics::{Report, mean, standard_deviation};

fn text(name: &str, about: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
}

impl Clusters {
    /// A column made of both labels.
    fn made(&self, name: &str, kind: Type, about: &str) -> NewColumn {
        NewColumn::new(ColumnMeta::new(name, kind).about(about))
            .from("members", &self.ours, "derived: statistics")
            .from("members", &self.theirs, "derived: statistics")
    }
}

/// A number of a cluster: name, description, value.
type Figure = (&'static str, &'static str, fn(&Cluster) -> Option<f64>);

const FIGURES: [Figure; 8] = [
    ("ours_mean", "mean label of ours", |c| mean(&c.ours)),
    ("ours_sd", "its sd, two or more stars", |c| standard_deviation(&c.ours)),
    ("theirs_mean", "mean label of theirs", |c| mean(&c.theirs)),
    ("theirs_sd", "its sd, two or more stars", |c| standard_deviation(&c.theirs)),
    ("difference", "mean of ours - theirs", |c| mean(&c.difference)),
    ("difference_sd", "sd of ours - theirs", |c| standard_deviation(&c.difference)),
    ("difference_lo", "2.5 % of the mean difference", |c| Some(c.interval?.low)),
    ("difference_hi", "97.5 % of the mean difference", |c| Some(c.interval?.high)),
];

/// Columns of `clusters`.
pub fn cluster_columns(spec: &Clusters) -> Vec<NewColumn> {
    let mut columns =
        vec![
            NewColumn::new(ColumnMeta::new("cluster", Type::Text).about("name of the cluster"))
                .from("members", &spec.cluster, "identity"),
            spec.made("n_row", U64, "rows of the cluster that were looked at"),
            spec.made("n", U64, "of these, members with both labels"),
            spec.made("n_in_training", U64, "of these, members that training knew"),
        ];
    columns.extend(FIGURES.iter().map(|(name, about, _)| {
        let mut column = spec.made(name, F64, about);
        column.meta = column.meta.unit(&spec.unit);
        column
    }));
    columns
}

/// Rows of `clusters`.
pub fn cluster_arrays(clusters: &[Cluster]) -> Vec<ArrayRef> {
    let count =
        |of: fn(&Cluster) -> usize| u64_array(clusters.iter().map(|c| of(c) as u64).collect());
    let mut columns = vec![
        text_array(clusters.iter().map(|c| Some(&c.name))),
        count(|c| c.n_row),
        count(|c| c.difference.len()),
        count(|c| c.n_leaked),
    ];
    columns.extend(
        FIGURES.iter().map(|(.., of)| optional_f64_array(clusters.iter().map(of).collect())),
    );
    columns
}

/// Columns of `summary`.
pub fn summary_columns(spec: &Clusters) -> Vec<NewColumn> {
    let mut columns = vec![
        text("population", "all, held out, or in training"),
        text("unit", "unit of the numbers"),
        spec.made("n_cluster", U64, "clusters"),
    ];
    columns.extend(report_columns("members", &[&spec.ours, &spec.theirs]));
    columns.extend([
        spec.made("mixed_mean", F64, "mean difference of clusters by mixed effects"),
        spec.made("mixed_mean_error", F64, "its standard error"),
        spec.made("mixed_mean_lo", F64, "2.5 % of it, clusters drawn"),
        spec.made("mixed_mean_hi", F64, "97.5 % of it"),
        spec.made("between", F64, "sd of clusters about that mean"),
        spec.made("within", F64, "sd of stars about their cluster, beyond their errors"),
        spec.made("cluster_mean", F64, "mean over clusters of their mean difference"),
    ]);
    columns
}

/// Rows of `summary`.
pub fn summary_arrays(unit: &str, populations: &[Population]) -> Vec<ArrayRef> {
    let mut columns = vec![
        text_array(populations.iter().map(|p| Some(p.name))),
        text_array(populations.iter().map(|_| Some(unit))),
        u64_array(populations.iter().map(|p| p.n_cluster as u64).collect()),
    ];
    let reports: Vec<Report> = populations.iter().map(|p| p.report.clone()).collect();
    columns.extend(report_arrays(&reports));
    let number = |of: fn(&Population) -> Option<f64>| {
        optional_f64_array(populations.iter().map(of).collect())
    };
    columns.extend([
        number(|p| Some(p.mixed?.mean)),
        number(|p| Some(p.mixed?.mean_error)),
        number(|p| Some(p.mixed_interval?.low)),
        number(|p| Some(p.mixed_interval?.high)),
        number(|p| Some(p.mixed?.between)),
        number(|p| Some(p.mixed?.within)),
        number(|p| p.of_clusters),
    ]);
    columns
}

/// Columns of `leave_one_out`.
pub fn leave_columns(spec: &Clusters) -> Vec<NewColumn> {
    vec![
        NewColumn::new(ColumnMeta::new("left_out", Type::Text).about("cluster left out")).from(
            "members",
            &spec.cluster,
            "identity",
        ),
        spec.made("n", U64, "stars of the others"),
        spec.made("mean", F64, "mean of ours - theirs"),
        spec.made("sd", F64, "standard deviation about the mean"),
        spec.made("mixed_mean", F64, "mean difference of clusters by mixed effects"),
        spec.made("mixed_mean_error", F64, "its standard error"),
    ]
}

/// Rows of `leave_one_out`.
pub fn leave_arrays(left: &[Left]) -> Vec<ArrayRef> {
    let number = |of: fn(&Left) -> Option<f64>| optional_f64_array(left.iter().map(of).collect());
    vec![
        text_array(left.iter().map(|l| Some(&l.cluster))),
        u64_array(left.iter().map(|l| l.n as u64).collect()),
        number(|l| l.mean),
        number(|l| l.sd),
        number(|l| Some(l.mixed?.mean)),
        number(|l| Some(l.mixed?.mean_error)),
    ]
}

/// Columns of `stars`.
pub fn star_columns(spec: &Clusters) -> Vec<NewColumn> {
    let label = |name: &str, about: &str, from: &str| {
        NewColumn::new(ColumnMeta::new(name, F64).unit(&spec.unit).about(about))
            .from("members", from, "identity")
    };
    let mut difference = spec.made("difference", F64, "ours - theirs");
    difference.meta = difference.meta.unit(&spec.unit);
    vec![
        NewColumn::new(ColumnMeta::new(&spec.id, I64).about("row id"))
            .from("members", &spec.id, "identity"),
        NewColumn::new(ColumnMeta::new("cluster", Type::Text).about("name of the cluster")).from(
            "members",
            &spec.cluster,
            "identity",
        ),
        label("ours", "label of ours", &spec.ours),
        label("theirs", "label of theirs", &spec.theirs),
        difference,
        NewColumn::new(ColumnMeta::new("is_member", Type::Bool).about("whether it counts")),
        text("why_not", "why it does not; empty where it does"),
        NewColumn::new(ColumnMeta::new("leaked", Type::Bool).about("whether training knew it")),
    ]
}

/// Rows of `stars`.
pub fn star_arrays(stars: &Stars) -> Vec<ArrayRef> {
    let all: Vec<usize> = (0..stars.ids.len()).collect();
    vec![
        i64_array(stars.ids.clone()),
        text_array(stars.cluster.iter().map(Some)),
        finite_array(stars.ours.clone()),
        finite_array(stars.theirs.clone()),
        finite_array(stars.difference(&all)),
        bool_array(stars.why.iter().map(Option::is_none).collect()),
        text_array(stars.why.iter().map(|why| Some(why.unwrap_or("")))),
        std::sync::Arc::new(stars.leaked.iter().copied().collect::<arrow::array::BooleanArray>()),
    ]
}
