//! What the footer of a published Parquet file says of its columns.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::origin::{TableOrigin, sources};
use crate::engine::error::EngineError;
use crate::engine::lineage::{Kind, Lineage};
use crate::formats::parquet_out::write_parquet;

/// The key under which it stands.
pub const PROVENANCE: &str = "mdwarf.provenance";
/// The key under which Arrow keeps the schema; its writer puts it there by itself.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// Provenance of a table's columns as JSON: direct edges, and the sources with the digests of their files.
pub fn provenance(origin: &TableOrigin<'_>) -> String {
    let pipeline = &origin.project.pipeline;
    let columns = origin.columns.iter().map(|(meta, lineage)| (meta.name.clone(), one(lineage)));
    let datasets = origin.datasets().into_iter();
    let datasets = datasets.map(|(slot, facts)| (format!("dataset:{slot}"), facts.clone()));
    json!({
        "pipeline": pipeline.name,
        "profile": pipeline.profile,
        "method": pipeline.method,
        "columns": columns.collect::<serde_json::Map<_, _>>(),
        "datasets": datasets.collect::<serde_json::Map<_, _>>(),
        "nodes": origin.stages(),
    })
    .to_string()
}

/// A column: what it is handed on from, and the columns of datasets that it rests on.
fn one(lineage: &Lineage) -> Value {
    let root = lineage.nodes.first().map_or("", |node| node.id.as_str());
    let from: Vec<Value> = lineage
        .edges
        .iter()
        .filter(|edge| edge.to == root)
        .map(|edge| json!({ "from": edge.from, "kind": edge.kind, "how": edge.how }))
        .collect();
    json!({
        "from": from,
        "digest": lineage.nodes.first().map(|node| node.facts["digest"].clone()),
        "sources": {
            "DIRECT": sources(lineage, Kind::Direct), "INDIRECT": sources(lineage, Kind::Indirect),
        },
    })
}

/// A Parquet file with one more entry in its footer.
///
/// # Errors
/// Bytes that are no Parquet file.
pub fn with_entry(file: Vec<u8>, key: &str, value: &str) -> Result<Vec<u8>, EngineError> {
    let failed = |why: &dyn std::fmt::Display| EngineError::Table {
        place: "footer of a Parquet file".into(),
        why: why.to_string(),
    };
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(file));
    let reader = reader.map_err(|why| failed(&why))?;
    let known = reader.metadata().file_metadata().key_value_metadata().cloned();
    let known = known.unwrap_or_default();
    let kept = known.iter().filter(|entry| entry.key != ARROW_SCHEMA && entry.key != key);
    let mut footer: Vec<(&str, &str)> =
        kept.filter_map(|entry| Some((entry.key.as_str(), entry.value.as_deref()?))).collect();
    footer.push((key, value));
    // The reader hands the entries on as metadata of the schema; they would be written a second time there.
    let plain = Arc::new(Schema::new(reader.schema().fields().clone()));
    let batches = reader.build().map_err(|why| failed(&why))?.map(|batch| {
        let columns = batch?.columns().to_vec();
        RecordBatch::try_new(plain.clone(), columns)
    });
    let batches = batches.collect::<Result<Vec<_>, _>>().map_err(|why| failed(&why))?;
    let table = arrow::compute::concat_batches(&plain, &batches).map_err(|why| failed(&why))?;
    write_parquet(&table, &footer).map_err(|why| failed(&why))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array};
    use parquet::file::metadata::ParquetMetaDataReader;

    use super::*;

    #[test]
    fn an_entry_is_added_and_the_rest_stays() {
        let table = RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![Some(7), None])) as _),
            ("x", Arc::new(Float64Array::from(vec![0.1, f64::NAN])) as _),
        ])
        .expect("a table");
        let plain = write_parquet(&table, &[("title", "A"), ("k", "old")]).expect("a file");
        let told = with_entry(plain, "k", "new").expect("a file");
        assert_eq!(told, write_parquet(&table, &[("title", "A"), ("k", "new")]).expect("a file"));
        let footer = ParquetMetaDataReader::new().parse_and_finish(&Bytes::from(told));
        let entries = footer.expect("a footer").file_metadata().key_value_metadata().cloned();
        let arrow = entries.unwrap_or_default().iter().filter(|e| e.key == ARROW_SCHEMA).count();
        assert_eq!(arrow, 1);
        assert!(with_entry(b"PAR1".to_vec(), "k", "v").is_err());
    }
}
