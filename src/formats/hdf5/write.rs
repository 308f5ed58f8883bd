//! Writing the layout: chunked, packed with gzip behind a shuffle, as h5py reads it.

use hdf5_pure::{AttrValue, FileBuilder};
use ndarray::{ArrayView2, ArrayView3};

use super::pixels::{MapPixel, encode, written_type};
use super::{BEST_FIT, Hdf5Error, MODULI, PIXELS, SAMPLES};

/// Pixels of a chunk; a chunk of samples is then about 0.6 MB.
const CHUNK_ROWS: u64 = 256;
/// Gzip level.
const LEVEL: u32 = 4;

/// The tables of a map.
pub struct DustTables<'a> {
    /// Lines of sight, `(n_pixel,)`.
    pub pixels: &'a [MapPixel],
    /// Rising distance moduli, mag, `(n_distance,)`.
    pub distance_moduli: &'a [f64],
    /// Reddening of the best fit, `(n_pixel, n_distance)`.
    pub best_fit: ArrayView2<'a, f32>,
    /// Samples of the posterior, `(n_pixel, n_sample, n_distance)`.
    pub samples: ArrayView3<'a, f32>,
}

/// Writes a map; equal tables give equal bytes.
///
/// Errors when the shapes do not fit each other or there is nothing to write.
pub fn write_dust(tables: &DustTables<'_>) -> Result<Vec<u8>, Hdf5Error> {
    let (pixels, distances) = (tables.pixels.len(), tables.distance_moduli.len());
    let (p, samples, d) = tables.samples.dim();
    let fits = tables.best_fit.dim() == (pixels, distances) && (p, d) == (pixels, distances);
    if !fits || pixels * samples * distances == 0 {
        return Err(Hdf5Error::Unwritable(format!(
            "{pixels} pixels and {distances} distances with a best fit of shape {:?} and samples \
             of shape {:?}",
            tables.best_fit.shape(),
            tables.samples.shape()
        )));
    }
    let failed = |why: String| Hdf5Error::Unwritable(why);
    let rows = CHUNK_ROWS.min(pixels as u64);
    let (pixels, samples, distances) = (pixels as u64, samples as u64, distances as u64);
    let mut file = FileBuilder::new();
    let kind = written_type().map_err(|why| failed(why.to_string()))?;
    file.create_dataset(PIXELS)
        .with_compound_data(kind, encode(tables.pixels), pixels)
        .with_chunks(&[rows])
        .with_deflate(LEVEL)
        .set_attr(MODULI, AttrValue::F64Array(tables.distance_moduli.to_vec()));
    let best_fit: Vec<f32> = tables.best_fit.iter().copied().collect();
    file.create_dataset(BEST_FIT)
        .with_f32_data(&best_fit)
        .with_shape(&[pixels, distances])
        .with_chunks(&[rows, distances])
        .with_shuffle()
        .with_deflate(LEVEL);
    let values: Vec<f32> = tables.samples.iter().copied().collect();
    file.create_dataset(SAMPLES)
        .with_f32_data(&values)
        .with_shape(&[pixels, samples, distances])
        .with_chunks(&[rows, samples, distances])
        .with_shuffle()
        .with_deflate(LEVEL);
    file.finish().map_err(|why| failed(why.to_string()))
}
