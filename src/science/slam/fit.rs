//! Labels of one star: Levenberg-Marquardt on all used pixels from the nearest training spectrum.
//!
//! Maximizes the likelihood of Li et al. 2021, eq. 3 (flat prior) in scaled labels and scaled flux; its logarithmic
//! term does not depend on the labels and is left out. A batch is a loop over [`LabelFitter::fit`], so a star's result
//! does not depend on its neighbors.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::super::labels::{LabelBox, nearest_neighbor};
use super::super::least_squares::{
    Bounds, LevenbergOptions, Minimum, NormalEquations, Outcome, invert_positive_definite,
    levenberg_marquardt,
};
use super::model::{FluxEvaluator, KernelEvaluator};
use super::weights::ScaledSpectrum;
use super::{ModelError, SlamError, SlamModel, TrainingFlux, check_length};

/// What a weighted residual r costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// r^2 / 2: Gaussian, the paper's.
    Linear,
    /// sqrt(1 + r^2) - 1: the released code's, of less weight to outliers.
    SoftL1,
}

impl Loss {
    /// Finds an option by name, `linear` or `soft_l1`.
    ///
    /// # Errors
    /// [`SlamError::Unknown`].
    pub fn named(name: &str) -> Result<Self, SlamError> {
        match name {
            "linear" => Ok(Self::Linear),
            "soft_l1" => Ok(Self::SoftL1),
            _ => Err(SlamError::Unknown {
                what: "loss",
                found: name.to_owned(),
                known: "linear, soft_l1",
            }),
        }
    }

    /// Cost of z = r^2, its factor for the gradient, its factor for the Gauss-Newton matrix.
    fn of(self, z: f64) -> (f64, f64, f64) {
        match self {
            Self::Linear => (0.5 * z, 1.0, 1.0),
            Self::SoftL1 => {
                let root = (1.0 + z).sqrt();
                // z / (root + 1) is root - 1 without cancellation.
                (z / (root + 1.0), 1.0 / root, 1.0 / (root * root * root))
            }
        }
    }
}

/// Where labels may go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LabelBounds {
    /// The box of the training labels, widened on every side.
    Box {
        /// In standard deviations of each label.
        margin: f64,
    },
    /// Anywhere, as in the released code. Far from all training stars the model's flux is constant.
    Unbounded,
}

/// Options of the label fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Loss of a residual.
    pub loss: Loss,
    /// Error of the model.
    pub model_error: ModelError,
    /// Where labels may go.
    pub bounds: LabelBounds,
    /// Drops pixels whose photon inverse variance, in scaled flux, is below this; the released code has 1.
    pub ivar_threshold: Option<f64>,
    /// Fewest pixels of a fit; never below one more than there are labels.
    pub min_pixels: usize,
    /// When the minimization stops.
    pub minimizer: LevenbergOptions,
}

impl Default for FitOptions {
    /// Linear loss, intrinsic model error, box with half a standard deviation of margin (150 K for the paper's
    /// sample: enough to see that a star lies outside), no threshold.
    fn default() -> Self {
        Self {
            loss: Loss::Linear,
            model_error: ModelError::Intrinsic { floor: 1e-4 },
            bounds: LabelBounds::Box { margin: 0.5 },
            ivar_threshold: None,
            min_pixels: 20,
            minimizer: LevenbergOptions::default(),
        }
    }
}

/// How a fit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FitStatus {
    /// Labels and errors hold.
    Converged,
    /// Labels are the best so far.
    MaxIterations,
    /// The spectrum does not determine all labels: labels are the best found, errors are NaN.
    Singular,
    /// Too few pixels have weight: labels are NaN.
    TooFewPixels,
    /// No training spectrum to start from: labels are NaN.
    NotStarted,
}

impl FitStatus {
    /// The word written to tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::MaxIterations => "max_iterations",
            Self::Singular => "singular",
            Self::TooFewPixels => "too_few_pixels",
            Self::NotStarted => "not_started",
        }
    }
}

