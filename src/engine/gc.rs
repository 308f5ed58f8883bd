//! The sweep of a store: what no run that counts relies on is removed.
//!
//! Roots are the latest run of each profile and method, the latest that ended without a failure,
//! the variants (`--set`) among the latest few, locked runs, and what runs in progress, or killed
//! within a day, rely on. The sweep holds the store's gate alone: see [`super::locks`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::ledger::{Ledger, RunEntry};
use super::lockfile::locked_runs;
use super::locks::{Locks, active_runs};
use super::record::Record;
use super::run::Outcome;
use super::store::{Store, parse_record};

/// Work of a run that was killed, and files half written, are kept for so long.
const GRACE: Duration = Duration::from_secs(24 * 3600);
/// How long a sweep waits for a moment in which nobody looks anything up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a sweep is asked for.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// Among so many of the latest runs of a profile and method, each `--set` variant is kept.
    pub keep_last: usize,
    /// Roots are given up, oldest first, until the store is no larger.
    pub max_bytes: Option<u64>,
    /// Whether to tell only.
    pub dry_run: bool,
    /// Data on the way, of one run, that are given up; its records stay.
    pub on_the_way: Option<OnTheWay>,
}

/// Data of a run that none of its published tables is read from.
#[derive(Clone, Debug, Default)]
pub struct OnTheWay {
    /// The keys of the run's nodes.
    pub keys: BTreeSet<Digest>,
    /// The objects.
    pub objects: BTreeSet<Digest>,
}

/// Number and bytes of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

/// What a sweep removed, or would remove.
#[derive(Debug, Default, Serialize)]
pub struct Swept {
    /// Removed, by kind.
    pub removed: BTreeMap<&'static str, Amount>,
    /// Left, by kind.
    pub kept: BTreeMap<&'static str, Amount>,
    /// Runs whose results are kept, oldest first.
    pub roots: Vec<String>,
    /// Runs in progress, or killed a short while ago, whose work is kept.
    pub in_progress: usize,
    /// Bytes by which the store is larger than was asked for.
    pub over_bytes: u64,
}

impl Swept {
    /// All that was removed.
    pub fn total(&self) -> Amount {
        self.removed.values().fold(Amount::default(), |sum, amount| Amount {
            files: sum.files + amount.files,
            bytes: sum.bytes + amount.bytes,
        })
    }

    fn left_bytes(&self) -> u64 {
        self.kept.values().map(|amount| amount.bytes).sum()
    }
}

/// A run that counts.
struct Root {
    entry: RunEntry,
    /// Whether it is kept however large the store is.
    fixed: bool,
}

/// A file of the store, and whether it stays.
struct Found {
    kind: &'static str,
    path: PathBuf,
    bytes: u64,
    stays: bool,
}

/// Sweeps a store.
///
/// # Errors
/// [`EngineError::Locked`] if the store is never left alone; what the file system refuses, first
/// of all where it has no locks: there nothing is removed.
pub fn sweep(store: &Store, ledger: &Ledger, options: &SweepOptions) -> Result<Swept> {
    let locks = Locks::new(store.root(), true);
    let _gate = if options.dry_run { locks.share(true)? } else { locks.alone(PATIENCE)? };
    let mut roots = roots(store, ledger, options.keep_last)?;
    let way = options.on_the_way.as_ref();
    let (mut swept, mut found) = look(store, &roots, way)?;
    while let Some(most) = options.max_bytes
        && swept.left_bytes() > most
        && let Some(oldest) = roots.iter().position(|root| !root.fixed)
    {
        roots.remove(oldest);
        (swept, found) = look(store, &roots, way)?;
    }
    swept.over_bytes = options.max_bytes.map_or(0, |most| swept.left_bytes().saturating_sub(most));
    if !options.dry_run {
        // Records go first: what is cut off in the middle leaves no record without its objects.
        for file in found.iter().filter(|file| !file.stays) {
            match store.files().remove(&file.path) {
                Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                    return Err(EngineError::io("remove", &file.path)(why));
                }
                _ => {}
            }
        }
        locks.sweep()?;
    }
    Ok(swept)
}

