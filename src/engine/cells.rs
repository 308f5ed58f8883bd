//! Cells of tables as JSON.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Value, json};

use super::error::{EngineError, Result};

/// A cell as JSON; a vector of numbers by its extent.
pub fn in_short(array: &ArrayRef, row: usize) -> Result<Value> {
    let DataType::List(item) = array.data_type() else { return value(array, row) };
    if array.is_null(row) || !item.data_type().is_numeric() {
        return value(array, row);
    }
    let values = array.as_list::<i32>().value(row);
    let wide = cast(&values, &DataType::Float64).map_err(EngineError::table("row"))?;
    let numbers = wide.as_primitive::<Float64Type>();
    let mut finite: Vec<f64> = numbers.iter().flatten().filter(|value| value.is_finite()).collect();
    let zero = finite.iter().filter(|value| **value == 0.0).count();
    let missing = values.len() - finite.len();
    let mut told = json!({ "n": values.len(), "zero": zero, "missing": missing });
    if let Some(middle) = finite.len().checked_sub(1).map(|last| last / 2) {
        let (below, median, above) = finite.select_nth_unstable_by(middle, f64::total_cmp);
        told["min"] = json!(below.iter().copied().fold(*median, f64::min));
        told["median"] = json!(*median);
        told["max"] = json!(above.iter().copied().fold(*median, f64::max));
    }
    Ok(told)
}

/// A cell as JSON: numbers and text as they are, a vector as its length.
pub fn value(array: &ArrayRef, row: usize) -> Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    if let DataType::List(_) = array.data_type() {
        let values = array.as_list::<i32>().value(row);
        return Ok(json!(format!("{} values", values.len())));
    }
    let options = FormatOptions::default();
    let formatter =
        ArrayFormatter::try_new(array.as_ref(), &options).map_err(EngineError::table("row"))?;
    let text = formatter.value(row).to_string();
    Ok(match array.data_type() {
        DataType::Utf8 => Value::String(text),
        _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
    })
}
