//! What Gaia DR2 measured: astrometry, photometry, RUWE and source numbers, at epoch J2015.5.
//!
//! Errors against magnitude are medians of 3,100 real DR2 rows of faint red stars (M subdwarfs of SDSS and
//! LAMOST) and agree with the release's summary (Gaia Collaboration, Brown et al. 2018, A&A 616, A1, table
//! 3: 0.04, 0.1, 0.7 mas at G < 15, 17, 20).

use std::sync::LazyLock;

use super::gaia_surroundings as surroundings;
use super::galaxy;
use super::healpix;
use super::interpolate::Monotone;
use super::planted::{PARALLAX_ZERO_POINT_MAS, StarFault};
use super::random::Stream;
use super::star::{Magnitudes, Star};
use super::survey::{PAIR_BASE, Survey, System};

/// Magnitudes of zero flux (1 electron per second) in G, BP, RP of DR2, Vega system (Evans et al. 2018, A&A 616, A4).
pub const ZERO_POINTS: [f64; 3] = [25.6884, 25.3514, 24.7619];

/// Faintest G of the release, and faintest BP that it lists.
const LIMIT_G: f64 = 21.0;
const LIMIT_BP: f64 = 21.8;

/// Which source of an object's surroundings this is: the low four bits of its running number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// The object itself.
    Star,
    /// Its resolved companion.
    Companion,
    /// An unrelated source nearby, by number.
    Neighbor(u8),
    /// An unrelated source at the place where a fast star was in 2000.
    Trap,
    /// The unrelated source whose position the catalog gives by mistake.
    WrongMatch,
}

impl Component {
    fn number(self) -> u64 {
        match self {
            Self::Star => 0,
            Self::Companion => 1,
            Self::Neighbor(n) => 2 + u64::from(n.min(11)),
            Self::Trap => 14,
            Self::WrongMatch => 15,
        }
    }

    /// Name in the truth table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Star => "star",
            Self::Companion => "companion",
            Self::Neighbor(_) => "neighbor",
            Self::Trap => "trap",
            Self::WrongMatch => "wrong_match",
        }
    }
}

/// A mean flux with its error, electrons per second, and its magnitude; NaN where the release has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flux {
    pub flux: f64,
    pub error: f64,
    pub mag: f64,
}

/// One row of Gaia DR2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaiaSource {
    pub source_id: u64,
    /// The simulated object and which source of it this is: truth, not part of the archive.
    pub star_id: u64,
    pub component: Component,
    pub ra_deg: f64,
    pub ra_error_mas: f64,
    pub dec_deg: f64,
    pub dec_error_mas: f64,
    pub parallax_mas: f64,
    pub parallax_error_mas: f64,
    pub pmra_mas_yr: f64,
    pub pmra_error_mas_yr: f64,
    pub pmdec_mas_yr: f64,
    pub pmdec_error_mas_yr: f64,
    pub g: Flux,
    pub bp: Flux,
    pub rp: Flux,
    pub bp_rp_excess_factor: f64,
    pub ruwe: f64,
    pub visibility_periods_used: u32,
    pub l_deg: f64,
    pub b_deg: f64,
}

/// What is there to be measured.
pub(super) struct Target {
    pub ra_deg: f64,
    pub dec_deg: f64,
    pub parallax_mas: f64,
    pub pmra_mas_yr: f64,
    pub pmdec_mas_yr: f64,
    pub magnitudes: Magnitudes,
    /// Angle to an unresolved companion, arcsec; 0 for none.
    pub pair_arcsec: f64,
    pub negative_parallax: bool,
}

