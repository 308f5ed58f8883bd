//! Sources: which bytes fill a dataset slot, known by digest, found in a mirror, in the store, at
//! a path or at an URL.
//!
//! A file whose digest the profile declares needs no look at all while what was made of it is
//! fresh. A file at a path is hashed once and then trusted while size, mtime, ctime and inode
//! stay; a file changed within two seconds of its hashing is hashed again, because its time stamp
//! could not show another edit.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::download::download;
use super::error::{EngineError, Result};
use super::events::{Event, Observer};
use super::store::Store;

const RACY_NS: i128 = 2_000_000_000;

/// A file that fills (part of) a slot.
#[derive(Clone, Debug)]
pub struct BoundFile {
    /// Name for messages.
    pub name: String,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Its size, where it is known.
    pub bytes: Option<u64>,
    /// Where the bytes may be had.
    pub origin: Origin,
}

/// Where a file's bytes may be had.
#[derive(Clone, Debug)]
pub enum Origin {
    /// At a path of the user's.
    Path(PathBuf),
    /// In a mirror under that path or digest, else at the URL.
    Public {
        /// Path inside a mirror.
        mirror_path: Option<String>,
        /// Public address.
        url: Option<String>,
    },
}

/// The port at which a reader is handed the files that another node makes, and the name of the files in its key.
pub const FILES: &str = "files";
/// Column of a made file's name, for messages.
pub const FILE_NAME: &str = "name";
/// Column of a made file's bytes.
pub const FILE_BYTES: &str = "bytes";

/// What fills a slot.
#[derive(Clone, Debug)]
pub enum Binding {
    /// These files, in order of name.
    Files(Vec<BoundFile>),
    /// Files that a node of this pipeline makes, handed over at the port [`FILES`].
    Made,
    /// Nothing, and why.
    Absent(String),
    /// It should be filled, but cannot be: the error.
    Broken(String),
}

/// What is known of a file that was hashed before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    digest: Digest,
    size: u64,
    mtime_ns: i128,
    ctime_ns: i128,
    inode: u64,
    seen_ns: i128,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    files: BTreeMap<String, Seen>,
    probes: BTreeMap<String, BTreeMap<Digest, Option<i64>>>,
}

/// Finds, hashes and reads source files; remembers what it hashed.
pub struct Sources {
    store: Store,
    mirror: Option<PathBuf>,
    offline: bool,
    memory: Mutex<(Memory, bool)>,
    listing: Mutex<Option<Arc<BTreeMap<Digest, PathBuf>>>>,
}

