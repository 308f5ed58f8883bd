//! Train (§2.2, step 2): one support-vector regression a pixel, its hyper-parameters by the smallest CV-MSE (eq. 1).
//!
//! | port | reads |
//! |---|---|
//! | `training` (whole) | star id and labels of the training spectra |
//! | `pixels` (driving) | `pixel`, `wave_angstrom`, `flux` and `ivar` of all training spectra, in the same order; the output `pixels` of the same node where it is not bound |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `model` | a pixel | status, dual coefficients, bias, C, gamma, epsilon, flux mean and scale, CV-MSE, training MSE, mean photon variance, optimality, number of spectra, CV-MSE of the cells |
//!
//! Deviations: the paper prints neither grid nor folds. By default the grid is that of the authors'
//! tutorial, and ten folds hold out whole stars; `fold_by = "unshuffled"` cuts the spectra that
//! have the pixel into runs, as the released code does. A cell of the grid is left once some of its folds exceed what
//! another has in all, which cannot change the choice; `search = "complete"` goes on. `solver = "linfa"` is an independent check,
//! some hundred times slower.

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64s, ids};
use super::model::{FoldBy, Grid, SearchChoice, Solver, matrix, model_arrays, model_columns};
use super::support::{label_names, read_training, training_port};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{Job, Need, Output, Port, Product, Schemas, Stage, StageError};
use crate::engine::types::{F64, I64};
use crate::science::slam::{PixelFolds, PixelSpectra, PixelStatus, TrainOptions, train_pixels};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Train>("train", 6, "trains SLAM: one support-vector regression a pixel");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Hyper-parameters to choose from.
    #[serde(default)]
    grid: Grid,
    /// Which cells of the grid are brought to their end.
    #[serde(default)]
    search: SearchChoice,
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
        let pixels = Port::driving("pixels", pixels).beside("training", "pixels");
        vec![pixels, training_port("training")]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let labels = label_names(&inputs["training"])?;
        self.grid.cells()?;
        self.solver.ready(self.tolerance)?;
        let mut columns = model_columns();
        for column in columns.iter_mut().filter(|c| c.meta.name == "dual") {
            for label in &labels {
                *column = column.clone().from("training", label, "trained");
            }
        }
        Ok(vec![Output::table("model", columns).id("pixel")])
    }

    fn seed_purpose(&self) -> Option<&str> {
        Some("folds")
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let (labels, _) = read_training(job, "training")?;
        let pixels = Pixels {
            wave_angstrom: f64s(job, "pixels", "wave_angstrom")?,
            flux: matrix(job.table("pixels")?, "flux", labels.n_train())?,
            ivar: matrix(job.table("pixels")?, "ivar", labels.n_train())?,
        };
        let stars = ids(job, "training", "star_id")?;
        let assigned = match self.fold_by {
            FoldBy::Star if self.folds > 0 => {
                Some(self.fold_by.folds(&stars, self.folds, job.seed()?)?)
            }
            _ => None,
        };
        let grid = self.grid.cells()?.searched(self.search.search());
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
        let trained = train_pixels(
            &labels,
            &pixels.spectra(),
            &options,
            &*self.solver.ready(self.tolerance)?,
        )?;
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

impl Pixels {
    /// Pixels as the trainer takes them, in their order.
    fn spectra(&self) -> Vec<PixelSpectra<'_>> {
        let one = |(j, &wave_angstrom): (usize, &f64)| PixelSpectra {
            wave_angstrom,
            flux: self.flux.row(j),
            ivar: self.ivar.row(j),
        };
        self.wave_angstrom.iter().enumerate().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::read_model;
    use super::*;
    use arrow::array::RecordBatch;
    use ndarray::Array1;

    use crate::science::cross_validation::Folds;
    use crate::science::shared_kernel::SharedKernelSolver;
    use crate::science::slam::{HyperGrid, PixelModel, SlamModel, TrainingLabels};

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
            max_kkt: 1e-5,
        };
        let solver = SharedKernelSolver::default();
        let pixels = pixels(&labels);
        let trained = train_pixels(&labels, &pixels.spectra(), &options, &solver).unwrap();
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
