//! The slope of the local problem along a direction.

use super::{LANES, fma, sum_lanes};

/// Where the proximal map sends a row: 0 inside the tube, a share of C in the zone, C beyond it.
#[inline(always)]
fn clipped(t: f64, epsilon: f64, inverse_sigma: f64, c: f64) -> f64 {
    let up = ((t - epsilon) * inverse_sigma).max(0.0).min(c);
    let down = ((t + epsilon) * inverse_sigma).min(0.0).max(-c);
    up + down
}

/// A direction in the local problem and the point it starts at; all slices of one length.
pub(in super::super) struct Ray<'a> {
    /// Residual plus sigma times the proximal center.
    pub t: &'a [f64],
    /// Change of the fitted value per unit step, bias included.
    pub change: &'a [f64],
    /// Coefficients at the start.
    pub v: &'a [f64],
    /// Their change per unit step.
    pub dv: &'a [f64],
    /// 1 where the row takes part, else 0.
    pub alive: &'a [f64],
    /// Half-width of the tube.
    pub epsilon: f64,
    /// 1 / sigma.
    pub inverse_sigma: f64,
    /// Penalty.
    pub c: f64,
    /// Change of the bias per unit step.
    pub bias_change: f64,
}

/// Adds one block of rows to `slope` and `sum`: t, change, v, dv and alive.
#[inline(always)]
fn slope_block<const FUSED: bool>(
    ray: &Ray<'_>,
    step: f64,
    [t, change, v, dv, alive]: [&[f64; LANES]; 5],
    slope: &mut [f64; LANES],
    sum: &mut [f64; LANES],
) {
    let mut p = [0.0; LANES];
    for lane in 0..LANES {
        let at = fma::<FUSED>(-step, change[lane], t[lane]);
        p[lane] = clipped(at, ray.epsilon, ray.inverse_sigma, ray.c) * alive[lane];
    }
    for lane in 0..LANES {
        let v = fma::<FUSED>(step, dv[lane], v[lane]);
        slope[lane] = fma::<FUSED>(v - p[lane], change[lane] - ray.bias_change, slope[lane]);
    }
    for lane in 0..LANES {
        sum[lane] += p[lane];
    }
}

#[inline(always)]
fn slope_body<const FUSED: bool>(ray: &Ray<'_>, step: f64) -> [f64; 2] {
    let n = ray.t.len();
    let mut slope = [0.0; LANES];
    let mut sum = [0.0; LANES];
    let arrays = [ray.t, ray.change, ray.v, ray.dv, ray.alive];
    let chunks = [
        ray.t.as_chunks::<LANES>().0,
        ray.change[..n].as_chunks::<LANES>().0,
        ray.v[..n].as_chunks::<LANES>().0,
        ray.dv[..n].as_chunks::<LANES>().0,
        ray.alive[..n].as_chunks::<LANES>().0,
    ];
    for k in 0..n / LANES {
        let block = [&chunks[0][k], &chunks[1][k], &chunks[2][k], &chunks[3][k], &chunks[4][k]];
        slope_block::<FUSED>(ray, step, block, &mut slope, &mut sum);
    }
    // The last block is filled up with rows that take no part.
    let mut last = [[0.0; LANES]; 5];
    for (last, array) in last.iter_mut().zip(arrays) {
        let rest = &array[n / LANES * LANES..n];
        last[..rest.len()].copy_from_slice(rest);
    }
    let block = [&last[0], &last[1], &last[2], &last[3], &last[4]];
    slope_block::<FUSED>(ray, step, block, &mut slope, &mut sum);
    [sum_lanes(slope), sum_lanes(sum)]
}

dispatch! {
    /// At `step` along the ray: the part of the objective's slope without the bias, and the sum of clipped coefficients.
    slope = slope_body(ray: &Ray<'_>, step: f64) -> [f64; 2]
}
