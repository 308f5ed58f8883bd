//! A SLAM model between its table and `science::slam`, and the options that stages of §2.2 share.
//!
//! `train` writes the table, `predict` and `cross_validate` read it. It has one row a pixel and
//! holds no labels: they stand in the training set's `labels`, in whose order `dual` is.

use arrow::array::{Array, ArrayRef, RecordBatch};
use ndarray::{Array1, Array2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{
    f64_lists, f64_row, f64s_of, finite_array, i64_array, list_row, text_array, u32_array,
};
use crate::engine::stage::{Need, NewColumn, StageError};
use crate::engine::types::{ColumnMeta, F64, I64, Type, U32};
use crate::science::cross_validation::Folds;
use crate::science::shared_kernel::SharedKernelSolver;
use crate::science::slam::{
    CellOptions, Evaluator, FitOptions, HyperGrid, LabelBounds, Loss, ModelError, PixelModel,
    PixelStatus, SlamModel, Start, TrainingLabels,
};
use crate::science::svr::SvrSolver;
use crate::science::svr_linfa::LinfaSolver;

/// Hyper-parameters to choose from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a grid is \"tutorial\", \"wide\" or { C = [..], gamma = [..], epsilon = [..] }"
)]
pub enum Grid {
    /// A grid with a name.
    Preset(Preset),
    /// All combinations of three axes.
    Axes(Axes),
}

/// Grids with a name.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// 9 cells: C and gamma in {0.1, 1, 10}, epsilon 0.05.
    Tutorial,
    /// 42 cells: C = 2^-2 .. 2^4, gamma in {0.1, 1/3, 1}, epsilon in {0.05, 0.1}.
    Wide,
}

/// Axes of a grid.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Axes {
    /// Penalties.
    #[serde(rename = "C")]
    c: Vec<f64>,
    /// Inverse squared kernel widths, per squared scaled label.
    gamma: Vec<f64>,
    /// Tube half-widths, scaled flux.
    epsilon: Vec<f64>,
}

impl Default for Grid {
    fn default() -> Self {
        Grid::Preset(Preset::Tutorial)
    }
}

impl Grid {
    /// The cells.
    ///
    /// # Errors
    /// An axis that is empty or holds a value that is not positive.
    pub fn cells(&self) -> Result<HyperGrid, StageError> {
        Ok(match self {
            Grid::Preset(Preset::Tutorial) => HyperGrid::tutorial(),
            Grid::Preset(Preset::Wide) => HyperGrid::wide(),
            Grid::Axes(axes) => HyperGrid::new(&axes.c, &axes.epsilon, &axes.gamma)?,
        })
    }
}

/// What is held out together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoldBy {
    /// All spectra of a star; stars are dealt at random.
    #[default]
    Star,
    /// Consecutive rows, as in the released code.
    Unshuffled,
}

impl FoldBy {
    /// Folds of the training rows; `stars`, `(n_train,)`, are the ids of their stars.
    ///
    /// # Errors
    /// Fewer stars than folds.
    pub fn folds(self, stars: &[i64], n_folds: usize, seed: u64) -> Result<Folds, StageError> {
        Ok(match self {
            FoldBy::Star => Folds::by_star(stars, n_folds, seed)?,
            FoldBy::Unshuffled => Folds::consecutive(stars.len(), n_folds)?,
        })
    }
}

/// What solves the regressions.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// One kernel for all pixels, folds and cells.
    #[default]
    SharedKernel,
    /// `linfa-svm`: sequential minimal optimization, one kernel matrix a fit; an independent check.
    Linfa,
}

impl Solver {
    /// The solver; `tolerance` is in scaled flux.
    ///
    /// # Errors
    /// A tolerance that is not positive.
    pub fn ready(self, tolerance: f64) -> Result<Box<dyn SvrSolver>, StageError> {
        if !(tolerance > 0.0 && tolerance < 1.0) {
            return Err(StageError::new("`tolerance` must lie between 0 and 1, scaled flux"));
        }
        Ok(match self {
            Solver::SharedKernel => Box::new(SharedKernelSolver { tolerance }),
            Solver::Linfa => Box::new(LinfaSolver { tolerance }),
        })
    }
}

/// What a weighted residual costs.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LossChoice {
    /// Gaussian, the paper's.
    #[default]
    Linear,
    /// Of less weight to outliers, the released code's.
    SoftL1,
}

/// How the model's error at a pixel follows from its mean squared errors.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModelErrorChoice {
    /// sigma = CV-MSE, as printed in §2.2.
    #[default]
    MseAsSigma,
    /// sigma = training MSE, as in the released code.
    TrainingMseAsSigma,
    /// sigma^2 = CV-MSE.
    Rmse,
    /// sigma^2 = CV-MSE less the photon variance of the training spectra.
    Intrinsic,
    /// Photon noise alone.
    None,
}

