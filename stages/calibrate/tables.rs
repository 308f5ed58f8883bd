//! The curve against signal-to-noise ratio and the coverage, as tables.

use arrow::array::ArrayRef;

use super::super::columns::{f64_array, finite_array, optional_f64_array, text_array, u64_array};
use super::super::laws::{LabelLaw, Source};
use super::scored::{Covered, Label, bins};
use crate::engine::stage::NewColumn;
use crate::engine::types::{ColumnMeta, F64, Type, U64};
use crate::science::statistics::{
    Bootstrap, Fraction, Interval, Units, mean, rms, summarize, summary_intervals,
};

/// Fewest spectra of a bin of the curve.
const FEWEST_IN_BIN: usize = 5;

fn new(name: &str, kind: Type, about: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, kind).about(about))
}

/// Sources whose errors the curve shows beside the scatter.
const SHOWN: [Source; 3] = [Source::CvCurve, Source::CvPowerLaw, Source::Calibrated];

/// Columns of the curve, a row a label and bin of signal-to-noise ratio.
pub fn curve_columns() -> Vec<NewColumn> {
    let mut columns = vec![
        new("label", Type::Text, "label"),
        new("unit", Type::Text, "unit of the numbers of this row"),
        new("snr_lo", F64, "lower edge of the bin"),
        new("snr_hi", F64, "upper edge, not in the bin; infinite for the last"),
        new("snr", F64, "geometric mean of the signal-to-noise ratios in the bin"),
        new("n", U64, "spectra in the bin, at least five"),
        new("n_star", U64, "their stars"),
        new("bias", F64, "mean of held-out minus true label (eq. 4)"),
        new("bias_lo", F64, "lower end of its 95 % interval"),
        new("bias_hi", F64, "upper end of its 95 % interval"),
        new("rms", F64, "root mean square about zero (eq. 5, 1/n inside)"),
        new("rms_lo", F64, "lower end of its 95 % interval"),
        new("rms_hi", F64, "upper end of its 95 % interval"),
        new("covariance", F64, "root mean square of the formal errors"),
    ];
    columns.extend(SHOWN.iter().map(|source| {
        new(source.name(), F64, "root mean square of the errors by this source, not cross-fitted")
    }));
    columns
}

/// One row of the curve.
struct Point<'a> {
    label: &'a Label,
    bin: [f64; 2],
    rows: Vec<usize>,
}

/// The curve, in the order of [`curve_columns`]; bins of fewer than five spectra are left out.
pub fn curve_arrays(
    labels: &[Label],
    laws: &[LabelLaw],
    edges: &[f64],
    bootstrap: &Bootstrap,
) -> Vec<ArrayRef> {
    let in_bin = |label: &Label, [low, high]: [f64; 2]| {
        label.rows(|row| label.held_out.snr[row] >= low && label.held_out.snr[row] < high)
    };
    let points: Vec<Point<'_>> = labels
        .iter()
        .flat_map(|label| {
            bins(edges).map(move |bin| Point { label, bin, rows: in_bin(label, bin) })
        })
        .filter(|point| point.rows.len() >= FEWEST_IN_BIN)
        .collect();
    let mut arrays = vec![
        text_array(points.iter().map(|p| Some(&p.label.name))),
        text_array(points.iter().map(|p| Some(&p.label.unit))),
        f64_array(points.iter().map(|p| p.bin[0]).collect()),
        f64_array(points.iter().map(|p| p.bin[1]).collect()),
        finite_array(points.iter().map(Point::snr).collect()),
        u64_array(points.iter().map(|p| p.rows.len() as u64).collect()),
        u64_array(points.iter().map(|p| p.label.n_star(&p.rows) as u64).collect()),
    ];
    let scatter: Vec<_> = points.iter().map(|p| p.scatter(bootstrap)).collect();
    arrays.extend((0..6).map(|at| optional_f64_array(scatter.iter().map(|s| s[at]).collect())));
    arrays.push(optional_f64_array(points.iter().map(Point::formal).collect()));
    arrays.extend(
        SHOWN.iter().map(|source| {
            optional_f64_array(points.iter().map(|p| p.error(laws, *source)).collect())
        }),
    );
    arrays
}

fn ends(interval: Option<Interval>) -> [Option<f64>; 2] {
    [interval.map(|i| i.low), interval.map(|i| i.high)]
}

