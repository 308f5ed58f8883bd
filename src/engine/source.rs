//! Sources: which bytes fill a dataset slot, known by digest, found in a mirror, in the store, at
//! a path or at an URL.
//!
//! A file whose digest the profile declares needs no look at all while what was made of it is
//! fresh. A file at a path is hashed once and then trusted while size, mtime, ctime and inode
//! stay; a file changed within two seconds of its hashing is hashed again, because its time stamp
//! could not show another edit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::download::{Patience, Wanted, download};
use super::error::{EngineError, Result};
use super::events::Observer;
use super::source_files::{Seen, Stamp, hash_file, now_ns};
pub use super::source_files::{files_below, regular_file};
use super::store::Store;

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

#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    files: BTreeMap<String, Seen>,
    probes: BTreeMap<String, BTreeMap<Digest, Option<i64>>>,
}

/// Where the memory lies in the store.
const MEMORY: &str = "stat.json";

/// Finds, hashes and reads source files; remembers what it hashed.
pub struct Sources {
    store: Store,
    mirror: Option<PathBuf>,
    offline: bool,
    memory: Mutex<(Memory, bool)>,
    listing: Mutex<Option<Arc<BTreeMap<Digest, PathBuf>>>>,
    /// A time before anything was hashed.
    opened_ns: OnceLock<i128>,
}

impl Sources {
    /// Opens the memory of hashed files that the store keeps.
    pub fn open(store: &Store, mirror: Option<PathBuf>, offline: bool) -> Self {
        // A damaged memory is none: everything is hashed again.
        let memory = store
            .read_sealed(&store.root().join(MEMORY))
            .and_then(|body| serde_json::from_slice(&body).ok())
            .unwrap_or_default();
        Sources {
            store: store.clone(),
            mirror,
            offline,
            memory: Mutex::new((memory, false)),
            listing: Mutex::new(None),
            opened_ns: OnceLock::new(),
        }
    }

    /// Whether files may be found in a mirror.
    pub fn has_mirror(&self) -> bool {
        self.mirror.is_some()
    }

    /// Keeps what was hashed for the next run.
    pub fn remember(&self) -> Result<()> {
        let mut guard = lock(&self.memory);
        let (memory, changed) = &mut *guard;
        if *changed {
            let body = serde_json::to_vec(memory).map_err(EngineError::table(MEMORY))?;
            self.store.commit_sealed(&self.store.root().join(MEMORY), &body)?;
            *changed = false;
        }
        Ok(())
    }

    /// The digest of the file at a path, from memory where its metadata vouch for it.
    pub fn digest(&self, path: &Path, observer: &dyn Observer) -> Result<(Digest, u64)> {
        let name = path.to_string_lossy().into_owned();
        let now = Stamp::of(&regular_file(path)?);
        if let Some(seen) = lock(&self.memory).0.files.get(&name)
            && seen.trusts(now)
        {
            return Ok((seen.digest, seen.stamp.size));
        }
        let seen_ns = *self.opened_ns.get_or_init(|| now_ns(&self.store));
        let seen = hash_file(self.store.files(), path, seen_ns, observer)?;
        let (digest, size) = (seen.digest, seen.stamp.size);
        let mut guard = lock(&self.memory);
        guard.0.files.insert(name, seen);
        guard.1 = true;
        Ok((digest, size))
    }

    /// Forgets what was seen of a file that turned out to be other than its stamp says.
    fn forget(&self, path: &Path) {
        let mut guard = lock(&self.memory);
        let forgotten = guard.0.files.remove(path.to_string_lossy().as_ref());
        guard.1 |= forgotten.is_some();
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
        let mut path = self.locate(file, observer)?;
        let mut bytes = self.bytes_of(file, &path)?;
        if bytes.is_err() && path == self.store.download_path(file.digest) {
            // What was fetched was checked then; it has been damaged since, and can be had again.
            self.store.quarantine(&path);
            path = self.locate(file, observer)?;
            bytes = self.bytes_of(file, &path)?;
        }
        match bytes {
            Ok(bytes) => Ok(Arc::new(bytes)),
            Err(found) => {
                self.forget(&path);
                Err(EngineError::Source {
                    dataset: file.name.clone(),
                    what: format!(
                        "`{}` has blake3 {found}, not {}; it changed during the run or is \
                         damaged; hint: run again",
                        path.display(),
                        file.digest
                    ),
                })
            }
        }
    }

    /// The bytes at a path if they are the wanted ones, else the digest that they have.
    fn bytes_of(&self, file: &BoundFile, path: &Path) -> Result<Result<Vec<u8>, Digest>> {
        regular_file(path)?;
        let bytes = self.store.files().read(path).map_err(EngineError::io("read", path))?;
        let found = Digest::of_bytes(&bytes);
        Ok(if found == file.digest { Ok(bytes) } else { Err(found) })
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
                let wanted = Wanted { url, digest: file.digest, bytes: file.bytes };
                download(&self.store, &wanted, &Patience::default(), observer).map_err(missing)
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
        if let Ok(list) = self.store.files().read_text(&mirror.join("BLAKE3")) {
            for line in list.lines() {
                // The path is all that follows the size: it may have spaces in it.
                if let Some((digest, rest)) = line.split_once(char::is_whitespace)
                    && let Some((_, path)) = rest.trim_start().split_once(char::is_whitespace)
                    && let (Ok(digest), path) = (digest.parse(), path.trim())
                {
                    found.insert(digest, mirror.join(path));
                }
            }
        } else {
            for path in files_below(mirror)? {
                // What cannot be read is not what is looked for.
                if let Ok((digest, _)) = self.digest(&path, observer) {
                    found.insert(digest, path);
                }
            }
        }
        let listing = Arc::new(found);
        *guard = Some(listing.clone());
        Ok(listing)
    }
}

/// A poisoned lock guards only a memory of digests, whose entries are each whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
