//! The Hyades and the sixteen clusters of the paper's Table 3, members and field stars in their windows.
//!
//! Centers, radii, proper motions and velocities: the cluster table of OCCAM DR16 (Donor et al. 2020, AJ 159, 199);
//! Hyades: section 5.1 of the paper, Perryman et al. (1998, A&A 331, 81) and van Leeuwen (2009, A&A 497, 209).
//! Distances and ages: Cantat-Gaudin et al. (2018, A&A 618, A93) and Kharchenko et al. (2013, A&A 558, A53), rounded
//! and unchecked. The real member file holds far more field stars than members: rows of Berkeley 29 are nearby
//! dwarfs. So the clusters beyond the reach of M dwarfs get field stars in their windows only.

use super::contaminants;
use super::field::{self, Nature, Place, Window};
use super::galaxy::{self, POPULATIONS, PopulationModel};
use super::random::Stream;
use super::size::Extent;
use super::spine;
use super::star::{Kind, Population, Star};
use super::survey::{CLUSTER_BASE, CLUSTER_SPAN, Survey, System};

/// One cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cluster {
    pub name: &'static str,
    /// Center, Galactic.
    pub l_deg: f64,
    pub b_deg: f64,
    /// Radius of the window of the member table, arcmin.
    pub radius_arcmin: f64,
    pub distance_pc: f64,
    pub age_gyr: f64,
    /// Metallicity on the scale of the truth, dex; members agree within 0.03.
    pub m_h: f64,
    pub pmra_mas_yr: f64,
    pub pmdec_mas_yr: f64,
    pub rv_km_s: f64,
    /// Stars of Table 3 and how many of them are members here.
    pub n_star: u64,
    pub n_member: u64,
}

/// Number of the Hyades in [`CLUSTERS`].
pub const HYADES: usize = 0;
/// Scatter of [M/H] among the members of a cluster, dex.
const M_H_SIGMA: f64 = 0.03;
/// One-dimensional velocity dispersion of a cluster, km/s.
const DISPERSION_KM_S: f64 = 0.6;
/// One-dimensional radius of the Hyades, pc.
const HYADES_RADIUS_PC: f64 = 3.4;

#[rustfmt::skip]
#[expect(clippy::too_many_arguments, reason = "one row of the table below")]
const fn row(
    name: &'static str, l_deg: f64, b_deg: f64, radius_arcmin: f64, distance_pc: f64, age_gyr: f64, m_h: f64,
    pm: (f64, f64), rv_km_s: f64, n_star: u64, n_member: u64,
) -> Cluster {
    Cluster {
        name, l_deg, b_deg, radius_arcmin, distance_pc, age_gyr, m_h,
        pmra_mas_yr: pm.0, pmdec_mas_yr: pm.1, rv_km_s, n_star, n_member,
    }
}

/// The Hyades, then the clusters of Table 3 in its order.
#[rustfmt::skip]
pub const CLUSTERS: [Cluster; 17] = [
    row("Hyades",       180.06, -22.34, 300.0,    47.0, 0.65,  0.13, (101.0, -28.5), 39.4,  0,  0),
    row("ASCC 16",      201.07, -18.52,  18.6,   350.0, 0.01,  0.05, (1.40, -0.01), 21.1,  5,  3),
    row("ASCC 21",      199.95, -16.51,  19.2,   345.0, 0.01,  0.05, (1.25, -0.58), 20.7,  2,  1),
    row("Berkeley 19",  176.92,  -3.62,   3.3,  6500.0, 1.40, -0.20, (0.64, -0.23), 17.8,  1,  0),
    row("Berkeley 29",  197.94,   7.97,   3.6, 13000.0, 3.50, -0.35, (0.15, -1.02), 25.5,  1,  0),
    row("Briceno 1",    200.98, -18.34,  30.0,   350.0, 0.01,  0.05, (1.45, -0.08), 21.0,  1,  1),
    row("Chupina 1",    215.40,  31.69,   5.0,   860.0, 3.60,  0.05, (-10.89, -2.77), 33.8, 1, 0),
    row("Chupina 3",    216.15,  31.76,   5.0,   860.0, 3.60,  0.05, (-11.05, -2.83), 34.2, 1, 0),
    row("Chupina 5",    215.84,  32.30,   5.0,   860.0, 3.60,  0.05, (-11.02, -3.10), 33.2, 1, 0),
    row("Collinder 69", 195.17, -12.01,  15.6,   400.0, 0.005, -0.05, (0.98, -2.04), 28.1,  5,  4),
    row("Collinder 70", 204.86, -17.18,  21.6,   390.0, 0.01,  0.05, (1.77, -0.92), 20.3,  1,  0),
    row("Koposov 62",   187.26,   4.19,   4.2,  2700.0, 1.00, -0.10, (-0.02, -0.43), 51.8, 1,  0),
    row("Melotte 20",   147.49,  -6.53, 120.0,   175.0, 0.085, 0.05, (23.31, -25.81), 1.0, 21, 14),
    row("Melotte 22",   166.20, -23.48, 150.0,   136.0, 0.125, 0.00, (20.34, -44.61), 6.2, 66, 52),
    row("NGC 2420",     198.11,  19.63,   7.5,  2550.0, 2.00, -0.10, (-1.14, -2.12), 74.4,  1,  0),
    row("NGC 2682",     215.69,  31.92,  33.0,   860.0, 3.60,  0.00, (-11.05, -2.98), 33.9, 7,  2),
    row("NGC 752",      137.00, -23.28,  39.0,   440.0, 1.35,  0.00, (10.05, -11.95), 7.1,  6,  3),
];

