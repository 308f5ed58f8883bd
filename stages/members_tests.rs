use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;

use super::*;
use crate::engine::stage::TableSchema;

const PARAMETERS: &str = r#"{"id": "row", "center_deg": [66.725, 15.867], "radius_deg": 5, "off_fields": 3,
    "windows": [["pmra", "4 < pmra / parallax < 6"], ["parallax", "20 < parallax < 25"]]}"#;

fn stage(text: &str) -> Members {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_first_failing_window_is_named_and_missing_values_fail() {
    let stage = stage(PARAMETERS);
    let table = RecordBatch::try_from_iter([
        ("pmra", finite_array(vec![105.0, 50.0, 105.0, f64::NAN])),
        ("parallax", finite_array(vec![21.0, 10.0, 26.0, 21.0])),
    ])
    .unwrap();
    assert_eq!(stage.failed(&table).unwrap(), [None, Some(1), Some(1), Some(0)]);
}

#[test]
fn stars_are_counted_in_all_fields() {
    let stage = stage(PARAMETERS);
    let fields = stage.fields().unwrap();
    let off = &fields[2];
    let sky = (vec![66.7, 67.0, off.ra_deg, 0.0], vec![15.9, 16.0, off.dec_deg, 80.0]);
    let columns = stage.field_columns();
    let arrays = counts(&fields, &sky, &[None, Some(0), None, None]);
    assert!(columns.iter().zip(&arrays).all(|(c, a)| c.meta.kind.arrow() == *a.data_type()));
    let of = |at: usize| arrays[at].as_primitive::<UInt64Type>().values().to_vec();
    assert_eq!((of(5), of(6)), (vec![2, 0, 1, 0], vec![1, 0, 1, 0]));
}

#[test]
fn a_circle_that_is_none_is_refused() {
    let wrong = stage(&PARAMETERS.replace("15.867", "95"));
    let columns = ["row", "ra_deg", "dec_deg", "pmra", "parallax"].map(|n| ColumnMeta::new(n, F64));
    let schema = TableSchema { columns: columns.to_vec(), row_id: None };
    let inputs = Schemas::from([("stars".into(), schema)]);
    assert!(wrong.outputs(&inputs).unwrap_err().to_string().contains("66.725, 95"));
    let outputs = stage(PARAMETERS).outputs(&inputs).unwrap();
    assert_eq!(
        outputs.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(),
        ["members", "rejects", "fields"]
    );
}
