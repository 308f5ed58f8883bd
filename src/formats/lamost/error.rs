//! What can be wrong with a LAMOST file.

use fits_well::FitsError;
use thiserror::Error;

use crate::formats::gzip::GzipError;

/// Why a LAMOST spectrum could not be read.
#[derive(Debug, Error)]
pub enum LamostError {
    /// The gzip stream is damaged or too large.
    #[error(transparent)]
    Gzip(#[from] GzipError),
    /// No bytes at all.
    #[error("file is empty")]
    Empty,
    /// Not a FITS file.
    #[error("file does not begin with the FITS card `SIMPLE` but with {beginning:?}")]
    NotFits {
        /// The first bytes, as text.
        beginning: String,
    },
    /// The primary header cannot be read: no END card, sizes that overflow.
    #[error("HDU 0 of {length_bytes} bytes has no readable header: {source}")]
    Structure {
        /// Length of the file, unpacked.
        length_bytes: usize,
        /// What the FITS reader met.
        source: FitsError,
    },
    /// The pixels of an HDU cannot be read, most often for truncation.
    #[error(
        "HDU {hdu} declares {declared_bytes} bytes of data in a file of {length_bytes}: {source}"
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
    /// Neither of the two layouts.
    #[error("file has neither layout of a LAMOST low-resolution spectrum: {found}")]
    Layout {
        /// What it has instead.
        found: String,
    },
    /// A column of the table layout is missing, or its length is not that of the flux.
    #[error("column {column} of HDU {hdu}: {problem}")]
    Column {
        /// Position of the HDU, from 0.
        hdu: usize,
        /// Name of the column.
        column: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A card that every spectrum must have is absent or of another type.
    #[error("card {card} of HDU 0 {problem}")]
    Card {
        /// Keyword of the card.
        card: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A mask value that is no set of bits.
    #[error("{mask} of HDU {hdu} at pixel {pixel} is {value}, not a whole number from 0 to 2^32-1")]
    Mask {
        /// Position of the HDU, from 0.
        hdu: usize,
        /// `andmask` or `ormask`.
        mask: &'static str,
        /// Index of the pixel, from 0.
        pixel: usize,
        /// The value found.
        value: f64,
    },
}

impl LamostError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Gzip(error) => error.hint(),
            Self::Empty | Self::Structure { .. } | Self::Data { .. } | Self::Mask { .. } => {
                "download the file again; the copy is incomplete or damaged"
            }
            Self::NotFits { .. } => {
                "give LAMOST .fits or .fits.gz files; a web page may have been saved instead"
            }
            Self::Layout { .. } | Self::Column { .. } => {
                "give low-resolution spectra (LRS); medium-resolution files have other tables"
            }
            Self::Card { .. } => "give files as the LAMOST archive serves them, header included",
        }
    }
}

/// Refuses what cannot be FITS before the parser sees it, in plainer words than it has.
pub(super) fn check_beginning(plain: &[u8]) -> Result<(), LamostError> {
    if plain.is_empty() {
        return Err(LamostError::Empty);
    }
    if plain.starts_with(b"SIMPLE") {
        return Ok(());
    }
    let first = &plain[..plain.len().min(24)];
    Err(LamostError::NotFits { beginning: first.escape_ascii().to_string() })
}
