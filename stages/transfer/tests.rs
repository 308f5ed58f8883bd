use super::*;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use ndarray::array;

use crate::engine::stage::{NewColumn, TableSchema};
use crate::engine::types::{ColumnMeta, F64};
use crate::science::slam::TrainingLabels;
use crate::stages::columns::f64s_of;

const PARAMETERS: &str = r#"{"id": "obsid",
    "pairs": [{"label": "Teff", "old": "TEFF_LIT", "new": "TEFF_G14", "unit": "K",
               "errors": ["TEFF_LIT_ERR", "TEFF_G14_ERR"]}],
    "flags": [{"name": "status", "old": "lit_status", "new": "g14_status", "fine": "converged"}]}"#;

fn stage(text: &str) -> Transfer {
    serde_json::from_str(text).unwrap()
}

fn table(columns: Vec<NewColumn>, arrays: Vec<ArrayRef>) -> RecordBatch {
    assert_eq!(columns.len(), arrays.len());
    for (column, array) in columns.iter().zip(&arrays) {
        assert_eq!(column.meta.kind.arrow(), *array.data_type(), "{}", column.meta.name);
    }
    RecordBatch::try_from_iter(columns.into_iter().map(|c| c.meta.name).zip(arrays)).unwrap()
}

fn numbers(table: &RecordBatch, name: &str) -> Vec<f64> {
    f64s_of(table.column_by_name(name).unwrap()).unwrap()
}

fn training(names: [&str; 2], labels: ndarray::Array2<f64>) -> TrainingLabels {
    TrainingLabels::new(names.map(str::to_owned).to_vec(), labels).unwrap()
}

#[test]
fn stars_are_matched_by_id_whatever_their_order() {
    let joined = Joined::new(vec![5, 1, 9], vec![9, 7, 5]).unwrap();
    assert_eq!((joined.ids.clone(), joined.rows.clone()), (vec![5, 9], vec![[0, 2], [2, 0]]));
    assert_eq!(joined.both(&[50, 10, 90], &[9, 7, 5]), [[50, 90], [5, 9]]);
    let why = Joined::new(vec![1, 1], vec![1]).err().unwrap().to_string();
    assert!(why.contains("id 1") && why.contains("`old`"), "{why}");
}

#[test]
fn summary_tells_offset_slope_and_who_lost_the_label() {
    let old: Vec<f64> = (0..60).map(|i| 3_000.0 + 20.0 * f64::from(i)).collect();
    let mut new: Vec<f64> = old.iter().map(|t| 1.1 * t - 250.0).collect();
    new[7] = f64::NAN;
    let bootstrap = Bootstrap { n_resample: 200, seed: 1 };
    let compared = Compared {
        label: "Teff".into(),
        unit: "K".into(),
        only_old: 2,
        only_new: 3,
        error_ratio: error_ratio(&[50.0, f64::NAN], &[100.0, 100.0]),
        transfer: transfer(&old, &new, 2.0, &Units::rows(60), &bootstrap),
        words: Words::of_label("Teff", &old, &new),
        old,
        new,
    };
    assert_eq!(compared.error_ratio, 2.0);
    assert_eq!(error_ratio(&[f64::NAN], &[1.0]), 1.0);
    let ids: Vec<i64> = (100..160).collect();
    let stars = table(star_columns("obsid"), star_arrays(&ids, &[&compared.words]));
    assert_eq!(numbers(&stars, "obsid"), [107.0]);
    assert_eq!(stars.column_by_name("new").unwrap().as_string::<i32>().value(0), "missing");
    let summary = table(summary_columns(), summary_arrays(&[compared]));
    let value = |name: &str| numbers(&summary, name)[0];
    assert_eq!((value("n"), value("n_lost"), value("n_gained")), (59.0, 1.0, 0.0));
    assert!((value("slope") - 1.1).abs() < 1e-9 && value("scatter") < 1e-6);
    assert!((value("shift") - (0.1 * value("pivot") - 250.0)).abs() < 1e-6);
    assert!((value("new_span") - 1.1).abs() < 0.02);
}

#[test]
fn flags_count_gains_and_losses() {
    let word = |words: &[&str]| words.iter().map(|w| Some((*w).to_owned())).collect::<Vec<_>>();
    let old = word(&["converged", "converged", "too_few_pixels", "converged"]);
    let new = word(&["converged", "at_limit", "converged", "at_limit"]);
    let joined = Joined::new(vec![1, 2, 3, 4], vec![1, 2, 3, 4]).unwrap();
    let words = Words::new("status", joined.both(&old, &new), "converged");
    let flags = table(flag_columns(), flag_arrays(std::slice::from_ref(&words)));
    let value = |name: &str| numbers(&flags, name)[0];
    assert_eq!((value("old_fine"), value("new_fine")), (0.75, 0.5));
    assert_eq!((value("n_gained_flag"), value("n_lost_flag")), (2.0, 1.0));
    let stars = table(star_columns("obsid"), star_arrays(&joined.ids, &[&words]));
    assert_eq!(numbers(&stars, "obsid"), [2.0, 3.0, 4.0]);
    assert!(!stars.column_by_name("now_fine").unwrap().as_boolean().value(0));
    let none = table(flag_columns(), flag_arrays(&[Words::new("x", [vec![], vec![]], "1")]));
    assert!(none.column_by_name("old_fine").unwrap().is_null(0));
}

#[test]
fn training_sets_are_compared_label_by_label_and_by_their_hulls() {
    // The old set is a square, the new one a triangle in it, with its columns the other way round.
    let old = training(["Teff", "M_H"], array![[3e3, -1.0], [4e3, -1.0], [3e3, 0.0], [4e3, 0.0]]);
    let new = training(["M_H", "Teff"], array![[-1.0, 3e3], [-1.0, 4e3], [-0.5, 3e3]]);
    let labels = common(&old.names, &new.names).unwrap();
    let coverage = table(coverage_columns(), coverage_arrays(&labels, &old, &new).unwrap());
    assert_eq!(numbers(&coverage, "old_inside_new"), [1.0, 0.5, 0.5]);
    assert_eq!(numbers(&coverage, "new_inside_old"), [1.0, 1.0, 1.0]);
    assert_eq!(numbers(&coverage, "new_high")[..2], [4e3, -0.5]);
    let why = common(&["Teff".into()], &["TEFF".into()]).unwrap_err().to_string();
    assert!(why.contains("no label in common"), "{why}");
}

#[test]
fn edges_start_at_columns_that_are_read_and_names_are_checked() {
    let stage = stage(PARAMETERS);
    let ports = stage.ports();
    let inputs: Schemas = ports
        .iter()
        .filter(|port| !port.optional)
        .map(|port| {
            let columns = port.needs.iter().map(|n| ColumnMeta::new(&n.column, F64)).collect();
            (port.name.clone(), TableSchema { columns, row_id: None })
        })
        .collect();
    let outputs = stage.outputs(&inputs).unwrap();
    assert_eq!(outputs.len(), 3);
    for edge in outputs.iter().flat_map(|o| &o.columns).flat_map(|c| &c.from) {
        assert!(inputs[&edge.port].column(&edge.column).is_some(), "{edge:?}");
    }
    let twice = super::tests::stage(&PARAMETERS.replace("\"status\"", "\"Teff\""));
    assert!(twice.outputs(&inputs).unwrap_err().to_string().contains("twice"));
}
