//! What became of held-out nodes, as tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use ndarray::Array2;

use super::super::columns::{
    bool_array, f64_array, finite_array, i32_array, i64_array, optional_f64_array, text_array,
    u32_array, u64_array,
};
use super::fold::{Fitted, Node};
use crate::engine::stage::{NewColumn, TableSchema};
use crate::engine::types::{ColumnMeta, F64, I32, I64, Type, U32, U64};
use crate::science::slam::{FitStatus, TrainingLabels};
use crate::science::statistics::{Bootstrap, Interval, Units, rms, summarize, summary_intervals};

/// All held-out nodes.
pub struct Outcome {
    /// In the order of the training set, `(n_node,)`.
    pub nodes: Vec<Node>,
    /// Predicted less true flux, `(n_pix, n_node)`; NaN where there is none.
    pub error: Array2<f64>,
    /// Fold of each node, `(n_node,)`.
    pub folds: Vec<usize>,
    /// Ratios of the added noise.
    pub snr: Vec<f64>,
}

impl Outcome {
    /// Each fit with its node, node by node.
    fn fits(&self) -> impl Iterator<Item = (usize, &Fitted)> {
        self.nodes.iter().enumerate().flat_map(|(at, node)| node.fits.iter().map(move |f| (at, f)))
    }
}

fn new(name: &str, kind: Type, about: &str) -> NewColumn {
    NewColumn::new(ColumnMeta::new(name, kind).about(about))
}

/// Numbers come from labels and flux.
fn scored(columns: Vec<NewColumn>, labels: &[String]) -> Vec<NewColumn> {
    let from = |column: NewColumn| {
        let column = labels.iter().fold(column, |c, label| c.from("training", label, "label"));
        column.from("pixels", "flux", "flux")
    };
    columns.into_iter().map(|c| if c.meta.kind == F64 { from(c) } else { c }).collect()
}

/// Columns of `labels`.
pub fn label_columns(training: &TableSchema, labels: &[String]) -> Vec<NewColumn> {
    let mut columns = vec![
        new("id", I64, "node").from("training", "id", "identity"),
        new("star_id", I64, "what is held out together").from("training", "star_id", "identity"),
        new("fold", I32, "fold that holds the node out"),
        new("enclosed", Type::Bool, "whether the nodes of the other folds enclose it"),
        new("snr", F64, "signal-to-noise ratio a pixel of the added noise; null without"),
        new("repeat", U32, "number of the noisy spectrum"),
    ];
    for label in labels {
        let meta = training.column(label).cloned().unwrap_or_else(|| ColumnMeta::new(label, F64));
        for (suffix, about) in [
            ("true", "label of the node"),
            ("cv", "inferred by a model that has not seen the node"),
            ("cv_err", "its formal error"),
        ] {
            let meta = ColumnMeta::new(format!("{label}_{suffix}"), F64).unit(&meta.unit);
            columns.push(NewColumn::new(meta.about(about)));
        }
    }
    columns.push(new("chi2", F64, "sum of squared weighted residuals, model error included"));
    columns.push(new(
        "status",
        Type::Text,
        "how the fit ended; labels are null unless `converged`",
    ));
    scored(columns, labels)
}

/// `labels`, in the order of [`label_columns`].
pub fn label_arrays(
    outcome: &Outcome,
    labels: &TrainingLabels,
    ids: &[i64],
    groups: &[i64],
) -> Vec<ArrayRef> {
    let number = |of: &dyn Fn(usize, &Fitted) -> f64| {
        finite_array(outcome.fits().map(|(node, fitted)| of(node, fitted)).collect())
    };
    let mut arrays = vec![
        i64_array(outcome.fits().map(|(node, _)| ids[node]).collect()),
        i64_array(outcome.fits().map(|(node, _)| groups[node]).collect()),
        i32_array(outcome.fits().map(|(node, _)| outcome.folds[node] as i32).collect()),
        bool_array(outcome.fits().map(|(node, _)| outcome.nodes[node].enclosed).collect()),
        number(&|_, fitted| fitted.snr.unwrap_or(f64::NAN)),
        u32_array(outcome.fits().map(|(_, fitted)| fitted.repeat).collect()),
    ];
    for l in 0..labels.names.len() {
        arrays.push(number(&|node, _| labels.physical[[node, l]]));
        arrays.push(number(&|_, fitted| published(fitted, fitted.fit.labels[l])));
        arrays.push(number(&|_, fitted| published(fitted, fitted.fit.formal_errors[l])));
    }
    arrays.push(number(&|_, fitted| published(fitted, fitted.fit.chi2)));
    arrays.push(text_array(outcome.fits().map(|(_, fitted)| Some(fitted.fit.status.name()))));
    arrays
}

