//! One fold: a model of the other stars' spectra, and the labels that it gives to the held-out ones.

use ndarray::{Array2, Axis};

use super::super::model::FoldBy;
use crate::engine::stage::StageError;
use crate::science::cross_validation::Folds;
use crate::science::slam::{
    FitOptions, HyperGrid, LabelFit, LabelFitter, PixelFolds, PixelModel, RowsOfPixels, SlamError,
    SlamModel, TrainOptions, TrainingLabels, train_pixels,
};
use crate::science::svr::SvrSolver;

/// Everything that the folds share.
pub struct Training {
    /// Labels in physical units and scaled.
    pub labels: TrainingLabels,
    /// `(n_train,)`.
    pub stars: Vec<i64>,
    /// Normalized flux, `(n_pix, n_train)`.
    pub flux: Array2<f64>,
    /// Its inverse variance, `(n_pix, n_train)`.
    pub ivar: Array2<f64>,
    /// Trained on all spectra.
    pub model: SlamModel,
}

/// How a fold is trained and its spectra are fitted.
pub struct Setting<'a> {
    pub solver: &'a dyn SvrSolver,
    /// Grid, what is held out together, number of folds and seed of the inner cross-validation.
    pub nested: Option<(&'a HyperGrid, FoldBy, usize, u64)>,
    pub min_stars: usize,
    pub max_kkt: f64,
    pub options: FitOptions,
}

/// The model of a fold, ready to fit.
pub struct FoldModel {
    fitter: LabelFitter,
    /// Pixels of the whole grid that it is made of.
    pixels: Vec<usize>,
}

impl FoldModel {
    /// Fits spectra on the whole grid; `flux` and its inverse variance are `(n_star, n_pix)`.
    pub fn fit(&self, flux: &Array2<f64>, ivar: &Array2<f64>) -> Result<Vec<LabelFit>, StageError> {
        let of_model = |values: &Array2<f64>| values.select(Axis(1), &self.pixels);
        Ok(self.fitter.fit_many(of_model(flux).view(), of_model(ivar).view())?)
    }
}

impl Training {
    /// Refuses a model of other pixels.
    pub fn check(&self) -> Result<(), StageError> {
        if self.flux.nrows() == self.model.n_pix() {
            return Ok(());
        }
        Err(StageError::new(format!(
            "`pixels` has {} rows, the model has {}; bind the pixels on which it was trained",
            self.flux.nrows(),
            self.model.n_pix()
        )))
    }

    /// A model of the `kept` spectra.
    pub fn fold(&self, setting: &Setting<'_>, kept: &[usize]) -> Result<FoldModel, StageError> {
        let physical = self.labels.physical.select(Axis(0), kept);
        let labels = TrainingLabels::new(self.labels.names.clone(), physical)?;
        let usable = self.model.usable();
        let pixels: Vec<usize> = (0..usable.len()).filter(|&j| usable[j]).collect();
        let inner = match setting.nested {
            Some((_, by, n_folds, seed)) => {
                let stars: Vec<i64> = kept.iter().map(|&row| self.stars[row]).collect();
                // A small sample may have fewer stars left than there are folds.
                let n_star = stars.iter().collect::<std::collections::BTreeSet<_>>().len();
                Some(by.folds(&stars, n_folds.min(n_star), seed)?)
            }
            None => None,
        };
        let trained = self.train(setting, &labels, inner.as_ref(), kept, &pixels)?;
        let model = SlamModel::from_pixels(&labels, &trained)?;
        Ok(FoldModel { fitter: LabelFitter::new(&model, setting.options)?, pixels })
    }

    /// Fits the `held_out` training spectra.
    pub fn held_out(
        &self,
        model: &FoldModel,
        held_out: &[usize],
    ) -> Result<Vec<LabelFit>, StageError> {
        let spectra = |values: &Array2<f64>| {
            values.select(Axis(0), &model.pixels).select(Axis(1), held_out).reversed_axes()
        };
        let (flux, ivar) = (spectra(&self.flux), spectra(&self.ivar));
        Ok(model.fitter.fit_many(flux.view(), ivar.view())?)
    }

