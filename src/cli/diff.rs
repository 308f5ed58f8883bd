//! The verb `diff`: what two runs were made of, and what that did to columns, rows and claims.
//!
//! What decided a node is in its record, which outlives the pipeline's text. Values of the published tables are
//! compared where the pipeline, with a run's profile, method and `--set`, still has that run's keys.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::args::{Cli, Common};
use super::diff_text;
use super::failure::Failure;
use super::past::{find_run, open_store};
use super::project::Planned;
use super::table::counted;
use super::talk::Talk;
use crate::engine::claims::{Status, Verdict};
use crate::engine::diff::{TableDiff, compare};
use crate::engine::ledger::{NodeEntry, RunEntry};
use crate::engine::lockfile::{Difference, Lockfile};
use crate::engine::measured::{Measured, measured};
use crate::engine::record::Record;
use crate::engine::store::Store;

/// Nodes without a result that are named.
const NAMED: usize = 3;

/// How two runs differ.
#[derive(Debug, Serialize)]
pub struct RunDiff {
    /// The runs: what the ledger says of them.
    pub runs: [Head; 2],
    /// What of them is not the same.
    pub head: Vec<Difference>,
    /// Datasets, parameters, revisions, seeds, bindings: what was asked for.
    pub causes: Vec<Difference>,
    /// Nodes with other results, in topological order.
    pub nodes: Vec<NodeDiff>,
    /// Nodes of both runs with one and the same result.
    pub same_nodes: usize,
    /// Published tables that are not the same.
    pub tables: Vec<TableDiff>,
    /// Published tables that are.
    pub same_tables: usize,
    /// Numbers of published summaries that differ, with intervals in both runs.
    pub measured: MeasuredDiff,
    /// Claims that came out otherwise.
    pub claims: Vec<ClaimDiff>,
    /// What can not be shown, and why.
    pub not_shown: Vec<String>,
}

/// A run in short.
#[derive(Debug, Serialize)]
pub struct Head {
    /// Its name.
    pub run: String,
    /// Its profile.
    pub profile: String,
    /// Its method.
    pub method: String,
    /// Its `--set` arguments.
    pub set: Vec<String>,
    /// The program.
    pub code: String,
}

/// A node whose results differ.
#[derive(Debug, Serialize)]
pub struct NodeDiff {
    /// Its name.
    pub node: String,
    /// What its key says has changed, old -> new; empty where a record is gone.
    pub changes: Vec<String>,
    /// Columns that it made whose content differs.
    pub moved: Vec<String>,
    /// Columns that it made.
    pub columns: usize,
    /// Rows of its outputs, old and new, where they differ.
    pub rows: BTreeMap<String, [u64; 2]>,
}

/// How far numbers that both runs measured agree.
#[derive(Debug, Default, Serialize)]
pub struct MeasuredDiff {
    /// How many there are.
    pub numbers: usize,
    /// How many agree within their 95 % intervals.
    pub agree: usize,
    /// The same two counts for each table.
    pub tables: BTreeMap<String, [usize; 2]>,
    /// Those that do not, the farthest apart first.
    pub apart: Vec<Measured>,
}

/// A claim that came out otherwise.
#[derive(Debug, Serialize)]
pub struct ClaimDiff {
    /// The claim.
    pub id: String,
    /// As printed.
    pub paper: String,
    /// Values.
    pub value: [Option<f64>; 2],
    /// Verdicts.
    pub status: [Option<Status>; 2],
}

/// Compares two runs.
pub fn diff(cli: &Cli, old: &str, new: &str, talk: &Talk) -> Result<u8, Failure> {
    let (store, ledger) = open_store(&cli.common)?;
    let (old, new) = (find_run(&ledger, old)?, find_run(&ledger, new)?);
    let mut found = RunDiff {
        runs: [head_of(&old), head_of(&new)],
        head: head_differences(&old, &new),
        causes: Vec::new(),
        nodes: Vec::new(),
        same_nodes: 0,
        tables: Vec::new(),
        same_tables: 0,
        measured: MeasuredDiff::default(),
        claims: claims(&old.claims, &new.claims),
        not_shown: Vec::new(),
    };
    nodes(&store, &old, &new, &mut found)?;
    let planned = [planned(cli, &old, talk, &mut found)?, planned(cli, &new, talk, &mut found)?];
    if let [Some(before), Some(after)] = &planned {
        let lock = |planned: &Planned, entry: &RunEntry| {
            Lockfile::of(&planned.project.pipeline, &entry.sets, &entry.id)
        };
        found.causes = lock(before, &old).made_differently(&lock(after, &new));
        let of_head = ["pipeline", "profile", "method", "--set"];
        found.causes.retain(|cause| !of_head.contains(&cause.place.as_str()));
        tables((before, &old), (after, &new), &mut found)?;
        after.project.store.save_gathered()?;
    }
    if cli.common.json {
        talk.json(&found);
    } else {
        talk.out(&diff_text::text(&found));
    }
    Ok(0)
}