/// A number of a fit, NaN unless it converged: as `predict` publishes it.
fn published(fitted: &Fitted, value: f64) -> f64 {
    if fitted.fit.status == FitStatus::Converged { value } else { f64::NAN }
}

/// Columns of `nodes`.
pub fn node_columns(labels: &[String]) -> Vec<NewColumn> {
    let columns = vec![
        new("id", I64, "node").from("training", "id", "identity"),
        new("fold", I32, "fold that holds the node out"),
        new("enclosed", Type::Bool, "whether the nodes of the other folds enclose it"),
        new("flux_rms", F64, "root mean square of predicted less true normalized flux"),
        new("flux_max", F64, "largest of it, absolute"),
        new("n_pix", U32, "pixels"),
    ];
    scored(columns, labels)
}

fn found<'a>(values: impl IntoIterator<Item = &'a f64>) -> Vec<f64> {
    values.into_iter().copied().filter(|v| v.is_finite()).collect()
}

/// `nodes`, in the order of [`node_columns`].
pub fn node_arrays(outcome: &Outcome, ids: &[i64]) -> Vec<ArrayRef> {
    let errors: Vec<Vec<f64>> = outcome.error.columns().into_iter().map(found).collect();
    let largest = |e: &Vec<f64>| e.iter().map(|v| v.abs()).max_by(f64::total_cmp);
    vec![
        i64_array(ids.to_vec()),
        i32_array(outcome.folds.iter().map(|fold| *fold as i32).collect()),
        bool_array(outcome.nodes.iter().map(|node| node.enclosed).collect()),
        optional_f64_array(errors.iter().map(|e| rms(e)).collect()),
        optional_f64_array(errors.iter().map(largest).collect()),
        u32_array(errors.iter().map(|e| e.len() as u32).collect()),
    ]
}

/// Columns of `pixels`.
pub fn pixel_columns() -> Vec<NewColumn> {
    let wave = ColumnMeta::new("wave_angstrom", F64)
        .unit("Angstrom")
        .ucd("em.wl")
        .about("vacuum wavelength of the pixel");
    let number = |name: &str, about: &str| new(name, F64, about).from("pixels", "flux", "flux");
    vec![
        new("pixel", I64, "pixel of the grid").from("pixels", "pixel", "identity"),
        NewColumn::new(wave).from("model", "wave_angstrom", "identity"),
        number("flux_rms", "root mean square of predicted less true flux over enclosed nodes"),
        number("flux_bias", "its mean"),
        new("n_node", U32, "enclosed nodes that have the pixel"),
    ]
}

/// `pixels`, in the order of [`pixel_columns`].
pub fn pixel_arrays(outcome: &Outcome, pixels: Vec<i64>, wave_angstrom: Vec<f64>) -> Vec<ArrayRef> {
    let enclosed: Vec<bool> = outcome.nodes.iter().map(|node| node.enclosed).collect();
    let of_pixel = |row: ndarray::ArrayView1<'_, f64>| {
        found(row.iter().zip(&enclosed).filter(|(_, enclosed)| **enclosed).map(|(error, _)| error))
    };
    let errors: Vec<Vec<f64>> = outcome.error.outer_iter().map(of_pixel).collect();
    vec![
        i64_array(pixels),
        f64_array(wave_angstrom),
        optional_f64_array(errors.iter().map(|e| rms(e)).collect()),
        optional_f64_array(errors.iter().map(|e| summarize(e).mean).collect()),
        u32_array(errors.iter().map(|e| e.len() as u32).collect()),
    ]
}

