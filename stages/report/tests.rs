use super::*;
use crate::stages::columns::{f64_array, f64_lists, i64_array, text_array, u64_array};

const PARAMETERS: &str = r#"{"title": "M dwarfs", "origin": "simulated", "figures": ["fig4"],
    "tables": [{"port": "scores", "title": "Scores", "columns": ["label", "rms"]}],
    "labels": [["ap_Teff", "K", 0]]}"#;

fn stage() -> Report {
    serde_json::from_str(PARAMETERS).unwrap()
}

fn table_at(port: &str) -> Option<RecordBatch> {
    let of = |columns: Vec<(&str, arrow::array::ArrayRef)>| {
        Some(RecordBatch::try_from_iter(columns).unwrap())
    };
    match port {
        "scores" => of(vec![
            ("label", text_array([Some("TEFF_AP")])),
            ("rms", f64_array(vec![47.25])),
            ("hidden", f64_array(vec![123.456])),
        ]),
        "attrition" => of(vec![
            ("criterion", text_array([Some("parallax")])),
            ("n_in", u64_array(vec![90])),
            ("n_out", u64_array(vec![70])),
        ]),
        "stars" => of(vec![
            ("obsid", i64_array(vec![77_001])),
            ("ap_Teff", f64_array(vec![3500.0])),
            ("flux_norm", f64_lists(vec![vec![0.9, 1.1, 1.0]])),
        ]),
        "grid" => of(vec![("wave_angstrom", f64_array(vec![6000.0, 6001.0, 6002.0]))]),
        _ => None,
    }
}

#[test]
fn a_page_of_nothing_says_so() {
    let text = stage().page(&|_| None).unwrap();
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("No figure was drawn."));
    assert!(text.contains("Simulated data."));
}

#[test]
fn tables_cuts_and_stars_stand_in_the_page() {
    let text = stage().page(&table_at).unwrap();
    assert!(text.contains("47.250") && !text.contains("123.4"));
    assert!(text.contains("parallax") && text.contains("77.8"));
    assert!(text.contains("star-spectra"), "the browser of stars");
}

#[test]
fn ports_follow_the_parameters_and_are_optional() {
    let ports = stage().ports();
    assert!(ports.iter().all(|port| port.optional));
    assert!(ports.iter().any(|port| port.name == "fig4"));
    let twice = Report { diagnostics: vec!["fig4".into()], ..stage() };
    assert!(twice.outputs(&Schemas::new()).unwrap_err().to_string().contains("fig4"));
}
