use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, UInt64Type};

use super::*;

const PARAMETERS: &str = r#"{"id": "obsid", "star_id": "source_id", "snr": "snri", "groups": ["spid"],
    "labels": [{"value": "Teff", "error": "Teff_ERR", "unit": "K"}], "bins": [5, 30, 300]}"#;

fn stage() -> Repeats {
    serde_json::from_str(PARAMETERS).unwrap()
}

/// Sixty stars with two spectra each: one of spectrograph A and ratio 20 or 80, one of B, 10 K hotter.
fn spectra() -> (Spectra, Vec<f64>) {
    let n = 120;
    let stars: Vec<Option<String>> = (0..n).map(|i| Some(format!("{}", i / 2))).collect();
    let ids: Vec<i64> = (0..n as i64).collect();
    let snr: Vec<f64> = (0..n).map(|i| if i < 60 { 20.0 } else { 80.0 }).collect();
    let noise = |i: usize| ((i as f64 * 0.618_034).fract() - 0.5) * 12f64.sqrt();
    let values = (0..n)
        .map(|i| {
            let offset = if i % 2 == 0 { 0.0 } else { 10.0 };
            3_300.0 + (i / 2) as f64 + offset + noise(i) * 1_000.0 / snr[i]
        })
        .collect();
    let spid = (0..n).map(|i| Some(if i % 2 == 0 { "A" } else { "B" }.to_owned())).collect();
    let pairs = pairs_of_stars(&stars, &ids);
    (Spectra { ids, stars, snr, pairs, groups: vec![spid] }, values)
}

#[test]
fn scatter_of_one_spectrum_falls_with_the_ratio_and_pulls_are_near_one() {
    let stage = stage();
    let (spectra, values) = spectra();
    let errors = Some(spectra.snr.iter().map(|s| 1_000.0 / s).collect());
    let column = Column { label: &stage.labels[0], values, errors };
    let bins = stage.bins(&spectra, &column, &Bootstrap { n_resample: 100, seed: 1 });
    assert_eq!(bins.iter().map(|b| b.report.summary.n).collect::<Vec<_>>(), [60, 30, 30]);
    let sd = |bin: usize| bins[bin].report.summary.sd.unwrap();
    assert!(
        (sd(1) / 50.0 - 1.0).abs() < 0.35 && (sd(2) / 12.5 - 1.0).abs() < 0.35,
        "{} {}",
        sd(1),
        sd(2)
    );
    let factor = bins[0].report.error_factor.unwrap();
    assert!((factor - 1.0).abs() < 0.3, "{factor}");
    let (columns, arrays) = (stage.summary_columns(), summary(&bins));
    assert_eq!(columns.len(), arrays.len());
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
}

#[test]
fn a_spectrograph_that_is_off_shows() {
    let stage = stage();
    let (spectra, mut values) = spectra();
    values[60..]
        .iter_mut()
        .enumerate()
        .for_each(|(i, v)| *v = if i % 2 == 0 { 3_300.0 } else { 3_310.0 });
    values[..60].fill(f64::NAN);
    let column = Column { label: &stage.labels[0], values, errors: None };
    let groups = stage.offsets(&spectra, &column, &Bootstrap { n_resample: 50, seed: 1 });
    let (columns, arrays) = (stage.group_columns(), group_arrays(&groups));
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    assert_eq!(arrays[3].as_string::<i32>().value(1), "B");
    assert_eq!(arrays[5].as_primitive::<Float64Type>().values().to_vec(), [-10.0, 10.0]);
    assert_eq!(arrays[4].as_primitive::<UInt64Type>().values().to_vec(), [30, 30]);
    let (columns, pairs) = (stage.pair_columns(), pair_arrays(&spectra, &[column]));
    assert!(columns.iter().zip(&pairs).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let difference = pairs[5].as_primitive::<Float64Type>().value(0);
    assert!((difference + 10.0).abs() < 1e-9, "{difference}");
    assert_eq!(pairs[0].len(), 30);
}
