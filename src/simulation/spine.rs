//! The main sequence of M dwarfs: magnitudes, colors, temperature and radius of a star of given mass and metallicity.
//!
//! Solar metallicity: the mean dwarf sequence of Pecaut & Mamajek (2013, ApJS 208, 9; table version 2024.05.15) from K7
//! to M6; beyond it the ends are carried on (K5: medians of bright CARMENES targets in Gaia DR2, Cifuentes et al. 2020,
//! A&A 642, A115; M6.5 and M7: read off the trend, unchecked). Quartics in color are laid through the rows (24 K,
//! 0.07 mag in M_G and 0.03 mag in G-Ks rms), for the rounded table has steps that would show as clumps of stars.
//! Mass: M_Ks relation of Mann et al. (2019, ApJ 871, 63). Metallicity shifts the sequence in magnitude at fixed
//! color by 0.9 mag per dex, and temperature at fixed color by 165 K per dex (both are mid-range values of what the
//! literature gives: 0.8 to 1.0 mag, 155 to 178 K).

use std::sync::LazyLock;

use super::interpolate::Monotone;
use super::star::{Atmosphere, Magnitudes};

/// Magnitudes by which a star one dex richer in metals is brighter at the same color.
pub const MAGNITUDE_PER_DEX: f64 = 0.9;
/// Kelvin by which a star one dex richer in metals is hotter at the same color.
pub const KELVIN_PER_DEX: f64 = 165.0;
/// Least and largest mass of the sequence, solar masses.
pub const MASS_RANGE_MSUN: (f64, f64) = (0.09, 0.72);

/// One spectral type of the solar sequence.
#[derive(Debug, Clone, Copy)]
pub struct SpineNode {
    pub subtype: &'static str,
    pub teff_k: f64,
    pub bp_rp: f64,
    pub m_g: f64,
    pub m_ks: f64,
}

const fn node(subtype: &'static str, teff_k: f64, bp_rp: f64, m_g: f64, m_ks: f64) -> SpineNode {
    SpineNode { subtype, teff_k, bp_rp, m_g, m_ks }
}

/// The solar sequence as tabulated, from blue to red.
pub const SPINE: [SpineNode; 16] = [
    node("K4", 4600.0, 1.25, 6.25, 4.15),
    node("K5", 4440.0, 1.40, 6.68, 4.36),
    node("K7", 4090.0, 1.70, 7.57, 4.81),
    node("M0", 3850.0, 1.84, 8.10, 5.15),
    node("M1", 3660.0, 2.09, 8.82, 5.64),
    node("M2", 3560.0, 2.23, 9.29, 5.98),
    node("M2.5", 3470.0, 2.39, 9.67, 6.18),
    node("M3", 3430.0, 2.50, 10.05, 6.55),
    node("M3.5", 3270.0, 2.78, 10.82, 7.10),
    node("M4", 3210.0, 2.94, 11.21, 7.36),
    node("M4.5", 3110.0, 3.16, 12.04, 7.93),
    node("M5", 3060.0, 3.35, 12.45, 8.20),
    node("M5.5", 2930.0, 3.71, 13.35, 8.80),
    node("M6", 2810.0, 4.16, 14.26, 9.22),
    node("M6.5", 2740.0, 4.65, 14.88, 9.45),
    node("M7", 2670.0, 4.86, 15.40, 9.75),
];

/// Colors of field dwarfs against BP-RP: medians of 1,500 CARMENES targets with RUWE < 1.4 (Cifuentes et al. 2020, from
/// Gaia DR2, 2MASS and SDSS/APASS magnitudes); the two reddest rows carry the trend on.
/// Columns: BP-RP, G-RP, r-G, G-i, J-Ks, H-Ks.
const COLORS: [[f64; 6]; 15] = [
    [1.25, 0.67, 0.00, 0.42, 0.64, 0.12],
    [1.52, 0.80, 0.00, 0.50, 0.73, 0.15],
    [1.72, 0.881, 0.04, 0.567, 0.798, 0.165],
    [1.89, 0.941, 0.134, 0.598, 0.830, 0.189],
    [2.10, 1.009, 0.241, 0.665, 0.839, 0.217],
    [2.30, 1.070, 0.384, 0.708, 0.840, 0.235],
    [2.50, 1.131, 0.514, 0.748, 0.843, 0.251],
    [2.69, 1.187, 0.651, 0.769, 0.844, 0.260],
    [2.89, 1.235, 0.775, 0.780, 0.850, 0.272],
    [3.08, 1.281, 0.897, 0.790, 0.865, 0.291],
    [3.26, 1.317, 1.047, 0.785, 0.884, 0.310],
    [3.49, 1.358, 1.181, 0.770, 0.924, 0.330],
    [3.69, 1.388, 1.363, 0.745, 0.936, 0.338],
    [4.16, 1.450, 1.760, 0.680, 0.980, 0.365],
    [4.90, 1.530, 2.250, 0.560, 1.080, 0.410],
];

/// Least-squares quartics through [`SPINE`] in BP-RP - 3: Teff (K), M_G and G-Ks (mag).
const TEFF_FIT: [f64; 5] = [3174.1922, -393.08341, 121.07574, -51.57053, 12.64678];
const M_G_FIT: [f64; 5] = [11.50131, 2.77059, -0.28922, -0.07308, 0.01017];
const G_KS_FIT: [f64; 5] = [3.93321, 0.82642, 0.08063, 0.05328, -0.03871];
/// Colors between which the quartics hold.
const COLOR_RANGE: (f64, f64) = (1.1, 5.0);

