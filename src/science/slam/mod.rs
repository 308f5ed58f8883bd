//! SLAM, the Stellar LAbel Machine, as plain tables (Li et al. 2021, §2; Zhang et al. 2020, ApJS 246, 9).
//!
//! Training: [`train_pixel`] fits one wavelength pixel (its hyper-parameters chosen by cross-validation) and returns a
//! [`PixelModel`], one row of the [`SlamModel`]. Prediction: a [`LabelFitter`] prepares the model once, then
//! [`LabelFitter::fit`] infers the labels of one spectrum. Everything between is scaled: labels by the training set's
//! mean and standard deviation, flux by each pixel's.
//!
//! | file | subject |
//! |---|---|
//! | `grid` | hyper-parameter grids |
//! | `train` | one pixel: cross-validation, best cell, last fit |
//! | `pixel` | the row of one pixel |
//! | `model` | the tables, flux(theta), Jacobian |
//! | `kernel` | exact evaluation for many stars |
//! | `reduced`, `basis`, `cells`, `cell_options` | compressed evaluation: fewer centers, polynomials, cells of label space |
//! | `lanes` | inner loops |
//! | `weights` | what a pixel weighs: photon noise and model error |
//! | `start` | a training spectrum that is near in chi-square |
//! | `label_fit` | options and result of a label fit |
//! | `basin` | lower optima near the one found |
//! | `minimize` | the minimizations |
//! | `fit` | labels of stars, errors, flags |
//! | `influence` | which training spectra the model leans on at given labels |
//! | `posterior` | ensemble sampling for chosen stars |
//!
//! # Example
//! Sixty made-up stars of two labels and twenty-four pixels; then the labels of a spectrum that the model has not seen.
//!
//! ```
//! use mdwarf::science::slam::{
//!     FitOptions, FitStatus, HyperGrid, LabelFitter, ModelError, PixelFolds, PixelSpectra, SlamModel, TrainOptions,
//!     TrainingLabels, train_pixel,
//! };
//! use mdwarf::science::{svr::HyperParameters, svr_linfa::LinfaSolver};
//! use ndarray::{Array1, Array2};
//!
//! let flux = |pixel: usize, teff_k: f64, m_h: f64| {
//!     let phase = 0.7 * pixel as f64;
//!     1.0 + 0.1 * ((teff_k - 3400.0) / 400.0 + phase).sin() + 0.1 * m_h * (1.9 * phase).cos()
//! };
//! // Labels of the training set, (n_train, n_label).
//! let physical = Array2::from_shape_fn((60, 2), |(star, label)| {
//!     if label == 0 { 3000.0 + 15.0 * star as f64 } else { (0.618 * star as f64).fract() - 0.5 }
//! });
//! let labels = TrainingLabels::new(vec!["teff_k".into(), "m_h".into()], physical)?;
//! let grid = HyperGrid::fixed(HyperParameters { c: 10.0, gamma: 0.3, epsilon: 0.02 })?;
//! let options = TrainOptions { grid: &grid, folds: PixelFolds::None, min_stars: 30, max_kkt: 1e-3 };
//! let pixels = (0..24)
//!     .map(|pixel| {
//!         let stars = labels.physical.outer_iter();
//!         let spectra: Array1<f64> = stars.map(|star| flux(pixel, star[0], star[1])).collect();
//!         let ivar = Array1::from_elem(60, 1e4);
//!         let wave_angstrom = 7000.0 + 2.0 * pixel as f64;
//!         let pixel = PixelSpectra { wave_angstrom, flux: spectra.view(), ivar: ivar.view() };
//!         train_pixel(&labels, &pixel, &options, &LinfaSolver::default())
//!     })
//!     .collect::<Result<Vec<_>, _>>()?;
//! let model = SlamModel::from_pixels(&labels, &pixels)?;
//!
//! // Without folds there is no CV-MSE to take the error of the model from.
//! let options = FitOptions { model_error: ModelError::None, ..FitOptions::default() };
//! let fitter = LabelFitter::new(&model, options)?;
//! let observed: Array1<f64> = (0..24).map(|pixel| flux(pixel, 3333.0, 0.1)).collect();
//! let fit = fitter.fit(observed.view(), Array1::from_elem(24, 1e4).view())?;
//! assert_eq!(fit.status, FitStatus::Converged);
//! assert!((fit.labels[0] - 3333.0).abs() < 10.0 && (fit.labels[1] - 0.1).abs() < 0.03);
//! assert!(fit.in_hull && fit.formal_errors[0] < 30.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod basin;
mod basis;
mod cell_options;
mod cells;
mod fit;
mod grid;
mod influence;
mod kernel;
mod label_fit;
mod lanes;
mod minimize;
mod model;
mod pixel;
mod posterior;
mod reduced;
mod refit;
mod sparse;
mod start;
mod train;
mod weights;

