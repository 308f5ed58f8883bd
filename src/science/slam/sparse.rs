//! Coefficients of which most are zero: products that pass over the zeros.
//!
//! A model of noise-free spectra keeps some hundred of its 15,000 training spectra as support vectors, each pixel
//! others. A product over all centers would spend its time on zeros.

use ndarray::{Array2, ArrayView2};

/// Columns of a product that are summed together: as many as registers hold.
const WIDTH: usize = 32;
/// Largest share of coefficients that are not zero for which lists are faster than whole rows.
const SPARSE: f64 = 0.2;

/// The coefficients of each pixel that are not zero.
#[derive(Debug, Clone)]
pub(super) struct SparseRows {
    /// Where the lists of the pixels begin, and the end, `(n_group + 1,)`.
    first: Vec<usize>,
    /// Centers, pixel after pixel.
    centers: Vec<u32>,
    /// Their coefficients.
    values: Vec<f64>,
    n_center: usize,
}

impl SparseRows {
    /// Lists the coefficients of `dual`, `(n_group, n_center)`; `None` where there are too many for it to pay.
    pub(super) fn of(dual: ArrayView2<'_, f64>) -> Option<Self> {
        let most = (SPARSE * dual.len() as f64) as usize;
        let n_center = dual.ncols();
        let mut rows = Self { first: vec![0], centers: Vec::new(), values: Vec::new(), n_center };
        for row in dual.outer_iter() {
            for (center, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                rows.centers.push(u32::try_from(center).ok()?);
                rows.values.push(value);
            }
            if rows.values.len() > most {
                return None;
            }
            rows.first.push(rows.values.len());
        }
        Some(rows)
    }

    fn pixels(&self) -> impl Iterator<Item = (&[u32], &[f64])> {
        let lists = self.first.windows(2).map(|ends| ends[0]..ends[1]);
        lists.map(|list| (&self.centers[list.clone()], &self.values[list]))
    }

    /// Kernel rows, `(n, n_center)`, times the coefficients; `(n, n_group)`.
    pub(super) fn product(&self, kernel: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut out = Array2::zeros((kernel.nrows(), self.first.len() - 1));
        let mut block = vec![[0.0; WIDTH]; self.n_center];
        for from in (0..kernel.nrows()).step_by(WIDTH) {
            let n = WIDTH.min(kernel.nrows() - from);
            for (center, column) in kernel.columns().into_iter().enumerate() {
                for lane in 0..n {
                    block[center][lane] = column[from + lane];
                }
            }
            for (pixel, (centers, values)) in self.pixels().enumerate() {
                let sums = weighted_sum(&block, centers, values);
                for lane in 0..n {
                    out[[from + lane, pixel]] = sums[lane];
                }
            }
        }
        out
    }

    /// Rows of the pixels, `(n, n_group)`, times the coefficients; `(n, n_center)`.
    pub(super) fn transposed_product(&self, rows: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut out = Array2::zeros((rows.nrows(), self.n_center));
        for (row, mut out) in rows.outer_iter().zip(out.outer_iter_mut()) {
            for (&pull, (centers, values)) in row.iter().zip(self.pixels()) {
                for (&center, &value) in centers.iter().zip(values) {
                    out[center as usize] += pull * value;
                }
            }
        }
        out
    }
}

/// Sum of the rows `centers` of `block`, each times its value.
fn weighted_sum(block: &[[f64; WIDTH]], centers: &[u32], values: &[f64]) -> [f64; WIDTH] {
    #[cfg(target_arch = "x86_64")]
    if super::lanes::has_fma() {
        // SAFETY: `has_fma` has seen that the processor has both features.
        return unsafe { weighted_sum_wide(block, centers, values) };
    }
    weighted_sum_body::<false>(block, centers, values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn weighted_sum_wide(block: &[[f64; WIDTH]], centers: &[u32], values: &[f64]) -> [f64; WIDTH] {
    weighted_sum_body::<true>(block, centers, values)
}

#[inline(always)]
fn weighted_sum_body<const FMA: bool>(
    block: &[[f64; WIDTH]],
    centers: &[u32],
    values: &[f64],
) -> [f64; WIDTH] {
    let mut sums = [0.0; WIDTH];
    for (&center, &value) in centers.iter().zip(values) {
        let row = &block[center as usize];
        for lane in 0..WIDTH {
            let (at, sum) = (row[lane], sums[lane]);
            sums[lane] = if FMA { value.mul_add(at, sum) } else { value * at + sum };
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_give_the_products_of_whole_rows() {
        let value = |i: usize| ((i * 7919 % 101) as f64) / 101.0 - 0.5;
        let dual = Array2::from_shape_fn((21, 50), |(j, i)| {
            if (3 * j + i) % 7 == 0 { value(i + 50 * j) } else { 0.0 }
        });
        let rows = SparseRows::of(dual.view()).expect("a seventh of them");
        for n in [1, 32, 45] {
            let kernel = Array2::from_shape_fn((n, 50), |(a, b)| value(a + 13 * b));
            let off = rows.product(kernel.view()) - kernel.dot(&dual.t());
            assert!(off.iter().all(|d| d.abs() < 1e-13));
            let pulls = Array2::from_shape_fn((n, 21), |(a, b)| value(5 * a + b));
            let off = rows.transposed_product(pulls.view()) - pulls.dot(&dual);
            assert!(off.iter().all(|d| d.abs() < 1e-13));
        }
        assert!(SparseRows::of(Array2::ones((4, 4)).view()).is_none());
    }
}
