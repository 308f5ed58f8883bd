//! Scores of held-out labels: bias and scatter of each label, and along the signal-to-noise ratio (§4.1, Fig. 2).

use arrow::array::ArrayRef;

use super::super::columns::{f64_array, optional_f64_array, text_array, u64_array};
use crate::engine::stage::NewColumn;
use crate::engine::types::{ColumnMeta, F64, Type, U64};
use crate::science::statistics::{
    Bootstrap, Interval, SummaryIntervals, Units, spearman, standard_deviation, summarize,
    summary_intervals,
};

/// Fewest spectra of a bin of the curve.
const FEWEST_IN_BIN: usize = 5;

/// One label of all training spectra.
pub struct Score {
    pub label: String,
    pub unit: String,
    pub truth: Vec<f64>,
    /// NaN where the fit did not converge.
    pub held_out: Vec<f64>,
}

/// What belongs to the spectra whatever the label.
pub struct Residuals {
    pub snr: Vec<f64>,
    pub stars: Vec<i64>,
    pub bootstrap: Bootstrap,
}

impl Residuals {
    fn intervals(&self, rows: &[usize], values: &[f64]) -> SummaryIntervals {
        let stars: Vec<i64> = rows.iter().map(|&row| self.stars[row]).collect();
        summary_intervals(values, &Units::grouped(&stars), &self.bootstrap)
    }
}

impl Score {
    /// Held-out minus true label at `rows`.
    fn differences(&self, rows: &[usize]) -> Vec<f64> {
        rows.iter().map(|&row| self.held_out[row] - self.truth[row]).collect()
    }

    fn found(&self) -> Vec<usize> {
        (0..self.held_out.len()).filter(|&row| self.held_out[row].is_finite()).collect()
    }
}

/// A column of numbers without unit.
pub fn number(name: &str, about: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, F64).about(about))
}

/// A statistic and its interval: the columns NAME, NAME_lo and NAME_hi.
fn with_interval(name: &str, about: &str) -> [NewColumn; 3] {
    [
        number(name, about),
        number(&format!("{name}_lo"), "lower end of its 95 % interval"),
        number(&format!("{name}_hi"), "upper end of its 95 % interval"),
    ]
}

fn label_name(about: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new("label", Type::Text).about(about))
}

/// Columns of the summary, a row a label.
pub fn summary_columns(labels: &[String]) -> Vec<NewColumn> {
    let unit = ColumnMeta::new("unit", Type::Text).about("unit of the numbers of this row");
    let count = |name: &str, about: &str| NewColumn::new(ColumnMeta::new(name, U64).about(about));
    let mut columns = vec![
        label_name("label that is scored"),
        NewColumn::new(unit),
        count("n", "spectra with a held-out label"),
        count("n_missing", "spectra without, their fit did not converge"),
    ];
    columns.extend(with_interval("bias", "mean of held-out minus true label (eq. 4)"));
    columns.extend(with_interval("rms", "root mean square about zero (eq. 5, 1/n inside)"));
    columns.push(number("sd", "standard deviation about the mean"));
    columns.extend(with_interval("robust_sigma", "(P84 - P16) / 2"));
    columns.extend([
        number("baseline_sd", "standard deviation of the true labels: the score of no skill"),
        number("skill", "1 - rms^2 / baseline_sd^2"),
        number("spearman", "rank correlation of held-out and true labels"),
    ]);
    scored(columns, labels)
}

/// Columns of the curve, a row a label and bin of signal-to-noise ratio.
pub fn curve_columns(labels: &[String]) -> Vec<NewColumn> {
    let n = ColumnMeta::new("n", U64).about("spectra in the bin, at least five");
    let mut columns = vec![
        label_name("label that is scored"),
        number("snr_lo", "lower edge of the bin"),
        number("snr_hi", "upper edge, not in the bin; infinite for the last"),
        NewColumn::new(n),
    ];
    columns.extend(with_interval("bias", "mean of held-out minus true label, its unit"));
    columns.extend(with_interval("rms", "root mean square about zero, its unit"));
    scored(columns, labels)
}

