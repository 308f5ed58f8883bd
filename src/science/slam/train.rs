//! Training of one pixel: hyper-parameters by cross-validation, then the fit with all stars that have the pixel.
//!
//! A pixel is a shard: nothing here knows of other pixels. Mean squared errors are in scaled-flux units, the flux
//! scaled once with all used stars, folds included.

use ndarray::{Array1, Array2, ArrayView1};

use super::super::cross_validation::Folds;
use super::super::labels::{FluxScaler, LabelScaler};
use super::super::svr::{HyperParameters, SvrError, SvrProblem, SvrSolution, SvrSolver};
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

/// Whether a pixel can be used, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelStatus {
    /// Trained.
    Usable,
    /// No or too few stars have it.
    TooFewStars,
    /// All stars have the same flux.
    ConstantFlux,
    /// The solver's solution is not optimal to `max_kkt`.
    NotConverged,
}

impl PixelStatus {
    /// The word written to tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::TooFewStars => "too_few_stars",
            Self::ConstantFlux => "constant_flux",
            Self::NotConverged => "not_converged",
        }
    }

    /// Reads the word of [`Self::name`].
    ///
    /// # Errors
    /// [`SlamError::Unknown`].
    pub fn named(name: &str) -> Result<Self, SlamError> {
        let all = [Self::Usable, Self::TooFewStars, Self::ConstantFlux, Self::NotConverged];
        all.into_iter().find(|status| status.name() == name).ok_or_else(|| SlamError::Unknown {
            what: "pixel status",
            found: name.to_owned(),
            known: "usable, too_few_stars, constant_flux, not_converged",
        })
    }
}

/// One trained pixel: one row of the model. NaN stands where `status` is not `Usable`.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelModel {
    /// Vacuum wavelength.
    pub wave_angstrom: f64,
    /// Whether it can be used.
    pub status: PixelStatus,
    /// Dual coefficients, `(n_train,)`; zero for stars without the pixel, all zero where unusable.
    pub dual: Array1<f64>,
    /// Constant term, scaled flux.
    pub bias: f64,
    /// The chosen cell.
    pub hyper: HyperParameters,
    /// Mean normalized flux of the used stars.
    pub flux_mean: f64,
    /// Population standard deviation of normalized flux.
    pub flux_scale: f64,
    /// Mean over folds of the held-out mean squared error at the chosen cell, scaled flux squared.
    pub cv_mse: f64,
    /// Mean squared error of the last fit on its own stars, scaled flux squared.
    pub train_mse: f64,
    /// Mean photon variance of the used stars, scaled flux squared.
    pub mean_scaled_variance: f64,
    /// Violation of optimality of the last fit, scaled flux.
    pub kkt_residual: f64,
    /// Stars that have the pixel.
    pub n_used: usize,
    /// Held-out mean squared error of every cell in grid order; empty without folds.
    pub cv_surface: Vec<f64>,
}

impl PixelModel {
    fn unusable(wave_angstrom: f64, status: PixelStatus, n_train: usize, n_used: usize) -> Self {
        let missing = f64::NAN;
        Self {
            wave_angstrom,
            status,
            dual: Array1::zeros(n_train),
            bias: missing,
            hyper: HyperParameters { c: missing, gamma: missing, epsilon: missing },
            flux_mean: missing,
            flux_scale: missing,
            cv_mse: missing,
            train_mse: missing,
            mean_scaled_variance: missing,
            kkt_residual: missing,
            n_used,
            cv_surface: Vec::new(),
        }
    }
}

/// Trains one pixel (Li et al. 2021, §2.2, eq. 1).
///
/// # Errors
/// [`SlamError::Length`] for arrays of other lengths than the labels, [`SlamError::Grid`] for several cells without
/// folds, [`SlamError::Folds`] for too few stars a fold, [`SlamError::Pixel`] where the solver fails. A pixel that no
/// or too few stars have is no error: its status says so.
pub fn train_pixel(
    labels: &TrainingLabels,
    pixel: &PixelSpectra<'_>,
    options: &TrainOptions<'_>,
    solver: &dyn SvrSolver,
) -> Result<PixelModel, SlamError> {
    check_input(labels, pixel, options)?;
    let used = pixel.used();
    let n_used = used.iter().filter(|&&u| u).count();
    let unusable =
        |status| PixelModel::unusable(pixel.wave_angstrom, status, labels.n_train(), n_used);
    let enough = n_used >= options.min_stars.max(2);
    let Some(scaler) = FluxScaler::fit(pixel.flux, &used).filter(|_| enough) else {
        return Ok(unusable(PixelStatus::TooFewStars));
    };
    if scaler.constant {
        return Ok(unusable(PixelStatus::ConstantFlux));
    }
    let target = pixel.flux.mapv(|f| scaler.transform(f));
    let problem =
        SvrProblem { scaled_labels: labels.scaled.view(), target: target.view(), used: &used };
    let in_pixel = |source| SlamError::Pixel { wave_angstrom: pixel.wave_angstrom, source };
    let (cell, cv_surface) = choose_cell(&problem, options, solver, in_pixel)?;
    // No cell is best when every fold was empty on one side, so that nothing was measured.
    let Some(cell) = cell else {
        return Ok(unusable(PixelStatus::TooFewStars));
    };
    let hyper = options.grid.cells()[cell];
    let solution = solver.fit(&problem, hyper).map_err(in_pixel)?;
    if solution.kkt_residual.is_nan() || solution.kkt_residual > options.max_kkt {
        return Ok(unusable(PixelStatus::NotConverged));
    }
    let cv_mse = cv_surface.get(cell).copied().unwrap_or(f64::NAN);
    let row = trained_row(pixel, &problem, &scaler, hyper, solution, solver);
    Ok(PixelModel { cv_mse, cv_surface, ..row })
}

