//! The inner loops, compiled for the instruction sets that matter and chosen at run time.
//!
//! Each loop is written once, in safe and portable Rust with fixed-width lanes. The macro `dispatch` compiles it three times
//! (AVX-512, AVX2 with FMA, baseline) and picks one by the machine. Sums run in a fixed order of lanes, so a result
//! depends on the instruction set alone, never on threads or on neighbors in a batch.

// Loops over all lanes by index are what the compiler turns into vector instructions.
#![allow(clippy::needless_range_loop)]

/// Which instruction sets the machine has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstructionSet {
    /// 512-bit vectors.
    Avx512,
    /// 256-bit vectors with fused multiply-add.
    Avx2,
    /// What the target guarantees.
    Baseline,
}

/// The instruction set that the loops of this module use here.
pub fn instruction_set() -> InstructionSet {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as has;
        if has!("avx512f")
            && has!("avx512vl")
            && has!("avx512dq")
            && has!("avx512bw")
            && has!("fma")
        {
            return InstructionSet::Avx512;
        }
        if has!("avx2") && has!("fma") {
            return InstructionSet::Avx2;
        }
    }
    InstructionSet::Baseline
}

/// Defines a function whose body, a generic function of `FUSED`, is compiled for each instruction set.
macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident = $body:ident($($arg:ident: $kind:ty),* $(,)?) $(-> $out:ty)?) => {
        $(#[$doc])*
        pub(super) fn $name($($arg: $kind),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma,avx2")]
                fn wide($($arg: $kind),*) $(-> $out)? {
                    $body::<true>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn middle($($arg: $kind),*) $(-> $out)? {
                    $body::<true>($($arg),*)
                }
                match instruction_set() {
                    // SAFETY: the features were found on this machine just now.
                    InstructionSet::Avx512 => return unsafe { wide($($arg),*) },
                    // SAFETY: as above.
                    InstructionSet::Avx2 => return unsafe { middle($($arg),*) },
                    InstructionSet::Baseline => {}
                }
            }
            $body::<false>($($arg),*)
        }
    };
}

/// a * b + c, fused only where that is one instruction.
#[inline(always)]
fn fma<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