fn head_of(entry: &RunEntry) -> Head {
    Head {
        run: entry.id.clone(),
        profile: entry.profile.clone(),
        method: entry.method.clone(),
        set: entry.sets.clone(),
        code: entry.code.clone(),
    }
}

fn head_differences(old: &RunEntry, new: &RunEntry) -> Vec<Difference> {
    let none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    [
        ("pipeline", old.pipeline.clone(), new.pipeline.clone()),
        ("profile", old.profile.clone(), new.profile.clone()),
        ("method", old.method.clone(), new.method.clone()),
        ("--set", none(old.sets.join(" ")), none(new.sets.join(" "))),
        ("program", old.code.clone(), new.code.clone()),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .map(|(place, old, new)| Difference { place: place.into(), old, new })
    .collect()
}

fn claims(old: &[Verdict], new: &[Verdict]) -> Vec<ClaimDiff> {
    let of = |list: &[Verdict], id: &str| list.iter().find(|v| v.id == id).cloned();
    let mut ids: Vec<&String> = old.iter().chain(new).map(|v| &v.id).collect();
    let mut seen = BTreeSet::new();
    ids.retain(|id| seen.insert(id.as_str()));
    let diffs = ids.into_iter().filter_map(|id| {
        let (before, after) = (of(old, id), of(new, id));
        let facts = |v: &Option<Verdict>| v.as_ref().map(|v| (v.value, v.status));
        (facts(&before) != facts(&after)).then(|| ClaimDiff {
            id: id.clone(),
            paper: after.as_ref().or(before.as_ref()).map(|v| v.paper.clone()).unwrap_or_default(),
            value: [&before, &after].map(|v| v.as_ref().and_then(|v| v.value)),
            status: [&before, &after].map(|v| v.as_ref().map(|v| v.status)),
        })
    });
    diffs.collect()
}

/// Compares what the records say of each node.
fn nodes(
    store: &Store,
    old: &RunEntry,
    new: &RunEntry,
    found: &mut RunDiff,
) -> Result<(), Failure> {
    let by_name = |entry: &RunEntry| -> BTreeMap<String, NodeEntry> {
        entry.nodes.iter().map(|node| (node.node.clone(), node.clone())).collect()
    };
    let (before, after) = (by_name(old), by_name(new));
    for (name, _) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        found.head.push(of_node(name, "there", "gone"));
    }
    let mut without: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in &new.nodes {
        let Some(was) = before.get(&node.node) else {
            found.head.push(of_node(&node.node, "not there", "new"));
            continue;
        };
        let without_result = match (was.result(), node.result()) {
            (before, after) if before == after => {
                found.same_nodes += 1;
                continue;
            }
            (None, _) => Some(old),
            (_, None) => Some(new),
            _ => None,
        };
        if let Some(run) = without_result {
            without.entry(&run.id).or_default().push(&node.node);
            continue;
        }
        match (was.record(store)?, node.record(store)?) {
            (Some(was), Some(now)) => found.nodes.push(node_diff(&node.node, &was, &now)),
            (was, _) => {
                let run = if was.is_none() { &old.id } else { &new.id };
                found.not_shown.push(format!(
                    "what became of `{}`: its record of {run} is not in the store",
                    node.node
                ));
            }
        }
    }
    for (run, nodes) in without {
        let (n, first) = (nodes.len(), nodes[..nodes.len().min(NAMED)].join("`, `"));
        let rest = if n > NAMED { ", ..." } else { "" };
        let they = counted(n, "node", "nodes");
        found.not_shown.push(format!("{they} of which {run} has no result: `{first}`{rest}"));
    }
    Ok(())
}

fn of_node(name: &str, old: &str, new: &str) -> Difference {
    Difference { place: format!("node `{name}`"), old: old.into(), new: new.into() }
}

