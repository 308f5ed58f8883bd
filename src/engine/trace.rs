//! One row through the whole graph, found by its id.
//!
//! A table is of the rows' kind when its row id comes, handed on unchanged, from where the asked-for
//! id column is made. What a part of such a table says of each row is kept in pages beside the store
//! (`trace_pages`), written when the part is first asked and read a page at a time after, so that an
//! answer does not wait for whole columns, nor for data that a sweep has taken since.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Map, Value};

use super::error::{EngineError, Result};
use super::evaluate::Outputs;
use super::expression::Check;
use super::lineage::{Item, Kind};
use super::pipeline::Pipeline;
use super::stage::Rows;
use super::store::Store;
use super::trace_rows::{CHECKS, TableRows};
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

/// What a table answers.
enum Answer {
    Step(Box<Step>),
    NotShown(String),
    Nothing,
}

/// A table whose rows are of the kind asked for: node, output, and the column of the id.
pub(super) type IdTable = (usize, usize, String);

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
        let way = self.way_to_catalog();
        let asked: Vec<Answer> = tables
            .par_iter()
            .map(|table| self.ask(store, &tables, table, done[table.0].as_ref(), id))
            .collect::<Result<_>>()?;
        let mut trace = Trace::default();
        for (answer, (node, ..)) in asked.into_iter().zip(&tables) {
            match answer {
                Answer::Step(step) => {
                    trace.steps.push(Step { on_the_way: way.contains(node), ..*step });
                }
                Answer::NotShown(why) => trace.not_shown.push(why),
                Answer::Nothing => {}
            }
        }
        Ok(trace)
    }

    /// What one table says of a row.
    fn ask(
        &self,
        store: &Store,
        tables: &[IdTable],
        table: &IdTable,
        outputs: Option<&Outputs>,
        id: i64,
    ) -> Result<Answer> {
        let n = &self.nodes[table.0];
        let Some(outputs) = outputs else {
            return Ok(match n.absent.is_none() && table.1 == 0 {
                true => Answer::NotShown(format!("`{}` has no result in the store", n.name)),
                false => Answer::Nothing,
            });
        };
        let artifact = &outputs[table.1];
        let mut rows = match TableRows::new(store, self, table, tables, artifact).of_id(id) {
            Err(EngineError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                let what = "its data were swept from the store (`mdwarf run` makes them again)";
                return Ok(Answer::NotShown(format!("`{}`: {what}", artifact.name)));
            }
            rows => rows?,
        };
        if rows.is_empty() {
            return Ok(Answer::Nothing);
        }
        let checks = rows.first_mut().and_then(|row| row.remove(CHECKS));
        Ok(Answer::Step(Box::new(Step {
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
            on_the_way: false,
            rows,
            checks: checks.and_then(|c| serde_json::from_value(c).ok()).unwrap_or_default(),
        })))
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
