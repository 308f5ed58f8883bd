//! A model's pixels trained again on some of its rows: what its folds are fitted with.

use ndarray::{Array2, ArrayView2, Axis};

use super::{PixelModel, PixelSpectra, SlamError, SlamModel, TrainingLabels, refit_pixels};
use crate::science::svr::{HyperParameters, SvrSolver};

/// Flux and inverse variance of some pixels and rows of a training set, `(n_chosen, n_kept)`.
pub struct RowsOfPixels {
    wave_angstrom: Vec<f64>,
    flux: Array2<f64>,
    ivar: Array2<f64>,
    /// Dual coefficients of the model.
    start: Array2<f64>,
}

impl RowsOfPixels {
    /// The `pixels` and the rows `kept` of a model's training set, whose `flux` and `ivar` are `(n_pix, n_train)`.
    pub fn new(
        model: &SlamModel,
        flux: ArrayView2<'_, f64>,
        ivar: ArrayView2<'_, f64>,
        pixels: &[usize],
        kept: &[usize],
    ) -> Self {
        let of = |values: ArrayView2<'_, f64>| values.select(Axis(0), pixels).select(Axis(1), kept);
        let wave_angstrom = pixels.iter().map(|&j| model.wave_angstrom[j]).collect();
        Self { wave_angstrom, flux: of(flux), ivar: of(ivar), start: of(model.dual.view()) }
    }

    /// The same, a pixel at a time.
    pub fn spectra(&self) -> Vec<PixelSpectra<'_>> {
        let waves = self.wave_angstrom.iter().enumerate();
        waves
            .map(|(at, &wave_angstrom)| PixelSpectra {
                wave_angstrom,
                flux: self.flux.row(at),
                ivar: self.ivar.row(at),
            })
            .collect()
    }
}

impl SlamModel {
    /// The hyper-parameters that all rows together chose for pixel `j`.
    pub fn hyper_parameters(&self, j: usize) -> HyperParameters {
        HyperParameters { c: self.c[j], gamma: self.gamma[j], epsilon: self.epsilon[j] }
    }

    /// Trains `pixels` again on `rows`, with the hyper-parameters of the whole model and from its coefficients; its
    /// CV-MSE is brought to the flux scale of these rows. `limits`: fewest stars of a usable pixel, largest violation of optimality.
    ///
    /// # Errors
    /// Labels and rows that do not fit each other.
    pub fn refit(
        &self,
        labels: &TrainingLabels,
        rows: &RowsOfPixels,
        pixels: &[usize],
        limits: (usize, f64),
        solver: &dyn SvrSolver,
    ) -> Result<Vec<PixelModel>, SlamError> {
        let stored: Vec<HyperParameters> =
            pixels.iter().map(|&j| self.hyper_parameters(j)).collect();
        let mut trained = refit_pixels(
            labels,
            &rows.spectra(),
            &stored,
            Some(rows.start.view()),
            limits,
            solver,
        )?;
        for (pixel, &j) in trained.iter_mut().zip(pixels) {
            let ratio = self.flux_scale[j] / pixel.flux_scale;
            pixel.cv_mse = self.cv_mse[j] * ratio * ratio;
        }
        Ok(trained)
    }
}