fn node_diff(name: &str, old: &Record, new: &Record) -> NodeDiff {
    let (mut moved, mut columns, mut rows) = (Vec::new(), 0, BTreeMap::new());
    for output in &new.outputs {
        let was = old.outputs.iter().find(|was| was.name == output.name);
        if let Some(was) = was.filter(|was| was.rows() != output.rows()) {
            rows.insert(output.name.clone(), [was.rows(), output.rows()]);
        }
        for (index, column) in output.columns.iter().enumerate() {
            columns += 1;
            let now: Vec<_> = output.parts.iter().map(|part| part.digests[index]).collect();
            let same = was.is_some_and(|was| {
                let at = was.columns.iter().position(|c| c.name == column.name);
                at.is_some_and(|at| was.parts.iter().map(|part| part.digests[at]).eq(now))
            });
            if !same {
                moved.push(format!("{}.{}", output.name, column.name));
            }
        }
    }
    NodeDiff { node: name.to_owned(), changes: new.key.changes(&old.key), moved, columns, rows }
}

/// The project as a run had it; `None` where the pipeline has changed since.
fn planned(
    cli: &Cli,
    entry: &RunEntry,
    talk: &Talk,
    found: &mut RunDiff,
) -> Result<Option<Planned>, Failure> {
    let common = Common {
        profile: entry.profile.clone(),
        method: entry.method.clone(),
        set: entry.sets.clone(),
        ..cli.common.clone()
    };
    let mut why = None;
    let planned = match Planned::open(&common, talk) {
        Ok(planned) => Some(planned),
        Err(failure) => {
            why = Some(match failure.message.is_empty() {
                true => "`pipeline.toml` or the profile has changed since".to_owned(),
                false => failure.message,
            });
            None
        }
    };
    if let Some(why) = why {
        found.not_shown.push(format!("values of {}: {why}", entry.id));
    }
    Ok(planned)
}

/// Whether a node's result is still that of the run.
fn is_of_run(planned: &Planned, entry: &RunEntry, node: usize) -> bool {
    let pipeline = &planned.project.pipeline;
    // Carried columns come from further up: all that the node depends on must be the run's.
    let reached = pipeline.ancestors(node);
    reached.iter().enumerate().filter(|(_, reached)| **reached).all(|(index, _)| {
        let name = &pipeline.nodes[index].name;
        let key = planned.plan.done[index].as_ref().and_then(|o| o.first()).map(|a| a.record.name);
        entry.nodes.iter().any(|n| n.node == *name && n.result() == key && key.is_some())
            || pipeline.nodes[index].absent.is_some()
    })
}

fn tables(
    (before, old): (&Planned, &RunEntry),
    (after, new): (&Planned, &RunEntry),
    found: &mut RunDiff,
) -> Result<(), Failure> {
    let (first, second) = (&before.project.pipeline, &after.project.pipeline);
    let mut seen = BTreeSet::new();
    for (file, node, output) in &second.publish {
        if !seen.insert((*node, *output)) {
            continue;
        }
        let name =
            format!("{}.{}", second.nodes[*node].name, second.nodes[*node].outputs[*output].name);
        let Ok((was, was_output)) = first.output(&name) else { continue };
        let (Some(made_before), Some(made_after)) =
            (&before.plan.done[was], &after.plan.done[*node])
        else {
            if before.plan.done[was].is_some() != after.plan.done[*node].is_some() {
                found
                    .not_shown
                    .push(format!("`{name}` ({file}): only one run has it in the store"));
            }
            continue;
        };
        if !is_of_run(before, old, was) || !is_of_run(after, new, *node) {
            let what = "the pipeline, a source or the store has changed since";
            found.not_shown.push(format!("values of `{name}` ({file}): {what}"));
            continue;
        }
        let (a, b) = (&made_before[was_output], &made_after[*output]);
        if b.schema.columns.iter().any(|c| c.kind == crate::engine::types::Type::Bytes) {
            // Pictures and pages: what they show is in the tables.
            continue;
        }
        let diff = compare(&after.project.store, a, b)?;
        let differs = !diff.entered.is_empty()
            || !diff.left.is_empty()
            || !diff.changed.is_empty()
            || !diff.gone.is_empty()
            || !diff.new.is_empty();
        if !differs {
            found.same_tables += 1;
            continue;
        }
        found.tables.push(diff);
        for number in measured(&after.project.store, a, b)? {
            let agrees = number.agrees();
            let of_table = found.measured.tables.entry(number.table.clone()).or_default();
            *of_table = [of_table[0] + 1, of_table[1] + usize::from(agrees)];
            found.measured.numbers += 1;
            match agrees {
                true => found.measured.agree += 1,
                false => found.measured.apart.push(number),
            }
        }
    }
    found.measured.apart.sort_by(|a, b| b.apart.total_cmp(&a.apart));
    Ok(())
}
