//! One row through the whole graph, found by its id.
//!
//! A table is of the rows' kind when its row id comes, handed on unchanged, from where the asked-for
//! id column is made. What such a table says of each row is kept in pages beside the store
//! (`trace_pages`), written when a table is first asked and read a page at a time after, so that an
//! answer does not wait for whole columns, nor for data that a sweep has taken since.

use std::collections::BTreeSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::artifact::Artifact;
use super::error::{EngineError, Result};
use super::evaluate::Outputs;
use super::expression::Check;
use super::lineage::{Item, Kind};
use super::pipeline::Pipeline;
use super::stage::{Carried, Rows};
use super::store::Store;
use super::trace_pages::{TracePages, trace_pages};
use super::types::Type;

/// A table in which the row stands, and what it says there.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The node.
    pub node: String,
    /// Its stage.
    pub stage: String,
    /// What it is for.
    pub about: String,
    /// Section of the paper.
    pub section: String,
    /// The output.
    pub output: String,
    /// What became of the row there.
    pub verdict: Verdict,
    /// Whether the node stands on the way to the catalog.
    pub on_the_way: bool,
    /// Rows found: column -> value, vectors in short.
    pub rows: Vec<Map<String, Value>>,
    /// What was asked of the row: each condition with value and threshold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// What became of a row at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It went on.
    Kept,
    /// It ended there.
    Rejected,
    /// It stands in a table of a node that rejects nothing.
    Present,
}

/// A row's way.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trace {
    /// In topological order.
    pub steps: Vec<Step>,
    /// Tables that were not searched, and why.
    pub not_shown: Vec<String>,
}

/// A table whose rows are of the kind asked for: node, output, and the column of the id.
type IdTable = (usize, usize, String);

impl Pipeline {
    /// The way of a row through all tables that speak of such rows.
    pub fn trace(
        &self,
        store: &Store,
        done: &[Option<Outputs>],
        id_column: &str,
        id: i64,
    ) -> Result<Trace> {
        let tables = self.id_tables(id_column);
        let of_rows: BTreeSet<(usize, usize)> = tables.iter().map(|t| (t.0, t.1)).collect();
        let way = self.way_to_catalog();
        let mut trace = Trace::default();
        for (node, output, column) in &tables {
            let n = &self.nodes[*node];
            let Some(outputs) = &done[*node] else {
                if n.absent.is_none() && *output == 0 {
                    trace.not_shown.push(format!("`{}` has no result in the store", n.name));
                }
                continue;
            };
            let artifact = &outputs[*output];
            let pages = trace_pages(store, artifact, column, || {
                table_rows(store, self, (*node, *output), &of_rows, artifact, column)
            });
            let pages = match pages {
                Ok(pages) => pages,
                Err(EngineError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    let what = "its data were swept from the store (`mdwarf run` makes them again)";
                    trace.not_shown.push(format!("`{}`: {what}", artifact.name));
                    continue;
                }
                Err(why) => return Err(why),
            };
            let mut rows = pages.rows(id)?;
            if rows.is_empty() {
                continue;
            }
            let checks = rows.first_mut().and_then(|row| row.remove(CHECKS));
            trace.steps.push(Step {
                node: n.name.clone(),
                stage: n.stage.name.to_owned(),
                about: n.about.clone(),
                section: n.section.clone(),
                output: artifact.output.name.clone(),
                verdict: match n.work.accounts() {
                    Some(accounts) if accounts.kept == artifact.output.name => Verdict::Kept,
                    Some(accounts) if accounts.rejects == artifact.output.name => Verdict::Rejected,
                    _ => Verdict::Present,
                },
                on_the_way: way.contains(node),
                rows,
                checks: checks.and_then(|c| serde_json::from_value(c).ok()).unwrap_or_default(),
            });
        }
        Ok(trace)
    }

    /// The columns by which tables can be asked for a row.
    pub fn row_ids(&self) -> BTreeSet<&str> {
        let shapes = self.nodes.iter().flat_map(|node| &node.schemas);
        shapes.filter_map(|schema| schema.row_id.as_deref()).collect()
    }

    /// Tables whose row id is that of `id_column`'s first table, under whatever name.
    fn id_tables(&self, id_column: &str) -> Vec<IdTable> {
        let whole = |node: usize, output: usize, name: &str| {
            self.nodes[node].schemas[output].column(name).is_some_and(|c| c.kind == Type::Int(64))
        };
        let mut tables: Vec<IdTable> = Vec::new();
        let mut origins: BTreeSet<Item> = BTreeSet::new();
        for (node, n) in self.nodes.iter().enumerate() {
            for (output, schema) in n.schemas.iter().enumerate() {
                let row_id = schema.row_id.as_deref();
                let named = row_id == Some(id_column);
                let origin = |name: &str| self.origin(Item::Column(node, output, name.to_owned()));
                let column = match row_id {
                    Some(name) if whole(node, output, name) && named => {
                        origins.insert(origin(name));
                        name
                    }
                    Some(name) if whole(node, output, name) && origins.contains(&origin(name)) => {
                        name
                    }
                    _ if whole(node, output, id_column) && origins.contains(&origin(id_column)) => {
                        id_column
                    }
                    _ => continue,
                };
                tables.push((node, output, column.to_owned()));
            }
        }
        tables
    }

    /// Where a column that is only handed on is made.
    fn origin(&self, mut item: Item) -> Item {
        while matches!(item, Item::Column(..)) {
            let mut sources = self.sources_of(&item).into_iter();
            let from = sources.find(|s| s.kind == Kind::Direct && s.how == "identity");
            match from {
                Some(from) if matches!(from.item, Item::Column(..)) => item = from.item,
                _ => break,
            }
        }
        item
    }

