//! Two tables of one meaning, row by row: who entered, who left, what changed and by how much.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use serde::Serialize;

use super::artifact::Artifact;
use super::cells::value;
use super::error::{EngineError, Result};
use super::store::Store;
use super::types::Type;

/// How two tables differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableDiff {
    /// `node.output`.
    pub table: String,
    /// Rows of the old table.
    pub rows_old: u64,
    /// Rows of the new one.
    pub rows_new: u64,
    /// The column by which rows are told apart; without one only the columns' digests are compared.
    pub row_id: Option<String>,
    /// Ids of rows that only the new table has.
    pub entered: Vec<i64>,
    /// Ids of rows that only the old table has.
    pub left: Vec<i64>,
    /// Columns whose values differ in rows that both have.
    pub changed: Vec<ColumnDiff>,
    /// Columns of both tables that are the same in all rows that both have.
    pub same: usize,
    /// Columns that only the old table has.
    pub gone: Vec<String>,
    /// Columns that only the new table has.
    pub new: Vec<String>,
}

/// How a column differs in the rows that both tables have.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ColumnDiff {
    /// Its name in the new table.
    pub column: String,
    /// Its name in the old table, where that is another: a label named after another scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// Its unit.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// Rows in which it differs.
    pub rows: usize,
    /// Of these, rows in which it became missing.
    pub lost: usize,
    /// Of these, rows in which it was missing.
    pub gained: usize,
    /// Median of new less old over the rows that differ, for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<f64>,
    /// New less old where that is largest in size, for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest: Option<f64>,
    /// The row in which it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub largest_at: Option<i64>,
    /// An example, for what is no number: old, then new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<[String; 2]>,
}

/// A row: its id, and which of the rows of that id it is.
type RowKey = (i64, u32);

/// Compares two tables; a column that each has under another name is paired by what it is carried
/// from.
pub fn compare(store: &Store, old: &Artifact, new: &Artifact) -> Result<TableDiff> {
    let mut diff = TableDiff {
        table: new.name.clone(),
        rows_old: old.rows(),
        rows_new: new.rows(),
        ..TableDiff::default()
    };
    let pairs = pairs(old, new, &mut diff);
    let id = new.schema.row_id.clone().filter(|id| {
        let whole = |artifact: &Artifact| artifact.meta(id).is_ok_and(|m| m.kind == Type::Int(64));
        whole(old) && whole(new)
    });
    let Some(id) = id else {
        for (was, now) in pairs {
            match old.column_digest(store, &was)? == new.column_digest(store, &now)? {
                true => diff.same += 1,
                false => diff.changed.push(named(new, &was, &now)),
            }
        }
        return Ok(diff);
    };
    let (rows_old, rows_new) = (row_keys(store, old, &id)?, row_keys(store, new, &id)?);
    let only = |a: &BTreeMap<RowKey, usize>, b: &BTreeMap<RowKey, usize>| {
        a.keys().filter(|key| !b.contains_key(key)).map(|key| key.0).collect::<Vec<_>>()
    };
    diff.entered = only(&rows_new, &rows_old);
    diff.left = only(&rows_old, &rows_new);
    let common: Vec<(i64, usize, usize)> =
        rows_old.iter().filter_map(|(key, old)| Some((key.0, *old, *rows_new.get(key)?))).collect();
    diff.row_id = Some(id);
    let same_rows = diff.entered.is_empty() && diff.left.is_empty();
    for (was, now) in pairs {
        if same_rows && old.column_digest(store, &was)? == new.column_digest(store, &now)? {
            diff.same += 1;
            continue;
        }
        let (before, after) = (old.read(store, &was)?, new.read(store, &now)?);
        let column = column_diff(named(new, &was, &now), &before, &after, &common)?;
        match column.rows {
            0 if was == now => diff.same += 1,
            _ => diff.changed.push(column),
        }
    }
    Ok(diff)
}

/// Columns of both tables: of one name, or carried from one column.
fn pairs(old: &Artifact, new: &Artifact, diff: &mut TableDiff) -> Vec<(String, String)> {
    let source = |artifact: &Artifact, name: &str| {
        let carried = artifact.output.carried.iter().find(|c| c.name == name)?;
        Some((carried.port.clone(), carried.column.clone()))
    };
    let mut pairs = Vec::new();
    for column in &new.schema.columns {
        let there = |name: &str| old.schema.column(name).is_some();
        if there(&column.name) {
            pairs.push((column.name.clone(), column.name.clone()));
            continue;
        }
        let from = source(new, &column.name);
        let was = old.schema.columns.iter().find(|was| {
            new.schema.column(&was.name).is_none()
                && from.is_some()
                && source(old, &was.name) == from
        });
        match was {
            Some(was) => pairs.push((was.name.clone(), column.name.clone())),
            None => diff.new.push(column.name.clone()),
        }
    }
    let is_paired = |name: &String| pairs.iter().any(|(was, _)| was == name);
    let names = old.schema.columns.iter().map(|c| c.name.clone());
    diff.gone = names.filter(|name| !is_paired(name)).collect();
    pairs
}

