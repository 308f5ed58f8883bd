//! What `check` says of a profile of archives: slot by slot, what is missing and how to get it, and whether what is
//! there is a good copy.

mod faults;
mod read;
#[cfg(test)]
mod tests;
mod words;

use std::path::Path;

use crate::engine::bind::bind;
use crate::engine::events::Observer;
use crate::engine::source::{Binding, BoundFile, Sources};
use crate::engine::spec::{self, Archive, DatasetSlot, Spec};

pub use words::{json, text};

/// A slot that has an archive, and the state of its copy.
pub struct Entry<'a> {
    /// The slot.
    pub slot: &'a DatasetSlot,
    /// What is known of its archive.
    pub archive: &'a Archive,
    /// What is there.
    pub state: State,
}

/// What is there of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// Nothing, and why.
    Missing(String),
    /// A copy.
    There(Copy),
}

/// What was found of a copy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Copy {
    /// Number of files.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
    /// Rows of the table, spectra, pixels.
    pub rows: Option<u64>,
    /// What is wrong; nothing for a good copy.
    pub faults: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

impl Entry<'_> {
    /// Whether nothing is there.
    pub fn is_missing(&self) -> bool {
        matches!(self.state, State::Missing(_))
    }

    /// Whether a copy is there and something is wrong with it.
    pub fn is_faulty(&self) -> bool {
        matches!(&self.state, State::There(copy) if !copy.faults.is_empty())
    }

    /// The path that the profile names.
    pub fn place(&self) -> Option<&str> {
        match &self.slot.binding {
            spec::Binding::Path { path, .. } => Some(&path.value),
            _ => None,
        }
    }

    /// How its files are written.
    pub fn format(&self) -> &str {
        let of_slot = self.slot.format.as_ref().map(|format| format.value.as_str());
        self.archive.format.as_deref().or(of_slot).unwrap_or("unknown")
    }
}

/// Looks at every slot that has an archive; files at paths are hashed, as for a run.
pub fn look<'a>(
    spec: &'a Spec,
    root: &Path,
    sources: &Sources,
    observer: &dyn Observer,
) -> Vec<Entry<'a>> {
    let with_archive = spec.datasets.values().filter_map(|slot| {
        let archive = slot.archive.as_ref()?;
        Some((slot, archive))
    });
    let entry = |(slot, archive): (&'a DatasetSlot, &'a Archive)| {
        let state = match bind(slot, root, sources, observer) {
            Binding::Absent(why) => State::Missing(why),
            Binding::Broken(why) => State::There(Copy { faults: vec![why], ..Copy::default() }),
            Binding::Made => State::Missing("it is made by the simulation".into()),
            Binding::Files(files) => State::There(Copy::default().of(&files)),
        };
        let mut entry = Entry { slot, archive, state };
        entry.examine(root);
        entry
    };
    with_archive.map(entry).collect()
}

impl Copy {
    fn of(mut self, files: &[BoundFile]) -> Self {
        self.files = files.len();
        self.bytes = files.iter().filter_map(|file| file.bytes).sum();
        self
    }
}

impl Entry<'_> {
    /// Reads what is there, and holds it against what the profile says of it.
    fn examine(&mut self, root: &Path) {
        let (archive, format) = (self.archive, self.format().to_owned());
        let spec::Binding::Path { path, glob } = &self.slot.binding else { return };
        let place = root.join(&path.value);
        let State::There(copy) = &mut self.state else { return };
        if !copy.faults.is_empty() {
            return;
        }
        let glob = glob.as_ref().map(|glob| glob.value.as_str());
        let found = read::read(&place, glob, &format, archive);
        copy.faults.extend(found.faults);
        copy.rows = found.rows;
        if let Some(table) = &found.table {
            copy.faults.extend(faults::of_table(table, archive));
        }
        if let (Some(rows), Some(whole)) = (copy.rows, archive.rows)
            && rows != whole
        {
            copy.notes.push(format!("{rows} rows where the whole of the archive has {whole}"));
        }
    }
}
