//! What is done to a model spectrum before it is recovered: real residuals, noise, and faults of instrument and star.
//!
//! All acts on normalized flux on the pixels of the grid: what the continuum removes (reddening, slow ripples of the
//! response) would be removed again, and is not here.

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::super::cross_validation::random_below;
use super::super::draw::standard_normal;
use super::super::wavelength::vacuum_from_air;

const C_KM_S: f64 = 299_792.458;
/// Standard deviations of a Gaussian in its full width at half maximum.
const FWHM: f64 = 2.354_820_045_030_949_3;

/// A fault of a spectrum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// None: residuals and noise alone.
    None,
    /// A velocity that was not taken out, km/s, positive = receding.
    Velocity(f64),
    /// Wavelengths in air taken for those in vacuum.
    Air,
    /// A resolution below that of the model: from one to the other.
    Resolution {
        /// Resolution of the model.
        from: f64,
        /// Resolution of the spectrum.
        to: f64,
    },
    /// Another star in the fiber: its share of the normalized flux.
    Companion(f64),
}

/// Flux with the fault, `(n_pix,)`; `wave` in vacuum Angstrom, ascending; `companion` is the other star's spectrum.
///
/// Missing pixels stay missing, and make their neighbors missing where flux is interpolated or smeared.
pub fn with_fault(fault: Fault, wave: &[f64], flux: &[f64], companion: Option<&[f64]>) -> Vec<f64> {
    match fault {
        Fault::None => flux.to_vec(),
        // A receding star's light at `wave` left it bluer.
        Fault::Velocity(v) => sampled(wave, flux, |w| w / (1.0 + v / C_KM_S)),
        // The label of a pixel is taken for vacuum, but its light is of the vacuum wavelength of that air wavelength.
        Fault::Air => {
            let true_wave = vacuum_from_air(wave);
            interpolated(wave, flux, &true_wave)
        }
        Fault::Resolution { from, to } => smeared(wave, flux, from, to),
        Fault::Companion(share) => {
            let other = companion.unwrap_or(flux);
            flux.iter().zip(other).map(|(a, b)| (1.0 - share) * a + share * b).collect()
        }
    }
}

fn sampled(wave: &[f64], flux: &[f64], at: impl Fn(f64) -> f64) -> Vec<f64> {
    interpolated(wave, flux, &wave.iter().map(|w| at(*w)).collect::<Vec<_>>())
}

/// Flux at other wavelengths, linear between pixels, constant beyond the ends (less than a pixel or two).
fn interpolated(wave: &[f64], flux: &[f64], at: &[f64]) -> Vec<f64> {
    let last = wave.len().saturating_sub(1);
    let value = |w: &f64| {
        let above = wave.partition_point(|x| x < w);
        if above == 0 || above > last {
            return flux[above.min(last)];
        }
        let share = (w - wave[above - 1]) / (wave[above] - wave[above - 1]);
        flux[above - 1] + share * (flux[above] - flux[above - 1])
    };
    if wave.is_empty() { Vec::new() } else { at.iter().map(value).collect() }
}

/// Flux convolved with the Gaussian that takes one resolution to a lower one.
fn smeared(wave: &[f64], flux: &[f64], from: f64, to: f64) -> Vec<f64> {
    let width = (to.powi(-2) - from.powi(-2)).max(0.0).sqrt() / FWHM;
    if width == 0.0 {
        return flux.to_vec();
    }
    let at = |i: usize| {
        let (mut sum, mut total) = (0.0, 0.0);
        let far = |j: usize| (wave[j] / wave[i]).ln() / width;
        let first = (0..i).rev().take_while(|j| far(*j) > -5.0).last().unwrap_or(i);
        for j in (first..wave.len()).take_while(|j| far(*j) < 5.0) {
            // Pixels of equal steps in the logarithm have equal weight but for the Gaussian.
            let weight = (-0.5 * far(j).powi(2)).exp();
            sum += weight * flux[j];
            total += weight;
        }
        sum / total
    };
    (0..wave.len()).map(at).collect()
}

/// A donor of residuals: an observed spectrum less its best model.
#[derive(Debug, Clone)]
pub struct Donor {
    /// Observed less model, `(n_pix,)`.
    pub residual: Vec<f64>,
    /// Inverse variance of the observed flux, 0 where bad.
    pub ivar: Vec<f64>,
}

