//! Reddening from a three-dimensional dust map of the kind of Bayestar2019 (Green et al. 2019, 2019ApJ...887...93G).
//!
//! The map is a set of lines of sight: nested HEALPix pixels in Galactic coordinates, of several sizes, and for each
//! the reddening at a list of distance moduli, as a best fit and as samples of the posterior. A look-up finds the
//! smallest pixel that holds the star, interpolates every sample linearly in distance modulus, and then takes the
//! median of the samples: the median of curves that cross is not the curve of medians.
//!
//! Bayestar's unit is not E(B-V): see [`E_BV_PER_UNIT`]. What a star then loses in Gaia's passbands: [`bands`].

pub mod bands;

use sofars::coords::icrs2g;
use thiserror::Error;

use super::healpix::pixel_of;
use super::sorting::{sort_indices, sort_numbers};

/// E(B-V), mag, of one unit of Bayestar2019, through g-r: 0.884 (argonaut.skymaps.info/usage). Through r-z: 0.995.
pub const E_BV_PER_UNIT: f64 = 0.884;
/// A_V / E(B-V) of the law that the conversion assumes (Fitzpatrick 1999). Wang & Chen's 3.16 is another law's.
pub const R_V: f64 = 3.1;
/// The largest order of a pixel whose number fits 62 bits with its face.
const DEEPEST_ORDER: u32 = 29;

/// Why a map cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DustError {
    /// A pixel of a size that HEALPix does not have.
    #[error("dust map: row {row} has nside {nside}, which is not a power of two up to 2^29")]
    Nside { row: usize, nside: u32 },
    /// A pixel beyond the last one of its size.
    #[error("dust map: row {row} is pixel {index} of nside {nside}, which has 12 nside^2 pixels")]
    Index { row: usize, nside: u32, index: u64 },
    /// The same pixel twice.
    #[error("dust map: pixel {index} of nside {nside} is in rows {first} and {second}")]
    Twice { nside: u32, index: u64, first: usize, second: usize },
}

/// Galactic longitude and latitude, degrees, of an ICRS direction (Hipparcos' definition, by SOFA).
pub fn galactic(ra_deg: f64, dec_deg: f64) -> (f64, f64) {
    let (l, b) = icrs2g(ra_deg.to_radians(), dec_deg.to_radians());
    (l.to_degrees(), b.to_degrees())
}

/// Distance modulus, mag; NaN for what is no distance.
pub fn distance_modulus(distance_pc: f64) -> f64 {
    if distance_pc > 0.0 && distance_pc.is_finite() {
        5.0 * distance_pc.log10() - 5.0
    } else {
        f64::NAN
    }
}

/// The pixels of a map, to be found by direction.
#[derive(Debug, Clone)]
pub struct Footprint {
    /// Orders from the finest to the coarsest, each with its pixels and their rows, by pixel.
    levels: Vec<(u32, Vec<(u64, usize)>)>,
}

impl Footprint {
    /// From (nside, nested pixel) of each row of the map, in any order.
    pub fn new(pixels: impl IntoIterator<Item = (u32, u64)>) -> Result<Self, DustError> {
        let mut levels: Vec<(u32, Vec<(u64, usize)>)> = Vec::new();
        for (row, (nside, index)) in pixels.into_iter().enumerate() {
            let order = nside.trailing_zeros();
            if !nside.is_power_of_two() || order > DEEPEST_ORDER {
                return Err(DustError::Nside { row, nside });
            }
            if index >= 12 << (2 * order) {
                return Err(DustError::Index { row, nside, index });
            }
            match levels.iter_mut().find(|(level, _)| *level == order) {
                Some((_, pixels)) => pixels.push((index, row)),
                None => levels.push((order, vec![(index, row)])),
            }
        }
        levels.sort_unstable_by_key(|(order, _)| std::cmp::Reverse(*order));
        for (order, pixels) in &mut levels {
            sort_indices(pixels);
            if let Some(twins) = pixels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let (nside, index) = (1 << *order, twins[0].0);
                return Err(DustError::Twice {
                    nside,
                    index,
                    first: twins[0].1,
                    second: twins[1].1,
                });
            }
        }
        Ok(Self { levels })
    }

    /// Row of the smallest pixel that holds a Galactic direction (degrees); `None` outside of the map.
    pub fn row(&self, l_deg: f64, b_deg: f64) -> Option<usize> {
        if !(l_deg.is_finite() && (-90.0..=90.0).contains(&b_deg)) {
            return None;
        }
        self.levels.iter().find_map(|(order, pixels)| {
            let pixel = pixel_of(*order, l_deg, b_deg);
            let at = pixels.binary_search_by_key(&pixel, |(index, _)| *index).ok()?;
            Some(pixels[at].1)
        })
    }
}

/// Reddening of one line of sight at a distance modulus, in the unit of `curve`.
///
/// `moduli`: rising distance moduli, `(n_distance,)`; `curve`: reddening there, same shape. Between them linear in
/// modulus; nearer than the first one in proportion to distance; beyond the last one that of the last. NaN for NaN.
pub fn reddening_at(moduli: &[f64], curve: &[f32], modulus: f64) -> f64 {
    let n = moduli.len().min(curve.len());
    if n == 0 || modulus.is_nan() {
        return f64::NAN;
    }
    let value = |i: usize| f64::from(curve[i]);
    match moduli[..n].partition_point(|m| *m < modulus) {
        0 => 10f64.powf(0.2 * (modulus - moduli[0])) * value(0),
        above if above == n => value(n - 1),
        above => {
            let share = (moduli[above] - modulus) / (moduli[above] - moduli[above - 1]);
            (1.0 - share) * value(above) + share * value(above - 1)
        }
    }
}

/// Median reddening of several curves at a distance modulus; the mean of the middle two for an even number.
///
/// `curves`: `(n_curve, n_distance)`, row by row. NaN without curves or with a NaN among them.
pub fn median_reddening_at(moduli: &[f64], curves: &[f32], modulus: f64) -> f64 {
    if moduli.is_empty() {
        return f64::NAN;
    }
    let curves = curves.chunks_exact(moduli.len());
    let mut values: Vec<f64> = curves.map(|curve| reddening_at(moduli, curve, modulus)).collect();
    if values.is_empty() || values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    sort_numbers(&mut values);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { 0.5 * (values[middle - 1] + values[middle]) }
}

/// Whether a distance modulus lies where the map calls itself reliable; false where it gives no limits.
pub fn is_reliable(modulus: f64, least: f64, largest: f64) -> bool {
    least.is_finite() && largest.is_finite() && least <= modulus && modulus <= largest
}

#[cfg(test)]
#[path = "dust_tests.rs"]
mod tests;
