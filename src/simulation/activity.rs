//! Chromospheric activity: how often, and how strong.

use super::planted::ACTIVE_EW_ANGSTROM;
use super::random::Stream;
use super::star::Activity;

/// Share of active stars by subtype, M0 to M6 and later, near the plane: it rises through the fully convective limit
/// (West et al. 2011, AJ 141, 97; West et al. 2008, AJ 135, 785). Averaged over a magnitude-limited sample about 8
/// percent, as in section 4.4 of the paper.
const ACTIVE_SHARE: [f64; 7] = [0.02, 0.03, 0.05, 0.08, 0.20, 0.40, 0.55];
/// Height over which the share falls by e, pc: activity fades with age.
const FADING_HEIGHT_PC: f64 = 400.0;

/// Decimal subtype of an M dwarf: 0.0 at 3850 K (M0), 6.0 at 2810 K (M6); below 0 for K dwarfs.
pub fn subtype(teff_k: f64) -> f64 {
    const SCALE: [(f64, f64); 9] = [
        (4440.0, -2.0),
        (4090.0, -1.0),
        (3850.0, 0.0),
        (3660.0, 1.0),
        (3560.0, 2.0),
        (3430.0, 3.0),
        (3210.0, 4.0),
        (3060.0, 5.0),
        (2810.0, 6.0),
    ];
    let segment = SCALE.windows(2).find(|w| teff_k >= w[1].0).unwrap_or(&SCALE[7..9]);
    let ((hot, early), (cool, late)) = (segment[0], segment[1]);
    early + (hot - teff_k) / (hot - cool) * (late - early)
}

/// Probability that a dwarf is active, from its temperature, height above the plane and age.
pub fn probability(teff_k: f64, height_pc: f64, age_gyr: f64) -> f64 {
    let subtype = subtype(teff_k).clamp(0.0, 6.0);
    let (low, part) = ((subtype as usize).min(5), subtype - subtype.floor().min(5.0));
    let local = ACTIVE_SHARE[low] + part * (ACTIVE_SHARE[low + 1] - ACTIVE_SHARE[low]);
    // Stars younger than 0.2 Gyr are nearly all active from M2 on, those of 0.7 Gyr (Hyades) from M4 on.
    let young = if age_gyr < 0.2 {
        0.35 + 0.15 * subtype
    } else if age_gyr < 1.0 {
        0.2 * (subtype - 1.0).max(0.0)
    } else {
        0.0
    };
    (local * (-height_pc.abs() / FADING_HEIGHT_PC).exp()).max(young).min(0.98)
}

/// Activity of one dwarf: equivalent widths log-normal about 3 Angstrom, mostly 1 to 10.
pub fn draw(teff_k: f64, height_pc: f64, age_gyr: f64, stream: &mut Stream) -> Activity {
    let active = stream.chance(probability(teff_k, height_pc, age_gyr));
    let width = stream.log_normal(3.0, 0.25).clamp(ACTIVE_EW_ANGSTROM + 0.05, 20.0);
    Activity { active, h_alpha_ew_angstrom: if active { width } else { 0.0 } }
}

/// Activity of a star that shows none.
pub fn quiet() -> Activity {
    Activity { active: false, h_alpha_ew_angstrom: 0.0 }
}
