//! Tables as delimited text, for publishing.

use std::fmt::Write as _;
use std::io::Write;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, UInt64Type};
use arrow::record_batch::RecordBatch;
use thiserror::Error;

/// Why a table could not be written as delimited text.
#[derive(Debug, Error)]
pub enum CsvWriteError {
    /// A column whose values have no text form here.
    #[error("column `{column}` of type {kind} cannot be written as CSV")]
    Type {
        /// Name of the column.
        column: String,
        /// Its Arrow type.
        kind: DataType,
    },
    /// The sink failed.
    #[error("CSV could not be written: {0}")]
    Io(#[from] std::io::Error),
}

impl CsvWriteError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Type { .. } => "leave vector columns out, or publish as FITS or Parquet",
            Self::Io(_) => "check the disk's space and permissions",
        }
    }
}

/// Writes `batch` as comma-separated UTF-8 with a header line and LF.
///
/// A real is written with the fewest digits that read back as the same number; null is
/// an empty field, empty text is `""`. Units are not written: CSV has no place for them.
/// Errors on columns that are not numbers, logicals or text.
pub fn write_csv(batch: &RecordBatch, out: &mut impl Write) -> Result<(), CsvWriteError> {
    let schema = batch.schema();
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let column = normalized(array).ok_or_else(|| CsvWriteError::Type {
            column: field.name().clone(),
            kind: array.data_type().clone(),
        })?;
        columns.push(column);
    }
    let mut line = String::new();
    for (index, field) in schema.fields().iter().enumerate() {
        separate(&mut line, index);
        push_text(&mut line, field.name());
    }
    for row in 0..batch.num_rows() {
        line.push('\n');
        out.write_all(line.as_bytes())?;
        line.clear();
        for (index, column) in columns.iter().enumerate() {
            separate(&mut line, index);
            push_value(&mut line, column, row);
        }
    }
    line.push('\n');
    Ok(out.write_all(line.as_bytes())?)
}

fn separate(line: &mut String, index: usize) {
    if index > 0 {
        line.push(',');
    }
}

/// The column as one of the six types that [`push_value`] writes.
fn normalized(array: &ArrayRef) -> Option<ArrayRef> {
    let kind = match array.data_type() {
        DataType::Boolean | DataType::Float32 | DataType::Float64 => return Some(array.clone()),
        kind if kind.is_signed_integer() => DataType::Int64,
        kind if kind.is_unsigned_integer() => DataType::UInt64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::LargeUtf8,
        _ => return None,
    };
    cast(array, &kind).ok()
}

fn push_value(line: &mut String, column: &ArrayRef, row: usize) {
    if column.is_null(row) {
        return;
    }
    // Writing to a `String` cannot fail. `{:?}` of a real is its shortest exact form.
    let _ = match column.data_type() {
        DataType::Boolean => write!(line, "{}", column.as_boolean().value(row)),
        DataType::Int64 => write!(line, "{}", column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => write!(line, "{}", column.as_primitive::<UInt64Type>().value(row)),
        DataType::Float32 => write!(line, "{:?}", column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => write!(line, "{:?}", column.as_primitive::<Float64Type>().value(row)),
        _ => {
            push_text(line, column.as_string::<i64>().value(row));
            Ok(())
        }
    };
}

/// Quotes what would be read as something else: separators, quotes, ends of line, blanks
/// at the ends, and what reads as missing.
fn push_text(line: &mut String, text: &str) {
    let special = text.contains([',', '"', '\n', '\r']);
    let ambiguous = text.is_empty() || text == "null" || text.trim() != text;
    if special || ambiguous {
        let _ = write!(line, "\"{}\"", text.replace('"', "\"\""));
    } else {
        line.push_str(text);
    }
}
