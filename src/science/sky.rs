//! Positions on the sky: separations, epochs, and the parsing of sexagesimal coordinates.
//!
//! Radius and epoch of the paper's cross-match are not printed (§3.1); the pipeline carries Gaia positions to the epoch
//! of the LAMOST input catalog and matches within 3 arcsec. The search itself is in `neighbors`.

use sofars::astro::pmsafe;
use thiserror::Error;

/// Epoch of Gaia DR2 positions, Julian year.
pub const GAIA_DR2_EPOCH_YR: f64 = 2015.5;
const RAD_PER_MAS: f64 = std::f64::consts::PI / (180.0 * 3.6e6);
const ARCSEC_PER_RAD: f64 = 180.0 * 3600.0 / std::f64::consts::PI;

/// Why a position cannot be had.
#[derive(Debug, Error, PartialEq)]
pub enum SkyError {
    /// Not a position.
    #[error("sky: ra {ra_deg}, dec {dec_deg} deg is not a position: check for NaN and sentinels")]
    Position { ra_deg: f64, dec_deg: f64 },
    /// Not an epoch.
    #[error("sky: epochs {from_yr} to {to_yr} are not finite Julian years")]
    Epoch { from_yr: f64, to_yr: f64 },
    /// The space motion is superluminal or does not converge.
    #[error(
        "sky: space motion of the star at ra {ra_deg}, dec {dec_deg} deg cannot be propagated (status {status}): check proper motion, parallax and radial velocity"
    )]
    Motion { ra_deg: f64, dec_deg: f64, status: i32 },
    /// Text that is not a sexagesimal angle.
    #[error("sky: `{text}` is not a sexagesimal {what}: {rule}")]
    Sexagesimal { text: String, what: &'static str, rule: &'static str },
}

/// Angle between two directions, arcsec; exact to rounding from 0 to 180 degrees.
///
/// Vincenty's arctangent form, because the cosine rule loses everything below an arcsecond and the haversine loses
/// digits near the antipode. NaN for NaN.
pub fn separation_arcsec(ra1_deg: f64, dec1_deg: f64, ra2_deg: f64, dec2_deg: f64) -> f64 {
    let (sin_dra, cos_dra) = (ra2_deg - ra1_deg).to_radians().sin_cos();
    let (sin1, cos1) = dec1_deg.to_radians().sin_cos();
    let (sin2, cos2) = dec2_deg.to_radians().sin_cos();
    // cos1 sin2 - sin1 cos2 cos(dra), rearranged so that two near positions do not cancel.
    let half = (0.5 * (ra2_deg - ra1_deg).to_radians()).sin();
    let along = (dec2_deg - dec1_deg).to_radians().sin() + 2.0 * sin1 * cos2 * half * half;
    let across = cos2 * sin_dra;
    across.hypot(along).atan2(sin1 * sin2 + cos1 * cos2 * cos_dra) * ARCSEC_PER_RAD
}

/// True for a finite position with dec in -90..=90 and ra in -360..=720 degrees; sentinels such as -9999 are not.
pub fn is_position(ra_deg: f64, dec_deg: f64) -> bool {
    (-360.0..=720.0).contains(&ra_deg) && (-90.0..=90.0).contains(&dec_deg)
}

/// Unit vector of a position.
pub fn unit_vector(ra_deg: f64, dec_deg: f64) -> [f64; 3] {
    let (sin_ra, cos_ra) = ra_deg.to_radians().sin_cos();
    let (sin_dec, cos_dec) = dec_deg.to_radians().sin_cos();
    [cos_dec * cos_ra, cos_dec * sin_ra, sin_dec]
}

/// Position and motion of a star at one epoch, as Gaia gives them. NaN marks what is missing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Astrometry {
    pub ra_deg: f64,
    pub dec_deg: f64,
    /// Proper motion in right ascension, times cos(dec).
    pub pmra_mas_yr: f64,
    pub pmdec_mas_yr: f64,
    /// Missing, zero or negative: a very large distance is taken.
    pub parallax_mas: f64,
    /// Positive = receding. Missing: 0.
    pub rv_km_s: f64,
}

