//! Errors that cover: laws that turn signal-to-noise ratio or formal error into the scatter of held-out labels.
//!
//! A fit's formal error knows photon noise and the model's mean error, not the scatter of the training labels nor
//! what the labels leave out (Li et al. 2021, §4.1, Fig. 2). Held-out residuals know both. A [`Law`] is fitted to them
//! by Gaussian maximum likelihood about zero, so that bias counts as error; [`cross_fitted`] gives each star the law
//! of the others, for coverage that is not flattered by its own fit.
//!
//! The residuals are against training labels: so are the errors, which hold the noise of these labels too.

use super::cross_validation::{FoldError, Folds};
use super::sorting::sort_indices;
use super::statistics::quantile;

mod fit;
mod law;

pub use fit::{fit_power_law, two_terms};
pub use law::Law;

/// Fewest stars of any law, of a law of two parameters, and of a monotone curve.
pub const FEWEST_STARS: [usize; 3] = [8, 40, 400];

/// Why there is no law.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum CalibrationError {
    /// Columns differ in length.
    #[error("{what} has {found} rows, the residuals have {expected}; pass columns of one table")]
    Length {
        /// Which column.
        what: &'static str,
        /// Its length.
        found: usize,
        /// Length of the residuals.
        expected: usize,
    },
    /// Too few stars have all that the law needs.
    #[error("{n_star} stars have a held-out label and {what}; a law of errors needs {}", FEWEST_STARS[0])]
    TooFewStars {
        /// Stars with all of it.
        n_star: usize,
        /// What else the law needs.
        what: &'static str,
    },
    /// All residuals vanish.
    #[error("all held-out residuals are 0, so truth was not held out; check the columns")]
    NoScatter,
    /// The folds.
    #[error(transparent)]
    Folds(#[from] FoldError),
}

/// Held-out residuals of one label, `(n,)` each, in the order of a table; NaN where missing.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Held-out minus true label.
    pub residual: Vec<f64>,
    /// Formal error of the held-out label.
    pub formal: Vec<f64>,
    /// Signal-to-noise ratio of the spectrum.
    pub snr: Vec<f64>,
    /// Star of the spectrum: spectra of one star err together.
    pub star: Vec<i64>,
}

impl HeldOut {
    /// Refuses columns of different tables.
    ///
    /// # Errors
    /// [`CalibrationError::Length`].
    pub fn check(&self) -> Result<(), CalibrationError> {
        let expected = self.residual.len();
        let lengths = [
            ("the formal error", self.formal.len()),
            ("the signal-to-noise ratio", self.snr.len()),
            ("the star", self.star.len()),
        ];
        match lengths.into_iter().find(|(_, found)| *found != expected) {
            Some((what, found)) => Err(CalibrationError::Length { what, found, expected }),
            None => Ok(()),
        }
    }

    /// The rows for which `keep` holds.
    pub fn select(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.residual.len()).filter(|&row| keep(row)).collect();
        let of = |values: &[f64]| rows.iter().map(|&row| values[row]).collect();
        Self {
            residual: of(&self.residual),
            formal: of(&self.formal),
            snr: of(&self.snr),
            star: rows.iter().map(|&row| self.star[row]).collect(),
        }
    }

    /// Distinct stars.
    pub fn n_star(&self) -> usize {
        let mut stars = self.star.clone();
        sort_indices(&mut stars);
        stars.dedup();
        stars.len()
    }
}

/// What errors depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The signal-to-noise ratio alone: `cv_curve`.
    Snr,
    /// The signal-to-noise ratio alone, as a power law: what the errors of Table 4 look like.
    PowerLaw,
    /// The formal error: `calibrated`.
    Formal,
}

/// How many parameters a law may have; fewer where there are too few stars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// As many as [`FEWEST_STARS`] allows; of the formal error at most two.
    #[default]
    Auto,
    /// A constant; of the formal error a factor or a floor, whichever is likelier.
    One,
    /// A floor and a term that falls with the ratio, or scales the formal error.
    Two,
    /// A monotone curve in the ratio, or a monotone factor of the formal error.
    Monotone,
}

/// What the fitted law reproduces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Match {
    /// The root mean square of the residuals (eq. 5).
    #[default]
    Rms,
    /// Their 68.27th percentile: less than the rms where few residuals are large.
    Coverage,
}