    /// The `pixels` of a fold's model.
    fn train(
        &self,
        setting: &Setting<'_>,
        labels: &TrainingLabels,
        inner: Option<&Folds>,
        kept: &[usize],
        pixels: &[usize],
    ) -> Result<Vec<PixelModel>, SlamError> {
        let (flux, ivar) = (self.flux.view(), self.ivar.view());
        let rows = RowsOfPixels::new(&self.model, flux, ivar, pixels, kept);
        let limits = (setting.min_stars, setting.max_kkt);
        let (Some((grid, ..)), Some(inner)) = (setting.nested, inner) else {
            return self.model.refit(labels, &rows, pixels, limits, setting.solver);
        };
        let (min_stars, max_kkt) = limits;
        let options = TrainOptions { grid, folds: PixelFolds::Assigned(inner), min_stars, max_kkt };
        train_pixels(labels, &rows.spectra(), &options, setting.solver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::science::shared_kernel::SharedKernelSolver;
    use crate::science::slam::{LabelBounds, Loss, ModelError};

    const N_TRAIN: usize = 60;
    const N_PIX: usize = 24;

    fn training(physical: Array2<f64>, flux: Array2<f64>) -> Training {
        let labels = TrainingLabels::new(vec!["Teff".into(), "Fe_H".into()], physical).unwrap();
        let ivar = Array2::from_elem((N_PIX, N_TRAIN), 1e4);
        let stars: Vec<i64> = (0..N_TRAIN as i64).collect();
        let folds = FoldBy::Star.folds(&stars, 3, 1).unwrap();
        let grid = HyperGrid::new(&[10.0], &[0.05], &[0.3]).unwrap();
        let options = TrainOptions {
            grid: &grid,
            folds: PixelFolds::Assigned(&folds),
            min_stars: 10,
            max_kkt: 1e-3,
        };
        let pixels: Vec<PixelModel> = (0..N_PIX)
            .map(|j| {
                let spectra = crate::science::slam::PixelSpectra {
                    wave_angstrom: 7000.0 + j as f64,
                    flux: flux.row(j),
                    ivar: ivar.row(j),
                };
                let solver = SharedKernelSolver::default();
                train_pixels(&labels, &[spectra], &options, &solver).unwrap().remove(0)
            })
            .collect();
        let model = SlamModel::from_pixels(&labels, &pixels).unwrap();
        Training { labels, stars, flux, ivar, model }
    }

    fn simulated() -> Training {
        let physical = Array2::from_shape_fn((N_TRAIN, 2), |(i, l)| {
            if l == 0 { 3000.0 + 15.0 * i as f64 } else { (i as f64 * 0.618).fract() - 0.5 }
        });
        let flux = Array2::from_shape_fn((N_PIX, N_TRAIN), |(j, i)| {
            let phase = j as f64 * 0.7;
            let (t, m) = ((physical[[i, 0]] - 3450.0) / 260.0, physical[[i, 1]]);
            1.0 + 0.1 * (0.5 * t + phase).sin() + 0.3 * m * (1.9 * phase).cos()
        });
        training(physical, flux)
    }

    fn setting<'a>(solver: &'a SharedKernelSolver, grid: Option<&'a HyperGrid>) -> Setting<'a> {
        let options = FitOptions {
            loss: Loss::Linear,
            model_error: ModelError::Rmse,
            bounds: LabelBounds::Box { margin: 0.5 },
            ..FitOptions::default()
        };
        let nested = grid.map(|grid| (grid, FoldBy::Star, 3, 5));
        Setting { solver, nested, min_stars: 10, max_kkt: 1e-3, options }
    }

    fn split() -> (Vec<usize>, Vec<usize>) {
        (0..N_TRAIN).partition(|i| i % 5 != 2)
    }

    #[test]
    fn held_out_labels_are_found() {
        let training = simulated();
        let (kept, held_out) = split();
        let solver = SharedKernelSolver::default();
        let grid = HyperGrid::new(&[1.0, 10.0], &[0.05], &[0.3]).unwrap();
        for grid in [None, Some(&grid)] {
            let model = training.fold(&setting(&solver, grid), &kept).unwrap();
            let fits = training.held_out(&model, &held_out).unwrap();
            let spectra =
                |values: &Array2<f64>| values.select(Axis(1), &held_out).reversed_axes().to_owned();
            assert_eq!(
                fits,
                model.fit(&spectra(&training.flux), &spectra(&training.ivar)).unwrap()
            );
            assert_eq!(fits.len(), held_out.len());
            for (fit, row) in fits.iter().zip(&held_out) {
                let truth = training.labels.physical.row(*row);
                assert!((fit.labels[0] - truth[0]).abs() < 40.0, "{} {}", fit.labels, truth);
                assert!((fit.labels[1] - truth[1]).abs() < 0.1, "{} {}", fit.labels, truth);
            }
        }
    }

    #[test]
    fn the_labels_of_held_out_stars_are_not_looked_at() {
        let honest = simulated();
        let (kept, held_out) = split();
        let mut physical = honest.labels.physical.clone();
        for &row in &held_out {
            physical[[row, 0]] = 9000.0 - physical[[row, 0]];
        }
        // The stored model only lends its hyper-parameters: keep it, so that the labels alone differ.
        let mut lied = Training {
            labels: TrainingLabels::new(honest.labels.names.clone(), physical).unwrap(),
            stars: honest.stars.clone(),
            flux: honest.flux.clone(),
            ivar: honest.ivar.clone(),
            model: honest.model.clone(),
        };
        let solver = SharedKernelSolver::default();
        let fit = |training: &Training| {
            let model = training.fold(&setting(&solver, None), &kept).unwrap();
            training.held_out(&model, &held_out).unwrap()
        };
        assert_eq!(fit(&honest), fit(&lied));
        lied.flux = lied.flux.slice(ndarray::s![..3, ..]).to_owned();
        assert!(lied.check().is_err() && honest.check().is_ok());
    }
}
