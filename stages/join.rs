//! Join (§3.1, §4, §5): rows of a table with the row of another one that has the same key (Gaia's `source_id`,
//! APOGEE's name, LAMOST's `obsid`).
//!
//! | port | reads |
//! |---|---|
//! | `rows` (driving) | row id, key |
//! | `catalog` (whole) | key |
//!
//! | output | rows | columns |
//! |---|---|---|
//! | `rows` | rows with a counterpart (all, with `keep_unmatched`) | all of `rows`, those carried from `catalog` |
//! | `rejects` | rows without | id, reason |
//!
//! Keys are integers or text; blanks around a text count for nothing, and a missing key matches nothing. A catalog
//! that has a key twice is refused, unless `duplicates = "first"` takes the first row of it.

use std::collections::HashMap;

use arrow::array::UInt32Array;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::columns::{i64_array, ids, optional_ids, text_array, texts};
use super::named::Named;
use crate::engine::pipeline::StageDef;
use crate::engine::stage::{
    Accounts, Job, Need, NewColumn, Output, Port, Product, Rows, Schemas, Stage, StageError,
    TableSchema,
};
use crate::engine::types::{ColumnMeta, I64, Type};

/// The registry's entry.
pub const STAGE: StageDef = StageDef::of::<Join>("join", 1, "joins two tables by a key");

/// Parameters.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// Row id of `rows`.
    id: String,
    /// Key in `rows`.
    key: String,
    /// Key in `catalog`, if it has another name there.
    #[serde(default)]
    catalog_key: Option<String>,
    /// Columns taken from `catalog`: `"name"` or `["name here", "name there"]`; without, all that `rows` lacks.
    #[serde(default)]
    carry: Vec<Named>,
    /// Keeps rows without a counterpart, with nulls.
    #[serde(default)]
    keep_unmatched: bool,
    /// What to do about a key that the catalog has more than once.
    #[serde(default)]
    duplicates: Duplicates,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Duplicates {
    /// They are an error.
    #[default]
    Refuse,
    /// The first row counts.
    First,
}

impl Join {
    fn catalog_key(&self) -> &str {
        self.catalog_key.as_deref().unwrap_or(&self.key)
    }

    fn carried(&self, inputs: &Schemas, output: Output) -> Result<Output, StageError> {
        let catalog = &inputs["catalog"];
        if self.carry.is_empty() {
            let columns = catalog.columns.iter().filter(|c| c.name != self.catalog_key()).cloned();
            let rest = TableSchema { columns: columns.collect(), row_id: None };
            return Ok(output.carry_all("catalog", &rest));
        }
        let mut output = output;
        for named in &self.carry {
            output.carried.extend(named.carried("catalog", catalog)?);
        }
        Ok(output)
    }
}

impl Stage for Join {
    fn ports(&self) -> Vec<Port> {
        let id = Need::of(&self.id, I64).role("row id of the rejects");
        let keys = vec![id, Need::any(&self.key).role("join: key")];
        vec![
            Port::driving("rows", keys),
            Port::whole("catalog", vec![Need::any(self.catalog_key()).role("join: key")]),
        ]
    }

    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError> {
        let schema = &inputs["rows"];
        let mut rows = Output::widened("rows", "rows", schema, Vec::new());
        if !self.keep_unmatched {
            rows.rows = Rows::Select("rows".into());
        }
        rows.row_id = Some(self.id.clone());
        let mut rows = self.carried(inputs, rows)?;
        if self.id != self.key {
            rows = rows.untouched_by("rows", &self.id);
        }
        let rejects = vec![
            NewColumn::new(ColumnMeta::new(&self.id, I64).about("row id"))
                .from("rows", &self.id, "identity"),
            NewColumn::new(
                ColumnMeta::new("reason", Type::Text).about("why it has no counterpart"),
            ),
        ];
        Ok(vec![rows, Output::table("rejects", rejects).id(&self.id)])
    }

    fn accounts(&self) -> Option<Accounts> {
        let accounts =
            Accounts { port: "rows".into(), kept: "rows".into(), rejects: "rejects".into() };
        (!self.keep_unmatched).then_some(accounts)
    }

    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError> {
        let row_ids = ids(job, "rows", &self.id)?;
        let keys = keys(job, "rows", &self.key)?;
        let index = job.shared(|whole| self.index(whole))?;
        let (mut kept, mut found, mut who, mut why) = (vec![], vec![], vec![], vec![]);
        for (row, key) in keys.iter().enumerate() {
            let there = key.as_ref().and_then(|key| index.get(key));
            if there.is_some() || self.keep_unmatched {
                kept.push(row as u32);
                found.push(there.copied());
            } else {
                who.push(row_ids[row]);
                why.push(match key {
                    Some(key) => {
                        format!("no row of the catalog has `{}` {key}", self.catalog_key())
                    }
                    None => format!("`{}` is missing", self.key),
                });
            }
        }
        let rows = Product::new("rows", Vec::new())
            .rows("rows", UInt32Array::from(kept))
            .rows("catalog", UInt32Array::from(found));
        let rejects = vec![i64_array(who), text_array(why.iter().map(Some))];
        Ok(vec![rows, Product::new("rejects", rejects)])
    }
}

impl Join {
    /// Row of each key of the catalog.
    fn index(&self, job: &Job) -> Result<HashMap<Key, u32>, StageError> {
        let mut index = HashMap::new();
        for (row, key) in keys(job, "catalog", self.catalog_key())?.into_iter().enumerate() {
            let Some(key) = key else { continue };
            match index.get(&key) {
                None => drop(index.insert(key, row as u32)),
                Some(first) if self.duplicates == Duplicates::Refuse => {
                    return Err(StageError::new(format!(
                        "rows {first} and {row} of the catalog both have `{}` {key}; cut one of them, or set \
                         `duplicates = \"first\"`",
                        self.catalog_key()
                    )));
                }
                Some(_) => {}
            }
        }
        Ok(index)
    }
}

/// A key of either kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Number(i64),
    Text(String),
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Number(number) => write!(f, "{number}"),
            Key::Text(text) => write!(f, "`{text}`"),
        }
    }
}

fn keys(job: &Job, port: &str, column: &str) -> Result<Vec<Option<Key>>, StageError> {
    let array = job.column(port, column)?;
    if array.data_type().is_integer() {
        let numbers = optional_ids(job, port, column)?;
        return Ok(numbers.into_iter().map(|n| n.map(Key::Number)).collect());
    }
    if cast(array, &DataType::Utf8).is_err() || array.data_type().is_floating() {
        let what =
            format!("`{port}.{column}` is {}: a key is an integer or a text", array.data_type());
        return Err(StageError::new(what));
    }
    let text = |text: Option<String>| {
        let text = text?;
        let text = text.trim();
        (!text.is_empty()).then(|| Key::Text(text.to_owned()))
    };
    Ok(texts(job, port, column)?.into_iter().map(text).collect())
}
