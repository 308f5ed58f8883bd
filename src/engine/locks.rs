//! Locks: who works on a key, and who uses the store while it is swept.
//!
//! They are the system's advisory locks on small files in `locks/`: the lock of a dead process is
//! free by itself, whatever file it left. A lock only saves work that two runs would both do: the
//! commit protocol alone keeps results right, so a file system without locks costs a warning.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::digest::Digest;
use super::error::{EngineError, Result};

/// The file whose lock runs share, and which a sweep holds alone.
const GATE: &str = "gate";
/// How often a lock held elsewhere is tried again.
pub const TRY_AGAIN: Duration = Duration::from_millis(20);

/// The locks of a store, as one process uses them.
pub struct Locks {
    folder: PathBuf,
    ours: Mutex<BTreeSet<Digest>>,
    without: OnceLock<String>,
}

/// The answer to a claim on a key.
pub enum Claim<'a> {
    /// Nobody else works on it while this lives.
    Ours(KeyLock<'a>),
    /// Somebody does.
    Busy(Holder),
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// Another job of this run: two nodes may be the same work.
    Ourselves,
    /// Another process, if it has written its number yet.
    Process(Option<u32>),
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Holder::Ourselves => f.write_str("this run"),
            Holder::Process(Some(id)) => write!(f, "the run of process {id}"),
            Holder::Process(None) => f.write_str("another run"),
        }
    }
}

/// The right to work on a key; given back when dropped.
pub struct KeyLock<'a> {
    locks: &'a Locks,
    key: Digest,
    path: PathBuf,
    /// `None` where the file system has no locks.
    file: Option<File>,
}

/// The right to rely on what is in the store; given back when dropped.
pub struct Gate {
    _file: Option<File>,
}

impl Locks {
    /// The locks of the store at `root`. Where `locking` is off nothing is ever locked.
    pub fn new(root: &Path, locking: bool) -> Self {
        let locks =
            Locks { folder: root.join("locks"), ours: Mutex::default(), without: OnceLock::new() };
        if !locking {
            let _ = locks.without.set("locking is off".into());
        }
        locks
    }

    /// Why nothing is locked, once that is known.
    pub fn without(&self) -> Option<&str> {
        self.without.get().map(String::as_str)
    }

    /// Claims a key. A claim never waits and never fails: without locks it is granted.
    pub fn claim(&self, key: Digest) -> Claim<'_> {
        if !self.ours().insert(key) {
            return Claim::Busy(Holder::Ourselves);
        }
        let path = self.folder.join(key.to_string());
        match self.lock_key(&path) {
            Ok(file) => Claim::Ours(KeyLock { locks: self, key, path, file }),
            Err(holder) => {
                self.ours().remove(&key);
                Claim::Busy(holder)
            }
        }
    }

    fn lock_key(&self, path: &Path) -> std::result::Result<Option<File>, Holder> {
        while self.without.get().is_none() {
            let file = match self.open(path) {
                Ok(file) => file,
                Err(why) => return Ok(self.give_up(&why)),
            };
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => {
                    write_holder(&file);
                    return Ok(Some(file));
                }
                // Its last holder removed it between our opening and our locking it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(holder(path)),
                Err(TryLockError::Error(why)) => return Ok(self.give_up(&why)),
            }
        }
        Ok(None)
    }

    fn open(&self, path: &Path) -> std::io::Result<File> {
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(path);
        match open() {
            Err(why) if why.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(&self.folder)?;
                open()
            }
            other => other,
        }
    }

    fn give_up(&self, why: &std::io::Error) -> Option<File> {
        let _ = self.without.set(why.to_string());
        None
    }

    fn ours(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        self.ours.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a sweep out while the gate lives; waits for one that is under way.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if there is one and `wait` is off.
    pub fn share(&self, wait: bool) -> Result<Gate> {
        let Some(file) = self.gate_file() else { return Ok(Gate { _file: None }) };
        let locked = if wait {
            file.lock_shared().map_err(TryLockError::Error)
        } else {
            file.try_lock_shared()
        };
        match locked {
            Ok(()) => Ok(Gate { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(EngineError::Locked {
                what: "the store".into(),
                by: "a `gc` of another process".into(),
            }),
            Err(TryLockError::Error(why)) => Ok(Gate { _file: self.give_up(&why) }),
        }
    }

    /// A read-only store has its gate shared too, if the file is there.
    fn gate_file(&self) -> Option<File> {
        if self.without.get().is_some() {
            return None;
        }
        let path = self.folder.join(GATE);
        File::open(&path).or_else(|_| self.open(&path)).ok()
    }

    /// Waits until nobody relies on the store, then keeps everybody out while the gate lives.
    ///
    /// # Errors
    /// [`EngineError::Locked`] if that does not happen in time; the system's error where there
    /// are no locks.
    pub fn alone(&self, patience: Duration) -> Result<Gate> {
        let path = self.folder.join(GATE);
        let file = self.open(&path).map_err(EngineError::io("open", &path))?;
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Gate { _file: Some(file) }),
                Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(TryLockError::WouldBlock) => {
                    let by = "runs or other uses of it".into();
                    return Err(EngineError::Locked { what: "the store".into(), by });
                }
                Err(TryLockError::Error(why)) => return Err(EngineError::io("lock", &path)(why)),
            }
        }
    }

    /// Removes the files of locks that nobody holds; tells how many.
    pub fn sweep(&self) -> Result<usize> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Ok(0) };
        let mut removed = 0;
        for entry in entries.filter_map(std::result::Result::ok) {
            let path = entry.path();
            if entry.file_name() == GATE {
                continue;
            }
            let Ok(file) = File::open(&path) else { continue };
            // Removing the file of a lock that we hold is what its holder would do.
            if file.try_lock().is_ok() && is_at(&file, &path) && fs::remove_file(&path).is_ok() {
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Drop for KeyLock<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // First the name, then the lock: who waits for it makes a new file.
            let _ = fs::remove_file(&self.path);
            drop(file);
        }
        self.locks.ours().remove(&self.key);
    }
}