/// Labels of one star. NaN occurs where `status` or `fixed` says why.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelFit {
    /// Physical units, `(n_label,)`.
    pub labels: Array1<f64>,
    /// (J^T W J)^-1 in physical units, `(n_label, n_label)`; ignores the bounds.
    pub covariance: Array2<f64>,
    /// Square roots of its diagonal, physical units, `(n_label,)`.
    pub formal_errors: Array1<f64>,
    /// Correlation coefficients, `(n_label, n_label)`.
    pub correlations: Array2<f64>,
    /// Sum of squared weighted residuals, model error included, whatever the loss.
    pub chi2: f64,
    /// Chi-square over used pixels minus free labels.
    pub reduced_chi2: f64,
    /// Pixels of positive weight.
    pub n_pix_used: usize,
    /// How it ended.
    pub status: FitStatus,
    /// Evaluations of the model.
    pub n_evaluations: usize,
    /// Distance to the nearest training star in scaled labels.
    pub hull_distance: f64,
    /// Whether the labels lie in the box of the training labels, without margin.
    pub inside_box: bool,
    /// Bit l is set where label l stopped at a bound.
    pub at_bound: u32,
    /// Bit l is set where label l is constant in the training set: it is held there and has no error.
    pub fixed: u32,
    /// Training row of the start.
    pub start_index: Option<usize>,
}

/// A model prepared for fitting many stars.
#[derive(Debug)]
pub struct LabelFitter<'a, E = KernelEvaluator<'a>> {
    model: &'a SlamModel,
    evaluator: E,
    training_flux: TrainingFlux,
    scaled_labels: Array2<f64>,
    usable: Vec<bool>,
    model_variance: Array1<f64>,
    hull: LabelBox,
    bounds: Bounds,
    options: FitOptions,
}

impl<'a> LabelFitter<'a> {
    /// Prepares `model` with the exact evaluator; predicts all training spectra once.
    ///
    /// # Errors
    /// As [`Self::with_evaluator`].
    pub fn new(model: &'a SlamModel, options: FitOptions) -> Result<Self, SlamError> {
        model.check()?;
        let evaluator = KernelEvaluator::new(model);
        let training_flux = TrainingFlux::with_evaluator(model, &evaluator);
        Self::with_evaluator(model, evaluator, training_flux, options)
    }
}

impl<'a, E: FluxEvaluator> LabelFitter<'a, E> {
    /// Prepares `model` with another evaluator of the same spectra.
    ///
    /// # Errors
    /// [`SlamError::Length`] for tables of wrong shape, [`SlamError::MissingColumn`] where the model error needs a
    /// column the model lacks, [`SlamError::Option`] for a negative margin, more than 32 labels or no training star.
    pub fn with_evaluator(
        model: &'a SlamModel,
        evaluator: E,
        training_flux: TrainingFlux,
        options: FitOptions,
    ) -> Result<Self, SlamError> {
        model.check()?;
        check_length(
            "training flux",
            training_flux.scaled().ncols(),
            model.n_pix(),
        )?;
        if model.n_label() > 32 {
            let value = model.n_label() as f64;
            return Err(SlamError::Option {
                what: "n_label",
                value,
                range: "the flag bits hold at most 32 labels",
            });
        }
        let scaled_labels = model.scaled_labels();
        let hull = LabelBox::of(scaled_labels.view())?;
        let bounds = scaled_bounds(&hull, &model.label_scaler.constant, options.bounds)?;
        let model_variance = options.model_error.scaled_variance(model)?;
        let usable = model.usable();
        Ok(Self {
            model,
            evaluator,
            training_flux,
            scaled_labels,
            usable,
            model_variance,
            hull,
            bounds,
            options,
        })
    }

    /// Infers the labels of each row of `flux` and `ivar`, `(n_star, n_pix)`, in parallel.
    ///
    /// # Errors
    /// [`SlamError::Length`] where the shapes do not fit.
    pub fn fit_many(
        &self,
        flux: ArrayView2<'_, f64>,
        ivar: ArrayView2<'_, f64>,
    ) -> Result<Vec<LabelFit>, SlamError> {
        check_length("ivar rows", ivar.nrows(), flux.nrows())?;
        (0..flux.nrows())
            .into_par_iter()
            .map(|star| self.fit(flux.row(star), ivar.row(star)))
            .collect()
    }

