//! Sources that are not single M dwarfs of the main sequence: giants, contracting stars, pairs with a white dwarf.

use super::extinction;
use super::field::{self, Nature, Place};
use super::footprint;
use super::galaxy::POPULATIONS;
use super::multiplicity::CompanionStar;
use super::random::Stream;
use super::spine;
use super::star::{Atmosphere, Companion, Kind, Magnitudes, Star};
use super::survey::{Survey, System};

/// Apparent G of the giants in LAMOST's catalogs.
const GIANT_G: (f64, f64) = (11.0, 15.5);
/// Absolute G of M giants at 4,000 K and at 3,300 K: they brighten as they cool along the branch.
const GIANT_ABSOLUTE_G: (f64, f64) = (-0.5, -2.6);

/// An M giant of LAMOST: 3,300 to 4,000 K, log g 0 to 1.5, far away in the thick disk.
pub(super) fn giant(survey: &Survey, id: u64, stream: &mut Stream) -> Star {
    let teff_k = stream.uniform_in(3_300.0, 4_000.0);
    let cool = (4_000.0 - teff_k) / 700.0;
    let m_g = GIANT_ABSOLUTE_G.0
        + cool * (GIANT_ABSOLUTE_G.1 - GIANT_ABSOLUTE_G.0)
        + stream.gaussian(0.0, 0.4);
    let model = &POPULATIONS[1];
    let m_h = stream.gaussian_within(-0.35, 0.3, -2.0, 0.4);
    let logg = (1.5 - 1.5 * cool + stream.gaussian(0.0, 0.1)).clamp(-0.2, 1.8);
    let atmosphere = Atmosphere {
        teff_k,
        logg,
        m_h,
        alpha_m: model.draw_alpha_m(m_h, stream),
        mass_msun: 1.1,
        radius_rsun: 1.1f64.sqrt() * 10f64.powf(0.5 * (4.438 - logg)),
    };
    let absolute = giant_magnitudes(m_g, 1.75 + 1.5 * cool * cool + 0.25 * cool);
    let place = giant_place(survey, absolute.g, stream);
    let uvw = model.draw_uvw(stream);
    let nature = Nature { atmosphere, absolute, unresolved: None, resolved: None };
    let age = stream.uniform_in(3.0, 12.0);
    field::assemble(survey, id, Kind::Giant, model, &place, nature, 0.0, age, uvw, stream).star
}

/// Magnitudes of a giant: G-RP and r-G as a dwarf of the same BP-RP, redder in the near infrared by 0.15 mag in J-Ks
/// (Bessell & Brett 1988, PASP 100, 1134).
fn giant_magnitudes(m_g: f64, bp_rp: f64) -> Magnitudes {
    let like = spine::magnitudes(0.0, bp_rp);
    let shift = m_g - like.g;
    Magnitudes {
        g: m_g,
        bp: like.bp + shift,
        rp: like.rp + shift,
        r: like.r + shift,
        i: like.i + shift,
        j: like.j + shift,
        h: like.h + shift - 0.10,
        ks: like.ks + shift - 0.15,
    }
}

/// Place of a giant that appears with a magnitude in the survey's range; two rounds for the extinction.
fn giant_place(survey: &Survey, absolute_g: f64, stream: &mut Stream) -> Place {
    let (ra_deg, dec_deg) = direction(survey, stream);
    let apparent_g = stream.uniform_in(GIANT_G.0, GIANT_G.1);
    let mut place = Place::new(ra_deg, dec_deg, 1_000.0);
    let mut av_mag = 0.0;
    for _ in 0..2 {
        let modulus = apparent_g - absolute_g - 0.7 * av_mag;
        place.distance_pc = 10f64.powf(0.2 * modulus + 1.0).clamp(300.0, 15_000.0);
        av_mag = survey.dust.av_mag(place.l_deg, place.b_deg, place.distance_pc);
    }
    place
}

/// A direction that LAMOST covers.
fn direction(survey: &Survey, stream: &mut Stream) -> (f64, f64) {
    let (south, north) = footprint::DEC_RANGE_DEG;
    let mut direction = (120.0, 30.0);
    for _ in 0..1000 {
        let sin_dec = stream.uniform_in(south.to_radians().sin(), north.to_radians().sin());
        direction = (360.0 * stream.uniform(), sin_dec.asin().to_degrees());
        if stream.chance(footprint::coverage(survey.seed, direction.0, direction.1)) {
            break;
        }
    }
    direction
}

/// A giant of Zhong et al. (2019), who list the giants of LAMOST.
pub(super) fn catalog_giant(survey: &Survey, id: u64) -> System {
    let mut stream = Stream::new(survey.seed, id, "catalog giant");
    System { star: giant(survey, id, &mut stream), resolved: None }
}

