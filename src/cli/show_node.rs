//! A node for people: its stage, parameters, inputs and outputs.

use serde_json::{Value, json};

use super::args::Cli;
use super::plan::word;
use super::project::Planned;
use super::show::meanings;
use super::talk::Talk;
use crate::engine::artifact::Artifact;
use crate::engine::digest::Digest;
use crate::engine::pipeline::{BoundPort, Node, Pipeline};
use crate::engine::source::Binding;
use crate::engine::stage::Scope;

/// Shows a node.
pub fn show(cli: &Cli, planned: &Planned, index: usize, talk: &Talk) {
    let node = &planned.project.pipeline.nodes[index];
    if cli.common.json {
        talk.json(&node_json(planned, index));
        return;
    }
    talk.out(&head(planned, index));
    for (output, declared) in node.outputs.iter().enumerate() {
        let made = planned.plan.done[index].as_ref().map(|outputs| &outputs[output]);
        let rows = made.map_or("not made yet".into(), |a| format!("{} rows", a.rows()));
        talk.out(&format!("\noutput {}.{}: {rows}", node.name, declared.name));
        talk.out(&meanings(&node.schemas[output].columns));
    }
}

/// All but the outputs.
fn head(planned: &Planned, index: usize) -> String {
    let node = &planned.project.pipeline.nodes[index];
    let state = word(&planned.plan.nodes[index].state);
    let mut lines = vec![
        format!("{} ({state}): {}", node.name, node.about),
        format!(
            "stage:    {}, revision {}: {}",
            node.stage.name, node.stage.revision, node.stage.about
        ),
        format!("section:  {}", node.section),
    ];
    if let Some(seed) = node.seed {
        lines.push(format!("seed:     {seed}"));
    }
    if let Some((slot, binding)) = &node.dataset {
        lines.push(format!("dataset:  {slot}, {}", filled(binding)));
    }
    let made = planned.plan.done[index].as_ref().and_then(|outputs| outputs.first());
    if let Some(artifact) = made {
        let record = &artifact.record;
        lines.push(format!("key:      {}", record.name));
        lines.push(format!("made by:  {} on {}", record.code, record.machine));
    }
    lines.push("parameters:".into());
    parameters("", &node.params, &mut lines);
    lines.push("ports:".into());
    for bound in &node.ports {
        lines.push(port(&planned.project.pipeline, bound));
    }
    lines.join("\n")
}

/// What fills a dataset slot.
pub fn filled(binding: &Binding) -> String {
    match binding {
        Binding::Files(files) => {
            let bytes: u64 = files.iter().filter_map(|file| file.bytes).sum();
            format!("{}, {bytes} bytes", super::table::count(files.len(), "file"))
        }
        Binding::Made => "files made by a node of this pipeline".into(),
        Binding::Absent(why) => format!("absent: {why}"),
        Binding::Broken(why) => format!("broken: {why}"),
    }
}

fn parameters(path: &str, value: &Value, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                parameters(&path, value, lines);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_array() || item.is_object()) => {
            lines.push(format!("  {path} ="));
            lines.extend(items.iter().map(|item| format!("    {item}")));
        }
        other => lines.push(format!("  {path} = {other}")),
    }
}

fn port(pipeline: &Pipeline, bound: &BoundPort) -> String {
    let scope = match bound.port.scope {
        Scope::Driving => "row by row",
        Scope::Whole => "whole",
    };
    let source = source_name(pipeline, bound).unwrap_or_else(|| "not bound".into());
    format!("  {} <- {source} ({scope}): reads {}", bound.port.name, reads(bound).join(", "))
}

fn source_name(pipeline: &Pipeline, bound: &BoundPort) -> Option<String> {
    let (source, output) = bound.source?;
    let source = &pipeline.nodes[source];
    Some(format!("{}.{}", source.name, source.outputs[output].name))
}

fn reads(bound: &BoundPort) -> Vec<String> {
    let mut columns: Vec<String> = bound.port.needs.iter().map(|n| n.column.clone()).collect();
    columns.dedup();
    columns
}

fn node_json(planned: &Planned, index: usize) -> Value {
    let pipeline = &planned.project.pipeline;
    let node = &pipeline.nodes[index];
    let done = planned.plan.done[index].as_ref();
    let ports: Vec<Value> = node
        .ports
        .iter()
        .map(|bound| {
            json!({
                "port": bound.port.name,
                "from": source_name(pipeline, bound),
                "whole": bound.port.scope == Scope::Whole,
                "optional": bound.port.optional,
                "reads": reads(bound),
            })
        })
        .collect();
    let outputs: Vec<Value> = (0..node.outputs.len())
        .map(|output| output_json(planned, node, output, done.map(|d| &d[output])))
        .collect();
    json!({
        "node": node.name,
        "state": word(&planned.plan.nodes[index].state),
        "stage": node.stage.name,
        "revision": node.stage.revision,
        "section": node.section,
        "about": node.about,
        "params": node.params,
        "seed": node.seed,
        "dataset": node.dataset.as_ref().map(|(slot, _)| slot),
        "key": done.and_then(|d| d.first()).map(|a| a.record.name),
        "ports": ports,
        "outputs": outputs,
    })
}

fn output_json(planned: &Planned, node: &Node, output: usize, made: Option<&Artifact>) -> Value {
    let store = &planned.project.store;
    let columns: Vec<Value> = node.schemas[output]
        .columns
        .iter()
        .map(|meta| {
            let digest: Option<Digest> =
                made.and_then(|artifact| artifact.column_digest(store, &meta.name).ok());
            let mut column = json!(meta);
            column["digest"] = json!(digest);
            column
        })
        .collect();
    json!({
        "output": node.outputs[output].name,
        "rows": made.map(Artifact::rows),
        "row_id": node.schemas[output].row_id,
        "columns": columns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_by_their_paths() {
        let mut lines = Vec::new();
        let params = json!({"a": 1.5, "errors": {"floor": 0.1}, "criteria": [["x", "a > 1"]]});
        parameters("", &params, &mut lines);
        let expected =
            ["  a = 1.5", "  errors.floor = 0.1", "  criteria =", "    [\"x\",\"a > 1\"]"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn slots_say_why_they_are_empty() {
        assert_eq!(filled(&Binding::Absent("too large".into())), "absent: too large");
        assert_eq!(filled(&Binding::Files(Vec::new())), "0 files, 0 bytes");
    }
}
