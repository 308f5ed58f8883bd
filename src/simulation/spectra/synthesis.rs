//! Synthesis of the spectrum of one cool star on the fine grid.
//!
//! F = pi B_lambda(c Teff) [f0 + (1 - f0) exp(-sum tau_veil)] exp(-sum tau_line): a black body behind a veil of molecular
//! bands (and blended lines) that leaves the share f0 of the light, with resolved lines above it. A model of the shape
//! of spectra and of how they change with the labels, not of an atmosphere; see `species` for its numbers and their
//! sources, and the tests for the measurements of real stars that it reproduces.

use super::grid::{FINE_POINTS, fine_range, fine_wave_angstrom};
use super::opacity::{self, Opacity, ShapeChange};
use super::species::{FLOOR, LITHIUM, Layer, Shape, Species};
use crate::science::wavelength::Air;

/// Continuum temperature over Teff: the continuum forms deeper than the average layer. With it the slopes of the
/// fluxes of real spectra are met between 6500 and 9000 Angstrom.
const CONTINUUM_TEMPERATURE: f64 = 1.04;
/// Molecules dissociate: their opacity is halved at this temperature...
const DISSOCIATION_K: f64 = 4350.0;
/// ... and falls from 3/4 to 1/4 over 2.2 of this.
const DISSOCIATION_WIDTH_K: f64 = 130.0;
/// Width (Angstrom) of chromospheric emission lines.
const EMISSION_SIGMA_ANGSTROM: f64 = 1.2;
/// Chromospheric lines besides H-alpha: wavelength in air, flux in units of H-alpha's in an active dwarf, about
/// the decrement of Bochanski et al. 2007 (AJ 133, 531).
const EMISSION_LINES: [(f64, f64); 6] = [
    (6562.80, 1.0),
    (4861.33, 0.30),
    (4340.47, 0.14),
    (4101.74, 0.08),
    (3933.66, 0.14),
    (3968.47, 0.13),
];
/// Labels are kept within what the model can stand.
const TEFF_RANGE_K: (f64, f64) = (2000.0, 7500.0);

/// Labels of one atmosphere and what else shapes its spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Labels {
    pub teff_k: f64,
    /// log10 of the surface gravity, cgs.
    pub logg: f64,
    /// [M/H], dex.
    pub m_h: f64,
    /// [alpha/M], dex.
    pub alpha_m: f64,
    /// Equivalent width of H-alpha emission, positive in emission, Angstrom.
    pub h_alpha_ew_angstrom: f64,
    /// True for young stars, which still have their lithium.
    pub lithium: bool,
}

impl Labels {
    /// An inactive dwarf of solar abundance.
    pub fn solar(teff_k: f64, logg: f64) -> Self {
        Self { teff_k, logg, m_h: 0.0, alpha_m: 0.05, h_alpha_ew_angstrom: 0.0, lithium: false }
    }
}

/// What makes one set of physics: the survey's, or that of the model grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Physics {
    /// Added to a label's Teff to get the temperature that is synthesized.
    pub teff_offset_k: f64,
    /// Multiplies the opacity of TiO.
    pub tio_scale: f64,
    /// Multiplies the opacity of VO.
    pub vo_scale: f64,
    /// Multiplies the opacity of CaH.
    pub cah_scale: f64,
    /// True where [alpha/M] matters.
    pub uses_alpha: bool,
    /// Multiplies the decay lengths of the bands.
    pub band_decay: f64,
    /// Error of the wavelengths of band heads, growing from 0 at 6150 to this (Angstrom) at 8900.
    pub head_shift_angstrom: f64,
}

impl Physics {
    /// That of the simulated survey.
    pub const SURVEY: Self = Self {
        teff_offset_k: 0.0,
        tio_scale: 1.0,
        vo_scale: 1.0,
        cah_scale: 1.0,
        uses_alpha: true,
        band_decay: 1.0,
        head_shift_angstrom: 0.0,
    };

    fn scale(&self, name: &str) -> f64 {
        match name {
            "CaH" => self.cah_scale,
            "VO" => self.vo_scale,
            _ if name.starts_with("TiO") => self.tio_scale,
            _ => 1.0,
        }
    }
}

/// Synthesizes spectra of one set of physics; made once (about 10 ms), shared by all threads.
#[derive(Debug, Clone)]
pub struct Synthesizer {
    physics: Physics,
    wave_angstrom: Vec<f64>,
    species: Vec<Opacity>,
    lithium: Opacity,
}

impl Synthesizer {
    /// Prepares the opacities.
    pub fn new(physics: Physics) -> Self {
        let change = ShapeChange {
            decay: physics.band_decay,
            head_shift_angstrom: physics.head_shift_angstrom,
        };
        let wave_angstrom = fine_wave_angstrom();
        let lithium = Species {
            name: "Li I",
            layer: Layer::Lines,
            shape: Shape::Winged(LITHIUM),
            theta: 2.0,
            metal: 0.0,
            gravity: 0.0,
            alpha: 0.0,
        };
        let lithium = opacity::opacity(lithium, &wave_angstrom, ShapeChange::NONE);
        Self { physics, species: opacity::all(change), lithium, wave_angstrom }
    }

