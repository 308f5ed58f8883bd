//! Why a pixel is not used: a bitmask of reasons per pixel, and which reasons count.
//!
//! All reasons are always recorded; a set of bits chooses those that mask. The paper keeps telluric regions and says
//! nothing of cosmic rays, so these two are recorded and not masking by default.

use thiserror::Error;

use super::sorting::sort_numbers;
use super::wavelength::H_ALPHA_WINDOW_ANGSTROM;

/// Inverse variance is 0 (LAMOST's sentinel), negative or not a number.
pub const ZERO_IVAR: u16 = 1 << 0;
/// Flux is NaN or infinite.
pub const NOT_FINITE: u16 = 1 << 1;
/// Flagged bad in every exposure.
pub const ANDMASK: u16 = 1 << 2;
/// Flagged bad in some exposure.
pub const ORMASK: u16 = 1 << 3;
/// Inside the H-alpha window.
pub const H_ALPHA: u16 = 1 << 4;
/// Inside a telluric band.
pub const TELLURIC: u16 = 1 << 5;
/// Sharp positive outlier.
pub const COSMIC: u16 = 1 << 6;
/// Normalized flux outside its bounds.
pub const OUT_OF_RANGE: u16 = 1 << 7;
/// Normalized ivar at or below its threshold.
pub const LOW_IVAR: u16 = 1 << 8;
/// Neighbor of a run of masked pixels.
pub const GROWN: u16 = 1 << 9;

/// Bit, name and description of every reason, for tables and footers.
pub const REASONS: [(u16, &str, &str); 10] = [
    (ZERO_IVAR, "zero_ivar", "inverse variance is zero, negative or not a number"),
    (NOT_FINITE, "not_finite", "flux is not a finite number"),
    (ANDMASK, "andmask", "flagged bad in every exposure"),
    (ORMASK, "ormask", "flagged bad in some exposure"),
    (H_ALPHA, "h_alpha", "inside the H-alpha window"),
    (TELLURIC, "telluric", "inside a telluric absorption band"),
    (COSMIC, "cosmic", "sharp positive outlier against the local median"),
    (OUT_OF_RANGE, "out_of_range", "normalized flux outside its bounds"),
    (LOW_IVAR, "low_ivar", "normalized inverse variance at or below its threshold"),
    (GROWN, "grown", "neighbor of a run of masked pixels"),
];

/// Reasons that mask by default: all but `ormask`, `telluric` and `cosmic`.
pub const MASKING: u16 =
    ZERO_IVAR | NOT_FINITE | ANDMASK | H_ALPHA | OUT_OF_RANGE | LOW_IVAR | GROWN;

/// Share of its height that a cosmic hit keeps at most in the next pixel, on one side at least.
const COSMIC_FALL: f64 = 0.3;

/// Where and when a pixel gets a reason. Windows are vacuum Angstrom, bounds included.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskSettings {
    /// Window of [`H_ALPHA`]; the default holds the six pixels that the paper's model leaves out.
    pub h_alpha_angstrom: (f64, f64),
    /// Windows of [`TELLURIC`], at the observer: look them up with observed, not rest-frame wavelengths.
    pub telluric_angstrom: Vec<(f64, f64)>,
    /// Height of a [`COSMIC`] pixel above the local median, in robust standard deviations.
    pub cosmic_threshold: f64,
    /// Pixels either side of a pixel that make its local median.
    pub cosmic_half_width: usize,
    /// Bounds of the normalized flux, exclusive.
    pub flux_bounds: (f64, f64),
    /// Normalized ivar must be above this; `None` for no threshold. The released code uses 1.
    pub min_ivar: Option<f64>,
    /// Fewest and most pixels that a bad run grows by on either side; in between, a quarter of its length.
    pub grow: (usize, usize),
}

impl Default for MaskSettings {
    fn default() -> Self {
        Self {
            h_alpha_angstrom: H_ALPHA_WINDOW_ANGSTROM,
            // O2 B, H2O, O2 A, H2O.
            telluric_angstrom: vec![
                (6869.0, 6950.0),
                (7168.0, 7350.0),
                (7595.0, 7700.0),
                (8130.0, 8350.0),
            ],
            cosmic_threshold: 8.0,
            cosmic_half_width: 5,
            flux_bounds: (1e-3, 1e2),
            min_ivar: None,
            grow: (1, 2),
        }
    }
}

