//! Tables as Parquet files, and back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::ChunkReader;

use super::error::{EngineError, Result};

/// Tables smaller than this are not compressed: a compressor costs more to set up than it saves.
const SMALL_BYTES: usize = 32 << 10;

/// A table as a Parquet file.
pub fn parquet_bytes(batch: &RecordBatch) -> Result<Vec<u8>> {
    let compression = if batch.get_array_memory_size() < SMALL_BYTES {
        Compression::UNCOMPRESSED
    } else {
        Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default())
    };
    let mut properties = WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_created_by("mdwarf".to_owned());
    for field in batch.schema().fields() {
        if field.data_type().is_nested() || field.data_type().is_floating() {
            let path = if field.data_type().is_nested() {
                vec![field.name().clone(), "list".to_owned(), "element".to_owned()]
            } else {
                vec![field.name().clone()]
            };
            // Floats hardly ever repeat: a dictionary of them only costs time.
            properties = properties.set_column_dictionary_enabled(path.into(), false);
        }
    }
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties.build()))
        .map_err(EngineError::table("object"))?;
    writer.write(batch).map_err(EngineError::table("object"))?;
    writer.close().map_err(EngineError::table("object"))?;
    Ok(bytes)
}

/// The most rows that are read at a time: what a file claims does not decide how much is set aside for it.
const ROWS_AT_ONCE: usize = 1 << 20;
/// However small a part is, it may have this many values in a column ...
const SMALL_VALUES: u64 = 1 << 24;
/// ... and for each of its bytes so many more: equal values in a row take next to no room.
const VALUES_A_BYTE: u64 = 256;

type Read<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Columns of a Parquet file, in the order asked for.
///
/// # Errors
/// It is no such file, lacks a column, or claims what it does not hold.
pub fn read_parquet<R: ChunkReader + 'static>(bytes: R, columns: &[&str]) -> Read<Vec<ArrayRef>> {
    // The reader trusts a file's numbers in places; objects are checked by digest, but a store may be foreign.
    catch_unwind(AssertUnwindSafe(|| read_checked(bytes, columns)))
        .unwrap_or_else(|_| Err("its pages contradict each other".into()))
}

/// Refuses numbers of rows and values that the bytes cannot hold.
fn check_claims(metadata: &ParquetMetaData, length: usize) -> Read<u64> {
    let whole = |n: i64| u64::try_from(n).map_err(|_| format!("it claims {n} rows"));
    let most = SMALL_VALUES.max(VALUES_A_BYTE.saturating_mul(length as u64));
    let n_rows = whole(metadata.file_metadata().num_rows())?;
    let mut sum = 0u64;
    for group in metadata.row_groups() {
        sum = sum.saturating_add(whole(group.num_rows())?);
        for column in group.columns() {
            let values = whole(column.num_values())?;
            if values > most {
                return Err(format!("it claims {values} values in {length} bytes").into());
            }
        }
    }
    match sum == n_rows && n_rows <= most {
        true => Ok(n_rows),
        false => Err(format!("it claims {n_rows} rows, {sum} in its groups").into()),
    }
}

fn read_checked<R: ChunkReader + 'static>(bytes: R, columns: &[&str]) -> Read<Vec<ArrayRef>> {
    let length = bytes.len() as usize;
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let n_rows = check_claims(builder.metadata(), length)?;
    // By whole names: a dot in a name is no path.
    let fields = builder.parquet_schema().root_schema().get_fields();
    let roots = fields.iter().enumerate().filter(|(_, field)| columns.contains(&field.name()));
    let roots: Vec<usize> = roots.map(|(index, _)| index).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let rows = (n_rows as usize).clamp(1, ROWS_AT_ONCE);
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> =
        builder.with_projection(mask).with_batch_size(rows).build()?.collect::<Result<_, _>>()?;
    let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if !columns.is_empty() && found as u64 != n_rows {
        return Err(format!("it claims {n_rows} rows and holds {found}").into());
    }
    columns
        .iter()
        .map(|name| {
            let parts: Vec<ArrayRef> =
                batches.iter().filter_map(|b| b.column_by_name(name).cloned()).collect();
            if parts.is_empty() && n_rows > 0 {
                return Err(format!("the column `{name}` is missing").into());
            }
            if parts.is_empty() {
                let field = schema.field_with_name(name)?;
                return Ok(arrow::array::new_empty_array(field.data_type()));
            }
            concat(&parts)
        })
        .collect()
}

fn concat(parts: &[ArrayRef]) -> Read<ArrayRef> {
    if let [only] = parts {
        return Ok(only.clone());
    }
    let parts: Vec<&dyn arrow::array::Array> = parts.iter().map(AsRef::as_ref).collect();
    Ok(arrow::compute::concat(&parts)?)
}

/// A table of the given columns.
pub fn table(
    columns: Vec<(super::types::ColumnMeta, ArrayRef)>,
    rows: usize,
) -> Result<RecordBatch> {
    let (fields, arrays): (Vec<_>, Vec<_>) =
        columns.into_iter().map(|(meta, array)| (meta.field(), array)).unzip();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(EngineError::table("table"))
}
