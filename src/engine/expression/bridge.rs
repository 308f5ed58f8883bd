//! Arrow columns to polars and back, by value: one type for each [`Type`], whatever the width in the file.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, Float64Chunked, Int64Chunked, IntoColumn, PolarsResult,
    StringChunked,
};

use super::check::Type;
use super::error::ExpressionError;
use super::lower::polars_name;

/// Returns a column as the one array type of its expression type.
///
/// Errors when a value does not fit, such as an unsigned integer of 2^63 or more.
pub(super) fn normalized(
    batch: &RecordBatch,
    name: &str,
    kind: Type,
) -> Result<ArrayRef, ExpressionError> {
    let failed =
        |reason: String| ExpressionError::Values { name: name.to_owned(), expected: kind, reason };
    let array =
        batch.column_by_name(name).ok_or_else(|| failed("it is not in the table".to_owned()))?;
    let target = match kind {
        Type::Float => DataType::Float64,
        Type::Integer => DataType::Int64,
        Type::Text => DataType::Utf8,
        Type::Boolean => DataType::Boolean,
    };
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, &target, &strict).map_err(|error| failed(error.to_string()))
}

/// Builds the polars table of the columns read, under the names that lowered expressions use.
pub(super) fn frame(
    batch: &RecordBatch,
    columns: &BTreeMap<String, Type>,
) -> Result<DataFrame, ExpressionError> {
    let mut converted = Vec::with_capacity(columns.len());
    for (index, (name, kind)) in columns.iter().enumerate() {
        let array = normalized(batch, name, *kind)?;
        converted.push(to_polars(&array, *kind).with_name(polars_name(index).into()));
    }
    let built: PolarsResult<DataFrame> = DataFrame::new(batch.num_rows(), converted);
    built.map_err(|error| ExpressionError::Evaluation {
        expression: columns.keys().cloned().collect::<Vec<_>>().join(", "),
        reason: error.to_string(),
    })
}

fn to_polars(array: &ArrayRef, kind: Type) -> Column {
    match kind {
        Type::Float => {
            let values: Float64Chunked = array.as_primitive::<Float64Type>().iter().collect();
            values.into_column()
        }
        Type::Integer => {
            let values: Int64Chunked = array.as_primitive::<Int64Type>().iter().collect();
            values.into_column()
        }
        Type::Text => {
            let values: StringChunked = array.as_string::<i32>().iter().collect();
            values.into_column()
        }
        Type::Boolean => {
            let values: BooleanChunked = array.as_boolean().iter().collect();
            values.into_column()
        }
    }
}

/// Converts a result back.
pub(super) fn to_arrow(column: &Column, kind: Type) -> PolarsResult<ArrayRef> {
    Ok(match kind {
        Type::Float => Arc::new(column.f64()?.iter().collect::<Float64Array>()),
        Type::Integer => Arc::new(column.i64()?.iter().collect::<Int64Array>()),
        Type::Text => Arc::new(column.str()?.iter().collect::<StringArray>()),
        Type::Boolean => Arc::new(column.bool()?.iter().collect::<BooleanArray>()),
    })
}

/// Returns for each row whether the value is missing: null, or NaN in a float column.
pub(super) fn missing(
    batch: &RecordBatch,
    name: &str,
    kind: Type,
) -> Result<Vec<bool>, ExpressionError> {
    let array = normalized(batch, name, kind)?;
    Ok(match kind {
        Type::Float => array
            .as_primitive::<Float64Type>()
            .iter()
            .map(|value| value.is_none_or(f64::is_nan))
            .collect(),
        _ => (0..array.len()).map(|row| array.is_null(row)).collect(),
    })
}