/// Adds a donor's residuals and Gaussian noise of 1 / `snr` to a spectrum; gives flux and inverse variance.
///
/// The noise depends on seed and `id` alone. A pixel that is bad in the donor, or missing in the spectrum, gets no
/// weight.
pub fn injected(flux: &[f64], donor: &Donor, snr: f64, id: u64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(id);
    let pixel = |i: usize, noise: f64| {
        let (residual, ivar) = (donor.residual[i], donor.ivar[i]);
        let made = flux[i] + residual + noise / snr;
        if !(made.is_finite() && ivar > 0.0) {
            return (f64::NAN, 0.0);
        }
        (made, 1.0 / (1.0 / ivar + snr.powi(-2)))
    };
    (0..flux.len()).map(|i| pixel(i, standard_normal(&mut rng))).unzip()
}

/// The donor of each of `ids`, drawn among `n_donor` by seed and id.
pub fn donors(ids: &[i64], n_donor: usize, seed: u64) -> Vec<usize> {
    let draw = |id: &i64| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(*id as u64);
        random_below(&mut rng, n_donor)
    };
    ids.iter().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels of 69 km/s with one absorption line.
    fn spectrum() -> (Vec<f64>, Vec<f64>) {
        let wave: Vec<f64> = (0..400).map(|i| 10f64.powf(3.85 + 1e-4 * f64::from(i))).collect();
        let line = |w: &f64| 1.0 - 0.5 * (-0.5 * ((w - 7_400.0) / 6.0).powi(2)).exp();
        let flux = wave.iter().map(line).collect();
        (wave, flux)
    }

    fn center(wave: &[f64], flux: &[f64]) -> f64 {
        let depth: Vec<f64> = flux.iter().map(|f| 1.0 - f).collect();
        wave.iter().zip(&depth).map(|(w, d)| w * d).sum::<f64>() / depth.iter().sum::<f64>()
    }

    #[test]
    fn a_receding_star_is_redder_and_air_is_bluer() {
        let (wave, flux) = spectrum();
        let at = |fault| center(&wave, &with_fault(fault, &wave, &flux, None));
        let expected = 7_400.0 * (1.0 + 40.0 / C_KM_S);
        assert!((at(Fault::Velocity(40.0)) - expected).abs() < 0.02);
        // In air the line lies 2.04 Angstrom to the blue.
        assert!((at(Fault::Air) - 7_397.96).abs() < 0.05, "{}", at(Fault::Air));
        assert_eq!(with_fault(Fault::None, &wave, &flux, None), flux);
    }

    #[test]
    fn lower_resolution_widens_lines_and_keeps_their_area() {
        let (wave, flux) = spectrum();
        let wide = with_fault(Fault::Resolution { from: 1_800.0, to: 1_000.0 }, &wave, &flux, None);
        let area = |flux: &[f64]| flux.iter().map(|f| 1.0 - f).sum::<f64>();
        assert!((area(&wide) / area(&flux) - 1.0).abs() < 1e-3);
        let depth = |flux: &[f64]| flux.iter().fold(0.0f64, |d, f| d.max(1.0 - f));
        // Widths add in squares: a line of 6 Angstrom and a Gaussian of 2.61.
        let expected = 6.0 / 6.0f64.hypot(2.61);
        assert!((depth(&wide) / depth(&flux) - expected).abs() < 0.005);
        let same = with_fault(Fault::Resolution { from: 1_800.0, to: 1_800.0 }, &wave, &flux, None);
        assert_eq!(same, flux);
        let half = with_fault(Fault::Companion(0.25), &[1.0], &[1.0], Some(&[0.6]));
        assert!((half[0] - 0.9).abs() < 1e-12);
    }

    #[test]
    fn noise_follows_the_id_and_bad_pixels_have_no_weight() {
        let donor = Donor { residual: vec![0.1, 0.0, f64::NAN], ivar: vec![1e4, 0.0, 1e4] };
        let (flux, ivar) = injected(&[1.0; 3], &donor, 50.0, 7, 1);
        assert_eq!((flux.clone(), ivar.clone()).0[0], injected(&[1.0; 3], &donor, 50.0, 7, 1).0[0]);
        assert_ne!(flux[0], injected(&[1.0; 3], &donor, 50.0, 8, 1).0[0]);
        assert!((flux[0] - 1.1).abs() < 0.1 && (ivar[0] - 1.0 / (1e-4 + 4e-4)).abs() < 1e-6);
        assert!(flux[1].is_nan() && ivar[1..] == [0.0, 0.0]);
        assert_eq!(donors(&[3, 9], 5, 1), donors(&[3, 9], 5, 1));
    }
}
