//! The lock file: what a run was made of and what came out, sorted, a line each, to be compared.
//!
//! Content only: digests of source files, revisions of stages, parameters, seeds, and the digests
//! of all output columns. What may differ between machines without a difference in content (paths,
//! threads, times) is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::artifact::Artifact;
use super::digest::Digest;
use super::error::{EngineError, Result};
use super::evaluate::Outputs;
use super::pipeline::{Node, Pipeline};
use super::record::{code_version, machine_class};
use super::source::Binding;
use super::store::Store;

/// The file's name, beside `pipeline.toml`.
pub const LOCK_FILE: &str = "mdwarf.lock";
/// Format of the file; others are not read.
const FORMAT: u32 = 1;
/// Of larger datasets only the digest of all is locked.
const FILES_LISTED: usize = 1000;

/// What a run was made of and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lockfile {
    /// Format of the file.
    pub format: u32,
    /// The run.
    pub run: String,
    /// The pipeline's name.
    pub pipeline: String,
    /// The profile.
    pub profile: String,
    /// The method.
    pub method: String,
    /// `--set` arguments.
    pub sets: Vec<String>,
    /// Version of the program.
    pub code: String,
    /// Instruction set: bytes are promised identical within one machine class.
    pub machine: String,
    /// What fills the slots that are used.
    #[serde(default)]
    pub dataset: BTreeMap<String, LockedDataset>,
    /// The nodes.
    #[serde(default)]
    pub node: BTreeMap<String, LockedNode>,
}

/// What fills a slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockedDataset {
    /// Number of files.
    pub files: usize,
    /// Digest of all their digests, sorted.
    pub blake3: String,
    /// `digest name` of each file, unless there are too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<String>,
}

/// What decides a node's work, and what came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockedNode {
    /// The kind of work.
    pub stage: String,
    /// Its revision.
    pub revision: u32,
    /// The seed, in digits: it may be larger than TOML's integers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// The dataset for want of which the node is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<String>,
    /// What each port is bound to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, String>,
    /// Parameters by path, as JSON.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// The tables that came out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub output: BTreeMap<String, LockedOutput>,
}

/// A table that came out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockedOutput {
    /// Rows.
    pub rows: u64,
    /// Content digests of all columns, carried ones included.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

/// Something that is not as it was locked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where: a dataset, a node, a column.
    pub place: String,
    /// As locked.
    pub old: String,
    /// As it is.
    pub new: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} -> {}", self.place, self.old, self.new)
    }
}

impl Lockfile {
    /// What a pipeline is made of; outputs are added by [`Lockfile::add_outputs`].
    pub fn of(pipeline: &Pipeline, sets: &[String], run: &str) -> Self {
        let datasets = pipeline.nodes.iter().filter_map(|node| node.dataset.as_ref());
        Lockfile {
            format: FORMAT,
            run: run.to_owned(),
            pipeline: pipeline.name.clone(),
            profile: pipeline.profile.clone(),
            method: pipeline.method.clone(),
            sets: sets.to_vec(),
            code: code_version(),
            machine: machine_class(),
            dataset: datasets.map(|(slot, binding)| (slot.clone(), dataset(binding))).collect(),
            node: pipeline
                .nodes
                .iter()
                .map(|node| (node.name.clone(), made_of(pipeline, node)))
                .collect(),
        }
    }

    /// Adds what came out of the nodes that have results.
    pub fn add_outputs(
        &mut self,
        pipeline: &Pipeline,
        store: &Store,
        done: &[Option<Outputs>],
    ) -> Result<()> {
        for (node, outputs) in pipeline.nodes.iter().zip(done) {
            let (Some(outputs), Some(locked)) = (outputs, self.node.get_mut(&node.name)) else {
                continue;
            };
            for (declared, artifact) in node.outputs.iter().zip(outputs) {
                locked.output.insert(declared.name.clone(), came_out(store, artifact)?);
            }
        }
        Ok(())
    }

    /// The file's text: sorted, so that two of them can be compared line by line.
    pub fn text(&self) -> Result<String> {
        let body = toml::to_string(self).map_err(EngineError::table(LOCK_FILE))?;
        Ok(format!(
            "# What a run was made of and what came out, written by `mdwarf lock`.\n\
             # `mdwarf run --locked` refuses to differ from it.\n{body}"
        ))
    }

