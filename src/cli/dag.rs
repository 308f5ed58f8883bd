//! The verb `dag`: the graph of nodes as text, for Mermaid, for Graphviz, or as a picture.

use super::args::{Cli, DagFormat};
use super::dag_svg;
use super::failure::Failure;
use super::progress::Progress;
use super::project::Project;
use super::talk::Talk;
use crate::engine::pipeline::Pipeline;

/// A node of the drawing.
#[derive(Clone, Debug, Default)]
pub struct Vertex {
    /// Its name.
    pub name: String,
    /// Its stage.
    pub stage: String,
    /// Section of the paper.
    pub section: String,
    /// The dataset slot that it reads.
    pub dataset: Option<String>,
    /// Whether a dataset that it needs is absent.
    pub absent: bool,
    /// The nodes whose outputs it reads, by number, each once.
    pub from: Vec<usize>,
}

impl Vertex {
    /// Name, stage and section, a line each.
    pub fn label(&self) -> [String; 3] {
        [self.name.clone(), self.stage.clone(), self.section.clone()]
    }
}

/// Draws the graph.
pub fn dag(cli: &Cli, format: DagFormat, talk: &Talk) -> Result<u8, Failure> {
    let progress = Progress::new(talk);
    let project = Project::open(&cli.common, &progress)?;
    progress.finish();
    let vertices = vertices(&project.pipeline);
    if cli.common.json {
        let list: Vec<serde_json::Value> = vertices.iter().map(|v| json(v, &vertices)).collect();
        talk.json(&list);
        return Ok(0);
    }
    talk.out(&match format {
        DagFormat::Text => text(&vertices),
        DagFormat::Mermaid => mermaid(&vertices),
        DagFormat::Dot => dot(&vertices),
        DagFormat::Svg => dag_svg::svg(&vertices),
    });
    Ok(0)
}

fn vertices(pipeline: &Pipeline) -> Vec<Vertex> {
    pipeline
        .nodes
        .iter()
        .map(|node| {
            let mut from: Vec<usize> =
                node.ports.iter().filter_map(|p| Some(p.source?.0)).collect();
            from.sort_unstable();
            from.dedup();
            Vertex {
                name: node.name.clone(),
                stage: node.stage.name.to_owned(),
                section: node.section.clone(),
                dataset: node.dataset.as_ref().map(|(slot, _)| slot.clone()),
                absent: node.absent.is_some(),
                from,
            }
        })
        .collect()
}

fn json(vertex: &Vertex, all: &[Vertex]) -> serde_json::Value {
    serde_json::json!({
        "node": vertex.name,
        "stage": vertex.stage,
        "section": vertex.section,
        "dataset": vertex.dataset,
        "absent": vertex.absent,
        "from": names(vertex, all),
    })
}

fn names<'a>(vertex: &Vertex, all: &'a [Vertex]) -> Vec<&'a str> {
    vertex.from.iter().map(|source| all[*source].name.as_str()).collect()
}

/// A line a node, in topological order, indented by the longest way from a source.
pub fn text(vertices: &[Vertex]) -> String {
    let mut depths: Vec<usize> = Vec::new();
    let mut lines = Vec::new();
    for vertex in vertices {
        let depth = vertex.from.iter().map(|source| depths[*source] + 1).max().unwrap_or(0);
        depths.push(depth);
        let mut line = format!("{}{} ({}", "  ".repeat(depth), vertex.name, vertex.stage);
        if !vertex.section.is_empty() {
            line.push_str(&format!(", {}", vertex.section));
        }
        line.push(')');
        let mut sources: Vec<String> =
            names(vertex, vertices).into_iter().map(str::to_owned).collect();
        sources.extend(vertex.dataset.iter().map(|slot| format!("dataset {slot}")));
        if !sources.is_empty() {
            line.push_str(&format!(" <- {}", sources.join(", ")));
        }
        if vertex.absent {
            line.push_str(" [absent]");
        }
        lines.push(line);
    }
    lines.join("\n")
}

