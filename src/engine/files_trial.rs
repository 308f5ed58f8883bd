//! Faults for the file layer: for tests only.
//!
//! A trial counts operations and lets the `at`-th fail, tear or crash. It remembers what no sync
//! has made to last, so that a power cut after a crash can take it away again.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::files::Operation;

/// What happens at the chosen operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails with this error number of the system; later ones succeed.
    Fail(i32),
    /// It and all later ones of its kinds fail.
    FailFrom(i32),
    /// Of a write half the bytes arrive, then it fails; later ones succeed.
    Tear(i32),
    /// Nothing is done from here on.
    Crash,
    /// Of a write half the bytes arrive; nothing is done after that.
    TornCrash,
}

/// What a power cut does with that which no sync has made to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    /// All of it lasts: only the program died.
    Stays,
    /// None of it lasts.
    Dropped,
    /// Names last, bytes do not: the files are empty.
    Emptied,
    /// Names and lengths last, bytes do not: the files are full of zeros.
    Zeroed,
    /// Names last, and the first half of the bytes.
    Halved,
    /// All lasts but the bytes of one file, the so-manieth: those are zeros.
    ZeroedOne(usize),
    /// The names given first last, later ones do not, and each file's bytes fare in their own way:
    /// chosen by this seed.
    Mixed(u64),
}

/// What becomes of an operation.
pub(super) enum Step {
    Go,
    Fail(io::Error),
    Tear(io::Error),
}

impl Step {
    pub(super) fn whole(self) -> io::Result<()> {
        match self {
            Step::Go => Ok(()),
            Step::Fail(why) | Step::Tear(why) => Err(why),
        }
    }
}

/// Counts operations and breaks one of them.
#[derive(Debug)]
pub struct Trial {
    fault: Option<(Fault, u64)>,
    counts: fn(Operation) -> bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    crashed: bool,
    hit: Option<(Operation, PathBuf)>,
    /// Files with bytes that are not synced.
    dirty: BTreeSet<PathBuf>,
    /// Changes of names that are not synced, oldest first.
    names: Vec<Name>,
}

#[derive(Debug)]
enum Name {
    Created(PathBuf),
    Folder(PathBuf),
    Renamed { from: PathBuf, to: PathBuf, old: Option<Vec<u8>>, old_was_dirty: bool },
    Removed { path: PathBuf, old: Vec<u8> },
}

impl Trial {
    /// Breaks the `at`-th (from 1) of the operations that `counts` accepts.
    pub fn new(fault: Fault, at: u64, counts: fn(Operation) -> bool) -> Self {
        Trial { fault: Some((fault, at)), counts, state: Mutex::default() }
    }

    /// Only counts.
    pub fn counting(counts: fn(Operation) -> bool) -> Self {
        Trial { fault: None, counts, state: Mutex::default() }
    }

    /// Operations counted so far.
    pub fn count(&self) -> u64 {
        self.state().count
    }

    /// The operation that was broken, if it was reached.
    pub fn hit(&self) -> Option<(Operation, PathBuf)> {
        self.state().hit.clone()
    }

