//! Wide pairs (§5.2): labels of two stars that were born together, and of strangers.
//!
//! Port `pairs` (whole): row id, label, error and optionally temperature of both stars, the columns of the condition.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `summary` | a label and population | statistics of first - second, outlier mixture, scatter of strangers |
//! | `pairs` | a pair and label | id, both values, difference, its error, difference over error, difference of temperature |
//!
//! `error_factor` below 1 says that errors are overestimated; `robust_pull` says it without the outliers, `core_factor`
//! with the outliers as a component of their own: (1 - f) N(0, (k sigma)^2) + f N(0, `outlier_sigma`^2 + sigma^2).
//! Strangers are pairs of which the second star is that of another pair, at most `window` apart in temperature.
//! Slope and rank correlation are over the difference of temperature: a flat one shows labels free of it.
//!
//! Deviation: the paper compares with a Gaussian by eye (Fig. 9).

use std::collections::BTreeSet;

use arrow::array::ArrayRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{
    f64s, finite_array, i64_array, ids, optional_f64_array, text_array, u64_array,
};
use super::figures::{check_filters, chosen, marks, populations, report_arrays, report_columns};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::statistics::{
    Bootstrap, Interval, Mixture, Report, Sample, Units, outlier_mixture,
};
use crate::science::validation::companions::{Strangers, strangers};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<WidePairs>("wide_pairs", 2, "compares the labels of the stars of wide pairs");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WidePairs {
    /// Row id of a pair.
    id: String,
    /// What is compared.
    labels: Vec<Label>,
    /// Temperature of both stars, K.
    #[serde(default)]
    teff: Option<[String; 2]>,
    /// Strangers differ by no more than this in the temperature of the second star, K.
    #[serde(default = "fifty")]
    window: f64,
    /// Shuffles of the companions.
    #[serde(default = "two_hundred")]
    shuffles: usize,
    /// Truth value of pairs of which training knew a star: figures come with and without them.
    #[serde(default)]
    leaked: Option<String>,
    /// Which pairs count.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
    /// Resamples of the bootstrap.
    #[serde(default = "two_thousand")]
    resamples: usize,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Label {
    /// Name in both outputs.
    label: String,
    /// Columns of the primary and of the secondary.
    values: [String; 2],
    /// Columns of their errors.
    #[serde(default)]
    errors: Option<[String; 2]>,
    /// Unit of all four.
    unit: String,
    /// Standard deviation of the differences of outliers, in that unit.
    outlier_sigma: f64,
}

fn fifty() -> f64 {
    50.0
}

fn two_hundred() -> usize {
    200
}

fn two_thousand() -> usize {
    2_000
}

/// Differences of one label.
struct Differences<'a> {
    label: &'a Label,
    rows: Vec<usize>,
    values: [Vec<f64>; 2],
    sample: Sample,
    teff_2: Option<Vec<f64>>,
}

/// A row of the summary.
struct Answer<'a> {
    label: &'a Label,
    population: &'static str,
    report: Report,
    mixture: Option<Mixture>,
    mixture_intervals: [Option<Interval>; 2],
    strangers: Option<Strangers>,
    n_beyond_3: u64,
}

/// A number beside the report: name, description, value.
type Figure = (&'static str, &'static str, fn(&Answer) -> Option<f64>);

const FIGURES: [Figure; 13] = [
    ("core_factor", "likeliest factor of the errors beside outliers", |a| Some(a.mixture?.factor)),
    ("core_factor_lo", "2.5 % of it", |a| Some(a.mixture_intervals[0]?.low)),
    ("core_factor_hi", "97.5 % of it", |a| Some(a.mixture_intervals[0]?.high)),
    ("outlier_fraction", "likeliest share of outliers", |a| Some(a.mixture?.outliers)),
    ("outlier_fraction_lo", "2.5 % of it", |a| Some(a.mixture_intervals[1]?.low)),
    ("outlier_fraction_hi", "97.5 % of it", |a| Some(a.mixture_intervals[1]?.high)),
    ("stranger_sd", "sd of differences between strangers", |a| Some(a.strangers?.sd[0])),
    ("stranger_sd_lo", "2.5 % of its shuffles", |a| Some(a.strangers?.sd[1])),
    ("stranger_sd_hi", "97.5 % of its shuffles", |a| Some(a.strangers?.sd[2])),
    ("stranger_robust_sigma", "robust sigma of differences between strangers", |a| {
        Some(a.strangers?.robust_sigma[0])
    }),
    ("stranger_robust_sigma_lo", "2.5 % of its shuffles", |a| Some(a.strangers?.robust_sigma[1])),
    ("stranger_robust_sigma_hi", "97.5 % of its shuffles", |a| Some(a.strangers?.robust_sigma[2])),
    ("gain", "robust sigma of strangers over that of pairs", |a| {
        Some(a.strangers?.robust_sigma[0] / a.report.summary.robust_sigma?)
    }),
];

