//! Tests of the convex hull on shapes whose hull is known.

use super::*;
use ndarray::{Axis, array, concatenate};
use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore, SeedableRng};

fn uniform(n: usize, n_dim: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Array2::from_shape_simple_fn((n, n_dim), || {
        2.0 * f64::from(rng.next_u32()) / f64::from(u32::MAX) - 1.0
    })
}

/// The corners of [-1, 1]^n_dim.
fn corners(n_dim: usize) -> Array2<f64> {
    Array2::from_shape_fn((1 << n_dim, n_dim), |(i, d)| if i >> d & 1 == 1 { 1.0 } else { -1.0 })
}

#[test]
fn a_cube_with_inner_points_has_its_corners_and_known_distances() {
    for n_dim in 1..=4 {
        let points = concatenate(Axis(0), &[uniform(200, n_dim, 1).view(), corners(n_dim).view()]);
        let hull = ConvexHull::new(points.unwrap().view()).unwrap();
        let mut rows = hull.vertex_rows().to_vec();
        rows.sort_unstable();
        assert_eq!(rows, (200..200 + (1 << n_dim)).collect::<Vec<_>>());
        for point in (uniform(300, n_dim, 2) * 1.6).outer_iter() {
            let beyond = point.mapv(|v: f64| (v.abs() - 1.0).max(0.0));
            let expected = beyond.dot(&beyond).sqrt();
            let got = hull.distance(point);
            assert!((got - expected).abs() < 1e-9, "{n_dim} dims, {point}: {got}, {expected}");
            assert_eq!(hull.contains(point, 0.0), expected == 0.0);
        }
    }
}

#[test]
fn every_point_of_the_cloud_is_inside() {
    for n_dim in 2..=4 {
        let points = uniform(500, n_dim, 7);
        let hull = ConvexHull::new(points.view()).unwrap();
        assert!(points.outer_iter().all(|p| hull.contains(p, 1e-10)));
        // Means of points are inside, mirror images of vertices at a vertex are outside.
        let middle = points.mean_axis(Axis(0)).unwrap();
        for &row in hull.vertex_rows() {
            let vertex = points.row(row);
            assert!(hull.contains(((&vertex + &middle) / 2.0).view(), 0.0));
            assert!(!hull.contains((&vertex + &(&vertex - &middle) * 1e-6).view(), 1e-10));
        }
    }
}

#[test]
fn flat_repeated_and_single_points_have_hulls() {
    let line = array![[0.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.5, 0.5, 1.0], [1.0, 1.0, 1.0]];
    let hull = ConvexHull::new(line.view()).unwrap();
    assert_eq!(hull.vertex_rows().len(), 2);
    assert!(hull.contains(array![0.3, 0.3, 1.0].view(), 1e-12));
    assert!((hull.distance(array![0.5, 0.5, 3.0].view()) - 2.0).abs() < 1e-12);
    let one = ConvexHull::new(array![[2.0, 3.0], [2.0, 3.0]].view()).unwrap();
    assert_eq!(one.vertex_rows().len(), 1);
    assert!((one.distance(array![2.0, 5.0].view()) - 2.0).abs() < 1e-12);
    assert!(one.contains(array![2.0, 3.0].view(), 0.0));
}

#[test]
fn missing_coordinates_and_no_points_are_told() {
    assert_eq!(ConvexHull::new(Array2::zeros((0, 3)).view()).unwrap_err(), HullError::Empty);
    let error = ConvexHull::new(array![[0.0, f64::NAN]].view()).unwrap_err();
    assert!(matches!(error, HullError::NotFinite { row: 0, column: 1, .. }));
    let hull = ConvexHull::new(array![[0.0, 1.0]].view()).unwrap();
    assert!(!hull.contains(array![f64::NAN, 0.0].view(), 1.0));
}
