//! Stars of the field: mass, population, place, companions, as LAMOST's selection lets them through.

use std::sync::LazyLock;

use super::activity;
use super::contaminants;
use super::extinction;
use super::footprint;
use super::galaxy::{self, POPULATIONS, PopulationModel};
use super::multiplicity::{self, CompanionStar};
use super::planted::{
    self, K_DWARF_FRACTION, PRE_MAIN_SEQUENCE_FRACTION, SKY_FRACTION, StarFault,
    WHITE_DWARF_FRACTION,
};
use super::random::Stream;
use super::spine::{self, Deviations};
use super::star::{Activity, Atmosphere, Kind, Magnitudes, Star};
use super::survey::{Survey, System};

/// Characteristic mass (solar) and width (dex) of the log-normal mass function of systems (Bochanski et al. 2010, AJ
/// 139, 2679: 0.25; the width unchecked).
pub const MASS_FUNCTION: (f64, f64) = (0.25, 0.28);
/// Masses of the field's M dwarfs, solar.
pub const FIELD_MASS_MSUN: (f64, f64) = (0.09, 0.70);
/// Temperatures of M dwarfs, K, as the survey's classification takes them in.
pub const DWARF_TEFF_K: (f64, f64) = (2_700.0, 4_130.0);
/// Temperature, K, at which the templates call half of the stars K7 and half M0, and the width of the change. Real
/// LAMOST spectra of type M0 have 3,670 to 3,990 K (seven stars of Mann et al. 2015 and Gaidos et al. 2014), of K7
/// 3,950 K; none of Table 4's 21 rows has a TEFF_AP above 3,804 K, which is 3,622 K on this scale.
pub const EARLIEST_TEFF_K: (f64, f64) = (3_830.0, 50.0);
/// Nearest and farthest distance, pc.
const DISTANCE_PC: (f64, f64) = (8.0, 2_000.0);
/// Largest density over that at the Sun within the volume.
const LARGEST_DENSITY: f64 = 1.7;
/// Magnitudes in i by which a pair or a metal-poor star, being bluer, can outshine the mean single star of its mass;
/// rarer ones yet brighter are taken as if they were not.
const BRIGHTEST_EXCESS: f64 = 1.1;
/// Spread of magnitude (all bands), of temperature at a color, and of the relative radius.
const SPREAD: Deviations = Deviations { magnitude: 0.05, teff_k: 44.0, radius: 0.027 };

/// A mass that may be drawn.
#[derive(Debug, Clone, Copy)]
struct Proposal {
    mass_msun: f64,
    /// Absolute i of a single star of that mass and solar metallicity.
    m_i: f64,
    /// Distance beyond which none is taken.
    farthest_pc: f64,
    /// Weights of this mass and all smaller ones.
    sum: f64,
}

impl Proposal {
    fn of_mass(mass_msun: f64) -> Self {
        let m_ks = spine::m_ks_of_mass(mass_msun);
        let m_i = spine::magnitudes(m_ks, spine::bp_rp(m_ks, 0.0)).i;
        let modulus = footprint::LIMIT_I - m_i + BRIGHTEST_EXCESS;
        let farthest_pc = 10f64.powf(0.2 * modulus + 1.0).clamp(DISTANCE_PC.0 * 2.0, DISTANCE_PC.1);
        Self { mass_msun, m_i, farthest_pc, sum: 0.0 }
    }
}

/// Masses in proportion to mass function times the volume in which the survey can see them.
static PROPOSALS: LazyLock<Vec<Proposal>> = LazyLock::new(|| {
    let n = 600;
    let (low, high) = FIELD_MASS_MSUN;
    let mut sum = 0.0;
    (0..n)
        .map(|i| {
            let mass = low + (high - low) * (f64::from(i) + 0.5) / f64::from(n);
            let proposal = Proposal::of_mass(mass);
            sum += mass_function(mass) * proposal.farthest_pc.powi(3);
            Proposal { sum, ..proposal }
        })
        .collect()
});

/// Stars per solar mass at a mass, unnormalized.
pub fn mass_function(mass_msun: f64) -> f64 {
    let width = (mass_msun / MASS_FUNCTION.0).log10() / MASS_FUNCTION.1;
    (-0.5 * width * width).exp() / mass_msun
}

