//! Companions: how many, how far, how massive.

use super::random::Stream;
use super::spine::{self, Deviations, MASS_RANGE_MSUN};
use super::star::{Atmosphere, Companion, Magnitudes};

/// Share of M dwarfs with a stellar companion: 26.8 +- 1.4 percent (Winters et al. 2019, AJ 157, 216).
pub const MULTIPLICITY: f64 = 0.268;
/// Median and spread (dex) of the projected separations, au: a broad peak at 4 to 20 au with a wide tail (Winters et
/// al. 2019).
const SEPARATION_AU: (f64, f64) = (20.0, 1.1);
/// Least mass ratio; the distribution is flat above it.
const LEAST_MASS_RATIO: f64 = 0.2;
/// Angle below which Gaia and the fiber see one source, arcsec (Gaia DR2 resolves pairs from about 0.5 to 1 arcsec up:
/// Arenou et al. 2018, A&A 616, A17; the fiber is 3.3 arcsec wide).
pub const UNRESOLVED_ARCSEC: f64 = 1.0;

/// A companion with its own light.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompanionStar {
    pub companion: Companion,
    pub absolute: Magnitudes,
}

/// The companion of a primary at a distance, if it has one that shines.
pub fn draw(
    primary: &Atmosphere,
    absolute: &Magnitudes,
    distance_pc: f64,
    stream: &mut Stream,
) -> Option<CompanionStar> {
    if !stream.chance(MULTIPLICITY) {
        return None;
    }
    let mass = primary.mass_msun * stream.uniform_in(LEAST_MASS_RATIO, 1.0);
    let separation_au = stream.log_normal(SEPARATION_AU.0, SEPARATION_AU.1).clamp(0.02, 2.0e5);
    // Brown dwarfs and the like add no light; they are left out.
    (mass >= MASS_RANGE_MSUN.0)
        .then(|| of_mass(primary, absolute, mass, separation_au, distance_pc, stream))
}

/// A main-sequence companion of given mass and separation, with the primary's composition.
pub fn of_mass(
    primary: &Atmosphere,
    absolute: &Magnitudes,
    mass_msun: f64,
    separation_au: f64,
    distance_pc: f64,
    stream: &mut Stream,
) -> CompanionStar {
    let (atmosphere, own) =
        spine::main_sequence_star(mass_msun, primary.m_h, primary.alpha_m, Deviations::default());
    // Circular orbit of random phase and inclination.
    let speed = 29.8 * ((primary.mass_msun + mass_msun) / separation_au).sqrt();
    let sin_inclination = (1.0 - stream.uniform().powi(2)).sqrt();
    let phase = std::f64::consts::TAU * stream.uniform();
    let companion = Companion {
        white_dwarf: false,
        atmosphere,
        flux_ratio_g: 10f64.powf(-0.4 * (own.g - absolute.g)),
        flux_ratio_i: 10f64.powf(-0.4 * (own.i - absolute.i)),
        separation_au,
        separation_arcsec: separation_au / distance_pc,
        delta_rv_km_s: speed * sin_inclination * phase.sin(),
    };
    CompanionStar { companion, absolute: own }
}