#[inline(always)]
fn fma32<const FUSED: bool>(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Lanes of the f64 loops.
const LANES: usize = 8;
/// Right-hand sides of one [`panel_product`].
pub(super) const PANEL: usize = 16;

/// exp of arguments in -inf..=0 to 2 units in the last place; below -700 it gives exp(-700).
#[inline(always)]
fn exp_lanes<const FUSED: bool, const N: usize>(x: [f64; N]) -> [f64; N] {
    // Adding 1.5 * 2^52 rounds to the nearest integer and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HI: f64 = 6.931_471_803_691_238e-1;
    const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
    const TERMS: [f64; 12] = [
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    // One loop a step: a loop over whole lanes becomes vector instructions.
    let mut x = x;
    for x in &mut x {
        *x = x.max(-700.0);
    }
    let mut shifted = x;
    for shifted in &mut shifted {
        *shifted = fma::<FUSED>(*shifted, std::f64::consts::LOG2_E, ROUND);
    }
    let mut rest = x;
    for lane in 0..N {
        rest[lane] = fma::<FUSED>(shifted[lane] - ROUND, -LN2_HI, x[lane]);
    }
    for lane in 0..N {
        rest[lane] = fma::<FUSED>(shifted[lane] - ROUND, -LN2_LO, rest[lane]);
    }
    let mut sum = [1.0 / 479_001_600.0; N];
    for term in TERMS {
        for lane in 0..N {
            sum[lane] = fma::<FUSED>(sum[lane], rest[lane], term);
        }
    }
    for lane in 0..N {
        sum[lane] *= f64::from_bits((shifted[lane].to_bits() << 52).wrapping_add(1023 << 52));
    }
    sum
}

/// Kernel values of `LANES` rows from `first` on.
#[inline(always)]
fn kernel_lanes<const FUSED: bool>(
    coordinates: &[f64],
    n_row: usize,
    first: usize,
    theta: &[f64],
    gamma: f64,
) -> [f64; LANES] {
    let mut squared = [0.0; LANES];
    for (axis, &at) in theta.iter().enumerate() {
        let start = axis * n_row + first;
        let Some(values) = coordinates.get(start..start + LANES) else { continue };
        for lane in 0..LANES {
            let d = values[lane] - at;
            squared[lane] = fma::<FUSED>(d, d, squared[lane]);
        }
    }
    for value in &mut squared {
        *value *= -gamma;
    }
    exp_lanes::<FUSED, LANES>(squared)
}

#[inline(always)]
fn kernel_body<const FUSED: bool>(
    coordinates: &[f64],
    n_row: usize,
    first: usize,
    theta: &[f64],
    gamma: f64,
    out: &mut [f64],
) {
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        let k = kernel_lanes::<FUSED>(coordinates, n_row, first + block * LANES, theta, gamma);
        out.copy_from_slice(&k[..out.len()]);
    }
}

#[inline(always)]
fn kernel_f32_body<const FUSED: bool>(
    coordinates: &[f64],
    n_row: usize,
    first: usize,
    theta: &[f64],
    gamma: f64,
    out: &mut [f32],
) {
    for (block, out) in out.chunks_mut(LANES).enumerate() {
        let k = kernel_lanes::<FUSED>(coordinates, n_row, first + block * LANES, theta, gamma);
        let mut rounded = [0.0f32; LANES];
        for lane in 0..LANES {
            rounded[lane] = k[lane] as f32;
        }
        out.copy_from_slice(&rounded[..out.len()]);
    }
}

dispatch! {
    /// Writes exp(-gamma |theta - row|^2) of rows `first..first + out.len()`.
    ///
    /// `coordinates` holds one axis after the other, each of `n_row` values, `n_row` a multiple of eight that is at
    /// least `first + out.len()` rounded up.
    kernel_column = kernel_body(
        coordinates: &[f64], n_row: usize, first: usize, theta: &[f64], gamma: f64, out: &mut [f64],
    )
}

dispatch! {
    /// [`kernel_column`], rounded to f32.
    kernel_column_f32 = kernel_f32_body(
        coordinates: &[f64], n_row: usize, first: usize, theta: &[f64], gamma: f64, out: &mut [f32],
    )
}

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

/// Lanes of the f32 dot products.
const LANES_32: usize = 16;

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
    (0..LANES_32).map(|l| f64::from(sums[0][l]) + f64::from(sums[1][l])).sum()
}

dispatch! {
    /// The dot product of two vectors of one length, lanes in f32.
    dot_f32 = dot_f32_body(a: &[f32], b: &[f32]) -> f64
}

#[inline(always)]
fn dot_body<const FUSED: bool>(a: &[f64], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let (mut even, mut odd) = ([0.0; LANES], [0.0; LANES]);
    for (a, b) in a.chunks_exact(2).zip(b.chunks_exact(2)) {
        even = fma_lanes::<FUSED>(&a[0], &b[0], even);
        odd = fma_lanes::<FUSED>(&a[1], &b[1], odd);
    }
    if a.len() % 2 == 1 {
        even = fma_lanes::<FUSED>(&a[a.len() - 1], &b[a.len() - 1], even);
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        odd[lane] = fma::<FUSED>(a, b, odd[lane]);
    }
    sum_lanes(even) + sum_lanes(odd)
}

dispatch! {
    /// The dot product of two vectors of one length.
    dot = dot_body(a: &[f64], b: &[f64]) -> f64
}

#[inline(always)]
fn dots4_body<const FUSED: bool>(rows: [&[f64]; 4], b: &[f64]) -> [f64; 4] {
    let n = b.len();
    let rows = [&rows[0][..n], &rows[1][..n], &rows[2][..n], &rows[3][..n]];
    let (b, b_rest) = b.as_chunks::<LANES>();
    let chunks = rows.map(|row| &row.as_chunks::<LANES>().0[..b.len()]);
    let mut sums = [[0.0f64; LANES]; 4];
    for (k, b) in b.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(chunks) {
            *sum = fma_lanes::<FUSED>(&row[k], b, *sum);
        }
    }
    for (lane, &b) in b_rest.iter().enumerate() {
        for (sum, row) in sums.iter_mut().zip(rows) {
            sum[lane] = fma::<FUSED>(row[n - b_rest.len() + lane], b, sum[lane]);
        }
    }
    sums.map(sum_lanes)
}

