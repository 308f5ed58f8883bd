//! The row of a spectrum in LAMOST's catalog of M stars.
//!
//! Columns and names of the DR6 M-dwarf catalog as far as they are recalled (the general catalog's columns, then
//! radial velocity, H-alpha, band indices, zeta, activity flag): to be compared with the release's own
//! description before the real table is read by these names.

use super::indices::{Indices, measure};
use super::lamost_file::{designation, iso};
use super::observe::Observation;
use crate::science::wavelength::SPEED_OF_LIGHT_KM_S;
use crate::simulation::planted::ACTIVE_EW_ANGSTROM;
use crate::simulation::star::{Star, Visit};

/// What the catalog writes where there is no value.
pub const UNMEASURED: f64 = -9999.0;
/// Spectra of less S/N in r than this have no activity flag (-9999): the line cannot be told from noise.
const ACTIVITY_SNR: f64 = 3.0;

/// One row; every number that was not measured is -9999.
#[derive(Debug, Clone, PartialEq)]
pub struct MStarRow {
    pub obsid: i64,
    pub designation: String,
    pub obsdate: String,
    pub lmjd: i32,
    pub mjd: i32,
    pub planid: String,
    pub spid: i32,
    pub fiberid: i32,
    /// Degrees: where the fiber was put.
    pub ra_obs: f64,
    pub dec_obs: f64,
    /// S/N in u, g, r, i, z.
    pub snr: [f64; 5],
    pub objtype: &'static str,
    pub class: &'static str,
    pub subclass: String,
    pub z: f64,
    pub z_err: f64,
    pub magtype: &'static str,
    /// Magnitudes 1 to 7, in the order of `magtype`; 99 where missing.
    pub mag: [f64; 7],
    pub fibermask: i64,
    /// Degrees, J2000: the input catalog's position.
    pub ra: f64,
    pub dec: f64,
    /// km/s.
    pub rv: f64,
    /// Equivalent width of H-alpha, positive in emission, and its error, Angstrom.
    pub ewha: f64,
    pub ewha_err: f64,
    pub tio: [f64; 5],
    pub cah: [f64; 3],
    pub caoh: f64,
    pub zeta: f64,
    pub zeta_err: f64,
    /// 1 active, 0 inactive, -9999 unknown.
    pub magact: i32,
}

/// The row of a visit of `star` (the visit's own, whatever light was in the fiber).
pub fn row(star: &Star, visit: &Visit, seen: &Observation) -> MStarRow {
    let z = seen.z.map_or(0.0, |z| z.0);
    let indices = measure(&seen.flux, &seen.ivar, z);
    let known = |value: f64| if value.is_finite() { value } else { UNMEASURED };
    let mag = |value: f64| if value.is_finite() && value < 30.0 { value } else { 99.0 };
    let apparent = &star.apparent;
    let mjd = i64::from(visit.lmjd) - 1;
    MStarRow {
        obsid: visit.obsid as i64,
        designation: designation(visit.ra_deg, visit.dec_deg),
        obsdate: iso(mjd, 0, false)[..10].to_owned(),
        lmjd: visit.lmjd as i32,
        mjd: mjd as i32,
        planid: visit.planid.clone(),
        spid: i32::from(visit.spid),
        fiberid: i32::from(visit.fiberid),
        ra_obs: visit.ra_obs_deg,
        dec_obs: visit.dec_obs_deg,
        snr: seen.snr,
        objtype: "Star",
        class: seen.class,
        subclass: seen.subclass.clone(),
        z: seen.z.map_or(UNMEASURED, |z| z.0),
        z_err: seen.z.map_or(UNMEASURED, |z| z.1),
        magtype: "ugrizjh",
        mag: [99.0, 99.0, mag(apparent.r), mag(apparent.i), 99.0, mag(apparent.j), mag(apparent.h)],
        fibermask: seen.fibermask,
        ra: visit.ra_deg,
        dec: visit.dec_deg,
        rv: seen.z.map_or(UNMEASURED, |z| z.0 * SPEED_OF_LIGHT_KM_S),
        ewha: known(indices.h_alpha_ew_angstrom.0),
        ewha_err: known(indices.h_alpha_ew_angstrom.1),
        tio: indices.tio.map(|index| known(index.0)),
        cah: indices.cah.map(|index| known(index.0)),
        caoh: known(indices.caoh.0),
        zeta: known(indices.zeta.0),
        zeta_err: known(indices.zeta.1),
        magact: activity(&indices, seen.snr[2]),
    }
}

/// West et al. 2011 (AJ 141, 97): active above 0.75 Angstrom, three times the error, with enough S/N around the line.
fn activity(indices: &Indices, snr_r: f64) -> i32 {
    let (width, error) = indices.h_alpha_ew_angstrom;
    if !width.is_finite() || snr_r < ACTIVITY_SNR {
        return UNMEASURED as i32;
    }
    i32::from(width > ACTIVE_EW_ANGSTROM && width > 3.0 * error)
}
