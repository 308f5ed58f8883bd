//! Radial velocity by cross-correlation with a template (Tonry & Davis 1979; error after Zucker 2003).
//!
//! The paper does no such step; LAMOST spectra are heliocentric but not at rest, and the catalog's z can be the sentinel
//! -9999. Star and template are both continuum-normalized and sampled on (a part of) the LAMOST grid. The correlation is
//! evaluated at velocities much finer than a pixel (69 km/s) by shifting the noise-free template with a cubic spline.
//! Sign: a positive velocity is receding, `rest = observed / (1 + v / c)`.

use thiserror::Error;

use super::smoothing_spline::{SmoothingSpline, SplineError};
use super::sorting::sort_numbers;
use super::wavelength::SPEED_OF_LIGHT_KM_S;

/// How to search.
#[derive(Debug, Clone, PartialEq)]
pub struct VelocitySettings {
    /// The search covers -max_km_s to +max_km_s.
    pub max_km_s: f64,
    /// Step of the search, km/s.
    pub step_km_s: f64,
    /// A correlation peak below this is flagged.
    pub min_peak: f64,
    /// At least this many pixels must take part.
    pub min_pixels: usize,
}

impl Default for VelocitySettings {
    fn default() -> Self {
        Self { max_km_s: 500.0, step_km_s: 10.0, min_peak: 0.3, min_pixels: 200 }
    }
}

impl VelocitySettings {
    /// Finds a setting out of its domain before any spectrum meets it.
    pub fn check(&self) -> Result<(), VelocityError> {
        check_settings(self)
    }
}

/// Why there is no velocity.
#[derive(Debug, Error, PartialEq)]
pub enum VelocityError {
    /// Arrays differ in length.
    #[error("velocity: {what} has {found} pixels, wave has {expected}: pass arrays on one grid")]
    Length { what: &'static str, found: usize, expected: usize },
    /// A setting is out of its domain.
    #[error("velocity: setting `{name}` = {value} is invalid: {rule}")]
    Setting { name: &'static str, value: f64, rule: &'static str },
    /// Wavelengths must be positive, finite and strictly ascending.
    #[error(
        "velocity: wave is not positive, finite and strictly ascending at pixel {pixel}: sort it"
    )]
    Wave { pixel: usize },
    /// Too few pixels have flux, weight and a template value at every trial velocity.
    #[error("velocity: {found} usable pixels, {needed} needed: use the catalog's z or reject")]
    TooFewPixels { found: usize, needed: usize },
    /// Star or template has no structure to correlate.
    #[error("velocity: {0} is constant: nothing to correlate")]
    Flat(&'static str),
    /// The template cannot be interpolated.
    #[error("velocity: template {0}")]
    Template(#[from] SplineError),
}

/// A measured velocity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Velocity {
    /// Velocity of the star relative to the template, km/s, positive = receding.
    pub rv_km_s: f64,
    /// Standard error, km/s: photon noise and template mismatch as the peak's shape tells them; infinite when the peak
    /// has no curvature. Zero-point and wavelength-calibration errors (about 5 km/s) come on top.
    pub rv_err_km_s: f64,
    /// Height of the correlation peak, -1 to 1.
    pub peak: f64,
    /// The peak is lower than `min_peak`.
    pub low_peak: bool,
    /// The peak is at an end of the search range, so that the true one may lie outside.
    pub at_edge: bool,
}

impl Velocity {
    /// True when neither flag is set.
    pub fn is_reliable(&self) -> bool {
        !self.low_peak && !self.at_edge
    }

    /// Redshift v / c.
    pub fn z(&self) -> f64 {
        self.rv_km_s / SPEED_OF_LIGHT_KM_S
    }
}