    /// Infers the labels of one star from normalized `flux` and its inverse variance `ivar`, each `(n_pix,)`.
    ///
    /// Pixels of NaN flux or of no inverse variance are not used.
    ///
    /// # Errors
    /// [`SlamError::Length`] where the spectrum is not on the model's pixels. All else is told by the status.
    pub fn fit(
        &self,
        flux: ArrayView1<'_, f64>,
        ivar: ArrayView1<'_, f64>,
    ) -> Result<LabelFit, SlamError> {
        check_length("flux", flux.len(), self.model.n_pix())?;
        check_length("ivar", ivar.len(), self.model.n_pix())?;
        let threshold = self.options.ivar_threshold;
        let spectrum = ScaledSpectrum::new(
            self.model,
            &self.usable,
            &self.model_variance,
            threshold,
            flux,
            ivar,
        );
        if spectrum.n_used < self.options.min_pixels.max(self.model.n_label() + 1) {
            return Ok(self.without_labels(FitStatus::TooFewPixels, spectrum.n_used));
        }
        let Some(start) = self
            .training_flux
            .nearest(spectrum.flux.view(), spectrum.weight.view())
        else {
            return Ok(self.without_labels(FitStatus::NotStarted, spectrum.n_used));
        };
        Ok(self.fit_from(&spectrum, start))
    }

    fn fit_from(&self, spectrum: &ScaledSpectrum, start: usize) -> LabelFit {
        let mut buffer = Array2::zeros((self.model.n_pix(), 1 + self.model.n_label()));
        let loss = self.options.loss;
        let objective =
            |theta: &Array1<f64>| self.normal_equations(spectrum, theta, loss, &mut buffer);
        let start_labels = self.scaled_labels.row(start).to_owned();
        let minimum = levenberg_marquardt(
            &start_labels,
            &self.bounds,
            &self.options.minimizer,
            objective,
        );
        let gaussian = match loss {
            Loss::Linear => minimum.equations.clone(),
            Loss::SoftL1 => {
                self.normal_equations(spectrum, &minimum.parameters, Loss::Linear, &mut buffer)
            }
        };
        self.report(spectrum, start, &minimum, &gaussian)
    }

    /// Cost, gradient and Gauss-Newton matrix at scaled labels `theta`, summed over pixels in order.
    fn normal_equations(
        &self,
        spectrum: &ScaledSpectrum,
        theta: &Array1<f64>,
        loss: Loss,
        buffer: &mut Array2<f64>,
    ) -> NormalEquations {
        let n_label = theta.len();
        self.evaluator.evaluate(theta.view(), buffer);
        let mut cost = 0.0;
        let mut gradient = Array1::zeros(n_label);
        let mut hessian = Array2::zeros((n_label, n_label));
        for (j, row) in buffer.outer_iter().enumerate() {
            let weight = spectrum.weight[j];
            if weight == 0.0 {
                continue;
            }
            let residual = row[0] - spectrum.flux[j];
            let (value, slope, curvature) = loss.of(weight * residual * residual);
            cost += value;
            for a in 0..n_label {
                gradient[a] += weight * slope * residual * row[a + 1];
                for b in 0..=a {
                    hessian[[a, b]] += weight * curvature * row[a + 1] * row[b + 1];
                }
            }
        }
        for a in 0..n_label {
            for b in a + 1..n_label {
                hessian[[a, b]] = hessian[[b, a]];
            }
        }
        NormalEquations {
            cost,
            gradient,
            hessian,
        }
    }

