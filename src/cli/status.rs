//! The verb `status`: what became of each node in the latest run, and whether that still holds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::Cli;
use super::failure::{Failure, without_node};
use super::past::Past;
use super::plan::summary;
use super::project::{Planned, Project};
use super::table::table;
use super::talk::Talk;
use crate::engine::cost::Cost;
use crate::engine::ledger::{NodeEntry, RunEntry};
use crate::engine::record::Record;
use crate::engine::run::Outcome;
use crate::engine::store::Store;

#[derive(Serialize)]
struct StatusJson<'a> {
    run: &'a str,
    profile: &'a str,
    method: &'a str,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
    nodes: Vec<NodeJson<'a>>,
}

#[derive(Serialize)]
struct NodeJson<'a> {
    node: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    rows: BTreeMap<String, u64>,
}

/// Shows the latest run.
pub fn status(cli: &Cli, run: Option<&str>, talk: &Talk) -> Result<u8, Failure> {
    if let Some(run) = run {
        return Ok(Past::open(&cli.common, run)?.status(cli.common.json, talk));
    }
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
        talk.json(&json(&project.store, entry, Some(stale)));
        return Ok(0);
    }
    tell(&project.store, entry, talk);
    if stale {
        talk.note(&format!("stale now; {}", summary(&planned.plan.nodes)));
        talk.hint("`mdwarf plan` shows why");
    } else {
        talk.note("up to date");
    }
    Ok(0)
}

/// A run as JSON; whether it is stale now is known of the latest only.
pub fn json<'a>(
    store: &Store,
    entry: &'a RunEntry,
    stale: Option<bool>,
) -> impl Serialize + use<'a> {
    StatusJson {
        run: &entry.id,
        profile: &entry.profile,
        method: &entry.method,
        seconds: entry.seconds,
        stale,
        nodes: nodes_json(store, entry),
    }
}

/// A run, a line a node.
pub fn tell(store: &Store, entry: &RunEntry, talk: &Talk) {
    let records: Vec<Option<Record>> =
        entry.nodes.iter().map(|node| node.record(store).ok().flatten()).collect();
    let with_cost = records.iter().flatten().any(|record| record.cost.is_some());
    let rows = entry.nodes.iter().zip(&records);
    let rows = rows.map(|(node, record)| row(node, record.as_ref(), with_cost)).collect();
    let header = match with_cost {
        true => &["NODE", "OUTCOME", "SECONDS", "CPU S", "PEAK MB", "ROWS"][..],
        false => &["NODE", "OUTCOME", "SECONDS", "ROWS"],
    };
    talk.out(&table(header, &["SECONDS", "CPU S", "PEAK MB"], rows));
    talk.note(&format!(
        "run {} of profile `{}`, method `{}`: {:.2} s",
        entry.id, entry.profile, entry.method, entry.seconds
    ));
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

fn nodes_json<'a>(store: &Store, entry: &'a RunEntry) -> Vec<NodeJson<'a>> {
    entry
        .nodes
        .iter()
        .map(|node| {
            let record = node.record(store).ok().flatten();
            NodeJson {
                node: &node.node,
                outcome: &node.outcome,
                cost: record.as_ref().and_then(|record| record.cost),
                rows: record.iter().flat_map(rows).collect(),
            }
        })
        .collect()
}

fn row(node: &NodeEntry, record: Option<&Record>, with_cost: bool) -> Vec<String> {
    let seconds = match &node.outcome {
        Outcome::Ran { seconds, .. } => format!("{seconds:.2}"),
        _ => String::new(),
    };
    let rows = match &node.outcome {
        Outcome::Ran { .. } | Outcome::Reused => record
            .into_iter()
            .flat_map(rows)
            .map(|(output, n)| format!("{output} {n}"))
            .collect::<Vec<_>>()
            .join(", "),
        other => without_node(&why(other).unwrap_or_default(), &node.node).to_owned(),
    };
    let mut cells = vec![node.node.clone(), word(&node.outcome), seconds];
    if with_cost {
        let cost = record.and_then(|record| record.cost);
        cells.push(cost.map(|c| format!("{:.2}", c.cpu_seconds)).unwrap_or_default());
        cells.push(cost.map(|c| (c.peak_bytes >> 20).to_string()).unwrap_or_default());
    }
    cells.push(rows);
    cells
}

/// Rows of the outputs.
fn rows(record: &Record) -> Vec<(String, u64)> {
    record.outputs.iter().map(|output| (output.name.clone(), output.rows())).collect()
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
