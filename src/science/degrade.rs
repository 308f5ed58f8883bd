//! Degrading a model spectrum to a spectrograph's resolving power and pixels (§3.2.2: LAMOST's low-resolution
//! spectra have R about 1,800).
//!
//! The line profile is a Gaussian in ln(wave) of full width 1/R at half maximum, so R is the same at every wavelength.
//! R of a spectrograph is read off arc lines in its own pixels, so it holds the width of a pixel already: the result is
//! sampled at the pixels' centers and not averaged over them once more.
//!
//! What spreads is energy: lambda F_lambda, the flux per unit of ln(wave), is averaged over cells of a fine logarithmic
//! grid and convolved there, so that the integral of F_lambda over wavelength stays what it was, to rounding. A flat
//! F_lambda stays flat to sigma^2/2, which is 3e-8 for R = 1,800. Near the ends, where the profile reaches beyond the
//! input, there is no output.

use thiserror::Error;

use super::wavelength::{LOG10_WAVE_START, LOG10_WAVE_STEP, wave_of_index};

/// Resolving power of LAMOST's low-resolution spectra.
pub const LAMOST_RESOLUTION: f64 = 1800.0;
/// Full width at half maximum of a Gaussian over its standard deviation: 2 sqrt(2 ln 2).
const FWHM_OVER_SIGMA: f64 = 2.354_820_045_030_949;
/// Fine cells in one pixel; odd, so that one of them has the pixel's center. At R = 1,800 nine make cells of a tenth
/// of a standard deviation.
const CELLS: i64 = 9;
/// Where the profile is cut off, standard deviations: 6e-7 of the energy lies beyond.
const REACH_SIGMA: f64 = 5.0;
/// The widest gap between input points, standard deviations of the profile; a wider one hides structure that shows.
const WIDEST_GAP_SIGMA: f64 = 1.0;
/// The narrowest profile, in cells: below, a cell is no longer fine.
const NARROWEST_SIGMA_CELLS: f64 = 1.5;

/// Why a spectrum cannot be degraded.
#[derive(Debug, Error, PartialEq)]
pub enum DegradeError {
    /// Arrays of one spectrum differ in length.
    #[error("degrade: flux has {flux} points, wave has {wave}: pass arrays of one spectrum")]
    Length { wave: usize, flux: usize },
    /// Fewer than two points.
    #[error("degrade: {found} points, at least 2 needed: reject the spectrum")]
    TooFewPoints { found: usize },
    /// Wavelengths must be finite, positive and strictly ascending.
    #[error(
        "degrade: wave is not positive, finite and strictly ascending at point {point}: sort it and drop repeated points"
    )]
    Wave { point: usize },
    /// A flux that is no number would spread over its neighbors.
    #[error("degrade: flux at {wave_angstrom:.3} Angstrom is not finite: reject the spectrum")]
    Flux { wave_angstrom: f64 },
    /// The input is coarser than the profile.
    #[error(
        "degrade: {gap_angstrom:.2} Angstrom without a point after {wave_angstrom:.2} Angstrom, but the profile has a standard deviation of {sigma_angstrom:.2}: give a finer spectrum or a lower resolution"
    )]
    Gap { wave_angstrom: f64, gap_angstrom: f64, sigma_angstrom: f64 },
    /// The input's own resolving power must be above the output's, and the output's not too high for the pixels.
    #[error(
        "degrade: cannot go from R = {input} to R = {output}: the input's must be higher, and the output's between 100 and {most:.0}, the most that the pixels hold"
    )]
    Resolution { input: f64, output: f64, most: f64 },
    /// The profile reaches beyond the input everywhere.
    #[error(
        "degrade: {low:.2}-{high:.2} Angstrom is narrower than the profile: give more of the spectrum"
    )]
    Narrow { low: f64, high: f64 },
}

