//! A lineage as text: for an auditor, and as one tree. Forwards: [`super::lineage_impact`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lineage::{Way, directly_reached};
use crate::engine::lineage::{DATASET, Kind, Lineage, LineageEdge, LineageNode, ROWS};

/// A dataset of more files than this is cut short.
const FILES_SHOWN: usize = 20;

/// A lineage and where things are in it.
pub(super) struct View<'a> {
    lineage: &'a Lineage,
    way: Way,
    nodes: BTreeMap<&'a str, &'a LineageNode>,
    /// Edges by the end that is nearer to the asked-for column.
    near: BTreeMap<&'a str, Vec<&'a LineageEdge>>,
}

impl<'a> View<'a> {
    pub(super) fn new(lineage: &'a Lineage, way: Way) -> Self {
        let mut near: BTreeMap<&str, Vec<&LineageEdge>> = BTreeMap::new();
        for edge in &lineage.edges {
            near.entry(way.near(edge)).or_default().push(edge);
        }
        near.values_mut().for_each(|edges| edges.sort_by_key(|edge| edge.kind));
        let nodes = lineage.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        View { lineage, way, nodes, near }
    }

    fn edges(&self, id: &str) -> &[&'a LineageEdge] {
        self.near.get(id).map(Vec::as_slice).unwrap_or_default()
    }

    /// A column with its unit, stage and section.
    pub(super) fn line(&self, id: &str) -> String {
        let Some(node) = self.nodes.get(id) else { return id.to_owned() };
        let stage = text(&node.facts["stage"]);
        if stage.is_empty() {
            return id.to_owned();
        }
        let unit = text(&node.facts["column"]["unit"]);
        let unit = if unit.is_empty() { unit } else { format!(" [{unit}]") };
        format!("{id}{unit}, {stage} {}", text(&node.facts["section"])).trim_end().to_owned()
    }

    /// Where a column that is only handed on comes from, and the tables on the way.
    fn through(&self, edge: &'a LineageEdge) -> (&'a str, Vec<&'a str>) {
        let mut at = self.way.far(edge);
        let mut passed = Vec::new();
        if edge.how != "identity" {
            return (at, passed);
        }
        loop {
            let direct: Vec<_> = self.direct(at).collect();
            match direct[..] {
                [only] if only.how == "identity" && !only.from.starts_with(DATASET) => {
                    passed.push(at);
                    at = &only.from;
                }
                _ => break,
            }
        }
        (at, passed)
    }

    pub(super) fn direct(&self, id: &str) -> impl Iterator<Item = &'a LineageEdge> + '_ {
        self.edges(id).iter().copied().filter(|edge| edge.kind == Kind::Direct)
    }
}

/// For an auditor: what the values are made of, what else decides them, the bytes it all comes from, and the work.
pub fn audit(lineage: &Lineage) -> String {
    let view = View::new(lineage, Way::Back);
    let Some(root) = lineage.nodes.first() else { return String::new() };
    let reached = directly_reached(lineage, Way::Back);
    let mut lines = head(root, lineage);
    lines.push("\nDIRECT: what the values are made of".into());
    lines.push(view.line(&root.id));
    direct_branches(&view, &root.id, "", &mut BTreeSet::new(), &mut lines);
    let decisions = decisions(&view);
    if !decisions.is_empty() {
        lines.push("\nINDIRECT: what decides which rows there are, or steers the result".into());
        lines.extend(decisions);
    }
    lines.push("\nSOURCES".into());
    lines.extend(sources(&view, &reached));
    lines.push("\nWORK, in the order it was done".into());
    lines.extend(lineage.stages.iter().flat_map(stage));
    lines.join("\n")
}

fn head(root: &LineageNode, lineage: &Lineage) -> Vec<String> {
    let mut lines = vec![root.id.clone()];
    let about = text(&root.facts["column"]["description"]);
    if !about.is_empty() {
        lines.push(format!("  {about}"));
    }
    if let (Some(rows), Some(digest)) = (root.facts["rows"].as_u64(), root.facts["digest"].as_str())
    {
        lines.push(format!("  {rows} rows, content blake3 {digest}"));
    }
    let of = |kind: Kind| lineage.edges.iter().filter(|edge| edge.kind == kind).count();
    lines.push(format!(
        "  {} columns and tables, {} dependences ({} DIRECT, {} INDIRECT), {} nodes of the pipeline",
        lineage.nodes.len(),
        lineage.edges.len(),
        of(Kind::Direct),
        of(Kind::Indirect),
        lineage.stages.len()
    ));
    lines
}

