//! A lineage as a drawing: Mermaid, Graphviz, or a picture. INDIRECT dependences are dashed.

use std::collections::{BTreeMap, BTreeSet};

use super::args::DagFormat;
use super::dag::Vertex;
use super::dag_svg;
use super::lineage::Way;
use crate::engine::lineage::{DATASET, Kind, Lineage, LineageEdge, LineageNode};

/// A picture of more things than this shows tables in place of their columns.
const MOST_DRAWN: usize = 60;

/// What is drawn: columns that are only handed on are left out, and the lines through them joined.
struct Drawing<'a> {
    vertices: Vec<String>,
    edges: Vec<(usize, usize, Kind, &'a str)>,
    lineage: &'a Lineage,
}

/// Draws a lineage.
pub fn draw(lineage: &Lineage, way: Way, format: DagFormat) -> String {
    let drawing = Drawing::new(lineage, way);
    match format {
        DagFormat::Dot => drawing.dot(),
        // Placing many boxes takes a layout minutes, and nobody reads it.
        DagFormat::Svg if drawing.vertices.len() > MOST_DRAWN => {
            dag_svg::svg(&drawing.of_tables().as_vertices())
        }
        DagFormat::Svg => dag_svg::svg(&drawing.as_vertices()),
        _ => drawing.mermaid(),
    }
}

impl<'a> Drawing<'a> {
    fn new(lineage: &'a Lineage, way: Way) -> Self {
        let root = lineage.nodes.first().map_or("", |node| node.id.as_str());
        let into = by_target(&lineage.edges);
        // A column with one source, of which it is a copy, says nothing that the source does not.
        let copied = |id: &str| match into.get(id).map(Vec::as_slice) {
            Some([only]) if only.how == "identity" || only.how == "all rows" => {
                Some(only.from.as_str())
            }
            _ => None,
        };
        let settle = |mut id: &'a str| {
            while id != root
                && way == Way::Back
                && let Some(source) = copied(id)
            {
                id = source;
            }
            id
        };
        let mut vertices: Vec<&str> = Vec::new();
        let mut index: BTreeMap<&str, usize> = BTreeMap::new();
        let mut place = |id: &'a str| {
            *index.entry(id).or_insert_with(|| {
                vertices.push(id);
                vertices.len() - 1
            })
        };
        let mut edges = BTreeSet::new();
        place(root);
        for edge in &lineage.edges {
            let (from, to) = (settle(&edge.from), settle(&edge.to));
            if from != to {
                edges.insert((place(from), place(to), edge.kind, edge.how.as_str()));
            }
        }
        let vertices = vertices.into_iter().map(str::to_owned).collect();
        Drawing { edges: edges.into_iter().collect(), vertices, lineage }
    }

    /// The same with tables, and datasets, in place of their columns.
    fn of_tables(&self) -> Self {
        let table = |id: &str| match id.strip_prefix(DATASET) {
            Some(slot) => format!("{DATASET}{}", slot.split('.').next().unwrap_or(slot)),
            None => id.rsplit_once('.').map_or(id, |(table, _)| table).to_owned(),
        };
        let mut vertices: Vec<String> = Vec::new();
        let mut place = |id: &str| {
            let name = table(id);
            vertices.iter().position(|known| *known == name).unwrap_or_else(|| {
                vertices.push(name);
                vertices.len() - 1
            })
        };
        let places: Vec<usize> = self.vertices.iter().map(|id| place(id)).collect();
        let mut edges: BTreeMap<(usize, usize), Kind> = BTreeMap::new();
        for (from, to, kind, _) in &self.edges {
            let (from, to) = (places[*from], places[*to]);
            if from != to {
                let known = edges.entry((from, to)).or_insert(*kind);
                *known = (*known).min(*kind);
            }
        }
        let edges = edges.into_iter().map(|((from, to), kind)| (from, to, kind, "")).collect();
        Drawing { vertices, edges, lineage: self.lineage }
    }

    fn section(&self, id: &str) -> String {
        let of_table = format!("{id}.");
        let fits = |node: &&LineageNode| node.id == id || node.id.starts_with(&of_table);
        let node = self.lineage.nodes.iter().find(fits);
        let word = |key: &str| node.and_then(|n| n.facts[key].as_str()).unwrap_or_default();
        format!("{} {}", word("stage"), word("section")).trim().to_owned()
    }

    fn mermaid(&self) -> String {
        let escaped = |text: &str| text.replace('"', "#quot;").replace(['<', '>'], " ");
        let mut lines = vec!["flowchart LR".to_owned()];
        for (index, id) in self.vertices.iter().enumerate() {
            let section = self.section(id);
            let more =
                if section.is_empty() { section } else { format!("<br/>{}", escaped(&section)) };
            lines.push(format!("  c{index}[\"{}{more}\"]", escaped(id)));
        }
        for (from, to, kind, how) in &self.edges {
            let arrow = if *kind == Kind::Direct { "-->" } else { "-.->" };
            lines.push(format!("  c{from} {arrow}|\"{}\"| c{to}", escaped(how)));
        }
        lines.join("\n")
    }

    fn dot(&self) -> String {
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut lines = vec![
            "digraph lineage {".to_owned(),
            "  rankdir=LR".into(),
            "  node [shape=box, style=rounded, fontname=\"Helvetica\"]".into(),
        ];
        for (index, id) in self.vertices.iter().enumerate() {
            let section = self.section(id);
            let more =
                if section.is_empty() { section } else { format!("\\n{}", escaped(&section)) };
            lines.push(format!("  c{index} [label=\"{}{more}\"]", escaped(id)));
        }
        for (from, to, kind, how) in &self.edges {
            let style = if *kind == Kind::Direct { "" } else { ", style=dashed" };
            lines.push(format!("  c{from} -> c{to} [label=\"{}\"{style}]", escaped(how)));
        }
        lines.push("}".into());
        lines.join("\n")
    }

    fn as_vertices(&self) -> Vec<Vertex> {
        let mut from: Vec<Vec<usize>> = vec![Vec::new(); self.vertices.len()];
        self.edges.iter().for_each(|(source, target, ..)| from[*target].push(*source));
        let vertex = |(id, mut from): (&String, Vec<usize>)| {
            from.sort_unstable();
            from.dedup();
            Vertex {
                name: id.clone(),
                stage: self.section(id),
                dataset: id.starts_with(DATASET).then(|| id.clone()),
                from,
                ..Vertex::default()
            }
        };
        self.vertices.iter().zip(from).map(vertex).collect()
    }
}

