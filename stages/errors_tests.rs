use super::*;
use arrow::array::{Array, AsArray};

use crate::engine::stage::{Edge, TableSchema};
use crate::science::calibration::Law;

fn stage(text: &str) -> Errors {
    serde_json::from_str(text).unwrap()
}

const LABELS: &str = r#"{"labels": {"ap_Teff": "Teff", "ap_M_H": "M_H"}, "source": "cv_curve",
    "sources": {"ap_M_H": "covariance"}}"#;

fn schemas() -> Schemas {
    let number = |name: &str| ColumnMeta::new(name, F64);
    let teff = number("ap_Teff").unit("K").ucd("phys.temperature.effective").scale("AP");
    let columns =
        vec![number("snri"), teff, number("ap_Teff_ERR"), number("ap_M_H"), number("ap_M_H_ERR")];
    let laws = vec![number("values")];
    let schema = |columns| TableSchema { columns, row_id: None };
    Schemas::from([("rows".into(), schema(columns)), ("laws".into(), schema(laws))])
}

fn fitted(law: Law, n_star: usize) -> Fitted {
    Fitted { law, n: n_star, n_star, snr_range: [10.0, 100.0] }
}

fn adopt(source: Source, law: Option<&Fitted>, label: f64, formal: f64, snr: f64) -> Adopted {
    let rows = Rows { label: vec![label], formal: vec![formal], snr: &[snr] };
    rows.adopt(source, law)[0]
}

#[test]
fn both_errors_are_published_and_edges_start_at_columns_that_are_read() {
    let stage = stage(LABELS);
    let output = stage.outputs(&schemas()).unwrap().remove(0);
    let name = |c: &NewColumn| c.meta.name.clone();
    let made: Vec<String> = output.columns.iter().map(name).collect();
    assert_eq!(made, ["ap_M_H_ERR", "ap_M_H_ERR_FLAG", "ap_Teff_ERR", "ap_Teff_ERR_FLAG"]);
    let adopted = &output.columns[2].meta;
    assert_eq!((adopted.unit.as_str(), adopted.scale.as_str()), ("K", "AP"));
    assert_eq!(adopted.ucd, "stat.error;phys.temperature.effective");
    let formal = output.carried.iter().find(|c| c.name == "ap_Teff_ERR_FORMAL").unwrap();
    assert_eq!(formal.column, "ap_Teff_ERR");
    assert_eq!(output.carried.iter().filter(|c| c.name.ends_with("_ERR")).count(), 0);
    let ports = stage.ports();
    let read = |edge: &Edge| {
        let port = ports.iter().find(|p| p.name == edge.port).unwrap();
        port.needs.iter().any(|need| need.column == edge.column)
    };
    assert!(output.columns.iter().flat_map(|c| &c.from).all(read));
}

#[test]
fn laws_are_read_only_where_a_source_needs_them() {
    let unread = |stage: Errors| stage.ports().iter().map(|port| port.unread).collect::<Vec<_>>();
    assert_eq!(unread(stage(LABELS)), [false, false]);
    let formal = stage(r#"{"labels": {"ap_Teff": "Teff"}, "source": "covariance"}"#);
    assert_eq!(unread(formal), [false, true]);
    assert!(stage(r#"{"labels": {}}"#).outputs(&schemas()).is_err());
    let stranger = stage(r#"{"labels": {"ap_Teff": "Teff"}, "sources": {"X": "covariance"}}"#);
    assert!(stranger.outputs(&schemas()).unwrap_err().to_string().contains("`X`"));
}

#[test]
fn every_case_has_its_flag() {
    let photon = fitted(Law::Photon { floor: 30.0, slope: 400.0 }, 500);
    let law = Some(&photon);
    let cv = |label, formal, snr| adopt(Source::CvCurve, law, label, formal, snr);
    assert_eq!(cv(3500.0, 9.0, 10.0), (50.0, Some("ok")));
    assert_eq!(cv(3500.0, 9.0, 200.0).1, Some("extrapolated_snr"));
    assert_eq!(cv(3500.0, f64::NAN, 10.0), (50.0, Some("ok")));
    assert_eq!(cv(3500.0, 9.0, f64::NAN).1, Some("no_snr"));
    assert_eq!(cv(3500.0, 9.0, -1.0).1, Some("no_snr"));
    assert_eq!(cv(f64::NAN, 9.0, 10.0).1, None);
    let scaled = fitted(Law::Scaled { floor: 3.0, scale: 2.0 }, 31);
    let calibrated = |formal| adopt(Source::Calibrated, Some(&scaled), 3500.0, formal, 20.0);
    assert_eq!(calibrated(2.0), (5.0, Some("few_stars")));
    assert_eq!(calibrated(f64::NAN).1, Some("no_formal"));
    let none = adopt(Source::Calibrated, None, 3500.0, 2.0, 20.0);
    assert!(none.0.is_nan() && none.1 == Some("no_law"));
    assert_eq!(adopt(Source::Covariance, None, 3500.0, 2.0, 20.0), (2.0, Some("formal")));
    let table = fitted(Law::PowerLaw { scale: 500.0, exponent: 0.5 }, 21);
    let printed = adopt(Source::Table4Fit, Some(&table), 3500.0, 2.0, 25.0);
    assert_eq!(printed, (100.0, Some("ok")));
    let [sigma, flag] = arrays(&[cv(3500.0, 9.0, f64::NAN), cv(f64::NAN, 9.0, 10.0)]);
    assert!(sigma.is_null(0) && sigma.is_null(1) && flag.is_null(1));
    assert_eq!(flag.as_string::<i32>().value(0), "no_snr");
}

#[test]
fn a_law_that_could_not_be_fitted_is_not_a_wrong_name() {
    let law = |fitted| LabelLaw { label: "Teff".into(), source: Source::CvCurve, fitted };
    let laws = [law(Err("7 stars".into()))];
    assert_eq!(law_of(&laws, "Teff", Source::CvCurve).unwrap(), None);
    let why = law_of(&laws, "TEFF_AP", Source::CvCurve).unwrap_err().to_string();
    assert!(why.contains("cv_curve of Teff"), "{why}");
    assert!(law_of(&laws, "Teff", Source::Calibrated).is_err());
    assert_eq!(law_of(&laws, "M_H", Source::Covariance).unwrap(), None);
}
