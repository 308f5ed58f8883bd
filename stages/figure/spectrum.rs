//! Diagnostic: one spectrum with the model at its labels.

use arrow::array::RecordBatch;
use ndarray::Array2;

use super::Figure;
use super::data::{Data, Read};
use crate::engine::stage::StageError;
use crate::report::Figure as Drawing;
use crate::report::figures::{SpectrumFigure, spectrum};
use crate::report::plot::{fixed, signed};
use crate::science::draw::synthesize;
use crate::stages::columns::f64_row;
use crate::stages::model::{read_model, training_labels};

/// Ports and columns; the labels of the model are those of `training`, in `spectra` with `ap_` before them.
pub const READS: &[Read] = &[
    (
        "spectra",
        &[
            "obsid",
            "snri",
            "flux_norm",
            "ivar_norm",
            "ap_Teff",
            "ap_M_H",
            "ap_Fe_H",
            "ap_logg",
            "ap_reduced_chi2_intrinsic",
        ],
    ),
    ("grid", &["wave_angstrom"]),
    (
        "model",
        &[
            "wave_angstrom",
            "status",
            "dual",
            "n_used",
            "bias",
            "C",
            "gamma",
            "epsilon",
            "flux_mean",
            "flux_scale",
            "cv_mse",
            "train_mse",
            "mean_scaled_variance",
            "kkt_residual",
        ],
    ),
    ("training", &["id", "star_id"]),
];

/// Draws it.
pub fn draw(spec: &Figure, data: &Data<'_>, _: u64) -> Result<Drawing, StageError> {
    let ids = data.ids("spectra", "obsid")?;
    let row = chosen(data, &ids, spec.obsid)?;
    let (Some(row), Some(table)) = (row, data.table("spectra")) else {
        return Ok(spectrum(&empty(), spec.origin()));
    };
    let flux = vector(data, table, "flux_norm", row)?;
    let ivar = vector(data, table, "ivar_norm", row)?;
    let used = |weight: &f64| *weight > 0.0;
    let figure = SpectrumFigure {
        obsid: &ids[row].to_string(),
        wave: &data.numbers("grid", "wave_angstrom")?,
        flux: &flux,
        sigma: &ivar
            .iter()
            .map(|w| if used(w) { w.sqrt().recip() } else { f64::NAN })
            .collect::<Vec<_>>(),
        model: &best_fit(data, row)?,
        masked: &ivar.iter().map(|weight| !used(weight)).collect::<Vec<_>>(),
        notes: &notes(data, row)?,
    };
    Ok(spectrum(&figure, spec.origin()))
}

fn empty() -> SpectrumFigure<'static> {
    SpectrumFigure {
        obsid: "",
        wave: &[],
        flux: &[],
        sigma: &[],
        model: &[],
        masked: &[],
        notes: &[],
    }
}

/// The row of that spectrum, or the one in the middle by signal-to-noise ratio.
fn chosen(data: &Data<'_>, ids: &[i64], wanted: Option<i64>) -> Result<Option<usize>, StageError> {
    if let Some(wanted) = wanted {
        return Ok(ids.iter().position(|id| *id == wanted));
    }
    let snr = data.numbers("spectra", "snri")?;
    let mut rows: Vec<usize> = (0..ids.len()).filter(|row| snr[*row].is_finite()).collect();
    rows.sort_by(|a, b| snr[*a].total_cmp(&snr[*b]).then(ids[*a].cmp(&ids[*b])));
    Ok(rows.get(rows.len() / 2).copied())
}

fn vector(
    data: &Data<'_>,
    table: &RecordBatch,
    name: &str,
    row: usize,
) -> Result<Vec<f64>, StageError> {
    if data.has("spectra", name) { f64_row(table, name, row) } else { Ok(Vec::new()) }
}

/// The model at the labels of that row; empty where model or labels are missing.
fn best_fit(data: &Data<'_>, row: usize) -> Result<Vec<f64>, StageError> {
    let (Some(model), Some(training)) = (data.table("model"), data.table("training")) else {
        return Ok(Vec::new());
    };
    let fields = training.schema();
    let names = fields.fields().iter().map(|field| field.name().clone());
    let labels: Vec<String> = names.filter(|n| !["id", "star_id"].contains(&n.as_str())).collect();
    let model = read_model(model, &training_labels(training, &labels)?)?;
    let mut at = Array2::zeros((1, labels.len()));
    for (value, label) in at.iter_mut().zip(&labels) {
        *value = data.numbers("spectra", &format!("ap_{label}"))?[row];
    }
    if at.iter().any(|value: &f64| !value.is_finite()) {
        return Ok(Vec::new());
    }
    Ok(synthesize(&model, at.view()).iter().map(|pixel| pixel[0]).collect())
}

fn notes(data: &Data<'_>, row: usize) -> Result<Vec<String>, StageError> {
    let of = |name: &str| Ok::<f64, StageError>(data.numbers("spectra", name)?[row]);
    let lines = [
        ("SNR_{i}", fixed(of("snri")?, 0), ""),
        ("T_{eff}", fixed(of("ap_Teff")?, 0), " K"),
        ("[M/H]", signed(of("ap_M_H")?, 2), ""),
        ("χ^{2}_{red}", fixed(of("ap_reduced_chi2_intrinsic")?, 2), ""),
    ];
    let known = lines.into_iter().filter(|(_, value, _)| !value.contains('–'));
    Ok(known.map(|(name, value, unit)| format!("{name} = {value}{unit}")).collect())
}
