//! The verb `plan`: what a run would do, and why.

use serde::Serialize;

use super::args::{Cli, PlanArgs};
use super::failure::{Failure, STALE, without_node};
use super::project::{Planned, Project};
use super::table::{count, table};
use super::talk::Talk;
use crate::engine::pipeline::Pipeline;
use crate::engine::plan::{NodePlan, Plan, State};
use crate::engine::run::Outcome;

/// A node in `plan --json`.
#[derive(Debug, PartialEq, Serialize)]
pub struct PlanLine {
    /// The node.
    pub node: String,
    /// `fresh`, `stale`, `waiting`, `absent` or `broken`.
    pub state: &'static str,
    /// Why it is not fresh.
    pub reasons: Vec<String>,
}

/// Which nodes a run is asked for, and which it does again.
pub struct Selection {
    /// Nodes asked for.
    pub wanted: Vec<bool>,
    /// Nodes to do though they are fresh.
    pub force: Vec<bool>,
}

/// Shows the plan.
pub fn plan(cli: &Cli, args: &PlanArgs, talk: &Talk) -> Result<u8, Failure> {
    let planned = Planned::open(&cli.common, talk)?;
    show(cli, &planned, args.all, talk);
    let stale = args.check && !planned.plan.is_fresh();
    Ok(if stale { STALE } else { 0 })
}

/// Shows what a run of a selection would do.
pub fn dry_run(
    cli: &Cli,
    talk: &Talk,
    select: impl FnOnce(&Project) -> Result<Selection, Failure>,
) -> Result<u8, Failure> {
    let mut planned = Planned::open(&cli.common, talk)?;
    let selection = select(&planned.project)?;
    restrict(&planned.project.pipeline, &mut planned.plan, &selection);
    show(cli, &planned, false, talk);
    Ok(0)
}

/// Lays what was asked for over the plan; nodes that were not asked for leave it.
fn restrict(pipeline: &Pipeline, plan: &mut Plan, selection: &Selection) {
    for index in 0..plan.nodes.len() {
        if plan.nodes[index].state != State::Fresh {
            continue;
        }
        let sources = pipeline.nodes[index].ports.iter().filter_map(|p| p.source);
        let mut on: Vec<String> = sources
            .map(|(source, _)| &plan.nodes[source])
            .filter(|node| !matches!(node.state, State::Fresh | State::Absent { .. }))
            .map(|node| node.node.clone())
            .collect();
        on.dedup();
        if selection.force[index] {
            plan.nodes[index].state = State::Stale { reasons: vec!["forced".into()] };
        } else if !on.is_empty() {
            plan.nodes[index].state = State::Waiting { on };
        }
    }
    let mut wanted = selection.wanted.iter();
    plan.nodes.retain(|_| wanted.next().is_none_or(|wanted| *wanted));
}

/// The word for a state.
pub fn word(state: &State) -> &'static str {
    match state {
        State::Fresh => "fresh",
        State::Stale { .. } => "stale",
        State::Waiting { .. } => "waiting",
        State::Absent { .. } => "absent",
        State::Broken { .. } => "broken",
    }
}

/// Why a node is not fresh. A node whose last try failed is stale for that reason.
pub fn reasons(project: &Project, node: &NodePlan) -> Vec<String> {
    match &node.state {
        State::Fresh => Vec::new(),
        State::Stale { reasons } => match failure(project, &node.node) {
            Some(error) => vec![format!("its last run failed: {error}")],
            None => reasons.clone(),
        },
        State::Waiting { on } => on.iter().map(|on| format!("waits for `{on}`")).collect(),
        State::Absent { dataset } => vec![format!("dataset `{dataset}` is absent")],
        State::Broken { error } => vec![error.clone()],
    }
}

fn failure(project: &Project, node: &str) -> Option<String> {
    let entry = project.latest()?.nodes.iter().find(|n| n.node == node)?;
    match &entry.outcome {
        Outcome::Failed { error, .. } => Some(without_node(error, node).to_owned()),
        _ => None,
    }
}

/// `3 fresh, 1 stale`: the states that occur, in a fixed order.
pub fn summary(nodes: &[NodePlan]) -> String {
    let states = ["fresh", "stale", "waiting", "broken", "absent"];
    let counts = states.into_iter().filter_map(|state| {
        let n = nodes.iter().filter(|node| word(&node.state) == state).count();
        (n > 0).then(|| format!("{n} {state}"))
    });
    let counts: Vec<String> = counts.collect();
    format!("{}: {}", count(nodes.len(), "node"), counts.join(", "))
}

fn show(cli: &Cli, planned: &Planned, all: bool, talk: &Talk) {
    let (project, plan) = (&planned.project, &planned.plan);
    if cli.common.json {
        let lines: Vec<PlanLine> = plan
            .nodes
            .iter()
            .map(|node| PlanLine {
                node: node.node.clone(),
                state: word(&node.state),
                reasons: reasons(project, node),
            })
            .collect();
        talk.json(&lines);
        return;
    }
    let rows: Vec<Vec<String>> = plan
        .nodes
        .iter()
        .filter(|node| all || node.state != State::Fresh)
        .map(|node| {
            vec![
                node.node.clone(),
                word(&node.state).into(),
                shards(node),
                reasons(project, node).join("\n"),
            ]
        })
        .collect();
    if !rows.is_empty() {
        talk.out(&table(&["NODE", "STATE", "SHARDS", "WHY"], &["SHARDS"], rows));
    }
    talk.note(&summary(&plan.nodes));
}

/// Shards to do of all, where they are known.
fn shards(node: &NodePlan) -> String {
    match node.jobs {
        Some((all, 0)) => all.to_string(),
        Some((all, stale)) => format!("{stale} of {all}"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, state: State) -> NodePlan {
        NodePlan { node: name.into(), state, jobs: None }
    }

    #[test]
    fn the_summary_names_only_the_states_that_occur() {
        let nodes = [
            node("a", State::Fresh),
            node("b", State::Stale { reasons: vec![] }),
            node("c", State::Waiting { on: vec!["b".into()] }),
            node("d", State::Fresh),
        ];
        assert_eq!(summary(&nodes), "4 nodes: 2 fresh, 1 stale, 1 waiting");
    }

    #[test]
    fn shards_to_do_are_told_apart_from_all() {
        let with = |jobs| shards(&NodePlan { jobs, ..node("a", State::Fresh) });
        assert_eq!(with(Some((8, 3))), "3 of 8");
        assert_eq!(with(Some((8, 0))), "8");
        assert_eq!(with(None), "");
    }
}