/// Mermaid's flow chart.
pub fn mermaid(vertices: &[Vertex]) -> String {
    let mut lines = vec!["flowchart TD".to_owned()];
    for vertex in vertices {
        let label = vertex.label().map(|line| line.replace('"', "#quot;"));
        let label: Vec<String> = label.into_iter().filter(|line| !line.is_empty()).collect();
        // Some names are words of the language: `end`, `graph`.
        lines.push(format!("  n_{}[\"{}\"]", vertex.name, label.join("<br/>")));
    }
    for (source, target) in edges(vertices) {
        lines.push(format!("  n_{} --> n_{}", source.name, target.name));
    }
    let absent: Vec<String> =
        vertices.iter().filter(|v| v.absent).map(|v| format!("n_{}", v.name)).collect();
    if !absent.is_empty() {
        lines.push("  classDef absent stroke-dasharray:5".into());
        lines.push(format!("  class {} absent", absent.join(",")));
    }
    lines.join("\n")
}

/// Graphviz's language.
pub fn dot(vertices: &[Vertex]) -> String {
    let mut lines = vec![
        "digraph pipeline {".to_owned(),
        "  rankdir=TB".into(),
        "  node [shape=box, style=rounded, fontname=\"Helvetica\"]".into(),
    ];
    for vertex in vertices {
        let label = vertex.label().map(|line| line.replace('\\', "\\\\").replace('"', "\\\""));
        let label: Vec<String> = label.into_iter().filter(|line| !line.is_empty()).collect();
        let style = if vertex.absent { ", style=\"rounded,dashed\"" } else { "" };
        lines.push(format!("  \"{}\" [label=\"{}\"{style}]", vertex.name, label.join("\\n")));
    }
    for (source, target) in edges(vertices) {
        lines.push(format!("  \"{}\" -> \"{}\"", source.name, target.name));
    }
    lines.push("}".into());
    lines.join("\n")
}

fn edges(vertices: &[Vertex]) -> impl Iterator<Item = (&Vertex, &Vertex)> {
    vertices.iter().flat_map(move |target| target.from.iter().map(move |s| (&vertices[*s], target)))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// spectra, gaia -> match -> cuts -> train -> catalog, and spectra -> catalog.
    pub fn sample() -> Vec<Vertex> {
        let node = |name: &str, stage: &str, section: &str, from: &[usize]| Vertex {
            name: name.into(),
            stage: stage.into(),
            section: section.into(),
            from: from.to_vec(),
            ..Vertex::default()
        };
        let mut vertices = vec![
            node("spectra", "read_spectra", "§2.1", &[]),
            node("gaia", "read_table", "§2.2", &[]),
            node("match", "crossmatch", "§3 \"a\"", &[0, 1]),
            node("cuts", "cuts", "§3.1", &[2]),
            node("end", "train", "§3.2 & §4", &[3]),
            node("catalog", "catalog", "§5", &[0, 4]),
        ];
        vertices[0].dataset = Some("lamost".into());
        vertices[1].absent = true;
        vertices
    }

    #[test]
    fn text_is_indented_by_depth() {
        let expected = "\
spectra (read_spectra, §2.1) <- dataset lamost
gaia (read_table, §2.2) [absent]
  match (crossmatch, §3 \"a\") <- spectra, gaia
    cuts (cuts, §3.1) <- match
      end (train, §3.2 & §4) <- cuts
        catalog (catalog, §5) <- spectra, end";
        assert_eq!(text(&sample()), expected);
    }

    #[test]
    fn mermaid_has_no_bare_words_and_escapes_quotes() {
        let text = mermaid(&sample());
        assert!(
            text.starts_with("flowchart TD\n  n_spectra[\"spectra<br/>read_spectra<br/>§2.1\"]")
        );
        assert!(text.contains("n_match[\"match<br/>crossmatch<br/>§3 #quot;a#quot;\"]"));
        assert!(text.contains("\n  n_cuts --> n_end\n"));
        assert!(text.ends_with("class n_gaia absent"));
    }

    #[test]
    fn dot_has_every_node_and_edge() {
        let text = dot(&sample());
        assert_eq!(text.matches("[label=").count(), 6);
        assert_eq!(text.matches(" -> ").count(), 6);
        assert!(text.contains("§3 \\\"a\\\"") && text.ends_with('}'));
    }
}