/// Measures the velocity of a star against a template.
///
/// `wave_angstrom`: vacuum, ascending; `flux_norm`, `ivar_norm` (0 = masked), `template` (at rest, continuum-normalized):
/// all `(n_pix,)`. The pixels that take part are the same at every trial velocity: those whose template wavelength stays
/// off gaps of the grid (H-alpha) and off its ends.
pub fn measure(
    wave_angstrom: &[f64],
    flux_norm: &[f64],
    ivar_norm: &[f64],
    template: &[f64],
    settings: &VelocitySettings,
) -> Result<Velocity, VelocityError> {
    check(wave_angstrom, flux_norm, ivar_norm, template, settings)?;
    let star = Sample::new(wave_angstrom, flux_norm, ivar_norm, settings)?;
    let log_wave: Vec<f64> = wave_angstrom.iter().map(|w| w.ln()).collect();
    let template = SmoothingSpline::interpolate(&log_wave, template)?;
    let step = settings.step_km_s;
    let n_step = (settings.max_km_s / step).floor() as i64;
    let trials = (-n_step..=n_step).map(|k| k as f64 * step);
    let curve: Vec<f64> = trials.map(|v| star.correlation(&template, v)).collect();
    if curve.iter().any(|c| !c.is_finite()) {
        return Err(VelocityError::Flat("template"));
    }
    let best = (1..curve.len()).fold(0, |best, i| if curve[i] > curve[best] { i } else { best });
    let at_edge = best == 0 || best == curve.len() - 1;
    // A parabola needs a neighbor on either side; at an edge it only serves the error.
    let middle = best.clamp(1, curve.len() - 2);
    let (offset, height, second) = parabola([curve[middle - 1], curve[middle], curve[middle + 1]]);
    let (offset, peak) = if at_edge { (0.0, curve[best]) } else { (offset, height) };
    Ok(Velocity {
        rv_km_s: ((best as i64 - n_step) as f64 + offset) * step,
        rv_err_km_s: error_km_s(star.n_effective, peak, second / (step * step)),
        peak,
        low_peak: peak < settings.min_peak,
        at_edge,
    })
}

/// Standard error of Zucker 2003 (MNRAS 342, 1291): 1 / err^2 = -N (C'' / C) C^2 / (1 - C^2).
fn error_km_s(n: f64, peak: f64, second_derivative: f64) -> f64 {
    let information = -n * second_derivative * peak / (1.0 - peak * peak).max(f64::EPSILON);
    if information > 0.0 { information.powf(-0.5) } else { f64::INFINITY }
}

/// Vertex (in steps from the middle), its height, and the second derivative (per step^2) of a parabola.
fn parabola([before, here, after]: [f64; 3]) -> (f64, f64, f64) {
    let second = before - 2.0 * here + after;
    if second >= 0.0 {
        return (0.0, here, second);
    }
    let offset = (0.5 * (before - after) / second).clamp(-1.0, 1.0);
    (offset, here - 0.25 * (before - after) * offset, second)
}

/// The star's pixels that take part, with weights that sum to 1 and flux of weighted mean 0 and norm 1.
struct Sample {
    log_wave: Vec<f64>,
    flux: Vec<f64>,
    weight: Vec<f64>,
    /// Number of pixels of equal weight with the same information: (sum w)^2 / sum w^2.
    n_effective: f64,
}

impl Sample {
    fn new(
        wave: &[f64],
        flux: &[f64],
        ivar: &[f64],
        settings: &VelocitySettings,
    ) -> Result<Self, VelocityError> {
        let inside = always_covered(wave, settings.max_km_s);
        let chosen: Vec<usize> = (0..wave.len())
            .filter(|&i| inside[i] && flux[i].is_finite() && ivar[i].is_finite() && ivar[i] > 0.0)
            .collect();
        if chosen.len() < settings.min_pixels {
            return Err(VelocityError::TooFewPixels {
                found: chosen.len(),
                needed: settings.min_pixels,
            });
        }
        let total: f64 = chosen.iter().map(|&i| ivar[i]).sum();
        let weight: Vec<f64> = chosen.iter().map(|&i| ivar[i] / total).collect();
        let n_effective = 1.0 / weight.iter().map(|w| w * w).sum::<f64>();
        let mut flux: Vec<f64> = chosen.iter().map(|&i| flux[i]).collect();
        let mean: f64 = flux.iter().zip(&weight).map(|(f, w)| f * w).sum();
        flux.iter_mut().for_each(|f| *f -= mean);
        let square: f64 = flux.iter().zip(&weight).map(|(f, w)| f * f * w).sum();
        // A spectrum whose spread is rounding is constant.
        if square.is_nan() || square.sqrt() <= 1e-12 * mean.abs() {
            return Err(VelocityError::Flat("star"));
        }
        flux.iter_mut().for_each(|f| *f /= square.sqrt());
        Ok(Self {
            log_wave: chosen.iter().map(|&i| wave[i].ln()).collect(),
            flux,
            weight,
            n_effective,
        })
    }