impl Stage for WidePairs {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::of(&self.id, I64)];
        for label in &self.labels {
            let columns = label.values.iter().chain(label.errors.iter().flatten());
            needs.extend(columns.map(|column| Need::in_unit(column, &label.unit)));
        }
        needs.extend(self.teff.iter().flatten().map(|column| Need::in_unit(column, "K")));
        needs.extend(self.leaked.iter().map(|column| Need::of(column, Type::Bool)));
        needs.extend(self.filter.iter().flat_map(|f| f.0.columns()).map(Need::any));
        vec![Port::whole("pairs", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let mut labels = BTreeSet::new();
        if self.labels.is_empty() || self.labels.iter().any(|l| !labels.insert(&l.label)) {
            return Err(StageError::new("`labels` must name each of one or more labels once"));
        }
        check_filters(self.filter.iter(), &inputs["pairs"])?;
        Ok(vec![
            Output::table("summary", self.summary_columns()),
            Output::table("pairs", self.pair_columns()).id(&self.id),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("wide_pairs")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let ids = ids(job, "pairs", &self.id)?;
        let counts = chosen(self.filter.as_ref(), job.table("pairs")?)?;
        let leaked = marks(job, "pairs", self.leaked.as_ref())?;
        let bootstrap = Bootstrap { n_resample: self.resamples, seed: job.seed()? };
        let (mut all, mut answers) = (Vec::new(), Vec::new());
        for label in &self.labels {
            let found = self.differences(job, label, &counts)?;
            for (population, takes) in populations(self.leaked.is_some()) {
                let inside = |at: &usize| takes(leaked[found.rows[*at]]);
                let at: Vec<usize> = (0..found.rows.len()).filter(inside).collect();
                answers.push(self.answer(&found, population, &at, &bootstrap));
            }
            all.push(found);
        }
        Ok(vec![
            Product::new("summary", summary(&answers)),
            Product::new("pairs", pairs(&ids, &all)),
        ])
    }
}

impl WidePairs {
    fn differences<'a>(
        &self,
        job: &Job,
        label: &'a Label,
        counts: &[bool],
    ) -> Result<Differences<'a>, StageError> {
        let both = |columns: &[String; 2]| -> Result<[Vec<f64>; 2], StageError> {
            Ok([f64s(job, "pairs", &columns[0])?, f64s(job, "pairs", &columns[1])?])
        };
        let values = both(&label.values)?;
        let known = |row: &usize| counts[*row] && values.iter().all(|v| v[*row].is_finite());
        let rows: Vec<usize> = (0..counts.len()).filter(known).collect();
        let at = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        let values = values.each_ref().map(|v| at(v));
        let less =
            |[a, b]: &[Vec<f64>; 2]| a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>();
        let together = |[a, b]: [Vec<f64>; 2]| a.iter().zip(&b).map(|(a, b)| a.hypot(*b)).collect();
        let errors = label.errors.as_ref().map(both).transpose()?;
        let teff = self.teff.as_ref().map(both).transpose()?.map(|t| t.each_ref().map(|t| at(t)));
        let sample = Sample {
            value: less(&values),
            error: errors.map(|errors| together(errors.each_ref().map(|e| at(e)))),
            against: teff.as_ref().map(less),
            against_error: None,
        };
        let teff_2 = teff.map(|[_, second]| second);
        Ok(Differences { label, values, sample, teff_2, rows })
    }

    /// Statistics of the pairs of these numbers.
    fn answer<'a>(
        &self,
        found: &Differences<'a>,
        population: &'static str,
        at: &[usize],
        bootstrap: &Bootstrap,
    ) -> Answer<'a> {
        let of = |values: &[f64]| at.iter().map(|at| values[*at]).collect::<Vec<f64>>();
        let sample = found.sample.rows(at);
        let wide = found.label.outlier_sigma;
        let mixture =
            |sample: &Sample| outlier_mixture(&sample.value, sample.error.as_ref()?, wide);
        let units = Units::rows(at.len());
        let mixture_intervals = bootstrap.intervals(&units, |rows| {
            let found = mixture(&sample.rows(rows));
            [found.map(|m| m.factor), found.map(|m| m.outliers)]
        });
        let teff = found.teff_2.as_ref().map(|teff| of(teff));
        let control = teff.as_ref().map(|teff| (teff.as_slice(), self.window));
        let [first, second] = found.values.each_ref().map(|v| of(v));
        Answer {
            label: found.label,
            population,
            report: sample.report(&units, bootstrap),
            mixture: mixture(&sample),
            mixture_intervals,
            strangers: strangers(&first, &second, control, self.shuffles, bootstrap.seed),
            n_beyond_3: sample.pulls().iter().filter(|pull| pull.abs() > 3.0).count() as u64,
        }
    }

    fn sources(&self) -> Vec<&str> {
        let labels =
            self.labels.iter().flat_map(|l| l.values.iter().chain(l.errors.iter().flatten()));
        let read: BTreeSet<&str> =
            labels.chain(self.teff.iter().flatten()).map(String::as_str).collect();
        read.into_iter().collect()
    }

    fn summary_columns(&self) -> Vec<NewColumn> {
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let mut columns = vec![
            text("label", "label"),
            text("population", "all, held out, or in training"),
            text("unit", "unit of the numbers; the slope is in it per K"),
        ];
        columns.extend(report_columns("pairs", &self.sources()));
        let made = |meta: ColumnMeta| {
            let column = NewColumn::new(meta);
            let sources = self.sources();
            sources.iter().fold(column, |c, name| c.from("pairs", name, "derived: statistics"))
        };
        columns
            .push(made(ColumnMeta::new("n_beyond_3", U64).about("pairs beyond 3 of their errors")));
        columns.extend(
            FIGURES.iter().map(|(name, about, _)| made(ColumnMeta::new(*name, F64).about(*about))),
        );
        columns
    }

    fn pair_columns(&self) -> Vec<NewColumn> {
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let made = |name: &str, about: &str, read: Vec<&String>| {
            let column = NewColumn::new(ColumnMeta::new(name, F64).about(about));
            read.into_iter().fold(column, |c, name| c.from("pairs", name, "derived: difference"))
        };
        let values = |at: usize| self.labels.iter().map(|l| &l.values[at]).collect::<Vec<_>>();
        let both = || [values(0), values(1)].concat();
        let errors: Vec<&String> =
            self.labels.iter().flat_map(|l| l.errors.iter().flatten()).collect();
        vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id of the pair"))
                .from("pairs", &self.id, "identity"),
            text("label", "label"),
            text("unit", "unit of the values"),
            made("first", "value of the primary", values(0)),
            made("second", "value of the secondary", values(1)),
            made("difference", "first - second", both()),
            made("error", "errors of both together", errors.clone()),
            made("pull", "difference over error", [both(), errors].concat()),
            made("delta_teff", "first - second, K", self.teff.iter().flatten().collect()),
        ]
    }
}

