//! The convex hull of a cloud of points: membership and distance, in any number of dimensions.
//!
//! Kept are the vertices alone, found by asking of each point whether it lies in the hull of the vertices known so far
//! (Clarkson 1994); a point that does not gives a direction in which the farthest point of all is a new vertex. The
//! question itself is the point of smallest norm of a polytope (Wolfe 1976, Math. Programming 11, 128). Nothing is
//! triangulated, so repeated points, points on a line or plane and a single point need no special care.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use super::least_squares::{cholesky, cholesky_solve};

/// Why there is no hull.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum HullError {
    /// There is no point.
    #[error("the hull of no points does not exist; check the cuts of the sample")]
    Empty,
    /// A coordinate is NaN or infinite.
    #[error("coordinate {column} of point {row} is {value}; reject such rows first")]
    NotFinite {
        /// Point.
        row: usize,
        /// Coordinate.
        column: usize,
        /// The offending value.
        value: f64,
    },
}

/// The convex hull of points that share a scale: pass standardized labels, not kelvins beside dex.
///
/// Memory: the vertices. Construction: one query a point; a query: about ten passes over the vertices.
#[derive(Debug, Clone, PartialEq)]
pub struct ConvexHull {
    /// `(n_dim, n_vertex)`.
    vertices: Array2<f64>,
    /// Input rows of the vertices, `(n_vertex,)`.
    rows: Vec<usize>,
    /// Largest extent of the points, the unit of rounding errors.
    extent: f64,
}

/// Rounding of a distance, as a fraction of the extent.
const ROUNDING: f64 = 1e-12;

impl ConvexHull {
    /// Finds the hull of `points`, `(n, n_dim)`.
    ///
    /// # Errors
    /// [`HullError::Empty`] without points, [`HullError::NotFinite`] for a missing coordinate.
    pub fn new(points: ArrayView2<'_, f64>) -> Result<Self, HullError> {
        if points.nrows() == 0 {
            return Err(HullError::Empty);
        }
        if let Some(((row, column), &value)) = points.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(HullError::NotFinite { row, column, value });
        }
        let columns = points.t().as_standard_layout().into_owned();
        let mut hull = Self {
            vertices: Array2::zeros((points.ncols(), 0)),
            rows: Vec::new(),
            extent: extent(columns.view()),
        };
        hull.add(points, 0);
        for row in 0..points.nrows() {
            hull.enclose(points, columns.view(), row);
        }
        hull.drop_inner();
        Ok(hull)
    }

    /// Adds vertices until point `row` lies in the hull.
    fn enclose(&mut self, points: ArrayView2<'_, f64>, columns: ArrayView2<'_, f64>, row: usize) {
        loop {
            let nearest = smallest_norm(self.vertices.view(), points.row(row), self.extent);
            if norm(&nearest) <= ROUNDING * self.extent {
                return;
            }
            let outward = nearest.mapv(|v| -v);
            let mut farthest = farthest_along(columns, outward.view());
            if self.rows.contains(&farthest) {
                farthest = row;
            }
            self.add(points, farthest);
            if farthest == row {
                return;
            }
        }
    }

    fn add(&mut self, points: ArrayView2<'_, f64>, row: usize) {
        self.rows.push(row);
        let width = self.rows.len();
        self.vertices = Array2::from_shape_fn((points.ncols(), width), |(dim, vertex)| {
            points[[self.rows[vertex], dim]]
        });
    }

    /// Drops points of the start that later ones enclose.
    fn drop_inner(&mut self) {
        let mut at = 0;
        while at < self.rows.len() && self.rows.len() > 1 {
            let others: Vec<usize> = (0..self.rows.len()).filter(|&i| i != at).collect();
            let rest = self.vertices.select(ndarray::Axis(1), &others);
            let nearest = smallest_norm(rest.view(), self.vertices.column(at), self.extent);
            if norm(&nearest) <= ROUNDING * self.extent {
                self.vertices = rest;
                self.rows.remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Rows of the input that are vertices, in no particular order; of equal points one.
    pub fn vertex_rows(&self) -> &[usize] {
        &self.rows
    }

    /// Euclidean distance of `point`, `(n_dim,)`, from the hull; 0 within it, NaN where a coordinate is NaN.
    ///
    /// Accurate to about 1e-10 of the hull's extent.
    pub fn distance(&self, point: ArrayView1<'_, f64>) -> f64 {
        if point.iter().any(|v| !v.is_finite()) {
            return f64::NAN;
        }
        let distance = norm(&smallest_norm(self.vertices.view(), point, self.extent));
        if distance <= ROUNDING * self.extent { 0.0 } else { distance }
    }

    /// Tells whether `point`, `(n_dim,)`, lies no farther than `tolerance` outside; false where a coordinate is NaN.
    pub fn contains(&self, point: ArrayView1<'_, f64>, tolerance: f64) -> bool {
        self.distance(point) <= tolerance
    }
}

fn norm(vector: &Array1<f64>) -> f64 {
    vector.dot(vector).sqrt()
}

/// Largest side of the box of `columns`, `(n_dim, n)`; 1 where all points are one.
fn extent(columns: ArrayView2<'_, f64>) -> f64 {
    let side = |row: ArrayView1<'_, f64>| {
        let (lo, hi) = row
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), &v| (lo.min(v), hi.max(v)));
        hi - lo
    };
    let largest = columns.outer_iter().map(side).fold(0.0, f64::max);
    if largest > 0.0 { largest } else { 1.0 }
}