/// How to degrade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DegradeSettings {
    /// Resolving power of the output, wave / FWHM.
    pub resolution: f64,
    /// Resolving power of the input, whose width is subtracted in quadrature; infinite when it is much higher.
    pub input_resolution: f64,
}

impl Default for DegradeSettings {
    fn default() -> Self {
        Self { resolution: LAMOST_RESOLUTION, input_resolution: f64::INFINITY }
    }
}

/// A spectrum on LAMOST's pixels; both `(n_pix,)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Degraded {
    /// Centers of the pixels, Angstrom, in the medium of the input.
    pub wave_angstrom: Vec<f64>,
    /// F_lambda in the unit of the input.
    pub flux: Vec<f64>,
}

/// The line profile on the fine grid, made once for many spectra.
#[derive(Debug, Clone, PartialEq)]
pub struct Degrader {
    /// Share of a cell's energy in the cell so many away on either side.
    profile: Vec<f64>,
    /// Standard deviation in ln(wave).
    sigma: f64,
}

/// Step of the fine grid in log10(wave).
const CELL_LOG10: f64 = LOG10_WAVE_STEP / CELLS as f64;

impl Degrader {
    /// Makes the profile.
    pub fn new(settings: &DegradeSettings) -> Result<Self, DegradeError> {
        let (input, output) = (settings.input_resolution, settings.resolution);
        let cell = CELL_LOG10 * std::f64::consts::LN_10;
        let most = 1.0 / (FWHM_OVER_SIGMA * NARROWEST_SIGMA_CELLS * cell);
        let variance = (output.powi(-2) - input.powi(-2)) / FWHM_OVER_SIGMA.powi(2);
        let wide_enough = variance >= (NARROWEST_SIGMA_CELLS * cell).powi(2);
        if !(output >= 100.0 && input > output && wide_enough) {
            return Err(DegradeError::Resolution { input, output, most });
        }
        // A cell spreads what is in it over its own width, whose variance is that of a box.
        let sigma_cells = (variance / cell.powi(2) - 1.0 / 12.0).sqrt();
        let reach = (REACH_SIGMA * sigma_cells).ceil() as usize;
        let half: Vec<f64> =
            (0..=reach).map(|k| (-0.5 * (k as f64 / sigma_cells).powi(2)).exp()).collect();
        let sum = half[0] + 2.0 * half[1..].iter().sum::<f64>();
        let profile = half.iter().map(|weight| weight / sum).collect();
        Ok(Self { profile, sigma: variance.sqrt() })
    }

    /// Degrades a spectrum to the LAMOST pixels that its profile can be made on.
    ///
    /// `wave_angstrom` (strictly ascending, any spacing up to one standard deviation of the profile) and `flux`
    /// (F_lambda, taken as straight between its points): `(n_point,)`.
    pub fn degrade(&self, wave_angstrom: &[f64], flux: &[f64]) -> Result<Degraded, DegradeError> {
        self.check(wave_angstrom, flux)?;
        let (low, high) = (wave_angstrom[0], wave_angstrom[wave_angstrom.len() - 1]);
        let first = (cell_of(low) + 0.5).ceil() as i64;
        let last = (cell_of(high) - 0.5).floor() as i64;
        let reach = (self.profile.len() - 1) as i64;
        let pixels = (first + reach).div_euclid(CELLS)..=(last - reach).div_euclid(CELLS);
        let pixels: Vec<i64> =
            pixels.filter(|pixel| pixel * CELLS - reach >= first && *pixel >= 0).collect();
        if pixels.is_empty() || first > last {
            return Err(DegradeError::Narrow { low, high });
        }
        let energy = energy_in_cells(wave_angstrom, flux, first, last);
        let wave: Vec<f64> = pixels.iter().map(|pixel| wave_of_index(*pixel as f64)).collect();
        let flux = pixels.iter().zip(&wave).map(|(pixel, wave)| {
            let center = (pixel * CELLS - first) as usize;
            self.convolved(&energy, center) / wave
        });
        Ok(Degraded { flux: flux.collect(), wave_angstrom: wave })
    }