fn named(new: &Artifact, was: &str, now: &str) -> ColumnDiff {
    ColumnDiff {
        column: now.to_owned(),
        was: (was != now).then(|| was.to_owned()),
        unit: new.schema.column(now).map(|c| c.unit.clone()).unwrap_or_default(),
        ..ColumnDiff::default()
    }
}

fn row_keys(store: &Store, artifact: &Artifact, id: &str) -> Result<BTreeMap<RowKey, usize>> {
    let ids = artifact.read(store, id)?;
    let ids = ids.as_primitive::<Int64Type>();
    let mut met: BTreeMap<i64, u32> = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for (row, id) in ids.iter().enumerate() {
        let Some(id) = id else { continue };
        let nth = met.entry(id).or_default();
        keys.insert((id, *nth), row);
        *nth += 1;
    }
    Ok(keys)
}

fn column_diff(
    mut diff: ColumnDiff,
    old: &ArrayRef,
    new: &ArrayRef,
    common: &[(i64, usize, usize)],
) -> Result<ColumnDiff> {
    let numeric = |array: &ArrayRef| array.data_type().is_numeric();
    if numeric(old) && numeric(new) {
        return number_diff(diff, old, new, common);
    }
    for (_, before, after) in common {
        match (old.is_null(*before), new.is_null(*after)) {
            (true, true) => continue,
            (true, false) => diff.gained += 1,
            (false, true) => diff.lost += 1,
            (false, false) => {
                let (was, now) = (old.slice(*before, 1), new.slice(*after, 1));
                if was.to_data() == now.to_data() {
                    continue;
                }
                if diff.example.is_none() {
                    diff.example =
                        Some([value(old, *before)?.to_string(), value(new, *after)?.to_string()]);
                }
            }
        }
        diff.rows += 1;
    }
    Ok(diff)
}

fn number_diff(
    mut diff: ColumnDiff,
    old: &ArrayRef,
    new: &ArrayRef,
    common: &[(i64, usize, usize)],
) -> Result<ColumnDiff> {
    let exact = old.data_type().is_integer() && new.data_type().is_integer();
    let wide = |array: &ArrayRef, to: DataType| {
        cast(array, &to).map_err(EngineError::table(diff.column.clone()))
    };
    let (whole_old, whole_new) = (wide(old, DataType::Int64)?, wide(new, DataType::Int64)?);
    let (real_old, real_new) = (wide(old, DataType::Float64)?, wide(new, DataType::Float64)?);
    let there = |array: &ArrayRef, row: usize| {
        let value = array.as_primitive::<Float64Type>().value(row);
        (array.is_valid(row) && !value.is_nan()).then_some(value)
    };
    let mut deltas: Vec<(f64, i64)> = Vec::new();
    for (id, before, after) in common {
        match (there(&real_old, *before), there(&real_new, *after)) {
            (None, None) => continue,
            (None, Some(_)) => diff.gained += 1,
            (Some(_), None) => diff.lost += 1,
            (Some(was), Some(now)) => {
                let of =
                    |array: &ArrayRef, row: usize| array.as_primitive::<Int64Type>().value(row);
                let same = match exact {
                    true => of(&whole_old, *before) == of(&whole_new, *after),
                    false => was == now,
                };
                if same {
                    continue;
                }
                deltas.push((now - was, *id));
            }
        }
        diff.rows += 1;
    }
    deltas.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = deltas.len();
    if n > 0 {
        let middle = (deltas[(n - 1) / 2].0 + deltas[n / 2].0) / 2.0;
        diff.median = Some(middle);
        let largest =
            [deltas[0], deltas[n - 1]].into_iter().max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        diff.largest = largest.map(|(delta, _)| delta);
        diff.largest_at = largest.map(|(_, id)| id);
    }
    Ok(diff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn numbers_differ_by_so_much() {
        let old: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(1.0), None, Some(3.0), Some(f64::NAN)]));
        let new: ArrayRef =
            Arc::new(Float64Array::from(vec![Some(0.5), Some(2.0), Some(7.0), None]));
        let common = [(10, 0, 0), (11, 1, 1), (12, 2, 2), (13, 3, 3)];
        let diff = column_diff(ColumnDiff::default(), &old, &new, &common).expect("a difference");
        assert_eq!((diff.rows, diff.gained, diff.lost), (3, 1, 0));
        assert_eq!((diff.median, diff.largest, diff.largest_at), (Some(1.75), Some(4.0), Some(12)));
    }

    #[test]
    fn large_integers_are_compared_whole() {
        let old: ArrayRef = Arc::new(Int64Array::from(vec![1 << 60]));
        let new: ArrayRef = Arc::new(Int64Array::from(vec![(1 << 60) + 1]));
        let diff = column_diff(ColumnDiff::default(), &old, &new, &[(1, 0, 0)]).expect("one");
        assert_eq!(diff.rows, 1);
    }

    #[test]
    fn texts_give_an_example() {
        let old: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None]));
        let new: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("c"), Some("d")]));
        let common = [(1, 0, 0), (2, 1, 1), (3, 2, 2)];
        let diff = column_diff(ColumnDiff::default(), &old, &new, &common).expect("a difference");
        assert_eq!((diff.rows, diff.gained), (2, 1));
        assert_eq!(diff.example, Some(["\"b\"".to_owned(), "\"c\"".to_owned()]));
    }
}