impl Sources {
    /// Opens the memory of hashed files that the store keeps.
    pub fn open(store: &Store, mirror: Option<PathBuf>, offline: bool) -> Self {
        let memory = fs::read(store.root().join("stat.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Sources {
            store: store.clone(),
            mirror,
            offline,
            memory: Mutex::new((memory, false)),
            listing: Mutex::new(None),
        }
    }

    /// Keeps what was hashed for the next run.
    pub fn remember(&self) -> Result<()> {
        let mut guard = lock(&self.memory);
        let (memory, changed) = &mut *guard;
        if *changed {
            let bytes = serde_json::to_vec(memory).map_err(EngineError::table("stat.json"))?;
            self.store.commit_unsynced(&self.store.root().join("stat.json"), &bytes)?;
            *changed = false;
        }
        Ok(())
    }

    /// The digest of the file at a path, from memory where its metadata vouch for it.
    pub fn digest(&self, path: &Path, observer: &dyn Observer) -> Result<(Digest, u64)> {
        let name = path.to_string_lossy().into_owned();
        let metadata = regular_file(path)?;
        let now = stamp(&metadata);
        if let Some(seen) = lock(&self.memory).0.files.get(&name)
            && seen.trusts(&now)
        {
            return Ok((seen.digest, seen.size));
        }
        let seen_ns = now_ns();
        let digest = hash_file(path, metadata.len(), observer)?;
        let after = stamp(&regular_file(path)?);
        if (after.size, after.mtime_ns, after.ctime_ns) != (now.size, now.mtime_ns, now.ctime_ns) {
            return Err(EngineError::corrupt(path, "it changed while it was read; run again"));
        }
        let mut guard = lock(&self.memory);
        guard.0.files.insert(name, Seen { digest, seen_ns, ..now });
        guard.1 = true;
        Ok((digest, metadata.len()))
    }

    /// The row id that `probe` finds in a file, remembered by the file's digest.
    pub fn probe(
        &self,
        reader: &str,
        file: &BoundFile,
        observer: &dyn Observer,
        probe: impl Fn(&[u8]) -> Option<i64>,
    ) -> Result<Option<i64>> {
        if let Some(known) =
            lock(&self.memory).0.probes.get(reader).and_then(|p| p.get(&file.digest))
        {
            return Ok(*known);
        }
        let id = probe(self.read(file, observer)?.as_ref().as_ref());
        let mut guard = lock(&self.memory);
        guard.0.probes.entry(reader.to_owned()).or_default().insert(file.digest, id);
        guard.1 = true;
        Ok(id)
    }

    /// The bytes of a file, their digest checked.
    pub fn read(
        &self,
        file: &BoundFile,
        observer: &dyn Observer,
    ) -> Result<Arc<dyn AsRef<[u8]> + Send + Sync>> {
        let path = self.locate(file, observer)?;
        let bytes = fs::read(&path).map_err(EngineError::io("read", &path))?;
        let found = Digest::of_bytes(&bytes);
        if found != file.digest {
            return Err(EngineError::Source {
                dataset: file.name.clone(),
                what: format!(
                    "`{}` has blake3 {found}, not {}; it changed during the run or is damaged: \
                     run again",
                    path.display(),
                    file.digest
                ),
            });
        }
        Ok(Arc::new(bytes))
    }

    fn locate(&self, file: &BoundFile, observer: &dyn Observer) -> Result<PathBuf> {
        let (mirror_path, url) = match &file.origin {
            Origin::Path(path) => return Ok(path.clone()),
            Origin::Public { mirror_path, url } => (mirror_path, url),
        };
        if let Some(path) = self.in_mirror(file, mirror_path.as_deref(), observer)? {
            return Ok(path);
        }
        let kept = self.store.download_path(file.digest);
        if kept.is_file() {
            return Ok(kept);
        }
        let missing = |what: String| EngineError::Source { dataset: file.name.clone(), what };
        if let Some((path, found)) = self.altered(mirror_path.as_deref(), observer)
            && (self.offline || url.is_none())
        {
            return Err(missing(format!(
                "`{}` is there, but its blake3 is {found}, not {}; fetch the file again",
                path.display(),
                file.digest
            )));
        }
        match url {
            Some(_) if self.offline => Err(missing(
                "it is neither in a mirror nor in the store, and `--offline` forbids to fetch it; \
                 give its folder with `--mirror DIR`"
                    .into(),
            )),
            Some(url) => {
                let bytes = download(url, file.bytes, observer)
                    .map_err(|why| missing(format!("cannot fetch {url}: {why}")))?;
                let found = Digest::of_bytes(&bytes);
                if found != file.digest {
                    return Err(missing(format!(
                        "{url} serves other bytes: blake3 {found}, not {}",
                        file.digest
                    )));
                }
                self.store.commit(&kept, &bytes)?;
                Ok(kept)
            }
            None => Err(missing(
                "it has no public address; give the folder that holds it with `--mirror DIR` or \
                 MDWARF_MIRROR"
                    .into(),
            )),
        }
    }

    /// Looks by path first, then by digest in the mirror's list, then among files of that size.
    fn in_mirror(
        &self,
        file: &BoundFile,
        path: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<Option<PathBuf>> {
        let Some(mirror) = &self.mirror else { return Ok(None) };
        if let Some(path) = path.map(|p| mirror.join(p)).filter(|p| p.is_file())
            && self.digest(&path, observer)?.0 == file.digest
        {
            return Ok(Some(path));
        }
        let listing = self.listing(mirror, observer)?;
        let Some(found) = listing.get(&file.digest) else { return Ok(None) };
        Ok((found.is_file() && self.digest(found, observer)?.0 == file.digest)
            .then(|| found.clone()))
    }

    /// The file that lies in the mirror where the wanted one should.
    fn altered(&self, path: Option<&str>, observer: &dyn Observer) -> Option<(PathBuf, Digest)> {
        let path = self.mirror.as_ref()?.join(path?);
        let found = self.digest(&path, observer).ok()?.0;
        Some((path, found))
    }

    /// All files of the mirror by digest: from its `BLAKE3` list, else by hashing them once.
    fn listing(
        &self,
        mirror: &Path,
        observer: &dyn Observer,
    ) -> Result<Arc<BTreeMap<Digest, PathBuf>>> {
        let mut guard = lock(&self.listing);
        if let Some(listing) = &*guard {
            return Ok(listing.clone());
        }
        let mut found = BTreeMap::new();
        if let Ok(list) = fs::read_to_string(mirror.join("BLAKE3")) {
            for line in list.lines() {
                let mut fields = line.split_whitespace();
                if let (Some(digest), Some(_), Some(path)) =
                    (fields.next(), fields.next(), fields.next())
                    && let Ok(digest) = digest.parse()
                {
                    found.insert(digest, mirror.join(path));
                }
            }
        } else {
            for path in files_below(mirror)? {
                found.insert(self.digest(&path, observer)?.0, path);
            }
        }
        let listing = Arc::new(found);
        *guard = Some(listing.clone());
        Ok(listing)
    }
}

impl Seen {
    fn trusts(&self, now: &Seen) -> bool {
        let same = (self.size, self.mtime_ns, self.ctime_ns, self.inode)
            == (now.size, now.mtime_ns, now.ctime_ns, now.inode);
        same && self.mtime_ns.max(self.ctime_ns) + RACY_NS <= self.seen_ns
    }
}

/// The regular file at a path; anything else is refused by name, never opened.
pub fn regular_file(path: &Path) -> Result<Metadata> {
    let refuse = |why: &str| EngineError::Source {
        dataset: path.display().to_string(),
        what: why.to_owned(),
    };
    let link = fs::symlink_metadata(path);
    let metadata = match (fs::metadata(path), link) {
        (Ok(metadata), _) => metadata,
        (Err(_), Ok(link)) if link.is_symlink() => {
            return Err(refuse("it is a link that leads nowhere; mend the link or bind a file"));
        }
        (Err(why), _) => return Err(EngineError::io("read", path)(why)),
    };
    if metadata.is_dir() {
        return Err(refuse("it is a folder where a file is expected; bind it as a tree of files"));
    }
    if !metadata.is_file() {
        return Err(refuse("it is not a regular file (a FIFO, socket or device?); bind a file"));
    }
    Ok(metadata)
}

/// All regular files below a folder, in order of path; links to folders are not followed.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(EngineError::io("list", &folder))?;
        for entry in entries {
            let entry = entry.map_err(EngineError::io("list", &folder))?;
            let kind = entry.file_type().map_err(EngineError::io("read", &entry.path()))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn stamp(metadata: &Metadata) -> Seen {
    let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
    Seen {
        digest: Digest::of_bytes(b""),
        size: metadata.len(),
        mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
        ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
        seen_ns: 0,
    }
}

fn now_ns() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i128)
}

fn hash_file(path: &Path, bytes: u64, observer: &dyn Observer) -> Result<Digest> {
    observer.event(&Event::Hashing { name: &path.to_string_lossy(), bytes });
    let mut hasher = blake3::Hasher::new();
    if bytes > 1 << 20 {
        hasher.update_mmap(path).map_err(EngineError::io("read", path))?;
    } else {
        let file = File::open(path).map_err(EngineError::io("open", path))?;
        hasher.update_reader(file).map_err(EngineError::io("read", path))?;
    }
    observer.event(&Event::Hashed { bytes });
    Ok(Digest::finish(&hasher))
}

/// A poisoned lock guards only a memory of digests, whose entries are each whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
