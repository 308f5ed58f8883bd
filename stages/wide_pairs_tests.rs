use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use super::*;

const PARAMETERS: &str = r#"{"id": "row", "teff": ["T1", "T2"], "leaked": "leaked", "labels": [
    {"label": "M_H", "values": ["A", "B"], "errors": ["EA", "EB"], "unit": "dex", "outlier_sigma": 0.5}]}"#;

fn stage() -> WidePairs {
    serde_json::from_str(PARAMETERS).unwrap()
}

/// Pairs 0.02 apart within errors of 0.1 that are twice too large, in a field with a scatter of 0.3.
fn differences(label: &Label) -> Differences<'_> {
    let n = 80;
    let wave = |i: usize, step: f64| ((i as f64 * step).fract() - 0.5) * 12f64.sqrt();
    let first: Vec<f64> = (0..n).map(|i| 0.3 * wave(i, 0.618_034)).collect();
    let delta: Vec<f64> = (0..n).map(|i| 0.02 + 0.05 * wave(i, 0.414_213)).collect();
    let second = first.iter().zip(&delta).map(|(a, d)| a - d).collect();
    let sample = Sample {
        value: delta,
        error: Some(vec![0.1; n]),
        against: Some((0..n).map(|i| 100.0 * wave(i, 0.732_051)).collect()),
        against_error: None,
    };
    let teff_2 = Some((0..n).map(|i| 3_000.0 + (i % 7) as f64 * 20.0).collect());
    Differences { label, rows: (0..n).collect(), values: [first, second], sample, teff_2 }
}

#[test]
fn errors_twice_too_large_and_strangers_are_seen() {
    let stage = stage();
    let found = differences(&stage.labels[0]);
    let at: Vec<usize> = (0..80).collect();
    let answer = stage.answer(&found, "all", &at, &Bootstrap { n_resample: 100, seed: 2 });
    let (columns, arrays) = (stage.summary_columns(), summary(&[answer]));
    assert_eq!(columns.len(), arrays.len());
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let of = |name: &str| {
        let at = columns.iter().position(|c| c.meta.name == name).unwrap();
        assert!(arrays[at].is_valid(0), "{name}");
        arrays[at].as_primitive::<Float64Type>().value(0)
    };
    assert!((of("error_factor") - 0.5).abs() < 0.03, "{}", of("error_factor"));
    assert!((of("core_factor") - 0.54).abs() < 0.05 && of("outlier_fraction") < 0.02);
    assert!(of("error_factor_lo") < 0.5 && of("error_factor_hi") > 0.5);
    assert!(of("gain") > 5.0 && of("stranger_sd") > 0.35);
    assert_eq!(of("intrinsic_scatter"), 0.0);
}

#[test]
fn pairs_list_differences_and_pulls() {
    let stage = stage();
    let found = differences(&stage.labels[0]);
    let (columns, arrays) = (stage.pair_columns(), pairs(&(0..80).collect::<Vec<_>>(), &[found]));
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let of = |at: usize| arrays[at].as_primitive::<Float64Type>().value(3);
    assert!((of(3) - of(4) - of(5)).abs() < 1e-12 && (of(7) - of(5) / 0.1).abs() < 1e-9);
}

#[test]
fn ports_ask_for_both_stars_in_the_unit_of_the_label() {
    let needs = stage().ports().remove(0).needs;
    let unit = |column: &str| needs.iter().find(|n| n.column == column).unwrap().unit.clone();
    for column in ["A", "B", "EA", "EB"] {
        assert_eq!(unit(column).as_deref(), Some("dex"));
    }
    assert_eq!(unit("T2").as_deref(), Some("K"));
    let twice: WidePairs = serde_json::from_str(r#"{"id": "row", "labels": []}"#).unwrap();
    assert!(twice.outputs(&Schemas::default()).is_err());
}
