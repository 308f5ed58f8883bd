//! Tables of CDS (VizieR's `ReadMe` beside its data files) and machine-readable tables of the AAS
//! journals: columns at fixed bytes, described in a "Byte-by-byte Description".
//!
//! A description names bytes, format, unit, label and meaning of each column; `?=-9.99` in the
//! meaning declares what stands for a missing value. Blanks are always missing. `I` is read as a
//! whole number, `F`, `E` and `D` as real ones, `A` as text.

mod description;
#[cfg(test)]
mod tests;
mod write;

pub use write::{ACKNOWLEDGEMENTS, CdsFiles, CdsWriteError, wrapped, write_cds};

use arrow::record_batch::RecordBatch;
use thiserror::Error;

use crate::formats::columns::{Column, Kind, Misfit, Spec, Value, listed, positions, table};
use crate::formats::compression::{CompressionError, stream};
use crate::formats::gzip::TABLE_LIMIT_BYTES;
use crate::formats::lines::{LineError, Lines};
use description::{CdsColumn, Description, Parser, with_e};

/// The longest line; the widest tables have some thousand bytes.
const LONGEST_LINE_BYTES: usize = 1 << 20;

/// Why a table could not be read.
#[derive(Debug, Error)]
pub enum CdsError {
    /// The packed stream is of an unread kind or damaged at its beginning.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The stream breaks off, or a line is too long.
    #[error(transparent)]
    Line(#[from] LineError),
    /// No description of the file.
    #[error("no `Byte-by-byte Description of file: {file}`; described are {described}")]
    Undescribed {
        /// The data file.
        file: String,
        /// The files that are described.
        described: String,
    },
    /// A description that cannot be meant.
    #[error("line {line} of the description: {problem}")]
    Description {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A column that was asked for is not in the file.
    #[error("no column `{column}`; the file has {available}")]
    Missing {
        /// The name.
        column: String,
        /// The labels of the file.
        available: String,
    },
    /// A value that is not of its column's format.
    #[error("line {line}, bytes {first}-{last} (`{column}`): `{text}` is not {expected}")]
    Value {
        /// Line, from 1.
        line: usize,
        /// First byte, from 1.
        first: usize,
        /// Last byte.
        last: usize,
        /// Label of the column.
        column: String,
        /// The value.
        text: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Text at bytes that no column has: data and description do not belong together.
    #[error("line {line} has text at byte {byte}, which no column has: {text:?}")]
    Outside {
        /// Line, from 1.
        line: usize,
        /// The byte, from 1.
        byte: usize,
        /// The text from there on.
        text: String,
    },
    /// Arrow refused the table.
    #[error("table could not be built: {0}")]
    Table(#[from] arrow::error::ArrowError),
}

impl CdsError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Compression(error) => error.hint(),
            Self::Line(_) => "fetch the file again; the copy is incomplete or damaged",
            Self::Undescribed { .. } => {
                "give the ReadMe of this catalog, and the file under its name"
            }
            Self::Description { .. } => "fetch the description again, or mend the line",
            Self::Missing { .. } => "labels are those of the description",
            Self::Value { .. } | Self::Outside { .. } => {
                "check that description and data are of the same version"
            }
            Self::Table(_) => "read fewer columns",
        }
    }
}

/// Reads a machine-readable table: description and data in one file.
///
/// The data begin behind the last line of dashes or equal signs. `columns`: see [`read_cds`].
pub fn read_mrt(bytes: &[u8], columns: Option<&[String]>) -> Result<RecordBatch, CdsError> {
    let mut lines = Lines::new(stream(bytes, TABLE_LIMIT_BYTES)?, LONGEST_LINE_BYTES);
    let mut parser = Parser::default();
    let mut last_rule = 0;
    while let Some(line) = lines.next_line()? {
        let rule = is_rule(line);
        let line = String::from_utf8_lossy(line).into_owned();
        if rule {
            last_rule = lines.number();
        }
        parser.take(lines.number(), &line)?;
    }
    let mut described = parser.finish();
    if described.is_empty() {
        let (file, described) = (String::new(), "none".to_owned());
        return Err(CdsError::Undescribed { file, described });
    }
    read_data(bytes, last_rule, &described.swap_remove(0), columns)
}

/// Reads a data file of CDS with the `ReadMe` that describes it, both plain or packed with gzip,
/// bzip2 or xz.
///
/// `file`: the data file's name as in the ReadMe; folders and `.gz` aside. `columns`: the labels to
/// read, in this order (matched exactly, else without regard to case; fields are named as asked),
/// or all when `None`. Fields carry unit and description. Errors name line and bytes.
pub fn read_cds(
    readme: &[u8],
    file: &str,
    data: &[u8],
    columns: Option<&[String]>,
) -> Result<RecordBatch, CdsError> {
    let mut lines = Lines::new(stream(readme, TABLE_LIMIT_BYTES)?, LONGEST_LINE_BYTES);
    let mut parser = Parser::default();
    while let Some(line) = lines.next_line()? {
        let line = String::from_utf8_lossy(line).into_owned();
        parser.take(lines.number(), &line)?;
    }
    let described = parser.finish();
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let packed = [".gz", ".bz2", ".xz"].iter().find_map(|end| base.strip_suffix(end));
    let base = packed.unwrap_or(base);
    match described.iter().find(|description| description.is_of(base)) {
        Some(description) => read_data(data, 0, description, columns),
        None => {
            let names: Vec<String> = described.into_iter().flat_map(|d| d.files).collect();
            Err(CdsError::Undescribed { file: base.to_owned(), described: names.join(", ") })
        }
    }
}

/// Whether bytes are a description of tables: a ReadMe, or a machine-readable table.
pub fn is_description(bytes: &[u8]) -> bool {
    let Ok(reader) = stream(bytes, TABLE_LIMIT_BYTES) else { return false };
    let mut lines = Lines::new(reader, LONGEST_LINE_BYTES);
    while let Ok(Some(line)) = lines.next_line() {
        if description::files_of(&String::from_utf8_lossy(line)).is_some() {
            return true;
        }
    }
    false
}

fn is_rule(line: &[u8]) -> bool {
    line.starts_with(b"------") || line.starts_with(b"======")
}

fn read_data(
    bytes: &[u8],
    skip: usize,
    description: &Description,
    wanted: Option<&[String]>,
) -> Result<RecordBatch, CdsError> {
    let labels: Vec<&str> = description.columns.iter().map(|c| c.spec.name.as_str()).collect();
    let targets = positions(&labels, wanted).map_err(|column| CdsError::Missing {
        column: column.to_owned(),
        available: listed(&labels),
    })?;
    let chosen = targets.iter().enumerate().map(|(order, target)| {
        let spec = description.columns[*target].spec.clone();
        let name = wanted.map_or(&spec.name, |wanted| &wanted[order]).clone();
        Column::new(Spec { name, ..spec })
    });
    let mut filled: Vec<Column> = chosen.collect();
    let covered = description.covered();
    let mut lines = Lines::new(stream(bytes, TABLE_LIMIT_BYTES)?, LONGEST_LINE_BYTES);
    while let Some(row) = lines.next_line()? {
        let row = row.to_vec();
        let line = lines.number();
        if line <= skip || row.trim_ascii().is_empty() {
            continue;
        }
        check_outside(line, &row, &covered)?;
        for (column, target) in filled.iter_mut().zip(&targets) {
            let described = &description.columns[*target];
            push(column, described, &row).map_err(|text| CdsError::Value {
                line,
                first: described.first,
                last: described.last,
                column: described.spec.name.clone(),
                text,
                expected: described.spec.kind.describe(),
            })?;
        }
    }
    Ok(table(filled)?)
}

/// Refuses text at bytes that no column has.
fn check_outside(line: usize, row: &[u8], covered: &[bool]) -> Result<(), CdsError> {
    let outside =
        |place: &usize| !row[*place].is_ascii_whitespace() && covered.get(*place) != Some(&true);
    match (0..row.len()).find(outside) {
        Some(place) => {
            let text = &row[place..row.len().min(place + 40)];
            let text = String::from_utf8_lossy(text).into_owned();
            Err(CdsError::Outside { line, byte: place + 1, text })
        }
        None => Ok(()),
    }
}

/// Appends the value at a column's bytes; the error is the text that is none.
fn push(column: &mut Column, described: &CdsColumn, row: &[u8]) -> Result<(), String> {
    let end = described.last.min(row.len());
    let cell = row.get(described.first - 1..end).unwrap_or_default().trim_ascii();
    let text = match std::str::from_utf8(cell) {
        Ok(text) => text.to_owned(),
        // Old catalogs are in Latin-1.
        Err(_) => cell.iter().map(|byte| char::from(*byte)).collect(),
    };
    let taken = if text.is_empty() || described.is_null(&text) {
        column.push(Value::Null)
    } else if described.spec.kind == Kind::Float64 {
        column.push(Value::Text(&with_e(&text)))
    } else {
        column.push(Value::Text(&text))
    };
    taken.map_err(|Misfit| text.chars().take(40).collect())
}
