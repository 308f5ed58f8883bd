//! Lineage: from a column back to every source column, and from any column on to all that it touches.
//!
//! A carried column is DIRECT (identity). A new column is DIRECT on the sources that its stage
//! names and INDIRECT on every other column the stage read: since a stage is handed nothing else,
//! no dependence can be missing. Which rows a table has is a thing of its own, `node.output.#rows`:
//! the columns that a criterion or a join reads lead to it, and it leads to all columns of the
//! table. `lineage_graph` says what depends on what, `lineage_facts` what is known of each.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::error::{EngineError, Result};
use super::evaluate::Outputs;
use super::lineage_facts::Digests;
use super::pipeline::Pipeline;
use super::store::Store;

/// How strongly one column depends on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Kind {
    /// Its values enter the result.
    Direct,
    /// It decides which rows there are, or otherwise steers the result.
    Indirect,
}

/// A dependence between two nodes of the lineage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LineageEdge {
    /// Identifier of the source.
    pub from: String,
    /// Identifier of what depends on it.
    pub to: String,
    /// How strongly.
    pub kind: Kind,
    /// In what way.
    pub how: String,
}

/// A column, the rows of a table, a column of a dataset, or a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct LineageNode {
    /// `node.output.column`, `node.output.#rows`, `dataset:slot.column` or `dataset:slot`.
    pub id: String,
    /// What is known of it.
    #[serde(flatten)]
    pub facts: Value,
}

/// All that a column depends on, or all that depends on it.
#[derive(Debug, Default, Serialize)]
pub struct Lineage {
    /// The asked-for column first, then breadth first.
    pub nodes: Vec<LineageNode>,
    /// Dependences.
    pub edges: Vec<LineageEdge>,
    /// The work that made them, in topological order.
    pub stages: Vec<Value>,
}

/// The name of the rows of a table among its columns.
pub const ROWS: &str = "#rows";
/// How the identifier of a dataset begins.
pub const DATASET: &str = "dataset:";

/// What lineage speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// A column: node, output, name.
    Column(usize, usize, String),
    /// Which rows an output has, and their order.
    Rows(usize, usize),
    /// A column of a dataset, by slot and the name in its files.
    DatasetColumn(String, String),
    /// The bytes of a dataset.
    Dataset(String),
}

/// What of the results exists.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Outputs by node, for those that exist.
    pub done: &'a [Option<Outputs>],
    /// Where their columns' digests are found.
    pub store: &'a Store,
}

impl Pipeline {
    /// Finds what `reference` names: `node.output.column`, `node.column`, `node.output.#rows`,
    /// `dataset:slot`, `dataset:slot.column`, a bare slot, or a bare column name; of several columns
    /// of that name, the one made last counts.
    pub fn find_item(&self, reference: &str) -> Result<Item> {
        let slot = reference.strip_prefix(DATASET);
        if let Some(item) = self.find_dataset(slot.unwrap_or(reference), slot.is_some()) {
            return Ok(item);
        }
        if slot.is_some() {
            let names = self.slots.keys().map(String::as_str);
            return Err(EngineError::unknown("dataset", reference, names));
        }
        if let Some((table, ROWS)) = reference.rsplit_once('.') {
            let (node, output) = self.output(table)?;
            return Ok(Item::Rows(node, output));
        }
        let (node, output, column) = self.find_column(reference)?;
        Ok(Item::Column(node, output, column))
    }

    /// A dataset, or one of its columns. Of a name that a node has too, the node is meant.
    fn find_dataset(&self, reference: &str, prefixed: bool) -> Option<Item> {
        let (slot, column) = match reference.split_once('.') {
            Some((slot, column)) => (slot, Some(column)),
            None => (reference, None),
        };
        if !self.slots.contains_key(slot) || (!prefixed && self.node(slot).is_ok()) {
            return None;
        }
        let item = match column {
            None => Item::Dataset(slot.to_owned()),
            Some(column) => Item::DatasetColumn(slot.to_owned(), column.to_owned()),
        };
        // A column that nobody reads is none that is known.
        let is_read = |item: &Item| {
            self.items().iter().any(|i| self.sources_of(i).iter().any(|s| s.item == *item))
        };
        (column.is_none() || is_read(&item)).then_some(item)
    }

    /// Finds a column by `node.output.column`, `node.column` or its bare name; of several of
    /// that bare name, the one made last counts.
    pub fn find_column(&self, reference: &str) -> Result<(usize, usize, String)> {
        let has = |node: usize, output: usize, column: &str| {
            self.nodes[node].schemas[output].column(column).is_some()
        };
        let words: Vec<&str> = reference.split('.').collect();
        if let [table @ .., column] = words.as_slice()
            && !table.is_empty()
            && let Ok((node, output)) = self.output(&table.join("."))
            && has(node, output, column)
        {
            return Ok((node, output, (*column).to_owned()));
        }
        for node in (0..self.nodes.len()).rev() {
            for output in 0..self.nodes[node].outputs.len() {
                if has(node, output, reference) {
                    return Ok((node, output, reference.to_owned()));
                }
            }
        }
        let names = self.nodes.iter().flat_map(|n| &n.schemas).flat_map(|s| &s.columns);
        Err(EngineError::unknown("column", reference, names.map(|c| c.name.as_str())))
    }

    /// All that `item` depends on.
    pub fn lineage(&self, item: Item, known: &Known<'_>) -> Result<Lineage> {
        let mut lineage = Lineage::default();
        let mut met = vec![item.clone()];
        let mut open = VecDeque::from([item.clone()]);
        let mut seen = BTreeSet::from([item]);
        while let Some(next) = open.pop_front() {
            let to = self.item_id(&next);
            for source in self.sources_of(&next) {
                lineage.edges.push(LineageEdge {
                    from: self.item_id(&source.item),
                    to: to.clone(),
                    kind: source.kind,
                    how: source.how,
                });
                if seen.insert(source.item.clone()) {
                    met.push(source.item.clone());
                    open.push_back(source.item);
                }
            }
        }
        self.tell(&met, known, Digests::All, &mut lineage)?;
        Ok(lineage)
    }

    /// All that depends on `item`.
    pub fn impact(&self, item: Item, known: &Known<'_>) -> Result<Lineage> {
        let mut readers: BTreeMap<Item, Vec<(Item, Kind, String)>> = BTreeMap::new();
        for reader in self.items() {
            for source in self.sources_of(&reader) {
                let found = readers.entry(source.item).or_default();
                found.push((reader.clone(), source.kind, source.how));
            }
        }
        let mut lineage = Lineage::default();
        let mut met = vec![item.clone()];
        let mut open = VecDeque::from([item.clone()]);
        let mut seen = BTreeSet::from([item]);
        while let Some(next) = open.pop_front() {
            let from = self.item_id(&next);
            for (reader, kind, how) in readers.remove(&next).unwrap_or_default() {
                let to = self.item_id(&reader);
                lineage.edges.push(LineageEdge { from: from.clone(), to, kind, how });
                if seen.insert(reader.clone()) {
                    met.push(reader.clone());
                    open.push_back(reader);
                }
            }
        }
        // A source touches thousands of carried columns; their content is that of the stored ones.
        self.tell(&met, known, Digests::OfStored, &mut lineage)?;
        Ok(lineage)
    }
}
