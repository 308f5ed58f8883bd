//! The SLAM model as plain tables, and its spectra.
//!
//! Pixel j: flux_j(theta) = flux_mean_j + flux_scale_j (sum_i dual_ji k_gamma(theta, theta_i) + bias_j), the f_j of
//! Li et al. 2021, eq. 1, with theta the scaled labels. Pixels of one gamma share the kernel vector.

use ndarray::{Array1, Array2, ArrayView1};

use super::super::labels::LabelScaler;
use super::pixel::{PixelModel, PixelStatus};
use super::train::TrainingLabels;
use super::{KernelEvaluator, SlamError, check_length};

/// A trained model: the training labels and one row per pixel. Unusable pixels hold NaN, and zeros in `dual`.
#[derive(Debug, Clone, PartialEq)]
pub struct SlamModel {
    /// `(n_label,)`.
    pub label_names: Vec<String>,
    /// Training labels in physical units, `(n_train, n_label)`.
    pub labels: Array2<f64>,
    /// Standardization of the labels.
    pub label_scaler: LabelScaler,
    /// Vacuum wavelength, `(n_pix,)`.
    pub wave_angstrom: Array1<f64>,
    /// `(n_pix,)`.
    pub status: Vec<PixelStatus>,
    /// Dual coefficients, `(n_pix, n_train)`.
    pub dual: Array2<f64>,
    /// Constant terms, scaled flux, `(n_pix,)`.
    pub bias: Array1<f64>,
    /// Penalties, `(n_pix,)`.
    pub c: Array1<f64>,
    /// Kernel inverse squared widths, `(n_pix,)`.
    pub gamma: Array1<f64>,
    /// Tube half-widths, scaled flux, `(n_pix,)`.
    pub epsilon: Array1<f64>,
    /// Mean normalized flux, `(n_pix,)`.
    pub flux_mean: Array1<f64>,
    /// Standard deviation of normalized flux, `(n_pix,)`.
    pub flux_scale: Array1<f64>,
    /// Held-out mean squared error, scaled flux squared, `(n_pix,)`.
    pub cv_mse: Array1<f64>,
    /// Training mean squared error, scaled flux squared, `(n_pix,)`.
    pub train_mse: Array1<f64>,
    /// Mean photon variance of the training stars, scaled flux squared, `(n_pix,)`.
    pub mean_scaled_variance: Array1<f64>,
    /// Violation of optimality, scaled flux, `(n_pix,)`.
    pub kkt_residual: Array1<f64>,
    /// Training stars that have the pixel, `(n_pix,)`.
    pub n_used: Vec<usize>,
}

impl SlamModel {
    /// Stacks trained pixels, in the order given, on their training labels.
    ///
    /// # Errors
    /// [`SlamError::Length`] where a pixel was trained on another number of stars.
    pub fn from_pixels(labels: &TrainingLabels, pixels: &[PixelModel]) -> Result<Self, SlamError> {
        let mut dual = Array2::zeros((pixels.len(), labels.n_train()));
        for (mut row, pixel) in dual.outer_iter_mut().zip(pixels) {
            check_length("dual", pixel.dual.len(), labels.n_train())?;
            row.assign(&pixel.dual);
        }
        let column = |of: fn(&PixelModel) -> f64| pixels.iter().map(of).collect::<Array1<f64>>();
        Ok(Self {
            label_names: labels.names.clone(),
            labels: labels.physical.clone(),
            label_scaler: labels.scaler.clone(),
            wave_angstrom: column(|p| p.wave_angstrom),
            status: pixels.iter().map(|p| p.status).collect(),
            dual,
            bias: column(|p| p.bias),
            c: column(|p| p.hyper.c),
            gamma: column(|p| p.hyper.gamma),
            epsilon: column(|p| p.hyper.epsilon),
            flux_mean: column(|p| p.flux_mean),
            flux_scale: column(|p| p.flux_scale),
            cv_mse: column(|p| p.cv_mse),
            train_mse: column(|p| p.train_mse),
            mean_scaled_variance: column(|p| p.mean_scaled_variance),
            kkt_residual: column(|p| p.kkt_residual),
            n_used: pixels.iter().map(|p| p.n_used).collect(),
        })
    }

    /// Checks that all tables have the shapes that [`SlamModel`] states, as after reading them from files.
    ///
    /// # Errors
    /// [`SlamError::Length`] names the first that has not.
    pub fn check(&self) -> Result<(), SlamError> {
        let (n_pix, n_train, n_label) = (self.n_pix(), self.labels.nrows(), self.labels.ncols());
        check_length("label_names", self.label_names.len(), n_label)?;
        check_length("label_scaler", self.label_scaler.n_label(), n_label)?;
        check_length("dual columns", self.dual.ncols(), n_train)?;
        check_length("dual rows", self.dual.nrows(), n_pix)?;
        check_length("status", self.status.len(), n_pix)?;
        check_length("n_used", self.n_used.len(), n_pix)?;
        let columns = [
            ("bias", &self.bias),
            ("c", &self.c),
            ("gamma", &self.gamma),
            ("epsilon", &self.epsilon),
            ("flux_mean", &self.flux_mean),
            ("flux_scale", &self.flux_scale),
            ("cv_mse", &self.cv_mse),
            ("train_mse", &self.train_mse),
            ("mean_scaled_variance", &self.mean_scaled_variance),
            ("kkt_residual", &self.kkt_residual),
        ];
        columns.into_iter().try_for_each(|(what, column)| check_length(what, column.len(), n_pix))
    }

