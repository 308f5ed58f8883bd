//! The ledger: one file a run, with what became of each node; any past run can be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::claims::Verdict;
use super::digest::Digest;
use super::error::{EngineError, Result};
use super::files::Files;
use super::record::Record;
use super::run::Outcome;
use super::store::{Store, seal, sealed};

/// A run as the ledger keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunEntry {
    /// Its name: a time that sorts, and a few digits against collisions.
    pub id: String,
    /// Start, seconds since 1970 (UTC).
    pub started: u64,
    /// Wall seconds.
    pub seconds: f64,
    /// Pipeline.
    pub pipeline: String,
    /// Profile.
    pub profile: String,
    /// Method.
    pub method: String,
    /// `--set` arguments.
    pub sets: Vec<String>,
    /// Program version.
    pub code: String,
    /// What became of each node, in topological order.
    pub nodes: Vec<NodeEntry>,
    /// The claims as this run found them.
    #[serde(default)]
    pub claims: Vec<Verdict>,
}

/// What became of a node in a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeEntry {
    /// Its name then.
    pub node: String,
    /// Its stage.
    pub stage: String,
    /// How it was settled.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Its key, if its inputs existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Digest>,
    /// Why it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The dataset slot it reads. (`dataset` is the key of an absent one.)
    #[serde(default, rename = "slot", skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
}

impl NodeEntry {
    /// The key of what it gave in that run. (A node that the run skipped keeps the key that it had before, so that a later
    /// run can say what has changed since.)
    pub fn result(&self) -> Option<Digest> {
        self.key.filter(|_| self.outcome.has_result())
    }

    /// What it gave in that run, while the store has the record.
    pub fn record(&self, store: &Store) -> Result<Option<Record>> {
        self.result().map_or(Ok(None), |key| store.record(key))
    }
}

impl RunEntry {
    /// The run in the bytes of its file, if they are sound. Runs of former versions have no seal.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let body = match sealed(bytes) {
            Some(body) => body,
            None if bytes.ends_with(b"}") => bytes,
            None => return None,
        };
        serde_json::from_slice(body).ok()
    }
}

/// The runs of a store.
#[derive(Default)]
pub struct Ledger {
    files: Files,
    folder: PathBuf,
    last: BTreeMap<String, Digest>,
    latest: Option<RunEntry>,
}

impl Ledger {
    /// Opens the ledger and reads the latest run of the profile and method.
    pub fn open(store: &Store, profile: &str, method: &str) -> Result<Self> {
        let folder = store.root().join("runs");
        let pointer = folder.join(format!("latest.{profile}.{method}"));
        let mut ledger = Ledger { folder, files: store.files().clone(), ..Ledger::default() };
        let named = |path: &PathBuf| ledger.load(ledger.files.read_text(path).ok()?.trim());
        let entry = named(&pointer)
            .or_else(|| ledger.newest(profile, method))
            .or_else(|| named(&ledger.folder.join("latest")));
        if let Some(entry) = entry {
            ledger.last = entry
                .nodes
                .iter()
                .filter_map(|node| Some((node.node.clone(), node.key?)))
                .collect();
            ledger.latest = Some(entry);
        }
        Ok(ledger)
    }

    /// The newest run of a profile and method, where the pointer to it was lost.
    fn newest(&self, profile: &str, method: &str) -> Option<RunEntry> {
        let ids = self.ids().ok()?;
        let mut entries = ids.iter().rev().filter_map(|id| self.load(id));
        entries.find(|entry| entry.profile == profile && entry.method == method)
    }

    fn load(&self, id: &str) -> Option<RunEntry> {
        if id.is_empty() || id.contains(['/', '.']) {
            return None;
        }
        RunEntry::parse(&self.files.read(&self.folder.join(format!("{id}.json"))).ok()?)
    }

    /// The key that a node had in the latest run.
    pub fn last_key(&self, node: &str) -> Option<Digest> {
        self.last.get(node).copied()
    }

    /// The latest run.
    pub fn latest(&self) -> Option<&RunEntry> {
        self.latest.as_ref()
    }

    /// A run by id.
    pub fn run(&self, id: &str) -> Result<RunEntry> {
        let ids = self.ids()?;
        self.load(id).ok_or_else(|| EngineError::unknown("run", id, ids.iter().map(String::as_str)))
    }

    /// All runs, oldest first.
    pub fn ids(&self) -> Result<Vec<String>> {
        let entries =
            self.files.list(&self.folder).map_err(EngineError::io("list", &self.folder))?;
        let mut ids: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
            .collect();
        ids.sort();
        Ok(ids)
    }

    /// Writes a run.
    pub fn write(&self, store: &Store, entry: &RunEntry) -> Result<()> {
        let body = seal(&serde_json::to_vec(entry).map_err(EngineError::table("run"))?);
        let path = self.folder.join(format!("{}.json", entry.id));
        let ran = entry.nodes.iter().any(|n| !matches!(n.outcome, Outcome::Reused));
        // A run that did nothing is not worth a wait for the disk.
        if ran {
            store.commit(&path, &body)?;
        } else {
            store.commit_unsynced(&path, &body)?;
        }
        for pointer in ["latest".to_owned(), format!("latest.{}.{}", entry.profile, entry.method)] {
            store.commit_unsynced(&self.folder.join(pointer), entry.id.as_bytes())?;
        }
        Ok(())
    }
}
