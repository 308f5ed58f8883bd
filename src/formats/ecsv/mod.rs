//! ECSV 0.9 and 1.0 (astropy's enhanced CSV), which the Gaia archive and astropy write.
//!
//! Lines with `#` above the data hold YAML: names, types, units and descriptions of the columns,
//! and the separator. Types are declared, so the rows are read once, as a stream; memory holds the
//! columns that are asked for and one row.
//!
//! Null is an empty field and, as the Gaia archive writes it, `null`. A column of text with the
//! subtype `type[n]` or `type[null]` holds vectors as JSON lists. Other subtypes, and vectors of
//! more dimensions, are not read: such columns are left out, and are an error when asked for.

mod header;
mod record;
#[cfg(test)]
mod tests;
mod yaml;

use arrow::record_batch::RecordBatch;
use thiserror::Error;

use crate::formats::columns::{Column, Misfit, Value, listed, positions, table};
use crate::formats::compression::{CompressionError, stream};
use crate::formats::gzip::TABLE_LIMIT_BYTES;
use crate::formats::lines::{LineError, Lines};
use header::{EcsvColumn, Header, Type};
use record::Record;

/// The longest line, and the longest row of several lines.
const LONGEST_ROW_BYTES: usize = 16 << 20;

/// Why an ECSV file could not be read.
#[derive(Debug, Error)]
pub enum EcsvError {
    /// The packed stream is of an unread kind or damaged at its beginning.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The stream breaks off, or a line is too long.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The file does not begin as ECSV does.
    #[error("line 1 is {found:?}, not `# %ECSV` with a version")]
    NotEcsv {
        /// What the line is.
        found: String,
    },
    /// The YAML header cannot be read.
    #[error("line {line} of the header: {problem}")]
    Header {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The line of names is not that of the header.
    #[error("line {line}: column {position} is named `{found}`, but `{declared}` in the header")]
    Name {
        /// Line, from 1.
        line: usize,
        /// Position, from 1.
        position: usize,
        /// Name on the line.
        found: String,
        /// Name in the header.
        declared: String,
    },
    /// A column that was asked for is not in the file.
    #[error("no column `{column}`; the file has {available}")]
    Missing {
        /// The name.
        column: String,
        /// The names of the file.
        available: String,
    },
    /// A column that was asked for has a type that is not read.
    #[error("column `{column}` is of type {what}, which is not read")]
    Unread {
        /// The name.
        column: String,
        /// Its type.
        what: String,
    },
    /// A quote that is not closed, or is followed by more text; bytes that are not UTF-8.
    #[error("line {line}: {problem}")]
    Text {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
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
    /// A value that does not fit the column's type.
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
    /// Arrow refused the table.
    #[error("table could not be built: {0}")]
    Table(#[from] arrow::error::ArrowError),
}

impl EcsvError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Compression(error) => error.hint(),
            Self::Line(_) => "fetch the file again; the copy is incomplete or damaged",
            Self::NotEcsv { .. } => "read it as `csv` if it has no header of `#` lines",
            Self::Header { .. } | Self::Name { .. } => "write the file anew, or read it as `csv`",
            Self::Missing { .. } => "check the column's name against the release of the catalog",
            Self::Unread { .. } => "choose other columns",
            Self::Text { .. } | Self::Width { .. } | Self::Value { .. } => {
                "mend the row, or fetch the file again"
            }
            Self::Table(_) => "read fewer columns",
        }
    }
}

/// Reads an ECSV file, plain or packed with gzip, bzip2 or xz.
///
/// `columns`: the columns to read, in this order (matched exactly, else without regard to case;
/// fields are named as asked), or every one that can be read when `None`. Fields carry unit, UCD
/// and description. Errors name line and row.
pub fn read_ecsv(bytes: &[u8], columns: Option<&[String]>) -> Result<RecordBatch, EcsvError> {
    let mut lines = Lines::new(stream(bytes, TABLE_LIMIT_BYTES)?, LONGEST_ROW_BYTES);
    let header = Header::read(&mut lines)?;
    let mut record = Record::new(header.separator, header.first_row);
    if !record.next(&mut lines)? {
        let line = lines.number();
        return Err(EcsvError::Header { line, problem: "no line of names follows".to_owned() });
    }
    check_names(&record, &header.columns)?;
    let (targets, mut filled) = select(&header.columns, columns)?;
    let mut row = 0;
    while record.next(&mut lines)? {
        row += 1;
        let (found, expected) = (record.len(), header.columns.len());
        if found != expected {
            return Err(EcsvError::Width { row, line: record.line(), found, expected });
        }
        for (column, position) in filled.iter_mut().zip(&targets) {
            let (text, kind) = (record.field(*position), &header.columns[*position].kind);
            push(column, kind, text).map_err(|Misfit| EcsvError::Value {
                row,
                line: record.line(),
                column: column.spec().name.clone(),
                text: text.chars().take(40).collect(),
                expected: column.spec().kind.describe(),
            })?;
        }
    }
    Ok(table(filled)?)
}

fn check_names(record: &Record, columns: &[EcsvColumn]) -> Result<(), EcsvError> {
    let (row, line, found, expected) = (0, record.line(), record.len(), columns.len());
    if found != expected {
        return Err(EcsvError::Width { row, line, found, expected });
    }
    let differs = |place: &usize| record.field(*place) != columns[*place].spec.name;
    match (0..found).find(differs) {
        Some(place) => Err(EcsvError::Name {
            line,
            position: place + 1,
            found: record.field(place).to_owned(),
            declared: columns[place].spec.name.clone(),
        }),
        None => Ok(()),
    }
}

/// Positions of the wanted columns, and the columns to fill.
fn select(
    columns: &[EcsvColumn],
    wanted: Option<&[String]>,
) -> Result<(Vec<usize>, Vec<Column>), EcsvError> {
    let names: Vec<&str> = columns.iter().map(|column| column.spec.name.as_str()).collect();
    let found = positions(&names, wanted).map_err(|column| EcsvError::Missing {
        column: column.to_owned(),
        available: listed(&names),
    })?;
    let (mut targets, mut filled) = (Vec::new(), Vec::new());
    for (order, position) in found.into_iter().enumerate() {
        let column = &columns[position];
        let mut spec = column.spec.clone();
        if let Some(wanted) = wanted {
            spec.name.clone_from(&wanted[order]);
        }
        match &column.kind {
            Type::Unread(_) if wanted.is_none() => (),
            Type::Unread(what) => {
                return Err(EcsvError::Unread { column: spec.name, what: what.clone() });
            }
            _ => {
                targets.push(position);
                filled.push(Column::new(spec));
            }
        }
    }
    Ok((targets, filled))
}

fn push(column: &mut Column, kind: &Type, text: &str) -> Result<(), Misfit> {
    if text.is_empty() || text == "null" {
        return column.push(Value::Null);
    }
    let Type::List(length) = kind else { return column.push(Value::Text(text)) };
    let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).ok_or(Misfit)?;
    if list.contains(['[', '"']) {
        return Err(Misfit);
    }
    let mut count = 0;
    for element in list.split(',').map(str::trim).filter(|_| !list.trim().is_empty()) {
        let value = if element == "null" { Value::Null } else { Value::Text(element) };
        column.push_element(value)?;
        count += 1;
    }
    if length.is_some_and(|length| length != count) {
        return Err(Misfit);
    }
    column.end_vector(count)
}
