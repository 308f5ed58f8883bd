//! What a label fit is told and what it tells.

use ndarray::{Array1, Array2};

use super::super::least_squares::LevenbergOptions;
use super::{CellOptions, ModelError, SlamError};

/// What a weighted residual r costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// r^2 / 2: Gaussian, the paper's.
    Linear,
    /// sqrt(1 + r^2) - 1: the released code's, of less weight to outliers.
    SoftL1,
}

impl Loss {
    /// Finds an option by name, `linear` or `soft_l1`.
    ///
    /// # Errors
    /// [`SlamError::Unknown`].
    pub fn named(name: &str) -> Result<Self, SlamError> {
        match name {
            "linear" => Ok(Self::Linear),
            "soft_l1" => Ok(Self::SoftL1),
            _ => Err(SlamError::Unknown {
                what: "loss",
                found: name.to_owned(),
                known: "linear, soft_l1",
            }),
        }
    }

    /// Cost of z = r^2, its factor for the gradient, its factor for the Gauss-Newton matrix.
    pub(super) fn of(self, z: f64) -> (f64, f64, f64) {
        match self {
            Self::Linear => (0.5 * z, 1.0, 1.0),
            Self::SoftL1 => {
                let root = (1.0 + z).sqrt();
                // z / (root + 1) is root - 1 without cancellation.
                (z / (root + 1.0), 1.0 / root, 1.0 / (root * root * root))
            }
        }
    }
}

/// Where labels may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelBounds {
    /// The box of the training labels, widened on every side.
    Box {
        /// In standard deviations of each label.
        margin: f64,
    },
    /// Anywhere, as in the released code. Far from all training stars the model's flux is constant.
    Unbounded,
}

/// Where a fit starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// The nearest training star by all pixels, of the 256 that are nearest by every fourth pixel (every thirtieth, of
    /// 15,000 stars).
    Fast,
    /// The nearest of all training stars by all pixels (the paper's); takes n_train spectra of memory.
    Exact,
}

impl Start {
    /// Finds an option by name, `fast` or `exact`.
    ///
    /// # Errors
    /// [`SlamError::Unknown`].
    pub fn named(name: &str) -> Result<Self, SlamError> {
        match name {
            "fast" => Ok(Self::Fast),
            "exact" => Ok(Self::Exact),
            _ => Err(SlamError::Unknown {
                what: "start",
                found: name.to_owned(),
                known: "fast, exact",
            }),
        }
    }
}

/// What yields the model's spectra during a fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Evaluator {
    /// The sums over all training stars. With [`Start::Fast`] a compressed fit comes first and the exact sums end it.
    Exact,
    /// Polynomials in cells of label space, see [`super::CellEvaluator`]; models of more than three labels fall back
    /// to the exact sums.
    Compressed(CellOptions),
}

/// Options of the label fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Loss of a residual.
    pub loss: Loss,
    /// Error of the model.
    pub model_error: ModelError,
    /// Where labels may go.
    pub bounds: LabelBounds,
    /// Drops pixels whose photon inverse variance, in scaled flux, is below this; the released code has 1.
    pub ivar_threshold: Option<f64>,
    /// Fewest pixels of a fit; never below one more than there are labels.
    pub min_pixels: usize,
    /// Where fits start.
    pub start: Start,
    /// What yields spectra.
    pub evaluator: Evaluator,
    /// When the minimization stops.
    pub minimizer: LevenbergOptions,
}

/// A step that would lower chi-square by twice this is the last: it is at most 0.014 formal errors long, and what a
/// Newton step of that length leaves is less by two orders.
const REDUCTION_TOLERANCE: f64 = 1e-4;

impl FitOptions {
    /// How the cells are made that such fits, or their start, need.
    pub fn cells(&self) -> Option<CellOptions> {
        match (self.evaluator, self.start) {
            (Evaluator::Compressed(cells), _) => Some(cells),
            (Evaluator::Exact, Start::Fast) => Some(CellOptions::default()),
            (Evaluator::Exact, Start::Exact) => None,
        }
    }
}

impl Default for FitOptions {
    /// Linear loss, intrinsic model error, box with half a standard deviation of margin (150 K for the paper's
    /// sample: enough to see that a star lies outside), no threshold, fast start, compressed evaluation.
    fn default() -> Self {
        Self {
            loss: Loss::Linear,
            model_error: ModelError::INTRINSIC,
            bounds: LabelBounds::Box { margin: 0.5 },
            ivar_threshold: None,
            min_pixels: 20,
            start: Start::Fast,
            evaluator: Evaluator::Compressed(CellOptions::default()),
            minimizer: LevenbergOptions {
                reduction_tolerance: REDUCTION_TOLERANCE,
                ..LevenbergOptions::default()
            },
        }
    }
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitStatus {
    /// Labels and errors hold.
    Converged,
    /// Labels are the best so far.
    MaxIterations,
    /// The spectrum does not determine all labels: labels are the best found, errors are NaN.
    Singular,
    /// Too few pixels have weight: labels are NaN.
    TooFewPixels,
    /// No training spectrum to start from: labels are NaN.
    NotStarted,
}

impl FitStatus {
    /// The word written to tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::MaxIterations => "max_iterations",
            Self::Singular => "singular",
            Self::TooFewPixels => "too_few_pixels",
            Self::NotStarted => "not_started",
        }
    }
}

/// Labels of one star. NaN occurs where `status` or `fixed` says why.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelFit {
    /// Physical units, `(n_label,)`.
    pub labels: Array1<f64>,
    /// (J^T W J)^-1 in physical units, `(n_label, n_label)`; ignores the bounds.
    pub covariance: Array2<f64>,
    /// Square roots of its diagonal, physical units, `(n_label,)`.
    pub formal_errors: Array1<f64>,
    /// Correlation coefficients, `(n_label, n_label)`.
    pub correlations: Array2<f64>,
    /// Sum of squared weighted residuals, model error included, whatever the loss.
    pub chi2: f64,
    /// Chi-square over used pixels minus free labels.
    pub reduced_chi2: f64,
    /// The same with the intrinsic model variance (see [`ModelError::INTRINSIC`]), whatever the fit was weighted by:
    /// with CV-MSE as sigma chi-square says nothing of the goodness of fit. NaN for a model without CV-MSE.
    pub chi2_intrinsic: f64,
    /// That over used pixels minus free labels.
    pub reduced_chi2_intrinsic: f64,
    /// Pixels of positive weight.
    pub n_pix_used: usize,
    /// How it ended.
    pub status: FitStatus,
    /// Evaluations of the model.
    pub n_evaluations: usize,
    /// Most that the compression of the model can have moved any label, in its formal errors; 0 for exact evaluation.
    pub compression_shift: f64,
    /// Distance to the nearest training star in scaled labels.
    pub hull_distance: f64,
    /// Distance from the convex hull of the training labels, scaled; 0 within.
    pub outside_hull: f64,
    /// Whether the labels lie in the convex hull of the training labels, 1e-9 scaled of rounding allowed.
    pub in_hull: bool,
    /// Whether the labels lie in the box of the training labels, without margin.
    pub inside_box: bool,
    /// Bit l is set where label l stopped at a bound.
    pub at_bound: u32,
    /// Bit l is set where label l is constant in the training set: it is held there and has no error.
    pub fixed: u32,
    /// Training row of the start.
    pub start_index: Option<usize>,
}
