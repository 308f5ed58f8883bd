//! What a run knows when it has ended, for the slots of what it publishes: the page and the ReadMe.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::column_tree::column_origin;
use super::contradictions::Register;
use super::project::{Project, load_spec};
use super::run::civil_time;
use super::status;
use crate::engine::claims::{Status, Verdict};
use crate::engine::cost;
use crate::engine::digest::Digest;
use crate::engine::error::{EngineError, Result};
use crate::engine::evaluate::Outputs;
use crate::engine::ledger::{NodeEntry, RunEntry};
use crate::engine::lineage::{Item, Known};
use crate::engine::pipeline::{Node, Pipeline};
use crate::engine::record::machine_class;
use crate::engine::run::Outcome;
use crate::engine::source::Binding;
use crate::engine::spec::PRINTED;
use crate::engine::stage::Scope;
use crate::engine::types::ColumnMeta;
use crate::formats::meaning::listed;
use crate::report::page::{ClaimRow, ColumnOrigin, FlagColumn, RunFacts, node_columns};
use crate::report::tables::{Cell, Table};

/// The stage whose columns are those of the catalog.
const CATALOG: &str = "catalog";
/// Profile of which no argument need speak.
const USUAL_PROFILE: &str = "simulated";
/// Counts the forms in which slots have been filled: another one writes the pages anew.
const FORM: u32 = 3;
/// Bytes of a megabyte, as `top` counts.
const MIB: f64 = 1_048_576.0;

/// A run that has ended.
pub struct Ended<'a> {
    /// What was run.
    pub project: &'a Project,
    /// What exists now.
    pub done: &'a [Option<Outputs>],
    /// What became of the nodes and the claims.
    pub entry: &'a RunEntry,
}