/// Where labels may go.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoundsChoice {
    /// The box of the training labels and a margin.
    #[default]
    HullBox,
    /// Anywhere, as in the released code.
    None,
}

/// Where a fit starts.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StartChoice {
    /// The nearest of 512 training spectra that are spread over label space, by every fourth pixel.
    #[default]
    Fast,
    /// The nearest of all training spectra, as in §2.2; each job then predicts all of them.
    Exact,
}

/// What yields the model's spectra during a fit.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvaluatorChoice {
    /// Polynomials in cells of label space, within an accuracy.
    #[default]
    Compressed,
    /// The sums over all training spectra.
    Exact,
}

/// How spectra are found and yielded, beside [`FitChoice`].
#[derive(Clone, Copy, Debug)]
pub struct SpeedChoice {
    /// See [`StartChoice`].
    pub start: StartChoice,
    /// See [`EvaluatorChoice`].
    pub evaluator: EvaluatorChoice,
    /// Largest error of the compressed evaluator where it is checked, scaled flux.
    pub accuracy: f64,
}

impl SpeedChoice {
    /// The options of `science::slam`, the others as in `options`.
    ///
    /// # Errors
    /// An accuracy out of range.
    pub fn applied(&self, options: FitOptions) -> Result<FitOptions, StageError> {
        let cells = CellOptions { accuracy: self.accuracy, ..CellOptions::default() };
        cells.check()?;
        Ok(FitOptions {
            start: match self.start {
                StartChoice::Fast => Start::Fast,
                StartChoice::Exact => Start::Exact,
            },
            evaluator: match self.evaluator {
                EvaluatorChoice::Compressed => Evaluator::Compressed(cells),
                EvaluatorChoice::Exact => Evaluator::Exact,
            },
            ..options
        })
    }
}

/// Parameters of the label fit, as stages read them.
#[derive(Clone, Copy, Debug)]
pub struct FitChoice {
    /// See [`LossChoice`].
    pub loss: LossChoice,
    /// See [`ModelErrorChoice`].
    pub model_error: ModelErrorChoice,
    /// See [`BoundsChoice`].
    pub bounds: BoundsChoice,
    /// Margin of the box, standard deviations of each label.
    pub margin: f64,
    /// Drops pixels of smaller inverse variance, scaled flux.
    pub ivar_threshold: Option<f64>,
    /// Fewest pixels of a fit.
    pub min_pixels: usize,
}

impl FitChoice {
    /// The options of `science::slam`.
    ///
    /// # Errors
    /// A margin or threshold that is negative.
    pub fn options(&self) -> Result<FitOptions, StageError> {
        if !(self.margin >= 0.0 && self.margin.is_finite()) {
            return Err(StageError::new("`margin` must be 0 or more standard deviations"));
        }
        if self.ivar_threshold.is_some_and(|t| !(t >= 0.0 && t.is_finite())) {
            return Err(StageError::new("`ivar_threshold` must be 0 or more"));
        }
        let margin = self.margin;
        Ok(FitOptions {
            loss: match self.loss {
                LossChoice::Linear => Loss::Linear,
                LossChoice::SoftL1 => Loss::SoftL1,
            },
            model_error: match self.model_error {
                ModelErrorChoice::MseAsSigma => ModelError::MseAsSigma,
                ModelErrorChoice::TrainingMseAsSigma => ModelError::TrainingMseAsSigma,
                ModelErrorChoice::Rmse => ModelError::Rmse,
                ModelErrorChoice::Intrinsic => ModelError::INTRINSIC,
                ModelErrorChoice::None => ModelError::None,
            },
            bounds: match self.bounds {
                BoundsChoice::HullBox => LabelBounds::Box { margin },
                BoundsChoice::None => LabelBounds::Unbounded,
            },
            ivar_threshold: self.ivar_threshold,
            min_pixels: self.min_pixels,
            minimizer: crate::science::least_squares::LevenbergOptions::default(),
            ..FitOptions::default()
        })
    }
}

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

/// What a stage that reads a whole model needs.
pub fn model_needs() -> Vec<Need> {
    let mut needs = vec![
        Need::in_unit("wave_angstrom", "Angstrom"),
        Need::of("status", Type::Text),
        Need::of("dual", F64.list()),
        Need::of("n_used", U32),
    ];
    needs.extend(NUMBERS.iter().map(|(name, ..)| Need::of(*name, F64)));
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
        "mean squared error of each grid cell, C outermost, then epsilon, then gamma",
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
    arrays.push(f64_lists(pixels.iter().map(|p| p.cv_surface.clone()).collect()));
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