    /// Number of pixels, usable or not.
    pub fn n_pix(&self) -> usize {
        self.wave_angstrom.len()
    }

    /// Number of labels.
    pub fn n_label(&self) -> usize {
        self.labels.ncols()
    }

    /// Scaled training labels, `(n_train, n_label)`.
    pub fn scaled_labels(&self) -> Array2<f64> {
        self.label_scaler.transform(self.labels.view())
    }

    /// Which pixels can be used, `(n_pix,)`.
    pub fn usable(&self) -> Vec<bool> {
        self.status.iter().map(|&s| s == PixelStatus::Usable).collect()
    }

    /// Predicts normalized flux for one star (Li et al. 2021, eq. 1).
    ///
    /// `theta`: labels in physical units, `(n_label,)`. Returns `(n_pix,)`, dimensionless, NaN at unusable pixels.
    /// For many stars prepare a [`KernelEvaluator`] once.
    pub fn flux(&self, theta: ArrayView1<'_, f64>) -> Array1<f64> {
        let scaled = self.evaluate(theta);
        &scaled.column(0) * &self.flux_scale + &self.flux_mean
    }

    /// Derivatives of [`Self::flux`], `(n_pix, n_label)`, per physical unit of each label; analytic.
    pub fn jacobian(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        let scaled = self.evaluate(theta);
        Array2::from_shape_fn((self.n_pix(), self.n_label()), |(j, l)| {
            scaled[[j, l + 1]] * self.flux_scale[j] / self.label_scaler.scale[l]
        })
    }

    fn evaluate(&self, theta: ArrayView1<'_, f64>) -> Array2<f64> {
        let evaluator = KernelEvaluator::new(self);
        let mut out = Array2::zeros((self.n_pix(), 1 + self.n_label()));
        evaluator.evaluate(self.label_scaler.transform_row(theta).view(), &mut out);
        out
    }
}

/// Something that yields scaled flux and its derivatives at scaled labels: the exact model or a compressed one.
pub trait FluxEvaluator: Sync {
    /// Writes scaled flux to column 0 of `out`, `(n_pix, 1 + n_label)`, and its derivative by scaled label l to column
    /// l + 1; NaN at unusable pixels. `theta`, `(n_label,)`, is scaled.
    fn evaluate(&self, theta: ArrayView1<'_, f64>, out: &mut Array2<f64>);
}

#[cfg(test)]
mod tests {
    use super::super::super::svr::{SvrSolution, predict};
    use super::super::synthetic;
    use super::*;
    use ndarray::array;

    #[test]
    fn jacobian_agrees_with_central_differences() {
        let model = synthetic::model();
        let theta = array![3420.0, -0.23, 4.91];
        let jacobian = model.jacobian(theta.view());
        for (l, step) in [1e-2, 1e-5, 1e-5].into_iter().enumerate() {
            let shifted = |sign: f64| {
                let mut t = theta.clone();
                t[l] += sign * step;
                model.flux(t.view())
            };
            let numeric = (shifted(1.0) - shifted(-1.0)) / (2.0 * step);
            let largest = jacobian
                .column(l)
                .iter()
                .filter(|v| v.is_finite())
                .fold(0.0f64, |a, b| a.max(b.abs()));
            for (j, (a, n)) in jacobian.column(l).iter().zip(&numeric).enumerate() {
                assert!(
                    a.is_nan() && n.is_nan() || (a - n).abs() < 1e-7 * largest,
                    "pixel {j} label {l}: {a} {n}"
                );
            }
        }
    }

    #[test]
    fn grouped_evaluation_equals_each_pixel_by_itself() {
        let model = synthetic::model();
        let theta = array![3100.0, 0.1, 5.05];
        let flux = model.flux(theta.view());
        let scaled = model.label_scaler.transform_row(theta.view());
        for j in 0..model.n_pix() {
            if model.status[j] != PixelStatus::Usable {
                assert!(flux[j].is_nan());
                continue;
            }
            let dual = model.dual.row(j).to_owned();
            let alone =
                SvrSolution { dual, bias: model.bias[j], kkt_residual: 0.0, n_iterations: None };
            let f = predict(model.scaled_labels().view(), model.gamma[j], &alone, scaled.view());
            assert!((flux[j] - (f * model.flux_scale[j] + model.flux_mean[j])).abs() < 1e-12);
        }
    }

    #[test]
    fn tables_of_wrong_shape_are_named() {
        let mut model = synthetic::model();
        assert_eq!(model.check(), Ok(()));
        model.bias = Array1::zeros(3);
        assert!(matches!(model.check(), Err(SlamError::Length { what: "bias", found: 3, .. })));
    }
}
