use super::*;
use crate::stages::columns::finite_array;

fn stage(more: &str) -> SimulateBlind {
    serde_json::from_str(&format!(r#"{{"carry": ["Teff"]{more}}}"#)).unwrap()
}

fn models(vacuum: bool) -> RecordBatch {
    let wave: Vec<f64> = (0..8000).map(|i| 3_000.0 + f64::from(i)).collect();
    let line = |w: &f64| 1.0 - 0.5 * (-((w - 7_000.0) / 3.0).powi(2)).exp();
    let flux: Vec<f64> = wave.iter().map(line).collect();
    RecordBatch::try_from_iter([
        ("Teff", finite_array(vec![3_600.0])),
        ("wave_angstrom", f64_lists(vec![wave])),
        ("flux", f64_lists(vec![flux])),
        ("vacuum", bool_array(vec![vacuum])),
    ])
    .unwrap()
}

fn drawn(av_mag: f64, velocity_km_s: f64) -> Draw {
    Draw { model: 0, donor: 0, snr: 50.0, av_mag, velocity_km_s }
}

/// Where the line of the test model is, Angstrom.
fn line_angstrom(light: &[f64]) -> f64 {
    let deepest = (2_500..3_000).min_by(|a, b| light[*a].total_cmp(&light[*b])).unwrap();
    wave_of_index(deepest as f64)
}

#[test]
fn a_line_is_where_velocity_and_medium_put_it() {
    let rest = light(&models(true), &drawn(0.0, 0.0)).unwrap();
    assert_eq!(rest.len(), LAMOST_PIXELS);
    assert!((line_angstrom(&rest) - 7_000.0).abs() < 1.0);
    let receding = light(&models(true), &drawn(0.0, 300.0)).unwrap();
    assert!((line_angstrom(&receding) - 7_007.0).abs() < 1.0);
    let air = light(&models(false), &drawn(0.0, 0.0)).unwrap();
    assert!((line_angstrom(&air) - 7_001.9).abs() < 1.0);
    let dusty = light(&models(true), &drawn(0.5, 0.0)).unwrap();
    assert!(dusty[1000] / rest[1000] < dusty[3500] / rest[3500]);
}

#[test]
fn values_of_the_grid_stand_at_their_pixels() {
    let wave: Vec<f64> = [2205.0, 2300.0, 3806.0].map(wave_of_index).to_vec();
    let pixels = pixels(&wave).unwrap();
    assert_eq!(pixels, [2205, 2300, 3806]);
    let all = on_lamost_pixels(&pixels, &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!((all[2300], all[2301], all.iter().sum::<f64>()), (2.0, 0.0, 6.0));
    assert!(on_lamost_pixels(&pixels, &[1.0]).is_err());
    let coarse = on_lamost_pixels(&[2205, 2213], &[1.0, 2.0]).unwrap();
    assert_eq!(coarse[2204..2215], [0.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 0.0]);
    assert!(super::pixels(&[6_150.123]).is_err());
}

#[test]
fn what_a_spectrum_is_depends_on_its_number_alone() {
    let stage = stage("");
    let draw = |id| stage.draw(7, id, 100, 20);
    assert_eq!((draw(3).model, draw(3).donor), (draw(3).model, draw(3).donor));
    let models: std::collections::BTreeSet<usize> = (0..200).map(|id| draw(id).model).collect();
    assert!(models.len() > 60, "{}", models.len());
    let snr: Vec<f64> = (0..200).map(|id| draw(id).snr).collect();
    assert!(snr.iter().all(|snr| (10.0..=150.0).contains(snr)));
    assert!(snr.iter().filter(|snr| **snr < 38.7).count() > 70, "uniform in the logarithm");
}

#[test]
fn ranges_are_checked() {
    for wrong in [r#", "snr": [0, 10]"#, r#", "n": 0"#, r#", "max_av_mag": -1"#, r#", "chunk": 0"#]
    {
        assert!(stage(wrong).check().is_err(), "{wrong}");
    }
    assert!(stage("").check().is_ok());
}
