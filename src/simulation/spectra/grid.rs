//! The fine wavelength grid of the synthesis: three steps to a LAMOST pixel, with a margin at both ends.

use crate::science::wavelength::{LOG10_WAVE_START, LOG10_WAVE_STEP};

/// Pixels of a whole LAMOST spectrum: 3699.99 to 9099.14 Angstrom in vacuum.
pub const LAMOST_PIXELS: usize = 3909;
/// Fine steps to a LAMOST pixel; a step is 23 km/s, a seventh of the resolution element.
pub(super) const STEPS_PER_PIXEL: usize = 3;
/// LAMOST pixels beyond either end, for the wings of the line spread function and velocities up to 2,000 km/s.
const MARGIN_PIXELS: usize = 40;
/// Points of the fine grid.
pub(super) const FINE_POINTS: usize = (LAMOST_PIXELS + 2 * MARGIN_PIXELS) * STEPS_PER_PIXEL;
/// Step of the fine grid in log10 of the wavelength.
pub(super) const FINE_STEP: f64 = LOG10_WAVE_STEP / STEPS_PER_PIXEL as f64;

/// log10 of the vacuum wavelength (Angstrom) of a fine point.
pub(super) fn fine_log10_wave(point: usize) -> f64 {
    LOG10_WAVE_START - LOG10_WAVE_STEP * MARGIN_PIXELS as f64 + FINE_STEP * point as f64
}

/// Vacuum wavelengths of the fine grid, `(FINE_POINTS,)` Angstrom.
pub(super) fn fine_wave_angstrom() -> Vec<f64> {
    (0..FINE_POINTS).map(|point| 10f64.powf(fine_log10_wave(point))).collect()
}

/// Fractional fine point of LAMOST pixel `pixel`.
pub(super) fn fine_point_of_pixel(pixel: f64) -> f64 {
    (pixel + MARGIN_PIXELS as f64) * STEPS_PER_PIXEL as f64
}

/// Fine points between two vacuum wavelengths, the ends cut to the grid.
pub(super) fn fine_range(low_angstrom: f64, high_angstrom: f64) -> std::ops::Range<usize> {
    let point = |wave: f64| {
        let steps = (wave.max(1.0).log10() - fine_log10_wave(0)) / FINE_STEP;
        steps.ceil().clamp(0.0, FINE_POINTS as f64) as usize
    };
    point(low_angstrom)..point(high_angstrom)
}
