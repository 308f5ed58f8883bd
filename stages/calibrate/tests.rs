use super::*;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};

use crate::engine::stage::TableSchema;
use crate::engine::types::F64;
use crate::stages::columns::f64s_of;
use crate::stages::laws::Source;

fn stage(text: &str) -> Calibrate {
    serde_json::from_str(text).unwrap()
}

fn schemas(names: &[&str]) -> Schemas {
    let columns = names.iter().map(|name| ColumnMeta::new(*name, F64)).collect();
    Schemas::from([("held_out".into(), TableSchema { columns, row_id: None })])
}

const CV: [&str; 9] = [
    "star_id",
    "snri",
    "Teff_true",
    "Teff_cv",
    "Teff_cv_err",
    "M_H_true",
    "M_H_cv",
    "M_H_cv_err",
    "logg_true",
];

/// `n` stars of SNR 10 to 300 whose residuals alternate in sign with a size of three formal errors.
fn label(n: usize) -> Label {
    let snr: Vec<f64> = (0..n).map(|i| 10.0 * 30f64.powf((i as f64 * 0.618).fract())).collect();
    let sizes = [0.1, 0.4, 0.7, 1.0, 1.3, 2.0];
    Label {
        name: "Teff".into(),
        unit: "K".into(),
        held_out: HeldOut {
            residual: (0..n)
                .map(|i| 3_000.0 / snr[i] * sizes[i % 6] * (-1f64).powi((i / 6) as i32))
                .collect(),
            formal: snr.iter().map(|s| 1_000.0 / s).collect(),
            star: (0..n as i64).collect(),
            snr,
        },
    }
}

fn setting(edges: &[f64]) -> Setting<'_> {
    Setting { form: Form::Auto, matching: Match::Rms, folds: 10, seed: 1, edges }
}

fn table(columns: Vec<NewColumn>, arrays: Vec<ArrayRef>) -> RecordBatch {
    assert_eq!(columns.len(), arrays.len());
    for (column, array) in columns.iter().zip(&arrays) {
        assert_eq!(column.meta.kind.arrow(), *array.data_type(), "{}", column.meta.name);
    }
    RecordBatch::try_from_iter(columns.into_iter().map(|c| c.meta.name).zip(arrays)).unwrap()
}

