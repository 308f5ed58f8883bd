//! Spectral indices of M dwarfs: the TiO and CaH bands, zeta, and the equivalent width of H-alpha.
//!
//! Windows of Reid, Hawley & Gizis 1995 (AJ 110, 1838, table 2), in air there and converted to vacuum here;
//! zeta of Lepine, Rich & Shara 2007 (ApJ 669, 1235, equation 1); H-alpha as West et al. 2011 (AJ 141, 97).

use crate::science::wavelength::{Air, LOG10_WAVE_START, LOG10_WAVE_STEP};

/// Band of an index: numerator and denominators (means averaged), in air, Angstrom.
type Windows = ((f64, f64), &'static [(f64, f64)]);

const PEAK: &[(f64, f64)] = &[(7042.0, 7046.0)];
const WINDOWS: [Windows; 9] = [
    ((6718.0, 6723.0), &[(6703.0, 6708.0)]),
    ((7058.0, 7061.0), &[(7043.0, 7046.0)]),
    ((7092.0, 7097.0), &[(7079.0, 7084.0)]),
    ((7130.0, 7135.0), &[(7115.0, 7120.0)]),
    ((7126.0, 7135.0), PEAK),
    ((6380.0, 6390.0), &[(6345.0, 6355.0), (6410.0, 6420.0)]),
    ((6814.0, 6846.0), PEAK),
    ((6960.0, 6990.0), PEAK),
    ((6230.0, 6240.0), &[(6345.0, 6354.0)]),
];
/// Line and continua of H-alpha, vacuum, Angstrom.
const H_ALPHA: ((f64, f64), [(f64, f64); 2]) =
    ((6557.61, 6571.61), [(6530.0, 6555.0), (6575.0, 6600.0)]);

/// An index and its error from the spectrum's noise; NaN where its pixels are bad.
pub type Measured = (f64, f64);

/// The indices of one spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Indices {
    /// TiO1 to TiO5.
    pub tio: [Measured; 5],
    /// CaH1 to CaH3.
    pub cah: [Measured; 3],
    pub caoh: Measured,
    /// Metallicity index (TiO5 against CaH2 + CaH3).
    pub zeta: Measured,
    /// Equivalent width of H-alpha, positive in emission, Angstrom.
    pub h_alpha_ew_angstrom: Measured,
}

/// Measures a spectrum on LAMOST pixels from pixel 0: `flux`, `ivar` `(n_pix,)`, of redshift `z`.
pub fn measure(flux: &[f32], ivar: &[f32], z: f64) -> Indices {
    let spectrum = Spectrum { flux, ivar, z };
    let all = WINDOWS.map(|windows| spectrum.ratio(windows));
    let [t1, t2, t3, t4, t5, c1, c2, c3, caoh] = all;
    Indices {
        tio: [t1, t2, t3, t4, t5],
        cah: [c1, c2, c3],
        caoh,
        zeta: zeta(t5, c2, c3),
        h_alpha_ew_angstrom: spectrum.h_alpha(),
    }
}

/// zeta = (1 - TiO5) / (1 - TiO5 of a star of solar abundance with the same CaH2 + CaH3), with its error.
pub fn zeta(tio5: Measured, cah2: Measured, cah3: Measured) -> Measured {
    let sum = cah2.0 + cah3.0;
    let solar = -0.164 * sum.powi(3) + 0.670 * sum.powi(2) - 0.118 * sum - 0.050;
    let slope = -0.492 * sum.powi(2) + 1.340 * sum - 0.118;
    let value = (1.0 - tio5.0) / (1.0 - solar);
    let from_cah = value * slope / (1.0 - solar) * cah2.1.hypot(cah3.1);
    (value, (tio5.1 / (1.0 - solar)).hypot(from_cah))
}

struct Spectrum<'a> {
    flux: &'a [f32],
    ivar: &'a [f32],
    z: f64,
}

impl Spectrum<'_> {
    /// Mean flux and its error between two rest wavelengths in vacuum.
    fn mean(&self, (low, high): (f64, f64)) -> Measured {
        let pixel = |wave: f64| (wave.log10() - LOG10_WAVE_START) / LOG10_WAVE_STEP;
        let shift = (1.0 + self.z).log10() / LOG10_WAVE_STEP;
        let first = (pixel(low) + shift).ceil().max(0.0) as usize;
        let last = ((pixel(high) + shift).ceil().max(0.0) as usize).min(self.flux.len());
        let (mut sum, mut variance, mut n) = (0.0, 0.0, 0.0);
        for i in first..last {
            let (flux, ivar) = (f64::from(self.flux[i]), f64::from(self.ivar[i]));
            if ivar > 0.0 && flux.is_finite() {
                (sum, variance, n) = (sum + flux, variance + 1.0 / ivar, n + 1.0);
            }
        }
        // 0 / 0 is the NaN that says that there was nothing to measure.
        (sum / n, f64::sqrt(variance) / n)
    }

    fn ratio(&self, (top, bottoms): Windows) -> Measured {
        let air = |(low, high): (f64, f64)| (Air(low).to_vacuum().0, Air(high).to_vacuum().0);
        let (top, top_error) = self.mean(air(top));
        let n = bottoms.len() as f64;
        let (mut bottom, mut variance) = (0.0, 0.0);
        for &window in bottoms {
            let (mean, error) = self.mean(air(window));
            (bottom, variance) = (bottom + mean / n, variance + (error / n).powi(2));
        }
        let value = top / bottom;
        (value, (top_error / bottom).hypot(value * variance.sqrt() / bottom))
    }

    fn h_alpha(&self) -> Measured {
        let (line, [blue, red]) = H_ALPHA;
        let ((f, f_error), (b, b_error), (r, r_error)) =
            (self.mean(line), self.mean(blue), self.mean(red));
        let continuum = 0.5 * (b + r);
        let width = line.1 - line.0;
        let relative =
            (f_error / continuum).hypot(0.5 * f / continuum * b_error.hypot(r_error) / continuum);
        (width * (f / continuum - 1.0), width * relative)
    }
}
