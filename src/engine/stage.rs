//! The stage API: what a stage declares, what it is handed, what it gives back.
//!
//! A stage is its parameters: a struct that serde reads from `pipeline.toml` and writes, defaults
//! filled in, into the key. It states the columns it reads as a function of those parameters and
//! is handed those only, so that keys and lineage are sound by construction.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

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
#[derive(Clone, Debug)]
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

/// What the jobs of a node made of what all of them are handed alike.
pub(super) type Made = OnceLock<Result<Arc<dyn Any + Send + Sync>, StageError>>;

/// What one job of a stage is handed.
#[derive(Default)]
pub struct Job {
    pub(super) tables: BTreeMap<String, RecordBatch>,
    pub(super) files: Vec<InputFile>,
    pub(super) seed: Option<u64>,
    pub(super) log: Mutex<Vec<String>>,
    /// Ports whose tables all jobs of the node are handed whole.
    pub(super) whole: Vec<String>,
    pub(super) made: Arc<Made>,
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

    /// What the jobs of a node need alike, such as an index of a catalog: made by the first that asks, of the whole
    /// ports alone, so that no job's result depends on which job that was. A node has one such thing.
    ///
    /// # Errors
    /// Those of `make`, in each job; its notes are lost.
    pub fn shared<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce(&Job) -> Result<T, StageError>,
    ) -> Result<Arc<T>, StageError> {
        let made = self.made.get_or_init(|| {
            let whole = self.tables.iter().filter(|(port, _)| self.whole.contains(port));
            let tables = whole.map(|(port, table)| (port.clone(), table.clone())).collect();
            let common = Job { tables, seed: self.seed, ..Job::default() };
            make(&common).map(|made| Arc::new(made) as Arc<dyn Any + Send + Sync>)
        });
        let what = "the jobs of a node share two kinds of things";
        made.clone()?.downcast().map_err(|_| StageError::new(what))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn job(made: &Arc<Made>) -> Job {
        let table = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
        Job {
            tables: ["catalog", "targets"].map(|port| (port.to_owned(), table.clone())).into(),
            whole: vec!["catalog".into()],
            made: Arc::clone(made),
            ..Job::default()
        }
    }

    #[test]
    fn what_jobs_share_is_made_once_of_the_whole_ports_alone() {
        let made = Arc::default();
        let ports = |job: &Job| Ok(job.tables.keys().cloned().collect::<Vec<_>>());
        let first = job(&made).shared(ports).unwrap();
        assert_eq!(*first, ["catalog"]);
        let second = job(&made).shared::<Vec<String>>(|_| panic!("made twice")).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert!(job(&made).shared(|_| Ok(0_u8)).is_err(), "another kind");
    }

    #[test]
    fn why_it_could_not_be_made_is_told_to_every_job() {
        let made = Arc::default();
        for _ in 0..2 {
            let told = job(&made).shared::<u8>(|whole| {
                whole.table("targets")?;
                Ok(0)
            });
            assert_eq!(told.unwrap_err().to_string(), "port `targets` is not bound");
        }
    }
}