dispatch! {
    /// Four dot products with `b`; the rows are at least as long.
    dots4 = dots4_body(rows: [&[f64]; 4], b: &[f64]) -> [f64; 4]
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

/// a * b + c by lanes.
#[inline(always)]
fn fma_lanes<const FUSED: bool>(
    a: &[f64; LANES],
    b: &[f64; LANES],
    c: [f64; LANES],
) -> [f64; LANES] {
    let mut out = c;
    for lane in 0..LANES {
        out[lane] = fma::<FUSED>(a[lane], b[lane], out[lane]);
    }
    out
}

#[inline(always)]
fn sum_lanes(s: [f64; LANES]) -> f64 {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

/// Columns of one tile of [`eliminate`].
const WIDE: usize = 16;

/// Sums over `depth` rows of a panel: entry `(a, i)` of the tile is that of U[k][j + a] U[k][i], k below `depth`.
#[inline(always)]
fn tile_sums<const FUSED: bool>(
    panel: &[f64],
    stride: usize,
    depth: usize,
    j: usize,
    i: usize,
) -> [[f64; WIDE]; 4] {
    let mut sums = [[0.0; WIDE]; 4];
    for row in panel.chunks_exact(stride).take(depth) {
        let (Some(left), Some(right)) =
            (row[j..].first_chunk::<4>(), row[i..].first_chunk::<WIDE>())
        else {
            continue;
        };
        for a in 0..4 {
            for lane in 0..WIDE {
                sums[a][lane] = fma::<FUSED>(left[a], right[lane], sums[a][lane]);
            }
        }
    }
    sums
}

#[inline(always)]
fn eliminate_body<const FUSED: bool>(values: &mut [f64], stride: usize, j: usize, n: usize) {
    let (above, at) = values.split_at_mut(j * stride);
    // Tiles start at a multiple of their width, at or before the diagonal; what lies left of it is never read.
    for i in (j / WIDE * WIDE..n).step_by(WIDE) {
        let sums = tile_sums::<FUSED>(above, stride, j, j, i);
        for (row, sums) in at.chunks_exact_mut(stride).zip(&sums) {
            for (value, sum) in row[i..i + WIDE].iter_mut().zip(sums) {
                *value -= sum;
            }
        }
    }
}

dispatch! {
    /// Subtracts from rows `j..j + 4` of an upper triangular matrix, rows of `stride`, what the rows above explain.
    eliminate = eliminate_body(values: &mut [f64], stride: usize, j: usize, n: usize)
}

/// Where the proximal map sends a row: 0 inside the tube, a share of C in the zone, C beyond it.
#[inline(always)]
fn clipped(t: f64, epsilon: f64, inverse_sigma: f64, c: f64) -> f64 {
    let up = ((t - epsilon) * inverse_sigma).max(0.0).min(c);
    let down = ((t + epsilon) * inverse_sigma).min(0.0).max(-c);
    up + down
}

/// A direction in the local problem and the point it starts at; all slices of one length.
pub(super) struct Ray<'a> {
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

/// Negated gains of going down together with a row that goes up, and the slopes down.
#[inline(always)]
fn losses(
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
        let promised = (slope_up + slope[lane]).min(0.0);
        loss[lane] = -(promised * promised) / (2.0 - 2.0 * k[lane]).max(1e-6);
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
        let (loss, slope) = losses(e, edge, k, slope_up);
        best.take(&loss, block as u32);
        for lane in 0..LANES_32 {
            least[lane] = least[lane].min(slope[lane]);
        }
    }
    let edges = last_block(&edge[..n], f32::INFINITY);
    let (loss, slope) =
        losses(&last_block(e, 0.0), &edges, &last_block(&column[..n], 0.0), slope_up);
    best.take(&loss, whole.len() as u32);
    for lane in 0..LANES_32 {
        least[lane] = least[lane].min(slope[lane]);
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
#[path = "simd_tests.rs"]
mod tests;
