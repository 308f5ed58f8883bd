//! The stage API: what a stage declares, what it is handed, what it gives back.
//!
//! A stage is its parameters: a struct that serde reads from `pipeline.toml` and writes, defaults
//! filled in, into the key. It states the columns it reads as a function of those parameters and
//! is handed those only, so that keys and lineage are sound by construction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};

use super::expression::Check;

pub use super::output::{
    Accounts, Carried, Edge, NewColumn, Output, Rows, Schemas, Split, TableSchema,
};
pub use super::port::{Fallback, Need, Port, Scope};

/// What a stage declares and does.
pub trait Stage: Send + Sync {
    /// The inputs, and the columns read from each.
    fn ports(&self) -> Vec<Port>;

    /// The dataset slot whose files a source stage is handed.
    fn dataset(&self) -> Option<&str> {
        None
    }

    /// In how many buckets a source's files are worked on; `None`: all in one job.
    fn file_buckets(&self) -> Option<u32> {
        None
    }

    /// Whether a file's name, folders aside, is read beside its bytes, and so decides the result.
    fn reads_names(&self) -> bool {
        false
    }

    /// The row id inside a file of the dataset, read from its first bytes alone.
    fn probe(&self, _bytes: &[u8]) -> Option<i64> {
        None
    }

    /// The outputs, given the shapes of the bound ports.
    fn outputs(&self, inputs: &Schemas) -> Result<Vec<Output>, StageError>;

    /// Which outputs account for each row of the driving port.
    fn accounts(&self) -> Option<Accounts> {
        None
    }

    /// Whether the stage can tell of each row what it asked of it; see [`Stage::checks`].
    fn has_checks(&self) -> bool {
        false
    }

    /// What it asks of each row of the driving port, for `trace`.
    fn checks(&self, _table: &RecordBatch) -> Result<Vec<Vec<Check>>, StageError> {
        Ok(Vec::new())
    }

    /// What the seed is for, where the stage uses randomness.
    fn seed_purpose(&self) -> Option<&str> {
        None
    }

    /// Does the work of one job: a pure function of parameters, inputs and seed.
    fn run(&self, job: &Job) -> Result<Vec<Product>, StageError>;
}

/// Why a stage cannot declare or do its work: a message chain, outermost first.
#[derive(Debug)]
pub struct StageError(String);

impl StageError {
    /// A failure in words.
    pub fn new(what: impl Into<String>) -> Self {
        StageError(what.into())
    }

    /// Puts what was being done before the cause.
    pub fn within(what: &str) -> impl FnOnce(StageError) -> StageError + '_ {
        move |cause| StageError(format!("{what}: {}", cause.0))
    }
}

impl std::fmt::Display for StageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for StageError {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        StageError(text)
    }
}

/// A file handed to a source stage: bytes, and a name for messages only.
#[derive(Clone)]
pub struct InputFile {
    /// For error messages and rejects; never part of a key.
    pub name: String,
    /// Digest of the bytes.
    pub digest: super::digest::Digest,
    /// The row id that [`Stage::probe`] found.
    pub id: Option<i64>,
    /// The bytes.
    pub bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
}

impl InputFile {
    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }
}

/// What one job of a stage is handed.
pub struct Job {
    pub(super) tables: BTreeMap<String, RecordBatch>,
    pub(super) files: Vec<InputFile>,
    pub(super) seed: Option<u64>,
    pub(super) log: Mutex<Vec<String>>,
}

impl Job {
    /// The table at a port: the declared columns only.
    pub fn table(&self, port: &str) -> Result<&RecordBatch, StageError> {
        self.tables.get(port).ok_or_else(|| StageError::new(format!("port `{port}` is not bound")))
    }

    /// The table at an optional port.
    pub fn optional(&self, port: &str) -> Option<&RecordBatch> {
        self.tables.get(port)
    }

    /// A column of a port.
    pub fn column(&self, port: &str, name: &str) -> Result<&ArrayRef, StageError> {
        self.table(port)?.column_by_name(name).ok_or_else(|| {
            StageError::new(format!("column `{name}` of port `{port}` was not declared as read"))
        })
    }

    /// The dataset's files of this job.
    pub fn files(&self) -> &[InputFile] {
        &self.files
    }

    /// The seed, if the stage declared a purpose.
    pub fn seed(&self) -> Result<u64, StageError> {
        self.seed.ok_or_else(|| StageError::new("the stage declares no seed purpose"))
    }

    /// Leaves a line for `mdwarf log`.
    pub fn note(&self, line: impl Into<String>) {
        if let Ok(mut log) = self.log.lock() {
            log.push(line.into());
        }
    }
}

/// One output of one job.
#[derive(Clone, Debug)]
pub struct Product {
    pub(super) output: String,
    pub(super) rows: BTreeMap<String, UInt32Array>,
    pub(super) columns: Vec<ArrayRef>,
}

impl Product {
    /// An output with its new columns, in the declared order.
    pub fn new(output: &str, columns: Vec<ArrayRef>) -> Self {
        Product { output: output.into(), rows: BTreeMap::new(), columns }
    }

    /// The row numbers in `port` that this output's rows come from; null where there is none.
    pub fn rows(mut self, port: &str, rows: UInt32Array) -> Self {
        self.rows.insert(port.into(), rows);
        self
    }
}
