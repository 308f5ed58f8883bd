//! Repeats (§4.1): labels of two spectra of one star, against signal-to-noise ratio and instrument.
//!
//! Port `spectra` (whole): row id, star, signal-to-noise ratio, labels with errors, columns of the instrument.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `summary` | a label and bin of the ratio (bin 0: all) | statistics of differences over sqrt 2, so that `sd` is the scatter of one spectrum |
//! | `groups` | a label, column of the instrument and value | mean offset from the star's spectra of other values, with interval; scatter of pairs |
//! | `pairs` | a label and pair | ids, common ratio, difference, its error, difference over error |
//!
//! The common ratio of a pair is that of two equal spectra with as much noise. Bins hold their lower edge. The
//! bootstrap draws stars. A scatter below that of held-out labels is expected: errors of the training labels cancel.
//!
//! Deviation: the paper has no test on repeated spectra.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{
    f64s, finite_array, i64_array, ids, optional_f64_array, text_array, u32_array, u64_array,
};
use super::figures::{check_filters, chosen, report_arrays, report_columns};
use super::keys::keys;
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32, U64};
use crate::science::statistics::{Bootstrap, Interval, Report, Sample, Units, mean, robust_sigma};
use crate::science::validation::companions::{common_snr, group_offsets, pairs_of_stars};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Repeats>("repeats", 2, "compares the labels of repeated spectra of a star");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeats {
    /// Row id of a spectrum.
    id: String,
    /// The star.
    star_id: String,
    /// Signal-to-noise ratio.
    snr: String,
    /// What is compared.
    labels: Vec<Label>,
    /// Columns of the instrument: plate, spectrograph, fiber.
    #[serde(default)]
    groups: Vec<String>,
    /// Edges of the bins of the common ratio, ascending.
    #[serde(default = "edges")]
    bins: Vec<f64>,
    /// Which spectra count.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
    /// Resamples of the bootstrap.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Label {
    /// The column, and its name in the outputs.
    value: String,
    /// Column of its error.
    #[serde(default)]
    error: Option<String>,
    /// Unit of both.
    unit: String,
}

fn edges() -> Vec<f64> {
    vec![5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 150.0, 300.0]
}

fn two_thousand() -> usize {
    2_000
}

/// Spectra of the table that count, and their pairs.
struct Spectra {
    ids: Vec<i64>,
    stars: Vec<Option<String>>,
    snr: Vec<f64>,
    pairs: Vec<(usize, usize)>,
    groups: Vec<Vec<Option<String>>>,
}

/// One label of the spectra.
struct Column<'a> {
    label: &'a Label,
    values: Vec<f64>,
    errors: Option<Vec<f64>>,
}

/// A row of the summary.
struct Bin<'a> {
    label: &'a Label,
    number: usize,
    edges: [f64; 2],
    report: Report,
}

/// A row of `groups`.
struct Group<'a> {
    label: &'a Label,
    column: &'a str,
    value: String,
    offsets: Vec<f64>,
    interval: Option<Interval>,
}

