//! Tables by the name of their format: one entry for callers that learn the format from a
//! configuration.

use arrow::record_batch::RecordBatch;
use thiserror::Error;

use crate::formats::Format;
use crate::formats::cds::{CdsError, is_description, read_cds, read_mrt};
use crate::formats::ecsv::{EcsvError, read_ecsv};
use crate::formats::fits_table::{FitsTableError, read_table};
use crate::formats::parsec::{ParsecError, read_isochrones};
use crate::formats::votable::{VoTableError, VoTableOptions, read_votable};

/// A file of a table: its name and its bytes.
pub type File<'a> = (&'a str, &'a [u8]);

/// Why a table could not be read.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// See [`VoTableError`].
    #[error(transparent)]
    VoTable(#[from] VoTableError),
    /// See [`EcsvError`].
    #[error(transparent)]
    Ecsv(#[from] EcsvError),
    /// See [`ParsecError`].
    #[error(transparent)]
    Parsec(#[from] ParsecError),
    /// See [`CdsError`].
    #[error(transparent)]
    Cds(#[from] CdsError),
    /// See [`FitsTableError`].
    #[error(transparent)]
    Fits(#[from] FitsTableError),
    /// A number of files that the format does not come in.
    #[error("a table of format `{format}` is {wanted}, but {found} files are given")]
    Files {
        /// The format.
        format: Format,
        /// What it consists of.
        wanted: &'static str,
        /// Files given.
        found: usize,
    },
    /// A format that is no typed table.
    #[error("format `{format}` is not read here")]
    Format {
        /// The format.
        format: Format,
    },
}

impl CatalogError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::VoTable(error) => error.hint(),
            Self::Ecsv(error) => error.hint(),
            Self::Parsec(error) => error.hint(),
            Self::Cds(error) => error.hint(),
            Self::Fits(error) => error.hint(),
            Self::Files { .. } => {
                "bind the data file, with the ReadMe beside it where there is one"
            }
            Self::Format { .. } => "choose another format",
        }
    }
}

/// Reads a table that declares its own types: every format of tables but CSV, whose types and nulls
/// the caller declares ([`crate::formats::csv::read_csv`]).
///
/// `files`: the one file; for [`Format::Cds`] the data file and its ReadMe, in any order.
/// `columns`: the columns to read, in this order, named as asked; all when `None`.
pub fn read_typed(
    format: Format,
    files: &[File<'_>],
    columns: Option<&[String]>,
) -> Result<RecordBatch, CatalogError> {
    if format == Format::Cds {
        return two_files(files, columns);
    }
    let &[(_, bytes)] = files else {
        return Err(CatalogError::Files { format, wanted: "one file", found: files.len() });
    };
    Ok(match format {
        Format::VoTable => {
            let options =
                VoTableOptions { columns: columns.map(<[String]>::to_vec), allow_overflow: false };
            read_votable(bytes, &options)?.table
        }
        Format::Ecsv => read_ecsv(bytes, columns)?,
        Format::Parsec => read_isochrones(bytes, columns)?.table,
        Format::Mrt => read_mrt(bytes, columns)?,
        Format::FitsTable => {
            let names: Option<Vec<&str>> =
                columns.map(|columns| columns.iter().map(String::as_str).collect());
            read_table(bytes, None, names.as_deref())?
        }
        _ => return Err(CatalogError::Format { format }),
    })
}

/// The ReadMe is the file that describes others.
fn two_files(files: &[File<'_>], columns: Option<&[String]>) -> Result<RecordBatch, CatalogError> {
    let [a, b] = files else {
        let (format, wanted) = (Format::Cds, "a ReadMe and a data file");
        return Err(CatalogError::Files { format, wanted, found: files.len() });
    };
    let (readme, data) = if is_description(a.1) { (a, b) } else { (b, a) };
    Ok(read_cds(readme.1, data.0, data.1, columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_go_to_their_readers() {
        let ecsv = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: a, datatype: int32}\na\n1\n";
        let parsec = "# a b\n1 2\n";
        let votable = "<VOTABLE><TABLE><FIELD name='a' datatype='int'/><DATA><TABLEDATA><TR><TD>1\
                       </TD></TR></TABLEDATA></DATA></TABLE></VOTABLE>";
        for (format, text) in
            [(Format::Ecsv, ecsv), (Format::Parsec, parsec), (Format::VoTable, votable)]
        {
            let columns = ["a".to_owned()];
            let batch = read_typed(format, &[("x", text.as_bytes())], Some(&columns)).unwrap();
            assert_eq!((batch.num_rows(), batch.num_columns()), (1, 1), "{format}");
            let two = [("x", text.as_bytes()), ("y", text.as_bytes())];
            let error = read_typed(format, &two, None).unwrap_err();
            assert!(error.to_string().ends_with("is one file, but 2 files are given"), "{error}");
            assert!(!error.hint().is_empty());
        }
        assert!(read_typed(Format::Csv, &[("x", b"a\n1\n")], None).is_err());
    }

    #[test]
    fn the_readme_is_found_whatever_the_order() {
        let readme = "Byte-by-byte Description of file: t.dat\n------\nheads\n------\n   1- 2 I2 \
                      --- N a number\n------\n";
        let (readme, data) = (("ReadMe", readme.as_bytes()), ("t.dat", &b"12\n 3\n"[..]));
        for files in [[readme, data], [data, readme]] {
            assert_eq!(read_typed(Format::Cds, &files, None).unwrap().num_rows(), 2);
        }
        let error = read_typed(Format::Cds, &[data], None).unwrap_err().to_string();
        assert_eq!(
            error,
            "a table of format `cds` is a ReadMe and a data file, but 1 files are given"
        );
    }
}
