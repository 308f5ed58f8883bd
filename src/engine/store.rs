//! The store: `cache/v1/{objects,records,runs,gathers,downloads}` and the commit protocol.
//!
//! Everything is written to a temporary file in the store, synced, renamed and its folder synced;
//! the record of a result comes last. What a digest names is checked whenever it is read: the bytes of an object, or the
//! content of a column.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::ArrayRef;
use bytes::Bytes;

use super::digest::{Digest, column_digest};
use super::error::{EngineError, Result};
use super::files::{Files, Temp};
use super::gathers::Gathers;
use super::object_range::ObjectRange;
use super::recent::Recent;
use super::record::{FORMAT, Record};
use super::table_file::read_parquet;
pub use super::table_file::{parquet_bytes, table};

const CACHEDIR_TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
    # This folder is a cache of mdwarf: it can be deleted and will be made again.\n";

/// A store on disk.
///
/// Clones share a small memory of objects just read, of which a job reads several columns, and of whole columns, from
/// which each shard takes its rows.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    files: Files,
    objects: Arc<Recent<Bytes>>,
    columns: Arc<Recent<ArrayRef>>,
    gathers: Arc<Mutex<HashMap<Digest, Gathers>>>,
}

/// How many bytes of objects just read are kept at hand ...
const OBJECT_BYTES: usize = 128 << 20;
/// ... and of whole columns: a column of 64-bit numbers of a million stars takes 8 MB.
const COLUMN_BYTES: usize = 192 << 20;

/// How much a store keeps at hand.
pub(super) const RECENT_BYTES: usize = OBJECT_BYTES + COLUMN_BYTES;

/// Objects of so many bytes are not read whole for the sake of a column.
const LARGE_BYTES: u64 = 1 << 20;

/// Whether a written file must outlive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasting {
    /// It is synced before it gets its name, and its folder after.
    Yes,
    /// It can be made again at once.
    No,
}

impl Store {
    /// Opens the store in `cache`, making its folders where they are missing.
    pub fn open(cache: &Path) -> Result<Self> {
        Self::with_files(cache, Files::disk())
    }