/// A law and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The law.
    pub law: Law,
    /// Rows that entered.
    pub n: usize,
    /// Their stars.
    pub n_star: usize,
    /// Smallest and largest signal-to-noise ratio among them; NaN where they have none.
    pub snr_range: [f64; 2],
}

impl Fitted {
    /// Whether the law rests on too few stars for a second parameter.
    pub fn is_few(&self) -> bool {
        self.n_star < FEWEST_STARS[1]
    }

    /// Whether a ratio lies outside those that the law was fitted to.
    pub fn extrapolates(&self, snr: f64) -> bool {
        snr < self.snr_range[0] || snr > self.snr_range[1]
    }
}

/// Fits a law to held-out residuals.
///
/// # Errors
/// [`CalibrationError`] where there are too few stars, no scatter, or columns of different length.
pub fn calibrate(
    held_out: &HeldOut,
    basis: Basis,
    form: Form,
    matching: Match,
) -> Result<Fitted, CalibrationError> {
    held_out.check()?;
    let usable = |row: usize| {
        let value = match basis {
            Basis::Formal => held_out.formal[row],
            Basis::Snr | Basis::PowerLaw => held_out.snr[row],
        };
        held_out.residual[row].is_finite() && value.is_finite() && value > 0.0
    };
    let rows = held_out.select(usable);
    let n_star = rows.n_star();
    if n_star < FEWEST_STARS[0] {
        let what = if basis == Basis::Formal { "a formal error" } else { "a ratio" };
        return Err(CalibrationError::TooFewStars { n_star, what });
    }
    if rows.residual.iter().all(|r| *r == 0.0) {
        return Err(CalibrationError::NoScatter);
    }
    let law = fit::law(&rows, basis, allowed(form, basis, n_star));
    let law = match matching {
        Match::Coverage if n_star >= FEWEST_STARS[1] => law.times(coverage_factor(&law, &rows)),
        _ => law,
    };
    Ok(Fitted { law, n: rows.residual.len(), n_star, snr_range: range(&rows.snr) })
}

/// What so many stars allow of what is asked.
fn allowed(form: Form, basis: Basis, n_star: usize) -> Form {
    let [_, two, monotone] = FEWEST_STARS;
    match form {
        Form::One => Form::One,
        _ if n_star < two => Form::One,
        Form::Two => Form::Two,
        Form::Auto if basis == Basis::Formal => Form::Two,
        _ if n_star < monotone => Form::Two,
        _ => Form::Monotone,
    }
}

/// The factor that puts 68.27 % of the residuals within the law.
fn coverage_factor(law: &Law, rows: &HeldOut) -> f64 {
    let pulls: Vec<f64> = (0..rows.residual.len())
        .map(|row| (rows.residual[row] / law.sigma(rows.snr[row], rows.formal[row])).abs())
        .filter(|pull| pull.is_finite())
        .collect();
    let factor = quantile(&pulls, super::statistics::WITHIN_ONE_SIGMA);
    factor.filter(|f| *f > 0.0).unwrap_or(1.0)
}

fn range(values: &[f64]) -> [f64; 2] {
    let finite = values.iter().copied().filter(|v| v.is_finite());
    [finite.clone().fold(f64::NAN, f64::min), finite.fold(f64::NAN, f64::max)]
}

/// Errors of all rows, each by the law of the other folds' stars, `(n,)`; NaN where the law has none.
///
/// # Errors
/// [`CalibrationError`] where a fold leaves too few stars.
pub fn cross_fitted(
    held_out: &HeldOut,
    n_folds: usize,
    seed: u64,
    fit: impl Fn(&HeldOut) -> Result<Fitted, CalibrationError>,
) -> Result<Vec<f64>, CalibrationError> {
    let n_folds = n_folds.min(held_out.n_star()).max(2);
    let folds = Folds::by_star(&held_out.star, n_folds, seed)?;
    let mut sigma = vec![f64::NAN; held_out.residual.len()];
    for fold in 0..n_folds {
        let fitted = fit(&held_out.select(|row| folds.fold_of_row()[row] != fold))?;
        for row in folds.held_out_rows(fold) {
            sigma[row] = fitted.law.sigma(held_out.snr[row], held_out.formal[row]);
        }
    }
    Ok(sigma)
}

#[cfg(test)]
#[path = "calibration_tests.rs"]
mod tests;
