//! The options that stages of §2.2 share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::stage::StageError;
use crate::science::cross_validation::Folds;
use crate::science::shared_kernel::SharedKernelSolver;
use crate::science::slam::{
    CellOptions, Evaluator, FitOptions, HyperGrid, LabelBounds, Loss, ModelError, Start,
};
use crate::science::svr::{Search, SvrSolver};
use crate::science::svr_linfa::LinfaSolver;

/// Refuses bounds of signal-to-noise ratios that are none.
///
/// # Errors
/// Unless 0 < low <= high.
pub fn check_snr([low, high]: [f64; 2]) -> Result<(), StageError> {
    if low > 0.0 && low <= high && high.is_finite() {
        return Ok(());
    }
    Err(StageError::new("`snr` needs 0 < low <= high"))
}

/// The same, and refuses to make no spectra, or chunks of none.
///
/// # Errors
/// Unless 0 < low <= high and `n` and `chunk` are positive.
pub fn check_drawn(snr: [f64; 2], n: usize, chunk: u32) -> Result<(), StageError> {
    check_snr(snr)?;
    if n == 0 || chunk == 0 {
        return Err(StageError::new("`n` and `chunk` must be positive"));
    }
    Ok(())
}

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

/// Which cells of the grid are brought to their end.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchChoice {
    /// Those that can be the best: a cell is left once some of its folds exceed what another has in all. The best is found
    /// as surely; errors of cells that were left are missing.
    #[default]
    Best,
    /// All.
    Complete,
}

impl SearchChoice {
    /// The same as an option of the science layer.
    pub fn search(self) -> Search {
        match self {
            SearchChoice::Best => Search::Best,
            SearchChoice::Complete => Search::Complete,
        }
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
    /// The nearest training spectrum, of the 256 that are nearest at every fourth pixel.
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
