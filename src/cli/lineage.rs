//! The verb `lineage`: a column back to the bytes it comes from, or on to all that it touches.

use std::collections::BTreeSet;

use serde_json::json;

use super::args::{Cli, DagFormat, LineageArgs};
use super::failure::Failure;
use super::project::Planned;
use super::talk::Talk;
use super::{lineage_draw, lineage_impact, lineage_text};
use crate::engine::error::unless_read_only;
use crate::engine::lineage::{Kind, Known, Lineage, LineageEdge};

/// Which end of the edges the asked-for column is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To what it comes from.
    Back,
    /// To what comes of it.
    Forwards,
}

impl Way {
    /// The end of an edge that is nearer to the asked-for column.
    pub fn near(self, edge: &LineageEdge) -> &str {
        if self == Way::Back { &edge.to } else { &edge.from }
    }

    /// The other end.
    pub fn far(self, edge: &LineageEdge) -> &str {
        if self == Way::Back { &edge.from } else { &edge.to }
    }
}

/// Shows the lineage of a column.
pub fn lineage(cli: &Cli, args: &LineageArgs, talk: &Talk) -> Result<u8, Failure> {
    let planned = Planned::of_records(&cli.common, talk)?;
    let pipeline = &planned.project.pipeline;
    let item = pipeline.find_item(&args.column)?;
    let known = Known { done: &planned.plan.done, store: &planned.project.store };
    let (way, mut lineage) = match args.impact {
        true => (Way::Forwards, pipeline.impact(item, &known)?),
        false => (Way::Back, pipeline.lineage(item, &known)?),
    };
    planned.project.store.save_gathered().or_else(unless_read_only)?;
    if args.direct {
        lineage = only_direct(lineage, way);
    }
    if cli.common.json {
        talk.json(&json!({
            "nodes": lineage.nodes, "edges": lineage.edges, "stages": lineage.stages,
        }));
        return Ok(0);
    }
    talk.out(&match args.format {
        DagFormat::Text if args.full => lineage_text::tree(&lineage, way),
        DagFormat::Text if args.impact => lineage_impact::impact(&lineage, pipeline),
        DagFormat::Text => lineage_text::audit(&lineage),
        other => lineage_draw::draw(&lineage, way, other),
    });
    Ok(0)
}

/// Everything that DIRECT edges alone lead to.
pub fn directly_reached(lineage: &Lineage, way: Way) -> BTreeSet<String> {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<String> = lineage.nodes.first().map(|n| n.id.clone()).into_iter().collect();
    let mut next: std::collections::BTreeMap<&str, Vec<&str>> = Default::default();
    for edge in lineage.edges.iter().filter(|edge| edge.kind == Kind::Direct) {
        next.entry(way.near(edge)).or_default().push(way.far(edge));
    }
    while let Some(id) = open.pop() {
        // Diamonds are common: what was reached is followed once.
        if let Some(far) = next.get(id.as_str()).filter(|_| !reached.contains(&id)) {
            open.extend(far.iter().map(|id| (*id).to_owned()));
        }
        reached.insert(id);
    }
    reached
}

/// What remains without INDIRECT edges, and without what only they lead to.
fn only_direct(lineage: Lineage, way: Way) -> Lineage {
    let reached = directly_reached(&lineage, way);
    let nodes: Vec<_> = lineage.nodes.into_iter().filter(|n| reached.contains(&n.id)).collect();
    let of_stage =
        |stage: &serde_json::Value| nodes.iter().any(|n| n.facts["node"] == stage["node"]);
    let stages = lineage.stages.into_iter().filter(of_stage).collect();
    let stays = |e: &LineageEdge| {
        e.kind == Kind::Direct && reached.contains(&e.from) && reached.contains(&e.to)
    };
    Lineage { edges: lineage.edges.into_iter().filter(stays).collect(), nodes, stages }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::engine::lineage::LineageNode;
    use serde_json::Value;

    /// `c.out.teff` of `a.out.teff`, cut by `a.out.snr`, both of the files of dataset `x`.
    pub fn sample() -> Lineage {
        let node = |id: &str, facts: Value| LineageNode { id: id.into(), facts };
        let column = |id: &str, name: &str, unit: &str| {
            node(
                id,
                json!({
                    "kind": "column", "node": name, "stage": "cuts", "section": "§3",
                    "column": {"unit": unit},
                }),
            )
        };
        let edge = |from: &str, to: &str, kind: Kind, how: &str| LineageEdge {
            from: from.into(),
            to: to.into(),
            kind,
            how: how.into(),
        };
        let files: Vec<Value> = (0..22)
            .map(|i| json!({"name": format!("f{i}"), "blake3": "00", "origin": null}))
            .collect();
        let stage =
            |node: &str| json!({"node": node, "stage": "cuts", "revision": 1, "params": {"k": 2}});
        Lineage {
            nodes: vec![
                column("c.out.teff", "c", "K"),
                column("a.out.teff", "a", "K"),
                column("a.out.snr", "a", ""),
                node("dataset:x", json!({ "kind": "dataset", "files": files })),
            ],
            edges: vec![
                edge("a.out.snr", "c.out.teff", Kind::Indirect, "filter"),
                edge("a.out.teff", "c.out.teff", Kind::Direct, "identity"),
                edge("dataset:x", "a.out.teff", Kind::Direct, "files"),
                edge("dataset:x", "a.out.snr", Kind::Direct, "files"),
            ],
            stages: vec![stage("a"), stage("c")],
        }
    }

    #[test]
    fn direct_only_drops_what_only_indirect_edges_reach() {
        let direct = only_direct(sample(), Way::Back);
        let ids: Vec<&str> = direct.nodes.iter().map(|n| n.id.as_str()).collect();
        assert_eq!(ids, ["c.out.teff", "a.out.teff", "dataset:x"]);
        assert!(direct.edges.iter().all(|e| e.kind == Kind::Direct));
        assert_eq!((direct.edges.len(), direct.stages.len()), (2, 2));
    }
}
