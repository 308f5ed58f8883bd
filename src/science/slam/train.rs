//! Training of one pixel: hyper-parameters by cross-validation, then the fit with all stars that have the pixel.
//!
//! A pixel's row depends on that pixel and the labels alone; pixels share the kernel. Mean squared errors are in scaled-flux units, the flux
//! scaled once with all used stars, folds included.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use super::super::cross_validation::Folds;
use super::super::labels::{FluxScaler, LabelScaler};
use super::super::sorting::sort_numbers;
use super::super::svr::{Fitted, HyperParameters, PreparedSvr, SvrError, SvrSolver, SvrTask};
use super::grid::smallest;
use super::pixel::{PixelModel, PixelStatus};
use super::{HyperGrid, SlamError, check_length};

/// Labels of the training set, shared by all pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingLabels {
    /// Names, `(n_label,)`.
    pub names: Vec<String>,
    /// Physical units, `(n_train, n_label)`.
    pub physical: Array2<f64>,
    /// Mean and scale of each label.
    pub scaler: LabelScaler,
    /// Mean 0 and variance 1, `(n_train, n_label)`.
    pub scaled: Array2<f64>,
}

impl TrainingLabels {
    /// Standardizes `physical`, `(n_train, n_label)`.
    ///
    /// # Errors
    /// [`SlamError::Length`] where names and columns differ, [`SlamError::Labels`] for missing labels.
    pub fn new(names: Vec<String>, physical: Array2<f64>) -> Result<Self, SlamError> {
        check_length("label names", names.len(), physical.ncols())?;
        let scaler = LabelScaler::fit(physical.view())?;
        let scaled = scaler.transform(physical.view());
        Ok(Self { names, physical, scaler, scaled })
    }

    /// Number of training stars.
    pub fn n_train(&self) -> usize {
        self.physical.nrows()
    }
}

/// One pixel of all training spectra.
#[derive(Debug, Clone, Copy)]
pub struct PixelSpectra<'a> {
    /// Vacuum wavelength.
    pub wave_angstrom: f64,
    /// Normalized flux, `(n_train,)`.
    pub flux: ArrayView1<'a, f64>,
    /// Inverse variance of the normalized flux, `(n_train,)`; a star without this pixel has 0 or NaN.
    pub ivar: ArrayView1<'a, f64>,
}

impl PixelSpectra<'_> {
    /// Which stars have the pixel, `(n_train,)`.
    fn used(&self) -> Vec<bool> {
        self.flux
            .iter()
            .zip(self.ivar)
            .map(|(f, &w)| f.is_finite() && w.is_finite() && w > 0.0)
            .collect()
    }
}

/// How the stars of a pixel are held out.
#[derive(Debug, Clone, Copy)]
pub enum PixelFolds<'a> {
    /// Fold of each training row, the same for all pixels (default: by star, seeded).
    Assigned(&'a Folds),
    /// Consecutive runs of the rows that have the pixel, as the released code does.
    ConsecutiveUsed {
        /// Number of runs.
        n_folds: usize,
    },
    /// No cross-validation: the grid must have one cell and CV-MSE stays missing.
    None,
}

/// Options of [`train_pixel`] other than data.
#[derive(Debug, Clone, Copy)]
pub struct TrainOptions<'a> {
    /// Hyper-parameters to choose from.
    pub grid: &'a HyperGrid,
    /// How to choose.
    pub folds: PixelFolds<'a>,
    /// Fewest stars that make a pixel usable, at least 2. Ten per label is a sound choice.
    pub min_stars: usize,
    /// Largest violation of optimality that a usable pixel may have, scaled flux; 1e-3 is libsvm's tolerance.
    pub max_kkt: f64,
}

/// Trains one pixel (Li et al. 2021, §2.2, eq. 1): [`train_pixels`] of one.
///
/// # Errors
/// As [`train_pixels`].
pub fn train_pixel(
    labels: &TrainingLabels,
    pixel: &PixelSpectra<'_>,
    options: &TrainOptions<'_>,
    solver: &dyn SvrSolver,
) -> Result<PixelModel, SlamError> {
    let mut trained = train_pixels(labels, std::slice::from_ref(pixel), options, solver)?;
    trained.pop().ok_or(SlamError::Length { what: "pixels", found: 0, expected: 1 })
}

