//! Evaluation on a record batch.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{Float64Type, Int64Type};
use polars::prelude::{IntoLazy, PolarsResult};

use super::check::{Type, column_types};
use super::error::ExpressionError;
use super::{Expression, bridge, lower};

impl Expression {
    /// Evaluates the expression to an array of its own type: `Float64`, `Int64`, `Utf8` or `Boolean`, one value a
    /// row. Only the columns read are looked at.
    ///
    /// Errors are those of [`Expression::check`], and columns whose values do not fit their 64-bit type.
    pub fn evaluate(&self, batch: &RecordBatch) -> Result<ArrayRef, ExpressionError> {
        self.typed(batch).map(|(array, _)| array)
    }

    /// Evaluates a numeric expression. Null where an input is null; NaN where the arithmetic gives it.
    pub fn evaluate_f64(&self, batch: &RecordBatch) -> Result<Float64Array, ExpressionError> {
        let (array, kind) = self.typed_as(batch, Type::Float)?;
        Ok(match kind {
            Type::Integer => array.as_primitive::<Int64Type>().unary(|value| value as f64),
            _ => array.as_primitive::<Float64Type>().clone(),
        })
    }

    /// Evaluates a text expression.
    pub fn evaluate_utf8(&self, batch: &RecordBatch) -> Result<StringArray, ExpressionError> {
        let (array, _) = self.typed_as(batch, Type::Text)?;
        Ok(array.as_string::<i32>().clone())
    }

    /// Evaluates a boolean expression. Null where it is undecidable: where a missing value (null or NaN) matters.
    pub fn evaluate_bool(&self, batch: &RecordBatch) -> Result<BooleanArray, ExpressionError> {
        let (array, _) = self.typed_as(batch, Type::Boolean)?;
        Ok(array.as_boolean().clone())
    }

    fn typed_as(
        &self,
        batch: &RecordBatch,
        expected: Type,
    ) -> Result<(ArrayRef, Type), ExpressionError> {
        self.require(self.check(&batch.schema())?, expected)?;
        self.typed(batch)
    }

    fn typed(&self, batch: &RecordBatch) -> Result<(ArrayRef, Type), ExpressionError> {
        let columns = column_types(&self.root, &batch.schema())?;
        let lowered = lower::lower(&self.root, &columns)?;
        let (expr, kind) = (lowered.expr, lowered.kind);
        let frame = bridge::frame(batch, &columns)?;
        let compute = || -> PolarsResult<ArrayRef> {
            let table = frame.lazy().select([expr.alias("value")]).collect()?;
            let column = table.column("value")?;
            // An expression that reads no column has one value, and so has a row of its own.
            let n_row = batch.num_rows();
            if column.len() == n_row || column.len() != 1 {
                return bridge::to_arrow(column, kind);
            }
            bridge::to_arrow(&column.new_from_index(0, n_row), kind)
        };
        let array = compute().map_err(|error| self.failed(error.to_string()))?;
        if array.len() != batch.num_rows() {
            return Err(self.failed(format!(
                "{} values for {} rows",
                array.len(),
                batch.num_rows()
            )));
        }
        Ok((array, kind))
    }

    fn failed(&self, reason: String) -> ExpressionError {
        ExpressionError::Evaluation { expression: self.canonical(), reason }
    }
}
