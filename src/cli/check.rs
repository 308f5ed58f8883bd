//! The verb `check`: whether `pipeline.toml`, the profile and the method hold together.

use serde_json::json;

use super::archive;
use super::args::Cli;
use super::contradictions::Register;
use super::failure::{Failure, USAGE};
use super::progress::Progress;
use super::project::{Project, load_spec};
use super::table::count;
use super::talk::Talk;
use crate::engine::error::unless_read_only;
use crate::engine::source::Binding;
use crate::engine::spec;

/// Shows where the paper leaves something open.
pub fn contradictions(cli: &Cli, talk: &Talk) -> Result<u8, Failure> {
    let (spec, _) = load_spec(&cli.common)?;
    let register = Register::read(&cli.common, &spec)?;
    match cli.common.json {
        true => talk.json(&register.json()),
        false => {
            talk.out(&register.text());
            talk.note(&format!("{} in the register", entries(register.len())));
        }
    }
    Ok(0)
}

fn entries(n: usize) -> String {
    match n {
        1 => "1 entry".to_owned(),
        _ => format!("{n} entries"),
    }
}

/// Checks a project without planning it.
pub fn check(cli: &Cli, talk: &Talk) -> Result<u8, Failure> {
    let (spec, map) = load_spec(&cli.common)?;
    Register::read(&cli.common, &spec)?;
    let progress = Progress::new(talk);
    let project = Project::from_spec(&cli.common, &spec, map, &progress)?;
    let archives = archive::look(&spec, &project.root, &project.sources, &progress);
    project.sources.remember().or_else(unless_read_only)?;
    progress.finish();
    let nodes = &project.pipeline.nodes;
    let bound = |slot: &str| {
        let mut datasets = nodes.iter().filter_map(|node| node.dataset.as_ref());
        datasets.find(|(name, _)| name == slot).map(|(_, binding)| binding)
    };
    let (mut absent, mut broken) = (Vec::new(), Vec::new());
    let told: Vec<&str> = archives.iter().map(|entry| entry.slot.name.as_str()).collect();
    for (name, slot) in &spec.datasets {
        if told.contains(&name.as_str()) {
            continue;
        }
        match (bound(name), &slot.binding) {
            (Some(Binding::Broken(why)), _) => broken.push(format!("dataset `{name}`: {why}")),
            (Some(Binding::Absent(why)), _) | (None, spec::Binding::Absent { reason: why }) => {
                absent.push(format!("dataset `{name}` is absent: {why}"));
            }
            _ => {}
        }
    }
    let datasets = spec.datasets.len();
    if cli.common.json {
        talk.json(&json!({
            "nodes": nodes.len(),
            "datasets": datasets,
            "absent": absent,
            "errors": broken,
            "archives": archive::json(&archives),
        }));
    } else if !archives.is_empty() {
        talk.out(&archive::text(&archives, &cli.common.profile));
    }
    absent.iter().for_each(|line| talk.note(line));
    broken.iter().for_each(|line| talk.error(line));
    if !broken.is_empty() || archives.iter().any(archive::Entry::is_faulty) {
        return Ok(USAGE);
    }
    if !cli.common.json {
        let [nodes, slots] = [count(nodes.len(), "node"), count(datasets, "dataset")];
        let missing = archives.iter().filter(|entry| entry.is_missing()).count();
        talk.out(&format!("ok: {nodes}, {slots} ({} absent)", absent.len() + missing));
    }
    Ok(0)
}