    /// Vacuum wavelengths of the fine grid, `(n_fine,)` Angstrom: 7.68e-5 relative a step, 3671 to 9184 Angstrom.
    pub fn wave_angstrom(&self) -> &[f64] {
        &self.wave_angstrom
    }

    /// Flux at the star's surface, `(n_fine,)`, erg/s/cm^2/Angstrom, at rest and unconvolved (the lines have
    /// widths of 1 to 3 Angstrom in it).
    pub fn surface_flux(&self, labels: &Labels) -> Vec<f64> {
        let teff =
            (labels.teff_k + self.physics.teff_offset_k).clamp(TEFF_RANGE_K.0, TEFF_RANGE_K.1);
        let (mut veil, mut line) = (vec![0.0; FINE_POINTS], vec![0.0; FINE_POINTS]);
        for opacity in &self.species {
            let strength = self.strength(&opacity.species, labels, teff);
            let into = if opacity.species.layer == Layer::Lines { &mut line } else { &mut veil };
            add(into, opacity, strength);
        }
        if labels.lithium {
            add(&mut line, &self.lithium, self.strength(&self.lithium.species, labels, teff));
        }
        let mut flux = black_body(&self.wave_angstrom, CONTINUUM_TEMPERATURE * teff);
        for ((flux, veil), line) in flux.iter_mut().zip(&veil).zip(&line) {
            *flux *= (FLOOR + (1.0 - FLOOR) * (-veil).exp()) * (-line).exp();
        }
        self.add_emission(&mut flux, labels.h_alpha_ew_angstrom);
        flux
    }

    /// Optical depth of a species over its unit shape.
    fn strength(&self, species: &Species, labels: &Labels, teff_k: f64) -> f64 {
        let theta = 5040.0 / teff_k - 1.4;
        let alpha = if self.physics.uses_alpha { labels.alpha_m - 0.05 } else { 0.0 };
        let dex = species.metal * labels.m_h
            + species.gravity * gravity_lever(labels.logg, species.gravity)
            + species.alpha * alpha;
        let molecules = match species.layer {
            Layer::Molecules => {
                1.0 / (1.0 + ((teff_k - DISSOCIATION_K) / DISSOCIATION_WIDTH_K).exp())
            }
            Layer::Blends | Layer::Lines => 1.0,
        };
        self.physics.scale(species.name)
            * molecules
            * (species.theta * theta + std::f64::consts::LN_10 * dex).exp()
    }

    /// Adds the lines of an active chromosphere; the width is that of H-alpha over the local flux.
    fn add_emission(&self, flux: &mut [f64], h_alpha_ew_angstrom: f64) {
        if h_alpha_ew_angstrom <= 0.0 {
            return;
        }
        let continuum = mean_between(flux, 6540.0, 6558.0);
        for (air, ratio) in EMISSION_LINES {
            let center = Air(air).to_vacuum().0;
            let peak = h_alpha_ew_angstrom * continuum * ratio
                / (EMISSION_SIGMA_ANGSTROM * std::f64::consts::TAU.sqrt());
            let reach = 6.0 * EMISSION_SIGMA_ANGSTROM;
            for point in fine_range(center - reach, center + reach) {
                let x = (self.wave_angstrom[point] - center) / EMISSION_SIGMA_ANGSTROM;
                flux[point] += peak * (-0.5 * x * x).exp();
            }
        }
    }
}

/// log g - 4.9, softened toward giants for species that grow with luminosity: the Ca II triplet of a giant is two to
/// three times a dwarf's (Cenarro et al. 2002), not ten times as the slope at 4.9 would give.
fn gravity_lever(logg: f64, exponent: f64) -> f64 {
    let lever = logg - 4.9;
    if exponent < 0.0 && lever < 0.0 { lever / (1.0 - lever / 2.0) } else { lever }
}

fn add(total: &mut [f64], opacity: &Opacity, strength: f64) {
    for (start, depths) in &opacity.runs {
        for (total, depth) in total[*start..].iter_mut().zip(depths) {
            *total += strength * depth;
        }
    }
}

/// Mean of fine-grid flux between two vacuum wavelengths.
pub(super) fn mean_between(flux: &[f64], low_angstrom: f64, high_angstrom: f64) -> f64 {
    let range = fine_range(low_angstrom, high_angstrom);
    let n = range.len().max(1) as f64;
    flux[range].iter().sum::<f64>() / n
}

/// pi B_lambda on wavelengths in Angstrom, erg/s/cm^2/Angstrom.
pub(super) fn black_body(wave_angstrom: &[f64], temperature_k: f64) -> Vec<f64> {
    // 2 pi h c^2 in erg cm^2/s, times 1e-8 cm/Angstrom; h c / k in Angstrom K.
    const FIRST: f64 = 3.741_771_85e-5 * 1e-8;
    const SECOND: f64 = 1.438_776_877e8;
    let at = |wave: &f64| {
        let cm = wave * 1e-8;
        FIRST / (cm * cm * cm * cm * cm) / (SECOND / (wave * temperature_k)).exp_m1()
    };
    wave_angstrom.iter().map(at).collect()
}
