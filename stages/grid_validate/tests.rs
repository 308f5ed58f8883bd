use super::*;
use arrow::array::{ArrayRef, RecordBatch};

use crate::engine::stage::{NewColumn, TableSchema};
use crate::engine::types::ColumnMeta;
use crate::science::slam::{
    HyperGrid, PixelFolds, PixelSpectra, SlamModel, TrainOptions, TrainingLabels, train_pixel,
};
use crate::science::svr_linfa::LinfaSolver;
use crate::stages::columns::f64s_of;

const N_PIX: usize = 24;

/// A rectangular grid of 9 x 6 nodes with smooth spectra; no node has the last pixel.
fn grid() -> Grid {
    let physical = Array2::from_shape_fn((54, 2), |(i, l)| {
        if l == 0 { 2_800.0 + 200.0 * (i % 9) as f64 } else { -1.0 + 0.2 * (i / 9) as f64 }
    });
    let flux = Array2::from_shape_fn((N_PIX, 54), |(j, i)| {
        let phase = j as f64 * 0.7;
        let (t, m) = ((physical[[i, 0]] - 3_600.0) / 520.0, physical[[i, 1]] + 0.5);
        1.0 + 0.1 * (0.8 * t + phase).sin() + 0.1 * m * (1.9 * phase).cos()
    });
    let ivar = Array2::from_shape_fn((N_PIX, 54), |(j, _)| if j + 1 == N_PIX { 0.0 } else { 1e12 });
    let labels = TrainingLabels::new(vec!["Teff".into(), "M_H".into()], physical).unwrap();
    let folds = Folds::by_star(&(0..54).collect::<Vec<i64>>(), 3, 1).unwrap();
    let hyper = HyperGrid::new(&[10.0], &[0.02], &[0.3]).unwrap();
    let options = TrainOptions {
        grid: &hyper,
        folds: PixelFolds::Assigned(&folds),
        min_stars: 10,
        max_kkt: 1e-3,
    };
    let pixels: Vec<_> = (0..N_PIX)
        .map(|j| {
            let spectra = PixelSpectra {
                wave_angstrom: 7_000.0 + j as f64,
                flux: flux.row(j),
                ivar: ivar.row(j),
            };
            train_pixel(&labels, &spectra, &options, &LinfaSolver::default()).unwrap()
        })
        .collect();
    let model = SlamModel::from_pixels(&labels, &pixels).unwrap();
    Grid::new(labels, flux, ivar, model).unwrap()
}

fn stage() -> GridValidate {
    let text = r#"{"folds": 4, "snr": [20.0, 200.0], "repeats": 2, "solver": "linfa", "min_stars": 10,
        "resamples": 100}"#;
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

fn schemas() -> Schemas {
    let schema = |names: &[&str]| TableSchema {
        columns: names.iter().map(|name| ColumnMeta::new(*name, F64)).collect(),
        row_id: None,
    };
    Schemas::from([
        ("training".into(), schema(&["id", "star_id", "Teff", "M_H"])),
        ("pixels".into(), schema(&["pixel", "flux", "ivar"])),
        ("model".into(), schema(&["wave_angstrom"])),
    ])
}

#[test]
fn unseen_nodes_are_predicted_and_noise_costs_accuracy() {
    let (grid, stage) = (grid(), stage());
    let ids: Vec<i64> = (100..154).collect();
    let folds = Folds::by_star(&ids, 4, 5).unwrap();
    let outcome = stage.outcome(&grid, &folds, 9).unwrap();
    assert_eq!(outcome.nodes.len(), 54);
    // The four corners are never enclosed, nodes inside always nearly are.
    for corner in [0, 8, 45, 53] {
        assert!(!outcome.nodes[corner].enclosed);
    }
    assert!(outcome.nodes[22].enclosed && outcome.nodes.iter().filter(|n| n.enclosed).count() > 25);
    let bootstrap = Bootstrap { n_resample: 100, seed: 1 };
    let units = ["K".to_owned(), "dex".to_owned()];
    let summary = table(
        summary_columns(&grid.labels.names),
        summary_arrays(&outcome, &grid.labels, &ids, &units, &bootstrap),
    );
    let (rms, n) = (numbers(&summary, "rms"), numbers(&summary, "n"));
    // Rows: Teff of all nodes without noise, at 20 and 200; of enclosed nodes; then M_H.
    assert_eq!((rms.len(), n[0], n[1]), (12, 54.0, 108.0));
    assert!(rms[3] < 30.0 && rms[4] > 2.0 * rms[5], "{rms:?}");
    assert!(rms[3] <= rms[0], "corners are extrapolated: {rms:?}");
    let nodes = table(node_columns(&grid.labels.names), node_arrays(&outcome, &ids));
    let flux = numbers(&nodes, "flux_rms");
    assert!(flux[22] < 0.01 && numbers(&nodes, "n_pix")[22] == (N_PIX - 1) as f64);
    let labels = table(
        label_columns(&schemas()["training"], &grid.labels.names),
        label_arrays(&outcome, &grid.labels, &ids, &ids),
    );
    assert_eq!(labels.num_rows(), 54 * 5);
    assert_eq!(numbers(&labels, "Teff_true")[5], 3_000.0);
    assert!(numbers(&labels, "snr")[0].is_nan() && numbers(&labels, "snr")[1] == 20.0);
    let wave = grid.model.wave_angstrom.to_vec();
    let pixels = table(pixel_columns(), pixel_arrays(&outcome, (0..N_PIX as i64).collect(), wave));
    let found = numbers(&pixels, "flux_rms");
    assert!(found[0] < 0.02 && found[N_PIX - 1].is_nan());
}

#[test]
fn noise_of_a_node_does_not_depend_on_its_fold_mates() {
    let (grid, stage) = (grid(), stage());
    let folds = Folds::by_star(&(0..54).collect::<Vec<i64>>(), 4, 5).unwrap();
    let (first, again) =
        (stage.outcome(&grid, &folds, 9).unwrap(), stage.outcome(&grid, &folds, 9).unwrap());
    let labels = |outcome: &Outcome| -> Vec<u64> {
        let fits = outcome.nodes.iter().flat_map(|node| &node.fits);
        fits.map(|fitted| fitted.fit.labels[0].to_bits()).collect()
    };
    assert_eq!(labels(&first), labels(&again));
    let node = &first.nodes[20].fits;
    assert!(node[1].fit.labels[0] != node[2].fit.labels[0], "repeats have their own noise");
    let other = stage.outcome(&grid, &folds, 10).unwrap();
    assert_eq!(labels(&first)[0], labels(&other)[0], "without noise the seed does nothing");
    assert_ne!(labels(&first)[1], labels(&other)[1]);
}

#[test]
fn wrong_input_is_told_and_edges_start_at_columns_that_are_read() {
    let outputs = stage().outputs(&schemas()).unwrap();
    let inputs = schemas();
    for edge in outputs.iter().flat_map(|o| &o.columns).flat_map(|c| &c.from) {
        assert!(inputs[&edge.port].column(&edge.column).is_some(), "{edge:?}");
    }
    for wrong in [r#"{"snr": [0.0]}"#, r#"{"folds": 1}"#, r#"{"margin": -1.0}"#] {
        let stage: GridValidate = serde_json::from_str(wrong).unwrap();
        assert!(stage.outputs(&schemas()).is_err(), "{wrong}");
    }
    let Grid { labels, flux, ivar, model } = grid();
    let fewer = flux.slice(ndarray::s![..3, ..]).to_owned();
    let why = Grid::new(labels, fewer, ivar, model).err().unwrap().to_string();
    assert!(why.contains("3 rows"), "{why}");
}
