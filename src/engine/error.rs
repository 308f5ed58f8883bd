//! What can go wrong in the engine, each with the place and a way out.

use std::io;
use std::path::{Path, PathBuf};

use super::digest::Digest;

/// An error of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was being done, as a verb phrase.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Stored bytes are not what their name promises.
    #[error("`{}` is corrupt: {why}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// The pipeline does not hold together.
    #[error("node `{node}`: {what}")]
    Pipeline {
        /// The node at fault.
        node: String,
        /// What is wrong and how to mend it.
        what: String,
    },
    /// The bytes of a dataset cannot be had.
    #[error("source `{dataset}`: {what}")]
    Source {
        /// The dataset slot, or the file.
        dataset: String,
        /// What is missing or wrong.
        what: String,
    },
    /// A stage failed.
    #[error("node `{node}` failed: {what}")]
    Stage {
        /// The node whose stage failed.
        node: String,
        /// The stage's message chain.
        what: String,
    },
    /// A stage broke the engine's contract.
    #[error("stage `{stage}` broke its contract: {what}")]
    Contract {
        /// The stage.
        stage: String,
        /// The broken rule.
        what: String,
    },
    /// A name that nothing has.
    #[error("no {what} `{name}`{}", did_you_mean(hint))]
    Unknown {
        /// The kind of thing that was looked for.
        what: &'static str,
        /// The name as given.
        name: String,
        /// The nearest existing name.
        hint: Option<String>,
    },
    /// Something is in use elsewhere and may not be waited for.
    #[error("{what} is in progress elsewhere: {by} has it")]
    Locked {
        /// What is in use.
        what: String,
        /// Who has it.
        by: String,
    },
    /// Something must be made, but the store cannot be written.
    #[error(
        "node `{node}` must run, but the store `{}` is read-only ({why}); hint: give another \
         with `--cache DIR`",
        path.display()
    )]
    ReadOnly {
        /// The store.
        path: PathBuf,
        /// The first node that is not fresh.
        node: String,
        /// The system's answer.
        why: io::Error,
    },
    /// A signal came before a job was begun.
    #[error("interrupted")]
    Interrupted,
    /// arrow or Parquet refused a table.
    #[error("table of `{place}`: {why}")]
    Table {
        /// Node, output or object.
        place: String,
        /// The library's message.
        why: String,
    },
}

fn did_you_mean(hint: &Option<String>) -> String {
    hint.as_ref().map(|h| format!("; did you mean `{h}`?")).unwrap_or_default()
}

impl EngineError {
    /// For `map_err` on file operations.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EngineError {
        let path = path.to_owned();
        move |source| EngineError::Io { action, path, source }
    }

    /// For `map_err` on arrow and Parquet calls.
    pub fn table<E: std::fmt::Display>(place: impl Into<String>) -> impl FnOnce(E) -> EngineError {
        let place = place.into();
        move |why| EngineError::Table { place, why: why.to_string() }
    }

    /// A damaged object or record.
    pub fn corrupt(path: &Path, why: impl Into<String>) -> Self {
        EngineError::Corrupt { path: path.to_owned(), why: why.into() }
    }

    /// Bytes whose digest is not the promised one.
    pub fn wrong_digest(path: &Path, promised: Digest, found: Digest) -> Self {
        Self::corrupt(path, format!("blake3 is {found}, not {promised}"))
    }

    /// An unknown name, with the nearest of `candidates` as a hint.
    pub fn unknown<'a>(
        what: &'static str,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let hint = candidates
            .into_iter()
            .map(|c| (strsim::damerau_levenshtein(c, name), c))
            .filter(|(distance, c)| *distance <= 2.max(c.len() / 3))
            .min()
            .map(|(_, c)| c.to_owned());
        EngineError::Unknown { what, name: name.to_owned(), hint }
    }

    /// Says what a refused write means for a node that is not fresh.
    pub fn read_only(self, store: &Path, node: &str) -> Self {
        match self {
            EngineError::Io { source, .. } if forbids_writing(&source) => {
                EngineError::ReadOnly { path: store.to_owned(), node: node.to_owned(), why: source }
            }
            other => other,
        }
    }

    /// Whether stored data, not the pipeline, is at fault.
    pub fn is_corruption(&self) -> bool {
        matches!(self, EngineError::Corrupt { .. })
    }
}

/// For what is only remembered to save work: where nothing can be written, it is not.
pub fn unless_read_only(why: EngineError) -> Result<()> {
    match why {
        EngineError::Io { source, .. } if forbids_writing(&source) => Ok(()),
        other => Err(other),
    }
}

/// Whether the system says that nothing can be written there, as opposed to a fault.
pub fn forbids_writing(why: &io::Error) -> bool {
    matches!(why.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// The engine's result.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
