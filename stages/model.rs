//! A SLAM model between its table and `science::slam`; with it, the options of `choices`.
//!
//! `train` writes the table, `predict` and `cross_validate` read it. It has one row a pixel and
//! holds no labels: they stand in the training set's `labels`, in whose order `dual` is.

use arrow::array::{Array, ArrayRef, RecordBatch};
use ndarray::{Array1, Array2};

pub use super::choices::{
    Axes, BoundsChoice, EvaluatorChoice, FitChoice, FoldBy, Grid, LossChoice, ModelErrorChoice,
    Preset, SearchChoice, Solver, SpeedChoice, StartChoice,
};
use super::columns::{
    f64_lists, f64_row, f64s_of, finite_array, finite_lists, i64_array, list_row, text_array,
    u32_array,
};
use crate::engine::stage::{Need, NewColumn, StageError};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32};
use crate::science::slam::{PixelModel, PixelStatus, SlamModel, TrainingLabels};

/// Refuses a list of labels that is empty or names one twice.
pub fn check_labels(labels: &[String]) -> Result<(), StageError> {
    if labels.is_empty() {
        return Err(StageError::new("`labels` names no label; give at least one column"));
    }
    for (at, label) in labels.iter().enumerate() {
        if labels[..at].contains(label) {
            return Err(StageError::new(format!("`labels` names `{label}` twice")));
        }
    }
    Ok(())
}

/// Training labels from a table, `(n_train, n_label)`.
///
/// # Errors
/// A missing column or label.
pub fn training_labels(
    table: &RecordBatch,
    names: &[String],
) -> Result<TrainingLabels, StageError> {
    let columns = names.iter().map(|name| numbers(table, name)).collect::<Result<Vec<_>, _>>()?;
    let shape = (table.num_rows(), names.len());
    let physical = Array2::from_shape_fn(shape, |(row, label)| columns[label][row]);
    Ok(TrainingLabels::new(names.to_vec(), physical)?)
}

/// A column of vectors as a matrix, `(n_row, length)`.
///
/// # Errors
/// A row of another length, by number.
pub fn matrix(table: &RecordBatch, column: &str, length: usize) -> Result<Array2<f64>, StageError> {
    let mut matrix = Array2::zeros((table.num_rows(), length));
    for (row, mut out) in matrix.outer_iter_mut().enumerate() {
        let found = list_row(table, column, row)?.len();
        if found != length {
            return Err(StageError::new(format!(
                "row {row} of `{column}` has {found} values where the training set has {length} \
                 spectra; bind tables of one training set"
            )));
        }
        out.assign(&Array1::from(f64_row(table, column, row)?));
    }
    Ok(matrix)
}

fn column<'a>(table: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, StageError> {
    table
        .column_by_name(name)
        .ok_or_else(|| StageError::new(format!("column `{name}` was not declared as read")))
}

fn numbers(table: &RecordBatch, name: &str) -> Result<Vec<f64>, StageError> {
    f64s_of(column(table, name)?)
}

/// Columns of numbers, their meaning, and where a trained pixel has them; NaN is null in the table.
type Number = (&'static str, &'static str, fn(&PixelModel) -> f64);

const NUMBERS: [Number; 10] = [
    ("bias", "constant term, scaled flux", |p| p.bias),
    ("C", "penalty of residuals beyond the tube", |p| p.hyper.c),
    ("gamma", "inverse squared kernel width, per squared scaled label", |p| p.hyper.gamma),
    ("epsilon", "half-width of the insensitive tube, scaled flux", |p| p.hyper.epsilon),
    ("flux_mean", "mean normalized flux of the training spectra", |p| p.flux_mean),
    ("flux_scale", "standard deviation of their normalized flux", |p| p.flux_scale),
    ("cv_mse", "cross-validated mean squared error (eq. 1), scaled flux squared", |p| p.cv_mse),
    ("train_mse", "mean squared error on the training spectra, scaled flux squared", |p| {
        p.train_mse
    }),
    ("mean_scaled_variance", "their mean photon variance, scaled flux squared", |p| {
        p.mean_scaled_variance
    }),
    ("kkt_residual", "violation of the optimality conditions, scaled flux", |p| p.kkt_residual),
];

/// What cross-validation chose of each pixel.
const HYPER_PARAMETERS: [&str; 3] = ["C", "gamma", "epsilon"];

