//! The common statistics of the validations as columns of a table, and which rows count.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Schema;

use super::columns::{optional_f64_array, u64_array};
use super::keys::keys;
use crate::engine::params::Formula;
use crate::engine::stage::{Job, NewColumn, StageError, TableSchema};
use crate::engine::types::{ColumnMeta, F64, U64};
use crate::science::statistics::{Interval, Report, Units};

/// A number of a report: name, description, value.
type Figure = (&'static str, &'static str, fn(&Report) -> Option<f64>);

fn low(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.low)
}

fn high(interval: Option<Interval>) -> Option<f64> {
    interval.map(|interval| interval.high)
}

/// All but fractions, factors, correlation and slope are in the unit of the sample.
const FIGURES: [Figure; 38] = [
    ("mean", "mean", |r| r.summary.mean),
    ("mean_lo", "2.5 % of the mean", |r| low(r.intervals.mean)),
    ("mean_hi", "97.5 % of the mean", |r| high(r.intervals.mean)),
    ("median", "median", |r| r.summary.median),
    ("median_lo", "2.5 % of the median", |r| low(r.intervals.median)),
    ("median_hi", "97.5 % of the median", |r| high(r.intervals.median)),
    ("rms", "root mean square about zero", |r| r.summary.rms),
    ("rms_lo", "2.5 % of the rms", |r| low(r.intervals.rms)),
    ("rms_hi", "97.5 % of the rms", |r| high(r.intervals.rms)),
    ("sd", "standard deviation about the mean", |r| r.summary.sd),
    ("sd_lo", "2.5 % of the sd", |r| low(r.intervals.sd)),
    ("sd_hi", "97.5 % of the sd", |r| high(r.intervals.sd)),
    ("robust_sigma", "half of P84 - P16", |r| r.summary.robust_sigma),
    ("robust_sigma_lo", "2.5 % of it", |r| low(r.intervals.robust_sigma)),
    ("robust_sigma_hi", "97.5 % of it", |r| high(r.intervals.robust_sigma)),
    ("mad_sigma", "1.4826 times the median absolute deviation", |r| r.summary.mad_sigma),
    ("clipped_mean", "mean after 3 sigma clipping", |r| r.summary.clipped.map(|c| c.mean)),
    ("clipped_sd", "sd after 3 sigma clipping", |r| r.summary.clipped.map(|c| c.sd)),
    ("clipped_fraction", "fraction clipped", |r| r.summary.clipped.map(|c| c.fraction)),
    ("outliers_3s", "fraction beyond 3 robust sigma", |r| r.summary.outliers_3s),
    ("outliers_5s", "fraction beyond 5 robust sigma", |r| r.summary.outliers_5s),
    ("intrinsic_mean", "likeliest mean, errors taken out", |r| r.intrinsic.map(|d| d.mean)),
    ("intrinsic_mean_error", "its standard error", |r| r.intrinsic.map(|d| d.mean_error)),
    ("intrinsic_scatter", "likeliest scatter beyond the errors", |r| {
        r.intrinsic.map(|d| d.scatter)
    }),
    ("intrinsic_scatter_lo", "2.5 % of it", |r| low(r.intrinsic_interval)),
    ("intrinsic_scatter_hi", "97.5 % of it", |r| high(r.intrinsic_interval)),
    ("error_factor", "likeliest factor of the errors", |r| r.error_factor),
    ("error_factor_lo", "2.5 % of it", |r| low(r.error_factor_interval)),
    ("error_factor_hi", "97.5 % of it", |r| high(r.error_factor_interval)),
    ("robust_pull", "half of P84 - P16 of value over error", |r| r.robust_pull),
    ("robust_pull_lo", "2.5 % of it", |r| low(r.robust_pull_interval)),
    ("robust_pull_hi", "97.5 % of it", |r| high(r.robust_pull_interval)),
    ("spearman", "rank correlation with the abscissa", |r| r.spearman),
    ("spearman_lo", "2.5 % of it", |r| low(r.spearman_interval)),
    ("spearman_hi", "97.5 % of it", |r| high(r.spearman_interval)),
    ("slope", "slope over the abscissa, errors in both", |r| r.trend.map(|t| t.slope)),
    ("slope_lo", "2.5 % of it", |r| low(r.trend.and_then(|t| t.interval))),
    ("slope_hi", "97.5 % of it", |r| high(r.trend.and_then(|t| t.interval))),
];

/// Columns of the reports; `from` are the columns of a port that they are made of.
pub fn report_columns(port: &str, from: &[&str]) -> Vec<NewColumn> {
    let made = |meta: ColumnMeta| {
        let column = NewColumn::new(meta);
        from.iter().fold(column, |column, name| column.from(port, name, "derived: statistics"))
    };
    let mut columns = vec![
        made(ColumnMeta::new("n", U64).about("values")),
        made(ColumnMeta::new("n_missing", U64).about("rows without a value")),
        made(
            ColumnMeta::new("n_unit", U64)
                .about("stars, pairs or clusters that the bootstrap draws"),
        ),
    ];
    columns.extend(
        FIGURES.iter().map(|(name, about, _)| made(ColumnMeta::new(*name, F64).about(*about))),
    );
    columns
}

