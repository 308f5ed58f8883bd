//! What a pixel weighs in the label fit: photon noise plus the model's own error, in scaled-flux units.

use ndarray::{Array1, ArrayView1};

use super::lanes::LaneSpectrum;
use super::{SlamError, SlamModel};

/// How the model's error at a pixel is derived from its mean squared errors.
///
/// The paper sets sigma_model to the CV-MSE, a variance read as a standard deviation (Li et al. 2021, §2.2); the mean
/// squared error moreover contains the photon noise of the training spectra.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ModelError {
    /// sigma = CV-MSE, as the paper prints.
    MseAsSigma,
    /// sigma = training MSE, as the released code does.
    TrainingMseAsSigma,
    /// sigma^2 = CV-MSE.
    Rmse,
    /// sigma^2 = max(CV-MSE - mean scaled photon variance of the training stars, floor).
    Intrinsic {
        /// Smallest variance, scaled flux squared.
        floor: f64,
    },
    /// Photon noise alone.
    None,
}

impl ModelError {
    /// The intrinsic error with the floor 1e-4, a hundredth of the training scatter: the one that goodness of fit is
    /// always judged by.
    pub const INTRINSIC: Self = Self::Intrinsic { floor: 1e-4 };

    /// Finds an option by name; `intrinsic` is [`Self::INTRINSIC`].
    ///
    /// # Errors
    /// [`SlamError::Unknown`].
    pub fn named(name: &str) -> Result<Self, SlamError> {
        let all =
            [Self::MseAsSigma, Self::TrainingMseAsSigma, Self::Rmse, Self::INTRINSIC, Self::None];
        all.into_iter().find(|option| option.name() == name).ok_or_else(|| SlamError::Unknown {
            what: "model error",
            found: name.to_owned(),
            known: "mse_as_sigma, training_mse_as_sigma, rmse, intrinsic, none",
        })
    }

    /// The option's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MseAsSigma => "mse_as_sigma",
            Self::TrainingMseAsSigma => "training_mse_as_sigma",
            Self::Rmse => "rmse",
            Self::Intrinsic { .. } => "intrinsic",
            Self::None => "none",
        }
    }

    /// Model variance of each pixel, scaled flux squared, `(n_pix,)`; NaN at unusable pixels.
    ///
    /// # Errors
    /// [`SlamError::MissingColumn`] where a usable pixel lacks the mean squared error, [`SlamError::Option`] for a
    /// negative floor.
    pub fn scaled_variance(self, model: &SlamModel) -> Result<Array1<f64>, SlamError> {
        let column = match self {
            Self::TrainingMseAsSigma => "train_mse",
            _ => "cv_mse",
        };
        if let Self::Intrinsic { floor } = self
            && !(floor.is_finite() && floor >= 0.0)
        {
            return Err(SlamError::Option {
                what: "intrinsic floor",
                value: floor,
                range: "it must be 0 or more",
            });
        }
        let variance = |j: usize| match self {
            Self::MseAsSigma => model.cv_mse[j] * model.cv_mse[j],
            Self::TrainingMseAsSigma => model.train_mse[j] * model.train_mse[j],
            Self::Rmse => model.cv_mse[j],
            // `max` would turn a missing CV-MSE into the floor.
            Self::Intrinsic { .. } if model.cv_mse[j].is_nan() => f64::NAN,
            Self::Intrinsic { floor } => {
                (model.cv_mse[j] - model.mean_scaled_variance[j]).max(floor)
            }
            Self::None => 0.0,
        };
        let variances = Array1::from_shape_fn(model.n_pix(), variance);
        let missing = |&(j, &usable): &(usize, &bool)| usable && !variances[j].is_finite();
        match model.usable().iter().enumerate().find(missing) {
            Some((pixel, _)) => {
                Err(SlamError::MissingColumn { model_error: self.name(), column, pixel })
            }
            None => Ok(variances),
        }
    }
}

/// What turns a normalized spectrum into scaled flux and weights, in evaluation order.
#[derive(Debug)]
pub(super) struct PixelWeights {
    /// The model's pixel at each slot; `None` at padding.
    slots: Vec<Option<usize>>,
    mean: Vec<f64>,
    scale: Vec<f64>,
    /// Variance of the model, scaled flux squared.
    variance: Vec<f64>,
    /// The intrinsic one, NaN where the model lacks what it takes.
    intrinsic: Vec<f64>,
    threshold: f64,
}