/// What a stage that reads a whole model needs.
pub fn model_needs() -> Vec<Need> {
    let mut needs = vec![
        Need::in_unit("wave_angstrom", "Angstrom"),
        Need::of("status", Type::Text),
        Need::of("dual", F64.list()),
        Need::of("n_used", U32),
    ];
    let hyper = |name: &str| HYPER_PARAMETERS.contains(&name);
    needs.extend(NUMBERS.iter().map(|(name, ..)| match hyper(name) {
        true => Need::of(*name, F64).role("hyper-parameter"),
        false => Need::of(*name, F64).role("model"),
    }));
    needs
}

/// The columns of a model; those that hold what is learned from flux name it as their source.
pub fn model_columns() -> Vec<NewColumn> {
    let new = |name: &str, kind: Type, about: &str| {
        NewColumn::new(ColumnMeta::new(name, kind).about(about))
    };
    let learned = |name: &str, kind: Type, about: &str| {
        new(name, kind, about).from("pixels", "flux", "trained")
    };
    let wave = ColumnMeta::new("wave_angstrom", F64)
        .unit("Angstrom")
        .ucd("em.wl")
        .about("vacuum wavelength of the pixel");
    let mut columns = vec![
        new("pixel", I64, "pixel of the grid").from("pixels", "pixel", "identity"),
        NewColumn::new(wave).from("pixels", "wave_angstrom", "identity"),
        new("status", Type::Text, "whether the pixel can be used, and why not"),
        learned("dual", F64.list(), "dual coefficients, one a training spectrum, in their order"),
    ];
    columns.extend(NUMBERS.iter().map(|(name, about, _)| learned(name, F64, about)));
    columns.push(new("n_used", U32, "training spectra that have the pixel"));
    columns.push(learned(
        "cv_surface",
        F64.list(),
        "mean squared error of each grid cell, C outermost, then epsilon, then gamma; missing for a cell that was left",
    ));
    columns
}

/// Trained pixels as the columns of [`model_columns`].
pub fn model_arrays(ids: Vec<i64>, pixels: &[PixelModel]) -> Vec<ArrayRef> {
    let mut arrays = vec![
        i64_array(ids),
        finite_array(pixels.iter().map(|p| p.wave_angstrom).collect()),
        text_array(pixels.iter().map(|p| Some(p.status.name()))),
        f64_lists(pixels.iter().map(|p| p.dual.to_vec()).collect()),
    ];
    arrays.extend(NUMBERS.iter().map(|(.., of)| finite_array(pixels.iter().map(of).collect())));
    arrays.push(u32_array(pixels.iter().map(|p| p.n_used as u32).collect()));
    arrays.push(finite_lists(pixels.iter().map(|p| &p.cv_surface[..])));
    arrays
}

/// Reads a model that was trained on `labels`.
///
/// # Errors
/// A column of another shape than the training set asks for, or an unknown pixel status.
pub fn read_model(table: &RecordBatch, labels: &TrainingLabels) -> Result<SlamModel, StageError> {
    let read = |name: &str| numbers(table, name).map(Array1::from);
    let model = SlamModel {
        label_names: labels.names.clone(),
        labels: labels.physical.clone(),
        label_scaler: labels.scaler.clone(),
        wave_angstrom: read("wave_angstrom")?,
        status: statuses(table)?,
        dual: matrix(table, "dual", labels.n_train())?,
        bias: read("bias")?,
        c: read("C")?,
        gamma: read("gamma")?,
        epsilon: read("epsilon")?,
        flux_mean: read("flux_mean")?,
        flux_scale: read("flux_scale")?,
        cv_mse: read("cv_mse")?,
        train_mse: read("train_mse")?,
        mean_scaled_variance: read("mean_scaled_variance")?,
        kkt_residual: read("kkt_residual")?,
        n_used: numbers(table, "n_used")?.into_iter().map(|n| n as usize).collect(),
    };
    model.check()?;
    Ok(model)
}

/// Whether each pixel of a model can be used.
fn statuses(table: &RecordBatch) -> Result<Vec<PixelStatus>, StageError> {
    use arrow::array::AsArray;
    let words = column(table, "status")?;
    let words = words
        .as_string_opt::<i32>()
        .ok_or_else(|| StageError::new("column `status` of the model is not text"))?;
    words.iter().map(|word| Ok(PixelStatus::named(word.unwrap_or_default())?)).collect()
}