/// The field object of a number.
pub(super) fn system(survey: &Survey, id: u64) -> System {
    let fault = StarFault::of_star(survey.seed, id, survey.extent.fault_density);
    let mut stream = Stream::new(survey.seed, id, "field");
    if fault == Some(StarFault::GiantInCatalog) {
        return System { star: contaminants::giant(survey, id, &mut stream), resolved: None };
    }
    let kind = match fault {
        Some(StarFault::HotOutsideHull) => Kind::KDwarf,
        Some(_) => Kind::Dwarf,
        None => draw_kind(&mut stream),
    };
    for _ in 0..1_000_000 {
        let (proposal, distance_pc) = draw_proposal(kind, &mut stream);
        // Most are too faint even if they were brighter than they can be: the rest of the work is for the others.
        let brightest = proposal.m_i + 5.0 * distance_pc.log10() - 5.0 - BRIGHTEST_EXCESS;
        let young = kind == Kind::PreMainSequence;
        let likely = if young { 1.0 } else { footprint::envelope(brightest) };
        if !stream.chance(likely) {
            continue;
        }
        let at = (proposal.mass_msun, distance_pc);
        let drawn = candidate_at(survey, id, kind, fault, None, at, &mut stream);
        let Some(system) = drawn else { continue };
        if stream.chance(footprint::depth(system.star.apparent.i) / likely) {
            return system;
        }
    }
    // Not reached in practice (a try succeeds once in some hundred); a giant keeps the function total.
    System { star: contaminants::giant(survey, id, &mut stream), resolved: None }
}

fn draw_kind(stream: &mut Stream) -> Kind {
    let shares = [PRE_MAIN_SEQUENCE_FRACTION, WHITE_DWARF_FRACTION, K_DWARF_FRACTION, SKY_FRACTION];
    let kinds = [Kind::PreMainSequence, Kind::WhiteDwarfPair, Kind::KDwarf, Kind::Sky, Kind::Dwarf];
    let rest = 1.0 - shares.iter().sum::<f64>();
    kinds[stream.weighted(&[shares[0], shares[1], shares[2], shares[3], rest])]
}

/// A window on the sky from which stars are to be drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub ra_deg: f64,
    pub dec_deg: f64,
    pub radius_deg: f64,
}

/// One try: a star in the volume with all its properties, whether or not it is bright enough.
pub(super) fn candidate(
    survey: &Survey,
    id: u64,
    kind: Kind,
    fault: Option<StarFault>,
    window: Option<Window>,
    stream: &mut Stream,
) -> Option<System> {
    let (proposal, distance_pc) = draw_proposal(kind, stream);
    candidate_at(survey, id, kind, fault, window, (proposal.mass_msun, distance_pc), stream)
}

/// A star of given mass (solar) and distance (pc); nothing where density or coverage refuse it.
fn candidate_at(
    survey: &Survey,
    id: u64,
    kind: Kind,
    fault: Option<StarFault>,
    window: Option<Window>,
    (mass, distance_pc): (f64, f64),
    stream: &mut Stream,
) -> Option<System> {
    let place = draw_place(survey, distance_pc, window, stream)?;
    let model = draw_population(&place, kind, stream)?;
    let m_h = if fault == Some(StarFault::PoorOutsideHull) {
        planted::POOR_M_H
    } else {
        model.draw_m_h(place.height_pc(), stream)
    };
    let alpha_m = model.draw_alpha_m(m_h, stream);
    let nature = draw_nature(kind, fault, mass, m_h, alpha_m, distance_pc, stream)?;
    let cloud = if fault == Some(StarFault::ReddenedCloud) { planted::CLOUD_AV_MAG } else { 0.0 };
    let age_gyr = match kind {
        Kind::PreMainSequence => stream.uniform_in(0.002, 0.03),
        _ => stream.uniform_in(model.age_gyr.0, model.age_gyr.1),
    };
    let uvw = model.draw_uvw(stream);
    Some(assemble(survey, id, kind, model, &place, nature, cloud, age_gyr, uvw, stream))
}

/// A place in the volume.
pub(super) struct Place {
    pub ra_deg: f64,
    pub dec_deg: f64,
    pub l_deg: f64,
    pub b_deg: f64,
    pub distance_pc: f64,
}

impl Place {
    /// From an ICRS direction.
    pub(super) fn new(ra_deg: f64, dec_deg: f64, distance_pc: f64) -> Self {
        let (l_deg, b_deg) = galaxy::to_galactic(ra_deg, dec_deg);
        Self { ra_deg, dec_deg, l_deg, b_deg, distance_pc }
    }

