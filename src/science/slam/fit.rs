//! Labels of one star: Levenberg-Marquardt on all used pixels from the nearest training spectrum.
//!
//! Maximizes the likelihood of Li et al. 2021, eq. 3 (flat prior) in scaled labels and scaled flux; its logarithmic
//! term does not depend on the labels and is left out. A batch is a loop over [`LabelFitter::fit`], so a star's result
//! does not depend on its neighbors.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::super::labels::{LabelBox, nearest_neighbor};
use super::super::least_squares::{
    Bounds, Minimum, NormalEquations, Outcome, invert_positive_definite, levenberg_marquardt,
};
use super::label_fit::{FitOptions, FitStatus, LabelBounds, LabelFit, Loss};
use super::model::{FluxEvaluator, KernelEvaluator};
use super::weights::ScaledSpectrum;
use super::{SlamError, SlamModel, TrainingFlux, check_length};

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
        check_length("training flux", training_flux.scaled().ncols(), model.n_pix())?;
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
        let Some(start) = self.training_flux.nearest(spectrum.flux.view(), spectrum.weight.view())
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
        let minimum =
            levenberg_marquardt(&start_labels, &self.bounds, &self.options.minimizer, objective);
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
        NormalEquations { cost, gradient, hessian }
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
        Some(self.model.label_scaler.covariance_to_physical(scaled.view()))
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
    flags.enumerate().filter(|&(_, flag)| flag).map(|(l, _)| 1 << l).sum()
}

fn correlations(covariance: &Array2<f64>, errors: &Array1<f64>) -> Array2<f64> {
    Array2::from_shape_fn(covariance.dim(), |(a, b)| covariance[[a, b]] / (errors[a] * errors[b]))
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