/// The tree of DIRECT edges; a column that is handed on unchanged is shown once.
fn direct_branches<'a>(
    view: &View<'a>,
    id: &str,
    indent: &str,
    seen: &mut BTreeSet<&'a str>,
    lines: &mut Vec<String>,
) {
    let edges: Vec<_> = view.direct(id).collect();
    for (index, edge) in edges.iter().enumerate() {
        let last = index + 1 == edges.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let (at, passed) = view.through(edge);
        let passed = match passed.as_slice() {
            [] => String::new(),
            tables => {
                let tables: Vec<&str> =
                    tables.iter().filter_map(|id| id.split('.').next()).collect();
                format!(" through {}", tables.join(", "))
            }
        };
        let above = if seen.insert(at) { "" } else { " (shown above)" };
        lines.push(format!("{indent}{branch}{} [{}{passed}]{above}", view.line(at), edge.how));
        if above.is_empty() {
            direct_branches(view, at, &format!("{indent}{below}"), seen, lines);
        }
    }
}

/// What steers a table: its rows, the columns made in it, or both.
#[derive(Default)]
struct Steered<'a> {
    /// Sources by table, for the rows.
    rows: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// And for the columns that were made.
    columns: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// Of each table, what was read for it beside the direct sources of its columns: a line for each way.
fn decisions(view: &View<'_>) -> Vec<String> {
    let mut tables: BTreeMap<&str, BTreeMap<&str, Steered<'_>>> = BTreeMap::new();
    for edge in view.lineage.edges.iter().filter(|e| e.kind == Kind::Indirect && e.how != "rows") {
        let Some((table, column)) = edge.to.rsplit_once('.') else { continue };
        let (from, name) = edge.from.rsplit_once('.').unwrap_or((&edge.from, ""));
        let steered = tables.entry(table).or_default().entry(&edge.how).or_default();
        let side = if column == ROWS { &mut steered.rows } else { &mut steered.columns };
        side.entry(from).or_default().insert(name);
    }
    let order = places(view.lineage);
    let mut tables: Vec<_> = tables.into_iter().collect();
    tables.sort_by_key(|(table, _)| place(&order, table));
    let mut lines = Vec::new();
    for (table, ways) in tables {
        lines.push(format!("  {table}"));
        for (how, steered) in ways {
            let same = steered.rows == steered.columns;
            let both = [("rows", &steered.rows), ("new columns", &steered.columns)];
            for (what, from) in both.iter().filter(|(_, from)| !from.is_empty()) {
                match (same, *what) {
                    (true, "rows") => lines.push(told("rows and new columns", how, from)),
                    (true, _) => {}
                    (false, what) => lines.push(told(what, how, from)),
                }
            }
        }
    }
    lines
}

fn told(what: &str, how: &str, from: &BTreeMap<&str, BTreeSet<&str>>) -> String {
    let table = |(table, columns): (&&str, &BTreeSet<&str>)| {
        let columns: Vec<&str> = columns.iter().copied().collect();
        format!("{table}.{{{}}}", columns.join(", "))
    };
    let from: Vec<String> = from.iter().map(table).collect();
    format!("    {what}: {how} <- {}", from.join(", "))
}

/// The places of the nodes in topological order.
pub(super) fn places(lineage: &Lineage) -> BTreeMap<String, usize> {
    lineage.stages.iter().enumerate().map(|(i, s)| (text(&s["node"]), i)).collect()
}

pub(super) fn place(order: &BTreeMap<String, usize>, table: &str) -> Option<usize> {
    order.get(table.split('.').next().unwrap_or_default()).copied()
}

/// The datasets, their columns where the reader names them, and their files.
fn sources(view: &View<'_>, reached: &BTreeSet<String>) -> Vec<String> {
    let mut lines = Vec::new();
    let datasets = view.lineage.nodes.iter().filter(|n| n.facts["kind"] == "dataset");
    for dataset in datasets {
        let slot = &dataset.facts["slot"];
        let mut line = format!("  {}: {}", dataset.id, text(&slot["about"]));
        for key in ["release", "url", "licence"] {
            if let Some(known) = slot[key].as_str() {
                line.push_str(&format!("; {key} {known}"));
            }
        }
        lines.push(line);
        let (mut direct, mut indirect) = (Vec::new(), Vec::new());
        for column in &view.lineage.nodes {
            let Some(name) = column.id.strip_prefix(&format!("{}.", dataset.id)) else { continue };
            let side = if reached.contains(&column.id) { &mut direct } else { &mut indirect };
            side.push(name);
        }
        for (kind, mut names) in [("DIRECT", direct), ("INDIRECT", indirect)] {
            names.sort_unstable();
            if !names.is_empty() {
                lines.push(format!("    columns, {kind}: {}", names.join(", ")));
            }
        }
        lines.extend(files(dataset).into_iter().map(|file| format!("    {file}")));
        if let Some(made) = dataset.facts["made_by"].as_str() {
            let from = view.edges(&dataset.id).iter().find(|e| e.kind == Kind::Direct);
            let node = from.map_or(made.to_owned(), |e| format!("made by {}", view.line(&e.from)));
            lines.push(format!("    {node}"));
        }
    }
    lines
}

