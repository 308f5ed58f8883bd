//! The dust map in the layout of Bayestar2019 (Green et al. 2019, ApJ 887, 93): `pixel_info`, `best_fit`, `samples`.
//!
//! Reddening is in Bayestar's unit: E(B-V) = 0.884 of it (through g-r), so A_V = 2.742 of it at R_V = 3.1. Pixels are
//! nested HEALPix in Galactic coordinates; 120 distance moduli from 4 to 18.875. What is outside the reliable distances
//! is filled all the same, as in the real map: the flag says not to trust it.

use ndarray::{Array2, Array3};

use super::super::extinction::CLUMP_ORDER;
use super::super::galaxy;
use super::super::healpix;
use super::super::random::Stream;
use super::super::survey::Survey;
use super::super::table::Table;

/// A_V, mag, of one unit of Bayestar2019.
pub const AV_PER_UNIT: f64 = 3.1 * 0.884;
/// Number of distances of a line of sight.
pub const N_DISTANCE: usize = 120;
/// The map covers the sky north of this declination, degrees.
const SOUTH_DEG: f64 = -30.0;

/// Distance modulus, mag, of one of the 120 distances.
pub fn distance_modulus(i: usize) -> f64 {
    4.0 + 0.125 * i as f64
}

/// The map.
#[derive(Debug, Clone)]
pub struct DustGrid {
    /// `nside`, `healpix_index`, `converged`, `DM_reliable_min`, `DM_reliable_max`, `n_stars`; one row a pixel.
    pub pixel_info: Table,
    /// Distance moduli, mag, `(120,)`.
    pub distance_modulus: Vec<f64>,
    /// Reddening of the best fit, `(n_pixel, 120)`.
    pub best_fit: Array2<f32>,
    /// Samples of the posterior, `(n_pixel, n_sample, 120)`.
    pub samples: Array3<f32>,
}

struct Pixel {
    index: u64,
    converged: bool,
    reliable: (f64, f64),
    n_stars: i32,
}

/// The map of a survey: every pixel of nside 32 north of -30 degrees.
///
/// A measured line of sight is the true one times a factor of 5 percent scatter; samples scatter by as much about the
/// best fit. 1 pixel in 50 has not converged.
pub fn grid(survey: &Survey) -> DustGrid {
    let pixels: Vec<Pixel> = (0..12u64 << (2 * CLUMP_ORDER))
        .filter(|index| {
            let (l, b) = healpix::center_of(CLUMP_ORDER, *index);
            galaxy::to_equatorial(l, b).1 > SOUTH_DEG
        })
        .map(|index| pixel(survey, index))
        .collect();
    let n_sample = survey.extent.n_dust_sample;
    let mut best_fit = Array2::zeros((pixels.len(), N_DISTANCE));
    let mut samples = Array3::zeros((pixels.len(), n_sample, N_DISTANCE));
    for (row, pixel) in pixels.iter().enumerate() {
        let mut stream = Stream::new(survey.seed, pixel.index, "bayestar");
        let measured = 1.0 + stream.gaussian(0.0, 0.05);
        let scatter: Vec<f64> = (0..n_sample).map(|_| 1.0 + stream.gaussian(0.0, 0.05)).collect();
        for i in 0..N_DISTANCE {
            let distance_pc = 10f64.powf(0.2 * distance_modulus(i) + 1.0);
            let unit = survey.dust.pixel_av_mag(pixel.index, distance_pc) / AV_PER_UNIT;
            best_fit[(row, i)] = (measured * unit) as f32;
            for (sample, factor) in scatter.iter().enumerate() {
                samples[(row, sample, i)] = (measured * factor * unit) as f32;
            }
        }
    }
    let distance_modulus = (0..N_DISTANCE).map(distance_modulus).collect();
    DustGrid { pixel_info: pixel_info(&pixels), distance_modulus, best_fit, samples }
}

fn pixel(survey: &Survey, index: u64) -> Pixel {
    let mut stream = Stream::new(survey.seed, index, "bayestar pixel");
    let b_deg = healpix::center_of(CLUMP_ORDER, index).1;
    let per_pixel = 300.0 + 6_000.0 * (-b_deg.abs() / 15.0).exp();
    // Few stars lie within 100 pc: nearer than DM 5 to 7 nothing is reliable. Most M dwarfs of the survey lie beyond.
    let near = stream.uniform_in(4.6, 7.0);
    let far = stream.uniform_in(12.5, 15.5);
    let converged = !stream.chance(0.02);
    let n_stars = stream.poisson(per_pixel) as i32;
    Pixel { index, converged, reliable: (near, far), n_stars }
}

fn pixel_info(pixels: &[Pixel]) -> Table {
    Table::new("pixel_info")
        .i32(("nside", "", "HEALPix nside"), pixels, |_| 1 << CLUMP_ORDER)
        .i64(("healpix_index", "", "Nested pixel, Galactic"), pixels, |p| p.index as i64)
        .bool(("converged", "", "The fit has converged"), pixels, |p| p.converged)
        .f32(("DM_reliable_min", "mag", "Least reliable distance modulus"), pixels, |p| {
            p.reliable.0
        })
        .f32(("DM_reliable_max", "mag", "Largest reliable distance modulus"), pixels, |p| {
            p.reliable.1
        })
        .i32(("n_stars", "", "Stars in the pixel"), pixels, |p| p.n_stars)
}