/// Trains pixels, in their order, on all threads; what the solver can share is prepared once.
///
/// A pixel's row depends on that pixel and the labels alone. Memory: what the solver prepares, and some vectors of
/// `n_train` a pixel.
///
/// # Errors
/// [`SlamError::Length`] for arrays of other lengths than the labels, [`SlamError::Grid`] for several cells without
/// folds, [`SlamError::Folds`] for too few stars a fold, [`SlamError::Pixel`] where the solver fails; always that of the
/// first pixel that has one. A pixel that no or too few stars have is no error: its status says so.
pub fn train_pixels(
    labels: &TrainingLabels,
    pixels: &[PixelSpectra<'_>],
    options: &TrainOptions<'_>,
    solver: &dyn SvrSolver,
) -> Result<Vec<PixelModel>, SlamError> {
    check_grid(options)?;
    train_each(labels, pixels, |_| (options.grid.cells(), None), options, solver)
}

/// Trains pixels each at its own hyper-parameters, `(n_pix,)`, without cross-validation. `starts`, `(n_pix, n_train)`,
/// are dual coefficients of similar pixels, where there are some.
///
/// # Errors
/// As [`train_pixels`].
pub fn refit_pixels<'a>(
    labels: &TrainingLabels,
    pixels: &[PixelSpectra<'_>],
    hyper: &'a [HyperParameters],
    starts: Option<ArrayView2<'a, f64>>,
    (min_stars, max_kkt): (usize, f64),
    solver: &dyn SvrSolver,
) -> Result<Vec<PixelModel>, SlamError> {
    check_length("hyper-parameters", hyper.len(), pixels.len())?;
    let grid = HyperGrid::tutorial();
    let options = TrainOptions { grid: &grid, folds: PixelFolds::None, min_stars, max_kkt };
    if let Some(starts) = starts {
        check_length("starts", starts.nrows(), pixels.len())?;
    }
    let of = |at: usize| {
        (std::slice::from_ref(&hyper[at]), starts.map(|s| s.index_axis_move(Axis(0), at)))
    };
    train_each(labels, pixels, of, &options, solver)
}

/// The cells of a pixel's grid, and coefficients to start its last fit from.
type Given<'g> = (&'g [HyperParameters], Option<ArrayView1<'g, f64>>);

fn train_each<'g>(
    labels: &TrainingLabels,
    pixels: &[PixelSpectra<'_>],
    given: impl Fn(usize) -> Given<'g> + Sync,
    options: &TrainOptions<'_>,
    solver: &dyn SvrSolver,
) -> Result<Vec<PixelModel>, SlamError> {
    pixels.iter().try_for_each(|pixel| check_input(labels, pixel, options))?;
    let mut gammas: Vec<f64> =
        (0..pixels.len()).flat_map(|at| given(at).0.iter().map(|cell| cell.gamma)).collect();
    sort_numbers(&mut gammas);
    gammas.dedup();
    let prepared = solver.prepare(labels.scaled.view(), &gammas);
    let plans: Vec<Result<Plan, SlamError>> = pixels
        .par_iter()
        .enumerate()
        .map(|(at, pixel)| plan(labels, pixel, given(at).0, options, &*prepared))
        .collect();
    let plans = plans.into_iter().collect::<Result<Vec<_>, _>>()?;
    let tasks = plans
        .iter()
        .enumerate()
        .filter_map(|(at, plan)| plan.task(given(at).1.map(ArrayView1::reborrow)));
    let tasks: Vec<SvrTask<'_>> = tasks.collect();
    let mut fitted = prepared.fit_many(&tasks).into_iter();
    let mut rows = Vec::with_capacity(pixels.len());
    for (plan, pixel) in plans.iter().zip(pixels) {
        rows.push(match plan {
            Plan::Unusable(row) => row.clone(),
            Plan::Fit(ready) => match fitted.next() {
                Some(Ok(fitted)) => trained_row(pixel, ready, fitted, options.max_kkt),
                Some(Err(source)) => return Err(in_pixel(pixel, source)),
                None => unusable(pixel, PixelStatus::NotConverged, &ready.used),
            },
        });
    }
    Ok(rows)
}

fn in_pixel(pixel: &PixelSpectra<'_>, source: SvrError) -> SlamError {
    SlamError::Pixel { wave_angstrom: pixel.wave_angstrom, source }
}

fn unusable(pixel: &PixelSpectra<'_>, status: PixelStatus, used: &[bool]) -> PixelModel {
    let n_used = used.iter().filter(|&&u| u).count();
    PixelModel::unusable(pixel.wave_angstrom, status, used.len(), n_used)
}

/// What is known of a pixel before its last fit.
enum Plan {
    Unusable(PixelModel),
    Fit(Ready),
}

/// A pixel that is ready for its last fit.
struct Ready {
    target: Array1<f64>,
    used: Vec<bool>,
    scaler: FluxScaler,
    hyper: HyperParameters,
    cv_mse: f64,
    cv_surface: Vec<f64>,
}

impl Plan {
    fn task<'a>(&'a self, start: Option<ArrayView1<'a, f64>>) -> Option<SvrTask<'a>> {
        match self {
            Self::Unusable(_) => None,
            Self::Fit(ready) => Some(SvrTask {
                target: ready.target.view(),
                used: &ready.used,
                hyper: ready.hyper,
                start,
            }),
        }
    }
}

/// Scales a pixel's flux and chooses its hyper-parameters.
fn plan(
    labels: &TrainingLabels,
    pixel: &PixelSpectra<'_>,
    cells: &[HyperParameters],
    options: &TrainOptions<'_>,
    prepared: &dyn PreparedSvr,
) -> Result<Plan, SlamError> {
    let used = pixel.used();
    let n_used = used.iter().filter(|&&u| u).count();
    let enough = n_used >= options.min_stars.max(2);
    let Some(scaler) = FluxScaler::fit(pixel.flux, &used).filter(|_| enough) else {
        return Ok(Plan::Unusable(unusable(pixel, PixelStatus::TooFewStars, &used)));
    };
    if scaler.constant {
        return Ok(Plan::Unusable(unusable(pixel, PixelStatus::ConstantFlux, &used)));
    }
    check_length("used rows", used.len(), labels.n_train())?;
    let target = pixel.flux.mapv(|f| scaler.transform(f));
    let cv_surface = match row_folds(&used, options.folds)? {
        None => Vec::new(),
        Some(folds) => prepared
            .cross_validate(target.view(), &folds, cells, options.grid.search())
            .map_err(|source| in_pixel(pixel, source))?,
    };
    let cell = if cv_surface.is_empty() { Some(0) } else { smallest(&cv_surface) };
    // No cell is best when every fold was empty on one side, so that nothing was measured.
    let Some(cell) = cell else {
        return Ok(Plan::Unusable(unusable(pixel, PixelStatus::TooFewStars, &used)));
    };
    let cv_mse = cv_surface.get(cell).copied().unwrap_or(f64::NAN);
    Ok(Plan::Fit(Ready { target, used, scaler, hyper: cells[cell], cv_mse, cv_surface }))
}

/// The row of a pixel after its last fit.
fn trained_row(
    pixel: &PixelSpectra<'_>,
    ready: &Ready,
    fitted: Fitted,
    max_kkt: f64,
) -> PixelModel {
    let Fitted { solution, training_mse } = fitted;
    if solution.kkt_residual.is_nan() || solution.kkt_residual > max_kkt {
        return unusable(pixel, PixelStatus::NotConverged, &ready.used);
    }
    let rows: Vec<usize> = (0..ready.used.len()).filter(|&row| ready.used[row]).collect();
    let variance = rows.iter().map(|&row| ready.scaler.scaled_variance(pixel.ivar[row]));
    PixelModel {
        wave_angstrom: pixel.wave_angstrom,
        status: PixelStatus::Usable,
        bias: solution.bias,
        hyper: ready.hyper,
        flux_mean: ready.scaler.mean,
        flux_scale: ready.scaler.scale,
        cv_mse: ready.cv_mse,
        train_mse: training_mse,
        mean_scaled_variance: variance.sum::<f64>() / rows.len() as f64,
        kkt_residual: solution.kkt_residual,
        n_used: rows.len(),
        cv_surface: ready.cv_surface.clone(),
        dual: solution.dual,
    }
}

fn check_grid(options: &TrainOptions<'_>) -> Result<(), SlamError> {
    let n_cell = options.grid.cells().len();
    if n_cell > 1 && matches!(options.folds, PixelFolds::None) {
        return Err(SlamError::Grid { n_cell, how: "without folds" });
    }
    Ok(())
}

fn check_input(
    labels: &TrainingLabels,
    pixel: &PixelSpectra<'_>,
    options: &TrainOptions<'_>,
) -> Result<(), SlamError> {
    check_length("flux", pixel.flux.len(), labels.n_train())?;
    check_length("ivar", pixel.ivar.len(), labels.n_train())?;
    if let PixelFolds::Assigned(folds) = options.folds {
        check_length("folds", folds.fold_of_row().len(), labels.n_train())?;
    }
    Ok(())
}

/// Fold of each row, `None` where the row is not used; outer `None` without cross-validation.
fn row_folds(
    used: &[bool],
    folds: PixelFolds<'_>,
) -> Result<Option<Vec<Option<usize>>>, SlamError> {
    let n_used = used.iter().filter(|&&u| u).count();
    let mut fold_of_used: Vec<usize> = match folds {
        PixelFolds::None => return Ok(None),
        PixelFolds::Assigned(folds) => {
            folds.fold_of_row().iter().zip(used).filter(|&(_, &u)| u).map(|(&f, _)| f).collect()
        }
        PixelFolds::ConsecutiveUsed { n_folds } => {
            Folds::consecutive(n_used, n_folds)?.fold_of_row().to_vec()
        }
    };
    let mut next = fold_of_used.drain(..);
    Ok(Some(used.iter().map(|&u| if u { next.next() } else { None }).collect()))
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
