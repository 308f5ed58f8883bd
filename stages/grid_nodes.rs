//! Grid nodes (§3.2.2): grids of model spectra put together, and what the rectangular grid lacks.
//!
//! Ports (whole): one a table, named by `tables` in order of preference: native models before spectra derived from
//! others. Each has the row id, the axes and `columns`.
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `nodes` | a node, by id, from the preferred table that has it | id, axes, `columns`, `table` |
//! | `missing` | a node of the rectangle that no table has | the axes |
//! | `rejects` | a row whose node a preferred table, or an earlier row of its own, has | id, `table`, `reason` |
//!
//! The rectangle is made of all values that occur on each axis, or of `rectangle` where it names the axis.
//! Deviation: the paper gives the ranges of its grid and not which nodes there are; 1,029 if all.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{cast, concat, take};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{f64_array, f64s, i64_array, ids, text_array};
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Job, Need, NewColumn, Output, Port, Product, Schemas, Stage, StageError,
};
use crate::engine::types::{ColumnMeta, I64, Type};

/// The registry's entry.
pub const STAGE: StageDef =
    StageDef::of::<GridNodes>("grid_nodes", 1, "puts grids of model spectra together");

/// Values closer than this are one.
const SAME: f64 = 1e-6;
/// More nodes than any grid has.
const MOST_NODES: usize = 1_000_000;

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridNodes {
    /// Ports, the preferred one first.
    tables: Vec<String>,
    /// Row id.
    #[serde(default = "node_id")]
    id: String,
    /// Labels that span the grid.
    #[serde(default = "axes")]
    axes: Vec<String>,
    /// Other columns handed on.
    columns: Vec<String>,
    /// Values that an axis should have: first, last, step.
    #[serde(default)]
    rectangle: BTreeMap<String, [f64; 3]>,
}

fn node_id() -> String {
    "node_id".into()
}

fn axes() -> Vec<String> {
    ["Teff", "logg", "M_H", "alpha_M"].map(str::to_owned).into()
}

/// A row: table and row in it.
type Place = (usize, usize);

impl Stage for GridNodes {
    fn ports(&self) -> Vec<Port> {
        let needs = |_: &String| {
            let mut needs = vec![Need::of(&self.id, I64)];
            needs.extend(self.carried().map(Need::any));
            needs
        };
        self.tables.iter().map(|table| Port::whole(table, needs(table)).optional()).collect()
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        self.check()?;
        let mut nodes = Vec::new();
        for name in std::iter::once(&self.id).chain(self.carried()) {
            let mut column = NewColumn::new(self.meta(inputs, name)?);
            for table in self.tables.iter().filter(|table| inputs.contains_key(*table)) {
                column = column.from(table, name, "identity");
            }
            nodes.push(column);
        }
        let table = || ColumnMeta::new("table", Type::Text).about("table that the row comes from");
        nodes.push(NewColumn::new(table()));
        let missing = self.axes.iter().map(|axis| Ok(NewColumn::new(self.meta(inputs, axis)?)));
        let reason = ColumnMeta::new("reason", Type::Text).about("why the row is not used");
        let rejects = [ColumnMeta::new(&self.id, I64).about("node of the grid"), table(), reason];
        Ok(vec![
            Output::table("nodes", nodes).id(&self.id),
            Output::table("missing", missing.collect::<Result<_, StageError>>()?),
            Output::table("rejects", rejects.map(NewColumn::new).into()).id(&self.id),
        ])
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let tables: Vec<(&String, &RecordBatch)> =
            self.tables.iter().filter_map(|table| Some((table, job.optional(table)?))).collect();
        let mut nodes: BTreeMap<i64, Place> = BTreeMap::new();
        let (mut rejected, mut from, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (table, _)) in tables.iter().enumerate() {
            for (row, id) in ids(job, table, &self.id)?.into_iter().enumerate() {
                match nodes.get(&id) {
                    None => {
                        nodes.insert(id, (index, row));
                    }
                    Some((first, _)) => {
                        rejected.push(id);
                        from.push(Some(table.as_str()));
                        reasons.push(Some(format!("`{}` has the node", tables[*first].0)));
                    }
                }
            }
        }
        let places: Vec<Place> = nodes.values().copied().collect();
        let missing = self.missing(job, &tables, &places)?;
        let n_missing = missing.first().map_or(0, |axis| axis.len());
        job.note(format!(
            "{} nodes, {n_missing} missing, {} rejected",
            nodes.len(),
            rejected.len()
        ));
        let mut columns = vec![i64_array(nodes.into_keys().collect())];
        for name in self.carried() {
            columns.push(gathered(&tables, name, &places)?);
        }
        columns.push(text_array(places.iter().map(|(table, _)| Some(tables[*table].0.as_str()))));
        Ok(vec![
            Product::new("nodes", columns),
            Product::new("missing", missing.into_iter().map(f64_array).collect()),
            Product::new(
                "rejects",
                vec![i64_array(rejected), text_array(from), text_array(reasons)],
            ),
        ])
    }
}

