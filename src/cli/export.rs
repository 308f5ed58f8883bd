//! The verb `export`: the history of the latest run in another form, or all of it as one archive.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::args::{Cli, ExportFormat};
use super::failure::Failure;
use super::history::{command, fresh_run, history, published};
use super::project::Planned;
use super::table::count;
use super::talk::Talk;
use crate::engine::bundle::{Content, Manifest, pack};
use crate::engine::digest::Digest;
use crate::engine::error::EngineError;
use crate::engine::gc::inputs_path;
use crate::engine::ledger::RunEntry;
use crate::engine::lockfile::{LOCK_FILE, Lockfile};
use crate::engine::source::{Binding, Origin};
use crate::provenance::openlineage::openlineage;
use crate::provenance::prov_json::prov_json;
use crate::provenance::provdm::provdm;
use crate::provenance::ro_crate::{CrateFile, media_type, ro_crate};

/// Writes a run in a form.
pub fn export(cli: &Cli, format: ExportFormat, path: &Path, talk: &Talk) -> Result<u8, Failure> {
    let archive = [".tar.gz", ".tgz"].iter().any(|end| path.to_string_lossy().ends_with(end));
    if format == ExportFormat::Bundle && !archive {
        return Err(Failure::usage(format!("`{}` does not end in .tar.gz", path.display()))
            .hint("name the archive so, or choose another form with `--format`"));
    }
    // A bare name lies in this folder.
    let path = &Path::new(".").join(path);
    let planned = Planned::open(&cli.common, talk)?;
    let entry = fresh_run(&planned, &cli.common.set)?;
    let files = published(&planned, &entry)?;
    let told = match format {
        ExportFormat::Bundle => bundle(&planned, &entry, &files, path)?,
        ExportFormat::RoCrate => a_crate(&planned, &entry, &files, path)?,
        _ => {
            let history = history(&planned, &entry, &files)?;
            let text = match format {
                ExportFormat::ProvJson => prov_json(&history).to_string(),
                ExportFormat::Provdm => provdm(&history).to_string(),
                _ => {
                    let events = openlineage(&history, &uuid_bytes);
                    events.iter().map(|event| format!("{event}\n")).collect()
                }
            };
            planned.project.store.publish(path, text.trim_end().as_bytes())?;
            format!("{} bytes", text.len())
        }
    };
    planned.project.store.save_gathered()?;
    talk.note(&format!("wrote {}: {told}", path.display()));
    Ok(0)
}

fn uuid_bytes(name: &str) -> [u8; 16] {
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&Digest::of_bytes(name.as_bytes()).bytes()[..16]);
    bytes
}

/// The lock file of the state that is exported.
fn lock_text(planned: &Planned, entry: &RunEntry) -> Result<String, Failure> {
    let project = &planned.project;
    let mut lock = Lockfile::of(&project.pipeline, &entry.sets, &entry.id);
    lock.add_outputs(&project.pipeline, &project.store, &planned.plan.done)?;
    Ok(lock.text()?)
}

/// The texts of a project: the pipeline, the profile and what lies in folders of its name, the paper's tables.
fn texts(planned: &Planned) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let root = &planned.project.root;
    let profile = &planned.project.pipeline.profile;
    let mut texts = BTreeMap::from([("pipeline.toml".to_owned(), root.join("pipeline.toml"))]);
    let file = format!("profiles/{profile}.toml");
    texts.insert(file.clone(), root.join(file));
    let folder = root.join("profiles").join(profile);
    if folder.is_dir() {
        for path in crate::engine::source::files_below(&folder)? {
            if let Some(name) = relative(root, &path) {
                texts.insert(name, path);
            }
        }
    }
    Ok(texts)
}

fn relative(root: &Path, path: &Path) -> Option<String> {
    let inside = path.strip_prefix(root).ok()?.to_str()?;
    let hidden = inside.split('/').any(|part| part.starts_with('.') || part.is_empty());
    (!hidden).then(|| inside.to_owned())
}

