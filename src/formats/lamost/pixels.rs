//! The pixels, from either layout.

use fits_well::io::{Hdu, HduKind, SliceReader};
use fits_well::table::{Column, ElementKind};

use super::header::data_offset;
use super::{LamostError, LamostHeader, LamostLayout, LamostSpectrum};

/// Rows of the image layout: flux, ivar, wave, andmask, ormask.
const IMAGE_ROWS: usize = 5;
/// Columns of the table layout, in the same order.
const COLUMNS: [&str; IMAGE_ROWS] = ["FLUX", "IVAR", "WAVELENGTH", "ANDMASK", "ORMASK"];
/// The pixels of a spectrum cannot be more; the files seen have at most 3909.
const MAX_PIXELS: usize = 1 << 20;

/// The layout of a file, with what its reading needs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Image { pixels: usize },
    Table { hdu: usize },
}

impl Found {
    pub(super) fn kind(self) -> LamostLayout {
        match self {
            Self::Image { .. } => LamostLayout::Image,
            Self::Table { .. } => LamostLayout::Table,
        }
    }
}

/// Tells the layouts apart by what the HDUs hold, not by the release they name.
pub(super) fn layout(fits: &SliceReader<'_>) -> Result<Found, LamostError> {
    let primary = &fits.hdus()[0];
    if primary.is_image() {
        return image_layout(primary);
    }
    let coadd = fits.hdus().iter().find(|hdu| is_coadd(hdu));
    if let Some(hdu) = coadd {
        return Ok(Found::Table { hdu: hdu.index });
    }
    let mut found = format!(
        "HDU 0 has no image, and none of the {} HDUs is a table with the columns {}",
        fits.hdus().len(),
        COLUMNS.join(", "),
    );
    if let Some(defect) = fits.scan_defect() {
        found.push_str(&format!("; HDU {} is defective: {defect}", fits.hdus().len()));
    }
    Err(LamostError::Layout { found })
}

fn image_layout(primary: &Hdu) -> Result<Found, LamostError> {
    match primary.image_metadata().map(|image| image.shape) {
        Ok(&[pixels, IMAGE_ROWS]) if (1..=MAX_PIXELS).contains(&pixels) => {
            Ok(Found::Image { pixels })
        }
        Ok(shape) => Err(LamostError::Layout {
            found: format!("the image of HDU 0 has axes {shape:?}, not [n_pix, {IMAGE_ROWS}]"),
        }),
        Err(source) => Err(LamostError::Layout {
            found: format!("the image of HDU 0 is not declared well: {source}"),
        }),
    }
}

fn is_coadd(hdu: &Hdu) -> bool {
    hdu.kind == HduKind::BinTable
        && hdu.table_schema().is_ok_and(|schema| {
            COLUMNS.iter().all(|name| matches!(schema.column_index(name), Ok(Some(_))))
        })
}

/// Reads the five vectors and joins them with `header`. `plain`: the bytes that `fits` reads.
pub(super) fn read_pixels(
    fits: &mut SliceReader<'_>,
    layout: Found,
    header: LamostHeader,
    plain: &[u8],
) -> Result<LamostSpectrum, LamostError> {
    let length_bytes = plain.len();
    if let Found::Image { pixels } = layout
        && let Some(rows) = plain_rows(plain, &fits.hdus()[0], pixels)
    {
        let [flux, ivar, wave, andmask, ormask] = rows;
        return Ok(LamostSpectrum {
            header,
            andmask: mask_bits(0, "andmask", andmask.iter().map(|bits| f64::from(*bits)))?,
            ormask: mask_bits(0, "ormask", ormask.iter().map(|bits| f64::from(*bits)))?,
            wave_angstrom: wave.into_iter().map(f64::from).collect(),
            flux,
            ivar,
        });
    }
    let (hdu, rows) = match layout {
        Found::Image { pixels } => (0, image_rows(fits, pixels, length_bytes)?),
        Found::Table { hdu } => (hdu, table_rows(fits, hdu, length_bytes)?),
    };
    let [flux, ivar, wave_angstrom, andmask, ormask] = rows;
    let narrow = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
    Ok(LamostSpectrum {
        header,
        flux: narrow(flux),
        ivar: narrow(ivar),
        wave_angstrom,
        andmask: mask_bits(hdu, "andmask", andmask.into_iter())?,
        ormask: mask_bits(hdu, "ormask", ormask.into_iter())?,
    })
}

