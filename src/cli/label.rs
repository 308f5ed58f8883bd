//! The verb `label`: a person's own spectra through the pipeline's own row-wise nodes.
//!
//! The path from the files of the survey to the labels is laid a second time, beside the first: reader, normalization,
//! prediction and errors with the same parameters, models and templates, but with the files given. What selects rows
//! in between (crossmatch, cuts) is left out. A file of the survey therefore gets the labels that the run gave it.

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::args::{Cli, LabelArgs};
use super::failure::{Failure, STAGE_FAILED};
use super::progress::Progress;
use super::project::{Project, load_spec};
use super::signals;
use super::table::{cell, table};
use super::talk::Talk;
use crate::engine::artifact::Artifact;
use crate::engine::bind::bind_files;
use crate::engine::cells::value;
use crate::engine::error::EngineError;
use crate::engine::pipeline::{Node, Pipeline};
use crate::engine::run::{Outcome, RunOptions, Settled};
use crate::engine::spec::{Binding, DatasetSlot, NodeSpec, PortRef, Spanned, Spec, Value as Given};
use crate::engine::stage::Scope;
use crate::engine::types::Type;

/// Stages that work on a spectrum alone: these are laid again.
const ROW_WISE: [&str; 3] = ["normalize", "predict", "errors"];
/// The slot of the files given.
const SLOT: &str = "label";
/// Ends the names of the nodes laid again.
const SUFFIX: &str = "@label";

/// Labels the files.
pub fn label(cli: &Cli, args: &LabelArgs, talk: &Talk) -> Result<u8, Failure> {
    check_files(&args.files)?;
    let progress = Progress::new(talk);
    let (mut spec, map) = load_spec(&cli.common)?;
    let survey = Project::from_spec(&cli.common, &spec, map.clone(), &progress)?;
    let targets = targets(&survey.pipeline, args.node.as_deref())?;
    let ends = graft(&mut spec, &survey.pipeline, &targets)?;
    drop(survey);
    let files = args.files.clone();
    let project = Project::bound(&cli.common, &spec, map, &progress, &|slot, sources| {
        (slot.name == SLOT).then(|| bind_files(&files, sources, &progress))
    })?;
    let settled =
        project.engine(&progress).run(&project.ledger, &options(&project, &ends, talk)?)?;
    progress.finish();
    project.sources.remember()?;
    project.store.save_gathered()?;
    refuse_failure(&settled)?;
    report(cli, &project, &settled, &ends, talk)
}

/// The last row-wise nodes of each label path: predictions, or the errors put on them.
fn targets(pipeline: &Pipeline, wanted: Option<&str>) -> Result<Vec<usize>, Failure> {
    if let Some(name) = wanted {
        let node = pipeline.node(name)?;
        return match pipeline.nodes[node].stage.name {
            "predict" | "errors" => Ok(vec![node]),
            stage => Err(Failure::usage(format!("node `{name}` is of stage `{stage}`"))
                .hint("name a node of stage `predict` or `errors`")),
        };
    }
    let on_labels = |n: &Node| matches!(n.stage.name, "predict" | "errors") && n.absent.is_none();
    let all: Vec<usize> =
        (0..pipeline.nodes.len()).filter(|&n| on_labels(&pipeline.nodes[n])).collect();
    let followed = |n: &usize| {
        all.iter().any(|m| row_source(&pipeline.nodes[*m]).is_some_and(|(node, _)| node == *n))
    };
    let last: Vec<usize> = all.iter().filter(|n| !followed(n)).copied().collect();
    if last.is_empty() {
        return Err(Failure::usage("no node of this pipeline predicts labels")
            .hint("add a node of stage `predict`, or choose another profile"));
    }
    Ok(last)
}

/// The port whose rows a node works on, and the output bound there.
fn row_port(node: &Node) -> Option<(&str, (usize, usize))> {
    let driving = node.ports.iter().find(|bound| bound.port.scope == Scope::Driving);
    let bound = driving.or_else(|| node.ports.first())?;
    Some((bound.port.name.as_str(), bound.source?))
}

fn row_source(node: &Node) -> Option<(usize, usize)> {
    row_port(node).map(|(_, source)| source)
}

