//! FITS binary tables <-> record batches.
//!
//! The wrapped crate stays behind this module: only record batches and our own errors
//! leave it. `TUNITn`, `TUCDn` and `TCOMMn` become the fields' unit, UCD and description,
//! and are written back as such (the latter two are what TOPCAT and VizieR write).

mod read;
mod rows;
#[cfg(test)]
mod tests;
mod write;

pub use read::read_table;
pub use write::{write_table, write_table_with};

use fits_well::FitsError;
use thiserror::Error;

use crate::formats::gzip::GzipError;

/// Why a FITS table could not be read or written.
#[derive(Debug, Error)]
pub enum FitsTableError {
    /// The gzip stream is damaged or too large.
    #[error(transparent)]
    Gzip(#[from] GzipError),
    /// Not a FITS file, or its first header cannot be read.
    #[error("{length_bytes} bytes are no readable FITS file: {source}")]
    Structure {
        /// Length of the file, unpacked.
        length_bytes: usize,
        /// What the FITS reader met.
        source: FitsError,
    },
    /// No HDU is the table that was asked for.
    #[error("no binary table{wanted}; the HDUs are {found}")]
    NoTable {
        /// The name that was asked for, with a leading blank, or nothing.
        wanted: String,
        /// Kinds and names of the HDUs.
        found: String,
    },
    /// A column that was asked for is not in the table.
    #[error("no column `{column}` in HDU {hdu}; it has {available}")]
    Missing {
        /// The name.
        column: String,
        /// Position of the HDU, from 0.
        hdu: usize,
        /// The names of the table.
        available: String,
    },
    /// A column that was asked for has a type that is not read here.
    #[error("column `{column}` of HDU {hdu} has format {format}, which is not read")]
    Unread {
        /// The name.
        column: String,
        /// Position of the HDU, from 0.
        hdu: usize,
        /// Its TFORM.
        format: String,
    },
    /// The table's data cannot be read, most often for truncation.
    #[error(
        "table of HDU {hdu} declares {declared_bytes} bytes of data in a file of {length_bytes}: {source}"
    )]
    Data {
        /// Position of the HDU, from 0.
        hdu: usize,
        /// Size of the data as the header declares it.
        declared_bytes: u64,
        /// Length of the file, unpacked.
        length_bytes: usize,
        /// What the FITS reader met.
        source: FitsError,
    },
    /// A column whose type or values have no form in a FITS table.
    #[error("column `{column}` cannot be written to FITS: {problem}")]
    Unwritable {
        /// The name.
        column: String,
        /// What stands in the way.
        problem: String,
    },
    /// The FITS writer refused the table.
    #[error("FITS table could not be written: {0}")]
    Write(FitsError),
    /// Arrow refused the table.
    #[error("table could not be built: {0}")]
    Table(#[from] arrow::error::ArrowError),
}

impl FitsTableError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gzip(error) => error.hint(),
            Self::Structure { .. } | Self::Data { .. } => {
                "download the file again; the copy is incomplete or damaged"
            }
            Self::NoTable { .. } => "name one of the HDUs that hold a binary table",
            Self::Missing { .. } => "check the column's name against the release of the catalog",
            Self::Unread { .. } => {
                "choose other columns: bits, complex and variable-length arrays are not read"
            }
            Self::Unwritable { .. } | Self::Write(_) => {
                "leave the column out, or publish it as Parquet"
            }
            Self::Table(_) => "read fewer columns",
        }
    }
}
