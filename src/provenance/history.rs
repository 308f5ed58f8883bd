//! What is told of a run.

use std::collections::BTreeMap;

use serde_json::Value;

/// A run: what it was made of, what was done, what came out.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The pipeline's name.
    pub pipeline: String,
    /// The profile that filled the dataset slots.
    pub profile: String,
    /// What the profile is for.
    pub about: String,
    /// The method that set the parameters.
    pub method: String,
    /// `--set` arguments.
    pub sets: Vec<String>,
    /// The run's name.
    pub run: String,
    /// Start, seconds since 1970 (UTC).
    pub started: u64,
    /// Wall seconds.
    pub seconds: f64,
    /// Program and version.
    pub program: String,
    /// Instruction set.
    pub machine: String,
    /// The command that makes it again.
    pub command: String,
    /// The work, in topological order.
    pub activities: Vec<Activity>,
    /// The tables, by `node.output`.
    pub tables: BTreeMap<String, Table>,
    /// The datasets, by slot.
    pub sources: BTreeMap<String, Source>,
    /// Files for people.
    pub products: Vec<Product>,
}

/// What a node did.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// The node's name.
    pub name: String,
    /// The kind of work.
    pub stage: String,
    /// What that kind of work does.
    pub stage_about: String,
    /// Its revision.
    pub revision: u32,
    /// What the node is for.
    pub about: String,
    /// Section of the paper.
    pub section: String,
    /// Parameters.
    pub params: Value,
    /// Seed, in digits.
    pub seed: Option<String>,
    /// Digest of everything that decides the result.
    pub key: String,
    /// Program and version that did it.
    pub code: String,
    /// Seconds of work.
    pub seconds: f64,
    /// Tables read, by port.
    pub uses: Vec<(String, String)>,
    /// The dataset read, by slot.
    pub dataset: Option<String>,
    /// Tables made.
    pub makes: Vec<String>,
}

/// A table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Rows.
    pub rows: u64,
    /// Digest of all its columns.
    pub digest: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// What decides its rows.
    pub rows_from: Vec<Dependence>,
}

/// A column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its unit.
    pub unit: String,
    /// Its UCD.
    pub ucd: String,
    /// What it is.
    pub about: String,
    /// Digest of its content.
    pub digest: String,
    /// What it depends on.
    pub from: Vec<Dependence>,
}

/// A dependence on a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dependence {
    /// `node.output`, or `dataset:slot`.
    pub table: String,
    /// The column; `None` for the whole.
    pub column: Option<String>,
    /// Whether its values enter the result.
    pub direct: bool,
    /// In what way.
    pub how: String,
}

/// A dataset.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// What the data are.
    pub about: String,
    /// Release of the archive.
    pub release: Option<String>,
    /// Where the archive is.
    pub url: Option<String>,
    /// What may be done with the data.
    pub licence: Option<String>,
    /// Its files.
    pub files: Vec<File>,
    /// The table of files that it is, where a node of the pipeline makes it.
    pub made_by: Option<String>,
}

/// A file of a dataset.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Digest of its bytes.
    pub blake3: String,
    /// Its size.
    pub bytes: Option<u64>,
    /// Where it is had.
    pub url: Option<String>,
}

/// A file for people.
#[derive(Clone, Debug, Default)]
pub struct Product {
    /// Its path among the results.
    pub path: String,
    /// The table that it shows.
    pub table: String,
    /// Digest of its bytes.
    pub blake3: String,
    /// Its size.
    pub bytes: u64,
}

impl History {
    /// Seconds since 1970 at which the run ended.
    pub fn ended(&self) -> u64 {
        self.started + self.seconds.ceil() as u64
    }
}

impl Activity {
    /// The parameters by path, with their values as JSON.
    pub fn parameters(&self) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        flatten("", &self.params, &mut found);
        found
    }
}

fn flatten(path: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, value, found);
            }
        }
        Value::Null => {}
        other => found.push((path.to_owned(), other.clone())),
    }
}