/// Median error of the parallax, mas, against G.
static PARALLAX_ERROR: LazyLock<Monotone> = LazyLock::new(|| {
    logarithmic(&[
        (9.0, 0.040),
        (13.2, 0.036),
        (14.3, 0.042),
        (15.25, 0.051),
        (16.25, 0.077),
        (17.25, 0.124),
        (18.25, 0.209),
        (19.25, 0.394),
        (20.25, 0.742),
        (21.0, 1.4),
    ])
});
/// Median flux over error in G, BP and RP against the magnitude in the band.
static FLUX_OVER_ERROR: LazyLock<[Monotone; 3]> = LazyLock::new(|| {
    [
        logarithmic(&[
            (9.0, 3200.0),
            (13.5, 2700.0),
            (15.25, 1680.0),
            (16.25, 1206.0),
            (17.25, 883.0),
            (18.25, 536.0),
            (19.25, 303.0),
            (20.25, 156.0),
            (21.0, 80.0),
        ]),
        logarithmic(&[
            (9.0, 1100.0),
            (13.0, 620.0),
            (15.25, 335.0),
            (16.25, 259.0),
            (17.25, 142.0),
            (18.25, 68.0),
            (19.25, 31.7),
            (20.25, 13.3),
            (22.0, 2.5),
        ]),
        logarithmic(&[
            (9.0, 1100.0),
            (13.25, 705.0),
            (14.25, 610.0),
            (15.25, 416.0),
            (16.25, 226.0),
            (17.25, 110.0),
            (18.25, 52.0),
            (19.25, 21.1),
            (20.5, 6.0),
        ]),
    ]
});

fn logarithmic(points: &[(f64, f64)]) -> Monotone {
    let x: Vec<f64> = points.iter().map(|p| p.0).collect();
    Monotone::new(&x, &points.iter().map(|p| p.1.log10()).collect::<Vec<_>>())
}

/// All sources of an object and its surroundings: the object first.
pub fn sources(survey: &Survey, system: &System) -> Vec<GaiaSource> {
    let star = &system.star;
    let mut sources = vec![observe(survey, star.id, Component::Star, &of_star(survey, star))];
    if let Some(pair) = &system.resolved {
        let target = surroundings::companion(survey, star, pair);
        sources.push(observe(survey, star.id, Component::Companion, &target));
    }
    for (n, target) in surroundings::neighbors(survey, star).iter().enumerate() {
        sources.push(observe(survey, star.id, Component::Neighbor(n as u8), target));
    }
    if let Some(target) = surroundings::trap(survey, star) {
        sources.push(observe(survey, star.id, Component::Trap, &target));
    }
    if fault_of(survey, star) == Some(StarFault::WrongGaiaMatch) {
        let target = surroundings::wrong_target(survey, star);
        sources.push(observe(survey, star.id, Component::WrongMatch, &target));
    }
    sources.retain(|source| source.component == Component::Star || source.g.mag < LIMIT_G);
    sources
}

/// The object's own row.
pub fn source(survey: &Survey, star: &Star) -> GaiaSource {
    observe(survey, star.id, Component::Star, &of_star(survey, star))
}

/// The planted fault of a star; only stars of the field have any.
pub fn fault_of(survey: &Survey, star: &Star) -> Option<StarFault> {
    if star.id >= PAIR_BASE {
        return None;
    }
    StarFault::of_star(survey.seed, star.id, survey.extent.fault_density)
}

fn of_star(survey: &Survey, star: &Star) -> Target {
    Target {
        ra_deg: star.ra_deg,
        dec_deg: star.dec_deg,
        parallax_mas: star.parallax_mas(),
        pmra_mas_yr: star.pmra_mas_yr,
        pmdec_mas_yr: star.pmdec_mas_yr,
        magnitudes: star.apparent,
        pair_arcsec: star.companion.map_or(0.0, |companion| companion.separation_arcsec),
        negative_parallax: fault_of(survey, star) == Some(StarFault::NegativeParallax),
    }
}