    fn report(
        &self,
        spectrum: &ScaledSpectrum,
        start: usize,
        minimum: &Minimum,
        gaussian: &NormalEquations,
    ) -> LabelFit {
        let scaled = &minimum.parameters;
        let covariance = self.covariance(gaussian);
        let status = match minimum.outcome {
            Outcome::Stuck => FitStatus::Singular,
            _ if covariance.is_none() => FitStatus::Singular,
            Outcome::MaxEvaluations => FitStatus::MaxIterations,
            Outcome::Converged => FitStatus::Converged,
        };
        let mut fit = self.without_labels(status, spectrum.n_used);
        fit.labels = self.model.label_scaler.inverse_row(scaled.view());
        if let Some(covariance) = covariance {
            fit.formal_errors = covariance.diag().mapv(f64::sqrt);
            fit.correlations = correlations(&covariance, &fit.formal_errors);
            fit.covariance = covariance;
        }
        let constant = &self.model.label_scaler.constant;
        let n_free = constant.iter().filter(|&&c| !c).count();
        fit.chi2 = 2.0 * gaussian.cost;
        fit.reduced_chi2 = fit.chi2 / (spectrum.n_used - n_free) as f64;
        fit.n_evaluations = minimum.n_evaluations;
        fit.hull_distance =
            nearest_neighbor(self.scaled_labels.view(), scaled.view()).map_or(f64::NAN, |(_, d)| d);
        fit.inside_box = self.hull.contains(scaled.view());
        fit.at_bound =
            bits((0..scaled.len()).map(|l| !constant[l] && self.bounds.touches(scaled, l)));
        fit.start_index = Some(start);
        fit
    }

    /// Inverse of the Gauss-Newton matrix of the labels that vary, in physical units; NaN in rows of constant labels.
    fn covariance(&self, gaussian: &NormalEquations) -> Option<Array2<f64>> {
        let constant = &self.model.label_scaler.constant;
        let free: Vec<usize> = (0..constant.len()).filter(|&l| !constant[l]).collect();
        let information = Array2::from_shape_fn((free.len(), free.len()), |(a, b)| {
            gaussian.hessian[[free[a], free[b]]]
        });
        let inverse = invert_positive_definite(information.view())?;
        let mut scaled = Array2::from_elem((constant.len(), constant.len()), f64::NAN);
        for (a, &i) in free.iter().enumerate() {
            for (b, &j) in free.iter().enumerate() {
                scaled[[i, j]] = inverse[[a, b]];
            }
        }
        Some(
            self.model
                .label_scaler
                .covariance_to_physical(scaled.view()),
        )
    }

    fn without_labels(&self, status: FitStatus, n_pix_used: usize) -> LabelFit {
        let n_label = self.model.n_label();
        LabelFit {
            labels: Array1::from_elem(n_label, f64::NAN),
            covariance: Array2::from_elem((n_label, n_label), f64::NAN),
            formal_errors: Array1::from_elem(n_label, f64::NAN),
            correlations: Array2::from_elem((n_label, n_label), f64::NAN),
            chi2: f64::NAN,
            reduced_chi2: f64::NAN,
            n_pix_used,
            status,
            n_evaluations: 0,
            hull_distance: f64::NAN,
            inside_box: false,
            at_bound: 0,
            fixed: bits(self.model.label_scaler.constant.iter().copied()),
            start_index: None,
        }
    }
}

/// Bounds in scaled labels; constant labels are held at their value.
fn scaled_bounds(
    hull: &LabelBox,
    constant: &[bool],
    option: LabelBounds,
) -> Result<Bounds, SlamError> {
    let mut bounds = match option {
        LabelBounds::Unbounded => Bounds::none(constant.len()),
        LabelBounds::Box { margin } if margin.is_finite() && margin >= 0.0 => {
            let LabelBox { lower, upper } = hull.widened(margin);
            Bounds { lower, upper }
        }
        LabelBounds::Box { margin } => {
            return Err(SlamError::Option {
                what: "box margin",
                value: margin,
                range: "it must be 0 or more",
            });
        }
    };
    for l in (0..constant.len()).filter(|&l| constant[l]) {
        bounds.lower[l] = hull.lower[l];
        bounds.upper[l] = hull.upper[l];
    }
    Ok(bounds)
}

fn bits(flags: impl Iterator<Item = bool>) -> u32 {
    flags
        .enumerate()
        .filter(|&(_, flag)| flag)
        .map(|(l, _)| 1 << l)
        .sum()
}

