//! What the footer of a published Parquet file says of its columns: what they are made of, down to the sources.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::failure::Failure;
use super::project::Project;
use crate::engine::digest::Digest;
use crate::engine::evaluate::Outputs;
use crate::engine::lineage::{Kind, Known, Lineage};

/// The key under which it stands.
pub const PROVENANCE: &str = "mdwarf.provenance";

/// The digest of a copy that carries its provenance: of its content, and of the keys of all that it rests on.
pub fn with_origin(
    project: &Project,
    done: &[Option<Outputs>],
    node: usize,
    content: Digest,
) -> Digest {
    let reached = project.pipeline.ancestors(node);
    let outputs = done.iter().zip(reached).filter(|(_, reached)| *reached);
    let keys = outputs.filter_map(|(outputs, _)| outputs.as_ref()?.first());
    let mut digests = vec![content];
    digests.extend(keys.map(|artifact| artifact.record.name));
    Digest::of_sequence(&digests)
}

/// Provenance of a table's columns as JSON: direct edges, and the sources with the digests of their files.
pub fn provenance(
    project: &Project,
    done: &[Option<Outputs>],
    (node, output): (usize, usize),
) -> Result<String, Failure> {
    let pipeline = &project.pipeline;
    let known = Known { done, store: &project.store };
    let mut columns = serde_json::Map::new();
    let mut datasets: BTreeMap<String, Value> = BTreeMap::new();
    let mut stages: BTreeMap<String, Value> = BTreeMap::new();
    for column in &pipeline.nodes[node].schemas[output].columns {
        let item = crate::engine::lineage::Item::Column(node, output, column.name.clone());
        let lineage = pipeline.lineage(item, &known)?;
        columns.insert(column.name.clone(), one(&lineage));
        for found in lineage.nodes.iter().filter(|n| n.facts["kind"] == "dataset") {
            datasets.insert(found.id.clone(), found.facts.clone());
        }
        for stage in &lineage.stages {
            let name = stage["node"].as_str().unwrap_or_default().to_owned();
            let facts = ["stage", "revision", "section", "params", "ports", "seed"];
            let facts = facts.into_iter().filter(|key| !stage[*key].is_null());
            stages.insert(name, facts.map(|key| (key.to_owned(), stage[key].clone())).collect());
        }
    }
    let told = json!({
        "pipeline": pipeline.name,
        "profile": pipeline.profile,
        "method": pipeline.method,
        "columns": columns,
        "datasets": datasets,
        "nodes": stages,
    });
    Ok(told.to_string())
}

/// A column: what it is handed on from, and the columns of datasets that it rests on.
fn one(lineage: &Lineage) -> Value {
    let root = lineage.nodes.first().map_or("", |node| node.id.as_str());
    let from: Vec<Value> = lineage
        .edges
        .iter()
        .filter(|edge| edge.to == root)
        .map(|edge| json!({ "from": edge.from, "kind": edge.kind, "how": edge.how }))
        .collect();
    let direct = super::lineage::directly_reached(lineage, super::lineage::Way::Back);
    let sources = |kind: Kind| -> Vec<&str> {
        let of_dataset = lineage.nodes.iter().filter(|n| n.id.starts_with("dataset:"));
        let wanted = of_dataset.filter(|n| direct.contains(&n.id) == (kind == Kind::Direct));
        let mut ids: Vec<&str> = wanted.map(|n| n.id.as_str()).collect();
        ids.sort_unstable();
        ids
    };
    json!({
        "from": from,
        "digest": lineage.nodes.first().map(|node| node.facts["digest"].clone()),
        "sources": { "DIRECT": sources(Kind::Direct), "INDIRECT": sources(Kind::Indirect) },
    })
}