#[test]
fn labels_are_found_by_their_columns() {
    let stage = stage(r#"{"star_id": "star_id"}"#);
    assert_eq!(stage.chosen(CV.to_vec()).unwrap(), ["Teff", "M_H"]);
    assert!(stage.ports()[0].all_columns);
    let why = stage.outputs(&schemas(&CV[..4])).unwrap_err().to_string();
    assert!(why.contains("{label}_cv_err"), "{why}");
    let outputs = stage.outputs(&schemas(&CV)).unwrap();
    let edges = outputs.iter().flat_map(|o| &o.columns).flat_map(|c| &c.from);
    assert!(edges.clone().count() > 0 && edges.clone().all(|e| CV.contains(&e.column.as_str())));
    assert_eq!(matched("bt_{label}_cv", "bt_Teff_cv").as_deref(), Some("Teff"));
    assert_eq!(matched("{label}_cv", "_cv"), None);
    let printed = super::tests::stage(
        r#"{"star_id": "s", "printed": {"snr": "snri", "errors": {"Teff": "TEFF_AP_ERR"}}}"#,
    );
    assert_eq!(printed.ports().len(), 2);
}

#[test]
fn wrong_parameters_are_told() {
    let why = |text: &str| stage(text).outputs(&schemas(&CV)).unwrap_err().to_string();
    assert!(why(r#"{"star_id": "s", "truth": "Teff"}"#).contains("{label}"));
    let one = r#"{"star_id": "s", "labels": ["Teff"], "found": "TEFF_BT"}"#;
    assert!(stage(one).ports()[0].needs.iter().any(|need| need.column == "TEFF_BT"));
    assert!(stage(one).check().is_ok());
    assert!(why(r#"{"star_id": "s", "snr_edges": [20, 10]}"#).contains("ascend"));
    assert!(why(r#"{"star_id": "s", "folds": 1}"#).contains("folds"));
}

#[test]
fn calibrated_errors_cover_better_than_formal_ones() {
    let edges = [10.0, 50.0];
    let (laws, covered) = label(300).calibrate(setting(&edges)).unwrap();
    assert_eq!(laws.len(), 3);
    let of = |source: Source| {
        covered
            .iter()
            .find(|c| c.source == source && c.bin[1].is_infinite() && c.bin[0] < 0.0)
            .unwrap()
    };
    // Sizes 0.1, 0.4, 0.7, 1, 1.3 and 2 in units of three formal errors: one in six is within one.
    assert!((of(Source::Covariance).one_sigma.unwrap().value - 1.0 / 6.0).abs() < 1e-9);
    let calibrated = of(Source::Calibrated);
    assert!(calibrated.one_sigma.unwrap().value > 0.6, "{:?}", calibrated.one_sigma);
    assert!((calibrated.pull_rms.unwrap() - 1.0).abs() < 0.05);
    let bins = covered.iter().filter(|c| c.source == Source::CvCurve).count();
    assert_eq!(bins, 3, "all spectra and two bins");
    let table = table(coverage_columns(), coverage_arrays(&covered));
    assert!(table.column_by_name("snr_lo").unwrap().is_null(0));
    let high = f64s_of(table.column_by_name("snr_hi").unwrap()).unwrap();
    assert!(high[0].is_nan() && high[1] == 50.0 && high[2].is_infinite());
}

#[test]
fn curve_shows_scatter_and_the_errors_that_follow_it() {
    let edges = [5.0, 10.0, 30.0, 100.0];
    let labels = [label(600)];
    let (laws, _) = labels[0].calibrate(setting(&edges)).unwrap();
    let bootstrap = Bootstrap { n_resample: 100, seed: 2 };
    let curve = table(curve_columns(), curve_arrays(&labels, &laws, &edges, &bootstrap));
    // No spectrum is below 10.
    assert_eq!(curve.num_rows(), 3);
    let value = |name: &str| f64s_of(curve.column_by_name(name).unwrap()).unwrap();
    let (rms, cv, calibrated) = (value("rms"), value("cv_curve"), value("calibrated"));
    for row in 0..3 {
        assert!((cv[row] / rms[row] - 1.0).abs() < 0.15, "{} {}", cv[row], rms[row]);
        assert!((calibrated[row] / rms[row] - 1.0).abs() < 0.15);
        assert!(value("rms_lo")[row] < rms[row] && rms[row] < value("rms_hi")[row]);
    }
    assert!(rms.is_sorted_by(|a, b| a > b) && value("snr").is_sorted());
    assert_eq!(curve.column_by_name("unit").unwrap().as_string::<i32>().value(0), "K");
}

#[test]
fn too_few_stars_give_no_law_and_say_so() {
    let (laws, covered) = label(7).calibrate(setting(&[5.0])).unwrap();
    assert!(laws.iter().all(|law| law.fitted.as_ref().is_err_and(|why| why.contains("7 stars"))));
    assert!(covered.iter().all(|c| c.source == Source::Covariance));
    let interval = covered[0].one_sigma.unwrap().interval;
    assert!(interval.high - interval.low > 0.4, "seven stars say little: {interval:?}");
    let unknown = printed_law("Teff", None, &[], &[]);
    assert!(unknown.fitted.is_err() && unknown.source == Source::Table4Fit);
}

#[test]
fn printed_errors_become_a_law_with_their_range() {
    let snr = [20.0, 50.0, 100.0, f64::NAN];
    let errors = [100.0, 63.0, 45.0, 40.0];
    let law = printed_law("Teff", fit_power_law(&snr, &errors), &snr, &errors).fitted.unwrap();
    assert_eq!((law.n, law.snr_range), (3, [20.0, 100.0]));
    assert!((law.law.sigma(50.0, f64::NAN) - 63.0).abs() < 1.5);
}