    /// Height above the Galactic plane, pc.
    pub(super) fn height_pc(&self) -> f64 {
        galaxy::SUN_HEIGHT_PC + self.distance_pc * self.b_deg.to_radians().sin()
    }
}

/// Light and inner nature of a source.
#[derive(Clone, Copy)]
pub(super) struct Nature {
    pub atmosphere: Atmosphere,
    pub absolute: Magnitudes,
    pub unresolved: Option<CompanionStar>,
    pub resolved: Option<CompanionStar>,
}

/// A mass, and a distance uniform in the volume in which it can be seen.
fn draw_proposal(kind: Kind, stream: &mut Stream) -> (Proposal, f64) {
    let proposal = if kind == Kind::KDwarf {
        Proposal::of_mass(stream.uniform_in(0.60, 0.70))
    } else {
        let table = &*PROPOSALS;
        let wanted = stream.uniform() * table.last().map_or(0.0, |row| row.sum);
        let i = table.partition_point(|row| row.sum <= wanted).min(table.len() - 1);
        let step = (FIELD_MASS_MSUN.1 - FIELD_MASS_MSUN.0) / table.len() as f64;
        Proposal { mass_msun: table[i].mass_msun + step * (stream.uniform() - 0.5), ..table[i] }
    };
    let distance_pc = proposal.farthest_pc * stream.uniform().cbrt();
    (proposal, distance_pc)
}

fn draw_place(
    survey: &Survey,
    distance_pc: f64,
    window: Option<Window>,
    stream: &mut Stream,
) -> Option<Place> {
    if let Some(window) = window {
        let radius = 3600.0 * window.radius_deg * stream.uniform().sqrt();
        let (sin, cos) = (std::f64::consts::TAU * stream.uniform()).sin_cos();
        let (ra_deg, dec_deg) =
            galaxy::offset_position(window.ra_deg, window.dec_deg, radius * sin, radius * cos);
        return Some(Place::new(ra_deg, dec_deg, distance_pc));
    }
    let ra_deg = 360.0 * stream.uniform();
    let (south, north) = footprint::DEC_RANGE_DEG;
    let sin_dec = stream.uniform_in(south.to_radians().sin(), north.to_radians().sin());
    let dec_deg = sin_dec.asin().to_degrees();
    let taken = footprint::coverage(survey.seed, ra_deg, dec_deg);
    stream
        .chance(taken)
        .then(|| Place::new(ra_deg, dec_deg, distance_pc))
        .filter(|place| place.distance_pc >= DISTANCE_PC.0)
}

/// The population of a star at a place; nothing where the density refuses it.
fn draw_population(
    place: &Place,
    kind: Kind,
    stream: &mut Stream,
) -> Option<&'static PopulationModel> {
    let densities = POPULATIONS.each_ref().map(|p| {
        p.local_fraction * p.relative_density(place.l_deg, place.b_deg, place.distance_pc)
    });
    if !stream.chance(densities.iter().sum::<f64>() / LARGEST_DENSITY) {
        return None;
    }
    let chosen = &POPULATIONS[stream.weighted(&densities)];
    // Young stars belong to the thin disk, near the plane.
    match kind {
        Kind::PreMainSequence => (place.height_pc().abs() < 200.0).then_some(&POPULATIONS[0]),
        _ => Some(chosen),
    }
}

/// Atmosphere, light and companions of a candidate; nothing when its temperature is none of an M dwarf's.
fn draw_nature(
    kind: Kind,
    fault: Option<StarFault>,
    mass: f64,
    m_h: f64,
    alpha_m: f64,
    distance_pc: f64,
    stream: &mut Stream,
) -> Option<Nature> {
    let deviations = draw_deviations(stream);
    let (mut atmosphere, absolute) = spine::main_sequence_star(mass, m_h, alpha_m, deviations);
    if fault == Some(StarFault::HotOutsideHull) {
        atmosphere.teff_k = planted::HOT_TEFF_K;
    }
    let single = Nature { atmosphere, absolute, unresolved: None, resolved: None };
    let (coolest, hottest) = DWARF_TEFF_K;
    let (boundary, width) = EARLIEST_TEFF_K;
    let called_m = 1.0 / (1.0 + ((atmosphere.teff_k - boundary) / width).exp());
    let is_dwarf = (coolest..=hottest).contains(&atmosphere.teff_k) && stream.chance(called_m);
    match kind {
        Kind::KDwarf => (atmosphere.teff_k > 3_850.0).then_some(single),
        _ if !is_dwarf && fault != Some(StarFault::PoorOutsideHull) => None,
        Kind::PreMainSequence => Some(contaminants::contracting(single, stream)),
        Kind::WhiteDwarfPair => Some(contaminants::with_white_dwarf(single, distance_pc, stream)),
        _ if fault == Some(StarFault::DoubleLined) => {
            Some(double_lined(single, distance_pc, stream))
        }
        _ => Some(with_companion(single, distance_pc, stream)),
    }
}

