//! Sums, products and combinations of vectors.

use super::{LANES, LANES_32, PANEL, fma, fma_lanes, fma32, sum_lanes};

#[inline(always)]
fn combine_body<const FUSED: bool>(columns: &[&[f32]], weights: &[f64], out: &mut [f64]) {
    let mut quads = columns.chunks_exact(4);
    let mut quad_weights = weights.chunks_exact(4);
    let n = out.len();
    for (c, w) in quads.by_ref().zip(quad_weights.by_ref()) {
        let (a, b, c, d) = (&c[0][..n], &c[1][..n], &c[2][..n], &c[3][..n]);
        for i in 0..n {
            let low = fma::<FUSED>(w[0], f64::from(a[i]), w[1] * f64::from(b[i]));
            let high = fma::<FUSED>(w[2], f64::from(c[i]), w[3] * f64::from(d[i]));
            out[i] += low + high;
        }
    }
    for (column, &w) in quads.remainder().iter().zip(quad_weights.remainder()) {
        for (out, &k) in out.iter_mut().zip(&column[..n]) {
            *out = fma::<FUSED>(w, f64::from(k), *out);
        }
    }
}

dispatch! {
    /// Adds the weighted `columns` to `out`; every column is at least as long as `out`.
    combine = combine_body(columns: &[&[f32]], weights: &[f64], out: &mut [f64])
}

/// Columns that [`combine_f32`] sums in f32.
const GROUP: usize = 8;

#[inline(always)]
fn combine_f32_body<const FUSED: bool>(columns: &[&[f32]], weights: &[f64], out: &mut [f64]) {
    let n = out.len();
    for (columns, weights) in columns.chunks(GROUP).zip(weights.chunks(GROUP)) {
        let column = |at: usize| &columns[at.min(columns.len() - 1)][..n];
        let c = std::array::from_fn::<_, GROUP, _>(column);
        let w: [f32; GROUP] =
            std::array::from_fn(|at| weights.get(at).map_or(0.0, |&weight| weight as f32));
        for i in 0..n {
            let mut sum = w[0] * c[0][i];
            for at in 1..GROUP {
                sum = fma32::<FUSED>(w[at], c[at][i], sum);
            }
            out[i] += f64::from(sum);
        }
    }
}

dispatch! {
    /// [`combine`] with sums of eight columns at a time in f32.
    combine_f32 = combine_f32_body(columns: &[&[f32]], weights: &[f64], out: &mut [f64])
}

#[inline(always)]
fn axpy_f32_body<const FUSED: bool>(weight: f64, row: &[f32], out: &mut [f64]) {
    for (out, &x) in out.iter_mut().zip(row) {
        *out = fma::<FUSED>(weight, f64::from(x), *out);
    }
}

dispatch! {
    /// Adds `weight * row` to `out`.
    axpy_f32 = axpy_f32_body(weight: f64, row: &[f32], out: &mut [f64])
}

#[inline(always)]
fn axpy_body<const FUSED: bool>(weight: f64, row: &[f64], out: &mut [f64]) {
    for (out, &x) in out.iter_mut().zip(row) {
        *out = fma::<FUSED>(weight, x, *out);
    }
}

dispatch! {
    /// Adds `weight * row` to `out`.
    axpy = axpy_body(weight: f64, row: &[f64], out: &mut [f64])
}

#[inline(always)]
fn dot_f32_body<const FUSED: bool>(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [[0.0f32; LANES_32]; 2];
    let pairs = a.chunks_exact(2 * LANES_32).zip(b.chunks_exact(2 * LANES_32));
    let done = a.len() / (2 * LANES_32) * (2 * LANES_32);
    for (a, b) in pairs {
        for lane in 0..LANES_32 {
            sums[0][lane] = fma32::<FUSED>(a[lane], b[lane], sums[0][lane]);
            sums[1][lane] = fma32::<FUSED>(a[LANES_32 + lane], b[LANES_32 + lane], sums[1][lane]);
        }
    }
    for (lane, (&a, &b)) in a[done..].iter().zip(&b[done..]).enumerate() {
        let lane = lane % LANES_32;
        sums[0][lane] = fma32::<FUSED>(a, b, sums[0][lane]);
    }
    let mut wide = [0.0; LANES];
    for lane in 0..LANES {
        let of = |half: &[f32; LANES_32]| f64::from(half[lane]) + f64::from(half[LANES + lane]);
        wide[lane] = of(&sums[0]) + of(&sums[1]);
    }
    sum_lanes(wide)
}

