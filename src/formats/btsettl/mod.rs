//! Spectra of the BT-Settl model atmospheres (Allard et al. 2012, 2012RSPTA.370.2765A; 2013,
//! 2013MSAIS..24..128A), one file a node of the grid, in all forms in which they are passed on.
//!
//! | form | wavelength | flux |
//! |---|---|---|
//! | native text of PHOENIX (`.spec.7`) | Angstrom, in any order | log10 F_lambda, plus an offset |
//! | two columns cut from it | Angstrom, ascending | the same |
//! | SVO's text with a `#` header | as the header says | F_lambda, as the header says |
//! | FITS binary table (Lyon, SVO) | as `TUNITn` says | F_lambda, as `TUNITn` says |
//! | VOTable (SVO) | as `unit` says | F_lambda, as `unit` says |
//!
//! Native numbers may have Fortran's `D` exponents and touch each other (`12345.678-8.123`).
//! Native logarithms are of erg/s/cm2/cm: 10^(value - 8) is erg/s/cm2/Angstrom. NextGen and
//! AMES-Cond models have another offset (see [`Options::log_offset`]). Wavelengths are those of
//! vacuum; no form of the file says so.
//!
//! What node a spectrum is of stands in the file's name and, in some forms, in its header:
//! see `name.rs`. Where both speak and disagree the file is refused.

mod error;
mod name;
mod node;
mod number;
mod points;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod units;

pub use error::BtSettlError;
pub use node::{NodeError, NodeParameters};

use crate::formats::compression::{compression_of, stream, unpacked};

/// The most bytes that one file may unpack to: native text with line identifications has 0.5 GB.
pub const LIMIT_BYTES: u64 = 4 << 30;
/// log10 of what turns native flux into erg/s/cm2/Angstrom: 1 cm is 10^8 Angstrom.
pub const LOG_OFFSET: f64 = -8.0;

/// How to read a spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Keeps the points inside only, Angstrom, bounds included; the whole file is checked as far
    /// as it must be read, but points outside are not kept in memory.
    pub window_angstrom: (f64, f64),
    /// Added to the logarithms of the text forms to make log10 of erg/s/cm2/Angstrom.
    pub log_offset: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { window_angstrom: (0.0, f64::INFINITY), log_offset: LOG_OFFSET }
    }
}

/// In what form a spectrum was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text of three or more columns as PHOENIX writes it.
    Native,
    /// Two columns cut from it.
    TwoColumn,
    /// Text with a `#` header.
    SvoText,
    /// FITS binary table.
    Fits,
    /// VOTable.
    VoTable,
}

/// A model spectrum; vectors are `(n_point,)`.
#[derive(Debug, Clone, PartialEq)]
pub struct GridSpectrum {
    /// What it is of.
    pub node: NodeParameters,
    /// In what form it was found.
    pub form: Form,
    /// Wavelength, Angstrom, strictly ascending.
    pub wave_angstrom: Vec<f64>,
    /// F_lambda at the star's surface, erg/s/cm2/Angstrom, finite and not negative.
    pub flux: Vec<f64>,
}

/// Points, and what the header says of the node.
struct Content {
    form: Form,
    header: node::Partial,
    wave_angstrom: Vec<f64>,
    flux: Vec<f64>,
}

/// Reads one spectrum from the bytes of its file, plain or packed with gzip, bzip2 or xz.
///
/// `name`: the file's name, of which the node is read. Errors name the line or row at fault, two
/// names that disagree, and packed streams that are damaged.
pub fn read_spectrum(
    name: &str,
    bytes: &[u8],
    options: &Options,
) -> Result<GridSpectrum, BtSettlError> {
    let named = name::parameters_of_name(name)?;
    let content = content(bytes, options)?;
    let node = node::agreed(named, content.header)?;
    if content.wave_angstrom.is_empty() {
        return Err(BtSettlError::Empty { window_angstrom: options.window_angstrom });
    }
    let Content { form, wave_angstrom, flux, .. } = content;
    Ok(GridSpectrum { node, form, wave_angstrom, flux })
}

fn content(bytes: &[u8], options: &Options) -> Result<Content, BtSettlError> {
    let kind = compression_of(bytes)?;
    let mut text = stream(bytes, LIMIT_BYTES)?;
    let beginning = text.fill_buf().map_err(|error| BtSettlError::stream(error, kind))?;
    let first = beginning.trim_ascii_start();
    if first.starts_with(b"SIMPLE") {
        let plain = unpacked(bytes, LIMIT_BYTES)?;
        return table::read_fits(&plain, options);
    }
    if first.starts_with(b"<?xml") || first.starts_with(b"<VOTABLE") {
        return table::read_votable_form(bytes, options);
    }
    if first.starts_with(b"<") {
        let beginning = first[..first.len().min(24)].escape_ascii().to_string();
        return Err(BtSettlError::NotASpectrum { beginning });
    }
    text::read(text, kind, options)
}
