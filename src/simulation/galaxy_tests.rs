use super::*;

#[test]
fn galactic_coordinates_agree_with_known_directions() {
    // Galactic center, north pole and the Pleiades (astropy: 166.5707, -23.5212 for 56.75, +24.1167).
    let cases = [
        (266.40499, -28.93617, 0.0, 0.0),
        (192.85948, 27.12825, f64::NAN, 90.0),
        (56.75, 24.1167, 166.5707, -23.5212),
    ];
    for (ra, dec, l, b) in cases {
        let (our_l, our_b) = to_galactic(ra, dec);
        assert!((our_b - b).abs() < 1e-3, "{our_b}");
        if l.is_finite() {
            let apart = (our_l - l + 180.0).rem_euclid(360.0) - 180.0;
            assert!(apart.abs() < 1e-3, "{our_l}");
            let (back_ra, back_dec) = to_equatorial(our_l, our_b);
            assert!((back_ra - ra).abs() < 1e-9 && (back_dec - dec).abs() < 1e-9);
        }
    }
}

#[test]
fn motions_are_projected_and_recovered() {
    // A star receding with the solar reflex: no velocity means no motion.
    assert_eq!(observed_motion(10.0, 20.0, 100.0, [0.0; 3]), (0.0, 0.0, 0.0));
    let uvw = [30.0, -20.0, 5.0];
    let (pmra, pmdec, rv) = observed_motion(66.7, 15.9, 46.5, uvw);
    let back = space_velocity(66.7, 15.9, 46.5, pmra, pmdec, rv);
    assert!((0..3).all(|i| (back[i] - uvw[i]).abs() < 1e-9), "{back:?}");
    // Hyades: mean motion of 103, -28 mas/yr and 39.4 km/s at 46.75 pc is (U, V, W) near (-42, -19, -1) km/s
    // (van Leeuwen 2009: -41.1, -19.2, -1.4).
    let hyades = space_velocity(66.9, 16.4, 46.75, 103.0, -28.0, 39.4);
    let literature = [-41.5, -19.2, -1.4];
    assert!((0..3).all(|i| (hyades[i] - literature[i]).abs() < 2.0), "{hyades:?}");
}

#[test]
fn density_falls_by_e_over_a_scale_height() {
    let thin = POPULATIONS[0];
    let ratio = thin.relative_density(0.0, 90.0, 300.0) / thin.relative_density(0.0, 90.0, 0.0);
    assert!((ratio - (-1.0f64).exp()).abs() < 0.02, "{ratio}");
    assert!(thin.relative_density(0.0, 0.0, 500.0) > 1.0);
    assert!(thin.relative_density(180.0, 0.0, 500.0) < 1.0);
    let total: f64 = POPULATIONS.iter().map(|p| p.local_fraction).sum();
    assert!((total - 1.0).abs() < 1e-12);
}
