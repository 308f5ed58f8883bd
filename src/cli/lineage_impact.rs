//! What a column touches, as text: the values it goes into, what it decides, and all behind.

use std::collections::{BTreeMap, BTreeSet};

use super::lineage::{Way, directly_reached};
use super::lineage_text::{View, place, places};
use super::table::count;
use crate::engine::lineage::{Kind, Lineage, LineageEdge, ROWS};
use crate::engine::pipeline::Pipeline;

/// What a column touches: its values on the way, the tables whose rows it decides, all columns behind them.
pub fn impact(lineage: &Lineage, pipeline: &Pipeline) -> String {
    let view = View::new(lineage, Way::Forwards);
    let Some(root) = lineage.nodes.first() else { return String::new() };
    let reached = directly_reached(lineage, Way::Forwards);
    let tables = touched(lineage, &reached);
    let mut lines = vec![format!(
        "{} touches {} of {}",
        root.id,
        count(tables.len(), "table"),
        count(lineage.stages.len(), "node")
    )];
    lines.push("\nDIRECT: its values go into".into());
    let before = lines.len();
    forward_branches(&view, &root.id, "  ", &mut BTreeSet::new(), &mut lines);
    if lines.len() == before {
        lines.push("  nothing".into());
    }
    lines.push("\nINDIRECT: it decides or steers".into());
    let mut decided = decided(lineage, &reached);
    if decided.is_empty() {
        decided.push("  nothing".into());
    }
    lines.extend(decided);
    lines.push("\nALL that may move with it, by table".into());
    lines.extend(tables.iter().map(|(table, touched)| touched.line(table)));
    let published = pipeline.publish.iter().filter(|(_, node, output)| {
        let node = &pipeline.nodes[*node];
        tables.iter().any(|(t, _)| *t == format!("{}.{}", node.name, node.outputs[*output].name))
    });
    let files: Vec<&str> = published.map(|(file, ..)| file.as_str()).collect();
    if !files.is_empty() {
        lines.push(format!("\nPUBLISHED: {}", files.join(", ")));
    }
    lines.join("\n")
}

/// What the values that a column goes into decide, a line for each table and way.
fn decided(lineage: &Lineage, reached: &BTreeSet<String>) -> Vec<String> {
    let mut steered: BTreeMap<(&str, &str), (bool, usize)> = BTreeMap::new();
    let from_it = |edge: &&LineageEdge| reached.contains(&edge.from) && edge.how != "rows";
    for edge in lineage.edges.iter().filter(|e| e.kind == Kind::Indirect).filter(from_it) {
        let (table, column) = edge.to.rsplit_once('.').unwrap_or((&edge.to, ROWS));
        let (rows, columns) = steered.entry((table, &edge.how)).or_default();
        match column == ROWS {
            true => *rows = true,
            false => *columns += 1,
        }
    }
    let order = places(lineage);
    let mut steered: Vec<_> = steered.into_iter().collect();
    steered.sort_by_key(|((table, _), _)| place(&order, table));
    let line = |((table, how), (rows, columns)): ((&str, &str), (bool, usize))| {
        let what = match (rows, columns) {
            (true, 0) => "the rows".to_owned(),
            (true, n) => format!("the rows and {} made there", count(n, "column")),
            (false, n) => format!("{} made there", count(n, "column")),
        };
        format!("  {table}: {what}, by {how}")
    };
    steered.into_iter().map(line).collect()
}

/// What is touched of a table.
#[derive(Default)]
struct Touched {
    rows: bool,
    direct: Vec<String>,
    indirect: Vec<String>,
}

impl Touched {
    fn line(&self, table: &str) -> String {
        let rows = if self.rows { "its rows; " } else { "" };
        let names = |of: &[String]| match of.len() {
            0..=8 => of.join(", "),
            n => format!("{} and {} more", of[..6].join(", "), n - 6),
        };
        let mut words = Vec::new();
        if !self.direct.is_empty() {
            words.push(format!("DIRECT {}", names(&self.direct)));
        }
        if !self.indirect.is_empty() {
            words.push(format!("INDIRECT {}", names(&self.indirect)));
        }
        format!("  {table}: {rows}{}", words.join("; ")).trim_end().to_owned()
    }
}

/// Tables in topological order with what is touched of them.
fn touched(lineage: &Lineage, reached: &BTreeSet<String>) -> Vec<(String, Touched)> {
    let mut tables: BTreeMap<String, Touched> = BTreeMap::new();
    for node in lineage.nodes.iter().skip(1) {
        let Some((table, column)) = node.id.rsplit_once('.') else { continue };
        let entry = tables.entry(table.to_owned()).or_default();
        match (column == ROWS, reached.contains(&node.id)) {
            (true, _) => entry.rows = true,
            (_, true) => entry.direct.push(column.to_owned()),
            (_, false) => entry.indirect.push(column.to_owned()),
        }
    }
    let order = places(lineage);
    let mut tables: Vec<(String, Touched)> = tables.into_iter().collect();
    tables.sort_by_key(|(table, _)| place(&order, table));
    tables
}

fn forward_branches<'a>(
    view: &View<'a>,
    id: &str,
    indent: &str,
    seen: &mut BTreeSet<&'a str>,
    lines: &mut Vec<String>,
) {
    for edge in view.direct(id) {
        let above = if seen.insert(&edge.to) { "" } else { " (shown above)" };
        lines.push(format!("{indent}{} [{}]{above}", view.line(&edge.to), edge.how));
        if above.is_empty() {
            forward_branches(view, &edge.to, &format!("{indent}  "), seen, lines);
        }
    }
}
