//! One trained pixel: a row of the model.

use ndarray::Array1;

use super::super::svr::HyperParameters;
use super::SlamError;

/// Whether a pixel can be used, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelStatus {
    /// Trained.
    Usable,
    /// No or too few stars have it.
    TooFewStars,
    /// All stars have the same flux.
    ConstantFlux,
    /// The solver's solution is not optimal to `max_kkt`.
    NotConverged,
}

impl PixelStatus {
    /// The word written to tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::TooFewStars => "too_few_stars",
            Self::ConstantFlux => "constant_flux",
            Self::NotConverged => "not_converged",
        }
    }

    /// Reads the word of [`Self::name`].
    ///
    /// # Errors
    /// [`SlamError::Unknown`].
    pub fn named(name: &str) -> Result<Self, SlamError> {
        let all = [Self::Usable, Self::TooFewStars, Self::ConstantFlux, Self::NotConverged];
        all.into_iter().find(|status| status.name() == name).ok_or_else(|| SlamError::Unknown {
            what: "pixel status",
            found: name.to_owned(),
            known: "usable, too_few_stars, constant_flux, not_converged",
        })
    }
}

/// One trained pixel: one row of the model. NaN stands where `status` is not `Usable`.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelModel {
    /// Vacuum wavelength.
    pub wave_angstrom: f64,
    /// Whether it can be used.
    pub status: PixelStatus,
    /// Dual coefficients, `(n_train,)`; zero for stars without the pixel, all zero where unusable.
    pub dual: Array1<f64>,
    /// Constant term, scaled flux.
    pub bias: f64,
    /// The chosen cell.
    pub hyper: HyperParameters,
    /// Mean normalized flux of the used stars.
    pub flux_mean: f64,
    /// Population standard deviation of normalized flux.
    pub flux_scale: f64,
    /// Mean over folds of the held-out mean squared error at the chosen cell, scaled flux squared.
    pub cv_mse: f64,
    /// Mean squared error of the last fit on its own stars, scaled flux squared.
    pub train_mse: f64,
    /// Mean photon variance of the used stars, scaled flux squared.
    pub mean_scaled_variance: f64,
    /// Violation of optimality of the last fit, scaled flux.
    pub kkt_residual: f64,
    /// Stars that have the pixel.
    pub n_used: usize,
    /// Held-out mean squared error of every cell in grid order, NaN for cells that were left; empty without folds.
    pub cv_surface: Vec<f64>,
}

impl PixelModel {
    pub(super) fn unusable(
        wave_angstrom: f64,
        status: PixelStatus,
        n_train: usize,
        n_used: usize,
    ) -> Self {
        let missing = f64::NAN;
        Self {
            wave_angstrom,
            status,
            dual: Array1::zeros(n_train),
            bias: missing,
            hyper: HyperParameters { c: missing, gamma: missing, epsilon: missing },
            flux_mean: missing,
            flux_scale: missing,
            cv_mse: missing,
            train_mse: missing,
            mean_scaled_variance: missing,
            kkt_residual: missing,
            n_used,
            cv_surface: Vec::new(),
        }
    }
}
