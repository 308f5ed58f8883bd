//! Labels of stars: Levenberg-Marquardt on all used pixels from a near training spectrum.
//!
//! Maximizes the likelihood of Li et al. 2021, eq. 3 (flat prior) in scaled labels and scaled flux; its logarithmic
//! term does not depend on the labels and is left out. Stars share matrix products only, in which a star's rows do not
//! depend on the others': a star's result is the same in any batch.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::super::hull::ConvexHull;
use super::super::labels::{LabelBox, LabelScaler, NearestStar};
use super::super::least_squares::{Bounds, NormalEquations, Outcome, invert_positive_definite};
use super::cells::CellScratch;
use super::kernel::KernelEvaluator;
use super::label_fit::{Evaluator, FitOptions, FitStatus, LabelBounds, LabelFit, Loss, Start};
use super::lanes::{LaneSpectrum, pixel_sums};
use super::minimize::{Found, Task};
use super::start::{FastStart, StartSpectra, TrainingFlux};
use super::weights::PixelWeights;
use super::{CellEvaluator, SlamError, SlamModel, check_length};

/// A model prepared for fitting many stars.
///
/// It outlives the model. Memory: a copy of its coefficients (exact evaluation and preparation only), the cells, and
/// the spectra to start from: up to `6 n_train n_pix` bytes, `8 n_train n_pix` with [`Start::Exact`].
#[derive(Debug)]
pub struct LabelFitter {
    pub(super) n_pix: usize,
    pub(super) label_scaler: LabelScaler,
    pub(super) cells: Option<Arc<CellEvaluator>>,
    pub(super) exact: Option<KernelEvaluator<'static>>,
    start: StartSpectra,
    pub(super) weights: PixelWeights,
    scaled_labels: Array2<f64>,
    nearest: NearestStar,
    label_box: LabelBox,
    hull: ConvexHull,
    pub(super) bounds: Bounds,
    pub(super) options: FitOptions,
}

/// Stars whose starts are sought and whose exact evaluations are done together.
const BATCH: usize = 64;

/// Rounding of scaled labels that are still in the hull.
const HULL_TOLERANCE: f64 = 1e-9;

impl LabelFitter {
    /// Prepares `model`: cells, spectra to start from, weights, hull.
    ///
    /// # Errors
    /// [`SlamError::Length`] for tables of wrong shape, [`SlamError::MissingColumn`] where the model error needs a
    /// column the model lacks, [`SlamError::Option`] for an option out of range, more than 32 labels or no training
    /// star.
    pub fn new(model: &SlamModel, options: FitOptions) -> Result<Self, SlamError> {
        model.check()?;
        let cells = match options.cells() {
            Some(cells) => CellEvaluator::new(model, cells)?.map(Arc::new),
            None => None,
        };
        Self::with_cells(model, cells, options)
    }

    /// As [`Self::new`], with cells of the same model and of [`FitOptions::cells`] that another fitter may be using.
    ///
    /// # Errors
    /// As [`Self::new`]; [`SlamError::Length`] where the cells are of a model with other pixels or labels.
    pub fn with_cells(
        model: &SlamModel,
        cells: Option<Arc<CellEvaluator>>,
        options: FitOptions,
    ) -> Result<Self, SlamError> {
        model.check()?;
        check_n_label(model.n_label())?;
        let scaled_labels = model.scaled_labels();
        let label_box = LabelBox::of(scaled_labels.view())?;
        let hull = ConvexHull::new(scaled_labels.view())?;
        let bounds = scaled_bounds(&label_box, &model.label_scaler.constant, options.bounds)?;
        let exact = KernelEvaluator::new(model);
        let (slots, error) = (exact.slots(), options.model_error);
        let weights = PixelWeights::new(model, slots, error, options.ivar_threshold)?;
        if let Some(cells) = &cells {
            cells.check_of(&exact, model.n_label())?;
        }
        let start = match options.start {
            Start::Fast => StartSpectra::Fast(match &cells {
                Some(cells) => cells.starts(model),
                None => Arc::new(FastStart::new(model, &exact)),
            }),
            Start::Exact => StartSpectra::Exact(TrainingFlux::new(model, &exact)),
        };
        let needs_exact = cells.is_none() || options.evaluator == Evaluator::Exact;
        let nearest = NearestStar::new(scaled_labels.view());
        let exact = needs_exact.then(|| exact.into_owned());
        Ok(Self {
            n_pix: model.n_pix(),
            label_scaler: model.label_scaler.clone(),
            cells,
            exact,
            start,
            weights,
            scaled_labels,
            nearest,
            label_box,
            hull,
            bounds,
            options,
        })
    }