/// A star that APOGEE observed and LAMOST did not: nine giants of ten, the others dwarfs as in the field.
pub(super) fn apogee_only(survey: &Survey, id: u64) -> System {
    let mut stream = Stream::new(survey.seed, id, "apogee only");
    if !stream.chance(0.9) {
        for _ in 0..100_000 {
            let drawn = field::candidate(survey, id, Kind::Dwarf, None, None, &mut stream);
            if let Some(system) = drawn.filter(|system| system.star.apparent.h < 13.0) {
                return system;
            }
        }
    }
    System { star: giant(survey, id, &mut stream), resolved: None }
}

/// A contracting star: brighter by 0.4 to 2.2 mag than the main sequence at its color, and larger accordingly.
pub(super) fn contracting(nature: Nature, stream: &mut Stream) -> Nature {
    above_main_sequence(nature, stream.uniform_in(0.4, 2.2))
}

/// The same star, brighter by `excess` magnitudes because it is larger.
pub(super) fn above_main_sequence(nature: Nature, excess: f64) -> Nature {
    let growth = 10f64.powf(0.2 * excess);
    let mut atmosphere = nature.atmosphere;
    atmosphere.radius_rsun *= growth;
    atmosphere.logg -= 2.0 * growth.log10();
    let absolute = shifted(&nature.absolute, -excess);
    Nature { atmosphere, absolute, ..nature }
}

fn shifted(magnitudes: &Magnitudes, by: f64) -> Magnitudes {
    Magnitudes {
        g: magnitudes.g + by,
        bp: magnitudes.bp + by,
        rp: magnitudes.rp + by,
        r: magnitudes.r + by,
        i: magnitudes.i + by,
        j: magnitudes.j + by,
        h: magnitudes.h + by,
        ks: magnitudes.ks + by,
    }
}

/// A dwarf with an unresolved white dwarf of 7,000 to 25,000 K.
pub(super) fn with_white_dwarf(single: Nature, distance_pc: f64, stream: &mut Stream) -> Nature {
    let teff_k = stream.power_law(7_000.0, 25_000.0, -1.5);
    let absolute = white_dwarf_magnitudes(teff_k);
    let separation_au = stream.log_normal(1.0, 1.0).clamp(0.005, 0.9 * distance_pc);
    let companion = Companion {
        white_dwarf: true,
        atmosphere: Atmosphere {
            teff_k,
            logg: 8.0,
            m_h: 0.0,
            alpha_m: 0.0,
            mass_msun: 0.6,
            radius_rsun: 0.0128,
        },
        flux_ratio_g: 10f64.powf(-0.4 * (absolute.g - single.absolute.g)),
        flux_ratio_i: 10f64.powf(-0.4 * (absolute.i - single.absolute.i)),
        separation_au,
        separation_arcsec: separation_au / distance_pc,
        delta_rv_km_s: 29.8
            * ((single.atmosphere.mass_msun + 0.6) / separation_au).sqrt()
            * (std::f64::consts::TAU * stream.uniform()).sin(),
    };
    field::blend(single, CompanionStar { companion, absolute })
}

/// Magnitudes of a white dwarf of log g 8: M_G and BP-RP of the Gaia DR2 cooling sequence, 10.6 and -0.4 at 25,000 K,
/// 11.6 and 0.0 at 12,000 K, 13.2 and 0.5 at 7,000 K (read off Gaia Collaboration, Babusiaux et al. 2018, A&A 616, A10,
/// fig. 13; to about 0.2 mag); nearly flat in the infrared.
fn white_dwarf_magnitudes(teff_k: f64) -> Magnitudes {
    let x = (teff_k / 12_000.0).log10();
    let (g, bp_rp) =
        if x > 0.0 { (11.6 - 3.15 * x, -1.255 * x) } else { (11.6 - 6.84 * x, -2.14 * x) };
    let (bp, rp) = (g + 0.45 * bp_rp, g - 0.55 * bp_rp);
    Magnitudes {
        g,
        bp,
        rp,
        r: g + 0.02,
        i: rp + 0.4,
        j: rp - 0.35 * bp_rp,
        h: rp - 0.55 * bp_rp,
        ks: rp - 0.6 * bp_rp,
    }
}

/// Apparent magnitudes again after a change of distance or light.
pub(super) fn observe(survey: &Survey, star: &mut Star) {
    star.av_mag = survey.dust.av_mag(star.l_deg, star.b_deg, star.distance_pc);
    star.apparent = extinction::apparent(&star.absolute, star.distance_pc, star.av_mag);
}
