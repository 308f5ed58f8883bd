//! What a file is, by its first bytes: so that a page of words in place of a table is told for what it is.

use std::fmt;
use std::io::Read;

use super::Format;
use super::compression::stream;

/// Unpacked bytes that are looked at.
const LOOKED_AT: usize = 2048;

/// The kinds of file that are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// No bytes.
    Empty,
    /// FITS.
    Fits,
    /// HDF5.
    Hdf5,
    /// XML that names VOTABLE.
    VoTable,
    /// Enhanced CSV.
    Ecsv,
    /// A web page.
    Html,
    /// Other text.
    Text,
    /// Packed in a way that is not read, or damaged: the reason.
    Packed(String),
    /// None of these.
    Binary,
}

impl fmt::Display for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "empty",
            Self::Fits => "a FITS file",
            Self::Hdf5 => "an HDF5 file",
            Self::VoTable => "a VOTable",
            Self::Ecsv => "an ECSV table",
            Self::Html => "a web page: the archive has answered with a form or a message",
            Self::Text => "plain text",
            Self::Packed(why) => return write!(f, "packed, but {why}"),
            Self::Binary => "of an unknown kind",
        })
    }
}

/// Tells what a file is by its first bytes; 64 kB of a packed one are enough.
pub fn beginning_of(bytes: &[u8]) -> Beginning {
    if bytes.is_empty() {
        return Beginning::Empty;
    }
    let mut plain = Vec::new();
    match stream(bytes, u64::MAX) {
        // The bytes may be a part of the file: what was unpacked before they end is its beginning.
        Ok(reader) => drop(reader.take(LOOKED_AT as u64).read_to_end(&mut plain)),
        Err(why) => return Beginning::Packed(why.to_string()),
    }
    of_plain(&plain)
}

fn of_plain(plain: &[u8]) -> Beginning {
    let text = String::from_utf8_lossy(plain);
    let start = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let begins = |words: &[&str]| words.iter().any(|word| start.starts_with(word));
    if plain.is_empty() {
        Beginning::Empty
    } else if plain.starts_with(b"SIMPLE  =") {
        Beginning::Fits
    } else if super::hdf5::is_hdf5(plain) {
        Beginning::Hdf5
    } else if begins(&["<!doctype html", "<html"]) {
        Beginning::Html
    } else if begins(&["<?xml", "<votable", "<!"]) && start.contains("votable") {
        Beginning::VoTable
    } else if begins(&["<?xml", "<!--"]) && start.contains("<html") {
        Beginning::Html
    } else if begins(&["# %ecsv"]) {
        Beginning::Ecsv
    } else if plain.iter().all(|byte| *byte >= b' ' || b"\t\n\r\x0c".contains(byte)) {
        Beginning::Text
    } else {
        Beginning::Binary
    }
}

/// Whether a file that begins so can be of a format.
pub fn can_be(beginning: &Beginning, format: Format) -> bool {
    match format {
        Format::LamostLrs | Format::FitsTable => *beginning == Beginning::Fits,
        Format::Hdf5 => *beginning == Beginning::Hdf5,
        Format::VoTable => *beginning == Beginning::VoTable,
        Format::Ecsv => *beginning == Beginning::Ecsv,
        Format::Csv | Format::Parsec | Format::Mrt | Format::Cds => *beginning == Beginning::Text,
        Format::BtSettl => {
            matches!(beginning, Beginning::Text | Beginning::Fits | Beginning::VoTable)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::gzip::packed;

    #[test]
    fn files_are_told_apart_plain_and_packed() {
        let cases: [(&[u8], Beginning); 8] = [
            (b"SIMPLE  =                    T", Beginning::Fits),
            (b"\x89HDF\r\n\x1a\n\0\0", Beginning::Hdf5),
            (b"<?xml version='1.0'?>\n<VOTABLE version='1.3'>", Beginning::VoTable),
            (b"# %ECSV 1.0\n# ---\n", Beginning::Ecsv),
            (b"\n<!DOCTYPE html>\n<html><body>Log in", Beginning::Html),
            (b"source_id,ra\n1,2\n", Beginning::Text),
            (b"\0\x01\x02\x03", Beginning::Binary),
            (b"", Beginning::Empty),
        ];
        for (bytes, expected) in cases {
            assert_eq!(beginning_of(bytes), expected);
            assert_eq!(beginning_of(&packed(bytes)), expected);
        }
        // A part of a packed file is enough; a zip archive is named.
        let long = packed(&b"source_id,ra\n1,2\n".repeat(4000));
        assert_eq!(beginning_of(&long[..200]), Beginning::Text);
        let zip = beginning_of(b"PK\x03\x04\x14\0").to_string();
        assert!(zip.contains("zip archive"), "{zip}");
    }

    #[test]
    fn every_format_has_a_beginning() {
        for format in Format::ALL {
            assert!(!can_be(&Beginning::Html, format) && !can_be(&Beginning::Empty, format));
        }
        assert!(can_be(&Beginning::Fits, Format::LamostLrs));
        assert!(!can_be(&Beginning::VoTable, Format::Csv));
    }
}
