//! The spectra of a star: how many, when, on which plate and fiber, how deep.

use super::footprint;
use super::gaia_surroundings;
use super::galaxy;
use super::planted::SpectrumFault;
use super::random::Stream;
use super::star::{Star, Visit};
use super::survey::{N_OBJECT, Survey};
use crate::science::sky::{self, Astrometry, GAIA_DR2_EPOCH_YR};

/// Shares of stars with 1, 2, 3 and 4 spectra: a fifth has two, a twentieth three or more.
pub const VISIT_SHARES: [f64; 4] = [0.75, 0.20, 0.04, 0.01];
/// Largest number of spectra of a star; spectra have numbers of 24 bits.
const MOST_VISITS: u64 = 8;
/// Number of the plan and local modified Julian day of real headers, 2011 to 2018.
const PLAN_DAYS: [(f64, f64); 14] = [
    (10.0, 55855.0),
    (190.0, 55917.0),
    (950.0, 56286.0),
    (1334.0, 56361.0),
    (1726.0, 56596.0),
    (2057.0, 56668.0),
    (2571.0, 56958.0),
    (3093.0, 57054.0),
    (3541.0, 57280.0),
    (4275.0, 57439.0),
    (4961.0, 57739.0),
    (5539.0, 57827.0),
    (6277.0, 58124.0),
    (6620.0, 58215.0),
];
/// Share of bright stars whose fiber is put beside the star on purpose, so as not to saturate, and the magnitude in i
/// below which that is done; the offsets reach 5 arcsec (22 of 50 real headers of bright stars).
const OFFSET_FIBER: (f64, f64, f64) = (0.45, 12.5, 5.5);

/// The spectra of a star.
pub(super) fn of_star(survey: &Survey, star: &Star) -> Vec<Visit> {
    let mut stream = Stream::new(survey.seed, star.id, "visits");
    let n_visit = 1 + stream.weighted(&VISIT_SHARES) as u32;
    (0..n_visit).map(|number| visit(survey, star, number)).collect()
}

fn visit(survey: &Survey, star: &Star, number: u32) -> Visit {
    let slot = permute(survey.seed, star.id * MOST_VISITS + u64::from(number));
    let (plan, spid, fiberid) = fiber_of_slot(slot);
    let obsid = plan * 100_000 + spid * 1_000 + fiberid;
    let mut stream = Stream::new(survey.seed, obsid, "visit");
    let lmjd = night(plan as f64, star.ra_deg, &mut stream);
    let (ra_deg, dec_deg) = input_position(survey, star);
    let (ra_obs_deg, dec_obs_deg) = fiber_position(star, ra_deg, dec_deg, &mut stream);
    let hour_angle = stream.gaussian(0.0, 15.0);
    Visit {
        star_id: star.id,
        number,
        obsid,
        lmjd,
        planid: plan_name(star, plan),
        spid: spid as u8,
        fiberid: fiberid as u16,
        snr_i: footprint::snr_i(star.apparent.i, &mut stream),
        airmass: airmass(star.dec_deg, hour_angle),
        ra_deg,
        dec_deg,
        ra_obs_deg,
        dec_obs_deg,
        fault: SpectrumFault::of_spectrum(survey.seed, obsid, survey.extent.fault_density),
    }
}

/// A permutation of the numbers below 2^24 (a Feistel network of four rounds): no two spectra share a fiber of a plan.
fn permute(seed: u64, value: u64) -> u64 {
    const MASK: u64 = (1 << 12) - 1;
    debug_assert!(value < N_OBJECT * MOST_VISITS);
    let (mut high, mut low) = ((value >> 12) & MASK, value & MASK);
    for round in 0..4u64 {
        let mixed = (low ^ seed.rotate_left(round as u32 * 16) ^ (round << 40))
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (high, low) = (low, high ^ ((mixed >> 33) & MASK));
    }
    (high << 12) | low
}

/// Plan (10 to 6,620), spectrograph and fiber of a slot: 16 spectrographs of 250 fibers.
fn fiber_of_slot(slot: u64) -> (u64, u64, u64) {
    let plate = slot / 4_000;
    // 4,195 plates over the plans of the survey, in order and without repeats.
    let plan = 10 + plate * 6_600 / 4_195;
    (plan, 1 + slot / 250 % 16, 1 + slot % 250)
}

/// The night: that of the plan, moved to a season in which the star culminates at night.
fn night(plan: f64, ra_deg: f64, stream: &mut Stream) -> u32 {
    let i = PLAN_DAYS.partition_point(|row| row.0 <= plan).clamp(1, PLAN_DAYS.len() - 1);
    let ((plan0, day0), (plan1, day1)) = (PLAN_DAYS[i - 1], PLAN_DAYS[i]);
    let day = day0 + (plan - plan0) / (plan1 - plan0) * (day1 - day0);
    // The Sun stands at RA 180 at the September equinox, MJD 55827.4: a star culminates at midnight half a year off.
    let midnight = 55_827.4 + (ra_deg / 360.0) * 365.2422;
    let best = midnight + ((day - midnight) / 365.2422).round() * 365.2422;
    (best + stream.gaussian_within(0.0, 40.0, -90.0, 90.0)).clamp(55_859.0, 58_280.0) as u32
}