pub(super) fn draw_deviations(stream: &mut Stream) -> Deviations {
    Deviations {
        magnitude: SPREAD.magnitude * stream.normal(),
        teff_k: SPREAD.teff_k * stream.normal(),
        radius: SPREAD.radius * stream.normal(),
    }
}

/// Adds the companion, if any; an unresolved one adds its light.
pub(super) fn with_companion(single: Nature, distance_pc: f64, stream: &mut Stream) -> Nature {
    let drawn = multiplicity::draw(&single.atmosphere, &single.absolute, distance_pc, stream);
    match drawn {
        None => single,
        Some(pair) if pair.companion.separation_arcsec >= multiplicity::UNRESOLVED_ARCSEC => {
            Nature { resolved: Some(pair), ..single }
        }
        Some(pair) => blend(single, pair),
    }
}

/// Adds the light of an unresolved companion.
pub(super) fn blend(single: Nature, pair: CompanionStar) -> Nature {
    let absolute = extinction::together(&single.absolute, &pair.absolute);
    Nature { absolute, unresolved: Some(pair), ..single }
}

fn double_lined(single: Nature, distance_pc: f64, stream: &mut Stream) -> Nature {
    let mass = single.atmosphere.mass_msun * stream.uniform_in(0.9, 1.0);
    let mut pair = multiplicity::of_mass(
        &single.atmosphere,
        &single.absolute,
        mass.max(spine::MASS_RANGE_MSUN.0),
        0.05,
        distance_pc,
        stream,
    );
    pair.companion.delta_rv_km_s = planted::DOUBLE_LINED_RV_KM_S;
    blend(single, pair)
}

/// Giants and K dwarfs show none.
fn draw_activity(
    kind: Kind,
    teff_k: f64,
    place: &Place,
    age_gyr: f64,
    stream: &mut Stream,
) -> Activity {
    match kind {
        Kind::Giant | Kind::KDwarf => activity::quiet(),
        _ => activity::draw(teff_k, place.height_pc(), age_gyr, stream),
    }
}

/// Puts a star together from what was drawn.
#[expect(clippy::too_many_arguments, reason = "one of each thing that makes a star")]
pub(super) fn assemble(
    survey: &Survey,
    id: u64,
    kind: Kind,
    model: &PopulationModel,
    place: &Place,
    nature: Nature,
    cloud_av_mag: f64,
    age_gyr: f64,
    uvw_km_s: [f64; 3],
    stream: &mut Stream,
) -> System {
    let Place { ra_deg, dec_deg, l_deg, b_deg, distance_pc } = *place;
    let av_mag = cloud_av_mag + survey.dust.av_mag(l_deg, b_deg, distance_pc);
    let (pmra_mas_yr, pmdec_mas_yr, rv_km_s) =
        galaxy::observed_motion(ra_deg, dec_deg, distance_pc, uvw_km_s);
    let activity = draw_activity(kind, nature.atmosphere.teff_k, place, age_gyr, stream);
    let star = Star {
        id,
        kind,
        population: model.population,
        wide_pair: None,
        atmosphere: nature.atmosphere,
        companion: nature.unresolved.map(|pair| pair.companion),
        activity,
        age_gyr,
        ra_deg,
        dec_deg,
        l_deg,
        b_deg,
        distance_pc,
        pmra_mas_yr,
        pmdec_mas_yr,
        rv_km_s,
        av_mag,
        absolute: nature.absolute,
        apparent: extinction::apparent(&nature.absolute, distance_pc, av_mag),
    };
    System { star, resolved: nature.resolved }
}
