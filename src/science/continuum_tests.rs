use ndarray::{Array1, Array2, Ix1, Ix2};

use super::super::reference_npz::ReferenceNpz;
use super::*;

struct Reference {
    wave: Vec<f64>,
    flux: Array2<f64>,
    ivar: Array2<f64>,
    norm: Array2<f64>,
    continuum: Array2<f64>,
    ivar_norm: Array2<f64>,
}

fn reference(test: &str) -> Option<Reference> {
    let npz = ReferenceNpz::open(test, "reference/slam/norm_real3.npz")?;
    let table = |name: &str| npz.array::<f64, Ix2>(name);
    Some(Reference {
        wave: npz.array::<f32, Ix1>("wave").iter().map(|&w| f64::from(w)).collect(),
        flux: table("flux_resamp"),
        ivar: table("invar_resamp"),
        norm: table("flux_norm_f8wave"),
        continuum: table("flux_cont_f8wave"),
        ivar_norm: table("invar_norm"),
    })
}

fn wave_and_flux() -> (Vec<f64>, Vec<f64>) {
    let wave: Vec<f64> = (0..1600).map(|i| 6150.0 + 1.6 * f64::from(i)).collect();
    let flux = wave
        .iter()
        .enumerate()
        .map(|(i, w)| {
            // A slope, two troughs and a fixed pseudo-noise.
            let noise = ((i * 7919 % 1009) as f64 / 1009.0 - 0.5) * 0.02;
            let trough = |at: f64, width: f64| 0.4 * (-((w - at) / width).powi(2)).exp();
            1000.0 * (w / 7500.0) * (1.0 - trough(7100.0, 60.0) - trough(8190.0, 8.0) + noise)
        })
        .collect();
    (wave, flux)
}

#[test]
fn agrees_with_the_reference_to_1e_9() {
    let Some(reference) = reference("agrees_with_the_reference_to_1e_9") else {
        return;
    };
    let settings = ContinuumSettings::default();
    let rows = normalize_rows(&reference.wave, reference.flux.view(), None, &settings);
    assert_eq!(rows.len(), 3);
    for (star, row) in rows.into_iter().enumerate() {
        let row = row.unwrap();
        assert!(!row.fell_back);
        let ivar = normalized_ivar(reference.ivar.row(star).to_slice().unwrap(), &row.continuum);
        let (mut worst, mut worst_continuum, mut worst_ivar) = (0f64, 0f64, 0f64);
        for (j, ivar) in ivar.iter().enumerate() {
            worst = worst.max((row.flux[j] - reference.norm[[star, j]]).abs());
            let relative = row.continuum[j] / reference.continuum[[star, j]] - 1.0;
            worst_continuum = worst_continuum.max(relative.abs());
            worst_ivar = worst_ivar.max((ivar / reference.ivar_norm[[star, j]] - 1.0).abs());
        }
        eprintln!(
            "star {star}: flux {worst:.2e}, continuum {worst_continuum:.2e}, ivar {worst_ivar:.2e}"
        );
        assert!(worst <= 1e-9, "star {star}: {worst}");
        assert!(worst_continuum <= 1e-9, "star {star}: {worst_continuum}");
        // The shipped ivar is of the float32 wavelengths, whose continuum differs by 3e-5.
        assert!(worst_ivar <= 2e-4, "star {star}: {worst_ivar}");
    }
}

#[test]
fn scale_invariant_and_rows_independent() {
    let (wave, flux) = wave_and_flux();
    let settings = ContinuumSettings::default();
    let one = normalize(&wave, &flux, None, &settings).unwrap();
    let scaled: Vec<f64> = flux.iter().map(|f| f * 3.7e-5).collect();
    let other = normalize(&wave, &scaled, None, &settings).unwrap();
    let gap =
        |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(gap(&one.flux, &other.flux) < 1e-9);
    let mut block = Array2::zeros((7, wave.len()));
    for (k, mut row) in block.rows_mut().into_iter().enumerate() {
        row.assign(&Array1::from_iter(flux.iter().map(|f| f * (1.0 + k as f64))));
    }
    for (k, row) in normalize_rows(&wave, block.view(), None, &settings).into_iter().enumerate() {
        let alone = normalize(&wave, &block.row(k).to_vec(), None, &settings).unwrap();
        assert_eq!(row.unwrap(), alone);
    }
}