    /// Weighted Pearson correlation with the template moved by `v_km_s`; NaN for a constant template.
    fn correlation(&self, template: &SmoothingSpline, v_km_s: f64) -> f64 {
        let shift = (v_km_s / SPEED_OF_LIGHT_KM_S).ln_1p();
        let at: Vec<f64> = self.log_wave.iter().map(|w| w - shift).collect();
        let values = template.evaluate_ascending(&at);
        let mean: f64 = values.iter().zip(&self.weight).map(|(t, w)| t * w).sum();
        let (mut cross, mut square) = (0.0, 0.0);
        for ((t, w), f) in values.iter().zip(&self.weight).zip(&self.flux) {
            let t = t - mean;
            cross += w * t * f;
            square += w * t * t;
        }
        if square.sqrt() > 1e-12 * mean.abs() { cross / square.sqrt() } else { f64::NAN }
    }
}

/// Marks pixels whose template wavelength lies, for all velocities up to `max_km_s`, between neighboring pixels.
///
/// A gap is where the step is more than 1.5 times the median step.
fn always_covered(wave: &[f64], max_km_s: f64) -> Vec<bool> {
    let ratio: Vec<f64> = wave.windows(2).map(|w| w[1] / w[0] - 1.0).collect();
    let mut sorted = ratio.clone();
    sort_numbers(&mut sorted);
    let widest = 1.5 * sorted[sorted.len() / 2];
    let reach = max_km_s / SPEED_OF_LIGHT_KM_S;
    let mut covered = vec![false; wave.len()];
    let mut start = 0;
    for end in 1..=wave.len() {
        if end < wave.len() && ratio[end - 1] <= widest {
            continue;
        }
        let (low, high) = (wave[start], wave[end - 1]);
        for i in start..end {
            covered[i] = wave[i] / (1.0 + reach) >= low && wave[i] / (1.0 - reach) <= high;
        }
        start = end;
    }
    covered
}

fn check(
    wave: &[f64],
    flux: &[f64],
    ivar: &[f64],
    template: &[f64],
    settings: &VelocitySettings,
) -> Result<(), VelocityError> {
    let expected = wave.len();
    for (what, found) in [("flux", flux.len()), ("ivar", ivar.len()), ("template", template.len())]
    {
        if found != expected {
            return Err(VelocityError::Length { what, found, expected });
        }
    }
    check_settings(settings)?;
    if expected < settings.min_pixels.max(4) {
        return Err(VelocityError::TooFewPixels {
            found: expected,
            needed: settings.min_pixels.max(4),
        });
    }
    let bad = |i: &usize| {
        !(wave[*i].is_finite() && wave[*i] > 0.0) || (*i > 0 && wave[*i] <= wave[*i - 1])
    };
    match (0..expected).find(bad) {
        Some(pixel) => Err(VelocityError::Wave { pixel }),
        None => Ok(()),
    }
}

fn check_settings(settings: &VelocitySettings) -> Result<(), VelocityError> {
    let fail = |name, value, rule| Err(VelocityError::Setting { name, value, rule });
    let max = settings.max_km_s;
    if !(max > 0.0 && max < 0.1 * SPEED_OF_LIGHT_KM_S) {
        return fail("max_km_s", max, "must lie between 0 and 30,000");
    }
    if !(settings.step_km_s > 0.0 && settings.step_km_s <= max) {
        return fail("step_km_s", settings.step_km_s, "must lie between 0 and max_km_s");
    }
    Ok(())
}

#[cfg(test)]
#[path = "velocity_tests.rs"]
mod tests;
