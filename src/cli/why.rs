//! The verb `why`: from a node that is stale, or that ran last, back to the root cause.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use super::args::Cli;
use super::failure::Failure;
use super::past::Past;
use super::plan;
use super::project::{Planned, Project};
use super::status;
use super::talk::Talk;
use crate::engine::ledger::RunEntry;
use crate::engine::plan::State;
use crate::engine::run::Outcome;

/// A node that is not fresh, or that ran: what the chain is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// In a word: `stale`, `waiting`, `ran`.
    pub state: String,
    /// Why, as planned or recorded.
    pub reasons: Vec<String>,
}

/// A link of the chain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// The node.
    pub node: String,
    /// What it is: `stale`, `waiting`, `ran`.
    pub state: String,
    /// Where the change began, or passed through.
    pub cause: Cause,
    /// Why.
    pub reasons: Vec<String>,
    /// The nodes from which the change came.
    pub from: Vec<String>,
    /// Steps from the node asked for.
    pub depth: usize,
}

/// Where a change began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Here.
    Root,
    /// In a node before it.
    Cascade,
}

#[derive(Serialize)]
struct WhyJson<'a> {
    node: &'a str,
    state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a str>,
    chain: &'a [Link],
}

/// The chain from a node back to all root causes, nearest first.
///
/// A reason that names, as `(from NODE.OUTPUT)` or ``waits for `NODE` ``, a node that moved too is
/// a cascade from there; every other reason is a cause of its own.
pub fn chain(node: &str, moved: &BTreeMap<String, Moved>) -> Vec<Link> {
    let mut links = Vec::new();
    let mut seen = BTreeSet::from([node.to_owned()]);
    let mut open = VecDeque::from([(node.to_owned(), 0)]);
    while let Some((name, depth)) = open.pop_front() {
        let Some(this) = moved.get(&name) else { continue };
        let sources: Vec<Option<&str>> = this
            .reasons
            .iter()
            .map(|reason| origin(reason).filter(|from| moved.contains_key(*from)))
            .collect();
        let mut from: Vec<String> = sources.iter().flatten().map(|s| (*s).to_owned()).collect();
        from.sort();
        from.dedup();
        let cascades = !sources.is_empty() && sources.iter().all(Option::is_some);
        for source in &from {
            if seen.insert(source.clone()) {
                open.push_back((source.clone(), depth + 1));
            }
        }
        links.push(Link {
            node: name,
            state: this.state.clone(),
            cause: if cascades { Cause::Cascade } else { Cause::Root },
            reasons: this.reasons.clone(),
            from,
            depth,
        });
    }
    links
}

/// The node that a reason names.
fn origin(reason: &str) -> Option<&str> {
    if let Some(rest) = reason.strip_prefix("waits for `") {
        return rest.strip_suffix('`');
    }
    let (_, rest) = reason.rsplit_once("(from ")?;
    let reference = rest.strip_suffix(')')?;
    Some(reference.split_once('.').map_or(reference, |(node, _)| node))
}

/// Explains a node.
pub fn why(cli: &Cli, node: &str, run: Option<&str>, talk: &Talk) -> Result<u8, Failure> {
    if let Some(run) = run {
        return Past::open(&cli.common, run)?.why(node, cli.common.json, talk);
    }
    let planned = Planned::open(&cli.common, talk)?;
    let project = &planned.project;
    let index = project.pipeline.node(node)?;
    let state = &planned.plan.nodes[index].state;
    let word = plan::word(state);
    if let State::Fresh = state {
        fresh(cli, project, node, talk);
        return Ok(0);
    }
    let links = chain(node, &moved_now(&planned));
    if cli.common.json {
        talk.json(&WhyJson { node, state: word, run: None, chain: &links });
    } else {
        talk.out(&format!("`{node}` is {word}"));
        talk.out(&text(&links));
    }
    Ok(0)
}

fn fresh(cli: &Cli, project: &Project, node: &str, talk: &Talk) {
    let ran = |entry: &RunEntry| {
        let mut nodes = entry.nodes.iter();
        nodes.any(|n| n.node == node && matches!(n.outcome, Outcome::Ran { .. }))
    };
    let entry = project.history().find(ran);
    let links = entry.as_ref().map(|entry| chain(node, &moved_then(entry))).unwrap_or_default();
    if cli.common.json {
        let run = entry.as_ref().map(|entry| entry.id.as_str());
        talk.json(&WhyJson { node, state: "fresh", run, chain: &links });
        return;
    }
    match entry {
        Some(entry) => {
            talk.out(&format!("`{node}` is fresh; it last ran in {}", entry.id));
            talk.out(&text(&links));
        }
        None => talk.out(&format!(
            "`{node}` is fresh; another profile, method or store user made its result"
        )),
    }
}

