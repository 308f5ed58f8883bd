//! Train (§2.2, step 2): one support-vector regression a pixel, its hyper-parameters by the smallest CV-MSE (eq. 1).
//!
//! | port | reads |
//! |---|---|
//! | `pixels` (driving) | `pixel`, `wave_angstrom`, `flux` and `ivar` of all training spectra |
//! | `labels` (whole) | star id and labels of the training spectra, in the same order |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `model` | a pixel | status, dual coefficients, bias, C, gamma, epsilon, flux mean and scale, CV-MSE, training MSE, mean photon variance, optimality, number of spectra, CV-MSE of every cell |
//!
//! Deviations: the paper prints neither grid nor folds. By default the grid is that of the authors'
//! tutorial, and ten folds hold out whole stars; `fold_by = "unshuffled"` cuts the spectra that
//! have the pixel into runs, as the released code does.

use ndarray::{Array1, Array2};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64s, ids};
use super::model::{
    FoldBy, Grid, Solver, check_labels, matrix, model_arrays, model_columns, training_labels,
};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::{F64, I64};
use crate::science::slam::{
    PixelFolds, PixelModel, PixelSpectra, PixelStatus, TrainOptions, TrainingLabels, train_pixel,
};
use crate::science::svr::SvrSolver;

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Train>("train", 1, "trains SLAM: one support-vector regression a pixel");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Label columns.
    labels: Vec<String>,
    /// Column that tells which spectra are of one star.
    star_id: String,
    /// Hyper-parameters to choose from.
    #[serde(default)]
    grid: Grid,
    /// Folds of the cross-validation; 0 for none, with a grid of one cell.
    #[serde(default = "ten")]
    folds: usize,
    /// What is held out together.
    #[serde(default)]
    fold_by: FoldBy,
    /// What solves the regressions.
    #[serde(default)]
    solver: Solver,
    /// Where the solver stops, scaled flux.
    #[serde(default = "tolerance")]
    tolerance: f64,
    /// Largest violation of optimality of a usable pixel, scaled flux.
    #[serde(default = "max_kkt")]
    max_kkt: f64,
    /// Fewest spectra that make a pixel usable.
    #[serde(default = "thirty")]
    min_stars: usize,
}

fn ten() -> usize {
    10
}

fn tolerance() -> f64 {
    1e-5
}

fn max_kkt() -> f64 {
    1e-3
}

fn thirty() -> usize {
    30
}

impl Stage for Train {
    fn ports(&self) -> Vec<Port> {
        let pixels = vec![
            Need::of("pixel", I64),
            Need::in_unit("wave_angstrom", "Angstrom"),
            Need::of("flux", F64.list()),
            Need::of("ivar", F64.list()),
        ];
        let mut labels = vec![Need::any(&self.star_id)];
        labels.extend(self.labels.iter().map(Need::any));
        vec![Port::driving("pixels", pixels), Port::whole("labels", labels)]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        check_labels(&self.labels)?;
        self.grid.cells()?;
        self.solver.ready(self.tolerance)?;
        let mut columns = model_columns();
        for column in columns.iter_mut().filter(|c| c.meta.name == "dual") {
            for label in &self.labels {
                *column = column.clone().from("labels", label, "trained");
            }
        }
        Ok(vec![Output::table("model", columns).id("pixel")])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("folds")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let labels = training_labels(job.table("labels")?, &self.labels)?;
        let pixels = Pixels {
            wave_angstrom: f64s(job, "pixels", "wave_angstrom")?,
            flux: matrix(job.table("pixels")?, "flux", labels.n_train())?,
            ivar: matrix(job.table("pixels")?, "ivar", labels.n_train())?,
        };
        let stars = ids(job, "labels", &self.star_id)?;
        let assigned = match self.fold_by {
            FoldBy::Star if self.folds > 0 => {
                Some(self.fold_by.folds(&stars, self.folds, job.seed()?)?)
            }
            _ => None,
        };
        let grid = self.grid.cells()?;
        let options = TrainOptions {
            grid: &grid,
            folds: match &assigned {
                Some(folds) => PixelFolds::Assigned(folds),
                None if self.folds == 0 => PixelFolds::None,
                None => PixelFolds::ConsecutiveUsed { n_folds: self.folds },
            },
            min_stars: self.min_stars,
            max_kkt: self.max_kkt,
        };
        let trained =
            train_pixels(&labels, &pixels, &options, &*self.solver.ready(self.tolerance)?)?;
        let usable = trained.iter().filter(|p| p.status == PixelStatus::Usable).count();
        job.note(format!("{usable} of {} pixels are usable", trained.len()));
        let ids = ids(job, "pixels", "pixel")?;
        Ok(vec![Product::new("model", model_arrays(ids, &trained))])
    }
}

/// Pixels of the training spectra.
struct Pixels {
    /// `(n_pix,)`.
    wave_angstrom: Vec<f64>,
    /// Normalized flux, `(n_pix, n_train)`.
    flux: Array2<f64>,
    /// Its inverse variance, `(n_pix, n_train)`.
    ivar: Array2<f64>,
}

/// Trains all pixels, in their order; threads change nothing, not even which failure is told.
fn train_pixels(
    labels: &TrainingLabels,
    pixels: &Pixels,
    options: &TrainOptions<'_>,
    solver: &dyn SvrSolver,
) -> Result<Vec<PixelModel>, StageError> {
    let rows: Vec<(Array1<f64>, Array1<f64>)> = pixels
        .flux
        .outer_iter()
        .zip(pixels.ivar.outer_iter())
        .map(|(flux, ivar)| (flux.to_owned(), ivar.to_owned()))
        .collect();
    let trained: Vec<_> = rows
        .par_iter()
        .zip(&pixels.wave_angstrom)
        .map(|((flux, ivar), wave_angstrom)| {
            let spectra = PixelSpectra {
                wave_angstrom: *wave_angstrom,
                flux: flux.view(),
                ivar: ivar.view(),
            };
            train_pixel(labels, &spectra, options, solver)
        })
        .collect();
    trained.into_iter().map(|pixel| Ok(pixel?)).collect()
}