/// Reports in the order of [`report_columns`].
pub fn report_arrays(reports: &[Report]) -> Vec<ArrayRef> {
    let count =
        |of: fn(&Report) -> usize| u64_array(reports.iter().map(|r| of(r) as u64).collect());
    let mut arrays =
        vec![count(|r| r.summary.n), count(|r| r.summary.n_missing), count(|r| r.n_unit)];
    let finite = |value: Option<f64>| value.filter(|v| v.is_finite());
    arrays.extend(
        FIGURES
            .iter()
            .map(|(.., of)| optional_f64_array(reports.iter().map(|r| finite(of(r))).collect())),
    );
    arrays
}

/// Checks conditions against the table that they are about.
///
/// # Errors
/// A column that is missing or of the wrong kind.
pub fn check_filters<'a>(
    filters: impl Iterator<Item = &'a Formula>,
    table: &TableSchema,
) -> Result<(), StageError> {
    let schema = Schema::new(table.columns.iter().map(ColumnMeta::field).collect::<Vec<_>>());
    for filter in filters {
        filter.0.check(&schema)?;
    }
    Ok(())
}

/// Which rows fit a condition; an undecidable one does not.
///
/// # Errors
/// A condition that cannot be evaluated.
pub fn chosen(filter: Option<&Formula>, table: &RecordBatch) -> Result<Vec<bool>, StageError> {
    Ok(match filter {
        Some(filter) => {
            let fits = filter.0.evaluate_bool(table)?;
            fits.iter().map(|fits| fits == Some(true)).collect()
        }
        None => vec![true; table.num_rows()],
    })
}

/// A population and which marks it takes.
pub type Population = (&'static str, fn(Option<bool>) -> bool);

/// What rows a figure is of: by whether training knew them.
const POPULATIONS: [Population; 3] = [
    ("all", |_| true),
    ("held out", |leaked| leaked == Some(false)),
    ("in training", |leaked| leaked == Some(true)),
];

/// All rows, and where rows are marked also those that training did not and did know.
pub fn populations(marked: bool) -> &'static [Population] {
    if marked { &POPULATIONS } else { &POPULATIONS[..1] }
}

/// Whether training knew each row; without a column nothing is known.
///
/// # Errors
/// A column that is missing or no truth value.
pub fn marks(
    job: &Job,
    port: &str,
    column: Option<&String>,
) -> Result<Vec<Option<bool>>, StageError> {
    let Some(column) = column else { return Ok(vec![None; job.table(port)?.num_rows()]) };
    let marks = job.column(port, column)?.as_boolean_opt();
    let marks =
        marks.ok_or_else(|| StageError::new(format!("`{port}.{column}` is no truth value")))?;
    Ok(marks.iter().collect())
}

/// What a row belongs to: its star, pair or cluster, or nothing else but its own number.
pub type Unit = (Option<String>, usize);

/// The unit of every row; one without an id is a unit by itself. Without a column all are.
///
/// # Errors
/// A column that was not declared as read.
pub fn units(job: &Job, port: &str, column: Option<&String>) -> Result<Vec<Unit>, StageError> {
    let n = job.table(port)?.num_rows();
    let Some(column) = column else { return Ok((0..n).map(|row| (None, row)).collect()) };
    let own = |(row, id): (usize, Option<String>)| match id {
        Some(id) => (Some(id), 0),
        None => (None, row),
    };
    Ok(keys(job, port, column)?.into_iter().enumerate().map(own).collect())
}

/// Units of some rows.
pub fn units_of(units: &[Unit], rows: &[usize]) -> Units {
    Units::grouped(&rows.iter().map(|row| &units[*row]).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use arrow::datatypes::Float64Type;

    use super::*;
    use crate::science::statistics::{Bootstrap, Sample};

    #[test]
    fn reports_fill_their_columns_and_what_is_unknown_is_null() {
        let sample = Sample { value: vec![1.0, 2.0, 3.0, f64::NAN], ..Sample::default() };
        let bootstrap = Bootstrap { n_resample: 50, seed: 1 };
        let reports = [sample.report(&Units::rows(4), &bootstrap)];
        let (columns, arrays) = (report_columns("rows", &["a"]), report_arrays(&reports));
        assert_eq!(columns.len(), arrays.len());
        assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
        let at = |name: &str| columns.iter().position(|c| c.meta.name == name).unwrap();
        assert_eq!(arrays[at("mean")].as_primitive::<Float64Type>().value(0), 2.0);
        assert!(arrays[at("intrinsic_scatter")].is_null(0) && arrays[at("slope")].is_null(0));
        assert_eq!(
            arrays[at("n_missing")].as_primitive::<arrow::datatypes::UInt64Type>().value(0),
            1
        );
    }

    #[test]
    fn rows_of_a_unit_stay_together() {
        let units = vec![(Some("a".to_owned()), 0), (None, 1), (Some("a".to_owned()), 0)];
        assert_eq!(units_of(&units, &[0, 1, 2]).n_unit(), 2);
        assert_eq!(units_of(&units, &[0, 2]).n_unit(), 1);
    }
}
