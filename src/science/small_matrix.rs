//! Algebra of small symmetric matrices.

use ndarray::{Array1, Array2, ArrayView2};

/// Lower Cholesky factor of a symmetric matrix, `(n, n)`; `None` where it is not safely positive definite.
pub fn cholesky(matrix: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let mut factor = Array2::<f64>::zeros((n, n));
    for j in 0..n {
        let pivot = matrix[[j, j]] - (0..j).map(|k| factor[[j, k]] * factor[[j, k]]).sum::<f64>();
        // Below this fraction of its own diagonal a pivot is cancellation noise; NaN fails as well.
        let safe = pivot > 1e-14 * matrix[[j, j]] && pivot.is_finite();
        if !safe {
            return None;
        }
        factor[[j, j]] = pivot.sqrt();
        for i in j + 1..n {
            let inner: f64 = (0..j).map(|k| factor[[i, k]] * factor[[j, k]]).sum();
            factor[[i, j]] = (matrix[[i, j]] - inner) / factor[[j, j]];
        }
    }
    Some(factor)
}

/// Solves L L^T x = b for the lower factor of [`cholesky`].
pub fn cholesky_solve(factor: &Array2<f64>, b: &Array1<f64>) -> Array1<f64> {
    let n = b.len();
    let mut x = b.clone();
    for i in 0..n {
        let inner: f64 = (0..i).map(|k| factor[[i, k]] * x[k]).sum();
        x[i] = (x[i] - inner) / factor[[i, i]];
    }
    for i in (0..n).rev() {
        let inner: f64 = (i + 1..n).map(|k| factor[[k, i]] * x[k]).sum();
        x[i] = (x[i] - inner) / factor[[i, i]];
    }
    x
}

/// Inverts a symmetric positive definite matrix, `(n, n)`; `None` where it is singular.
pub fn invert_positive_definite(matrix: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let n = matrix.nrows();
    let factor = cholesky(matrix)?;
    let mut inverse = Array2::zeros((n, n));
    for j in 0..n {
        let unit = Array1::from_shape_fn(n, |i| f64::from(i == j));
        inverse.column_mut(j).assign(&cholesky_solve(&factor, &unit));
    }
    let symmetric = (&inverse + &inverse.t()) * 0.5;
    symmetric.iter().all(|v| v.is_finite()).then_some(symmetric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn inverse_times_matrix_is_identity_and_singular_is_seen() {
        let matrix = array![[4.0, 1.0, 0.5], [1.0, 3.0, -0.2], [0.5, -0.2, 2.0]];
        let product = invert_positive_definite(matrix.view()).unwrap().dot(&matrix);
        assert!((product - Array2::<f64>::eye(3)).iter().all(|v| v.abs() < 1e-14));
        assert!(invert_positive_definite(array![[1.0, 1.0], [1.0, 1.0]].view()).is_none());
        assert!(invert_positive_definite(array![[0.0]].view()).is_none());
        assert!(invert_positive_definite(array![[f64::NAN]].view()).is_none());
    }
}
