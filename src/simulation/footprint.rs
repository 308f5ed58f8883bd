//! Where and how deep LAMOST looks.

use super::galaxy;
use super::healpix;
use super::random::Stream;

/// Declinations of the survey, degrees (Cui et al. 2012, RAA 12, 1197).
pub const DEC_RANGE_DEG: (f64, f64) = (-10.0, 60.0);
/// HEALPix order of the plates: nside 16, 3.7 degrees, about the 5-degree field of the telescope.
const PLATE_ORDER: u32 = 4;
/// Share of the sky within the declinations that no plate covers.
const UNCOVERED: f64 = 0.15;
/// Magnitude in i at which half of the M dwarfs are taken, and the width of the fall: plates for faint stars go to r of
/// 17.8 (Yuan et al. 2015, MNRAS 448, 855), which is i of 16.7 for an M2 dwarf.
const FAINT_I: (f64, f64) = (16.6, 0.30);
/// Faintest magnitude in i at all.
pub const LIMIT_I: f64 = 17.6;
/// Brightest magnitude in i.
const BRIGHT_I: f64 = 9.0;
/// Share of the stars brighter than i of 13.5 that the plates for very bright stars take.
const BRIGHT_SHARE: f64 = 0.6;

/// Probability that a star of that i magnitude is taken, where the sky is covered.
pub fn depth(i_mag: f64) -> f64 {
    if !(BRIGHT_I..LIMIT_I).contains(&i_mag) {
        return 0.0;
    }
    if i_mag < 13.5 { BRIGHT_SHARE * envelope(i_mag) } else { envelope(i_mag) }
}

/// A falling function of the magnitude that [`depth`] does not exceed.
pub fn envelope(i_mag: f64) -> f64 {
    1.0 / (1.0 + ((i_mag - FAINT_I.0) / FAINT_I.1).exp())
}

/// Relative density of plates in a direction, 0 to 1.
///
/// More in winter's right ascensions, when nights are long and dry at Xinglong, and toward the anticenter, which has a
/// survey of its own (Liu et al. 2014, IAU Symp. 298, 310); none in some cells.
pub fn coverage(seed: u64, ra_deg: f64, dec_deg: f64) -> f64 {
    if !(DEC_RANGE_DEG.0..=DEC_RANGE_DEG.1).contains(&dec_deg) {
        return 0.0;
    }
    let season = 0.5 * (1.0 + (ra_deg - 100.0).to_radians().cos());
    let (l_deg, b_deg) = galaxy::to_galactic(ra_deg, dec_deg);
    let anticenter = (150.0..=210.0).contains(&l_deg) && b_deg.abs() <= 30.0;
    let base = 0.25 + 0.45 * season + if anticenter { 0.3 } else { 0.0 };
    base * plates(seed, ra_deg, dec_deg)
}

/// Plates of one cell over those of the best.
fn plates(seed: u64, ra_deg: f64, dec_deg: f64) -> f64 {
    let mut stream = Stream::new(seed, healpix::pixel_of(PLATE_ORDER, ra_deg, dec_deg), "plates");
    if stream.chance(UNCOVERED) { 0.0 } else { stream.uniform_in(0.3, 1.0) }
}

/// Wanted signal-to-noise ratio per pixel in i of one visit.
///
/// 34 at i of 15.9, falling by 0.25 dex per magnitude (less than the 0.3 of photon noise, for brighter stars are on
/// plates of shorter exposures), spread 0.2 dex from plate to plate; one visit in six is taken through cloud or bad
/// seeing, at a quarter of it. Together: a log-normal of median 27 to 35 and 0.35 to 0.4 dex, as Table 4's and the
/// wide pairs' ratios imply.
pub fn snr_i(i_mag: f64, stream: &mut Stream) -> f64 {
    let clear = 34.0 * 10f64.powf(-0.25 * (i_mag - 15.9));
    let cloud = if stream.chance(0.16) { 0.25 } else { 1.0 };
    let wanted = (cloud * stream.log_normal(clear, 0.2)).max(0.5);
    // The flat field lets none exceed 1,000; real headers reach 930.
    1_000.0 * (1.0 - (-wanted / 1_000.0).exp())
}
