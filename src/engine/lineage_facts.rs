//! What is known of each item of a lineage, and of the work that made it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::Result;
use super::lineage::{Item, Known, Lineage, LineageNode};
use super::pipeline::{Node, Pipeline};
use super::source::{Binding, BoundFile, Origin};

/// Of which columns the digest is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digests {
    /// Of all, also of those that must be gathered for it.
    All,
    /// Of those that a table stores itself: records hold them.
    OfStored,
}

impl Pipeline {
    /// Adds the facts of the items met, and of their stages. With `Digests::OfStored` nothing is gathered to be digested.
    pub(super) fn tell(
        &self,
        met: &[Item],
        known: &Known<'_>,
        digests: Digests,
        lineage: &mut Lineage,
    ) -> Result<()> {
        let mut nodes = BTreeSet::new();
        for item in met {
            let facts = match item {
                Item::Column(node, output, column) => {
                    nodes.insert(*node);
                    self.column_facts((*node, *output), column, known, digests)?
                }
                Item::Rows(node, output) => {
                    nodes.insert(*node);
                    self.table_facts((*node, *output), known)
                }
                Item::DatasetColumn(slot, column) => {
                    json!({ "kind": "dataset column", "dataset": slot, "column": column })
                }
                Item::Dataset(slot) => self.dataset_facts(slot),
            };
            lineage.nodes.push(LineageNode { id: self.item_id(item), facts });
        }
        lineage.stages = nodes.into_iter().map(|n| self.stage_facts(n, known)).collect();
        Ok(())
    }

    fn column_facts(
        &self,
        (node, output): (usize, usize),
        column: &str,
        known: &Known<'_>,
        digests: Digests,
    ) -> Result<Value> {
        let n = &self.nodes[node];
        let mut facts = json!({
            "kind": "column",
            "node": n.name,
            "stage": n.stage.name,
            "section": n.section,
            "column": n.schemas[output].column(column),
        });
        if let Some(outputs) = &known.done[node] {
            facts["rows"] = json!(outputs[output].rows());
            let is_stored = outputs[output].output.columns.iter().any(|c| c.meta.name == column);
            // After a sweep a carried column can no longer be gathered, and its digest may be lost.
            if (is_stored || digests == Digests::All)
                && let Ok(digest) = outputs[output].column_digest(known.store, column)
            {
                facts["digest"] = json!(digest);
            }
        }
        Ok(facts)
    }

    fn table_facts(&self, (node, output): (usize, usize), known: &Known<'_>) -> Value {
        let n = &self.nodes[node];
        let rows = known.done[node].as_ref().map(|outputs| outputs[output].rows());
        json!({
            "kind": "rows",
            "node": n.name,
            "stage": n.stage.name,
            "section": n.section,
            "rows": rows,
        })
    }

    /// Everything that decided the work of a node, and who did it.
    fn stage_facts(&self, node: usize, known: &Known<'_>) -> Value {
        let n = &self.nodes[node];
        let mut facts = json!({
            "node": n.name,
            "stage": n.stage.name,
            "revision": n.stage.revision,
            "section": n.section,
            "about": n.about,
            "params": n.params,
            "ports": ports(self, n),
        });
        if let Some(seed) = n.seed {
            // In digits: it may be larger than what JSON's readers keep whole.
            facts["seed"] = json!(seed.to_string());
        }
        if let Some((slot, _)) = &n.dataset {
            facts["dataset"] = json!(slot);
        }
        match known.done[node].as_ref().and_then(|outputs| outputs.first()) {
            Some(artifact) => {
                let record = &artifact.record;
                facts["key"] = json!(record.name);
                facts["code"] = json!(record.code);
                facts["machine"] = json!(record.machine);
                facts["seconds"] = json!(record.seconds);
            }
            None => {
                let absent = n.absent.as_ref().map(|slot| format!("dataset `{slot}` is absent"));
                facts["not_made"] = json!(absent.unwrap_or_else(|| "no record of it".into()));
            }
        }
        facts
    }

    /// The files of a dataset: digest, name, public address; release and licence.
    fn dataset_facts(&self, slot: &str) -> Value {
        let mut facts = json!({ "kind": "dataset", "dataset": slot });
        if let Some(known) = self.slots.get(slot) {
            facts["slot"] = json!(known);
        }
        let mut bindings = self.nodes.iter().filter_map(|node| node.dataset.as_ref());
        facts["profile"] = json!(self.profile);
        match bindings.find(|(name, _)| name == slot).map(|(_, binding)| binding) {
            Some(Binding::Files(files)) => {
                facts["files"] = files.iter().map(file_facts).collect();
            }
            Some(Binding::Made) => facts["made_by"] = json!("a node of this pipeline"),
            Some(Binding::Absent(why) | Binding::Broken(why)) => facts["absent"] = json!(why),
            None => {}
        }
        facts
    }
}

fn ports(pipeline: &Pipeline, n: &Node) -> Value {
    let bound = n.ports.iter().filter_map(|bound| {
        let (source, output) = bound.source?;
        let source = &pipeline.nodes[source];
        let table = format!("{}.{}", source.name, source.outputs[output].name);
        Some((bound.port.name.clone(), Value::String(table)))
    });
    Value::Object(bound.collect())
}

fn file_facts(file: &BoundFile) -> Value {
    let origin = match &file.origin {
        Origin::Path(_) => json!("path"),
        Origin::Public { url, .. } => json!(url),
    };
    json!({ "name": file.name, "blake3": file.digest, "bytes": file.bytes, "origin": origin })
}