/// The runs that count, oldest first.
fn roots(store: &Store, ledger: &Ledger, keep_last: usize) -> Result<Vec<Root>> {
    let locked = locked_runs(store);
    let mut newest_first: Vec<RunEntry> =
        ledger.ids()?.iter().filter_map(|id| ledger.run(id).ok()).collect();
    newest_first.reverse();
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut variants: BTreeSet<(String, String, Vec<String>)> = BTreeSet::new();
    let mut sound: BTreeSet<(String, String)> = BTreeSet::new();
    let mut roots = Vec::new();
    for entry in newest_first {
        let kind = (entry.profile.clone(), entry.method.clone());
        let before = seen.entry(kind.clone()).or_default();
        *before += 1;
        let new_variant = variants.insert((kind.0.clone(), kind.1.clone(), entry.sets.clone()));
        // Variants count among the latest few; the plain run always does.
        let recent = new_variant && (*before <= keep_last.max(1) || entry.sets.is_empty());
        let failed =
            |outcome: &Outcome| matches!(outcome, Outcome::Failed { .. } | Outcome::Skipped { .. });
        let is_sound = !entry.nodes.iter().any(|node| failed(&node.outcome));
        let first_sound = is_sound && sound.insert(kind);
        let is_locked = locked.contains(&entry.id);
        if recent || first_sound || is_locked {
            let fixed = is_locked || roots.is_empty();
            roots.push(Root { entry, fixed });
        }
    }
    roots.reverse();
    Ok(roots)
}

/// What the live keys hold on to.
#[derive(Default)]
struct Live {
    records: BTreeSet<Digest>,
    objects: BTreeSet<Digest>,
    /// Stage, revision, parameters and seed of what is live: the work that may be asked for again.
    work: BTreeSet<String>,
    /// Digests of downloads in use; `None` if that is not known of every run that counts.
    downloads: Option<BTreeSet<Digest>>,
    /// When the oldest live record was written, seconds since 1970: what is remembered of it is
    /// younger.
    since: u64,
}

/// A record's file, its size, and the record if it is sound.
type ReadRecord = (PathBuf, u64, Option<Record>);

fn look(store: &Store, roots: &[Root], way: Option<&OnTheWay>) -> Result<(Swept, Vec<Found>)> {
    let records: Vec<ReadRecord> = files_of(store, "records")?
        .into_iter()
        .map(|(path, bytes)| {
            let record = store.files().read(&path).ok().and_then(|bytes| parse_record(&bytes));
            (path, bytes, record)
        })
        .collect();
    let active = active_runs(store.root());
    let relied_on = active.iter().filter(|run| run.alive || is_young(&run.path));
    let in_progress = relied_on.clone().count();
    let mut keys: BTreeSet<Digest> = relied_on.flat_map(|run| run.keys.clone()).collect();
    keys.extend(roots.iter().flat_map(|root| root.entry.nodes.iter().filter_map(|n| n.key)));
    let mut live = live_of(&keys, &records);
    live.downloads = downloads_in_use(store, roots).filter(|_| !active.iter().any(|run| run.alive));
    if let Some(way) = way {
        give_up(way, &keys, &records, &mut live);
    }
    let mut found: Vec<Found> = records
        .into_iter()
        .map(|(path, bytes, record)| Found {
            kind: "records",
            stays: record.as_ref().is_some_and(|r| live.records.contains(&r.name)),
            path,
            bytes,
        })
        .collect();
    found.extend(others(store, &live)?);
    let mut swept = Swept {
        roots: roots.iter().map(|root| root.entry.id.clone()).collect(),
        in_progress,
        ..Swept::default()
    };
    for file in &found {
        let side = if file.stays { &mut swept.kept } else { &mut swept.removed };
        side.entry(file.kind).or_default().add(file.bytes);
    }
    Ok((swept, found))
}

/// What these keys hold on to.
fn live_of(keys: &BTreeSet<Digest>, records: &[ReadRecord]) -> Live {
    let mut live = Live::default();
    let sound = || records.iter().filter_map(|(.., record)| record.as_ref());
    for record in sound().filter(|record| keys.contains(&record.name)) {
        live.records.insert(record.name);
        live.objects.extend(objects(record));
        live.work.insert(work(record));
    }
    // The records of a node's shards are live with the node: the next run takes them one by one.
    for record in sound() {
        let mut objects = objects(record).peekable();
        let made = objects.peek().is_some();
        if objects.all(|object| live.objects.contains(&object))
            && (made || live.work.contains(&work(record)))
        {
            live.records.insert(record.name);
        }
    }
    let is_live =
        |record: &Option<Record>| record.as_ref().is_some_and(|r| live.records.contains(&r.name));
    let written = records.iter().filter(|(.., record)| is_live(record)).map(|(p, ..)| modified(p));
    live.since = written.min().unwrap_or(0);
    live
}