impl GridNodes {
    fn carried(&self) -> impl Iterator<Item = &String> {
        self.axes.iter().chain(&self.columns)
    }

    fn check(&self) -> Result<(), StageError> {
        let mut seen = BTreeSet::from([self.id.as_str(), "table"]);
        if let Some(twice) = self.carried().find(|name| !seen.insert(name.as_str())) {
            return Err(StageError::new(format!("column `{twice}` is named twice")));
        }
        if self.axes.is_empty() {
            return Err(StageError::new("`axes` names no label"));
        }
        for (axis, range) in &self.rectangle {
            if !self.axes.contains(axis) {
                return Err(StageError::new(format!("`rectangle` names `{axis}`, no axis")));
            }
            values_of(axis, *range)?;
        }
        Ok(())
    }

    /// Meaning and type of a column, from the first table that has it; units must agree.
    fn meta(&self, inputs: &Schemas, column: &str) -> Result<ColumnMeta, StageError> {
        let mut metas = self.tables.iter().filter_map(|t| inputs.get(t)?.column(column));
        let first = metas
            .next()
            .ok_or_else(|| StageError::new(format!("no table has the column `{column}`")))?;
        match metas.find(|other| other.unit != first.unit || other.scale != first.scale) {
            Some(other) => Err(StageError::new(format!(
                "column `{column}` is in `{}` on scale `{}` in one table and in `{}` on scale `{}` \
                 in another",
                first.unit, first.scale, other.unit, other.scale
            ))),
            None => Ok(first.clone()),
        }
    }

    /// Nodes of the rectangle that are not there, one vector an axis.
    fn missing(
        &self,
        job: &Job,
        tables: &[(&String, &RecordBatch)],
        places: &[Place],
    ) -> Result<Vec<Vec<f64>>, StageError> {
        let mut labels: Vec<Vec<f64>> = Vec::new();
        for axis in &self.axes {
            let columns: Vec<Vec<f64>> =
                tables.iter().map(|(t, _)| f64s(job, t, axis)).collect::<Result<_, _>>()?;
            labels.push(places.iter().map(|(table, row)| columns[*table][*row]).collect());
        }
        let mut values = Vec::new();
        for (axis, labels) in self.axes.iter().zip(&labels) {
            values.push(match self.rectangle.get(axis) {
                Some(range) => values_of(axis, *range)?,
                None => distinct(axis, labels)?,
            });
        }
        absent(&values, &labels)
    }
}