/// Carries a star along its straight path in space from one epoch to another (Julian years), rigorously, by SOFA's
/// `pmsafe`.
///
/// A star without proper motion (a two-parameter solution) keeps its position. What was missing stays missing; a
/// parallax that was not positive comes back as it was, for a distance that was put in is not a measurement.
/// Fails for a position that is none, and for a motion faster than light.
pub fn propagate(star: &Astrometry, from_yr: f64, to_yr: f64) -> Result<Astrometry, SkyError> {
    let (ra_deg, dec_deg) = (star.ra_deg, star.dec_deg);
    if !is_position(ra_deg, dec_deg) {
        return Err(SkyError::Position { ra_deg, dec_deg });
    }
    if !(from_yr.is_finite() && to_yr.is_finite()) {
        return Err(SkyError::Epoch { from_yr, to_yr });
    }
    if from_yr == to_yr || !(star.pmra_mas_yr.is_finite() && star.pmdec_mas_yr.is_finite()) {
        return Ok(*star);
    }
    let has_parallax = star.parallax_mas > 0.0 && star.parallax_mas.is_finite();
    let has_rv = star.rv_km_s.is_finite();
    let ([ra, dec, pmra, pmdec, parallax, rv], status) =
        space_motion(star, has_parallax, has_rv, from_yr, to_yr);
    // Bit 0 says only that the distance was replaced; the others that the motion was dropped or did not converge.
    if status & !1 != 0 {
        return Err(SkyError::Motion { ra_deg, dec_deg, status });
    }
    Ok(Astrometry {
        ra_deg: ra.to_degrees().rem_euclid(360.0),
        dec_deg: dec.to_degrees(),
        pmra_mas_yr: pmra / RAD_PER_MAS * dec.cos(),
        pmdec_mas_yr: pmdec / RAD_PER_MAS,
        parallax_mas: if has_parallax { parallax * 1e3 } else { star.parallax_mas },
        rv_km_s: if has_rv { rv } else { star.rv_km_s },
    })
}

/// Calls `pmsafe`: position and motions in its units (radians, arcsec, km/s) and its status, negative for a failure.
fn space_motion(
    star: &Astrometry,
    has_parallax: bool,
    has_rv: bool,
    from_yr: f64,
    to_yr: f64,
) -> ([f64; 6], i32) {
    // At a pole the rate of the coordinate is infinite; a hair beside it (1e-6 arcsec) it is not.
    let dec = star.dec_deg.to_radians().clamp(-POLE_RAD, POLE_RAD);
    let moved = pmsafe(
        star.ra_deg.to_radians(),
        dec,
        star.pmra_mas_yr * RAD_PER_MAS / dec.cos(),
        star.pmdec_mas_yr * RAD_PER_MAS,
        if has_parallax { star.parallax_mas / 1e3 } else { 0.0 },
        if has_rv { star.rv_km_s } else { 0.0 },
        julian_date(from_yr),
        0.0,
        julian_date(to_yr),
        0.0,
    );
    moved.unwrap_or_else(|status| ([f64::NAN; 6], status))
}

/// Largest declination that is propagated as it is; its cosine is 5e-12.
const POLE_RAD: f64 = std::f64::consts::FRAC_PI_2 - 5e-12;

/// Julian date of a Julian year.
fn julian_date(year: f64) -> f64 {
    2_451_545.0 + (year - 2000.0) * 365.25
}

/// Parses a right ascension such as `00 00 34.8` or `00:00:34.8` (hours, minutes, seconds) to degrees, 0 to 360.
pub fn parse_ra_deg(text: &str) -> Result<f64, SkyError> {
    let fail =
        |rule| SkyError::Sexagesimal { text: text.to_owned(), what: "right ascension", rule };
    let (negative, hours) = sexagesimal(text).map_err(fail)?;
    if negative || hours >= 24.0 {
        return Err(fail("hours must lie in 0..24"));
    }
    Ok(hours * 15.0)
}

/// Parses a declination such as `-05 33 07` or `-00:33:07` (degrees, minutes, seconds) to degrees, -90 to 90.
pub fn parse_dec_deg(text: &str) -> Result<f64, SkyError> {
    let fail = |rule| SkyError::Sexagesimal { text: text.to_owned(), what: "declination", rule };
    let (negative, degrees) = sexagesimal(text).map_err(fail)?;
    if degrees > 90.0 {
        return Err(fail("degrees must lie in -90..=90"));
    }
    Ok(if negative { -degrees } else { degrees })
}

/// Sign and size of a sexagesimal number. The sign is read from the text, for `-00` has none as a number.
fn sexagesimal(text: &str) -> Result<(bool, f64), &'static str> {
    let trimmed = text.trim();
    let (negative, unsigned) = match trimmed.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let parts: Vec<&str> = unsigned
        .split(|c: char| c.is_whitespace() || ":hdms°'\"".contains(c))
        .filter(|part| !part.is_empty())
        .collect();
    let [units, minutes, seconds] = parts[..] else {
        return Err("three numbers are needed");
    };
    let whole = |part: &str| part.parse::<u32>().map(f64::from);
    let (Ok(units), Ok(minutes)) = (whole(units), whole(minutes)) else {
        return Err("the first two must be whole numbers");
    };
    let plain = seconds.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let Some(seconds) = seconds.parse::<f64>().ok().filter(|_| plain) else {
        return Err("seconds must be a decimal number");
    };
    if minutes >= 60.0 || seconds >= 60.0 {
        return Err("minutes and seconds must be below sixty");
    }
    Ok((negative, units + (minutes + seconds / 60.0) / 60.0))
}

#[cfg(test)]
#[path = "sky_tests.rs"]
mod tests;
