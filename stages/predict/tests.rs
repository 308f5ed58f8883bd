use super::*;

use ndarray::{Array1, Array2};
use serde_json::json;

use crate::engine::stage::TableSchema;
use crate::science::slam::{
    HyperGrid, PixelFolds, PixelSpectra, TrainOptions, TrainingLabels, train_pixel,
};
use crate::science::svr::HyperParameters;
use crate::science::svr_linfa::LinfaSolver;
use crate::stages::columns::f64_lists;

const N_TRAIN: usize = 60;
const N_PIX: usize = 30;

fn model() -> SlamModel {
    let physical = Array2::from_shape_fn((N_TRAIN, 2), |(i, l)| {
        if l == 0 { 3000.0 + 15.0 * i as f64 } else { (i as f64 * 0.618).fract() - 0.5 }
    });
    let labels = TrainingLabels::new(vec!["Teff".into(), "Fe_H".into()], physical).unwrap();
    let hyper = HyperParameters { c: 10.0, gamma: 0.3, epsilon: 0.02 };
    let grid = HyperGrid::fixed(hyper).unwrap();
    let options =
        TrainOptions { grid: &grid, folds: PixelFolds::None, min_stars: 10, max_kkt: 1e-3 };
    let pixels: Vec<_> = (0..N_PIX)
        .map(|j| {
            let phase = j as f64 * 0.7;
            let flux: Array1<f64> = labels
                .scaled
                .outer_iter()
                .map(|t| 1.0 + 0.1 * (0.5 * t[0] + phase).sin() + 0.1 * t[1] * (1.9 * phase).cos())
                .collect();
            let ivar = Array1::from_elem(N_TRAIN, 1e4);
            let spectra = PixelSpectra {
                wave_angstrom: 7000.0 + 2.0 * j as f64,
                flux: flux.view(),
                ivar: ivar.view(),
            };
            train_pixel(&labels, &spectra, &options, &LinfaSolver::default()).unwrap()
        })
        .collect();
    SlamModel::from_pixels(&labels, &pixels).unwrap()
}

fn stage(more: serde_json::Value) -> Predict {
    let mut params = json!({
        "model_error": "none",
    });
    params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    serde_json::from_value(params).unwrap()
}

