//! What a spectrograph, a plate and a fiber do to a spectrum: efficiency, response, line spread, wavelength zero.
//!
//! Everything is keyed: what belongs to a spectrograph by its number, what belongs to a plate by its name, what belongs
//! to one spectrum by its obsid.

use super::grid::LAMOST_PIXELS;
use super::lsf::LineSpread;
use crate::science::wavelength::wave_of_index;
use crate::simulation::random::Stream;

/// Detected electrons a pixel per unit of calibrated flux, relative to 8000 Angstrom: measured as flux * ivar of
/// bright real M dwarfs (median of 24), where photon noise rules; below 4500 Angstrom, where it does not, set by the
/// ratio of SNRU and SNRG to SNRI in real headers. Wavelength in Angstrom.
const EFFICIENCY: [(f64, f64); 27] = [
    (3690.0, 0.020),
    (3800.0, 0.030),
    (4000.0, 0.060),
    (4200.0, 0.090),
    (4400.0, 0.130),
    (4600.0, 0.197),
    (4800.0, 0.246),
    (5000.0, 0.283),
    (5200.0, 0.307),
    (5400.0, 0.331),
    (5600.0, 0.316),
    (5800.0, 0.250),
    (6000.0, 0.378),
    (6200.0, 0.524),
    (6400.0, 0.654),
    (6600.0, 0.790),
    (6800.0, 0.838),
    (7000.0, 0.951),
    (7200.0, 0.969),
    (7400.0, 1.040),
    (7800.0, 1.033),
    (8000.0, 1.000),
    (8200.0, 0.921),
    (8400.0, 0.869),
    (8600.0, 0.841),
    (8800.0, 0.665),
    (9100.0, 0.450),
];

/// Spread (natural logarithm, at 3800 Angstrom against 8000) of the slope of the flux calibration from plate to plate:
/// real M dwarfs of one Teff differ so much.
const PLATE_SLOPE_SIGMA: f64 = 0.20;
/// Ripples of the response of a spectrograph: number, amplitude, range of periods (Angstrom). 2 to 3 % in all.
const RIPPLE: (usize, f64, (f64, f64)) = (3, 0.02, (800.0, 1500.0));
/// Ripple of one plate on top of that.
const PLATE_RIPPLE: f64 = 0.006;
/// Width of the line spread function: rms from spectrograph to spectrograph, and from fiber to fiber.
const SPREAD_SIGMA: (f64, f64) = (0.10, 0.03);
/// Zero point of the wavelengths (km/s) and its rms from spectrum to spectrum. LAMOST velocities are about 4 to 6 km/s
/// too low (order of magnitude from comparisons with APOGEE and Gaia in the literature; recalled, not checked).
const WAVELENGTH_ZERO_KM_S: (f64, f64) = (-5.0, 5.0);

/// Efficiency on LAMOST pixels, `(LAMOST_PIXELS,)`, 1 at 8000 Angstrom.
pub fn efficiency() -> Vec<f64> {
    (0..LAMOST_PIXELS).map(|pixel| efficiency_at(wave_of_index(pixel as f64))).collect()
}

fn efficiency_at(wave_angstrom: f64) -> f64 {
    let above = EFFICIENCY.iter().position(|knot| knot.0 > wave_angstrom);
    match above {
        Some(0) => EFFICIENCY[0].1,
        None => EFFICIENCY[EFFICIENCY.len() - 1].1,
        Some(next) => {
            let ((x0, y0), (x1, y1)) = (EFFICIENCY[next - 1], EFFICIENCY[next]);
            y0 + (y1 - y0) * (wave_angstrom - x0) / (x1 - x0)
        }
    }
}

/// State of the instrument for one spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    pub spread: LineSpread,
    /// Shift of the spectrum by an error of the wavelength scale.
    pub wavelength_error_km_s: f64,
    /// Natural logarithm of the error of the flux calibration: slope in (lambda / 8000 Angstrom - 1).
    slope: f64,
    /// Amplitude, period (Angstrom), phase.
    ripples: Vec<(f64, f64, f64)>,
}

impl Instrument {
    /// The instrument at the spectrum `obsid` of plate `planid`, spectrograph `spid`.
    pub fn of(seed: u64, obsid: u64, planid: &str, spid: u8) -> Self {
        let mut own = Stream::new(seed, obsid, "instrument of a spectrum");
        let mut spectrograph = Stream::new(seed, u64::from(spid), "spectrograph");
        let mut plate = Stream::new(seed, u64::from(spid), &format!("plate {planid}"));
        let width = (1.0 + spectrograph.gaussian_within(0.0, SPREAD_SIGMA.0, -0.25, 0.25))
            * (1.0 + own.gaussian_within(0.0, SPREAD_SIGMA.1, -0.1, 0.1));
        let (count, amplitude, periods) = RIPPLE;
        let mut ripples = ripples(&mut spectrograph, count, amplitude, periods);
        ripples.extend(self::ripples(&mut plate, 1, PLATE_RIPPLE, periods));
        // The plate has most of the slope; fiber positioning adds the rest.
        let slope = PLATE_SLOPE_SIGMA * (0.9 * plate.normal() + 0.436 * own.normal());
        let (zero, rms) = WAVELENGTH_ZERO_KM_S;
        Self {
            spread: LineSpread { width },
            wavelength_error_km_s: own.gaussian(zero, rms),
            slope,
            ripples,
        }
    }

    /// Delivered over true flux of the first `n_pix` pixels, `(n_pix,)`: the error of the flux calibration.
    ///
    /// Computed at every 16th pixel and linear between, which is exact to 2e-5 for ripples of 800 Angstrom.
    pub fn response_error(&self, n_pix: usize) -> Vec<f64> {
        const STRIDE: usize = 16;
        let knots: Vec<f64> = (0..=n_pix.div_ceil(STRIDE))
            .map(|knot| self.response_error_at(wave_of_index((knot * STRIDE) as f64)))
            .collect();
        (0..n_pix)
            .map(|pixel| {
                let (knot, fraction) = (pixel / STRIDE, (pixel % STRIDE) as f64 / STRIDE as f64);
                knots[knot] * (1.0 - fraction) + knots[knot + 1] * fraction
            })
            .collect()
    }

    fn response_error_at(&self, wave: f64) -> f64 {
        let waves = self.ripples.iter().map(|&(amplitude, period, phase)| {
            amplitude * (std::f64::consts::TAU * (wave / period + phase)).sin()
        });
        (self.slope * (wave / 8000.0 - 1.0) / 0.525 + waves.sum::<f64>()).exp()
    }
}

fn ripples(
    stream: &mut Stream,
    count: usize,
    amplitude: f64,
    (short, long): (f64, f64),
) -> Vec<(f64, f64, f64)> {
    let mut one = || {
        (amplitude * stream.gaussian(1.0, 0.2), stream.uniform_in(short, long), stream.uniform())
    };
    (0..count).map(|_| one()).collect()
}
