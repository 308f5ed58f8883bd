//! The labels that other catalogs give to the same stars, with their offsets and noise.
//!
//! The truth is on the scale of Mann et al. (2015), which Birky et al. (2020) share. Every catalog's offsets and
//! scatter are in `planted`; here is who is in which catalog.

use super::planted::*;
use super::random::Stream;
use super::star::{Kind, Star, Visit};
use super::survey::{APOGEE_BASE, CLUSTER_BASE, GIANT_BASE, Survey};

/// What APOGEE's pipeline says of a star.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ApogeeLabels {
    pub teff_k: f64,
    pub teff_err_k: f64,
    pub logg: f64,
    pub logg_err: f64,
    pub m_h: f64,
    pub m_h_err: f64,
    pub alpha_m: f64,
    pub alpha_m_err: f64,
    /// All labels are missing (-9999 in the archive).
    pub missing: bool,
    /// ASPCAPFLAG has the bit STAR_BAD (23).
    pub star_bad: bool,
    /// TEFF is off by 300 K on purpose.
    pub outlier: bool,
    /// A second row of the same star exists.
    pub duplicated: bool,
    /// Signal-to-noise ratio of the combined spectrum.
    pub snr: f64,
    pub vhelio_km_s: f64,
    pub vscatter_km_s: f64,
}

/// Labels of one more catalog.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TeffMetal {
    pub teff_k: f64,
    pub m_h: f64,
}

/// True when APOGEE observed the star: the brighter in H, the likelier; all stars of clusters, whose windows it covers.
pub fn in_apogee(survey: &Survey, star: &Star) -> bool {
    match star.id {
        APOGEE_BASE.. => true,
        GIANT_BASE.. => false,
        CLUSTER_BASE.. => star.apparent.h < 15.5,
        _ => {
            let bright = 1.0 / (1.0 + ((star.apparent.h - 13.2) / 0.5).exp());
            let density = survey.extent.apogee_density;
            let chance = (density * bright).min(0.80);
            Stream::new(survey.seed, star.id, "in apogee").chance(chance)
        }
    }
}

/// APOGEE DR16's labels of a star that it observed.
pub fn apogee(survey: &Survey, star: &Star) -> ApogeeLabels {
    let mut s = Stream::new(survey.seed, star.id, "apogee labels");
    let a = &star.atmosphere;
    let giant = star.kind == Kind::Giant;
    let outlier = s.chance(APOGEE_OUTLIER_FRACTION);
    let jump = if s.chance(0.5) { APOGEE_OUTLIER_K } else { -APOGEE_OUTLIER_K };
    let scale = if giant { 0.0 } else { APOGEE_TEFF_OFFSET_K };
    let metal = if giant { 0.0 } else { apogee_m_h_offset(a.m_h) };
    let snr = s.log_normal(10f64.powf(2.1 - 0.2 * (star.apparent.h - 11.5)), 0.1);
    ApogeeLabels {
        teff_k: a.teff_k
            + scale
            + s.gaussian(0.0, APOGEE_TEFF_SIGMA_K)
            + if outlier { jump } else { 0.0 },
        teff_err_k: s.log_normal(APOGEE_TEFF_ERR_K.0, APOGEE_TEFF_ERR_K.1),
        logg: a.logg + s.gaussian(0.0, APOGEE_LOGG_SIGMA),
        logg_err: s.log_normal(0.07, 0.1),
        m_h: a.m_h + metal + s.gaussian(0.0, APOGEE_M_H_SIGMA),
        m_h_err: s.log_normal(APOGEE_M_H_ERR.0, APOGEE_M_H_ERR.1),
        alpha_m: a.alpha_m + s.gaussian(0.0, APOGEE_ALPHA_M_SIGMA),
        alpha_m_err: s.log_normal(0.015, 0.1),
        missing: s.chance(APOGEE_NO_LABEL_FRACTION),
        star_bad: s.chance(APOGEE_STAR_BAD_FRACTION),
        outlier,
        duplicated: s.chance(APOGEE_DUPLICATE_FRACTION),
        snr,
        vhelio_km_s: star.rv_km_s + s.gaussian(0.0, 0.3),
        vscatter_km_s: s.log_normal(0.1, 0.3),
    }
}

/// Teff, K, and [M/H] of a star as APOGEE would have them without noise.
pub fn apogee_scale(star: &Star) -> (f64, f64) {
    let a = &star.atmosphere;
    match star.kind {
        Kind::Giant => (a.teff_k, a.m_h),
        _ => (a.teff_k + APOGEE_TEFF_OFFSET_K, a.m_h + apogee_m_h_offset(a.m_h)),
    }
}

/// Offset of APOGEE's metallicity at a true one: a smooth step.
fn apogee_m_h_offset(m_h: f64) -> f64 {
    let rich = 1.0 / (1.0 + (-(m_h - APOGEE_M_H_BREAK) / (0.25 * APOGEE_M_H_BLEND)).exp());
    APOGEE_M_H_OFFSET_POOR + rich * (APOGEE_M_H_OFFSET_RICH - APOGEE_M_H_OFFSET_POOR)
}

