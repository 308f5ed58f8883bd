use std::sync::Arc;

use arrow::array::{Array, Float64Array, Int64Array};
use arrow::datatypes::{Float64Type, UInt64Type};

use super::*;

fn compare(text: &str) -> Compare {
    serde_json::from_str(text).unwrap()
}

const PARAMETERS: &str = r#"{"id": "obsid", "pairs": [
    {"label": "A-B", "ours": "a", "theirs": "b", "unit": "K", "section": "4.1"},
    {"label": "cool", "ours": "a", "theirs": "b", "unit": "K", "where": "b < 0"}]}"#;

fn bootstrap() -> Bootstrap {
    Bootstrap { n_resample: 500, seed: 7 }
}

/// Pairs with offset 100 and a scatter of 10 about it.
fn measured(n: usize) -> Measured {
    let theirs: Vec<f64> = (0..n).map(|i| 3000.0 + 10.0 * i as f64).collect();
    let ours = theirs.iter().enumerate();
    let ours = ours.map(|(i, t)| t + 100.0 + if i % 2 == 0 { 10.0 } else { -10.0 }).collect();
    Measured::new((0..n).collect(), ours, theirs, &Units::rows(n), &bootstrap())
}

fn figure(product: &[ArrayRef], compare: &Compare, name: &str, row: usize) -> Option<f64> {
    let at = compare.summary_columns().iter().position(|c| c.meta.name == name).unwrap();
    let column = product[at].as_primitive::<Float64Type>();
    column.is_valid(row).then(|| column.value(row))
}

#[test]
fn summary_has_the_planted_numbers_and_empty_pairs_are_null() {
    let compare = compare(PARAMETERS);
    let columns = compare.summary(&[measured(100), measured(0)]);
    assert_eq!(columns.len(), compare.summary_columns().len());
    let value = |name: &str| figure(&columns, &compare, name, 0).unwrap();
    assert!((value("bias") - 100.0).abs() < 1e-9);
    assert!((value("rms") - 10100f64.sqrt()).abs() < 1e-9);
    assert!((value("sd") - 10.0 * (100f64 / 99.0).sqrt()).abs() < 1e-9);
    assert!(value("bias_lo") < 100.0 && 100.0 < value("bias_hi"));
    assert!(value("bias_hi") - value("bias_lo") < 5.0);
    assert!((value("slope") - 1.0).abs() < 0.02 && value("spearman") > 0.99);
    assert_eq!(value("outliers_5s"), 0.0);
    for (name, ..) in FIGURES {
        assert_eq!(figure(&columns, &compare, name, 1), None, "{name}");
    }
    assert_eq!(columns[5].as_primitive::<UInt64Type>().values().to_vec(), [100, 0]);
}

#[test]
fn residuals_follow_the_pairs_with_their_ids() {
    let compare = compare(PARAMETERS);
    let ids: Vec<i64> = (0..4).map(|i| 50 + i).collect();
    let columns = compare.residuals(&ids, vec![measured(4), measured(2)]);
    assert_eq!(columns.len(), compare.residual_columns().len());
    let ids: &Int64Array = columns[0].as_primitive();
    assert_eq!(ids.values().to_vec(), [50, 51, 52, 53, 50, 51]);
    let difference: &Float64Array = columns[5].as_primitive();
    assert_eq!(difference.value(0), 110.0);
    assert_eq!(columns[1].as_string::<i32>().value(5), "cool");
}

#[test]
fn conditions_leave_undecidable_rows_out_and_units_keep_strangers_apart() {
    let b: ArrayRef = Arc::new(Float64Array::from(vec![Some(-1.0), None, Some(2.0)]));
    let star: ArrayRef = Arc::new(Int64Array::from(vec![Some(3), None, None]));
    let table = RecordBatch::try_from_iter([("b", b), ("star", star)]).unwrap();
    let compare = compare(PARAMETERS);
    assert_eq!(chosen(compare.pairs[1].filter.as_ref(), &table).unwrap(), [true, false, false]);
    assert_eq!(chosen(None, &table).unwrap(), [true; 3]);
    let units = unit_ids(&table, "star").unwrap();
    assert_eq!(Units::grouped(&units).n_unit(), 3);
}

#[test]
fn ports_read_conditions_and_twin_labels_are_refused() {
    let read = compare(PARAMETERS);
    let needs = &read.ports()[0].needs;
    assert!(needs.iter().any(|need| need.column == "b" && need.unit.is_none()));
    assert!(needs.iter().any(|need| need.column == "a" && need.unit.as_deref() == Some("K")));
    let twins = PARAMETERS.replace("cool", "A-B");
    assert!(compare(&twins).check().is_err());
}
