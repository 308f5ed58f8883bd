use std::sync::Arc;

use arrow::array::{BooleanArray, ListArray};

use super::parameters::RvSource;
use super::*;
use crate::science::mask;
use crate::science::wavelength::{SPEED_OF_LIGHT_KM_S, Vacuum, wave_of_index};
use crate::stages::columns::{f32_lists, finite_array};

fn normalize(text: &str) -> Normalize {
    serde_json::from_str(text).unwrap()
}

/// A sloped continuum with bands, at rest.
fn intensity(wave: f64) -> f64 {
    let band = |center: f64, width: f64| (-((wave - center) / width).powi(2)).exp();
    let bands = [6250.0, 6400.0, 6680.0, 6850.0, 7053.0, 7130.0, 7670.0, 7700.0, 8195.0, 8544.0];
    let depth: f64 = bands.iter().map(|center| 0.3 * band(*center, 6.0)).sum();
    200.0 * (1.0 + (wave - 7000.0) / 4000.0) * (1.0 - depth)
}

/// Deterministic noise of about unit variance.
fn noise(seed: usize, pixel: usize) -> f64 {
    let uniform =
        |k: usize| (((seed * 7919 + pixel * 31 + k) as f64 * 0.618_034).sin() * 1e4).fract();
    (0..6).map(uniform).sum::<f64>() * 0.7
}

fn spectrum(seed: usize, rv_km_s: f64) -> RawSpectrum {
    let wave: Vec<f64> = (1800..4100).map(|i| wave_of_index(f64::from(i))).collect();
    let shift = 1.0 + rv_km_s / SPEED_OF_LIGHT_KM_S;
    let flux = wave.iter().enumerate();
    RawSpectrum {
        flux: flux.map(|(i, w)| intensity(w / shift) + 2.0 * noise(seed, i)).collect(),
        ivar: vec![0.25; wave.len()],
        andmask: Some(vec![0; wave.len()]),
        ormask: None,
        z: Some(rv_km_s / SPEED_OF_LIGHT_KM_S),
        z_err: None,
        vacuum: Some(true),
        wave_angstrom: wave,
    }
}

fn with_template(parameters: &str) -> Settings {
    let mut settings = normalize(parameters).settings().unwrap();
    let template = normalize_row(&settings, &spectrum(1, 0.0)).unwrap();
    settings.templates = vec![template.flux_norm];
    settings
}

