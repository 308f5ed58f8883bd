//! The scans of pairwise steps: which pair to move, and the residuals after it moved.

use super::{LANES_32, fma32};

/// Lanes that hold the best value so far, and the block it came from.
#[derive(Clone, Copy)]
struct Best {
    value: [f32; LANES_32],
    block: [u32; LANES_32],
}

impl Best {
    const NONE: Self = Self { value: [f32::INFINITY; LANES_32], block: [u32::MAX; LANES_32] };

    #[inline(always)]
    fn take(&mut self, values: &[f32; LANES_32], block: u32) {
        for lane in 0..LANES_32 {
            let better = values[lane] < self.value[lane];
            self.value[lane] = if better { values[lane] } else { self.value[lane] };
            self.block[lane] = if better { block } else { self.block[lane] };
        }
    }

    /// Place and value of the smallest; `usize::MAX` where nothing was finite.
    #[inline(always)]
    fn place(&self) -> (usize, f32) {
        let mut best = (usize::MAX, f32::INFINITY);
        for lane in 0..LANES_32 {
            if self.value[lane] < best.1 {
                best = (self.block[lane] as usize * LANES_32 + lane, self.value[lane]);
            }
        }
        best
    }
}

/// The last, partial block of a slice, filled up with `fill`.
#[inline(always)]
fn last_block(values: &[f32], fill: f32) -> [f32; LANES_32] {
    let mut block = [fill; LANES_32];
    let rest = values.as_chunks::<LANES_32>().1;
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[inline(always)]
fn slopes_up(e: &[f32; LANES_32], edge: &[f32; LANES_32]) -> [f32; LANES_32] {
    let mut out = *edge;
    for lane in 0..LANES_32 {
        out[lane] -= e[lane];
    }
    out
}

#[inline(always)]
fn least_up_body<const FUSED: bool>(e: &[f32], edge: &[f32]) -> (usize, f32) {
    let mut best = Best::NONE;
    let edges = edge[..e.len()].as_chunks::<LANES_32>().0;
    let whole = e.as_chunks::<LANES_32>().0;
    for (block, (e, edge)) in whole.iter().zip(edges).enumerate() {
        best.take(&slopes_up(e, edge), block as u32);
    }
    let last = slopes_up(&last_block(e, 0.0), &last_block(&edge[..e.len()], f32::INFINITY));
    best.take(&last, whole.len() as u32);
    best.place()
}

dispatch! {
    /// Place and value of the smallest `edge - e`.
    least_up = least_up_body(e: &[f32], edge: &[f32]) -> (usize, f32)
}

/// The smaller of two numbers that are not NaN: one instruction, which `f32::min` is not.
#[inline(always)]
fn least_of(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// 1 / x of a normal, positive x to two percent: enough to choose by, and no division to wait for.
///
/// The bits of a float are about its logarithm, so that those of 1 / x are a constant less; then one Newton step.
#[inline(always)]
fn reciprocal<const FUSED: bool>(x: f32) -> f32 {
    let rough = f32::from_bits(0x7EF3_11C7_u32.wrapping_sub(x.to_bits()));
    rough * fma32::<FUSED>(-x, rough, 2.0)
}

/// Negated gains of going down together with a row that goes up, and the slopes down.
#[inline(always)]
fn losses<const FUSED: bool>(
    e: &[f32; LANES_32],
    edge: &[f32; LANES_32],
    k: &[f32; LANES_32],
    slope_up: f32,
) -> ([f32; LANES_32], [f32; LANES_32]) {
    let mut slope = *edge;
    for lane in 0..LANES_32 {
        slope[lane] += e[lane];
    }
    let mut loss = [0.0; LANES_32];
    for lane in 0..LANES_32 {
        let promised = least_of(slope_up + slope[lane], 0.0);
        let curvature = -least_of(2.0 * k[lane] - 2.0, -1e-6);
        loss[lane] = -(promised * promised) * reciprocal::<FUSED>(curvature);
    }
    (loss, slope)
}

#[inline(always)]
fn best_down_body<const FUSED: bool>(
    e: &[f32],
    edge: &[f32],
    column: &[f32],
    slope_up: f32,
) -> (usize, f32, f32) {
    let n = e.len();
    let mut best = Best { value: [0.0; LANES_32], ..Best::NONE };
    let mut least = [f32::INFINITY; LANES_32];
    let (edges, columns) =
        (edge[..n].as_chunks::<LANES_32>().0, column[..n].as_chunks::<LANES_32>().0);
    let whole = e.as_chunks::<LANES_32>().0;
    for (block, ((e, edge), k)) in whole.iter().zip(edges).zip(columns).enumerate() {
        let (loss, slope) = losses::<FUSED>(e, edge, k, slope_up);
        best.take(&loss, block as u32);
        for lane in 0..LANES_32 {
            least[lane] = least_of(slope[lane], least[lane]);
        }
    }
    let edges = last_block(&edge[..n], f32::INFINITY);
    let (loss, slope) =
        losses::<FUSED>(&last_block(e, 0.0), &edges, &last_block(&column[..n], 0.0), slope_up);
    best.take(&loss, whole.len() as u32);
    for lane in 0..LANES_32 {
        least[lane] = least_of(slope[lane], least[lane]);
    }
    let place = if best.place().1 < 0.0 { best.place().0 } else { usize::MAX };
    let at = if place == usize::MAX { f32::INFINITY } else { e[place] + edge[place] };
    (place, at, least.iter().copied().fold(f32::INFINITY, f32::min))
}

dispatch! {
    /// The row that goes down with the greatest gain, its slope, and the smallest slope of all; the place is
    /// `usize::MAX` where none gains.
    best_down = best_down_body(
        e: &[f32], edge: &[f32], column: &[f32], slope_up: f32,
    ) -> (usize, f32, f32)
}

#[inline(always)]
fn moved<const FUSED: bool>(
    e: &[f32; LANES_32],
    a: &[f32; LANES_32],
    b: &[f32; LANES_32],
    step: f32,
) -> [f32; LANES_32] {
    let mut out = *e;
    for lane in 0..LANES_32 {
        out[lane] = fma32::<FUSED>(-step, a[lane] - b[lane], out[lane]);
    }
    out
}

#[inline(always)]
fn move_pair_body<const FUSED: bool>(
    up: &[f32],
    down: &[f32],
    step: f32,
    e: &mut [f32],
    edge: &[f32],
) -> (usize, f32) {
    let n = e.len();
    let mut best = Best::NONE;
    let tail = n / LANES_32 * LANES_32;
    let last = moved::<FUSED>(
        &last_block(e, 0.0),
        &last_block(&up[..n], 0.0),
        &last_block(&down[..n], 0.0),
        step,
    );
    let last_slopes = slopes_up(&last, &last_block(&edge[..n], f32::INFINITY));
    let (ups, downs) = (up[..n].as_chunks::<LANES_32>().0, down[..n].as_chunks::<LANES_32>().0);
    let edges = edge[..n].as_chunks::<LANES_32>().0;
    let columns = ups.iter().zip(downs).zip(edges);
    for (block, (e, ((a, b), edge))) in
        e.as_chunks_mut::<LANES_32>().0.iter_mut().zip(columns).enumerate()
    {
        *e = moved::<FUSED>(e, a, b, step);
        best.take(&slopes_up(e, edge), block as u32);
    }
    best.take(&last_slopes, (tail / LANES_32) as u32);
    e[tail..].copy_from_slice(&last[..n - tail]);
    best.place()
}

dispatch! {
    /// Subtracts `step` times the difference of two columns from `e`; then as [`least_up`].
    move_pair = move_pair_body(
        up: &[f32], down: &[f32], step: f32, e: &mut [f32], edge: &[f32],
    ) -> (usize, f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reciprocals_are_within_two_percent_over_the_range_of_curvatures() {
        for step in 0..3_000 {
            let x = 1e-6 * 1.005f32.powi(step);
            assert!((x * reciprocal::<true>(x) - 1.0).abs() < 0.02, "{x}");
            assert!((x * reciprocal::<false>(x) - 1.0).abs() < 0.02, "{x}");
        }
    }
}