/// What decided the work of a node, and who did it.
fn stage(facts: &Value) -> Vec<String> {
    let mut line = format!(
        "  {}: {} revision {}",
        text(&facts["node"]),
        text(&facts["stage"]),
        facts["revision"]
    );
    for key in ["section", "seed", "code", "machine"] {
        let value = text(&facts[key]);
        match (key, value.is_empty()) {
            (_, true) => {}
            ("seed", _) => line.push_str(&format!(", seed {value}")),
            _ => line.push_str(&format!(", {value}")),
        }
    }
    match facts["key"].as_str() {
        Some(key) => line.push_str(&format!(", record {}", key.get(..10).unwrap_or(key))),
        None => line.push_str(&format!("; not in the store: {}", text(&facts["not_made"]))),
    }
    let mut lines = vec![line];
    let mut params = Vec::new();
    parameters("", &facts["params"], &mut params);
    if !params.is_empty() {
        lines.push(format!("    {}", params.join(", ")));
    }
    lines
}

fn parameters(path: &str, value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                parameters(&path, value, found);
            }
        }
        Value::Null => {}
        // A reader's columns are told among the sources.
        Value::Array(items) if items.len() > 3 && items.iter().all(Value::is_object) => {
            found.push(format!("{path} = {} entries", items.len()));
        }
        other => found.push(format!("{path} = {other}")),
    }
}

/// The whole lineage as a tree; what was shown above is not shown again.
pub fn tree(lineage: &Lineage, way: Way) -> String {
    let view = View::new(lineage, way);
    let mut lines = Vec::new();
    if let Some(root) = lineage.nodes.first() {
        lines.push(view.line(&root.id));
        let mut seen = BTreeSet::from([root.id.as_str()]);
        branches(&view, &root.id, "", &mut seen, &mut lines);
    }
    lines.join("\n")
}

fn branches<'a>(
    view: &View<'a>,
    id: &str,
    indent: &str,
    seen: &mut BTreeSet<&'a str>,
    lines: &mut Vec<String>,
) {
    let edges = view.edges(id);
    for (index, edge) in edges.iter().enumerate() {
        let last = index + 1 == edges.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let kind = match edge.kind {
            Kind::Direct => "DIRECT",
            Kind::Indirect => "INDIRECT",
        };
        let far = view.way.far(edge);
        let new = seen.insert(far);
        let above = if new { "" } else { " (shown above)" };
        lines.push(format!("{indent}{branch}{} [{kind}: {}]{above}", view.line(far), edge.how));
        if new {
            let below = format!("{indent}{below}");
            let node = view.nodes.get(far).copied();
            lines.extend(node.into_iter().flat_map(files).map(|file| format!("{below}{file}")));
            branches(view, far, &below, seen, lines);
        }
    }
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
            let origin = match text(&file["origin"]).as_str() {
                "" => "from a mirror".to_owned(),
                "path" => "at a path".to_owned(),
                url => url.to_owned(),
            };
            format!("{} {} {origin}", text(&file["blake3"]), text(&file["name"]))
        })
        .collect();
    if files.len() > FILES_SHOWN {
        let more = files.len() - FILES_SHOWN;
        lines.push(format!("and {more} files more (`--json` lists all)"));
    }
    lines
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::lineage::tests::sample;
    use super::*;

    #[test]
    fn the_tree_tells_direct_from_indirect_and_repeats_nothing() {
        let text = tree(&sample(), Way::Back);
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
    fn the_audit_names_values_decisions_sources_and_work() {
        let text = audit(&sample());
        assert!(text.contains("\n└─ a.out.teff [K], cuts §3 [identity]\n"), "{text}");
        assert!(text.contains("\n  c.out\n    new columns: filter <- a.out.{snr}\n"), "{text}");
        assert!(text.contains("and 2 files more"), "{text}");
        assert!(text.contains("  a: cuts revision 1; not in the store"), "{text}");
        assert!(text.ends_with("    k = 2"), "{text}");
    }
}
