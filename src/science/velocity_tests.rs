use ndarray::Ix1;

use super::super::continuum::{ContinuumSettings, normalize, normalized_ivar};
use super::super::reference_npz::ReferenceNpz;
use super::super::resample::{VarianceRule, average};
use super::super::wavelength::PixelGrid;
use super::*;

/// Lines at fixed places, `v` km/s to the red, with a deterministic pseudo-noise of the given amplitude.
fn synthetic(v_km_s: f64, noise: f64) -> (PixelGrid, Vec<f64>) {
    let grid = PixelGrid::paper();
    let flux = grid
        .wave_angstrom()
        .iter()
        .enumerate()
        .map(|(i, w)| {
            let rest = w / (1.0 + v_km_s / SPEED_OF_LIGHT_KM_S);
            let line = |k: i32| {
                let at = 6200.0 + 53.0 * f64::from(k) + 9.0 * f64::from(k * k % 7);
                0.3 * (-0.5 * ((rest - at) / 2.0).powi(2)).exp()
            };
            let random = (i * 7919 % 1009) as f64 / 1009.0 - 0.5;
            1.0 - (0..50).map(line).sum::<f64>() + noise * random
        })
        .collect();
    (grid, flux)
}

fn run(star: &[f64], template: &[f64]) -> Velocity {
    let ivar = vec![100.0; star.len()];
    let grid = PixelGrid::paper();
    measure(grid.wave_angstrom(), star, &ivar, template, &VelocitySettings::default()).unwrap()
}

#[test]
fn receding_is_positive_and_shifts_are_recovered() {
    let (_, template) = synthetic(0.0, 0.0);
    for v in [-300.0, -41.0, 0.0, 12.0, 230.0] {
        let found = run(&synthetic(v, 0.0).1, &template);
        assert!((found.rv_km_s - v).abs() < 2.0, "{v}: {found:?}");
        assert!(found.is_reliable() && found.peak > 0.95);
    }
}

#[test]
fn error_grows_with_noise_and_covers_the_truth() {
    let (_, template) = synthetic(0.0, 0.0);
    let quiet = run(&synthetic(35.0, 0.05).1, &template);
    let noisy = run(&synthetic(35.0, 0.5).1, &template);
    assert!(noisy.rv_err_km_s > 3.0 * quiet.rv_err_km_s);
    for found in [quiet, noisy] {
        assert!((found.rv_km_s - 35.0).abs() < 4.0 * found.rv_err_km_s + 1.0, "{found:?}");
    }
}

#[test]
fn a_foreign_or_distant_star_is_flagged() {
    let (_, template) = synthetic(0.0, 0.0);
    let (_, noise) = synthetic(0.0, 100.0);
    assert!(run(&noise, &template).low_peak);
    let slope: Vec<f64> = (0..template.len()).map(|i| i as f64).collect();
    let trend: Vec<f64> = slope.iter().map(|s| s * s).collect();
    assert!(run(&slope, &trend).at_edge);
}

#[test]
fn recovers_shifts_of_real_spectra() {
    let test = "recovers_shifts_of_real_spectra";
    let Some(npz) = ReferenceNpz::open(test, "reference/slam/norm_real3.npz") else {
        return;
    };
    let grid = PixelGrid::paper();
    for star in 0..3 {
        let raw = |name: &str| -> Vec<f64> {
            let row = npz.array::<f32, Ix1>(&format!("raw_{name}_{star}"));
            row.iter().map(|&v| f64::from(v)).collect()
        };
        let (wave, flux, ivar) = (raw("wave"), raw("flux"), raw("invar"));
        let prepared = |v_km_s: f64| {
            let seen: Vec<f64> =
                wave.iter().map(|w| w * (1.0 + v_km_s / SPEED_OF_LIGHT_KM_S)).collect();
            let on_grid = average(&seen, &flux, &ivar, &grid, VarianceRule::Weighted).unwrap();
            let settings = ContinuumSettings::default();
            let norm = normalize(grid.wave_angstrom(), &on_grid.flux, None, &settings).unwrap();
            let ivar = normalized_ivar(&on_grid.ivar, &norm.continuum);
            (norm.flux, ivar)
        };
        let (template, _) = prepared(0.0);
        let mut worst = 0f64;
        for v in [-250.0, -40.0, -7.0, 23.0, 100.0, 310.0] {
            let (flux, ivar) = prepared(v);
            let settings = VelocitySettings::default();
            let found = measure(grid.wave_angstrom(), &flux, &ivar, &template, &settings).unwrap();
            worst = worst.max((found.rv_km_s - v).abs());
            assert!(found.is_reliable(), "star {star}, {v}: {found:?}");
        }
        eprintln!("velocity star {star}: worst {worst:.2} km/s");
        assert!(worst < 5.0, "star {star}: {worst}");
    }
}

#[test]
fn masked_pixels_do_not_matter() {
    let (grid, template) = synthetic(0.0, 0.0);
    let (_, mut star) = synthetic(60.0, 0.05);
    let mut ivar = vec![100.0; star.len()];
    ivar[400..410].fill(0.0);
    let settings = VelocitySettings::default();
    let clean = measure(grid.wave_angstrom(), &star, &ivar, &template, &settings).unwrap();
    star[400..410].fill(1e6);
    let spiked = measure(grid.wave_angstrom(), &star, &ivar, &template, &settings).unwrap();
    assert_eq!(clean, spiked);
}

#[test]
fn bad_input_is_an_error() {
    let (grid, star) = synthetic(0.0, 0.0);
    let (wave, settings) = (grid.wave_angstrom(), VelocitySettings::default());
    let ones = vec![1.0; star.len()];
    let zero = vec![0.0; star.len()];
    let error = |f: &[f64], i: &[f64], t: &[f64]| measure(wave, f, i, t, &settings).unwrap_err();
    assert_eq!(error(&ones, &ones, &star), VelocityError::Flat("star"));
    assert_eq!(error(&star, &ones, &ones), VelocityError::Flat("template"));
    assert!(matches!(error(&star, &zero, &star), VelocityError::TooFewPixels { found: 0, .. }));
    assert!(matches!(error(&star[1..], &ones, &star), VelocityError::Length { what: "flux", .. }));
    let odd = VelocitySettings { step_km_s: 0.0, ..settings.clone() };
    assert!(matches!(measure(wave, &star, &ones, &star, &odd), Err(VelocityError::Setting { .. })));
}