/// Spectra of the model itself at `thetas`, then one without weight and one that is missing.
fn spectra(model: &SlamModel, thetas: &[[f64; 2]]) -> RecordBatch {
    let flux_of = |theta: &[f64; 2]| model.flux(Array1::from(theta.to_vec()).view()).to_vec();
    let mut flux: Vec<Vec<f64>> = thetas.iter().map(flux_of).collect();
    let mut ivar = vec![vec![1e6; N_PIX]; thetas.len()];
    flux.extend([vec![1.0; N_PIX], Vec::new()]);
    ivar.extend([vec![0.0; N_PIX], Vec::new()]);
    let columns = [("flux_norm", f64_lists(flux)), ("ivar_norm", f64_lists(ivar))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn fits(stage: &Predict, model: &SlamModel, spectra: &RecordBatch) -> Vec<Fit> {
    let fitter = LabelFitter::new(model, stage.options().unwrap()).unwrap();
    stage.fits(&fitter, N_PIX, spectra).unwrap()
}

fn schemas(unit: &str) -> Schemas {
    let schema = |columns: Vec<ColumnMeta>| TableSchema { columns, row_id: Some("obsid".into()) };
    let list = |name: &str| ColumnMeta::new(name, F64.list());
    let id = ColumnMeta::new("obsid", I64);
    let teff = ColumnMeta::new("TEFF_LIT", F64).unit(unit);
    let training = vec![
        ColumnMeta::new("id", I64),
        ColumnMeta::new("star_id", I64),
        teff,
        ColumnMeta::new("FE_H_LIT", F64),
    ];
    Schemas::from([
        ("spectra".into(), schema(vec![id, list("flux_norm"), list("ivar_norm")])),
        ("training".into(), schema(training)),
    ])
}

#[test]
fn labels_come_back_and_failures_are_null_with_a_status() {
    let (model, stage) = (model(), stage(json!({})));
    let spectra = spectra(&model, &[[3300.0, -0.2], [3700.0, 0.3]]);
    let fits = fits(&stage, &model, &spectra);
    let ids: Vec<i64> = (0..N_TRAIN as i64).map(|i| 100 + i).collect();
    let names = ["TEFF_LIT".to_owned(), "FE_H_LIT".to_owned()];
    let columns = stage.columns(&schemas("K"), &names);
    let arrays = arrays(&fits, 2, &ids);
    let names: Vec<String> = columns.iter().map(|c| c.meta.name.clone()).collect();
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let table = RecordBatch::try_from_iter(names.into_iter().zip(arrays)).unwrap();
    let of = |name: &str| table.column_by_name(name).unwrap().clone();
    let teff = crate::stages::columns::f64s_of(&of("TEFF_LIT")).unwrap();
    assert!((teff[0] - 3300.0).abs() < 0.05 && (teff[1] - 3700.0).abs() < 0.05, "{teff:?}");
    for name in ["TEFF_LIT", "FE_H_LIT_ERR", "TEFF_LIT_FE_H_LIT_CORR", "chi2", "start_id"] {
        assert!(of(name).is_valid(1) && of(name).is_null(2) && of(name).is_null(3), "{name}");
    }
    let status = format!("{:?}", of("status"));
    assert!(status.contains("too_few_pixels") && status.contains("no_spectrum"), "{status}");
}

#[test]
fn a_row_does_not_depend_on_its_neighbors() {
    let (model, stage) = (model(), stage(json!({ "loss": "soft_l1", "ivar_threshold": 1.0 })));
    let thetas: Vec<[f64; 2]> = (0..7).map(|i| [3050.0 + 100.0 * f64::from(i), 0.1]).collect();
    let all = fits(&stage, &model, &spectra(&model, &thetas));
    for (row, theta) in thetas.iter().enumerate() {
        let alone = fits(&stage, &model, &spectra(&model, &[*theta]));
        let bits = |fit: &Fit| fit.as_ref().map(|f| f.labels.mapv(f64::to_bits));
        assert_eq!(bits(&all[row]), bits(&alone[0]));
    }
}

#[test]
fn jobs_that_share_cells_find_what_each_finds_alone() {
    let (model, stage) = (model(), stage(json!({})));
    let thetas: Vec<[f64; 2]> = (0..7).map(|i| [3050.0 + 100.0 * f64::from(i), 0.1]).collect();
    let bits = |fits: Vec<Fit>| -> Vec<_> {
        fits.into_iter().map(|fit| fit.map(|f| f.labels.mapv(f64::to_bits))).collect()
    };
    let alone = bits(fits(&stage, &model, &spectra(&model, &thetas)));
    let job = |thetas: &[[f64; 2]]| {
        let fitter = crate::stages::prepared::fitter(&model, stage.options().unwrap()).unwrap();
        let found = bits(stage.fits(&fitter, N_PIX, &spectra(&model, thetas)).unwrap());
        (found, fitter.cells().unwrap().in_memory().0)
    };
    let (_, n_first) = job(&thetas[4..]);
    let (shared, n_second) = job(&thetas);
    assert_eq!(shared, alone);
    let (again, n_third) = job(&thetas[..4]);
    assert_eq!(again[..4], alone[..4]);
    assert!(0 < n_first && n_first < n_second && n_second == n_third);
}

#[test]
fn spectra_on_another_grid_are_refused_with_both_lengths() {
    let (model, stage) = (model(), stage(json!({})));
    let columns = [
        ("flux_norm", f64_lists(vec![vec![1.0; 28]])),
        ("ivar_norm", f64_lists(vec![vec![1.0; 28]])),
    ];
    let short = RecordBatch::try_from_iter(columns).unwrap();
    let fitter = LabelFitter::new(&model, stage.options().unwrap()).unwrap();
    let why = stage.fits(&fitter, N_PIX, &short).unwrap_err().to_string();
    assert!(why.contains("28 pixels") && why.contains("30"), "{why}");
    let mut wave = model.wave_angstrom.to_vec();
    assert!(check_grid(&wave, &model).is_ok());
    wave[4] += 1.0;
    assert!(check_grid(&wave, &model).unwrap_err().to_string().contains("pixel 4"));
}

#[test]
fn names_and_units_follow_the_training_labels() {
    let outputs = stage(json!({ "prefix": "lit_" })).outputs(&schemas("K")).unwrap();
    let meta = |name: &str| {
        let mut columns = outputs[0].columns.iter();
        columns.find(|c| c.meta.name == name).map(|c| c.meta.clone())
    };
    assert_eq!(meta("lit_TEFF_LIT").unwrap().unit, "K");
    assert_eq!(meta("lit_TEFF_LIT_ERR").unwrap().unit, "K");
    assert!(meta("lit_status").is_some() && meta("status").is_none());
    assert_eq!(outputs[0].carried.len(), 3);
    assert!(stage(json!({ "margin": -1.0 })).outputs(&schemas("K")).is_err());
    assert!(stage(json!({ "accuracy": 0.0 })).outputs(&schemas("K")).is_err());
    assert!(
        stage(json!({ "start": "exact", "evaluator": "exact" })).outputs(&schemas("K")).is_ok()
    );
}