/// Gives up a run's data on the way, but for what other live nodes hold on to.
fn give_up(way: &OnTheWay, keys: &BTreeSet<Digest>, records: &[ReadRecord], live: &mut Live) {
    let sound = records.iter().filter_map(|(.., record)| record.as_ref());
    let others = sound.filter(|r| keys.contains(&r.name) && !way.keys.contains(&r.name));
    let held: BTreeSet<Digest> = others.flat_map(objects).collect();
    live.objects.retain(|object| !way.objects.contains(object) || held.contains(object));
}

/// All files but the records.
fn others(store: &Store, live: &Live) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut add = |folder: &'static str, stays: &dyn Fn(&Path) -> bool| -> Result<()> {
        for (path, bytes) in files_of(store, folder)? {
            found.push(Found { kind: folder, stays: stays(&path), path, bytes });
        }
        Ok(())
    };
    let named = |path: &Path| named_by(path);
    add("objects", &|path| named(path).is_some_and(|object| live.objects.contains(&object)))?;
    add("gathers", &|path| match path.extension() {
        Some(_) => named(path).is_some_and(|record| live.records.contains(&record)),
        None => modified(path) >= live.since,
    })?;
    add("index", &|path| modified(path) >= live.since)?;
    add("inputs", &|path| named(path).is_some_and(|key| live.records.contains(&key)))?;
    add("downloads", &|path| match (&live.downloads, named(path)) {
        (Some(used), Some(digest)) => used.contains(&digest),
        _ => true,
    })?;
    add("quarantine", &|_| false)?;
    add("tmp", &is_young)?;
    let alive: BTreeSet<PathBuf> =
        active_runs(store.root()).into_iter().filter(|run| run.alive).map(|run| run.path).collect();
    add("active", &|path| alive.contains(path) || is_young(path))?;
    Ok(found)
}

fn objects(record: &Record) -> impl Iterator<Item = Digest> + '_ {
    record.outputs.iter().flat_map(|output| &output.parts).filter_map(|part| part.object)
}

fn work(record: &Record) -> String {
    let key = &record.key;
    format!("{} {} {:?} {}", key.stage, key.revision, key.seed, key.params)
}

/// Where the digests of a source node's public files are kept, beside its record.
pub fn inputs_path(store: &Store, key: Digest) -> PathBuf {
    let name = key.to_string();
    store.root().join("inputs").join(&name[..2]).join(&name[2..])
}

/// Downloads that the runs rely on, if every one of them tells.
fn downloads_in_use(store: &Store, roots: &[Root]) -> Option<BTreeSet<Digest>> {
    let mut used = BTreeSet::new();
    for root in roots {
        for node in root.entry.nodes.iter().filter(|node| node.dataset.is_some()) {
            let Some(key) = node.key else { continue };
            let list = store.read_sealed(&inputs_path(store, key))?;
            for line in std::str::from_utf8(&list).ok()?.lines() {
                used.insert(line.parse().ok()?);
            }
        }
    }
    Some(used)
}

/// The digest that a file is named by: the folder's two digits, the rest, perhaps an extension.
fn named_by(path: &Path) -> Option<Digest> {
    let folder = path.parent()?.file_name()?.to_str()?;
    let name = path.file_name()?.to_str()?;
    let stem = name.split('.').next()?;
    format!("{folder}{stem}").parse().ok()
}

fn files_of(store: &Store, folder: &str) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    let mut folders = vec![store.root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => continue,
            Err(why) => return Err(EngineError::io("list", &folder)(why)),
        };
        for entry in entries {
            let entry = entry.map_err(EngineError::io("list", &folder))?;
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => found.push((entry.path(), metadata.len())),
                // Gone meanwhile: a temporary file.
                Err(_) => {}
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file is too young to be taken for rubbish.
fn is_young(path: &Path) -> bool {
    age(path).is_none_or(|age| age < GRACE)
}

/// How long ago a file was written; `None` if the clock says that it will be.
fn age(path: &Path) -> Option<Duration> {
    let modified = fs::metadata(path).and_then(|m| m.modified()).ok()?;
    SystemTime::now().duration_since(modified).ok()
}

fn modified(path: &Path) -> u64 {
    fs::metadata(path)
        .and_then(|m| m.modified())
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(u64::MAX, |d| d.as_secs())
}
