//! Two-pass smoothing-spline normalization of a spectrum (Li et al. 2021 §3.2; the SLAM normalizer of Zhang et al. 2020).
//!
//! 1. Smooth the whole spectrum with p\[0\].
//! 2. In bins of `bin_width_angstrom`, keep pixels whose residual lies within `keep_factor` robust deviations of the
//!    bin's `quantile`. The deviation is the median over *the whole spectrum* of |residual - bin median|, one of the
//!    reference's peculiarities, kept because the published continua depend on it.
//! 3. Smooth the kept pixels with p\[1\]: that is the continuum.
//!
//! With 1.7-Angstrom pixels p = 1e-7 smooths over about 60 Angstrom, so broad TiO troughs are removed: this is a
//! consistent normalization, not the true continuum. Agrees with astroslam 1.2022.1228.1 to 1e-9 (see the tests) when
//! `weights` is `None`, the default and the reference's own call.
//! Differences, where the reference gives NaN or a crash: a non-finite flux is left out instead of spoiling the
//! spectrum, a pixel outside `norm_range_angstrom` is left out of the fits (the reference gives it weight 1e-19, the
//! same limit), and a spectrum without 100 positive pixels is an error.

use std::borrow::Cow;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use thiserror::Error;

use super::smoothing_spline::{SmoothingSpline, SplineError};
use super::sorting::sort_numbers;

/// How to normalize; the default is the paper's.
#[derive(Debug, Clone, PartialEq)]
pub struct ContinuumSettings {
    /// Vacuum range used in the fits, Angstrom.
    pub norm_range_angstrom: (f64, f64),
    /// Width of the bins of the pixel selection, Angstrom.
    pub bin_width_angstrom: f64,
    /// Smoothing parameters of the two passes, in the convention of csaps: 0 = straight line, 1 = interpolation.
    pub smoothing: [f64; 2],
    /// Quantile of the residual, in 0..1, around which a bin keeps its pixels; 0.7 leans to the upper envelope.
    pub quantile: f64,
    /// Half-width of the kept band in median absolute deviations.
    pub keep_factor: f64,
    /// Pixels of weight at or below this are left out (only when weights are given).
    pub weight_floor: f64,
    /// The spectrum must have more than this many positive pixels.
    pub min_positive_pixels: usize,
}

impl Default for ContinuumSettings {
    fn default() -> Self {
        Self {
            norm_range_angstrom: (6147.0, 8910.0),
            bin_width_angstrom: 10.0,
            smoothing: [1e-8, 1e-7],
            quantile: 0.7,
            keep_factor: 2.0,
            weight_floor: 1e-19,
            min_positive_pixels: 100,
        }
    }
}

impl ContinuumSettings {
    /// Finds a setting out of its domain before any spectrum meets it.
    pub fn check(&self) -> Result<(), ContinuumError> {
        check_settings(self)
    }
}

/// Why a spectrum cannot be normalized.
#[derive(Debug, Error, PartialEq)]
pub enum ContinuumError {
    /// Arrays of one spectrum differ in length.
    #[error(
        "continuum: {what} has {found} pixels, wave has {expected}: pass arrays of one spectrum"
    )]
    Length { what: &'static str, found: usize, expected: usize },
    /// Wavelengths must be finite and strictly ascending.
    #[error(
        "continuum: wave is not finite and strictly ascending at pixel {pixel}: sort it and drop repeated pixels"
    )]
    Wave { pixel: usize },
    /// Too few pixels have finite positive flux (and weight).
    #[error("continuum: {found} usable pixels, more than {needed} needed: reject the spectrum")]
    TooFewPixels { found: usize, needed: usize },
    /// A setting is out of its domain.
    #[error("continuum: setting `{name}` = {value} is invalid: {rule}")]
    Setting { name: &'static str, value: f64, rule: &'static str },
    /// The spline system failed.
    #[error("continuum: {0}")]
    Spline(#[from] SplineError),
}

/// A normalized spectrum; all arrays are `(n_pix,)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalized {
    /// Flux over continuum, dimensionless.
    pub flux: Vec<f64>,
    /// Continuum, in the unit of the input flux.
    pub continuum: Vec<f64>,
    /// Pixels that the second pass was fitted to.
    pub fitted: Vec<bool>,
    /// True when the selection kept too few pixels for a fit and all usable ones were fitted instead, as happens for a
    /// noise-free smooth spectrum.
    pub fell_back: bool,
}

