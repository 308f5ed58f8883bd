//! Resampling of a spectrum to the model's pixels.
//!
//! The default is flux-conserving: an output pixel is the average of the input flux density over its width, with
//! non-negative weights w that sum to 1. Where input and output pixels are equally wide, as for LAMOST spectra that are
//! only shifted, that *is* linear interpolation; where the input is finer (model spectra) no flux is skipped.
//! The released code of the paper interpolates flux and ivar by cubic splines instead; [`cubic`] does that. A cubic has
//! negative weights, so an interpolated ivar has no meaning as a variance and can be negative.

use thiserror::Error;

use super::smoothing_spline::{SmoothingSpline, SplineError};
use super::wavelength::PixelGrid;

/// An output pixel is good when good input covers at least this fraction of it.
pub const MIN_GOOD_WEIGHT: f64 = 0.5;
/// A pixel's flags reach an output pixel of which it makes up more than this fraction; rounding spills less.
const MIN_FLAG_WEIGHT: f64 = 1e-3;

/// Variance of an output pixel, from the weights w and the variances v of the input pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VarianceRule {
    /// sum w v: keeps the information of the spectrum when input and output pixels are equally wide.
    ///
    /// Resampling correlates neighbours; everything downstream treats pixels as independent. With w = (1/2, 1/2) the
    /// rule below would halve the variance of every pixel without anything having been measured better.
    #[default]
    Weighted,
    /// sum w^2 v: the true variance of the single pixel, its covariance with the neighbours neglected.
    /// Right where output pixels are much wider than input pixels.
    Independent,
}

/// Why a spectrum cannot be resampled.
#[derive(Debug, Error, PartialEq)]
pub enum ResampleError {
    /// Arrays of one spectrum differ in length.
    #[error(
        "resample: {what} has {found} pixels, wave has {expected}: pass arrays of one spectrum"
    )]
    Length { what: &'static str, found: usize, expected: usize },
    /// Fewer than two input pixels.
    #[error("resample: {found} input pixels, at least 2 needed: reject the spectrum")]
    TooFewPixels { found: usize },
    /// Wavelengths must be finite, positive and strictly ascending.
    #[error(
        "resample: wave is not positive, finite and strictly ascending at pixel {pixel}: sort it and drop repeated pixels"
    )]
    Wave { pixel: usize },
    /// The grid reaches beyond the spectrum.
    #[error(
        "resample: grid {grid_low:.2}-{grid_high:.2} Angstrom is not inside the spectrum, {low:.2}-{high:.2}: cubic interpolation does not extrapolate"
    )]
    Range { grid_low: f64, grid_high: f64, low: f64, high: f64 },
    /// The interpolating spline failed.
    #[error("resample: {0}")]
    Spline(#[from] SplineError),
}

/// A spectrum on the grid; both `(n_pix,)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// Flux in the unit of the input. Where no good pixel contributes it is the average of what is finite, or 0.
    pub flux: Vec<f64>,
    /// Inverse variance, 0 where good input covers less than [`MIN_GOOD_WEIGHT`] of the pixel.
    pub ivar: Vec<f64>,
}

/// Share of one input pixel in one output pixel.
#[derive(Debug, Clone, Copy)]
struct Share {
    input: usize,
    /// Fraction of the *output* pixel that this input pixel covers.
    weight: f64,
}

/// Averages a spectrum over the grid's pixels.
///
/// `wave_angstrom` (vacuum, already at rest: see `wavelength::to_rest_frame`), `flux`, `ivar`: `(n_input,)`. A pixel with
/// non-finite flux or with ivar that is not finite and positive (LAMOST's sentinel is 0) is bad: it is left out, and the
/// weights of the others are scaled up to sum 1 where they cover at least half of the output pixel.
pub fn average(
    wave_angstrom: &[f64],
    flux: &[f64],
    ivar: &[f64],
    grid: &PixelGrid,
    rule: VarianceRule,
) -> Result<Resampled, ResampleError> {
    check_wave(wave_angstrom)?;
    check_length("flux", flux.len(), wave_angstrom.len())?;
    check_length("ivar", ivar.len(), wave_angstrom.len())?;
    let mut out =
        Resampled { flux: Vec::with_capacity(grid.len()), ivar: Vec::with_capacity(grid.len()) };
    for_each_pixel(wave_angstrom, grid, |shares| {
        let (value, weight) = pixel_average(shares, flux, ivar, rule);
        out.flux.push(value);
        out.ivar.push(weight);
    });
    Ok(out)
}

/// Carries flag bits, `(n_input,)`, to the grid: the union over the input pixels that contribute.
pub fn carry_flags(
    wave_angstrom: &[f64],
    flags: &[u16],
    grid: &PixelGrid,
) -> Result<Vec<u16>, ResampleError> {
    check_wave(wave_angstrom)?;
    check_length("flags", flags.len(), wave_angstrom.len())?;
    let mut out = Vec::with_capacity(grid.len());
    for_each_pixel(wave_angstrom, grid, |shares| {
        let seen = shares.iter().filter(|s| s.weight > MIN_FLAG_WEIGHT);
        out.push(seen.fold(0, |bits, s| bits | flags[s.input]));
    });
    Ok(out)
}