    /// Opens the store in `cache` on a given file layer.
    #[doc(hidden)]
    pub fn with_files(cache: &Path, files: Files) -> Result<Self> {
        let root = cache.join("v1");
        let objects = Arc::new(Recent::new(OBJECT_BYTES));
        let columns = Arc::new(Recent::new(COLUMN_BYTES));
        let store = Store { root, files, objects, columns, gathers: Arc::default() };
        let tag = store.root.join("CACHEDIR.TAG");
        if store.files.metadata(&tag).is_err() {
            for folder in ["objects", "records", "runs", "gathers", "downloads", "tmp"] {
                store.create_folder(&store.root.join(folder))?;
            }
            store.commit(&tag, CACHEDIR_TAG.as_bytes())?;
        }
        Ok(store)
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file layer that the store works on.
    pub fn files(&self) -> &Files {
        &self.files
    }

    fn create_folder(&self, folder: &Path) -> Result<()> {
        self.files.create_folder(folder).map_err(EngineError::io("create the folder", folder))
    }

    /// Where files grow before they get their lasting names.
    pub fn staging(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn sharded(&self, folder: &str, digest: Digest, suffix: &str) -> PathBuf {
        let name = digest.to_string();
        self.root.join(folder).join(&name[..2]).join(format!("{}{suffix}", &name[2..]))
    }

    /// Where an object lies.
    pub fn object_path(&self, digest: Digest) -> PathBuf {
        self.sharded("objects", digest, ".parquet")
    }

    /// Where the record of a key lies.
    pub fn record_path(&self, key: Digest) -> PathBuf {
        self.sharded("records", key, ".json")
    }

    /// Where the remembered digests of a record's carried columns lie.
    pub fn gathered_path(&self, key: Digest) -> PathBuf {
        self.sharded("gathers", key, ".all")
    }

    /// Where a downloaded source file lies.
    pub fn download_path(&self, digest: Digest) -> PathBuf {
        self.sharded("downloads", digest, "")
    }

    /// Writes a file so that it is either there whole or not at all, even after a power cut.
    pub fn commit(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.write(path, bytes, Lasting::Yes)
    }

    /// Writes a file of no consequence (it can be made again at once): whole, but not synced.
    /// What is read of it after a power cut may be anything: seal it.
    pub fn commit_unsynced(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        self.write(path, bytes, Lasting::No)
    }

    /// [`Store::commit_unsynced`] with a seal, for [`Store::read_sealed`].
    pub fn commit_sealed(&self, path: &Path, body: &[u8]) -> Result<()> {
        self.write(path, &seal(body), Lasting::No)
    }

    /// The body of a sealed file, if it is there and sound.
    pub fn read_sealed(&self, path: &Path) -> Option<Vec<u8>> {
        let mut bytes = self.files.read(path).ok()?;
        bytes.truncate(sealed(&bytes)?.len());
        Some(bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8], lasting: Lasting) -> Result<()> {
        let staging = self.staging();
        let temp = self.temp_in(&staging)?;
        let temp = self.filled(temp, path, bytes, lasting)?;
        self.place(temp, path)?;
        match (lasting, path.parent()) {
            (Lasting::Yes, Some(folder)) => {
                self.files.sync_folder(folder).map_err(EngineError::io("sync", folder))
            }
            _ => Ok(()),
        }
    }

    fn temp_in(&self, folder: &Path) -> Result<Temp> {
        let temp = match self.files.create_temp(folder) {
            Err(why) if why.kind() == io::ErrorKind::NotFound => {
                self.create_folder(folder)?;
                self.files.create_temp(folder)
            }
            other => other,
        };
        temp.map_err(EngineError::io("create a file in", folder))
    }

    fn filled(&self, mut temp: Temp, path: &Path, bytes: &[u8], lasting: Lasting) -> Result<Temp> {
        temp.write_all(bytes).map_err(EngineError::io("write", path))?;
        if lasting == Lasting::Yes {
            temp.sync().map_err(EngineError::io("sync", path))?;
        }
        Ok(temp)
    }

    /// Gives a file its name; the folder is made if it turns out to be missing.
    fn place(&self, temp: Temp, path: &Path) -> Result<()> {
        let placed = temp.place(path).or_else(|not| match (not.why.kind(), path.parent()) {
            (io::ErrorKind::NotFound, Some(folder)) => {
                self.files.create_folder(folder)?;
                not.temp.place(path).map_err(|not| not.why)
            }
            _ => Err(not.why),
        });
        placed.map_err(EngineError::io("move into place", path))
    }

    /// Writes a copy for people outside the store: whole and lasting, so that what the store
    /// remembers of it stays true. Gives what the system knows of it now.
    pub fn publish(&self, path: &Path, bytes: &[u8]) -> Result<Metadata> {
        let folder = path.parent().unwrap_or(&self.root);
        self.create_folder(folder)?;
        let temp = self.temp_in(&self.staging())?;
        let temp = self.filled(temp, path, bytes, Lasting::Yes)?;
        let mut metadata = temp.metadata().map_err(EngineError::io("read", path))?;
        match temp.place(path) {
            Err(not) if not.why.kind() == io::ErrorKind::CrossesDevices => {
                let temp = self.filled(self.temp_in(folder)?, path, bytes, Lasting::Yes)?;
                metadata = temp.metadata().map_err(EngineError::io("read", path))?;
                self.place(temp, path)?;
            }
            placed => placed.map_err(|not| EngineError::io("move into place", path)(not.why))?,
        }
        self.files.sync_folder(folder).map_err(EngineError::io("sync", folder))?;
        Ok(metadata)
    }

    /// Stores bytes as an object named by their digest.
    pub fn put_object(&self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of_bytes(bytes);
        let path = self.object_path(digest);
        // A damaged object of the right size must not outlive its making again.
        if !self.files.read(&path).is_ok_and(|there| there == bytes) {
            self.commit(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Reads columns of the Parquet file that lies `at` (first byte, length) in an object. The
    /// bytes of the object are checked; a damaged one is set aside.
    pub fn read_columns(
        &self,
        object: Digest,
        at: [u64; 2],
        columns: &[&str],
    ) -> Result<Vec<ArrayRef>> {
        let path = self.object_path(object);
        let bytes = match self.objects.get(object) {
            Some(bytes) => bytes,
            None => self.read_object(object, &path)?,
        };
        let [start, length] = at;
        let range = start as usize..(start.saturating_add(length)) as usize;
        if range.end > bytes.len() || range.start > range.end {
            return Err(EngineError::corrupt(&path, "a part lies beyond its end"));
        }
        read_parquet(bytes.slice(range), columns)
            .map_err(|why| EngineError::corrupt(&path, why.to_string()))
    }

    /// Reads a column of which the content's digest is known. Of a large object only the column is read, and checked by
    /// that digest; whatever is wrong there is told by [`Self::read_columns`], which checks all bytes.
    pub fn read_column(
        &self,
        object: Digest,
        at: [u64; 2],
        column: &str,
        content: Digest,
    ) -> Result<ArrayRef> {
        let path = self.object_path(object);
        let is_large = || self.files.metadata(&path).is_ok_and(|m| m.len() >= LARGE_BYTES);
        if self.objects.get(object).is_none() && is_large() {
            let file = self.files.open(&path).ok();
            let range = file.map(|file| ObjectRange::new(file, at));
            let read = range.and_then(|range| read_parquet(range, &[column]).ok()?.pop());
            if let Some(array) = read.filter(|array| column_digest(array) == Some(content)) {
                return Ok(array);
            }
        }
        let mut columns = self.read_columns(object, at, &[column])?;
        columns.pop().ok_or_else(|| EngineError::corrupt(&path, "a column is missing"))
    }

    /// A whole column of known content: from memory, or by `read`.
    pub fn whole_column(
        &self,
        content: Digest,
        read: impl FnOnce() -> Result<ArrayRef>,
    ) -> Result<ArrayRef> {
        if let Some(column) = self.columns.get(content) {
            return Ok(column);
        }
        let column = read()?;
        self.columns.keep(content, column.clone(), column.get_array_memory_size());
        Ok(column)
    }

    fn read_object(&self, object: Digest, path: &Path) -> Result<Bytes> {
        let bytes = match self.files.read(path) {
            Ok(bytes) => Bytes::from(bytes),
            Err(why) if is_unreadable(&why) => {
                self.quarantine(path);
                return Err(EngineError::corrupt(path, why.to_string()));
            }
            Err(why) => return Err(EngineError::io("read the object", path)(why)),
        };
        let found = Digest::of_bytes(&bytes);
        if found != object {
            self.quarantine(path);
            return Err(EngineError::wrong_digest(path, object, found));
        }
        self.objects.keep(object, bytes.clone(), bytes.len());
        Ok(bytes)
    }

    /// Moves a damaged file out of the way, so that the next plan sees it missing and rebuilds;
    /// tells whether that was done.
    pub fn quarantine(&self, path: &Path) -> bool {
        let folder = self.root.join("quarantine");
        let name = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_owned();
        let mut kept = name(path.parent().and_then(Path::file_name));
        kept.push(name(path.file_name()));
        let moved = self.files.create_folder(&folder).is_ok()
            && self.files.rename(path, &folder.join(kept)).is_ok();
        // On a full disk there may be no room for a folder; what is damaged is of no use anyway.
        moved || self.files.remove(path).is_ok()
    }

    /// Whether an object of that size is there (its content is checked when it is read).
    pub fn has_object(&self, object: Digest, bytes: u64) -> bool {
        let found = self.files.metadata(&self.object_path(object));
        found.is_ok_and(|m| m.is_file() && m.len() == bytes)
    }

    /// The record of a key, if it is there, of this format, and speaks of this key.
    pub fn record(&self, key: Digest) -> Result<Option<Record>> {
        let path = self.record_path(key);
        let bytes = match self.files.read(&path) {
            Ok(bytes) => bytes,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) if is_unreadable(&why) => Vec::new(),
            Err(why) => return Err(EngineError::io("read the record", &path)(why)),
        };
        let sound = parse_record(&bytes).filter(|record| record.name == key);
        if sound.is_none() {
            self.quarantine(&path);
        }
        Ok(sound)
    }

    /// Writes the record of a node: the last step of a commit.
    pub fn put_record(&self, record: &Record) -> Result<Digest> {
        let key = record.name;
        self.commit(&self.record_path(key), &sealed_json(record)?)?;
        Ok(key)
    }

    /// Writes the record of a shard. It is not synced: one that a power cut tears or loses costs
    /// the shard's work, never a wrong result, because its seal and its objects are checked.
    pub fn put_shard_record(&self, record: &Record) -> Result<Digest> {
        let key = record.name;
        self.commit_unsynced(&self.record_path(key), &sealed_json(record)?)?;
        Ok(key)
    }

    /// The remembered digest of a gathered column of one part.
    pub fn part_memo(&self, name: Digest) -> Option<Digest> {
        let body = self.read_sealed(&self.sharded("gathers", name, ""))?;
        std::str::from_utf8(&body).ok()?.parse().ok()
    }

    /// Remembers the digest of a gathered column of one part.
    pub fn put_part_memo(&self, name: Digest, digest: Digest) -> Result<()> {
        self.commit_sealed(&self.sharded("gathers", name, ""), digest.to_string().as_bytes())
    }

    /// The remembered digests of a carried column of a record's output, if they are of what it is
    /// gathered from now (`signature`).
    pub fn gathered(
        &self,
        record: Digest,
        output: usize,
        column: &str,
        signature: Digest,
    ) -> Option<Vec<Digest>> {
        self.with_gathers(record, |gathers| gathers.get(output, column, signature))
    }

    /// Remembers them; [`Store::save_gathered`] keeps them for the next run.
    pub fn remember_gathered(
        &self,
        record: Digest,
        output: usize,
        column: &str,
        signature: Digest,
        digests: &[Digest],
    ) {
        self.with_gathers(record, |gathers| gathers.put(output, column, signature, digests));
    }

    /// Writes what was remembered since: one small file a record.
    pub fn save_gathered(&self) -> Result<()> {
        let mut all = self.gathers.lock().unwrap_or_else(PoisonError::into_inner);
        for (record, gathers) in all.iter_mut() {
            if let Some(bytes) = gathers.unsaved() {
                self.commit_sealed(&self.gathered_path(*record), &bytes)?;
            }
        }
        Ok(())
    }

    fn with_gathers<T>(&self, record: Digest, ask: impl FnOnce(&mut Gathers) -> T) -> T {
        let mut all = self.gathers.lock().unwrap_or_else(PoisonError::into_inner);
        let gathers = all.entry(record).or_insert_with(|| {
            let body = self.read_sealed(&self.gathered_path(record));
            body.and_then(|body| Gathers::read(&body)).unwrap_or_default()
        });
        ask(gathers)
    }
}

/// Small files end in a line with the digest of what stands before it: a flipped bit is seen.
pub fn seal(body: &[u8]) -> Vec<u8> {
    let mut bytes = body.to_vec();
    bytes.extend_from_slice(format!("\n#{}\n", Digest::of_bytes(body)).as_bytes());
    bytes
}

/// The body before a seal; `None` if the seal is broken or is none.
pub fn sealed(bytes: &[u8]) -> Option<&[u8]> {
    const SEAL: usize = 67;
    let at = bytes.len().checked_sub(SEAL)?;
    let (body, seal) = bytes.split_at(at);
    let digest = seal.strip_prefix(b"\n#")?.strip_suffix(b"\n")?;
    // As text: one body has one seal.
    (digest == Digest::of_bytes(body).to_string().as_bytes()).then_some(body)
}

fn sealed_json(record: &Record) -> Result<Vec<u8>> {
    let body = serde_json::to_vec(record).map_err(EngineError::table("record"))?;
    Ok(seal(&body))
}

/// A record from the bytes of its file, if they are whole and of this format.
pub fn parse_record(bytes: &[u8]) -> Option<Record> {
    let record = serde_json::from_slice::<Record>(sealed(bytes)?).ok()?;
    (record.format == FORMAT && record.adds_up()).then_some(record)
}

/// Whether the disk itself cannot give the bytes back: then they are as good as damaged.
fn is_unreadable(why: &io::Error) -> bool {
    const EIO: i32 = 5;
    why.raw_os_error() == Some(EIO)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
