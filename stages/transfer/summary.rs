//! The summary of a label on both scales, as a table.

use arrow::array::ArrayRef;

use super::super::columns::{optional_f64_array, text_array, u64_array};
use super::changes::Words;
use crate::engine::stage::NewColumn;
use crate::engine::types::{ColumnMeta, F64, Type, U64};
use crate::science::statistics::{Interval, quantile};
use crate::science::transfer::{ScaleLine, Transfer};

/// A label of the stars in both tables.
pub struct Compared {
    pub label: String,
    pub unit: String,
    /// Stars in one table alone.
    pub only_old: usize,
    pub only_new: usize,
    pub error_ratio: f64,
    pub transfer: Transfer,
    /// Who gained or lost the label.
    pub words: Words,
    pub old: Vec<f64>,
    pub new: Vec<f64>,
}

impl Compared {
    fn line(&self, of: fn(&ScaleLine) -> f64) -> Option<f64> {
        self.transfer.line.as_ref().map(of)
    }

    fn interval(&self, of: fn(&ScaleLine) -> Option<Interval>) -> Option<Interval> {
        self.transfer.line.as_ref().and_then(of)
    }
}

fn low(interval: Option<Interval>) -> Option<f64> {
    interval.map(|i| i.low)
}

fn high(interval: Option<Interval>) -> Option<f64> {
    interval.map(|i| i.high)
}

fn percentile(values: &[f64], probability: f64) -> Option<f64> {
    let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    quantile(&finite, probability)
}

/// A number of the summary: name, description, value.
type Figure = (&'static str, &'static str, fn(&Compared) -> Option<f64>);

const FIGURES: [Figure; 24] = [
    ("offset", "mean of new - old", |c| c.transfer.difference.mean),
    ("offset_lo", "lower end of its 95 % interval", |c| low(c.transfer.mean)),
    ("offset_hi", "upper end of its 95 % interval", |c| high(c.transfer.mean)),
    ("median", "median of new - old", |c| c.transfer.difference.median),
    ("median_lo", "lower end of its 95 % interval", |c| low(c.transfer.median)),
    ("median_hi", "upper end of its 95 % interval", |c| high(c.transfer.median)),
    ("rms", "root mean square of new - old", |c| c.transfer.difference.rms),
    ("robust_sigma", "(P84 - P16) / 2 of new - old", |c| c.transfer.difference.robust_sigma),
    ("outliers_3s", "fraction beyond 3 robust sigma", |c| c.transfer.difference.outliers_3s),
    ("error_ratio", "errors of new over errors of old", |c| Some(c.error_ratio)),
    ("slope", "new per old, errors in both", |c| c.line(|l| l.slope)),
    ("slope_lo", "lower end of its 95 % interval", |c| low(c.interval(|l| l.slope_interval))),
    ("slope_hi", "upper end of its 95 % interval", |c| high(c.interval(|l| l.slope_interval))),
    ("pivot", "median old label", |c| c.line(|l| l.pivot)),
    ("shift", "new - old of the line at the pivot", |c| c.line(|l| l.shift)),
    ("shift_lo", "lower end of its 95 % interval", |c| low(c.interval(|l| l.shift_interval))),
    ("shift_hi", "upper end of its 95 % interval", |c| high(c.interval(|l| l.shift_interval))),
    ("scatter", "robust scatter of new labels about the line", |c| c.line(|l| l.scatter)),
    ("scatter_lo", "lower end of its 95 % interval", |c| low(c.interval(|l| l.scatter_interval))),
    ("scatter_hi", "upper end of its 95 % interval", |c| high(c.interval(|l| l.scatter_interval))),
    ("spearman", "rank correlation of old and new", |c| c.transfer.spearman),
    ("old_median", "median old label of all stars in both tables", |c| percentile(&c.old, 0.5)),
    ("new_median", "median new label of them", |c| percentile(&c.new, 0.5)),
    ("new_span", "97.5 % less 2.5 % of new labels over that of old ones", |c| {
        let span = |v: &[f64]| Some(percentile(v, 0.975)? - percentile(v, 0.025)?);
        Some(span(&c.new)? / span(&c.old).filter(|s| *s > 0.0)?)
    }),
];

/// A count of the summary: name, description, value.
type Count = (&'static str, &'static str, fn(&Compared) -> usize);

const COUNTS: [Count; 5] = [
    ("n", "stars with both labels", |c| c.transfer.difference.n),
    ("n_gained", "stars in both tables with the new label alone", |c| c.words.n_gained()),
    ("n_lost", "stars in both tables with the old label alone", |c| c.words.n_lost()),
    ("only_old", "stars in the old table alone", |c| c.only_old),
    ("only_new", "stars in the new table alone", |c| c.only_new),
];

/// Columns of the summary, a row a label.
pub fn summary_columns() -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind).about(about))
    };
    let mut columns =
        vec![new("label", Type::Text, "label"), new("unit", Type::Text, "unit of the numbers")];
    columns.extend(COUNTS.iter().map(|(name, about, _)| new(name, U64, about)));
    columns.extend(FIGURES.iter().map(|(name, about, _)| new(name, F64, about)));
    columns
}

/// The summary, in the order of [`summary_columns`].
pub fn summary_arrays(compared: &[Compared]) -> Vec<ArrayRef> {
    let mut arrays = vec![
        text_array(compared.iter().map(|c| Some(&c.label))),
        text_array(compared.iter().map(|c| Some(&c.unit))),
    ];
    arrays.extend(
        COUNTS.iter().map(|(.., of)| u64_array(compared.iter().map(|c| of(c) as u64).collect())),
    );
    let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
    arrays.extend(
        FIGURES
            .iter()
            .map(|(.., of)| optional_f64_array(compared.iter().map(|c| finite(of(c))).collect())),
    );
    arrays
}

/// Names the columns that results are made of, of the old and the new table.
pub fn sided(columns: Vec<NewColumn>, names: &[[&str; 2]]) -> Vec<NewColumn> {
    let from = |column: NewColumn| {
        names.iter().fold(column, |column, [old, new]| {
            column.from("old", old, "derived: difference").from("new", new, "derived: difference")
        })
    };
    columns.into_iter().map(from).collect()
}