fn correlations(covariance: &Array2<f64>, errors: &Array1<f64>) -> Array2<f64> {
    Array2::from_shape_fn(covariance.dim(), |(a, b)| {
        covariance[[a, b]] / (errors[a] * errors[b])
    })
}

#[cfg(test)]
mod tests {
    use super::super::synthetic;
    use super::*;
    use ndarray::{Axis, array, stack};

    fn options() -> FitOptions {
        FitOptions {
            model_error: ModelError::None,
            ..FitOptions::default()
        }
    }

    fn thetas() -> [Array1<f64>; 3] {
        [
            array![3300.0, -0.3, 5.0],
            array![3610.0, 0.12, 4.83],
            array![3050.0, -0.05, 5.11],
        ]
    }

    #[test]
    fn noise_free_spectra_return_their_labels() {
        let model = synthetic::model();
        for loss in [Loss::Linear, Loss::SoftL1] {
            let fitter = LabelFitter::new(&model, FitOptions { loss, ..options() }).unwrap();
            for theta in thetas() {
                let flux = model.flux(theta.view());
                let fit = fitter
                    .fit(flux.view(), Array1::from_elem(model.n_pix(), 1e4).view())
                    .unwrap();
                assert_eq!(fit.status, FitStatus::Converged);
                let off = (&fit.labels - &theta) / &model.label_scaler.scale;
                assert!(
                    off.iter().all(|d| d.abs() < 1e-6),
                    "{loss:?} off by {off} scaled"
                );
                assert!(fit.inside_box && fit.at_bound == 0 && fit.chi2 < 1e-6);
            }
        }
    }

    #[test]
    fn formal_errors_scale_with_noise_and_match_the_scatter() {
        let model = synthetic::model();
        let fitter = LabelFitter::new(&model, options()).unwrap();
        let theta = array![3300.0, -0.3, 5.0];
        let flux = model.flux(theta.view());
        let at_snr = |snr: f64| {
            fitter
                .fit(
                    flux.view(),
                    Array1::from_elem(model.n_pix(), snr * snr).view(),
                )
                .unwrap()
                .formal_errors
        };
        let ratio = at_snr(100.0) / at_snr(200.0);
        assert!(ratio.iter().all(|r| (r - 2.0).abs() < 1e-6), "{ratio}");

        let noise = synthetic::gaussians(11, 200 * model.n_pix());
        let noise = Array2::from_shape_vec((200, model.n_pix()), noise).unwrap() / 200.0;
        let ivar = Array2::from_elem((200, model.n_pix()), 200.0 * 200.0);
        let fits = fitter
            .fit_many((&flux + &noise).view(), ivar.view())
            .unwrap();
        for l in 0..3 {
            let pulls = fits
                .iter()
                .map(|f| (f.labels[l] - theta[l]) / f.formal_errors[l]);
            let rms = (pulls.map(|p| p * p).sum::<f64>() / 200.0).sqrt();
            assert!(
                (0.85..1.15).contains(&rms),
                "pull rms of label {l} is {rms}"
            );
        }
        let reduced = fits.iter().map(|f| f.reduced_chi2).sum::<f64>() / 200.0;
        assert!((reduced - 1.0).abs() < 0.1, "mean reduced chi2 {reduced}");
    }

    #[test]
    fn a_star_does_not_depend_on_its_batch() {
        let model = synthetic::model();
        let fitter = LabelFitter::new(&model, options()).unwrap();
        let noise = synthetic::gaussians(3, 3 * model.n_pix());
        let noise = Array2::from_shape_vec((3, model.n_pix()), noise).unwrap() * 0.02;
        let rows: Vec<Array1<f64>> = thetas().iter().map(|t| model.flux(t.view())).collect();
        let views: Vec<_> = rows.iter().map(Array1::view).collect();
        let flux = stack(Axis(0), &views).unwrap() + noise;
        let ivar = Array2::from_elem(flux.dim(), 2500.0);
        let together = fitter.fit_many(flux.view(), ivar.view()).unwrap();
        let order = [2, 0, 1];
        let shuffled = fitter
            .fit_many(flux.select(Axis(0), &order).view(), ivar.view())
            .unwrap();
        for (place, &star) in order.iter().enumerate() {
            assert_eq!(shuffled[place], together[star]);
            assert_eq!(
                fitter.fit(flux.row(star), ivar.row(star)).unwrap(),
                together[star]
            );
        }
    }

