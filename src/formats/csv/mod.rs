//! Delimited text (RFC 4180 and what is met beside it) <-> tables.
//!
//! The reader passes over the file twice: once to learn each column's type from *all* its
//! rows, once to build it. A guess from the first rows would turn an id column into
//! floats at its first gap; here an id stays an exact `Int64`, nulls or not, and a number
//! that neither `Int64` nor `Float64` holds exactly stays text.
//!
//! Ends of line may be LF, CRLF or CR (the last is met in published isochrones); a byte
//! order mark is skipped; a row that is too short or too long is an error that names it.

mod infer;
mod records;
#[cfg(test)]
mod tests;
mod write;

pub use write::{CsvWriteError, write_csv};

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use thiserror::Error;

use crate::formats::columns::listed;
use crate::formats::gzip::{GzipError, TABLE_LIMIT_BYTES, unpacked};
use infer::{Builder, Guess};
use records::{Field as Cell, Records};

/// The type of a column of delimited text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// `true` or `false`: `Boolean`.
    Bool,
    /// Whole number: `Int64`.
    Int,
    /// Real number: `Float64`.
    Float,
    /// Anything else: `Utf8`.
    Text,
}

impl ColumnType {
    fn describe(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number of 64 bits",
            Self::Float => "a number",
            Self::Text => "text",
        }
    }
}

/// How to read delimited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// Byte between fields: `,` by default.
    pub separator: u8,
    /// Lines above the header that begin with this byte are skipped; none by default.
    pub comment: Option<u8>,
    /// Unquoted fields that stand for a missing value: empty and `null` by default.
    pub nulls: Vec<String>,
    /// Declared types by column name; the others are learned from all rows.
    pub types: BTreeMap<String, ColumnType>,
    /// The columns to read, in this order; all of the file when `None`.
    pub columns: Option<Vec<String>>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            separator: b',',
            comment: None,
            nulls: vec![String::new(), "null".to_owned()],
            types: BTreeMap::new(),
            columns: None,
        }
    }
}

