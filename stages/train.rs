//! Train (§2.2, step 2): one support-vector regression a pixel, its hyper-parameters by the smallest CV-MSE (eq. 1).
//!
//! | port | reads |
//! |---|---|
//! | `pixels` (driving) | `pixel`, `wave_angstrom`, `flux` and `ivar` of all training spectra |
//! | `training` (whole) | star id and labels of the training spectra, in the same order |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `model` | a pixel | status, dual coefficients, bias, C, gamma, epsilon, flux mean and scale, CV-MSE, training MSE, mean photon variance, optimality, number of spectra, CV-MSE of every cell |
//!
//! Deviations: the paper prints neither grid nor folds. By default the grid is that of the authors'
//! tutorial, and ten folds hold out whole stars; `fold_by = "unshuffled"` cuts the spectra that
//! have the pixel into runs, as the released code does.

use ndarray::Array2;
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
    #[serde(default = "super::defaults::folds")]
    folds: usize,
    /// What is held out together.
    #[serde(default)]
    fold_by: FoldBy,
    /// What solves the regressions.
    #[serde(default)]
    solver: Solver,
    /// Where the solver stops, scaled flux.
    #[serde(default = "super::defaults::tolerance")]
    tolerance: f64,
    /// Largest violation of optimality of a usable pixel, scaled flux.
    #[serde(default = "super::defaults::max_kkt")]
    max_kkt: f64,
    /// Fewest spectra that make a pixel usable.
    #[serde(default = "super::defaults::min_stars")]
    min_stars: usize,
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
        vec![Port::driving("pixels", pixels), Port::whole("training", labels)]
    }

    fn outputs(&self, _inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        check_labels(&self.labels)?;
        self.grid.cells()?;
        self.solver.ready(self.tolerance)?;
        let mut columns = model_columns();
        for column in columns.iter_mut().filter(|c| c.meta.name == "dual") {
            for label in &self.labels {
                *column = column.clone().from("training", label, "trained");
            }
        }
        Ok(vec![Output::table("model", columns).id("pixel")])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("folds")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let labels = training_labels(job.table("training")?, &self.labels)?;
        let pixels = Pixels {
            wave_angstrom: f64s(job, "pixels", "wave_angstrom")?,
            flux: matrix(job.table("pixels")?, "flux", labels.n_train())?,
            ivar: matrix(job.table("pixels")?, "ivar", labels.n_train())?,
        };
        let stars = ids(job, "training", &self.star_id)?;
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
    let trained: Vec<_> = (0..pixels.wave_angstrom.len())
        .into_par_iter()
        .map(|j| {
            let spectra = PixelSpectra {
                wave_angstrom: pixels.wave_angstrom[j],
                flux: pixels.flux.row(j),
                ivar: pixels.ivar.row(j),
            };
            train_pixel(labels, &spectra, options, solver)
        })
        .collect();
    trained.into_iter().map(|pixel| Ok(pixel?)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::read_model;
    use super::*;
    use arrow::array::RecordBatch;
    use ndarray::Array1;

    use crate::science::cross_validation::Folds;
    use crate::science::slam::{HyperGrid, SlamModel};
    use crate::science::svr_linfa::LinfaSolver;

    const N_TRAIN: usize = 40;

    fn labels() -> TrainingLabels {
        let physical = Array2::from_shape_fn((N_TRAIN, 2), |(i, l)| {
            if l == 0 { 3000.0 + 20.0 * i as f64 } else { (i as f64 * 0.618).fract() - 0.5 }
        });
        TrainingLabels::new(vec!["Teff".into(), "Fe_H".into()], physical).unwrap()
    }

    /// The last pixel is masked in all spectra.
    fn pixels(labels: &TrainingLabels) -> Pixels {
        let flux = Array2::from_shape_fn((3, N_TRAIN), |(j, i)| {
            1.0 + 0.1 * (labels.scaled[[i, 0]] + j as f64).sin() + 0.05 * labels.scaled[[i, 1]]
        });
        let ivar = Array2::from_shape_fn((3, N_TRAIN), |(j, _)| if j == 2 { 0.0 } else { 1e4 });
        Pixels { wave_angstrom: vec![7000.0, 7002.0, 7004.0], flux, ivar }
    }

    fn trained() -> (TrainingLabels, Vec<PixelModel>) {
        let labels = labels();
        let stars: Vec<usize> = (0..N_TRAIN).collect();
        let folds = Folds::by_star(&stars, 4, 1).unwrap();
        let grid = HyperGrid::new(&[1.0, 10.0], &[0.05], &[0.3]).unwrap();
        let options = TrainOptions {
            grid: &grid,
            folds: PixelFolds::Assigned(&folds),
            min_stars: 10,
            max_kkt: 1e-3,
        };
        let solver = LinfaSolver::default();
        let trained = train_pixels(&labels, &pixels(&labels), &options, &solver).unwrap();
        (labels, trained)
    }

    #[test]
    fn the_table_gives_back_the_model() {
        let (labels, pixels) = trained();
        let names = model_columns().into_iter().map(|c| c.meta.name);
        let arrays = model_arrays(vec![0, 1, 2], &pixels);
        let table = RecordBatch::try_from_iter(names.zip(arrays)).unwrap();
        let read = read_model(&table, &labels).unwrap();
        let made = SlamModel::from_pixels(&labels, &pixels).unwrap();
        let theta: Array1<f64> = labels.physical.row(7).to_owned();
        let (a, b) = (read.flux(theta.view()), made.flux(theta.view()));
        assert!(a.iter().zip(&b).take(2).all(|(a, b)| a.to_bits() == b.to_bits()));
        assert!(a[2].is_nan() && read.status[2] == PixelStatus::TooFewStars);
        assert_eq!((&read.dual, &read.n_used), (&made.dual, &made.n_used));
        assert_eq!(table.column_by_name("cv_mse").unwrap().null_count(), 1);
        assert_eq!(pixels[0].cv_surface.len(), 2);
    }

    #[test]
    fn a_model_of_another_training_set_is_refused() {
        let (labels, pixels) = trained();
        let names = model_columns().into_iter().map(|c| c.meta.name);
        let table =
            RecordBatch::try_from_iter(names.zip(model_arrays(vec![0, 1, 2], &pixels))).unwrap();
        let fewer = labels.physical.slice(ndarray::s![..30, ..]).to_owned();
        let other = TrainingLabels::new(labels.names.clone(), fewer).unwrap();
        let why = read_model(&table, &other).unwrap_err().to_string();
        assert!(why.contains("40") && why.contains("30"), "{why}");
    }
}
