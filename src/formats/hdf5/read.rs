//! Reading: the table of pixels at once, reddening band by band.

use std::sync::Arc;

use hdf5_pure::{Dataset, File, FormatError, Source};

use super::pixels::{Decoder, MapPixel};
use super::{BEST_FIT, Hdf5Error, MODULI, PIXELS, SAMPLES, is_hdf5};

/// Rows of the table of pixels that are unpacked at a time.
const PIXEL_ROWS: usize = 1 << 16;
/// The most bytes of reddening that are unpacked at a time.
const BAND_BYTES: usize = 256 << 20;
/// Rows at a time of a dataset without chunks.
const PLAIN_ROWS: usize = 1 << 10;
/// Distance moduli, and samples, of a map; Bayestar2019 has 120 and 5.
const MOST_VALUES: u64 = 1 << 16;

/// The bytes of a file, shared with whoever read them.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Which reddening of a line of sight is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curves {
    /// The best fit: one curve.
    BestFit,
    /// All samples of the posterior.
    Samples,
    /// One sample, from 0.
    Sample(usize),
}

/// A dust map: its pixels, and its reddening on demand.
pub struct DustFile {
    file: File,
    pixels: Vec<MapPixel>,
    moduli: Vec<f64>,
    samples: usize,
}

struct Bytes(SharedBytes);

