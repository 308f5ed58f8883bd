use super::*;
use crate::science::wavelength::PixelGrid;

const STEP_ANGSTROM: f64 = 0.5;

fn wave(low: f64, high: f64) -> Vec<f64> {
    let count = ((high - low) / STEP_ANGSTROM) as usize;
    (0..=count).map(|i| low + STEP_ANGSTROM * i as f64).collect()
}

fn lamost() -> Degrader {
    Degrader::new(&DegradeSettings::default()).unwrap()
}

/// F_lambda times the width of its pixel, summed.
fn integral(spectrum: &Degraded) -> f64 {
    let edge = |wave: f64, side: f64| wave * 10f64.powf(side * LOG10_WAVE_STEP);
    let widths = spectrum.wave_angstrom.iter().map(|w| edge(*w, 0.5) - edge(*w, -0.5));
    spectrum.flux.iter().zip(widths).map(|(flux, width)| flux * width).sum()
}

/// Mean and full width at half maximum of a single line, from its first two moments in ln(wave).
fn line(spectrum: &Degraded) -> (f64, f64) {
    let energy = spectrum.flux.iter().zip(&spectrum.wave_angstrom).map(|(f, w)| f * w);
    let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
    let origin = spectrum.wave_angstrom[0].ln();
    for (energy, wave) in energy.zip(&spectrum.wave_angstrom) {
        let x = wave.ln() - origin;
        sum += energy;
        first += energy * x;
        second += energy * x * x;
    }
    let mean = first / sum;
    let sigma = (second / sum - mean * mean).sqrt();
    ((mean + origin).exp(), FWHM_OVER_SIGMA * sigma)
}

fn delta(at_angstrom: f64, wave: &[f64]) -> Vec<f64> {
    wave.iter().map(|w| if (w - at_angstrom).abs() < 0.1 { 1000.0 } else { 0.0 }).collect()
}

#[test]
fn a_delta_line_becomes_a_gaussian_of_the_resolving_power() {
    let wave = wave(5900.0, 9300.0);
    for at in [6500.0, 7400.0, 8800.0] {
        let out = lamost().degrade(&wave, &delta(at, &wave)).unwrap();
        let (center, fwhm) = line(&out);
        assert!((center / at - 1.0).abs() < 1e-6, "{center}");
        assert!((fwhm * 1800.0 - 1.0).abs() < 0.01, "{at}: R = {}", 1.0 / fwhm);
        assert!((integral(&out) / (1000.0 * STEP_ANGSTROM) - 1.0).abs() < 2e-6);
        // The shape: e^-2 of the peak at two standard deviations.
        let sigma = 1.0 / (1800.0 * FWHM_OVER_SIGMA);
        let peak = out.flux.iter().copied().fold(0.0, f64::max);
        for (w, flux) in out.wave_angstrom.iter().zip(&out.flux) {
            let x = (w / at).ln() / sigma;
            if x.abs() < 3.0 {
                let energy = flux * w / at / (1000.0 * STEP_ANGSTROM);
                let gauss =
                    (-0.5 * x * x).exp() / (sigma * at * (2.0 * std::f64::consts::PI).sqrt());
                assert!((energy - gauss).abs() < 0.02 * peak / 500.0, "{x}: {energy} {gauss}");
            }
        }
    }
}

#[test]
fn a_subtracted_input_resolution_gives_the_same_output() {
    let wave = wave(6000.0, 9000.0);
    let sigma = 1.0 / (5000.0 * FWHM_OVER_SIGMA);
    let spread: Vec<f64> =
        wave.iter().map(|w| (-0.5 * ((w / 7400.0).ln() / sigma).powi(2)).exp()).collect();
    let settings = DegradeSettings { input_resolution: 5000.0, ..Default::default() };
    let out = Degrader::new(&settings).unwrap().degrade(&wave, &spread).unwrap();
    let (_, fwhm) = line(&out);
    assert!((fwhm * 1800.0 - 1.0).abs() < 0.01, "R = {}", 1.0 / fwhm);
}

#[test]
fn a_constant_stays_constant_and_a_slope_a_slope() {
    let wave = wave(5900.0, 9300.0);
    let out = lamost().degrade(&wave, &vec![7.5; wave.len()]).unwrap();
    assert!(out.flux.iter().all(|flux| (flux / 7.5 - 1.0).abs() < 1e-7));
    let slope: Vec<f64> = wave.iter().map(|w| 1e5 * (w - 5000.0)).collect();
    let out = lamost().degrade(&wave, &slope).unwrap();
    for (w, flux) in out.wave_angstrom.iter().zip(&out.flux) {
        assert!((flux / (1e5 * (w - 5000.0)) - 1.0).abs() < 1e-6);
    }
}