/// The best cell of the grid, `None` where no fold could be scored, and the error of every cell.
fn choose_cell(
    problem: &SvrProblem<'_>,
    options: &TrainOptions<'_>,
    solver: &dyn SvrSolver,
    in_pixel: impl Fn(SvrError) -> SlamError,
) -> Result<(Option<usize>, Vec<f64>), SlamError> {
    let Some(folds) = row_folds(problem.used, options.folds)? else {
        return Ok((Some(0), Vec::new()));
    };
    let surface = cross_validate(problem, &folds, options.grid, solver).map_err(in_pixel)?;
    Ok((options.grid.best(&surface), surface))
}

/// The row of a usable pixel, its cross-validation columns still missing.
fn trained_row(
    pixel: &PixelSpectra<'_>,
    problem: &SvrProblem<'_>,
    scaler: &FluxScaler,
    hyper: HyperParameters,
    solution: SvrSolution,
    solver: &dyn SvrSolver,
) -> PixelModel {
    let rows = problem.used_rows();
    let variance = rows.iter().map(|&row| scaler.scaled_variance(pixel.ivar[row]));
    PixelModel {
        wave_angstrom: pixel.wave_angstrom,
        status: PixelStatus::Usable,
        bias: solution.bias,
        hyper,
        flux_mean: scaler.mean,
        flux_scale: scaler.scale,
        cv_mse: f64::NAN,
        train_mse: mean_squared_error(problem, hyper.gamma, &solution, &rows, solver),
        mean_scaled_variance: variance.sum::<f64>() / rows.len() as f64,
        kkt_residual: solution.kkt_residual,
        n_used: rows.len(),
        cv_surface: Vec::new(),
        dual: solution.dual,
    }
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
    let n_cell = options.grid.cells().len();
    if n_cell > 1 && matches!(options.folds, PixelFolds::None) {
        return Err(SlamError::Grid { n_cell, how: "without folds" });
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

/// Mean over folds of the held-out mean squared error, one value per cell of the grid, scaled flux squared.
fn cross_validate(
    problem: &SvrProblem<'_>,
    fold_of_row: &[Option<usize>],
    grid: &HyperGrid,
    solver: &dyn SvrSolver,
) -> Result<Vec<f64>, SvrError> {
    let n_folds = fold_of_row.iter().flatten().max().map_or(0, |&f| f + 1);
    let mut sum = vec![0.0; grid.cells().len()];
    let mut n_scored = 0;
    for fold in 0..n_folds {
        let held_out: Vec<usize> =
            (0..fold_of_row.len()).filter(|&row| fold_of_row[row] == Some(fold)).collect();
        let used: Vec<bool> = fold_of_row.iter().map(|f| f.is_some_and(|f| f != fold)).collect();
        // A fold whose stars all lack the pixel scores nothing; one that leaves a single star cannot be fitted.
        if held_out.is_empty() || used.iter().filter(|&&u| u).count() < 2 {
            continue;
        }
        let training = SvrProblem {
            scaled_labels: problem.scaled_labels.reborrow(),
            target: problem.target.reborrow(),
            used: &used,
        };
        for (total, &hyper) in sum.iter_mut().zip(grid.cells()) {
            let solution = solver.fit(&training, hyper)?;
            *total += mean_squared_error(&training, hyper.gamma, &solution, &held_out, solver);
        }
        n_scored += 1;
    }
    Ok(sum.into_iter().map(|total| total / f64::from(n_scored)).collect())
}

/// Mean squared residual at `rows`, scaled flux squared.
fn mean_squared_error(
    problem: &SvrProblem<'_>,
    gamma: f64,
    solution: &SvrSolution,
    rows: &[usize],
    solver: &dyn SvrSolver,
) -> f64 {
    let predicted = solver.predict_rows(problem, gamma, solution, rows);
    let squares = rows.iter().zip(&predicted).map(|(&row, p)| (problem.target[row] - p).powi(2));
    squares.sum::<f64>() / rows.len() as f64
}

#[cfg(test)]
#[path = "train_tests.rs"]
mod tests;