    /// Mean energy per unit of ln(wave) in the cell `center`, spread by the profile.
    fn convolved(&self, energy: &[f64], center: usize) -> f64 {
        let sides = self.profile.iter().enumerate().skip(1);
        let sides = sides.map(|(k, weight)| weight * (energy[center - k] + energy[center + k]));
        self.profile[0] * energy[center] + sides.sum::<f64>()
    }

    fn check(&self, wave: &[f64], flux: &[f64]) -> Result<(), DegradeError> {
        if wave.len() != flux.len() {
            return Err(DegradeError::Length { wave: wave.len(), flux: flux.len() });
        }
        if wave.len() < 2 {
            return Err(DegradeError::TooFewPoints { found: wave.len() });
        }
        let bad = |i: &usize| {
            !(wave[*i].is_finite() && wave[*i] > 0.0) || (*i > 0 && wave[*i] <= wave[*i - 1])
        };
        if let Some(point) = (0..wave.len()).find(bad) {
            return Err(DegradeError::Wave { point });
        }
        if let Some(point) = flux.iter().position(|flux| !flux.is_finite()) {
            return Err(DegradeError::Flux { wave_angstrom: wave[point] });
        }
        let widest = WIDEST_GAP_SIGMA * self.sigma;
        match wave.windows(2).find(|pair| pair[1] / pair[0] - 1.0 > widest) {
            Some(pair) => Err(DegradeError::Gap {
                wave_angstrom: pair[0],
                gap_angstrom: pair[1] - pair[0],
                sigma_angstrom: self.sigma * pair[0],
            }),
            None => Ok(()),
        }
    }
}

/// Position on the fine grid, whose cell 0 is centered on LAMOST's pixel 0.
fn cell_of(wave_angstrom: f64) -> f64 {
    (wave_angstrom.log10() - LOG10_WAVE_START) / CELL_LOG10
}

/// Wavelength of a position on the fine grid.
fn wave_of_cell(position: f64) -> f64 {
    wave_of_index(position / CELLS as f64)
}

/// Energy per unit of ln(wave) in the cells `first..=last`: the integral of F_lambda over a cell, over its width.
fn energy_in_cells(wave: &[f64], flux: &[f64], first: i64, last: i64) -> Vec<f64> {
    let cell = CELL_LOG10 * std::f64::consts::LN_10;
    let mut walk = Walk { wave, flux, segment: 0 };
    (first..=last)
        .map(|index| {
            let low = wave_of_cell(index as f64 - 0.5);
            let high = wave_of_cell(index as f64 + 0.5);
            walk.integral(low, high) / cell
        })
        .collect()
}

/// Integrates straight lines between points over intervals that ascend.
struct Walk<'a> {
    wave: &'a [f64],
    flux: &'a [f64],
    segment: usize,
}

impl Walk<'_> {
    /// The integral of the flux from `low` to `high`, which lie inside the spectrum up to rounding.
    fn integral(&mut self, low: f64, high: f64) -> f64 {
        let most = self.wave.len() - 2;
        while self.segment < most && self.wave[self.segment + 1] <= low {
            self.segment += 1;
        }
        let mut sum = 0.0;
        let mut segment = self.segment;
        let mut from = low;
        loop {
            let to = if segment < most { high.min(self.wave[segment + 1]) } else { high };
            sum += (to - from) * self.value(segment, 0.5 * (from + to));
            if to >= high {
                break sum;
            }
            from = to;
            segment += 1;
        }
    }

    fn value(&self, segment: usize, at: f64) -> f64 {
        let (left, right) = (self.wave[segment], self.wave[segment + 1]);
        let share = (at - left) / (right - left);
        self.flux[segment] + share * (self.flux[segment + 1] - self.flux[segment])
    }
}

#[cfg(test)]
#[path = "degrade_tests.rs"]
mod tests;