impl PixelWeights {
    /// Prepares `model` for fits with `model_error`.
    ///
    /// # Errors
    /// As [`ModelError::scaled_variance`].
    pub fn new(
        model: &SlamModel,
        slots: Vec<Option<usize>>,
        model_error: ModelError,
        ivar_threshold: Option<f64>,
    ) -> Result<Self, SlamError> {
        let in_order = |column: &Array1<f64>| {
            slots.iter().map(|slot| slot.map_or(1.0, |pixel| column[pixel])).collect::<Vec<_>>()
        };
        let variance = model_error.scaled_variance(model)?;
        let intrinsic = ModelError::INTRINSIC.scaled_variance(model);
        Ok(Self {
            mean: in_order(&model.flux_mean),
            scale: in_order(&model.flux_scale),
            variance: in_order(&variance),
            intrinsic: intrinsic.map_or_else(|_| vec![f64::NAN; slots.len()], |v| in_order(&v)),
            threshold: ivar_threshold.unwrap_or(0.0),
            slots,
        })
    }

    /// Scales a normalized spectrum, each `(n_pix,)`, and counts the pixels of positive weight. Pixels are dropped
    /// that are unusable in the model, not finite, of no inverse variance, or of a scaled inverse variance below the
    /// threshold.
    pub fn spectrum(
        &self,
        flux: ArrayView1<'_, f64>,
        ivar: ArrayView1<'_, f64>,
    ) -> (LaneSpectrum, usize) {
        let zeros = || vec![0.0; self.slots.len()];
        let mut lanes = LaneSpectrum { flux: zeros(), weight: zeros(), intrinsic: zeros() };
        let mut n_used = 0;
        for (at, slot) in self.slots.iter().enumerate() {
            let Some(pixel) = *slot else { continue };
            let (flux, scale) = (flux[pixel], self.scale[at]);
            let scaled_ivar = ivar[pixel] * scale * scale;
            let keep = flux.is_finite() && scaled_ivar.is_finite() && scaled_ivar > 0.0;
            if keep && scaled_ivar >= self.threshold {
                let photon = 1.0 / scaled_ivar;
                lanes.flux[at] = (flux - self.mean[at]) / scale;
                lanes.weight[at] = 1.0 / (photon + self.variance[at]);
                lanes.intrinsic[at] = 1.0 / (photon + self.intrinsic[at]);
                n_used += 1;
            }
        }
        (lanes, n_used)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KernelEvaluator, synthetic};
    use super::*;
    use ndarray::Array1;

    #[test]
    fn options_rank_as_their_formulas() {
        let model = synthetic::model();
        let usable = model.usable();
        let of = |e: ModelError| e.scaled_variance(&model).unwrap();
        let (sigma, rmse) = (of(ModelError::MseAsSigma), of(ModelError::Rmse));
        let intrinsic = of(ModelError::named("intrinsic").unwrap());
        for j in (0..model.n_pix()).filter(|&j| usable[j]) {
            assert!((sigma[j] - rmse[j] * rmse[j]).abs() < 1e-15);
            assert!(intrinsic[j] >= 1e-4 && intrinsic[j] <= rmse[j].max(1e-4));
        }
        assert!(of(ModelError::None).iter().all(|&v| v == 0.0));
    }

    #[test]
    fn missing_cv_mse_is_an_error_not_a_floor() {
        let mut model = synthetic::model();
        model.cv_mse.fill(f64::NAN);
        let error = ModelError::Intrinsic { floor: 1e-4 }.scaled_variance(&model).unwrap_err();
        assert!(matches!(error, SlamError::MissingColumn { column: "cv_mse", .. }));
        assert!(ModelError::None.scaled_variance(&model).is_ok());
        assert!(ModelError::named("mse").is_err());
    }

    #[test]
    fn threshold_drops_pixels_noisier_than_the_training_scatter() {
        let model = synthetic::model();
        let flux = Array1::ones(model.n_pix());
        let ivar = model.flux_scale.mapv(|s| 0.5 / (s * s));
        let usable = KernelEvaluator::new(&model).slots();
        let n_used = |threshold| {
            let weights = PixelWeights::new(&model, usable.clone(), ModelError::None, threshold);
            weights.unwrap().spectrum(flux.view(), ivar.view()).1
        };
        assert_eq!(n_used(Some(1.0)), 0);
        assert_eq!(n_used(None), usable.iter().flatten().count());
    }
}