fn summary(answers: &[Answer]) -> Vec<ArrayRef> {
    let mut columns = vec![
        text_array(answers.iter().map(|a| Some(&a.label.label))),
        text_array(answers.iter().map(|a| Some(a.population))),
        text_array(answers.iter().map(|a| Some(&a.label.unit))),
    ];
    let reports: Vec<Report> = answers.iter().map(|a| a.report.clone()).collect();
    columns.extend(report_arrays(&reports));
    columns.push(u64_array(answers.iter().map(|a| a.n_beyond_3).collect()));
    let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
    columns.extend(
        FIGURES
            .iter()
            .map(|(.., of)| optional_f64_array(answers.iter().map(|a| finite(of(a))).collect())),
    );
    columns
}

fn pairs(ids: &[i64], all: &[Differences]) -> Vec<ArrayRef> {
    let text = |of: fn(&Label) -> &String| {
        text_array(all.iter().flat_map(|d| d.rows.iter().map(move |_| Some(of(d.label)))))
    };
    let number =
        |of: &dyn Fn(&Differences) -> Vec<f64>| finite_array(all.iter().flat_map(of).collect());
    let optional =
        |values: &Option<Vec<f64>>, n: usize| values.clone().unwrap_or_else(|| vec![f64::NAN; n]);
    vec![
        i64_array(all.iter().flat_map(|d| d.rows.iter().map(|row| ids[*row])).collect()),
        text(|label| &label.label),
        text(|label| &label.unit),
        number(&|d| d.values[0].clone()),
        number(&|d| d.values[1].clone()),
        number(&|d| d.sample.value.clone()),
        number(&|d| optional(&d.sample.error, d.rows.len())),
        number(&|d| d.sample.pulls()),
        number(&|d| optional(&d.sample.against, d.rows.len())),
    ]
}

#[cfg(test)]
#[path = "wide_pairs_tests.rs"]
mod tests;