impl Source for Bytes {
    fn len(&self) -> u64 {
        (*self.0).as_ref().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        let bytes = (*self.0).as_ref();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(buffer.len());
        let found = bytes.get(start..end);
        let (expected, available) = (end, bytes.len());
        let found = found.ok_or(FormatError::UnexpectedEof { expected, available })?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

impl DustFile {
    /// Opens a map: reads its pixels and distances, and checks the shapes of the rest.
    pub fn open(bytes: SharedBytes) -> Result<Self, Hdf5Error> {
        let length_bytes = (*bytes).as_ref().len();
        let structure = |problem: String| Hdf5Error::Structure { length_bytes, problem };
        if !is_hdf5((*bytes).as_ref()) {
            return Err(structure("it does not begin with the signature of HDF5".into()));
        }
        let file = File::from_source(Bytes(bytes)).map_err(|why| structure(why.to_string()))?;
        let table = dataset(&file, PIXELS)?;
        let rows = shape(&table, PIXELS, &["n_pixel"])?[0];
        let moduli = moduli(&table)?;
        let pixels = read_pixels(&table, rows)?;
        let mut opened = Self { file, pixels, moduli, samples: 0 };
        opened.samples = opened.check_shapes()?;
        Ok(opened)
    }

    /// The lines of sight, in the order of the file.
    pub fn pixels(&self) -> &[MapPixel] {
        &self.pixels
    }

    /// Distance moduli of the map, mag, rising, `(n_distance,)`.
    pub fn distance_moduli(&self) -> &[f64] {
        &self.moduli
    }

    /// Number of samples of a line of sight.
    pub fn sample_count(&self) -> usize {
        self.samples
    }

    /// Hands the reddening of some pixels to `visit`, one after the other.
    ///
    /// `rows`: rows of the map in rising order. `visit` is called with each row and its curves, `(n_curve, n_distance)`,
    /// row by row. Each part of the file is unpacked at most once; at most about 256 MB are held.
    pub fn visit(
        &self,
        curves: Curves,
        rows: &[usize],
        mut visit: impl FnMut(usize, &[f32]),
    ) -> Result<(), Hdf5Error> {
        let total = self.pixels.len();
        if let Some(pair) = rows.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(Hdf5Error::Order { row: pair[1], after: pair[0], rows: total });
        }
        if let Some(&row) = rows.last().filter(|row| **row >= total) {
            return Err(Hdf5Error::Order { row, after: row, rows: total });
        }
        let (name, width, kept) = self.layout_of(curves)?;
        let data = dataset(&self.file, name)?;
        let band = band_rows(&data, name, width)?;
        let mut rest = rows;
        while let Some(&first) = rest.first() {
            let start = first / band * band;
            let last = (start + band).min(total);
            let wanted = rest.partition_point(|row| *row < last);
            let values = data.read_f32_rows(start as u64, (last - start) as u64);
            let problem = |why: String| data_error(name, start..last, total, why);
            let values = values.map_err(|why| problem(why.to_string()))?;
            if values.len() != (last - start) * width {
                return Err(problem(format!("{} values were read", values.len())));
            }
            for row in &rest[..wanted] {
                let at = (row - start) * width;
                visit(*row, &values[at + kept.start..at + kept.end]);
            }
            rest = &rest[wanted..];
        }
        Ok(())
    }

    /// Dataset of some curves, values in a row of it, and which of them are handed out.
    #[allow(clippy::type_complexity)]
    fn layout_of(
        &self,
        curves: Curves,
    ) -> Result<(&'static str, usize, std::ops::Range<usize>), Hdf5Error> {
        let (samples, n) = (self.samples, self.moduli.len());
        match curves {
            Curves::BestFit => Ok((BEST_FIT, n, 0..n)),
            Curves::Samples => Ok((SAMPLES, samples * n, 0..samples * n)),
            Curves::Sample(sample) if sample < samples => {
                Ok((SAMPLES, samples * n, sample * n..(sample + 1) * n))
            }
            Curves::Sample(sample) => Err(Hdf5Error::Sample { sample, samples }),
        }
    }

    /// Checks both datasets of reddening; returns the number of samples.
    fn check_shapes(&self) -> Result<usize, Hdf5Error> {
        let (pixels, distances) = (self.pixels.len() as u64, self.moduli.len() as u64);
        let best = dataset(&self.file, BEST_FIT)?;
        let found = shape(&best, BEST_FIT, &["n_pixel", "n_distance"])?;
        if found != [pixels, distances] {
            let problem = format!("it has shape {found:?}, not [{pixels}, {distances}]");
            return Err(Hdf5Error::Layout { dataset: BEST_FIT, problem });
        }
        let all = dataset(&self.file, SAMPLES)?;
        match shape(&all, SAMPLES, &["n_pixel", "n_sample", "n_distance"])?[..] {
            [p, samples @ 1..MOST_VALUES, d] if p == pixels && d == distances => {
                Ok(samples as usize)
            }
            ref found => {
                let problem =
                    format!("it has shape {found:?}, not [{pixels}, n_sample, {distances}]");
                Err(Hdf5Error::Layout { dataset: SAMPLES, problem })
            }
        }
    }
}

fn dataset(file: &File, name: &'static str) -> Result<Dataset, Hdf5Error> {
    file.dataset(name).map_err(|why| match file.root().datasets() {
        Ok(names) if names.iter().any(|found| found == name) => {
            Hdf5Error::Layout { dataset: name, problem: why.to_string() }
        }
        Ok(names) if !names.is_empty() => {
            Hdf5Error::Missing { dataset: name, found: names.join(", ") }
        }
        Ok(_) => Hdf5Error::Missing { dataset: name, found: "none".into() },
        Err(why) => Hdf5Error::Layout { dataset: name, problem: why.to_string() },
    })
}

fn shape(data: &Dataset, name: &'static str, axes: &[&str]) -> Result<Vec<u64>, Hdf5Error> {
    let layout = |problem: String| Hdf5Error::Layout { dataset: name, problem };
    let shape = data.shape().map_err(|why| layout(why.to_string()))?;
    if shape.len() != axes.len() {
        return Err(layout(format!("it has shape {shape:?}, not ({})", axes.join(", "))));
    }
    Ok(shape)
}

fn data_error(
    dataset: &'static str,
    at: std::ops::Range<usize>,
    rows: usize,
    problem: String,
) -> Hdf5Error {
    Hdf5Error::Data { dataset, first: at.start, last: at.end, rows, problem }
}

fn moduli(table: &Dataset) -> Result<Vec<f64>, Hdf5Error> {
    let wrong = |problem: String| Hdf5Error::Layout { dataset: PIXELS, problem };
    let attributes = table.attrs().map_err(|why| wrong(why.to_string()))?;
    let values = attributes.get(MODULI).and_then(|value| value.to_f64s());
    let values = values
        .ok_or_else(|| wrong(format!("it has no attribute `{MODULI}` with distance moduli")))?;
    let rising = values.windows(2).all(|pair| pair[0] < pair[1]);
    if values.is_empty() || values.len() as u64 > MOST_VALUES || !rising || !values[0].is_finite() {
        return Err(wrong(format!("`{MODULI}` are not rising distance moduli: {values:?}")));
    }
    Ok(values)
}

fn read_pixels(table: &Dataset, rows: u64) -> Result<Vec<MapPixel>, Hdf5Error> {
    let wrong = |problem: String| Hdf5Error::Layout { dataset: PIXELS, problem };
    let kind = table.datatype().map_err(|why| wrong(why.to_string()))?;
    let decoder = Decoder::new(&kind).map_err(wrong)?;
    let rows = usize::try_from(rows).map_err(|_| wrong(format!("it declares {rows} rows")))?;
    let mut pixels = Vec::new();
    for first in (0..rows).step_by(PIXEL_ROWS) {
        let last = (first + PIXEL_ROWS).min(rows);
        let failed = |why: String| data_error(PIXELS, first..last, rows, why);
        let bytes = table.read_raw_rows(first as u64, (last - first) as u64);
        let bytes = bytes.map_err(|why| failed(why.to_string()))?;
        let records = bytes.chunks_exact(decoder.record_bytes.max(1));
        if records.len() != last - first {
            return Err(failed(format!("{} bytes were read", bytes.len())));
        }
        for record in records {
            pixels.push(decoder.pixel(record).map_err(failed)?);
        }
    }
    Ok(pixels)
}

/// Rows that are unpacked together: those of a row of chunks, or so many that they fit into the memory.
fn band_rows(data: &Dataset, name: &'static str, width: usize) -> Result<usize, Hdf5Error> {
    let layout = |problem: String| Hdf5Error::Layout { dataset: name, problem };
    let chunk = data.chunk_shape().map_err(|why| layout(why.to_string()))?;
    let rows = chunk.and_then(|chunk| chunk.first().copied());
    let rows = rows.map_or(PLAIN_ROWS, |rows| usize::try_from(rows).unwrap_or(usize::MAX));
    let most = BAND_BYTES / (4 * width.max(1));
    Ok(rows.clamp(1, most.max(1)))
}