/// Position of the input catalog, epoch J2000: the star's own, or, for a planted wrong match, one nearer to an
/// unrelated source than to the star.
fn input_position(survey: &Survey, star: &Star) -> (f64, f64) {
    if let Some(trap) = gaia_surroundings::wrong_match(survey, star) {
        return trap;
    }
    let at_2000 = position_at(star, 2000.0);
    let mut stream = Stream::new(survey.seed, star.id, "input position");
    galaxy::offset_position(
        at_2000.0,
        at_2000.1,
        stream.gaussian(0.0, 0.08),
        stream.gaussian(0.0, 0.08),
    )
}

/// True position of a star at a Julian year.
pub fn position_at(star: &Star, year: f64) -> (f64, f64) {
    let astrometry = Astrometry {
        ra_deg: star.ra_deg,
        dec_deg: star.dec_deg,
        pmra_mas_yr: star.pmra_mas_yr,
        pmdec_mas_yr: star.pmdec_mas_yr,
        parallax_mas: star.parallax_mas(),
        rv_km_s: star.rv_km_s,
    };
    sky::propagate(&astrometry, GAIA_DR2_EPOCH_YR, year)
        .map_or((star.ra_deg, star.dec_deg), |moved| (moved.ra_deg, moved.dec_deg))
}

fn fiber_position(star: &Star, ra_deg: f64, dec_deg: f64, stream: &mut Stream) -> (f64, f64) {
    let (share, bright, largest) = OFFSET_FIBER;
    if star.apparent.i < bright && stream.chance(share) {
        let size = stream.uniform_in(0.5, largest);
        let (sin, cos) = (std::f64::consts::TAU * stream.uniform()).sin_cos();
        return galaxy::offset_position(ra_deg, dec_deg, size * sin, size * cos);
    }
    (ra_deg, dec_deg)
}

/// Airmass at Xinglong (latitude 40.39 deg); LAMOST observes within two hours of the meridian.
fn airmass(dec_deg: f64, hour_angle_deg: f64) -> f64 {
    let (sin_lat, cos_lat) = 40.39f64.to_radians().sin_cos();
    let (sin_dec, cos_dec) = dec_deg.to_radians().sin_cos();
    let hour_angle = hour_angle_deg.clamp(-30.0, 30.0).to_radians();
    (sin_lat * sin_dec + cos_lat * cos_dec * hour_angle.cos()).max(0.3).recip()
}

/// Name of a plate from the center of its field, such as `HD124433N430735B01`: rounded to cells of 5 degrees.
fn plan_name(star: &Star, plan: u64) -> String {
    let hours = ((star.ra_deg / 5.0).floor() * 5.0 + 2.5) / 15.0;
    let dec_deg = (star.dec_deg / 5.0).floor() * 5.0 + 2.5;
    let (h, m) = (hours.floor(), (hours.fract() * 60.0).floor());
    let sign = if dec_deg < 0.0 { 'S' } else { 'N' };
    let (d, dm) = (dec_deg.abs().floor(), (dec_deg.abs().fract() * 60.0).floor());
    let letter = ['V', 'B', 'M', 'F'][usize::from(star.apparent.i > 13.5)
        + usize::from(star.apparent.i > 14.8)
        + usize::from(star.apparent.i > 16.2)];
    format!("HD{h:02}{m:02}{:02}{sign}{d:02}{dm:02}{:02}{letter}01", plan % 60, plan / 60 % 60)
}

/// The star whose light a spectrum holds: the visit's own, or for a wrong object or a swapped number another of the
/// first 400 of the field, which every survey has.
pub fn light_source(survey: &Survey, visit: &Visit) -> Star {
    let own = survey.star(visit.star_id);
    match visit.fault {
        Some(SpectrumFault::WrongObject | SpectrumFault::SwappedObsid) => {
            let mut stream = Stream::new(survey.seed, visit.obsid, "light source");
            let other = stream.index(399) as u64;
            survey.star(if other < visit.star_id { other } else { other + 1 })
        }
        _ => own,
    }
}

/// Number of the first spectrum of a star, whether or not the M-dwarf catalog has it.
pub fn first_obsid(survey: &Survey, star: &Star) -> u64 {
    let (plan, spid, fiberid) = fiber_of_slot(permute(survey.seed, star.id * MOST_VISITS));
    plan * 100_000 + spid * 1_000 + fiberid
}

#[cfg(test)]
#[path = "visits_tests.rs"]
mod tests;