/// Why reasons cannot be told.
#[derive(Debug, Error, PartialEq)]
pub enum MaskError {
    /// Arrays of one spectrum differ in length.
    #[error("mask: {what} has {found} pixels, {expected} expected: pass arrays of one spectrum")]
    Length { what: &'static str, found: usize, expected: usize },
    /// A reason's name is not in [`REASONS`].
    #[error("mask: unknown reason `{0}`: see the table of reasons")]
    UnknownReason(String),
}

/// Reasons that follow from the observed pixels themselves: [`ZERO_IVAR`], [`NOT_FINITE`], [`ANDMASK`], [`ORMASK`] and
/// [`COSMIC`]. `flux`, `ivar`, and the masks where a file has them: `(n_pix,)`.
pub fn observed_reasons(
    flux: &[f64],
    ivar: &[f64],
    andmask: Option<&[u32]>,
    ormask: Option<&[u32]>,
    settings: &MaskSettings,
) -> Result<Vec<u16>, MaskError> {
    check_length("ivar", ivar.len(), flux.len())?;
    let mut bits: Vec<u16> = flux
        .iter()
        .zip(ivar)
        .map(|(flux, ivar)| {
            bit(!(ivar.is_finite() && *ivar > 0.0), ZERO_IVAR) | bit(!flux.is_finite(), NOT_FINITE)
        })
        .collect();
    for (what, mask, reason) in [("andmask", andmask, ANDMASK), ("ormask", ormask, ORMASK)] {
        let Some(mask) = mask else { continue };
        check_length(what, mask.len(), flux.len())?;
        for (bits, &value) in bits.iter_mut().zip(mask) {
            if value != 0 {
                *bits |= reason;
            }
        }
    }
    for (bits, hit) in bits.iter_mut().zip(cosmic_pixels(flux, ivar, settings)) {
        if hit {
            *bits |= COSMIC;
        }
    }
    Ok(bits)
}

/// Reasons of position: [`H_ALPHA`] at rest and [`TELLURIC`] at the observer, both `(n_pix,)` vacuum Angstrom.
pub fn window_reasons(
    wave_rest_angstrom: &[f64],
    wave_observed_angstrom: &[f64],
    settings: &MaskSettings,
) -> Result<Vec<u16>, MaskError> {
    let expected = wave_rest_angstrom.len();
    check_length("observed wave", wave_observed_angstrom.len(), expected)?;
    let inside = |wave: f64, (low, high): (f64, f64)| wave >= low && wave <= high;
    let telluric = |wave: f64| settings.telluric_angstrom.iter().any(|&w| inside(wave, w));
    Ok(wave_rest_angstrom
        .iter()
        .zip(wave_observed_angstrom)
        .map(|(&rest, &observed)| {
            let h_alpha = inside(rest, settings.h_alpha_angstrom);
            bit(h_alpha, H_ALPHA) | bit(telluric(observed), TELLURIC)
        })
        .collect())
}

/// Reasons of the normalized spectrum, `(n_pix,)`: [`NOT_FINITE`], [`ZERO_IVAR`], [`OUT_OF_RANGE`] and [`LOW_IVAR`].
pub fn normalized_reasons(
    flux_norm: &[f64],
    ivar_norm: &[f64],
    settings: &MaskSettings,
) -> Result<Vec<u16>, MaskError> {
    check_length("ivar", ivar_norm.len(), flux_norm.len())?;
    let (low, high) = settings.flux_bounds;
    Ok(flux_norm
        .iter()
        .zip(ivar_norm)
        .map(|(&flux, &ivar)| {
            let no_ivar = !(ivar.is_finite() && ivar > 0.0);
            let out = flux.is_finite() && !(flux > low && flux < high);
            let faint = !no_ivar && settings.min_ivar.is_some_and(|least| ivar <= least);
            bit(!flux.is_finite(), NOT_FINITE)
                | bit(no_ivar, ZERO_IVAR)
                | bit(out, OUT_OF_RANGE)
                | bit(faint, LOW_IVAR)
        })
        .collect())
}

/// The reason, where it holds.
fn bit(holds: bool, reason: u16) -> u16 {
    if holds { reason } else { 0 }
}

/// Adds [`GROWN`] to the pixels beside each run of pixels that `masking` masks.
///
/// A run of n pixels grows by round(n / 4) on either side, within `settings.grow`: noise correlates over the line-spread
/// function, so the neighbors of a bad run are suspect (the released code's rule, ties to even).
pub fn grow(bits: &mut [u16], masking: u16, settings: &MaskSettings) {
    let bad: Vec<bool> = bits.iter().map(|&b| !is_used(b, masking & !GROWN)).collect();
    let (least, most) = settings.grow;
    let mut start = 0;
    while start < bad.len() {
        if !bad[start] {
            start += 1;
            continue;
        }
        let stop = (start..bad.len()).find(|&i| !bad[i]).unwrap_or(bad.len());
        let quarter = (0.25 * (stop - start) as f64).round_ties_even() as usize;
        let by = quarter.max(least).min(most);
        let (low, high) = (start.saturating_sub(by), (stop + by).min(bad.len()));
        for i in (low..start).chain(stop..high).filter(|&i| !bad[i]) {
            bits[i] |= GROWN;
        }
        start = stop;
    }
}

/// True when none of a pixel's reasons is in `masking`.
pub fn is_used(bits: u16, masking: u16) -> bool {
    bits & masking == 0
}

/// Inverse variance with masked pixels set to 0, `(n_pix,)`.
pub fn masked_ivar(ivar: &[f64], bits: &[u16], masking: u16) -> Result<Vec<f64>, MaskError> {
    check_length("bits", bits.len(), ivar.len())?;
    let keep = |(&ivar, &bits): (&f64, &u16)| if is_used(bits, masking) { ivar } else { 0.0 };
    Ok(ivar.iter().zip(bits).map(keep).collect())
}

/// Names of a pixel's reasons, in bit order.
pub fn names(bits: u16) -> Vec<&'static str> {
    let set = REASONS.iter().filter(|(bit, ..)| bits & bit != 0);
    set.map(|&(_, name, _)| name).collect()
}

