//! The dust of the simulated Galaxy, and what it does to magnitudes.
//!
//! An exponential layer with a bubble around the Sun, made clumpy from one line of sight to the next. The map is a
//! function of (seed, direction, distance), so that the dust archive and the stars see the same dust.

use super::healpix;
use super::interpolate::Monotone;
use super::random::Stream;
use super::star::Magnitudes;
use super::variant::DustLayer;

/// HEALPix order of the clumps: nside 32, 1.8 degrees.
pub const CLUMP_ORDER: u32 = 5;

/// The dust of one survey.
#[derive(Debug, Clone, Copy)]
pub struct DustMap {
    seed: u64,
    layer: DustLayer,
}

impl DustMap {
    /// The dust that belongs to a seed, in a layer.
    pub fn new(seed: u64, layer: DustLayer) -> Self {
        Self { seed, layer }
    }

    /// Extinction in V, mag, to a distance in a Galactic direction.
    pub fn av_mag(&self, l_deg: f64, b_deg: f64, distance_pc: f64) -> f64 {
        let pixel = healpix::pixel_of(CLUMP_ORDER, l_deg, b_deg);
        self.clump(pixel) * smooth_av_mag(&self.layer, b_deg, distance_pc)
    }

    /// Extinction in V, mag, on the line of sight of one pixel of order [`CLUMP_ORDER`], at the latitude of its center.
    pub fn pixel_av_mag(&self, pixel: u64, distance_pc: f64) -> f64 {
        let b_deg = healpix::center_of(CLUMP_ORDER, pixel).1;
        self.clump(pixel) * smooth_av_mag(&self.layer, b_deg, distance_pc)
    }

    fn clump(&self, pixel: u64) -> f64 {
        Stream::new(self.seed, pixel, "dust clump").log_normal(1.0, self.layer.clump_dex)
    }
}

/// Extinction in V, mag, of the smooth layer: the integral of (A0/h) exp(-|z|/h) from the edge of the bubble on.
fn smooth_av_mag(layer: &DustLayer, b_deg: f64, distance_pc: f64) -> f64 {
    if distance_pc <= layer.bubble_pc {
        return 0.0;
    }
    let slope = b_deg.to_radians().sin().abs().max(1e-4) / layer.height_pc;
    let column = (-layer.bubble_pc * slope).exp() - (-distance_pc * slope).exp();
    layer.pole_av_mag / layer.height_pc * column / slope
}

/// Extinction in each band for A_V = 1 mag and a star of intrinsic color BP-RP.
///
/// G falls with color, for the band is wide: about 0.70, 0.65, 0.62 at BP-RP 1.8, 2.2, 2.5 (unchecked; Wang & Chen
/// 2019, ApJ 877, 116, give 0.789 for red-clump stars). BP likewise, from their 1.002. RP 0.589, J 0.243, H 0.131,
/// Ks 0.078 are theirs; r 0.843 and i 0.628 too (SDSS bands).
pub fn coefficients(bp_rp: f64) -> Magnitudes {
    let g = Monotone::new(&[1.2, 1.8, 2.2, 2.5, 4.5], &[0.76, 0.70, 0.65, 0.62, 0.52]).at(bp_rp);
    let bp = Monotone::new(&[1.2, 1.8, 2.5, 4.5], &[0.99, 0.95, 0.91, 0.86]).at(bp_rp);
    Magnitudes { g, bp, rp: 0.589, r: 0.843, i: 0.628, j: 0.243, h: 0.131, ks: 0.078 }
}

/// Apparent magnitudes of a source at a distance (pc) behind an extinction.
pub fn apparent(absolute: &Magnitudes, distance_pc: f64, av_mag: f64) -> Magnitudes {
    let modulus = 5.0 * distance_pc.log10() - 5.0;
    let k = coefficients((absolute.bp - absolute.rp).clamp(-0.5, 5.5));
    let dim = |magnitude: f64, k: f64| magnitude + modulus + k * av_mag;
    Magnitudes {
        g: dim(absolute.g, k.g),
        bp: dim(absolute.bp, k.bp),
        rp: dim(absolute.rp, k.rp),
        r: dim(absolute.r, k.r),
        i: dim(absolute.i, k.i),
        j: dim(absolute.j, k.j),
        h: dim(absolute.h, k.h),
        ks: dim(absolute.ks, k.ks),
    }
}

/// Magnitudes of two sources seen as one.
pub fn together(a: &Magnitudes, b: &Magnitudes) -> Magnitudes {
    let add = |a: f64, b: f64| -2.5 * (10f64.powf(-0.4 * a) + 10f64.powf(-0.4 * b)).log10();
    Magnitudes {
        g: add(a.g, b.g),
        bp: add(a.bp, b.bp),
        rp: add(a.rp, b.rp),
        r: add(a.r, b.r),
        i: add(a.i, b.i),
        j: add(a.j, b.j),
        h: add(a.h, b.h),
        ks: add(a.ks, b.ks),
    }
}

#[cfg(test)]
mod tests {
    use super::super::variant::Variant;
    use super::*;

    #[test]
    fn dust_has_its_slope_in_the_plane_and_its_bubble() {
        let n = 500;
        let mean: f64 = (0..n)
            .map(|seed| DustMap::new(seed, Variant::Standard.dust()).av_mag(100.0, 0.5, 1000.0))
            .sum::<f64>()
            / n as f64;
        // The mean of a log-normal of 0.3 dex is 1.27 times its median.
        assert!((0.9..1.4).contains(&mean), "{mean}");
        assert_eq!(DustMap::new(1, Variant::Standard.dust()).av_mag(100.0, 0.5, 70.0), 0.0);
        let pole = smooth_av_mag(&Variant::Standard.dust(), 90.0, 5000.0);
        assert!((pole - 0.1 * (-0.8f64).exp()).abs() < 1e-6, "{pole}");
        let map = DustMap::new(1, Variant::Standard.dust());
        assert!(map.av_mag(10.0, 20.0, 300.0) < map.av_mag(10.0, 20.0, 600.0));
    }

    #[test]
    fn equal_stars_together_are_three_quarters_of_a_magnitude_brighter() {
        let star = super::super::spine::magnitudes(6.0, 2.2);
        let both = together(&star, &star);
        assert!(
            (star.g - both.g - 0.7526).abs() < 1e-4 && (star.ks - both.ks - 0.7526).abs() < 1e-4
        );
    }
}
