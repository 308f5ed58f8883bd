//! The verb `log`: what a node noted while it worked, or why it failed.

use serde::Serialize;

use super::args::Cli;
use super::failure::{Failure, split_hint, without_node};
use super::past::Past;
use super::project::{Planned, Project};
use super::talk::Talk;
use crate::engine::run::Outcome;

#[derive(Serialize)]
struct LogJson<'a> {
    node: &'a str,
    notes: Vec<String>,
    failed_in: Option<String>,
    error: Option<String>,
}

/// Shows notes and the latest failure, or those of a past run.
pub fn log(cli: &Cli, node: &str, run: Option<&str>, talk: &Talk) -> Result<u8, Failure> {
    if let Some(run) = run {
        return Past::open(&cli.common, run)?.log(node, cli.common.json, talk);
    }
    let planned = Planned::open(&cli.common, talk)?;
    let project = &planned.project;
    let index = project.pipeline.node(node)?;
    let notes = match &planned.plan.done[index] {
        Some(outputs) => outputs.first().map(|a| a.record.log.clone()),
        None => last_notes(project, node)?,
    };
    let failure = failure(project, node);
    if cli.common.json {
        let notes = notes.unwrap_or_default();
        let (failed_in, error) = failure.unzip();
        talk.json(&LogJson { node, notes, failed_in, error });
        return Ok(0);
    }
    match &notes {
        Some(notes) if !notes.is_empty() => talk.out(&notes.join("\n")),
        Some(_) => talk.note(&format!("`{node}` left no notes")),
        None if failure.is_none() => talk.note(&format!("`{node}` has no result yet")),
        None => {}
    }
    if let Some((run, error)) = failure {
        let (message, hint) = split_hint(&error);
        talk.out(&format!("failed in {run}: {}", without_node(message, node)));
        if let Some(hint) = hint {
            talk.hint(hint);
        }
    }
    Ok(0)
}

/// Notes of the last result of a node that is not fresh now.
fn last_notes(project: &Project, node: &str) -> Result<Option<Vec<String>>, Failure> {
    let Some(key) = project.ledger.last_key(node) else {
        return Ok(None);
    };
    Ok(project.store.record(key)?.map(|record| record.log))
}

/// The latest failure that no later result made good.
fn failure(project: &Project, node: &str) -> Option<(String, String)> {
    for entry in project.history() {
        match entry.nodes.iter().find(|n| n.node == node).map(|n| &n.outcome) {
            Some(Outcome::Failed { error, .. }) => return Some((entry.id, error.clone())),
            Some(Outcome::Ran { .. } | Outcome::Reused) => return None,
            _ => {}
        }
    }
    None
}
