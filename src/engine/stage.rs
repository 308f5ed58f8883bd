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
use super::types::{ColumnMeta, Type};

/// How much of a port's table one job of a stage is handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One part at a time: the stage works row by row, a job a part.
    Driving,
    /// The whole table in every job.
    Whole,
}

/// A column that a stage reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Name in the port's table.
    pub column: String,
    /// Unit it must have; `None` accepts any.
    pub unit: Option<String>,
    /// Types it may have; empty accepts any.
    pub types: Vec<Type>,
    /// Whether the stage does without it where the table lacks it.
    pub optional: bool,
    /// What it is read for, in lineage: `join`, `filter: …`. Where it is not said, the shape of the
    /// output tells.
    pub role: Option<String>,
}

impl Need {
    /// A column of any type and unit.
    pub fn any(column: impl Into<String>) -> Self {
        Need { column: column.into(), unit: None, types: Vec::new(), optional: false, role: None }
    }

    /// A column of one type.
    pub fn of(column: impl Into<String>, kind: Type) -> Self {
        Need { types: vec![kind], ..Need::any(column) }
    }

    /// A numeric column in a unit.
    pub fn in_unit(column: impl Into<String>, unit: &str) -> Self {
        Need { unit: Some(unit.to_owned()), ..Need::any(column) }
    }

    /// Says what the column is read for.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Reads the column where there is one.
    pub fn if_there(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// An input of a stage.
#[derive(Clone, Debug)]
pub struct Port {
    /// Name in `in = { … }`.
    pub name: String,
    /// How much a job is handed.
    pub scope: Scope,
    /// Whether the node runs without it.
    pub optional: bool,
    /// Whether these parameters leave it alone, bound or not.
    pub unread: bool,
    /// The columns read.
    pub needs: Vec<Need>,
    /// Whether every other column of the table is read too.
    pub all_columns: bool,
    /// Whether descriptions, UCDs and order of the columns are written down, and so decide the result.
    pub layout: bool,
    /// What an unbound port is bound to.
    pub fallback: Option<Fallback>,
}

/// What a port is bound to when `in` does not name it.
///
/// So that a change of training set is one line: the tables that belong together follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Output `output` of the node that is bound at `port`.
    Sibling {
        /// A port of the same stage.
        port: String,
        /// Output of the node bound there.
        output: String,
    },
    /// What the node bound at `port` has at its own port `input`.
    Through {
        /// A port of the same stage.
        port: String,
        /// Port of the node bound there.
        input: String,
    },
}

impl Fallback {
    /// The port that decides.
    pub fn port(&self) -> &str {
        match self {
            Fallback::Sibling { port, .. } | Fallback::Through { port, .. } => port,
        }
    }
}

impl Port {
    fn new(name: impl Into<String>, scope: Scope, needs: Vec<Need>) -> Self {
        let name = name.into();
        Port {
            name,
            scope,
            optional: false,
            unread: false,
            needs,
            all_columns: false,
            layout: false,
            fallback: None,
        }
    }

    /// A port whose parts drive the stage.
    pub fn driving(name: impl Into<String>, needs: Vec<Need>) -> Self {
        Port::new(name, Scope::Driving, needs)
    }

    /// A port handed over whole.
    pub fn whole(name: impl Into<String>, needs: Vec<Need>) -> Self {
        Port::new(name, Scope::Whole, needs)
    }

    /// Reads every column of the table, whatever their names.
    pub fn all_columns(mut self) -> Self {
        self.all_columns = true;
        self
    }

    /// Every column of the table with its meaning and its place: for stages that write files for people.
    pub fn layout(self) -> Self {
        Port { layout: true, ..self.all_columns() }
    }

    /// Unbound, the port takes `output` of the node bound at `port`.
    pub fn beside(mut self, port: &str, output: &str) -> Self {
        self.fallback = Some(Fallback::Sibling { port: port.into(), output: output.into() });
        self
    }

    /// Unbound, the port takes what the node bound at `port` has at its port `input`.
    pub fn through(mut self, port: &str, input: &str) -> Self {
        self.fallback = Some(Fallback::Through { port: port.into(), input: input.into() });
        self
    }

    /// A port that other parameters would read: what is bound to it decides nothing.
    pub fn unread(name: impl Into<String>) -> Self {
        Port { unread: true, ..Port::new(name, Scope::Whole, Vec::new()) }
    }

    /// Makes the port optional.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// Where an output's rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Rows of its own.
    New,
    /// All rows of a port, in its order.
    Same(String),
    /// Some rows of a port, by row number.
    Select(String),
}

/// How an output column depends on an input column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Port of the input.
    pub port: String,
    /// Column of the input.
    pub column: String,
    /// How: `identity`, `derived: expression`, `label`, `flux`, …
    pub how: String,
}