    /// The nodes that a row of the catalog has passed, by its own table.
    fn way_to_catalog(&self) -> BTreeSet<usize> {
        let mut way = BTreeSet::new();
        let mut at = self.catalog().map(|node| (node, 0));
        while let Some((node, output)) = at {
            way.insert(node);
            let n = &self.nodes[node];
            at = match &n.outputs[output].rows {
                Rows::Same(port) | Rows::Select(port) => {
                    n.ports.iter().find(|p| p.port.name == *port).and_then(|p| p.source)
                }
                Rows::New => None,
            };
        }
        way
    }

    /// The node whose table is the product: the last of stage `catalog`.
    pub fn catalog(&self) -> Option<usize> {
        self.nodes.iter().rposition(|node| node.stage.name == "catalog")
    }
}

/// The key under which a page keeps what was asked of a row.
const CHECKS: &str = "#checks";

/// What a table says of each row: columns that it made, and joined ones; what comes from other
/// tables of the same rows was told there.
fn table_rows(
    store: &Store,
    pipeline: &Pipeline,
    (node, output): (usize, usize),
    of_rows: &BTreeSet<(usize, usize)>,
    artifact: &Artifact,
    id_column: &str,
) -> Result<Vec<(i64, Map<String, Value>)>> {
    let n = &pipeline.nodes[node];
    let is_told = |port: &str| {
        let bound = n.ports.iter().find(|bound| bound.port.name == port);
        bound.and_then(|bound| bound.source).is_some_and(|source| of_rows.contains(&source))
    };
    let is_catalog = pipeline.catalog() == Some(node);
    let new = artifact.output.columns.iter().map(|c| c.meta.name.clone());
    let carried = artifact.output.carried.iter();
    // A column that is called otherwise here is told again: a label by its published name.
    let is_news = |c: &&Carried| is_catalog || c.name != c.column || !is_told(&c.port);
    let joined = carried.filter(is_news).map(|c| c.name.clone());
    let names: Vec<String> = new.chain(joined).filter(|name| name != id_column).collect();
    let ids = artifact.read(store, id_column)?;
    let mut rows: Vec<(i64, Map<String, Value>)> = Vec::new();
    let mut places: Vec<usize> = Vec::new();
    for (row, id) in ids.as_primitive::<Int64Type>().iter().enumerate() {
        if let Some(id) = id {
            rows.push((id, Map::new()));
            places.push(row);
        }
    }
    for name in &names {
        let column = artifact.read(store, name)?;
        for ((_, told), row) in rows.iter_mut().zip(&places) {
            told.insert(name.clone(), in_short(&column, *row)?);
        }
    }
    if n.work.has_checks()
        && n.work
            .accounts()
            .is_some_and(|a| [&a.kept, &a.rejects].contains(&&n.outputs[output].name))
    {
        add_checks(store, artifact, n, id_column, &mut rows)?;
    }
    Ok(rows)
}

/// Asks the stage what it asked of each row of its driving port.
fn add_checks(
    store: &Store,
    artifact: &Artifact,
    node: &super::pipeline::Node,
    id_column: &str,
    rows: &mut [(i64, Map<String, Value>)],
) -> Result<()> {
    let Some(port) = node.work.accounts().map(|accounts| accounts.port) else { return Ok(()) };
    let Some((input, _)) = artifact.inputs.get(&port) else { return Ok(()) };
    let needs = node.ports.iter().find(|p| p.port.name == port).into_iter();
    let mut columns: Vec<String> =
        needs.flat_map(|p| &p.port.needs).map(|need| need.column.clone()).collect();
    columns.sort();
    columns.dedup();
    let table = input.read_table(store, &columns, None)?;
    let stage = |why: super::stage::StageError| EngineError::Stage {
        node: node.name.clone(),
        what: why.to_string(),
    };
    let checks = node.work.checks(&table).map_err(stage)?;
    let ids = input.read(store, id_column)?;
    let ids = ids.as_primitive::<Int64Type>();
    let mut by_id = std::collections::BTreeMap::new();
    for (row, id) in ids.iter().enumerate() {
        if let Some(id) = id {
            by_id.entry(id).or_insert(row);
        }
    }
    for (id, told) in rows {
        if let Some(checks) = by_id.get(id).and_then(|row| checks.get(*row)) {
            told.insert(CHECKS.into(), json!(checks));
        }
    }
    Ok(())
}

/// A cell as JSON; a vector of numbers by its extent.
fn in_short(array: &ArrayRef, row: usize) -> Result<Value> {
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

/// Kept so that pages of one kind are not read as another.
pub(super) fn page_signature(
    store: &Store,
    artifact: &Artifact,
    id_column: &str,
) -> Result<String> {
    let mut words = vec![id_column.to_owned(), artifact.record.name.to_string()];
    words.push(artifact.output.name.clone());
    for carried in &artifact.output.carried {
        words.push(format!("{} {}", carried.name, artifact.column_digest(store, &carried.name)?));
    }
    Ok(words.join("\n"))
}

impl TracePages {
    /// What the table says of the rows with that id.
    fn rows(&self, id: i64) -> Result<Vec<Map<String, Value>>> {
        let page = self.page(id)?;
        Ok(page.into_iter().filter(|(of, _)| *of == id).map(|(_, row)| row).collect())
    }
}
