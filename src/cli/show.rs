//! The verb `show`: a node, a table or a column.

use serde_json::{Value, json};

use super::args::Cli;
use super::failure::Failure;
use super::past::Past;
use super::project::Planned;
use super::show_node;
use super::table::{cell, table};
use super::talk::Talk;
use crate::engine::artifact::Artifact;
use crate::engine::cells::value;
use crate::engine::error::{EngineError, Result};
use crate::engine::store::Store;
use crate::engine::types::ColumnMeta;

/// Shows whatever has that name: a node, else `node.output`, else a column.
pub fn show(
    cli: &Cli,
    what: &str,
    rows: usize,
    run: Option<&str>,
    talk: &Talk,
) -> Result<u8, Failure> {
    if let Some(run) = run {
        return Past::open(&cli.common, run)?.show(what, rows, cli.common.json, talk);
    }
    let planned = Planned::open(&cli.common, talk)?;
    let pipeline = &planned.project.pipeline;
    if let Ok(node) = pipeline.node(what) {
        show_node::show(cli, &planned, node, talk);
        return Ok(0);
    }
    if let Ok((node, output)) = pipeline.output(what) {
        return output_table(cli, &planned, (node, output), rows, talk);
    }
    let found = match what.split_once('.') {
        Some((node, _)) => {
            let node = pipeline.node(node)?;
            pipeline.find_column(what).map_err(|_| unknown_within(&planned, node, what))
        }
        None => pipeline.find_column(what).map_err(|_| unknown(&planned, what)),
    };
    let (node, output, column) = found?;
    one_column(cli, &planned, (node, output), &column, rows, talk)
}

/// The nearest of all nodes and columns.
fn unknown(planned: &Planned, what: &str) -> EngineError {
    let nodes = &planned.project.pipeline.nodes;
    let columns = nodes.iter().flat_map(|n| &n.schemas).flat_map(|s| &s.columns);
    let names = nodes.iter().map(|n| n.name.as_str()).chain(columns.map(|c| c.name.as_str()));
    EngineError::unknown("node or column", what, names)
}

/// The nearest of a node's outputs and their columns.
fn unknown_within(planned: &Planned, node: usize, what: &str) -> EngineError {
    let node = &planned.project.pipeline.nodes[node];
    let names: Vec<String> = node
        .outputs
        .iter()
        .zip(&node.schemas)
        .flat_map(|(output, schema)| {
            let columns = schema.columns.iter().map(|c| format!("{}.{}", node.name, c.name));
            columns.chain([format!("{}.{}", node.name, output.name)])
        })
        .collect();
    EngineError::unknown("output or column", what, names.iter().map(String::as_str))
}

fn artifact(planned: &Planned, (node, output): (usize, usize)) -> Option<&Artifact> {
    planned.plan.done[node].as_ref().map(|outputs| &outputs[output])
}

fn no_rows(planned: &Planned, node: usize, talk: &Talk) {
    let state = super::plan::word(&planned.plan.nodes[node].state);
    let name = &planned.project.pipeline.nodes[node].name;
    talk.note(&format!("no rows to show: `{name}` is {state}"));
    talk.hint(&format!("`mdwarf why {name}` explains it"));
}

fn output_table(
    cli: &Cli,
    planned: &Planned,
    at: (usize, usize),
    rows: usize,
    talk: &Talk,
) -> Result<u8, Failure> {
    let node = &planned.project.pipeline.nodes[at.0];
    let schema = &node.schemas[at.1];
    let store = &planned.project.store;
    let name = format!("{}.{}", node.name, node.outputs[at.1].name);
    let artifact = artifact(planned, at);
    let columns: Vec<&str> = schema.columns.iter().map(|c| c.name.as_str()).collect();
    let head = match artifact {
        Some(artifact) => first_rows(store, artifact, &columns, rows)?,
        None => Vec::new(),
    };
    if cli.common.json {
        talk.json(&json!({
            "output": name,
            "rows": artifact.map(Artifact::rows),
            "row_id": schema.row_id,
            "columns": schema.columns,
            "first": head.iter().map(|row| object(&columns, row)).collect::<Vec<_>>(),
        }));
        return Ok(0);
    }
    let n = artifact.map_or("not made yet".into(), |a| format!("{} rows", a.rows()));
    talk.out(&format!("{name}: {n}, {} columns\n", columns.len()));
    talk.out(&meanings(&schema.columns));
    match artifact {
        Some(_) if !head.is_empty() => talk.out(&format!("\n{}", sideways(&columns, &head))),
        Some(_) => {}
        None => no_rows(planned, at.0, talk),
    }
    Ok(0)
}

