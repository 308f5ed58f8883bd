//! Opacity shapes of all absorbers on the fine grid, made once and shared by all spectra.

use super::grid::{FINE_POINTS, fine_range, fine_wave_angstrom};
use super::species::{SPECIES, Shape, Species};
use crate::science::wavelength::{Air, Vacuum};

/// Distance (Angstrom) over which a band rises at its head: rotational structure blurs it.
const HEAD_RISE_ANGSTROM: f64 = 2.5;
/// A band is followed to this many decay lengths.
const DECAY_LENGTHS: f64 = 8.0;
/// Gaussian width (Angstrom) of a line that is not a strong one.
const LINE_SIGMA_ANGSTROM: f64 = 1.0;
/// A Lorentzian wing is cut at this many half widths.
const WING_REACH: f64 = 40.0;

/// Unit optical depth of one absorber, at theta = 0, solar abundance and log g 4.9, where it is not zero.
#[derive(Debug, Clone)]
pub(super) struct Opacity {
    pub species: Species,
    /// First fine point and depths of each run, ascending.
    pub runs: Vec<(usize, Vec<f64>)>,
}

/// Changes of the shapes by which another set of physics differs from the survey's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ShapeChange {
    /// Multiplies the decay lengths of bands.
    pub decay: f64,
    /// Shifts of band heads grow from 0 at 6150 to this (Angstrom) at 8900.
    pub head_shift_angstrom: f64,
}

impl ShapeChange {
    /// No change.
    pub(super) const NONE: Self = Self { decay: 1.0, head_shift_angstrom: 0.0 };
}

/// Opacities of all species, in their order.
pub(super) fn all(change: ShapeChange) -> Vec<Opacity> {
    let wave = fine_wave_angstrom();
    SPECIES.iter().map(|&species| opacity(species, &wave, change)).collect()
}

/// Opacity of one species.
pub(super) fn opacity(species: Species, wave: &[f64], change: ShapeChange) -> Opacity {
    let mut depth = vec![0.0; FINE_POINTS];
    match species.shape {
        Shape::ToRed(heads) => heads.iter().for_each(|&(head, strength, decay)| {
            let head = head + change.head_shift_angstrom * (head - 6150.0) / 2750.0;
            add_band(&mut depth, wave, head, strength, decay * change.decay, 1.0);
        }),
        Shape::ToViolet(heads) => heads.iter().for_each(|&(head, strength, decay)| {
            add_band(&mut depth, wave, head, strength, decay * change.decay, -1.0);
        }),
        Shape::Troughs(troughs) => troughs.iter().for_each(|&(center, strength, blue, red)| {
            let gauss = |x: f64| (-0.5 * (x / if x < 0.0 { blue } else { red }).powi(2)).exp();
            add_profile(&mut depth, wave, center, 5.0 * blue.max(red), |x| strength * gauss(x));
        }),
        Shape::Haze { start, step, depths } => add_haze(&mut depth, wave, start, step, depths),
        Shape::Lines(lines) => lines.iter().for_each(|&(center, strength)| {
            let gauss = |x: f64| strength * (-0.5 * (x / LINE_SIGMA_ANGSTROM).powi(2)).exp();
            add_profile(&mut depth, wave, center, 6.0 * LINE_SIGMA_ANGSTROM, gauss);
        }),
        Shape::Winged(lines) => lines.iter().for_each(|&(center, wing, strength, width)| {
            let reach = width * if wing { WING_REACH } else { 6.0 };
            add_profile(&mut depth, wave, center, reach, |x| {
                strength * line_profile(x / width, wing)
            });
        }),
    }
    trimmed(species, &depth)
}

fn line_profile(x: f64, wing: bool) -> f64 {
    if wing { 1.0 / (1.0 + x * x) } else { (-0.5 * x * x).exp() }
}

/// Adds `profile(wave - center)` within `reach` of a center given in air.
fn add_profile(
    depth: &mut [f64],
    wave: &[f64],
    center_air: f64,
    reach: f64,
    profile: impl Fn(f64) -> f64,
) {
    let center = Air(center_air).to_vacuum().0;
    for point in fine_range(center - reach, center + reach) {
        depth[point] += profile(wave[point] - center);
    }
}

/// Adds a band that fades from its head, `side` = 1 to the red and -1 to the violet.
fn add_band(depth: &mut [f64], wave: &[f64], head: f64, strength: f64, decay: f64, side: f64) {
    let head = Air(head).to_vacuum().0;
    let far = head + side * DECAY_LENGTHS * decay;
    for point in fine_range(head.min(far), head.max(far)) {
        let x = side * (wave[point] - head);
        if x > 0.0 {
            depth[point] += strength * (1.0 - (-x / HEAD_RISE_ANGSTROM).exp()) * (-x / decay).exp();
        }
    }
}

fn add_haze(depth: &mut [f64], wave: &[f64], start: f64, step: f64, depths: &[f64]) {
    let at = |knot: i64| usize::try_from(knot).ok().and_then(|k| depths.get(k)).map_or(0.0, |&d| d);
    for (depth, &wave) in depth.iter_mut().zip(wave) {
        let position = (Vacuum(wave).to_air().0 - start) / step;
        let (knot, fraction) = (position.floor(), position - position.floor());
        *depth += at(knot as i64) * (1.0 - fraction) + at(knot as i64 + 1) * fraction;
    }
}

/// Cuts the zeros out: lines are few and far between.
fn trimmed(species: Species, depth: &[f64]) -> Opacity {
    let mut runs: Vec<(usize, Vec<f64>)> = Vec::new();
    for (point, &value) in depth.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        match runs.last_mut() {
            Some((start, run)) if *start + run.len() == point => run.push(value),
            _ => runs.push((point, vec![value])),
        }
    }
    Opacity { species, runs }
}