    /// Reads the file's text.
    ///
    /// # Errors
    /// A sentence: what is wrong with it.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let lock: Lockfile = toml::from_str(text).map_err(|why| why.to_string())?;
        if lock.format != FORMAT {
            return Err(format!("its format is {}, this version reads {FORMAT}", lock.format));
        }
        Ok(lock)
    }

    /// Where `now` is made of something else: known before anything is run.
    pub fn made_differently(&self, now: &Lockfile) -> Vec<Difference> {
        let mut found = Differences::default();
        found.compare("pipeline", &self.pipeline, &now.pipeline);
        found.compare("profile", &self.profile, &now.profile);
        found.compare("method", &self.method, &now.method);
        found.compare("--set", &self.sets.join(" "), &now.sets.join(" "));
        found.maps("dataset", &self.dataset, &now.dataset, &mut |found, name, old, new| {
            found.datasets(name, old, new);
        });
        found.maps("node", &self.node, &now.node, &mut |found, name, old, new| {
            found.nodes(name, old, new);
        });
        found.0
    }

    /// Where something else came out of the nodes that have results now.
    pub fn came_out_differently(&self, now: &Lockfile) -> Vec<Difference> {
        let mut found = Differences::default();
        for (name, new) in now.node.iter().filter(|(_, node)| !node.output.is_empty()) {
            let Some(old) = self.node.get(name) else { continue };
            let place = format!("node `{name}` output");
            found.maps(&place, &old.output, &new.output, &mut |found, output, old, new| {
                let place = format!("`{name}.{output}`");
                found.compare(&format!("{place} rows"), &old.rows, &new.rows);
                let columns = format!("{place} column");
                found.texts(&columns, &old.columns, &new.columns);
            });
        }
        found.0
    }
}

fn dataset(binding: &Binding) -> LockedDataset {
    let files = match binding {
        Binding::Files(files) => files,
        // What a node makes is locked with that node.
        Binding::Made => {
            let blake3 = "made by a node".into();
            return LockedDataset { blake3, ..LockedDataset::default() };
        }
        Binding::Absent(why) | Binding::Broken(why) => {
            return LockedDataset { blake3: why.clone(), ..LockedDataset::default() };
        }
    };
    let mut digests: Vec<Digest> = files.iter().map(|file| file.digest).collect();
    digests.sort();
    let mut list: Vec<String> = Vec::new();
    if files.len() <= FILES_LISTED {
        list = files.iter().map(|file| format!("{} {}", file.digest, file.name)).collect();
        list.sort();
    }
    LockedDataset { files: files.len(), blake3: Digest::of_sequence(&digests).to_string(), list }
}

fn made_of(pipeline: &Pipeline, node: &Node) -> LockedNode {
    let mut params = BTreeMap::new();
    flatten("", &node.params, &mut params);
    let bound = node.ports.iter().filter_map(|bound| Some((&bound.port.name, bound.source?)));
    let ports = bound.map(|(port, (source, output))| {
        let source = &pipeline.nodes[source];
        (port.clone(), format!("{}.{}", source.name, source.outputs[output].name))
    });
    LockedNode {
        stage: node.stage.name.to_owned(),
        revision: node.stage.revision,
        seed: node.seed.map(|seed| seed.to_string()),
        absent: node.absent.clone(),
        ports: ports.collect(),
        params,
        output: BTreeMap::new(),
    }
}

fn flatten(path: &str, value: &Value, params: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, params);
            }
        }
        other => {
            params.insert(path.to_owned(), other.to_string());
        }
    }
}