impl Stage for Repeats {
    fn ports(&self) -> Vec<Port> {
        let mut needs =
            vec![Need::of(&self.id, I64), Need::any(&self.star_id), Need::any(&self.snr)];
        for label in &self.labels {
            let columns = [Some(&label.value), label.error.as_ref()].into_iter().flatten();
            needs.extend(columns.map(|column| Need::in_unit(column, &label.unit)));
        }
        needs.extend(self.groups.iter().map(Need::any));
        needs.extend(self.filter.iter().flat_map(|f| f.0.columns()).map(Need::any));
        vec![Port::whole("spectra", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        if self.labels.is_empty() || self.bins.len() < 2 || !self.bins.is_sorted() {
            let what = "`labels` must name a label, and `bins` two or more edges in order";
            return Err(StageError::new(what));
        }
        check_filters(self.filter.iter(), &inputs["spectra"])?;
        Ok(vec![
            Output::table("summary", self.summary_columns()),
            Output::table("groups", self.group_columns()),
            Output::table("pairs", self.pair_columns()).id(&self.id),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("repeats")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let spectra = self.read(job)?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let mut columns = Vec::new();
        for label in &self.labels {
            let errors = label.error.as_ref().map(|e| f64s(job, "spectra", e)).transpose()?;
            columns.push(Column { label, values: f64s(job, "spectra", &label.value)?, errors });
        }
        let bins: Vec<Bin> =
            columns.iter().flat_map(|c| self.bins(&spectra, c, &bootstrap)).collect();
        let groups: Vec<Group> =
            columns.iter().flat_map(|c| self.offsets(&spectra, c, &bootstrap)).collect();
        Ok(vec![
            Product::new("summary", summary(&bins)),
            Product::new("groups", group_arrays(&groups)),
            Product::new("pairs", pair_arrays(&spectra, &columns)),
        ])
    }
}

impl Repeats {
    fn read(&self, job: &Job) -> Result<Spectra, StageError> {
        let counts = chosen(self.filter.as_ref(), job.table("spectra")?)?;
        let ids = ids(job, "spectra", &self.id)?;
        let stars = keys(job, "spectra", &self.star_id)?.into_iter().zip(counts);
        let stars: Vec<Option<String>> =
            stars.map(|(star, counts)| star.filter(|_| counts)).collect();
        let mut groups = Vec::new();
        for column in &self.groups {
            groups.push(keys(job, "spectra", column)?);
        }
        let pairs = pairs_of_stars(&stars, &ids);
        Ok(Spectra { pairs, ids, stars, snr: f64s(job, "spectra", &self.snr)?, groups })
    }

    /// All pairs, then those of each bin.
    fn bins<'a>(
        &self,
        spectra: &Spectra,
        column: &Column<'a>,
        bootstrap: &Bootstrap,
    ) -> Vec<Bin<'a>> {
        let snr: Vec<f64> = spectra
            .pairs
            .iter()
            .map(|(a, b)| common_snr(spectra.snr[*a], spectra.snr[*b]))
            .collect();
        let of = |number: usize, edges: [f64; 2]| {
            let inside = |pair: &usize| {
                let (a, b) = spectra.pairs[*pair];
                let known = column.values[a].is_finite() && column.values[b].is_finite();
                known && (number == 0 || (edges[0]..edges[1]).contains(&snr[*pair]))
            };
            let pairs: Vec<usize> = (0..snr.len()).filter(inside).collect();
            let stars: Vec<&Option<String>> =
                pairs.iter().map(|pair| &spectra.stars[spectra.pairs[*pair].0]).collect();
            let sample = sample(column, pairs.iter().map(|pair| spectra.pairs[*pair]));
            let report = sample.report(&Units::grouped(&stars), bootstrap);
            Bin { label: column.label, number, edges, report }
        };
        let all = of(0, [self.bins[0], self.bins[self.bins.len() - 1]]);
        let bins =
            self.bins.windows(2).enumerate().map(|(i, edges)| of(i + 1, [edges[0], edges[1]]));
        std::iter::once(all).chain(bins).collect()
    }

    /// Offsets of every plate, spectrograph and so on.
    fn offsets<'a>(
        &'a self,
        spectra: &Spectra,
        column: &Column<'a>,
        bootstrap: &Bootstrap,
    ) -> Vec<Group<'a>> {
        let mut found = Vec::new();
        for (name, groups) in self.groups.iter().zip(&spectra.groups) {
            let mut of_group: BTreeMap<&str, Vec<(usize, f64)>> = BTreeMap::new();
            for (row, offset) in group_offsets(&column.values, &spectra.stars, groups) {
                of_group
                    .entry(groups[row].as_deref().unwrap_or(""))
                    .or_default()
                    .push((row, offset));
            }
            for (value, rows) in of_group {
                let stars: Vec<&Option<String>> =
                    rows.iter().map(|(row, _)| &spectra.stars[*row]).collect();
                let offsets: Vec<f64> = rows.iter().map(|(_, offset)| *offset).collect();
                let [interval] = bootstrap.intervals(&Units::grouped(&stars), |drawn| {
                    [mean(&drawn.iter().map(|at| offsets[*at]).collect::<Vec<_>>())]
                });
                let value = value.to_owned();
                found.push(Group { label: column.label, column: name, value, offsets, interval });
            }
        }
        found
    }

    fn made(&self, meta: ColumnMeta) -> NewColumn {
        let columns: BTreeSet<&String> =
            self.labels.iter().flat_map(|l| [Some(&l.value), l.error.as_ref()]).flatten().collect();
        columns.into_iter().fold(NewColumn::new(meta), |column, name| {
            column.from("spectra", name, "derived: difference of repeats")
        })
    }

