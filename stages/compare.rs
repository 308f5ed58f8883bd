//! Compare (§4.1): differences between two columns, and their statistics with intervals.
//!
//! Port `rows` (whole): row id, the two columns of each pair in the pair's unit, the columns of the
//! conditions, optionally the unit of the bootstrap.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `summary` | a pair | n; bias, median, rms about zero, sd about the mean, robust sigma with 95 % intervals; clipped and outlier figures; rank correlation; slope |
//! | `residuals` | a row and pair | id, label, both values, ours - theirs |
//!
//! Numbers of `summary` are in the unit that its column `unit` names; what a sample is too small
//! for is null. Intervals are bootstraps of stars where `unit_id` names them, else of rows.
//!
//! Deviations: eq. 5 as printed has 1/n outside the root; `rms` is what its text means.

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_array, f64s, i64_array, ids, optional_f64_array, text_array, u64_array};
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U64};
use crate::science::statistics::{
    Bootstrap, Interval, Line, Summary, SummaryIntervals, Units, orthogonal_line, spearman,
    summarize, summary_intervals,
};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Compare>(
    "compare",
    2,
    "compares columns pair by pair, with bootstrap intervals",
);

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// Row id.
    id: String,
    /// What is compared.
    pairs: Vec<Pair>,
    /// Column of the star, pair or cluster that the bootstrap draws; rows without are each their
    /// own. Without it rows are drawn.
    #[serde(default)]
    unit_id: Option<String>,
    /// Which rows count, for all pairs.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
    /// Resamples of the bootstrap.
    #[serde(default = "two_thousand")]
    resamples: u32,
}

fn two_thousand() -> u32 {
    2_000
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Pair {
    /// Name in both outputs.
    label: String,
    ours: String,
    theirs: String,
    /// Unit of both columns.
    unit: String,
    /// Section of the paper.
    #[serde(default)]
    section: String,
    /// Which rows count, beside the condition for all pairs.
    #[serde(default, rename = "where")]
    filter: Option<Formula>,
}

/// A number of the summary: name, description, value.
type Figure = (&'static str, &'static str, fn(&Measured) -> Option<f64>);

/// The numbers of the summary in order; all but fractions, correlation and slope are in the unit
/// of the pair.
const FIGURES: [Figure; 24] = [
    ("bias", "mean of ours - theirs", |m| m.summary.mean),
    ("bias_lo", "2.5 % of the bias", |m| low(m.intervals.mean)),
    ("bias_hi", "97.5 % of the bias", |m| high(m.intervals.mean)),
    ("median", "median of ours - theirs", |m| m.summary.median),
    ("median_lo", "2.5 % of the median", |m| low(m.intervals.median)),
    ("median_hi", "97.5 % of the median", |m| high(m.intervals.median)),
    ("rms", "root mean square about zero", |m| m.summary.rms),
    ("rms_lo", "2.5 % of the rms", |m| low(m.intervals.rms)),
    ("rms_hi", "97.5 % of the rms", |m| high(m.intervals.rms)),
    ("sd", "standard deviation about the mean", |m| m.summary.sd),
    ("sd_lo", "2.5 % of the sd", |m| low(m.intervals.sd)),
    ("sd_hi", "97.5 % of the sd", |m| high(m.intervals.sd)),
    ("robust_sigma", "half of P84 - P16", |m| m.summary.robust_sigma),
    ("robust_sigma_lo", "2.5 % of it", |m| low(m.intervals.robust_sigma)),
    ("robust_sigma_hi", "97.5 % of it", |m| high(m.intervals.robust_sigma)),
    ("mad_sigma", "1.4826 times the median absolute deviation", |m| m.summary.mad_sigma),
    ("clipped_mean", "mean after 3 sigma clipping", |m| m.summary.clipped.map(|c| c.mean)),
    ("clipped_sd", "sd after 3 sigma clipping", |m| m.summary.clipped.map(|c| c.sd)),
    ("clipped_fraction", "fraction clipped", |m| m.summary.clipped.map(|c| c.fraction)),
    ("outliers_3s", "fraction beyond 3 robust sigma", |m| m.summary.outliers_3s),
    ("outliers_5s", "fraction beyond 5 robust sigma", |m| m.summary.outliers_5s),
    ("spearman", "rank correlation of ours and theirs", |m| m.spearman),
    ("slope", "slope of ours over theirs by orthogonal distances", |m| m.line.map(|l| l.slope)),
    ("slope_error", "standard error of the slope", |m| m.line.map(|l| l.slope_error)),
];

fn low(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.low)
}