/// Columns of `summary`.
pub fn summary_columns(labels: &[String]) -> Vec<NewColumn> {
    let columns = vec![
        new("label", Type::Text, "label"),
        new("unit", Type::Text, "unit of the numbers of this row"),
        new("nodes", Type::Text, "`all`, or `enclosed` by the other nodes: interpolated"),
        new("snr", F64, "signal-to-noise ratio a pixel of the added noise; null without"),
        new("n", U64, "spectra with a label"),
        new("n_missing", U64, "spectra without, their fit did not converge"),
        new("bias", F64, "mean of inferred minus true label (eq. 4)"),
        new("bias_lo", F64, "lower end of its 95 % interval"),
        new("bias_hi", F64, "upper end of its 95 % interval"),
        new("rms", F64, "root mean square about zero (eq. 5, 1/n inside)"),
        new("rms_lo", F64, "lower end of its 95 % interval"),
        new("rms_hi", F64, "upper end of its 95 % interval"),
        new("robust_sigma", F64, "(P84 - P16) / 2"),
    ];
    scored(columns, labels)
}

/// `summary`, in the order of [`summary_columns`]; intervals are bootstraps by node.
pub fn summary_arrays(
    outcome: &Outcome,
    labels: &TrainingLabels,
    groups: &[i64],
    units: &[String],
    bootstrap: &Bootstrap,
) -> Vec<ArrayRef> {
    let mut cells: Vec<(usize, bool, Option<f64>)> = Vec::new();
    for l in 0..labels.names.len() {
        for enclosed in [false, true] {
            let ratios = outcome.snr.iter().map(|snr| Some(*snr));
            cells.extend(std::iter::once(None).chain(ratios).map(|snr| (l, enclosed, snr)));
        }
    }
    let scores: Vec<Score> = cells
        .iter()
        .map(|&(l, enclosed, snr)| {
            let of_cell = |(node, fitted): &(usize, &Fitted)| {
                fitted.snr == snr && (!enclosed || outcome.nodes[*node].enclosed)
            };
            let fits: Vec<(usize, &Fitted)> = outcome.fits().filter(of_cell).collect();
            Score::of(&fits, labels, l, groups, bootstrap)
        })
        .collect();
    let mut arrays = vec![
        text_array(cells.iter().map(|(l, ..)| Some(&labels.names[*l]))),
        text_array(cells.iter().map(|(l, ..)| Some(&units[*l]))),
        text_array(cells.iter().map(|(_, e, _)| Some(if *e { "enclosed" } else { "all" }))),
        Arc::new(cells.iter().map(|(.., snr)| *snr).collect::<Float64Array>()),
        u64_array(scores.iter().map(|s| s.n as u64).collect()),
        u64_array(scores.iter().map(|s| s.n_missing as u64).collect()),
    ];
    arrays.extend(
        (0..7).map(|at| optional_f64_array(scores.iter().map(|score| score.numbers[at]).collect())),
    );
    arrays
}

/// Bias and scatter of a label over some fits.
struct Score {
    n: usize,
    n_missing: usize,
    /// Bias and rms, each with the ends of its interval, and robust sigma.
    numbers: [Option<f64>; 7],
}

impl Score {
    fn of(
        fits: &[(usize, &Fitted)],
        labels: &TrainingLabels,
        l: usize,
        groups: &[i64],
        bootstrap: &Bootstrap,
    ) -> Self {
        let residual: Vec<f64> = fits
            .iter()
            .map(|(node, f)| published(f, f.fit.labels[l]) - labels.physical[[*node, l]])
            .collect();
        let of_fits: Vec<i64> = fits.iter().map(|(node, _)| groups[*node]).collect();
        let summary = summarize(&residual);
        let intervals = summary_intervals(&residual, &Units::grouped(&of_fits), bootstrap);
        let low = |interval: Option<Interval>| interval.map(|i| i.low);
        let high = |interval: Option<Interval>| interval.map(|i| i.high);
        Score {
            n: summary.n,
            n_missing: summary.n_missing,
            numbers: [
                summary.mean,
                low(intervals.mean),
                high(intervals.mean),
                summary.rms,
                low(intervals.rms),
                high(intervals.rms),
                summary.robust_sigma,
            ],
        }
    }
}
