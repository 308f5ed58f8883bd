use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Float64Type, UInt64Type};

use super::stars::copies;
use super::*;
use crate::engine::stage::NewColumn;
use crate::science::validation::membership::Outsider;

const PARAMETERS: &str = r#"{"id": "row", "cluster": "CLUSTER", "ours": "M_H", "theirs": "FE_H", "unit": "dex",
    "probabilities": ["RV_PROB"], "leaked": "leaked"}"#;

fn stage(text: &str) -> Clusters {
    serde_json::from_str(text).unwrap()
}

fn bootstrap() -> Bootstrap {
    Bootstrap { n_resample: 100, seed: 4 }
}

/// Two clusters of four stars and one of one; the second is 0.2 off, a star of the first is in training.
fn stars() -> Stars {
    let cluster = ["A", "A", "A", "A", "B", "B", "B", "B", "C"].map(str::to_owned).to_vec();
    let theirs = vec![0.0, 0.0, 0.0, 0.0, -0.1, -0.1, -0.1, -0.1, 0.3];
    let off = [0.01, -0.01, 0.02, -0.02, 0.21, 0.19, 0.22, 0.18, f64::NAN];
    let ours: Vec<f64> = theirs.iter().zip(off).map(|(t, o)| t + o).collect();
    let judged = vec![None; 9];
    let why = reasons(&judged, &ours, &theirs);
    let leaked = (0..9).map(|row| Some(row == 3)).collect();
    Stars { ids: (0..9).collect(), cluster, ours, theirs, error: None, leaked, why }
}

fn fits(columns: &[NewColumn], arrays: &[ArrayRef]) {
    assert_eq!(columns.len(), arrays.len());
    assert!(columns.iter().zip(arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
}

fn number(columns: &[NewColumn], arrays: &[ArrayRef], name: &str, row: usize) -> f64 {
    let at = columns.iter().position(|c| c.meta.name == name).unwrap();
    match arrays[at].as_primitive_opt::<Float64Type>() {
        Some(values) if values.is_valid(row) => values.value(row),
        Some(_) => f64::NAN,
        None => arrays[at].as_primitive::<UInt64Type>().value(row) as f64,
    }
}

#[test]
fn clusters_have_means_and_an_sd_from_two_stars_on() {
    let (stage, stars) = (stage(PARAMETERS), stars());
    let (columns, arrays) =
        (cluster_columns(&stage), cluster_arrays(&stars.clusters(&bootstrap())));
    fits(&columns, &arrays);
    let of = |name: &str, row: usize| number(&columns, &arrays, name, row);
    assert!((of("ours_mean", 1) - 0.1).abs() < 1e-12 && (of("theirs_mean", 1) + 0.1).abs() < 1e-12);
    assert!((of("difference", 1) - 0.2).abs() < 1e-12 && of("difference_lo", 1) > 0.17);
    assert_eq!((of("n_in_training", 0), of("n_row", 2), of("n", 2)), (1.0, 1.0, 0.0));
    assert!(of("ours_sd", 2).is_nan() && of("difference_lo", 2).is_nan());
}

#[test]
fn the_mean_of_clusters_is_not_that_of_stars() {
    let (stage, stars) = (stage(PARAMETERS), stars());
    let all = stars.population("all", &[0, 1, 2, 4], &bootstrap());
    let (columns, arrays) = (summary_columns(&stage), summary_arrays("dex", &[all]));
    fits(&columns, &arrays);
    let of = |name: &str| number(&columns, &arrays, name, 0);
    assert_eq!((of("n"), of("n_cluster"), of("n_unit")), (4.0, 2.0, 2.0));
    assert!((of("cluster_mean") - 0.5 * (0.02 / 3.0 + 0.21)).abs() < 1e-9);
    assert!((of("mean") - 0.23 / 4.0).abs() < 1e-9 && of("mixed_mean") > of("mean"));
    assert!(of("between") > 0.1 && of("within") < 0.05);
}

#[test]
fn leaving_a_cluster_out_shows_its_weight() {
    let (stage, stars) = (stage(PARAMETERS), stars());
    let left = stars.leave_one_out(&(0..8).collect::<Vec<_>>());
    let (columns, arrays) = (leave_columns(&stage), leave_arrays(&left));
    fits(&columns, &arrays);
    assert!((number(&columns, &arrays, "mean", 0) - 0.2).abs() < 1e-12);
    assert!(number(&columns, &arrays, "mean", 1).abs() < 1e-12);
}

#[test]
fn every_row_says_why_it_does_not_count() {
    let judged = [Some(Outsider::Probability), Some(Outsider::Parallax), None, None, None];
    let why = reasons(&judged, &[0.0, 0.0, f64::NAN, 0.0, 0.0], &[0.0, 0.0, 0.0, f64::NAN, 0.0]);
    assert!(why[0].unwrap().contains("probability") && why[1].unwrap().contains("parallax"));
    assert_eq!(why[2..], [Some("no label of ours"), Some("no label of theirs"), None]);
    let means = cluster_means(
        &["A", "A", "A"].map(str::to_owned),
        &[0.1, 0.3, 9.0],
        &[None, None, Some("out")],
    );
    assert!(means.iter().all(|m| (m - 0.2).abs() < 1e-12));
    fits(&star_columns(&stage(PARAMETERS)), &star_arrays(&stars()));
}

#[test]
fn a_rule_without_columns_is_refused() {
    let bare = PARAMETERS.replace(r#""probabilities": ["RV_PROB"], "#, "");
    let inputs = Schemas::from([("members".into(), crate::engine::stage::TableSchema::default())]);
    let why = stage(&bare).outputs(&inputs).unwrap_err().to_string();
    assert!(why.contains("all_rows"), "{why}");
    assert_eq!(copies(&[3, 5, 3, 3]), [0, 0, 1, 2]);
}
