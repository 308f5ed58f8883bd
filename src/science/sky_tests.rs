use super::*;

#[test]
fn separation_is_exact_from_micro_arcseconds_to_the_antipode() {
    let mas = 1.0 / 3.6e6;
    let close =
        |found: f64, truth: f64| assert!((found / truth - 1.0).abs() < 1e-9, "{found} {truth}");
    close(separation_arcsec(10.0, 0.0, 10.0 + 1e-6, 0.0), 3.6e-3);
    // 360 degrees less 0.2 arcsec is itself rounded, to 1e-9 of the difference.
    close(separation_arcsec(0.0, 60.0, 360.0 - 200.0 * mas, 60.0), 0.1);
    close(separation_arcsec(123.0, 89.999, 303.0, 89.999), 7.2);
    close(separation_arcsec(0.0, 90.0, 77.0, -90.0), 648_000.0);
    close(separation_arcsec(10.0, 20.0, 190.0, -20.0 + 1e-5), 648_000.0 - 0.036);
    assert_eq!(separation_arcsec(5.0, -5.0, 5.0, -5.0), 0.0);
    assert!(separation_arcsec(f64::NAN, 0.0, 0.0, 0.0).is_nan());
    let (a, b) = ((33.0, -41.0), (33.1, -41.2));
    assert_eq!(separation_arcsec(a.0, a.1, b.0, b.1), separation_arcsec(b.0, b.1, a.0, a.1));
}

#[test]
fn propagation_equals_erfa() {
    // Input and ERFA 2.0 `pmsafe` output: Barnard's star, a star without parallax, one near the pole.
    let cases = [
        (
            [269.4485025254384, 4.739420051112412, -802.803, 10362.542, 546.976, -110.51],
            2000.0,
            [
                269.4519673531978,
                4.694846269638105,
                -801.2145152390763,
                10342.705819939874,
                546.4520638731443,
                -110.58027925616096,
            ],
        ),
        (
            [359.9999, 89.5, 3000.0, -2000.0, 20.0, 35.0],
            2012.3,
            [
                359.6932304935457,
                89.50177064556262,
                3010.675143066482,
                -1983.9239453226664,
                20.0000441890895,
                34.9522019163935,
            ],
        ),
        (
            [123.4, -60.0, -12.0, 7.0, 2.3, 0.0],
            2019.7,
            [
                123.39997200000691,
                -59.99999183333036,
                -11.999997037459858,
                7.000005078635571,
                2.3000000000309786,
                8.09981454363889e-06,
            ],
        ),
    ];
    for (start, epoch, expected) in cases {
        let moved = propagate(&star(start), GAIA_DR2_EPOCH_YR, epoch).unwrap();
        let found = [
            moved.ra_deg,
            moved.dec_deg,
            moved.pmra_mas_yr,
            moved.pmdec_mas_yr,
            moved.parallax_mas,
            moved.rv_km_s,
        ];
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-8 * b.abs().max(1e-3), "{found:?}");
        }
    }
}

fn star(
    [ra_deg, dec_deg, pmra_mas_yr, pmdec_mas_yr, parallax_mas, rv_km_s]: [f64; 6],
) -> Astrometry {
    Astrometry { ra_deg, dec_deg, pmra_mas_yr, pmdec_mas_yr, parallax_mas, rv_km_s }
}

#[test]
fn missing_values_stay_missing() {
    let nan = f64::NAN;
    for parallax in [nan, -0.3, 0.0] {
        let moved =
            propagate(&star([10.0, 41.0, 100.0, -50.0, parallax, nan]), 2015.5, 2000.0).unwrap();
        assert!((moved.ra_deg - 9.999429506431216).abs() < 1e-9);
        assert!((moved.dec_deg - 41.0002152763715).abs() < 1e-9);
        assert!(moved.rv_km_s.is_nan());
        assert_eq!(moved.parallax_mas.to_bits(), parallax.to_bits());
    }
    let still = propagate(&star([10.0, 41.0, nan, nan, nan, nan]), 2015.5, 2000.0).unwrap();
    assert_eq!((still.ra_deg, still.dec_deg), (10.0, 41.0));
    assert!(matches!(
        propagate(&star([10.0, nan, 1.0, 1.0, 1.0, 0.0]), 2015.5, 2000.0),
        Err(SkyError::Position { .. })
    ));
    assert!(propagate(&star([10.0, 41.0, 1.0, 1.0, 1.0, 0.0]), 2015.5, nan).is_err());
}

#[test]
fn propagation_there_and_back_and_over_the_pole() {
    for dec in [-90.0, -30.0, 0.0, 89.9999, 90.0] {
        let start = star([40.0, dec, 900.0, -700.0, 30.0, 20.0]);
        let there = propagate(&start, 2015.5, 2000.0).unwrap();
        let moved = separation_arcsec(start.ra_deg, start.dec_deg, there.ra_deg, there.dec_deg);
        assert!((moved - 15.5 * 0.9f64.hypot(0.7)).abs() < 0.01, "{dec}: {moved}");
        let back = propagate(&there, 2000.0, 2015.5).unwrap();
        let error = separation_arcsec(start.ra_deg, start.dec_deg, back.ra_deg, back.dec_deg);
        assert!(error < 1e-5, "{dec}: {error}");
    }
}

#[test]
fn sexagesimal_keeps_the_sign_of_minus_zero() {
    let near = |found: f64, truth: f64| assert!((found - truth).abs() < 1e-12, "{found} {truth}");
    near(parse_ra_deg("00 00 34.8").unwrap(), 0.145);
    near(parse_ra_deg("23:59:59.88").unwrap(), 359.9995);
    near(parse_dec_deg("-05 33 07").unwrap(), -(5.0 + 33.0 / 60.0 + 7.0 / 3600.0));
    near(parse_dec_deg("-00 33 07").unwrap(), -(33.0 / 60.0 + 7.0 / 3600.0));
    near(parse_dec_deg("\u{2212}00:00:01").unwrap(), -1.0 / 3600.0);
    near(parse_dec_deg(" +90 00 00 ").unwrap(), 90.0);
    near(parse_ra_deg("01h02m03s").unwrap(), 15.0 * (1.0 + 2.0 / 60.0 + 3.0 / 3600.0));
    for bad in [
        "",
        "12 30",
        "24 00 00",
        "-01 00 00",
        "10 61 00",
        "10 00 -5",
        "a b c",
        "1 2 nan",
        "1.5 0 0",
        "23 59 60",
    ] {
        assert!(parse_ra_deg(bad).is_err(), "{bad}");
    }
    assert!(parse_dec_deg("90 00 01").is_err());
}

#[test]
fn a_motion_that_is_dropped_is_an_error() {
    // 10 arcsec/yr at a parallax of 1 mas is 47,000 km/s, which the routine slows down by moving the star nearer, and a
    // radial velocity above light speed it would drop in silence.
    let fast = star([10.0, 20.0, 1e4, 0.0, 1.0, 0.0]);
    assert!(propagate(&fast, 2015.5, 2000.0).is_ok());
    let faster = star([10.0, 20.0, 1.0, 0.0, 1.0, 4e5]);
    let error = propagate(&faster, 2015.5, 2000.0).unwrap_err();
    assert!(matches!(error, SkyError::Motion { .. }), "{error}");
}
