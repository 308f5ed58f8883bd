//! What can be wrong with a model spectrum.

use std::io;

use thiserror::Error;

use super::node::NodeError;
use crate::formats::compression::{Compression, CompressionError, cause};

/// Why a model spectrum could not be read.
#[derive(Debug, Error)]
pub enum BtSettlError {
    /// The packed stream is damaged, too large or of an unread kind.
    #[error(transparent)]
    Compression(#[from] CompressionError),
    /// The node is not said, or said twice differently.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A saved web page, for example.
    #[error("file begins with {beginning:?}, not with a spectrum")]
    NotASpectrum {
        /// The first bytes, as text.
        beginning: String,
    },
    /// A line of text that is not wavelength and flux.
    #[error("line {line}: {problem}: {text:?}")]
    Line {
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: &'static str,
        /// The beginning of the line.
        text: String,
    },
    /// A row of a table that is not wavelength and flux.
    #[error("row {row}: {problem} ({value})")]
    Row {
        /// Row, from 1.
        row: usize,
        /// What is wrong.
        problem: &'static str,
        /// The value found.
        value: f64,
    },
    /// Wavelengths that must ascend do not.
    #[error("line or row {at}: wavelength {wave_angstrom} Angstrom follows {before_angstrom}")]
    NotAscending {
        /// Line or row, from 1.
        at: usize,
        /// Wavelength there.
        wave_angstrom: f64,
        /// Wavelength before it.
        before_angstrom: f64,
    },
    /// One wavelength with two fluxes.
    #[error(
        "wavelength {wave_angstrom} Angstrom stands at lines or rows {first} and {second} with \
         fluxes that differ by {percent:.2} percent"
    )]
    Ambiguous {
        /// The wavelength.
        wave_angstrom: f64,
        /// Line or row of the first, from 1.
        first: usize,
        /// Line or row of the second, from 1.
        second: usize,
        /// By how much they differ.
        percent: f64,
    },
    /// The text ends within a line.
    #[error("line {line}, the last one, has no end: the file breaks off")]
    BreaksOff {
        /// Line, from 1.
        line: usize,
    },
    /// The header does not say what the columns are.
    #[error("the `#` header {problem}")]
    Header {
        /// What is wrong.
        problem: String,
    },
    /// A unit that is not known.
    #[error("unit `{unit}` of the {quantity} is not known")]
    Unit {
        /// The unit.
        unit: String,
        /// `wavelength` or `flux`.
        quantity: &'static str,
    },
    /// Not a table of wavelength and flux.
    #[error("{problem}")]
    Table {
        /// What is wrong.
        problem: String,
    },
    /// No point inside the window.
    #[error(
        "no point between {} and {} Angstrom", window_angstrom.0, window_angstrom.1
    )]
    Empty {
        /// The window.
        window_angstrom: (f64, f64),
    },
}

impl BtSettlError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Compression(error) => error.hint(),
            Self::Node(error) => error.hint(),
            Self::NotASpectrum { .. } => {
                "give model spectra; a web page may have been saved instead"
            }
            Self::Line { .. } | Self::Row { .. } => "download the file again or leave the node out",
            Self::NotAscending { .. } => {
                "sort the file by wavelength: only native files of three or more columns may be \
                 in any order"
            }
            Self::Ambiguous { .. } => "leave one of the two points out",
            Self::BreaksOff { .. } => "download the file again; the copy is incomplete",
            Self::Header { .. } | Self::Unit { .. } | Self::Table { .. } => {
                "give the file as the SVO or Lyon archives serve it, header included"
            }
            Self::Empty { .. } => "give a spectrum that covers the window, or another window",
        }
    }

    pub(super) fn stream(error: io::Error, kind: Compression) -> Self {
        Self::Compression(cause(error, kind))
    }
}