    /// How many files have bytes that are not synced.
    pub fn unsynced(&self) -> usize {
        self.state().dirty.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_crashed(&self) -> bool {
        self.state().crashed
    }

    pub(super) fn step(&self, operation: Operation, path: &Path) -> Step {
        let mut state = self.state();
        let crash = || io::Error::other("the machine has crashed");
        if state.crashed {
            return Step::Fail(crash());
        }
        if !(self.counts)(operation) {
            return Step::Go;
        }
        state.count += 1;
        let Some((fault, at)) = self.fault else { return Step::Go };
        let lasts = matches!(fault, Fault::FailFrom(_));
        if state.count != at && !(lasts && state.count > at) {
            return Step::Go;
        }
        state.hit.get_or_insert((operation, path.to_owned()));
        match fault {
            Fault::Fail(code) | Fault::FailFrom(code) => {
                Step::Fail(io::Error::from_raw_os_error(code))
            }
            Fault::Tear(code) => Step::Tear(io::Error::from_raw_os_error(code)),
            Fault::Crash => {
                state.crashed = true;
                Step::Fail(crash())
            }
            Fault::TornCrash => {
                state.crashed = true;
                Step::Tear(crash())
            }
        }
    }

    pub(super) fn created(&self, path: &Path) {
        self.state().names.push(Name::Created(path.to_owned()));
    }

    pub(super) fn created_folder(&self, path: &Path) {
        self.state().names.push(Name::Folder(path.to_owned()));
    }

    pub(super) fn wrote(&self, path: &Path) {
        self.state().dirty.insert(path.to_owned());
    }

    pub(super) fn synced(&self, path: &Path) {
        self.state().dirty.remove(path);
    }

    pub(super) fn renamed(&self, from: &Path, to: &Path, old: Option<Vec<u8>>) {
        let mut state = self.state();
        let old_was_dirty = state.dirty.remove(to);
        if state.dirty.remove(from) {
            state.dirty.insert(to.to_owned());
        }
        let (from, to) = (from.to_owned(), to.to_owned());
        state.names.push(Name::Renamed { from, to, old, old_was_dirty });
    }

    pub(super) fn removed(&self, path: &Path, old: Vec<u8>) {
        let mut state = self.state();
        state.dirty.remove(path);
        state.names.push(Name::Removed { path: path.to_owned(), old });
    }

    /// A temporary file that is removed by its maker.
    pub(super) fn forget(&self, path: &Path) {
        let mut state = self.state();
        state.dirty.remove(path);
        state.names.retain(|name| !matches!(name, Name::Created(there) if there == path));
    }

    pub(super) fn synced_folder(&self, folder: &Path) {
        let inside = |path: &Path| path.parent() == Some(folder);
        self.state().names.retain(|name| match name {
            Name::Created(path) | Name::Folder(path) | Name::Removed { path, .. } => !inside(path),
            Name::Renamed { to, .. } => !inside(to),
        });
    }

    /// Does to the disk what a power cut at this point may do.
    pub fn power_cut(&self, unsynced: Unsynced) -> io::Result<()> {
        let mut state = self.state();
        let mut random = match unsynced {
            Unsynced::Stays => return Ok(()),
            Unsynced::Mixed(seed) => seed,
            _ => 0,
        };
        let kept = match unsynced {
            Unsynced::Dropped => 0,
            Unsynced::Mixed(_) => (next(&mut random) % (state.names.len() as u64 + 1)) as usize,
            _ => state.names.len(),
        };
        let names = state.names.split_off(kept);
        let mut dirty = std::mem::take(&mut state.dirty);
        for name in names.into_iter().rev() {
            name.undo(&mut dirty)?;
        }
        for (n, path) in dirty.iter().enumerate().filter(|(_, path)| path.exists()) {
            let fate = match unsynced {
                Unsynced::ZeroedOne(one) if one == n => Unsynced::Zeroed,
                Unsynced::ZeroedOne(_) => Unsynced::Stays,
                Unsynced::Dropped => Unsynced::Emptied,
                Unsynced::Mixed(_) => FATES[(next(&mut random) % FATES.len() as u64) as usize],
                same => same,
            };
            spoil(path, fate)?;
        }
        Ok(())
    }
}

const FATES: [Unsynced; 4] =
    [Unsynced::Stays, Unsynced::Emptied, Unsynced::Zeroed, Unsynced::Halved];

/// A step of a linear congruential generator (Knuth's MMIX constants); its high bits are used.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

impl Name {
    fn undo(self, dirty: &mut BTreeSet<PathBuf>) -> io::Result<()> {
        match self {
            Name::Created(path) => {
                dirty.remove(&path);
                ignore_missing(fs::remove_file(path))
            }
            Name::Folder(path) => {
                dirty.retain(|file| !file.starts_with(&path));
                ignore_missing(fs::remove_dir_all(path))
            }
            Name::Renamed { from, to, old, old_was_dirty } => {
                let parents_stand = from.parent().is_some_and(Path::is_dir);
                if to.exists() && parents_stand {
                    fs::rename(&to, &from)?;
                    if dirty.remove(&to) {
                        dirty.insert(from);
                    }
                }
                let Some(old) = old else { return Ok(()) };
                if old_was_dirty {
                    dirty.insert(to.clone());
                }
                fs::write(to, old)
            }
            Name::Removed { path, old } => fs::write(path, old),
        }
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn spoil(path: &Path, fate: Unsynced) -> io::Result<()> {
    let before = fs::metadata(path)?;
    let length = before.len();
    match fate {
        Unsynced::Emptied => fs::write(path, b""),
        Unsynced::Zeroed => fs::write(path, vec![0; length as usize]),
        Unsynced::Halved => fs::OpenOptions::new().write(true).open(path)?.set_len(length / 2),
        _ => Ok(()),
    }?;
    // A power cut leaves no trace in the time stamps.
    fs::File::options().write(true).open(path)?.set_modified(before.modified()?)
}
