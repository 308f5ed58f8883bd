//! The whole store against its digests: what is damaged, what is missing, what nobody names.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::events::{Event, Observer};
use super::ledger::RunEntry;
use super::locks::Locks;
use super::record::Record;
use super::store::{Store, parse_record, sealed};

/// What was found in a store.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Objects that records name, and that are there.
    pub objects: u64,
    /// Records of nodes and shards.
    pub records: u64,
    /// Files that were fetched.
    pub downloads: u64,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// Files that are not what their name or their seal promises.
    pub damaged: Vec<Finding>,
    /// Objects that a record names, and that are not there.
    pub missing: Vec<Finding>,
    /// Objects that no record names: harmless; a killed run leaves them.
    pub orphans: Vec<PathBuf>,
    /// Files set aside: now, with `--repair`.
    pub set_aside: u64,
}

/// A file at fault.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl Report {
    /// Whether everything is what it should be.
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }
}

/// Checks everything in a store; with `repair`, sets aside what is damaged, and records that name
/// what is damaged or missing, so that the next run makes them again.
///
/// # Errors
/// A folder of the store cannot be listed.
pub fn verify(store: &Store, repair: bool, observer: &dyn Observer) -> Result<Report> {
    // What a sweep removes meanwhile would look like a loss.
    let _gate = Locks::new(store.root(), true).share(true)?;
    let mut check = Check { store, observer, report: Report::default(), unsound: BTreeSet::new() };
    let named = check.records()?;
    check.objects(&named)?;
    check.downloads()?;
    check.sealed_files()?;
    check.runs()?;
    let Check { mut report, unsound, .. } = check;
    report.orphans.sort();
    if repair {
        let damaged = report.damaged.iter().map(|finding| finding.path.clone());
        let records = named
            .values()
            .flat_map(|named| &named.records)
            .filter(|(_, objects)| objects.iter().any(|object| unsound.contains(object)));
        let aside: BTreeSet<PathBuf> =
            damaged.chain(records.map(|(path, _)| path.clone())).collect();
        report.set_aside = aside.iter().filter(|path| store.quarantine(path)).count() as u64;
    }
    Ok(report)
}

/// What records say of an object.
#[derive(Default)]
struct Named {
    bytes: u64,
    /// The records that name it, each with all objects that it names.
    records: Vec<(PathBuf, BTreeSet<Digest>)>,
}

struct Check<'a> {
    store: &'a Store,
    observer: &'a dyn Observer,
    report: Report,
    /// Objects that are damaged or missing.
    unsound: BTreeSet<Digest>,
}