/// Normalizes one spectrum.
///
/// `wave_angstrom`, `flux`: `(n_pix,)`, vacuum Angstrom and any flux unit. `weights`: `None` gives all pixels weight 1
/// (the reference's call, and the default of the paper's method); `Some(ivar)` weights by inverse variance and
/// `Some(0/1)` leaves out masked pixels from the fits and from the selection statistics.
pub fn normalize(
    wave_angstrom: &[f64],
    flux: &[f64],
    weights: Option<&[f64]>,
    settings: &ContinuumSettings,
) -> Result<Normalized, ContinuumError> {
    check_settings(settings)?;
    check_arrays(wave_angstrom, flux, weights)?;
    let weights = weights.map_or_else(|| Cow::Owned(vec![1.0; flux.len()]), Cow::Borrowed);
    let valid: Vec<bool> = flux
        .iter()
        .zip(weights.iter())
        .map(|(flux, &weight)| flux.is_finite() && weight > settings.weight_floor)
        .collect();
    let (low, high) = settings.norm_range_angstrom;
    let in_range = |wave: f64| wave >= low && wave <= high;
    let usable: Vec<bool> =
        (0..flux.len()).map(|i| valid[i] && flux[i] > 0.0 && in_range(wave_angstrom[i])).collect();
    check_count(&usable, settings.min_positive_pixels)?;

    let smooth = |pixels: &[bool], p: f64| smooth(wave_angstrom, flux, &weights, pixels, p);
    let first_pass = smooth(&usable, settings.smoothing[0])?;
    let residual: Vec<f64> = flux.iter().zip(&first_pass).map(|(f, s)| f - s).collect();
    let mut fitted = select(wave_angstrom, &residual, &valid, settings);
    for (keep, &ok) in fitted.iter_mut().zip(&usable) {
        *keep &= ok;
    }
    let fell_back = fitted.iter().filter(|&&keep| keep).count() < 3;
    if fell_back {
        fitted.clone_from(&usable);
    }
    let continuum = smooth(&fitted, settings.smoothing[1])?;
    Ok(Normalized {
        flux: flux.iter().zip(&continuum).map(|(f, c)| f / c).collect(),
        continuum,
        fitted,
        fell_back,
    })
}

/// Fits the chosen pixels by a smoothing spline and evaluates it at all of them.
fn smooth(
    wave: &[f64],
    flux: &[f64],
    weights: &[f64],
    pixels: &[bool],
    p: f64,
) -> Result<Vec<f64>, SplineError> {
    let places: Vec<usize> = (0..pixels.len()).filter(|&i| pixels[i]).collect();
    let chosen = |values: &[f64]| places.iter().map(|&i| values[i]).collect::<Vec<f64>>();
    let spline = SmoothingSpline::fit(&chosen(wave), &chosen(flux), &chosen(weights), p)?;
    Ok(spline.evaluate_ascending(wave))
}

/// Normalizes many spectra on one wavelength grid, in parallel; row i depends on row i of the input only.
///
/// `flux`: `(n_star, n_pix)`; `weights`: the same shape, see [`normalize`].
pub fn normalize_rows(
    wave_angstrom: &[f64],
    flux: ArrayView2<f64>,
    weights: Option<ArrayView2<f64>>,
    settings: &ContinuumSettings,
) -> Vec<Result<Normalized, ContinuumError>> {
    let flux: Array2<f64> = flux.as_standard_layout().into_owned();
    (0..flux.nrows())
        .into_par_iter()
        .map(|star| {
            let row = flux.row(star).to_vec();
            let weight = weights.as_ref().map(|w| w.row(star).to_vec());
            normalize(wave_angstrom, &row, weight.as_deref(), settings)
        })
        .collect()
}

/// Inverse variance of the normalized flux, `continuum^2 ivar`, `(n_pix,)`; 0 where the product is not a finite
/// positive number or the continuum is not positive.
pub fn normalized_ivar(ivar: &[f64], continuum: &[f64]) -> Vec<f64> {
    ivar.iter()
        .zip(continuum)
        .map(|(&ivar, &continuum)| {
            let scaled = continuum * continuum * ivar;
            let good = scaled.is_finite() && scaled > 0.0 && continuum > 0.0;
            if good { scaled } else { 0.0 }
        })
        .collect()
}

fn check_settings(settings: &ContinuumSettings) -> Result<(), ContinuumError> {
    let fail = |name, value, rule| Err(ContinuumError::Setting { name, value, rule });
    let (low, high) = settings.norm_range_angstrom;
    if !(low < high && low.is_finite() && high.is_finite()) {
        return fail("norm_range", low, "must be a finite ascending pair");
    }
    if !(settings.bin_width_angstrom > 0.0 && settings.bin_width_angstrom.is_finite()) {
        return fail("bin_width", settings.bin_width_angstrom, "must be positive");
    }
    if let Some(&p) = settings.smoothing.iter().find(|&&p| !(p > 0.0 && p <= 1.0)) {
        return fail("smoothing", p, "must lie in (0, 1]");
    }
    if !(settings.quantile > 0.0 && settings.quantile < 1.0) {
        return fail("quantile", settings.quantile, "must lie in (0, 1)");
    }
    if settings.keep_factor.is_nan() || settings.keep_factor <= 0.0 {
        return fail("keep_factor", settings.keep_factor, "must be positive");
    }
    Ok(())
}

