//! Columns of large objects are read alone, and not believed.

use std::fs;
use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array};

use super::*;
use crate::engine::types::{ColumnMeta, F64, I64};

const ROWS: usize = 200_000;

#[test]
fn a_column_of_a_large_object_is_read_alone_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS as i64));
    let noise = |row: usize| (row as f64 * 0.618_033_988_7).fract();
    let flux: ArrayRef = Arc::new(Float64Array::from_iter_values((0..ROWS).map(noise)));
    let contents = [&ids, &flux].map(|array| column_digest(array).unwrap());
    let columns = vec![(ColumnMeta::new("id", I64), ids), (ColumnMeta::new("flux", F64), flux)];
    let bytes = parquet_bytes(&table(columns.clone(), ROWS).unwrap()).unwrap();
    assert!(bytes.len() as u64 > LARGE_BYTES);
    let object = store.put_object(&bytes).unwrap();
    let at = [0, bytes.len() as u64];
    for ((meta, array), content) in columns.iter().zip(contents) {
        assert_eq!(&store.read_column(object, at, &meta.name, content).unwrap(), array);
    }
    assert!(store.objects.get(object).is_none(), "no need to read all of it");
    // The last bytes before the footer are those of the last column.
    let mut spoiled = bytes.clone();
    spoiled[bytes.len() - 4096] ^= 1;
    let path = store.object_path(object);
    fs::remove_file(&path).unwrap();
    fs::write(&path, spoiled).unwrap();
    let alone = store.read_column(object, at, "id", contents[0]).unwrap();
    assert_eq!(&alone, &columns[0].1);
    let why = store.read_column(object, at, "flux", contents[1]).unwrap_err();
    assert!(matches!(why, EngineError::Corrupt { .. }) && !path.exists(), "{why}");
    // Where the content is another than the record's, all bytes are checked, and found to be right.
    let object = store.put_object(&bytes).unwrap();
    let read = store.read_column(object, at, "id", contents[1]).unwrap();
    assert_eq!(&read, &columns[0].1);
    assert!(store.objects.get(object).is_some());
}