fn high(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.high)
}

impl Compare {
    fn columns_read(&self) -> BTreeSet<String> {
        let pairs = self.pairs.iter().filter_map(|pair| pair.filter.as_ref());
        let filters = self.filter.iter().chain(pairs);
        let mut read: BTreeSet<String> = filters.flat_map(|f| f.0.columns()).collect();
        read.extend(self.unit_id.clone());
        read
    }

    fn check(&self) -> Result<(), StageError> {
        let mut labels = BTreeSet::new();
        for pair in &self.pairs {
            if !labels.insert(&pair.label) {
                let what = format!("two pairs have the label `{}`; rename one", pair.label);
                return Err(StageError::new(what));
            }
        }
        if self.pairs.is_empty() {
            return Err(StageError::new("`pairs` is empty: name what is compared"));
        }
        Ok(())
    }

    /// A column made of both sides of every pair.
    fn of_pairs(&self, meta: ColumnMeta) -> NewColumn {
        let mut column = NewColumn::new(meta);
        for pair in &self.pairs {
            let how = format!("derived: {}", pair.label);
            column = column.from("rows", &pair.ours, &how).from("rows", &pair.theirs, &how);
        }
        column
    }

    fn summary_columns(&self) -> Vec<NewColumn> {
        let text = |name: &str, about: &str| {
            NewColumn::new(ColumnMeta::new(name, Type::Text).about(about))
        };
        let mut columns = vec![
            text("label", "what is compared"),
            text("section", "section of the paper"),
            text("ours", "column of ours"),
            text("theirs", "column of theirs"),
            text("unit", "unit of the pair and of its numbers"),
            self.of_pairs(ColumnMeta::new("n", U64).about("rows with both values")),
            self.of_pairs(ColumnMeta::new("n_unit", U64).about("units drawn by the bootstrap")),
        ];
        columns.extend(
            FIGURES
                .iter()
                .map(|(name, about, _)| self.of_pairs(ColumnMeta::new(*name, F64).about(*about))),
        );
        columns
    }

    fn residual_columns(&self) -> Vec<NewColumn> {
        let value = |name: &str, about: &str, read: fn(&Pair) -> &String| {
            let column = NewColumn::new(ColumnMeta::new(name, F64).about(about));
            let pairs = self.pairs.iter();
            pairs.fold(column, |column, pair| column.from("rows", read(pair), "identity"))
        };
        let difference = ColumnMeta::new("difference", F64).about("ours - theirs");
        vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id"))
                .from("rows", &self.id, "identity"),
            NewColumn::new(ColumnMeta::new("label", Type::Text).about("what is compared")),
            NewColumn::new(ColumnMeta::new("unit", Type::Text).about("unit of the pair")),
            value("ours", "value of ours", |pair| &pair.ours),
            value("theirs", "value of theirs", |pair| &pair.theirs),
            self.of_pairs(difference),
        ]
    }
}

impl Stage for Compare {
    fn ports(&self) -> Vec<Port> {
        let mut needs = vec![Need::of(&self.id, I64)];
        for pair in &self.pairs {
            needs.push(Need::in_unit(&pair.ours, &pair.unit));
            needs.push(Need::in_unit(&pair.theirs, &pair.unit));
        }
        needs.extend(self.columns_read().into_iter().map(Need::any));
        vec![Port::whole("rows", needs)]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let read = self.columns_read();
        let known = inputs["rows"].columns.iter().filter(|c| read.contains(&c.name));
        let schema =
            arrow::datatypes::Schema::new(known.map(ColumnMeta::field).collect::<Vec<_>>());
        let pairs = self.pairs.iter().filter_map(|pair| pair.filter.as_ref());
        for filter in self.filter.iter().chain(pairs) {
            filter.0.check(&schema)?;
        }
        Ok(vec![
            Output::table("summary", self.summary_columns()),
            Output::table("residuals", self.residual_columns()).id(&self.id),
        ])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("compare")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let ids = ids(job, "rows", &self.id)?;
        let table = job.table("rows")?;
        let units = self.unit_id.as_ref().map(|name| unit_ids(table, name)).transpose()?;
        let bootstrap = Bootstrap { n_resample: self.resamples as usize, seed: job.seed()? };
        let all = chosen(self.filter.as_ref(), table)?;
        let mut measured = Vec::new();
        for pair in &self.pairs {
            let (ours, theirs) = (f64s(job, "rows", &pair.ours)?, f64s(job, "rows", &pair.theirs)?);
            let own = chosen(pair.filter.as_ref(), table)?;
            let counts = |row: &usize| {
                all[*row] && own[*row] && ours[*row].is_finite() && theirs[*row].is_finite()
            };
            let rows: Vec<usize> = (0..ids.len()).filter(counts).collect();
            let of = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
            let drawn = match &units {
                Some(units) => {
                    Units::grouped(&rows.iter().map(|row| &units[*row]).collect::<Vec<_>>())
                }
                None => Units::rows(rows.len()),
            };
            let (ours, theirs) = (of(&ours), of(&theirs));
            measured.push(Measured::new(rows, ours, theirs, &drawn, &bootstrap));
        }
        Ok(vec![
            Product::new("summary", self.summary(&measured)),
            Product::new("residuals", self.residuals(&ids, measured)),
        ])
    }
}

