//! One row through the whole graph, found by its id through an index made on first use.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::artifact::Artifact;
use super::error::{EngineError, Result};
use super::evaluate::Outputs;
use super::pipeline::Pipeline;
use super::store::Store;
use super::types::Type;

/// A table in which the row stands, and what it says there.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The node.
    pub node: String,
    /// Its stage.
    pub stage: String,
    /// Section of the paper.
    pub section: String,
    /// The output.
    pub output: String,
    /// Rows found: column -> value, vectors as their length.
    pub rows: Vec<Map<String, Value>>,
}

const ENTRY: usize = 16;

impl Pipeline {
    /// The steps of a row through all tables whose row id is `id_column`, in topological order.
    ///
    /// Columns that a step merely carries are left out: they were shown where they were made.
    pub fn trace(
        &self,
        store: &Store,
        done: &[Option<Outputs>],
        id_column: &str,
        id: i64,
    ) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for (node, outputs) in self.nodes.iter().zip(done) {
            for artifact in outputs.iter().flatten() {
                if artifact.schema.row_id.as_deref() != Some(id_column) {
                    continue;
                }
                let found = find(store, artifact, id_column, id)?;
                if found.is_empty() {
                    continue;
                }
                let rows = found
                    .into_iter()
                    .map(|(part, row)| row_values(store, artifact, part as usize, row as usize))
                    .collect::<Result<_>>()?;
                steps.push(Step {
                    node: node.name.clone(),
                    stage: node.stage.name.to_owned(),
                    section: node.section.clone(),
                    output: artifact.output.name.clone(),
                    rows,
                });
            }
        }
        Ok(steps)
    }
}

/// Part and row numbers of an id.
fn find(store: &Store, artifact: &Artifact, column: &str, id: i64) -> Result<Vec<(u32, u32)>> {
    if artifact.meta(column)?.kind != Type::Int(64) {
        return Ok(Vec::new());
    }
    let digest = artifact.column_digest(store, column)?;
    let path = store.root().join("index").join(digest.to_string());
    let index = match store.read_sealed(&path) {
        Some(index) => index,
        None => {
            let index = build_index(store, artifact, column)?;
            store.commit_sealed(&path, &index)?;
            index
        }
    };
    let entry = |at: usize| -> (i64, u32, u32) {
        let bytes = &index[at * ENTRY..(at + 1) * ENTRY];
        let field = |from: usize, to: usize| {
            bytes[from..to].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        (field(0, 8) as i64, field(8, 12) as u32, field(12, 16) as u32)
    };
    let n = index.len() / ENTRY;
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = (low + high) / 2;
        if entry(middle).0 < id { low = middle + 1 } else { high = middle }
    }
    Ok((low..n).map(entry).take_while(|e| e.0 == id).map(|e| (e.1, e.2)).collect())
}

fn build_index(store: &Store, artifact: &Artifact, column: &str) -> Result<Vec<u8>> {
    let mut entries: Vec<(i64, u32, u32)> = Vec::new();
    for part in 0..artifact.parts().len() {
        let ids = artifact.read_part(store, column, part)?;
        let ids = ids.as_primitive::<Int64Type>();
        let rows = ids.iter().enumerate();
        entries.extend(rows.filter_map(|(row, id)| Some((id?, part as u32, row as u32))));
    }
    entries.sort_unstable();
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY);
    for (id, part, row) in entries {
        bytes.extend_from_slice(&id.to_le_bytes());
        bytes.extend_from_slice(&part.to_le_bytes());
        bytes.extend_from_slice(&row.to_le_bytes());
    }
    Ok(bytes)
}

fn row_values(
    store: &Store,
    artifact: &Artifact,
    part: usize,
    row: usize,
) -> Result<Map<String, Value>> {
    let mut values = Map::new();
    let new = artifact.output.columns.iter().map(|c| &c.meta.name);
    let joined =
        artifact.output.carried.iter().filter(|c| !is_driving(artifact, &c.port)).map(|c| &c.name);
    for name in new.chain(joined) {
        let array = artifact.read_part(store, name, part)?;
        values.insert(name.clone(), value(&array, row)?);
    }
    Ok(values)
}

fn is_driving(artifact: &Artifact, port: &str) -> bool {
    artifact.inputs.get(port).is_some_and(|(_, scope)| *scope == super::stage::Scope::Driving)
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