/// Number of stars of a cluster (members and field stars in its window) that have spectra. A fifth more than Table 3,
/// which counts them after the quality cuts.
pub fn n_spectra(extent: &Extent, cluster: usize) -> u64 {
    if cluster == HYADES {
        return extent.n_hyades_spectra;
    }
    let wanted = 1.2 * CLUSTERS[cluster].n_star as f64 * extent.cluster_share;
    (wanted.round() as u64).max(1)
}

/// How many of the first stars of a cluster are members.
fn n_member(extent: &Extent, cluster: usize) -> u64 {
    if cluster == HYADES {
        return u64::MAX;
    }
    let row = &CLUSTERS[cluster];
    let share = row.n_member as f64 / row.n_star as f64;
    (share * n_spectra(extent, cluster) as f64).round() as u64
}

/// The cluster in whose window an object was drawn, member or not.
pub fn window_of(id: u64) -> Option<&'static Cluster> {
    number_of(id).map(|number| &CLUSTERS[number])
}

/// Number of that cluster.
pub fn number_of(id: u64) -> Option<usize> {
    let number = id.checked_sub(CLUSTER_BASE)? / CLUSTER_SPAN;
    (number < CLUSTERS.len() as u64).then_some(number as usize)
}

/// The object of a number.
pub(super) fn system(survey: &Survey, id: u64) -> System {
    let number = number_of(id).unwrap_or(HYADES);
    let index = (id - CLUSTER_BASE) % CLUSTER_SPAN;
    let mut stream = Stream::new(survey.seed, id, "cluster");
    if index < n_member(&survey.extent, number) {
        let observed = index < n_spectra(&survey.extent, number);
        member(survey, id, number, observed, &mut stream)
    } else {
        interloper(survey, id, &CLUSTERS[number], &mut stream)
    }
}

/// A field star in the window of a cluster, bright enough for both surveys.
fn interloper(survey: &Survey, id: u64, cluster: &Cluster, stream: &mut Stream) -> System {
    let (ra_deg, dec_deg) = galaxy::to_equatorial(cluster.l_deg, cluster.b_deg);
    let window = Window { ra_deg, dec_deg, radius_deg: cluster.radius_arcmin / 60.0 };
    for _ in 0..100_000 {
        let drawn = field::candidate(survey, id, Kind::Dwarf, None, Some(window), stream);
        if let Some(system) = drawn.filter(|system| system.star.apparent.i < 15.0) {
            return system;
        }
    }
    System { star: contaminants::giant(survey, id, stream), resolved: None }
}

/// A member: mass function of the field, the cluster's age, metallicity and motion.
fn member(survey: &Survey, id: u64, number: usize, observed: bool, stream: &mut Stream) -> System {
    let cluster = &CLUSTERS[number];
    let population = Population::Cluster(number as u8);
    let model = PopulationModel { population, ..POPULATIONS[0] };
    let mut latest = None;
    for _ in 0..10_000 {
        let nature = member_nature(cluster, stream);
        let place = member_place(cluster, number == HYADES, observed, stream);
        let uvw = member_motion(cluster, stream);
        let kind = if cluster.age_gyr < 0.05 { Kind::PreMainSequence } else { Kind::Dwarf };
        let system = field::assemble(
            survey,
            id,
            kind,
            &model,
            &place,
            nature,
            0.0,
            cluster.age_gyr,
            uvw,
            stream,
        );
        if !observed || system.star.apparent.i < 17.2 {
            return system;
        }
        latest = Some(system);
    }
    latest.unwrap_or_else(|| interloper(survey, id, cluster, stream))
}

fn member_nature(cluster: &Cluster, stream: &mut Stream) -> Nature {
    let mass = member_mass(stream);
    let m_h = cluster.m_h + stream.gaussian(0.0, M_H_SIGMA);
    let alpha_m = stream.gaussian(0.0, 0.02);
    let deviations = field::draw_deviations(stream);
    let (atmosphere, absolute) = spine::main_sequence_star(mass, m_h, alpha_m, deviations);
    let single = Nature { atmosphere, absolute, unresolved: None, resolved: None };
    let paired = field::with_companion(single, cluster.distance_pc, stream);
    contaminants::above_main_sequence(paired, height_above_sequence(cluster.age_gyr))
}

