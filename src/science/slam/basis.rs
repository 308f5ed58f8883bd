//! Polynomials on a cube of labels: products of Chebyshev polynomials up to a total degree.
//!
//! They are fitted by least squares to values at the points of a near-optimal cubature, the Chebyshev-Lobatto indices
//! all even or all odd (De Marchi, Vianello & Xu 2009, BIT 49, 55, three variables; Xu 1996 two): about 2^(1 - n_label)
//! of the full grid.

use ndarray::{Array2, ArrayView1};

use super::super::least_squares::invert_positive_definite;

/// Largest number of labels that have cells: the number of coefficients grows as degree^n_label, and that of the cells
/// that stars fall into as well. With four labels the making of cells takes longer than exact evaluation.
pub(super) const MAX_LABELS: usize = 3;
/// Degrees that are tried.
pub(super) const DEGREES: std::ops::RangeInclusive<usize> = 2..=8;
const MAX_DEGREE: usize = *DEGREES.end();

/// Polynomials of one total degree in `n_label` variables on [-1, 1].
#[derive(Debug)]
pub(super) struct Basis {
    pub degree: usize,
    n_label: usize,
    /// Degree of each polynomial in each variable, `(n_coefficient,)`.
    exponents: Vec<[usize; MAX_LABELS]>,
    /// Where values are wanted, `(n_point, n_label)`.
    pub points: Array2<f64>,
    /// Takes values at the points to coefficients, `(n_coefficient, n_point)`.
    pub projection: Array2<f64>,
}

impl Basis {
    /// Prepares `degree` in `n_label` variables, at most [`MAX_LABELS`]. `None` where the points do not determine it.
    pub fn new(n_label: usize, degree: usize) -> Option<Self> {
        let exponents = tuples(n_label, degree, |t| t.iter().sum::<usize>() <= degree);
        let same_parity = |t: &[usize; MAX_LABELS]| t[..n_label].iter().all(|i| i % 2 == t[0] % 2);
        let nodes = tuples(n_label, degree + 1, same_parity);
        let angle = std::f64::consts::PI / (degree + 1) as f64;
        let points = Array2::from_shape_fn((nodes.len(), n_label), |(point, l)| {
            (angle * nodes[point][l] as f64).cos()
        });
        let mut basis =
            Self { degree, n_label, exponents, points, projection: Array2::zeros((0, 0)) };
        let values = basis.values_at(&basis.points);
        let normal = invert_positive_definite(values.t().dot(&values).view())?;
        basis.projection = normal.dot(&values.t());
        Some(basis)
    }

    /// Number of polynomials.
    pub fn len(&self) -> usize {
        self.exponents.len()
    }

    /// Values of all polynomials at `points`, `(n_point, n_label)`; `(n_point, n_coefficient)`.
    pub fn values_at(&self, points: &Array2<f64>) -> Array2<f64> {
        let mut out = Array2::zeros((points.nrows(), self.len()));
        for (mut row, point) in out.outer_iter_mut().zip(points.outer_iter()) {
            let tables = self.tables(point);
            for (value, exponents) in row.iter_mut().zip(&self.exponents) {
                *value = self.product(&tables, exponents, &[0; MAX_LABELS]);
            }
        }
        out
    }

    /// Writes value and derivatives of each polynomial at `point`, `(n_label,)`, to `weights`,
    /// `(n_coefficient, 1 + n_label)`; `rate` is the derivative of the point by the label.
    pub fn weights(&self, point: ArrayView1<'_, f64>, rate: f64, weights: &mut Vec<f32>) {
        let tables = self.tables(point);
        weights.clear();
        for exponents in &self.exponents {
            let mut orders = [0; MAX_LABELS];
            weights.push(self.product(&tables, exponents, &orders) as f32);
            for l in 0..self.n_label {
                orders[l] = 1;
                weights.push((self.product(&tables, exponents, &orders) * rate) as f32);
                orders[l] = 0;
            }
        }
    }

    /// Adds to `sums`, `(n_label, n_label)`, the second derivatives at `point`, `(n_label,)`, of the polynomial with
    /// `coefficients`; `rate` as in [`Self::weights`].
    pub fn add_second_derivatives(
        &self,
        point: ArrayView1<'_, f64>,
        rate: f64,
        coefficients: &[f32],
        sums: &mut Array2<f64>,
    ) {
        let tables = self.tables(point);
        for a in 0..self.n_label {
            for b in 0..=a {
                let mut orders = [0; MAX_LABELS];
                orders[a] += 1;
                orders[b] += 1;
                let terms = self.exponents.iter().zip(coefficients);
                let second: f64 =
                    terms.map(|(e, &c)| f64::from(c) * self.product(&tables, e, &orders)).sum();
                sums[[a, b]] += second * rate * rate;
                if a != b {
                    sums[[b, a]] += second * rate * rate;
                }
            }
        }
    }

