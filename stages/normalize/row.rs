//! The work on one spectrum: rest frame, pixels, masks, continuum.
//!
//! A pure function of the settings and the spectrum, so that a row's bytes depend on nothing else.

use crate::science::continuum::{self, ContinuumSettings, normalized_ivar};
use crate::science::mask::{self, MaskSettings};
use crate::science::resample::{self, Resampled, VarianceRule};
use crate::science::statistics::median;
use crate::science::velocity::{self, Velocity, VelocitySettings};
use crate::science::wavelength::{PixelGrid, SPEED_OF_LIGHT_KM_S, to_rest_frame, vacuum_from_air};

use super::parameters::{Resampling, RvSource, Weights};

/// Reasons of an input pixel that reach every output pixel it is part of; the others are told anew
/// from the resampled spectrum, to which a pixel without information contributes nothing.
const CARRIED: u16 = mask::ANDMASK | mask::ORMASK | mask::COSMIC;

/// Windows are wide enough by choice; only runs of bad pixels grow.
const NOT_GROWING: u16 = mask::H_ALPHA | mask::TELLURIC;

/// What [`normalize_row`] works with.
pub struct Settings {
    /// All pixels: what the continuum and the velocity are made on, whatever `step` is.
    pub grid: PixelGrid,
    /// Every so many pixels are given out.
    pub step: usize,
    pub resampling: Resampling,
    pub variance: VarianceRule,
    pub mask: MaskSettings,
    /// Bits of the reasons that mask.
    pub masking: u16,
    pub continuum: ContinuumSettings,
    pub weights: Weights,
    pub rv: RvSource,
    pub velocity: VelocitySettings,
    /// Normalized spectra at rest, each `(n_pix,)` on `grid`.
    pub templates: Vec<Vec<f64>>,
    /// Fewest usable pixels of `grid`.
    pub min_pixels: usize,
}

/// A spectrum as read; vectors are `(n_input,)`.
pub struct RawSpectrum {
    pub wave_angstrom: Vec<f64>,
    pub flux: Vec<f64>,
    pub ivar: Vec<f64>,
    pub andmask: Option<Vec<u32>>,
    pub ormask: Option<Vec<u32>>,
    /// The catalog's redshift and its error.
    pub z: Option<f64>,
    pub z_err: Option<f64>,
    /// `None` means vacuum: all LAMOST spectra are.
    pub vacuum: Option<bool>,
}

/// What is known of a spectrum's velocity.
#[derive(Clone, Debug, PartialEq)]
pub struct RestFrame {
    /// `catalog_z`, `measured` or `none`; with `none` the spectrum is not shifted.
    pub source: &'static str,
    pub rv_km_s: Option<f64>,
    pub rv_err_km_s: Option<f64>,
    /// Height of the correlation peak of a measurement, also of one that was not good enough.
    pub peak: Option<f64>,
}

/// A normalized spectrum; vectors are `(n_pix,)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Flux over continuum; 1 where there is none.
    pub flux_norm: Vec<f64>,
    /// Its inverse variance, 0 where masked.
    pub ivar_norm: Vec<f64>,
    pub mask: Vec<u16>,
    pub continuum: Vec<f64>,
    pub rest_frame: RestFrame,
    pub n_pix_used: u32,
    /// Median of flux times root ivar over the used pixels.
    pub snr_median: Option<f64>,
}

/// Normalizes a spectrum; the error is why it is rejected.
pub fn normalize_row(settings: &Settings, raw: &RawSpectrum) -> Result<Row, String> {
    let observed = Observed::new(settings, raw)?;
    let (z, rest_frame) = rest_frame(settings, raw, &observed)?;
    let full = observed.at_rest(settings, z)?;
    let used = full.ivar.iter().filter(|ivar| **ivar > 0.0).count();
    if used < settings.min_pixels {
        let least = settings.min_pixels;
        return Err(format!("{used} usable pixels, {least} needed"));
    }
    let (flux_norm, ivar_norm) = (every(&full.flux, settings), every(&full.ivar, settings));
    let used: Vec<f64> = flux_norm
        .iter()
        .zip(&ivar_norm)
        .filter(|(_, ivar)| **ivar > 0.0)
        .map(|(flux, ivar)| flux * ivar.sqrt())
        .collect();
    Ok(Row {
        mask: every(&full.bits, settings),
        continuum: every(&full.continuum, settings),
        rest_frame,
        n_pix_used: used.len() as u32,
        snr_median: median(&used),
        flux_norm,
        ivar_norm,
    })
}