#[test]
fn keeps_lines_and_flattens_the_slope() {
    let (wave, flux) = wave_and_flux();
    let norm = normalize(&wave, &flux, None, &ContinuumSettings::default()).unwrap().flux;
    let near = |at: f64| wave.iter().position(|&w| w >= at).unwrap();
    assert!(norm[near(8190.0)] < 0.75);
    let mean =
        |a: f64, b: f64| norm[near(a)..near(b)].iter().sum::<f64>() / (near(b) - near(a)) as f64;
    assert!((mean(6300.0, 6600.0) - mean(8400.0, 8690.0)).abs() < 0.01);
    assert!((mean(7400.0, 8000.0) - 1.0).abs() < 0.02);
}

#[test]
fn a_masked_or_nan_pixel_does_not_move_the_continuum() {
    let (wave, mut flux) = wave_and_flux();
    let settings = ContinuumSettings::default();
    let mut weights = vec![1.0; wave.len()];
    weights[700] = 0.0;
    let clean = normalize(&wave, &flux, Some(&weights), &settings).unwrap();
    flux[700] = 1e9;
    let spiked = normalize(&wave, &flux, Some(&weights), &settings).unwrap();
    assert_eq!(clean.continuum, spiked.continuum);
    flux[700] = f64::NAN;
    let holed = normalize(&wave, &flux, None, &settings).unwrap();
    assert_eq!(clean.continuum, holed.continuum);
    assert!(holed.flux[700].is_nan() && !holed.fitted[700]);
}

#[test]
fn a_noise_free_line_falls_back_to_all_pixels() {
    let (wave, _) = wave_and_flux();
    let flux = vec![5.0; wave.len()];
    let out = normalize(&wave, &flux, None, &ContinuumSettings::default()).unwrap();
    assert!(out.flux.iter().all(|f| (f - 1.0).abs() < 1e-9));
}

#[test]
fn bad_input_is_an_error_that_names_it() {
    let (mut wave, flux) = wave_and_flux();
    let settings = ContinuumSettings::default();
    let error = |w: &[f64], f: &[f64], s: &ContinuumSettings| normalize(w, f, None, s).unwrap_err();
    assert!(matches!(
        error(&wave, &flux[1..], &settings),
        ContinuumError::Length { what: "flux", .. }
    ));
    let negative: Vec<f64> = flux.iter().map(|f| -f).collect();
    assert_eq!(
        error(&wave, &negative, &settings),
        ContinuumError::TooFewPixels { found: 0, needed: 100 }
    );
    let zero = vec![0.0; flux.len()];
    let all_bad = normalize(&wave, &flux, Some(&zero), &settings).unwrap_err();
    assert!(matches!(all_bad, ContinuumError::TooFewPixels { found: 0, .. }));
    let odd = ContinuumSettings { quantile: 1.0, ..settings.clone() };
    assert!(matches!(error(&wave, &flux, &odd), ContinuumError::Setting { name: "quantile", .. }));
    wave[10] = wave[9];
    assert_eq!(error(&wave, &flux, &settings), ContinuumError::Wave { pixel: 10 });
}

#[test]
fn median_deviation_equals_the_plain_definition() {
    for n in [1usize, 2, 3, 10, 101, 102] {
        let mut values: Vec<f64> = (0..n).map(|i| ((i * 37 % 53) as f64).powi(2) * 0.01).collect();
        values.sort_by(f64::total_cmp);
        for center in [-3.0, 0.0, 4.2, 9.61, 1e3] {
            let mut plain: Vec<f64> = values.iter().map(|v| (v - center).abs()).collect();
            plain.sort_by(f64::total_cmp);
            assert_eq!(median_deviation(&values, center), median_sorted(&plain));
        }
    }
}

#[test]
fn normalized_ivar_refuses_what_is_not_a_variance() {
    let ivar = normalized_ivar(
        &[2.0, 0.0, f64::NAN, -1.0, 1.0, f64::INFINITY],
        &[3.0, 1.0, 1.0, 1.0, -2.0, 1.0],
    );
    assert_eq!(ivar, [18.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn values_are_sorted_whatever_their_spread() {
    let spread: Vec<f64> = (0..999).map(|i| ((i * 7919 % 1009) as f64 - 500.0).powi(3)).collect();
    let lonely = [vec![1e300, -0.0, 0.0, -1e300], vec![2.0; 50]].concat();
    let equal = vec![0.25; 7];
    for values in [spread, lonely, equal, vec![3.0], Vec::new()] {
        let mut expected = values.clone();
        expected.sort_unstable_by(f64::total_cmp);
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&ascending(values)), bits(&expected));
    }
}