/// The rectangle's nodes without those in `labels`; both are one vector an axis.
fn absent(values: &[Vec<f64>], labels: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, StageError> {
    let n: usize = values.iter().map(Vec::len).product();
    if n > MOST_NODES {
        return Err(StageError::new(format!(
            "a rectangle of {n} nodes is no grid; check the labels, or give `rectangle`"
        )));
    }
    let place =
        |axis: usize, value: f64| values[axis].iter().position(|v| (v - value).abs() < SAME);
    let n_node = labels.first().map_or(0, Vec::len);
    let there: BTreeSet<usize> = (0..n_node)
        .filter_map(|node| {
            (0..values.len()).try_fold(0, |number, axis| {
                Some(number * values[axis].len() + place(axis, labels[axis][node])?)
            })
        })
        .collect();
    let mut missing = vec![Vec::new(); values.len()];
    for number in (0..n).filter(|number| !there.contains(number)) {
        let mut rest = number;
        for (axis, values) in values.iter().enumerate().rev() {
            missing[axis].push(values[rest % values.len()]);
            rest /= values.len();
        }
    }
    Ok(missing)
}

fn values_of(axis: &str, [first, last, step]: [f64; 3]) -> Result<Vec<f64>, StageError> {
    let steps = ((last - first) / step).round();
    if !(step > 0.0 && steps >= 0.0 && steps < MOST_NODES as f64) {
        return Err(StageError::new(format!(
            "`rectangle.{axis}` is [first, last, step] with last >= first and step > 0"
        )));
    }
    Ok((0..=steps as usize).map(|i| first + step * i as f64).collect())
}

fn distinct(axis: &str, labels: &[f64]) -> Result<Vec<f64>, StageError> {
    if labels.iter().any(|label| !label.is_finite()) {
        return Err(StageError::new(format!("a node has no `{axis}`")));
    }
    let mut values = labels.to_vec();
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| (*a - *b).abs() < SAME);
    Ok(values)
}

/// A column of the rows at `places`, brought to the type of the first table.
fn gathered(
    tables: &[(&String, &RecordBatch)],
    name: &str,
    places: &[Place],
) -> Result<ArrayRef, StageError> {
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut offsets = Vec::new();
    let mut rows = 0;
    for (table, batch) in tables {
        let column = batch.column_by_name(name).ok_or_else(|| {
            StageError::new(format!("column `{name}` of `{table}` was not declared as read"))
        })?;
        let kind = arrays.first().map_or(column.data_type(), |first| first.data_type()).clone();
        arrays.push(cast(column, &kind)?);
        offsets.push(rows);
        rows += batch.num_rows();
    }
    let parts: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
    let whole = concat(&parts)?;
    let at = places.iter().map(|(table, row)| (offsets[*table] + row) as u32);
    Ok(take(&whole, &UInt32Array::from_iter_values(at), None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rectangle_lacks_what_no_table_has() {
        let values = vec![vec![2600.0, 2700.0, 2800.0], vec![4.5, 5.0]];
        let labels = vec![vec![2600.0, 2800.0, 2800.0, 9000.0], vec![4.5, 5.0, 4.5, 4.5]];
        let missing = absent(&values, &labels).unwrap();
        assert_eq!(missing, [vec![2600.0, 2700.0, 2700.0], vec![5.0, 4.5, 5.0]]);
        let none = absent(&values, &[vec![], vec![]]).unwrap();
        assert_eq!(none[0].len(), 6);
        let all = vec![(0..2000).map(f64::from).collect::<Vec<f64>>(); 2];
        assert!(absent(&all, &[vec![], vec![]]).is_err());
    }

    #[test]
    fn axes_are_ranges_or_what_occurs() {
        let paper = values_of("Teff", [2200.0, 7000.0, 100.0]).unwrap();
        assert_eq!((paper.len(), paper[48]), (49, 7000.0));
        assert_eq!(values_of("M_H", [-1.0, 0.0, 0.5]).unwrap(), [-1.0, -0.5, 0.0]);
        for range in [[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [0.0, 1.0, -1.0], [0.0, f64::NAN, 1.0]] {
            assert!(values_of("M_H", range).is_err(), "{range:?}");
        }
        assert_eq!(distinct("x", &[2.0, 1.0, 2.0 + 1e-9]).unwrap(), [1.0, 2.0]);
        assert!(distinct("x", &[f64::NAN]).is_err());
    }
}
