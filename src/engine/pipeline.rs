//! The sound pipeline: a directed acyclic graph of nodes whose ports, columns and units fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::graph::{DiGraph, NodeIndex};
use serde::Serialize;
use serde_json::Value;

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::source::Binding;
use super::stage::{Output, Port, Stage, TableSchema};

/// A kind of work, as the registry lists it.
pub struct StageDef {
    /// Name in `stage = "…"`.
    pub name: &'static str,
    /// Raised whenever outputs move for the same inputs.
    pub revision: u32,
    /// One line for people.
    pub about: &'static str,
    /// Reads a node's parameters.
    pub build: fn(&super::spec::NodeSpec) -> Result<Built, super::spec::SpecError>,
    /// JSON schema of the parameters.
    pub params_schema: fn() -> Value,
}

/// A stage with its parameters, and these in canonical form.
pub struct Built {
    /// The stage.
    pub work: Arc<dyn Stage>,
    /// Parameters with defaults filled in, keys sorted.
    pub params: Value,
}

/// An input of a node and what is bound to it.
pub struct BoundPort {
    /// As the stage declares it.
    pub port: Port,
    /// Node and output bound to it; `None` where an optional port is unbound or its dataset is
    /// absent.
    pub source: Option<(usize, usize)>,
}

/// One use of a stage.
pub struct Node {
    /// Name in `[node.NAME]`.
    pub name: String,
    /// The kind of work.
    pub stage: &'static StageDef,
    /// The work with its parameters.
    pub work: Arc<dyn Stage>,
    /// Canonical parameters.
    pub params: Value,
    /// Section of the paper.
    pub section: String,
    /// One line for people.
    pub about: String,
    /// The inputs.
    pub ports: Vec<BoundPort>,
    /// The outputs.
    pub outputs: Vec<Arc<Output>>,
    /// Their shapes.
    pub schemas: Vec<Arc<TableSchema>>,
    /// From the pipeline's seed and the stage's purpose.
    pub seed: Option<u64>,
    /// Dataset slot and what fills it.
    pub dataset: Option<(String, Binding)>,
    /// The absent dataset on which this node depends.
    pub absent: Option<String>,
}

impl Node {
    /// The index of an output by name; the first one for `None`.
    pub fn output(&self, name: Option<&str>) -> Result<usize> {
        let Some(name) = name else { return Ok(0) };
        self.outputs.iter().position(|o| o.name == name).ok_or_else(|| {
            let names = self.outputs.iter().map(|o| o.name.as_str());
            EngineError::unknown("output", &format!("{}.{name}", self.name), names)
        })
    }
}

/// A pipeline that holds together.
pub struct Pipeline {
    /// Its name.
    pub name: String,
    /// Profile that filled its slots.
    pub profile: String,
    /// Method that set its parameters.
    pub method: String,
    /// Nodes in topological order: inputs come before their consumers.
    pub nodes: Vec<Node>,
    /// The same nodes as a graph; an edge is labelled `output -> port`.
    pub graph: DiGraph<usize, String>,
    /// Claims in order.
    pub claims: Vec<super::spec::Claim>,
    /// Seed of all that is random.
    pub seed: u64,
    /// Slots of data in order: name, what they are, whom to cite.
    pub datasets: Vec<(String, String, String)>,
    /// Where the paper leaves something open.
    pub contradictions: Vec<super::spec::Contradiction>,
    /// Files for people: name, node, output.
    pub publish: Vec<(String, usize, usize)>,
    /// What is known of the dataset slots, by name.
    pub slots: BTreeMap<String, Slot>,
}

/// What is known of a dataset slot: for people, it decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// What the data are.
    pub about: String,
    /// Section of the paper.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub section: String,
    /// Release of the archive, where the profile tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Where the archive is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// What may be done with the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

impl Pipeline {
    /// The index of a node by name.
    pub fn node(&self, name: &str) -> Result<usize> {
        self.nodes.iter().position(|n| n.name == name).ok_or_else(|| {
            EngineError::unknown("node", name, self.nodes.iter().map(|n| n.name.as_str()))
        })
    }

    /// A node and its output from `node` or `node.output`.
    pub fn output(&self, reference: &str) -> Result<(usize, usize)> {
        let (node, output) = match reference.split_once('.') {
            Some((node, output)) => (node, Some(output)),
            None => (reference, None),
        };
        let index = self.node(node)?;
        Ok((index, self.nodes[index].output(output)?))
    }

    /// Nodes that a node depends on, itself included.
    pub fn ancestors(&self, node: usize) -> Vec<bool> {
        self.reach(node, petgraph::Direction::Incoming)
    }

    /// Nodes that depend on a node, itself included.
    pub fn descendants(&self, node: usize) -> Vec<bool> {
        self.reach(node, petgraph::Direction::Outgoing)
    }

    fn reach(&self, node: usize, direction: petgraph::Direction) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut open = vec![NodeIndex::new(node)];
        while let Some(next) = open.pop() {
            if !std::mem::replace(&mut reached[next.index()], true) {
                open.extend(self.graph.neighbors_directed(next, direction));
            }
        }
        reached
    }
}

/// The seed of a node: from the pipeline's seed and what the stage wants it for, not from the
/// node's name, so that renaming a node changes nothing.
pub fn node_seed(pipeline_seed: u64, purpose: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"mdwarf seed 1\0");
    hasher.update(&pipeline_seed.to_le_bytes());
    hasher.update(purpose.as_bytes());
    Digest::finish(&hasher).low_u64()
}

/// The bucket of a row id.
pub fn bucket(id: i64, buckets: u32) -> u32 {
    let digest = Digest::of_bytes(&id.to_le_bytes());
    (digest.low_u64() % u64::from(buckets.max(1))) as u32
}

/// The shape of an output: carried columns with the meaning they have at their port, then the new
/// ones.
pub fn output_schema(
    node: &str,
    output: &Output,
    inputs: &BTreeMap<String, TableSchema>,
) -> Result<TableSchema> {
    let broken = |what: String| EngineError::Pipeline { node: node.to_owned(), what };
    let mut columns = Vec::new();
    for carried in &output.carried {
        let meta = inputs
            .get(&carried.port)
            .and_then(|schema| schema.column(&carried.column))
            .ok_or_else(|| {
                broken(format!(
                    "output `{}` carries `{}.{}`, which does not exist",
                    output.name, carried.port, carried.column
                ))
            })?;
        columns.push(meta.clone().named(&carried.name));
    }
    columns.extend(output.columns.iter().map(|c| c.meta.clone()));
    let mut names: Vec<&str> = columns.iter().map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(broken(format!(
            "output `{}` has two columns `{}`; rename one",
            output.name, pair[0]
        )));
    }
    if let Some(id) = output.row_id.as_deref().filter(|id| names.binary_search(id).is_err()) {
        return Err(broken(format!("output `{}` has no row id column `{id}`", output.name)));
    }
    Ok(TableSchema { columns, row_id: output.row_id.clone() })
}
