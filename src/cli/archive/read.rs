//! From files of an archive to a table of the columns that are checked.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::engine::source::files_below;
use crate::engine::spec::Archive;
use crate::formats::Format;
use crate::formats::beginning::{beginning_of, can_be};
use crate::formats::catalog::{CatalogError, read_typed};
use crate::formats::cds::CdsError;
use crate::formats::csv::{CsvError, CsvOptions, read_csv};
use crate::formats::ecsv::EcsvError;
use crate::formats::fits_table::FitsTableError;
use crate::formats::hdf5::DustFile;
use crate::formats::lamost::{LamostHeader, header_table, probe_header};
use crate::formats::parsec::ParsecError;
use crate::formats::votable::VoTableError;

/// Bytes of a file that tell what it is, and hold the header of a spectrum.
const START_BYTES: u64 = 64 << 10;
/// Files that are named in a fault.
const NAMED: usize = 3;

/// What was read.
#[derive(Default)]
pub struct Found {
    /// Rows, spectra or pixels.
    pub rows: Option<u64>,
    /// The columns that are checked, as far as they are there.
    pub table: Option<RecordBatch>,
    /// What is wrong.
    pub faults: Vec<String>,
}

/// Reads a copy; whatever is wrong with it is a fault, not an error.
pub fn read(place: &Path, glob: Option<&str>, format: &str, archive: &Archive) -> Found {
    let mut found = Found::default();
    let format: Format = match format.parse() {
        Ok(format) => format,
        Err(_) => return found,
    };
    let paths = match files(place, glob) {
        Ok(paths) => paths,
        Err(why) => return Found { faults: vec![why], ..found },
    };
    let headers = beginnings(&paths, format, &mut found);
    if format == Format::LamostLrs {
        // A bad spectrum among thousands does not keep the others from being checked.
        spectra(&headers, &mut found);
        return found;
    }
    if !found.faults.is_empty() {
        return found;
    }
    match format {
        Format::BtSettl => found.rows = Some(paths.len() as u64),
        Format::Hdf5 => dust(&paths, &mut found),
        _ => table(&paths, format, archive, &mut found),
    }
    found
}

fn files(place: &Path, glob: Option<&str>) -> Result<Vec<PathBuf>, String> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let all = files_below(place).map_err(|why| why.to_string())?;
    // As when the slot is bound.
    Ok(all.into_iter().filter(|path| crate::engine::bind::matches(glob, path)).collect())
}

/// Looks at the first bytes of each file; of spectra the headers are kept, nothing else.
fn beginnings(paths: &[PathBuf], format: Format, found: &mut Found) -> Vec<LamostHeader> {
    let (mut headers, mut wrong) = (Vec::new(), Vec::new());
    for path in paths {
        let start = match start_of(path) {
            Ok(start) => start,
            Err(why) => {
                wrong.push(format!("{} cannot be read: {why}", name(path)));
                continue;
            }
        };
        let beginning = beginning_of(&start);
        if !can_be(&beginning, format) {
            wrong.push(format!("{} is {beginning}, not of format `{format}`", name(path)));
        } else if format == Format::LamostLrs {
            match probe_header(&start) {
                Some(header) => headers.push(header),
                None => wrong.push(format!("{} has no header of a LAMOST spectrum", name(path))),
            }
        }
    }
    say(wrong, found);
    headers
}

fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    File::open(path)?.take(START_BYTES).read_to_end(&mut start)?;
    Ok(start)
}

fn name(path: &Path) -> String {
    format!("`{}`", path.file_name().unwrap_or_default().to_string_lossy())
}

/// The first few faults of a kind, and how many more there are.
fn say(mut wrong: Vec<String>, found: &mut Found) {
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    found.faults.extend(wrong);
    if more > 0 {
        found.faults.push(format!("… and {more} more files like these"));
    }
}

fn spectra(headers: &[LamostHeader], found: &mut Found) {
    found.rows = Some(headers.len() as u64);
    match header_table(headers) {
        Ok(table) => found.table = Some(table),
        Err(why) => found.faults.push(why.to_string()),
    }
}

fn dust(paths: &[PathBuf], found: &mut Found) {
    let [path] = paths else {
        found.faults.push(format!("a dust map is one file, but {} are there", paths.len()));
        return;
    };
    let opened = std::fs::read(path)
        .map_err(|why| why.to_string())
        .and_then(|bytes| DustFile::open(Arc::new(bytes)).map_err(|why| why.to_string()));
    match opened {
        Ok(map) => found.rows = Some(map.pixels().len() as u64),
        Err(why) => found.faults.push(format!("{}: {why}", name(path))),
    }
}

/// Reads the columns that are there; one that is not is a fault.
fn table(paths: &[PathBuf], format: Format, archive: &Archive, found: &mut Found) {
    let mut files = Vec::new();
    for path in paths {
        match std::fs::read(path) {
            Ok(bytes) => files.push((name(path), bytes)),
            Err(why) => found.faults.push(format!("{} cannot be read: {why}", name(path))),
        }
    }
    let mut wanted: Vec<String> =
        archive.columns.iter().map(|column| column.name.clone()).collect();
    while !wanted.is_empty() && found.faults.len() <= archive.columns.len() {
        match columns(&files, format, &wanted) {
            Ok(table) => {
                found.rows = Some(table.num_rows() as u64);
                found.table = Some(table);
                return;
            }
            Err(Failed::Missing(column)) => {
                found.faults.push(format!("column `{column}` is not in the file"));
                wanted.retain(|name| *name != column);
            }
            Err(Failed::Other(why)) => {
                found.faults.push(why);
                return;
            }
        }
    }
}

enum Failed {
    Missing(String),
    Other(String),
}

fn columns(
    files: &[(String, Vec<u8>)],
    format: Format,
    wanted: &[String],
) -> Result<RecordBatch, Failed> {
    if format == Format::Csv {
        let [(_, bytes)] = files else {
            return Err(Failed::Other(format!("a CSV is one file, but {} are there", files.len())));
        };
        let options = CsvOptions { columns: Some(wanted.to_vec()), ..CsvOptions::default() };
        return read_csv(bytes, &options).map_err(|why| match why {
            CsvError::Missing { name, .. } => Failed::Missing(name),
            other => Failed::Other(format!("{other}; {}", other.hint())),
        });
    }
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    read_typed(format, &files, Some(wanted)).map_err(|why| match why {
        CatalogError::VoTable(VoTableError::Missing { column, .. })
        | CatalogError::Ecsv(EcsvError::Missing { column, .. })
        | CatalogError::Cds(CdsError::Missing { column, .. })
        | CatalogError::Parsec(ParsecError::Missing { column, .. })
        | CatalogError::Fits(FitsTableError::Missing { column, .. }) => Failed::Missing(column),
        other => Failed::Other(format!("{other}; {}", other.hint())),
    })
}
