use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};

use super::*;
use crate::stages::columns::{f64_array, i64_array, text_array, u64_array};

const KINDS: [&str; 18] = [
    "cmd",
    "cv",
    "teff",
    "galgano",
    "metallicity",
    "hrd",
    "hyades",
    "clusters",
    "binaries",
    "attrition",
    "coverage",
    "selection",
    "transfer",
    "pixels",
    "hull",
    "precision",
    "sensitivity",
    "spectrum",
];

fn stage(kind: &str, rest: &str) -> Figure {
    serde_json::from_str(&format!(r#"{{"figure": "{kind}"{rest}}}"#)).unwrap()
}

fn table<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn drawn(stage: &Figure, tables: BTreeMap<&'static str, RecordBatch>) -> Vec<NamedFile> {
    files(&stage.drawn(tables, 7).unwrap()).unwrap()
}

#[test]
fn every_kind_draws_from_nothing_and_says_what_is_missing() {
    for kind in KINDS {
        let stage = stage(kind, r#", "origin": "simulated""#);
        assert!(stage.ports().iter().all(|port| port.optional), "{kind}");
        let made = drawn(&stage, BTreeMap::new());
        let names: Vec<&str> = made.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names[0].ends_with(".svg") && names[1].ends_with(".png"), "{names:?}");
        assert!(made[1].1.starts_with(b"\x89PNG"), "{kind}");
        let numbers: Value = serde_json::from_slice(&made[2].1).unwrap();
        assert_eq!(numbers["origin"], "simulated", "{kind}");
        assert!(numbers["caption"].as_str().unwrap().len() > 20, "{kind}");
        assert!(numbers["alt"].as_str().unwrap().len() > 20, "{kind}");
    }
}

#[test]
fn every_kind_draws_from_tables_without_rows() {
    for kind in KINDS {
        let stage = stage(kind, "");
        let (reads, _) = stage.figure.parts();
        let none = |column: &&str| ((*column).to_owned(), f64_array(Vec::new()));
        let tables = reads.iter().filter(|(port, _)| !["laws", "model", "spectra"].contains(port));
        let tables = tables.map(|(port, columns)| {
            (*port, RecordBatch::try_from_iter(columns.iter().map(none)).unwrap())
        });
        assert_eq!(drawn(&stage, tables.collect()).len(), 3, "{kind}");
    }
}

/// Differences 40 and 60 K; the node of statistics knows the interval.
#[test]
fn numbers_and_intervals_come_from_the_tables() {
    let rows = table([
        ("bt_Teff", f64_array(vec![3540.0, 3460.0, 3000.0])),
        ("TEFF_GALGANO", f64_array(vec![3500.0, 3400.0, f64::NAN])),
    ]);
    let statistics = table([
        ("label", text_array([Some("TEFF_BT - Galgano")])),
        ("population", text_array([Some("all")])),
        ("mean", f64_array(vec![50.0])),
        ("mean_lo", f64_array(vec![41.0])),
        ("mean_hi", f64_array(vec![59.0])),
    ]);
    let tables = BTreeMap::from([("galgano", rows), ("statistics", statistics)]);
    let made = drawn(&stage("galgano", ""), tables);
    let text = String::from_utf8(made[2].1.clone()).unwrap();
    assert_eq!(made[2].0, "fig4_galgano.json");
    assert!(text.contains("3540") && text.contains("3400"), "{text}");
    assert!(text.contains("41") && text.contains("59"), "{text}");
}

#[test]
fn a_condition_takes_rows_and_other_names_are_followed() {
    let stage = stage("attrition", r#", "columns": {"n_in": "before"}, "where": "before > 50""#);
    let steps = table([
        ("criterion", text_array([Some("parallax"), Some("giants")])),
        ("before", u64_array(vec![100, 40])),
        ("n_out", u64_array(vec![40, 30])),
    ]);
    let kept = filtered(&steps, stage.filter.as_ref()).unwrap();
    assert_eq!(kept.num_rows(), 1);
    let made = drawn(&stage, BTreeMap::from([("attrition", kept)]));
    let text = String::from_utf8(made[2].1.clone()).unwrap();
    assert!(text.contains("parallax: 40 of 100") && !text.contains("giants"), "{text}");
}

#[test]
fn the_lot_depends_on_the_stars_alone() {
    let ids: Vec<i64> = (0..500).collect();
    let some = hrd::lot(&ids, Some(100), 3);
    assert_eq!(some.len(), 100);
    let turned: Vec<i64> = ids.iter().rev().copied().collect();
    let others = hrd::lot(&turned, Some(100), 3);
    let names = |rows: &[usize], ids: &[i64]| rows.iter().map(|r| ids[*r]).collect::<BTreeSet<_>>();
    assert_eq!(names(&some, &ids), names(&others, &turned));
    assert_ne!(names(&some, &ids), names(&hrd::lot(&ids, Some(100), 4), &ids));
    assert_eq!(hrd::lot(&ids, None, 3).len(), 500);
}

#[test]
fn field_stars_of_clusters_are_left_out() {
    let stars = table([
        ("cluster", text_array([Some("M67"), Some("M67"), Some("M67")])),
        ("ours", f64_array(vec![0.05, -0.05, -0.9])),
        ("theirs", f64_array(vec![0.0, 0.0, 0.0])),
        ("is_member", Arc::new(BooleanArray::from(vec![true, true, false])) as ArrayRef),
    ]);
    let made = drawn(&stage("clusters", ""), BTreeMap::from([("stars", stars)]));
    let text = String::from_utf8(made[2].1.clone()).unwrap();
    assert!(text.contains("M67") && !text.contains("-0.9"), "{text}");
}

#[test]
fn selected_candidates_are_known_by_their_id() {
    let candidates = table([
        ("obsid", i64_array(vec![1, 2, 3])),
        ("bp_rp", f64_array(vec![2.0, 2.5, 3.0])),
        ("M_G", f64_array(vec![8.0, 9.0, 2.0])),
    ]);
    let selected = table([("obsid", i64_array(vec![1, 2]))]);
    let tables = BTreeMap::from([("candidates", candidates), ("selected", selected)]);
    let made = drawn(&stage("cmd", ""), tables);
    let text = String::from_utf8(made[2].1.clone()).unwrap();
    assert!(text.contains("selected, n = 2") && text.contains("removed, n = 1"), "{text}");
}