fn worst(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_shift_is_undone_and_brightness_does_not_matter() {
    let settings = normalize("{}").settings().unwrap();
    let still = normalize_row(&settings, &spectrum(1, 0.0)).unwrap();
    let moving = normalize_row(&settings, &spectrum(1, 120.0)).unwrap();
    assert_eq!((still.flux_norm.len(), still.n_pix_used), (1596, 1596));
    assert!(worst(&still.flux_norm, &moving.flux_norm) < 0.06);
    assert_eq!(moving.rest_frame.source, "catalog_z");
    assert!((moving.rest_frame.rv_km_s.unwrap() - 120.0).abs() < 1e-9);
    assert!(still.snr_median.is_some_and(|snr| (60.0..140.0).contains(&snr)));
    let mut bright = spectrum(1, 0.0);
    bright.flux.iter_mut().for_each(|f| *f *= 1e3);
    bright.ivar.iter_mut().for_each(|i| *i *= 1e-6);
    let bright = normalize_row(&settings, &bright).unwrap();
    assert!(worst(&still.flux_norm, &bright.flux_norm) < 1e-9);
}

#[test]
fn a_missing_z_is_measured_or_flagged() {
    let mut raw = spectrum(2, -85.0);
    raw.z = None;
    let alone = normalize("{}").settings().unwrap();
    let unshifted = normalize_row(&alone, &raw).unwrap().rest_frame;
    assert_eq!((unshifted.source, unshifted.rv_km_s), ("none", None));
    let settings = with_template("{}");
    let measured = normalize_row(&settings, &raw).unwrap().rest_frame;
    let error = measured.rv_err_km_s.unwrap();
    assert_eq!(measured.source, "measured");
    assert!((measured.rv_km_s.unwrap() + 85.0).abs() < 10.0, "{measured:?}");
    assert!(error > 0.0 && error < 20.0 && measured.peak.unwrap() > 0.8);
    let only = with_template(r#"{"rv": {"source": "catalog_z_only"}}"#);
    assert_eq!(normalize_row(&only, &raw).unwrap().rest_frame.source, "none");
    // A quasar's redshift is none of a star.
    raw.z = Some(1.2);
    assert_eq!(normalize_row(&settings, &raw).unwrap().rest_frame.source, "measured");
}

#[test]
fn a_measurement_without_a_peak_is_recorded_and_not_used() {
    let settings = with_template(r#"{"rv": {"source": "measured", "min_peak": 0.999}}"#);
    let frame = normalize_row(&settings, &spectrum(3, 60.0)).unwrap().rest_frame;
    assert_eq!((frame.source, frame.rv_km_s), ("none", None));
    assert!(frame.peak.is_some_and(|peak| peak < 0.999));
}

#[test]
fn air_wavelengths_become_those_of_vacuum() {
    let settings = normalize("{}").settings().unwrap();
    let vacuum = spectrum(1, 0.0);
    let mut air = spectrum(1, 0.0);
    air.wave_angstrom.iter_mut().for_each(|w| *w = Vacuum(*w).to_air().0);
    air.vacuum = Some(false);
    let (a, b) = (normalize_row(&settings, &vacuum), normalize_row(&settings, &air));
    assert!(worst(&a.unwrap().flux_norm, &b.unwrap().flux_norm) < 1e-6);
}

#[test]
fn bad_pixels_are_masked_with_their_reasons() {
    let settings = normalize(r#"{"keep_h_alpha": true}"#).settings().unwrap();
    let mut raw = spectrum(1, 0.0);
    let at = |index: usize| index - 2205;
    for i in 700..720 {
        raw.ivar[i] = 0.0;
    }
    raw.flux[800] = f64::NAN;
    raw.andmask.as_mut().unwrap()[900] = 4;
    let row = normalize_row(&settings, &raw).unwrap();
    assert_eq!(row.flux_norm.len(), 1602);
    let bits = |i: usize| row.mask[at(1800 + i)];
    assert!(bits(710) & mask::ZERO_IVAR != 0 && bits(800) & mask::ZERO_IVAR != 0);
    assert!(bits(900) & mask::ANDMASK != 0 && bits(698) & mask::GROWN != 0);
    assert_eq!(row.mask.iter().filter(|bits| **bits & mask::H_ALPHA != 0).count(), 6);
    for (bits, ivar) in row.mask.iter().zip(&row.ivar_norm) {
        assert_eq!(*ivar > 0.0, bits & settings.masking == 0);
    }
    assert!(row.flux_norm.iter().all(|flux| flux.is_finite()));
}

#[test]
fn a_coarse_grid_is_a_subsample() {
    let fine = normalize_row(&normalize("{}").settings().unwrap(), &spectrum(4, 30.0)).unwrap();
    let settings = normalize(r#"{"step": 4}"#).settings().unwrap();
    let coarse = normalize_row(&settings, &spectrum(4, 30.0)).unwrap();
    assert_eq!(coarse.flux_norm.len(), 399);
    assert!((0..399).all(|i| coarse.flux_norm[i] == fine.flux_norm[4 * i]));
}

#[test]
fn spectra_that_cannot_be_used_say_why() {
    let settings = normalize("{}").settings().unwrap();
    let why = |change: fn(&mut RawSpectrum)| {
        let mut raw = spectrum(1, 0.0);
        change(&mut raw);
        normalize_row(&settings, &raw).unwrap_err()
    };
    assert!(why(|raw| raw.flux.fill(f64::NAN)).contains("finite flux"));
    assert!(why(|raw| raw.ivar.fill(0.0)).contains("inverse variance"));
    assert!(why(|raw| raw.wave_angstrom.iter_mut().for_each(|w| *w *= 3.0)).contains("grid"));
    assert!(why(|raw| raw.ivar[600..1800].fill(0.0)).contains("usable pixels"));
    assert!(why(|raw| raw.flux.truncate(9)).contains("expected"));
    assert!(why(|raw| raw.wave_angstrom.reverse()).contains("ascending"));
    assert!(why(|raw| raw.flux.fill(-1.0)).contains("continuum"));
}

#[test]
fn bad_parameters_are_refused_before_any_spectrum() {
    for text in [
        r#"{"step": 0}"#,
        r#"{"mask": {"reasons": ["cosmics"]}}"#,
        r#"{"continuum": {"quantile": 1.5}}"#,
        r#"{"rv": {"step_km_s": -1.0}}"#,
    ] {
        assert!(normalize(text).settings().is_err(), "{text}");
    }
    assert!(serde_json::from_str::<Normalize>(r#"{"mask": {"cosmic": 1}}"#).is_err());
}

fn table(spectra: &[RawSpectrum]) -> RecordBatch {
    let reals = |of: fn(&RawSpectrum) -> &Vec<f64>| {
        f32_lists(spectra.iter().map(|s| of(s).iter().map(|v| *v as f32).collect()).collect())
    };
    let zeros = || -> ArrayRef {
        Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(
            spectra.iter().map(|s| Some(vec![Some(0); s.flux.len()])),
        ))
    };
    let vacuum: ArrayRef = Arc::new(spectra.iter().map(|s| s.vacuum).collect::<BooleanArray>());
    RecordBatch::try_from_iter([
        ("wave_angstrom", f64_lists(spectra.iter().map(|s| s.wave_angstrom.clone()).collect())),
        ("flux", reals(|s| &s.flux)),
        ("ivar", reals(|s| &s.ivar)),
        ("andmask", zeros()),
        ("ormask", zeros()),
        ("z", finite_array(spectra.iter().map(|s| s.z.unwrap_or(f64::NAN)).collect())),
        ("vacuum", vacuum),
    ])
    .unwrap()
}

#[test]
fn a_row_does_not_depend_on_its_batch() {
    let mut spectra: Vec<RawSpectrum> =
        (0..16).map(|i| spectrum(i, 20.0 * i as f64 - 150.0)).collect();
    spectra[3].z = None;
    spectra[5].flux.fill(f64::NAN);
    let stage = normalize("{}");
    let settings = with_template("{}");
    let batch = table(&spectra);
    let whole = stage.rows(&batch, &settings).unwrap();
    assert_eq!(whole.iter().filter(|row| row.is_err()).count(), 1);
    assert!(whole[3].as_ref().is_ok_and(|row| row.rest_frame.source == "measured"));
    for size in [1, 7] {
        let parts = (0..16).step_by(size).map(|at| batch.slice(at, size.min(16 - at)));
        let joined: Vec<_> = parts.flat_map(|part| stage.rows(&part, &settings).unwrap()).collect();
        assert_eq!(joined, whole, "batches of {size}");
    }
}

#[test]
fn without_spectra_the_facts_remain() {
    let settings = normalize("{}").settings().unwrap();
    let rows = || vec![normalize_row(&settings, &spectrum(1, 30.0)).unwrap()];
    let names = |stage: &Normalize| -> Vec<String> {
        stage.new_columns().into_iter().map(|column| column.meta.name).collect()
    };
    let (whole, facts) = (normalize("{}"), normalize(r#"{"keep_spectra": false}"#));
    assert_eq!(names(&whole)[..4], ["flux_norm", "ivar_norm", "mask", "continuum"]);
    assert_eq!(names(&facts), names(&whole)[4..]);
    assert_eq!(facts.columns(rows()), whole.columns(rows())[4..]);
    assert_eq!(names(&normalize(r#"{"keep_continuum": false}"#))[3], "rv_km_s");
}

#[test]
fn templates_of_another_grid_are_refused() {
    let settings = normalize("{}").settings().unwrap();
    let grid = settings.grid.wave_angstrom().to_vec();
    let read = |wave: Vec<f64>| {
        let columns = [
            ("wave_angstrom", f64_lists(vec![wave.clone()])),
            ("flux", f64_lists(vec![vec![1.0; wave.len()]])),
        ];
        read_templates(&RecordBatch::try_from_iter(columns).unwrap(), &settings)
    };
    assert_eq!(read(grid.clone()).unwrap().len(), 1);
    let coarse = grid.iter().copied().step_by(4).collect();
    assert!(read(coarse).unwrap_err().to_string().contains("step = 1"));
}

/// Readable spectra of the reference sample, with snri.
fn real_spectra() -> Option<Vec<(RawSpectrum, f64)>> {
    let shared = std::env::var("MDWARF_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned());
    let mut paths: Vec<_> = std::fs::read_dir(format!("{shared}/data/lamost/spectra"))
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    let read = |path| {
        let spectrum = crate::formats::lamost::read_spectrum(&std::fs::read(path).ok()?).ok()?;
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect();
        let raw = RawSpectrum {
            flux: wide(&spectrum.flux),
            ivar: wide(&spectrum.ivar),
            andmask: Some(spectrum.andmask),
            ormask: Some(spectrum.ormask),
            z: spectrum.header.z,
            z_err: spectrum.header.z_err,
            vacuum: spectrum.header.vacuum,
            wave_angstrom: spectrum.wave_angstrom,
        };
        Some((raw, spectrum.header.snri.map_or(0.0, f64::from)))
    };
    Some(paths.iter().filter_map(read).collect())
}

#[test]
fn real_spectra_are_normalized_and_measured_velocities_are_those_of_the_catalog() {
    let Some(spectra) = real_spectra() else {
        eprintln!("skipped: real spectra need ../shared/data/lamost/spectra");
        return;
    };
    let mut settings = normalize("{}").settings().unwrap();
    let rows: Vec<_> = spectra.iter().map(|(raw, _)| normalize_row(&settings, raw)).collect();
    assert!(rows.iter().filter(|row| row.is_ok()).count() + 2 >= spectra.len());
    let good = spectra.iter().zip(&rows).filter(|((_, snr), _)| *snr > 30.0);
    let good: Vec<&Row> = good
        .filter_map(|(_, row)| row.as_ref().ok())
        .filter(|row| row.rest_frame.source == "catalog_z")
        .collect();
    let pixel = |i: usize| -> Vec<f64> {
        good.iter().filter(|row| row.ivar_norm[i] > 0.0).map(|row| row.flux_norm[i]).collect()
    };
    let median = |values: Vec<f64>| crate::science::statistics::median(&values).unwrap_or(1.0);
    settings.templates = vec![(0..1596).map(|i| median(pixel(i))).collect()];
    settings.rv = RvSource::Measured;
    let mut differences = Vec::new();
    for ((raw, snr), row) in spectra.iter().zip(&rows) {
        let Ok(row) = row else { continue };
        let frame = normalize_row(&settings, raw).unwrap().rest_frame;
        if let (true, Some(ours), Some(theirs)) =
            (*snr > 30.0, frame.rv_km_s, row.rest_frame.rv_km_s)
        {
            differences.push(ours - theirs);
        }
    }
    let n = differences.len();
    let (offset, typical) =
        (median(differences.clone()), median(differences.iter().map(|d| d.abs()).collect()));
    println!("{} spectra, {n} compared, median {offset:.1}, {typical:.1} km/s", spectra.len());
    assert!(n >= 10 && offset.abs() < 10.0 && typical < 20.0, "{differences:?}");
}
