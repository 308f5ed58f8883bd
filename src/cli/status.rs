//! The verb `status`: what became of each node in the latest run, and whether that still holds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::Cli;
use super::failure::{Failure, without_node};
use super::plan::summary;
use super::project::{Planned, Project};
use super::table::table;
use super::talk::Talk;
use crate::engine::ledger::{NodeEntry, RunEntry};
use crate::engine::run::Outcome;

#[derive(Serialize)]
struct StatusJson<'a> {
    run: &'a str,
    profile: &'a str,
    method: &'a str,
    seconds: f64,
    stale: bool,
    nodes: Vec<NodeJson<'a>>,
}

#[derive(Serialize)]
struct NodeJson<'a> {
    node: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
    rows: BTreeMap<String, u64>,
}

/// Shows the latest run.
pub fn status(cli: &Cli, talk: &Talk) -> Result<u8, Failure> {
    let planned = Planned::open(&cli.common, talk)?;
    let project = &planned.project;
    let Some(entry) = project.latest() else {
        let (message, hint) = never_ran(project);
        talk.note(&message);
        talk.hint(&hint);
        if cli.common.json {
            talk.json(&());
        }
        return Ok(0);
    };
    let stale = !planned.plan.is_fresh();
    if cli.common.json {
        talk.json(&StatusJson {
            run: &entry.id,
            profile: &entry.profile,
            method: &entry.method,
            seconds: entry.seconds,
            stale,
            nodes: nodes_json(project, entry),
        });
        return Ok(0);
    }
    let rows = entry.nodes.iter().map(|node| row(project, node)).collect();
    talk.out(&table(&["NODE", "OUTCOME", "SECONDS", "ROWS"], &["SECONDS"], rows));
    talk.note(&format!(
        "run {} of profile `{}`, method `{}`: {:.2} s",
        entry.id, entry.profile, entry.method, entry.seconds
    ));
    if stale {
        talk.note(&format!("stale now; {}", summary(&planned.plan.nodes)));
        talk.hint("`mdwarf plan` shows why");
    } else {
        talk.note("up to date");
    }
    Ok(0)
}

/// The answer where the ledger has no run of the profile and method.
fn never_ran(project: &Project) -> (String, String) {
    let pipeline = &project.pipeline;
    let message = format!(
        "profile `{}` with method `{}` never ran in this store",
        pipeline.profile, pipeline.method
    );
    let other = project.ledger.latest().map(|entry| {
        format!(
            "run `mdwarf run`, or ask for the latest run with `--profile {} --method {}`",
            entry.profile, entry.method
        )
    });
    (message, other.unwrap_or_else(|| "run `mdwarf run`".into()))
}

fn nodes_json<'a>(project: &Project, entry: &'a RunEntry) -> Vec<NodeJson<'a>> {
    entry
        .nodes
        .iter()
        .map(|node| NodeJson {
            node: &node.node,
            outcome: &node.outcome,
            rows: rows(project, node).into_iter().collect(),
        })
        .collect()
}

fn row(project: &Project, node: &NodeEntry) -> Vec<String> {
    let seconds = match &node.outcome {
        Outcome::Ran { seconds, .. } => format!("{seconds:.2}"),
        _ => String::new(),
    };
    let rows = match &node.outcome {
        Outcome::Ran { .. } | Outcome::Reused => rows(project, node)
            .iter()
            .map(|(output, n)| format!("{output} {n}"))
            .collect::<Vec<_>>()
            .join(", "),
        other => without_node(&why(other).unwrap_or_default(), &node.node).to_owned(),
    };
    vec![node.node.clone(), word(&node.outcome), seconds, rows]
}

/// Rows of the outputs that a node had in that run, while its record exists.
fn rows(project: &Project, node: &NodeEntry) -> Vec<(String, u64)> {
    let settled = matches!(node.outcome, Outcome::Ran { .. } | Outcome::Reused);
    let key = node.key.filter(|_| settled);
    let record = key.and_then(|key| project.store.record(key).ok().flatten());
    record
        .map(|record| record.outputs.iter().map(|o| (o.name.clone(), o.rows())).collect())
        .unwrap_or_default()
}

/// How a node was settled, in a word or two.
pub fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Ran { jobs_run, jobs, .. } if jobs_run < jobs => {
            format!("ran {jobs_run} of {jobs}")
        }
        Outcome::Ran { .. } => "ran".into(),
        Outcome::Reused => "reused".into(),
        Outcome::Failed { .. } => "failed".into(),
        Outcome::Skipped { .. } => "skipped".into(),
        Outcome::Absent { .. } => "absent".into(),
    }
}

/// Why there is no result.
pub fn why(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed { error, .. } => Some(error.clone()),
        Outcome::Skipped { because } => Some(because.clone()),
        Outcome::Absent { dataset } => Some(format!("dataset `{dataset}` is absent")),
        Outcome::Ran { .. } | Outcome::Reused => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_words_and_reasons() {
        let ran = |jobs_run| Outcome::Ran { jobs_run, jobs: 8, seconds: 1.0 };
        assert_eq!(word(&ran(8)), "ran");
        assert_eq!(word(&ran(2)), "ran 2 of 8");
        assert_eq!(why(&ran(2)), None);
        let absent = Outcome::Absent { dataset: "gaia".into() };
        assert_eq!(why(&absent).as_deref(), Some("dataset `gaia` is absent"));
    }
}
