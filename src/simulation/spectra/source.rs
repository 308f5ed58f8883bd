//! Light of one object of the survey: the star, its unresolved companion, dust.

use super::grid::FINE_POINTS;
use super::reddening::{Law, redden};
use super::synthesis::{Labels, Synthesizer, black_body, mean_between};
use crate::science::wavelength::{Air, SPEED_OF_LIGHT_KM_S};
use crate::simulation::star::{Companion, Kind, Star};

/// Band (vacuum, Angstrom) in which a source is of unit mean flux, and a companion's flux ratio in i is meant: the one
/// of LAMOST's header S/N in i.
pub const I_BAND_ANGSTROM: (f64, f64) = (6905.0, 8155.0);

/// Balmer lines of a DA white dwarf: wavelength in air, depth at the center, Lorentzian half width (Angstrom).
const WHITE_DWARF_LINES: [(f64, f64, f64); 5] = [
    (6562.80, 0.45, 25.0),
    (4861.33, 0.60, 30.0),
    (4340.47, 0.65, 30.0),
    (4101.74, 0.65, 28.0),
    (3970.08, 0.60, 22.0),
];

/// Intrinsic flux of a source on the fine grid at the rest frame of its primary, `(n_fine,)`, of unit mean in
/// [`I_BAND_ANGSTROM`] before reddening; zeros for a fiber without a star.
///
/// `h_alpha_ew_angstrom` overrides the star's own activity, as in a flare.
pub fn fine_flux(
    synthesizer: &Synthesizer,
    star: &Star,
    h_alpha_ew_angstrom: Option<f64>,
) -> Vec<f64> {
    if star.kind == Kind::Sky {
        return vec![0.0; FINE_POINTS];
    }
    let primary = &star.atmosphere;
    let labels = Labels {
        teff_k: primary.teff_k,
        logg: primary.logg,
        m_h: primary.m_h,
        alpha_m: primary.alpha_m,
        h_alpha_ew_angstrom: h_alpha_ew_angstrom.unwrap_or(star.activity.h_alpha_ew_angstrom),
        lithium: star.kind == Kind::PreMainSequence,
    };
    let mut flux = unit(synthesizer.surface_flux(&labels));
    if let Some(companion) = &star.companion {
        add_companion(synthesizer, &mut flux, companion);
    }
    redden(Law::Cardelli, synthesizer.wave_angstrom(), &mut flux, star.av_mag);
    flux
}

fn add_companion(synthesizer: &Synthesizer, flux: &mut [f64], companion: &Companion) {
    let atmosphere = &companion.atmosphere;
    let light = if companion.white_dwarf {
        white_dwarf(synthesizer.wave_angstrom(), atmosphere.teff_k)
    } else {
        synthesizer.surface_flux(&Labels {
            m_h: atmosphere.m_h,
            alpha_m: atmosphere.alpha_m,
            ..Labels::solar(atmosphere.teff_k, atmosphere.logg)
        })
    };
    let light = unit(light);
    let shift =
        (1.0 + companion.delta_rv_km_s / SPEED_OF_LIGHT_KM_S).log10() / super::grid::FINE_STEP;
    for (point, flux) in flux.iter_mut().enumerate() {
        *flux += companion.flux_ratio_i * interpolated(&light, point as f64 - shift);
    }
}

/// A hydrogen white dwarf: black body with Balmer lines, strongest near 12,000 K and gone below 5,000 K.
fn white_dwarf(wave_angstrom: &[f64], teff_k: f64) -> Vec<f64> {
    let mut flux = black_body(wave_angstrom, teff_k);
    let strength = (1.0 - ((teff_k - 12_000.0) / 9_000.0).powi(2)).clamp(0.0, 1.0);
    let lines = WHITE_DWARF_LINES.map(|(air, depth, width)| (Air(air).to_vacuum().0, depth, width));
    for (wave, flux) in wave_angstrom.iter().zip(&mut flux) {
        for (center, depth, width) in lines {
            *flux *= 1.0 - strength * depth / (1.0 + ((wave - center) / width).powi(2));
        }
    }
    flux
}

/// Scales to unit mean in the i band.
fn unit(mut flux: Vec<f64>) -> Vec<f64> {
    let mean = mean_between(&flux, I_BAND_ANGSTROM.0, I_BAND_ANGSTROM.1);
    flux.iter_mut().for_each(|f| *f /= mean);
    flux
}

fn interpolated(values: &[f64], position: f64) -> f64 {
    let position = position.clamp(0.0, (values.len() - 1) as f64);
    let low = (position as usize).min(values.len() - 2);
    let fraction = position - low as f64;
    values[low] * (1.0 - fraction) + values[low + 1] * fraction
}