fn by_target(edges: &[LineageEdge]) -> BTreeMap<&str, Vec<&LineageEdge>> {
    let mut into: BTreeMap<&str, Vec<&LineageEdge>> = BTreeMap::new();
    edges.iter().for_each(|edge| into.entry(edge.to.as_str()).or_default().push(edge));
    into
}

#[cfg(test)]
mod tests {
    use super::super::lineage::tests::sample;
    use super::*;

    #[test]
    fn columns_make_way_for_their_tables() {
        let lineage = sample();
        let tables = Drawing::new(&lineage, Way::Back).of_tables();
        assert_eq!(tables.vertices, ["c.out", "a.out", "dataset:x"]);
        let edges: Vec<_> =
            tables.edges.iter().map(|(from, to, kind, _)| (*from, *to, *kind)).collect();
        assert_eq!(edges, [(1, 0, Kind::Direct), (2, 1, Kind::Direct)]);
    }

    #[test]
    fn indirect_dependences_are_dashed() {
        let mermaid = draw(&sample(), Way::Back, DagFormat::Mermaid);
        assert!(mermaid.starts_with("flowchart LR\n  c0[\"c.out.teff<br/>cuts §3\"]"), "{mermaid}");
        assert_eq!(mermaid.matches("-.->").count(), 1, "{mermaid}");
        let dot = draw(&sample(), Way::Back, DagFormat::Dot);
        assert_eq!((dot.matches(" -> ").count(), dot.matches("dashed").count()), (4, 1), "{dot}");
        let svg = draw(&sample(), Way::Back, DagFormat::Svg);
        assert!(svg.contains("dataset:x") && svg.trim_end().ends_with("</svg>"));
    }
}
