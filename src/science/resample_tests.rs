use ndarray::{Ix1, Ix2};

use super::super::reference_npz::ReferenceNpz;
use super::super::wavelength::wave_of_index;
use super::*;

/// The LAMOST grid, `shift` pixels to the red of the model's.
fn lamost_wave(shift: f64) -> Vec<f64> {
    (0..3900).map(|i| wave_of_index(f64::from(i) + shift)).collect()
}

fn run(wave: &[f64], flux: &[f64], ivar: &[f64]) -> Resampled {
    average(wave, flux, ivar, &PixelGrid::paper(), VarianceRule::Weighted).unwrap()
}

#[test]
fn same_pixels_come_through_unchanged() {
    let wave = lamost_wave(0.0);
    let flux: Vec<f64> = wave.iter().map(|w| (w * 0.1).sin() + 3.0).collect();
    let ivar: Vec<f64> = wave.iter().map(|w| 1.0 + w * 1e-4).collect();
    let grid = PixelGrid::paper();
    let out = run(&wave, &flux, &ivar);
    for (j, &i) in grid.index().iter().enumerate() {
        assert!((out.flux[j] - flux[i as usize]).abs() < 1e-8);
        assert!((out.ivar[j] / ivar[i as usize] - 1.0).abs() < 1e-8);
    }
}

#[test]
fn shifted_pixels_are_linear_interpolation_with_the_stated_variance() {
    let wave = lamost_wave(-0.25);
    let flux: Vec<f64> = (0..3900).map(|i| f64::from(i * 31 % 17)).collect();
    let ivar: Vec<f64> = (0..3900).map(|i| 1.0 + f64::from(i % 2)).collect();
    let grid = PixelGrid::paper();
    let weighted = run(&wave, &flux, &ivar);
    let independent = average(&wave, &flux, &ivar, &grid, VarianceRule::Independent).unwrap();
    for (j, &i) in grid.index().iter().enumerate() {
        let i = i as usize;
        assert!((weighted.flux[j] - (0.75 * flux[i] + 0.25 * flux[i + 1])).abs() < 2e-3);
        let variance = 0.75 / ivar[i] + 0.25 / ivar[i + 1];
        assert!((weighted.ivar[j] * variance - 1.0).abs() < 1e-3);
        let variance = 0.5625 / ivar[i] + 0.0625 / ivar[i + 1];
        assert!((independent.ivar[j] * variance - 1.0).abs() < 1e-3);
    }
}

#[test]
fn fine_input_conserves_flux() {
    // A line much narrower than a pixel keeps its equivalent width only when no sample is skipped.
    let wave: Vec<f64> = (0..60_000).map(|i| 6000.0 + 0.05 * f64::from(i)).collect();
    let line = |w: f64| 1.0 - (-((w - 7500.3) / 0.3).powi(2)).exp();
    let flux: Vec<f64> = wave.iter().map(|&w| line(w)).collect();
    let grid = PixelGrid::paper();
    let out = run(&wave, &flux, &vec![1.0; wave.len()]);
    let width: f64 = grid
        .edges_angstrom()
        .iter()
        .zip(&out.flux)
        .map(|((low, high), f)| (1.0 - f) * (high - low))
        .sum();
    let truth = 0.3 * std::f64::consts::PI.sqrt();
    assert!((width / truth - 1.0).abs() < 1e-3, "{width} {truth}");
}

#[test]
fn bad_pixels_are_left_out_and_noise_never_shrinks_by_them() {
    let wave = lamost_wave(-0.25);
    let mut flux = vec![2.0; 3900];
    let mut ivar = vec![4.0; 3900];
    let grid = PixelGrid::paper();
    let at = |pixel: u32| grid.index().iter().position(|&i| i == pixel).unwrap();
    flux[3000] = f64::NAN;
    ivar[3100] = 0.0;
    flux[3100] = 1e6;
    ivar[3200] = f64::NAN;
    let out = run(&wave, &flux, &ivar);
    for bad in [3000, 3100, 3200] {
        // The pixel that the bad one covers by 3/4 is lost, the one that it covers by 1/4 is saved.
        assert_eq!(out.ivar[at(bad)], 0.0);
        let saved = at(bad - 1);
        assert!((out.flux[saved] - 2.0).abs() < 1e-12 && (out.ivar[saved] - 4.0).abs() < 1e-9);
    }
    assert!(out.flux.iter().all(|f| f.is_finite()));
    assert!(out.flux[at(3100)] > 1e5, "flux without ivar is still the data");
    assert_eq!(out.ivar.iter().filter(|&&v| v == 0.0).count(), 3);
}

