//! The formats by name, for callers that learn the format from a configuration.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A format that this module reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// One LAMOST low-resolution spectrum a file: [`crate::formats::lamost`].
    LamostLrs,
    /// Delimited text: [`crate::formats::csv`].
    Csv,
    /// FITS binary table: [`crate::formats::fits_table`].
    FitsTable,
    /// VOTable: [`crate::formats::votable`].
    VoTable,
    /// Enhanced CSV: [`crate::formats::ecsv`].
    Ecsv,
    /// Isochrones of PARSEC: [`crate::formats::parsec`].
    Parsec,
    /// Machine-readable table of the AAS journals: [`crate::formats::cds`].
    Mrt,
    /// Table of CDS with its ReadMe: [`crate::formats::cds`].
    Cds,
    /// BT-Settl model spectra, one a file: [`crate::formats::btsettl`].
    BtSettl,
    /// Dust map in the layout of Bayestar: [`crate::formats::hdf5`].
    Hdf5,
}

/// A name that is no format.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown format `{name}`; known are {}", known_names())]
pub struct UnknownFormat {
    /// The name as it was given.
    pub name: String,
}

fn known_names() -> String {
    let names: Vec<String> = Format::ALL.iter().map(|f| format!("`{f}`")).collect();
    names.join(", ")
}

impl Format {
    /// Every format, in the order in which they are listed to people.
    pub const ALL: [Self; 10] = [
        Self::LamostLrs,
        Self::Csv,
        Self::FitsTable,
        Self::VoTable,
        Self::Ecsv,
        Self::Parsec,
        Self::Mrt,
        Self::Cds,
        Self::BtSettl,
        Self::Hdf5,
    ];

    /// The name that configurations use.
    pub fn name(self) -> &'static str {
        match self {
            Self::LamostLrs => "lamost-lrs",
            Self::Csv => "csv",
            Self::FitsTable => "fits-table",
            Self::VoTable => "votable",
            Self::Ecsv => "ecsv",
            Self::Parsec => "parsec",
            Self::Mrt => "mrt",
            Self::Cds => "cds",
            Self::BtSettl => "bt-settl",
            Self::Hdf5 => "hdf5",
        }
    }

    /// One line for people: what is read.
    pub fn describe(self) -> &'static str {
        match self {
            Self::LamostLrs => {
                "LAMOST low-resolution spectrum, one a file (5-row image, or COADD table of later \
                 releases; .fits or .fits.gz)"
            }
            Self::Csv => "delimited text with one header line (.csv or .csv.gz)",
            Self::FitsTable => "first or named binary table of a FITS file (.fits or .fits.gz)",
            Self::VoTable => {
                "first table of a VOTable in TABLEDATA, BINARY or BINARY2 (plain, .gz, .bz2, .xz)"
            }
            Self::Ecsv => "enhanced CSV of astropy and the Gaia archive (plain, .gz, .bz2, .xz)",
            Self::Parsec => "isochrones as the CMD web form answers (plain, .gz, .bz2, .xz)",
            Self::Mrt => "machine-readable table of the AAS journals, description and data in one",
            Self::Cds => "fixed-width table of CDS and the ReadMe that describes it, two files",
            Self::BtSettl => {
                "BT-Settl model spectrum, one a file (native text, two columns, SVO text or VOTable, \
                 FITS table; plain, .gz, .bz2, .xz)"
            }
            Self::Hdf5 => "three-dimensional dust map in the HDF5 layout of Bayestar",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            assert!(!format.describe().is_empty());
        }
        let error = "CSV".parse::<Format>().unwrap_err().to_string();
        let beginning = "unknown format `CSV`; known are `lamost-lrs`, `csv`, `fits-table`, ";
        assert!(error.starts_with(beginning), "{error}");
    }
}
