//! Signal-to-noise ratios as the survey's headers give them.
//!
//! The definition was read off 50 real headers: the median of flux * sqrt(ivar) over the pixels of a band with positive
//! ivar, capped at 999. With the ranges below it meets SNRG, SNRR, SNRI and SNRZ to 2e-4, 5e-4, 4e-4 and 3e-4 in the
//! mean. SNRU is taken before the blue end is masked (see `observe`), so that a header has it where the file has none.

use crate::science::wavelength::{LOG10_WAVE_START, LOG10_WAVE_STEP};

/// Vacuum ranges (Angstrom) of u, g, r, i, z.
pub const BANDS_ANGSTROM: [(f64, f64); 5] =
    [(3690.0, 3850.0), (4070.0, 5280.0), (5560.0, 6810.0), (6905.0, 8155.0), (8200.0, 9100.0)];
/// Index of the i band, on which the paper cuts (section 2.1).
pub const I_BAND: usize = 3;
/// The most a header says.
pub const LARGEST: f64 = 999.0;
/// What a header says where nothing could be measured.
pub const UNMEASURED: f64 = -9999.0;

/// S/N a pixel in u, g, r, i, z; [`UNMEASURED`] in a band without a good pixel.
///
/// `flux`, `ivar`: `(n_pix,)` on LAMOST pixels from pixel 0.
pub fn header_snr(flux: &[f32], ivar: &[f32]) -> [f64; 5] {
    BANDS_ANGSTROM.map(|band| {
        let mut values: Vec<f64> = pixels(band, flux.len())
            .filter(|&i| ivar[i] > 0.0 && flux[i].is_finite())
            .map(|i| f64::from(flux[i]) * f64::from(ivar[i]).sqrt())
            .collect();
        median(&mut values).map_or(UNMEASURED, |value| value.min(LARGEST))
    })
}

/// Pixels whose centers lie in a band.
pub(super) fn pixels(band: (f64, f64), n_pix: usize) -> std::ops::Range<usize> {
    let pixel = |wave: f64| ((wave.log10() - LOG10_WAVE_START) / LOG10_WAVE_STEP).max(0.0).ceil();
    let end = (pixel(band.1) as usize).min(n_pix);
    (pixel(band.0) as usize).min(end)..end
}

/// Median, the mean of the two middle values for an even number; sorts `values` in part.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let (middle, odd) = (values.len() / 2, values.len() % 2 == 1);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if odd {
        return Some(upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(0.5 * (lower + upper))
}