/// Measures one source.
fn observe(survey: &Survey, star_id: u64, component: Component, target: &Target) -> GaiaSource {
    let running = (star_id << 4) | component.number();
    let mut stream = Stream::new(survey.seed, running, "gaia");
    let ruwe = ruwe(target.pair_arcsec, &mut stream);
    let inflation = if ruwe > 1.4 { (ruwe / 1.2).min(4.0) } else { 1.0 };
    let sigma =
        inflation * stream.log_normal(10f64.powf(PARALLAX_ERROR.at(target.magnitudes.g)), 0.08);
    let (sigma_pm, sigma_place) = (1.63 * sigma, 0.65 * sigma);
    let (east, north) = (sigma_place * stream.normal() / 1e3, sigma_place * stream.normal() / 1e3);
    let (ra_deg, dec_deg) = galaxy::offset_position(target.ra_deg, target.dec_deg, east, north);
    let parallax_mas = parallax(target, sigma, stream.normal());
    let [g, bp, rp] = photometry(&target.magnitudes, &mut stream);
    let (l_deg, b_deg) = galaxy::to_galactic(ra_deg, dec_deg);
    GaiaSource {
        source_id: (healpix::pixel_of(12, target.ra_deg, target.dec_deg) << 35) | (running << 7),
        star_id,
        component,
        ra_deg,
        ra_error_mas: sigma_place,
        dec_deg,
        dec_error_mas: sigma_place,
        parallax_mas,
        parallax_error_mas: sigma,
        pmra_mas_yr: target.pmra_mas_yr + sigma_pm * stream.normal(),
        pmra_error_mas_yr: sigma_pm,
        pmdec_mas_yr: target.pmdec_mas_yr + 0.9 * sigma_pm * stream.normal(),
        pmdec_error_mas_yr: 0.9 * sigma_pm,
        bp_rp_excess_factor: excess_factor(&bp, &rp, &g, &mut stream),
        g,
        bp,
        rp,
        ruwe,
        visibility_periods_used: 8 + stream.poisson(5.0) as u32,
        l_deg,
        b_deg,
    }
}

/// Measured parallax, mas: with zero point and noise, or negative where that is planted.
fn parallax(target: &Target, sigma: f64, noise: f64) -> f64 {
    if target.negative_parallax {
        return -sigma * (0.5 + noise.abs());
    }
    target.parallax_mas + PARALLAX_ZERO_POINT_MAS + sigma * noise
}

/// Fluxes with noise and errors in G, BP, RP.
fn photometry(magnitudes: &Magnitudes, stream: &mut Stream) -> [Flux; 3] {
    let bands = [(magnitudes.g, 0.20), (magnitudes.bp, 0.17), (magnitudes.rp, 0.17)];
    std::array::from_fn(|i| {
        let (mag, spread) = bands[i];
        let ratio = stream.log_normal(10f64.powf(FLUX_OVER_ERROR[i].at(mag)), spread).max(0.5);
        let mean = 10f64.powf(-0.4 * (mag - ZERO_POINTS[i]));
        let error = mean / ratio;
        let flux = (mean + error * stream.normal()).max(0.05 * mean);
        if i == 1 && mag > LIMIT_BP {
            return Flux { flux: f64::NAN, error: f64::NAN, mag: f64::NAN };
        }
        Flux { flux, error, mag: ZERO_POINTS[i] - 2.5 * flux.log10() }
    })
}

/// RUWE: 1.03 +- 0.06 for single stars, a tail upward for pairs: above 1.4 for four of ten of those of 0.1 to 1 arcsec,
/// two of ten of the closer ones of a few au (Belokurov et al. 2020, MNRAS 496, 1922), and 2 percent of all.
fn ruwe(pair_arcsec: f64, stream: &mut Stream) -> f64 {
    let good = (1.02 + stream.gaussian(0.0, 0.05) + stream.exponential(0.03)).max(0.8);
    let share = if pair_arcsec >= 0.1 {
        0.57
    } else if pair_arcsec > 0.005 {
        0.3
    } else {
        0.03
    };
    // Seven of ten of these deviates lie above 0.13 dex, that is above 1.4.
    let worse = stream.normal().abs();
    if stream.chance(share) { good * 10f64.powf(0.35 * worse) } else { good }
}

/// (BP + RP) / G: near 1.15 + 0.05 (BP-RP)^2 for a clean source (within the limits of Gaia Collaboration, Babusiaux
/// et al. 2018, A&A 616, A10), with noise.
fn excess_factor(bp: &Flux, rp: &Flux, g: &Flux, stream: &mut Stream) -> f64 {
    let color = bp.mag - rp.mag;
    let noise = (bp.error.powi(2) + rp.error.powi(2)).sqrt() / g.flux;
    1.15 + 0.05 * color * color + noise * stream.normal()
}

#[cfg(test)]
#[path = "gaia_tests.rs"]
mod tests;