fn structured(wave: &[f64]) -> Vec<f64> {
    wave.iter().map(|w| 2.0 + (w / 3.0).sin() + (w / 40.0).cos() + 1e-4 * w).collect()
}

#[test]
fn no_output_depends_on_what_lies_beyond_the_input() {
    let wide = wave(5600.0, 9500.0);
    let narrow: Vec<f64> = wide.iter().copied().filter(|w| (5900.0..=9200.0).contains(w)).collect();
    let whole = lamost().degrade(&wide, &structured(&wide)).unwrap();
    let part = lamost().degrade(&narrow, &structured(&narrow)).unwrap();
    let paper = PixelGrid::paper();
    let grid = paper.wave_angstrom();
    let (first, last) = (part.wave_angstrom[0], *part.wave_angstrom.last().unwrap());
    assert!(first > 5905.0 && first < 5920.0 && last < 9195.0 && last > 9180.0);
    assert!(first < grid[0] && last > grid[1595]);
    let offset = whole.wave_angstrom.iter().position(|w| *w == first).unwrap();
    for (index, flux) in part.flux.iter().enumerate() {
        let other = whole.flux[offset + index];
        assert!((flux / other - 1.0).abs() < 1e-12, "{}", part.wave_angstrom[index]);
    }
}

#[test]
fn energy_is_conserved_whatever_the_spacing() {
    // Irregular points, as native files have them, around lines that end inside.
    let mut wave: Vec<f64> = vec![6000.0];
    while wave[wave.len() - 1] < 8900.0 {
        let last = wave[wave.len() - 1];
        wave.push(last + 0.05 + 0.2 * (last * 0.37).sin().powi(2));
    }
    let flux: Vec<f64> = wave
        .iter()
        .map(|w: &f64| if (6100.0..8800.0).contains(w) { 1.0 + (w / 2.0).sin() } else { 0.0 })
        .collect();
    let input: f64 = wave
        .windows(2)
        .zip(flux.windows(2))
        .map(|(w, f)| 0.5 * (w[1] - w[0]) * (f[0] + f[1]))
        .sum();
    let out = lamost().degrade(&wave, &flux).unwrap();
    assert!((integral(&out) / input - 1.0).abs() < 1e-6, "{}", integral(&out) / input);
}

#[test]
fn output_is_on_the_pixels_of_the_survey() {
    let wave = wave(5900.0, 9300.0);
    let out = lamost().degrade(&wave, &structured(&wave)).unwrap();
    for paper in PixelGrid::with_options(1, true).unwrap().wave_angstrom() {
        assert!(out.wave_angstrom.contains(paper), "{paper}");
    }
}

#[test]
fn bad_input_is_refused() {
    let wave = wave(6000.0, 6100.0);
    let flux = structured(&wave);
    let said = |wave: &[f64], flux: &[f64]| lamost().degrade(wave, flux).unwrap_err();
    assert!(matches!(said(&wave, &flux[1..]), DegradeError::Length { .. }));
    assert!(matches!(said(&wave[..1], &flux[..1]), DegradeError::TooFewPoints { found: 1 }));
    assert!(matches!(said(&wave[..9], &flux[..9]), DegradeError::Narrow { .. }));
    let mut other = wave.clone();
    other[5] = other[4];
    assert_eq!(said(&other, &flux), DegradeError::Wave { point: 5 });
    let mut other = flux.clone();
    other[4] = f64::NAN;
    assert_eq!(said(&wave, &other), DegradeError::Flux { wave_angstrom: 6002.0 });
    let coarse: Vec<f64> = (0..90).map(|i| 6000.0 + 5.0 * f64::from(i)).collect();
    assert!(matches!(said(&coarse, &structured(&coarse)), DegradeError::Gap { .. }));
    let narrow: Vec<f64> = (0..60).map(|i| 6000.0 + 0.05 * f64::from(i)).collect();
    assert!(matches!(said(&narrow, &structured(&narrow)), DegradeError::Narrow { .. }));
    for (resolution, input_resolution) in [
        (0.0, f64::INFINITY),
        (1800.0, 1800.0),
        (1800.0, 1000.0),
        (1e6, f64::INFINITY),
        (f64::NAN, 1e9),
    ] {
        let settings = DegradeSettings { resolution, input_resolution };
        assert!(matches!(Degrader::new(&settings), Err(DegradeError::Resolution { .. })));
    }
}
