//! The three-dimensional dust map of Bayestar in its HDF5 layout (Green et al. 2019, 2019ApJ...887...93G).
//!
//! | dataset | shape | what |
//! |---|---|---|
//! | `pixel_info` | (n_pixel,) compound | `nside`, `healpix_index` (nested, Galactic), `converged`, `DM_reliable_min`, `DM_reliable_max`, `n_stars`; attribute `DM_bin_edges`: the distance moduli |
//! | `best_fit` | (n_pixel, n_distance) | reddening of the best fit, f32 |
//! | `samples` | (n_pixel, n_sample, n_distance) | samples of the posterior, f32 |
//!
//! The real file is 1.5 GB packed and many times that unpacked: a [`DustFile`] keeps the pixels' table in memory and
//! unpacks only those bands of rows that are asked for. Members of the compound are found by name and may have any
//! numeric type; others are passed over. Chunked (every index but that of HDF5 2.0's new layout), packed with gzip,
//! shuffle, Fletcher's sum, LZF or scale-offset, or plain.

mod error;
mod pixels;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use error::Hdf5Error;
pub use pixels::MapPixel;
pub use read::{Curves, DustFile};
pub use write::{DustTables, write_dust};

/// Name of the table of pixels.
const PIXELS: &str = "pixel_info";
/// Name of the attribute with the distance moduli.
const MODULI: &str = "DM_bin_edges";
/// Name of the best fits.
const BEST_FIT: &str = "best_fit";
/// Name of the samples.
const SAMPLES: &str = "samples";
/// Where an HDF5 file may begin: behind a user block of a power of two.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Whether `bytes` begin as an HDF5 file does.
pub fn is_hdf5(bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
}
