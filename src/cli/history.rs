//! The latest run as plain data, for the forms of other communities.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::failure::{Failure, STALE};
use super::lock::run_of_this_state;
use super::project::Planned;
use super::publish::publish;
use super::run_facts::Ended;
use crate::engine::artifact::Artifact;
use crate::engine::digest::Digest;
use crate::engine::error::EngineError;
use crate::engine::ledger::RunEntry;
use crate::engine::lineage::{Item, Kind};
use crate::engine::pipeline::{Node, Pipeline};
use crate::engine::record::machine_class;
use crate::engine::source::{Binding, Origin};
use crate::provenance::{Activity, Column, Dependence, File, History, Product, Source, Table};

/// The run whose results are all fresh, or how to get there.
pub fn fresh_run(planned: &Planned, sets: &[String]) -> Result<RunEntry, Failure> {
    run_of_this_state(planned, sets).ok_or_else(|| {
        let message = "no run of the ledger has just these results, all of them fresh";
        Failure { code: STALE, ..Failure::usage(message) }
            .hint("`mdwarf run` first, with the same profile, method and `--set`")
    })
}

/// The command that makes a run again.
pub fn command(entry: &RunEntry) -> String {
    let quoted = |text: &String| match text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._=-/".contains(c))
    {
        true => text.clone(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    };
    let sets: String = entry.sets.iter().map(|set| format!(" --set {}", quoted(set))).collect();
    format!("mdwarf run --profile {} --method {}{sets}", entry.profile, entry.method)
}

/// The files for people, written where they are missing.
pub fn published(planned: &Planned, entry: &RunEntry) -> Result<Vec<PathBuf>, Failure> {
    let (project, done) = (&planned.project, &planned.plan.done);
    let published = publish(&Ended { project, done, entry })?;
    Ok(published.into_iter().map(|file| file.path).collect())
}

/// The run as plain data. Of tables on the way only columns that the catalog depends on are told.
pub fn history(planned: &Planned, entry: &RunEntry, files: &[PathBuf]) -> Result<History, Failure> {
    let pipeline = &planned.project.pipeline;
    let told = told_items(pipeline);
    let mut history = History {
        pipeline: pipeline.name.clone(),
        profile: entry.profile.clone(),
        about: format!("profile {}", entry.profile),
        method: entry.method.clone(),
        sets: entry.sets.clone(),
        run: entry.id.clone(),
        started: entry.started,
        seconds: entry.seconds,
        program: entry.code.clone(),
        machine: machine_class(),
        command: command(entry),
        ..History::default()
    };
    for (index, node) in pipeline.nodes.iter().enumerate() {
        let Some(outputs) = &planned.plan.done[index] else { continue };
        if let Some((slot, binding)) = &node.dataset {
            history.sources.insert(slot.clone(), source(pipeline, node, slot, binding));
        }
        for (output, artifact) in outputs.iter().enumerate() {
            let table = table(planned, (index, output), artifact, &told)?;
            history.tables.insert(artifact.name.clone(), table);
        }
        history.activities.push(activity(pipeline, node, outputs));
    }
    history.products = products(planned, files)?;
    Ok(history)
}

/// All that the columns of the catalog depend on, and they themselves.
fn told_items(pipeline: &Pipeline) -> BTreeSet<Item> {
    let catalog = pipeline.catalog().map(|node| (node, 0));
    let first =
        catalog.or_else(|| pipeline.publish.first().map(|(_, node, output)| (*node, *output)));
    let Some((node, output)) = first else { return BTreeSet::new() };
    let columns = pipeline.nodes[node].schemas[output].columns.iter();
    let mut open: Vec<Item> = columns.map(|c| Item::Column(node, output, c.name.clone())).collect();
    let mut told = BTreeSet::new();
    while let Some(item) = open.pop() {
        if told.insert(item.clone()) {
            open.extend(pipeline.depends_on(&item).into_iter().map(|(item, ..)| item));
        }
    }
    told
}

fn source(pipeline: &Pipeline, node: &Node, slot: &str, binding: &Binding) -> Source {
    let known = pipeline.slots.get(slot).cloned().unwrap_or_default();
    let mut source = Source {
        about: known.about,
        release: known.release,
        url: known.url,
        licence: known.licence,
        ..Source::default()
    };
    match binding {
        Binding::Files(files) => {
            let file = |file: &crate::engine::source::BoundFile| File {
                name: file.name.clone(),
                blake3: file.digest.to_string(),
                bytes: file.bytes,
                url: match &file.origin {
                    Origin::Public { url, .. } => url.clone(),
                    Origin::Path(_) => None,
                },
            };
            source.files = files.iter().map(file).collect();
        }
        Binding::Made => {
            let port = node.ports.iter().find(|p| p.port.name == crate::engine::source::FILES);
            source.made_by = port.and_then(|p| p.source).map(|at| table_name(pipeline, at));
        }
        Binding::Absent(_) | Binding::Broken(_) => {}
    }
    source
}

fn table_name(pipeline: &Pipeline, (node, output): (usize, usize)) -> String {
    let node = &pipeline.nodes[node];
    format!("{}.{}", node.name, node.outputs[output].name)
}

fn activity(pipeline: &Pipeline, node: &Node, outputs: &[Artifact]) -> Activity {
    let record = outputs.first().map(|artifact| artifact.record.clone());
    let uses = node.ports.iter().filter(|_| true).filter_map(|bound| {
        let made = bound.port.name == crate::engine::source::FILES && node.dataset.is_some();
        let source = bound.source.filter(|_| !made)?;
        Some((bound.port.name.clone(), table_name(pipeline, source)))
    });
    Activity {
        name: node.name.clone(),
        stage: node.stage.name.to_owned(),
        stage_about: node.stage.about.to_owned(),
        revision: node.stage.revision,
        about: node.about.clone(),
        section: node.section.clone(),
        params: node.params.clone(),
        seed: node.seed.map(|seed| seed.to_string()),
        key: record.as_ref().map(|r| r.name.to_string()).unwrap_or_default(),
        code: record.as_ref().map(|r| r.code.clone()).unwrap_or_default(),
        seconds: record.as_ref().map(|r| r.seconds).unwrap_or_default(),
        uses: uses.collect(),
        dataset: node.dataset.as_ref().map(|(slot, _)| slot.clone()),
        makes: outputs.iter().map(|artifact| artifact.name.clone()).collect(),
    }
}

fn table(
    planned: &Planned,
    (node, output): (usize, usize),
    artifact: &Artifact,
    told: &BTreeSet<Item>,
) -> Result<Table, Failure> {
    let pipeline = &planned.project.pipeline;
    let mut columns = Vec::new();
    for meta in &artifact.schema.columns {
        let item = Item::Column(node, output, meta.name.clone());
        if !told.contains(&item) {
            continue;
        }
        columns.push(Column {
            name: meta.name.clone(),
            kind: meta.kind.to_string(),
            unit: meta.unit.clone(),
            ucd: meta.ucd.clone(),
            about: meta.description.clone(),
            digest: artifact.column_digest(&planned.project.store, &meta.name)?.to_string(),
            from: dependences(pipeline, &item),
        });
    }
    let digest = Digest::of_json(&artifact.record.outputs[artifact.index].parts)
        .map_err(EngineError::table("record"))?;
    Ok(Table {
        rows: artifact.rows(),
        digest: digest.to_string(),
        columns,
        rows_from: dependences(pipeline, &Item::Rows(node, output)),
    })
}

fn dependences(pipeline: &Pipeline, item: &Item) -> Vec<Dependence> {
    let one = |(from, kind, how): (Item, Kind, String)| {
        let (table, column) = match from {
            Item::Column(node, output, column) => {
                (table_name(pipeline, (node, output)), Some(column))
            }
            Item::Rows(node, output) => (table_name(pipeline, (node, output)), None),
            Item::DatasetColumn(slot, column) => (format!("dataset:{slot}"), Some(column)),
            Item::Dataset(slot) => (format!("dataset:{slot}"), None),
        };
        Dependence { table, column, direct: kind == Kind::Direct, how }
    };
    pipeline.depends_on(item).into_iter().map(one).collect()
}

fn products(planned: &Planned, files: &[PathBuf]) -> Result<Vec<Product>, Failure> {
    let pipeline = &planned.project.pipeline;
    let tables: BTreeMap<&str, String> = pipeline
        .publish
        .iter()
        .map(|(file, node, output)| (file.as_str(), table_name(pipeline, (*node, *output))))
        .collect();
    let mut products = Vec::new();
    for path in files {
        let Some((file, table)) = tables.iter().find(|(file, _)| path.ends_with(file)) else {
            continue;
        };
        let bytes = fs::read(path).map_err(EngineError::io("read", path))?;
        products.push(Product {
            path: (*file).to_owned(),
            table: table.clone(),
            blake3: Digest::of_bytes(&bytes).to_string(),
            bytes: bytes.len() as u64,
        });
    }
    Ok(products)
}