fn came_out(store: &Store, artifact: &Artifact) -> Result<LockedOutput> {
    let mut columns = BTreeMap::new();
    for column in &artifact.schema.columns {
        let digest = artifact.column_digest(store, &column.name)?;
        columns.insert(column.name.clone(), digest.to_string());
    }
    Ok(LockedOutput { rows: artifact.rows(), columns })
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn compare<T: PartialEq + ToString>(&mut self, place: &str, old: &T, new: &T) {
        if old != new {
            let (old, new) = (shown(&old.to_string()), shown(&new.to_string()));
            self.0.push(Difference { place: place.to_owned(), old, new });
        }
    }

    /// Walks two maps: what is on one side only is a difference of its own.
    fn maps<T>(
        &mut self,
        place: &str,
        old: &BTreeMap<String, T>,
        new: &BTreeMap<String, T>,
        each: &mut dyn FnMut(&mut Self, &str, &T, &T),
    ) {
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            match (old.get(name), new.get(name)) {
                (Some(old), Some(new)) => each(self, name, old, new),
                (Some(_), None) => self.compare(&format!("{place} `{name}`"), &"there", &"gone"),
                _ => self.compare(&format!("{place} `{name}`"), &"not there", &"new"),
            }
        }
    }

    fn texts(
        &mut self,
        place: &str,
        old: &BTreeMap<String, String>,
        new: &BTreeMap<String, String>,
    ) {
        self.maps(place, old, new, &mut |found, name, old, new| {
            found.compare(&format!("{place} `{name}`"), old, new);
        });
    }

    fn datasets(&mut self, name: &str, old: &LockedDataset, new: &LockedDataset) {
        let place = format!("dataset `{name}`");
        if old.blake3 == new.blake3 {
            return;
        }
        let before = self.0.len();
        let by_name = |list: &[String]| -> BTreeMap<String, String> {
            let words = list.iter().filter_map(|line| line.split_once(' '));
            words.map(|(digest, name)| (name.to_owned(), digest.to_owned())).collect()
        };
        if !old.list.is_empty() && !new.list.is_empty() {
            self.texts(&format!("{place} file"), &by_name(&old.list), &by_name(&new.list));
        }
        if self.0.len() == before {
            self.compare(&format!("{place} files"), &old.files, &new.files);
            self.compare(&place, &old.blake3, &new.blake3);
        }
    }

    fn nodes(&mut self, name: &str, old: &LockedNode, new: &LockedNode) {
        let place = format!("node `{name}`");
        self.compare(&format!("{place} stage"), &old.stage, &new.stage);
        self.compare(&format!("{place} revision"), &old.revision, &new.revision);
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".into());
        self.compare(&format!("{place} seed"), &or_none(&old.seed), &or_none(&new.seed));
        self.compare(&format!("{place} absent"), &or_none(&old.absent), &or_none(&new.absent));
        self.texts(&format!("{place} port"), &old.ports, &new.ports);
        self.texts(&format!("{place} parameter"), &old.params, &new.params);
    }
}

/// Digests are cut short, and nothing is shown as such.
fn shown(text: &str) -> String {
    if let Ok(digest) = text.parse::<Digest>() {
        return digest.short();
    }
    if text.is_empty() { "nothing".to_owned() } else { text.to_owned() }
}

/// Where the store keeps which lock files name its runs.
fn markers(store: &Store) -> PathBuf {
    store.root().join("locked")
}

/// Tells the store that a lock file names a run: its results outlive every sweep.
pub fn mark_locked(store: &Store, lock_file: &Path, run: &str) -> Result<()> {
    let path = fs::canonicalize(lock_file).map_err(EngineError::io("find", lock_file))?;
    let bytes = path.as_os_str().as_bytes();
    let marker = markers(store).join(Digest::of_bytes(bytes).to_string());
    store.commit(&marker, &[run.as_bytes(), b"\n", bytes].concat())
}

/// Runs that lock files name. One whose lock file was deleted, or names another run now, is none;
/// one whose whole project has gone may have been moved, and still counts.
pub fn locked_runs(store: &Store) -> BTreeSet<String> {
    let entries = fs::read_dir(markers(store)).into_iter().flatten();
    entries
        .filter_map(|entry| {
            let bytes = fs::read(entry.ok()?.path()).ok()?;
            let at = bytes.iter().position(|byte| *byte == b'\n')?;
            let run = std::str::from_utf8(&bytes[..at]).ok()?.to_owned();
            let path = PathBuf::from(std::ffi::OsString::from_vec(bytes[at + 1..].to_vec()));
            let locked = match fs::read_to_string(&path) {
                Ok(text) => Lockfile::parse(&text).is_ok_and(|lock| lock.run == run),
                Err(_) => path.parent().is_some_and(|folder| !folder.exists()),
            };
            locked.then_some(run)
        })
        .collect()
}

#[cfg(test)]
#[path = "lockfile_tests.rs"]
mod tests;
