//! The sky over Xinglong as a LAMOST fiber sees it: airglow, its continuum, city light, and the air's own absorption.
//!
//! Airglow lines: wavelengths in air and relative strengths after Osterbrock et al. 1996 (PASP 108, 277) and Hanuschik
//! 2003 (A&A 407, 1157), rounded (entered from memory, not checked line by line); mercury lines of the city.
//! Telluric bands: O2 B and A, H2O, with smooth shapes as at R = 1800.

use super::grid::LAMOST_PIXELS;
use crate::science::wavelength::{Air, wave_of_index};

/// Emission line: wavelength in air (Angstrom), strength (100 = the strongest of OH).
type SkyLine = (f64, f64);

/// Lines of the night sky.
const LINES: &[SkyLine] = &[
    (4046.6, 15.0),
    (4358.3, 40.0),
    (5460.7, 50.0),
    (5577.34, 400.0),
    (5769.6, 15.0),
    (5790.7, 15.0),
    (5889.95, 60.0),
    (5895.92, 35.0),
    (5915.3, 6.0),
    (5932.9, 7.0),
    (5953.4, 6.0),
    (6257.96, 8.0),
    (6287.43, 8.0),
    (6300.30, 120.0),
    (6306.9, 5.0),
    (6363.78, 40.0),
    (6498.73, 13.0),
    (6533.04, 10.0),
    (6553.62, 9.0),
    (6577.28, 7.0),
    (6863.96, 20.0),
    (6923.22, 12.0),
    (6939.5, 9.0),
    (6949.0, 6.0),
    (6978.4, 6.0),
    (7276.41, 33.0),
    (7284.4, 10.0),
    (7303.72, 22.0),
    (7316.28, 35.0),
    (7329.15, 25.0),
    (7340.89, 45.0),
    (7358.67, 20.0),
    (7369.25, 28.0),
    (7392.2, 12.0),
    (7401.69, 18.0),
    (7438.4, 6.0),
    (7524.1, 8.0),
    (7571.75, 10.0),
    (7712.0, 12.0),
    (7718.0, 11.0),
    (7750.64, 55.0),
    (7759.9, 12.0),
    (7780.4, 18.0),
    (7794.11, 58.0),
    (7808.47, 30.0),
    (7821.50, 50.0),
    (7841.27, 32.0),
    (7853.24, 40.0),
    (7868.9, 12.0),
    (7890.0, 14.0),
    (7913.71, 55.0),
    (7921.1, 14.0),
    (7949.2, 25.0),
    (7964.65, 60.0),
    (7993.33, 52.0),
    (8014.06, 22.0),
    (8025.81, 42.0),
    (8061.98, 20.0),
    (8104.6, 6.0),
    (8281.0, 10.0),
    (8288.62, 22.0),
    (8298.4, 18.0),
    (8310.72, 22.0),
    (8344.60, 78.0),
    (8352.79, 24.0),
    (8382.39, 50.0),
    (8399.17, 90.0),
    (8415.23, 36.0),
    (8430.17, 92.0),
    (8452.25, 52.0),
    (8465.36, 72.0),
    (8493.39, 46.0),
    (8504.63, 36.0),
    (8538.67, 20.0),
    (8548.7, 14.0),
    (8650.0, 6.0),
    (8761.0, 10.0),
    (8767.91, 40.0),
    (8778.34, 38.0),
    (8790.99, 34.0),
    (8827.10, 98.0),
    (8836.0, 28.0),
    (8849.5, 18.0),
    (8867.6, 60.0),
    (8885.85, 100.0),
    (8903.11, 55.0),
    (8919.64, 98.0),
    (8943.40, 60.0),
    (8957.9, 74.0),
    (8988.37, 66.0),
    (9001.5, 20.0),
    (9037.8, 40.0),
    (9049.2, 30.0),
    (9068.0, 16.0),
    (9088.0, 18.0),
];

/// Telluric band: its ends (vacuum, Angstrom), optical depth at its deepest before correction at airmass 1, place of
/// the deepest point between the ends (0 to 1), true for water.
type Band = (f64, f64, f64, f64, bool);

/// Absorption of the air.
const ABSORPTION: [Band; 8] = [
    (6277.0, 6330.0, 0.06, 0.3, false),
    (6868.0, 6950.0, 0.30, 0.15, false),
    (7593.0, 7705.0, 1.10, 0.15, false),
    (6500.0, 6590.0, 0.02, 0.5, true),
    (7160.0, 7350.0, 0.18, 0.35, true),
    (8120.0, 8360.0, 0.16, 0.45, true),
    (8930.0, 9250.0, 0.50, 0.55, true),
    (5880.0, 5985.0, 0.04, 0.5, true),
];

/// Templates on LAMOST pixels, all `(LAMOST_PIXELS,)`.
#[derive(Debug, Clone)]
pub struct Sky {
    /// Airglow and city lines; 1 = the peak of the strongest OH line.
    pub lines: Vec<f64>,
    /// Its derivative with respect to the pixel.
    pub line_slope: Vec<f64>,
    /// Optical depth of molecular oxygen at airmass 1.
    pub oxygen: Vec<f64>,
    /// Optical depth of water vapor at airmass 1.
    pub water: Vec<f64>,
}

impl Sky {
    /// Makes the templates, with lines of the width of LAMOST's resolution.
    pub fn new() -> Self {
        let wave: Vec<f64> = (0..LAMOST_PIXELS).map(|i| wave_of_index(i as f64)).collect();
        let mut sky = Self {
            lines: vec![0.0; LAMOST_PIXELS],
            line_slope: vec![0.0; LAMOST_PIXELS],
            oxygen: vec![0.0; LAMOST_PIXELS],
            water: vec![0.0; LAMOST_PIXELS],
        };
        LINES.iter().for_each(|&line| sky.add_line(&wave, line));
        for pixel in 1..LAMOST_PIXELS - 1 {
            sky.line_slope[pixel] = 0.5 * (sky.lines[pixel + 1] - sky.lines[pixel - 1]);
        }
        sky.add_absorption(&wave);
        sky
    }

    fn add_line(&mut self, wave: &[f64], (air, strength): SkyLine) {
        let center = Air(air).to_vacuum().0;
        let sigma = center / super::lsf::LineSpread::NOMINAL.resolving_power(center) / 2.355;
        let first = wave.partition_point(|&w| w < center - 5.0 * sigma);
        let last = wave.partition_point(|&w| w < center + 5.0 * sigma);
        for (template, wave) in self.lines[first..last].iter_mut().zip(&wave[first..last]) {
            let x = (wave - center) / sigma;
            *template += 0.01 * strength * (-0.5 * x * x).exp();
        }
    }

    fn add_absorption(&mut self, wave: &[f64]) {
        for (low, high, depth, deepest, water) in ABSORPTION {
            let into = if water { &mut self.water } else { &mut self.oxygen };
            for (tau, &wave) in into.iter_mut().zip(wave) {
                let x = (wave - low) / (high - low);
                if !(0.0..=1.0).contains(&x) {
                    continue;
                }
                // Falls steeply to the deepest point and recovers more slowly, as the P branches do.
                let arm = if x < deepest { x / deepest } else { (1.0 - x) / (1.0 - deepest) };
                *tau += depth * (0.5 * std::f64::consts::PI * arm).sin().powi(2);
            }
        }
    }
}

impl Default for Sky {
    fn default() -> Self {
        Self::new()
    }
}