#[test]
fn gaps_and_missing_ends_have_no_ivar() {
    let wave: Vec<f64> = lamost_wave(0.0)
        .into_iter()
        .filter(|w| *w < 8800.0 && !(7000.0..7100.0).contains(w))
        .collect();
    let flux = vec![1.0; wave.len()];
    let out = run(&wave, &flux, &flux);
    for (&w, &ivar) in PixelGrid::paper().wave_angstrom().iter().zip(&out.ivar) {
        let inside = w < 8800.0 && !(7000.0..7100.0).contains(&w);
        assert_eq!(ivar > 0.0, inside, "{w}");
    }
}

#[test]
fn flags_follow_the_pixels_they_touch() {
    let grid = PixelGrid::paper();
    let mut flags = vec![0u16; 3900];
    flags[3000] = 4;
    flags[3001] |= 1;
    let same = carry_flags(&lamost_wave(0.0), &flags, &grid).unwrap();
    assert_eq!(same.iter().filter(|&&f| f != 0).count(), 2);
    let shifted = carry_flags(&lamost_wave(-0.25), &flags, &grid).unwrap();
    let at = grid.index().iter().position(|&i| i == 2999).unwrap();
    assert_eq!(shifted[at..at + 3], [4, 5, 1]);
}

#[test]
fn cubic_equals_the_reference_interpolation() {
    let test = "cubic_equals_the_reference_interpolation";
    let Some(npz) = ReferenceNpz::open(test, "reference/slam/norm_real3.npz") else {
        return;
    };
    let f64s = |name: &str| -> Vec<f64> {
        npz.array::<f32, Ix1>(name).iter().map(|&v| f64::from(v)).collect()
    };
    let grid = f64s("wave");
    for (row, key) in [("flux", "flux_resamp"), ("invar", "invar_resamp")] {
        let expected = npz.array::<f64, Ix2>(key);
        for star in 0..3 {
            let wave = f64s(&format!("raw_wave_{star}"));
            let ours = cubic(&wave, &f64s(&format!("raw_{row}_{star}")), &grid).unwrap();
            let scale = expected.row(star).iter().fold(0f64, |m, v| m.max(v.abs()));
            let worst = ours
                .iter()
                .zip(expected.row(star))
                .map(|(a, b)| (a - b).abs() / scale)
                .fold(0.0, f64::max);
            eprintln!("{row} {star}: {worst:.2e} of the maximum");
            assert!(worst < 1e-10, "{row} {star}: {worst}");
        }
    }
}

#[test]
fn bad_input_is_an_error() {
    let grid = PixelGrid::paper();
    let wave = lamost_wave(0.0);
    let flux = vec![1.0; 3900];
    let rule = VarianceRule::Weighted;
    let short = average(&wave, &flux[1..], &flux, &grid, rule).unwrap_err();
    assert!(matches!(short, ResampleError::Length { what: "flux", .. }));
    let mut twice = wave.clone();
    twice[5] = twice[4];
    assert_eq!(average(&twice, &flux, &flux, &grid, rule), Err(ResampleError::Wave { pixel: 5 }));
    assert!(matches!(
        average(&wave[..1], &flux[..1], &flux[..1], &grid, rule),
        Err(ResampleError::TooFewPixels { found: 1 })
    ));
    assert!(matches!(cubic(&wave, &flux, &[3000.0, 5000.0]), Err(ResampleError::Range { .. })));
}