/// Lays the paths to `targets` again; the names of their ends.
fn graft(spec: &mut Spec, pipeline: &Pipeline, targets: &[usize]) -> Result<Vec<String>, Failure> {
    let mut ends = Vec::new();
    for &target in targets {
        let mut trail = Vec::new();
        let mut at = target;
        while let Some((from, _)) = row_source(&pipeline.nodes[at]) {
            if ROW_WISE.contains(&pipeline.nodes[at].stage.name) {
                trail.push(at);
            }
            at = from;
        }
        let reader = &pipeline.nodes[at];
        if reader.stage.name != "read_spectra" {
            let name = &pipeline.nodes[target].name;
            return Err(Failure::usage(format!(
                "the rows of `{name}` come from `{}`, which does not read spectra",
                reader.name
            ))
            .hint("name the node of stage `predict` that labels observed spectra"));
        }
        let mut below = again(&reader.name);
        lay(spec, &reader.name, None);
        for node in trail.into_iter().rev() {
            let node = &pipeline.nodes[node];
            let port = row_port(node).map(|(port, _)| port.to_owned()).unwrap_or_default();
            lay(spec, &node.name, Some((port, below)));
            below = again(&node.name);
        }
        ends.push(below);
    }
    Ok(ends)
}

fn again(node: &str) -> String {
    format!("{node}{SUFFIX}")
}

/// Adds a copy of a node that reads `row_port` from another node, or the files given.
fn lay(spec: &mut Spec, name: &str, row_port: Option<(String, String)>) {
    let Some(original) = spec.nodes.get(name).cloned() else { return };
    let mut copy = NodeSpec { name: again(name), ..original };
    match row_port {
        Some((port, from)) => {
            let span = copy.name_span.clone();
            copy.inputs.insert(port, PortRef { node: from, port: None, span });
            // Whose star it is comes from the crossmatch, which is not on this path.
            copy.params.0.remove("star_id");
        }
        None => {
            if let Some(entry) = copy.params.0.get_mut("dataset") {
                entry.value.value = Given::Text(SLOT.into());
            }
            spec.datasets.insert(SLOT.into(), slot(&copy));
        }
    }
    spec.nodes.insert(copy.name.clone(), copy);
}

fn slot(reader: &NodeSpec) -> DatasetSlot {
    let span = reader.name_span.clone();
    DatasetSlot {
        name: SLOT.into(),
        span: span.clone(),
        about: "files given to `mdwarf label`".into(),
        format: None::<Spanned<String>>,
        section: None,
        binding: Binding::Absent { reason: "no file was given".into() },
        cite: String::new(),
        archive: None,
        binding_span: span,
    }
}

fn options(project: &Project, ends: &[String], talk: &Talk) -> Result<RunOptions, Failure> {
    let pipeline = &project.pipeline;
    let mut wanted = vec![false; pipeline.nodes.len()];
    for end in ends {
        let needed = pipeline.ancestors(pipeline.node(end)?);
        wanted.iter_mut().zip(needed).for_each(|(wanted, needed)| *wanted |= needed);
    }
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let stop = signals::listen(talk);
    Ok(RunOptions { wanted, stop, ..RunOptions::all(pipeline.nodes.len(), jobs) })
}

fn refuse_failure(settled: &[Settled]) -> Result<(), Failure> {
    for node in settled {
        if let Outcome::Failed { error, .. } = &node.outcome {
            return Err(Failure { code: STAGE_FAILED, ..Failure::usage(error.clone()) });
        }
    }
    Ok(())
}