fn one_column(
    cli: &Cli,
    planned: &Planned,
    at: (usize, usize),
    column: &str,
    rows: usize,
    talk: &Talk,
) -> Result<u8, Failure> {
    let node = &planned.project.pipeline.nodes[at.0];
    let schema = &node.schemas[at.1];
    let store = &planned.project.store;
    let id = format!("{}.{}.{column}", node.name, node.outputs[at.1].name);
    let row_id = schema.row_id.as_deref().filter(|row_id| *row_id != column);
    let columns: Vec<&str> = row_id.into_iter().chain([column]).collect();
    let artifact = artifact(planned, at);
    let (mut head, mut digest) = (Vec::new(), None);
    if let Some(artifact) = artifact {
        head = first_rows(store, artifact, &columns, rows)?;
        digest = Some(artifact.column_digest(store, column)?);
    }
    let meta = schema.column(column);
    if cli.common.json {
        talk.json(&json!({
            "id": id,
            "column": meta,
            "digest": digest,
            "rows": artifact.map(Artifact::rows),
            "first": head.iter().map(|row| object(&columns, row)).collect::<Vec<_>>(),
        }));
        return Ok(0);
    }
    let meaning = meanings(&meta.cloned().into_iter().collect::<Vec<_>>());
    talk.out(&format!("{id}\n\n{meaning}\n\nmade by: {}", maker(planned, at, column)));
    if let (Some(digest), Some(artifact)) = (digest, artifact) {
        talk.out(&format!("digest:  {digest}, {} rows\n", artifact.rows()));
        let rows = head.iter().map(|row| row.iter().map(cell).collect()).collect();
        talk.out(&table(&columns, &[], rows));
    } else {
        no_rows(planned, at.0, talk);
    }
    Ok(0)
}

/// The stage that made a column, and what of.
fn maker(planned: &Planned, (node, output): (usize, usize), column: &str) -> String {
    let nodes = &planned.project.pipeline.nodes;
    let node = &nodes[node];
    let output = &node.outputs[output];
    let source = |port: &str, column: &str| {
        let bound = node.ports.iter().find(|b| b.port.name == port).and_then(|b| b.source);
        bound.map_or(format!("{port}.{column}"), |(source, output)| {
            let source = &nodes[source];
            format!("{}.{}.{column}", source.name, source.outputs[output].name)
        })
    };
    if let Some(carried) = output.carried.iter().find(|c| c.name == column) {
        return format!("{}, carried from {}", node.name, source(&carried.port, &carried.column));
    }
    let new = output.columns.iter().find(|c| c.meta.name == column);
    let from: Vec<String> = new
        .into_iter()
        .flat_map(|new| &new.from)
        .map(|edge| format!("{} ({})", source(&edge.port, &edge.column), edge.how))
        .collect();
    let made = format!("{}, stage {}", node.name, node.stage.name);
    if from.is_empty() { made } else { format!("{made}, from {}", from.join(", ")) }
}

/// Type, unit, UCD and description of columns.
pub fn meanings(columns: &[ColumnMeta]) -> String {
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    let rows = columns.iter().map(|column| {
        vec![
            column.name.clone(),
            column.kind.to_string(),
            or_dash(&column.unit),
            or_dash(&column.ucd),
            column.description.clone(),
        ]
    });
    table(&["COLUMN", "TYPE", "UNIT", "UCD", "MEANING"], &[], rows.collect())
}

/// The first rows of a table, read part by part until there are enough.
fn first_rows(
    store: &Store,
    artifact: &Artifact,
    columns: &[&str],
    wanted: usize,
) -> Result<Vec<Vec<Value>>> {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (part, entry) in artifact.parts().iter().enumerate() {
        let n = (wanted - rows.len()).min(entry.rows as usize);
        if n == 0 {
            continue;
        }
        let arrays = columns
            .iter()
            .map(|column| artifact.read_part(store, column, part))
            .collect::<Result<Vec<_>>>()?;
        for row in 0..n {
            rows.push(arrays.iter().map(|a| value(a, row)).collect::<Result<_>>()?);
        }
        if rows.len() == wanted {
            break;
        }
    }
    Ok(rows)
}

fn object(columns: &[&str], row: &[Value]) -> Value {
    columns.iter().map(|c| (*c).to_owned()).zip(row.iter().cloned()).collect()
}

/// A line a column: tables here have more columns than a terminal.
fn sideways(columns: &[&str], rows: &[Vec<Value>]) -> String {
    let numbers: Vec<String> = (1..=rows.len()).map(|row| format!("ROW {row}")).collect();
    let mut header = vec!["COLUMN"];
    header.extend(numbers.iter().map(String::as_str));
    let lines = columns.iter().enumerate().map(|(index, column)| {
        let mut line = vec![(*column).to_owned()];
        line.extend(rows.iter().map(|row| cell(&row[index])));
        line
    });
    table(&header, &[], lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::types::F64;

    #[test]
    fn rows_lie_sideways() {
        let rows = vec![vec![json!(1), json!("a")], vec![json!(20), json!(null)]];
        let text = sideways(&["obsid", "name"], &rows);
        assert_eq!(text, "COLUMN  ROW 1  ROW 2\nobsid   1      20\nname    a      -");
        assert_eq!(object(&["obsid", "name"], &rows[0]), json!({"obsid": 1, "name": "a"}));
    }

    #[test]
    fn a_missing_unit_is_a_dash() {
        let columns = [
            ColumnMeta::new("teff", F64).unit("K").about("effective temperature"),
            ColumnMeta::new("snr", F64),
        ];
        let text = meanings(&columns);
        assert!(text.contains("teff    f64   K     -    effective temperature"), "{text}");
        assert!(text.ends_with("snr     f64   -     -"), "{text}");
    }
}
