//! Sequential minimal optimization of the local problem: it settles the bulk before Newton steps, and is their fallback.
//!
//! Each step moves one coefficient up and another down by the same amount, along the pair that promises most
//! (second-order choice; Fan, Chen & Lin 2005, J. Mach. Learn. Res. 6, 1889). A coefficient never crosses zero within a
//! step, where its cost has a kink. Residuals are followed in f32, which doubles the speed, and brought up to date in
//! f64 at the end and after every [`REFRESH`] steps.

use super::near::Near;
use super::newton::{Newton, Setting};
use super::side::Side;
use super::simd;

/// Steps between exact residuals.
const REFRESH: usize = 20_000;

/// Moves pairs until no pair promises a slope above `tolerance`, or `most` steps; returns the steps taken.
///
/// Coefficients must lie within their bounds and sum to zero with those of the far rows ([`Newton::balance`]).
pub(super) fn minimize(
    newton: &mut Newton,
    near: &mut Near,
    setting: &Setting,
    tolerance: f64,
    most: usize,
) -> usize {
    let mut steps = 0;
    loop {
        let before = newton.v.clone();
        let taken = sweep(newton, near, setting, tolerance, REFRESH.min(most - steps));
        steps += taken;
        newton.follow(near, &before);
        // f32 residuals may be all that separates the pair from the tolerance: look again with exact ones.
        if taken == 0 || steps >= most {
            break;
        }
    }
    finish(newton, setting);
    steps
}

/// Slope of a coefficient's cost along a step up (`sign` 1) or down (-1), less the residual's part.
fn edge(v: f64, alive: f64, setting: &Setting, sign: f64) -> f32 {
    let v = v * sign;
    if alive == 0.0 || v >= setting.c {
        f32::INFINITY
    } else if v >= 0.0 {
        setting.epsilon as f32
    } else {
        -setting.epsilon as f32
    }
}

/// Steps in f32 residuals.
fn sweep(
    newton: &mut Newton,
    near: &mut Near,
    setting: &Setting,
    tolerance: f64,
    most: usize,
) -> usize {
    // Residuals about the bias keep their digits.
    let mut e: Vec<f32> = newton.e.iter().map(|e| (e - newton.bias) as f32).collect();
    let edges = |sign: f64| -> Vec<f32> {
        newton.v.iter().zip(&newton.alive).map(|(&v, &a)| edge(v, a, setting, sign)).collect()
    };
    let (mut up, mut down) = (edges(1.0), edges(-1.0));
    let mut steps = 0;
    let (mut i, mut slope_up) = simd::least_up(&e, &up);
    while steps < most && i != usize::MAX {
        near.compute(&[i as u32]);
        let (j, slope_down, least) = simd::best_down(&e, &down, near.column(i as u32), slope_up);
        if j == usize::MAX || -(f64::from(slope_up) + f64::from(least)) <= tolerance {
            break;
        }
        near.compute(&[j as u32]);
        let promised = -(f64::from(slope_up) + f64::from(slope_down));
        let step = move_pair(newton, near, setting, (i, j), promised);
        for k in [i, j] {
            up[k] = edge(newton.v[k], newton.alive[k], setting, 1.0);
            down[k] = edge(newton.v[k], newton.alive[k], setting, -1.0);
        }
        let (a, b) = (near.column(i as u32), near.column(j as u32));
        (i, slope_up) = simd::move_pair(a, b, step as f32, &mut e, &up);
        steps += 1;
    }
    steps
}

/// Moves i up and j down as far as is best and allowed; returns how far.
fn move_pair(
    newton: &mut Newton,
    near: &Near,
    setting: &Setting,
    (i, j): (usize, usize),
    promised: f64,
) -> f64 {
    let c = setting.c;
    let curvature = (2.0 - 2.0 * f64::from(near.column(i as u32)[j])).max(1e-12);
    let (vi, vj) = (newton.v[i], newton.v[j]);
    let room_up = if vi < 0.0 { -vi } else { c - vi };
    let room_down = if vj > 0.0 { vj } else { c + vj };
    let step = (promised / curvature).min(room_up).min(room_down);
    // Landing exactly on the kink or bound keeps comparisons exact.
    newton.v[i] = match step == room_up {
        true if vi < 0.0 => 0.0,
        true => c,
        false => vi + step,
    };
    newton.v[j] = match step == room_down {
        true if vj > 0.0 => 0.0,
        true => -c,
        false => vj - step,
    };
    step
}

/// The bias between the two most violating rows, and the side of each row by its coefficient.
fn finish(newton: &mut Newton, setting: &Setting) {
    let (mut least_up, mut least_down) = (f64::INFINITY, f64::INFINITY);
    for i in 0..newton.v.len() {
        let (v, alive) = (newton.v[i], newton.alive[i]);
        least_up = least_up.min(f64::from(edge(v, alive, setting, 1.0)) - newton.e[i]);
        least_down = least_down.min(f64::from(edge(v, alive, setting, -1.0)) + newton.e[i]);
        newton.side[i] = if alive == 0.0 { Side::Out } else { Side::of_coefficient(v, setting.c) };
    }
    if least_up.is_finite() && least_down.is_finite() {
        newton.bias = 0.5 * (least_down - least_up);
    }
}