/// Numbers come from labels and flux.
fn scored(columns: Vec<NewColumn>, labels: &[String]) -> Vec<NewColumn> {
    let scored = |mut column: NewColumn| {
        if column.meta.kind == F64 && !column.meta.name.starts_with("snr_") {
            for label in labels {
                column = column.from("training", label, "label");
            }
            column = column.from("pixels", "flux", "flux");
        }
        column
    };
    columns.into_iter().map(scored).collect()
}

/// Columns of optional numbers, filled row by row.
#[derive(Default)]
struct Numbers(Vec<Vec<Option<f64>>>);

impl Numbers {
    fn push(&mut self, row: impl IntoIterator<Item = Option<f64>>) {
        for (at, value) in row.into_iter().enumerate() {
            if at == self.0.len() {
                self.0.push(Vec::new());
            }
            self.0[at].push(value);
        }
    }

    /// The columns; `width` of them even where no row was pushed.
    fn arrays(mut self, width: usize) -> impl Iterator<Item = ArrayRef> {
        self.0.resize(width, Vec::new());
        self.0.into_iter().map(optional_f64_array)
    }
}

fn ends(interval: Option<Interval>) -> [Option<f64>; 2] {
    [interval.map(|i| i.low), interval.map(|i| i.high)]
}

/// The summary, in the order of [`summary_columns`].
pub fn summary_arrays(scores: &[Score], residuals: &Residuals) -> Vec<ArrayRef> {
    let (mut n, mut n_missing) = (Vec::new(), Vec::new());
    let mut numbers = Numbers::default();
    for score in scores {
        let rows = score.found();
        let differences = score.differences(&rows);
        let summary = summarize(&differences);
        let intervals = residuals.intervals(&rows, &differences);
        let truth: Vec<f64> = rows.iter().map(|&row| score.truth[row]).collect();
        let held_out: Vec<f64> = rows.iter().map(|&row| score.held_out[row]).collect();
        let baseline = standard_deviation(&truth);
        let skill = summary.rms.zip(baseline).filter(|(_, b)| *b > 0.0);
        let [bias_lo, bias_hi] = ends(intervals.mean);
        let [rms_lo, rms_hi] = ends(intervals.rms);
        let [sigma_lo, sigma_hi] = ends(intervals.robust_sigma);
        n.push(rows.len() as u64);
        n_missing.push((score.truth.len() - rows.len()) as u64);
        numbers.push([
            summary.mean,
            bias_lo,
            bias_hi,
            summary.rms,
            rms_lo,
            rms_hi,
            summary.sd,
            summary.robust_sigma,
            sigma_lo,
            sigma_hi,
            baseline,
            skill.map(|(rms, baseline)| 1.0 - (rms / baseline).powi(2)),
            spearman(&held_out, &truth),
        ]);
    }
    let mut arrays = vec![
        text_array(scores.iter().map(|s| Some(&s.label))),
        text_array(scores.iter().map(|s| Some(&s.unit))),
        u64_array(n),
        u64_array(n_missing),
    ];
    arrays.extend(numbers.arrays(13));
    arrays
}