fn every<T: Copy>(values: &[T], settings: &Settings) -> Vec<T> {
    values.iter().copied().step_by(settings.step).collect()
}

/// The spectrum at the observer, in vacuum, with the reasons that its pixels themselves give.
struct Observed<'a> {
    wave_angstrom: Vec<f64>,
    raw: &'a RawSpectrum,
    bits: Vec<u16>,
}

/// The spectrum on the whole grid.
struct OnGrid {
    flux: Vec<f64>,
    /// 0 where masked.
    ivar: Vec<f64>,
    bits: Vec<u16>,
    continuum: Vec<f64>,
}

impl<'a> Observed<'a> {
    fn new(settings: &Settings, raw: &'a RawSpectrum) -> Result<Self, String> {
        if raw.wave_angstrom.is_empty() {
            return Err("the spectrum has no pixels".into());
        }
        if !raw.flux.iter().any(|flux| flux.is_finite()) {
            return Err("no pixel has a finite flux".into());
        }
        if !raw.ivar.iter().any(|ivar| ivar.is_finite() && *ivar > 0.0) {
            return Err("no pixel has an inverse variance above zero".into());
        }
        let wave_angstrom = match raw.vacuum {
            Some(false) => vacuum_from_air(&raw.wave_angstrom),
            _ => raw.wave_angstrom.clone(),
        };
        let bits = mask::observed_reasons(
            &raw.flux,
            &raw.ivar,
            raw.andmask.as_deref(),
            raw.ormask.as_deref(),
            &settings.mask,
        )
        .map_err(|why| why.to_string())?;
        Ok(Observed { wave_angstrom, raw, bits })
    }

    /// Shifts by `z`, resamples, masks and normalizes.
    fn at_rest(&self, settings: &Settings, z: f64) -> Result<OnGrid, String> {
        let wave = settings.grid.wave_angstrom();
        let rest = to_rest_frame(&self.wave_angstrom, z);
        if !overlap(&rest, wave) {
            return Err("no pixel lies on the model's grid".into());
        }
        let resampled = self.resample(settings, &rest)?;
        let mut bits = self.bits_on_grid(settings, &rest, z)?;
        for (bits, ivar) in bits.iter_mut().zip(&resampled.ivar) {
            if !(ivar.is_finite() && *ivar > 0.0) {
                *bits |= mask::ZERO_IVAR;
            }
        }
        let weights = match settings.weights {
            Weights::All => None,
            Weights::Good => Some(unmasked(&bits, settings.masking)),
        };
        let normalized =
            continuum::normalize(wave, &resampled.flux, weights.as_deref(), &settings.continuum)
                .map_err(|why| why.to_string())?;
        let ivar = normalized_ivar(&resampled.ivar, &normalized.continuum);
        let reasons = mask::normalized_reasons(&normalized.flux, &ivar, &settings.mask)
            .map_err(|why| why.to_string())?;
        bits.iter_mut().zip(reasons).for_each(|(bits, more)| *bits |= more);
        mask::grow(&mut bits, settings.masking & !NOT_GROWING, &settings.mask);
        let ivar = mask::masked_ivar(&ivar, &bits, settings.masking | mask::NOT_FINITE)
            .map_err(|why| why.to_string())?;
        let finite = |flux: f64| if flux.is_finite() { flux } else { 1.0 };
        Ok(OnGrid {
            flux: normalized.flux.into_iter().map(finite).collect(),
            ivar,
            bits,
            continuum: normalized.continuum,
        })
    }