dispatch! {
    /// The dot product of two vectors of one length, lanes in f32.
    dot_f32 = dot_f32_body(a: &[f32], b: &[f32]) -> f64
}

/// Vectors on each side of [`dots`].
pub(in super::super) const SIDE: usize = 4;

#[inline(always)]
fn dots_body<const FUSED: bool>(
    rows: [&[f64]; SIDE],
    vectors: [&[f64]; SIDE],
) -> [[f64; SIDE]; SIDE] {
    let n = vectors[0].len();
    let whole = n / LANES;
    let a = rows.map(|x| &x.as_chunks::<LANES>().0[..whole]);
    let b = vectors.map(|x| &x.as_chunks::<LANES>().0[..whole]);
    let mut sums = [[[0.0f64; LANES]; SIDE]; SIDE];
    for k in 0..whole {
        for (sums, b) in sums.iter_mut().zip(b) {
            for (sum, a) in sums.iter_mut().zip(a) {
                *sum = fma_lanes::<FUSED>(&a[k], &b[k], *sum);
            }
        }
    }
    for (lane, at) in (whole * LANES..n).enumerate() {
        for (sums, b) in sums.iter_mut().zip(vectors) {
            for (sum, a) in sums.iter_mut().zip(rows) {
                sum[lane] = fma::<FUSED>(a[at], b[at], sum[lane]);
            }
        }
    }
    sums.map(|sums| sums.map(sum_lanes))
}

dispatch! {
    /// Dot products of each vector with each row, all of the first vector's length at least.
    dots = dots_body(rows: [&[f64]; SIDE], vectors: [&[f64]; SIDE]) -> [[f64; SIDE]; SIDE]
}

/// Rows of one tile of [`panel_product`].
const TILE: usize = 6;

#[inline(always)]
fn tile_product<const FUSED: bool>(rows: [&[f32]; TILE], panel: &[f32]) -> [[f32; PANEL]; TILE] {
    let mut sums = [[0.0f32; PANEL]; TILE];
    for (k, weights) in panel.chunks_exact(PANEL).enumerate() {
        for r in 0..TILE {
            for lane in 0..PANEL {
                sums[r][lane] = fma32::<FUSED>(rows[r][k], weights[lane], sums[r][lane]);
            }
        }
    }
    sums
}

#[inline(always)]
fn panel_body<const FUSED: bool>(
    factor: &[f32],
    rank: usize,
    rows: &[u32],
    panel: &[f32],
    out: &mut [f32],
) {
    for (rows, out) in rows.chunks(TILE).zip(out.chunks_mut(TILE * PANEL)) {
        let row = |r: usize| {
            let row = rows[r.min(rows.len() - 1)] as usize;
            &factor[row * rank..(row + 1) * rank]
        };
        let tile = [row(0), row(1), row(2), row(3), row(4), row(5)];
        let sums = tile_product::<FUSED>(tile, &panel[..rank * PANEL]);
        for (out, sums) in out.chunks_exact_mut(PANEL).zip(&sums) {
            out.copy_from_slice(sums);
        }
    }
}

dispatch! {
    /// Multiplies chosen rows of `factor`, `(n, rank)`, by `panel`, `(rank, 16)`; `out` is `(rows.len(), 16)`.
    panel_product = panel_body(
        factor: &[f32], rank: usize, rows: &[u32], panel: &[f32], out: &mut [f32],
    )
}
