//! Columns straight out of the rows of a table, without a copy of the rest.
//!
//! A survey's table has a hundred columns and gigabytes, of which a pipeline reads ten: its rows lie in the bytes of the
//! file as they are, and only the wanted fields are touched, block by block of rows so that each page is met once.

use fits_well::io::{Hdu, HduKind};
use fits_well::table::{Column, ColumnData, ElementKind, Schema};

/// Size of a FITS block and of a card, in bytes.
const BLOCK_BYTES: usize = 2880;
const CARD_BYTES: usize = 80;
/// Rows that are gone through together.
const BLOCK_ROWS: usize = 1 << 10;

/// The rows of a table in the bytes of its file.
pub(super) struct Rows<'a> {
    /// Rows one after the other, no more and no less.
    bytes: &'a [u8],
    row_bytes: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    /// Finds the rows of HDU `index`; `None` when they do not lie there plainly (compressed, cut short, or of another
    /// width than the columns have), which is for the FITS reader to say.
    pub(super) fn find(
        plain: &'a [u8],
        hdus: &[Hdu],
        index: usize,
        schema: &Schema,
    ) -> Option<Self> {
        let hdu = hdus.get(index).filter(|hdu| hdu.kind == HduKind::BinTable)?;
        let mut at = 0;
        for before in &hdus[..index] {
            at = after_header(plain, at)?.checked_add(padded(before.data_bytes)?)?;
        }
        at = after_header(plain, at)?;
        let size = |card: &str| {
            let value = hdu.header.get(card).ok().flatten()?.as_integer().ok().flatten()?;
            usize::try_from(value).ok()
        };
        let (row_bytes, count) = (size("NAXIS1")?, size("NAXIS2")?);
        let widths: usize = schema.columns.iter().map(|column| column.tform.byte_width()).sum();
        if widths != row_bytes || row_bytes == 0 {
            return None;
        }
        let bytes = plain.get(at..at.checked_add(row_bytes.checked_mul(count)?)?)?;
        Some(Self { bytes, row_bytes, count })
    }

    /// The stored values of some columns, in the order asked for; `None` when one is of a type that is not read here.
    pub(super) fn columns(&self, schema: &Schema, wanted: &[usize]) -> Option<Vec<ColumnData>> {
        let mut fields = Vec::with_capacity(wanted.len());
        for &position in wanted {
            let before = schema.columns[..position].iter();
            let offset = before.map(|column| column.tform.byte_width()).sum();
            fields.push(Field::new(&schema.columns[position], offset, self.count)?);
        }
        for block in self.bytes.chunks(BLOCK_ROWS * self.row_bytes) {
            for field in &mut fields {
                field.read(block, self.row_bytes)?;
            }
        }
        Some(fields.into_iter().map(|field| field.data).collect())
    }
}

/// Where the data of an HDU begin, whose header begins at `at`.
fn after_header(plain: &[u8], at: usize) -> Option<usize> {
    let (cards, _) = plain.get(at..)?.as_chunks::<CARD_BYTES>();
    let end = cards.iter().position(|card| card.starts_with(b"END     "))?;
    at.checked_add(((end + 1) * CARD_BYTES).next_multiple_of(BLOCK_BYTES))
}

fn padded(bytes: u64) -> Option<usize> {
    usize::try_from(bytes).ok()?.checked_next_multiple_of(BLOCK_BYTES)
}

/// A column while it is read.
struct Field {
    offset: usize,
    width: usize,
    data: ColumnData,
}

impl Field {
    fn new(column: &Column, offset: usize, rows: usize) -> Option<Self> {
        let n = rows.checked_mul(column.tform.repeat())?;
        let data = match column.tform.element() {
            ElementKind::Logical => ColumnData::Logical(Vec::with_capacity(n)),
            ElementKind::Character => ColumnData::Character(Vec::with_capacity(n)),
            ElementKind::U8 => ColumnData::U8(Vec::with_capacity(n)),
            ElementKind::I16 => ColumnData::I16(Vec::with_capacity(n)),
            ElementKind::I32 => ColumnData::I32(Vec::with_capacity(n)),
            ElementKind::I64 => ColumnData::I64(Vec::with_capacity(n)),
            ElementKind::F32 => ColumnData::F32(Vec::with_capacity(n)),
            ElementKind::F64 => ColumnData::F64(Vec::with_capacity(n)),
            _ => return None,
        };
        let fixed = column.tform.descriptor_width().is_none();
        fixed.then_some(Self { offset, width: column.tform.byte_width(), data })
    }

    /// Adds the values of whole rows; `None` for a byte that is no truth value.
    fn read(&mut self, rows: &[u8], row_bytes: usize) -> Option<()> {
        let (offset, width) = (self.offset, self.width);
        let fields = rows.chunks_exact(row_bytes).map(|row| &row[offset..offset + width]);
        match &mut self.data {
            ColumnData::Character(out) | ColumnData::U8(out) => {
                fields.for_each(|field| out.extend_from_slice(field));
            }
            ColumnData::I16(out) => numbers(out, fields, i16::from_be_bytes),
            ColumnData::I32(out) => numbers(out, fields, i32::from_be_bytes),
            ColumnData::I64(out) => numbers(out, fields, i64::from_be_bytes),
            ColumnData::F32(out) => numbers(out, fields, f32::from_be_bytes),
            ColumnData::F64(out) => numbers(out, fields, f64::from_be_bytes),
            ColumnData::Logical(out) => {
                for byte in fields.flatten() {
                    out.push(match byte {
                        b'T' => Some(true),
                        b'F' => Some(false),
                        0 => None,
                        _ => return None,
                    });
                }
            }
            _ => return None,
        }
        Some(())
    }
}

fn numbers<'a, const N: usize, T>(
    out: &mut Vec<T>,
    fields: impl Iterator<Item = &'a [u8]>,
    value: fn([u8; N]) -> T,
) {
    for field in fields {
        let (elements, _) = field.as_chunks::<N>();
        out.extend(elements.iter().map(|bytes| value(*bytes)));
    }
}
