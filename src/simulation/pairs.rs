//! Wide pairs of M dwarfs, both of which LAMOST observed.
//!
//! Separations s^-1.54 from 50 au, steeper by 0.5 beyond 10,000 au, to 1 pc (Tian et al. 2020, ApJS 246, 4, for disk
//! stars; El-Badry & Rix 2018, MNRAS 480, 4884, find -1.6 at 500 to 50,000 au), as far as two fibers can be put. Same
//! age and composition to 0.01 dex, each its own temperature; 3 to 8 percent, rising with separation, are chance
//! alignments, whose stars share nothing but place and proper motion.

use super::activity;
use super::contaminants;
use super::field;
use super::footprint;
use super::galaxy;
use super::planted::{CHANCE_ALIGNMENT, WIDE_PAIR_M_H_SIGMA};
use super::random::Stream;
use super::spine;
use super::star::{Kind, Star};
use super::survey::{PAIR_BASE, Survey, System};

/// Slope and limits (au) of the separations.
const SEPARATION: (f64, f64, f64) = (-1.54, 50.0, 206_265.0);
/// Separation, au, beyond which the slope is steeper, and by how much.
const BREAK_AU: f64 = 1e4;
const STEEPENING: f64 = 0.5;
/// Least angle of two spectra of one pair, arcsec: about the width of a fiber.
const LEAST_ANGLE_ARCSEC: f64 = 3.5;

/// What binds the two stars of a pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairTruth {
    pub separation_au: f64,
    pub position_angle_deg: f64,
    /// True when the two merely lie side by side.
    pub chance: bool,
}

/// A wide pair: both stars and what binds them.
#[derive(Debug, Clone, PartialEq)]
pub struct WidePair {
    pub number: u32,
    pub primary: Star,
    pub secondary: Star,
    pub truth: PairTruth,
}

/// The wide pair of a number.
pub fn wide_pair(survey: &Survey, number: u64) -> WidePair {
    let first = PAIR_BASE + 2 * number;
    let mut stream = Stream::new(survey.seed, first, "wide pair");
    let mut last = None;
    for _ in 0..200_000 {
        let drawn = field::candidate(survey, first, Kind::Dwarf, None, None, &mut stream);
        let Some(primary) = drawn.map(|system| system.star) else { continue };
        if !stream.chance(footprint::depth(primary.apparent.i)) {
            continue;
        }
        let pair = around(survey, number, primary, &mut stream);
        let angle = pair.truth.separation_au / pair.primary.distance_pc;
        let seen = stream.chance(footprint::depth(pair.secondary.apparent.i));
        if seen && angle >= LEAST_ANGLE_ARCSEC {
            return pair;
        }
        last = Some(pair);
    }
    // Not reached in practice (one try in a few hundred succeeds).
    last.unwrap_or_else(|| {
        let primary = contaminants::giant(survey, first, &mut stream);
        around(survey, number, primary, &mut stream)
    })
}

/// One of the two stars.
pub(super) fn system(survey: &Survey, id: u64) -> System {
    let pair = wide_pair(survey, (id - PAIR_BASE) / 2);
    let star = if id.is_multiple_of(2) { pair.primary } else { pair.secondary };
    System { star, resolved: None }
}

/// A secondary around a primary.
fn around(survey: &Survey, number: u64, mut primary: Star, stream: &mut Stream) -> WidePair {
    let (slope, least, largest) = SEPARATION;
    let drawn = (0..100).map(|_| (stream.power_law(least, largest, slope), stream.uniform()));
    let separation_au = first_kept(drawn);
    let along = (separation_au / least).ln() / (largest / least).ln();
    let chance =
        stream.chance(CHANCE_ALIGNMENT.0 + along * (CHANCE_ALIGNMENT.1 - CHANCE_ALIGNMENT.0));
    let truth = PairTruth { separation_au, position_angle_deg: 360.0 * stream.uniform(), chance };
    primary.wide_pair = Some(number as u32);
    let secondary = secondary(survey, &primary, &truth, stream);
    let (primary, secondary) = if secondary.apparent.g < primary.apparent.g {
        (Star { id: primary.id, ..secondary }, Star { id: secondary.id, ..primary })
    } else {
        (primary, secondary)
    };
    WidePair { number: number as u32, primary, secondary, truth }
}

/// The first separation that the steeper slope beyond the break keeps.
fn first_kept(mut drawn: impl Iterator<Item = (f64, f64)>) -> f64 {
    let kept = |s: f64| (s / BREAK_AU).max(1.0).powf(-STEEPENING);
    drawn.find(|(s, u)| *u < kept(*s)).map_or(BREAK_AU, |(s, _)| s)
}

fn secondary(survey: &Survey, primary: &Star, truth: &PairTruth, stream: &mut Stream) -> Star {
    let mass =
        (primary.atmosphere.mass_msun * stream.uniform_in(0.3, 1.0)).max(spine::MASS_RANGE_MSUN.0);
    let m_h = if truth.chance {
        stream.gaussian_within(-0.08, 0.25, -2.0, 0.5)
    } else {
        primary.atmosphere.m_h + stream.gaussian(0.0, WIDE_PAIR_M_H_SIGMA)
    };
    let deviations = field::draw_deviations(stream);
    let (atmosphere, absolute) =
        spine::main_sequence_star(mass, m_h, primary.atmosphere.alpha_m, deviations);
    let height = galaxy::SUN_HEIGHT_PC + primary.distance_pc * primary.b_deg.to_radians().sin();
    let mut star = Star { id: primary.id + 1, atmosphere, absolute, companion: None, ..*primary };
    star.activity = activity::draw(atmosphere.teff_k, height, primary.age_gyr, stream);
    let arcsec = truth.separation_au / primary.distance_pc;
    let (sin, cos) = truth.position_angle_deg.to_radians().sin_cos();
    (star.ra_deg, star.dec_deg) =
        galaxy::offset_position(primary.ra_deg, primary.dec_deg, arcsec * sin, arcsec * cos);
    (star.l_deg, star.b_deg) = galaxy::to_galactic(star.ra_deg, star.dec_deg);
    contaminants::observe(survey, &mut star);
    move_apart(&mut star, primary, truth, stream);
    star
}

/// Orbital motion of a bound pair, km/s over the root of au; a chance neighbor has another radial velocity.
fn move_apart(star: &mut Star, primary: &Star, truth: &PairTruth, stream: &mut Stream) {
    let total = primary.atmosphere.mass_msun + star.atmosphere.mass_msun;
    let orbital = 29.8 * (total / truth.separation_au).sqrt();
    let mas_yr = 1e3 / (galaxy::KM_S_PER_PC_ARCSEC_YR * primary.distance_pc);
    star.pmra_mas_yr += orbital * 0.6 * stream.normal() * mas_yr;
    star.pmdec_mas_yr += orbital * 0.6 * stream.normal() * mas_yr;
    star.rv_km_s = if truth.chance {
        stream.gaussian(0.0, 35.0)
    } else {
        primary.rv_km_s + orbital * 0.6 * stream.normal()
    };
}
