//! The verb `trace`: one row through the whole graph, with each verdict on it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::args::{Cli, TraceArgs};
use super::failure::{Failure, USAGE};
use super::project::Planned;
use super::talk::Talk;
use super::trace_neighbours;
use super::trace_text::{Told, text};
use crate::engine::error::{EngineError, unless_read_only};
use crate::engine::source::{Binding, Origin};
use crate::engine::trace::Step;

/// Follows a row.
pub fn trace(cli: &Cli, args: &TraceArgs, talk: &Talk) -> Result<u8, Failure> {
    let (id, column) = (args.id, args.column.as_str());
    let planned = Planned::of_records(&cli.common, talk)?;
    let project = &planned.project;
    let mut trace = project.pipeline.trace(&project.store, &planned.plan.done, column, id)?;
    project.store.save_gathered().or_else(unless_read_only)?;
    if trace.steps.is_empty() {
        trace.not_shown.iter().for_each(|why| talk.note(&format!("not searched: {why}")));
        return Err(nowhere(&planned, id, column));
    }
    trace.steps.iter_mut().for_each(|step| name_file(&planned, step));
    let neighbours = match args.neighbours {
        Some(_) => trace_neighbours::find(&planned, column, id)?,
        None => Vec::new(),
    };
    let n = args.neighbours.unwrap_or_default();
    if cli.common.json {
        talk.json(&with_neighbours(&trace.steps, &neighbours, n)?);
        trace.not_shown.iter().for_each(|why| talk.note(&format!("not shown: {why}")));
    } else {
        let catalog = project.pipeline.catalog().map(|node| &project.pipeline.nodes[node].name);
        talk.out(&text(&Told { column, id, trace: &trace, catalog: catalog.map(String::as_str) }));
        if args.neighbours.is_some() {
            talk.out(&neighbours_text(&neighbours, n));
        }
    }
    // The program ends: taking thousands of records apart would be a tenth of its time.
    std::mem::forget(planned);
    Ok(0)
}

/// The steps; those that fitted labels also say what their models lean on.
fn with_neighbours(
    steps: &[Step],
    neighbours: &[trace_neighbours::Found],
    n: usize,
) -> Result<Vec<Value>, EngineError> {
    let step = |step: &Step| {
        let mut value = serde_json::to_value(step).map_err(EngineError::table("trace"))?;
        let of_step = |f: &&trace_neighbours::Found| f.node == step.node && f.output == step.output;
        if let Some(found) = neighbours.iter().find(of_step) {
            value["neighbours"] = found.json(n);
        }
        Ok(value)
    };
    steps.iter().map(step).collect()
}

fn neighbours_text(neighbours: &[trace_neighbours::Found], n: usize) -> String {
    if neighbours.is_empty() {
        return "\nNo model has fitted labels to it".into();
    }
    let head = "\nTraining spectra that weigh most: share of the sum of |dual coefficient| x kernel over all pixels";
    let tables: String = neighbours.iter().map(|found| format!("\n\n{}", found.text(n))).collect();
    format!("{head}{tables}")
}

/// Beside the digest of a file: its name, and where it is had.
fn name_file(planned: &Planned, step: &mut Step) {
    let nodes = &planned.project.pipeline.nodes;
    let dataset = nodes.iter().find(|node| node.name == step.node).and_then(|n| n.dataset.as_ref());
    let Some((_, Binding::Files(files))) = dataset else { return };
    for row in &mut step.rows {
        let digest = row.get("file_blake3").and_then(Value::as_str).unwrap_or_default();
        let Some(file) = files.iter().find(|file| file.digest.to_string() == digest) else {
            continue;
        };
        row.insert("file".into(), Value::String(file.name.clone()));
        if let Origin::Public { url: Some(url), .. } = &file.origin {
            row.insert("file_url".into(), Value::String(url.clone()));
        }
    }
}

fn nowhere(planned: &Planned, id: i64, column: &str) -> Failure {
    let done = &planned.plan.done;
    let failure = Failure {
        code: USAGE,
        ..Failure::usage(format!("no table of the latest results has a row with {column} {id}"))
    };
    if done.iter().all(Option::is_none) {
        return failure.hint("nothing was made yet: run `mdwarf run` first");
    }
    let ids: BTreeSet<&str> = planned.project.pipeline.row_ids();
    if !ids.contains(column) {
        let ids: Vec<String> = ids.into_iter().map(|id| format!("`{id}`")).collect();
        return failure.hint(format!("row ids are {}; name one with `--column`", ids.join(", ")));
    }
    if planned.plan.is_fresh() {
        failure.hint("look for the id in the dataset that it should come from")
    } else {
        failure.hint("some nodes are stale and were not searched: run `mdwarf run` first")
    }
}
