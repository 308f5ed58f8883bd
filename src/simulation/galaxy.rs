//! The Galaxy around the Sun: coordinates, space density and motions of its populations.

use super::random::Stream;
use super::star::Population;

/// Rotation from equatorial (ICRS) to Galactic axes: north pole at 192.85948, +27.12825 deg, node 122.93192 deg (The
/// Hipparcos Catalogue, ESA SP-1200, 1997, vol. 1, eq. 1.5.11).
const TO_GALACTIC: [[f64; 3]; 3] = [
    [-0.054_875_560_416_215_4, -0.873_437_090_234_885_1, -0.483_835_015_548_713_2],
    [0.494_109_427_875_583_7, -0.444_829_629_960_011_3, 0.746_982_244_497_218_8],
    [-0.867_666_149_019_004_7, -0.198_076_373_431_201_5, 0.455_983_776_175_066_9],
];

/// Velocity in km/s of a star at 1 pc that moves by 1 arcsec per year (IAU: au per Julian year).
pub const KM_S_PER_PC_ARCSEC_YR: f64 = 4.740_470_463;
/// Motion of the Sun against the local standard of rest (U toward the center, V, W), km/s: Schoenrich et al. (2010,
/// MNRAS 403, 1829).
pub const SUN_UVW_KM_S: [f64; 3] = [11.1, 12.24, 7.25];
/// Height of the Sun above the plane, pc (Juric et al. 2008, ApJ 673, 864).
pub const SUN_HEIGHT_PC: f64 = 25.0;
/// Distance of the Sun from the center, pc.
pub const SUN_RADIUS_PC: f64 = 8_200.0;

/// Height, pc, at which the thin disk has its mean metallicity: about the survey's mean.
const M_H_HEIGHT_PC: f64 = 160.0;

/// Density, chemistry and motions of one population.
#[derive(Debug, Clone, Copy)]
pub struct PopulationModel {
    pub population: Population,
    /// Share of the stars at the Sun.
    pub local_fraction: f64,
    pub scale_height_pc: f64,
    pub scale_length_pc: f64,
    /// Mean and spread of the metallicity, dex, on the scale of Mann et al. (2015).
    pub m_h: (f64, f64),
    /// Change of its mean with height above the plane, dex/kpc.
    pub m_h_gradient: f64,
    /// Excess of [alpha/M] over the thin disk's relation.
    pub alpha_excess: f64,
    /// Mean motion in V against the local standard of rest (asymmetric drift), km/s.
    pub v_drift_km_s: f64,
    /// Velocity dispersions in U, V, W, km/s.
    pub sigma_uvw_km_s: [f64; 3],
    /// Ages, Gyr.
    pub age_gyr: (f64, f64),
}

/// Thin disk, thick disk, halo.
///
/// Scale heights 300 and 900 pc, lengths 2,600 and 3,600 pc (Juric et al. 2008; Bochanski et al. 2010, AJ 139, 2679).
/// Dispersions 35, 23, 18 and 65, 45, 40 km/s (thick disk as Bensby et al. 2003, A&A 410, 527), halo 141, 106, 94
/// (Bond et al. 2010, ApJ 716, 1; unchecked). Metallicities as the design of the survey says: 90, 9 and 1 percent of
/// the sample in N(-0.02, 0.18), N(-0.45, 0.20), N(-1.3, 0.35); the local shares are smaller for the thick disk and
/// halo, for the survey reaches beyond the plane. The thin disk's vertical gradient of -0.25 dex/kpc is that of the
/// inner 1 kpc (Hayden et al. 2014, AJ 147, 116; value unchecked).
pub const POPULATIONS: [PopulationModel; 3] = [
    PopulationModel {
        population: Population::ThinDisk,
        local_fraction: 0.922,
        scale_height_pc: 300.0,
        scale_length_pc: 2_600.0,
        m_h: (-0.02, 0.18),
        m_h_gradient: -0.25,
        alpha_excess: 0.0,
        v_drift_km_s: -9.0,
        sigma_uvw_km_s: [35.0, 23.0, 18.0],
        age_gyr: (0.2, 9.0),
    },
    PopulationModel {
        population: Population::ThickDisk,
        local_fraction: 0.07,
        scale_height_pc: 900.0,
        scale_length_pc: 3_600.0,
        m_h: (-0.45, 0.20),
        m_h_gradient: 0.0,
        alpha_excess: 0.12,
        v_drift_km_s: -46.0,
        sigma_uvw_km_s: [65.0, 45.0, 40.0],
        age_gyr: (8.0, 12.0),
    },
    PopulationModel {
        population: Population::Halo,
        local_fraction: 0.008,
        scale_height_pc: 8_000.0,
        scale_length_pc: 8_000.0,
        m_h: (-1.3, 0.35),
        m_h_gradient: 0.0,
        alpha_excess: 0.12,
        v_drift_km_s: -220.0,
        sigma_uvw_km_s: [141.0, 106.0, 94.0],
        age_gyr: (10.0, 13.0),
    },
];

impl PopulationModel {
    /// Density over its value at the Sun, at a Galactic direction and distance.
    pub fn relative_density(&self, l_deg: f64, b_deg: f64, distance_pc: f64) -> f64 {
        let (sin_b, cos_b) = b_deg.to_radians().sin_cos();
        let height = (SUN_HEIGHT_PC + distance_pc * sin_b).abs();
        let in_plane = distance_pc * cos_b;
        let (sin_l, cos_l) = l_deg.to_radians().sin_cos();
        let radius = (SUN_RADIUS_PC - in_plane * cos_l).hypot(in_plane * sin_l);
        (-(height - SUN_HEIGHT_PC) / self.scale_height_pc
            - (radius - SUN_RADIUS_PC) / self.scale_length_pc)
            .exp()
    }

