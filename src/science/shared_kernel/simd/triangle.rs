//! The inner loops of a dense factorization A = U^T U and of the solutions by it, in f64 or f32.
//!
//! U lies in panels of columns: panel p holds columns `WIDTH p ..` of rows `0 .. WIDTH (p + 1)`, one row after the
//! other. Rows and columns beyond the order are those of the unit matrix.

use super::tile::{TILE_ROWS, WIDTH_32, WIDTH_64, subtract_product_f32, subtract_product_f64};
use super::{fma, fma32};

/// Rows of a panel whose product with another stays in the nearest cache.
const DEPTH: usize = 256;

/// A kind of number that systems are solved in.
pub(in super::super) trait Scalar: Copy + Default + PartialOrd {
    /// Columns of a panel.
    const WIDTH: usize;
    /// One.
    const ONE: Self;
    /// The nearest number of this kind.
    fn rounded(value: f64) -> Self;
    /// The same number, f64.
    fn widened(self) -> f64;
    /// Factorizes the panels in place and tells how many leading rows have positive pivots.
    fn factorize(panels: &mut [Self]) -> usize;
    /// Solves U^T x = b in place for two right-hand sides, whose length is a multiple of the width.
    fn forward(panels: &[Self], x: &mut [Self], y: &mut [Self]);
    /// Solves U x = b in place for two right-hand sides, whose length is a multiple of the width.
    fn backward(panels: &[Self], x: &mut [Self], y: &mut [Self]);
    /// [`Self::forward`] for columns `first..first + 8` of `right`, rows of the width.
    fn forward_eight(panels: &[Self], right: &mut [Self], first: usize);
    /// Adds to `out`, `(width, width)`, the product of transposed `left` with `right`, both rows of the width.
    fn add_gram(left: &[Self], right: &[Self], out: &mut [f64]);
    /// Adds to `out`, `(width,)`, the product of transposed `right`, rows of the width, with `x`.
    fn add_transposed(right: &[Self], x: &[Self], out: &mut [f64]);
    /// Subtracts from `x` the product of `right`, rows of the width, with `z`, `(width,)`.
    fn subtract_product(right: &[Self], z: &[Self], x: &mut [Self]);
}

/// Where panel `p` begins.
pub(in super::super) fn panel_start(width: usize, p: usize) -> usize {
    width * width * p * (p + 1) / 2
}