    fn summary_columns(&self) -> Vec<NewColumn> {
        let sources: Vec<&str> = self.labels.iter().map(|l| l.value.as_str()).collect();
        let number = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, F64).about(about)).from(
                "spectra",
                &self.snr,
                "derived: bin",
            )
        };
        let mut columns = vec![
            text("label", "column"),
            text("unit", "unit of the numbers"),
            NewColumn::new(ColumnMeta::new("bin", U32).about("number of the bin; 0 is all pairs")),
            number("snr_low", "lower edge of the common ratio, within"),
            number("snr_high", "upper edge, outside"),
        ];
        columns.extend(report_columns("spectra", &sources));
        columns
    }

    fn group_columns(&self) -> Vec<NewColumn> {
        vec![
            text("label", "column"),
            text("unit", "unit of the numbers"),
            text("group", "column of the instrument"),
            text("value", "its value"),
            self.made(ColumnMeta::new("n", U64).about("spectra with others of the star elsewhere")),
            self.made(ColumnMeta::new("offset", F64).about("mean of these less the star's others")),
            self.made(ColumnMeta::new("offset_lo", F64).about("2.5 % of it")),
            self.made(ColumnMeta::new("offset_hi", F64).about("97.5 % of it")),
            self.made(ColumnMeta::new("robust_sigma", F64).about("half of P84 - P16")),
        ]
    }

    fn pair_columns(&self) -> Vec<NewColumn> {
        let id = ColumnMeta::new(&self.id, I64).about("first spectrum of the pair");
        let second = ColumnMeta::new("second_id", I64).about("second spectrum");
        let snr = ColumnMeta::new("common_snr", F64).about("ratio of two equal spectra as noisy");
        vec![
            NewColumn::new(id).from("spectra", &self.id, "identity"),
            NewColumn::new(second).from("spectra", &self.id, "identity"),
            text("label", "column"),
            text("unit", "unit of the difference"),
            NewColumn::new(snr).from("spectra", &self.snr, "derived: harmonic"),
            self.made(ColumnMeta::new("difference", F64).about("first - second")),
            self.made(ColumnMeta::new("error", F64).about("errors of both together")),
            self.made(ColumnMeta::new("pull", F64).about("difference over error")),
        ]
    }
}

fn text(name: &str, about: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
}

/// Differences over sqrt 2 and their errors: the scale of one spectrum.
fn sample(column: &Column, pairs: impl Iterator<Item = (usize, usize)> + Clone) -> Sample {
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let error =
        |errors: &Vec<f64>| pairs.clone().map(|(a, b)| half * errors[a].hypot(errors[b])).collect();
    Sample {
        value: pairs.clone().map(|(a, b)| half * (column.values[a] - column.values[b])).collect(),
        error: column.errors.as_ref().map(error),
        ..Sample::default()
    }
}

fn summary(bins: &[Bin]) -> Vec<ArrayRef> {
    let mut columns = vec![
        text_array(bins.iter().map(|b| Some(&b.label.value))),
        text_array(bins.iter().map(|b| Some(&b.label.unit))),
        u32_array(bins.iter().map(|b| b.number as u32).collect()),
        finite_array(bins.iter().map(|b| b.edges[0]).collect()),
        finite_array(bins.iter().map(|b| b.edges[1]).collect()),
    ];
    columns.extend(report_arrays(&bins.iter().map(|b| b.report.clone()).collect::<Vec<_>>()));
    columns
}

fn group_arrays(groups: &[Group]) -> Vec<ArrayRef> {
    let number =
        |of: &dyn Fn(&Group) -> Option<f64>| optional_f64_array(groups.iter().map(of).collect());
    vec![
        text_array(groups.iter().map(|g| Some(&g.label.value))),
        text_array(groups.iter().map(|g| Some(&g.label.unit))),
        text_array(groups.iter().map(|g| Some(g.column))),
        text_array(groups.iter().map(|g| Some(&g.value))),
        u64_array(groups.iter().map(|g| g.offsets.len() as u64).collect()),
        number(&|g| mean(&g.offsets)),
        number(&|g| Some(g.interval?.low)),
        number(&|g| Some(g.interval?.high)),
        number(&|g| robust_sigma(&g.offsets)),
    ]
}

fn pair_arrays(spectra: &Spectra, columns: &[Column]) -> Vec<ArrayRef> {
    let known = |column: &Column, (a, b): &(usize, usize)| {
        column.values[*a].is_finite() && column.values[*b].is_finite()
    };
    let rows: Vec<(&Column, (usize, usize))> = columns
        .iter()
        .flat_map(|c| spectra.pairs.iter().filter(|p| known(c, p)).map(move |pair| (c, *pair)))
        .collect();
    let one = |(column, pair): &(&Column, (usize, usize))| sample(column, std::iter::once(*pair));
    let scale = std::f64::consts::SQRT_2;
    let error = |s: &Sample| s.error.as_ref().map_or(f64::NAN, |e| scale * e[0]);
    let number =
        |of: &dyn Fn(&Sample) -> f64| finite_array(rows.iter().map(|row| of(&one(row))).collect());
    vec![
        i64_array(rows.iter().map(|(_, (a, _))| spectra.ids[*a]).collect()),
        i64_array(rows.iter().map(|(_, (_, b))| spectra.ids[*b]).collect()),
        text_array(rows.iter().map(|(c, _)| Some(&c.label.value))),
        text_array(rows.iter().map(|(c, _)| Some(&c.label.unit))),
        finite_array(
            rows.iter().map(|(_, (a, b))| common_snr(spectra.snr[*a], spectra.snr[*b])).collect(),
        ),
        number(&|s| scale * s.value[0]),
        number(&error),
        number(&|s| s.pulls()[0]),
    ]
}

#[cfg(test)]
#[path = "repeats_tests.rs"]
mod tests;