/// Column of `columns`, `(n_dim, n)`, farthest along `direction`; of equally far ones that of the largest coordinates,
/// which is a vertex where the middle of a facet is not.
fn farthest_along(columns: ArrayView2<'_, f64>, direction: ArrayView1<'_, f64>) -> usize {
    let along = projections(columns, direction);
    let mut best = 0;
    for i in 1..along.len() {
        let larger = || {
            let pairs = columns.column(i).into_iter().zip(columns.column(best));
            pairs.map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).is_some_and(|o| o.is_gt())
        };
        if along[i] > along[best] || (along[i] == along[best] && larger()) {
            best = i;
        }
    }
    best
}

fn projections(columns: ArrayView2<'_, f64>, direction: ArrayView1<'_, f64>) -> Vec<f64> {
    let mut along = vec![0.0; columns.ncols()];
    for (row, &d) in columns.outer_iter().zip(direction) {
        along.iter_mut().zip(row).for_each(|(sum, v)| *sum += d * v);
    }
    along
}

/// The vector from `point` to the nearest point of the hull of `vertices`, `(n_dim, n_vertex)`, by Wolfe's method.
fn smallest_norm(
    vertices: ArrayView2<'_, f64>,
    point: ArrayView1<'_, f64>,
    extent: f64,
) -> Array1<f64> {
    let relative = |vertex: usize| &vertices.column(vertex) - &point;
    let mut corral = Corral { members: vec![0], weights: vec![1.0], vectors: vec![relative(0)] };
    let mut nearest = corral.combination();
    // Each corral is met once, so this ends; the limit only guards against rounding.
    for _ in 0..1000 {
        let squared = nearest.dot(&nearest);
        let length = squared.sqrt();
        if length <= ROUNDING * extent {
            break;
        }
        let along = projections(vertices, nearest.view());
        let lowest =
            (1..along.len()).fold(0, |best, i| if along[i] < along[best] { i } else { best });
        let reach = along[lowest] - nearest.dot(&point);
        let is_nearest = squared - reach <= 1e-10 * length * extent;
        if is_nearest || corral.members.contains(&lowest) {
            break;
        }
        corral.members.push(lowest);
        corral.weights.push(0.0);
        corral.vectors.push(relative(lowest));
        if !corral.settle() {
            break;
        }
        let next = corral.combination();
        if next.dot(&next) >= squared {
            break;
        }
        nearest = next;
    }
    nearest
}

/// Affinely independent vertices, relative to the point asked about, and their convex weights.
struct Corral {
    members: Vec<usize>,
    weights: Vec<f64>,
    vectors: Vec<Array1<f64>>,
}

impl Corral {
    fn combination(&self) -> Array1<f64> {
        let mut sum = Array1::zeros(self.vectors[0].len());
        for (weight, vector) in self.weights.iter().zip(&self.vectors) {
            sum.scaled_add(*weight, vector);
        }
        sum
    }

    /// Moves to the point of smallest norm of the members' affine span, dropping members until it is within their
    /// hull. False where rounding leaves the members dependent.
    fn settle(&mut self) -> bool {
        while let Some(target) = self.affine_minimum() {
            if target.iter().all(|&w| w > 0.0) {
                self.weights = target;
                return true;
            }
            let step = |(w, t): (&f64, &f64)| if t < w { w / (w - t) } else { f64::INFINITY };
            let moves = self.weights.iter().zip(&target).filter(|(_, t)| **t <= 0.0);
            let share = moves.map(step).fold(1.0, f64::min);
            let mixed: Vec<f64> =
                self.weights.iter().zip(&target).map(|(w, t)| w + share * (t - w)).collect();
            // At least the member that stopped the move leaves, whatever rounding makes of its weight.
            let stopped = (0..mixed.len()).filter(|&i| target[i] <= 0.0);
            let Some(first) = stopped.min_by(|&a, &b| mixed[a].total_cmp(&mixed[b])) else {
                return false;
            };
            let kept: Vec<usize> =
                (0..mixed.len()).filter(|&i| i != first && mixed[i] > 1e-15).collect();
            if kept.is_empty() {
                return false;
            }
            let total: f64 = kept.iter().map(|&i| mixed[i]).sum();
            self.members = kept.iter().map(|&i| self.members[i]).collect();
            self.vectors = kept.iter().map(|&i| self.vectors[i].clone()).collect();
            self.weights = kept.iter().map(|&i| mixed[i] / total).collect();
        }
        false
    }

    /// Weights of sum 1 that minimize the norm of the combination; `None` for dependent members.
    fn affine_minimum(&self) -> Option<Vec<f64>> {
        let n = self.vectors.len();
        let scale = self.vectors.iter().map(|v| v.dot(v)).fold(f64::MIN_POSITIVE, f64::max);
        let gram = Array2::from_shape_fn((n, n), |(a, b)| {
            1.0 + self.vectors[a].dot(&self.vectors[b]) / scale
        });
        let solved = cholesky_solve(&cholesky(gram.view())?, &Array1::ones(n));
        let total = solved.sum();
        (total > 0.0 && total.is_finite()).then(|| solved.iter().map(|v| v / total).collect())
    }
}

#[cfg(test)]
#[path = "hull_tests.rs"]
mod tests;
