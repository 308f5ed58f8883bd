//! What can be wrong with a VOTable.

use thiserror::Error;

use crate::formats::compression::CompressionError;

/// Why a VOTable could not be read.
#[derive(Debug, Error)]
pub enum VoTableError {
    /// The packed stream is damaged, too large or of an unread kind.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The document is not well-formed, or breaks off.
    #[error("byte {byte}: {problem}")]
    Xml {
        /// Place in the unpacked document, from 0.
        byte: u64,
        /// What is wrong.
        problem: String,
    },
    /// The document is none of VOTable's.
    #[error("byte {byte}: the document is `{root}`, not `VOTABLE`")]
    NotVoTable {
        /// Place in the unpacked document, from 0.
        byte: u64,
        /// Its root element.
        root: String,
    },
    /// The service answered with an error.
    #[error("the service answered with {status}: {message}")]
    Service {
        /// `ERROR` or `OVERFLOW`.
        status: String,
        /// Its own words.
        message: String,
    },
    /// No table with data.
    #[error("the document has no table with data")]
    NoTable,
    /// A field whose declaration cannot be meant.
    #[error("byte {byte}: field {number} `{name}`: {problem}")]
    Field {
        /// Place in the unpacked document, from 0.
        byte: u64,
        /// Its position, from 1.
        number: usize,
        /// Its name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A column that was asked for is not in the table.
    #[error("no column `{column}`; the table has {available}")]
    Missing {
        /// The name.
        column: String,
        /// The names of the table.
        available: String,
    },
    /// A column that was asked for has a type that is not read.
    #[error("column `{column}` is {what}, which is not read")]
    Unread {
        /// The name.
        column: String,
        /// Its type.
        what: String,
    },
    /// A value that does not fit its column.
    #[error("row {row}, column `{column}` (byte {byte}): {problem}")]
    Value {
        /// Row, from 1.
        row: usize,
        /// Name of the column.
        column: String,
        /// Place in the unpacked document, from 0.
        byte: u64,
        /// What is wrong.
        problem: String,
    },
    /// A row with too many cells, or too few.
    #[error("row {row} (byte {byte}) has {found} cells where the table has {expected} fields")]
    Width {
        /// Row, from 1.
        row: usize,
        /// Place in the unpacked document, from 0.
        byte: u64,
        /// Cells of the row.
        found: usize,
        /// Fields of the table.
        expected: usize,
    },
    /// Binary data that end within a row, or are no base64.
    #[error("row {row} (byte {byte}) of the binary data: {problem}")]
    Binary {
        /// Row, from 1.
        row: usize,
        /// Place in the unpacked document, from 0.
        byte: u64,
        /// What is wrong.
        problem: String,
    },
    /// Data in a form that is not read.
    #[error("byte {byte}: {what}")]
    Serialization {
        /// Place in the unpacked document, from 0.
        byte: u64,
        /// What it is.
        what: String,
    },
    /// Arrow refused the table.
    #[error("table could not be built: {0}")]
    Table(#[from] arrow::error::ArrowError),
}

impl VoTableError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Compression(error) => error.hint(),
            Self::Xml { .. } | Self::Width { .. } | Self::Value { .. } | Self::Binary { .. } => {
                "fetch the answer again; the copy is incomplete or damaged"
            }
            Self::NotVoTable { .. } => {
                "ask the service for a VOTable; a web page may be saved here"
            }
            Self::Service { .. } => "mend the query, or ask for fewer rows at a time",
            Self::NoTable => "check that the query gave an answer",
            Self::Field { .. } => "tell the service; its answer is no sound VOTable",
            Self::Missing { .. } => "check the column's name against the release of the catalog",
            Self::Unread { .. } => {
                "choose other columns: bits, complex numbers and arrays of texts are not read"
            }
            Self::Serialization { .. } => {
                "ask for TABLEDATA, BINARY or BINARY2 within the document"
            }
            Self::Table(_) => "read fewer columns",
        }
    }
}
