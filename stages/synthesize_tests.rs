use super::*;
use ndarray::{Array1, array};

use crate::engine::stage::{Scope, TableSchema};
use crate::science::slam::{
    HyperGrid, PixelFolds, PixelSpectra, TrainOptions, TrainingLabels, train_pixel,
};
use crate::science::svr_linfa::LinfaSolver;

fn stage(text: &str) -> Synthesize {
    serde_json::from_str(text).unwrap()
}

/// Three pixels; no spectrum has the last.
fn model() -> SlamModel {
    let physical = Array2::from_shape_fn((40, 2), |(i, l)| {
        if l == 0 { 3000.0 + 20.0 * i as f64 } else { (i as f64 * 0.618).fract() - 1.0 }
    });
    let labels = TrainingLabels::new(vec!["Teff".into(), "M_H".into()], physical).unwrap();
    let grid = HyperGrid::new(&[10.0], &[0.05], &[0.3]).unwrap();
    let options =
        TrainOptions { grid: &grid, folds: PixelFolds::None, min_stars: 10, max_kkt: 1e-3 };
    let pixel = |j: usize| {
        let flux: Array1<f64> =
            labels.scaled.outer_iter().map(|t| 1.0 + 0.1 * (t[0] + j as f64).sin()).collect();
        let ivar = Array1::from_elem(40, if j == 2 { 0.0 } else { 1e12 });
        let wave_angstrom = 7000.0 + j as f64;
        let spectra = PixelSpectra { wave_angstrom, flux: flux.view(), ivar: ivar.view() };
        train_pixel(&labels, &spectra, &options, &LinfaSolver::default()).unwrap()
    };
    SlamModel::from_pixels(&labels, &[pixel(0), pixel(1), pixel(2)]).unwrap()
}

fn wanted() -> Array2<f64> {
    array![[3100.0, -0.5], [3300.0, -0.2], [3555.0, -0.9]]
}

#[test]
fn noise_free_flux_is_the_models_and_has_the_constant_weight() {
    let model = model();
    let made = stage("{}").make(&model, wanted().view(), &[10, 11, 12], &[0, 1, 2], 0);
    let flux = model.flux(wanted().row(1));
    assert!((made.flux[0][1] - flux[0]).abs() < 1e-12 && made.flux[2][1].is_nan());
    assert_eq!((made.ivar[0][1], made.ivar[2][1]), (1e12, 0.0));
    assert!(made.snr.is_none());
}

#[test]
fn noise_is_the_same_whether_rows_are_pixels_or_spectra() {
    let (model, stage) = (model(), stage(r#"{"snr": {"low": 10.0, "high": 100.0}}"#));
    let all = stage.make(&model, wanted().view(), &[10, 11, 12], &[0, 1, 2], 5);
    let last = wanted().slice(ndarray::s![2.., ..]).to_owned();
    let one = stage.make(&model, last.view(), &[10, 11, 12], &[2], 5);
    assert_eq!(all.flux[1][2].to_bits(), one.flux[1][0].to_bits());
    let snr = all.snr.unwrap();
    assert_eq!(snr[2], one.snr.unwrap()[0]);
    assert_eq!(all.ivar[0][2], snr[2] * snr[2]);
    let clean = Synthesize { snr: None, ..stage };
    let clean = clean.make(&model, wanted().view(), &[10, 11, 12], &[0, 1, 2], 5);
    let noise = (all.flux[0][0] - clean.flux[0][0]).abs() * snr[0];
    assert!(noise > 0.0 && noise < 5.0);
}

#[test]
fn rows_turn_into_columns() {
    let rows = turned(&[vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]], 3);
    assert_eq!(rows, [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]);
}

#[test]
fn the_form_decides_what_drives_and_what_comes_out() {
    let scope = |text: &str, name: &str| {
        let ports = stage(text).ports();
        ports.iter().find(|p| p.name == name).map(|p| p.scope)
    };
    assert_eq!(scope("{}", "model"), Some(Scope::Driving));
    assert_eq!(scope(r#"{"form": "spectra"}"#, "labels"), Some(Scope::Driving));
    let labels = ["id", "star_id", "Teff", "M_H"].map(|n| ColumnMeta::new(n, F64)).to_vec();
    let schema = TableSchema { columns: labels, row_id: Some("id".into()) };
    let mut inputs: Schemas =
        ["training", "labels"].map(|port| (port.to_owned(), schema.clone())).into();
    let noisy = stage(r#"{"form": "spectra", "snr": {"low": 5.0, "high": 50.0}}"#);
    let spectra = noisy.outputs(&inputs).unwrap().remove(0);
    assert_eq!((spectra.carried.len(), spectra.columns.len()), (4, 3));
    assert!(noisy.seed_purpose().is_some() && stage("{}").seed_purpose().is_none());
    let pixels = stage("{}").outputs(&inputs).unwrap().remove(0);
    assert_eq!((pixels.name.as_str(), pixels.columns.len()), ("pixels", 4));
    inputs.get_mut("labels").unwrap().columns.pop();
    assert!(noisy.outputs(&inputs).unwrap_err().to_string().contains("M_H"));
    assert!(stage(r#"{"ivar": 0.0}"#).outputs(&inputs).is_err());
}
