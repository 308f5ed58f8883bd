//! The inner loops of a dense factorization A = U^T U and of the solutions by it, in f64 or f32.

use super::fma;

/// Columns of one tile. The compiler keeps eight rows of eight numbers in registers, of sixteen it does not.
const WIDE: usize = 8;

/// Rows that are eliminated together.
pub(in super::super) const BLOCK_ROWS: usize = 8;

/// A kind of number that systems are solved in.
pub(in super::super) trait Scalar: Copy + Default + PartialOrd {
    /// The nearest number of this kind.
    fn rounded(value: f64) -> Self;
    /// The same number, f64.
    fn widened(self) -> f64;
    /// Eliminates rows `j..j + 8` of an upper triangular matrix of order `n`, rows of `stride`, and tells how many of them
    /// have positive pivots. The rows reach at least sixteen values beyond `n`.
    fn eliminate(values: &mut [Self], stride: usize, j: usize, n: usize) -> usize;
    /// Solves U^T U x = b in place for two right-hand sides.
    fn solve(values: &[Self], stride: usize, x: &mut [Self], y: &mut [Self]);
}

impl Scalar for f64 {
    fn rounded(value: f64) -> Self {
        value
    }

    fn widened(self) -> f64 {
        self
    }

    fn eliminate(values: &mut [Self], stride: usize, j: usize, n: usize) -> usize {
        eliminate_f64(values, stride, j, n)
    }

    fn solve(values: &[Self], stride: usize, x: &mut [Self], y: &mut [Self]) {
        solve_f64(values, stride, x, y);
    }
}

impl Scalar for f32 {
    fn rounded(value: f64) -> Self {
        value as f32
    }

    fn widened(self) -> f64 {
        f64::from(self)
    }

    fn eliminate(values: &mut [Self], stride: usize, j: usize, n: usize) -> usize {
        eliminate_f32(values, stride, j, n)
    }

    fn solve(values: &[Self], stride: usize, x: &mut [Self], y: &mut [Self]) {
        solve_f32(values, stride, x, y);
    }
}

/// Defines the loops for one kind of number.
macro_rules! triangle {
    ($kind:ty, $fma:path, $tile:ident, $eliminate:ident, $eliminate_body:ident, $solve:ident, $solve_body:ident) => {
        /// Sums over the rows above: entry `(a, i)` of the tile is that of U[k][j + a] U[k][i].
        #[inline(always)]
        fn $tile<const FUSED: bool>(
            above: &[$kind],
            stride: usize,
            j: usize,
            i: usize,
        ) -> [[$kind; WIDE]; BLOCK_ROWS] {
            let mut sums = [[0.0 as $kind; WIDE]; BLOCK_ROWS];
            for row in above.chunks_exact(stride) {
                let (Some(left), Some(right)) =
                    (row[j..].first_chunk::<BLOCK_ROWS>(), row[i..].first_chunk::<WIDE>())
                else {
                    continue;
                };
                for (&weight, sum) in left.iter().zip(&mut sums) {
                    let mut out = *sum;
                    for lane in 0..WIDE {
                        out[lane] = $fma(weight, right[lane], out[lane]);
                    }
                    *sum = out;
                }
            }
            sums
        }

        #[inline(always)]
        fn $eliminate_body<const FUSED: bool>(
            values: &mut [$kind],
            stride: usize,
            j: usize,
            n: usize,
        ) -> usize {
            let (above, at) = values.split_at_mut(j * stride);
            let height = BLOCK_ROWS.min(n - j);
            let mut diagonal = [[0.0 as $kind; BLOCK_ROWS]; BLOCK_ROWS];
            for i in (j..n).step_by(WIDE) {
                let sums = $tile::<FUSED>(above, stride, j, i);
                let mut tile = [[0.0 as $kind; WIDE]; BLOCK_ROWS];
                for ((row, tile), sums) in at.chunks_exact(stride).zip(&mut tile).zip(&sums) {
                    for ((value, &own), sum) in tile.iter_mut().zip(&row[i..i + WIDE]).zip(sums) {
                        *value = own - sum;
                    }
                }
                for a in 0..height {
                    if i == j {
                        let pivot = tile[a][a];
                        if pivot.is_nan() || pivot <= 0.0 {
                            return a;
                        }
                        diagonal[a][a] = 1.0 / pivot.sqrt();
                    }
                    let scale = diagonal[a][a];
                    for lane in 0..WIDE {
                        tile[a][lane] *= scale;
                    }
                    if i == j {
                        diagonal[a][a + 1..].copy_from_slice(&tile[a][a + 1..BLOCK_ROWS]);
                    }
                    for b in a + 1..BLOCK_ROWS {
                        let weight = -diagonal[a][b];
                        for lane in 0..WIDE {
                            tile[b][lane] = $fma(weight, tile[a][lane], tile[b][lane]);
                        }
                    }
                }
                for (row, tile) in at.chunks_exact_mut(stride).zip(&tile).take(height) {
                    row[i..i + WIDE].copy_from_slice(tile);
                }
            }
            height
        }

        dispatch! {
            /// [`Scalar::eliminate`].
            $eliminate = $eliminate_body(
                values: &mut [$kind], stride: usize, j: usize, n: usize,
            ) -> usize
        }

        #[inline(always)]
        fn $solve_body<const FUSED: bool>(
            values: &[$kind],
            stride: usize,
            x: &mut [$kind],
            y: &mut [$kind],
        ) {
            let n = x.len();
            for (k, row) in values.chunks_exact(stride).enumerate().take(n) {
                let (a, b) = (x[k] / row[k], y[k] / row[k]);
                (x[k], y[k]) = (a, b);
                let after = row[k + 1..n].iter().zip(&mut x[k + 1..]).zip(&mut y[k + 1..n]);
                for ((&u, x), y) in after {
                    *x = $fma(-a, u, *x);
                    *y = $fma(-b, u, *y);
                }
            }
            for k in (0..n).rev() {
                let row = &values[k * stride + k..k * stride + n];
                let (mut a, mut b) = ([0.0 as $kind; WIDE], [0.0 as $kind; WIDE]);
                let (whole, rest) = row[1..].as_chunks::<WIDE>();
                let (xs, x_rest) = x[k + 1..].as_chunks::<WIDE>();
                let (ys, y_rest) = y[k + 1..n].as_chunks::<WIDE>();
                for ((u, x), y) in whole.iter().zip(xs).zip(ys) {
                    for lane in 0..WIDE {
                        a[lane] = $fma(u[lane], x[lane], a[lane]);
                        b[lane] = $fma(u[lane], y[lane], b[lane]);
                    }
                }
                for (lane, ((&u, &x), &y)) in rest.iter().zip(x_rest).zip(y_rest).enumerate() {
                    a[lane] = $fma(u, x, a[lane]);
                    b[lane] = $fma(u, y, b[lane]);
                }
                x[k] = (x[k] - a.iter().sum::<$kind>()) / row[0];
                y[k] = (y[k] - b.iter().sum::<$kind>()) / row[0];
            }
        }

        dispatch! {
            /// [`Scalar::solve`].
            $solve = $solve_body(values: &[$kind], stride: usize, x: &mut [$kind], y: &mut [$kind])
        }
    };
}

triangle!(
    f64,
    fma::<FUSED>,
    tile_f64,
    eliminate_f64,
    eliminate_f64_body,
    solve_f64,
    solve_f64_body
);
triangle!(
    f32,
    super::fma32::<FUSED>,
    tile_f32,
    eliminate_f32,
    eliminate_f32_body,
    solve_f32,
    solve_f32_body
);
