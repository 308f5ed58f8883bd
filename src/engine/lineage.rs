//! Lineage: from a column back to every source column, through the stages' declared edges.
//!
//! A carried column is DIRECT (identity). A new column is DIRECT on the sources that its stage
//! names and INDIRECT on every other column the stage read: since a stage is handed nothing else,
//! no dependence can be missing.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::error::{EngineError, Result};
use super::evaluate::Outputs;
use super::pipeline::{Node, Pipeline};
use super::source::Binding;
use super::source::FILES;
use super::stage::{Output, Rows};

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

/// A column, or a dataset, in a lineage.
#[derive(Clone, Debug, Serialize)]
pub struct LineageNode {
    /// `node.output.column` or `dataset:slot`.
    pub id: String,
    /// What is known of it.
    #[serde(flatten)]
    pub facts: Value,
}

/// All that a column depends on.
#[derive(Debug, Default, Serialize)]
pub struct Lineage {
    /// The asked-for column first, then breadth first.
    pub nodes: Vec<LineageNode>,
    /// Dependences.
    pub edges: Vec<LineageEdge>,
}

type Column = (usize, usize, String);

impl Pipeline {
    /// Finds a column by `node.output.column`, `node.column` or its bare name; of several of
    /// that bare name, the one made last counts.
    pub fn find_column(&self, reference: &str) -> Result<Column> {
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

    /// The lineage of a column; `done` gives digests of what exists.
    pub fn lineage(&self, column: Column, done: &[Option<Outputs>]) -> Lineage {
        let mut lineage = Lineage::default();
        let mut open = std::collections::VecDeque::from([column]);
        let mut seen: BTreeMap<String, ()> = BTreeMap::new();
        while let Some(next) = open.pop_front() {
            let id = self.column_id(&next);
            if seen.insert(id.clone(), ()).is_some() {
                continue;
            }
            lineage.nodes.push(LineageNode { id: id.clone(), facts: self.facts(&next, done) });
            for (from, kind, how) in self.sources_of(&next) {
                let edge = LineageEdge { from: self.column_id(&from), to: id.clone(), kind, how };
                lineage.edges.push(edge);
                open.push_back(from);
            }
            self.dataset_of(&next, &id, &mut seen, &mut lineage);
        }
        lineage
    }

    fn column_id(&self, (node, output, column): &Column) -> String {
        let node = &self.nodes[*node];
        format!("{}.{}.{column}", node.name, node.outputs[*output].name)
    }

    fn facts(&self, (node, output, column): &Column, done: &[Option<Outputs>]) -> Value {
        let n = &self.nodes[*node];
        let mut facts = json!({
            "node": n.name,
            "stage": n.stage.name,
            "revision": n.stage.revision,
            "section": n.section,
            "params": n.params,
            "column": n.schemas[*output].column(column),
        });
        if let Some(seed) = n.seed {
            facts["seed"] = json!(seed);
        }
        if let Some(outputs) = &done[*node] {
            let record = &outputs[*output].record;
            facts["key"] = json!(record.name);
            facts["code"] = json!(record.code);
        }
        facts
    }

    /// The direct and indirect sources of a column, one step up.
    fn sources_of(&self, (node, output, column): &Column) -> Vec<(Column, Kind, String)> {
        let n = &self.nodes[*node];
        let output = &n.outputs[*output];
        let mut found: Vec<(Column, Kind, String)> = Vec::new();
        if let Some(carried) = output.carried.iter().find(|c| c.name == *column) {
            if let Some((source, out)) = bound(n, &carried.port) {
                let from = (source, out, carried.column.clone());
                found.push((from, Kind::Direct, "identity".into()));
            }
            if follows(output, &carried.port) {
                return found;
            }
        } else if let Some(new) = output.columns.iter().find(|c| c.meta.name == *column) {
            for edge in &new.from {
                if let Some((source, out)) = bound(n, &edge.port) {
                    let from = (source, out, edge.column.clone());
                    found.push((from, Kind::Direct, edge.how.clone()));
                }
            }
        }
        self.reads(n, output, &mut found);
        found
    }

    /// Every column that the stage read and that is not a source yet.
    fn reads(&self, node: &Node, output: &Output, found: &mut Vec<(Column, Kind, String)>) {
        let how = match &output.rows {
            Rows::Select(_) => "filter",
            _ if output.carried.is_empty() => "read",
            _ => "join",
        };
        for port in &node.ports {
            let Some((source, out)) = port.source else { continue };
            for need in &port.port.needs {
                let from = (source, out, need.column.clone());
                if !found.iter().any(|(known, ..)| *known == from) {
                    found.push((from, Kind::Indirect, how.into()));
                }
            }
        }
    }

    fn dataset_of(
        &self,
        (node, ..): &Column,
        id: &str,
        seen: &mut BTreeMap<String, ()>,
        lineage: &mut Lineage,
    ) {
        let Some((slot, binding)) = &self.nodes[*node].dataset else { return };
        let from = format!("dataset:{slot}");
        lineage.edges.push(LineageEdge {
            from: from.clone(),
            to: id.to_owned(),
            kind: Kind::Direct,
            how: FILES.into(),
        });
        if seen.insert(from.clone(), ()).is_none() {
            let files = match binding {
                Binding::Files(files) => files
                    .iter()
                    .map(|f| json!({"name": f.name, "blake3": f.digest, "origin": origin(f)}))
                    .collect(),
                _ => Vec::new(),
            };
            lineage.nodes.push(LineageNode { id: from, facts: json!({ "files": files }) });
        }
    }
}

fn origin(file: &super::source::BoundFile) -> Value {
    match &file.origin {
        super::source::Origin::Path(_) => json!("path"),
        super::source::Origin::Public { url, .. } => json!(url),
    }
}

fn bound(node: &Node, port: &str) -> Option<(usize, usize)> {
    node.ports.iter().find(|b| b.port.name == port)?.source
}

/// Whether an output has all rows of that port, so that nothing but the port decides its rows.
fn follows(output: &Output, port: &str) -> bool {
    matches!(&output.rows, Rows::Same(same) if same == port)
}
