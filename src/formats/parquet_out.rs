//! Parquet for publishing: one file, zstd, with the columns' meanings and facts of the
//! caller in the footer.

use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use thiserror::Error;

/// Rows of a row group: a group of the catalog's 300,000 stars stays a few MB.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// Why a table could not be written as Parquet.
#[derive(Debug, Error)]
#[error("table of {columns} columns cannot be written as Parquet: {source}")]
pub struct ParquetOutError {
    /// Number of columns of the table.
    pub columns: usize,
    /// What the writer refused.
    pub source: ParquetError,
}

impl ParquetOutError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "cast the column that is named to numbers, text or lists of fixed width"
    }
}

/// Returns the Parquet file of `batch`: zstd, field metadata kept, and `footer` as the
/// file's key-values, in the order given.
///
/// Equal tables give equal bytes. Errors when a column's type has no Parquet form.
pub fn write_parquet(
    batch: &RecordBatch,
    footer: &[(&str, &str)],
) -> Result<Vec<u8>, ParquetOutError> {
    let failed = |source| ParquetOutError { columns: batch.num_columns(), source };
    let entries =
        footer.iter().map(|&(key, value)| KeyValue::new(key.to_owned(), value.to_owned()));
    let level = ZstdLevel::try_new(3).map_err(failed)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("mdwarf".to_owned())
        .set_key_value_metadata(Some(entries.collect()))
        .build();
    let schema = batch.schema();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(failed)?;
    writer.write(batch).map_err(failed)?;
    writer.into_inner().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::meaning;
    use arrow::array::{ArrayRef, Float64Array, Int64Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use std::io::Write;
    use std::sync::Arc;

    #[test]
    fn meanings_and_footer_survive() {
        let ra = Field::new("ra_deg", DataType::Float64, true);
        let ra = meaning::with_meaning(ra, Some("deg"), Some("pos.eq.ra"), Some("right ascension"));
        let id = Field::new("source_id", DataType::Int64, false);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Float64Array::from(vec![Some(1.5), None])),
            Arc::new(Int64Array::from(vec![i64::MAX, 1])),
        ];
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![ra, id])), columns).unwrap();
        let bytes = write_parquet(&batch, &[("run", "abc")]).unwrap();
        assert_eq!(bytes, write_parquet(&batch, &[("run", "abc")]).unwrap());
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        let footer = reader.metadata().file_metadata().key_value_metadata().unwrap();
        assert!(footer.iter().any(|kv| kv.key == "run" && kv.value.as_deref() == Some("abc")));
        let read = reader.build().unwrap().next().unwrap().unwrap();
        assert_eq!(meaning::entry(read.schema().field(0), meaning::UNIT), Some("deg"));
        assert_eq!(read.columns(), batch.columns());
    }
}
