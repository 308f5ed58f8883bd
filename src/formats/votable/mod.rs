//! VOTable (IVOA recommendation 1.1 to 1.5), as the Gaia archive, VizieR and other services answer.
//!
//! The first table of the document is read, in all three serializations in which tables are
//! served: `TABLEDATA`, `BINARY` and `BINARY2`. The document is walked as a stream, packed or not:
//! memory holds the columns that are asked for and one row.
//!
//! Integers keep their width; `char` and `unicodeChar` are text, trimmed, null where empty; other
//! arrays are lists. Null is an empty cell of `TABLEDATA`, a bit of `BINARY2`, or the `null` of
//! `VALUES`; NaN stays NaN. A bit is a truth value; arrays of bits, complex numbers and arrays of texts are not read: such columns
//! are left out, and are an error when asked for.
//!
//! What a service says instead of an answer (`QUERY_STATUS` `ERROR`), or that it cut the answer
//! short (`OVERFLOW`), is an error.

mod binary;
mod cells;
mod document;
mod error;
mod field;
mod source;
#[cfg(test)]
mod tests;
mod walk;
mod write;

pub use error::VoTableError;
pub use write::{VoTableWriteError, write_votable};

use arrow::record_batch::RecordBatch;

use crate::formats::compression::stream;
use crate::formats::gzip::TABLE_LIMIT_BYTES;

/// How to read a VOTable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoTableOptions {
    /// The columns to read, in this order (matched exactly, else without regard to case; fields are
    /// named as asked); every one that can be read when `None`.
    pub columns: Option<Vec<String>>,
    /// Takes an answer that the service cut short.
    pub allow_overflow: bool,
}

/// A `PARAM` beside the table: a constant of all its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its value, as text.
    pub value: String,
    /// Its unit, if stated.
    pub unit: Option<String>,
}

/// A table and what stands beside it.
#[derive(Debug, Clone)]
pub struct VoTable {
    /// The columns; fields carry unit, UCD and description.
    pub table: RecordBatch,
    /// Constants that stand before the data.
    pub params: Vec<Param>,
}

/// Reads the first table of a document, plain or packed with gzip, bzip2 or xz.
///
/// Errors name the byte of the (unpacked) document, the row and the column.
pub fn read_votable(bytes: &[u8], options: &VoTableOptions) -> Result<VoTable, VoTableError> {
    walk::read(stream(bytes, TABLE_LIMIT_BYTES)?, options)
}
