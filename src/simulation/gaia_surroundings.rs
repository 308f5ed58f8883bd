//! What stands beside an object in Gaia: its resolved companion, unrelated sources, and the ones that lead a match
//! astray.

use super::extinction;
use super::gaia::{Target, fault_of};
use super::galaxy;
use super::multiplicity::CompanionStar;
use super::planted::{self, StarFault};
use super::random::Stream;
use super::spine;
use super::star::{Magnitudes, Star};
use super::survey::Survey;
use super::visits;
use crate::science::sky::GAIA_DR2_EPOCH_YR;

/// Input position of LAMOST, epoch J2000, of a star whose catalog position is that of an unrelated source.
pub fn wrong_match(survey: &Survey, star: &Star) -> Option<(f64, f64)> {
    (fault_of(survey, star) == Some(StarFault::WrongGaiaMatch)).then(|| {
        let target = wrong_target(survey, star);
        let years = 2000.0 - GAIA_DR2_EPOCH_YR;
        galaxy::offset_position(
            target.ra_deg,
            target.dec_deg,
            target.pmra_mas_yr * years / 1e3 + 0.2,
            target.pmdec_mas_yr * years / 1e3,
        )
    })
}

/// The resolved companion of a star, at a position angle of its own.
pub(super) fn companion(survey: &Survey, star: &Star, pair: &CompanionStar) -> Target {
    let mut stream = Stream::new(survey.seed, star.id, "companion place");
    let (sin, cos) = (std::f64::consts::TAU * stream.uniform()).sin_cos();
    let arcsec = pair.companion.separation_arcsec;
    let (ra_deg, dec_deg) =
        galaxy::offset_position(star.ra_deg, star.dec_deg, arcsec * sin, arcsec * cos);
    let mas_yr = 0.5 * 29.8 / pair.companion.separation_au.max(1.0).sqrt() * 1e3
        / (galaxy::KM_S_PER_PC_ARCSEC_YR * star.distance_pc);
    Target {
        ra_deg,
        dec_deg,
        parallax_mas: star.parallax_mas(),
        pmra_mas_yr: star.pmra_mas_yr + mas_yr * stream.normal(),
        pmdec_mas_yr: star.pmdec_mas_yr + mas_yr * stream.normal(),
        magnitudes: extinction::apparent(&pair.absolute, star.distance_pc, star.av_mag),
        pair_arcsec: 0.0,
        negative_parallax: false,
    }
}

/// Unrelated sources within 12 arcsec: 8,000 to 70,000 per square degree, more toward the plane.
pub(super) fn neighbors(survey: &Survey, star: &Star) -> Vec<Target> {
    const RADIUS_ARCSEC: f64 = 12.0;
    let mut stream = Stream::new(survey.seed, star.id, "neighbors");
    let per_deg2 = 8_000.0 + 60_000.0 * (-star.b_deg.abs() / 15.0).exp();
    let mean = per_deg2 * std::f64::consts::PI * (RADIUS_ARCSEC / 3600.0).powi(2);
    (0..stream.poisson(mean).min(12))
        .map(|_| {
            let radius = RADIUS_ARCSEC * stream.uniform().sqrt().max(0.1);
            let (sin, cos) = (std::f64::consts::TAU * stream.uniform()).sin_cos();
            let faint = 20.7 - stream.exponential(1.3).min(7.0);
            background(star, radius * sin, radius * cos, faint, &mut stream)
        })
        .collect()
}

/// A faint source where a fast star was in 2000, within a few tenths of an arcsecond.
pub(super) fn trap(survey: &Survey, star: &Star) -> Option<Target> {
    let mut stream = Stream::new(survey.seed, star.id, "trap");
    let motion = star.pmra_mas_yr.hypot(star.pmdec_mas_yr);
    if motion < planted::TRAP_MOTION_MAS_YR || !stream.chance(planted::TRAP_FRACTION) {
        return None;
    }
    let (ra_deg, dec_deg) = visits::position_at(star, 2000.0);
    let g = stream.uniform_in(17.5, 20.3);
    let (east, north) = (stream.gaussian(0.0, 0.15), stream.gaussian(0.0, 0.15));
    let mut target = background(star, 0.0, 0.0, g, &mut stream);
    (target.ra_deg, target.dec_deg) = galaxy::offset_position(ra_deg, dec_deg, east, north);
    Some(target)
}

/// The unrelated source of a planted wrong match, of about the star's magnitude.
pub(super) fn wrong_target(survey: &Survey, star: &Star) -> Target {
    let mut stream = Stream::new(survey.seed, star.id, "wrong match");
    let (sin, cos) = (std::f64::consts::TAU * stream.uniform()).sin_cos();
    let g = star.apparent.g + stream.uniform_in(-0.3, 1.5);
    // Where the star was in 2000, for there the two are compared.
    let years = GAIA_DR2_EPOCH_YR - 2000.0;
    let east = planted::WRONG_MATCH_ARCSEC * sin - star.pmra_mas_yr * years / 1e3;
    let north = planted::WRONG_MATCH_ARCSEC * cos - star.pmdec_mas_yr * years / 1e3;
    background(star, east, north, g, &mut stream)
}

/// A distant disk or halo star at an offset (arcsec) from the object: 1 to 6 kpc, slow, of any color.
fn background(star: &Star, east: f64, north: f64, g: f64, stream: &mut Stream) -> Target {
    let (ra_deg, dec_deg) = galaxy::offset_position(star.ra_deg, star.dec_deg, east, north);
    let color = stream.gaussian(1.05, 0.3).clamp(0.5, 2.2);
    let like = spine::magnitudes(0.0, color.max(1.25));
    let shift = g - like.g;
    let rp = g - 0.56 * color;
    Target {
        ra_deg,
        dec_deg,
        parallax_mas: 1.0 / stream.uniform_in(1.0, 6.0),
        pmra_mas_yr: stream.gaussian(0.0, 4.0),
        pmdec_mas_yr: stream.gaussian(-2.0, 4.0),
        magnitudes: Magnitudes {
            g,
            bp: rp + color,
            rp,
            r: g + 0.05,
            i: rp + 0.4,
            j: like.j + shift,
            h: like.h + shift,
            ks: like.ks + shift,
        },
        pair_arcsec: 0.0,
        negative_parallax: false,
    }
}
