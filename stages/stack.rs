//! Stack: literature tables one below the other, with a common set of columns (§3.2).
//!
//! Ports (whole): one a table, named by the parameter `tables` in order of preference. Output
//! `rows`: the common columns, and for each row its table's name, its rank (0 is preferred) and
//! the match radius that its positions deserve. A row without any of `required` is rejected.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef};
use arrow::compute::{cast, concat};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_array, i32_array, i64_array, text_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, F64, I32, I64, Type};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<Stack>("stack", 1, "puts tables with the same columns below each other");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// The tables, the preferred one first, each with the match radius of its positions, arcsec.
    tables: Vec<Table>,
    /// Columns that all tables have.
    columns: Vec<String>,
    /// What labels of several scales are called together.
    #[serde(default, skip_serializing)]
    scale: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Table {
    port: String,
    radius_arcsec: f64,
}

impl Stack {
    /// Meaning and common type of a column, from the first table.
    fn meta(&self, inputs: &Schemas, column: &str) -> Result<ColumnMeta, StageError> {
        let mut metas = self.tables.iter().filter_map(|t| inputs.get(&t.port)?.column(column));
        let first = metas
            .next()
            .ok_or_else(|| StageError::new(format!("no table has the column `{column}`")))?
            .clone();
        let mut scale = first.scale.clone();
        for other in metas {
            if other.scale != scale {
                scale = self.scale.clone().ok_or_else(|| {
                    StageError::new(format!(
                        "column `{column}` is on scale `{}` in one table and on `{}` in another; \
                         say with `scale` what they are called together",
                        first.scale, other.scale
                    ))
                })?;
            }
            if other.unit != first.unit {
                let what = format!(
                    "column `{column}` is in `{}` in one table and in `{}` in another",
                    first.unit, other.unit
                );
                return Err(StageError::new(what));
            }
        }
        Ok(first.scale(scale))
    }
}

impl Stage for Stack {
    fn ports(&self) -> Vec<Port> {
        self.tables
            .iter()
            .map(|t| Port::whole(&t.port, self.columns.iter().map(Need::any).collect()).optional())
            .collect()
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let mut columns = Vec::new();
        for name in &self.columns {
            let mut new = NewColumn::new(self.meta(inputs, name)?);
            for table in self.tables.iter().filter(|t| inputs.contains_key(&t.port)) {
                new = new.from(&table.port, name, "identity");
            }
            columns.push(new);
        }
        let extra = [
            ColumnMeta::new("row", I64).about("row number in the stack"),
            ColumnMeta::new("table", Type::Text).about("table that the row comes from"),
            ColumnMeta::new("rank", I32).about("place of that table in the order of preference"),
            ColumnMeta::new("radius_arcsec", F64)
                .unit("arcsec")
                .about("how far its positions can be trusted"),
        ];
        columns.extend(extra.map(NewColumn::new));
        Ok(vec![Output::table("rows", columns).id("row")])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let mut stacked: BTreeMap<&str, Vec<ArrayRef>> = BTreeMap::new();
        let (mut tables, mut ranks, mut radii) = (Vec::new(), Vec::new(), Vec::new());
        for (rank, table) in self.tables.iter().enumerate() {
            let Some(batch) = job.optional(&table.port) else { continue };
            for name in &self.columns {
                stacked.entry(name).or_default().push(job.column(&table.port, name)?.clone());
            }
            for _ in 0..batch.num_rows() {
                tables.push(Some(table.port.as_str()));
                ranks.push(rank as i32);
                radii.push(table.radius_arcsec);
            }
        }
        let mut columns = Vec::new();
        for name in &self.columns {
            columns.push(joined(stacked.get(name.as_str()).map_or(&[], Vec::as_slice))?);
        }
        columns.push(i64_array((0..ranks.len() as i64).collect()));
        columns.push(text_array(tables));
        columns.push(i32_array(ranks));
        columns.push(f64_array(radii));
        Ok(vec![Product::new("rows", columns)])
    }
}

/// Joins columns, brought to the type of the first.
fn joined(arrays: &[ArrayRef]) -> Result<ArrayRef, StageError> {
    let Some(first) = arrays.first() else {
        return Err(StageError::new("no table is bound"));
    };
    let same =
        arrays.iter().map(|array| cast(array, first.data_type())).collect::<Result<Vec<_>, _>>()?;
    let parts: Vec<&dyn Array> = same.iter().map(AsRef::as_ref).collect();
    Ok(concat(&parts)?)
}