/// Labels of Birky et al. (2020), for a star that is in their table: three of ten of APOGEE's dwarfs (1,286 of 4,317),
/// and some that lack labels in DR16.
pub fn b20(survey: &Survey, star: &Star) -> Option<TeffMetal> {
    if star.kind != Kind::Dwarf || star.id >= GIANT_BASE {
        return None;
    }
    let mut s = Stream::new(survey.seed, star.id, "b20");
    let share = if in_apogee(survey, star) { 0.30 } else { survey.extent.b20_extra };
    s.chance(share).then(|| TeffMetal {
        teff_k: star.atmosphere.teff_k + s.gaussian(0.0, B20_SIGMA.0),
        m_h: star.atmosphere.m_h + s.gaussian(0.0, B20_SIGMA.1),
    })
}

/// Teff, K, of the TESS Cool Dwarf Catalog (Muirhead et al. 2018), for a star that is in it: half of the dwarfs
/// brighter than 16.5 in i.
pub fn tess_teff_k(survey: &Survey, star: &Star) -> Option<f64> {
    let dwarf = matches!(star.kind, Kind::Dwarf | Kind::KDwarf | Kind::PreMainSequence);
    let mut s = Stream::new(survey.seed, star.id, "tess");
    (dwarf && star.apparent.i < 16.5 && s.chance(0.5))
        .then(|| star.atmosphere.teff_k + s.gaussian(TESS_TEFF_K.0, TESS_TEFF_K.1))
}

/// Last day of LAMOST's first data release.
pub const DR1_END_LMJD: u32 = 56_462;

/// Teff, K, of Galgano et al. (2020), who labeled spectra of LAMOST's first release with a model of theirs: half of the
/// dwarf spectra of that time.
///
/// Half of the variance belongs to the spectrum itself: `spectrum_error_k` is the error that the spectrum's own noise
/// gives to a temperature (from a band index measured on it, say), in units of its standard deviation. With `None` it
/// is a deviate keyed by the spectrum's number.
pub fn galgano_teff_k(
    survey: &Survey,
    star: &Star,
    visit: &Visit,
    spectrum_error_sigma: Option<f64>,
) -> Option<f64> {
    let mut s = Stream::new(survey.seed, visit.obsid, "galgano");
    if visit.lmjd > DR1_END_LMJD || star.kind != Kind::Dwarf || !s.chance(0.5) {
        return None;
    }
    let (own, keyed) = (s.normal(), s.normal());
    let shared = spectrum_error_sigma.unwrap_or(keyed);
    let noise = GALGANO_TEFF_K.1 * std::f64::consts::FRAC_1_SQRT_2 * (own + shared);
    Some(star.atmosphere.teff_k + GALGANO_TEFF_K.0 + noise)
}

/// [Fe/H] of a member row of OCCAM: APOGEE's, for it is APOGEE's table.
pub fn occam_fe_h(survey: &Survey, star: &Star) -> (f64, f64) {
    let labels = apogee(survey, star);
    let mut s = Stream::new(survey.seed, star.id, "occam");
    (labels.m_h + s.gaussian(0.0, 0.02), (0.2 * labels.m_h_err).max(0.01))
}

/// H-alpha equivalent width, Angstrom, that an activity catalog measured on a spectrum, and its error.
pub fn measured_h_alpha(survey: &Survey, star: &Star, visit: &Visit) -> (f64, f64) {
    let mut s = Stream::new(survey.seed, visit.obsid, "measured h-alpha");
    let error = 0.15 + 6.0 / visit.snr_i.max(1.0);
    let true_width = if star.activity.active { star.activity.h_alpha_ew_angstrom } else { -0.25 };
    (true_width + s.gaussian(0.0, error), error)
}

/// Name of a star as APOGEE and 2MASS write it, `2M` and its J2000 position in sexagesimal digits.
pub fn apogee_id(ra_deg: f64, dec_deg: f64) -> String {
    format!("2M{}", sexagesimal(ra_deg, dec_deg, 2, 1).replace('.', ""))
}

/// Name of a LAMOST source, `J` and its J2000 position.
pub fn lamost_designation(ra_deg: f64, dec_deg: f64) -> String {
    format!("J{}", sexagesimal(ra_deg, dec_deg, 2, 1))
}

/// Position as `hhmmss.ss+ddmmss.s`, cut off and not rounded, as names of sources are.
fn sexagesimal(ra_deg: f64, dec_deg: f64, ra_digits: usize, dec_digits: usize) -> String {
    let digits = |value: f64, decimals: usize, scale: f64| {
        let unit = 10u64.pow(decimals as u32);
        let ticks = (value * scale * unit as f64).floor() as u64;
        let (whole, part) = (ticks / unit, ticks % unit);
        let (a, b, c) = (whole / 3600, whole / 60 % 60, whole % 60);
        format!("{a:02}{b:02}{c:02}.{part:0decimals$}")
    };
    let sign = if dec_deg < 0.0 { '-' } else { '+' };
    let ra = digits(ra_deg.rem_euclid(360.0), ra_digits, 240.0);
    format!("{ra}{sign}{}", digits(dec_deg.abs(), dec_digits, 3600.0))
}

#[cfg(test)]
#[path = "label_scales_tests.rs"]
mod tests;