    fn tables(&self, point: ArrayView1<'_, f64>) -> [Table; MAX_LABELS] {
        let mut tables = [[[1.0, 0.0, 0.0]; MAX_DEGREE + 1]; MAX_LABELS];
        tables.iter_mut().zip(point).for_each(|(table, &u)| *table = chebyshev(u));
        tables
    }

    /// The derivative of one polynomial, `orders` times by each variable.
    fn product(
        &self,
        tables: &[Table; MAX_LABELS],
        exponents: &[usize; MAX_LABELS],
        orders: &[usize; MAX_LABELS],
    ) -> f64 {
        (0..self.n_label).map(|l| tables[l][exponents[l]][orders[l]]).product()
    }
}

/// Value, first and second derivative of each degree.
type Table = [[f64; 3]; MAX_DEGREE + 1];

/// The Chebyshev polynomials of each degree at `u`.
fn chebyshev(u: f64) -> Table {
    let mut table = [[1.0, 0.0, 0.0]; MAX_DEGREE + 1];
    table[1] = [u, 1.0, 0.0];
    for k in 2..=MAX_DEGREE {
        let ([a, da, dda], [b, db, ddb]) = (table[k - 1], table[k - 2]);
        table[k] = [2.0 * u * a - b, 2.0 * (a + u * da) - db, 2.0 * (2.0 * da + u * dda) - ddb];
    }
    table
}

/// Tuples of `n_label` numbers from 0 to `largest` that `keep` keeps, in lexicographic order; unused places are 0.
fn tuples(
    n_label: usize,
    largest: usize,
    keep: impl Fn(&[usize; MAX_LABELS]) -> bool,
) -> Vec<[usize; MAX_LABELS]> {
    let base = largest + 1;
    let digits = |mut number: usize| {
        let mut tuple = [0; MAX_LABELS];
        for place in (0..n_label).rev() {
            tuple[place] = number % base;
            number /= base;
        }
        tuple
    };
    (0..base.pow(n_label as u32)).map(digits).filter(keep).collect()
}

/// Where a fitted cell is checked, `(n_check, n_label)`: the corners, where such errors are largest, and eight points
/// within.
pub(super) fn check_points(n_label: usize) -> Array2<f64> {
    let n_corner = 1 << n_label;
    // Fractional parts of multiples of square roots of primes spread evenly.
    let roots = [2f64.sqrt(), 3f64.sqrt(), 5f64.sqrt()];
    Array2::from_shape_fn((n_corner + 8, n_label), |(point, l)| {
        if point < n_corner {
            if point >> l & 1 == 1 { 1.0 } else { -1.0 }
        } else {
            2.0 * ((point - n_corner + 1) as f64 * roots[l]).fract() - 1.0
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array1;

    #[test]
    fn polynomials_of_the_degree_are_reproduced_with_their_derivatives() {
        for n_label in 1..=MAX_LABELS {
            let basis = Basis::new(n_label, 4).unwrap();
            let of = |p: ArrayView1<'_, f64>| (1.0 + p.sum()).powi(4) - p[0].powi(3);
            let values: Array1<f64> = basis.points.outer_iter().map(of).collect();
            let coefficients = basis.projection.dot(&values);
            let at = Array1::from_shape_fn(n_label, |l| 0.3 - 0.2 * l as f64);
            let mut weights = Vec::new();
            basis.weights(at.view(), 1.0, &mut weights);
            let sum = |plane: usize| -> f64 {
                let column = weights.iter().skip(plane).step_by(1 + n_label);
                column.zip(&coefficients).map(|(&w, c)| f64::from(w) * c).sum()
            };
            assert!((sum(0) - of(at.view())).abs() < 1e-4);
            let slope = 4.0 * (1.0 + at.sum()).powi(3) - 3.0 * at[0] * at[0];
            assert!((sum(1) - slope).abs() < 1e-4, "{} {slope}", sum(1));
            let single: Vec<f32> = coefficients.iter().map(|&c| c as f32).collect();
            let mut second = Array2::zeros((n_label, n_label));
            basis.add_second_derivatives(at.view(), 1.0, &single, &mut second);
            let mixed = 12.0 * (1.0 + at.sum()).powi(2);
            let corner = second[[n_label - 1, 0]];
            let expected = mixed - if n_label == 1 { 6.0 * at[0] } else { 0.0 };
            assert!((corner - expected).abs() < 1e-3, "{corner} {expected}");
        }
    }

    #[test]
    fn points_are_few_and_determine_all_degrees() {
        assert_eq!(Basis::new(3, 4).unwrap().points.nrows(), 54);
        assert_eq!(Basis::new(3, 4).unwrap().len(), 35);
        for n_label in 1..=MAX_LABELS {
            assert!(DEGREES.into_iter().all(|degree| Basis::new(n_label, degree).is_some()));
        }
    }
}