    fn resample(&self, settings: &Settings, rest: &[f64]) -> Result<Resampled, String> {
        let (flux, ivar) = (&self.raw.flux, &self.raw.ivar);
        let resampled = match settings.resampling {
            Resampling::Average => {
                resample::average(rest, flux, ivar, &settings.grid, settings.variance)
            }
            Resampling::Cubic => {
                let at = settings.grid.wave_angstrom();
                resample::cubic(rest, flux, at).and_then(|flux| {
                    let ivar = resample::cubic(rest, ivar, at)?;
                    Ok(Resampled { flux, ivar })
                })
            }
        };
        resampled.map_err(|why| why.to_string())
    }

    fn bits_on_grid(&self, settings: &Settings, rest: &[f64], z: f64) -> Result<Vec<u16>, String> {
        let wave = settings.grid.wave_angstrom();
        let carried: Vec<u16> = self.bits.iter().map(|bits| bits & CARRIED).collect();
        let mut bits =
            resample::carry_flags(rest, &carried, &settings.grid).map_err(|why| why.to_string())?;
        let observed: Vec<f64> = wave.iter().map(|wave| wave * (1.0 + z)).collect();
        let windows =
            mask::window_reasons(wave, &observed, &settings.mask).map_err(|why| why.to_string())?;
        bits.iter_mut().zip(windows).for_each(|(bits, more)| *bits |= more);
        Ok(bits)
    }
}

/// Weight 1 for the pixels that are used, else 0.
fn unmasked(bits: &[u16], masking: u16) -> Vec<f64> {
    bits.iter().map(|bits| f64::from(u8::from(mask::is_used(*bits, masking)))).collect()
}

fn overlap(wave: &[f64], grid: &[f64]) -> bool {
    let (Some(first), Some(last)) = (grid.first(), grid.last()) else { return false };
    wave.iter().any(|wave| wave >= first && wave <= last)
}

/// The redshift to undo and where it comes from.
fn rest_frame(
    settings: &Settings,
    raw: &RawSpectrum,
    observed: &Observed,
) -> Result<(f64, RestFrame), String> {
    let (catalog, measured) = match settings.rv {
        RvSource::None => (false, false),
        RvSource::CatalogZ => (true, true),
        RvSource::CatalogZOnly => (true, false),
        RvSource::Measured => (false, true),
    };
    if catalog && let Some(z) = raw.z.filter(|z| is_stellar(*z, settings)) {
        let known = RestFrame {
            source: "catalog_z",
            rv_km_s: Some(z * SPEED_OF_LIGHT_KM_S),
            rv_err_km_s: raw.z_err.map(|error| error * SPEED_OF_LIGHT_KM_S),
            peak: None,
        };
        return Ok((z, known));
    }
    let mut unknown = RestFrame { source: "none", rv_km_s: None, rv_err_km_s: None, peak: None };
    if !measured || settings.templates.is_empty() {
        return Ok((0.0, unknown));
    }
    let found = measure(settings, &observed.at_rest(settings, 0.0)?);
    unknown.peak = found.map(|velocity| velocity.peak);
    Ok(match found.filter(Velocity::is_reliable) {
        Some(velocity) => {
            let error = velocity.rv_err_km_s;
            let known = RestFrame {
                source: "measured",
                rv_km_s: Some(velocity.rv_km_s),
                rv_err_km_s: error.is_finite().then_some(error),
                peak: Some(velocity.peak),
            };
            (velocity.z(), known)
        }
        None => (0.0, unknown),
    })
}

/// A redshift beyond the range of the search is a galaxy's, or a failed fit's.
fn is_stellar(z: f64, settings: &Settings) -> bool {
    z.is_finite() && (z * SPEED_OF_LIGHT_KM_S).abs() <= settings.velocity.max_km_s
}

/// The velocity against the template that fits best, the first of equals.
fn measure(settings: &Settings, star: &OnGrid) -> Option<Velocity> {
    let wave = settings.grid.wave_angstrom();
    let measured = settings.templates.iter().filter_map(|template| {
        velocity::measure(wave, &star.flux, &star.ivar, template, &settings.velocity).ok()
    });
    measured.fold(None, |best: Option<Velocity>, next| match best {
        Some(best) if best.peak >= next.peak => Some(best),
        _ => Some(next),
    })
}