/// Interpolates by the not-a-knot cubic spline through all points, as the paper's released code does with flux and ivar.
///
/// `wave_angstrom`, `values`: `(n_input,)`, all finite; `at_angstrom`: `(n_pix,)`, ascending, inside the spectrum.
pub fn cubic(
    wave_angstrom: &[f64],
    values: &[f64],
    at_angstrom: &[f64],
) -> Result<Vec<f64>, ResampleError> {
    check_wave(wave_angstrom)?;
    check_length("values", values.len(), wave_angstrom.len())?;
    let (low, high) = (wave_angstrom[0], wave_angstrom[wave_angstrom.len() - 1]);
    if let (Some(&grid_low), Some(&grid_high)) = (at_angstrom.first(), at_angstrom.last())
        && !(grid_low >= low && grid_high <= high)
    {
        return Err(ResampleError::Range { grid_low, grid_high, low, high });
    }
    Ok(SmoothingSpline::interpolate(wave_angstrom, values)?.evaluate_ascending(at_angstrom))
}

fn pixel_average(shares: &[Share], flux: &[f64], ivar: &[f64], rule: VarianceRule) -> (f64, f64) {
    let good =
        |s: &&Share| flux[s.input].is_finite() && ivar[s.input].is_finite() && ivar[s.input] > 0.0;
    let good_weight: f64 = shares.iter().filter(good).map(|s| s.weight).sum();
    if good_weight < MIN_GOOD_WEIGHT {
        return (finite_average(shares, flux), 0.0);
    }
    let (mut value, mut variance) = (0.0, 0.0);
    for share in shares.iter().filter(good) {
        let w = share.weight / good_weight;
        value += w * flux[share.input];
        variance += match rule {
            VarianceRule::Weighted => w / ivar[share.input],
            VarianceRule::Independent => w * w / ivar[share.input],
        };
    }
    let ivar = 1.0 / variance;
    (value, if ivar.is_finite() { ivar } else { 0.0 })
}

/// Average of the finite fluxes whatever their ivar; 0 without any.
fn finite_average(shares: &[Share], flux: &[f64]) -> f64 {
    let finite = shares.iter().filter(|s| flux[s.input].is_finite());
    let (sum, weight) = finite
        .fold((0.0, 0.0), |(sum, weight), s| (sum + s.weight * flux[s.input], weight + s.weight));
    if weight > 0.0 { sum / weight } else { 0.0 }
}

/// Calls `visit` with the shares of each output pixel, in order.
fn for_each_pixel(wave: &[f64], grid: &PixelGrid, mut visit: impl FnMut(&[Share])) {
    let edges = input_edges(wave);
    let mut first = 0;
    let mut shares = Vec::new();
    for (low, high) in grid.edges_angstrom() {
        while first < edges.len() && edges[first].1 <= low {
            first += 1;
        }
        shares.clear();
        for (input, &(left, right)) in edges.iter().enumerate().skip(first) {
            if left >= high {
                break;
            }
            let weight = (right.min(high) - left.max(low)) / (high - low);
            if weight > 0.0 {
                shares.push(Share { input, weight });
            }
        }
        visit(&shares);
    }
}

/// Edges of the input pixels: geometric means of neighbours, exact on a logarithmic grid.
///
/// A side is at most half again as wide as the other one, so that the pixels beside a gap do not fill it.
fn input_edges(wave: &[f64]) -> Vec<(f64, f64)> {
    let middle = |i: usize| (wave[i] * wave[i + 1]).sqrt();
    let last = wave.len() - 1;
    (0..=last)
        .map(|i| {
            let left = if i > 0 { Some(wave[i] - middle(i - 1)) } else { None };
            let right = if i < last { Some(middle(i) - wave[i]) } else { None };
            let (left, right) = match (left, right) {
                (Some(l), Some(r)) => (l.min(1.5 * r), r.min(1.5 * l)),
                (l, r) => (l.or(r).unwrap_or(0.0), r.or(l).unwrap_or(0.0)),
            };
            (wave[i] - left, wave[i] + right)
        })
        .collect()
}

fn check_wave(wave: &[f64]) -> Result<(), ResampleError> {
    if wave.len() < 2 {
        return Err(ResampleError::TooFewPixels { found: wave.len() });
    }
    let bad = |i: &usize| {
        !(wave[*i].is_finite() && wave[*i] > 0.0) || (*i > 0 && wave[*i] <= wave[*i - 1])
    };
    match (0..wave.len()).find(bad) {
        Some(pixel) => Err(ResampleError::Wave { pixel }),
        None => Ok(()),
    }
}

fn check_length(what: &'static str, found: usize, expected: usize) -> Result<(), ResampleError> {
    if found == expected {
        return Ok(());
    }
    Err(ResampleError::Length { what, found, expected })
}

#[cfg(test)]
#[path = "resample_tests.rs"]
mod tests;
