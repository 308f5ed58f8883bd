use std::fs;
use std::path::PathBuf;

use super::*;

fn bootstrap() -> Bootstrap {
    Bootstrap { n_resample: 100, seed: 1 }
}

#[test]
fn arrays_fill_their_columns_and_a_law_is_null_without_points() {
    let stage: ErrorCurves = serde_json::from_str(r#"{"snr": "snri", "errors": ["e"]}"#).unwrap();
    let snr = [10.0, 20.0, 40.0, 80.0, 160.0];
    let errors = snr.map(|s: f64| 3.0 * s.powf(-0.5));
    let fits = Shape::ALL.map(|shape| fit("e", shape, &snr, &errors, &bootstrap()));
    let few = fit("e", Shape::Power, &snr[..2], &errors[..2], &bootstrap());
    assert!(few.curve.is_none() && few.intervals == [None; 3]);
    for (columns, arrays) in [
        (stage.fit_columns(), fit_arrays(&fits)),
        (stage.point_columns(), point_arrays(&[("e", 1.0, 2.0, [1.0; 3])])),
    ] {
        assert_eq!(columns.len(), arrays.len());
        assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    }
    let curve = fits[0].curve.unwrap();
    assert!((curve.terms[0] - 3.0).abs() < 1e-6 && (curve.terms[1] - 0.5).abs() < 1e-7);
}

/// The printed rows of Table 4: both errors follow the ratio in i to within rounding.
#[test]
fn printed_errors_of_table_4_are_a_curve() {
    let shared = std::env::var_os("MDWARF_SHARED")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into(), PathBuf::from);
    let Ok(text) = fs::read_to_string(shared.join("reference/paper_table4.csv")) else {
        eprintln!("skipped: printed_errors_of_table_4_are_a_curve needs ../shared/reference");
        return;
    };
    let row = |line: &str| line.split(',').map(|v| v.parse::<f64>().unwrap()).collect::<Vec<_>>();
    let rows: Vec<Vec<f64>> = text.lines().skip(1).map(row).collect();
    let column = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<f64>>();
    let teff = fit_error_curve(Shape::PowerOffset, &column(7), &column(4)).unwrap();
    assert_eq!(teff.n, 21);
    assert!(
        (teff.terms[0] - 505.0).abs() < 1.0 && (teff.terms[1] - 0.511).abs() < 1e-3,
        "{teff:?}"
    );
    assert!((teff.terms[2] + 5.0).abs() < 0.1 && teff.largest < 0.51, "{teff:?}");
    let m_h = fit_error_curve(Shape::Power, &column(7), &column(6)).unwrap();
    assert!((m_h.terms[0] - 1.036).abs() < 2e-3 && (m_h.terms[1] - 0.492).abs() < 1e-3, "{m_h:?}");
    assert!(m_h.largest < 0.005, "{m_h:?}");
}