/// The curve, in the order of [`curve_columns`]; bins of fewer than five spectra are left out.
pub fn curve_arrays(scores: &[Score], residuals: &Residuals, edges: &[f64]) -> Vec<ArrayRef> {
    let (mut labels, mut n) = (Vec::new(), Vec::new());
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    let mut numbers = Numbers::default();
    for score in scores {
        for (bin, &low) in edges.iter().enumerate() {
            let high = edges.get(bin + 1).copied().unwrap_or(f64::INFINITY);
            let mut rows = score.found();
            rows.retain(|&row| residuals.snr[row] >= low && residuals.snr[row] < high);
            if rows.len() < FEWEST_IN_BIN {
                continue;
            }
            let differences = score.differences(&rows);
            let summary = summarize(&differences);
            let intervals = residuals.intervals(&rows, &differences);
            let [bias_lo, bias_hi] = ends(intervals.mean);
            let [rms_lo, rms_hi] = ends(intervals.rms);
            labels.push(Some(&score.label));
            lower.push(low);
            upper.push(high);
            n.push(rows.len() as u64);
            numbers.push([summary.mean, bias_lo, bias_hi, summary.rms, rms_lo, rms_hi]);
        }
    }
    let mut arrays = vec![text_array(labels), f64_array(lower), f64_array(upper), u64_array(n)];
    arrays.extend(numbers.arrays(6));
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::columns::f64s_of;
    use arrow::array::{Array, RecordBatch};

    fn score(n: usize, error: impl Fn(usize) -> f64) -> (Score, Residuals) {
        let truth: Vec<f64> = (0..n).map(|i| 3000.0 + 10.0 * i as f64).collect();
        let held_out = (0..n).map(|i| truth[i] + error(i)).collect();
        let score = Score { label: "Teff".into(), unit: "K".into(), truth, held_out };
        let residuals = Residuals {
            snr: (0..n).map(|i| if i < 4 { 7.0 } else { 500.0 }).collect(),
            stars: (0..n as i64).map(|i| i / 2).collect(),
            bootstrap: Bootstrap { n_resample: 200, seed: 1 },
        };
        (score, residuals)
    }

    fn table(columns: Vec<NewColumn>, arrays: Vec<ArrayRef>) -> RecordBatch {
        let names = columns.iter().map(|c| c.meta.name.clone());
        for (column, array) in columns.iter().zip(&arrays) {
            assert_eq!(column.meta.kind.arrow(), *array.data_type(), "{}", column.meta.name);
        }
        assert_eq!(columns.len(), arrays.len());
        RecordBatch::try_from_iter(names.zip(arrays)).unwrap()
    }

    fn value(table: &RecordBatch, name: &str) -> f64 {
        f64s_of(table.column_by_name(name).unwrap()).unwrap()[0]
    }

    #[test]
    fn summary_is_that_by_hand() {
        let error =
            |i: usize| if i == 0 { f64::NAN } else { 30.0 + 40.0 * (-1.0f64).powi(i as i32) };
        let (score, residuals) = score(21, error);
        let labels = ["Teff".to_owned()];
        let summary = table(summary_columns(&labels), summary_arrays(&[score], &residuals));
        assert_eq!((value(&summary, "n"), value(&summary, "n_missing")), (20.0, 1.0));
        assert!((value(&summary, "bias") - 30.0).abs() < 1e-9);
        assert!((value(&summary, "rms") - 50.0).abs() < 1e-9);
        let baseline = 10.0 * 35.0f64.sqrt();
        assert!((value(&summary, "baseline_sd") - baseline).abs() < 1e-9);
        assert!((value(&summary, "skill") - (1.0 - 2500.0 / 3500.0)).abs() < 1e-9);
        assert!(value(&summary, "bias_lo") < 30.0 && value(&summary, "bias_hi") > 30.0);
    }

    #[test]
    fn curve_leaves_out_small_bins_and_keeps_the_open_one() {
        let (score, residuals) = score(12, |_| 5.0);
        let labels = ["Teff".to_owned()];
        let arrays = curve_arrays(&[score], &residuals, &[5.0, 10.0, 300.0]);
        let curve = table(curve_columns(&labels), arrays);
        assert_eq!(curve.num_rows(), 1);
        assert_eq!((value(&curve, "snr_lo"), value(&curve, "n")), (300.0, 8.0));
        assert!(value(&curve, "snr_hi").is_infinite());
        assert_eq!((value(&curve, "rms"), value(&curve, "bias_hi")), (5.0, 5.0));
    }

    #[test]
    fn nothing_held_out_gives_nulls() {
        let (score, residuals) = score(6, |_| f64::NAN);
        let labels = ["Teff".to_owned()];
        let summary = table(
            summary_columns(&labels),
            summary_arrays(std::slice::from_ref(&score), &residuals),
        );
        assert!(summary.column_by_name("rms").unwrap().is_null(0));
        let curve = table(curve_columns(&labels), curve_arrays(&[score], &residuals, &[5.0]));
        assert_eq!(curve.num_rows(), 0);
    }
}