/// Labels and flags of each file, and the files that could not be labelled.
fn report(
    cli: &Cli,
    project: &Project,
    settled: &[Settled],
    ends: &[String],
    talk: &Talk,
) -> Result<u8, Failure> {
    let (mut spectra, mut rejects) = (Vec::new(), Vec::new());
    for end in ends {
        let node = project.pipeline.node(end)?;
        let made = project.pipeline.nodes[node].outputs[0]
            .columns
            .iter()
            .map(|c| c.meta.name.clone())
            .collect::<Vec<_>>();
        let labels = original(end);
        for mut row in rows(project, settled, node, 0, |c| made.iter().any(|name| name == c))? {
            row.insert("node".into(), labels.into());
            spectra.push(row);
        }
    }
    for name in project.pipeline.nodes.iter().map(|n| &n.name).filter(|n| n.ends_with(SUFFIX)) {
        let node = project.pipeline.node(name)?;
        let outputs = &project.pipeline.nodes[node].outputs;
        if let Some(output) = outputs.iter().position(|o| o.name == "rejects") {
            rejects.extend(rows(project, settled, node, output, |_| true)?);
        }
    }
    if cli.common.json {
        talk.json(&json!({ "labels": spectra, "rejects": rejects }));
    } else {
        print(&spectra, &rejects, talk);
    }
    Ok(if spectra.is_empty() { STAGE_FAILED } else { 0 })
}

fn original(name: &str) -> &str {
    name.strip_suffix(SUFFIX).unwrap_or(name)
}

type Row = Map<String, Value>;

/// Rows of an output as objects: the row id and the columns chosen, vectors left out.
fn rows(
    project: &Project,
    settled: &[Settled],
    node: usize,
    output: usize,
    chosen: impl Fn(&str) -> bool,
) -> Result<Vec<Row>, Failure> {
    let Some(artifact): Option<&Artifact> = settled[node].outputs.as_ref().map(|o| &o[output])
    else {
        return Ok(Vec::new());
    };
    let schema = &project.pipeline.nodes[node].schemas[output];
    let scalar = |kind: &Type| !matches!(kind, Type::List(_));
    let names: Vec<&str> = schema
        .columns
        .iter()
        .filter(|c| scalar(&c.kind))
        .map(|c| c.name.as_str())
        .filter(|name| schema.row_id.as_deref() == Some(name) || chosen(name))
        .collect();
    let columns = names
        .iter()
        .map(|name| artifact.read(&project.store, name))
        .collect::<Result<Vec<_>, _>>()?;
    let row = |i: usize| {
        let cells = names.iter().zip(&columns);
        cells.map(|(name, column)| Ok(((*name).to_owned(), value(column, i)?))).collect()
    };
    Ok((0..artifact.rows() as usize).map(row).collect::<Result<_, EngineError>>()?)
}

fn print(spectra: &[Row], rejects: &[Row], talk: &Talk) {
    for (title, rows) in [("", spectra), ("not labelled:", rejects)] {
        let mut shapes: Vec<Vec<&str>> = Vec::new();
        for row in rows {
            let shape: Vec<&str> = row.keys().map(String::as_str).collect();
            if !shapes.contains(&shape) {
                shapes.push(shape);
            }
        }
        for shape in shapes {
            let fitting = rows.iter().filter(|row| row.keys().eq(shape.iter().copied()));
            let cells: Vec<Vec<String>> =
                fitting.map(|row| row.values().map(cell).collect()).collect();
            if !title.is_empty() {
                talk.out(title);
            }
            talk.out(&upright(&shape, &cells));
        }
    }
}

/// Many columns of few spectra: one line a column, one column a spectrum, eight to a block.
fn upright(names: &[&str], rows: &[Vec<String>]) -> String {
    let mut blocks = Vec::new();
    for block in rows.chunks(8) {
        let header: Vec<String> = block.iter().map(|row| row[0].clone()).collect();
        let titles: Vec<&str> =
            std::iter::once(names[0]).chain(header.iter().map(String::as_str)).collect();
        let lines = (1..names.len()).map(|i| {
            let values = block.iter().map(|row| row[i].clone());
            std::iter::once(names[i].to_owned()).chain(values).collect()
        });
        let right: Vec<&str> = titles[1..].to_vec();
        blocks.push(table(&titles, &right, lines.collect()));
    }
    blocks.join("\n\n")
}

/// Paths that are no files, told before anything is done.
fn check_files(files: &[PathBuf]) -> Result<(), Failure> {
    match files.iter().find(|file| !file.exists()) {
        Some(file) => Err(Failure::usage(format!("there is no file `{}`", file.display()))
            .hint("give the paths of LAMOST spectra, .fits or .fits.gz")),
        None => Ok(()),
    }
}
