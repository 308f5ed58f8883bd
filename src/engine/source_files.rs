//! Files of the user's: told apart from what only looks like one, listed, stamped, hashed.

use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::error::{EngineError, Result};
use super::events::{Event, Observer};
use super::files::Files;
use super::store::Store;

/// The coarsest time stamps of file systems in use (FAT's) are two seconds apart.
const RACY_NS: i128 = 2_000_000_000;

/// What is known of a file that was hashed before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) digest: Digest,
    pub(super) stamp: Stamp,
    seen_ns: i128,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) size: u64,
    mtime_ns: i128,
    ctime_ns: i128,
    inode: u64,
}

impl Seen {
    /// Whether the digest can be believed of a file with this stamp.
    pub(super) fn trusts(&self, now: Stamp) -> bool {
        let settled = self.stamp.mtime_ns.max(self.stamp.ctime_ns) + RACY_NS <= self.seen_ns;
        self.stamp == now && settled
    }
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Stamp {
            size: metadata.len(),
            mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }
}

/// The regular file at a path; anything else is refused by name, never opened.
pub fn regular_file(path: &Path) -> Result<Metadata> {
    let refuse = |why: &str| EngineError::Source {
        dataset: path.display().to_string(),
        what: why.to_owned(),
    };
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(_) if fs::symlink_metadata(path).is_ok_and(|link| link.is_symlink()) => {
            return Err(refuse(
                "it is a link that leads nowhere, or in a circle; mend the link or bind a file",
            ));
        }
        Err(why) => return Err(EngineError::io("read", path)(why)),
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

/// The time now by the clock of this machine or by that of the file system, whichever is behind:
/// a clock that runs ahead would make a file that was just written look settled.
pub(super) fn now_ns(store: &Store) -> i128 {
    let here = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i128);
    let there = store.files().create_temp(&store.staging()).and_then(|temp| temp.metadata());
    there.map_or(here, |metadata| here.min(Stamp::of(&metadata).mtime_ns))
}

/// Hashes a file that stays as it is meanwhile; `seen_ns` is a time before that.
///
/// # Errors
/// It cannot be read, or it changed.
pub(super) fn hash_file(
    files: &Files,
    path: &Path,
    seen_ns: i128,
    observer: &dyn Observer,
) -> Result<Seen> {
    let before = Stamp::of(&regular_file(path)?);
    observer.event(&Event::Hashing { name: &path.to_string_lossy(), bytes: before.size });
    let mut file = files.open(path).map_err(EngineError::io("open", path))?;
    let opened = file.metadata().map_err(EngineError::io("read", path))?;
    // Pieces are read, not mapped: a mapped file that is cut short kills its readers.
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => {
                hasher.update(&piece[..n]);
                size += n as u64;
            }
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            Err(why) => return Err(EngineError::io("read", path)(why)),
        }
    }
    observer.event(&Event::Hashed { bytes: before.size });
    let after = Stamp::of(&regular_file(path)?);
    if Stamp::of(&opened) != before || after != before || size != before.size {
        return Err(EngineError::Source {
            dataset: path.display().to_string(),
            what: "it changed while it was read; hint: run again when it is complete".into(),
        });
    }
    Ok(Seen { digest: Digest::finish(&hasher), stamp: before, seen_ns })
}

#[cfg(test)]
#[path = "source_files_tests.rs"]
mod tests;
