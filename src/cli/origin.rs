//! What a published table says of itself: what its columns are made of, down to the sources.
//!
//! It depends on nothing that only one run knows (no clock, no name of a run): two runs of the same work publish the
//! same bytes, and a run that finds all as it was writes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::failure::Failure;
use super::lineage::{Way, directly_reached};
use super::project::Project;
use crate::engine::digest::Digest;
use crate::engine::error::EngineError;
use crate::engine::evaluate::Outputs;
use crate::engine::lineage::{DATASET, Item, Kind, Known, Lineage};
use crate::engine::pipeline::Pipeline;
use crate::engine::types::{ColumnMeta, Type};

/// A table of a node: node and output.
pub type TableAt = (usize, usize);

/// Whether a file of this name carries the provenance of its columns.
pub fn is_carried_by(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet" || extension == "vot")
}

/// The digest of a copy that carries its provenance: of its content, of the keys of all that it rests on, and of what is
/// said of the sources.
///
/// # Errors
/// Facts of a source that have no JSON form.
pub fn with_origin(
    project: &Project,
    done: &[Option<Outputs>],
    node: usize,
    content: Digest,
) -> Result<Digest, Failure> {
    let pipeline = &project.pipeline;
    let reached = pipeline.ancestors(node);
    let outputs = done.iter().zip(reached).filter(|(_, reached)| *reached);
    let keys = outputs.filter_map(|(outputs, _)| outputs.as_ref()?.first());
    let said = json!([FORM, pipeline.name, pipeline.profile, pipeline.method, pipeline.slots]);
    let mut digests = vec![content, Digest::of_json(&said).map_err(EngineError::table("sources"))?];
    digests.extend(keys.map(|artifact| artifact.record.name));
    Ok(Digest::of_sequence(&digests))
}

/// Counts the forms in which provenance has been written: another one writes the copies anew.
const FORM: u32 = 2;

/// The table that a published output shows: itself, or of files the table that they were written from.
pub fn table_shown(pipeline: &Pipeline, (node, output): TableAt) -> TableAt {
    let of_files = |(node, output): TableAt| {
        let columns = &pipeline.nodes[node].schemas[output].columns;
        columns.iter().any(|column| column.kind == Type::Bytes)
    };
    match &pipeline.nodes[node].ports[..] {
        [only] if of_files((node, output)) => only.source.unwrap_or((node, output)),
        _ => (node, output),
    }
}

/// A table with all that its columns depend on.
pub struct TableOrigin<'a> {
    /// The project.
    pub project: &'a Project,
    /// The table.
    pub table: TableAt,
    /// Its columns, each with its lineage.
    pub columns: Vec<(ColumnMeta, Lineage)>,
}

impl<'a> TableOrigin<'a> {
    /// Follows all columns of a table.
    ///
    /// # Errors
    /// A digest that cannot be read.
    pub fn of(
        project: &'a Project,
        done: &[Option<Outputs>],
        table: TableAt,
    ) -> Result<Self, Failure> {
        let (node, output) = table;
        let known = Known { done, store: &project.store };
        let columns = project.pipeline.nodes[node].schemas[output].columns.iter().map(|column| {
            let item = Item::Column(node, output, column.name.clone());
            Ok((column.clone(), project.pipeline.lineage(item, &known)?))
        });
        Ok(Self { project, table, columns: columns.collect::<Result<_, Failure>>()? })
    }

    /// What is known of the datasets that the columns rest on, by slot.
    pub fn datasets(&self) -> BTreeMap<&str, &Value> {
        let nodes = self.columns.iter().flat_map(|(_, lineage)| &lineage.nodes);
        let datasets = nodes.filter(|node| node.facts["kind"] == "dataset");
        datasets.filter_map(|n| Some((n.id.strip_prefix(DATASET)?, &n.facts))).collect()
    }

    /// All that decided the work of the nodes that the columns rest on, by node.
    pub fn stages(&self) -> BTreeMap<&str, Value> {
        let stages = self.columns.iter().flat_map(|(_, lineage)| &lineage.stages);
        let decisive = |stage: &Value| {
            let facts = ["stage", "revision", "section", "params", "ports", "seed"];
            let facts = facts.into_iter().filter(|key| !stage[*key].is_null());
            facts.map(|key| (key.to_owned(), stage[key].clone())).collect()
        };
        stages.filter_map(|s| Some((s["node"].as_str()?, decisive(s)))).collect()
    }
}

/// Columns of datasets, and whole ones, on which a lineage rests: by DIRECT edges alone, or only by others.
pub fn sources(lineage: &Lineage, kind: Kind) -> Vec<&str> {
    let direct = directly_reached(lineage, Way::Back);
    let of_dataset = lineage.nodes.iter().filter(|n| n.id.starts_with(DATASET));
    let wanted = of_dataset.filter(|n| direct.contains(&n.id) == (kind == Kind::Direct));
    let mut ids: Vec<&str> = wanted.map(|n| n.id.as_str()).collect();
    ids.sort_unstable();
    ids
}
