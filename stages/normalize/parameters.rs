//! Parameters of the stage and what they mean to science. Defaults are those of science, where the
//! paper's numbers are kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::row::Settings;
use crate::engine::stage::StageError;
use crate::science::continuum::ContinuumSettings;
use crate::science::mask::{self, MaskSettings};
use crate::science::resample::VarianceRule;
use crate::science::velocity::VelocitySettings;
use crate::science::wavelength::PixelGrid;

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Row id.
    #[serde(default = "obsid")]
    pub id: String,
    /// Gives every so many pixels out; continuum and velocity are made on all of them.
    #[serde(default = "one")]
    pub step: u32,
    /// Keeps the six pixels of H-alpha on the grid; they are masked all the same.
    #[serde(default)]
    pub keep_h_alpha: bool,
    /// How flux and ivar get to the grid.
    #[serde(default)]
    pub resample: Resampling,
    /// Variance of an averaged pixel.
    #[serde(default)]
    pub variance: Variance,
    /// How the spectrum is brought to rest.
    #[serde(default)]
    pub rv: Rv,
    /// Which pixels are not used.
    #[serde(default)]
    pub mask: Masks,
    /// The two-pass smoothing spline.
    #[serde(default)]
    pub continuum: Continuum,
    /// Fewest usable pixels of the whole grid; 800 is half of the paper's.
    #[serde(default = "half")]
    pub min_pixels: u32,
    /// Keeps the continuum.
    #[serde(default = "yes")]
    pub keep_continuum: bool,
    /// Keeps the spectra; without them velocities and counts remain, in a hundredth of the room.
    #[serde(default = "yes")]
    pub keep_spectra: bool,
}

fn obsid() -> String {
    "obsid".into()
}

fn one() -> u32 {
    1
}

fn half() -> u32 {
    800
}

fn yes() -> bool {
    true
}

/// See [`Normalize::resample`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// Flux-conserving average.
    #[default]
    Average,
    /// Cubic interpolation of flux and ivar, as the released code does.
    Cubic,
}

/// See [`VarianceRule`].
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variance {
    /// Keeps the information of the spectrum.
    #[default]
    Weighted,
    /// The variance of the single pixel.
    Independent,
}

/// Where the velocity comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RvSource {
    /// The catalog's redshift; where it is missing, a measured velocity.
    #[default]
    CatalogZ,
    /// The catalog's redshift; where it is missing, none.
    CatalogZOnly,
    /// A measured velocity.
    Measured,
    /// No shift: the paper and its released code name none.
    None,
}

/// How the spectrum is brought to rest.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rv {
    pub source: RvSource,
    /// Column with the error of the catalog's redshift.
    pub z_err: Option<String>,
    /// Range of the search; a catalog redshift beyond it counts as missing.
    pub max_km_s: f64,
    pub step_km_s: f64,
    /// A lower correlation peak is no measurement.
    pub min_peak: f64,
    pub min_pixels: u32,
}

impl Default for Rv {
    fn default() -> Self {
        let science = VelocitySettings::default();
        Rv {
            source: RvSource::default(),
            z_err: None,
            max_km_s: science.max_km_s,
            step_km_s: science.step_km_s,
            min_peak: science.min_peak,
            min_pixels: science.min_pixels as u32,
        }
    }
}

/// Which pixels are not used.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Masks {
    /// Names of the reasons that mask; all reasons are recorded.
    pub reasons: Vec<String>,
    /// Vacuum window at rest.
    pub h_alpha_angstrom: [f64; 2],
    /// Vacuum windows at the observer.
    pub telluric_angstrom: Vec<[f64; 2]>,
    /// Height of a cosmic hit in robust standard deviations.
    pub cosmic_threshold: f64,
    /// Pixels either side that make the local median of a cosmic hit.
    pub cosmic_half_width: u32,
    /// Bounds of the normalized flux.
    pub flux_bounds: [f64; 2],
    /// Least normalized ivar.
    pub min_ivar: Option<f64>,
    /// Fewest and most pixels that a bad run grows by on either side.
    pub grow: [u32; 2],
}

