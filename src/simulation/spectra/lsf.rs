//! From the fine grid to LAMOST pixels: Doppler shift, line spread function, sampling, in one step.

use super::grid::{FINE_STEP, LAMOST_PIXELS, fine_point_of_pixel};
use crate::science::wavelength::{SPEED_OF_LIGHT_KM_S, wave_of_index};

/// Full width at half maximum over sigma of a Gaussian.
const FWHM_PER_SIGMA: f64 = 2.354_820_045;
/// Pixels that share one kernel; the resolution changes by 2 % over them.
const BLOCK: usize = 64;
/// The kernel is cut at this many sigma.
const REACH_SIGMA: f64 = 4.0;
/// Where the light goes to the red arm.
const DICHROIC_ANGSTROM: f64 = 5800.0;

/// Line spread function of one spectrograph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineSpread {
    /// Multiplies the nominal width.
    pub width: f64,
}

impl LineSpread {
    /// The nominal one.
    pub const NOMINAL: Self = Self { width: 1.0 };

    /// Resolving power at a vacuum wavelength (Angstrom).
    ///
    /// 1800 at 5500 Angstrom (LAMOST's data description), with a width constant in Angstrom in each arm as is
    /// usual for gratings: 3.06 Angstrom in the blue arm, 4.0 in the red (R 1540 at 6150, 2220 at 8890; the red
    /// value is ours, set by the sharpness of the line cores in real spectra).
    pub fn resolving_power(&self, wave_angstrom: f64) -> f64 {
        let fwhm = if wave_angstrom < DICHROIC_ANGSTROM { 5500.0 / 1800.0 } else { 4.0 };
        wave_angstrom / (fwhm * self.width)
    }
}

/// Shifts a fine-grid spectrum at rest by `velocity_km_s`, convolves it and samples it on LAMOST's pixels,
/// `(LAMOST_PIXELS,)`. Velocities beyond 2,000 km/s run out of the margin and are cut to it.
pub fn observe_shape(fine_flux: &[f64], velocity_km_s: f64, spread: &LineSpread) -> Vec<f64> {
    let doppler = 1.0 + velocity_km_s.clamp(-2000.0, 2000.0) / SPEED_OF_LIGHT_KM_S;
    let shift = doppler.log10() / FINE_STEP;
    let mut out = Vec::with_capacity(LAMOST_PIXELS);
    for block in (0..LAMOST_PIXELS).step_by(BLOCK) {
        let pixels = block..(block + BLOCK).min(LAMOST_PIXELS);
        let middle = wave_of_index(0.5 * (pixels.start + pixels.end) as f64);
        // All pixels of a block fall at the same fraction of a fine step, so they share the kernel.
        let position = fine_point_of_pixel(block as f64) - shift;
        let base = position.floor();
        let kernel = kernel(sigma_steps(spread, middle), position - base);
        let reach = (kernel.len() / 2) as i64;
        for pixel in 0..pixels.len() {
            let first = base as i64 + (pixel * super::grid::STEPS_PER_PIXEL) as i64 - reach;
            out.push(weighted(fine_flux, first, &kernel));
        }
    }
    out
}

/// Sigma of the line spread function in fine steps.
fn sigma_steps(spread: &LineSpread, wave_angstrom: f64) -> f64 {
    let step = FINE_STEP * std::f64::consts::LN_10;
    1.0 / (FWHM_PER_SIGMA * spread.resolving_power(wave_angstrom) * step)
}

/// Weights, summing to 1, of the fine points around a position `fraction` after the middle one.
fn kernel(sigma: f64, fraction: f64) -> Vec<f64> {
    let reach = (REACH_SIGMA * sigma).ceil() as i64 + 1;
    let gauss = |k: i64| (-0.5 * ((k as f64 - fraction) / sigma).powi(2)).exp();
    let mut weights: Vec<f64> = (-reach..=reach).map(gauss).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= sum);
    weights
}

/// Weighted sum of consecutive points; the kernel never leaves the grid while velocities keep to their bound.
fn weighted(flux: &[f64], first: i64, kernel: &[f64]) -> f64 {
    let last = flux.len().saturating_sub(kernel.len());
    let first = usize::try_from(first).unwrap_or(0).min(last);
    flux[first..].iter().zip(kernel).map(|(f, w)| f * w).sum()
}