impl Check<'_> {
    fn damaged(&mut self, path: PathBuf, why: impl Into<String>) {
        self.report.damaged.push(Finding { path, why: why.into() });
    }

    /// All files in a folder of the store and in the folders below it.
    fn files_in(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut folders = vec![self.store.root().join(folder)];
        while let Some(folder) = folders.pop() {
            let entries = match self.store.files().list(&folder) {
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(EngineError::io("list", &folder))?,
            };
            for entry in entries {
                let entry = entry.map_err(EngineError::io("list", &folder))?;
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_folder { &mut folders } else { &mut found }.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    /// Checks the records; gives the objects that they name.
    fn records(&mut self) -> Result<BTreeMap<Digest, Named>> {
        let mut named: BTreeMap<Digest, Named> = BTreeMap::new();
        for path in self.files_in("records")? {
            let bytes = match self.store.files().read(&path) {
                Ok(bytes) => bytes,
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                Err(why) => {
                    self.damaged(path, why.to_string());
                    continue;
                }
            };
            self.report.bytes += bytes.len() as u64;
            let record = match sound_record(self.store, &path, &bytes) {
                Ok(Some(record)) => record,
                Ok(None) => continue,
                Err(why) => {
                    self.damaged(path, why);
                    continue;
                }
            };
            self.report.records += 1;
            let parts = record.outputs.iter().flat_map(|output| &output.parts);
            let objects: BTreeSet<Digest> = parts.clone().filter_map(|part| part.object).collect();
            for part in parts {
                let Some(object) = part.object else { continue };
                named.entry(object).or_default().bytes = part.bytes;
            }
            for object in &objects {
                let entry = named.entry(*object).or_default();
                entry.records.push((path.clone(), objects.clone()));
            }
        }
        Ok(named)
    }

    fn objects(&mut self, named: &BTreeMap<Digest, Named>) -> Result<()> {
        let mut there = BTreeSet::new();
        for path in self.files_in("objects")? {
            let Some(digest) = digest_of_name(&path) else {
                self.damaged(path, "its name is no digest");
                continue;
            };
            if !named.contains_key(&digest) {
                self.report.orphans.push(path);
                continue;
            }
            if self.hashes_to(&path, digest)? {
                self.report.objects += 1;
            } else {
                self.unsound.insert(digest);
            }
            there.insert(digest);
        }
        for (digest, entry) in named.iter().filter(|(digest, _)| !there.contains(digest)) {
            self.unsound.insert(*digest);
            let n = entry.records.len();
            let records =
                if n == 1 { "1 record names".into() } else { format!("{n} records name") };
            let why = format!("{records} it ({} bytes), and it is not there", entry.bytes);
            let path = self.store.object_path(*digest);
            self.report.missing.push(Finding { path, why });
        }
        Ok(())
    }

    fn downloads(&mut self) -> Result<()> {
        for path in self.files_in("downloads")? {
            match digest_of_name(&path) {
                None => self.damaged(path, "its name is no digest"),
                Some(digest) => self.report.downloads += u64::from(self.hashes_to(&path, digest)?),
            }
        }
        Ok(())
    }

    /// Memories: a damaged one is never believed, but tells of a bad disk.
    fn sealed_files(&mut self) -> Result<()> {
        let mut files = vec![self.store.root().join("stat.json")];
        for folder in ["gathers", "inputs", "published", "index"] {
            files.extend(self.files_in(folder)?);
        }
        for path in files {
            match self.store.files().read(&path) {
                Ok(bytes) if sealed(&bytes).is_some() => self.report.bytes += bytes.len() as u64,
                Ok(_) => self.damaged(path, "its seal is broken"),
                Err(why) if why.kind() == io::ErrorKind::NotFound => {}
                Err(why) => self.damaged(path, why.to_string()),
            }
        }
        Ok(())
    }

    fn runs(&mut self) -> Result<()> {
        for path in self.files_in("runs")? {
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let bytes = self.store.files().read(&path).unwrap_or_default();
            let id = path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned);
            let entry = RunEntry::parse(&bytes);
            if entry.map(|entry| entry.id) != id {
                self.damaged(path, "it is no run of this name");
            }
        }
        Ok(())
    }

    /// Whether a file has this digest; if not, that is noted.
    fn hashes_to(&mut self, path: &Path, digest: Digest) -> Result<bool> {
        match self.hash(path) {
            Ok(found) if found == digest => return Ok(true),
            Ok(found) => self.damaged(path.to_owned(), format!("blake3 is {found}")),
            // Another run has set it aside, or a sweep has taken it.
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(why) => self.damaged(path.to_owned(), why.to_string()),
        }
        Ok(false)
    }

    fn hash(&mut self, path: &Path) -> io::Result<Digest> {
        let mut file = self.store.files().open(path)?;
        let bytes = file.metadata()?.len();
        self.observer.event(&Event::Hashing { name: &path.to_string_lossy(), bytes });
        let mut hasher = blake3::Hasher::new();
        let mut piece = vec![0; 1 << 16];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                n => hasher.update(&piece[..n]),
            };
        }
        self.observer.event(&Event::Hashed { bytes });
        self.report.bytes += bytes;
        Ok(Digest::finish(&hasher))
    }
}

/// The record in these bytes; `None` if a program of another version wrote it.
fn sound_record(store: &Store, path: &Path, bytes: &[u8]) -> Result<Option<Record>, String> {
    let broken = || "its seal is broken".to_owned();
    let body = sealed(bytes).ok_or_else(broken)?;
    let Some(record) = parse_record(bytes) else {
        let foreign = serde_json::from_slice::<serde_json::Value>(body).is_ok();
        return if foreign { Ok(None) } else { Err("it is no record".into()) };
    };
    if store.record_path(record.name) != path {
        return Err(format!("it is the record of {}", record.name));
    }
    let parts = record.outputs.iter().flat_map(|output| &output.parts);
    let beyond = parts
        .filter(|part| part.object.is_some())
        .any(|part| part.at[0].checked_add(part.at[1]).is_none_or(|end| end > part.bytes));
    if beyond {
        return Err("it names a part beyond the end of its object".into());
    }
    Ok(Some(record))
}

/// The digest that a file of the store is named by: two digits of its folder, then its own name.
fn digest_of_name(path: &Path) -> Option<Digest> {
    let head = path.parent()?.file_name()?.to_str()?;
    let rest = path.file_name()?.to_str()?;
    format!("{head}{}", rest.strip_suffix(".parquet").unwrap_or(rest)).parse().ok()
}