/// A column that a stage makes.
#[derive(Clone, Debug)]
pub struct NewColumn {
    /// Name, type and meaning.
    pub meta: ColumnMeta,
    /// Its DIRECT sources. Every other column that the stage reads is an INDIRECT source.
    pub from: Vec<Edge>,
    /// Whether the DIRECT sources, and what decides the rows, are all that it depends on.
    pub only: bool,
}

impl NewColumn {
    /// A column whose only declared sources are indirect.
    pub fn new(meta: ColumnMeta) -> Self {
        NewColumn { meta, from: Vec::new(), only: false }
    }

    /// Says that nothing but the DIRECT sources, and what decides the rows, can move the column: to
    /// be said only where that is so by construction, as of an expression that was parsed.
    pub fn only(mut self) -> Self {
        self.only = true;
        self
    }

    /// Adds a DIRECT source. At a source stage the port `files` means a column of the dataset.
    pub fn from(mut self, port: &str, column: &str, how: impl Into<String>) -> Self {
        self.from.push(Edge { port: port.into(), column: column.into(), how: how.into() });
        self
    }
}

/// A column handed through from an input by row number, never copied by the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Name in the output.
    pub name: String,
    /// Port it comes from.
    pub port: String,
    /// Name there.
    pub column: String,
}

/// How the engine cuts a whole output into parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    /// Into buckets by the hash of the row id; within a bucket by id.
    Buckets(u32),
    /// Into runs of so many rows, order kept.
    Chunks(u32),
}

/// A table that a stage makes.
#[derive(Clone, Debug)]
pub struct Output {
    /// Name in `node.output`; a node's first output is what plain `node` means.
    pub name: String,
    /// Where the rows come from.
    pub rows: Rows,
    /// Columns handed through.
    pub carried: Vec<Carried>,
    /// Columns made.
    pub columns: Vec<NewColumn>,
    /// The column that identifies a row for `trace` and for buckets.
    pub row_id: Option<String>,
    /// How a whole output is cut.
    pub split: Option<Split>,
    /// Columns, by port, that the stage reads for other outputs only.
    pub untouched: Vec<(String, String)>,
}

impl Output {
    /// An output with rows of its own.
    pub fn table(name: &str, columns: Vec<NewColumn>) -> Self {
        Output {
            name: name.into(),
            rows: Rows::New,
            carried: Vec::new(),
            columns,
            row_id: None,
            split: None,
            untouched: Vec::new(),
        }
    }

    /// An output with all rows of `port`, its columns handed through, and new columns.
    pub fn widened(name: &str, port: &str, schema: &TableSchema, columns: Vec<NewColumn>) -> Self {
        Output {
            rows: Rows::Same(port.into()),
            row_id: schema.row_id.clone(),
            ..Output::table(name, columns)
        }
        .carry_all(port, schema)
    }

    /// An output with some rows of `port`, its columns handed through, and new columns.
    pub fn selected(name: &str, port: &str, schema: &TableSchema, columns: Vec<NewColumn>) -> Self {
        Output {
            rows: Rows::Select(port.into()),
            row_id: schema.row_id.clone(),
            ..Output::table(name, columns)
        }
        .carry_all(port, schema)
    }

    /// Hands through every column of `port` that the output does not define itself.
    pub fn carry_all(mut self, port: &str, schema: &TableSchema) -> Self {
        for column in &schema.columns {
            let taken = self.columns.iter().any(|c| c.meta.name == column.name)
                || self.carried.iter().any(|c| c.name == column.name);
            if !taken {
                self.carried.push(Carried {
                    name: column.name.clone(),
                    port: port.into(),
                    column: column.name.clone(),
                });
            }
        }
        self
    }

    /// Says that a column is read for other outputs only: it moves neither rows nor columns of this.
    pub fn untouched_by(mut self, port: &str, column: &str) -> Self {
        self.untouched.push((port.into(), column.into()));
        self
    }

    /// Names the row id.
    pub fn id(mut self, column: impl Into<String>) -> Self {
        self.row_id = Some(column.into());
        self
    }

    /// Cuts the output into parts.
    pub fn split(mut self, split: Split) -> Self {
        self.split = Some(split);
        self
    }
}

/// The shape of a table before it exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSchema {
    /// Columns in order.
    pub columns: Vec<ColumnMeta>,
    /// The column that identifies a row.
    pub row_id: Option<String>,
}

impl TableSchema {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&ColumnMeta> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// The shapes of the tables at a node's bound ports.
pub type Schemas = BTreeMap<String, TableSchema>;

/// Which outputs account for every row of a driving port: rows in = kept + rejected.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The driving port.
    pub port: String,
    /// The output of kept rows.
    pub kept: String,
    /// The output of rejected rows.
    pub rejects: String,
}

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
