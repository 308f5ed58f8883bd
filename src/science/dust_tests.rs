use super::*;
use crate::science::healpix::center_of;

const MODULI: [f64; 4] = [4.0, 4.5, 5.0, 5.5];

#[test]
fn reddening_is_linear_in_modulus() {
    let curve = [0.1, 0.3, 0.4, 0.8];
    let at = |modulus| reddening_at(&MODULI, &curve, modulus);
    let close = |a: f64, b: f64| (a - b).abs() < 1e-7;
    assert!(close(at(4.0), 0.1) && close(at(4.25), 0.2) && close(at(5.5), 0.8));
    assert!(close(at(5.1), 0.48));
    // At half the distance half the reddening; beyond the map that of its end.
    assert!(close(at(4.0 - 5.0 * 2f64.log10()), 0.05));
    assert!(close(at(9.0), 0.8));
    assert!(at(f64::NAN).is_nan() && reddening_at(&[], &[], 4.0).is_nan());
}

#[test]
fn the_median_is_taken_after_the_interpolation() {
    // Curves that cross: medians at the nodes are 1, 1, the median of the middle is 1.5.
    let moduli = [4.0, 5.0];
    let curves = [0.0, 3.0, 1.0, 1.0, 3.0, 0.0];
    assert_eq!(median_reddening_at(&moduli, &curves, 4.0), 1.0);
    assert_eq!(median_reddening_at(&moduli, &curves, 4.5), 1.5);
    assert_eq!(median_reddening_at(&moduli, &curves[..4], 4.5), 1.25);
    assert!(median_reddening_at(&moduli, &[], 4.5).is_nan());
    assert!(median_reddening_at(&moduli, &[f32::NAN, 1.0], 4.5).is_nan());
}

#[test]
fn the_smallest_pixel_that_holds_a_star_counts() {
    let parent = 700;
    let pixels = [(16, parent), (32, 4 * parent + 1), (64, 16 * parent + 7)];
    let footprint = Footprint::new(pixels).unwrap();
    for (order, pixel, row) in
        [(6, 16 * parent + 7, Some(2)), (5, 4 * parent + 2, Some(0)), (4, parent + 1, None)]
    {
        let (l, b) = center_of(order, pixel);
        assert_eq!(footprint.row(l, b), row, "order {order}");
    }
    // Of the middle pixel, what the smallest leaves of it.
    let (l, b) = center_of(6, 16 * parent + 6);
    assert_eq!(footprint.row(l, b), Some(1));
    assert_eq!(footprint.row(f64::NAN, 0.0), None);
    assert_eq!(footprint.row(0.0, 90.1), None);
}

#[test]
fn pixels_that_cannot_be_are_refused() {
    let refused = |pixels: &[(u32, u64)]| Footprint::new(pixels.to_vec()).unwrap_err();
    assert_eq!(refused(&[(0, 0)]), DustError::Nside { row: 0, nside: 0 });
    assert_eq!(refused(&[(32, 0), (48, 0)]), DustError::Nside { row: 1, nside: 48 });
    assert_eq!(refused(&[(2, 48)]), DustError::Index { row: 0, nside: 2, index: 48 });
    let twice = refused(&[(2, 5), (4, 5), (2, 5)]);
    assert_eq!(twice, DustError::Twice { nside: 2, index: 5, first: 0, second: 2 });
    assert_eq!(Footprint::new([]).unwrap().row(10.0, 20.0), None);
}

/// The north Galactic pole, the Galactic center (Reid & Brunthaler 2004 place Sgr A* 4 arcmin from l = b = 0), and the
/// Hyades' center.
#[test]
fn galactic_coordinates_of_known_directions() {
    assert!(galactic(192.859_48, 27.128_25).1 > 89.999_99);
    let (l, b) = galactic(266.416_83, -29.007_81);
    assert!((l - 359.944).abs() < 1e-3 && (b + 0.046).abs() < 1e-3, "{l} {b}");
    let (l, b) = galactic(66.725, 15.867);
    assert!((l - 180.064).abs() < 0.01 && (b + 22.34).abs() < 0.05, "{l} {b}");
}

#[test]
fn reliable_where_the_map_says_so() {
    assert!(is_reliable(8.0, 6.0, 12.0) && is_reliable(6.0, 6.0, 12.0));
    assert!(!is_reliable(5.9, 6.0, 12.0) && !is_reliable(8.0, f64::NAN, 12.0));
    assert!(!is_reliable(f64::NAN, 6.0, 12.0) && !is_reliable(8.0, 6.0, f64::INFINITY));
    assert!((distance_modulus(100.0) - 5.0).abs() < 1e-12);
    assert!(distance_modulus(0.0).is_nan() && distance_modulus(-3.0).is_nan());
}
