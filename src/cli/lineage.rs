//! The verb `lineage`: a column back to the bytes it comes from.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::Cli;
use super::failure::Failure;
use super::project::Planned;
use super::talk::Talk;
use crate::engine::lineage::{Kind, Lineage, LineageEdge, LineageNode};

/// A dataset of more files than this is cut short in the tree.
const FILES_SHOWN: usize = 20;

/// Shows the lineage of a column.
pub fn lineage(cli: &Cli, column: &str, direct: bool, talk: &Talk) -> Result<u8, Failure> {
    let planned = Planned::open(&cli.common, talk)?;
    let pipeline = &planned.project.pipeline;
    let found = pipeline.find_column(column)?;
    let mut lineage = pipeline.lineage(found, &planned.plan.done);
    if direct {
        lineage = only_direct(lineage);
    }
    if cli.common.json {
        talk.json(&json!({ "nodes": lineage.nodes, "edges": lineage.edges }));
    } else {
        talk.out(&tree(&lineage));
    }
    Ok(0)
}

/// What remains without INDIRECT edges, and without what only they lead to.
fn only_direct(lineage: Lineage) -> Lineage {
    let edges: Vec<LineageEdge> =
        lineage.edges.into_iter().filter(|edge| edge.kind == Kind::Direct).collect();
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut open: Vec<String> = lineage.nodes.first().map(|n| n.id.clone()).into_iter().collect();
    while let Some(id) = open.pop() {
        // Diamonds are common: what was reached is followed once.
        if reached.insert(id.clone()) {
            open.extend(edges.iter().filter(|e| e.to == id).map(|e| e.from.clone()));
        }
    }
    Lineage {
        nodes: lineage.nodes.into_iter().filter(|n| reached.contains(&n.id)).collect(),
        edges: edges.into_iter().filter(|e| reached.contains(&e.to)).collect(),
    }
}

/// The lineage as a tree; what was shown above is not shown again.
fn tree(lineage: &Lineage) -> String {
    let mut lines = Vec::new();
    if let Some(root) = lineage.nodes.first() {
        lines.push(line(root));
        let mut seen = BTreeSet::from([root.id.clone()]);
        branches(lineage, &root.id, "", &mut seen, &mut lines);
    }
    lines.join("\n")
}

fn branches(
    lineage: &Lineage,
    id: &str,
    indent: &str,
    seen: &mut BTreeSet<String>,
    lines: &mut Vec<String>,
) {
    let mut edges: Vec<&LineageEdge> = lineage.edges.iter().filter(|e| e.to == id).collect();
    edges.sort_by_key(|edge| edge.kind);
    for (index, edge) in edges.iter().enumerate() {
        let last = index + 1 == edges.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let kind = match edge.kind {
            Kind::Direct => "DIRECT",
            Kind::Indirect => "INDIRECT",
        };
        let node = lineage.nodes.iter().find(|node| node.id == edge.from);
        let text = node.map_or_else(|| edge.from.clone(), line);
        let new = seen.insert(edge.from.clone());
        let above = if new { "" } else { " (shown above)" };
        lines.push(format!("{indent}{branch}{text} [{kind}: {}]{above}", edge.how));
        if new {
            let below = format!("{indent}{below}");
            lines.extend(node.into_iter().flat_map(files).map(|file| format!("{below}{file}")));
            branches(lineage, &edge.from, &below, seen, lines);
        }
    }
}

/// A column with its unit, stage and section.
fn line(node: &LineageNode) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let stage = text(&node.facts["stage"]);
    if stage.is_empty() {
        return node.id.clone();
    }
    let unit = text(&node.facts["column"]["unit"]);
    let unit = if unit.is_empty() { unit } else { format!(" [{unit}]") };
    format!("{}{unit}, {stage} {}", node.id, text(&node.facts["section"])).trim_end().to_owned()
}

/// The files of a dataset: digest, name and public address.
fn files(node: &LineageNode) -> Vec<String> {
    let Some(files) = node.facts["files"].as_array() else {
        return Vec::new();
    };
    let mut lines: Vec<String> = files
        .iter()
        .take(FILES_SHOWN)
        .map(|file| {
            let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
            let origin = match text("origin").as_str() {
                "" => "from a mirror".to_owned(),
                "path" => "at a path".to_owned(),
                url => url.to_owned(),
            };
            format!("{} {} {origin}", text("blake3"), text("name"))
        })
        .collect();
    if files.len() > FILES_SHOWN {
        let more = files.len() - FILES_SHOWN;
        lines.push(format!("and {more} files more (`--json` lists all)"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Lineage {
        let node = |id: &str, facts: Value| LineageNode { id: id.into(), facts };
        let column = |id: &str, unit: &str| {
            node(id, json!({"stage": "cuts", "section": "§3", "column": {"unit": unit}}))
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
        Lineage {
            nodes: vec![
                column("c.out.teff", "K"),
                column("a.out.teff", "K"),
                column("a.out.snr", ""),
                node("dataset:x", json!({ "files": files })),
            ],
            edges: vec![
                edge("a.out.snr", "c.out.teff", Kind::Indirect, "filter"),
                edge("a.out.teff", "c.out.teff", Kind::Direct, "identity"),
                edge("dataset:x", "a.out.teff", Kind::Direct, "files"),
                edge("dataset:x", "a.out.snr", Kind::Direct, "files"),
            ],
        }
    }

    #[test]
    fn the_tree_tells_direct_from_indirect_and_repeats_nothing() {
        let text = tree(&sample());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "c.out.teff [K], cuts §3");
        assert_eq!(lines[1], "├─ a.out.teff [K], cuts §3 [DIRECT: identity]");
        assert_eq!(lines[2], "│  └─ dataset:x [DIRECT: files]");
        assert_eq!(lines[3], "│     00 f0 from a mirror");
        assert_eq!(lines[23], "│     and 2 files more (`--json` lists all)");
        assert_eq!(lines[24], "└─ a.out.snr, cuts §3 [INDIRECT: filter]");
        assert_eq!(lines[25], "   └─ dataset:x [DIRECT: files] (shown above)");
        assert_eq!(lines.len(), 26);
    }

    #[test]
    fn direct_only_drops_what_only_indirect_edges_reach() {
        let direct = only_direct(sample());
        let ids: Vec<&str> = direct.nodes.iter().map(|n| n.id.as_str()).collect();
        assert_eq!(ids, ["c.out.teff", "a.out.teff", "dataset:x"]);
        assert!(direct.edges.iter().all(|e| e.kind == Kind::Direct));
        assert_eq!(direct.edges.len(), 2);
    }
}