impl Ended<'_> {
    fn pipeline(&self) -> &Pipeline {
        &self.project.pipeline
    }

    /// What decides the slots, times and run aside: a run that found all as it was writes nothing anew.
    pub fn digest(&self) -> Result<Digest> {
        let keys: Vec<Option<&str>> = self.entry.nodes.iter().map(|n| state(n)).collect();
        let names: Vec<_> = self.entry.nodes.iter().map(|n| (&n.node, n.key)).collect();
        let contradictions: Vec<_> = self
            .pipeline()
            .contradictions
            .iter()
            .map(|c| (&c.id.value, &c.section, &c.problem, &c.resolution))
            .collect();
        let decisive = json!({
            "form": FORM,
            "claims": self.entry.claims,
            "nodes": names,
            "absent": keys,
            "method": self.entry.method,
            "sets": self.entry.sets,
            "datasets": self.pipeline().datasets,
            "contradictions": contradictions,
        });
        Digest::of_json(&decisive).map_err(EngineError::table("slots of the page"))
    }

    /// All facts.
    pub fn facts(&self) -> RunFacts {
        let columns = self.columns();
        RunFacts {
            // A slot of a diagnostic may be simulated where the claims speak of observed data.
            is_simulated: self.entry.claims.iter().any(|v| v.status == Status::Injected),
            claims: self.entry.claims.iter().map(claim).collect(),
            contradictions: load_spec(&self.project.common)
                .and_then(|(spec, _)| Register::read(&self.project.common, &spec))
                .map(|r| r.rows())
                .unwrap_or_default(),
            record: self.record(),
            nodes: Some(self.nodes()),
            flags: flags(&columns),
            columns: columns.iter().map(|(id, meta)| self.origin(id, meta)).collect(),
            acknowledgements: self.acknowledgements(),
            data: self.data(),
        }
    }

    /// Slots and what fills them, each once.
    fn bindings(&self) -> impl Iterator<Item = (&str, &Binding)> {
        let mut seen = BTreeSet::new();
        self.pipeline()
            .nodes
            .iter()
            .filter_map(|node| node.dataset.as_ref())
            .filter(move |(slot, _)| seen.insert(slot.as_str()))
            .map(|(slot, binding)| (slot.as_str(), binding))
    }

    fn binding(&self, slot: &str) -> Option<&Binding> {
        self.bindings().find(|(name, _)| *name == slot).map(|(_, binding)| binding)
    }

    /// Whom a paper that uses this run has to cite.
    pub fn acknowledgements(&self) -> Vec<(String, String)> {
        let mut entries = vec![
            (
                "method".to_owned(),
                "Li J., Liu C., Zhang B., et al. 2021, ApJS 253, 45 (2021ApJS..253...45L)"
                    .to_owned(),
            ),
            ("program".to_owned(), format!("{}; see CITATION.cff", self.entry.code)),
        ];
        let mut made = Vec::new();
        for (slot, about, cite) in &self.pipeline().datasets {
            match self.binding(slot) {
                Some(Binding::Files(_)) if cite.is_empty() => {
                    entries.push((
                        slot.clone(),
                        format!("{about}: the profile does not say whom to cite"),
                    ));
                }
                Some(Binding::Files(_)) => entries.push((slot.clone(), format!("{about}: {cite}"))),
                Some(Binding::Made) => made.push(slot.as_str()),
                _ => {}
            }
        }
        if !made.is_empty() {
            let what = "made by the program in the form of the archives: they are nobody's observations, and no survey is to be thanked for them";
            entries.push(("simulated data".to_owned(), format!("{} are {what}", made.join(", "))));
        }
        entries
    }

    fn record(&self) -> Vec<(String, String)> {
        let entry = self.entry;
        let count = |wanted: fn(&Outcome) -> bool| {
            entry.nodes.iter().filter(|node| wanted(&node.outcome)).count()
        };
        let mut command = String::from("mdwarf run");
        if entry.profile != USUAL_PROFILE {
            command.push_str(&format!(" --profile {}", entry.profile));
        }
        if entry.method != PRINTED {
            command.push_str(&format!(" --method {}", entry.method));
        }
        entry.sets.iter().for_each(|set| command.push_str(&format!(" --set '{set}'")));
        let slots = |wanted: fn(&Binding) -> bool| {
            let names: Vec<&str> =
                self.bindings().filter(|(_, b)| wanted(b)).map(|(s, _)| s).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let mut facts = vec![
            ("run", entry.id.clone()),
            ("started", civil_time(entry.started)),
            ("command", command),
            (
                "pipeline, profile, method",
                format!("{}, {}, {}", entry.pipeline, entry.profile, entry.method),
            ),
            ("program", entry.code.clone()),
            ("machine", machine_class()),
            ("seed", self.pipeline().seed.to_string()),
            ("wall time", format!("{:.1} s", entry.seconds)),
        ];
        facts.extend(cost::cpu_seconds().map(|s| ("processor time", format!("{s:.1} s"))));
        let largest = cost::largest_bytes();
        facts.extend(largest.map(|b| ("largest memory", format!("{:.0} MB", b as f64 / MIB))));
        facts.push((
            "nodes",
            format!(
                "{} ran, {} reused, {} failed, {} without their data",
                count(|o| matches!(o, Outcome::Ran { .. })),
                count(|o| matches!(o, Outcome::Reused)),
                count(|o| matches!(o, Outcome::Failed { .. })),
                count(|o| matches!(o, Outcome::Absent { .. })),
            ),
        ));
        facts.push(("data from files", slots(|b| matches!(b, Binding::Files(_)))));
        facts.push(("data made by the program", slots(|b| matches!(b, Binding::Made))));
        facts.push(("data that are absent", slots(|b| matches!(b, Binding::Absent(_)))));
        facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn nodes(&self) -> Table {
        let row = |(at, node): (usize, &Node)| {
            let entry = &self.entry.nodes[at];
            let outputs = self.done[at].as_ref();
            let rows = |name: &str| {
                let outputs = outputs?;
                outputs.iter().find(|o| o.output.name == name).map(|o| o.rows())
            };
            let first = outputs.and_then(|o| o.first());
            let driving = node.ports.iter().find(|port| port.port.scope == Scope::Driving);
            let rows_in = first.zip(driving).and_then(|(artifact, bound)| {
                let port = artifact.record.key.ports.get(&bound.port.name)?;
                Some(port.rows.iter().sum::<u64>())
            });
            let rejected = node.work.accounts().and_then(|accounts| rows(&accounts.rejects));
            let count = |n: Option<u64>| n.map_or(Cell::Missing, |n| Cell::count(n as usize));
            vec![
                Cell::text(&node.name),
                Cell::text(node.stage.name),
                Cell::Integer(i64::from(node.stage.revision)),
                Cell::text(&node.section),
                Cell::text(&status::word(&entry.outcome)),
                count(rows_in),
                count(first.map(|artifact| artifact.rows())),
                count(rejected),
                first.map_or(Cell::Missing, |artifact| Cell::Real(artifact.record.seconds)),
                Cell::text(
                    &entry.key.filter(|_| first.is_some()).map_or(String::new(), |k| k.short()),
                ),
            ]
        };
        let nodes = &self.pipeline().nodes;
        Table {
            name: "nodes".to_owned(),
            title: format!("{} nodes, in the order in which data pass them", nodes.len()),
            columns: node_columns(),
            rows: nodes.iter().enumerate().map(row).collect(),
            notes: Vec::new(),
        }
    }

    /// The catalog's columns: `node.column` and what it means.
    fn columns(&self) -> Vec<(String, ColumnMeta)> {
        let nodes = &self.pipeline().nodes;
        let Some(node) = nodes.iter().rev().find(|node| node.stage.name == CATALOG) else {
            return Vec::new();
        };
        let columns = node.schemas.first().map_or(&[][..], |schema| &schema.columns);
        columns.iter().map(|meta| (format!("{}.{}", node.name, meta.name), meta.clone())).collect()
    }

    /// Where a column of the catalog is from; nothing but its meaning where that is not known.
    fn origin(&self, id: &str, meta: &ColumnMeta) -> ColumnOrigin {
        let known = Known { done: self.done, store: &self.project.store };
        let found = self.pipeline().find_column(id).and_then(|(node, output, column)| {
            self.pipeline().lineage(Item::Column(node, output, column), &known)
        });
        column_origin(meta, &found.unwrap_or_default())
    }

    /// The same for programs.
    fn data(&self) -> Value {
        let entry = self.entry;
        json!({
            "run": entry.id,
            "profile": entry.profile,
            "method": entry.method,
            "sets": entry.sets,
            "code": entry.code,
            "seconds": entry.seconds,
            "claims": entry.claims,
            "nodes": entry.nodes.iter().map(|node| json!({
                "node": node.node,
                "stage": node.stage,
                "state": status::word(&node.outcome),
                "key": node.key,
            })).collect::<Vec<_>>(),
        })
    }
}

/// Whether a node is there, apart from when it was done.
fn state(node: &NodeEntry) -> Option<&str> {
    match &node.outcome {
        Outcome::Ran { .. } | Outcome::Reused => None,
        Outcome::Absent { dataset } => Some(dataset),
        Outcome::Failed { error, .. } => Some(error),
        Outcome::Skipped { because } => Some(because),
    }
}

fn claim(verdict: &Verdict) -> ClaimRow {
    ClaimRow {
        id: verdict.id.clone(),
        section: verdict.section.clone(),
        about: verdict.about.clone(),
        paper: verdict.paper.clone(),
        accept: verdict.accept,
        value: verdict.value,
        interval: verdict.interval,
        n: verdict.n,
        status: verdict.status.to_string(),
        sample: verdict.sample.clone(),
        statistic: verdict.statistic.clone(),
        why: verdict.why.clone(),
    }
}

/// Columns whose descriptions list values; those that share a list stand together.
fn flags(columns: &[(String, ColumnMeta)]) -> Vec<FlagColumn> {
    let mut found: Vec<FlagColumn> = Vec::new();
    for (_, meta) in columns {
        let Some(list) = listed(&meta.description) else { continue };
        let values: Vec<(String, String)> = list
            .entries
            .iter()
            .map(|(value, about)| ((*value).to_owned(), (*about).to_owned()))
            .collect();
        match found.iter_mut().find(|other| other.values == values && other.about == list.head) {
            Some(other) => other.names.push(meta.name.clone()),
            None => found.push(FlagColumn {
                names: vec![meta.name.clone()],
                about: list.head.to_owned(),
                values,
            }),
        }
    }
    found
}
