//! Between arrow columns and the plain vectors that science works on.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, UInt16Type, UInt32Type};

use crate::engine::stage::{Job, StageError};

/// A numeric column as f64; null becomes NaN.
pub fn f64s(job: &Job, port: &str, column: &str) -> Result<Vec<f64>, StageError> {
    f64s_of(job.column(port, column)?)
}

/// See [`f64s`].
pub fn f64s_of(array: &ArrayRef) -> Result<Vec<f64>, StageError> {
    let array = cast(array, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect())
}

/// An integer column; null is an error.
pub fn ids(job: &Job, port: &str, column: &str) -> Result<Vec<i64>, StageError> {
    optional_ids(job, port, column)?
        .into_iter()
        .map(|id| {
            id.ok_or_else(|| StageError::new(format!("`{port}.{column}` has rows without an id")))
        })
        .collect()
}

/// An integer column with nulls.
pub fn optional_ids(job: &Job, port: &str, column: &str) -> Result<Vec<Option<i64>>, StageError> {
    let array = cast(job.column(port, column)?, &DataType::Int64)?;
    Ok(array.as_primitive::<Int64Type>().iter().collect())
}

/// A text column.
pub fn texts(job: &Job, port: &str, column: &str) -> Result<Vec<Option<String>>, StageError> {
    let array = cast(job.column(port, column)?, &DataType::Utf8)?;
    Ok(array.as_string::<i32>().iter().map(|v| v.map(str::to_owned)).collect())
}

/// A column of f64 or f32 vectors, one row at a time; a null row is empty, a null value NaN.
pub fn f64_row(batch: &RecordBatch, column: &str, row: usize) -> Result<Vec<f64>, StageError> {
    let values = list_row(batch, column, row)?;
    Ok(match values.data_type() {
        DataType::Float32 => values
            .as_primitive::<Float32Type>()
            .iter()
            .map(|v| v.map_or(f64::NAN, f64::from))
            .collect(),
        DataType::Float64 => {
            values.as_primitive::<Float64Type>().iter().map(|v| v.unwrap_or(f64::NAN)).collect()
        }
        _ => f64s_of(&values)?,
    })
}

/// A column of u16 vectors, one row at a time.
pub fn u16_row(batch: &RecordBatch, column: &str, row: usize) -> Result<Vec<u16>, StageError> {
    let values = cast(&list_row(batch, column, row)?, &DataType::UInt16)?;
    Ok(values.as_primitive::<UInt16Type>().iter().map(Option::unwrap_or_default).collect())
}

/// The vector in one row of a column of vectors.
pub fn list_row(batch: &RecordBatch, column: &str, row: usize) -> Result<ArrayRef, StageError> {
    let array = batch
        .column_by_name(column)
        .ok_or_else(|| StageError::new(format!("column `{column}` was not declared as read")))?;
    let lists = array
        .as_list_opt::<i32>()
        .ok_or_else(|| StageError::new(format!("column `{column}` is not one of vectors")))?;
    Ok(lists.value(row))
}

/// A column of f64, NaN kept as NaN.
pub fn f64_array(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

/// A column of f64 in which what is not finite is null.
pub fn finite_array(values: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values.into_iter().map(|v| v.is_finite().then_some(v))))
}

/// A column of optional f64.
pub fn optional_f64_array(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

/// A column of i64.
pub fn i64_array(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

/// A column of i32.
pub fn i32_array(values: Vec<i32>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

/// A column of u32.
pub fn u32_array(values: Vec<u32>) -> ArrayRef {
    Arc::new(UInt32Array::from(values))
}

/// A column of u64.
pub fn u64_array(values: Vec<u64>) -> ArrayRef {
    Arc::new(UInt64Array::from(values))
}

/// A column of truth values.
pub fn bool_array(values: Vec<bool>) -> ArrayRef {
    Arc::new(arrow::array::BooleanArray::from(values))
}

/// A column of text.
pub fn text_array<S: AsRef<str>>(values: impl IntoIterator<Item = Option<S>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// A column of f64 vectors.
pub fn f64_lists(rows: Vec<Vec<f64>>) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(
        rows.into_iter().map(|row| Some(row.into_iter().map(Some))),
    ))
}

/// A column of f64 vectors in which NaN is missing.
pub fn finite_lists<'a>(rows: impl Iterator<Item = &'a [f64]>) -> ArrayRef {
    let finite = |value: &f64| value.is_finite().then_some(*value);
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(
        rows.map(|row| Some(row.iter().map(finite).collect::<Vec<_>>())),
    ))
}

/// A column of f32 vectors.
pub fn f32_lists(rows: Vec<Vec<f32>>) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(
        rows.into_iter().map(|row| Some(row.into_iter().map(Some))),
    ))
}

/// A column of u16 vectors.
pub fn u16_lists(rows: Vec<Vec<u16>>) -> ArrayRef {
    Arc::new(ListArray::from_iter_primitive::<UInt16Type, _, _>(
        rows.into_iter().map(|row| Some(row.into_iter().map(Some))),
    ))
}

/// Masks without bits: empty vectors.
pub fn no_bits(rows: usize) -> ArrayRef {
    let empty = (0..rows).map(|_| Some(Vec::<Option<u32>>::new()));
    Arc::new(ListArray::from_iter_primitive::<UInt32Type, _, _>(empty))
}

/// A column of f32 that may be null.
pub fn f32_array(values: Vec<Option<f32>>) -> ArrayRef {
    Arc::new(Float32Array::from(values))
}
