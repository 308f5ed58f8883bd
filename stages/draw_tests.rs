use super::*;
use arrow::array::RecordBatch;
use ndarray::array;

use crate::stages::columns::f64s_of;

fn stage(text: &str) -> Draw {
    serde_json::from_str(text).unwrap()
}

fn schemas(with_nodes: bool) -> Schemas {
    let teff = ColumnMeta::new("Teff", F64).unit("K").ucd("phys.temperature.effective").scale("BT");
    let columns = vec![
        ColumnMeta::new("id", I64),
        ColumnMeta::new("star_id", I64),
        teff,
        ColumnMeta::new("M_H", F64).unit("dex"),
    ];
    let nodes = vec![ColumnMeta::new("node_id", I64), ColumnMeta::new("native", Type::Bool)];
    let mut schemas =
        Schemas::from([("training".into(), TableSchema { columns, row_id: Some("id".into()) })]);
    if with_nodes {
        schemas.insert("nodes".into(), TableSchema { columns: nodes, row_id: None });
    }
    schemas
}

#[test]
fn draws_are_a_training_set_with_the_meaning_of_its_labels() {
    let outputs = stage(r#"{"n": 10}"#).outputs(&schemas(true)).unwrap();
    let names: Vec<&str> = outputs[0].columns.iter().map(|c| c.meta.name.as_str()).collect();
    assert_eq!(names, ["id", "star_id", "Teff", "M_H"]);
    let teff = &outputs[0].columns[2].meta;
    assert_eq!((teff.unit.as_str(), teff.scale.as_str()), ("K", "BT"));
    assert_eq!(outputs[2].name, "support");
    assert_eq!(stage(r#"{"n": 10}"#).outputs(&schemas(false)).unwrap().len(), 2);
    let inputs = schemas(true);
    for edge in outputs.iter().flat_map(|o| &o.columns).flat_map(|c| &c.from) {
        assert!(inputs[&edge.port].column(&edge.column).is_some(), "{edge:?}");
    }
}

#[test]
fn wrong_parameters_are_told() {
    let why = |text: &str| stage(text).outputs(&schemas(false)).unwrap_err().to_string();
    let stranger = why(r#"{"n": 10, "ranges": {"logg": [4.5, 5.5]}}"#);
    assert!(stranger.contains("logg") && stranger.contains("Teff, M_H"), "{stranger}");
    assert!(why(r#"{"n": 10, "gamma": 0.0}"#).contains("gamma"));
    assert!(why(r#"{"n": 10, "tolerance": -1.0}"#).contains("tolerance"));
}

#[test]
fn draws_lie_in_the_hull_of_the_nodes_and_in_the_ranges() {
    // A triangle: the corner of high Teff and high M_H has no node.
    let physical = array![[3000.0, -1.0], [4000.0, -1.0], [3000.0, 0.0]];
    let training = TrainingLabels::new(vec!["Teff".into(), "M_H".into()], physical).unwrap();
    let stage = stage(r#"{"n": 400, "ranges": {"Teff": [2800.0, 3800.0]}}"#);
    let asked = stage.asked(&training.names);
    let ranges = intersect(&training.names, &asked, training.physical.view()).unwrap();
    let draws = stage.draw(&training, &ranges, 3).unwrap();
    for label in draws.labels.outer_iter() {
        assert!((3000.0..=3800.0).contains(&label[0]));
        assert!((label[0] - 3000.0) / 1000.0 + label[1] + 1.0 <= 1.0 + 1e-6, "{label}");
    }
    // The triangle without its tip at 3800..4000 K fills 0.48 of 0.8 units of area.
    assert!((draws.acceptance() - 0.6).abs() < 0.06, "{}", draws.acceptance());
    let table = RecordBatch::try_from_iter(
        region_columns(&training.names)
            .into_iter()
            .map(|c| c.meta.name)
            .zip(region(&draws, &training, &ranges, &ranges)),
    )
    .unwrap();
    let value = |name: &str| f64s_of(table.column_by_name(name).unwrap()).unwrap()[0];
    assert_eq!((value("n"), value("n_node"), value("high")), (400.0, 3.0, 3800.0));
    assert_eq!(value("n") / value("n_tried"), value("acceptance"));
}
