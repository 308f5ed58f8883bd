//! Derive: columns computed from others by expressions (absolute magnitude of §3.1, flux signal-to-noise).
//!
//! Port `rows` (driving): the columns of the expressions. Output `rows`: all of them, widened by
//! the derived columns. An expression sees the port's columns, not the other derived ones.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::expression;
use crate::engine::params::Formula;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, Type};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Derive>("derive", 1, "adds columns computed by expressions");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Derive {
    /// The new columns in order.
    columns: Vec<Column>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    expr: Formula,
    #[serde(default)]
    unit: String,
    // What people read of a column decides none of its values.
    #[serde(default, skip_serializing)]
    ucd: String,
    #[serde(skip_serializing)]
    about: String,
}

impl Derive {
    fn kind(&self, column: &Column, inputs: &Schemas) -> Result<Type, StageError> {
        let fields: Vec<_> = inputs["rows"].columns.iter().map(ColumnMeta::field).collect();
        let schema = arrow::datatypes::Schema::new(fields);
        Ok(match column.expr.0.check(&schema)? {
            expression::Type::Boolean => Type::Bool,
            expression::Type::Text => Type::Text,
            _ => F64,
        })
    }
}

impl Stage for Derive {
    fn ports(&self) -> Vec<Port> {
        let read = self.columns.iter().flat_map(|c| c.expr.0.columns()).map(Need::any);
        vec![Port::driving("rows", read.collect())]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let mut columns = Vec::new();
        for column in &self.columns {
            let meta = ColumnMeta::new(&column.name, self.kind(column, inputs)?)
                .unit(&column.unit)
                .ucd(&column.ucd)
                .about(&column.about);
            let mut new = NewColumn::new(meta).only();
            for read in column.expr.0.columns() {
                new = new.from("rows", &read, format!("derived: {}", column.expr.0));
            }
            columns.push(new);
        }
        Ok(vec![Output::widened("rows", "rows", &inputs["rows"], columns)])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let table = job.table("rows")?;
        let columns = self
            .columns
            .iter()
            .map(|column| {
                let value = column.expr.0.evaluate(table)?;
                Ok(match value.data_type() {
                    arrow::datatypes::DataType::Boolean | arrow::datatypes::DataType::Utf8 => value,
                    _ => Arc::new(column.expr.0.evaluate_f64(table)?),
                })
            })
            .collect::<Result<_, StageError>>()?;
        Ok(vec![Product::new("rows", columns)])
    }
}