impl Default for Masks {
    fn default() -> Self {
        let science = MaskSettings::default();
        let telluric = science.telluric_angstrom.iter();
        Masks {
            reasons: mask::names(mask::MASKING).into_iter().map(str::to_owned).collect(),
            h_alpha_angstrom: science.h_alpha_angstrom.into(),
            telluric_angstrom: telluric.map(|window| (*window).into()).collect(),
            cosmic_threshold: science.cosmic_threshold,
            cosmic_half_width: science.cosmic_half_width as u32,
            flux_bounds: science.flux_bounds.into(),
            min_ivar: science.min_ivar,
            grow: [science.grow.0 as u32, science.grow.1 as u32],
        }
    }
}

impl Masks {
    fn settings(&self) -> MaskSettings {
        MaskSettings {
            h_alpha_angstrom: self.h_alpha_angstrom.into(),
            telluric_angstrom: self.telluric_angstrom.iter().map(|w| (*w).into()).collect(),
            cosmic_threshold: self.cosmic_threshold,
            cosmic_half_width: self.cosmic_half_width as usize,
            flux_bounds: self.flux_bounds.into(),
            min_ivar: self.min_ivar,
            grow: (self.grow[0] as usize, self.grow[1] as usize),
        }
    }
}

/// Which pixels the continuum is made of.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// Those that no reason masks, all with weight 1.
    #[default]
    Good,
    /// All, as the released code does.
    All,
}

/// The two-pass smoothing spline; see [`ContinuumSettings`].
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Continuum {
    pub weights: Weights,
    pub range_angstrom: [f64; 2],
    pub bin_width_angstrom: f64,
    /// Smoothing of the two passes: 0 is a straight line, 1 interpolates.
    pub smoothing: [f64; 2],
    pub quantile: f64,
    pub keep_factor: f64,
    pub min_positive_pixels: u32,
}

impl Default for Continuum {
    fn default() -> Self {
        let science = ContinuumSettings::default();
        Continuum {
            weights: Weights::default(),
            range_angstrom: science.norm_range_angstrom.into(),
            bin_width_angstrom: science.bin_width_angstrom,
            smoothing: science.smoothing,
            quantile: science.quantile,
            keep_factor: science.keep_factor,
            min_positive_pixels: science.min_positive_pixels as u32,
        }
    }
}

impl Normalize {
    /// Checks the parameters and makes the settings of science, without templates.
    pub fn settings(&self) -> Result<Settings, StageError> {
        // Checks `step` alone: the work is done on all pixels.
        PixelGrid::with_options(self.step as usize, self.keep_h_alpha)?;
        let settings = Settings {
            grid: PixelGrid::with_options(1, self.keep_h_alpha)?,
            step: self.step as usize,
            resampling: self.resample,
            variance: match self.variance {
                Variance::Weighted => VarianceRule::Weighted,
                Variance::Independent => VarianceRule::Independent,
            },
            mask: self.mask.settings(),
            masking: mask::bits_of_names(&self.mask.reasons)?,
            continuum: self.continuum_settings(),
            weights: self.continuum.weights,
            rv: self.rv.source,
            velocity: VelocitySettings {
                max_km_s: self.rv.max_km_s,
                step_km_s: self.rv.step_km_s,
                min_peak: self.rv.min_peak,
                min_pixels: self.rv.min_pixels as usize,
            },
            templates: Vec::new(),
            min_pixels: self.min_pixels as usize,
        };
        settings.continuum.check()?;
        settings.velocity.check()?;
        Ok(settings)
    }

    fn continuum_settings(&self) -> ContinuumSettings {
        let own = &self.continuum;
        ContinuumSettings {
            norm_range_angstrom: own.range_angstrom.into(),
            bin_width_angstrom: own.bin_width_angstrom,
            smoothing: own.smoothing,
            quantile: own.quantile,
            keep_factor: own.keep_factor,
            min_positive_pixels: own.min_positive_pixels as usize,
            ..ContinuumSettings::default()
        }
    }
}