impl Point<'_> {
    fn snr(&self) -> f64 {
        let ratios: Vec<f64> = self.rows.iter().map(|&r| self.label.held_out.snr[r].ln()).collect();
        mean(&ratios).map_or(f64::NAN, f64::exp)
    }

    /// Bias and rms, each with the ends of its interval.
    fn scatter(&self, bootstrap: &Bootstrap) -> [Option<f64>; 6] {
        let held_out = &self.label.held_out;
        let residual: Vec<f64> = self.rows.iter().map(|&row| held_out.residual[row]).collect();
        let stars: Vec<i64> = self.rows.iter().map(|&row| held_out.star[row]).collect();
        let summary = summarize(&residual);
        let intervals = summary_intervals(&residual, &Units::grouped(&stars), bootstrap);
        let ([bias_lo, bias_hi], [rms_lo, rms_hi]) = (ends(intervals.mean), ends(intervals.rms));
        [summary.mean, bias_lo, bias_hi, summary.rms, rms_lo, rms_hi]
    }

    fn formal(&self) -> Option<f64> {
        let formal = self.rows.iter().map(|&row| self.label.held_out.formal[row]);
        rms(&formal.filter(|f| f.is_finite()).collect::<Vec<_>>())
    }

    /// Root mean square of the errors by the law of `source`.
    fn error(&self, laws: &[LabelLaw], source: Source) -> Option<f64> {
        let law = laws.iter().find(|l| l.source == source && l.label == self.label.name)?;
        let law = &law.fitted.as_ref().ok()?.law;
        let held_out = &self.label.held_out;
        let errors = self.rows.iter().map(|&r| law.sigma(held_out.snr[r], held_out.formal[r]));
        rms(&errors.filter(|e| e.is_finite()).collect::<Vec<_>>())
    }
}

/// Columns of the coverage, a row a label, source and bin.
pub fn coverage_columns() -> Vec<NewColumn> {
    vec![
        new("label", Type::Text, "label"),
        new("unit", Type::Text, "unit of its errors"),
        new(
            "source",
            Type::Text,
            "where the error comes from; fitted ones are by other stars' laws",
        ),
        new("snr_lo", F64, "lower edge of the bin; null for all spectra"),
        new(
            "snr_hi",
            F64,
            "upper edge, not in the bin; null for all spectra, infinite for the last",
        ),
        new("n", U64, "spectra with residual and error"),
        new("n_star", U64, "their stars"),
        new("within_1s", F64, "share within 1 sigma; 0.683 of a Gaussian"),
        new("within_1s_lo", F64, "lower end of its 95 % interval"),
        new("within_1s_hi", F64, "upper end of its 95 % interval"),
        new("within_95", F64, "share within 1.96 sigma; 0.95 of a Gaussian"),
        new("within_95_lo", F64, "lower end of its 95 % interval"),
        new("within_95_hi", F64, "upper end of its 95 % interval"),
        new("pull_rms", F64, "root mean square of residual over error"),
        new("sigma", F64, "median error"),
    ]
}

/// The coverage, in the order of [`coverage_columns`].
pub fn coverage_arrays(covered: &[Covered]) -> Vec<ArrayRef> {
    let number =
        |of: &dyn Fn(&Covered) -> Option<f64>| optional_f64_array(covered.iter().map(of).collect());
    let edge = |end: usize| number(&move |c| (c.bin[0] > f64::NEG_INFINITY).then_some(c.bin[end]));
    let mut arrays = vec![
        text_array(covered.iter().map(|c| Some(&c.label))),
        text_array(covered.iter().map(|c| Some(&c.unit))),
        text_array(covered.iter().map(|c| Some(c.source.name()))),
        edge(0),
        edge(1),
        u64_array(covered.iter().map(|c| c.n as u64).collect()),
        u64_array(covered.iter().map(|c| c.n_star as u64).collect()),
    ];
    for of in [|c: &Covered| c.one_sigma, |c: &Covered| c.ninety_five] {
        arrays.push(number(&|c| of(c).map(|f: Fraction| f.value)));
        arrays.push(number(&|c| of(c).map(|f| f.interval.low)));
        arrays.push(number(&|c| of(c).map(|f| f.interval.high)));
    }
    arrays.push(number(&|c| c.pull_rms));
    arrays.push(number(&|c| c.sigma));
    arrays
}