    /// Metallicity of one star at a height above the plane, truncated to -2..0.5 dex.
    pub fn draw_m_h(&self, height_pc: f64, stream: &mut Stream) -> f64 {
        let mean = self.m_h.0 + self.m_h_gradient * (height_pc.abs() - M_H_HEIGHT_PC) / 1e3;
        stream.gaussian_within(mean, self.m_h.1, -2.0, 0.5)
    }

    /// [alpha/M] at a metallicity: 0.05 - 0.15 [M/H], kept within -0.05..0.35, plus the population's excess, spread
    /// 0.04 dex.
    pub fn draw_alpha_m(&self, m_h: f64, stream: &mut Stream) -> f64 {
        (0.05 - 0.15 * m_h).clamp(-0.05, 0.35) + self.alpha_excess + stream.gaussian(0.0, 0.04)
    }

    /// Space velocity against the Sun (U, V, W), km/s.
    pub fn draw_uvw(&self, stream: &mut Stream) -> [f64; 3] {
        let drift = [0.0, self.v_drift_km_s, 0.0];
        std::array::from_fn(|i| {
            drift[i] + self.sigma_uvw_km_s[i] * stream.normal() - SUN_UVW_KM_S[i]
        })
    }
}

/// Galactic longitude and latitude, degrees, of an ICRS direction.
pub fn to_galactic(ra_deg: f64, dec_deg: f64) -> (f64, f64) {
    angles(rotate(&TO_GALACTIC, unit(ra_deg, dec_deg)))
}

/// ICRS direction, degrees, of a Galactic longitude and latitude.
pub fn to_equatorial(l_deg: f64, b_deg: f64) -> (f64, f64) {
    angles(rotate_back(&TO_GALACTIC, unit(l_deg, b_deg)))
}

/// Proper motion (mas/yr, right ascension times cos(dec)) and radial velocity (km/s) of a star that moves by (U, V, W)
/// against the Sun.
pub fn observed_motion(
    ra_deg: f64,
    dec_deg: f64,
    distance_pc: f64,
    uvw_km_s: [f64; 3],
) -> (f64, f64, f64) {
    let v = rotate_back(&TO_GALACTIC, uvw_km_s);
    let (sin_ra, cos_ra) = ra_deg.to_radians().sin_cos();
    let (sin_dec, cos_dec) = dec_deg.to_radians().sin_cos();
    let east = -v[0] * sin_ra + v[1] * cos_ra;
    let north = -v[0] * cos_ra * sin_dec - v[1] * sin_ra * sin_dec + v[2] * cos_dec;
    let away = v[0] * cos_ra * cos_dec + v[1] * sin_ra * cos_dec + v[2] * sin_dec;
    let mas_yr = 1e3 / (KM_S_PER_PC_ARCSEC_YR * distance_pc);
    (east * mas_yr, north * mas_yr, away)
}

/// Space velocity (U, V, W against the Sun, km/s) of a proper motion and radial velocity: the inverse of
/// [`observed_motion`].
pub fn space_velocity(
    ra_deg: f64,
    dec_deg: f64,
    distance_pc: f64,
    pmra_mas_yr: f64,
    pmdec_mas_yr: f64,
    rv_km_s: f64,
) -> [f64; 3] {
    let km_s = KM_S_PER_PC_ARCSEC_YR * distance_pc / 1e3;
    let (east, north) = (pmra_mas_yr * km_s, pmdec_mas_yr * km_s);
    let (sin_ra, cos_ra) = ra_deg.to_radians().sin_cos();
    let (sin_dec, cos_dec) = dec_deg.to_radians().sin_cos();
    let v = [
        rv_km_s * cos_ra * cos_dec - east * sin_ra - north * cos_ra * sin_dec,
        rv_km_s * sin_ra * cos_dec + east * cos_ra - north * sin_ra * sin_dec,
        rv_km_s * sin_dec + north * cos_dec,
    ];
    rotate(&TO_GALACTIC, v)
}

/// Direction at a small offset to the east and north, arcsec.
pub fn offset_position(
    ra_deg: f64,
    dec_deg: f64,
    east_arcsec: f64,
    north_arcsec: f64,
) -> (f64, f64) {
    let dec = (dec_deg + north_arcsec / 3600.0).clamp(-89.999, 89.999);
    let ra = ra_deg + east_arcsec / 3600.0 / dec_deg.to_radians().cos();
    (ra.rem_euclid(360.0), dec)
}

fn unit(longitude_deg: f64, latitude_deg: f64) -> [f64; 3] {
    let (sin_a, cos_a) = longitude_deg.to_radians().sin_cos();
    let (sin_d, cos_d) = latitude_deg.to_radians().sin_cos();
    [cos_d * cos_a, cos_d * sin_a, sin_d]
}

fn angles(v: [f64; 3]) -> (f64, f64) {
    (v[1].atan2(v[0]).to_degrees().rem_euclid(360.0), v[2].atan2(v[0].hypot(v[1])).to_degrees())
}

fn rotate(matrix: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| matrix[i][0] * v[0] + matrix[i][1] * v[1] + matrix[i][2] * v[2])
}

fn rotate_back(matrix: &[[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| matrix[0][i] * v[0] + matrix[1][i] * v[1] + matrix[2][i] * v[2])
}

#[cfg(test)]
#[path = "galaxy_tests.rs"]
mod tests;