/// The rows as LAMOST writes them: unscaled f32 behind the primary header. `None` for any other image, and for one that
/// is cut short, which is for the FITS reader to say.
fn plain_rows(plain: &[u8], primary: &Hdu, pixels: usize) -> Option<[Vec<f32>; IMAGE_ROWS]> {
    let card = |name: &str| primary.header.get(name).ok().flatten();
    let is_single = card("BITPIX")?.as_integer().ok().flatten() == Some(-32);
    if !is_single || ["BSCALE", "BZERO"].into_iter().any(|name| card(name).is_some()) {
        return None;
    }
    let at = data_offset(plain)?;
    let row_bytes = 4 * pixels;
    let data = plain.get(at..at + IMAGE_ROWS * row_bytes)?;
    let mut rows = data.chunks_exact(row_bytes).map(|row| {
        let (values, _) = row.as_chunks::<4>();
        values.iter().map(|bytes| f32::from_be_bytes(*bytes)).collect()
    });
    Some(std::array::from_fn(|_| rows.next().unwrap_or_default()))
}

/// All five rows in f64, which holds f32 and 32-bit masks exactly.
fn image_rows(
    fits: &mut SliceReader<'_>,
    pixels: usize,
    length_bytes: usize,
) -> Result<[Vec<f64>; IMAGE_ROWS], LamostError> {
    let declared_bytes = fits.hdus()[0].data_bytes;
    let mut values: Vec<f64> = Vec::new();
    let read = fits.image(0).and_then(|mut image| image.physical_into(.., &mut values));
    if let Err(source) = read {
        return Err(LamostError::Data { hdu: 0, declared_bytes, length_bytes, source });
    }
    let mut rows = values.chunks_exact(pixels).map(<[f64]>::to_vec);
    Ok(std::array::from_fn(|_| rows.next().unwrap_or_default()))
}

fn table_rows(
    fits: &mut SliceReader<'_>,
    hdu: usize,
    length_bytes: usize,
) -> Result<[Vec<f64>; IMAGE_ROWS], LamostError> {
    let wrong = |column, problem| LamostError::Column { hdu, column, problem };
    let row_count = fits.hdus()[hdu].table_schema().map_or(0, |schema| schema.row_count());
    if row_count != 1 {
        return Err(wrong("FLUX", format!("has {row_count} rows, not 1")));
    }
    let declared_bytes = fits.hdus()[hdu].data_bytes;
    let damaged = |source| LamostError::Data { hdu, declared_bytes, length_bytes, source };
    let table = fits.read_table(hdu).map_err(damaged)?;
    let mut rows: [Vec<f64>; IMAGE_ROWS] = Default::default();
    for (row, name) in rows.iter_mut().zip(COLUMNS) {
        let column = table.column(name).map_err(damaged)?;
        check_numeric(column.descriptor()).map_err(|problem| wrong(name, problem))?;
        column.physical_into(row).map_err(damaged)?;
    }
    let pixels = rows[0].len();
    for (row, name) in rows.iter().zip(COLUMNS) {
        if row.len() != pixels || !(1..=MAX_PIXELS).contains(&pixels) {
            let problem = format!("has {} pixels where FLUX has {pixels}", row.len());
            return Err(wrong(name, problem));
        }
    }
    Ok(rows)
}

fn check_numeric(column: &Column) -> Result<(), String> {
    let kind = column.tform.element();
    let numeric = matches!(
        kind,
        ElementKind::U8
            | ElementKind::I16
            | ElementKind::I32
            | ElementKind::I64
            | ElementKind::F32
            | ElementKind::F64
    );
    let fixed = column.tform.descriptor_width().is_none();
    if numeric && fixed { Ok(()) } else { Err(format!("has format {}, not numbers", column.tform)) }
}

/// Masks are stored as floats; whole numbers up to 2^24 are exact in them.
fn mask_bits(
    hdu: usize,
    mask: &'static str,
    values: impl Iterator<Item = f64>,
) -> Result<Vec<u32>, LamostError> {
    let bits = values.enumerate().map(|(pixel, value)| {
        let whole = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
        if whole { Ok(value as u32) } else { Err(LamostError::Mask { hdu, mask, pixel, value }) }
    });
    bits.collect()
}