/// Bits of a list of names, as a configuration gives them.
pub fn bits_of_names<S: AsRef<str>>(names: &[S]) -> Result<u16, MaskError> {
    names.iter().try_fold(0, |bits, name| {
        let name = name.as_ref();
        let found = REASONS.iter().find(|(_, known, _)| *known == name);
        found.map(|(bit, ..)| bits | bit).ok_or_else(|| MaskError::UnknownReason(name.to_owned()))
    })
}

/// Finds sharp positive outliers.
///
/// A pixel is compared with the median of its neighborhood without itself and the two next to it. The scale is the
/// larger of the pixel's photon error and 1.4826 times the neighborhood's median deviation, so that a band head or a
/// steep slope raises it. An emission line of the instrument's width (standard deviation about one pixel) keeps at least
/// 37 % of its height in both next pixels, however strong it is; a hit must fall below [`COSMIC_FALL`] on one side, and be
/// no flank: at least half as high as both.
fn cosmic_pixels(flux: &[f64], ivar: &[f64], settings: &MaskSettings) -> Vec<bool> {
    let half = settings.cosmic_half_width;
    let mut around = Vec::with_capacity(2 * half);
    (0..flux.len())
        .map(|i| {
            if !(flux[i].is_finite() && ivar[i].is_finite() && ivar[i] > 0.0) {
                return false;
            }
            let near = i.saturating_sub(half)..(i + half + 1).min(flux.len());
            around.clear();
            around.extend(
                near.filter(|&j| j.abs_diff(i) > 1 && flux[j].is_finite() && ivar[j] > 0.0)
                    .map(|j| flux[j]),
            );
            if around.len() < 4 {
                return false;
            }
            let center = median(&mut around);
            around.iter_mut().for_each(|f| *f = (*f - center).abs());
            let scale = (1.4826 * median(&mut around)).max(ivar[i].powf(-0.5));
            let threshold = settings.cosmic_threshold * scale;
            let height = flux[i] - center;
            let beside = [i.checked_sub(1), Some(i + 1)].into_iter().flatten();
            let next = beside.filter_map(|j| flux.get(j)).filter(|f| f.is_finite());
            let (lowest, highest) = next.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), f| {
                (lo.min(f - center), hi.max(f - center))
            });
            height > threshold && lowest < COSMIC_FALL * height && highest < 2.0 * height
        })
        .collect()
}

/// Median of a non-empty list, which is reordered.
fn median(values: &mut [f64]) -> f64 {
    sort_numbers(values);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { f64::midpoint(values[half - 1], values[half]) }
}

fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), MaskError> {
    if found == expected {
        return Ok(());
    }
    Err(MaskError::Length { what, found, expected })
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
