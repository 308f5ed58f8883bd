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
//! | `model` | the tables, flux(theta), Jacobian |
//! | `weights` | what a pixel weighs: photon noise and model error |
//! | `start` | the chi-square nearest training spectrum |
//! | `label_fit` | options and result of a label fit |
//! | `fit` | labels of one star, errors, flags |

mod fit;
mod grid;
mod label_fit;
mod model;
mod start;
mod train;
mod weights;

#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod synthetic;

pub use fit::LabelFitter;
pub use grid::HyperGrid;
pub use label_fit::{FitOptions, FitStatus, LabelBounds, LabelFit, Loss};
pub use model::{FluxEvaluator, KernelEvaluator, SlamModel};
pub use start::TrainingFlux;
pub use train::{
    PixelFolds, PixelModel, PixelSpectra, PixelStatus, TrainOptions, TrainingLabels, train_pixel,
};
pub use weights::ModelError;

use super::cross_validation::FoldError;
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
