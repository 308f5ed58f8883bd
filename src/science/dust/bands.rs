//! What dust takes in Gaia's passbands, given A_V.
//!
//! | law | A_G / A_V | source |
//! |---|---|---|
//! | [`Law::WangChen2019`] | 0.789, whatever the star | Wang & Chen 2019 (2019ApJ...877..116W), red-clump stars |
//! | [`Law::ColorDependent`] | falls with color: 0.70, 0.65, 0.62 at BP-RP 1.8, 2.2, 2.5 | Gaia Collaboration, Babusiaux et al. 2018 (2018A&A...616A..10G), eq. 1 and Table 1 |
//!
//! G is so wide that a red star sends most of its light through where dust takes less. The second law was fitted up to
//! BP-RP = 2.5 and A_0 = 5 mag; redder stars are given what it says there.

/// Extinctions, mag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bands {
    pub g: f64,
    pub bp: f64,
    pub rp: f64,
}

/// From A_V to Gaia's passbands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// One ratio for all stars.
    WangChen2019,
    /// A ratio for each intrinsic color and A_V.
    ColorDependent,
}

/// Ratios to A_V of Wang & Chen 2019, Table 3: G, BP, RP.
const WANG_CHEN: Bands = Bands { g: 0.789, bp: 1.002, rp: 0.589 };
/// Coefficients of 1, c, c^2, c^3, A, A^2, c A in A_X / A_0, with c the intrinsic BP-RP and A = A_0.
const G: [f64; 7] = [0.9761, -0.1704, 0.0086, 0.0011, -0.0438, 0.0013, 0.0099];
const BP: [f64; 7] = [1.1517, -0.0871, -0.0333, 0.0173, -0.0230, 0.0006, 0.0043];
const RP: [f64; 7] = [0.6104, -0.0170, -0.0026, -0.0017, -0.0078, 0.00005, 0.0006];
/// Intrinsic colors and A_0, mag, that the coefficients were fitted to.
const COLORS: (f64, f64) = (-0.06, 2.5);
const EXTINCTIONS: (f64, f64) = (0.01, 5.0);
/// Steps of the intrinsic color; each gains more than a decimal.
const STEPS: usize = 12;

impl Law {
    /// Extinctions of a star of observed color BP-RP (mag) behind A_V (mag); A_0 is taken as A_V. The color matters
    /// to [`Law::ColorDependent`] only: NaN there gives NaN.
    pub fn extinction(self, a_v_mag: f64, observed_bp_rp: f64) -> Bands {
        match self {
            Self::WangChen2019 => WANG_CHEN.times(a_v_mag),
            Self::ColorDependent => color_dependent(a_v_mag, observed_bp_rp),
        }
    }
}

impl Bands {
    fn times(self, factor: f64) -> Self {
        Self { g: self.g * factor, bp: self.bp * factor, rp: self.rp * factor }
    }
}

/// The ratios depend on the intrinsic color, which the extinction itself makes known: solved by repetition.
fn color_dependent(a_v_mag: f64, observed_bp_rp: f64) -> Bands {
    let at = |color: f64| ratios(color, a_v_mag).times(a_v_mag);
    let mut bands = at(observed_bp_rp);
    for _ in 0..STEPS {
        bands = at(observed_bp_rp - (bands.bp - bands.rp));
    }
    bands
}

fn ratios(color: f64, a_v_mag: f64) -> Bands {
    // `clamp` leaves NaN as it is.
    let c = color.clamp(COLORS.0, COLORS.1);
    let a = a_v_mag.clamp(EXTINCTIONS.0, EXTINCTIONS.1);
    let terms = [1.0, c, c * c, c * c * c, a, a * a, c * a];
    let sum = |k: [f64; 7]| k.iter().zip(terms).map(|(k, term)| k * term).sum();
    Bands { g: sum(G), bp: sum(BP), rp: sum(RP) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slopes of A_G with color that are quoted for M dwarfs.
    #[test]
    fn a_redder_star_loses_less_in_g() {
        for (color, expected) in [(1.8, 0.70), (2.2, 0.65), (2.5, 0.62), (4.0, 0.62)] {
            let k = Law::ColorDependent.extinction(1e-6, color).g / 1e-6;
            assert!((k - expected).abs() < 0.006, "{color}: {k}");
        }
        let fixed = Law::WangChen2019.extinction(2.0, f64::NAN);
        assert!((fixed.g - 1.578).abs() < 1e-12 && fixed.bp > fixed.g && fixed.g > fixed.rp);
    }

    /// Reddening a star of known color and taking the reddening away again gives the color back.
    #[test]
    fn the_intrinsic_color_is_found() {
        for (color, a_v) in [(1.6, 0.1), (2.0, 1.0), (2.4, 3.0), (0.8, 4.9)] {
            let truth = ratios(color, a_v).times(a_v);
            let observed = color + truth.bp - truth.rp;
            let found = Law::ColorDependent.extinction(a_v, observed);
            assert!((found.g - truth.g).abs() < 1e-6, "{color} {a_v}: {found:?} {truth:?}");
        }
        assert!(Law::ColorDependent.extinction(1.0, f64::NAN).g.is_nan());
        assert_eq!(Law::ColorDependent.extinction(0.0, 2.0).g, 0.0);
    }
}
