//! LAMOST low-resolution spectra: one FITS file a spectrum, in both published layouts.
//!
//! Up to DR7 the primary array holds 5 rows of n_pix pixels: flux, inverse variance,
//! vacuum wavelength, and two mask rows. Later releases hold one row of a table `COADD`
//! with the same as vector columns (and a continuum-normalized flux, which is left
//! unread: the pipeline normalizes by itself, Li et al. 2021, section 2.2). The header
//! cards are those of the primary HDU in both. n_pix is 3820 to 3909 in the files seen.

mod error;
mod header;
mod pixels;
mod table;
#[cfg(test)]
mod tests;

pub use error::LamostError;
pub use header::{LamostHeader, probe_header, probe_obsid};
pub use table::header_table;

use fits_well::FitsReader;

use crate::formats::gzip::{SPECTRUM_LIMIT_BYTES, unpacked};

/// Where a file keeps its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LamostLayout {
    /// 5 rows of the primary array (to DR7).
    Image,
    /// Vector columns of the table `COADD` (DR8 and later).
    Table,
}

impl LamostLayout {
    /// The name in tables: `image` or `table`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Table => "table",
        }
    }
}

/// One spectrum as published: every vector has shape `(n_pix,)`.
#[derive(Debug, Clone, PartialEq)]
pub struct LamostSpectrum {
    /// Facts of the header.
    pub header: LamostHeader,
    /// Wavelength in Angstrom, in vacuum where the header says so; stored as f32.
    pub wave_angstrom: Vec<f64>,
    /// Flux, relative units (LAMOST's flux calibration is relative).
    pub flux: Vec<f32>,
    /// Inverse variance of the flux; 0 marks a pixel without information.
    pub ivar: Vec<f32>,
    /// Bits that are set in every exposure.
    pub andmask: Vec<u32>,
    /// Bits that are set in any exposure.
    pub ormask: Vec<u32>,
}

impl LamostSpectrum {
    /// Number of pixels, n_pix.
    pub fn pixel_count(&self) -> usize {
        self.flux.len()
    }
}

/// Reads one spectrum from the bytes of its file (`.fits` or `.fits.gz`).
///
/// Pixel values are as stored: a NaN, a zero ivar or a falling wavelength is the concern
/// of who uses them. Errors name the HDU and what is wrong there; no input panics.
pub fn read_spectrum(bytes: &[u8]) -> Result<LamostSpectrum, LamostError> {
    let plain = unpacked(bytes, SPECTRUM_LIMIT_BYTES)?;
    error::check_beginning(&plain)?;
    let length_bytes = plain.len();
    let mut fits = FitsReader::from_bytes(&plain)
        .map_err(|source| LamostError::Structure { length_bytes, source })?;
    let layout = pixels::layout(&fits)?;
    let header = header::read_header(&fits.hdus()[0].header, layout.kind())?;
    pixels::read_pixels(&mut fits, layout, header, &plain)
}