/// Whether a path still leads to an open file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// For messages only, so that a failure decides nothing.
fn write_holder(mut file: &File) {
    let _ = file.write_all(std::process::id().to_string().as_bytes());
}

fn holder(path: &Path) -> Holder {
    let mut text = String::new();
    let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    Holder::Process(read.ok().and_then(|_| text.trim().parse().ok()))
}

/// What a run in progress relies on: its keys, in a file of its own that it holds locked. The
/// file of a run that did not end well stays, so that its finished work is kept for a while.
pub struct Active {
    path: PathBuf,
    noted: Mutex<(File, BTreeSet<Digest>)>,
}

impl Active {
    /// Says that a run begins to write; `keys` are those it relies on already.
    pub fn begin(root: &Path, keys: impl IntoIterator<Item = Digest>) -> Result<Self> {
        let folder = active_folder(root);
        fs::create_dir_all(&folder).map_err(EngineError::io("create the folder", &folder))?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let name = format!("{}-{}", std::process::id(), now.map_or(0, |d| d.as_nanos()));
        let path = folder.join(name);
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(EngineError::io("create", &path))?;
        // Without locks there is no sweep either.
        let _ = file.try_lock();
        let active = Active { path, noted: Mutex::new((file, BTreeSet::new())) };
        active.note(keys)?;
        Ok(active)
    }

    /// Says that the run relies on these keys too.
    pub fn note(&self, keys: impl IntoIterator<Item = Digest>) -> Result<()> {
        let mut guard = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, noted) = &mut *guard;
        let new: Vec<Digest> = keys.into_iter().filter(|key| !noted.contains(key)).collect();
        let lines: String = new.iter().map(|key| format!("{key}\n")).collect();
        file.write_all(lines.as_bytes()).map_err(EngineError::io("write", &self.path))?;
        noted.extend(new);
        Ok(())
    }

    /// The run ended well and is in the ledger.
    pub fn end(self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for Active {
    /// What this run relies on no dead one has to keep: without this, a run that fails again and
    /// again would fill the disk with such files.
    fn drop(&mut self) {
        let (_, noted) = self.noted.get_mut().unwrap_or_else(PoisonError::into_inner);
        if noted.is_empty() {
            let _ = fs::remove_file(&self.path);
        }
        // A file without keys may be that of a run which begins right now.
        let kept_here = |run: &ActiveKeys| {
            !run.alive && !run.keys.is_empty() && run.keys.iter().all(|key| noted.contains(key))
        };
        let Some(root) = self.path.parent().and_then(Path::parent) else { return };
        for run in active_runs(root).iter().filter(|run| run.path != self.path && kept_here(run)) {
            let _ = fs::remove_file(&run.path);
        }
    }
}

/// Where runs in progress say what they rely on.
pub fn active_folder(root: &Path) -> PathBuf {
    root.join("active")
}

/// What a run that is in progress, or that did not end well, relies on.
pub struct ActiveKeys {
    /// Its file.
    pub path: PathBuf,
    /// Whether its process lives.
    pub alive: bool,
    /// The keys.
    pub keys: Vec<Digest>,
}

/// The files of all runs that are in progress or did not end well.
pub fn active_runs(root: &Path) -> Vec<ActiveKeys> {
    let Ok(entries) = fs::read_dir(active_folder(root)) else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let file = File::open(&path).ok()?;
            let alive = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
            let text = fs::read_to_string(&path).ok()?;
            Some(ActiveKeys { path, alive, keys: text.lines().flat_map(str::parse).collect() })
        })
        .collect()
}

#[cfg(test)]
#[path = "locks_tests.rs"]
mod tests;