/// Why delimited text could not be read.
#[derive(Debug, Error)]
pub enum CsvError {
    /// The gzip stream is damaged or too large.
    #[error(transparent)]
    Gzip(#[from] GzipError),
    /// A separator that cannot separate.
    #[error("byte {0} cannot separate fields")]
    Separator(u8),
    /// No header line.
    #[error("file has no header line")]
    Empty,
    /// Bytes that are not UTF-8.
    #[error("line {line}: byte {byte} of the file is not UTF-8")]
    Encoding {
        /// Line, from 1.
        line: usize,
        /// Offset of the byte, from 0.
        byte: usize,
    },
    /// A quote that is not closed, or is followed by more text.
    #[error("line {line}: {problem}")]
    Quote {
        /// Line on which the field begins, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// A field that is longer than any cell.
    #[error("line {line}: a field has more than {limit_mib} MiB")]
    TooLong {
        /// Line on which the row begins, from 1.
        line: usize,
        /// The limit, MiB.
        limit_mib: usize,
    },
    /// A row that has more fields than any table.
    #[error("line {line} has more than {limit} fields")]
    TooMany {
        /// Line on which the row begins, from 1.
        line: usize,
        /// The limit.
        limit: usize,
    },
    /// A row with more or fewer fields than the header.
    #[error("row {row} (line {line}) has {found} fields where the header has {expected}")]
    Width {
        /// Row of data, from 1.
        row: usize,
        /// Line, from 1.
        line: usize,
        /// Fields of this row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// A name that stands twice in the header.
    #[error("column `{name}` stands at positions {first} and {second} of the header")]
    Duplicate {
        /// The name.
        name: String,
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// A column that was asked for or given a type, and is not in the file.
    #[error("no column `{name}`; the file has {available}")]
    Missing {
        /// The name.
        name: String,
        /// The names of the file.
        available: String,
    },
    /// A value that does not fit the column's declared type.
    #[error("row {row} (line {line}), column `{column}`: `{text}` is not {expected}")]
    Value {
        /// Row of data, from 1.
        row: usize,
        /// Line, from 1.
        line: usize,
        /// Name of the column.
        column: String,
        /// The field.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A text column of more than 2 GiB.
    #[error("row {row}: text of column `{column}` exceeds 2 GiB in all")]
    TextTooLong {
        /// Row of data, from 1.
        row: usize,
        /// Name of the column.
        column: String,
    },
    /// Arrow refused the table.
    #[error("table could not be built: {0}")]
    Table(#[from] arrow::error::ArrowError),
}

impl CsvError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gzip(error) => error.hint(),
            Self::Separator(_) => "give an ASCII character that is no quote or end of line",
            Self::Empty => "give a file whose first line names the columns",
            Self::Encoding { .. } => "convert the file to UTF-8",
            Self::Quote { .. } => "close the quote, and double a quote within quoted text",
            Self::TooLong { .. } => "check the ends of lines and the quotes",
            Self::Width { .. } | Self::TooMany { .. } => {
                "check the separator, and quote fields that contain it"
            }
            Self::Duplicate { .. } => "rename one, or read only columns whose names are unique",
            Self::Missing { .. } => "names are case-sensitive; an unnamed column n is `column_n`",
            Self::Value { .. } => "declare another type, or list the text as a null",
            Self::TextTooLong { .. } | Self::Table(_) => "read fewer columns, or split the file",
        }
    }
}

/// A column to read.
#[derive(Debug)]
struct Wanted {
    name: String,
    /// Position in the file, from 0.
    position: usize,
    declared: Option<ColumnType>,
}

/// Reads delimited text (or its gzip) with one header line.
///
/// Blanks around unquoted fields are dropped. Learned types: `Int64` when every value is
/// a whole number, `Float64`, `Boolean` (`true`/`false`), else `Utf8`; a number with
/// superfluous leading zeros, one beyond 64 bits, or one beyond 2^53 among reals makes
/// its column text, for it may be an id. All columns are nullable.
pub fn read_csv(bytes: &[u8], options: &CsvOptions) -> Result<RecordBatch, CsvError> {
    if !options.separator.is_ascii() || matches!(options.separator, b'"' | b'\n' | b'\r') {
        return Err(CsvError::Separator(options.separator));
    }
    let plain = unpacked(bytes, TABLE_LIMIT_BYTES)?;
    let text = records::decoded(&plain)?;
    let mut records = Records::new(text, options.separator, options.comment);
    let mut cells = Vec::new();
    if !records.next(&mut cells)? {
        return Err(CsvError::Empty);
    }
    let names = header_names(&cells);
    let wanted = wanted_columns(&names, options)?;
    let types = learn_types(records.clone(), names.len(), &wanted, options)?;
    build(records, names.len(), &wanted, &types, options)
}

fn header_names(cells: &[Cell<'_>]) -> Vec<String> {
    let named = cells.iter().enumerate().map(|(index, cell)| match cell.text.trim() {
        "" => format!("column_{}", index + 1),
        name => name.to_owned(),
    });
    named.collect()
}

fn wanted_columns(names: &[String], options: &CsvOptions) -> Result<Vec<Wanted>, CsvError> {
    if let Some(name) = options.types.keys().find(|name| !names.contains(name)) {
        return Err(missing(name, names));
    }
    // First and second place of each name: a header may have very many.
    let mut places: BTreeMap<&str, (usize, Option<usize>)> = BTreeMap::new();
    for (position, name) in names.iter().enumerate() {
        let place = places.entry(name).or_insert((position, None));
        if place.0 != position {
            place.1 = place.1.or(Some(position));
        }
    }
    let asked = options.columns.as_deref().unwrap_or(names);
    let wanted = asked.iter().map(|name| {
        let place = places.get(name.as_str()).ok_or_else(|| missing(name, names))?;
        let (position, second) = *place;
        if let Some(second) = second {
            let (name, first, second) = (name.clone(), position + 1, second + 1);
            return Err(CsvError::Duplicate { name, first, second });
        }
        let declared = options.types.get(name).copied();
        Ok(Wanted { name: name.clone(), position, declared })
    });
    wanted.collect()
}

fn missing(name: &str, names: &[String]) -> CsvError {
    let available: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    CsvError::Missing { name: name.to_owned(), available: listed(&available) }
}

/// Whether `cell` stands for a missing value in a column of type `kind`.
///
/// Quoted empty text is text, but in a column of numbers it can only mean "missing".
fn is_null(cell: &Cell<'_>, kind: ColumnType, options: &CsvOptions) -> bool {
    if cell.quoted {
        return cell.text.is_empty() && kind != ColumnType::Text;
    }
    options.nulls.iter().any(|null| *null == cell.text)
}

fn learn_types(
    mut records: Records<'_>,
    width: usize,
    wanted: &[Wanted],
    options: &CsvOptions,
) -> Result<Vec<ColumnType>, CsvError> {
    let mut guesses = vec![Guess::default(); wanted.len()];
    let mut cells = Vec::new();
    while records.next_row(&mut cells, width)? {
        for (guess, column) in guesses.iter_mut().zip(wanted) {
            let cell = &cells[column.position];
            // A quoted empty field fits every type.
            let silent = is_null(cell, ColumnType::Float, options);
            if column.declared.is_none() && !silent {
                guess.see(&cell.text);
            }
        }
    }
    let learned = guesses.iter().zip(wanted);
    Ok(learned.map(|(guess, column)| column.declared.unwrap_or(guess.column_type())).collect())
}

fn build(
    mut records: Records<'_>,
    width: usize,
    wanted: &[Wanted],
    types: &[ColumnType],
    options: &CsvOptions,
) -> Result<RecordBatch, CsvError> {
    let mut builders: Vec<Builder> = types.iter().map(|&kind| Builder::new(kind)).collect();
    let mut cells = Vec::new();
    while records.next_row(&mut cells, width)? {
        for ((builder, column), &kind) in builders.iter_mut().zip(wanted).zip(types) {
            let cell = &cells[column.position];
            if is_null(cell, kind, options) {
                builder.push_null();
            } else if !builder.push(&cell.text) {
                return Err(refused(&records, column, kind, cell));
            }
        }
    }
    let arrays: Vec<ArrayRef> = builders.iter_mut().map(Builder::finish).collect();
    let named = wanted.iter().zip(&arrays);
    let fields = named
        .map(|(column, array)| Field::new(column.name.as_str(), array.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
}

fn refused(records: &Records<'_>, column: &Wanted, kind: ColumnType, cell: &Cell<'_>) -> CsvError {
    let row = records.row();
    if kind == ColumnType::Text {
        return CsvError::TextTooLong { row, column: column.name.clone() };
    }
    CsvError::Value {
        row,
        line: records.line(),
        column: column.name.clone(),
        text: cell.text.chars().take(40).collect(),
        expected: kind.describe(),
    }
}
