//! Initial guess: the training star whose model spectrum is nearest in chi-square (Li et al. 2021, §2.2).

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;

use super::SlamModel;
use super::model::KernelEvaluator;

/// Model spectra at the training labels, scaled flux.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingFlux {
    /// `(n_train, n_pix)`; 0 at unusable pixels, which never weigh.
    scaled: Array2<f64>,
}

/// Rows of one matrix product, and pixels between two looks at the best chi-square so far. Fixed, so that neither
/// thread count nor batch moves a bit.
const BLOCK: usize = 128;

impl TrainingFlux {
    /// Predicts the spectra of all training stars.
    pub fn new(model: &SlamModel) -> Self {
        Self::with_evaluator(model, &KernelEvaluator::new(model))
    }

    pub(super) fn with_evaluator(model: &SlamModel, evaluator: &KernelEvaluator<'_>) -> Self {
        let labels = model.scaled_labels();
        let blocks: Vec<ArrayView2<'_, f64>> = labels.axis_chunks_iter(Axis(0), BLOCK).collect();
        let spectra: Vec<Array2<f64>> =
            blocks.par_iter().map(|block| evaluator.scaled_flux(*block)).collect();
        let mut scaled = Array2::zeros((labels.nrows(), model.n_pix()));
        for (i, block) in spectra.into_iter().enumerate() {
            let rows = i * BLOCK..i * BLOCK + block.nrows();
            scaled
                .slice_mut(s![rows, ..])
                .assign(&block.mapv(|f| if f.is_nan() { 0.0 } else { f }));
        }
        Self { scaled }
    }

    /// Scaled flux of the training stars, `(n_train, n_pix)`.
    pub fn scaled(&self) -> ArrayView2<'_, f64> {
        self.scaled.view()
    }

    /// Finds the training row of smallest sum of weight (flux - model)^2; the first of equals.
    ///
    /// `flux` and `weight`, `(n_pix,)`, scaled. `None` where there is no training star or no finite chi-square.
    pub fn nearest(&self, flux: ArrayView1<'_, f64>, weight: ArrayView1<'_, f64>) -> Option<usize> {
        let (flux, weight) = (flux.to_vec(), weight.to_vec());
        let mut nearest: Option<(usize, f64)> = None;
        for (row, model) in self.scaled.outer_iter().enumerate() {
            let limit = nearest.map_or(f64::INFINITY, |(_, chi2)| chi2);
            if let Some(chi2) =
                model.as_slice().and_then(|model| chi2_below(&flux, &weight, model, limit))
            {
                nearest = Some((row, chi2));
            }
        }
        nearest.map(|(row, _)| row)
    }
}

/// Chi-square, or `None` as soon as it is seen not to be below `limit`: the sum only grows.
fn chi2_below(flux: &[f64], weight: &[f64], model: &[f64], limit: f64) -> Option<f64> {
    let mut chi2 = 0.0;
    for ((f, w), m) in flux.chunks(BLOCK).zip(weight.chunks(BLOCK)).zip(model.chunks(BLOCK)) {
        chi2 += weighted_squares(f, w, m);
        if chi2.is_nan() || chi2 >= limit {
            return None;
        }
    }
    Some(chi2)
}

/// Eight interleaved partial sums, so that the compiler may use vectors without reordering anything.
fn weighted_squares(flux: &[f64], weight: &[f64], model: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let whole = flux.len() / LANES * LANES;
    for i in (0..whole).step_by(LANES) {
        let (f, w, m) = (&flux[i..i + LANES], &weight[i..i + LANES], &model[i..i + LANES]);
        for lane in 0..LANES {
            sums[lane] += w[lane] * (f[lane] - m[lane]) * (f[lane] - m[lane]);
        }
    }
    for i in whole..flux.len() {
        sums[i - whole] += weight[i] * (flux[i] - model[i]) * (flux[i] - model[i]);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;
    use ndarray::Array1;

    #[test]
    fn training_flux_is_the_models_flux() {
        let model = synthetic::model();
        let training = TrainingFlux::new(&model);
        for row in [0, 57] {
            let flux = (model.flux(model.labels.row(row)) - &model.flux_mean) / &model.flux_scale;
            for (a, b) in training.scaled().row(row).iter().zip(&flux) {
                assert!(b.is_nan() && *a == 0.0 || (a - b).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn a_training_spectrum_is_its_own_nearest_whatever_is_masked() {
        let model = synthetic::model();
        let training = TrainingFlux::new(&model);
        let mut weight: Array1<f64> = model.usable().iter().map(|&u| f64::from(u)).collect();
        assert_eq!(training.nearest(training.scaled().row(31), weight.view()), Some(31));
        weight.slice_mut(s![..4]).fill(0.0);
        assert_eq!(training.nearest(training.scaled().row(7), weight.view()), Some(7));
        weight.fill(f64::NAN);
        assert_eq!(training.nearest(training.scaled().row(7), weight.view()), None);
    }
}