/// An RO-Crate: a folder with the products, the texts and the metadata.
fn a_crate(
    planned: &Planned,
    entry: &RunEntry,
    files: &[PathBuf],
    path: &Path,
) -> Result<String, Failure> {
    if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("`{}` is not empty", path.display()))
            .hint("an RO-Crate gets a folder of its own: name a new one"));
    }
    let history = history(planned, entry, files)?;
    let mut contents: Vec<(String, Vec<u8>)> =
        vec![(LOCK_FILE.to_owned(), lock_text(planned, entry)?.into_bytes())];
    for (name, from) in texts(planned)? {
        contents.push((name, fs::read(&from).map_err(EngineError::io("read", &from))?));
    }
    contents.push(("prov.json".into(), prov_json(&history).to_string().into_bytes()));
    let about = |name: &str| match name {
        "pipeline.toml" => "the pipeline",
        LOCK_FILE => "digests of the sources and of all results",
        "prov.json" => "the history of the run as W3C PROV-JSON",
        _ => "what fills the dataset slots",
    };
    let listed: Vec<CrateFile> = contents
        .iter()
        .map(|(name, bytes)| CrateFile {
            path: name.clone(),
            about: about(name).to_owned(),
            media_type: media_type(name).to_owned(),
            bytes: bytes.len() as u64,
        })
        .collect();
    let store = &planned.project.store;
    for (name, bytes) in &contents {
        store.publish(&path.join(name), bytes)?;
    }
    for product in &history.products {
        let from = files.iter().find(|file| file.ends_with(&product.path));
        let Some(from) = from else { continue };
        let bytes = fs::read(from).map_err(EngineError::io("read", from))?;
        store.publish(&path.join(&product.path), &bytes)?;
    }
    let metadata: Value = ro_crate(&history, &listed);
    let text = serde_json::to_vec_pretty(&metadata).map_err(EngineError::table("crate"))?;
    store.publish(&path.join("ro-crate-metadata.json"), &text)?;
    let entities = metadata["@graph"].as_array().map_or(0, Vec::len);
    Ok(format!("{} files, {entities} entities", contents.len() + history.products.len() + 1))
}

/// Everything that a replay needs.
fn bundle(
    planned: &Planned,
    entry: &RunEntry,
    files: &[PathBuf],
    path: &Path,
) -> Result<String, Failure> {
    let project = &planned.project;
    let store = &project.store;
    let mut contents: BTreeMap<String, Content> = BTreeMap::new();
    contents.insert(LOCK_FILE.into(), Content::Bytes(lock_text(planned, entry)?.into_bytes()));
    for (name, from) in texts(planned)? {
        contents.insert(name, Content::File(from));
    }
    let of_store = |path: PathBuf| -> Option<(String, Content)> {
        let inside = path.strip_prefix(store.root()).ok()?.to_str()?.to_owned();
        path.is_file().then(|| (format!("cache/v1/{inside}"), Content::File(path)))
    };
    for artifact in planned.plan.done.iter().flatten().flatten() {
        let key = artifact.record.name;
        let parts = artifact.parts().iter().filter_map(|part| part.object);
        contents.extend(parts.filter_map(|object| of_store(store.object_path(object))));
        contents.extend(of_store(store.record_path(key)));
        contents.extend(of_store(store.gathered_path(key)));
        contents.extend(of_store(inputs_path(store, key)));
    }
    contents.extend(of_store(store.root().join("runs").join(format!("{}.json", entry.id))));
    let mut without = Vec::new();
    for (slot, binding) in project.pipeline.nodes.iter().filter_map(|n| n.dataset.as_ref()) {
        let Binding::Files(bound) = binding else { continue };
        for file in bound {
            match &file.origin {
                Origin::Path(at) => match relative(&project.root, at) {
                    Some(name) => drop(contents.insert(name, Content::File(at.clone()))),
                    None => without.push(format!(
                        "dataset `{slot}`: `{}` lies outside of the project",
                        file.name
                    )),
                },
                // Their digests are in the profile: a replay needs no look at them.
                Origin::Public { .. } => {}
            }
        }
    }
    for file in files {
        contents.extend(relative(&project.root, file).map(|n| (n, Content::File(file.clone()))));
    }
    without.sort();
    without.dedup();
    let manifest = Manifest {
        profile: entry.profile.clone(),
        method: entry.method.clone(),
        sets: entry.sets.clone(),
        without,
        ..Manifest::new(&entry.id, &command(entry))
    };
    let manifest = pack(path, manifest, &contents)?;
    let mut told = format!(
        "{}, {} bytes before compression; `{}`",
        count(manifest.files.len(), "file"),
        manifest.bytes(),
        manifest.command
    );
    for what in &manifest.without {
        told.push_str(&format!("\nwithout {what}"));
    }
    Ok(told)
}