/// The sequence in tables. `k` is the absolute Ks magnitude that a star of the same color would have at solar
/// metallicity.
struct Sequence {
    bp_rp_of_k: Monotone,
    colors: [Monotone; 5],
    m_ks_of_log_mass: Monotone,
}

static SEQUENCE: LazyLock<Sequence> = LazyLock::new(|| {
    let (blue, red) = COLOR_RANGE;
    let color: Vec<f64> = (0..=78).map(|i| blue + (red - blue) / 78.0 * f64::from(i)).collect();
    let k: Vec<f64> =
        color.iter().map(|c| quartic(&M_G_FIT, *c) - quartic(&G_KS_FIT, *c)).collect();
    let tint = |i: usize| {
        let x: Vec<f64> = COLORS.iter().map(|row| row[0]).collect();
        Monotone::new(&x, &COLORS.iter().map(|row| row[i]).collect::<Vec<_>>())
    };
    // 61 nodes of the mass relation, in rising mass; the spline between them is good to 1e-5 mag.
    let magnitudes: Vec<f64> = (0..=61).rev().map(|i| 4.0 + 0.1 * f64::from(i)).collect();
    let log_mass: Vec<f64> = magnitudes.iter().map(|m| log_mass_of_m_ks(*m)).collect();
    Sequence {
        bp_rp_of_k: Monotone::new(&k, &color),
        colors: [tint(1), tint(2), tint(3), tint(4), tint(5)],
        m_ks_of_log_mass: Monotone::new(&log_mass, &magnitudes),
    }
});

/// A quartic at a color, which is kept within the range of the fit.
fn quartic(fit: &[f64; 5], bp_rp: f64) -> f64 {
    let x = bp_rp.clamp(COLOR_RANGE.0, COLOR_RANGE.1) - 3.0;
    fit.iter().rev().fold(0.0, |sum, a| sum * x + a)
}

/// log10 of the mass, solar, at an absolute Ks magnitude: Mann et al. (2019), n = 5, 2 percent, 4 < M_Ks < 11. Their
/// metallicity term is consistent with zero and left out.
pub fn log_mass_of_m_ks(m_ks: f64) -> f64 {
    const A: [f64; 6] = [-0.642, -0.208, -8.43e-4, 7.87e-3, 1.42e-4, -2.13e-4];
    A.iter().rev().fold(0.0, |sum, a| sum * (m_ks - 7.5) + a)
}

/// Absolute Ks magnitude of a mass in solar masses: the inverse of [`log_mass_of_m_ks`].
pub fn m_ks_of_mass(mass_msun: f64) -> f64 {
    SEQUENCE.m_ks_of_log_mass.at(mass_msun.log10())
}

/// Radius in solar radii: Mann et al. (2015, erratum 2016, ApJ 819, 87), 2.7 percent, 4.6 < M_Ks < 9.8.
pub fn radius_rsun(m_ks: f64, m_h: f64) -> f64 {
    (1.9305 - 0.3466 * m_ks + 0.01647 * m_ks * m_ks) * (1.0 + 0.04458 * m_h)
}

/// log10 of the surface gravity, cgs, of a mass and radius in solar units (Sun: 4.438).
pub fn logg(mass_msun: f64, radius_rsun: f64) -> f64 {
    4.438 + mass_msun.log10() - 2.0 * radius_rsun.log10()
}

/// Intrinsic BP-RP of a main-sequence star.
pub fn bp_rp(m_ks: f64, m_h: f64) -> f64 {
    let color = SEQUENCE.bp_rp_of_k.at(m_ks + MAGNITUDE_PER_DEX * m_h);
    color.clamp(COLOR_RANGE.0, COLOR_RANGE.1)
}

/// Effective temperature, K, at a color and metallicity, on the scale of Mann et al. (2015).
pub fn teff_k(bp_rp: f64, m_h: f64) -> f64 {
    quartic(&TEFF_FIT, bp_rp) + KELVIN_PER_DEX * m_h
}

/// Magnitudes in all bands of a star of the given Ks magnitude and BP-RP.
pub fn magnitudes(ks: f64, bp_rp: f64) -> Magnitudes {
    let [g_rp, r_g, g_i, j_ks, h_ks] = SEQUENCE.colors.each_ref().map(|color| color.at(bp_rp));
    let g = ks + quartic(&G_KS_FIT, bp_rp);
    let rp = g - g_rp;
    Magnitudes { g, bp: rp + bp_rp, rp, r: g + r_g, i: g - g_i, j: ks + j_ks, h: ks + h_ks, ks }
}

/// Deviations of one star from the mean relations.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deviations {
    /// Magnitudes in all bands alike.
    pub magnitude: f64,
    /// Temperature at the color, K.
    pub teff_k: f64,
    /// Relative radius.
    pub radius: f64,
}

/// Atmosphere and absolute magnitudes of a main-sequence star.
pub fn main_sequence_star(
    mass_msun: f64,
    m_h: f64,
    alpha_m: f64,
    deviations: Deviations,
) -> (Atmosphere, Magnitudes) {
    let mean_ks = m_ks_of_mass(mass_msun);
    let color = bp_rp(mean_ks, m_h);
    let radius = radius_rsun(mean_ks, m_h) * (1.0 + deviations.radius);
    let atmosphere = Atmosphere {
        teff_k: teff_k(color, m_h) + deviations.teff_k,
        logg: logg(mass_msun, radius),
        m_h,
        alpha_m,
        mass_msun,
        radius_rsun: radius,
    };
    (atmosphere, magnitudes(mean_ks + deviations.magnitude, color))
}

#[cfg(test)]
#[path = "spine_tests.rs"]
mod tests;