/// Nodes that are not fresh, and behind them those that moved in the latest run: a node may be
/// stale because of an input that was already done again.
fn moved_now(planned: &Planned) -> BTreeMap<String, Moved> {
    let latest = planned.project.latest();
    let mut moved = latest.map(moved_then).unwrap_or_default();
    for node in &planned.plan.nodes {
        if node.state != State::Fresh {
            let reasons = plan::reasons(&planned.project, node);
            let state = plan::word(&node.state).to_owned();
            moved.insert(node.node.clone(), Moved { state, reasons });
        }
    }
    moved
}

/// Nodes that ran in a run.
pub fn moved_then(entry: &RunEntry) -> BTreeMap<String, Moved> {
    let ran = entry.nodes.iter().filter(|n| matches!(n.outcome, Outcome::Ran { .. }));
    ran.map(|node| {
        let state = format!("{} in {}", status::word(&node.outcome), entry.id);
        (node.node.clone(), Moved { state, reasons: node.reasons.clone() })
    })
    .collect()
}

/// The chain, indented by its steps.
pub fn text(links: &[Link]) -> String {
    let mut lines = Vec::new();
    for link in links {
        let indent = "  ".repeat(link.depth);
        let cause = match link.cause {
            Cause::Root => "root cause".to_owned(),
            Cause::Cascade => format!("cascade from `{}`", link.from.join("`, `")),
        };
        lines.push(format!("{indent}{}: {} ({cause})", link.node, link.state));
        for reason in &link.reasons {
            lines.push(format!("{indent}  - {reason}"));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(nodes: &[(&str, &str, &[&str])]) -> BTreeMap<String, Moved> {
        let moved = |state: &str, reasons: &[&str]| Moved {
            state: state.into(),
            reasons: reasons.iter().map(|r| (*r).to_owned()).collect(),
        };
        nodes.iter().map(|(name, s, r)| ((*name).to_owned(), moved(s, r))).collect()
    }

    #[test]
    fn the_chain_ends_at_the_root_cause() {
        let moved = moved(&[
            ("catalog", "waiting", &["waits for `train`"]),
            ("train", "waiting", &["waits for `cuts`"]),
            ("cuts", "stale", &["parameter `criteria[0][1]`: \"a > 1\" -> \"a > 2\""]),
            ("other", "stale", &["never ran in this store"]),
        ]);
        let links = chain("catalog", &moved);
        let seen: Vec<_> = links.iter().map(|l| (l.node.as_str(), l.cause, l.depth)).collect();
        let expected = [
            ("catalog", Cause::Cascade, 0),
            ("train", Cause::Cascade, 1),
            ("cuts", Cause::Root, 2),
        ];
        assert_eq!(seen, expected);
        let text = text(&links);
        assert!(text.starts_with("catalog: waiting (cascade from `train`)\n"), "{text}");
        assert!(text.contains("    cuts: stale (root cause)\n      - parameter"), "{text}");
    }

    #[test]
    fn changed_content_leads_to_the_node_that_ran() {
        let moved = moved(&[
            ("train", "stale", &["`stars.x`: content 0a -> 0b (from cuts.kept)"]),
            ("cuts", "ran", &["revision of stage `cuts`: 1 -> 2"]),
        ]);
        let links = chain("train", &moved);
        assert_eq!(links[0].cause, Cause::Cascade);
        assert_eq!(links[0].from, ["cuts"]);
        assert_eq!(links[1].cause, Cause::Root);
    }

    #[test]
    fn a_reason_of_its_own_makes_a_root() {
        let moved = moved(&[
            ("b", "stale", &["`in.x`: content 0 -> 1 (from a.rows)", "seed: None -> Some(1)"]),
            ("a", "ran", &["forced"]),
        ]);
        let links = chain("b", &moved);
        assert_eq!((links[0].cause, links[1].cause), (Cause::Root, Cause::Root));
        // The input did not move: the change is a re-binding here.
        let alone = chain("b", &moved.into_iter().filter(|(n, _)| n == "b").collect());
        assert_eq!(alone[0].cause, Cause::Root);
        assert!(alone[0].from.is_empty());
    }

    #[test]
    fn a_diamond_is_told_once() {
        let moved = moved(&[
            ("d", "waiting", &["waits for `b`", "waits for `c`"]),
            ("b", "waiting", &["waits for `a`"]),
            ("c", "waiting", &["waits for `a`"]),
            ("a", "broken", &["dataset `x`: gone"]),
        ]);
        let links = chain("d", &moved);
        assert_eq!(links.len(), 4);
        assert_eq!(links[3].cause, Cause::Root);
    }
}