    pub(super) fn n_label(&self) -> usize {
        self.label_scaler.n_label()
    }

    /// The compressed evaluator, where there is one.
    pub fn cells(&self) -> Option<&CellEvaluator> {
        self.cells.as_deref()
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
        check_length("flux", flux.ncols(), self.n_pix)?;
        check_length("ivar", ivar.ncols(), self.n_pix)?;
        let rows = flux.axis_chunks_iter(Axis(0), BATCH);
        let batches: Vec<_> = rows.zip(ivar.axis_chunks_iter(Axis(0), BATCH)).collect();
        let fits: Vec<Vec<LabelFit>> =
            batches.par_iter().map(|(flux, ivar)| self.fit_batch(*flux, *ivar)).collect();
        Ok(fits.into_iter().flatten().collect())
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
        check_length("flux", flux.len(), self.n_pix)?;
        check_length("ivar", ivar.len(), self.n_pix)?;
        let mut fits = self.fit_batch(flux.insert_axis(Axis(0)), ivar.insert_axis(Axis(0)));
        Ok(fits.pop().unwrap_or_else(|| self.without_labels(FitStatus::NotStarted, 0)))
    }

    fn fit_batch(&self, flux: ArrayView2<'_, f64>, ivar: ArrayView2<'_, f64>) -> Vec<LabelFit> {
        let mut scratch = CellScratch::default();
        let stars = flux.outer_iter().zip(ivar.outer_iter());
        let spectra: Vec<(LaneSpectrum, usize)> =
            stars.map(|(flux, ivar)| self.weights.spectrum(flux, ivar)).collect();
        let starts = self.start.nearest(&spectra.iter().map(|(star, _)| star).collect::<Vec<_>>());
        let mut tasks: Vec<Result<Task, Box<LabelFit>>> = spectra
            .into_iter()
            .zip(starts)
            .map(|((spectrum, n_used), start)| self.begin(spectrum, n_used, start, &mut scratch))
            .collect();
        if let Some(exact) = &self.exact {
            let going = tasks.iter_mut().filter_map(|task| task.as_mut().ok()).collect();
            self.settle(exact, going, &mut scratch);
        }
        tasks
            .into_iter()
            .map(|task| task.map_or_else(|failed| *failed, |task| self.report(&task, &mut scratch)))
            .collect()
    }

    /// Finds the compressed optimum of a weighted spectrum, where there are cells.
    fn begin(
        &self,
        spectrum: LaneSpectrum,
        n_used: usize,
        start: Option<usize>,
        scratch: &mut CellScratch,
    ) -> Result<Task, Box<LabelFit>> {
        if n_used < self.options.min_pixels.max(self.n_label() + 1) {
            return Err(Box::new(self.without_labels(FitStatus::TooFewPixels, n_used)));
        }
        let Some(start) = start else {
            return Err(Box::new(self.without_labels(FitStatus::NotStarted, n_used)));
        };
        let labels = self.scaled_labels.row(start).to_owned();
        let found = match &self.cells {
            Some(cells) => self.compressed_fit(cells, &spectrum, &labels, scratch),
            None => Found::at(labels),
        };
        Ok(Task { spectrum, n_used, start, found })
    }

    /// Gaussian sums at the optimum: those of the fit, or new ones after a fit with another loss.
    fn gaussian(&self, task: &Task, scratch: &mut CellScratch) -> NormalEquations {
        let (labels, n_label) = (task.found.minimum.parameters.view(), self.n_label());
        if self.options.loss == Loss::Linear {
            return task.found.minimum.equations.clone();
        }
        let mut pulls = Vec::new();
        let mut sums = |planes: &[f64]| {
            pixel_sums(planes, n_label, &task.spectrum, Loss::Linear, &mut pulls).equations
        };
        match (&self.exact, &self.cells) {
            (Some(exact), _) => {
                let planes = exact.planes(labels.insert_axis(Axis(0)));
                sums(planes.as_slice().unwrap_or_default())
            }
            (None, Some(cells)) => {
                scratch.leave();
                cells.planes(labels, scratch);
                let planes: Vec<f64> = scratch.planes.iter().map(|&f| f64::from(f)).collect();
                sums(&planes)
            }
            (None, None) => task.found.minimum.equations.clone(),
        }
    }