#[cfg(test)]
mod bad_input_tests;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod synthetic;

pub use cell_options::CellOptions;
pub use cells::CellEvaluator;
pub use fit::LabelFitter;
pub use grid::HyperGrid;
pub use influence::Influence;
pub use kernel::KernelEvaluator;
pub use label_fit::{Evaluator, FitOptions, FitStatus, LabelBounds, LabelFit, Loss, Start};
pub use model::{FluxEvaluator, SlamModel};
pub use pixel::{PixelModel, PixelStatus};
pub use posterior::{Posterior, PosteriorOptions};
pub use refit::RowsOfPixels;
pub use train::{
    PixelFolds, PixelSpectra, TrainOptions, TrainingLabels, refit_pixels, train_pixel, train_pixels,
};
pub use weights::ModelError;

use super::cross_validation::FoldError;
use super::hull::HullError;
use super::labels::LabelError;
use super::svr::SvrError;

/// Why SLAM could not train or predict.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SlamError {
    /// An array does not have the length that the training set or model asks for.
    #[error(
        "`{what}` has length {found}, expected {expected}; both must follow the same training set and pixel grid"
    )]
    Length {
        /// Which array.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it should have.
        expected: usize,
    },
    /// A name that is not an option.
    #[error("`{found}` is no {what}; use one of {known}")]
    Unknown {
        /// Kind of option.
        what: &'static str,
        /// What was given.
        found: String,
        /// The choices.
        known: &'static str,
    },
    /// An option out of its range.
    #[error("{what} = {value} is out of range; {range}")]
    Option {
        /// Which option.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        range: &'static str,
    },
    /// An empty hyper-parameter grid, or one of several cells without folds to choose by.
    #[error(
        "a grid of {n_cell} cells cannot be decided {how}; give one cell, or folds and at least one cell"
    )]
    Grid {
        /// Cells.
        n_cell: usize,
        /// With or without folds.
        how: &'static str,
    },
    /// The model error asks for a column that the model lacks.
    #[error(
        "model error `{model_error}` needs {column} of usable pixel {pixel}, which is missing; train with folds"
    )]
    MissingColumn {
        /// The option.
        model_error: &'static str,
        /// The missing column.
        column: &'static str,
        /// The first pixel without it.
        pixel: usize,
    },
    /// The labels of the training set.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// The hull of the training labels.
    #[error(transparent)]
    Hull(#[from] HullError),
    /// The folds.
    #[error(transparent)]
    Folds(#[from] FoldError),
    /// A regression of one pixel.
    #[error("SLAM pixel at {wave_angstrom} Angstrom: {source}")]
    Pixel {
        /// Vacuum wavelength.
        wave_angstrom: f64,
        /// What went wrong.
        source: SvrError,
    },
}

/// Refuses an array of the wrong length.
fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), SlamError> {
    if found == expected { Ok(()) } else { Err(SlamError::Length { what, found, expected }) }
}
