use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, UInt64Type};

use super::*;

const PARAMETERS: &str = r#"{"id": "obsid", "leaked": "in_training", "samples": [
    {"label": "Hyades", "value": "M_H", "unit": "dex", "error": "M_H_ERR", "expected": 0.13,
     "against": "Teff", "against_unit": "K", "against_error": "Teff_ERR", "per": 100, "where": "Teff > 0"}]}"#;

fn stage(text: &str) -> Statistics {
    serde_json::from_str(text).unwrap()
}

fn number(arrays: &[ArrayRef], columns: &[NewColumn], name: &str, row: usize) -> Option<f64> {
    let at = columns.iter().position(|c| c.meta.name == name).unwrap();
    match arrays[at].data_type() {
        arrow::datatypes::DataType::UInt64 => {
            Some(arrays[at].as_primitive::<UInt64Type>().value(row) as f64)
        }
        _ => arrays[at].is_valid(row).then(|| arrays[at].as_primitive::<Float64Type>().value(row)),
    }
}

/// Thirty stars 0.1 below what is expected, falling 0.02 per step of the abscissa; the first ten were trained on.
fn asked(question: &Question) -> (Asked<'_>, Vec<Option<bool>>) {
    let steps: Vec<f64> = (0..30).map(|i| 30.0 + 0.2 * f64::from(i)).collect();
    let sample = Sample {
        value: steps.iter().map(|x| -0.1 - 0.02 * (x - 33.0)).collect(),
        error: Some(vec![0.05; 30]),
        against: Some(steps),
        against_error: None,
    };
    let leaked = (0..30).map(|i| Some(i < 10)).collect();
    (Asked { question, rows: (0..30).collect(), sample }, leaked)
}

#[test]
fn figures_come_with_and_without_what_training_knew() {
    let stage = stage(PARAMETERS);
    let (asked, leaked) = asked(&stage.samples[0]);
    let units: Vec<Unit> = (0..30).map(|row| (None, row)).collect();
    let bootstrap = Bootstrap { n_resample: 100, seed: 3 };
    let answers = stage.answer(&asked, &units, &leaked, &bootstrap);
    let (columns, arrays) = (stage.summary_columns(), summary(&answers));
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let of = |name: &str, row: usize| number(&arrays, &columns, name, row).unwrap();
    assert_eq!([of("n", 0), of("n", 1), of("n", 2)], [30.0, 20.0, 10.0]);
    assert_eq!(of("n_unit", 1), 20.0);
    assert!((of("slope", 0) + 0.02).abs() < 1e-9 && of("spearman", 1) < -0.999);
    assert!((of("mean", 0) + 0.098).abs() < 1e-9 && of("mean", 2) > of("mean", 1));
    let units = arrays[5].as_string::<i32>();
    assert_eq!(units.value(0), "dex per 100 K");
    let held_out = arrays[1].as_string::<i32>();
    assert_eq!((held_out.value(1), answers.len()), ("held out", 3));
}

#[test]
fn values_keep_id_error_and_mark() {
    let stage = stage(PARAMETERS);
    let (asked, leaked) = asked(&stage.samples[0]);
    let ids: Vec<i64> = (100..130).collect();
    let (columns, arrays) = (stage.value_columns(), values(&ids, &[asked], &leaked));
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    assert_eq!(number(&arrays, &columns, "pull", 0).unwrap(), (-0.1 + 0.06) / 0.05);
    assert!(arrays[7].as_boolean().value(9) && !arrays[7].as_boolean().value(10));
}

#[test]
fn units_are_asked_for_and_questions_checked() {
    let read = stage(PARAMETERS);
    let needs = &read.ports()[0].needs;
    let unit = |column: &str| needs.iter().find(|n| n.column == column).unwrap().unit.clone();
    assert_eq!((unit("M_H_ERR").as_deref(), unit("Teff_ERR").as_deref()), (Some("dex"), Some("K")));
    let bad = |from: &str, to: &str| {
        stage(&PARAMETERS.replace(from, to)).check().unwrap_err().to_string()
    };
    assert!(bad("100", "0").contains("must be positive"));
    assert!(bad("\"against\": \"Teff\",", "").contains("goes with `against`"));
    assert!(stage(r#"{"id": "obsid", "samples": []}"#).check().is_err());
    assert_eq!(read.sources(), ["M_H", "M_H_ERR", "Teff"]);
}