    fn report(&self, task: &Task, scratch: &mut CellScratch) -> LabelFit {
        let minimum = &task.found.minimum;
        let scaled = &minimum.parameters;
        let gaussian = self.gaussian(task, scratch);
        let covariance = self.covariance(&gaussian);
        let status = match minimum.outcome {
            Outcome::Stuck => FitStatus::Singular,
            _ if covariance.is_none() => FitStatus::Singular,
            Outcome::MaxEvaluations => FitStatus::MaxIterations,
            Outcome::Converged => FitStatus::Converged,
        };
        let mut fit = self.without_labels(status, task.n_used);
        fit.labels = self.label_scaler.inverse_row(scaled.view());
        if let Some(covariance) = covariance {
            fit.formal_errors = covariance.diag().mapv(f64::sqrt);
            fit.correlations = correlations(&covariance, &fit.formal_errors);
            fit.covariance = covariance;
        }
        let constant = &self.label_scaler.constant;
        let n_free = constant.iter().filter(|&&c| !c).count();
        let freedom = (task.n_used - n_free) as f64;
        fit.chi2 = 2.0 * gaussian.cost;
        fit.reduced_chi2 = fit.chi2 / freedom;
        fit.chi2_intrinsic = task.found.chi2_intrinsic;
        fit.reduced_chi2_intrinsic = fit.chi2_intrinsic / freedom;
        fit.compression_shift = task.found.compression_shift;
        fit.n_evaluations = minimum.n_evaluations;
        fit.at_bound =
            bits((0..scaled.len()).map(|l| !constant[l] && self.bounds.touches(scaled, l)));
        fit.start_index = Some(task.start);
        self.place(scaled, &mut fit);
        fit
    }

    /// Says where the labels lie among those of the training stars.
    fn place(&self, scaled: &Array1<f64>, fit: &mut LabelFit) {
        fit.hull_distance = self.nearest.distance(scaled.view());
        fit.inside_box = self.label_box.contains(scaled.view());
        fit.outside_hull = self.hull.distance(scaled.view());
        fit.in_hull = fit.outside_hull <= HULL_TOLERANCE;
    }

    /// Inverse of the Gauss-Newton matrix of the labels that vary, in physical units; NaN in rows of constant labels.
    fn covariance(&self, gaussian: &NormalEquations) -> Option<Array2<f64>> {
        let constant = &self.label_scaler.constant;
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
        Some(self.label_scaler.covariance_to_physical(scaled.view()))
    }

    fn without_labels(&self, status: FitStatus, n_pix_used: usize) -> LabelFit {
        let n_label = self.n_label();
        LabelFit {
            labels: Array1::from_elem(n_label, f64::NAN),
            covariance: Array2::from_elem((n_label, n_label), f64::NAN),
            formal_errors: Array1::from_elem(n_label, f64::NAN),
            correlations: Array2::from_elem((n_label, n_label), f64::NAN),
            chi2: f64::NAN,
            reduced_chi2: f64::NAN,
            chi2_intrinsic: f64::NAN,
            reduced_chi2_intrinsic: f64::NAN,
            n_pix_used,
            status,
            n_evaluations: 0,
            compression_shift: f64::NAN,
            hull_distance: f64::NAN,
            outside_hull: f64::NAN,
            in_hull: false,
            inside_box: false,
            at_bound: 0,
            fixed: bits(self.label_scaler.constant.iter().copied()),
            start_index: None,
        }
    }
}

fn check_n_label(n_label: usize) -> Result<(), SlamError> {
    if n_label <= 32 {
        return Ok(());
    }
    let value = n_label as f64;
    let range = "the flag bits hold at most 32 labels";
    Err(SlamError::Option { what: "n_label", value, range })
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
