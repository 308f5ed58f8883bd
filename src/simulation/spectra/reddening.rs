//! Extinction curves in the optical, with R_V = 3.1.
//!
//! The survey's spectra are reddened by [`Law::Cardelli`] (Cardelli, Clayton & Mathis 1989, ApJ 345, 245, equations 3a and
//! 3b), the blind variant's by [`Law::Fitzpatrick`] (Fitzpatrick 1999, PASP 111, 63, table 3), so that
//! nothing is tested against its own dust.

/// Total over selective extinction.
const R_V: f64 = 3.1;

/// An extinction curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// Cardelli, Clayton & Mathis 1989.
    Cardelli,
    /// Fitzpatrick 1999.
    Fitzpatrick,
}

/// A(lambda) / A(V) at a vacuum wavelength, Angstrom, from 3030 to 9900.
pub fn relative_extinction(law: Law, wave_angstrom: f64) -> f64 {
    let x = 1e4 / wave_angstrom;
    match law {
        Law::Cardelli => {
            let y = x - 1.82;
            polynomial(&CARDELLI_A, y) + polynomial(&CARDELLI_B, y) / R_V
        }
        Law::Fitzpatrick => lagrange(&FITZPATRICK, x) / R_V,
    }
}

/// Dims `flux`, `(n,)` on vacuum wavelengths `(n,)` Angstrom, by `av_mag` magnitudes in V.
///
/// The curve is evaluated at every 64th point and taken as a power of the wavelength between: off by less than 1e-4 mag
/// a magnitude of extinction.
pub fn redden(law: Law, wave_angstrom: &[f64], flux: &mut [f64], av_mag: f64) {
    const STRIDE: usize = 64;
    if av_mag == 0.0 {
        return;
    }
    let transmission =
        |wave: f64| -0.4 * std::f64::consts::LN_10 * av_mag * relative_extinction(law, wave);
    for (wave, flux) in wave_angstrom.chunks(STRIDE).zip(flux.chunks_mut(STRIDE)) {
        let (first, last) = (transmission(wave[0]), transmission(wave[wave.len() - 1]));
        let step = ((last - first) / (wave.len().max(2) - 1) as f64).exp();
        let mut factor = first.exp();
        for flux in flux {
            *flux *= factor;
            factor *= step;
        }
    }
}

const CARDELLI_A: [f64; 8] =
    [1.0, 0.17699, -0.50447, -0.02427, 0.72085, 0.01979, -0.77530, 0.32999];
const CARDELLI_B: [f64; 8] =
    [0.0, 1.41338, 2.28305, 1.07233, -5.38434, -0.62251, 5.30260, -2.09002];

/// Anchors of Fitzpatrick's spline in the optical: inverse micron, A(lambda) / E(B-V).
const FITZPATRICK: [(f64, f64); 6] = [
    (1e4 / 12200.0, 0.829),
    (1e4 / 6000.0, 2.688),
    (1e4 / 5470.0, 3.055),
    (1e4 / 4670.0, 3.806),
    (1e4 / 4110.0, 4.315),
    (1e4 / 2700.0, 6.265),
];

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// Polynomial through the four anchors around `x`, which stands in for the spline to about 0.02 in A/E(B-V).
fn lagrange(anchors: &[(f64, f64)], x: f64) -> f64 {
    let above = anchors.iter().position(|a| a.0 > x).unwrap_or(anchors.len());
    let first = above.saturating_sub(2).min(anchors.len() - 4);
    let near = &anchors[first..first + 4];
    let weight = |i: usize| -> f64 {
        let others = near.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, a)| (x - a.0) / (near[i].0 - a.0)).product()
    };
    near.iter().enumerate().map(|(i, a)| a.1 * weight(i)).sum()
}