/// Defines the loops for one kind of number.
macro_rules! triangle {
    (
        $kind:ty, $width:ident, $fma:path, $subtract:ident, $factorize_diagonal:ident, $eliminate:ident,
        $small:ident, $eliminate_tile:ident, $eliminate_body:ident, $forward:ident, $forward_body:ident, $backward:ident, $backward_body:ident,
        $forward_tile:ident, $forward_tile_body:ident, $transposed:ident, $transposed_body:ident,
        $product:ident, $product_body:ident, $sum:ident
    ) => {
        impl Scalar for $kind {
            const WIDTH: usize = $width;
            const ONE: Self = 1.0;

            fn rounded(value: f64) -> Self {
                value as $kind
            }

            fn widened(self) -> f64 {
                self as f64
            }

            fn factorize(panels: &mut [Self]) -> usize {
                let mut p = 0;
                while panel_start($width, p) < panels.len() {
                    // Rows of this panel, of all panels from it on.
                    let (before, from) = panels.split_at_mut(panel_start($width, p));
                    let (own, mut after) = from.split_at_mut($width * $width * (p + 1));
                    debug_assert_eq!(before.len(), panel_start($width, p));
                    let (above, diagonal) = own.split_at_mut($width * $width * p);
                    subtract_above(above, None, diagonal);
                    let done = $factorize_diagonal(diagonal);
                    if done < $width {
                        return p * $width + done;
                    }
                    let mut q = p + 1;
                    while !after.is_empty() {
                        let (panel, rest) = after.split_at_mut($width * $width * (q + 1));
                        let (right, below) = panel.split_at_mut($width * $width * p);
                        let at = &mut below[..$width * $width];
                        subtract_above(above, Some(right), at);
                        $eliminate(diagonal, at);
                        after = rest;
                        q += 1;
                    }
                    p += 1;
                }
                return p * $width;

                fn subtract_above(left: &[$kind], right: Option<&[$kind]>, at: &mut [$kind]) {
                    let right = right.unwrap_or(left);
                    let chunk = DEPTH * $width;
                    for (left, right) in left.chunks(chunk).zip(right.chunks(chunk)) {
                        let tiles = at.as_chunks_mut::<$width>().0.as_chunks_mut::<TILE_ROWS>().0;
                        for (number, tile) in tiles.iter_mut().enumerate() {
                            $subtract(left, right, number * TILE_ROWS, tile);
                        }
                    }
                }
            }

            fn forward(panels: &[Self], x: &mut [Self], y: &mut [Self]) {
                $forward(panels, x, y);
            }

            fn backward(panels: &[Self], x: &mut [Self], y: &mut [Self]) {
                $backward(panels, x, y);
            }

            fn forward_eight(panels: &[Self], right: &mut [Self], first: usize) {
                for p in 0..right.len() / ($width * $width) {
                    let start = panel_start($width, p);
                    let panel = &panels[start..start + $width * $width * (p + 1)];
                    let (above, diagonal) = panel.split_at($width * $width * p);
                    let (before, own) = right.split_at_mut($width * $width * p);
                    let own = own.as_chunks_mut::<$width>().0;
                    let mut tile = [[0.0 as $kind; $width]; TILE_ROWS];
                    for (a, tile) in tile.iter_mut().enumerate() {
                        for (lane, value) in tile.iter_mut().enumerate() {
                            *value = own[lane][first + a];
                        }
                    }
                    let chunk = DEPTH * $width;
                    for (before, above) in before.chunks(chunk).zip(above.chunks(chunk)) {
                        $subtract(before, above, first, &mut tile);
                    }
                    $forward_tile(diagonal, &mut tile);
                    for (a, tile) in tile.iter().enumerate() {
                        for (lane, &value) in tile.iter().enumerate() {
                            own[lane][first + a] = value;
                        }
                    }
                }
            }

            fn add_gram(left: &[Self], right: &[Self], out: &mut [f64]) {
                for (number, out) in out.chunks_mut(TILE_ROWS * $width).enumerate() {
                    let mut tile = [[0.0 as $kind; $width]; TILE_ROWS];
                    $subtract(left, right, number * TILE_ROWS, &mut tile);
                    for (out, value) in out.iter_mut().zip(tile.as_flattened()) {
                        *out -= f64::from(*value);
                    }
                }
            }

            fn add_transposed(right: &[Self], x: &[Self], out: &mut [f64]) {
                let sums = $transposed(right, x);
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out += f64::from(sum));
            }

            fn subtract_product(right: &[Self], z: &[Self], x: &mut [Self]) {
                $product(right, z, x);
            }
        }

        #[inline(always)]
        fn $forward_tile_body<const FUSED: bool>(
            diagonal: &[$kind],
            tile: &mut [[$kind; $width]; TILE_ROWS],
        ) {
            for row in tile {
                let mut own = *row;
                for (k, weights) in diagonal.as_chunks::<$width>().0.iter().enumerate() {
                    let value = own[k] / weights[k];
                    // Left of the diagonal a row of the block is undefined: solved numbers are kept apart.
                    row[k] = value;
                    for lane in 0..$width {
                        own[lane] = $fma(-value, weights[lane], own[lane]);
                    }
                }
            }
        }

        dispatch! {
            /// Solves by the transposed block on the diagonal for eight right-hand sides, one a row of `tile`.
            $forward_tile = $forward_tile_body(
                diagonal: &[$kind], tile: &mut [[$kind; $width]; TILE_ROWS],
            )
        }

        #[inline(always)]
        fn $transposed_body<const FUSED: bool>(right: &[$kind], x: &[$kind]) -> [$kind; $width] {
            let mut sums = [0.0 as $kind; $width];
            for (row, &x) in right.as_chunks::<$width>().0.iter().zip(x) {
                for lane in 0..$width {
                    sums[lane] = $fma(x, row[lane], sums[lane]);
                }
            }
            sums
        }

        dispatch! {
            /// The product of a transposed panel with a vector.
            $transposed = $transposed_body(right: &[$kind], x: &[$kind]) -> [$kind; $width]
        }

        #[inline(always)]
        fn $product_body<const FUSED: bool>(right: &[$kind], z: &[$kind], x: &mut [$kind]) {
            let Some(z) = z.first_chunk::<$width>() else { return };
            for (row, x) in right.as_chunks::<$width>().0.iter().zip(x) {
                *x -= $sum::<FUSED>(row, z);
            }
        }

        dispatch! {
            /// Subtracts the product of a panel with a vector.
            $product = $product_body(right: &[$kind], z: &[$kind], x: &mut [$kind])
        }

        /// The dot product of two rows of the width.
        #[inline(always)]
        fn $sum<const FUSED: bool>(a: &[$kind; $width], b: &[$kind; $width]) -> $kind {
            const HALF: usize = $width / 2;
            let mut sums = [0.0 as $kind; HALF];
            for lane in 0..HALF {
                sums[lane] = $fma(a[HALF + lane], b[HALF + lane], a[lane] * b[lane]);
            }
            let mut width = HALF;
            while width > 1 {
                width /= 2;
                for lane in 0..width {
                    sums[lane] += sums[lane + width];
                }
            }
            sums[0]
        }

        /// Factorizes the square block on the diagonal; tells how many leading rows have positive pivots.
        fn $factorize_diagonal(at: &mut [$kind]) -> usize {
            for first in (0..$width).step_by(TILE_ROWS) {
                let (above, from) = at.split_at_mut(first * $width);
                let Some(tile) = from.as_chunks_mut::<$width>().0.first_chunk_mut::<TILE_ROWS>()
                else {
                    return first;
                };
                $subtract(above, above, first, tile);
                let mut triangle = [[0.0 as $kind; TILE_ROWS]; TILE_ROWS];
                for (own, row) in triangle.iter_mut().zip(tile.iter()) {
                    own.copy_from_slice(&row[first..first + TILE_ROWS]);
                }
                let done = $small(&mut triangle);
                if done < TILE_ROWS {
                    return first + done;
                }
                $eliminate_tile(&triangle, tile);
            }
            $width
        }

        /// Turns the block right of a factorized one on the diagonal into rows of U.
        fn $eliminate(diagonal: &[$kind], at: &mut [$kind]) {
            for first in (0..$width).step_by(TILE_ROWS) {
                let (above, from) = at.split_at_mut(first * $width);
                let Some(tile) = from.as_chunks_mut::<$width>().0.first_chunk_mut::<TILE_ROWS>()
                else {
                    return;
                };
                $subtract(&diagonal[..first * $width], above, first, tile);
                let mut triangle = [[0.0 as $kind; TILE_ROWS]; TILE_ROWS];
                let rows = diagonal[first * $width..].as_chunks::<$width>().0;
                for (a, (own, row)) in triangle.iter_mut().zip(rows).enumerate() {
                    own.copy_from_slice(&row[first..first + TILE_ROWS]);
                    own[a] = 1.0 / own[a];
                }
                $eliminate_tile(&triangle, tile);
            }
        }

        /// Factorizes a block of eight; on its diagonal stand the reciprocals afterwards.
        fn $small(triangle: &mut [[$kind; TILE_ROWS]; TILE_ROWS]) -> usize {
            for a in 0..TILE_ROWS {
                let pivot = triangle[a][a];
                if pivot.is_nan() || pivot <= 0.0 {
                    return a;
                }
                let scale = 1.0 / pivot.sqrt();
                for value in &mut triangle[a][a + 1..] {
                    *value *= scale;
                }
                let row = triangle[a];
                for b in a + 1..TILE_ROWS {
                    for c in b..TILE_ROWS {
                        triangle[b][c] -= row[b] * row[c];
                    }
                }
                triangle[a][a] = scale;
            }
            TILE_ROWS
        }

        #[inline(always)]
        fn $eliminate_body<const FUSED: bool>(
            triangle: &[[$kind; TILE_ROWS]; TILE_ROWS],
            tile: &mut [[$kind; $width]; TILE_ROWS],
        ) {
            const PART: usize = 8;
            for part in (0..$width).step_by(PART) {
                let mut own = [[0.0 as $kind; PART]; TILE_ROWS];
                for (own, row) in own.iter_mut().zip(tile.iter()) {
                    own.copy_from_slice(&row[part..part + PART]);
                }
                for a in 0..TILE_ROWS {
                    for lane in 0..PART {
                        own[a][lane] *= triangle[a][a];
                    }
                    for b in a + 1..TILE_ROWS {
                        let weight = -triangle[a][b];
                        for lane in 0..PART {
                            own[b][lane] = $fma(weight, own[a][lane], own[b][lane]);
                        }
                    }
                }
                for (own, row) in own.iter().zip(tile.iter_mut()) {
                    row[part..part + PART].copy_from_slice(own);
                }
            }
        }

        dispatch! {
            /// Eliminates eight rows by the factor of their block, whose diagonal holds reciprocals.
            $eliminate_tile = $eliminate_body(
                triangle: &[[$kind; TILE_ROWS]; TILE_ROWS], tile: &mut [[$kind; $width]; TILE_ROWS],
            )
        }

        #[inline(always)]
        fn $forward_body<const FUSED: bool>(panels: &[$kind], x: &mut [$kind], y: &mut [$kind]) {
            for p in 0..x.len() / $width {
                let start = panel_start($width, p);
                let panel = &panels[start..start + $width * $width * (p + 1)];
                let (above, diagonal) = panel.split_at($width * $width * p);
                let (x_before, x_own) = x.split_at_mut(p * $width);
                let (y_before, y_own) = y.split_at_mut(p * $width);
                let (mut a, mut b) = ([0.0 as $kind; $width], [0.0 as $kind; $width]);
                for ((row, &u), &v) in
                    above.as_chunks::<$width>().0.iter().zip(x_before.iter()).zip(y_before.iter())
                {
                    for lane in 0..$width {
                        a[lane] = $fma(u, row[lane], a[lane]);
                    }
                    for lane in 0..$width {
                        b[lane] = $fma(v, row[lane], b[lane]);
                    }
                }
                for lane in 0..$width {
                    a[lane] = x_own[lane] - a[lane];
                    b[lane] = y_own[lane] - b[lane];
                }
                for (k, row) in diagonal.as_chunks::<$width>().0.iter().enumerate() {
                    let (u, v) = (a[k] / row[k], b[k] / row[k]);
                    (x_own[k], y_own[k]) = (u, v);
                    for lane in 0..$width {
                        a[lane] = $fma(-u, row[lane], a[lane]);
                    }
                    for lane in 0..$width {
                        b[lane] = $fma(-v, row[lane], b[lane]);
                    }
                }
            }
        }

        #[inline(always)]
        fn $backward_body<const FUSED: bool>(panels: &[$kind], x: &mut [$kind], y: &mut [$kind]) {
            for p in (0..x.len() / $width).rev() {
                let start = panel_start($width, p);
                let panel = &panels[start..start + $width * $width * (p + 1)];
                let (above, diagonal) = panel.split_at($width * $width * p);
                let (x_before, x_own) = x.split_at_mut(p * $width);
                let (y_before, y_own) = y.split_at_mut(p * $width);
                let rows = diagonal.as_chunks::<$width>().0;
                for k in (0..$width).rev() {
                    let (mut u, mut v) = (x_own[k], y_own[k]);
                    for lane in k + 1..$width {
                        u = $fma(-rows[k][lane], x_own[lane], u);
                        v = $fma(-rows[k][lane], y_own[lane], v);
                    }
                    (x_own[k], y_own[k]) = (u / rows[k][k], v / rows[k][k]);
                }
                let (mut own_x, mut own_y) = ([0.0 as $kind; $width], [0.0 as $kind; $width]);
                own_x.copy_from_slice(&x_own[..$width]);
                own_y.copy_from_slice(&y_own[..$width]);
                for ((row, x), y) in
                    above.as_chunks::<$width>().0.iter().zip(x_before).zip(y_before)
                {
                    *x -= $sum::<FUSED>(row, &own_x);
                    *y -= $sum::<FUSED>(row, &own_y);
                }
            }
        }

        dispatch! {
            /// [`Scalar::forward`].
            $forward = $forward_body(panels: &[$kind], x: &mut [$kind], y: &mut [$kind])
        }

        dispatch! {
            /// [`Scalar::backward`].
            $backward = $backward_body(panels: &[$kind], x: &mut [$kind], y: &mut [$kind])
        }
    };
}

triangle!(
    f64,
    WIDTH_64,
    fma::<FUSED>,
    subtract_product_f64,
    factorize_diagonal_f64,
    eliminate_f64,
    small_f64,
    eliminate_tile_f64,
    eliminate_tile_f64_body,
    forward_f64,
    forward_f64_body,
    backward_f64,
    backward_f64_body,
    forward_tile_f64,
    forward_tile_f64_body,
    transposed_f64,
    transposed_f64_body,
    product_f64,
    product_f64_body,
    sum_f64
);
triangle!(
    f32,
    WIDTH_32,
    fma32::<FUSED>,
    subtract_product_f32,
    factorize_diagonal_f32,
    eliminate_f32,
    small_f32,
    eliminate_tile_f32,
    eliminate_tile_f32_body,
    forward_f32,
    forward_f32_body,
    backward_f32,
    backward_f32_body,
    forward_tile_f32,
    forward_tile_f32_body,
    transposed_f32,
    transposed_f32_body,
    product_f32,
    product_f32_body,
    sum_f32
);
