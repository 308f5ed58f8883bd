//! Outputs: the tables that a stage makes, their columns, rows and parts, and what they come from.

use std::collections::BTreeMap;

use super::types::ColumnMeta;

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