impl Compare {
    fn summary(&self, measured: &[Measured]) -> Vec<ArrayRef> {
        let text = |of: fn(&Pair) -> &String| text_array(self.pairs.iter().map(|p| Some(of(p))));
        let mut columns: Vec<ArrayRef> = vec![
            text(|pair| &pair.label),
            text(|pair| &pair.section),
            text(|pair| &pair.ours),
            text(|pair| &pair.theirs),
            text(|pair| &pair.unit),
            u64_array(measured.iter().map(|m| m.summary.n as u64).collect()),
            u64_array(measured.iter().map(|m| m.n_unit as u64).collect()),
        ];
        let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
        for (_, _, of) in FIGURES {
            columns.push(optional_f64_array(measured.iter().map(|m| finite(of(m))).collect()));
        }
        columns
    }

    fn residuals(&self, ids: &[i64], measured: Vec<Measured>) -> Vec<ArrayRef> {
        let (mut who, mut label, mut unit) = (Vec::new(), Vec::new(), Vec::new());
        let (mut ours, mut theirs, mut difference) = (Vec::new(), Vec::new(), Vec::new());
        for (pair, measured) in self.pairs.iter().zip(measured) {
            who.extend(measured.rows.iter().map(|row| ids[*row]));
            label.extend(measured.rows.iter().map(|_| Some(pair.label.as_str())));
            unit.extend(measured.rows.iter().map(|_| Some(pair.unit.as_str())));
            ours.extend(measured.ours);
            theirs.extend(measured.theirs);
            difference.extend(measured.difference);
        }
        vec![
            i64_array(who),
            text_array(label),
            text_array(unit),
            f64_array(ours),
            f64_array(theirs),
            f64_array(difference),
        ]
    }
}

/// A pair's rows and statistics.
struct Measured {
    /// Row numbers in the port's table; the vectors below are of these.
    rows: Vec<usize>,
    ours: Vec<f64>,
    theirs: Vec<f64>,
    difference: Vec<f64>,
    n_unit: usize,
    summary: Summary,
    intervals: SummaryIntervals,
    spearman: Option<f64>,
    line: Option<Line>,
}

impl Measured {
    fn new(
        rows: Vec<usize>,
        ours: Vec<f64>,
        theirs: Vec<f64>,
        units: &Units,
        bootstrap: &Bootstrap,
    ) -> Self {
        let difference: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| a - b).collect();
        Measured {
            n_unit: units.n_unit(),
            summary: summarize(&difference),
            intervals: summary_intervals(&difference, units, bootstrap),
            spearman: spearman(&theirs, &ours),
            line: orthogonal_line(&theirs, &ours),
            rows,
            ours,
            theirs,
            difference,
        }
    }
}

/// Which rows fit a condition; an undecidable one does not.
fn chosen(filter: Option<&Formula>, table: &RecordBatch) -> Result<Vec<bool>, StageError> {
    Ok(match filter {
        Some(filter) => {
            let fits = filter.0.evaluate_bool(table)?;
            fits.iter().map(|fits| fits == Some(true)).collect()
        }
        None => vec![true; table.num_rows()],
    })
}

/// The unit of every row; one without an id is a unit by its row number.
fn unit_ids(table: &RecordBatch, name: &str) -> Result<Vec<(Option<String>, usize)>, StageError> {
    let array = table
        .column_by_name(name)
        .ok_or_else(|| StageError::new(format!("column `{name}` was not declared as read")))?;
    let texts = cast(array, &DataType::Utf8)?;
    let texts = texts.as_string::<i32>().iter().enumerate();
    Ok(texts
        .map(|(row, id)| match id {
            Some(id) => (Some(id.to_owned()), 0),
            None => (None, row),
        })
        .collect())
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