/// A mass of the field's mass function, from 0.10 to 0.66 solar, where 6 is above its largest value.
fn member_mass(stream: &mut Stream) -> f64 {
    for _ in 0..1000 {
        let mass = stream.uniform_in(0.10, 0.66);
        if stream.chance(field::mass_function(mass) / 6.0) {
            return mass;
        }
    }
    0.4
}

/// Magnitudes by which a star of an age lies above the main sequence: 1.5 at 5 Myr, 1.1 at 10, 0.15 at 85, 0.05 at 125
/// (BHAC15 isochrones, Baraffe et al. 2015, A&A 577, A42, for 0.3 to 0.5 solar masses; rounded, unchecked).
fn height_above_sequence(age_gyr: f64) -> f64 {
    match age_gyr {
        age if age < 0.007 => 1.5,
        age if age < 0.05 => 1.1,
        age if age < 0.1 => 0.15,
        age if age < 0.2 => 0.05,
        _ => 0.0,
    }
}

/// Place of a member: a sphere of 3.4 pc for the Hyades, of a third of the window for the others. An observed Hyad lies
/// in the cone and the window of parallaxes that section 5.1 selects.
fn member_place(cluster: &Cluster, hyades: bool, observed: bool, stream: &mut Stream) -> Place {
    let (ra_deg, dec_deg) =
        if hyades { (66.725, 15.867) } else { galaxy::to_equatorial(cluster.l_deg, cluster.b_deg) };
    let window_pc = cluster.distance_pc * (cluster.radius_arcmin / 60.0).to_radians();
    let sigma = if hyades { HYADES_RADIUS_PC } else { (window_pc / 3.0).min(8.0) };
    let mut offset = [0.0; 3];
    for _ in 0..1000 {
        offset = std::array::from_fn(|_| sigma * stream.normal());
        let inside = offset[0].hypot(offset[1]) < 0.95 * window_pc;
        let near = !hyades || offset[2].abs() < 3.0;
        if (inside && near) || !observed {
            break;
        }
    }
    let distance_pc = cluster.distance_pc + offset[2];
    let arcsec = |offset_pc: f64| 3600.0 * (offset_pc / distance_pc).atan().to_degrees();
    let (ra_deg, dec_deg) =
        galaxy::offset_position(ra_deg, dec_deg, arcsec(offset[0]), arcsec(offset[1]));
    Place::new(ra_deg, dec_deg, distance_pc)
}

/// Space motion of a member: that of the center, plus the dispersion; so the proper motions converge as they should.
fn member_motion(cluster: &Cluster, stream: &mut Stream) -> [f64; 3] {
    let (ra_deg, dec_deg) = galaxy::to_equatorial(cluster.l_deg, cluster.b_deg);
    let center = galaxy::space_velocity(
        ra_deg,
        dec_deg,
        cluster.distance_pc,
        cluster.pmra_mas_yr,
        cluster.pmdec_mas_yr,
        cluster.rv_km_s,
    );
    center.map(|component| component + DISPERSION_KM_S * stream.normal())
}

/// True when the star belongs to the cluster in whose window it lies.
pub fn is_member(star: &Star) -> bool {
    matches!(star.population, Population::Cluster(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Masses of members, which are volume-limited, follow the mass function: shares of three ranges against its
    /// integral.
    #[test]
    fn masses_of_members_follow_the_mass_function() {
        let mut stream = Stream::new(1, 0, "member masses");
        let masses: Vec<f64> = (0..20_000).map(|_| member_mass(&mut stream)).collect();
        let integral = |low: f64, high: f64| -> f64 {
            let step = (high - low) / 200.0;
            (0..200).map(|i| step * field::mass_function(low + (f64::from(i) + 0.5) * step)).sum()
        };
        let total = integral(0.10, 0.66);
        for (low, high) in [(0.10, 0.2), (0.2, 0.4), (0.4, 0.66)] {
            let share = masses.iter().filter(|m| (low..high).contains(*m)).count() as f64 / 2e4;
            let expected = integral(low, high) / total;
            assert!((share - expected).abs() < 0.012, "{low}..{high}: {share} {expected}");
        }
    }

    /// Galactic centers agree with the directions of the paper and of the cluster table.
    #[test]
    fn centers_are_where_the_clusters_are() {
        let expected = [(HYADES, 66.725, 15.867), (13, 56.75, 24.12), (15, 132.85, 11.81)];
        for (number, ra, dec) in expected {
            let row = &CLUSTERS[number];
            let (our_ra, our_dec) = galaxy::to_equatorial(row.l_deg, row.b_deg);
            let off = crate::science::sky::separation_arcsec(our_ra, our_dec, ra, dec);
            assert!(off < 1_800.0, "{}: {our_ra} {our_dec}", row.name);
        }
    }
}
