//! The blind variant: spectra of which no part comes from this simulation's own synthesis or noise model.
//!
//! Light: a published model spectrum (BT-Settl) or any other, given as arrays. Noise: what a real spectrum shows beyond
//! its best fit, given as arrays. Dust: Fitzpatrick's curve in place of Cardelli's.

use thiserror::Error;

use super::grid::{FINE_POINTS, LAMOST_PIXELS, fine_wave_angstrom};
use super::lsf::{LineSpread, observe_shape};
use super::reddening::{Law, redden};
use super::snr::median;

/// Why a blind spectrum cannot be made.
#[derive(Debug, Error, PartialEq)]
pub enum BlindError {
    /// Arrays differ in length.
    #[error(
        "blind spectrum: {what} has {found} values, {expected} expected: pass arrays of one spectrum"
    )]
    Length { what: &'static str, found: usize, expected: usize },
    /// The model does not ascend or holds values that are no fluxes.
    #[error(
        "blind spectrum: the model is not ascending in wavelength, finite and positive at value {index}: sort or repair it"
    )]
    Model { index: usize },
    /// The real spectrum holds nothing to take noise from.
    #[error(
        "blind spectrum: the real spectrum has {found} usable pixels, {needed} needed: take another one"
    )]
    TooFewPixels { found: usize, needed: usize },
}

/// Least usable pixels of a real spectrum.
const LEAST_PIXELS: usize = 500;

/// A model spectrum as LAMOST would see it, without noise, `(LAMOST_PIXELS,)`: reddened, shifted, convolved. Pixels that
/// the model does not reach are 0.
///
/// `wave_angstrom` (vacuum), `flux`: `(n,)`, ascending and positive. The model's own resolution is taken as infinite.
pub fn model_on_pixels(
    wave_angstrom: &[f64],
    flux: &[f64],
    av_mag: f64,
    velocity_km_s: f64,
    spread: &LineSpread,
) -> Result<Vec<f64>, BlindError> {
    same_length("flux", flux.len(), wave_angstrom.len())?;
    let good = |i: usize| {
        flux[i].is_finite() && flux[i] > 0.0 && (i == 0 || wave_angstrom[i] > wave_angstrom[i - 1])
    };
    if let Some(index) = (0..flux.len()).find(|&i| !good(i)) {
        return Err(BlindError::Model { index });
    }
    let wave = fine_wave_angstrom();
    let mut fine = averaged(wave_angstrom, flux, &wave);
    redden(Law::Fitzpatrick, &wave, &mut fine, av_mag);
    Ok(observe_shape(&fine, velocity_km_s, spread))
}

/// Averages a model over the fine grid's steps, 0 where it does not reach; a coarser model is interpolated.
fn averaged(model_wave: &[f64], model_flux: &[f64], wave: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; FINE_POINTS];
    for (point, out) in out.iter_mut().enumerate() {
        let half = 0.5 * (wave[point.min(FINE_POINTS - 2) + 1] - wave[point.min(FINE_POINTS - 2)]);
        let first = model_wave.partition_point(|&w| w < wave[point] - half);
        let last = model_wave.partition_point(|&w| w < wave[point] + half);
        let above = model_wave.partition_point(|&w| w < wave[point]);
        if above == 0 || above == model_wave.len() {
            continue;
        }
        *out = if last > first {
            model_flux[first..last].iter().sum::<f64>() / (last - first) as f64
        } else {
            let span = model_wave[above] - model_wave[above - 1];
            let fraction = (wave[point] - model_wave[above - 1]) / span;
            model_flux[above - 1] * (1.0 - fraction) + model_flux[above] * fraction
        };
    }
    out
}

/// What a real spectrum shows beyond its best fit; `(LAMOST_PIXELS,)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// (flux - fit) / fit, 0 in bad pixels.
    pub relative: Vec<f64>,
    /// Reported standard deviation over the fit; 0 in bad pixels.
    pub sigma: Vec<f64>,
}

impl Residual {
    /// Takes the residual of a real spectrum on LAMOST pixels from pixel 0: `flux`, `ivar`, `fit`, all `(n_pix,)`.
    ///
    /// Pixels beyond 10 sigma that stand alone are kept: cosmic rays are part of the noise.
    pub fn of(flux: &[f64], ivar: &[f64], fit: &[f64]) -> Result<Self, BlindError> {
        same_length("ivar", ivar.len(), flux.len())?;
        same_length("fit", fit.len(), flux.len())?;
        let mut out = Self { relative: vec![0.0; LAMOST_PIXELS], sigma: vec![0.0; LAMOST_PIXELS] };
        let mut found = 0;
        for i in 0..flux.len().min(LAMOST_PIXELS) {
            if flux[i].is_finite() && fit[i] > 0.0 && ivar[i] > 0.0 {
                out.relative[i] = flux[i] / fit[i] - 1.0;
                out.sigma[i] = 1.0 / (ivar[i].sqrt() * fit[i]);
                found += 1;
            }
        }
        if found < LEAST_PIXELS {
            return Err(BlindError::TooFewPixels { found, needed: LEAST_PIXELS });
        }
        Ok(out)
    }

    /// Median S/N of the good pixels.
    pub fn snr(&self) -> f64 {
        let mut values: Vec<f64> =
            self.sigma.iter().filter(|&&s| s > 0.0).map(|s| 1.0 / s).collect();
        median(&mut values).unwrap_or(0.0)
    }

    /// Flux and ivar of a model, `(LAMOST_PIXELS,)`, with this residual `amplify` times as large (1 = as it was).
    pub fn on(&self, model: &[f64], amplify: f64) -> Result<(Vec<f64>, Vec<f64>), BlindError> {
        same_length("model", model.len(), LAMOST_PIXELS)?;
        let flux = model.iter().zip(&self.relative).map(|(m, r)| m * (1.0 + amplify * r)).collect();
        let ivar = model
            .iter()
            .zip(&self.sigma)
            .map(|(m, s)| if *s > 0.0 && *m > 0.0 { (m * s * amplify).powi(-2) } else { 0.0 });
        Ok((flux, ivar.collect()))
    }
}

fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), BlindError> {
    if found == expected { Ok(()) } else { Err(BlindError::Length { what, found, expected }) }
}