fn check_arrays(wave: &[f64], flux: &[f64], weights: Option<&[f64]>) -> Result<(), ContinuumError> {
    let expected = wave.len();
    let length = |what, found| ContinuumError::Length { what, found, expected };
    if flux.len() != expected {
        return Err(length("flux", flux.len()));
    }
    if let Some(weights) = weights.filter(|w| w.len() != expected) {
        return Err(length("weights", weights.len()));
    }
    let bad = |i: &usize| !wave[*i].is_finite() || (*i > 0 && wave[*i] <= wave[*i - 1]);
    match (0..expected).find(bad) {
        Some(pixel) => Err(ContinuumError::Wave { pixel }),
        None => Ok(()),
    }
}

fn check_count(usable: &[bool], needed: usize) -> Result<(), ContinuumError> {
    let found = usable.iter().filter(|&&ok| ok).count();
    // A spline has at least three knots, whatever the settings ask for.
    if found <= needed.max(2) {
        return Err(ContinuumError::TooFewPixels { found, needed });
    }
    Ok(())
}

/// Marks the pixels whose residual lies near the quantile of their bin (step 2 of the module's description).
fn select(
    wave: &[f64],
    residual: &[f64],
    valid: &[bool],
    settings: &ContinuumSettings,
) -> Vec<bool> {
    let all = ascending((0..wave.len()).filter(|&i| valid[i]).map(|i| residual[i]).collect());
    let (start, stop) = settings.norm_range_angstrom;
    let width = settings.bin_width_angstrom;
    let n_bin = ((stop - start) / width).trunc() as usize + 1;
    let mut kept = vec![false; wave.len()];
    let mut values = Vec::new();
    let mut last = wave.partition_point(|&w| w <= start - 0.5 * width);
    for bin in 0..n_bin {
        let high = start + (bin as f64 + 0.5) * width;
        let first = last;
        last += wave[first..].iter().take_while(|&&w| w <= high).count();
        values.clear();
        values.extend((first..last).filter(|&i| valid[i]).map(|i| residual[i]));
        if values.is_empty() {
            continue;
        }
        sort_numbers(&mut values);
        let limit = settings.keep_factor * median_deviation(&all, median_sorted(&values));
        let center = quantile_sorted(&values, settings.quantile);
        for i in (first..last).filter(|&i| valid[i]) {
            kept[i] = (residual[i] - center).abs() < limit;
        }
    }
    kept
}

/// Sorts finite values: dealt to buckets of equal width, as many as values, then each bucket by itself.
fn ascending(values: Vec<f64>) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let n_bucket = values.len();
    let scale = n_bucket as f64 / (high - low);
    if !(scale > 0.0 && scale.is_finite()) {
        let mut values = values;
        sort_numbers(&mut values);
        return values;
    }
    let bucket = |value: f64| (((value - low) * scale) as usize).min(n_bucket - 1);
    let buckets: Vec<usize> = values.iter().map(|&value| bucket(value)).collect();
    let mut end = vec![0usize; n_bucket + 1];
    for bucket in &buckets {
        end[bucket + 1] += 1;
    }
    for at in 0..n_bucket {
        end[at + 1] += end[at];
    }
    let mut sorted = vec![0.0; values.len()];
    for (&value, &bucket) in values.iter().zip(&buckets) {
        let at = &mut end[bucket];
        sorted[*at] = value;
        *at += 1;
    }
    // Each entry is now the end of its bucket.
    let mut first = 0;
    for &last in &end[..n_bucket] {
        if last - first > 1 {
            sort_numbers(&mut sorted[first..last]);
        }
        first = last;
    }
    sorted
}

fn median_sorted(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

/// Quantile of ascending values with linear interpolation (type 7 of Hyndman & Fan 1996).
fn quantile_sorted(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let fraction = position - below as f64;
    sorted[below] + (sorted[above] - sorted[below]) * fraction
}

/// Median of |value - center| over ascending values, in O(log n).
fn median_deviation(sorted: &[f64], center: f64) -> f64 {
    let n = sorted.len();
    let upper = nth_deviation(sorted, center, n / 2 + 1);
    if n % 2 == 1 { upper } else { (nth_deviation(sorted, center, n / 2) + upper) / 2.0 }
}

/// The `count`-th smallest |value - center|.
///
/// The `count` values nearest to the center are neighbours in the sorted list, so their largest distance is the
/// smallest, over windows of that length, of the larger end distance; that of the left end falls and that of the right
/// end grows with the window's start, so the crossing is found by bisection.
fn nth_deviation(sorted: &[f64], center: f64, count: usize) -> f64 {
    let left = |start: usize| (sorted[start] - center).abs();
    let right = |start: usize| (sorted[start + count - 1] - center).abs();
    let n_window = sorted.len() - count + 1;
    let (mut low, mut high) = (0, n_window);
    while low < high {
        let middle = usize::midpoint(low, high);
        if sorted[middle] + sorted[middle + count - 1] < 2.0 * center {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let worst = |start: usize| left(start).max(right(start));
    let here = if low < n_window { worst(low) } else { f64::INFINITY };
    let before = if low > 0 { worst(low - 1) } else { f64::INFINITY };
    here.min(before)
}

#[cfg(test)]
#[path = "continuum_tests.rs"]
mod tests;