    #[test]
    fn hot_star_stops_at_the_bound_and_is_flagged() {
        let model = synthetic::model();
        let tight = FitOptions {
            bounds: LabelBounds::Box { margin: 0.0 },
            ..options()
        };
        let fitter = LabelFitter::new(&model, tight).unwrap();
        let outside = model.labels.column(0).fold(0.0f64, |a, &b| a.max(b)) + 60.0;
        let flux = model.flux(array![outside, -0.2, 4.8].view());
        let ivar = Array1::from_elem(model.n_pix(), 1e6);
        let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
        assert_eq!(fit.at_bound & 1, 1);
        assert!(fit.labels[0] < outside && fit.status == FitStatus::Converged);
        let free = FitOptions {
            bounds: LabelBounds::Unbounded,
            ..options()
        };
        let fit = LabelFitter::new(&model, free)
            .unwrap()
            .fit(flux.view(), ivar.view())
            .unwrap();
        assert!((fit.labels[0] - outside).abs() < 1e-3 && !fit.inside_box && fit.at_bound == 0);
    }

    #[test]
    fn missing_pixels_do_not_move_labels_and_too_few_are_told() {
        let model = synthetic::model();
        let fitter = LabelFitter::new(&model, options()).unwrap();
        let theta = array![3300.0, -0.3, 5.0];
        let mut flux = model.flux(theta.view());
        let mut ivar = Array1::from_elem(model.n_pix(), 1e4);
        (flux[5], ivar[9], flux[9], ivar[11]) = (f64::NAN, 0.0, 50.0, f64::NAN);
        let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
        assert!((fit.labels[0] - 3300.0).abs() < 1e-3);
        assert_eq!(
            fit.n_pix_used,
            model.usable().iter().filter(|&&u| u).count() - 3
        );
        ivar.fill(0.0);
        let fit = fitter.fit(flux.view(), ivar.view()).unwrap();
        assert_eq!((fit.status, fit.n_pix_used), (FitStatus::TooFewPixels, 0));
        assert!(fit.labels.iter().all(|v| v.is_nan()));
        assert!(fitter.fit(flux.view(), array![1.0].view()).is_err());
    }

    #[test]
    fn a_constant_label_is_held_and_flagged() {
        let model = synthetic::model_of_constant_gravity();
        let fitter = LabelFitter::new(&model, options()).unwrap();
        let flux = model.flux(array![3300.0, -0.3, 5.0].view());
        let fit = fitter
            .fit(flux.view(), Array1::from_elem(model.n_pix(), 1e4).view())
            .unwrap();
        assert_eq!(
            (fit.status, fit.fixed, fit.at_bound),
            (FitStatus::Converged, 0b100, 0)
        );
        assert_eq!(fit.labels[2], 5.0);
        assert!((fit.labels[0] - 3300.0).abs() < 1e-3 && fit.formal_errors[0].is_finite());
        assert!(fit.formal_errors[2].is_nan());
    }

    #[test]
    fn soft_l1_resists_an_outlier_better() {
        let model = synthetic::model();
        let theta = array![3300.0, -0.3, 5.0];
        let mut flux = model.flux(theta.view());
        flux[4] += 0.3;
        let ivar = Array1::from_elem(model.n_pix(), 1e4);
        let off = |loss| {
            let fitter = LabelFitter::new(&model, FitOptions { loss, ..options() }).unwrap();
            (fitter.fit(flux.view(), ivar.view()).unwrap().labels[0] - theta[0]).abs()
        };
        assert!(off(Loss::SoftL1) < 0.3 * off(Loss::Linear));
    }
}
